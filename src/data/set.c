/* data: data sets: recognises which kind a path is, and has what all kinds share. */
#include "data/set_internal.h"
#include <string.h>
#include <strings.h>

static bool has_suffix(const char *path, const char *suffix) {
    const size_t n = strlen(path), m = strlen(suffix);
    return n > m && strcasecmp(path + n - m, suffix) == 0;
}

/* A folder with train.rec means that file; an index means its .rec. */
static arc_status resolve(arc_data_set *set, const char *path, arc_error *err) {
    const arc_path_kind kind = arc_path_kind_of(path);
    if (kind == ARC_PATH_NONE)
        return arc_fail(err, ARC_ENOTFOUND, "%s: no such file or folder", path);
    size_t bytes = strlen(path);
    while (kind == ARC_PATH_DIR && bytes > 1 && path[bytes - 1] == '/')
        bytes--;
    const char *resolved = arc_arena_strndup(&set->arena, path, bytes);
    if (resolved && kind == ARC_PATH_DIR) {
        const char *rec = arc_arena_printf(&set->arena, "%s/train.rec", resolved);
        if (!rec || arc_path_kind_of(rec) == ARC_PATH_FILE)
            resolved = rec;
    } else if (resolved && has_suffix(path, ".idx")) {
        resolved = arc_arena_printf(&set->arena, "%.*s.rec", (int)(bytes - 4), path);
    }
    set->path = resolved;
    return resolved ? ARC_OK : arc_fail_nomem(err, path);
}

static arc_status open_kind(arc_data_set *set, arc_error *err) {
    if (arc_path_kind_of(set->path) == ARC_PATH_DIR)
        return arc_data_set_open_folder(set, err);
    if (has_suffix(set->path, ".rec"))
        return arc_data_set_open_rec(set, err);
    if (has_suffix(set->path, ".lst") || has_suffix(set->path, ".txt"))
        return arc_data_set_open_list(set, err);
    return arc_fail(err, ARC_EFORMAT, "%s: not a data set; expected a .rec, a folder of identities or a .lst", set->path);
}

arc_status arc_data_set_open(arc_data_set **out, const arc_context *ctx, const char *path, arc_error *err) {
    arc_status st;
    *out = NULL;
    arc_data_set *set = arc_mem_new(&ctx->alloc, 1, sizeof *set);
    if (!set)
        return arc_fail_nomem(err, path);
    set->ctx = ctx;
    set->alloc = &ctx->alloc;
    set->notes.property_identities = -1;
    arc_arena_init(&set->arena, set->alloc, 0);
    ARC_TRY(resolve(set, path, err));
    ARC_TRY(open_kind(set, err));
    if (set->samples == 0)
        ARC_TRY(arc_fail(err, ARC_EFORMAT, "%s: holds no pictures", set->path));
    *out = set;
done:
    if (st != ARC_OK)
        arc_data_set_close(&set);
    return st;
}

void arc_data_set_close(arc_data_set **ptr) {
    if (!ptr || !*ptr)
        return;
    arc_data_set *set = *ptr;
    *ptr = NULL;
    arc_map_close(&set->map);
    arc_mem_free(set->alloc, set->place);
    arc_mem_free(set->alloc, set->file);
    arc_arena_free(&set->arena);
    arc_mem_free(set->alloc, set);
}

const arc_context *arc_data_set_context(const arc_data_set *set) {
    return set->ctx;
}

const char *arc_data_set_path(const arc_data_set *set) {
    return set->path;
}

const arc_data_notes *arc_data_set_notes(const arc_data_set *set) {
    return &set->notes;
}

size_t arc_data_set_mapped_bytes(const arc_data_set *set) {
    return set->map.bytes;
}

int64_t arc_data_set_samples(const arc_data_set *set) {
    return set->samples;
}

int64_t arc_data_set_identities(const arc_data_set *set) {
    return set->identities;
}

arc_status arc_data_set_label(const arc_data_set *set, int64_t sample, int64_t *label, arc_error *err) {
    return set->kind->label(set, sample, label, err);
}

void arc_data_set_key(const arc_data_set *set, int64_t sample, char *text, size_t bytes) {
    set->kind->key(set, sample, text, bytes);
}

bool arc_data_set_record(const arc_data_set *set, int64_t sample, uint64_t *key, uint64_t *offset) {
    if (!set->place)
        return false;
    *key = set->place[sample].key;
    *offset = set->place[sample].offset;
    return true;
}

arc_status arc_data_set_read(const arc_data_set *set, int64_t sample, arc_data_item *out, arc_error *err) {
    *out = (arc_data_item){0};
    arc_buffer_init(&out->joined, set->alloc, ARC_DATA_MAX_PICTURE_BYTES);
    const arc_status st = set->kind->read(set, sample, out, err);
    if (st != ARC_OK)
        arc_data_item_release(out);
    return st;
}

void arc_data_item_release(arc_data_item *item) {
    arc_map_close(&item->map);
    if (item->joined.alloc)
        arc_buffer_free(&item->joined);
    item->bytes = NULL;
    item->count = 0;
}
