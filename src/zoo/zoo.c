/* zoo: builds IResNet and MobileFaceNet graphs, with weights drawn as the reference draws them or taken from a state dict. New
 * networks contain the normalisation of the input and take BGR 0..255; networks with given weights are the PyTorch module
 * itself, with RGB input (x - 127.5) / 127.5. */
#include "zoo/layers.h"
#include <stdio.h>
#include <string.h>

#define OPSET 13
#define IR_VERSION 7
#define MAX_DIM 65536

static const char *const names[] = {"r18", "r34", "r50", "r100", "r200", "mbf", "mbf-large", "tiny"};

const char *const *arc_zoo_names(size_t *count) {
    *count = ARC_COUNT(names);
    return names;
}

static void write_contract(arc_zoo *z, int dim, bool in_graph) {
    char dim_text[16];
    snprintf(dim_text, sizeof dim_text, "%d", dim);
    const char *const meta[][2] = {
        {"arcface.contract", "1"},
        {"arcface.network", z->net},
        {"arcface.task", "embed"},
        {"arcface.template", "112"},
        {"arcface.input", "112x112"},
        {"arcface.color", in_graph ? "bgr" : "rgb"},
        {"arcface.mean", in_graph ? "0,0,0" : "127.5,127.5,127.5"},
        {"arcface.scale", in_graph ? "1,1,1" : "0.00784313725,0.00784313725,0.00784313725"},
        {"arcface.dim", dim_text},
        {"arcface.threshold", "0.28"},
    };
    for (size_t i = 0; i < ARC_COUNT(meta) && z->st == ARC_OK; i++)
        if (arc_graph_set_meta(z->g, meta[i][0], meta[i][1]) != ARC_OK)
            arc_zoo_nomem(z);
}

static void build(arc_zoo *z, int dim) {
    arc_graph *g = z->g;
    g->ir_version = IR_VERSION;
    g->producer = "arcface";
    g->name = arc_arena_strdup(&g->arena, z->net);
    const arc_shape in_shape = {.rank = 4, .dim = {-1, 3, ARC_ZOO_SIDE_PX, ARC_ZOO_SIDE_PX}};
    int input = arc_graph_value(g, "images");
    if (!g->name || input < 0 || arc_graph_add_input(g, input, ARC_F32, &in_shape) != ARC_OK ||
        !(g->value[input].symbol[0] = arc_arena_strdup(&g->arena, "N"))) {
        arc_zoo_nomem(z);
        return;
    }
    const bool in_graph = !z->weights;
    const arc_zoo_x x = arc_zoo_images(z, input, in_graph);
    arc_zoo_x out = {.value = ARC_NO_VALUE};
    if (!arc_zoo_iresnet(z, z->net, dim, x, &out))
        arc_zoo_mobilefacenet(z, z->net, dim, x, &out);
    if (z->st == ARC_OK && arc_graph_add_output(g, out.value) != ARC_OK)
        arc_zoo_nomem(z);
    if (z->st != ARC_OK)
        return;
    arc_value *v = &g->value[out.value];
    v->dtype = ARC_F32;
    v->shape = (arc_shape){.rank = 2, .dim = {-1, dim}};
    v->symbol[0] = g->value[input].symbol[0];
    write_contract(z, dim, in_graph);
    if (z->st == ARC_OK)
        z->st = arc_graph_check(g, z->err);
}

static arc_status make(arc_graph **out, const arc_alloc *a, const char *name, int dim, uint64_t seed, const arc_weights *w,
                       arc_error *err) {
    *out = NULL;
    const char *net = NULL;
    for (size_t i = 0; i < ARC_COUNT(names); i++)
        if (strcmp(names[i], name) == 0)
            net = names[i];
    if (!net)
        return arc_fail(err, ARC_EINVAL, "no network is called '%s': r18 r34 r50 r100 r200 mbf mbf-large tiny are", name);
    if (dim < 1 || dim > MAX_DIM)
        return arc_fail(err, ARC_EINVAL, "%s: an embedding of %d numbers: 1 to %d are possible", name, dim, MAX_DIM);
    arc_zoo_normal normal;
    arc_zoo z = {.net = net, .weights = w, .seed = seed, .normal = &normal, .st = ARC_OK, .err = err};
    arc_zoo_normal_init(&normal);
    arc_status st = arc_graph_new(&z.g, a, OPSET, err);
    if (st != ARC_OK)
        return st;
    build(&z, dim);
    if (z.st != ARC_OK) {
        arc_graph_free(&z.g);
        return z.st;
    }
    *out = z.g;
    return ARC_OK;
}

arc_status arc_zoo_new(arc_graph **out, const arc_alloc *a, const char *name, int dim, uint64_t seed, arc_error *err) {
    return make(out, a, name, dim, seed, NULL, err);
}

arc_status arc_zoo_from_weights(arc_graph **out, const arc_alloc *a, const char *name, int dim, const arc_weights *w,
                                arc_error *err) {
    return make(out, a, name, dim, 0, w, err);
}
