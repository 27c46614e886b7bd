/* Any bytes as an archive of pictures, to its end: what is given stays within the limits. */
#include "fuzz_memory.h"
#include "source/archive.h"

#define MEMBER_BYTES 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const arc_photo_archive_limits limits = {MEMBER_BYTES, 1 << 22, false};
    arc_photo_archive *z;
    arc_photo_member m = {.kind = ARC_MEMBER_SKIPPED};
    if (arc_photo_archive_open(&z, &fuzz_alloc, "fuzz", data, size, NULL, &limits, NULL) != ARC_OK)
        return 0;
    while (m.kind != ARC_MEMBER_END && arc_photo_archive_next(z, &m, NULL) == ARC_OK) {
        if (m.byte_count > MEMBER_BYTES || !m.name)
            abort();
        arc_mem_free(&fuzz_alloc, m.bytes);
    }
    arc_photo_archive_close(&z);
    return 0;
}
