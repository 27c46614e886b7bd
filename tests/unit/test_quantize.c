/* Quantization: ranges against sums done by hand, and networks whose fused 8-bit layers agree with the same file run operator by
 * operator. */
#include "net_support.h"
#include "quantize/quantize.h"
#include <arcface/face.h>
#include <math.h>
#include <string.h>

enum { SIDE = 16, DIM = 12, CROPS = 10 };

/* ---- ranges ---- */

static arc_histogram *histogram_of(const float *x, size_t count) {
    arc_histogram *h = calloc(1, sizeof *h);
    arc_histogram_add(h, x, count);
    return h;
}

/* 999 values at 1 and one at 100: 0.2 % off each end leaves 1, min/max keeps 100. */
static void percentile_by_hand(void **state) {
    (void)state;
    float x[1000];
    for (int i = 0; i < 1000; i++)
        x[i] = 1;
    x[500] = 100;
    arc_histogram *h = histogram_of(x, 1000);
    const arc_range all = arc_range_of(h, ARC_QUANTIZE_MINMAX, 0), most = arc_range_of(h, ARC_QUANTIZE_PERCENTILE, 99.8),
                    whole = arc_range_of(h, ARC_QUANTIZE_PERCENTILE, 100);
    assert_true(all.lo == 0 && all.hi == 100);
    assert_true(whole.hi == 100 && whole.lo == 0);
    assert_true(most.hi >= 1 && most.hi <= 1.2f); /* to the end of its bin */
    free(h);
}

/* A width that doubles keeps every count and its side of zero. */
static void histograms_widen(void **state) {
    (void)state;
    arc_histogram *h = calloc(1, sizeof *h);
    const float small[] = {-0.5f, 0.25f, 1, NAN, INFINITY}, large[] = {-1000};
    arc_histogram_add(h, small, 5);
    arc_histogram_add(h, large, 1);
    uint64_t below = 0, above = 0;
    for (int i = 0; i < ARC_RANGE_BINS; i++)
        *(i < ARC_RANGE_BINS / 2 ? &below : &above) += h->bin[i];
    assert_int_equal(below, 2);
    assert_int_equal(above, 2);
    assert_true(h->least == -1000 && h->most == 1);
    assert_true(h->width * (ARC_RANGE_BINS / 2) > 1000);
    free(h);
}

/* Cutting one half off each end of two equal heaps would leave nothing: then all is kept. */
static void percentiles_leave_a_range(void **state) {
    (void)state;
    const float x[] = {-3, -3, 2, 2};
    arc_histogram *h = histogram_of(x, 4);
    const arc_range half = arc_range_of(h, ARC_QUANTIZE_PERCENTILE, 50);
    assert_true(half.lo == -3 && half.hi == 2);
    free(h);
}

/* Divergence of the first `bins` bins above zero, the rest counted in the last of them, from 256 levels of them; a ten-thousandth
 * more in each bin. */
static double divergence_by_definition(const arc_histogram *h, int bins) {
    const uint64_t *count = h->bin + ARC_RANGE_BINS / 2;
    double all = 0, quantized = 0, rest = 0, sum = 0;
    double *level = calloc(256, sizeof *level), *filled = calloc(256, sizeof *filled);
    int *of = calloc((size_t)bins, sizeof *of);
    for (int i = 0; i < bins; i++) {
        of[i] = i > 0 ? of[i - 1] : 0;
        while ((of[i] + 1) * bins / 256 <= i)
            of[i]++;
        level[of[i]] += (double)count[i];
        filled[of[i]] += count[i] > 0;
        quantized += (double)count[i];
    }
    for (int i = bins; i < ARC_RANGE_BINS / 2; i++)
        rest += (double)count[i];
    all = quantized + rest + bins * 1e-4;
    quantized += bins * 1e-4;
    for (int i = 0; i < bins; i++) {
        const double p = ((double)count[i] + (i == bins - 1 ? rest : 0) + 1e-4) / all,
                     q = ((count[i] ? level[of[i]] / filled[of[i]] : 0) + 1e-4) / quantized;
        sum += p * (log(p) - log(q));
    }
    free(level);
    free(filled);
    free(of);
    return sum;
}

/* Of the ends that are tried, 48 down to a quarter, the one that diverges least by the definition above: all of exponentially
 * distributed values; with an outlier far out neither the first nor the last; and of values with gaps between them. */
static void kl_takes_the_least_divergence(void **state) {
    (void)state;
    enum { N = 100000 };
    static const char *const kinds[] = {"all", "outlier", "gaps"};
    float *x = malloc(N * sizeof *x);
    for (int kind = 0; kind < 3; kind++) {
        for (int i = 0; i < N; i++)
            x[i] = -logf(((float)i + 0.5f) / N);
        for (int i = 0; kind == 2 && i < N; i++)
            x[i] = roundf(x[i] * 20) / 20;
        if (kind > 0)
            x[N / 2] = 30;
        arc_histogram *h = histogram_of(x, N);
        double best = 0, least = (double)INFINITY;
        int at = 0;
        for (int step = 0; step < 48; step++) {
            const double end = (double)h->most * (1 - 0.75 * step / 48),
                         d = divergence_by_definition(h, (int)(end / h->width) + 1);
            if (d < least) {
                least = d;
                best = end;
                at = step;
            }
        }
        const arc_range r = arc_range_of(h, ARC_QUANTIZE_KL, 0);
        if (!(r.lo == 0 && fabs((double)r.hi - best) <= 1e-6 * best))
            fail_msg("%s: the range ends at %g, %g diverges least", kinds[kind], (double)r.hi, best);
        assert_true(kind == 0 ? at == 0 : kind == 2 || (at > 0 && at < 47));
        free(h);
    }
    free(x);
}

/* Values spread evenly lose nothing by keeping all. One outlier of 4 among a million in -1..1: keeping it costs 10^6 (5/255)^2/12
 * = 32 in squared error, stopping at 2 costs 12 and 4 for the outlier. */
static void costs_weigh_outliers(void **state) {
    (void)state;
    enum { N = 1000000 };
    float *x = malloc(N * sizeof *x);
    for (int i = 0; i < N; i++)
        x[i] = (float)i / (N / 2) - 1;
    const arc_quantize_method methods[] = {ARC_QUANTIZE_MSE, ARC_QUANTIZE_KL};
    arc_histogram *even = histogram_of(x, N);
    x[77] = 4;
    arc_histogram *odd = histogram_of(x, N);
    for (int i = 0; i < 2; i++) {
        const arc_range all = arc_range_of(even, methods[i], 0), cut = arc_range_of(odd, methods[i], 0);
        assert_true(all.lo < -0.97f && all.hi > 0.97f);
        assert_true(methods[i] == ARC_QUANTIZE_KL ? cut.hi <= 4 : cut.hi < 3); /* merging flat bins diverges by nothing */
    }
    const float none = 0;
    arc_histogram *zero = histogram_of(&none, 1);
    assert_true(arc_range_of(zero, ARC_QUANTIZE_KL, 0).hi == 1);
    free(zero);
    free(odd);
    free(even);
    free(x);
}

/* ---- networks ---- */

static arc_status draw_crop(void *ctx, int i, float *tensor, arc_error *err) {
    (void)ctx;
    (void)err;
    float *x = net_floats(100 + (uint32_t)i, 3 * SIDE * SIDE);
    memcpy(tensor, x, 3 * SIDE * SIDE * sizeof *x);
    free(x);
    return ARC_OK;
}

/* Depthwise, grouped and plain, strided, with a residual sum of floats and a head. */
static int mobile(net *t, int x) {
    x = net_prelu(t, net_conv(t, x, (net_conv_spec){3, 16, 3, 1, 1, 1, true}), 16);
    int y = net_prelu(t, net_batch_norm(t, net_conv(t, x, (net_conv_spec){16, 32, 1, 1, 0, 1, false}), 32), 32);
    y = net_prelu(t, net_conv(t, y, (net_conv_spec){32, 32, 3, 1, 1, 32, true}), 32);
    y = net_node(t, "Relu", net_conv(t, y, (net_conv_spec){32, 16, 3, 1, 1, 4, true}), ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    x = net_node(t, "Add", y, x, ARC_NO_VALUE, NULL);
    x = net_conv(t, x, (net_conv_spec){16, 24, 3, 2, 1, 2, true});
    x = net_node(t, "Flatten", x, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    return net_gemm(t, x, 24 * SIDE / 2 * SIDE / 2, DIM, true);
}

static arc_model source_of(const arc_context *ctx, const arc_graph *g) {
    return (arc_model){.alloc = ctx->alloc,
                       .graph = (arc_graph *)(uintptr_t)g,
                       .contract = {.task = ARC_TASK_EMBED, .input_width_px = SIDE, .input_height_px = SIDE, .dim = DIM}};
}

/* On drawn crops; keep NULL: the sensitive layers are found. */
static arc_status try_quantize(const arc_context *ctx, const arc_model *source, arc_quantize_method method, const char *keep,
                               arc_model **out, arc_quantize_report *report, arc_error *err) {
    arc_quantize_options opt;
    arc_quantize_options_default(&opt);
    opt.method = method;
    opt.keep = keep;
    const arc_crop_source crops = {.count = CROPS, .get = draw_crop};
    return arc_quantize_model((arc_context *)(uintptr_t)ctx, source, &crops, &opt, out, report, err);
}

static arc_model *quantized(const arc_context *ctx, const arc_graph *g, arc_quantize_method method, arc_model *source,
                            arc_quantize_report *report) {
    arc_error err = {0};
    arc_model *out = NULL;
    *source = source_of(ctx, g);
    if (try_quantize(ctx, source, method, NULL, &out, report, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return out;
}

static int steps_named(const arc_context *ctx, const arc_graph *g, const float *x, const char *op) {
    arc_session *s = NULL;
    arc_step_time time[100];
    const arc_tensor in = {.dtype = ARC_F32, .shape = net_shape(4, 2, 3, SIDE, SIDE), .data = (void *)(uintptr_t)x};
    int count, found = 0;
    assert_int_equal(arc_session_new(&s, ctx, g, NULL, NULL), ARC_OK);
    assert_int_equal(arc_session_profile(s, &in, 1, time, 100, &count, NULL), ARC_OK);
    for (int i = 0; i < count; i++)
        found += strcmp(time[i].op, op) == 0;
    arc_session_free(&s);
    return found;
}

/* Each quantizer of the file is there in both ways of running it; only float sums round differently, which may move an 8-bit
 * value by one step. A network this shallow hardly notices: 0.9995 is the bound. The number of threads changes no bit. */
static void agree(int (*build)(net *, int), const char *isa, int convolutions) {
    arc_test_heap heap = {0};
    const arc_alloc alloc = arc_test_heap_alloc(&heap);
    arc_context *ctx = arc_test_context_isa(&heap, 1, isa), *three = arc_test_context_isa(&heap, 3, isa);
    net t;
    net_new(&t, &alloc, 5);
    net_done(&t, build(&t, net_input(&t, "x", net_shape(4, -1, 3, SIDE, SIDE))));
    float *x = net_floats(3, 2 * 3 * SIDE * SIDE);
    for (int method = 0; method < 4; method++) {
        arc_model source;
        arc_quantize_report report;
        arc_model *model = quantized(ctx, t.g, (arc_quantize_method)method, &source, &report);
        assert_int_equal(report.calibrated + report.held_out, CROPS);
        if (!(report.mean_cosine > 0.99))
            fail_msg("method %d: mean cosine %g", method, report.mean_cosine);
        const arc_shape shape = net_shape(4, 2, 3, SIDE, SIDE);
        arc_tensor out;
        float *fused = net_run(ctx, model->graph, false, shape, x, &out, NULL);
        const size_t n = (size_t)arc_shape_count(&out.shape);
        float *plain = net_run(ctx, model->graph, true, shape, x, &out, NULL);
        float *threads = net_run(three, model->graph, false, shape, x, &out, NULL);
        assert_int_equal(n, 2 * DIM);
        for (int i = 0; i < 2; i++)
            if (!(arc_embedding_cosine(fused + i * DIM, plain + i * DIM, DIM) > 0.9995))
                fail_msg("%s method %d: cosine %g to the graph as written", isa, method,
                         arc_embedding_cosine(fused + i * DIM, plain + i * DIM, DIM));
        assert_memory_equal(fused, threads, n * sizeof *fused);
        assert_int_equal(steps_named(ctx, model->graph, x, "arc.Int8Conv") + steps_named(ctx, model->graph, x, "arc.Int8Gemm"),
                         report.int8_layers);
        assert_int_equal(
            steps_named(ctx, model->graph, x, "DequantizeLinear") + steps_named(ctx, model->graph, x, "QuantizeLinear"), 0);
        assert_true(report.int8_layers >= convolutions);
        free(fused);
        free(plain);
        free(threads);
        arc_model_free(&model);
    }
    free(x);
    arc_graph_free(&t.g);
    arc_context_close(&three);
    arc_context_close(&ctx);
    assert_int_equal(heap.live, 0);
}

static int iresnet(net *t, int x) {
    return net_iresnet(t, x, SIDE, DIM);
}

static void fused_agrees_with_written(void **state) {
    (void)state;
    static const char *const levels[] = {"generic", "avx2", "avx512"};
    for (size_t i = 0; i < ARC_COUNT(levels); i++) {
        agree(iresnet, levels[i], 4);
        agree(mobile, levels[i], 4);
    }
}

/* A file that names operators of ours is refused like any unknown one. */
static void inner_operators_are_not_read(void **state) {
    (void)state;
    net t;
    arc_error err = {0};
    net_new(&t, &arc_alloc_libc, 1);
    const int x = net_input(&t, "x", net_shape(4, 1, 4, 4, 4)), y = arc_graph_value(t.g, "y");
    assert_non_null(arc_graph_node(t.g, "arc.Quantize", "q", 1, &x, 1, &y));
    assert_int_equal(arc_graph_add_output(t.g, y), ARC_OK);
    assert_int_equal(arc_graph_check(t.g, &err), ARC_EUNSUPPORTED);
    arc_graph_free(&t.g);
}

static void names_to_keep(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    net t;
    arc_error err = {0};
    net_new(&t, &ctx->alloc, 5);
    net_done(&t, iresnet(&t, net_input(&t, "x", net_shape(4, -1, 3, SIDE, SIDE))));
    arc_model source, *out = NULL;
    arc_quantize_report report;
    arc_model *model = quantized(ctx, t.g, ARC_QUANTIZE_MSE, &source, &report);
    char last[96];
    memcpy(last, report.layer[report.layers - 1].name, sizeof last);
    arc_model_free(&model);
    assert_int_equal(try_quantize(ctx, &source, ARC_QUANTIZE_MSE, last, &out, &report, &err), ARC_OK);
    assert_false(report.layer[report.layers - 1].int8);
    assert_true(report.layer[0].int8);
    arc_model_free(&out);
    assert_int_equal(try_quantize(ctx, &source, ARC_QUANTIZE_MSE, "no-such-layer", &out, &report, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "no-such-layer"));
    arc_graph_free(&t.g);
    arc_context_close(&ctx);
}

static float *weights_of(const arc_graph *g, int node) {
    return (float *)(uintptr_t)g->value[g->node[node].input[1]].data;
}

/* A small layer whose input has one channel that is large and counts for nothing: all others fall below one step. It alone is
 * left in float32. */
static void sensitive_layers_are_kept(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    net t;
    net_new(&t, &ctx->alloc, 7);
    int x = net_conv(&t, net_input(&t, "x", net_shape(4, -1, 3, SIDE, SIDE)), (net_conv_spec){3, 8, 3, 1, 1, 1, true});
    x = net_conv(&t, x, (net_conv_spec){8, 8, 1, 1, 0, 1, true});
    x = net_conv(&t, x, (net_conv_spec){8, 24, 3, 1, 1, 1, true});
    x = net_node(&t, "Flatten", x, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    net_done(&t, net_gemm(&t, x, 24 * SIDE * SIDE, DIM, true));
    for (int k = 0; k < 3 * 9; k++)
        weights_of(t.g, 0)[k] *= 1e4f;
    for (int j = 0; j < 8; j++)
        weights_of(t.g, 1)[j * 8] = 0;
    arc_model source;
    arc_quantize_report report;
    arc_model *model = quantized(ctx, t.g, ARC_QUANTIZE_MINMAX, &source, &report);
    assert_int_equal(report.layers, 4);
    assert_false(report.layer[0].int8 || report.layer[1].int8);
    assert_true(report.layer[0].loss == -1 && report.layer[1].loss > 0.05 && report.layer[1].mac_share < 0.1);
    assert_true(report.layer[2].int8 && report.layer[3].int8 && report.int8_layers == 2);
    assert_true(report.mean_cosine > 0.99);
    arc_model_free(&model);
    arc_graph_free(&t.g);
    arc_context_close(&ctx);
}

static const void *written(const arc_graph *g, const char *layer, const char *suffix) {
    char name[200];
    snprintf(name, sizeof name, "%s%s", layer, suffix);
    const int v = arc_graph_find(g, name);
    assert_true(v >= 0);
    return g->value[v].data;
}

/* What rounding the weights does to the mean input is in the bias: there a layer gives what it gave in float32, to half a step of
 * its bias. */
static void the_mean_input_loses_nothing(void **state) {
    (void)state;
    enum { IN = 64, OUT = 5 };
    net t;
    arc_quant_layer *layer = NULL;
    arc_graph *g = NULL;
    arc_error err = {0};
    int layers = 0;
    net_new(&t, &arc_alloc_libc, 3);
    net_done(&t, net_gemm(&t, net_input(&t, "x", net_shape(2, 1, IN, 0, 0)), IN, OUT, true));
    assert_int_equal(arc_quant_layers(t.g, &layer, &layers, &err), ARC_OK);
    assert_int_equal(layers, 1);
    layer[0].int8 = true;
    float *mean = net_floats(4, IN);
    arc_range *range = calloc((size_t)t.g->values, sizeof *range);
    const float **means = calloc((size_t)t.g->values, sizeof *means);
    range[layer[0].x] = (arc_range){-1, 1};
    means[layer[0].x] = mean;
    const arc_quant_facts facts = {range, means};
    assert_int_equal(arc_quant_write(&g, t.g, layer, 1, &facts, &err), ARC_OK);
    const char *name = t.g->node[0].name;
    const int8_t *quantized = written(g, name, "_weight_int8");
    const int32_t *bias_int32 = written(g, name, "_bias_int32");
    const float *scale = written(g, name, "_weight_scale"), *bias_scale = written(g, name, "_bias_scale");
    const float *w = weights_of(t.g, 0), *bias = t.g->value[t.g->node[0].input[2]].data;
    double rounded = 0;
    for (int j = 0; j < OUT; j++) {
        double want = (double)bias[j], got = bias_int32[j] * (double)bias_scale[j], plain = want;
        for (int k = 0; k < IN; k++) {
            want += (double)w[j * IN + k] * (double)mean[k];
            got += quantized[j * IN + k] * (double)scale[j] * (double)mean[k];
            plain += quantized[j * IN + k] * (double)scale[j] * (double)mean[k];
        }
        assert_true(fabs(got - want) <= 0.51 * (double)bias_scale[j]);
        rounded = fmax(rounded, fabs(plain - want) / (double)bias_scale[j]);
    }
    assert_true(rounded > 2); /* steps, that it would have lost otherwise */
    free(mean);
    free(range);
    free((void *)means);
    arc_mem_free(&arc_alloc_libc, layer);
    arc_graph_free(&g);
    arc_graph_free(&t.g);
}

/* A weight that is no number would become some 8-bit value. */
static void weights_that_are_no_numbers(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    net t;
    arc_error err = {0};
    net_new(&t, &ctx->alloc, 5);
    net_done(&t, iresnet(&t, net_input(&t, "x", net_shape(4, -1, 3, SIDE, SIDE))));
    const arc_model source = source_of(ctx, t.g);
    arc_model *out = NULL;
    arc_quantize_report report;
    for (int i = 0; i < t.g->nodes; i++)
        if (strcmp(t.g->node[i].op, "Conv") == 0)
            *weights_of(t.g, i) = NAN;
    assert_int_equal(try_quantize(ctx, &source, ARC_QUANTIZE_MINMAX, NULL, &out, &report, &err), ARC_ECORRUPT);
    assert_null(out);
    assert_non_null(strstr(err.text, "not finite"));
    arc_graph_free(&t.g);
    arc_context_close(&ctx);
}

static int stop_at(void *ctx, int64_t done, int64_t total) {
    assert_true(done >= 1 && done <= total);
    return done == *(const int64_t *)ctx;
}

/* Each bound in turn is the one that is not kept; what is told names it, and the JSON is JSON. */
static void the_gate_names_the_bound(void **state) {
    (void)state;
    arc_quantize_gate gate;
    arc_quantize_gate_default(&gate);
    arc_quantize_outcome *o = calloc(1, sizeof *o);
    o->report = (arc_quantize_report){.calibrated = 8, .held_out = 2, .mean_cosine = 0.99, .low_cosine = 0.96, .layers = 1};
    o->fp32_ms = 3, o->int8_ms = 1.5, o->verified = true;
    o->before.accuracy = 0.99, o->after.accuracy = 0.9895, o->before.tar = 0.9, o->after.tar = 0.897;
    arc_quantize_judge(o, &gate);
    assert_string_equal(o->refused, "");
    o->after.tar = 0.894;
    arc_quantize_judge(o, &gate);
    assert_string_equal(o->refused, "TAR@FAR=1e-3 falls by 0.600 points, more than 0.5 (max-tar-drop)");
    o->after.accuracy = 0.988;
    arc_quantize_judge(o, &gate);
    assert_string_equal(o->refused, "accuracy falls by 0.200 points, more than 0.1 (max-drop)");
    o->report.low_cosine = NAN;
    arc_quantize_judge(o, &gate);
    assert_non_null(strstr(o->refused, "(min-low-cosine)"));
    o->report.mean_cosine = 0.98;
    arc_quantize_judge(o, &gate);
    assert_string_equal(o->refused, "the mean cosine to float32 is 0.98000, below 0.985 (min-cosine)");
    o->verified = false;
    o->report.mean_cosine = o->report.low_cosine = 1;
    arc_quantize_judge(o, &gate);
    assert_string_equal(o->refused, "");
    free(o);
}

/* Memory that runs out anywhere and a caller who stops anywhere: the status says so, nothing is made and nothing leaks. */
static void it_may_fail_anywhere(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    const arc_alloc alloc = arc_test_heap_alloc(&heap);
    arc_context *ctx = arc_test_context(&heap, 1);
    net t;
    net_new(&t, &alloc, 5);
    net_done(&t, mobile(&t, net_input(&t, "x", net_shape(4, -1, 3, SIDE, SIDE))));
    arc_model source, *out = NULL;
    arc_quantize_report report;
    const long before = heap.requests, live = heap.live;
    arc_model *model = quantized(ctx, t.g, ARC_QUANTIZE_MINMAX, &source, &report);
    const long total = heap.requests - before;
    arc_model_free(&model);
    assert_int_equal(heap.live, live);
    int64_t stop = 0;
    arc_quantize_options opt;
    arc_quantize_options_default(&opt);
    opt.method = ARC_QUANTIZE_MINMAX;
    opt.progress = stop_at;
    opt.progress_ctx = &stop;
    const arc_crop_source crops = {.count = CROPS, .get = draw_crop};
    for (long nth = 1; nth <= total; nth += 1 + total / 200) {
        heap.fail_at = heap.requests + nth;
        const arc_status st = arc_quantize_model(ctx, &source, &crops, &opt, &out, &report, NULL);
        heap.fail_at = 0;
        assert_int_equal(st, ARC_ENOMEM);
        assert_null(out);
        assert_int_equal(heap.live, live);
    }
    arc_status st = ARC_ECANCEL;
    for (stop = 1; st == ARC_ECANCEL; stop++) {
        st = arc_quantize_model(ctx, &source, &crops, &opt, &out, &report, NULL);
        assert_int_equal(st == ARC_OK, out != NULL);
        arc_model_free(&out);
        assert_int_equal(heap.live, live);
    }
    assert_int_equal(st, ARC_OK);
    assert_true(stop > CROPS);
    arc_graph_free(&t.g);
    arc_context_close(&ctx);
    assert_int_equal(heap.live, 0);
}

static void networks_of_points_are_refused(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    arc_model *model = NULL, *out;
    arc_error err;
    arc_quantize_report report;
    arc_quantize_options opt;
    const arc_crop_source none = {.count = 0};
    arc_quantize_options_default(&opt);
    assert_int_equal(arc_model_load(ctx, arc_test_file("wild-models/two_inputs_kprpe.onnx"), ARC_TASK_EMBED, NULL, &model, NULL),
                     ARC_OK);
    assert_int_equal(arc_quantize_model(ctx, model, &none, &opt, &out, &report, &err), ARC_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "points of the face"));
    arc_model_free(&model);
    arc_context_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentile_by_hand),
        cmocka_unit_test(percentiles_leave_a_range),
        cmocka_unit_test(kl_takes_the_least_divergence),
        cmocka_unit_test(histograms_widen),
        cmocka_unit_test(costs_weigh_outliers),
        cmocka_unit_test(fused_agrees_with_written),
        cmocka_unit_test(inner_operators_are_not_read),
        cmocka_unit_test(names_to_keep),
        cmocka_unit_test(networks_of_points_are_refused),
        cmocka_unit_test(weights_that_are_no_numbers),
        cmocka_unit_test(sensitive_layers_are_kept),
        cmocka_unit_test(the_mean_input_loses_nothing),
        cmocka_unit_test(the_gate_names_the_bound),
        cmocka_unit_test(it_may_fail_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
