/* Generators over small networks whose weights come from names (learn_support.h), with the running statistics of one batch of
 * other pictures. */
#ifndef ARC_TEST_GENERATE_SUPPORT_H
#define ARC_TEST_GENERATE_SUPPORT_H

#include "generate/generator_internal.h"
#include "learn_support.h"
#include "zoo/zoo.h"

enum { GENERATE_DIM = 64, GENERATE_CLASSES = 24 };

typedef struct generate_net {
    arc_model model; /* its graph is to be freed */
    bool raw;        /* the graph takes 0..255 */
    int side, images;
} generate_net;

/* What generate.py calls r10 and mbf. */
static inline generate_net generate_network(const char *name) {
    generate_net n = {.raw = strcmp(name, "mbf") == 0};
    n.side = n.raw ? 112 : 32;
    n.images = n.raw ? 2 : 4;
    if (n.raw)
        assert_int_equal(arc_zoo_new(&n.model.graph, &arc_alloc_libc, "mbf", GENERATE_DIM, 1, NULL), ARC_OK);
    else
        n.model.graph = learn_iresnet((int[]){1, 1, 1, 1}, 16, n.side, GENERATE_DIM);
    n.model.alloc = arc_alloc_libc;
    n.model.contract =
        (arc_contract){.task = ARC_TASK_EMBED, .input_width_px = n.side, .input_height_px = n.side, .dim = GENERATE_DIM};
    for (int c = 0; c < 3; c++) {
        n.model.contract.mean[c] = n.raw ? 0 : 127.5f;
        n.model.contract.scale[c] = n.raw ? 1 : 1 / 127.5f;
    }
    return n;
}

/* Weights by name, running statistics of a batch, into the graph. */
static inline void generate_weights(const arc_context *ctx, generate_net *n) {
    const int64_t batch = 2 * n->images;
    const arc_shape in = net_shape(4, batch, 3, n->side, n->side);
    const arc_learner_options o = {.batch = batch, .momentum = 1};
    arc_learner *l = NULL;
    assert_int_equal(arc_learner_new(&l, ctx, n->model.graph, &in, &o, NULL), ARC_OK);
    for (size_t i = 0; i < arc_learner_parameters(l); i++)
        learn_draw(arc_learner_parameter(l, i));
    const size_t count = (size_t)(batch * 3 * n->side * n->side);
    float *pictures = learn_numbers("calibration", count, n->raw ? 0.5f * 127.5f : 0.5f, n->raw ? 127.5f : 0);
    const float *embeddings;
    learn_forward(l, pictures, batch, &embeddings);
    for (size_t i = 0; i < arc_learner_parameters(l) + arc_learner_statistics(l); i++) {
        const size_t own = arc_learner_parameters(l);
        const arc_learn_parameter *p = i < own ? arc_learner_parameter(l, i) : arc_learner_statistic(l, i - own);
        const int v = arc_graph_find(n->model.graph, p->name);
        memcpy((void *)(uintptr_t)n->model.graph->value[v].data, p->value, p->count * sizeof(float));
    }
    free(pictures);
    arc_learner_free(&l);
}

/* The paper's options; closed: classes instead of embeddings. */
static inline arc_generator *generate_new(arc_context *ctx, const generate_net *n, bool closed, const arc_generate_options *o) {
    arc_generate_targets t;
    arc_generator *g = NULL;
    arc_error err = {0};
    float *rows = learn_numbers("targets", (size_t)(GENERATE_CLASSES * GENERATE_DIM), 1, 0);
    int class_of[64];
    arc_generate_targets_default(&t);
    t.images = n->images;
    t.dim = GENERATE_DIM;
    t.embedding = closed ? NULL : rows;
    t.centre = closed ? rows : NULL;
    t.classes = closed ? GENERATE_CLASSES : 0;
    for (int i = 0; i < n->images; i++)
        class_of[i] = i * 5 % GENERATE_CLASSES;
    t.class_of = closed ? class_of : NULL;
    if (arc_generator_new(ctx, &n->model, &t, o, &g, &err) != ARC_OK)
        fail_msg("%s", err.text);
    free(rows);
    return g;
}

static inline size_t generate_count(const arc_generator *g) {
    return arc_generate_count(&g->level[0].size);
}

/* The pictures of the goldens. */
static inline void generate_set(arc_generator *g) {
    float *x = learn_numbers("pictures", generate_count(g), 1, 0);
    memcpy(g->level[0].now[0], x, generate_count(g) * sizeof *x);
    free(x);
}

static inline arc_generate_progress generate_step(arc_generator *g) {
    arc_generate_progress p;
    arc_error err = {0};
    if (arc_generator_step(g, &p, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return p;
}

#endif
