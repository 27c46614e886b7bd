/* Any bytes as a recording of a device's messages. */
#include "deploy/parity/parity.h"
#include "fuzz_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    arc_candidate c = {0};
    arc_error err;
    arc_parity_options opt;
    arc_parity_options_default(&opt);
    opt.scale = size % 2 ? 0.5 : 0;
    arc_arena_init(&c.arena, &fuzz_alloc, 0);
    (void)arc_recording_parse(&c, data, size, "fuzz.json", &opt, &err);
    arc_candidate_close(&c);
    return 0;
}
