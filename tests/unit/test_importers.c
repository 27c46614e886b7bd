/* Importers against what the network's own framework computes: a small MXNet fresnet (tests/golden/make_mxnet.py), and how the
 * activation behind a PyTorch checkpoint is told. Whole PyTorch nets: tests/golden/torch_check.py. */
#include "format/format.h"
#include "format/torch/torch_internal.h"
#include "net_support.h"
#include <string.h>

#define GOLDEN ARC_SOURCE_DIR "/tests/golden/data/mxnet/"

static float *npy(const char *path, arc_shape *shape) {
    arc_dtype type;
    void *data;
    arc_error err = {0};
    if (arc_npy_load(&arc_alloc_libc, path, &type, shape, &data, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_int_equal(type, ARC_F32);
    return data;
}

static void mxnet_fresnet_gives_its_embedding(void **state) {
    (void)state;
    static const char *const file[] = {GOLDEN "fresnet-symbol.json", GOLDEN "fresnet-0000.params"};
    arc_shape in, out;
    float *x = npy(GOLDEN "image.npy", &in), *want = npy(GOLDEN "embedding.npy", &out);
    arc_context *ctx = arc_test_context(NULL, 2);
    double range = 0;
    for (int i = 0; i < 16; i++)
        range = fmax(range, fabs((double)want[i]));
    for (int either = 0; either < 2; either++) {
        arc_graph *g;
        arc_error err = {0};
        arc_tensor got;
        if (arc_mxnet_load(&g, &arc_alloc_libc, file[either], &err) != ARC_OK)
            fail_msg("%s", err.text);
        for (int plain = 0; plain < 2; plain++) {
            float *y = net_run(ctx, g, plain, in, x, &got, NULL);
            assert_int_equal(arc_shape_count(&got.shape), 16);
            const double worst = arc_test_max_error(y, want, 16) / range;
            if (!(worst < 1e-5))
                fail_msg("%s: largest difference %g of the range", plain ? "as written" : "with passes", worst);
            free(y);
        }
        arc_graph_free(&g);
    }
    arc_context_close(&ctx);
    arc_mem_free(&arc_alloc_libc, x);
    arc_mem_free(&arc_alloc_libc, want);
}

enum { CHANNELS = 24, TAPS = 9, SAMPLES = 20000 };

typedef struct layers {
    float scale[CHANNELS], shift[CHANNELS], mean[CHANNELS], variance[CHANNELS], weight[CHANNELS * TAPS];
    arc_torch_tensor tensor[5];
    arc_torch_state s;
} layers;

/* Statistics as training with this slope would have collected them. */
static void train(layers *l, float slope) {
    net r = {.seed = 5};
    for (int c = 0; c < CHANNELS; c++) {
        double sum = 0, total = 0, squares = 0;
        l->scale[c] = net_random(&r, 0.5f, 1.5f);
        l->shift[c] = net_random(&r, -2, 1);
        for (int t = 0; t < TAPS; t++)
            sum += (double)(l->weight[c * TAPS + t] = net_random(&r, -0.5f, 1));
        for (int i = 0; i < SAMPLES; i++) {
            double normal = -6; /* of twelve uniform numbers */
            for (int k = 0; k < 12; k++)
                normal += (double)net_random(&r, 0, 1);
            const double x = l->shift[c] + l->scale[c] * normal, y = (x > 0 ? x : slope * x) * sum;
            total += y;
            squares += y * y;
        }
        l->mean[c] = (float)(total / SAMPLES);
        l->variance[c] = (float)(squares / SAMPLES - total / SAMPLES * (total / SAMPLES));
    }
    const arc_shape row = {1, {CHANNELS}}, taps = {4, {CHANNELS, 1, 3, 3}};
    l->tensor[0] = (arc_torch_tensor){"a.bias", row, l->shift};
    l->tensor[1] = (arc_torch_tensor){"a.weight", row, l->scale};
    l->tensor[2] = (arc_torch_tensor){"b.running_mean", row, l->mean};
    l->tensor[3] = (arc_torch_tensor){"b.running_var", row, l->variance};
    l->tensor[4] = (arc_torch_tensor){"c.weight", taps, l->weight};
    l->s = (arc_torch_state){l->tensor, 5};
}

static void statistics_tell_the_activation(void **state) {
    (void)state;
    static layers l;
    const float slopes[] = {0, 0.1f};
    for (int i = 0; i < 2; i++) {
        double relu = 0, leaky = 0;
        float leak = -1;
        train(&l, slopes[i]);
        assert_true(arc_torch_leak_errors(&l.s, "a", "c", "b", 0.1f, &relu, &leaky));
        assert_int_equal(arc_torch_choose_leak(relu, leaky, 0.1f, "x.pth", &leak, NULL), ARC_OK);
        if (leak != slopes[i])
            fail_msg("slope %g taken for %g (errors %g, %g)", (double)slopes[i], (double)leak, relu, leaky);
    }
    double relu = 0, leaky = 0;
    float leak;
    arc_error err = {0};
    assert_false(arc_torch_leak_errors(&l.s, "a", "c", "z", 0.1f, &relu, &leaky));
    l.tensor[4].shape.rank = 2;
    assert_false(arc_torch_leak_errors(&l.s, "a", "c", "b", 0.1f, &relu, &leaky));
    assert_int_equal(arc_torch_choose_leak(1, 1.5, 0.1f, "x.pth", &leak, &err), ARC_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "x.pth"));
    assert_int_equal(arc_torch_choose_leak(NAN, NAN, 0.1f, "x.pth", &leak, &err), ARC_EUNSUPPORTED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mxnet_fresnet_gives_its_embedding),
        cmocka_unit_test(statistics_tell_the_activation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
