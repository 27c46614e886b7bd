/* Attention and RotaryEmbedding as opset 23 has them, worked out by hand: masks, causal masking, earlier keys, capped scores;
 * pairs that are turned. What sessions make of whole transformers is in test_transformers.c. */
#include "layer_support.h"

static const int64_t two_rows[] = {1, 1, 2, 1}, one_row[] = {1, 1, 1, 1};
static const float zeros[] = {0, 0}, values[] = {2, 6};

/* Queries of zeros look at all keys alike. */
static void begin(call *c) {
    *c = (call){.op = "Attention", .opset = 23, .outputs = 1};
    add_input(c, ARC_F32, 4, two_rows, zeros, false);
    add_input(c, ARC_F32, 4, two_rows, zeros, false);
    add_input(c, ARC_F32, 4, two_rows, values, false);
}

static void masks_hide_keys(void **state) {
    static const int64_t square[] = {2, 2};
    static const uint8_t diagonal[] = {1, 0, 0, 1};
    static const float added[] = {0, 0, 0, -INFINITY}, all[] = {4, 4}, causal[] = {2, 4}, own[] = {2, 6}, first[] = {4, 2};
    call c;
    (void)state;
    begin(&c);
    expect(&c, 4, two_rows, all, 1e-6);
    begin(&c);
    add_int(&c, "is_causal", 1);
    expect(&c, 4, two_rows, causal, 1e-6);
    begin(&c);
    add_input(&c, ARC_BOOL, 2, square, diagonal, false);
    expect(&c, 4, two_rows, own, 1e-6);
    begin(&c);
    add_input(&c, ARC_F32, 2, square, added, false);
    expect(&c, 4, two_rows, first, 1e-6);
}

static void earlier_keys_come_first(void **state) {
    static const float before = 10, nothing = 0, want[] = {6, 6};
    call c;
    (void)state;
    begin(&c);
    c.outputs = 3;
    c.in[c.inputs++] = (arc_tensor){.dtype = ARC_NO_DTYPE};
    add_input(&c, ARC_F32, 4, one_row, &nothing, false);
    add_input(&c, ARC_F32, 4, one_row, &before, false);
    add_int(&c, "is_causal", 1);
    expect(&c, 4, two_rows, want, 1e-6);
    run(&c, ARC_PLAIN);
    const float *present = c.out[2].data;
    assert_int_equal(c.out[2].shape.dim[2], 3);
    assert_true(present[0] == 10 && present[1] == 2 && present[2] == 6);
    free_results(&c);
}

/* Scores of 2 and -2, held between -1 and 1 by the hyperbolic tangent. */
static void scores_are_capped(void **state) {
    static const float query[] = {2, 2}, keys[] = {1, -1};
    const float share = (float)(1 / (1 + exp(-2 * tanh(2)))), want[] = {6 - 4 * share, 6 - 4 * share};
    (void)state;
    call c = {.op = "Attention", .opset = 23, .outputs = 1};
    add_input(&c, ARC_F32, 4, two_rows, query, false);
    add_input(&c, ARC_F32, 4, two_rows, keys, false);
    add_input(&c, ARC_F32, 4, two_rows, values, false);
    add_float(&c, "scale", 1);
    add_float(&c, "softcap", 1);
    expect(&c, 4, two_rows, want, 1e-5);
}

static void pairs_are_turned(void **state) {
    static const int64_t dim[] = {1, 1, 1, 4}, row[] = {1, 1, 2}, table[] = {3, 2}, one[] = {1, 1}, single[] = {1, 1, 1},
                         place = 2;
    static const float x[] = {1, 2, 3, 4}, cosine[] = {9, 9, 9, 9, 0, 1}, sine[] = {9, 9, 9, 9, 1, 0};
    static const float halves[] = {-3, 2, 1, 4}, neighbours[] = {-2, 1, 3, 4};
    (void)state;
    for (int paired = 0; paired < 2; paired++)
        for (int placed = 0; placed < 2; placed++) {
            call c = {.op = "RotaryEmbedding", .opset = 23, .outputs = 1};
            add_input(&c, ARC_F32, 4, dim, x, false);
            add_input(&c, ARC_F32, placed ? 2 : 3, placed ? table : row, placed ? cosine : cosine + 4, false);
            add_input(&c, ARC_F32, placed ? 2 : 3, placed ? table : row, placed ? sine : sine + 4, false);
            if (placed)
                add_input(&c, ARC_I64, 2, one, &place, false);
            add_int(&c, "interleaved", paired);
            expect(&c, 4, dim, paired ? neighbours : halves, 0);
        }
    call part = {.op = "RotaryEmbedding", .opset = 23, .outputs = 1}; /* of the first two numbers alone */
    add_input(&part, ARC_F32, 4, dim, x, false);
    add_input(&part, ARC_F32, 3, single, cosine + 4, false);
    add_input(&part, ARC_F32, 3, single, sine + 4, false);
    add_int(&part, "rotary_embedding_dim", 2);
    expect(&part, 4, dim, neighbours, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_hide_keys),
        cmocka_unit_test(earlier_keys_come_first),
        cmocka_unit_test(scores_are_capped),
        cmocka_unit_test(pairs_are_turned),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
