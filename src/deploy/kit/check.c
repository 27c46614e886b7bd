/* Holds a kit against everything that it says: digests, archive, network, reference embeddings, YAML, calibration pictures. */
#include "deploy/kit/kit.h"
#include "deploy/reference.h"
#include "image/image.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define LEAST_COSINE (1 - 1e-6)
#define GOOD_CALIBRATION 100
#define LEAST_CONTRAST 4 /* standard deviation of a picture that shows anything, of 0 to 255 */
#define MAX_ZIP_BYTES ((size_t)1 << 30)
#define MAX_PARTS 100000

typedef struct checking {
    arc_context *ctx;
    const char *folder;
    arc_findings *f;
    arc_model *model; /* NULL where it cannot be loaded */
    arc_kit_network network;
    int faces, references;
    double least_cosine;
    arc_error *err;
} checking;

/* The folder's own path has room for every name in it: arc_kit_check sees to that. */
static void path_of(const checking *c, const char *name, char path[ARC_PATH_BYTES]) {
    (void)arc_kit_path(c->folder, name, path, NULL);
}

/* Everything but want of memory is a finding. */
static arc_status found(const checking *c, arc_status st, const char *where, const arc_error *why) {
    if (st == ARC_ENOMEM)
        return arc_fail_nomem(c->err, where);
    if (st != ARC_OK)
        arc_findings_add(c->f, true, where, "%s", why->text);
    return ARC_OK;
}

/* ---- archive and network ---- */

static void check_same_network(const checking *c, const arc_archive *a) {
    char path[ARC_PATH_BYTES];
    arc_map map = {0};
    path_of(c, ARC_KIT_ONNX, path);
    if (arc_map_open(&map, path, ARC_ARCHIVE_MAX_BYTES, NULL) == ARC_OK &&
        (map.bytes != a->executable.bytes || memcmp(map.data, a->executable.data, map.bytes) != 0))
        arc_findings_add(c->f, true, ARC_KIT_ARCHIVE, "the network in it is not %s", ARC_KIT_ONNX);
    arc_map_close(&map);
}

static arc_status check_archive(const checking *c) {
    arc_archive *a = arc_mem_new(&c->ctx->alloc, 1, sizeof *a);
    char path[ARC_PATH_BYTES];
    arc_error why = {0};
    if (!a)
        return arc_fail_nomem(c->err, ARC_KIT_ARCHIVE);
    path_of(c, ARC_KIT_ARCHIVE, path);
    arc_status st = arc_archive_open(a, &c->ctx->alloc, path, &why);
    if (st == ARC_OK) {
        arc_archive_check(a);
        for (int i = 0; i < a->found.count; i++)
            arc_findings_add(c->f, a->found.list[i].serious, ARC_KIT_ARCHIVE, "%s: %s", a->found.list[i].where,
                             a->found.list[i].text);
        check_same_network(c, a);
        arc_archive_close(a);
    } else {
        st = found(c, st, ARC_KIT_ARCHIVE, &why);
    }
    arc_mem_free(&c->ctx->alloc, a);
    return st;
}

static void check_ends(checking *c) {
    const arc_graph *g = c->model->graph;
    const arc_contract *k = &c->model->contract;
    const arc_value *in = &g->value[g->input[0]], *out = &g->value[g->output[0]];
    bool pixels = k->bgr;
    for (int i = 0; i < 3; i++)
        pixels = pixels && k->mean[i] == 0 && k->scale[i] == 1;
    const bool good = g->inputs == 1 && g->outputs == 1 && strcmp(in->name, ARC_DEPLOY_INPUT) == 0 &&
                      strcmp(out->name, ARC_DEPLOY_OUTPUT) == 0 && in->dtype == ARC_F32 && in->shape.rank == 4 &&
                      in->shape.dim[0] == 1 && in->shape.dim[1] == 3 && in->shape.dim[2] > 0 && in->shape.dim[3] > 0 &&
                      out->shape.rank == 2 && out->shape.dim[0] == 1 && out->shape.dim[1] == k->dim;
    if (!good)
        arc_findings_add(c->f, true, ARC_KIT_ONNX, "its ends are not %s [1,3,H,W] float32 and %s [1,F]", ARC_DEPLOY_INPUT,
                         ARC_DEPLOY_OUTPUT);
    else if (!pixels)
        arc_findings_add(c->f, true, ARC_KIT_ONNX, "it does not take pixels as they are, blue, green, red, 0 to 255");
    if (good)
        c->network = (arc_kit_network){in->shape.dim[2], in->shape.dim[3], out->shape.dim[1], false};
    else
        arc_model_free(&c->model);
}

static arc_status check_network(checking *c) {
    char path[ARC_PATH_BYTES];
    arc_error why = {0};
    path_of(c, ARC_KIT_ONNX, path);
    const arc_status st = found(c, arc_model_load(c->ctx, path, ARC_TASK_EMBED, NULL, &c->model, &why), ARC_KIT_ONNX, &why);
    if (c->model && c->model->contract.task != ARC_TASK_EMBED) {
        arc_findings_add(c->f, true, ARC_KIT_ONNX, "is no embedder: %s", c->model->contract.why);
        arc_model_free(&c->model);
    }
    if (c->model)
        check_ends(c);
    return st;
}

/* ---- reference ---- */

static arc_status embed_reference(checking *c, arc_embedder *embedder, const arc_reference *r, int i, float *row) {
    char where[ARC_REFERENCE_NAME_BYTES + 32];
    arc_image picture = {0};
    arc_error why = {0};
    snprintf(where, sizeof where, "%s/%s.png", ARC_KIT_REFERENCE, r->name[i]);
    arc_status st = arc_reference_picture(c->ctx, r, i, &picture, &why);
    if (st == ARC_OK)
        st = arc_embed_crops(embedder, &picture, 1, false, row, &why);
    arc_image_free(c->ctx, &picture);
    if (st != ARC_OK)
        return found(c, st, where, &why);
    const double cosine = arc_embedding_cosine(row, r->embedding + (size_t)i * (size_t)r->dim, r->dim);
    c->least_cosine = c->references == 0 ? cosine : fmin(c->least_cosine, cosine);
    c->references++;
    if (!(cosine >= LEAST_COSINE))
        arc_findings_add(c->f, true, where, "%s gives another embedding for it than %s has: cosine %.6f", ARC_KIT_ONNX,
                         ARC_REFERENCE_EMBEDDINGS, cosine);
    return ARC_OK;
}

static arc_status embed_references(checking *c, const arc_reference *r) {
    arc_status st;
    arc_embedder *embedder = NULL;
    float *row = arc_mem_raw(&c->ctx->alloc, (size_t)r->dim, sizeof *row);
    if (!row)
        ARC_TRY(arc_fail_nomem(c->err, "a reference"));
    ARC_TRY(arc_embedder_new(c->ctx, c->model, &embedder, c->err));
    for (int i = 0; i < r->count; i++)
        ARC_TRY(embed_reference(c, embedder, r, i, row));
done:
    arc_embedder_free(&embedder);
    arc_mem_free(&c->ctx->alloc, row);
    return st;
}

static arc_status check_reference(checking *c) {
    char path[ARC_PATH_BYTES];
    arc_reference r;
    arc_error why = {0};
    path_of(c, ARC_KIT_REFERENCE, path);
    arc_status st = arc_reference_open(&r, &c->ctx->alloc, path, &why);
    if (st != ARC_OK)
        return found(c, st, ARC_KIT_REFERENCE, &why);
    if (r.count < ARC_KIT_MIN_REFERENCE)
        arc_findings_add(c->f, true, ARC_KIT_REFERENCE, "%d pictures are too few to compare with: at least %d", r.count,
                         ARC_KIT_MIN_REFERENCE);
    if (c->model && r.dim != c->network.dim)
        arc_findings_add(c->f, true, ARC_KIT_REFERENCE, "its embeddings have %d numbers, those of %s %lld", r.dim, ARC_KIT_ONNX,
                         (long long)c->network.dim);
    else if (c->model)
        st = embed_references(c, &r);
    arc_reference_close(&r);
    return st;
}

/* ---- YAML ---- */

static arc_status check_yaml(const checking *c) {
    for (int target = 0; target < ARC_KIT_TARGETS; target++) {
        const char *name = arc_kit_yaml_name((arc_kit_target)target);
        char path[ARC_PATH_BYTES];
        arc_map map = {0};
        arc_error why = {0};
        path_of(c, name, path);
        const arc_status st = arc_map_open(&map, path, ARC_YAML_MAX_BYTES, &why);
        if (st != ARC_OK && found(c, st, name, &why) != ARC_OK)
            return ARC_ENOMEM;
        if (st == ARC_OK && c->model)
            arc_kit_yaml_check(c->f, (arc_kit_target)target, &c->network, map.data, map.bytes);
        arc_map_close(&map);
    }
    return ARC_OK;
}

/* ---- calibration ---- */

static bool shows_something(const arc_image *picture) {
    double sum = 0, squares = 0;
    const double n = 3.0 * picture->width_px * picture->height_px;
    for (int y = 0; y < picture->height_px; y++)
        for (int x = 0; x < 3 * picture->width_px; x++) {
            const double v = picture->data[y * picture->stride_bytes + x];
            sum += v;
            squares += v * v;
        }
    return squares / n - sum / n * (sum / n) >= LEAST_CONTRAST * LEAST_CONTRAST;
}

/* The unpacked twin of a member, where there is a folder of them. */
static void check_unpacked(const checking *c, const char *name, const uint8_t *bytes, size_t count) {
    char path[ARC_PATH_BYTES], where[256];
    arc_map map = {0};
    snprintf(where, sizeof where, "%s/%.120s", ARC_KIT_UNPACKED, name);
    path_of(c, ARC_KIT_UNPACKED, path);
    if (arc_path_kind_of(path) != ARC_PATH_DIR)
        return;
    path_of(c, where, path);
    if (arc_map_open(&map, path, ARC_ARCHIVE_MAX_BYTES, NULL) != ARC_OK)
        arc_findings_add(c->f, true, where, "is missing: unpack %s once more", ARC_KIT_ZIP);
    else if (map.bytes != count || memcmp(map.data, bytes, count) != 0)
        arc_findings_add(c->f, true, where, "is not the picture in %s", ARC_KIT_ZIP);
    arc_map_close(&map);
}

static arc_status check_picture(void *ctx, const char *name, const uint8_t *bytes, size_t count, arc_error *err) {
    checking *c = ctx;
    char where[256];
    arc_image picture = {0};
    arc_error why = {0};
    snprintf(where, sizeof where, "%s: %.120s", ARC_KIT_ZIP, name);
    const arc_status st = arc_image_decode(c->ctx, bytes, count, name, NULL, &picture, NULL, &why);
    if (st == ARC_ENOMEM)
        return arc_fail_nomem(err, where);
    const size_t n = strlen(name);
    if (n < 4 || strcmp(name + n - 4, ".png") != 0)
        arc_findings_add(c->f, true, where, "must be called NAME.png: modelconverter goes by that");
    if (st != ARC_OK)
        arc_findings_add(c->f, true, where, "%s", why.text);
    else if (c->model && (picture.width_px != c->network.width_px || picture.height_px != c->network.height_px))
        arc_findings_add(c->f, true, where, "is %dx%d pixels: converters would distort it to %lldx%lld", picture.width_px,
                         picture.height_px, (long long)c->network.width_px, (long long)c->network.height_px);
    else if (!shows_something(&picture))
        arc_findings_add(c->f, true, where, "shows nothing: all of it has one colour");
    else
        c->faces++;
    arc_image_free(c->ctx, &picture);
    check_unpacked(c, name, bytes, count);
    return ARC_OK;
}

/* Files of calibration/ are the zip's and no others: modelconverter calibrates on all that lies there. */
static arc_status count_unpacked(const checking *c, int members) {
    char path[ARC_PATH_BYTES];
    arc_names names = {0};
    arc_error why = {0};
    path_of(c, ARC_KIT_UNPACKED, path);
    if (arc_path_kind_of(path) != ARC_PATH_DIR)
        return ARC_OK;
    const arc_status st = arc_dir_list(&names, &c->ctx->alloc, path, MAX_PARTS, &why);
    if (st == ARC_OK && names.count > (size_t)members)
        arc_findings_add(c->f, true, ARC_KIT_UNPACKED, "has %zu files, %s %d: converters calibrate on all of them", names.count,
                         ARC_KIT_ZIP, members);
    arc_names_free(&names);
    return found(c, st, ARC_KIT_UNPACKED, &why);
}

typedef struct counting {
    checking *c;
    int members;
} counting;

static arc_status count_picture(void *ctx, const char *name, const uint8_t *bytes, size_t count, arc_error *err) {
    counting *n = ctx;
    n->members++;
    return check_picture(n->c, name, bytes, count, err);
}

static arc_status check_calibration(checking *c) {
    char path[ARC_PATH_BYTES];
    arc_map map = {0};
    arc_error why = {0};
    counting n = {.c = c};
    path_of(c, ARC_KIT_ZIP, path);
    arc_status st = arc_map_open(&map, path, MAX_ZIP_BYTES, &why);
    if (st == ARC_OK)
        st = arc_kit_zip_read(&c->ctx->alloc, map.data, map.bytes, count_picture, &n, &why);
    arc_map_close(&map);
    if (st != ARC_OK)
        return found(c, st, ARC_KIT_ZIP, &why);
    if (c->faces < ARC_KIT_MIN_CALIBRATION)
        arc_findings_add(c->f, true, ARC_KIT_ZIP, "%d faces are too few to calibrate on: at least %d", c->faces,
                         ARC_KIT_MIN_CALIBRATION);
    else if (c->faces < GOOD_CALIBRATION)
        arc_findings_add(c->f, false, ARC_KIT_ZIP, "%d faces are few to calibrate on: several hundred are a good number",
                         c->faces);
    return count_unpacked(c, n.members);
}

static arc_status check_sheet(const checking *c) {
    char path[ARC_PATH_BYTES];
    arc_image sheet = {0};
    arc_error why = {0};
    arc_image_options strict;
    arc_image_options_default(&strict);
    strict.strict = 1;
    path_of(c, ARC_KIT_SHEET, path);
    const arc_status st = found(c, arc_image_load(c->ctx, path, &strict, &sheet, NULL, &why), ARC_KIT_SHEET, &why);
    arc_image_free(c->ctx, &sheet);
    return st;
}

/* ---- whole ---- */

static void describe(arc_text *t, const checking *c, bool json) {
    if (json) {
        arc_text_add(t, "{\"kit\": ");
        arc_text_quote(t, c->folder);
        arc_text_add(t, ", \"calibration\": %d, \"reference\": %d, \"least_cosine\": ", c->faces, c->references);
        arc_text_add(t, c->references ? "%.9f" : "null", c->least_cosine);
        arc_findings_put_json(t, c->f);
        arc_text_add(t, "}\n");
        return;
    }
    arc_text_add(t, "%d faces to calibrate on, %d to compare with", c->faces, c->references);
    if (c->references)
        arc_text_add(t, ": least cosine %.9f", c->least_cosine);
    arc_text_add(t, "\n");
    arc_findings_put(t, c->f, c->folder);
    arc_text_without_controls(t);
}

static arc_status check_all(checking *c) {
    arc_status st;
    ARC_TRY(arc_kit_sums_check(&c->ctx->alloc, c->folder, c->f, c->err));
    ARC_TRY(check_archive(c));
    ARC_TRY(check_network(c));
    ARC_TRY(check_reference(c));
    ARC_TRY(check_yaml(c));
    ARC_TRY(check_calibration(c));
    ARC_TRY(check_sheet(c));
done:
    return st;
}

arc_status arc_kit_check(arc_context *ctx, const char *folder, bool json, arc_archive_counts *counts, char **text,
                         arc_error *err) {
    arc_arena arena;
    arc_text t;
    arc_findings *f = NULL;
    checking c = {.ctx = ctx, .folder = folder, .err = err};
    arc_status st = ARC_OK;
    *text = NULL;
    *counts = (arc_archive_counts){0};
    arc_arena_init(&arena, &ctx->alloc, 0);
    if (ctx->precision != ARC_PRECISION_FP32)
        ARC_TRY(arc_fail(err, ARC_EINVAL, "a kit's reference embeddings are float32: leave out --precision"));
    if (arc_path_kind_of(folder) != ARC_PATH_DIR)
        ARC_TRY(arc_fail(err, ARC_ENOTFOUND, "%s: no folder, so no conversion kit", folder));
    if (strlen(folder) > ARC_PATH_BYTES / 2)
        ARC_TRY(arc_fail(err, ARC_ENOTFOUND, "%.200s: its path is too long", folder));
    if (!(f = arc_arena_new(&arena, 1, sizeof *f)))
        ARC_TRY(arc_fail_nomem(err, "checking a kit"));
    f->arena = &arena;
    c.f = f;
    ARC_TRY(check_all(&c));
    arc_findings_count(f, counts);
    arc_text_begin(&t, &ctx->alloc);
    describe(&t, &c, json);
    st = arc_text_end(&t, text, err);
done:
    arc_model_free(&c.model);
    arc_arena_free(&arena);
    return st;
}
