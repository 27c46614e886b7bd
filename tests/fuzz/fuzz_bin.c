/* Any bytes as a verification set; every image's bytes are touched. */
#include "format/format.h"
#include "fuzz_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t sink; /* so that the reads stay */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    arc_verification_bin bin;
    arc_error err;
    if (arc_verification_bin_parse(&bin, &fuzz_alloc, data, size, "fuzz", &err) != ARC_OK)
        return 0;
    for (size_t i = 0; i < 2 * bin.pairs; i++)
        if (bin.image_bytes[i])
            sink ^= bin.image[i][0] ^ bin.image[i][bin.image_bytes[i] - 1] ^ bin.same[i / 2];
    arc_verification_bin_close(&bin);
    return 0;
}
