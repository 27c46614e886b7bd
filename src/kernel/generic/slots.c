/* kernel: the element-wise, reducing and reordering slots in portable C. exp and sigmoid are computed in double, so they are
 * exact or almost exact to the last bit; tests compare the SIMD files with them. */
#include "kernel/levels.h"
#include <math.h>

static void rows_scale_shift(size_t m, size_t n, const float *x, float *y, const float *scale, const float *shift) {
    for (size_t i = 0; i < m; i++, x += n, y += n)
        for (size_t j = 0; j < n; j++)
            y[j] = x[j] * scale[j] + shift[j];
}

static void add(size_t n, const float *a, const float *b, float *y) {
    for (size_t i = 0; i < n; i++)
        y[i] = a[i] + b[i];
}

static void mul(size_t n, const float *a, const float *b, float *y) {
    for (size_t i = 0; i < n; i++)
        y[i] = a[i] * b[i];
}

static void exp_each(size_t n, const float *x, float *y) {
    for (size_t i = 0; i < n; i++)
        y[i] = (float)exp((double)x[i]);
}

static void sigmoid(size_t n, const float *x, float *y) {
    for (size_t i = 0; i < n; i++)
        y[i] = (float)(1.0 / (1.0 + exp(-(double)x[i])));
}

static void rows_max(size_t taps, size_t n, const float *const *x, float *y) {
    for (size_t j = 0; j < n; j++) {
        float best = x[0][j];
        for (size_t t = 1; t < taps; t++)
            best = x[t][j] > best ? x[t][j] : best;
        y[j] = best;
    }
}

static void rows_mean(size_t taps, size_t n, const float *const *x, float scale, float *y) {
    for (size_t j = 0; j < n; j++) {
        float sum = 0.0f;
        for (size_t t = 0; t < taps; t++)
            sum += x[t][j];
        y[j] = scale * sum;
    }
}

static float dot(size_t n, const float *a, const float *b) {
    enum { LANES = 8 };
    float part[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            part[j] += a[i + j] * b[i + j];
    for (size_t j = 0; i + j < n; j++)
        part[j] += a[i + j] * b[i + j];
    return ((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7]));
}

/* The three planes of a picture to interleaved pixels: three input streams and one output stream. */
static void interleave_3(size_t cols, const float *x, size_t x_stride, float *y) {
    const float *a = x, *b = x + x_stride, *c = b + x_stride;
    for (size_t i = 0; i < cols; i++, y += 3) {
        y[0] = a[i];
        y[1] = b[i];
        y[2] = c[i];
    }
}

/* In square blocks that fit L1, so that neither side touches a new cache line for each element. */
static void transpose(size_t rows, size_t cols, const float *x, size_t x_stride, float *y, size_t y_stride) {
    enum { SIDE = 16 };
    if (rows == 3 && y_stride == 3) {
        interleave_3(cols, x, x_stride, y);
        return;
    }
    for (size_t c0 = 0; c0 < cols; c0 += SIDE) {
        const size_t c1 = c0 + SIDE < cols ? c0 + SIDE : cols;
        for (size_t r0 = 0; r0 < rows; r0 += SIDE) {
            const size_t r1 = r0 + SIDE < rows ? r0 + SIDE : rows;
            for (size_t c = c0; c < c1; c++)
                for (size_t r = r0; r < r1; r++)
                    y[c * y_stride + r] = x[r * x_stride + c];
        }
    }
}

static double fma_peak(size_t loops, float *sink) {
    enum { CHAINS = 16 };
    float s[CHAINS];
    for (int i = 0; i < CHAINS; i++)
        s[i] = (float)i;
    for (size_t loop = 0; loop < loops; loop++)
        for (int i = 0; i < CHAINS; i++)
            s[i] = s[i] * 0.999f + 1e-3f;
    *sink = 0;
    for (int i = 0; i < CHAINS; i++)
        *sink += s[i];
    return 2.0 * CHAINS * (double)loops;
}

void arc_kernels_fill_generic(arc_kernels *k) {
    k->fma_peak = fma_peak;
    k->rows_scale_shift = rows_scale_shift;
    k->add = add;
    k->mul = mul;
    k->sigmoid = sigmoid;
    k->exp = exp_each;
    k->rows_max = rows_max;
    k->rows_mean = rows_mean;
    k->dot = dot;
    k->transpose = transpose;
}
