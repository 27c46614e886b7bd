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
        cmocka_unit_test(resizes_by_hand),
        cmocka_unit_test(resizes_agree),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
