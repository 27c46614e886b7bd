/* What holds for any learner: memory as said and none taken in a step, the same bits for any number of threads, segments and
 * repeats, what is frozen, what is accumulated, the graph that comes out, numbers that are not finite, and every allocation that
 * fails. */
#include "learn_support.h"
#include "zoo/zoo.h"

enum { BATCH = 5, SIDE = 24, DIM = 16, IMAGE = 3 * SIDE * SIDE };

static arc_graph *small_net(void) {
    return learn_iresnet((int[]){2, 1, 1, 1}, 16, SIDE, DIM);
}

/* A step with a batch of n; all gradients, then statistics, then the images' gradient into `out`. */
static size_t step(arc_learner *l, int64_t n, bool accumulate, float *out) {
    float *images = learn_numbers("images", BATCH * IMAGE, 1, 0), *loss = learn_numbers("loss", BATCH * DIM, 1, 0);
    float *d_images = calloc(BATCH * IMAGE, sizeof *d_images);
    const float *embeddings;
    learn_forward(l, images, n, &embeddings);
    learn_backward(l, loss, accumulate, d_images);
    size_t at = 0;
    for (size_t i = 0; i < arc_learner_parameters(l) + arc_learner_statistics(l); i++) {
        const size_t parameters = arc_learner_parameters(l);
        const arc_learn_parameter *p = i < parameters ? arc_learner_parameter(l, i) : arc_learner_statistic(l, i - parameters);
        const float *from = i < parameters ? p->gradient : p->value;
        if (from && out)
            memcpy(out + at, from, p->count * sizeof *out);
        at += p->count;
    }
    if (out)
        memcpy(out + at, d_images, (size_t)n * IMAGE * sizeof *out);
    free(images);
    free(loss);
    free(d_images);
    return at + BATCH * IMAGE;
}

static void memory_is_what_was_said(void **state) {
    (void)state;
    size_t activations[4];
    for (int kind = 0; kind < 4; kind++) {
        arc_test_counter c = {0};
        arc_settings settings = arc_test_settings(NULL, 2);
        settings.alloc = arc_test_counter_alloc(&c);
        arc_context *ctx = arc_test_open(&settings);
        arc_graph *g = small_net();
        const size_t before = c.bytes;
        arc_learner *l = learn_new(ctx, g, BATCH, SIDE, (arc_learner_options){.bf16 = kind % 2, .recompute = kind / 2});
        arc_learner_memory m;
        arc_learner_memory_of(l, &m);
        const size_t said = m.weights_bytes + m.gradients_bytes + m.activations_bytes + m.scratch_bytes, took = c.bytes - before;
        activations[kind] = m.activations_bytes;
        assert_true(took >= said &&
                    took <= said + (128 << 10)); /* the rest: the last piece of the arena of small things, and padding */
        const long requests = c.requests;
        for (int i = 0; i < 3; i++)
            step(l, BATCH - i, false, NULL);
        assert_int_equal(c.requests, requests);
        arc_learner_free(&l);
        assert_int_equal(c.bytes, before);
        arc_graph_free(&g);
        arc_context_close(&ctx);
    }
    assert_true(activations[2] < activations[0] * 3 / 4); /* recomputed */
    if (activations[1] != activations[0])                 /* this machine has bfloat16 */
        assert_true(activations[1] < activations[0] * 6 / 10);
}

static void bits_do_not_depend_on_threads_or_segments(void **state) {
    (void)state;
    arc_graph *g = small_net();
    for (int bf16 = 0; bf16 < 2; bf16++) {
        float *first = NULL;
        size_t count = 0;
        for (int i = 0; i < 6; i++) {
            arc_context *ctx = arc_test_context(NULL, (int[]){1, 2, 3, 7, 2, 2}[i]);
            arc_learner *l =
                learn_new(ctx, g, i == 5 ? BATCH + 3 : BATCH, SIDE, (arc_learner_options){.bf16 = bf16, .recompute = i == 4});
            float *out = calloc(1 << 22, sizeof *out);
            count = step(l, BATCH, false, out);
            assert_true(count < 1 << 22);
            if (first)
                assert_memory_equal(first, out, count * sizeof *out);
            else
                first = out;
            if (first != out)
                free(out);
            arc_learner_free(&l);
            arc_context_close(&ctx);
        }
        free(first);
    }
    arc_graph_free(&g);
}

static void gradients_accumulate(void **state) {
    (void)state;
    arc_graph *g = small_net();
    arc_context *ctx = arc_test_context(NULL, 2);
    for (int bf16 = 0; bf16 < 2; bf16++) {
        arc_learner *l = learn_new(ctx, g, BATCH, SIDE, (arc_learner_options){.bf16 = bf16});
        float *once = calloc(1 << 22, sizeof *once), *twice = calloc(1 << 22, sizeof *twice);
        step(l, BATCH, false, once);
        step(l, BATCH, true, twice);
        size_t at = 0;
        for (size_t i = 0; i < arc_learner_parameters(l); i++) {
            const arc_learn_parameter *p = arc_learner_parameter(l, i);
            for (size_t k = 0; !p->frozen && k < p->count; k++)
                assert_true(fabsf(twice[at + k] - 2 * once[at + k]) <= 1e-5f * (1 + fabsf(once[at + k])));
            at += p->count;
        }
        free(once);
        free(twice);
        arc_learner_free(&l);
    }
    arc_graph_free(&g);
    arc_context_close(&ctx);
}

static void what_is_frozen_has_no_gradient(void **state) {
    (void)state;
    static const char *const frozen[] = {"conv1.", "bn1.", "prelu.", "layer1."};
    arc_graph *g = small_net();
    arc_context *ctx = arc_test_context(NULL, 2);
    arc_learner *all = learn_new(ctx, g, BATCH, SIDE, (arc_learner_options){0});
    arc_learner *some = learn_new(ctx, g, BATCH, SIDE, (arc_learner_options){.frozen = frozen, .frozens = ARC_COUNT(frozen)});
    arc_learner_memory a, b;
    arc_learner_memory_of(all, &a);
    arc_learner_memory_of(some, &b);
    assert_true(b.gradients_bytes < a.gradients_bytes);
    const float *embeddings;
    float *images = learn_numbers("images", BATCH * IMAGE, 1, 0), *loss = learn_numbers("loss", BATCH * DIM, 1, 0);
    learn_forward(all, images, BATCH, &embeddings);
    learn_backward(all, loss, false, NULL);
    learn_forward(some, images, BATCH, &embeddings);
    learn_backward(some, loss, false, NULL);
    int left = 0;
    for (size_t i = 0; i < arc_learner_parameters(all); i++) {
        const arc_learn_parameter *p = arc_learner_parameter(all, i), *q = arc_learner_parameter(some, i);
        const bool below = strncmp(p->name, "layer1.", 7) == 0 || strncmp(p->name, "conv1", 5) == 0 ||
                           strncmp(p->name, "bn1.", 4) == 0 || strncmp(p->name, "prelu.", 6) == 0;
        assert_int_equal(q->frozen, below || p->frozen);
        assert_int_equal(p->frozen, strcmp(p->name, "features.weight") == 0);
        if (q->frozen) {
            assert_null(q->gradient);
            continue;
        }
        left++;
        assert_memory_equal(p->gradient, q->gradient, p->count * sizeof(float));
    }
    assert_true(left > 20);
    free(images);
    free(loss);
    arc_learner_free(&all);
    arc_learner_free(&some);
    arc_graph_free(&g);
    arc_context_close(&ctx);
}

/* ---- gradients of the images alone ----------------------------------------------------------------------------------------- */

/* The images' gradient of a loss on embeddings and on the statistics of every normalisation. */
static void image_gradient(arc_learner *l, const arc_graph *g, float *d_images) {
    const arc_shape *in = &g->value[g->input[0]].shape;
    const size_t image = (size_t)(in->dim[1] * in->dim[2] * in->dim[3]);
    float *images = learn_numbers("images", BATCH * image, 1, 0), *loss = learn_numbers("loss", BATCH * DIM, 1, 0);
    const float *embeddings;
    for (size_t i = 0; i < arc_learner_norms(l); i++) {
        const arc_learn_norm *norm = arc_learner_norm(l, i);
        for (size_t c = 0; c < norm->channels; c++) {
            norm->d_mean[c] = learn_number("d_mean", (uint32_t)c);
            norm->d_variance[c] = learn_number("d_variance", (uint32_t)c);
        }
    }
    learn_forward(l, images, BATCH, &embeddings);
    learn_backward(l, loss, false, d_images);
    free(images);
    free(loss);
}

/* Statistics of the last forward, one after the other. */
static size_t batch_statistics(arc_learner *l, float *out) {
    size_t at = 0;
    for (size_t i = 0; i < arc_learner_norms(l); i++) {
        const arc_learn_norm *norm = arc_learner_norm(l, i);
        memcpy(out + at, norm->mean, norm->channels * sizeof *out);
        memcpy(out + at + norm->channels, norm->variance, norm->channels * sizeof *out);
        at += 2 * norm->channels;
    }
    return at;
}

static void input_only(const arc_context *ctx, const arc_graph *g, int side, arc_learner_options o) {
    enum { STATISTICS = 1 << 15 };
    const size_t image = 3 * (size_t)(side * side);
    float *d[2], *statistics[2];
    size_t count[2];
    arc_learner_memory m[2];
    for (int alone = 0; alone < 2; alone++) {
        o.input_only = alone;
        arc_learner *l = learn_new(ctx, g, BATCH, side, o);
        d[alone] = malloc(2 * BATCH * image * sizeof **d);
        statistics[alone] = malloc(STATISTICS * sizeof **statistics);
        image_gradient(l, g, d[alone]); /* in training, */
        count[alone] = batch_statistics(l, statistics[alone]);
        assert_true(count[alone] <= STATISTICS);
        arc_learner_evaluate(l, true); /* and by the running statistics */
        image_gradient(l, g, d[alone] + BATCH * image);
        arc_learner_memory_of(l, &m[alone]);
        for (size_t i = 0; i < arc_learner_parameters(l); i++)
            assert_int_equal(!arc_learner_parameter(l, i)->gradient, alone || arc_learner_parameter(l, i)->frozen);
        arc_learner_free(&l);
    }
    assert_int_equal(count[0], count[1]);
    assert_memory_equal(statistics[0], statistics[1], count[0] * sizeof **statistics);
    assert_memory_equal(d[0], d[1], 2 * BATCH * image * sizeof **d);
    float size = 0;
    for (size_t i = 0; i < 2 * BATCH * image; i++)
        size += fabsf(d[0][i]);
    assert_true(isfinite(size) && size > 1);
    printf("bf16 %d, recompute %d: activations %zu KiB, of the images alone %zu KiB; scratch %zu and %zu KiB\n", o.bf16,
           o.recompute, m[0].activations_bytes >> 10, m[1].activations_bytes >> 10, m[0].scratch_bytes >> 10,
           m[1].scratch_bytes >> 10);
    assert_int_equal(m[1].gradients_bytes, 0);
    assert_int_equal(m[1].weights_bytes, m[0].weights_bytes);
    assert_true(m[1].scratch_bytes <= m[0].scratch_bytes);
    assert_true(o.recompute || m[1].activations_bytes * 4 < m[0].activations_bytes * 3); /* what convolutions read is not kept */
    assert_true(m[1].activations_bytes <= m[0].activations_bytes);
    for (int alone = 0; alone < 2; alone++) {
        free(d[alone]);
        free(statistics[alone]);
    }
}

/* To the bit the gradient that a learner of everything gives, with less memory. */
static void images_alone_have_the_same_gradient(void **state) {
    (void)state;
    arc_graph *g = small_net();
    arc_context *ctx = arc_test_context(NULL, 2);
    for (int kind = 0; kind < 4; kind++)
        input_only(ctx, g, SIDE, (arc_learner_options){.bf16 = kind % 2, .recompute = kind / 2});
    arc_graph_free(&g);
    assert_int_equal(arc_zoo_new(&g, &arc_alloc_libc, "mbf", DIM, 1, NULL), ARC_OK);
    input_only(ctx, g, 112, (arc_learner_options){0});
    arc_learner *l = learn_new(ctx, g, BATCH, 112, (arc_learner_options){.input_only = true});
    float *images = learn_numbers("images", BATCH * 3 * 112 * 112, 1, 0), *loss = learn_numbers("loss", BATCH * DIM, 1, 0);
    const float *embeddings;
    arc_error err = {0};
    learn_forward(l, images, BATCH, &embeddings);
    assert_int_equal(arc_learner_backward(l, loss, false, NULL, &err), ARC_EINVAL);
    free(images);
    free(loss);
    arc_learner_free(&l);
    arc_graph_free(&g);
    arc_context_close(&ctx);
}

/* With all by their running statistics it is evaluation, to the bit; one that uses them keeps them while the others move
 * theirs. */
static void norms_by_running_statistics_stay(void **state) {
    (void)state;
    arc_graph *g = small_net();
    arc_context *ctx = arc_test_context(NULL, 2);
    arc_learner *learner = learn_new(ctx, g, BATCH, SIDE, (arc_learner_options){0});
    arc_learner *evaluating = learn_new(ctx, g, BATCH, SIDE, (arc_learner_options){0});
    const size_t count = step(learner, BATCH, false, NULL);
    float *a = calloc(count, sizeof *a), *b = calloc(count, sizeof *b);
    step(evaluating, BATCH, false, NULL);
    arc_learner_evaluate(evaluating, true);
    for (size_t i = 0; i < arc_learner_norms(learner); i++)
        arc_learner_norm(learner, i)->uses_running = true;
    step(learner, BATCH, false, a);
    step(evaluating, BATCH, false, b);
    assert_memory_equal(a, b, count * sizeof *a);
    for (size_t i = 1; i < arc_learner_norms(learner); i++)
        arc_learner_norm(learner, i)->uses_running = false;
    const arc_learn_norm *first = arc_learner_norm(learner, 0), *last = arc_learner_norm(learner, arc_learner_norms(learner) - 1);
    const float before[2] = {first->running_mean->value[0], last->running_mean->value[0]};
    step(learner, BATCH, false, NULL);
    assert_true(first->running_mean->value[0] == before[0]);
    assert_true(last->running_mean->value[0] != before[1]);
    free(a);
    free(b);
    arc_learner_free(&learner);
    arc_learner_free(&evaluating);
    arc_graph_free(&g);
    arc_context_close(&ctx);
}

/* The graph that comes out, run by a session, is the learner in evaluation. */
static void the_graph_is_the_learner(void **state) {
    (void)state;
    arc_graph *g = small_net(), *copy = NULL;
    arc_context *ctx = arc_test_context(NULL, 2);
    arc_learner *l = learn_new(ctx, g, BATCH, SIDE, (arc_learner_options){0});
    step(l, BATCH, false, NULL);
    assert_int_equal(arc_graph_set_meta(g, "arcface.contract", "1"), ARC_OK);
    assert_int_equal(arc_graph_set_meta(g, "arcface.selftest", "old"), ARC_OK);
    assert_int_equal(arc_learner_graph(l, &copy, NULL), ARC_OK);
    assert_string_equal(arc_graph_meta(copy, "arcface.contract"), "1");
    assert_null(arc_graph_meta(copy, "arcface.selftest"));
    arc_learner_evaluate(l, true);
    float *images = learn_numbers("images", BATCH * IMAGE, 1, 0);
    const float *embeddings;
    learn_forward(l, images, BATCH, &embeddings);
    float *before = malloc(BATCH * DIM * sizeof *before);
    memcpy(before, embeddings, BATCH * DIM * sizeof *before);
    arc_learner_free(&l);
    arc_graph_free(&g); /* the copy stands alone */
    float *out = net_run(ctx, copy, false, net_shape(4, BATCH, 3, SIDE, SIDE), images, NULL, NULL);
    double largest = 0;
    for (size_t i = 0; i < BATCH * DIM; i++)
        largest = fmax(largest, fabs((double)before[i]));
    assert_true(arc_test_max_error(out, before, BATCH * DIM) < 1e-5 * largest);
    free(before);
    free(out);
    free(images);
    arc_graph_free(&copy);
    arc_context_close(&ctx);
}

static void what_is_not_finite_is_named(void **state) {
    (void)state;
    arc_graph *g = small_net();
    arc_context *ctx = arc_test_context(NULL, 2);
    for (int bf16 = 0; bf16 < 2; bf16++) {
        arc_learner *l = learn_new(ctx, g, BATCH, SIDE, (arc_learner_options){.bf16 = bf16});
        float *images = learn_numbers("images", BATCH * IMAGE, 1, 0), *loss = learn_numbers("loss", BATCH * DIM, 1, 0);
        const float *embeddings;
        learn_forward(l, images, BATCH, &embeddings);
        assert_null(arc_learner_not_finite(l));
        loss[3] = NAN;
        learn_backward(l, loss, false, NULL);
        assert_string_equal(arc_learner_not_finite(l), "features");
        for (size_t i = 0; i < arc_learner_parameters(l); i++)
            if (strcmp(arc_learner_parameter(l, i)->name, "layer2.0.conv1.weight") == 0)
                arc_learner_parameter(l, i)->value[7] = INFINITY;
        learn_forward(l, images, BATCH, &embeddings);
        assert_string_equal(arc_learner_not_finite(l), "layer2.0.conv1");
        free(images);
        free(loss);
        arc_learner_free(&l);
    }
    arc_graph_free(&g);
    arc_context_close(&ctx);
}

static void wrong_calls_are_refused(void **state) {
    (void)state;
    arc_graph *g = small_net();
    arc_context *ctx = arc_test_context(NULL, 1);
    arc_error err = {0};
    arc_learner *l = learn_new(ctx, g, BATCH, SIDE, (arc_learner_options){0}), *none = NULL;
    const float *embeddings;
    float images[1] = {0};
    assert_int_equal(arc_learner_forward(l, images, BATCH + 1, &embeddings, &err), ARC_EINVAL);
    assert_int_equal(arc_learner_forward(l, images, 0, &embeddings, &err), ARC_EINVAL);
    assert_int_equal(arc_learner_forward(l, images, 1, &embeddings, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "features"));
    assert_int_equal(arc_learner_backward(l, images, false, NULL, &err), ARC_EINVAL);
    arc_learner_free(&l);
    const arc_shape in = net_shape(4, 1, 3, SIDE, SIDE);
    assert_int_equal(arc_learner_new(&none, ctx, g, &in, &(arc_learner_options){.batch = 0}, &err), ARC_EINVAL);
    assert_int_equal(arc_learner_new(&none, ctx, g, &in, &(arc_learner_options){.batch = 2, .momentum = 2}, &err), ARC_EINVAL);
    arc_graph_free(&g);
    net t;
    net_new(&t, &arc_alloc_libc, 1);
    const int x = net_input(&t, "x", net_shape(4, -1, 3, SIDE, SIDE));
    net_done(
        &t, net_node(&t, "Flatten", net_node(&t, "Tanh", x, ARC_NO_VALUE, ARC_NO_VALUE, NULL), ARC_NO_VALUE, ARC_NO_VALUE, NULL));
    assert_int_equal(arc_learner_new(&none, ctx, t.g, &in, &(arc_learner_options){.batch = 2}, &err), ARC_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "Tanh"));
    assert_null(none);
    arc_graph_free(&t.g);
    arc_context_close(&ctx);
}

/* ---- what does not learn: x is [n,4,4,4], maps of as many columns as channels ---- */

static int constant_minus(net *t, int x) {
    return net_node(t, "Sub", net_constant(t, net_shape(1, 1, 0, 0, 0), 0, 1), x, ARC_NO_VALUE, NULL);
}
static int constant_of_columns(net *t, int x) {
    return net_node(t, "Mul", x, net_constant(t, net_shape(1, 4, 0, 0, 0), 0, 1), ARC_NO_VALUE, NULL);
}
static int slopes_of_columns(net *t, int x) {
    return net_node(t, "PRelu", x, net_constant(t, net_shape(1, 4, 0, 0, 0), 0, 1), ARC_NO_VALUE, NULL);
}
static int product_of_maps(net *t, int x) {
    return net_node(t, "Mul", x, net_prelu(t, x, 4), ARC_NO_VALUE, NULL);
}
static int shared_slopes(net *t, int x) {
    const int slopes = net_constant(t, net_shape(3, 4, 1, 1, 0), 0, 1);
    return net_node(t, "PRelu", net_node(t, "PRelu", x, slopes, ARC_NO_VALUE, NULL), slopes, ARC_NO_VALUE, NULL);
}
static int dilated(net *t, int x) {
    static const int64_t two[] = {2, 2}, pads[] = {2, 2, 2, 2};
    arc_node *n;
    const int y = net_node(t, "Conv", x, net_constant(t, net_shape(4, 4, 4, 3, 3), -1, 1), ARC_NO_VALUE, &n);
    assert_int_equal(arc_node_ints(t->g, n, "dilations", 2, two), ARC_OK);
    assert_int_equal(arc_node_ints(t->g, n, "pads", 4, pads), ARC_OK);
    return y;
}
static int weights_made_by_nodes(net *t, int x) {
    const int w = net_constant(t, net_shape(4, 4, 4, 1, 1), -1, 1);
    return net_node(t, "Conv", x, net_node(t, "Relu", w, ARC_NO_VALUE, ARC_NO_VALUE, NULL), ARC_NO_VALUE, NULL);
}

static void what_cannot_learn_is_named(void **state) {
    (void)state;
    static const struct {
        int (*build)(net *, int);
        const char *why;
    } cases[] = {{constant_minus, "constant minus"},
                 {constant_of_columns, "one a channel"},
                 {slopes_of_columns, "one a channel"},
                 {product_of_maps, "two activations"},
                 {shared_slopes, "another layer's"},
                 {dilated, "dilated"},
                 {weights_made_by_nodes, "an input is a constant"}};
    arc_context *ctx = arc_test_context(NULL, 1);
    const arc_shape in = net_shape(4, 1, 4, 4, 4);
    for (size_t i = 0; i < ARC_COUNT(cases); i++) {
        net t;
        arc_error err = {0};
        arc_learner *none = NULL;
        net_new(&t, &arc_alloc_libc, 1);
        const int y = cases[i].build(&t, net_input(&t, "x", net_shape(4, -1, 4, 4, 4)));
        net_done(&t, net_node(&t, "Flatten", y, ARC_NO_VALUE, ARC_NO_VALUE, NULL));
        assert_int_equal(arc_learner_new(&none, ctx, t.g, &in, &(arc_learner_options){.batch = 2}, &err), ARC_EUNSUPPORTED);
        if (!strstr(err.text, cases[i].why))
            fail_msg("'%s' does not say '%s'", err.text, cases[i].why);
        assert_null(none);
        arc_graph_free(&t.g);
    }
    arc_context_close(&ctx);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    arc_graph *g = small_net();
    arc_test_heap heap = {0};
    arc_context *ctx = arc_test_context(&heap, 2);
    for (int recompute = 0; recompute < 2; recompute++) {
        arc_test_walk walk = {.heap = &heap};
        arc_status st;
        do {
            arc_learner *l = NULL;
            arc_graph *copy = NULL;
            arc_error err = {0};
            const arc_shape in = net_shape(4, BATCH, 3, SIDE, SIDE);
            arc_test_walk_begin(&walk);
            st = arc_learner_new(&l, ctx, g, &in, &(arc_learner_options){.batch = BATCH, .recompute = recompute}, &err);
            if (st == ARC_OK)
                st = arc_learner_graph(l, &copy, &err);
            arc_graph_free(&copy);
            arc_learner_free(&l);
        } while (arc_test_walk_again(&walk, st));
        assert_true(walk.failures >= 8);
    }
    arc_context_close(&ctx);
    arc_graph_free(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_what_was_said),
        cmocka_unit_test(bits_do_not_depend_on_threads_or_segments),
        cmocka_unit_test(gradients_accumulate),
        cmocka_unit_test(what_is_frozen_has_no_gradient),
        cmocka_unit_test(images_alone_have_the_same_gradient),
        cmocka_unit_test(norms_by_running_statistics_stay),
        cmocka_unit_test(the_graph_is_the_learner),
        cmocka_unit_test(what_is_not_finite_is_named),
        cmocka_unit_test(wrong_calls_are_refused),
        cmocka_unit_test(what_cannot_learn_is_named),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("learning steps", tests, NULL, NULL);
}
