/* PyTorch checkpoints as graphs: which net a state dict belongs to is told by its names and shapes. */
#include "format/torch/torch_internal.h"
#include "zoo/zoo.h"
#include <stdio.h>
#include <string.h>

static const float *lookup(void *ctx, const char *name, const arc_shape *shape) {
    const arc_torch_tensor *t = arc_torch_find(ctx, name);
    return t && arc_shape_equal(&t->shape, shape) ? t->data : NULL;
}

/* Residual blocks of one stage of an IResNet. */
static int blocks_of(const arc_torch_state *s, int stage) {
    char name[64];
    int count = 0;
    do
        snprintf(name, sizeof name, "layer%d.%d.conv1.weight", stage, count++);
    while (arc_torch_find(s, name) && count < 1000);
    return count - 1;
}

static const char *iresnet_name(const arc_torch_state *s) {
    static const struct {
        const char *name;
        int blocks[4];
    } nets[] = {
        {"r18", {2, 2, 2, 2}}, {"r34", {3, 4, 6, 3}}, {"r50", {3, 4, 14, 3}}, {"r100", {3, 13, 30, 3}}, {"r200", {6, 26, 60, 6}}};
    if (!arc_torch_find(s, "layer1.0.bn1.weight") || !arc_torch_find(s, "features.weight"))
        return NULL;
    for (size_t i = 0; i < ARC_COUNT(nets); i++) {
        bool same = true;
        for (int stage = 0; stage < 4; stage++)
            same = same && blocks_of(s, stage + 1) == nets[i].blocks[stage];
        if (same)
            return nets[i].name;
    }
    return NULL;
}

static int dim_of(const arc_torch_state *s, const char *name) {
    const arc_torch_tensor *t = arc_torch_find(s, name);
    return t && t->shape.rank == 2 && t->shape.dim[0] <= 65536 ? (int)t->shape.dim[0] : 0;
}

static arc_status build(arc_graph **out, const arc_alloc *a, arc_torch_state *s, const char *name, arc_error *err) {
    const arc_weights weights = {.ctx = s, .lookup = lookup};
    size_t count;
    const arc_torch_family *families = arc_torch_families(&count);
    for (size_t i = 0; i < count; i++)
        if (arc_torch_find(s, families[i].mark[0]) && arc_torch_find(s, families[i].mark[1]))
            return families[i].build(out, a, s, name, err);
    const char *iresnet = iresnet_name(s);
    if (iresnet)
        return arc_zoo_from_weights(out, a, iresnet, dim_of(s, "fc.weight"), &weights, err);
    if (arc_torch_find(s, "layers.0.layers.0.weight") && arc_torch_find(s, "features.layers.2.weight")) {
        const int dim = dim_of(s, "features.layers.2.weight");
        const bool large = arc_torch_find(s, "layers.0.layers.0.weight")->shape.dim[0] > 128;
        return arc_zoo_from_weights(out, a, large ? "mbf-large" : "mbf", dim, &weights, err);
    }
    return arc_torch_refuse_unknown(s, a, name, err);
}

static arc_status load_safetensors(arc_graph **out, const arc_alloc *a, const arc_map *map, const char *path, arc_error *err) {
    arc_torch_state state;
    arc_arena arena;
    arc_arena_init(&arena, a, 0);
    arc_status st = arc_safetensors_parse(&state, &arena, map->data, map->bytes, path, err);
    if (st == ARC_OK)
        st = build(out, a, &state, path, err);
    arc_arena_free(&arena);
    return st;
}

arc_status arc_torch_load(arc_graph **out, const arc_alloc *a, const char *path, arc_error *err) {
    arc_torch_file file;
    arc_torch_state state;
    arc_map map;
    *out = NULL;
    arc_status st = arc_map_open(&map, path, ARC_MAX_MODEL_BYTES, err);
    if (st != ARC_OK)
        return st;
    const bool safe = arc_torch_is_safetensors(map.data, map.bytes);
    if (safe)
        st = load_safetensors(out, a, &map, path, err);
    arc_map_close(&map);
    if (safe)
        return st;
    st = arc_torch_file_open(&file, a, path, err);
    if (st != ARC_OK)
        return st;
    st = arc_torch_state_read(&state, &file, path, err);
    if (st == ARC_OK)
        st = build(out, a, &state, path, err);
    arc_torch_file_close(&file);
    return st;
}
