/* Lists of photos: a file of paths, one a line or each ended by NUL, as find -print0 writes them. */
#include "base/base.h"
#include <arcface/photo.h>
#include <limits.h>
#include <string.h>

#define LIST_BYTES_MAX ((size_t)1 << 30)

/* The next path that is not empty, from *at on; *at goes behind it. NULL: there is no more. */
static const char *next_path(const char *text, size_t bytes, char end, size_t *at, size_t *length) {
    while (*at < bytes) {
        const char *from = text + *at, *stop = memchr(from, end, bytes - *at);
        *length = stop ? (size_t)(stop - from) : bytes - *at;
        *at += *length + 1;
        if (end == '\n' && *length > 0 && from[*length - 1] == '\r')
            --*length;
        if (*length > 0)
            return from;
    }
    return NULL;
}

/* One block: the pointers, then what they point at. */
static arc_status take_paths(const arc_alloc *a, const arc_map *map, const char *file, char ***paths, int *count,
                             arc_error *err) {
    const char *text = (const char *)map->data, *path;
    const char end = map->bytes > 0 && memchr(text, '\0', map->bytes) ? '\0' : '\n';
    size_t n = 0, total = 0, length;
    for (size_t at = 0; next_path(text, map->bytes, end, &at, &length); n++)
        total += length + 1;
    if (n == 0)
        return arc_fail(err, ARC_EFORMAT, "%s: the list names no photos", file);
    if (n > INT_MAX / 2)
        return arc_fail(err, ARC_ELIMIT, "%s: a list of %zu photos is too long", file, n);
    char **out = arc_mem_raw(a, 1, n * sizeof *out + total);
    if (!out)
        return arc_fail_nomem(err, file);
    char *to = (char *)(out + n);
    size_t i = 0;
    for (size_t at = 0; (path = next_path(text, map->bytes, end, &at, &length)) != NULL; to += length + 1) {
        memcpy(to, path, length);
        to[length] = '\0';
        out[i++] = to;
    }
    *paths = out;
    *count = (int)n;
    return ARC_OK;
}

arc_status arc_photo_paths_load(arc_context *ctx, const char *file, char ***paths, int *count, arc_error *err) {
    arc_map map;
    *paths = NULL;
    *count = 0;
    arc_status st = arc_map_open(&map, file, LIST_BYTES_MAX, err);
    if (st != ARC_OK)
        return st;
    st = take_paths(&ctx->alloc, &map, file, paths, count, err);
    arc_map_close(&map);
    return st;
}

void arc_photo_paths_free(arc_context *ctx, char ***paths) {
    arc_mem_free(&ctx->alloc, *paths);
    *paths = NULL;
}
