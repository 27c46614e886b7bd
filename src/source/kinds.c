/* source: names and files that are no photos by themselves, but lead to photos. */
#include "source/kinds.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

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

bool arc_is_address(const char *name) {
    return strncasecmp(name, "http://", 7) == 0 || strncasecmp(name, "https://", 8) == 0;
}

bool arc_is_other_address(const char *name) {
    const char *end = strstr(name, "://");
    if (!end || end - name < 2 || arc_is_address(name))
        return false;
    while (name < end && (isalnum((unsigned char)*name) || strchr("+-.", *name)))
        name++;
    return name == end;
}

/* The first `bytes` of an address, without what stands before the "@" of its server, and without control characters. */
static void copy_part(const char *address, size_t count, char *out, size_t bytes) {
    const char *server = strstr(address, "://") + 3;
    const size_t head = (size_t)(server - address), most = strcspn(server, "/?#");
    size_t user = 0; /* with the "@" */
    for (size_t i = 0; i < most; i++)
        if (server[i] == '@')
            user = i + 1;
    const size_t tail = count > head + user ? count - head - user : 0;
    snprintf(out, bytes, "%.*s%.*s", (int)head, address, (int)tail, server + user);
    for (; *out; out++)
        if ((unsigned char)*out < 0x20 || *out == 0x7f)
            *out = '?';
}

void arc_address_name(const char *address, char *out, size_t bytes) {
    copy_part(address, strlen(address), out, bytes);
}

void arc_address_label(const char *address, char *out, size_t bytes) {
    copy_part(address, strcspn(address, "?#"), out, bytes);
}
