/* Layers of 8-bit codes: convolution and quantization, exact. */
#include "layer_support.h"

/* One ConvInteger of random codes against the definition. */
static void check_conv_integer(bool x_signed, bool w_signed, int64_t groups, int64_t c_in, int64_t c_out, int64_t kernel,
                               int64_t stride) {
    const int64_t x_dim[] = {2, c_in, 6, 5}, w_dim[] = {c_out, c_in / groups, kernel, kernel}, strides[] = {stride, stride};
    const int64_t pad = kernel / 2, pads[] = {pad, pad, pad, pad}, channels[] = {c_out};
    uint8_t x[2 * 24 * 30], w[40 * 24 * 9], x_zero = 77, w_zero[40];
    arc_rng r;
    arc_rng_seed(&r, (uint64_t)(c_in * 100 + c_out), 1);
    for (size_t i = 0; i < sizeof x; i++)
        x[i] = (uint8_t)arc_rng_u32(&r);
    for (size_t i = 0; i < sizeof w; i++)
        w[i] = (uint8_t)arc_rng_u32(&r);
    for (size_t i = 0; i < sizeof w_zero; i++)
        w_zero[i] = (uint8_t)arc_rng_u32(&r);
    call c = {.op = "ConvInteger", .opset = 10, .outputs = 1};
    const arc_dtype xt = x_signed ? ARC_I8 : ARC_U8, wt = w_signed ? ARC_I8 : ARC_U8;
    add_input(&c, xt, 4, x_dim, x, false);
    add_input(&c, wt, 4, w_dim, w, false);
    add_input(&c, xt, 0, NULL, &x_zero, false);
    add_input(&c, wt, 1, channels, w_zero, true);
    add_ints(&c, "strides", 2, strides);
    add_ints(&c, "pads", 4, pads);
    add_int(&c, "group", groups);
    run(&c, ARC_PLAIN);
    if (c.st != ARC_OK)
        fail_msg("%s", c.err.text);
    const int64_t oh = c.out[0].shape.dim[2], ow = c.out[0].shape.dim[3], in_group = c_in / groups, out_group = c_out / groups;
    const int32_t *y = c.out[0].data;
    for (int64_t i = 0; i < 2 * c_out * oh * ow; i++) {
        const int64_t ox = i % ow, oy = i / ow % oh, o = i / (ow * oh) % c_out, image = i / (ow * oh * c_out);
        int64_t sum = 0;
        for (int64_t k = 0; k < in_group * kernel * kernel; k++) {
            const int64_t iy = oy * stride - pad + k / kernel % kernel, ix = ox * stride - pad + k % kernel;
            const int64_t channel = o / out_group * in_group + k / (kernel * kernel);
            if (iy < 0 || iy >= 6 || ix < 0 || ix >= 5)
                continue;
            sum += (arc_element_int(xt, x, ((image * c_in + channel) * 6 + iy) * 5 + ix) - arc_element_int(xt, &x_zero, 0)) *
                   (arc_element_int(wt, w, o * in_group * kernel * kernel + k) - arc_element_int(wt, w_zero, o));
        }
        if (sum != y[i])
            fail_msg("ConvInteger groups %d, %dx%d: element %d is %d instead of %d", (int)groups, (int)kernel, (int)kernel,
                     (int)i, (int)y[i], (int)sum);
    }
    free_results(&c);
}

static void integer_convolution_is_exact(void **state) {
    (void)state;
    for (int sign = 0; sign < 4; sign++) {
        check_conv_integer(sign & 1, sign & 2, 1, 3, 5, 3, 2);
        check_conv_integer(sign & 1, sign & 2, 1, 24, 40, 1, 1);
        check_conv_integer(sign & 1, sign & 2, 2, 6, 34, 3, 1);
        check_conv_integer(sign & 1, sign & 2, 8, 8, 8, 3, 1);
        check_conv_integer(sign & 1, sign & 2, 8, 8, 8, 3, 2);
        check_conv_integer(sign & 1, sign & 2, 4, 8, 12, 3, 2);
        check_conv_integer(sign & 1, sign & 2, 4, 8, 4, 5, 1);
    }
}

static void quantizes_as_onnx_does(void **state) {
    static const int64_t dim[] = {6};
    static const float x[] = {0, 2, -3, -2.5f, 1.34f, 0.5f}, want[] = {153, 255, 0, 26, 221, 179};
    (void)state;
    call c = {.op = "DynamicQuantizeLinear", .opset = 11, .outputs = 3};
    add_input(&c, ARC_F32, 1, dim, x, false);
    expect(&c, 1, dim, want, 0);
}

/* Two scales a row of four: blocks along the last axis; the last block is shorter. */
static void scales_may_be_blocked(void **state) {
    static const int64_t dim[] = {2, 5}, blocks[] = {2, 3};
    static const int8_t codes[] = {1, 2, 3, 4, 5, -1, -2, -3, -4, -5}, zero[] = {0, 1, 0, -1, 0, 2};
    static const float scale[] = {1, 2, 4, 0.5f, 8, 16}, want[] = {1, 2, 4, 6, 20, 0, -0.5f, -24, -32, -112};
    (void)state;
    call back = {.op = "DequantizeLinear", .opset = 21, .outputs = 1};
    add_input(&back, ARC_I8, 2, dim, codes, false);
    add_input(&back, ARC_F32, 2, blocks, scale, true);
    add_input(&back, ARC_I8, 2, blocks, zero, true);
    add_int(&back, "axis", 1);
    add_int(&back, "block_size", 2);
    expect(&back, 2, dim, want, 0);
    call there = {.op = "QuantizeLinear", .opset = 21, .outputs = 1};
    add_input(&there, ARC_F32, 2, dim, want, false);
    add_input(&there, ARC_F32, 2, blocks, scale, true);
    add_input(&there, ARC_I8, 2, blocks, zero, true);
    add_int(&there, "axis", 1);
    add_int(&there, "block_size", 2);
    float same[10];
    for (int i = 0; i < 10; i++)
        same[i] = codes[i];
    expect(&there, 2, dim, same, 0);
    call other = {.op = "DequantizeLinear", .opset = 21, .outputs = 1};
    add_input(&other, ARC_I8, 2, dim, codes, false);
    add_input(&other, ARC_F32, 2, blocks, scale, true);
    add_int(&other, "axis", 1);
    add_int(&other, "block_size", 4);
    expect_refusal(&other, ARC_ESHAPE, "do not fit");
}

static void quantizes_to_sixteen_bits(void **state) {
    static const int64_t dim[] = {4};
    static const float x[] = {-1e6f, 0.25f, 300, 1e6f}, scale = 0.5f, low[] = {-32768, 0, 600, 32767},
                       high[] = {0, 7, 607, 65535};
    static const uint16_t zero = 7;
    static const int16_t none = 0;
    (void)state;
    for (int sign = 0; sign < 2; sign++) {
        call c = {.op = "QuantizeLinear", .opset = 21, .outputs = 1};
        add_input(&c, ARC_F32, 1, dim, x, false);
        add_input(&c, ARC_F32, 0, NULL, &scale, true);
        add_input(&c, sign ? ARC_I16 : ARC_U16, 0, NULL, sign ? (const void *)&none : &zero, true);
        expect(&c, 1, dim, sign ? low : high, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integer_convolution_is_exact),
        cmocka_unit_test(quantizes_as_onnx_does),
        cmocka_unit_test(scales_may_be_blocked),
        cmocka_unit_test(quantizes_to_sixteen_bits),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
