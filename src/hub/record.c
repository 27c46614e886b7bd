/* hub: the record of what was installed: SHA256SUMS beside the files, in the format of sha256sum, so that users can check it.
 * Files without a listed hash are compared with this record on later pulls. */
#include "hub/hub_internal.h"
#include <stdio.h>
#include <string.h>

#define RECORD_NAME "SHA256SUMS"

const char *arc_hub_record_find(const arc_hub_record *record, const char *file) {
    for (size_t i = 0; i < record->count; i++)
        if (strcmp(record->line[i].file, file) == 0)
            return record->line[i].hex;
    return NULL;
}

arc_status arc_hub_record_set(arc_hub_record *record, const char *file, const char *hex, arc_error *err) {
    size_t i = 0;
    while (i < record->count && strcmp(record->line[i].file, file) != 0)
        i++;
    if (i == ARC_HUB_MAX_FILES)
        return arc_fail(err, ARC_ELIMIT, "%s: a pack of more than %d files", file, ARC_HUB_MAX_FILES);
    if (strlen(file) >= ARC_HUB_NAME_BYTES)
        return arc_fail(err, ARC_ELIMIT, "%.64s...: a file name of more than %d bytes", file, ARC_HUB_NAME_BYTES - 1);
    snprintf(record->line[i].file, sizeof record->line[i].file, "%s", file);
    snprintf(record->line[i].hex, sizeof record->line[i].hex, "%s", hex);
    record->count = ARC_MAX(record->count, i + 1);
    return ARC_OK;
}

/* Reads "HEX  NAME": 64 digits, two spaces, a name without slashes. */
static bool parse_line(const char *text, size_t bytes, arc_hub_record *out) {
    char hex[ARC_DIGEST_HEX_BYTES], name[ARC_HUB_NAME_BYTES];
    if (bytes < 67 || bytes - 66 >= sizeof name || text[64] != ' ' || memchr(text + 66, '/', bytes - 66))
        return false;
    memcpy(hex, text, 64);
    hex[64] = 0;
    if (strspn(hex, "0123456789abcdef") != 64)
        return false;
    memcpy(name, text + 66, bytes - 66);
    name[bytes - 66] = 0;
    return arc_hub_record_set(out, name, hex, NULL) == ARC_OK;
}

arc_status arc_hub_record_read(arc_hub_record *out, const char *folder, arc_error *err) {
    out->count = 0;
    char path[ARC_HUB_PATH_BYTES];
    arc_status st = arc_hub_join(path, folder, RECORD_NAME, "", err);
    if (st != ARC_OK)
        return st;
    arc_map map;
    arc_error why;
    st = arc_map_open(&map, path, (size_t)1 << 20, &why);
    if (st == ARC_ENOTFOUND) /* nothing was installed yet */
        return ARC_OK;
    if (st != ARC_OK)
        return arc_fail(err, st, "%s", why.text);
    for (size_t at = 0, line = 1; at < map.bytes && st == ARC_OK; line++) {
        const uint8_t *end = memchr(map.data + at, '\n', map.bytes - at);
        size_t bytes = (end ? (size_t)(end - map.data) : map.bytes) - at;
        if (bytes && !parse_line((const char *)map.data + at, bytes, out))
            st = arc_fail(err, ARC_ECORRUPT, "%s: line %zu is not 'SHA-256  name'; remove the file to record anew", path, line);
        at += bytes + 1;
    }
    arc_map_close(&map);
    return st;
}

arc_status arc_hub_record_write(const arc_hub_record *record, const arc_alloc *a, const char *folder, arc_error *err) {
    char path[ARC_HUB_PATH_BYTES];
    arc_status st = arc_hub_join(path, folder, RECORD_NAME, "", err);
    arc_writer *w = NULL;
    if (st == ARC_OK)
        st = arc_writer_open(&w, a, path, err);
    for (size_t i = 0; i < record->count && st == ARC_OK; i++)
        st = arc_writer_printf(w, err, "%s  %s\n", record->line[i].hex, record->line[i].file);
    return arc_writer_finish(&w, st, err);
}
