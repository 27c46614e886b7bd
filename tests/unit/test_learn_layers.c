/* Every layer's gradients against finite differences of a network in double: parameters, images, and through the statistics of
 * normalisations. At a kink (PRelu and Relu at zero) a difference says nothing: elements whose step changes the sign of any
 * kink's input are left out, and few may be. */
#include "learn_reference.h"

#define STEP 1e-5
#define BOUND 1e-4
#define BOUND_BF16 2e-2 /* a few of bfloat16's roundings, of 2e-3 each */

enum { BATCH = 3, MOST = 24 }; /* elements of a tensor that are tried */

typedef struct check {
    int tried, kinks;
    double worst;
    char where[96];
} check;

/* `gradient` of the `count` numbers in *at against differences of the loss. */
static void differences(reference *r, const float *loss, const char *name, double *at, const float *gradient, size_t count,
                        check *c) {
    double size = 0;
    for (size_t i = 0; i < count; i++)
        size = fmax(size, fabs((double)gradient[i]));
    const size_t stride = count > MOST ? count / MOST : 1;
    for (size_t i = 0; i < count; i += stride) {
        const double old = at[i];
        at[i] = old + STEP;
        const double up = ref_run(r, loss);
        const uint64_t kinks = r->kinks;
        at[i] = old - STEP;
        const double down = ref_run(r, loss);
        at[i] = old;
        c->tried++;
        if (kinks != r->kinks) {
            c->kinks++;
            continue;
        }
        const double error = fabs((up - down) / (2 * STEP) - (double)gradient[i]) / fmax(size, 0.5);
        if (!(error <= c->worst)) {
            c->worst = error;
            snprintf(c->where, sizeof c->where, "%.60s[%zu]", name, i);
        }
    }
}

typedef struct case_options {
    bool statistics, evaluating, recompute, bf16;
    int threads;
    const char *isa;
} case_options;

static void run_case(const char *name, const arc_graph *g, int channels, int side, case_options o) {
    arc_context *ctx = arc_test_context_isa(NULL, o.threads ? o.threads : 2, o.isa);
    const arc_shape shape = net_shape(4, BATCH, channels, side, side);
    arc_learner *l = NULL;
    arc_error err = {0};
    const arc_learner_options options = {.batch = BATCH + 1, .momentum = 0.1f, .recompute = o.recompute, .bf16 = o.bf16};
    if (arc_learner_new(&l, ctx, g, &shape, &options, &err) != ARC_OK)
        fail_msg("%s: %s", name, err.text);
    for (size_t i = 0; i < arc_learner_parameters(l); i++) {
        arc_learn_parameter *p = arc_learner_parameter(l, i);
        for (size_t k = 0; k < p->count; k++)
            p->gradient[k] = NAN; /* must be overwritten */
    }
    for (size_t i = 0; o.statistics && i < arc_learner_norms(l); i++)
        for (size_t c = 0; c < arc_learner_norm(l, i)->channels; c++) {
            arc_learner_norm(l, i)->d_mean[c] = learn_number("d_mean", (uint32_t)(i * 64 + c));
            arc_learner_norm(l, i)->d_variance[c] = learn_number("d_variance", (uint32_t)(i * 64 + c));
        }
    arc_learner_evaluate(l, o.evaluating);
    const size_t count = (size_t)arc_shape_count(&shape);
    float *images = learn_numbers("images", count, 1, 0), *d_images = malloc(count * sizeof *d_images);
    reference r;
    ref_new(&r, g, l, images, shape, o.evaluating);
    const float *embeddings;
    learn_forward(l, images, BATCH, &embeddings);
    float *loss = learn_numbers("loss", BATCH * 8192, 1, 0);
    ref_run(&r, loss);
    const int out = g->output[0];
    double worst = 0;
    for (size_t i = 0; i < ref_count(&r, out); i++)
        worst = fmax(worst, fabs(ref_data(&r, out)[i] - (double)embeddings[i]) / fmax(1, fabs(ref_data(&r, out)[i])));
    if (!(worst <= (o.bf16 ? BOUND_BF16 : BOUND)))
        fail_msg("%s: forward is off by %g", name, worst);
    learn_backward(l, loss, false, d_images);
    check c = {0};
    for (size_t i = 0; i < arc_learner_parameters(l); i++) {
        const arc_learn_parameter *p = arc_learner_parameter(l, i);
        differences(&r, loss, p->name, ref_data(&r, arc_graph_find(g, p->name)), p->gradient, p->count, &c);
    }
    differences(&r, loss, "images", ref_data(&r, g->input[0]), d_images, count, &c);
    if (!(c.worst <= (o.bf16 ? BOUND_BF16 : BOUND)) || c.kinks * 4 > c.tried)
        fail_msg("%s: %s is off by %g; %d of %d at kinks", name, c.where, c.worst, c.kinks, c.tried);
    ref_free(&r);
    free(images);
    free(d_images);
    free(loss);
    arc_learner_free(&l);
    arc_context_close(&ctx);
}

static arc_graph *finish(net *t, int x) {
    net_done(t, net_node(t, "Flatten", x, ARC_NO_VALUE, ARC_NO_VALUE, NULL));
    return t->g;
}

static int begin(net *t, uint32_t seed, int channels, int side) {
    net_new(t, &arc_alloc_libc, seed);
    return net_input(t, "x", net_shape(4, -1, channels, side, side));
}

/* ---- convolutions ---------------------------------------------------------------------------------------------------------- */

static void convolutions(void **state) {
    (void)state;
    static const struct {
        net_conv_spec s;
        int side;
    } cases[] = {
        {{3, 8, 3, 1, 1, 1, true}, 6},    {{16, 16, 3, 1, 1, 1, false}, 4}, {{16, 33, 3, 1, 1, 1, true}, 7},
        {{17, 16, 3, 1, 0, 1, false}, 9}, {{16, 16, 3, 1, 2, 1, false}, 5}, {{8, 5, 3, 2, 1, 1, false}, 7},
        {{5, 8, 3, 2, 1, 1, true}, 8},    {{7, 9, 1, 1, 0, 1, false}, 3},   {{9, 7, 1, 2, 0, 1, false}, 5},
        {{4, 6, 5, 3, 2, 1, false}, 11},  {{40, 6, 1, 1, 0, 1, false}, 2},  {{3, 4, 2, 2, 0, 1, false}, 6},
        {{6, 6, 3, 1, 1, 6, false}, 5},   {{19, 19, 3, 2, 1, 19, true}, 7}, {{8, 8, 7, 1, 0, 8, false}, 7},
        {{8, 8, 3, 1, 1, 4, false}, 5},   {{8, 8, 3, 2, 1, 2, false}, 6},   {{6, 9, 3, 1, 1, 3, true}, 5},
        {{12, 4, 3, 2, 1, 2, false}, 6},  {{4, 8, 3, 1, 1, 4, false}, 4},
    };
    for (size_t i = 0; i < ARC_COUNT(cases); i++) {
        net t;
        char name[64];
        snprintf(name, sizeof name, "conv %zu", i);
        arc_graph *g = finish(&t, net_conv(&t, begin(&t, (uint32_t)i, cases[i].s.in, cases[i].side), cases[i].s));
        run_case(name, g, cases[i].s.in, cases[i].side, (case_options){.threads = 1 + (int)(i % 3)});
        arc_graph_free(&g);
    }
}

/* Behind a convolution that brings the images into bfloat16. */
static void convolutions_in_bfloat16(void **state) {
    (void)state;
    static const struct {
        net_conv_spec s;
        int side;
    } cases[] = {
        {{16, 16, 3, 1, 1, 1, false}, 4}, {{16, 34, 3, 1, 1, 1, true}, 7},  {{18, 16, 3, 1, 0, 1, false}, 9},
        {{16, 48, 3, 1, 2, 1, false}, 5}, {{8, 6, 3, 2, 1, 1, true}, 7},    {{6, 8, 3, 2, 1, 1, false}, 8},
        {{8, 10, 1, 1, 0, 1, false}, 3},  {{10, 8, 1, 2, 0, 1, false}, 5},  {{40, 6, 1, 1, 0, 1, false}, 2},
        {{6, 6, 3, 1, 1, 6, true}, 5},    {{18, 18, 3, 2, 1, 18, true}, 7}, {{8, 8, 7, 1, 0, 8, false}, 7},
        {{8, 8, 3, 1, 1, 4, false}, 5},   {{24, 24, 3, 1, 1, 6, false}, 5},
    };
    for (size_t i = 0; i < ARC_COUNT(cases); i++) {
        net t;
        char name[64];
        snprintf(name, sizeof name, "bfloat16 conv %zu", i);
        const int x = net_conv(&t, begin(&t, (uint32_t)i, 3, cases[i].side), (net_conv_spec){3, cases[i].s.in, 1, 1, 0, 1, true});
        arc_graph *g = finish(&t, net_conv(&t, x, cases[i].s));
        run_case(name, g, 3, cases[i].side, (case_options){.threads = 1 + (int)(i % 3), .bf16 = true});
        arc_graph_free(&g);
    }
}

/* ---- normalisations -------------------------------------------------------------------------------------------------------- */

static int fork_net(net *t, int kind) {
    const int x = net_conv(t, begin(t, 7 + (uint32_t)kind, 4, 5), (net_conv_spec){4, 6, 1, 1, 0, 1, true});
    int y = net_batch_norm(t, x, 6);
    if (kind == 1)
        y = net_prelu(t, y, 6);
    if (kind == 2)
        y = net_node(t, "Relu", y, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    if (kind == 3)
        y = net_node(t, "Add", y, x, ARC_NO_VALUE, NULL);
    if (kind == 4) /* both operands are normalisations, and one is read again */
        y = net_node(t, "Add", net_node(t, "Add", y, net_batch_norm(t, x, 6), ARC_NO_VALUE, NULL), y, ARC_NO_VALUE, NULL);
    if (kind == 5) /* an addition and an activation that nothing takes in */
        y = net_node(t, "Add", net_prelu(t, x, 6), net_node(t, "Relu", x, ARC_NO_VALUE, ARC_NO_VALUE, NULL), ARC_NO_VALUE, NULL);
    if (kind == 6)
        y = net_node(t, "Add", y, y, ARC_NO_VALUE, NULL);
    if (kind == 7) /* prelu, then the residual */
        y = net_node(t, "Add", net_node(t, "Identity", net_prelu(t, y, 6), ARC_NO_VALUE, ARC_NO_VALUE, NULL), x, ARC_NO_VALUE,
                     NULL);
    return y;
}

static void normalisations(void **state) {
    (void)state;
    for (int kind = 0; kind < 8; kind++)
        for (int options = 0; options < 4; options++) {
            net t;
            char name[64];
            snprintf(name, sizeof name, "norm %d, options %d", kind, options);
            arc_graph *g = finish(&t, fork_net(&t, kind));
            run_case(name, g, 4, 5,
                     (case_options){.statistics = options > 0, .evaluating = options == 2, .recompute = options == 3});
            arc_graph_free(&g);
        }
}

/* ---- the rest -------------------------------------------------------------------------------------------------------------- */

/* Squeeze and excitation as IR-SE has it, between constants. */
static arc_graph *gated(net *t) {
    int x = begin(t, 3, 3, 6);
    x = net_node(t, "Sub", x, net_constant(t, net_shape(1, 1, 0, 0, 0), 0.2f, 0.4f), ARC_NO_VALUE, NULL);
    x = net_node(t, "Mul", x, net_constant(t, net_shape(3, 3, 1, 1, 0), 0.5f, 2), ARC_NO_VALUE, NULL);
    x = net_node(t, "Div", x, net_constant(t, net_shape(4, 1, 3, 1, 1), 0.5f, 2), ARC_NO_VALUE, NULL);
    x = net_batch_norm(t, net_conv(t, x, (net_conv_spec){3, 16, 3, 1, 1, 1, false}), 16);
    int gate = net_node(t, "GlobalAveragePool", x, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    gate = net_prelu(t, net_conv(t, gate, (net_conv_spec){16, 4, 1, 1, 0, 1, true}), 4);
    gate = net_node(t, "Sigmoid", net_conv(t, gate, (net_conv_spec){4, 16, 1, 1, 0, 1, true}), ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    x = net_node(t, "Mul", x, gate, ARC_NO_VALUE, NULL);
    x = net_node(t, "Flatten", x, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    x = net_batch_norm(t, net_gemm(t, x, 16 * 36, 37, true), 37);
    net_done(t, net_gemm(t, x, 37, 5, false));
    return t->g;
}

static void gates_and_rows(void **state) {
    (void)state;
    for (int recompute = 0; recompute < 2; recompute++) {
        net t;
        arc_graph *g = gated(&t);
        run_case("gated", g, 3, 6, (case_options){.statistics = true, .recompute = recompute});
        arc_graph_free(&g);
    }
}

static void whole_networks(void **state) {
    (void)state;
    for (int recompute = 0; recompute < 2; recompute++) {
        net t;
        const int x = begin(&t, 5, 3, 8);
        net_done(&t, net_iresnet(&t, x, 8, 6));
        run_case("iresnet", t.g, 3, 8, (case_options){.statistics = true, .recompute = recompute});
        arc_graph_free(&t.g);
    }
}

static void on_every_level(void **state) {
    (void)state;
    static const char *const isa[] = {"generic", "avx2", "avx512"};
    for (size_t i = 0; i < ARC_COUNT(isa); i++) {
        net t;
        arc_graph *g = gated(&t);
        run_case(isa[i], g, 3, 6, (case_options){.isa = isa[i]});
        arc_graph_free(&g);
        g = finish(&t, net_conv(&t, begin(&t, 1, 16, 9), (net_conv_spec){16, 17, 3, 1, 1, 1, false}));
        run_case(isa[i], g, 16, 9, (case_options){.isa = isa[i]});
        arc_graph_free(&g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions),   cmocka_unit_test(convolutions_in_bfloat16), cmocka_unit_test(normalisations),
        cmocka_unit_test(gates_and_rows), cmocka_unit_test(whole_networks),           cmocka_unit_test(on_every_level),
    };
    return cmocka_run_group_tests_name("learn layers", tests, NULL, NULL);
}
