/* Layers that move data and change shapes: joining, cutting, reshaping. */
#include "layer_support.h"

static void joins_and_cuts_in_both_layouts(void **state) {
    static const int64_t a[] = {2, 3, 2, 3}, b[] = {2, 2, 2, 3}, starts[] = {-1, 0}, ends[] = {INT64_MIN, 2}, axes[] = {1, 3},
                         steps[] = {-2, 1};
    static const int64_t two[] = {2}, parts[] = {1, 2};
    (void)state;
    call join = {.op = "Concat", .opset = 11, .outputs = 1};
    add_input(&join, ARC_F32, 4, a, noise(36, 9), false);
    add_input(&join, ARC_F32, 4, b, noise(24, 10), false);
    add_int(&join, "axis", 1);
    expect_agreement(&join, 0);
    call cut = {.op = "Slice", .opset = 11, .outputs = 1};
    add_input(&cut, ARC_F32, 4, a, noise(36, 9), false);
    add_input(&cut, ARC_I64, 1, two, starts, true);
    add_input(&cut, ARC_I64, 1, two, ends, true);
    add_input(&cut, ARC_I64, 1, two, axes, true);
    add_input(&cut, ARC_I64, 1, two, steps, true);
    expect_agreement(&cut, 0);
    call split = {.op = "Split", .opset = 11, .outputs = 2};
    add_input(&split, ARC_F32, 4, a, noise(36, 9), false);
    add_int(&split, "axis", 1);
    add_ints(&split, "split", 2, parts);
    expect_agreement(&split, 0);
}

static void slices_backwards(void **state) {
    static const int64_t dim[] = {4}, one[] = {1}, start[] = {3}, end[] = {INT64_MIN}, step[] = {-2}, axis[] = {0}, half[] = {2};
    static const float x[] = {1, 2, 3, 4}, want[] = {4, 2};
    (void)state;
    call c = {.op = "Slice", .opset = 13, .outputs = 1};
    add_input(&c, ARC_F32, 1, dim, x, false);
    add_input(&c, ARC_I64, 1, one, start, true);
    add_input(&c, ARC_I64, 1, one, end, true);
    add_input(&c, ARC_I64, 1, one, axis, true);
    add_input(&c, ARC_I64, 1, one, step, true);
    expect(&c, 1, half, want, 0);
}

/* Opset 18: five in three parts are two, two and one. */
static void splits_into_uneven_parts(void **state) {
    static const int64_t dim[] = {5};
    static const float x[] = {1, 2, 3, 4, 5};
    (void)state;
    call c = {.op = "Split", .opset = 18, .outputs = 3};
    add_input(&c, ARC_F32, 1, dim, x, false);
    add_int(&c, "num_outputs", 3);
    run(&c, ARC_PLAIN);
    if (c.st != ARC_OK)
        fail_msg("%s", c.err.text);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(c.out[i].shape.dim[0], i < 2 ? 2 : 1);
        assert_memory_equal(c.out[i].data, x + 2 * i, (i < 2 ? 2 : 1) * sizeof *x);
    }
    free_results(&c);
}

static void the_first_of_equals_comes_first(void **state) {
    static const int64_t dim[] = {5}, one[] = {1}, three = 3, places[] = {1, 2, 4};
    static const float x[] = {2, 5, 5, 1, 5}, top[] = {5, 5, 5};
    (void)state;
    call c = {.op = "TopK", .opset = 11, .outputs = 2};
    add_input(&c, ARC_F32, 1, dim, x, false);
    add_input(&c, ARC_I64, 1, one, &three, true);
    run(&c, ARC_PLAIN);
    assert_int_equal(c.st, ARC_OK);
    assert_memory_equal(c.out[0].data, top, sizeof top);
    assert_memory_equal(c.out[1].data, places, sizeof places);
    free_results(&c);
}

/* Two letters that are summed over, of two and of three inputs. */
static void sums_over_several_letters(void **state) {
    static const int64_t dim[] = {2, 3}, two[] = {2};
    static const float x[] = {1, 2, 3, 4, 5, 6}, y[] = {1, 0, 2, 1, 3, 1}, z[] = {10, 100}, pair[] = {32}, three[] = {70 + 2500};
    (void)state;
    call c = {.op = "Einsum", .opset = 12, .outputs = 1};
    add_input(&c, ARC_F32, 2, dim, x, false);
    add_input(&c, ARC_F32, 2, dim, y, false);
    add_text(&c, "equation", "ab,ab->");
    expect(&c, 0, NULL, pair, 0);
    call more = {.op = "Einsum", .opset = 12, .outputs = 1};
    add_input(&more, ARC_F32, 2, dim, x, false);
    add_input(&more, ARC_F32, 2, dim, y, false);
    add_input(&more, ARC_F32, 1, two, z, false);
    add_text(&more, "equation", "ab,ab,a->");
    expect(&more, 0, NULL, three, 0);
}

static void shapes_must_be_known_and_sound(void **state) {
    static const int64_t dim[] = {2, 3}, two[] = {2}, want[] = {4, -1}, zero[] = {-1, -1};
    static const float x[6] = {0};
    (void)state;
    call unknown = {.op = "Reshape", .opset = 13, .outputs = 1};
    add_input(&unknown, ARC_F32, 2, dim, x, false);
    add_input(&unknown, ARC_I64, 1, two, NULL, false);
    expect_refusal(&unknown, ARC_EUNSUPPORTED, "known at plan time");
    call uneven = {.op = "Reshape", .opset = 13, .outputs = 1};
    add_input(&uneven, ARC_F32, 2, dim, x, false);
    add_input(&uneven, ARC_I64, 1, two, want, true);
    expect_refusal(&uneven, ARC_ESHAPE, "does not reshape");
    call twice = {.op = "Reshape", .opset = 13, .outputs = 1};
    add_input(&twice, ARC_F32, 2, dim, x, false);
    add_input(&twice, ARC_I64, 1, two, zero, true);
    expect_refusal(&twice, ARC_ESHAPE, "malformed");
    call apart = {.op = "Add", .opset = 13, .outputs = 1};
    add_input(&apart, ARC_F32, 2, dim, x, false);
    add_input(&apart, ARC_F32, 1, two, x, false);
    expect_refusal(&apart, ARC_ESHAPE, "do not broadcast");
    /* 2^66 products for one number: more than any integer counts. */
    static const int64_t square[] = {2048, 2048};
    call vast = {.op = "Einsum", .opset = 12, .outputs = 1};
    for (int i = 0; i < 3; i++)
        add_input(&vast, ARC_F32, 2, square, NULL, false);
    add_text(&vast, "equation", "ab,cd,ef->");
    expect_refusal(&vast, ARC_ELIMIT, "too large");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_and_cuts_in_both_layouts), cmocka_unit_test(slices_backwards),
        cmocka_unit_test(splits_into_uneven_parts),       cmocka_unit_test(the_first_of_equals_comes_first),
        cmocka_unit_test(sums_over_several_letters),      cmocka_unit_test(shapes_must_be_known_and_sound),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
