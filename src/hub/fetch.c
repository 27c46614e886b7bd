/* hub: the source of a pull: the entry's URL, the URL of a mirror, or a folder or file on this machine, which is copied with
 * the same checks as a download. */
#include "hub/hub_internal.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define COPY_BYTES ((size_t)1 << 20)

static bool starts_with(const char *text, const char *prefix) {
    return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

/* A mirror is given by its base or by the file itself. */
static arc_status fetch_url(const arc_hub_transfer *t, const arc_hub_entry *entry, const char *from, const char *part_path,
                            arc_error *err) {
    char url[ARC_HUB_PATH_BYTES];
    size_t n = strlen(from), name = strlen(entry->file);
    bool whole = n > name && from[n - name - 1] == '/' && strcmp(from + n - name, entry->file) == 0;
    const char *slash = whole || (n && from[n - 1] == '/') ? "" : "/";
    int length = snprintf(url, sizeof url, "%s%s%s", from, slash, whole ? "" : entry->file);
    if (length < 0 || (size_t)length >= sizeof url)
        return arc_fail(err, ARC_ELIMIT, "%.64s...: the URL is longer than %zu bytes", from, sizeof url - 1);
    return arc_hub_download(t, url, part_path, err);
}

static arc_status copy_bytes(const arc_hub_transfer *t, const arc_map *map, arc_append *part, arc_error *err) {
    arc_status st = arc_append_restart(part, err);
    for (size_t at = 0; at < map->bytes && st == ARC_OK;) {
        size_t bytes = ARC_MIN(COPY_BYTES, map->bytes - at);
        st = arc_append_put(part, map->data + at, bytes, err);
        arc_map_drop(map, map->data + at, bytes);
        at += bytes;
        if (st == ARC_OK && t->progress && t->progress(t->progress_ctx, (int64_t)at, (int64_t)map->bytes) != 0)
            st = arc_fail(err, ARC_ECANCEL, "%s: cancelled", t->what);
    }
    return st;
}

static arc_status copy_file(const arc_hub_transfer *t, const char *path, const char *part_path, arc_error *err) {
    arc_map map;
    arc_append *part = NULL;
    int64_t have_bytes;
    arc_status st = arc_map_open(&map, path, (size_t)ARC_HUB_MAX_DOWNLOAD_BYTES, err);
    if (st != ARC_OK)
        return st;
    if (t->bytes && (uint64_t)t->bytes != map.bytes)
        st = arc_fail(err, ARC_ECORRUPT, "%s: %zu bytes, listed are %lld", path, map.bytes, (long long)t->bytes);
    if (st == ARC_OK)
        st = arc_append_open(&part, t->alloc, part_path, &have_bytes, err);
    if (st == ARC_OK)
        st = copy_bytes(t, &map, part, err);
    arc_status closed = arc_append_close(&part, st == ARC_OK ? err : NULL);
    arc_map_close(&map);
    return st == ARC_OK ? closed : st;
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* file://[localhost]/path with %20 and the like. */
static arc_status path_of_url(const char *url, char *path, arc_error *err) {
    const char *at = url + strlen("file://");
    if (starts_with(at, "localhost/"))
        at += strlen("localhost");
    size_t n = 0;
    if (*at != '/')
        return arc_fail(err, ARC_EINVAL, "%s: a file URL here has the form file:///folder/file", url);
    while (*at && n + 1 < ARC_HUB_PATH_BYTES) {
        int high = *at == '%' ? hex_digit(at[1]) : -1, low = high >= 0 ? hex_digit(at[2]) : -1;
        bool escaped = low >= 0 && (high || low);
        path[n++] = escaped ? (char)(high * 16 + low) : *at;
        at += escaped ? 3 : 1;
    }
    path[n] = 0;
    return *at ? arc_fail(err, ARC_ELIMIT, "%.64s...: the path is longer than %d bytes", url, ARC_HUB_PATH_BYTES - 1) : ARC_OK;
}

static arc_status fetch_local(const arc_hub_transfer *t, const arc_hub_entry *entry, const char *from, const char *part_path,
                              arc_error *err) {
    char path[ARC_HUB_PATH_BYTES];
    switch (arc_path_kind_of(from)) {
    case ARC_PATH_FILE:
        return copy_file(t, from, part_path, err);
    case ARC_PATH_DIR: {
        arc_status st = arc_hub_join(path, from, entry->file, "", err);
        if (st == ARC_OK && arc_path_kind_of(path) != ARC_PATH_FILE)
            return arc_fail(err, ARC_ENOTFOUND, "%s: there is no %s in this folder", from, entry->file);
        return st == ARC_OK ? copy_file(t, path, part_path, err) : st;
    }
    case ARC_PATH_NONE:
        return arc_fail(err, ARC_ENOTFOUND, "%s: no such folder or file to take %s from", from, entry->file);
    case ARC_PATH_OTHER:
        break;
    }
    return arc_fail(err, ARC_EINVAL, "%s: neither a folder nor a file", from);
}

arc_status arc_hub_fetch(const arc_hub_transfer *t, const arc_hub_entry *entry, const char *from, const char *part_path,
                         arc_error *err) {
    char path[ARC_HUB_PATH_BYTES];
    if (!from)
        return arc_hub_download(t, entry->url, part_path, err);
    if (starts_with(from, "http://") || starts_with(from, "https://"))
        return fetch_url(t, entry, from, part_path, err);
    if (!starts_with(from, "file://"))
        return strstr(from, "://") ? arc_fail(err, ARC_EINVAL, "%s: use a folder, a file, file://, http:// or https://", from)
                                   : fetch_local(t, entry, from, part_path, err);
    arc_status st = path_of_url(from, path, err);
    return st == ARC_OK ? fetch_local(t, entry, path, part_path, err) : st;
}
