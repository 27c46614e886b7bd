/* source: names and files that are no photos by themselves, but hold photos. */
#include "source/kinds.h"
#include <string.h>

const char *arc_photo_archive_kind(const void *bytes, size_t count) {
    static const struct {
        const char *kind;
        size_t offset, bytes;
        const char *magic;
    } kinds[] = {
        {"zip", 0, 4, "PK\3\4"},        {"zip", 0, 4, "PK\5\6"},     {"zip", 0, 8, "PK\7\x08PK\3\4"},    {"tar", 257, 5, "ustar"},
        {"gzip", 0, 3, "\x1f\x8b\x08"}, {"xz", 0, 6, "\xfd\x37zXZ"}, {"zstd", 0, 4, "\x28\xb5\x2f\xfd"}, {"bzip2", 0, 3, "BZh"},
    };
    for (size_t i = 0; i < ARC_COUNT(kinds); i++)
        if (count >= kinds[i].offset + kinds[i].bytes &&
            memcmp((const uint8_t *)bytes + kinds[i].offset, kinds[i].magic, kinds[i].bytes) == 0)
            return kinds[i].kind;
    return NULL;
}
