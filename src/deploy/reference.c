/* Reference pictures and embeddings (reference.h): reading and writing the folder. */
#include "deploy/reference.h"
#include "base/text.h"
#include "format/format.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LIST_BYTES ((size_t)ARC_REFERENCE_MAX_NAMES * ARC_REFERENCE_NAME_BYTES)

static arc_status path_in(const char *folder, const char *name, const char *suffix, char *path, size_t bytes, arc_error *err) {
    const int n = snprintf(path, bytes, "%s/%s%s", folder, name, suffix);
    if (n < 0 || (size_t)n >= bytes)
        return arc_fail(err, ARC_ELIMIT, "%.200s: its path is too long", folder);
    return ARC_OK;
}

/* A name that stays in its folder. */
static bool is_plain(const char *name, size_t bytes) {
    if (bytes == 0 || bytes >= ARC_REFERENCE_NAME_BYTES || name[0] == '.')
        return false;
    for (size_t i = 0; i < bytes; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f || name[i] == '/' || name[i] == '\\')
            return false;
    return true;
}

static arc_status add_name(arc_reference *r, int *room, const char *text, size_t bytes, const char *path, arc_error *err) {
    if (r->count == ARC_REFERENCE_MAX_NAMES)
        return arc_fail(err, ARC_ELIMIT, "%s: more than %d names", path, ARC_REFERENCE_MAX_NAMES);
    if (!is_plain(text, bytes))
        return arc_fail(err, ARC_ECORRUPT, "%s: line %d is no name of a picture in its folder", path, r->count + 1);
    if (r->count == *room) {
        const int more = *room ? 2 * *room : 64;
        const char **grown = arc_mem_grow(r->arena.alloc, r->name, (size_t)*room, (size_t)more, sizeof *grown);
        if (!grown)
            return arc_fail_nomem(err, path);
        r->name = grown;
        *room = more;
    }
    if (!(r->name[r->count] = arc_arena_strndup(&r->arena, text, bytes)))
        return arc_fail_nomem(err, path);
    r->count++;
    return ARC_OK;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static arc_status check_once(const arc_reference *r, const char *path, arc_error *err) {
    arc_status st = ARC_OK;
    const char **sorted = arc_mem_raw(r->arena.alloc, (size_t)ARC_MAX(r->count, 1), sizeof *sorted);
    if (!sorted)
        return arc_fail_nomem(err, path);
    memcpy(sorted, r->name, (size_t)r->count * sizeof *sorted);
    qsort(sorted, (size_t)r->count, sizeof *sorted, by_text);
    for (int i = 1; i < r->count && st == ARC_OK; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            st = arc_fail(err, ARC_ECORRUPT, "%s: %s stands twice", path, sorted[i]);
    arc_mem_free(r->arena.alloc, sorted);
    return st;
}

static arc_status read_names(arc_reference *r, arc_error *err) {
    char path[ARC_PATH_BYTES];
    arc_map map = {0};
    int room = 0;
    arc_status st;
    ARC_TRY(path_in(r->folder, ARC_REFERENCE_NAMES, "", path, sizeof path, err));
    ARC_TRY(arc_map_open(&map, path, MAX_LIST_BYTES, err));
    for (size_t at = 0; at < map.bytes;) {
        const char *line = (const char *)map.data + at;
        const char *end = memchr(line, '\n', map.bytes - at);
        const size_t bytes = end ? (size_t)(end - line) : map.bytes - at;
        const size_t name = bytes > 0 && line[bytes - 1] == '\r' ? bytes - 1 : bytes;
        ARC_TRY(add_name(r, &room, line, name, path, err));
        at += bytes + 1;
    }
    if (r->count == 0)
        ARC_TRY(arc_fail(err, ARC_ECORRUPT, "%s: no names", path));
    ARC_TRY(check_once(r, path, err));
done:
    arc_map_close(&map);
    return st;
}

static arc_status read_embeddings(arc_reference *r, arc_error *err) {
    char path[ARC_PATH_BYTES];
    arc_dtype type;
    arc_shape s;
    arc_status st;
    ARC_TRY(path_in(r->folder, ARC_REFERENCE_EMBEDDINGS, "", path, sizeof path, err));
    ARC_TRY(arc_npy_load(r->arena.alloc, path, &type, &s, (void **)&r->embedding, err));
    if (type != ARC_F32 || s.rank != 2 || s.dim[0] != r->count || s.dim[1] < 1 || s.dim[1] > ARC_MAX_DIM) {
        char text[128];
        ARC_TRY(arc_fail(err, ARC_ECORRUPT, "%s: %s %s where %s has %d names: float32 [%d,F] is expected", path,
                         arc_dtype_name(type), arc_shape_text(&s, text, sizeof text), ARC_REFERENCE_NAMES, r->count, r->count));
    }
    r->dim = (int)s.dim[1];
    for (size_t i = 0; i < (size_t)r->count * (size_t)r->dim; i++)
        if (!isfinite(r->embedding[i]))
            ARC_TRY(arc_fail(err, ARC_ECORRUPT, "%s: the embedding of %s has a number that is not finite", path,
                             r->name[i / (size_t)r->dim]));
done:
    return st;
}

arc_status arc_reference_open(arc_reference *out, const arc_alloc *a, const char *folder, arc_error *err) {
    arc_status st;
    *out = (arc_reference){0};
    arc_arena_init(&out->arena, a, 0);
    if (!(out->folder = arc_arena_strdup(&out->arena, folder)))
        ARC_TRY(arc_fail_nomem(err, folder));
    ARC_TRY(read_names(out, err));
    ARC_TRY(read_embeddings(out, err));
done:
    if (st != ARC_OK)
        arc_reference_close(out);
    return st;
}

void arc_reference_close(arc_reference *r) {
    if (!r->arena.alloc)
        return;
    arc_mem_free(r->arena.alloc, r->name);
    arc_mem_free(r->arena.alloc, r->embedding);
    arc_arena_free(&r->arena);
    *r = (arc_reference){0};
}

arc_status arc_reference_path(const arc_reference *r, int index, char *path, size_t bytes, arc_error *err) {
    return path_in(r->folder, r->name[index], ".png", path, bytes, err);
}

arc_status arc_reference_picture(arc_context *ctx, const arc_reference *r, int index, arc_image *out, arc_error *err) {
    char path[ARC_PATH_BYTES];
    *out = (arc_image){0};
    const arc_status st = arc_reference_path(r, index, path, sizeof path, err);
    return st == ARC_OK ? arc_image_load(ctx, path, NULL, out, NULL, err) : st;
}

arc_status arc_reference_save(arc_context *ctx, const char *folder, const char *const *name, const arc_image *picture,
                              const float *embedding, int count, int dim, arc_error *err) {
    const int64_t shape[2] = {count, dim};
    char path[ARC_PATH_BYTES];
    arc_text names;
    arc_status st = ARC_OK;
    arc_text_begin(&names, &ctx->alloc);
    for (int i = 0; i < count && st == ARC_OK; i++) {
        arc_text_add(&names, "%s\n", name[i]);
        st = path_in(folder, name[i], ".png", path, sizeof path, err);
        if (st == ARC_OK)
            st = arc_image_save(ctx, &picture[i], path, err);
    }
    if (st == ARC_OK)
        st = path_in(folder, ARC_REFERENCE_EMBEDDINGS, "", path, sizeof path, err);
    if (st == ARC_OK)
        st = arc_npy_save_f32(&ctx->alloc, path, embedding, 2, shape, err);
    if (st == ARC_OK)
        st = path_in(folder, ARC_REFERENCE_NAMES, "", path, sizeof path, err);
    if (st != ARC_OK) {
        arc_buffer_free(&names.buffer);
        return st;
    }
    return arc_text_save(&names, path, err);
}
