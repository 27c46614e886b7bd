/* Lists of photos: a file of paths, one a line or each ended by NUL, as find -print0 writes them. */
#include "image/image.h"
#include <limits.h>
#include <string.h>

#define LIST_BYTES_MAX ((size_t)1 << 30)

void arc_photo_list_begin(arc_photo_list *l, const arc_map *map) {
    const bool nul = map->bytes > 0 && memchr(map->data, '\0', map->bytes);
    *l = (arc_photo_list){.text = (const char *)map->data, .bytes = map->bytes, .end = nul ? '\0' : '\n'};
}

const char *arc_photo_list_next(arc_photo_list *l, size_t *length) {
    while (l->at < l->bytes) {
        const char *from = l->text + l->at, *stop = memchr(from, l->end, l->bytes - l->at);
        *length = stop ? (size_t)(stop - from) : l->bytes - l->at;
        l->at += *length + 1;
        if (l->end == '\n' && *length > 0 && from[*length - 1] == '\r')
            --*length;
        if (*length > 0)
            return from;
    }
    return NULL;
}

/* One block: the pointers, then what they point at. */
static arc_status take_paths(const arc_alloc *a, const arc_map *map, const char *file, char ***paths, int *count,
                             arc_error *err) {
    arc_photo_list list;
    const char *path;
    size_t n = 0, total = 0, length, i = 0;
    for (arc_photo_list_begin(&list, map); arc_photo_list_next(&list, &length); n++)
        total += length + 1;
    if (n == 0)
        return arc_fail(err, ARC_EFORMAT, "%s: the list names no photos", file);
    if (n > INT_MAX / 2)
        return arc_fail(err, ARC_ELIMIT, "%s: a list of %zu photos is too long", file, n);
    char **out = arc_mem_raw(a, 1, n * sizeof *out + total);
    if (!out)
        return arc_fail_nomem(err, file);
    char *to = (char *)(out + n);
    for (arc_photo_list_begin(&list, map); (path = arc_photo_list_next(&list, &length)) != NULL; to += length + 1) {
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
