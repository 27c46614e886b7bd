/* Floats that pass through half precision, or through quantized numbers, and come back: one node gives the bits that the two
 * operators give, and what says something else is left alone. */
#include "net_support.h"
#include "pass/pass.h"
#include "shared_context.h"

enum { COUNT = 4096 };

/* Everything that rounding can go wrong on, then noise of all sizes. */
static float *numbers(void) {
    static const float odd[] = {0.0f,       -0.0f,      INFINITY,   -INFINITY,    NAN,          65504.0f, 65519.996f, 65520.0f,
                                -65520.0f,  1e30f,      0x1p-14f,   0x1.ffcp-15f, 0x1p-24f,     0x1p-25f, 0x1.8p-25f, 0x1.002p0f,
                                0x1.006p0f, 0x1.001p0f, 0x1.003p0f, -0x1.003p0f,  0x1.7fep-15f, 3.4e38f,  1e-45f,     2.5f,
                                -2.5f,      0.5f,       1.5f,       -0.5f,        127.5f,       -128.5f,  32767.5f,   -32768.5f};
    float *x = malloc(COUNT * sizeof *x);
    net t = {.seed = 99};
    for (int i = 0; i < COUNT; i++)
        x[i] = ldexpf(net_random(&t, -1, 1), (int)net_random(&t, -30, 20));
    memcpy(x, odd, sizeof odd);
    return x;
}

static int scalar(net *t, arc_dtype type, const void *value) {
    const arc_shape s = {0};
    return arc_graph_constant(t->g, net_name(t), type, &s, value, true);
}

static int cast(net *t, int x, arc_dtype to) {
    arc_node *n;
    const int y = net_node(t, "Cast", x, ARC_NO_VALUE, ARC_NO_VALUE, &n);
    assert_int_equal(arc_node_int(t->g, n, "to", to), ARC_OK);
    return y;
}

static int start(net *t) {
    net_new(t, &arc_alloc_libc, 1);
    return net_input(t, "x", net_shape(4, 1, 16, 16, 16));
}

static int roundings(const arc_graph *g) {
    int found = 0;
    for (int i = 0; i < g->nodes; i++)
        found += arc_node_is(&g->node[i], ARC_KIND_ROUNDING);
    return found;
}

/* As written and rewritten: the same bits, by so many joined pairs. Frees the graph. */
static void expect_joined(net *t, int output, int joined, const char *what) {
    arc_graph *optimised = NULL;
    arc_error err = {0};
    float *x = numbers();
    net_done(t, output);
    const arc_shape shape = t->g->value[t->g->input[0]].shape;
    assert_int_equal(arc_graph_optimise(t->g, &optimised, &err), ARC_OK);
    if (roundings(optimised) != joined)
        fail_msg("%s: %d pairs are joined, %d should be", what, roundings(optimised), joined);
    arc_graph_free(&optimised);
    float *plain = net_run(ctx, t->g, true, shape, x, NULL, NULL), *fused = net_run(ctx, t->g, false, shape, x, NULL, NULL);
    for (int i = 0; i < COUNT; i++)
        if (memcmp(&plain[i], &fused[i], sizeof *plain) != 0)
            fail_msg("%s: %a becomes %a as written and %a joined", what, (double)x[i], (double)plain[i], (double)fused[i]);
    free(x);
    free(plain);
    free(fused);
    arc_graph_free(&t->g);
}

static void halves_keep_their_bits(void **state) {
    (void)state;
    net t;
    const int x = start(&t);
    expect_joined(&t, cast(&t, cast(&t, x, ARC_F16), ARC_F32), 1, "half");
}

static int quantized(net *t, int x, arc_dtype type, const void *zero, float scale) {
    const int s = scalar(t, ARC_F32, &scale), z = zero ? scalar(t, type, zero) : ARC_NO_VALUE;
    return net_node(t, "DequantizeLinear", net_node(t, "QuantizeLinear", x, s, z, NULL), s, z, NULL);
}

static void steps_keep_their_bits(void **state) {
    (void)state;
    static const uint8_t u8 = 100;
    static const int8_t i8 = -3;
    static const uint16_t u16 = 40000;
    static const int16_t i16 = -7;
    static const struct {
        arc_dtype type;
        const void *zero;
        const char *what;
    } cases[] = {{ARC_U8, &u8, "uint8"},
                 {ARC_I8, &i8, "int8"},
                 {ARC_U16, &u16, "uint16"},
                 {ARC_I16, &i16, "int16"},
                 {ARC_U8, NULL, "none"}};
    for (size_t i = 0; i < ARC_COUNT(cases); i++)
        for (int k = 0; k < 3; k++) {
            static const float scale[] = {1, 0.25f, 0.013f};
            net t;
            const int x = start(&t);
            expect_joined(&t, quantized(&t, x, cases[i].type, cases[i].zero, scale[k]), 1, cases[i].what);
        }
}

/* Two readers of the half, a scale that differs on the way back, a cast that goes elsewhere. */
static void what_says_more_is_left_alone(void **state) {
    (void)state;
    net t;
    int x = start(&t), half = cast(&t, x, ARC_F16);
    expect_joined(&t, net_node(&t, "Add", cast(&t, half, ARC_F32), cast(&t, half, ARC_F32), ARC_NO_VALUE, NULL), 0,
                  "two readers");
    static const float one = 1, two = 2;
    x = start(&t);
    const int there = net_node(&t, "QuantizeLinear", x, scalar(&t, ARC_F32, &one), ARC_NO_VALUE, NULL);
    expect_joined(&t, net_node(&t, "DequantizeLinear", there, scalar(&t, ARC_F32, &two), ARC_NO_VALUE, NULL), 0, "another scale");
    x = start(&t);
    expect_joined(&t, cast(&t, cast(&t, x, ARC_I32), ARC_F32), 0, "integers");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves_keep_their_bits),
        cmocka_unit_test(steps_keep_their_bits),
        cmocka_unit_test(what_says_more_is_left_alone),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
