/* What a conversion kit brings that others wrote: bytes that begin like a zip as calibration.zip, any others as a YAML file. */
#include "deploy/kit/kit.h"
#include "fuzz_memory.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static arc_status pass(void *ctx, const char *name, const uint8_t *bytes, size_t count, arc_error *err) {
    (void)err;
    *(size_t *)ctx += strlen(name) + count + (count ? bytes[count - 1] : 0);
    return ARC_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const arc_kit_network network = {112, 112, 512, false};
    arc_error err;
    size_t seen = 0;
    if (size >= 2 && memcmp(data, "PK", 2) == 0)
        return arc_kit_zip_read(&fuzz_alloc, data, size, pass, &seen, &err) == ARC_OK && seen == SIZE_MAX;
    arc_arena arena;
    arc_arena_init(&arena, &fuzz_alloc, 0);
    arc_findings found = {.arena = &arena};
    arc_kit_yaml_check(&found, ARC_KIT_RVC4, &network, data, size);
    arc_arena_free(&arena);
    return 0;
}
