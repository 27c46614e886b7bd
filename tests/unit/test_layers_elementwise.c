/* Element-wise layers: broadcasting, arithmetic, conversions, activations. */
#include "layer_support.h"

static void broadcasts_in_both_layouts(void **state) {
    static const int64_t x[] = {2, 3, 4, 5},
                         shapes[][4] = {{2, 3, 4, 5}, {1, 3, 1, 1}, {2, 1, 4, 5}, {1, 1, 1, 5}, {2, 3, 1, 1}, {1, 1, 1, 1}};
    static const char *const ops[] = {"Add", "Sub", "Mul", "Div", "Min", "Max"};
    (void)state;
    for (size_t o = 0; o < ARC_COUNT(ops); o++)
        for (size_t i = 0; i < ARC_COUNT(shapes); i++)
            for (int cut = 0; cut < 4; cut++) { /* drop leading ones: lower ranks */
                const int64_t *dim = shapes[i];
                if (cut > 0 && (cut > 3 || arc_shape_count(&(arc_shape){cut, {dim[0], dim[1], dim[2], dim[3]}}) != 1))
                    continue;
                call c = {.op = ops[o], .opset = 13, .outputs = 1};
                add_input(&c, ARC_F32, 4, x, noise(120, 1), false);
                add_input(&c, ARC_F32, 4 - cut, dim + cut, noise(120, 2), false);
                expect_definition(&c, 0);
            }
}

static void adds_a_value_a_channel(void **state) {
    static const int64_t dim[] = {1, 2, 1, 3}, per_channel[] = {2, 1, 1};
    static const float x[] = {1, 2, 3, 4, 5, 6}, b[] = {10, 20}, want[] = {11, 12, 13, 24, 25, 26};
    (void)state;
    call c = {.op = "Add", .opset = 7, .outputs = 1};
    add_input(&c, ARC_F32, 4, dim, x, false);
    add_input(&c, ARC_F32, 3, per_channel, b, true);
    expect(&c, 4, dim, want, 0);
}

static void integers_wrap_and_never_trap(void **state) {
    static const int64_t dim[] = {3}, a[] = {7, INT64_MIN, 5}, b[] = {2, -1, 0};
    (void)state;
    call c = {.op = "Div", .opset = 13, .outputs = 1};
    add_input(&c, ARC_I64, 1, dim, a, false);
    add_input(&c, ARC_I64, 1, dim, b, false);
    run(&c, ARC_PLAIN);
    const int64_t *y = c.out[0].data;
    assert_int_equal(y[0], 3);
    assert_int_equal(y[1], INT64_MIN);
    assert_int_equal(y[2], 0);
    free_results(&c);
}

/* What int64 would take for negative. */
static void large_unsigned_integers_keep_their_order(void **state) {
    static const int64_t dim[] = {3};
    static const uint64_t a[] = {UINT64_MAX, 5, (uint64_t)1 << 63}, b[] = {2, UINT64_MAX, 3};
    static const struct {
        const char *op;
        uint64_t want[3];
    } cases[] = {{"Div", {UINT64_MAX / 2, 0, ((uint64_t)1 << 63) / 3}},
                 {"Max", {UINT64_MAX, UINT64_MAX, (uint64_t)1 << 63}},
                 {"Min", {2, 5, 3}},
                 {"Mod", {1, 5, 2}},
                 {"BitwiseAnd", {2, 5, 0}}};
    (void)state;
    for (size_t i = 0; i < ARC_COUNT(cases); i++) {
        call c = {.op = cases[i].op, .opset = 18, .outputs = 1};
        add_input(&c, ARC_U64, 1, dim, a, false);
        add_input(&c, ARC_U64, 1, dim, b, false);
        run(&c, ARC_PLAIN);
        if (c.st != ARC_OK || memcmp(c.out[0].data, cases[i].want, sizeof cases[i].want) != 0)
            fail_msg("%s of uint64 is wrong", cases[i].op);
        free_results(&c);
    }
    call less = {.op = "Less", .opset = 13, .outputs = 1};
    add_input(&less, ARC_U64, 1, dim, a, false);
    add_input(&less, ARC_U64, 1, dim, b, false);
    static const float order[] = {0, 1, 0};
    expect(&less, 1, dim, order, 0);
    call real = {.op = "Cast", .opset = 13, .outputs = 1};
    add_input(&real, ARC_U64, 1, dim, a, false);
    add_int(&real, "to", ARC_F64);
    static const float reals[] = {0x1p64f, 5, 0x1p63f};
    expect(&real, 1, dim, reals, 0);
}

static void bits_shift_within_their_type(void **state) {
    static const int64_t dim[] = {3};
    static const uint8_t x[] = {0x81, 0xff, 3}, by[] = {1, 4, 9};
    static const float left[] = {2, 0xf0, 0}, right[] = {0x40, 0xf, 0};
    (void)state;
    for (int up = 0; up < 2; up++) {
        call c = {.op = "BitShift", .opset = 11, .outputs = 1};
        add_input(&c, ARC_U8, 1, dim, x, false);
        add_input(&c, ARC_U8, 1, dim, by, false);
        add_text(&c, "direction", up ? "LEFT" : "RIGHT");
        expect(&c, 1, dim, up ? left : right, 0);
    }
}

static void casts_saturate_what_c_leaves_open(void **state) {
    static const int64_t dim[] = {4};
    static const float x[] = {NAN, 1e30f, -1.9f, 3.7f};
    (void)state;
    call c = {.op = "Cast", .opset = 13, .outputs = 1};
    add_int(&c, "to", ARC_I64);
    add_input(&c, ARC_F32, 1, dim, x, false);
    run(&c, ARC_PLAIN);
    const int64_t *y = c.out[0].data;
    assert_int_equal(y[0], 0);
    assert_true(y[1] == INT64_MAX);
    assert_int_equal(y[2], -1);
    assert_int_equal(y[3], 3);
    free_results(&c);
}

static void half_floats_round_to_even(void **state) {
    static const double values[] = {1.0, 65504.0, 65519.9, 65520.0, 0x1p-24, 0x1p-25, 2049.0, 2051.0, -0.0};
    static const uint16_t codes[] = {0x3c00, 0x7bff, 0x7bff, 0x7c00, 0x0001, 0x0000, 0x6800, 0x6802, 0x8000};
    (void)state;
    for (size_t i = 0; i < ARC_COUNT(values); i++) {
        uint16_t code;
        arc_element_set_real(ARC_F16, &code, 0, values[i]);
        assert_int_equal(code, codes[i]);
    }
    for (uint32_t code = 0; code < 0x7c00; code++) { /* every finite one comes back */
        uint16_t from = (uint16_t)code, back;
        arc_element_set_real(ARC_F16, &back, 0, arc_element_real(ARC_F16, &from, 0));
        assert_int_equal(back, code);
    }
}

/* ---- activations ---- */

static void activations_agree(void **state) {
    static const char *const ops[] = {"Relu", "LeakyRelu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Elu", "Clip"};
    static const int64_t dim[] = {2, 5, 3, 4}, slope[] = {5, 1, 1}, one[] = {1};
    (void)state;
    for (size_t i = 0; i < ARC_COUNT(ops); i++) {
        call c = {.op = ops[i], .opset = 10, .outputs = 1};
        add_input(&c, ARC_F32, 4, dim, noise(120, 3), false);
        expect_definition(&c, 1e-6);
    }
    call c = {.op = "PRelu", .opset = 9, .outputs = 1};
    add_input(&c, ARC_F32, 4, dim, noise(120, 3), false);
    add_input(&c, ARC_F32, 3, slope, noise(5, 4), true);
    expect_definition(&c, 0);
    call shared = {.op = "PRelu", .opset = 9, .outputs = 1};
    add_input(&shared, ARC_F32, 4, dim, noise(120, 3), false);
    add_input(&shared, ARC_F32, 1, one, noise(1, 4), true);
    expect_definition(&shared, 0);
}

static void clips_by_attribute_and_by_input(void **state) {
    static const int64_t dim[] = {1, 1, 1, 4};
    static const float x[] = {-3, 1, 5, 9}, lo = 0, hi = 6, want[] = {0, 1, 5, 6};
    (void)state;
    call old = {.op = "Clip", .opset = 6, .outputs = 1};
    add_input(&old, ARC_F32, 4, dim, x, false);
    add_float(&old, "min", 0);
    add_float(&old, "max", 6);
    expect(&old, 4, dim, want, 0);
    call new = {.op = "Clip", .opset = 11, .outputs = 1};
    add_input(&new, ARC_F32, 4, dim, x, false);
    add_input(&new, ARC_F32, 0, NULL, &lo, true);
    add_input(&new, ARC_F32, 0, NULL, &hi, true);
    expect(&new, 4, dim, want, 0);
}

static void softmax_of_old_opsets_flattens(void **state) {
    static const int64_t dim[] = {1, 2, 2};
    static const float x[] = {0, 0, 0, 0}, flat[] = {0.25f, 0.25f, 0.25f, 0.25f}, last[] = {0.5f, 0.5f, 0.5f, 0.5f};
    (void)state;
    call old = {.op = "Softmax", .opset = 11, .outputs = 1};
    add_input(&old, ARC_F32, 3, dim, x, false);
    expect(&old, 3, dim, flat, 1e-7);
    call new = {.op = "Softmax", .opset = 13, .outputs = 1};
    add_input(&new, ARC_F32, 3, dim, x, false);
    expect(&new, 3, dim, last, 1e-7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broadcasts_in_both_layouts),
        cmocka_unit_test(adds_a_value_a_channel),
        cmocka_unit_test(integers_wrap_and_never_trap),
        cmocka_unit_test(casts_saturate_what_c_leaves_open),
        cmocka_unit_test(large_unsigned_integers_keep_their_order),
        cmocka_unit_test(bits_shift_within_their_type),
        cmocka_unit_test(half_floats_round_to_even),
        cmocka_unit_test(activations_agree),
        cmocka_unit_test(clips_by_attribute_and_by_input),
        cmocka_unit_test(softmax_of_old_opsets_flattens),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
