/* Any bytes as an NN Archive, blob or superblob, with all that is said of it. */
#include "deploy/archive/archive.h"
#include "fuzz_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    arc_archive archive;
    arc_error err;
    if (arc_archive_parse(&archive, &fuzz_alloc, data, size, "fuzz.tar.xz", &err) != ARC_OK)
        return 0;
    arc_archive_check(&archive);
    arc_archive_close(&archive);
    return 0;
}
