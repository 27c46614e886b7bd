/* How exact fp32 is: every network of the zoo and every real model at every instruction set, with all passes and the algorithms
 * that a plan takes at batch 1 and 8, against the graph as it was written, layer by layer, on the reference device. The largest
 * difference of an output is held against the output's norm. The heavy networks run with ARCFACE_NIGHTLY set. */
#include "device/reference/reference.h"
#include "model/model.h"
#include "plan/plan.h"
#include "support.h"
#include "zoo/zoo.h"
#include <arcface/model.h>
#include <string.h>

#define BOUND 2e-4
#define MAX_OUTPUTS 16
#define BATCH 8

/* ---- the comparison -------------------------------------------------------------------------------------------------------- */

static float *noise(size_t count) {
    float *x = malloc(count * sizeof *x);
    arc_rng r;
    arc_rng_seed(&r, 11, 0);
    for (size_t i = 0; i < count; i++)
        x[i] = 2 * arc_rng_uniform(&r) - 1;
    return x;
}

/* A graph whose file fixes a batch of 1 is not run with more. */
static bool takes_batches(const arc_graph *g) {
    const arc_shape *s = &g->value[g->input[0]].shape;
    return s->rank < 0 || s->dim[0] < 0;
}

typedef struct outputs {
    float *data[MAX_OUTPUTS];
    size_t count[MAX_OUTPUTS]; /* of the first image */
} outputs;

static outputs run(const arc_context *ctx, const arc_graph *g, bool in_double, arc_shape shape, float *x, char *id) {
    arc_session *s = NULL;
    arc_error err = {0};
    arc_plan_stats stats;
    arc_tensor in = {.dtype = ARC_F32, .shape = shape, .data = x}, out[MAX_OUTPUTS];
    arc_execution how = arc_execution_of(ctx);
    how.device = in_double ? &arc_device_reference : how.device;
    const arc_session_options opt = {.no_passes = in_double, .exact = true, .execution = &how};
    outputs o = {0};
    assert_true(g->inputs == 1 && g->outputs <= MAX_OUTPUTS);
    if (arc_session_new(&s, ctx, g, &opt, &err) != ARC_OK || arc_session_run(s, &in, out, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_int_equal(arc_session_stats(s, &stats), ARC_OK);
    snprintf(id, ARC_PLAN_ID_BYTES, "%s", stats.id);
    for (int i = 0; i < g->outputs; i++) {
        o.count[i] = (size_t)(arc_shape_count(&out[i].shape) / shape.dim[0]);
        o.data[i] = malloc(o.count[i] * sizeof(float) + 1);
        memcpy(o.data[i], out[i].data, o.count[i] * sizeof(float));
    }
    arc_session_free(&s);
    return o;
}

static void free_outputs(outputs *o) {
    for (int i = 0; i < MAX_OUTPUTS; i++)
        free(o->data[i]);
}

/* The worst output: largest difference by the output's norm. */
static double error_of(const outputs *got, const outputs *want) {
    double worst = 0;
    for (int i = 0; i < MAX_OUTPUTS && want->data[i]; i++) {
        double norm = 0, most = 0;
        for (size_t k = 0; k < want->count[i]; k++) {
            const double w = (double)want->data[i][k];
            norm += w * w;
            most = fmax(most, fabs((double)got->data[i][k] - w));
            if (!isfinite(got->data[i][k]))
                return INFINITY;
        }
        worst = fmax(worst, norm > 0 ? most / sqrt(norm) : most);
    }
    return worst;
}

static void check_graph(const char *name, const arc_graph *g, int side) {
    static const char *const levels[] = {"generic", "avx2", "avx512", "neon"};
    const arc_shape one = {4, {1, 3, side, side}}, eight = {4, {BATCH, 3, side, side}};
    float *x = noise((size_t)arc_shape_count(&eight));
    char id[ARC_PLAN_ID_BYTES];
    arc_context *ctx = arc_test_context_isa(NULL, 0, "generic");
    outputs want = run(ctx, g, true, one, x, id);
    assert_true(strncmp(id, "reference", 9) == 0);
    arc_context_close(&ctx);
    double worst = 0;
    for (size_t level = 0; level < ARC_COUNT(levels); level++) {
        ctx = arc_test_context_isa(NULL, 0, levels[level]);
        const bool here = strcmp(arc_context_isa(ctx), levels[level]) == 0;
        for (int batch = 1; here && batch <= BATCH; batch += BATCH - 1) {
            if (batch > 1 && (level == 0 || !takes_batches(g)))
                continue;
            outputs got = run(ctx, g, false, batch > 1 ? eight : one, x, id);
            const double error = error_of(&got, &want);
            printf("%s, %s, batch %d, plan %s: largest difference %.2g of the output's norm\n", name, levels[level], batch, id,
                   error);
            worst = fmax(worst, error);
            free_outputs(&got);
        }
        arc_context_close(&ctx);
    }
    free_outputs(&want);
    free(x);
    if (!(worst <= BOUND))
        fail_msg("%s: %g of the output's norm, %g is allowed", name, worst, BOUND);
}

/* ---- networks -------------------------------------------------------------------------------------------------------------- */

static void check_zoo(const char *name) {
    arc_graph *g;
    assert_int_equal(arc_zoo_new(&g, &arc_alloc_libc, name, 512, 3, NULL), ARC_OK);
    check_graph(name, g, 112);
    arc_graph_free(&g);
}

static void light_networks(void **state) {
    (void)state;
    static const char *const name[] = {"mbf", "mbf-large", "r18"};
    for (int i = 0; i < arc_test_part(1, ARC_COUNT(name)); i++)
        check_zoo(name[i]);
}

static void heavy_networks(void **state) {
    (void)state;
    if (!getenv("ARCFACE_NIGHTLY")) {
        printf("skipped: r34, r50, r100 and r200 run with ARCFACE_NIGHTLY=1\n");
        skip();
    }
    check_zoo("r34");
    check_zoo("r50");
    check_zoo("r100");
    check_zoo("r200");
}

static void check_file(const char *file, int free_side) {
    arc_context *ctx = arc_test_context(NULL, 0);
    arc_model *model = NULL;
    arc_error err = {0};
    if (arc_model_load(ctx, arc_test_file(file), ARC_TASK_UNKNOWN, NULL, &model, &err) != ARC_OK)
        fail_msg("%s", err.text);
    const arc_contract *c = arc_model_contract(model);
    if (c->input_width_px > 0 && c->input_width_px != c->input_height_px) {
        arc_model_free(&model);
        arc_context_close(&ctx);
        fail_msg("%s: not square", file);
    }
    check_graph(file, model->graph, c->input_width_px ? c->input_width_px : free_side);
    arc_model_free(&model);
    arc_context_close(&ctx);
}

static void real_embedders(void **state) {
    (void)state;
    check_file("models/recognition/w600k_mbf_dequantised_fp32.onnx", 112);
    check_file("models/recognition/mobilefacenet_relu6_128d.onnx", 112);
    check_file("models/recognition/mobilefacenet-y1-mxnet/model-symbol.json", 112);
}

/* At a quarter of their usual size: the shapes that matter are the same, and a reference in plain C takes its time. */
static void real_detectors(void **state) {
    (void)state;
    check_file("models/detection/det_500m.onnx", 160);
    check_file("models/detection/scrfd_2.5g_bnkps.onnx", 160);
    check_file("models/detection/retinaface_mnet025.pth", 160);
    check_file("models/detection/yunet_s_dynamic.onnx", 160);
}

/* ViT from both of PyTorch's exporters, and an EdgeNeXt: LayerNormalization, Gelu, attention between pixels and between channels.
 */
static void transformers(void **state) {
    (void)state;
    check_file("wild-models/vit17.onnx", 112);
    check_file("wild-models/vit_dyn.onnx", 112);
    check_file("wild-models/edge17.onnx", 112);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(light_networks), cmocka_unit_test(heavy_networks), cmocka_unit_test(real_embedders),
        cmocka_unit_test(real_detectors), cmocka_unit_test(transformers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
