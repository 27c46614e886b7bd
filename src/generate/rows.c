/* generate: embeddings and class centres from files: NumPy's, or the state of a training. */
#include "format/format.h"
#include "generate/generate.h"
#include "train/run/state_file.h"
#include <jansson.h>
#include <string.h>

#define MAX_ROWS (1 << 26)
#define MAX_DIM 65536

void arc_generate_rows_free(arc_context *ctx, arc_generate_rows *rows) {
    if (!rows)
        return;
    arc_mem_free(&ctx->alloc, rows->row);
    *rows = (arc_generate_rows){0};
}

static bool is_state(const char *path) {
    arc_map map;
    if (arc_map_open(&map, path, ARC_STORE_MAX_BYTES, NULL) != ARC_OK)
        return false;
    const bool is = map.bytes >= 8 && memcmp(map.data, arc_state_kind.magic, 8) == 0;
    arc_map_close(&map);
    return is;
}

static arc_status read_centres(const arc_store_file *f, const arc_alloc *a, arc_generate_rows *out, arc_error *err) {
    json_int_t identities = 0, centres = 0;
    json_t *root = json_loadb(f->text, f->text_bytes, 0, NULL);
    const int got = json_unpack(root, "{s:I,s:{s:I}}", "identities", &identities, "recipe", "centers", &centres);
    json_decref(root);
    size_t count = 0;
    for (size_t i = 0; i < f->arrays; i++)
        if (strcmp(f->array[i].name, "head/centres") == 0)
            count = f->array[i].count;
    if (got != 0 || identities < 2 || identities > MAX_ROWS || count == 0 || count % (size_t)identities)
        return arc_fail(err, ARC_EFORMAT, "%s: holds no class centres", f->name);
    if (centres != 1)
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: holds %lld centres of each class, one is needed", f->name,
                        (long long)centres);
    if (count / (size_t)identities > MAX_DIM)
        return arc_fail(err, ARC_ELIMIT, "%s: centres of %zu numbers are too long", f->name, count / (size_t)identities);
    out->row = arc_mem_raw(a, count, sizeof *out->row);
    if (!out->row)
        return arc_fail_nomem(err, "the class centres");
    out->count = (int)identities;
    out->dim = (int)(count / (size_t)identities);
    return arc_store_get(f, "head/centres", count, 0, count, out->row, err);
}

static arc_status load_state(const arc_alloc *a, const char *path, arc_generate_rows *out, arc_error *err) {
    arc_store_file f;
    arc_status st = arc_store_open(&f, a, &arc_state_kind, path, err);
    if (st != ARC_OK)
        return st;
    st = read_centres(&f, a, out, err);
    arc_store_close(&f);
    return st;
}

static arc_status load_npy(const arc_alloc *a, const char *path, arc_generate_rows *out, arc_error *err) {
    arc_dtype type;
    arc_shape s;
    void *data = NULL;
    const arc_status st = arc_npy_load(a, path, &type, &s, &data, err);
    if (st != ARC_OK)
        return st;
    out->row = data;
    const int64_t rows = s.rank == 2 ? s.dim[0] : 1, dim = s.rank > 0 ? s.dim[s.rank - 1] : 0;
    if (type != ARC_F32 || s.rank < 1 || s.rank > 2 || rows < 1 || dim < 1 || rows > MAX_ROWS || dim > MAX_DIM)
        return arc_fail(err, ARC_ESHAPE, "%s: rows of embeddings are float32 [count][numbers]", path);
    out->count = (int)rows;
    out->dim = (int)dim;
    return ARC_OK;
}

arc_status arc_generate_rows_load(arc_context *ctx, const char *path, arc_generate_rows *out, arc_error *err) {
    *out = (arc_generate_rows){0};
    const arc_status st = is_state(path) ? load_state(&ctx->alloc, path, out, err) : load_npy(&ctx->alloc, path, out, err);
    if (st != ARC_OK)
        arc_generate_rows_free(ctx, out);
    return st;
}
