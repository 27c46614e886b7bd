/* Conv and ConvTranspose with every fused input against a naive double reference, on every kernel level; the same bits for 1 to
 * 16 threads; wrong shapes refused with a sentence. What plans choose among stands in test_winograd.c. */
#include "conv_support.h"

static void on_levels(const conv_case *c) {
    conv_data d = make_data(c);
    for (int isa = ARC_ISA_GENERIC; isa <= ARC_ISA_NEON; isa++) {
        const arc_kernels *k = arc_kernels_of((arc_isa)isa);
        if (!k)
            continue;
        opx o;
        describe(&o, c, &d);
        float *y = opx_run(&o, &arc_ops_conv[c->transposed], k, NULL);
        compare(c, &d, y, k->name, 6e-7, false);
        free(y);
    }
    free_data(&d);
}

static void test_random(void **state) {
    (void)state;
    for (int i = 0; i < 250; i++) {
        const conv_case c = random_case(false);
        on_levels(&c);
    }
}

static void test_random_transposed(void **state) {
    (void)state;
    for (int i = 0; i < 100; i++) {
        const conv_case c = random_case(true);
        int64_t oh, ow;
        out_size(&c, &oh, &ow);
        if (oh > 0 && ow > 0)
            on_levels(&c);
    }
}

/* The layers of the real nets in small: stem, 3x3, strided 1x1, depthwise and global depthwise. */
static void test_shapes_of_nets(void **state) {
    (void)state;
    static const conv_case cases[] = {
        {.n = 1,
         .c_in = 3,
         .c_out = 64,
         .h = 16,
         .w = 16,
         .kh = 3,
         .kw = 3,
         .groups = 1,
         .stride = {1, 1},
         .dilation = {1, 1},
         .pads = {1, 1, 1, 1},
         .act = "prelu",
         .bias = true},
        {.n = 2,
         .c_in = 64,
         .c_out = 64,
         .h = 9,
         .w = 9,
         .kh = 3,
         .kw = 3,
         .groups = 1,
         .stride = {2, 2},
         .dilation = {1, 1},
         .pads = {1, 1, 1, 1},
         .bias = true,
         .residual = true,
         .pad_value = true,
         .factors = true},
        {.n = 1, .c_in = 64, .c_out = 128, .h = 8, .w = 8, .kh = 1, .kw = 1, .groups = 1, .stride = {2, 2}, .dilation = {1, 1}},
        {.n = 3,
         .c_in = 64,
         .c_out = 64,
         .h = 7,
         .w = 7,
         .kh = 3,
         .kw = 3,
         .groups = 64,
         .stride = {1, 1},
         .dilation = {1, 1},
         .pads = {1, 1, 1, 1},
         .act = "prelu",
         .bias = true,
         .pad_value = true},
        {.n = 2, .c_in = 72, .c_out = 72, .h = 7, .w = 7, .kh = 7, .kw = 7, .groups = 72, .stride = {1, 1}, .dilation = {1, 1}},
        {.n = 1, .c_in = 8, .c_out = 16, .h = 5, .w = 5, .kh = 3, .kw = 3, .groups = 8, .stride = {1, 1}, .dilation = {1, 1}},
        /* Two inputs and two outputs a group, as the second layer of the large MobileFaceNet. */
        {.n = 2,
         .c_in = 32,
         .c_out = 32,
         .h = 9,
         .w = 8,
         .kh = 3,
         .kw = 3,
         .groups = 16,
         .stride = {2, 1},
         .dilation = {1, 1},
         .pads = {1, 1, 1, 1},
         .act = "prelu",
         .bias = true,
         .residual = true,
         .pad_value = true,
         .factors = true},
    };
    for (size_t i = 0; i < ARC_COUNT(cases); i++)
        on_levels(&cases[i]);
}

static void test_threads(void **state) {
    (void)state;
    for (int round = 0; round < 12; round++) {
        conv_case c = random_case(round % 4 == 3);
        int64_t oh, ow;
        if (!c.transposed) {
            c.h += 20;
            c.w += 20;
        }
        out_size(&c, &oh, &ow);
        if (oh < 1 || ow < 1)
            continue;
        same_bits_for_threads(&c, &arc_ops_conv[c.transposed], round % 2);
    }
}

/* Output size and first pad of every auto_pad mode, by a sum over an image of ones with a kernel of ones. */
static void test_auto_pad(void **state) {
    (void)state;
    static const struct {
        const char *mode;
        int64_t out;
        float first;
    } want[] = {{"SAME_UPPER", 3, 3 * 3}, {"SAME_LOWER", 3, 2 * 2}, {"VALID", 2, 3 * 3}, {"NOTSET", 2, 3 * 3}};
    float x[36], w[9];
    for (int i = 0; i < 36; i++)
        x[i] = 1;
    for (int i = 0; i < 9; i++)
        w[i] = 1;
    for (size_t i = 0; i < ARC_COUNT(want); i++) {
        opx o;
        opx_init(&o, "Conv");
        opx_string(&o, "auto_pad", want[i].mode);
        opx_ints(&o, "strides", 2, (int64_t[]){2, 2});
        opx_input(&o, 0, ARC_NHWC, x, 4, (int64_t[]){1, 1, 6, 6});
        opx_input(&o, 1, ARC_PLAIN, w, 4, (int64_t[]){1, 1, 3, 3});
        float *y = opx_run(&o, &arc_ops_conv[0], arc_kernels_get(NULL), NULL);
        assert_int_equal(o.out.shape.dim[2], want[i].out);
        assert_true(y[0] == want[i].first);
        free(y);
    }
}

static void refused(opx *o, const char *word) {
    const arc_status st = opx_infer(o, &arc_ops_conv[0]);
    assert_int_not_equal(st, ARC_OK);
    if (!strstr(o->err.text, word))
        fail_msg("'%s' does not say '%s'", o->err.text, word);
}

static void test_refusals(void **state) {
    (void)state;
    const conv_case plain = {.n = 1,
                             .c_in = 4,
                             .c_out = 6,
                             .h = 5,
                             .w = 5,
                             .kh = 3,
                             .kw = 3,
                             .groups = 1,
                             .stride = {1, 1},
                             .dilation = {1, 1},
                             .bias = true};
    conv_data d = make_data(&plain);
    opx o;
    conv_case c = plain;
    describe(&o, &c, &d);
    o.in[1].shape.dim[1] = 3;
    refused(&o, "do not fit");
    describe(&o, &c, &d);
    o.in[2].shape.dim[0] = 5;
    refused(&o, "bias");
    describe(&o, &c, &d);
    o.in[0].shape.rank = 3;
    refused(&o, "2-D");
    describe(&o, &c, &d);
    o.in[0].dtype = ARC_F64;
    refused(&o, "float32");
    describe(&o, &c, &d);
    o.ints[1][0] = 0; /* attribute 1 is strides */
    refused(&o, "strides");
    c = plain;
    c.h = 2;
    describe(&o, &c, &d);
    refused(&o, "output");
    c = plain;
    c.act = "swish";
    describe(&o, &c, &d);
    refused(&o, "swish");
    c = plain;
    c.groups = 3;
    describe(&o, &c, &d);
    refused(&o, "group");
    free_data(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),  cmocka_unit_test(test_random_transposed), cmocka_unit_test(test_shapes_of_nets),
        cmocka_unit_test(test_threads), cmocka_unit_test(test_auto_pad),          cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
