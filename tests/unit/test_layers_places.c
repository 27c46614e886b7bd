/* Layers that read the places that other values name, or choose among elements: deformable convolution, grids of an affine map,
 * suppression of overlapping boxes, what is not zero. */
#include "layer_support.h"

/* Without offsets, and with the mask 1, it is a convolution; with offsets of whole pixels that of a moved picture. */
static void deforms_a_convolution(void **state) {
    static const int64_t x[] = {2, 4, 6, 7}, w[] = {6, 2, 3, 3}, bias[] = {6}, offsets[] = {2, 36, 3, 4}, mask[] = {2, 18, 3, 4};
    static const int64_t strides[] = {2, 2}, pads[] = {1, 0, 1, 2}, y[] = {2, 6, 3, 4};
    static float none[864], ones[432], moved[336], down[864];
    const float *picture = noise(336, 21), *weights = noise(108, 22), *shift = noise(6, 23);
    (void)state;
    for (int i = 0; i < 432; i++)
        ones[i] = 1;
    for (int i = 0; i < 864; i++)
        down[i] = i / 12 % 2 == 0; /* y before x: one pixel down */
    for (int i = 0; i < 336; i++)
        moved[i] = i / 7 % 6 < 5 ? picture[i + 7] : 0;
    for (int go_down = 0; go_down < 2; go_down++) {
        call plain = {.op = "Conv", .opset = 19, .outputs = 1};
        add_input(&plain, ARC_F32, 4, x, go_down ? moved : picture, false);
        add_input(&plain, ARC_F32, 4, w, weights, false);
        add_input(&plain, ARC_F32, 1, bias, shift, false);
        add_int(&plain, "group", 2);
        add_ints(&plain, "strides", 2, strides);
        add_ints(&plain, "pads", 4, pads);
        static float want[144];
        run(&plain, ARC_NHWC);
        if (plain.st != ARC_OK)
            fail_msg("%s", plain.err.text);
        memcpy(want, plain.out[0].data, sizeof want);
        free_results(&plain);
        call c = {.op = "DeformConv", .opset = 19, .outputs = 1};
        add_input(&c, ARC_F32, 4, x, picture, false);
        add_input(&c, ARC_F32, 4, w, weights, false);
        add_input(&c, ARC_F32, 4, offsets, go_down ? down : none, false);
        add_input(&c, ARC_F32, 1, bias, shift, false);
        add_input(&c, ARC_F32, 4, mask, ones, false);
        add_int(&c, "group", 2);
        add_int(&c, "offset_group", 2);
        add_ints(&c, "strides", 2, strides);
        add_ints(&c, "pads", 4, pads);
        if (go_down) { /* the first row of the moved picture is padding in one and a row in the other */
            run(&c, ARC_PLAIN);
            const float *got = c.out[0].data;
            for (int i = 0; i < 144; i++)
                if (i / 4 % 3 != 0 && !(fabsf(got[i] - want[i]) <= 1e-5f))
                    fail_msg("moved: element %d is %g instead of %g", i, (double)got[i], (double)want[i]);
            free_results(&c);
        } else
            expect(&c, 4, y, want, 1e-5);
    }
}

/* One tap at a quarter of the way between two pixels, weighed by the mask; beyond the border, to the right and above, half a
 * pixel counts half. */
static void deforms_between_pixels(void **state) {
    static const int64_t x[] = {1, 1, 1, 3}, one[] = {1, 1, 1, 1}, offsets[] = {1, 2, 1, 3}, mask[] = {1, 1, 1, 3};
    static const float pixels[] = {4, 8, 16}, weight = 2, places[] = {0, 0, -0.5f, 0.25f, 0.75f, 0.5f}, share[] = {1, 0.5f, 1};
    static const float want[] = {2 * 5, 2 * 0.5f * 14, 2 * 0.25f * 16};
    (void)state;
    call c = {.op = "DeformConv", .opset = 22, .outputs = 1};
    add_input(&c, ARC_F32, 4, x, pixels, false);
    add_input(&c, ARC_F32, 4, one, &weight, false);
    add_input(&c, ARC_F32, 4, offsets, places, false);
    c.in[c.inputs++] = (arc_tensor){.dtype = ARC_NO_DTYPE};
    add_input(&c, ARC_F32, 4, mask, share, false);
    run(&c, ARC_PLAIN);
    const float *got = c.out[0].data;
    assert_float_equal(got[0], want[0], 1e-6);
    assert_float_equal(got[1], want[1], 1e-6);
    assert_float_equal(got[2], want[2], 1e-6);
    free_results(&c);
    call wrong = {.op = "DeformConv", .opset = 22, .outputs = 1};
    add_input(&wrong, ARC_F32, 4, x, pixels, false);
    add_input(&wrong, ARC_F32, 4, one, &weight, false);
    add_input(&wrong, ARC_F32, 4, mask, share, false);
    expect_refusal(&wrong, ARC_ESHAPE, "offsets, mask or bias do not fit");
}

static void grids_follow_a_matrix(void **state) {
    static const int64_t matrix[] = {1, 2, 3}, four[] = {4}, size[] = {1, 3, 2, 2}, grid[] = {1, 2, 2, 2};
    static const float turn[] = {0, -1, 0.5f, 2, 0, 0}; /* x' = 0.5 - y, y' = 2 x */
    static const float corners[] = {1.5f, -2, 1.5f, 2, -0.5f, -2, -0.5f, 2}, middles[] = {1, -1, 1, 1, 0, -1, 0, 1};
    (void)state;
    for (int aligned = 0; aligned < 2; aligned++) {
        call c = {.op = "AffineGrid", .opset = 20, .outputs = 1};
        add_input(&c, ARC_F32, 3, matrix, turn, false);
        add_input(&c, ARC_I64, 1, four, size, true);
        add_int(&c, "align_corners", aligned);
        expect(&c, 4, grid, aligned ? corners : middles, 1e-6);
    }
}

/* Two classes; box 1 overlaps box 0, box 2 stands apart, box 3 is box 0 with its corners exchanged. */
static void suppresses_what_overlaps(void **state) {
    static const int64_t boxes[] = {1, 4, 4}, scores[] = {1, 2, 4}, two = 2, four = 4;
    static const float corners[] = {0, 0, 10, 10, 0, 1, 10, 11, 20, 20, 30, 30, 10, 10, 0, 0};
    static const float score[] = {0.9f, 0.8f, 0.7f, 0.6f, 0.1f, 0.95f, 0.2f, 0.95f}, overlap = 0.5f, least = 0.15f;
    static const int64_t kept[][3] = {{0, 0, 0}, {0, 0, 2}, {0, 1, 1}, {0, 1, 2}}, all = 4;
    (void)state;
    for (int most = 0; most < 2; most++) {
        call c = {.op = "NonMaxSuppression", .opset = 11, .outputs = 1};
        add_input(&c, ARC_F32, 3, boxes, corners, true);
        add_input(&c, ARC_F32, 3, scores, score, true);
        add_input(&c, ARC_I64, 0, NULL, most ? &four : &two, true);
        add_input(&c, ARC_F32, 0, NULL, &overlap, true);
        add_input(&c, ARC_F32, 0, NULL, &least, true);
        run(&c, ARC_PLAIN);
        if (c.st != ARC_OK)
            fail_msg("%s", c.err.text);
        assert_int_equal(c.out[0].shape.dim[0], all);
        assert_memory_equal(c.out[0].data, kept, sizeof kept);
        free_results(&c);
    }
    call late = {.op = "NonMaxSuppression", .opset = 11, .outputs = 1};
    add_input(&late, ARC_F32, 3, boxes, NULL, false);
    add_input(&late, ARC_F32, 3, scores, NULL, false);
    add_input(&late, ARC_I64, 0, NULL, &two, true);
    expect_refusal(&late, ARC_EUNSUPPORTED, "known at plan time");
}

static void finds_what_is_not_zero(void **state) {
    static const int64_t dim[] = {2, 3}, two[] = {2, 3}, three[] = {3}, column[] = {2, 1};
    static const float x[] = {0, 5, 0, -1, 0, 2}, places[] = {0, 1, 1, 1, 0, 2}, chosen[] = {5, 0};
    static const uint8_t middle[] = {0, 1, 0};
    (void)state;
    call c = {.op = "NonZero", .opset = 13, .outputs = 1};
    add_input(&c, ARC_F32, 2, dim, x, true);
    expect(&c, 2, two, places, 0);
    call cut = {.op = "Compress", .opset = 11, .outputs = 1};
    add_input(&cut, ARC_F32, 2, dim, x, false);
    add_input(&cut, ARC_BOOL, 1, three, middle, true);
    add_int(&cut, "axis", 1);
    expect(&cut, 2, column, chosen, 0);
    call late = {.op = "NonZero", .opset = 13, .outputs = 1};
    add_input(&late, ARC_F32, 2, dim, NULL, false);
    expect_refusal(&late, ARC_EUNSUPPORTED, "known at plan time");
}

/* The root of the squares in a window; what lies outside counts nothing. */
static void pools_by_powers(void **state) {
    static const int64_t dim[] = {1, 1, 2, 2}, kernel[] = {2, 2}, pads[] = {0, 0, 1, 1}, one[] = {1, 1, 1, 1};
    static const float x[] = {3, -4, 0, 12}, squares[] = {13, 12.6491106f, 12, 12}, cubes[] = {12.2070869f};
    (void)state;
    call c = {.op = "LpPool", .opset = 18, .outputs = 1};
    add_input(&c, ARC_F32, 4, dim, x, false);
    add_ints(&c, "kernel_shape", 2, kernel);
    add_ints(&c, "pads", 4, pads);
    expect(&c, 4, dim, squares, 1e-5);
    call all = {.op = "GlobalLpPool", .opset = 2, .outputs = 1};
    add_input(&all, ARC_F32, 4, dim, x, false);
    add_int(&all, "p", 3);
    expect(&all, 4, one, cubes, 1e-4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deforms_a_convolution),  cmocka_unit_test(deforms_between_pixels),
        cmocka_unit_test(grids_follow_a_matrix),  cmocka_unit_test(suppresses_what_overlaps),
        cmocka_unit_test(finds_what_is_not_zero), cmocka_unit_test(pools_by_powers),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
