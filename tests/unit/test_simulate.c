/* Simulated devices: a small network beside the same arithmetic written out by hand in double, with rounding after its
 * definition; what overflows half precision is named; what cannot be simulated is refused. */
#include "deploy/parity/parity.h"
#include "net_support.h"
#include <math.h>

enum { SIDE = 112, PLANE = SIDE * SIDE, CROPS = 10, KERNEL = 14, MAP = 8, C = 4, DIM = 8 };

static arc_context *ctx;
static arc_image crop[CROPS];

static int set_up(void **state) {
    (void)state;
    ctx = arc_test_context(NULL, 2);
    for (int k = 0; k < CROPS; k++) {
        assert_int_equal(arc_image_new(ctx, SIDE, SIDE, &crop[k], NULL), ARC_OK);
        for (int i = 0; i < PLANE; i++)
            for (int c = 0; c < 3; c++)
                crop[k].data[i / SIDE * crop[k].stride_bytes + i % SIDE * 3 + 2 - c] =
                    (uint8_t)(127 + 100 * sin(0.02 * (i / SIDE) * (k + 1) + c) * cos(0.013 * (i % SIDE) * (c + 2) + k) +
                              (i + k) % 23);
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (int k = 0; k < CROPS; k++)
        arc_image_free(ctx, &crop[k]);
    arc_context_close(&ctx);
    return 0;
}

/* ---- the network: Conv, BatchNormalization, PRelu, Conv, Relu, Flatten, Gemm ---- */

typedef struct weights {
    double conv[C][3 * KERNEL * KERNEL], conv_bias[C], slope[C], second[C][C * MAP * MAP], second_bias[C], gemm[DIM][C],
        gemm_bias[DIM];
} weights;

typedef struct small {
    arc_model model;
    weights w; /* BatchNormalization folded */
} small;

static const float *data_of(const arc_graph *g, int v) {
    return g->value[v].data;
}

static void put_conv(net *t, small *s, int *x, float size) {
    static const int64_t strides[2] = {KERNEL, KERNEL};
    arc_node *n;
    const int w = net_constant(t, net_shape(4, C, 3, KERNEL, KERNEL), -size, size);
    const int y = net_node(t, "Conv", *x, w, ARC_NO_VALUE, &n);
    assert_int_equal(arc_node_ints(t->g, n, "strides", 2, strides), ARC_OK);
    *x = net_batch_norm(t, y, C);
    const arc_node *norm = &t->g->node[t->g->nodes - 1];
    const double epsilon = (double)arc_attr_float(norm, "epsilon", 1e-5f);
    for (int j = 0; j < C; j++) {
        const double factor = (double)data_of(t->g, norm->input[1])[j] / sqrt((double)data_of(t->g, norm->input[4])[j] + epsilon);
        for (int k = 0; k < 3 * KERNEL * KERNEL; k++)
            s->w.conv[j][k] = (double)(float)(factor * (double)data_of(t->g, w)[j * 3 * KERNEL * KERNEL + k]);
        s->w.conv_bias[j] =
            (double)(float)((double)data_of(t->g, norm->input[2])[j] - factor * (double)data_of(t->g, norm->input[3])[j]);
    }
}

/* size: of the first weights, which decides how large numbers get. */
static void build(small *s, float size) {
    net t;
    net_new(&t, &arc_alloc_libc, 3);
    int x = net_input(&t, "data", net_shape(4, 1, 3, SIDE, SIDE));
    put_conv(&t, s, &x, size);
    const int slope = net_constant(&t, net_shape(3, C, 1, 1, 0), 0.1f, 0.4f);
    x = net_node(&t, "PRelu", x, slope, ARC_NO_VALUE, NULL);
    const int second = net_constant(&t, net_shape(4, C, C, MAP, MAP), -0.1f, 0.1f),
              second_bias = net_constant(&t, net_shape(1, C, 0, 0, 0), 0, 2);
    x = net_node(&t, "Relu", net_node(&t, "Conv", x, second, second_bias, NULL), ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    const int y = net_gemm(&t, net_node(&t, "Flatten", x, ARC_NO_VALUE, ARC_NO_VALUE, NULL), C, DIM, true);
    const arc_node *gemm = &t.g->node[t.g->nodes - 1];
    for (int j = 0; j < C; j++) {
        s->w.slope[j] = (double)data_of(t.g, slope)[j];
        s->w.second_bias[j] = (double)data_of(t.g, second_bias)[j];
        for (int k = 0; k < C * MAP * MAP; k++)
            s->w.second[j][k] = (double)data_of(t.g, second)[j * C * MAP * MAP + k];
    }
    for (int j = 0; j < DIM; j++) {
        s->w.gemm_bias[j] = (double)data_of(t.g, gemm->input[2])[j];
        for (int k = 0; k < C; k++)
            s->w.gemm[j][k] = (double)data_of(t.g, gemm->input[1])[j * C + k];
    }
    net_done(&t, y);
    t.g->value[y].dtype = ARC_F32;
    t.g->value[y].shape = net_shape(2, 1, DIM, 0, 0);
    s->model = (arc_model){.alloc = arc_alloc_libc,
                           .graph = t.g,
                           .contract = {.task = ARC_TASK_EMBED,
                                        .align = ARC_TEMPLATE_112,
                                        .bgr = true,
                                        .scale = {1, 1, 1},
                                        .input_width_px = SIDE,
                                        .input_height_px = SIDE,
                                        .dim = DIM}};
}

/* ---- the same by hand ---- */

typedef enum { NOTHING, HALF, STEPS_8, STEPS_16 } rounding;
enum { INPUT, CONV, PRELU, SECOND, GEMM, TENSORS };

typedef struct range {
    double lo, hi;
} range;

static double half(double x) {
    int exponent;
    if (x == 0)
        return x;
    (void)frexp(fabs(x), &exponent);
    const double step = ldexp(1, (exponent < -13 ? -13 : exponent) - 11), y = nearbyint(x / step) * step;
    return fabs(y) > 65504 ? copysign(INFINITY, y) : y;
}

static double in_steps(double x, range r, double levels) {
    const double hi = r.hi - r.lo < 0.01 ? r.lo + 0.01 : r.hi, step = (hi - r.lo) / levels, zero = nearbyint(-r.lo / step);
    return (fmin(fmax(nearbyint(x / step) + zero, 0), levels) - zero) * step;
}

static range range_of(const double *x, int count, range r) {
    for (int i = 0; i < count; i++) {
        r.lo = fmin(r.lo, x[i]);
        r.hi = fmax(r.hi, x[i]);
    }
    return r;
}

/* A tensor between layers: rounded, or looked at when nothing is. */
static void between(rounding how, range *r, double *x, int count) {
    if (how == NOTHING)
        *r = range_of(x, count, *r);
    for (int i = 0; i < count; i++)
        x[i] = how == HALF ? half(x[i]) : how == NOTHING ? x[i] : in_steps(x[i], *r, how == STEPS_8 ? 255 : 65535);
}

/* Weights of one convolution's channel: int8, symmetric. */
static void weight_row(rounding how, double *x, int count) {
    double largest = 0;
    for (int i = 0; i < count; i++)
        largest = fmax(largest, fabs(x[i]));
    for (int i = 0; i < count; i++)
        x[i] = how == HALF ? half(x[i]) : how == NOTHING ? x[i] : nearbyint(x[i] / (largest / 127)) * (largest / 127);
}

/* Other weights: by the range of all. */
static void weight_all(rounding how, double *x, int count) {
    const range r = range_of(x, count, (range){0, 0});
    for (int i = 0; i < count; i++)
        x[i] = how == HALF ? half(x[i]) : how == NOTHING ? x[i] : in_steps(x[i], r, 255);
}

static weights rounded(const weights *from, rounding how) {
    weights w = *from;
    for (int j = 0; j < C; j++) {
        weight_row(how, w.conv[j], 3 * KERNEL * KERNEL);
        weight_row(how, w.second[j], C * MAP * MAP);
    }
    weight_all(how, w.slope, C);
    weight_all(how, &w.gemm[0][0], DIM * C);
    for (int j = 0; j < C && how == HALF; j++) {
        w.conv_bias[j] = half(w.conv_bias[j]);
        w.second_bias[j] = half(w.second_bias[j]);
    }
    for (int j = 0; j < DIM && how == HALF; j++)
        w.gemm_bias[j] = half(w.gemm_bias[j]);
    return w;
}

static void by_hand(const weights *w, const arc_image *image, rounding how, range r[TENSORS], double out[DIM]) {
    static double x[3 * PLANE], map[C * MAP * MAP];
    double last[C];
    for (int i = 0; i < 3 * PLANE; i++)
        x[i] = image->data[i % PLANE / SIDE * image->stride_bytes + i % SIDE * 3 + 2 - i / PLANE];
    between(how, &r[INPUT], x, 3 * PLANE);
    for (int i = 0; i < C * MAP * MAP; i++) {
        const int j = i / (MAP * MAP), top = i % (MAP * MAP) / MAP * KERNEL, left = i % MAP * KERNEL;
        map[i] = w->conv_bias[j];
        for (int k = 0; k < 3 * KERNEL * KERNEL; k++)
            map[i] += w->conv[j][k] * x[k / (KERNEL * KERNEL) * PLANE + (top + k / KERNEL % KERNEL) * SIDE + left + k % KERNEL];
    }
    between(how, &r[CONV], map, C * MAP * MAP);
    for (int i = 0; i < C * MAP * MAP; i++)
        map[i] *= map[i] < 0 ? w->slope[i / (MAP * MAP)] : 1;
    between(how, &r[PRELU], map, C * MAP * MAP);
    for (int j = 0; j < C; j++) {
        last[j] = w->second_bias[j];
        for (int k = 0; k < C * MAP * MAP; k++)
            last[j] += w->second[j][k] * map[k];
        last[j] = fmax(last[j], 0);
    }
    between(how, &r[SECOND], last, C);
    for (int j = 0; j < DIM; j++) {
        out[j] = w->gemm_bias[j];
        for (int k = 0; k < C; k++)
            out[j] += w->gemm[j][k] * last[k];
    }
    between(how, &r[GEMM], out, DIM);
}

/* ---- tests ---- */

static void run(const small *s, arc_simulated device, arc_model **simulated, arc_simulation *out) {
    arc_simulate_options opt;
    arc_error err = {0};
    arc_simulate_options_default(&opt);
    opt.device = device;
    if (arc_parity_simulate(ctx, &s->model, crop, CROPS, &opt, simulated, out, &err) != ARC_OK)
        fail_msg("%s", err.text);
}

/* Nearly every number is the one by hand; float32's sums put a few on the other side of a step. */
static void expect_arithmetic(arc_simulated device, rounding how, double least_cosine) {
    small s;
    arc_model *simulated;
    arc_simulation *out = calloc(1, sizeof *out);
    arc_embedder *embedder;
    range r[TENSORS] = {{0, 0}};
    double exact[DIM], wanted[DIM];
    float got[DIM];
    int same = 0, off = 0, calibrated = 0;
    build(&s, 0.02f);
    run(&s, device, &simulated, out);
    for (int k = 0; k < CROPS; k++)
        if (k % 5 != 4 && how != HALF) {
            by_hand(&s.w, &crop[k], NOTHING, r, exact);
            calibrated++;
        }
    assert_int_equal(out->calibrated, calibrated);
    assert_int_equal(out->tensors, TENSORS);
    assert_int_equal(out->parity.cosine.count, CROPS - calibrated);
    assert_true(out->parity.cosine.least >= least_cosine && out->parity.cosine.mean <= 1 + 1e-9);
    const weights w = rounded(&s.w, how);
    assert_int_equal(arc_embedder_new(ctx, simulated, &embedder, NULL), ARC_OK);
    for (int k = 0; k < CROPS; k++) {
        by_hand(&w, &crop[k], how, r, wanted);
        assert_int_equal(arc_embed_crops(embedder, &crop[k], 1, false, got, NULL), ARC_OK);
        for (int j = 0; j < DIM; j++) {
            const double step = how == HALF      ? fabs(wanted[j]) * 0x1p-10 + 0x1p-24
                                : how == STEPS_8 ? (r[GEMM].hi - r[GEMM].lo) / 255
                                                 : (r[GEMM].hi - r[GEMM].lo) / 65535;
            const double error = fabs((double)got[j] - wanted[j]) / step;
            same += error < 0.05;
            off += error > 1.05;
        }
    }
    if (same < CROPS * DIM * 3 / 4 || off > 0)
        fail_msg("%d of %d numbers are those by hand, %d are more than a step away", same, CROPS * DIM, off);
    arc_embedder_free(&embedder);
    arc_model_free(&simulated);
    arc_graph_free(&s.model.graph);
    free(out);
}

static void half_precision_is_that_by_hand(void **state) {
    (void)state;
    expect_arithmetic(ARC_SIMULATE_RVC2, HALF, 0.99999);
}

static void eight_bits_are_those_by_hand(void **state) {
    (void)state;
    expect_arithmetic(ARC_SIMULATE_RVC4_INT8, STEPS_8, 0.99);
}

static void sixteen_bits_are_those_by_hand(void **state) {
    (void)state;
    expect_arithmetic(ARC_SIMULATE_RVC4_INT16, STEPS_16, 0.99);
}

/* Beyond 65504: the layer is named, the embedding counts as lost, 8 bits do not mind. */
static void overflow_is_named(void **state) {
    (void)state;
    small s;
    char *text;
    arc_simulation *out = calloc(1, sizeof *out);
    build(&s, 40);
    run(&s, ARC_SIMULATE_RVC2, NULL, out);
    assert_true(out->overflows >= 1 && out->largest > 65504);
    assert_string_equal(out->overflow[0].layer, out->largest_layer);
    assert_true(out->overflow[0].crops > 0 && out->overflow[0].numbers >= out->overflow[0].crops);
    assert_true(*out->parity.refused && !out->parity.verified);
    assert_true(out->parity.cosine.least == -1);
    assert_int_equal(arc_simulation_describe(ctx, out, false, &text, NULL), ARC_OK);
    assert_non_null(strstr(text, "overflow"));
    arc_text_free(ctx, &text);
    run(&s, ARC_SIMULATE_RVC4_INT8, NULL, out);
    assert_int_equal(out->overflows, 0);
    arc_graph_free(&s.model.graph);
    free(out);
}

static void refused(const arc_model *m, const arc_image *crops, int count, const arc_simulate_options *opt, arc_status code,
                    const char *word) {
    arc_simulation *out = calloc(1, sizeof *out);
    arc_error err = {0};
    arc_model *made = (arc_model *)(uintptr_t)m;
    assert_int_equal(arc_parity_simulate(ctx, m, crops, count, opt, &made, out, &err), code);
    assert_null(made);
    if (!strstr(err.text, word))
        fail_msg("'%s' lacks '%s'", err.text, word);
    free(out);
}

static int stop(void *arg, int64_t done, int64_t total) {
    assert_true(done <= total);
    return ++*(int *)arg == 3;
}

static void what_cannot_be_is_refused(void **state) {
    (void)state;
    small s;
    arc_image odd = {0};
    arc_simulate_options opt;
    int calls = 0;
    build(&s, 0.02f);
    arc_simulate_options_default(&opt);
    refused(&s.model, crop, 1, &opt, ARC_EINVAL, "at least 2");
    assert_int_equal(arc_image_new(ctx, 96, SIDE, &odd, NULL), ARC_OK);
    const arc_image two[2] = {crop[0], odd};
    refused(&s.model, two, 2, &opt, ARC_ESHAPE, "crop 1");
    arc_image_free(ctx, &odd);
    opt.device = (arc_simulated)7;
    refused(&s.model, crop, 2, &opt, ARC_EINVAL, "rvc4-int8");
    arc_simulate_options_default(&opt);
    opt.progress = stop;
    opt.progress_ctx = &calls;
    refused(&s.model, crop, CROPS, &opt, ARC_ECANCEL, "cancelled");
    s.model.contract.task = ARC_TASK_DETECT;
    refused(&s.model, crop, 2, NULL, ARC_EUNSUPPORTED, "embed");
    arc_graph_free(&s.model.graph);
    s.model.contract.task = ARC_TASK_EMBED;
    s.model.graph = net_embedder(SIDE, 0, true);
    refused(&s.model, crop, 2, NULL, ARC_EUNSUPPORTED, "8 bits");
    arc_graph_free(&s.model.graph);
}

/* Memory that runs out anywhere: the status says so, nothing is made and nothing leaks. */
static void memory_may_run_out(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    arc_test_walk walk = {.heap = &heap};
    small s;
    arc_context *own = arc_test_context(&heap, 1);
    arc_simulation *out = calloc(1, sizeof *out);
    arc_status st;
    arc_simulate_options opt;
    arc_simulate_options_default(&opt);
    opt.device = ARC_SIMULATE_RVC4_INT8;
    do {
        arc_model *made = NULL;
        arc_error err = {0};
        build(&s, 0.02f);
        arc_test_walk_begin(&walk);
        st = arc_parity_simulate(own, &s.model, crop, 2, &opt, &made, out, &err);
        assert_true((st == ARC_OK) == (made != NULL));
        arc_model_free(&made);
        arc_graph_free(&s.model.graph);
    } while (arc_test_walk_again(&walk, st));
    arc_context_close(&own);
    free(out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_precision_is_that_by_hand), cmocka_unit_test(eight_bits_are_those_by_hand),
        cmocka_unit_test(sixteen_bits_are_those_by_hand), cmocka_unit_test(overflow_is_named),
        cmocka_unit_test(what_cannot_be_is_refused),      cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
