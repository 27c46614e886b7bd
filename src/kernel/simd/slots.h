/* kernel: the element-wise and reducing slots, written with the names of registers/<isa>.h. Included by slots_<isa>.c only. */
#ifndef ARC_KERNEL_SIMD_SLOTS_H
#define ARC_KERNEL_SIMD_SLOTS_H

#include "kernel/simd/normalise.h"

static void rows_scale_shift(size_t m, size_t n, const float *x, float *y, const float *scale, const float *shift) {
    for (size_t i = 0; i < m; i++, x += n, y += n)
        for (size_t j = 0; j < n; j += VL) {
            const size_t w = lanes_left(n, j);
            v_store_w(y + j, w, v_fma(v_load_w(x + j, w), v_load_w(scale + j, w), v_load_w(shift + j, w)));
        }
}

static void add(size_t n, const float *a, const float *b, float *y) {
    for (size_t i = 0; i < n; i += VL) {
        const size_t w = lanes_left(n, i);
        v_store_w(y + i, w, v_add(v_load_w(a + i, w), v_load_w(b + i, w)));
    }
}

static void mul(size_t n, const float *a, const float *b, float *y) {
    for (size_t i = 0; i < n; i += VL) {
        const size_t w = lanes_left(n, i);
        v_store_w(y + i, w, v_mul(v_load_w(a + i, w), v_load_w(b + i, w)));
    }
}

static void exp_each(size_t n, const float *x, float *y) {
    for (size_t i = 0; i < n; i += VL) {
        const size_t w = lanes_left(n, i);
        v_store_w(y + i, w, v_exp(v_load_w(x + i, w)));
    }
}

/* With e = exp(-|x|) <= 1, which cannot overflow: 1/(1+e) for x >= 0 and e/(1+e) for x < 0. */
static void sigmoid(size_t n, const float *x, float *y) {
    const vf one = v_set1(1.0f);
    for (size_t i = 0; i < n; i += VL) {
        const size_t w = lanes_left(n, i);
        const vf v = v_load_w(x + i, w);
        const vf e = v_exp(v_negative_abs(v));
        v_store_w(y + i, w, v_div(v_if_negative(v, e, one), v_add(one, e)));
    }
}

static void erf_each(size_t n, const float *x, float *y) {
    for (size_t i = 0; i < n; i += VL) {
        const size_t w = lanes_left(n, i);
        v_store_w(y + i, w, v_erf(v_load_w(x + i, w)));
    }
}

static void gelu(size_t n, const float *x, float *y) {
    for (size_t i = 0; i < n; i += VL) {
        const size_t w = lanes_left(n, i);
        v_store_w(y + i, w, v_gelu(v_load_w(x + i, w)));
    }
}

static void gelu_tanh(size_t n, const float *x, float *y) {
    for (size_t i = 0; i < n; i += VL) {
        const size_t w = lanes_left(n, i);
        v_store_w(y + i, w, v_gelu_tanh(v_load_w(x + i, w)));
    }
}

static void rows_max(size_t taps, size_t n, const float *const *x, float *y) {
    for (size_t j = 0; j < n; j += VL) {
        const size_t w = lanes_left(n, j);
        vf best = v_load_w(x[0] + j, w);
        for (size_t t = 1; t < taps; t++)
            best = v_max(v_load_w(x[t] + j, w), best);
        v_store_w(y + j, w, best);
    }
}

static void rows_mean(size_t taps, size_t n, const float *const *x, float scale, float *y) {
    const vf f = v_set1(scale);
    for (size_t j = 0; j < n; j += VL) {
        const size_t w = lanes_left(n, j);
        vf sum = v_zero();
        for (size_t t = 0; t < taps; t++)
            sum = v_add(sum, v_load_w(x[t] + j, w));
        v_store_w(y + j, w, v_mul(f, sum));
    }
}

static float dot(size_t n, const float *a, const float *b) {
    vf s0 = v_zero(), s1 = v_zero(), s2 = v_zero(), s3 = v_zero();
    size_t i = 0;
    for (; i + 4 * VL <= n; i += 4 * VL) {
        s0 = v_fma(v_load(a + i), v_load(b + i), s0);
        s1 = v_fma(v_load(a + i + VL), v_load(b + i + VL), s1);
        s2 = v_fma(v_load(a + i + 2 * VL), v_load(b + i + 2 * VL), s2);
        s3 = v_fma(v_load(a + i + 3 * VL), v_load(b + i + 3 * VL), s3);
    }
    for (; i < n; i += VL) {
        const size_t w = lanes_left(n, i);
        s0 = v_fma(v_load_w(a + i, w), v_load_w(b + i, w), s0);
    }
    return v_sum(v_add(v_add(s0, s1), v_add(s2, s3)));
}

static void rows_epilogue(size_t m, size_t n, const float *x, size_t x_stride, float *y, size_t y_stride, const arc_epilogue *e) {
    simd_rows_epilogue(m, n, x, x_stride, y, y_stride, e);
}

/* Twelve independent chains hide the FMA latency of all known cores and fit into the registers of every level. */
#define PEAK_CHAINS(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)
#define PEAK_START(i) vf s##i = v_set1((float)(i));
#define PEAK_STEP(i) s##i = v_fma(s##i, a, b);
#define PEAK_SUM(i) sum = v_add(sum, s##i);

static double fma_peak(size_t loops, float *sink) {
    const vf a = v_set1(0.999f), b = v_set1(1e-3f);
    vf sum = v_zero();
    PEAK_CHAINS(PEAK_START)
    for (size_t loop = 0; loop < loops; loop++) {
        PEAK_CHAINS(PEAK_STEP)
    }
    PEAK_CHAINS(PEAK_SUM)
    *sink = v_sum(sum);
    return 2.0 * 12 * (double)VL * (double)loops;
}

static inline void fill_slots(arc_kernels *k) {
    k->fma_peak = fma_peak;
    k->rows_epilogue = rows_epilogue;
    k->rows_scale_shift = rows_scale_shift;
    k->add = add;
    k->mul = mul;
    k->exp = exp_each;
    k->sigmoid = sigmoid;
    k->erf = erf_each;
    k->gelu = gelu;
    k->gelu_tanh = gelu_tanh;
    k->rows_layer_norm = rows_layer_norm;
    k->rows_softmax = rows_softmax;
    k->rows_max = rows_max;
    k->rows_mean = rows_mean;
    k->dot = dot;
}

#endif
