/* Any bytes as a list of pairs. */
#include "format/format.h"
#include "fuzz_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    arc_pairs pairs;
    arc_error err;
    if (arc_pairs_parse(&pairs, &fuzz_alloc, data, size, "fuzz", &err) == ARC_OK)
        arc_pairs_close(&pairs);
    return 0;
}
