/* model: models: loads them by content, makes them from the zoo, and saves them with contract and self-test vector. Importers
 * are in format/. */
#include "model/model.h"
#include "format/format.h"
#include "model/edges.h"
#include "pass/pass.h"
#include "zoo/zoo.h"
#include <arcface/hub.h>
#include <stdio.h>
#include <string.h>

#define MAX_PATH_BYTES 4096
#define CHECK_GRAIN_FLOATS ((size_t)1 << 18)

void arc_model_options_default(arc_model_options *opt) {
    memset(opt, 0, sizeof *opt);
    opt->struct_size = sizeof *opt;
}

typedef arc_status loader(arc_graph **out, const arc_alloc *a, const char *path, arc_error *err);

static bool ends_with(const char *path, const char *suffix) {
    const size_t n = strlen(path), m = strlen(suffix);
    return n >= m && strcmp(path + n - m, suffix) == 0;
}

static bool begins(const arc_map *map, const char *magic, size_t bytes) {
    return map->bytes >= bytes && memcmp(map->data, magic, bytes) == 0;
}

/* The format by the first bytes if they identify it, else by the suffix. */
static arc_status choose_loader(const char *path, loader **out, int64_t *file_bytes, arc_error *err) {
    arc_map map;
    arc_status st = arc_refuse_model_folder(path, err);
    if (st == ARC_OK)
        st = arc_map_open(&map, path, ARC_MAX_MODEL_BYTES, err);
    if (st != ARC_OK)
        return st;
    *file_bytes = (int64_t)map.bytes;
    *out = arc_onnx_load;
    size_t at = 0;
    while (at < map.bytes && at < 64 &&
           (map.data[at] == ' ' || map.data[at] == '\n' || map.data[at] == '\r' || map.data[at] == '\t'))
        at++;
    if (map.bytes == 0)
        st = arc_fail(err, ARC_EFORMAT, "%s: the file is empty", path);
    else if ((st = arc_refuse_other_model(map.data, map.bytes, path, err)) != ARC_OK)
        *out = NULL;
    else if (arc_torch_is_safetensors(map.data, map.bytes))
        *out = arc_torch_load;
    else if (begins(&map, "PK\3\4", 4) || (map.data[0] == 0x80 && map.bytes > 1 && map.data[1] <= 5))
        *out = arc_torch_load;
    else if (begins(&map, "\x12\x01\0\0\0\0\0\0", 8) || (at < map.bytes && map.data[at] == '{'))
        *out = arc_mxnet_load;
    else if (!ends_with(path, ".onnx")) {
        if (ends_with(path, ".json") || ends_with(path, ".params"))
            *out = arc_mxnet_load;
        else if (ends_with(path, ".pth") || ends_with(path, ".pt") || ends_with(path, ".ckpt") || ends_with(path, ".pkl"))
            *out = arc_torch_load;
    }
    arc_map_close(&map);
    return st;
}

/* ---- weights that are not finite ---- */

typedef struct finite_check {
    const uint32_t *bits;
    size_t count;
    uint8_t *bad; /* one for each tile */
} finite_check;

static void check_tiles(void *arg, size_t begin, size_t end, int thread) {
    (void)thread;
    finite_check *c = arg;
    for (size_t tile = begin; tile < end; tile++) {
        const size_t from = tile * CHECK_GRAIN_FLOATS, to = ARC_MIN(from + CHECK_GRAIN_FLOATS, c->count);
        uint32_t worst = 0;
        for (size_t i = from; i < to; i++)
            worst |= (uint32_t)((c->bits[i] & 0x7f800000u) == 0x7f800000u);
        c->bad[tile] = (uint8_t)worst;
    }
}

static arc_status check_value(const arc_context *ctx, const arc_value *v, uint8_t *bad, arc_error *err) {
    finite_check c = {.bits = v->data, .count = v->data_bytes / sizeof(float), .bad = bad};
    const size_t tiles = (c.count + CHECK_GRAIN_FLOATS - 1) / CHECK_GRAIN_FLOATS;
    if (tiles > 1)
        arc_pool_run(ctx->pool, tiles, 1, check_tiles, &c);
    else
        check_tiles(&c, 0, tiles, 0);
    for (size_t tile = 0; tile < tiles; tile++)
        for (size_t i = tile * CHECK_GRAIN_FLOATS; bad[tile] && i < c.count; i++)
            if ((c.bits[i] & 0x7f800000u) == 0x7f800000u)
                return arc_fail(err, ARC_ECORRUPT, "weight '%s' is %s at element %zu: the file is damaged or its training failed",
                                v->name, c.bits[i] & 0x7fffffu ? "not a number" : "infinite", i);
    return ARC_OK;
}

/* Weights and biases of every valid file are finite. Other constants may be infinite (the bounds of Clip). */
static arc_status check_finite(const arc_context *ctx, const arc_graph *g, arc_error *err) {
    size_t most = 0;
    for (int i = 0; i < g->values; i++)
        if (g->value[i].data)
            most = ARC_MAX(most, g->value[i].data_bytes);
    uint8_t *bad = arc_mem_raw(&ctx->alloc, most / sizeof(float) / CHECK_GRAIN_FLOATS + 1, 1);
    if (!bad)
        return arc_fail_nomem(err, "the weight check");
    arc_status st = ARC_OK;
    for (int i = 0; i < g->values && st == ARC_OK; i++) {
        const arc_value *v = &g->value[i];
        if (v->data && v->dtype == ARC_F32 && v->shape.rank > 0 && v->data_bytes > sizeof(float))
            st = check_value(ctx, v, bad, err);
    }
    arc_mem_free(&ctx->alloc, bad);
    return st;
}

/* ---- load, make, free ---- */

static arc_status model_around(arc_context *ctx, arc_graph **graph, const char *path, arc_model **out, arc_error *err) {
    arc_model *m = arc_mem_new(&ctx->alloc, 1, sizeof *m);
    if (!m)
        return arc_fail_nomem(err, "the model");
    m->alloc = ctx->alloc;
    if (path && !(m->path = arc_mem_strdup(&m->alloc, path))) {
        arc_mem_free(&ctx->alloc, m);
        return arc_fail_nomem(err, "the model");
    }
    m->graph = *graph;
    *graph = NULL;
    *out = m;
    return ARC_OK;
}

arc_status arc_model_load(arc_context *ctx, const char *path_or_name, arc_task task, const arc_model_options *opt,
                          arc_model **out, arc_error *err) {
    arc_status st;
    arc_graph *graph = NULL;
    arc_model *model = NULL;
    loader *load = NULL;
    int64_t file_bytes = 0;
    char path[MAX_PATH_BYTES];
    *out = NULL;
    if (ARC_CHECK_OPTIONS(arc_model_options, opt, err) != ARC_OK)
        return ARC_EINVAL;
    ARC_TRY(arc_hub_resolve(path_or_name, task, opt ? opt->cache_dir : NULL, path, sizeof path, err));
    ARC_TRY(choose_loader(path, &load, &file_bytes, err));
    const bool onnx = load == arc_onnx_load, look = opt && opt->look_only;
    ARC_TRY((onnx && look ? arc_onnx_look : load)(&graph, &ctx->alloc, path, err));
    ARC_TRY(arc_graph_widen(graph, err));
    if (graph->inputs < 1 || graph->outputs < 1) {
        st = arc_fail(err, ARC_EFORMAT,
                      "%s: the graph has %d inputs and %d outputs: a picture goes in and something comes out of a model", path,
                      graph->inputs, graph->outputs);
        goto done;
    }
    ARC_TRY(model_around(ctx, &graph, path, &model, err));
    model->file_bytes = file_bytes;
    model->own_onnx = onnx && strcmp(path, path_or_name) == 0;
    for (int i = 0; i < model->graph->sides; i++)
        model->file_bytes += (int64_t)model->graph->side[i].bytes;
    st = arc_graph_adapt(model->graph, opt ? opt->input : NULL,
                         opt && opt->output ? opt->output : arc_graph_meta(model->graph, "arcface.output"), &model->edges_why,
                         err);
    if (st == ARC_OK)
        st = check_finite(ctx, model->graph, err);
    if (st == ARC_OK)
        st =
            arc_contract_read(&model->contract, model->graph, NULL, err); /* the self-test image is normalised as the file says */
    if (st == ARC_OK && !look && !(opt && opt->skip_self_test))
        st = arc_selftest_run(ctx, model->graph, &model->contract, err);
    if (st == ARC_OK && opt)
        st = arc_contract_read(&model->contract, model->graph, opt, err);
    if (st != ARC_OK) {
        st = arc_fail_in(err, st, path);
        goto done;
    }
    *out = model;
    model = NULL;
done:
    arc_model_free(&model);
    arc_graph_free(&graph);
    return st;
}

arc_status arc_model_new(arc_context *ctx, const char *zoo_name, int dim, uint64_t seed, arc_model **out, arc_error *err) {
    arc_graph *graph = NULL;
    arc_model *model = NULL;
    *out = NULL;
    arc_status st;
    ARC_TRY(arc_zoo_new(&graph, &ctx->alloc, zoo_name, dim == 0 ? 512 : dim, seed, err));
    ARC_TRY(model_around(ctx, &graph, NULL, &model, err));
    ARC_TRY(arc_contract_read(&model->contract, model->graph, NULL, err));
    *out = model;
    model = NULL;
done:
    arc_model_free(&model);
    arc_graph_free(&graph);
    return st;
}

void arc_model_free(arc_model **model) {
    if (!model || !*model)
        return;
    arc_model *m = *model;
    const arc_alloc a = m->alloc;
    arc_graph_free(&m->graph);
    arc_mem_free(&a, m->path);
    arc_mem_free(&a, m);
    *model = NULL;
}

/* The graph is written through a view, because the model may be in use by other threads. */
arc_status arc_model_save(arc_context *ctx, const arc_model *model, const char *path, arc_error *err) {
    arc_graph *notes = NULL;
    arc_status st = arc_model_metadata(ctx, model, &model->contract, NULL, &notes, err);
    if (st == ARC_OK) {
        arc_graph view = *model->graph;
        view.meta = notes->meta;
        view.metas = notes->metas;
        st = arc_onnx_save(&view, path, err);
    }
    arc_graph_free(&notes);
    return st;
}

arc_status arc_model_note(arc_model *model, const char *name, const char *text, arc_error *err) {
    char key[96];
    const size_t n = strlen(name);
    if (n == 0 || n > 64 || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != n)
        return arc_fail(err, ARC_EINVAL, "a note's name '%.80s' must be lower-case letters, digits and dashes", name);
    snprintf(key, sizeof key, ARC_NOTE_PREFIX "%s", name);
    return arc_graph_set_meta(model->graph, key, text) == ARC_OK ? ARC_OK : arc_fail_nomem(err, "a note");
}

const arc_contract *arc_model_contract(const arc_model *model) {
    return &model->contract;
}
