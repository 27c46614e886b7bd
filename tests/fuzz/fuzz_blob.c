/* Any bytes as a blob and as a superblob of RVC2, with all that is said of them. */
#include "deploy/archive/archive.h"
#include "fuzz_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"fuzz.blob", "fuzz.superblob"};
    for (size_t i = 0; i < ARC_COUNT(names); i++) {
        arc_archive archive;
        arc_error err;
        if (arc_archive_parse(&archive, &fuzz_alloc, data, size, names[i], &err) != ARC_OK)
            continue;
        arc_archive_check(&archive);
        arc_archive_close(&archive);
    }
    return 0;
}
