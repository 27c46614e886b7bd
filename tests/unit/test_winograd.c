/* Every way of a convolution: Winograd by each tile, form of the weights and schedule, and what plans choose, on every kernel
 * level, at the shapes of the zoo and every batch; the same bits for 1 to 16 threads. */
#include "conv_support.h"

/* ---- Winograd -------------------------------------------------------------------------------------------------------------- */

static const char *const schedules[] = {"own blocks", "shared panels", "shared points"};

static arc_status prepare_winograd(arc_prepare *p, int tile, arc_form form) {
    arc_conv_geometry g;
    char why[320];
    assert_int_equal(arc_conv_read(p->step->node, false, &p->step->in[0].shape, &p->step->in[1].shape, &g, why, sizeof why),
                     ARC_OK);
    return arc_winograd_prepare(p, &g, tile, form, schedules[conv_turn % ARC_COUNT(schedules)]);
}
static arc_status prepare_winograd_2(arc_prepare *p) {
    return prepare_winograd(p, 2, ARC_FORM_F32);
}
static arc_status prepare_winograd_4(arc_prepare *p) {
    return prepare_winograd(p, 4, ARC_FORM_F32);
}
static arc_status prepare_winograd_f16_2(arc_prepare *p) {
    return prepare_winograd(p, 2, ARC_FORM_F16);
}
static arc_status prepare_winograd_f16_4(arc_prepare *p) {
    return prepare_winograd(p, 4, ARC_FORM_F16);
}
static arc_status prepare_winograd_bf16(arc_prepare *p) {
    return prepare_winograd(p, 2, ARC_FORM_BF16);
}

/* The tile of 4 loses about two bits to cancellation. Bounds are at most two and a half times the largest error of 500 such
 * rounds: 1.1e-6 for the tile of
 * 4, 1.5e-3 for bfloat16, 1.1e-4 and 2.1e-3 for weights in half precision. */
static const struct {
    arc_status (*prepare)(arc_prepare *);
    double bound;
} winograd[] = {{prepare_winograd_2, 4e-7},
                {prepare_winograd_4, 1.6e-6},
                {prepare_winograd_bf16, 1.0 / 256},
                {prepare_winograd_f16_2, 1.0 / 4096},
                {prepare_winograd_f16_4, 1.0 / 256}};

static arc_op winograd_op(size_t i) {
    arc_op op = arc_ops_conv[0];
    op.prepare = winograd[i].prepare;
    return op;
}

static conv_case winograd_case(int64_t n, int64_t c_in, int64_t c_out, int64_t h, int64_t w) {
    conv_case c = random_case(false);
    c.groups = 1;
    c.n = n;
    c.c_in = c_in;
    c.c_out = c_out;
    c.h = h;
    c.w = w;
    c.kh = c.kw = 3;
    for (int i = 0; i < 2; i++)
        c.stride[i] = c.dilation[i] = 1;
    for (int i = 0; i < 4; i++)
        c.pads[i] = opx_random() % 3;
    return c;
}

/* Both tiles, every level: maps from 1 pixel on, channels (from the 8 on that layers of this kind need) that
 * fill no register, images whose tiles share a block. */
static void test_winograd(void **state) {
    (void)state;
    for (int round = 0; round < 60; round++) {
        conv_case c = winograd_case(1 + opx_random() % 3, 8 + opx_random() % 40, 1 + opx_random() % 70, 3 + opx_random() % 14,
                                    3 + opx_random() % 14);
        if (round % 6 == 0) { /* the smallest map: one pixel, all neighbours padding */
            c.h = c.w = 1;
            for (int i = 0; i < 4; i++)
                c.pads[i] = 1;
        }
        conv_data d = make_data(&c);
        for (int isa = ARC_ISA_GENERIC; isa <= ARC_ISA_NEON; isa++)
            for (size_t i = 0; i < ARC_COUNT(winograd) && arc_kernels_of((arc_isa)isa); i++) {
                const arc_op op = winograd_op(i);
                if (i == 2 && (c.c_in % 2 || !arc_kernels_of((arc_isa)isa)->igemm_bf16))
                    continue; /* pairs of channels */
                opx o;
                conv_case mine = c;
                mine.factors &= i < 3; /* factors near zero make weights that half precision is not taken for */
                describe(&o, &mine, &d);
                conv_turn = (size_t)round;
                float *y = opx_run(&o, &op, arc_kernels_of((arc_isa)isa), NULL);
                compare(&mine, &d, y, arc_kernels_of((arc_isa)isa)->name, winograd[i].bound, true);
                free(y);
            }
        free_data(&d);
    }
}

/* Every way of a layer, on every level and with every schedule, held against the definition in double. The bound comes from the
 * data:
 * in units of the sum of absolute weights of the output channel, for inputs of at most 1, the direct way may lose half a unit in
 * the last place times the root of its chain of products, and the transforms what test_winograd allows, more where few channels
 * average it out less. */
static void every_way(const conv_case *c) {
    conv_data d = make_data(c);
    int64_t oh, ow;
    out_size(c, &oh, &ow);
    opx o;
    describe(&o, c, &d);
    double *want = opx_doubles(&o, &arc_ops_conv[0], false);
    const int64_t pixels = oh * ow;
    double *size = malloc((size_t)c->c_out * sizeof *size);
    for (int64_t co = 0; co < c->c_out; co++) {
        size[co] = 2;
        for (int64_t ci = 0; ci < c->c_in / c->groups; ci++)
            for (int64_t k = 0; k < c->kh * c->kw; k++)
                size[co] += fabs((double)d.w[(co * (c->c_in / c->groups) + ci) * c->kh * c->kw + k]);
    }
    const bool tiles = c->kh == 3 && c->kw == 3 && c->groups == 1 && c->stride[0] == 1 && c->c_in >= 8; /* as plans have it */
    const double chain = sqrt((double)(c->c_in / c->groups * c->kh * c->kw));
    for (int isa = ARC_ISA_GENERIC; isa <= ARC_ISA_NEON; isa++) {
        const arc_kernels *k = arc_kernels_of((arc_isa)isa);
        for (size_t way = 0; k && way < (tiles ? 1 + 2 * ARC_COUNT(schedules) : 1); way++) {
            const arc_op op = way == 0 ? arc_ops_conv[0] : winograd_op((way - 1) / ARC_COUNT(schedules));
            conv_turn = way;
            describe(&o, c, &d);
            float *y = opx_run(&o, &op, k, NULL);
            const bool two = strcmp(o.algorithm, "winograd 2x2") == 0, four = strcmp(o.algorithm, "winograd 4x4") == 0;
            const double bound = two || four ? winograd[four].bound * (1 + 1 / sqrt((double)c->c_in)) : 6e-8 * (4 + chain);
            for (int64_t i = 0; i < c->n * c->c_out * pixels; i++) {
                const int64_t co = i / pixels % c->c_out, at = (i / pixels / c->c_out * pixels + i % pixels) * c->c_out + co;
                if (!(fabs((double)y[at] - want[i]) <= bound * size[co]))
                    fail_msg("%s, %s, n%lld %lldx%lldx%lld -> %lld: got %.8g, want %.8g at %lld", k->name, o.algorithm,
                             (long long)c->n, (long long)c->h, (long long)c->w, (long long)c->c_in, (long long)c->c_out,
                             (double)y[at], want[i], (long long)i);
            }
            free(y);
        }
    }
    free(size);
    free(want);
    free_data(&d);
}

static conv_case zoo_case(int64_t n, int64_t c_in, int64_t c_out, int64_t side, int64_t kernel, int64_t stride, int64_t groups) {
    conv_case c = {.n = n, .c_in = c_in, .c_out = c_out, .h = side, .w = side, .kh = kernel, .kw = kernel, .groups = groups};
    for (int i = 0; i < 2; i++) {
        c.stride[i] = stride;
        c.dilation[i] = 1;
    }
    for (int i = 0; i < 4; i++)
        c.pads[i] = side > kernel ? kernel / 2 : 0;
    c.act = "prelu";
    c.bias = true;
    c.residual = stride == 1 && c_in == c_out;
    return c;
}

/* The convolutions of IResNet and MobileFaceNet at their own channels and maps. */
static void test_zoo_shapes(void **state) {
    (void)state;
    static const int64_t shape[][6] = {
        /* c_in, c_out, side, kernel, stride, groups */
        {3, 64, 112, 3, 1, 1},     {64, 64, 112, 3, 2, 1},    {64, 64, 56, 3, 1, 1},    {64, 128, 56, 3, 1, 1},
        {128, 128, 56, 3, 2, 1},   {128, 128, 28, 3, 1, 1},   {128, 256, 28, 3, 1, 1},  {256, 256, 28, 3, 2, 1},
        {256, 256, 14, 3, 1, 1},   {256, 512, 14, 3, 1, 1},   {512, 512, 14, 3, 2, 1},  {512, 512, 7, 3, 1, 1},
        {64, 64, 112, 1, 2, 1},    {64, 128, 56, 1, 2, 1},    {256, 512, 14, 1, 2, 1},  {64, 64, 56, 3, 1, 64},
        {128, 128, 56, 3, 2, 128}, {256, 256, 14, 3, 1, 256}, {512, 512, 7, 3, 1, 512}, {512, 512, 7, 7, 1, 512},
        {128, 64, 28, 1, 1, 1},    {256, 512, 7, 1, 1, 1},    {64, 64, 56, 3, 1, 32},
    };
    for (size_t i = 0; i < ARC_COUNT(shape); i += (size_t)arc_test_part(5, 1)) {
        const int64_t *s = shape[i];
        const conv_case c = zoo_case(1, s[0], s[1], s[2], s[3], s[4], s[5]);
        every_way(&c);
    }
}

/* Every batch from 1 to 33 images: blocks and row tiles end at every place. */
static void test_batches(void **state) {
    (void)state;
    for (int64_t n = 1; n <= 33; n += arc_test_part(8, 1)) {
        const conv_case cases[] = {zoo_case(n, 16, 24, 7, 3, 1, 1), zoo_case(n, 24, 40, 5, 3, 2, 1),
                                   zoo_case(n, 20, 20, 6, 3, 1, 20), zoo_case(n, 8, 33, 1, 3, 1, 1)};
        for (size_t i = 0; i < ARC_COUNT(cases); i++) {
            conv_case c = cases[i];
            for (int k = 0; c.h == 1 && k < 4; k++)
                c.pads[k] = 1;
            every_way(&c);
        }
    }
}

/* Strided and 1x1 layers in bfloat16, where this machine is fast at it: within the rounding of 8 bits. */
static void test_bf16(void **state) {
    (void)state;
    const arc_kernels *k = arc_kernels_get(NULL);
    for (int round = 0; round < 30; round++) {
        conv_case c = random_case(false);
        c.groups = 1;
        c.c_in = 16 + 2 * (opx_random() % 20);
        c.c_out = 1 + opx_random() % 70;
        conv_data d = make_data(&c);
        opx o;
        describe(&o, &c, &d);
        o.constant_weights = true;
        o.bf16 = true;
        float *y = opx_run(&o, &arc_ops_conv[0], k, NULL);
        if (k->bf16_fast)
            assert_non_null(strstr(o.algorithm, "bf16"));
        compare(&c, &d, y, k->name, 1.0 / 128, c.kh == 3 && c.kw == 3);
        free(y);
        free_data(&d);
    }
}

/* Weights in half precision: within the rounding of eleven bits, and in fp32 where their size would cost bits. */
static void test_f16(void **state) {
    (void)state;
    for (int round = 0; round < 60; round++) {
        const arc_kernels *k = arc_kernels_of((arc_isa)(round % 4));
        const bool small = round / 4 % 3 == 2;
        conv_case c = random_case(false);
        c.c_out = c.groups * (1 + opx_random() % 40);
        conv_data d = make_data(&c);
        for (int64_t i = 0; i < c.c_out * (c.c_in / c.groups) * c.kh * c.kw; i++)
            d.w[i] *= small ? 0x1p-16f : 1;
        opx o;
        describe(&o, &c, &d);
        o.constant_weights = true;
        o.f16 = true;
        float *y = k ? opx_run(&o, &arc_ops_conv[0], k, NULL) : NULL;
        if (k && strncmp(o.algorithm, "igemm", 5) == 0)
            assert_int_equal(strstr(o.algorithm, "fp16") != NULL, k->f16_fast && !small);
        if (k)
            compare(&c, &d, y, k->name, 1.0 / 1024, c.kh == 3 && c.kw == 3);
        free(y);
        free_data(&d);
    }
}

/* Blocks of a thread's own and blocks that all share: the same bits for 1 to 16 threads. */
static void test_winograd_threads(void **state) {
    (void)state;
    const conv_case cases[] = {winograd_case(2, 16, 24, 41, 38), winograd_case(1, 200, 90, 13, 14),
                               winograd_case(3, 64, 64, 28, 28), winograd_case(1, 64, 40, 60, 61)};
    for (size_t k = 0; k < ARC_COUNT(cases); k++)
        for (size_t i = 0; i < ARC_COUNT(winograd); i++) {
            const arc_op op = winograd_op(i);
            if (i != 2 || arc_kernels_get(NULL)->igemm_bf16)
                same_bits_for_threads(&cases[k], &op, true);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_winograd), cmocka_unit_test(test_zoo_shapes), cmocka_unit_test(test_batches),
        cmocka_unit_test(test_bf16),     cmocka_unit_test(test_f16),        cmocka_unit_test(test_winograd_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
