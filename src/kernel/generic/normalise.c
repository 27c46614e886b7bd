/* kernel: the error function, Gelu, LayerNormalization and softmax in portable C, through double: tests compare the SIMD files
 * with them. */
#include "kernel/levels.h"
#include <math.h>

static void erf_each(size_t n, const float *x, float *y) {
    for (size_t i = 0; i < n; i++)
        y[i] = (float)erf((double)x[i]);
}

/* By the tail of the normal distribution, as (1 + erf) would cancel. */
float arc_gelu(float x) {
    return isinf(x) ? fmaxf(x, 0) : (float)(0.5 * (double)x * erfc(-0.70710678118654752440 * (double)x));
}

float arc_gelu_tanh(float x) {
    const double v = (double)x;
    return isinf(x) ? fmaxf(x, 0) : (float)(v / (1 + exp(-1.59576912160573071176 * (v + 0.044715 * v * v * v))));
}

static void gelu(size_t n, const float *x, float *y) {
    for (size_t i = 0; i < n; i++)
        y[i] = arc_gelu(x[i]);
}

static void gelu_tanh(size_t n, const float *x, float *y) {
    for (size_t i = 0; i < n; i++)
        y[i] = arc_gelu_tanh(x[i]);
}

static void rows_layer_norm(size_t m, size_t n, const float *x, const arc_layer_norm *l, float *y) {
    for (size_t i = 0; i < m; i++, x += n, y += n) {
        double mean = 0, square = 0;
        for (size_t j = 0; j < n && !l->rms; j++)
            mean += (double)x[j];
        mean /= (double)n;
        for (size_t j = 0; j < n; j++)
            square += ((double)x[j] - mean) * ((double)x[j] - mean);
        const double factor = 1 / sqrt(square / (double)n + (double)l->epsilon);
        for (size_t j = 0; j < n; j++) {
            const double v = ((double)x[j] - mean) * factor * (double)l->scale[j];
            y[j] = (float)(l->shift ? v + (double)l->shift[j] : v);
        }
        if (l->mean)
            l->mean[i] = (float)mean;
        if (l->factor)
            l->factor[i] = (float)factor;
    }
}

static void rows_softmax(size_t m, size_t n, const float *x, size_t x_stride, float scale, float *y, size_t y_stride) {
    for (size_t i = 0; i < m; i++, x += x_stride, y += y_stride) {
        float most = -INFINITY;
        double total = 0;
        for (size_t j = 0; j < n; j++)
            most = fmaxf(most, x[j]);
        for (size_t j = 0; j < n; j++) {
            const double v = exp((double)scale * ((double)x[j] - (double)most));
            total += v;
            y[j] = (float)v;
        }
        for (size_t j = 0; j < n; j++)
            y[j] = (float)((double)y[j] / total);
    }
}

void arc_kernels_fill_generic_normalise(arc_kernels *k) {
    k->erf = erf_each;
    k->gelu = gelu;
    k->gelu_tanh = gelu_tanh;
    k->rows_layer_norm = rows_layer_norm;
    k->rows_softmax = rows_softmax;
}
