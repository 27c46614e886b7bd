/* A network on pictures as they lie in memory gives the bits that it gives on floats: graphs that begin with a convolution take
 * the pixels in their first step, others get floats. */
#include "model/model.h"
#include "model/pixels.h"
#include "net_support.h"
#include <arcface/arcface.h>
#include <string.h>

#define SIDE 112
#define BATCH 3

static uint8_t bytes[BATCH][SIDE + 3][(SIDE + 1) * 3]; /* rows longer than the picture */
static float value[3][256];

static arc_pixels make_pixels(arc_pixel_image image[BATCH]) {
    arc_rng rng;
    arc_rng_seed(&rng, 5, 1);
    for (size_t i = 0; i < sizeof bytes; i++)
        ((uint8_t *)bytes)[i] = (uint8_t)arc_rng_u32(&rng);
    for (int c = 0; c < 3; c++)
        for (int x = 0; x < 256; x++)
            value[c][x] = ((float)x - 127.5f) / (float)(120 + 5 * c);
    for (int i = 0; i < BATCH; i++)
        image[i] = (arc_pixel_image){.data = bytes[i][0], .stride_bytes = sizeof bytes[i][0], .mirror = i == 1, .swap = i == 2};
    /* bottom up */
    image[0].data = bytes[0][SIDE - 1];
    image[0].stride_bytes = -(ptrdiff_t)sizeof bytes[0][0];
    return (arc_pixels){image, (const float(*)[256])value};
}

/* Written out on its own: [BATCH][3][SIDE][SIDE]. */
static float *as_floats(const arc_pixels *p) {
    float *out = malloc((size_t)BATCH * 3 * SIDE * SIDE * sizeof *out), *to = out;
    for (int i = 0; i < BATCH; i++)
        for (int c = 0; c < 3; c++)
            for (int y = 0; y < SIDE; y++)
                for (int x = 0; x < SIDE; x++) {
                    const arc_pixel_image *m = &p->image[i];
                    const int from = m->mirror ? SIDE - 1 - x : x;
                    *to++ = p->value[c][m->data[y * m->stride_bytes + 3 * from + (m->swap ? 2 - c : c)]];
                }
    return out;
}

/* Pixels against floats on one network, several pieces and thread counts. */
static void same_bits(arc_context *ctx, const arc_model *model, bool takes) {
    arc_pixel_image image[BATCH];
    const arc_pixels pixels = make_pixels(image);
    float *floats = as_floats(&pixels);
    arc_net *a = NULL, *b = NULL;
    arc_error err = {0};
    if (arc_net_new(ctx, model, &a, &err) != ARC_OK || arc_net_new(ctx, model, &b, &err) != ARC_OK)
        fail_msg("%s", err.text);
    for (int64_t n = 1; n <= BATCH; n += 2) {
        const int64_t dim[4] = {n, 3, SIDE, SIDE};
        arc_net_output x, y;
        /* floats, then pixels, then floats again: a plan serves both */
        for (int round = 0; round < 2; round++) {
            if (arc_net_run(a, floats, dim, &err) != ARC_OK || arc_net_run_pixels(b, &pixels, dim, &err) != ARC_OK)
                fail_msg("%s", err.text);
            assert_int_equal(arc_net_output_get(a, 0, &x, NULL), ARC_OK);
            assert_int_equal(arc_net_output_get(b, 0, &y, NULL), ARC_OK);
            assert_int_equal(x.dim[0], y.dim[0]);
            assert_int_equal(x.dim[x.rank - 1], y.dim[y.rank - 1]);
            assert_memory_equal(x.data, y.data, (size_t)(n * x.dim[x.rank - 1]) * sizeof(float));
            assert_int_equal(arc_net_run(b, floats, dim, &err), ARC_OK);
            assert_int_equal(arc_net_output_get(b, 0, &y, NULL), ARC_OK);
            assert_memory_equal(x.data, y.data, (size_t)(n * x.dim[x.rank - 1]) * sizeof(float));
        }
    }
    arc_session *s = NULL;
    const arc_shape shape = {.rank = 4, .dim = {1, 3, SIDE, SIDE}};
    assert_int_equal(arc_session_new(&s, ctx, model->graph, NULL, NULL), ARC_OK);
    assert_false(arc_session_takes_pixels(s, 0)); /* no plan yet */
    assert_int_equal(arc_session_plan(s, &shape, NULL), ARC_OK);
    assert_int_equal(arc_session_takes_pixels(s, 0), takes);
    if (!takes) {
        arc_tensor in = {.dtype = ARC_F32, .layout = ARC_PIXELS, .shape = shape, .data = (void *)(uintptr_t)&pixels}, out;
        assert_int_equal(arc_session_run(s, &in, &out, &err), ARC_EUNSUPPORTED);
    }
    arc_session_free(&s);
    arc_net_free(&a);
    arc_net_free(&b);
    free(floats);
}

static void zoo_gives_the_same_bits(void **state) {
    (void)state;
    for (int threads = 1; threads <= 3; threads += 2) {
        arc_context *ctx = arc_test_context(NULL, threads);
        arc_model *model = NULL;
        assert_int_equal(arc_model_new(ctx, "mbf", 32, 7, &model, NULL), ARC_OK);
        same_bits(ctx, model, true);
        arc_model_free(&model);
        arc_context_close(&ctx);
    }
}

/* A graph that begins with an activation reads planes. */
static void other_graphs_are_given_floats(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 2);
    net t;
    net_new(&t, &ctx->alloc, 3);
    int x = net_input(&t, "data", net_shape(4, -1, 3, SIDE, SIDE));
    x = net_node(&t, "Relu", x, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    x = net_node(&t, "Flatten", x, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    net_done(&t, net_gemm(&t, x, 3 * SIDE * SIDE, 8, true));
    const arc_model model = {.alloc = ctx->alloc, .graph = t.g};
    same_bits(ctx, &model, false);
    arc_graph_free(&t.g);
    arc_context_close(&ctx);
}

static void real_models_give_the_same_bits(void **state) {
    (void)state;
    static const char *const files[] = {"models/recognition/w600k_mbf_dequantised_fp32.onnx",
                                        "models/recognition/mobilefacenet_relu6_128d.onnx"};
    arc_context *ctx = arc_test_context(NULL, 2);
    for (size_t i = 0; i < ARC_COUNT(files); i++) {
        arc_model *model = NULL;
        assert_int_equal(arc_model_load(ctx, arc_test_file(files[i]), ARC_TASK_EMBED, NULL, &model, NULL), ARC_OK);
        same_bits(ctx, model, true);
        arc_model_free(&model);
    }
    arc_context_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zoo_gives_the_same_bits),
        cmocka_unit_test(other_graphs_are_given_floats),
        cmocka_unit_test(real_models_give_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
