/* kernel: the training slots in portable C: gradients of weights, normalisation and its gradients, Winograd gradients,
 * conversions. */
#include "kernel/levels.h"

static float load(arc_store store, const void *x, size_t i) {
    if (store == ARC_STORE_F32)
        return ((const float *)x)[i];
    const uint32_t bits = (uint32_t)((const uint16_t *)x)[i] << 16;
    float y;
    memcpy(&y, &bits, sizeof y);
    return y;
}

static void save(arc_store store, void *y, size_t i, float x) {
    if (store == ARC_STORE_F32)
        ((float *)y)[i] = x;
    else
        ((uint16_t *)y)[i] = arc_bf16(x);
}

static void gemm_tn(size_t m, size_t n, size_t count, const float *const *a, size_t at, const float *b, size_t b_stride, float *c,
                    size_t c_stride, bool add) {
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            float sum = 0;
            for (size_t p = 0; p < count; p++)
                sum += a[p][at + i] * b[p * b_stride + j];
            c[i * c_stride + j] = add ? c[i * c_stride + j] + sum : sum;
        }
}

static void dwconv_grad(size_t pixels, size_t channels, size_t taps, const float *const *x, const float *dy, size_t dy_stride,
                        float *dw) {
    for (size_t t = 0; t < taps; t++)
        for (size_t j = 0; j < channels; j++) {
            float sum = 0;
            for (size_t p = 0; p < pixels; p++)
                sum += x[p * taps + t][j] * dy[p * dy_stride + j];
            dw[t * channels + j] += sum;
        }
}

static const float a_2[4 * 2] = {1, 0, /**/ 1, 1, /**/ 1, -1, /**/ 0, -1};
static const float a_4[6 * 4] = {1,      0, 0, 0, /**/ 1, 1,  1, 1,  /**/ 1, -1, 1, -1,
                                 /**/ 1, 2, 4, 8, /**/ 1, -2, 4, -8, /**/ 0, 0,  0, 1};

static void winograd_grad(int t, size_t channels, const float *const *dy, float *m, size_t m_stride) {
    const float *a = t == 2 ? a_2 : a_4;
    const int n = t + 2;
    for (size_t ch = 0; ch < channels; ch++) {
        float columns[ARC_WINOGRAD_MAX_N][ARC_WINOGRAD_MAX_N];
        for (int i = 0; i < n; i++)
            for (int c = 0; c < t; c++) {
                columns[i][c] = 0;
                for (int r = 0; r < t; r++)
                    columns[i][c] += a[i * t + r] * dy[r * t + c][ch];
            }
        for (int i = 0; i < n; i++)
            for (int k = 0; k < n; k++) {
                float sum = 0;
                for (int c = 0; c < t; c++)
                    sum += columns[i][c] * a[k * t + c];
                m[(size_t)(i * n + k) * m_stride + ch] = sum;
            }
    }
}

static const float g_2[4 * 3] = {1, 0, 0, /**/ 0.5f, 0.5f, 0.5f, /**/ 0.5f, -0.5f, 0.5f, /**/ 0, 0, 1};
static const float g_4[6 * 3] = {1 / 4.0f,  0,         0,        -1 / 6.0f, -1 / 6.0f,  -1 / 6.0f, -1 / 6.0f, 1 / 6.0f, -1 / 6.0f,
                                 1 / 24.0f, 1 / 12.0f, 1 / 6.0f, 1 / 24.0f, -1 / 12.0f, 1 / 6.0f,  0,         0,        1};

static void winograd_weights(int t, size_t channels, const float *w, size_t w_stride, float *u, size_t u_stride) {
    const float *g = t == 2 ? g_2 : g_4;
    const size_t n = (size_t)t + 2;
    for (size_t j = 0; j < channels; j++)
        for (size_t r = 0; r < n; r++)
            for (size_t c = 0; c < n; c++) {
                float sum = 0;
                for (size_t a = 0; a < 3; a++)
                    for (size_t b = 0; b < 3; b++)
                        sum += g[r * 3 + a] * g[c * 3 + b] * w[(a * 3 + b) * w_stride + j];
                u[(r * n + c) * u_stride + j] = sum;
            }
}

static void winograd_weights_grad(int t, size_t channels, const float *u, size_t u_stride, float *w, size_t w_stride) {
    const float *g = t == 2 ? g_2 : g_4;
    const size_t n = (size_t)t + 2;
    for (size_t j = 0; j < channels; j++)
        for (size_t a = 0; a < 3; a++)
            for (size_t b = 0; b < 3; b++) {
                float sum = 0;
                for (size_t r = 0; r < n; r++)
                    for (size_t c = 0; c < n; c++)
                        sum += g[r * 3 + a] * g[c * 3 + b] * u[(r * n + c) * u_stride + j];
                w[(a * 3 + b) * w_stride + j] = sum;
            }
}

static void norm_sums(arc_store store, size_t m, size_t n, const void *x, float *sum, float *square) {
    for (size_t j = 0; j < n; j++) {
        const float first = load(store, x, j);
        sum[j] = square[j] = 0;
        for (size_t i = 0; i < m; i++) {
            const float d = load(store, x, i * n + j) - first;
            sum[j] += d;
            square[j] += d * d;
        }
    }
}

static void norm_apply(arc_store store, size_t m, size_t n, const void *x, const arc_norm *norm, const void *residual, void *y) {
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            float u = load(store, x, i * n + j) * norm->scale[j] + norm->shift[j];
            if (norm->slope && u < 0)
                u *= norm->slope[j];
            save(store, y, i * n + j, residual ? u + load(store, residual, i * n + j) : u);
        }
}

static void norm_grad_sums(arc_store store, size_t m, size_t n, const void *x, const void *dy, const arc_norm *norm,
                           float *du_sum, float *dux_sum, float *dslope) {
    for (size_t j = 0; j < n; j++) {
        float du_all = 0, dux_all = 0, slope_all = 0;
        for (size_t i = 0; i < m; i++) {
            const float v = load(store, x, i * n + j), g = load(store, dy, i * n + j);
            const float u = v * norm->scale[j] + norm->shift[j];
            const bool negative = norm->slope && u < 0;
            const float du = negative ? g * norm->slope[j] : g;
            du_all += du;
            dux_all += du * (v - norm->mean[j]);
            slope_all += negative ? g * u : 0;
        }
        du_sum[j] = du_all;
        dux_sum[j] = dux_all;
        if (norm->slope)
            dslope[j] = slope_all;
    }
}

static void norm_grad(arc_store store, size_t m, size_t n, const void *x, const void *dy, const arc_norm *norm, const float *a,
                      const float *b, const float *c, bool add, void *dx) {
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            const float v = load(store, x, i * n + j), g = load(store, dy, i * n + j);
            const float u = v * norm->scale[j] + norm->shift[j];
            const float du = norm->slope && u < 0 ? g * norm->slope[j] : g;
            const float d = a[j] * du + b[j] * (v - norm->mean[j]) + c[j];
            save(store, dx, i * n + j, add ? load(store, dx, i * n + j) + d : d);
        }
}

static void store_load(arc_store store, size_t n, const void *x, float *y) {
    for (size_t i = 0; i < n; i++)
        y[i] = load(store, x, i);
}

static void store_save(arc_store store, size_t n, const float *x, void *y) {
    for (size_t i = 0; i < n; i++)
        save(store, y, i, x[i]);
}

static void store_add(arc_store store, size_t n, const void *x, void *y) {
    for (size_t i = 0; i < n; i++)
        save(store, y, i, load(store, y, i) + load(store, x, i));
}

void arc_kernels_fill_generic_learn(arc_kernels *k) {
    k->gemm_tn = gemm_tn;
    k->dwconv_grad = dwconv_grad;
    k->winograd_grad = winograd_grad;
    k->winograd_weights = winograd_weights;
    k->winograd_weights_grad = winograd_weights_grad;
    k->norm_sums = norm_sums;
    k->norm_apply = norm_apply;
    k->norm_grad_sums = norm_grad_sums;
    k->norm_grad = norm_grad;
    k->store_load = store_load;
    k->store_save = store_save;
    k->store_add = store_add;
}
