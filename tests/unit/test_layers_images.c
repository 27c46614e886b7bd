/* Layers over images: normalisation, pooling, resizing. */
#include "layer_support.h"

static void normalises_in_both_layouts(void **state) {
    static const int64_t dim[] = {2, 3, 2, 2}, channels[] = {3}, flat[] = {4, 3};
    static const float gamma[] = {1, 2, 0.5f}, beta[] = {0, 1, -1}, mean[] = {1, 2, 3}, variance[] = {1, 4, 0.25f};
    (void)state;
    for (int constant = 0; constant < 2; constant++)
        for (int rank = 2; rank <= 4; rank += 2) {
            call c = {.op = "BatchNormalization", .opset = 9, .outputs = 1};
            const float *x = noise(24, 5), *p[] = {gamma, beta, mean, variance};
            add_input(&c, ARC_F32, rank, rank == 2 ? flat : dim, x, false);
            for (int i = 0; i < 4; i++)
                add_input(&c, ARC_F32, 1, channels, p[i], constant);
            add_float(&c, "epsilon", 1e-3f);
            expect_definition(&c, 1e-5);
        }
    call c = {.op = "InstanceNormalization", .opset = 9, .outputs = 1};
    add_input(&c, ARC_F32, 4, dim, noise(24, 6), false);
    add_input(&c, ARC_F32, 1, channels, gamma, true);
    add_input(&c, ARC_F32, 1, channels, beta, true);
    expect_definition(&c, 1e-6);
}

static void pools_by_hand(void **state) {
    static const int64_t dim[] = {1, 1, 3, 3}, two[] = {2, 2}, pads[] = {0, 0, 1, 1}, small[] = {1, 1, 2, 2};
    static const float x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, most[] = {5, 6, 8, 9};
    static const float inside[] = {3, 4.5f, 7.5f, 9}, padded[] = {3, 2.25f, 3.75f, 2.25f};
    (void)state;
    call max = {.op = "MaxPool", .opset = 8, .outputs = 1};
    add_input(&max, ARC_F32, 4, dim, x, false);
    add_ints(&max, "kernel_shape", 2, two);
    expect(&max, 4, small, most, 0);
    for (int include = 0; include < 2; include++) {
        call mean = {.op = "AveragePool", .opset = 10, .outputs = 1};
        add_input(&mean, ARC_F32, 4, dim, x, false);
        add_ints(&mean, "kernel_shape", 2, two);
        add_ints(&mean, "strides", 2, two);
        add_ints(&mean, "pads", 4, pads);
        add_int(&mean, "count_include_pad", include);
        expect(&mean, 4, small, include ? padded : inside, 1e-6);
    }
    call ceil = {.op = "AveragePool", .opset = 10, .outputs = 1}; /* windows over the end count what they cover */
    add_input(&ceil, ARC_F32, 4, dim, x, false);
    add_ints(&ceil, "kernel_shape", 2, two);
    add_ints(&ceil, "strides", 2, two);
    add_int(&ceil, "ceil_mode", 1);
    add_int(&ceil, "count_include_pad", 1);
    expect(&ceil, 4, small, inside, 1e-6);
}

static void pools_agree(void **state) {
    static const int64_t dim[] = {2, 5, 7, 6}, three[] = {3, 3}, two[] = {2, 2}, pads[] = {1, 1, 1, 1};
    static const char *const ops[] = {"MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"};
    (void)state;
    for (int i = 0; i < 4; i++)
        for (int variant = 0; variant < 4; variant++) {
            call c = {.op = ops[i], .opset = 12, .outputs = 1};
            add_input(&c, ARC_F32, 4, dim, noise(420, 7), false);
            if (i < 2) {
                add_ints(&c, "kernel_shape", 2, three);
                add_ints(&c, "strides", 2, two);
                if (variant == 1)
                    add_ints(&c, "pads", 4, pads);
                if (variant == 2)
                    add_text(&c, "auto_pad", "SAME_LOWER");
                if (variant == 3)
                    add_int(&c, "ceil_mode", 1);
            }
            expect_definition(&c, 1e-6);
        }
}

static void resizes_by_hand(void **state) {
    static const int64_t dim[] = {1, 1, 1, 2}, four[] = {4}, big[] = {1, 1, 1, 4};
    static const float x[] = {1, 3}, scales[] = {1, 1, 1, 2}, near[] = {1, 1, 3, 3}, half[] = {1, 1.5f, 2.5f, 3},
                       corner[] = {1, 5.0f / 3, 7.0f / 3, 3};
    static const float asymmetric[] = {1, 2, 3, 3};
    static const struct {
        const char *mode, *transform;
        const float *want;
    } cases[] = {{"nearest", "asymmetric", near},
                 {"linear", "half_pixel", half},
                 {"linear", "pytorch_half_pixel", half},
                 {"linear", "align_corners", corner},
                 {"linear", "asymmetric", asymmetric}};
    (void)state;
    for (size_t i = 0; i < ARC_COUNT(cases); i++) {
        call c = {.op = "Resize", .opset = 13, .outputs = 1};
        add_input(&c, ARC_F32, 4, dim, x, false);
        add_input(&c, ARC_NO_DTYPE, 0, NULL, NULL, true);
        add_input(&c, ARC_F32, 1, four, scales, true);
        add_text(&c, "mode", cases[i].mode);
        add_text(&c, "coordinate_transformation_mode", cases[i].transform);
        add_text(&c, "nearest_mode", "floor");
        expect(&c, 4, big, cases[i].want, 1e-6);
    }
    call old = {.op = "Upsample", .opset = 9, .outputs = 1};
    add_input(&old, ARC_F32, 4, dim, x, false);
    add_input(&old, ARC_F32, 1, four, scales, true);
    expect(&old, 4, big, near, 0);
}

/* Means 2 and 12, deviations 1 and 2; scale and shift one a group before opset 21, then one a channel. */
static void normalises_by_groups(void **state) {
    static const int64_t dim[] = {1, 4, 1, 1}, two[] = {2}, four[] = {4};
    static const float x[] = {1, 3, 10, 14}, scale[] = {2, 3, 4, 5}, shift[] = {0, 1, 2, 3};
    static const float by_group[] = {-2, 2, -2, 4}, by_channel[] = {-2, 4, -2, 8};
    (void)state;
    for (int opset = 18; opset <= 21; opset += 3) {
        call c = {.op = "GroupNormalization", .opset = opset, .outputs = 1};
        add_input(&c, ARC_F32, 4, dim, x, false);
        add_input(&c, ARC_F32, 1, opset < 21 ? two : four, scale, true);
        add_input(&c, ARC_F32, 1, opset < 21 ? two : four, shift, true);
        add_int(&c, "num_groups", 2);
        add_float(&c, "epsilon", 0);
        expect(&c, 4, dim, opset < 21 ? by_group : by_channel, 1e-6);
    }
}

static void normalises_rows_and_neighbours(void **state) {
    static const int64_t rows[] = {2, 2}, channels[] = {1, 3, 1, 1};
    static const float x[] = {3, -4, 0, 0}, root[] = {0.6f, -0.8f, 0, 0}, sum[] = {3.0f / 7, -4.0f / 7, 0, 0};
    static const float y[] = {1, 2, 3}, local[] = {1.0f / 6, 2.0f / 15, 3.0f / 14};
    (void)state;
    for (int p = 1; p <= 2; p++) {
        call c = {.op = "LpNormalization", .opset = 22, .outputs = 1};
        add_input(&c, ARC_F32, 2, rows, x, false);
        add_int(&c, "p", p);
        expect(&c, 2, rows, p == 2 ? root : sum, 1e-6);
    }
    call lrn = {.op = "LRN", .opset = 13, .outputs = 1}; /* y / (1 + 3 / 3 * squares) */
    add_input(&lrn, ARC_F32, 4, channels, y, false);
    add_int(&lrn, "size", 3);
    add_float(&lrn, "alpha", 3);
    add_float(&lrn, "beta", 1);
    expect(&lrn, 4, channels, local, 1e-6);
}

static void resizes_as_later_opsets_say(void **state) {
    static const int64_t dim[] = {1, 1, 2, 4}, two[] = {2}, sizes[] = {4, 4}, axes[] = {2, 3};
    static const char *const policy[] = {"not_larger", "not_smaller"};
    static const int64_t line[] = {1, 1, 1, 4}, four[] = {4}, half[] = {1, 1, 1, 2};
    static const float x[] = {1, 2, 3, 4, 5, 6, 7, 8}, scales[] = {1, 1, 1, 0.5f}, smooth[] = {1.625f, 3.375f};
    (void)state;
    for (int i = 0; i < 2; i++) {
        call c = {.op = "Resize", .opset = 18, .outputs = 1};
        add_input(&c, ARC_F32, 4, dim, x, false);
        add_input(&c, ARC_NO_DTYPE, 0, NULL, NULL, true);
        add_input(&c, ARC_NO_DTYPE, 0, NULL, NULL, true);
        add_input(&c, ARC_I64, 1, two, sizes, true);
        add_ints(&c, "axes", 2, axes);
        add_text(&c, "keep_aspect_ratio_policy", policy[i]);
        run(&c, ARC_PLAIN);
        assert_int_equal(c.st, ARC_OK);
        assert_int_equal(c.out[0].shape.dim[2], i ? 4 : 2);
        assert_int_equal(c.out[0].shape.dim[3], i ? 8 : 4);
        free_results(&c);
    }
    call c = {.op = "Resize", .opset = 18, .outputs = 1}; /* a quarter, three, three and a quarter of the pixels around */
    add_input(&c, ARC_F32, 4, line, x, false);
    add_input(&c, ARC_NO_DTYPE, 0, NULL, NULL, true);
    add_input(&c, ARC_F32, 1, four, scales, true);
    add_text(&c, "mode", "linear");
    add_int(&c, "antialias", 1);
    expect(&c, 4, half, smooth, 1e-6);
}

static void resizes_agree(void **state) {
    static const int64_t dim[] = {2, 3, 4, 5}, four[] = {4}, sizes[][4] = {{2, 3, 7, 9}, {2, 3, 2, 3}, {2, 5, 4, 5}};
    (void)state;
    for (size_t i = 0; i < ARC_COUNT(sizes); i++)
        for (int linear = 0; linear < 2; linear++) {
            call c = {.op = "Resize", .opset = 11, .outputs = 1};
            add_input(&c, ARC_F32, 4, dim, noise(120, 8), false);
            add_input(&c, ARC_NO_DTYPE, 0, NULL, NULL, true);
            add_input(&c, ARC_NO_DTYPE, 0, NULL, NULL, true);
            add_input(&c, ARC_I64, 1, four, sizes[i], true);
            add_text(&c, "mode", linear ? "linear" : "nearest");
            expect_agreement(&c, 1e-6);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normalises_in_both_layouts),
        cmocka_unit_test(pools_by_hand),
        cmocka_unit_test(pools_agree),
        cmocka_unit_test(normalises_by_groups),
        cmocka_unit_test(normalises_rows_and_neighbours),
        cmocka_unit_test(resizes_by_hand),
        cmocka_unit_test(resizes_as_later_opsets_say),
        cmocka_unit_test(resizes_agree),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
