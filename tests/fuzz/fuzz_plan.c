/* Any bytes as a file of measured choices. The checksum is made right half of the time, so that what stands before it is read as
 * well. */
#include "fuzz_memory.h"
#include "plan/cache.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const uint8_t *data, size_t size) {
    arc_plan_record r;
    arc_error err;
    arc_plan_record_init(&r, &fuzz_alloc);
    if (arc_plan_record_parse(&r, data, size, "fuzz", "fuzz", &err) == ARC_OK)
        (void)arc_plan_record_find(&r, "conv", 0);
    arc_plan_record_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char end[32];
    parse(data, size);
    uint8_t *copy = malloc(size + sizeof end);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    const int n = snprintf(end, sizeof end, "end %016" PRIx64 "\n", arc_hash_bytes(ARC_HASH_START, data, size));
    memcpy(copy + size, end, (size_t)n);
    parse(copy, size + (size_t)n);
    free(copy);
    return 0;
}
