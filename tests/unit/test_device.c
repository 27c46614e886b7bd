/* What a run asks of the machine, through columns that count and refuse: a session and a learner ask their execution's device for
 * all of it, copy to and from one whose memory is apart, hold nothing afterwards and say what went wrong. The reference device
 * against the processor, and networks in double. */
#include "device/reference/reference.h"
#include "learn_support.h"

enum { SIDE = 16, DIM = 24, BATCH = 3, IMAGE = 3 * SIDE * SIDE };

/* ---- a column that counts, over the processor's ---------------------------------------------------------------------------- */

static struct {
    long allocs, frees, uploads, downloads, prepares, learn_prepares, runs, forwards, backwards, syncs;
    long fail_sync; /* the number of the call that fails, 0: none */
} seen;

static void *count_alloc(const arc_execution *x, size_t bytes) {
    seen.allocs++;
    void *block = arc_device_cpu.alloc(x, bytes);
    if (block)
        memset(block, 0xff, bytes); /* no number is there that was not brought there */
    return block;
}
static void count_free(const arc_execution *x, void *block) {
    seen.frees += block != NULL;
    arc_device_cpu.free(x, block);
}
static void count_upload(const arc_execution *x, void *to, const void *from, size_t bytes) {
    seen.uploads++;
    arc_device_cpu.upload(x, to, from, bytes);
}
static void count_download(const arc_execution *x, void *to, const void *from, size_t bytes) {
    seen.downloads++;
    arc_device_cpu.download(x, to, from, bytes);
}
static arc_status count_prepare(const arc_execution *x, arc_prepare *p) {
    seen.prepares++;
    return arc_device_cpu.prepare(x, p);
}
static arc_status count_learn_prepare(const arc_execution *x, arc_learn_prepare *p) {
    seen.learn_prepares++;
    return arc_device_cpu.learn_prepare(x, p);
}
static void count_run(const arc_execution *x, const arc_step *s) {
    seen.runs++;
    arc_device_cpu.run(x, s);
}
static void count_forward(const arc_execution *x, const arc_learn_step *s, const arc_learn_run *r) {
    seen.forwards++;
    arc_device_cpu.forward(x, s, r);
}
static void count_backward(const arc_execution *x, const arc_learn_step *s, const arc_learn_run *r) {
    seen.backwards++;
    arc_device_cpu.backward(x, s, r);
}
static arc_status count_sync(const arc_execution *x, arc_error *err) {
    (void)x;
    return ++seen.syncs == seen.fail_sync ? arc_fail(err, ARC_EIO, "the device does not answer") : ARC_OK;
}

static arc_device counting(bool shares_memory) {
    memset(&seen, 0, sizeof seen);
    return (arc_device){.name = "counting",
                        .shares_memory = shares_memory,
                        .alloc = count_alloc,
                        .free = count_free,
                        .upload = count_upload,
                        .download = count_download,
                        .prepare = count_prepare,
                        .learn_prepare = count_learn_prepare,
                        .run = count_run,
                        .forward = count_forward,
                        .backward = count_backward,
                        .sync = count_sync};
}

/* ---- sessions -------------------------------------------------------------------------------------------------------------- */

/* Two outputs: embeddings, and the input as it came. */
static arc_graph *small_net(const arc_alloc *a) {
    net t;
    net_new(&t, a, 5);
    const int x = net_input(&t, "x", net_shape(4, -1, 3, SIDE, SIDE)), y = net_iresnet(&t, x, SIDE, DIM);
    assert_int_equal(arc_graph_add_output(t.g, y), ARC_OK);
    net_done(&t, x);
    return t.g;
}

static char last_plan[64]; /* its id, which goes with the session */

static arc_status run_on(const arc_context *ctx, const arc_graph *g, const arc_execution *x, int64_t n, const float *images,
                         float *embeddings, arc_plan_stats *stats, arc_error *err) {
    const arc_session_options options = {.execution = x};
    arc_tensor in = {.dtype = ARC_F32, .shape = net_shape(4, n, 3, SIDE, SIDE), .data = (void *)(uintptr_t)images}, out[2];
    arc_session *s = NULL;
    arc_status st = arc_session_new(&s, ctx, g, &options, err);
    for (int round = 0; st == ARC_OK && round < 2; round++)
        st = arc_session_run(s, &in, out, err);
    if (st == ARC_OK) {
        memcpy(embeddings, out[0].data, (size_t)n * DIM * sizeof *embeddings);
        assert_memory_equal(out[1].data, images, (size_t)n * IMAGE * sizeof *images);
    }
    if (st == ARC_OK && stats) {
        st = arc_session_stats(s, stats);
        snprintf(last_plan, sizeof last_plan, "%s", stats->id);
        stats->id = last_plan;
    }
    arc_session_free(&s);
    return st;
}

/* Memory shared or apart, the same bits as without a device of one's own; what was taken is given back; every step is the
 * device's. */
static void sessions_ask_their_device(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 2);
    arc_graph *g = small_net(&arc_alloc_libc);
    float *images = net_floats(1, BATCH * IMAGE), want[BATCH * DIM], got[BATCH * DIM];
    assert_int_equal(run_on(ctx, g, NULL, BATCH, images, want, NULL, NULL), ARC_OK);
    for (int shared = 0; shared < 2; shared++) {
        const arc_device device = counting(shared);
        arc_execution x = arc_execution_of(ctx);
        arc_plan_stats stats;
        x.device = &device;
        assert_int_equal(run_on(ctx, g, &x, BATCH, images, got, &stats, NULL), ARC_OK);
        assert_memory_equal(got, want, sizeof want);
        assert_int_equal(seen.runs, 2 * stats.steps);
        assert_true(seen.prepares > 5 && seen.prepares <= stats.steps);
        assert_true(seen.allocs > 3);
        assert_int_equal(seen.allocs, seen.frees);
        assert_int_equal(seen.uploads, shared ? 0 : 2);
        assert_int_equal(seen.downloads, shared ? 0 : 4);
        assert_int_equal(seen.syncs, 2);
        assert_int_equal(seen.learn_prepares + seen.forwards + seen.backwards, 0);
    }
    free(images);
    arc_graph_free(&g);
    arc_context_close(&ctx);
}

static void what_goes_wrong_on_the_device_is_said(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    arc_graph *g = small_net(&arc_alloc_libc);
    float *images = net_floats(1, IMAGE), got[DIM];
    const arc_device device = counting(true);
    arc_execution x = arc_execution_of(ctx);
    arc_error err = {0};
    x.device = &device;
    seen.fail_sync = 2;
    assert_int_equal(run_on(ctx, g, &x, 1, images, got, NULL, &err), ARC_EIO);
    assert_string_equal(err.text, "the device does not answer");
    assert_int_equal(seen.allocs, seen.frees);
    free(images);
    arc_graph_free(&g);
    arc_context_close(&ctx);
}

/* An execution's threads and memory are its own; the context's stay. */
static void executions_stand_beside_the_context(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    const arc_alloc own = arc_test_heap_alloc(&heap);
    arc_context *ctx = arc_test_context(NULL, 2);
    arc_graph *g = small_net(&arc_alloc_libc);
    float *images = net_floats(1, BATCH * IMAGE), want[BATCH * DIM], got[BATCH * DIM];
    arc_execution x = arc_execution_of(ctx);
    assert_int_equal(run_on(ctx, g, &x, BATCH, images, want, NULL, NULL), ARC_OK);
    assert_true(x.device == &arc_device_cpu && x.pool == ctx->pool && x.alloc == &ctx->alloc);
    arc_pool *pool = NULL;
    assert_int_equal(arc_pool_new(&pool, &arc_alloc_libc, 3, NULL), ARC_OK);
    x.pool = pool;
    x.alloc = &own;
    assert_int_equal(run_on(ctx, g, &x, BATCH, images, got, NULL, NULL), ARC_OK);
    assert_memory_equal(got, want, sizeof want);
    assert_true(heap.requests > 10);
    assert_int_equal(heap.live, 0);
    x.pool = NULL;
    assert_int_equal(run_on(ctx, g, &x, BATCH, images, got, NULL, NULL), ARC_OK);
    assert_memory_equal(got, want, sizeof want);
    assert_int_equal(arc_pool_threads(ctx->pool), 2);
    arc_pool_free(&pool);
    free(images);
    arc_graph_free(&g);
    arc_context_close(&ctx);
}

/* ---- learners -------------------------------------------------------------------------------------------------------------- */

static void learners_ask_their_device(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 2);
    arc_graph *g = learn_iresnet((int[]){1, 1, 1, 1}, 16, SIDE, DIM);
    float *images = learn_numbers("images", BATCH * IMAGE, 1, 0), *loss = learn_numbers("loss", BATCH * DIM, 1, 0);
    float *d[2] = {malloc(BATCH * IMAGE * sizeof **d), malloc(BATCH * IMAGE * sizeof **d)};
    const arc_device device = counting(true);
    arc_execution x = arc_execution_of(ctx);
    x.device = &device;
    for (int own = 0; own < 2; own++) {
        const float *embeddings;
        arc_learner *l = learn_new(ctx, g, BATCH, SIDE, (arc_learner_options){.execution = own ? &x : NULL});
        learn_forward(l, images, BATCH, &embeddings);
        learn_backward(l, loss, false, d[own]);
        arc_error err = {0};
        seen.fail_sync = own ? seen.syncs + 1 : 0;
        assert_int_equal(arc_learner_forward(l, images, BATCH, &embeddings, &err), own ? ARC_EIO : ARC_OK);
        arc_learner_free(&l);
    }
    assert_memory_equal(d[0], d[1], BATCH * IMAGE * sizeof **d);
    assert_true(seen.learn_prepares > 20);
    assert_int_equal(seen.forwards, 2 * seen.learn_prepares);
    assert_int_equal(seen.backwards, seen.learn_prepares);
    assert_int_equal(seen.allocs, 5); /* weights, gradients, activations, scratch, shared scratch */
    assert_int_equal(seen.frees, 5);
    assert_int_equal(seen.runs + seen.prepares, 0);
    free(images);
    free(loss);
    free(d[0]);
    free(d[1]);
    arc_graph_free(&g);
    arc_context_close(&ctx);
}

/* After a call that the device did not finish there is nothing that a backward could follow. */
static void learners_stop_when_their_device_does(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    arc_graph *g = learn_iresnet((int[]){1, 1, 1, 1}, 16, SIDE, DIM);
    float *images = learn_numbers("images", BATCH * IMAGE, 1, 0), *loss = learn_numbers("loss", BATCH * DIM, 1, 0);
    const arc_device device = counting(true);
    arc_execution x = arc_execution_of(ctx);
    const float *embeddings;
    x.device = &device;
    arc_learner *l = learn_new(ctx, g, BATCH, SIDE, (arc_learner_options){.execution = &x});
    for (int late = 0; late < 2; late++) { /* the forward fails; the backward behind it does */
        arc_error err = {0};
        seen.fail_sync = seen.syncs + 1 + late;
        assert_int_equal(arc_learner_forward(l, images, BATCH, &embeddings, &err), late ? ARC_OK : ARC_EIO);
        assert_int_equal(!embeddings, !late);
        if (late)
            assert_int_equal(arc_learner_backward(l, loss, false, NULL, &err), ARC_EIO);
        assert_string_equal(err.text, "the device does not answer");
        assert_int_equal(arc_learner_backward(l, loss, false, NULL, &err), ARC_EINVAL);
    }
    learn_forward(l, images, BATCH, &embeddings);
    learn_backward(l, loss, false, NULL);
    arc_learner_free(&l);
    free(images);
    free(loss);
    arc_graph_free(&g);
    arc_context_close(&ctx);
}

static void some_devices_have_no_learners(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    arc_graph *g = learn_iresnet((int[]){1, 1, 1, 1}, 16, SIDE, DIM);
    const arc_device apart = counting(false);
    const arc_device *const devices[] = {&arc_device_reference, &apart};
    for (size_t i = 0; i < ARC_COUNT(devices); i++) {
        const arc_shape in = net_shape(4, BATCH, 3, SIDE, SIDE);
        arc_execution x = arc_execution_of(ctx);
        arc_learner *l = NULL;
        arc_error err = {0};
        x.device = devices[i];
        const arc_learner_options o = {.batch = BATCH, .momentum = 0.1f, .execution = &x};
        assert_int_equal(arc_learner_new(&l, ctx, g, &in, &o, &err), ARC_EUNSUPPORTED);
        assert_non_null(strstr(err.text, devices[i]->name));
        assert_null(l);
    }
    arc_graph_free(&g);
    arc_context_close(&ctx);
}

/* ---- the reference --------------------------------------------------------------------------------------------------------- */

/* With passes and without, close to the processor; from end to end in double, close to both. */
static void the_reference_agrees(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 2);
    arc_graph *g = small_net(&arc_alloc_libc);
    float *images = net_floats(1, BATCH * IMAGE), fast[BATCH * DIM], slow[BATCH * DIM];
    arc_execution x = arc_execution_of(ctx);
    arc_plan_stats stats;
    assert_int_equal(run_on(ctx, g, &x, BATCH, images, fast, NULL, NULL), ARC_OK);
    x.device = &arc_device_reference;
    assert_int_equal(run_on(ctx, g, &x, BATCH, images, slow, &stats, NULL), ARC_OK);
    assert_true(strncmp(stats.id, "reference-", 10) == 0);
    arc_reference_network *network;
    const arc_shape in = net_shape(4, BATCH, 3, SIDE, SIDE);
    assert_int_equal(arc_reference_network_new(&network, g, &in, NULL), ARC_OK);
    for (size_t i = 0; i < BATCH * IMAGE; i++)
        arc_reference_network_value(network, g->input[0]).data[i] = (double)images[i];
    arc_reference_network_run(network, false);
    const double *want = arc_reference_network_value(network, g->output[0]).data;
    double norm = 0, apart[2] = {0};
    for (size_t i = 0; i < BATCH * DIM; i++) {
        norm += want[i] * want[i] / BATCH;
        apart[0] = fmax(apart[0], fabs((double)fast[i] - want[i]));
        apart[1] = fmax(apart[1], fabs((double)slow[i] - want[i]));
    }
    printf("of the output's norm: the processor is %.2g apart, the reference device %.2g\n", apart[0] / sqrt(norm),
           apart[1] / sqrt(norm));
    assert_true(apart[0] > 0 && apart[0] < 1e-5 * sqrt(norm));
    assert_true(apart[1] > 0 && apart[1] < 1e-6 * sqrt(norm));
    arc_reference_network_free(&network);
    free(images);
    arc_graph_free(&g);
    arc_context_close(&ctx);
}

static void what_has_no_reference_is_named(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    net t;
    net_new(&t, &arc_alloc_libc, 1);
    const int x = net_input(&t, "x", net_shape(2, 2, 3, 0, 0));
    net_done(&t, net_node(&t, "ArgMax", x, ARC_NO_VALUE, ARC_NO_VALUE, NULL));
    const arc_shape in = net_shape(2, 2, 3, 0, 0);
    arc_execution how = arc_execution_of(ctx);
    how.device = &arc_device_reference;
    const arc_session_options options = {.execution = &how};
    arc_session *s = NULL;
    arc_reference_network *network = NULL;
    arc_error err = {0};
    assert_int_equal(arc_session_new(&s, ctx, t.g, &options, &err), ARC_OK);
    assert_int_equal(arc_session_plan(s, &in, &err), ARC_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "ArgMax"));
    assert_int_equal(arc_reference_network_new(&network, t.g, &in, &err), ARC_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "ArgMax"));
    assert_null(network);
    arc_session_free(&s);
    arc_graph_free(&t.g);
    arc_context_close(&ctx);
}

static arc_status everything(arc_test_heap *heap, const arc_graph *g) {
    const arc_settings settings = arc_test_settings(heap, 1);
    arc_context *ctx = NULL;
    float *images = net_floats(1, IMAGE), got[DIM];
    arc_status st = arc_context_open(&ctx, &settings, NULL);
    arc_reference_network *network = NULL;
    const arc_shape in = net_shape(4, 1, 3, SIDE, SIDE);
    if (st == ARC_OK) {
        arc_execution x = arc_execution_of(ctx);
        x.device = &arc_device_reference;
        st = run_on(ctx, g, &x, 1, images, got, NULL, NULL);
    }
    if (st == ARC_OK)
        st = arc_reference_network_new(&network, g, &in, NULL);
    arc_reference_network_free(&network);
    arc_context_close(&ctx);
    free(images);
    return st;
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    arc_graph *g = small_net(&arc_alloc_libc);
    arc_test_heap heap = {0};
    assert_int_equal(everything(&heap, g), ARC_OK); /* where the processor is unknown this measures it, the next ones do not */
    assert_int_equal(heap.live, 0);
    arc_test_walk walk = {.heap = &heap};
    do
        arc_test_walk_begin(&walk);
    while (arc_test_walk_again(&walk, everything(&heap, g)));
    assert_true(walk.failures > 20);
    arc_graph_free(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_ask_their_device),
        cmocka_unit_test(what_goes_wrong_on_the_device_is_said),
        cmocka_unit_test(executions_stand_beside_the_context),
        cmocka_unit_test(learners_ask_their_device),
        cmocka_unit_test(learners_stop_when_their_device_does),
        cmocka_unit_test(some_devices_have_no_learners),
        cmocka_unit_test(the_reference_agrees),
        cmocka_unit_test(what_has_no_reference_is_named),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
