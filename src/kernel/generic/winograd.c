/* kernel: Winograd F(t x t, 3x3) in portable C, and the transform of weights that all levels use (Lavin & Gray, "Fast
 * Algorithms for Convolutional Neural Networks", 2016). The transform matrices are written out here; simd/winograd.h has them
 * as additions. */
#include "kernel/levels.h"
#include <string.h>

#define MAX_N ARC_WINOGRAD_MAX_N

static const float in_2[4 * 4] = {1, 0, -1, 0, /**/ 0, 1, 1, 0, /**/ 0, -1, 1, 0, /**/ 0, 1, 0, -1};
static const float out_2[2 * 4] = {1, 1, 1, 0, /**/ 0, 1, -1, -1};
static const double weight_2[4 * 3] = {1, 0, 0, /**/ 0.5, 0.5, 0.5, /**/ 0.5, -0.5, 0.5, /**/ 0, 0, 1};

static const float in_4[6 * 6] = {4, 0,  -5, 0, 1, 0, /**/ 0, -4, -4, 1,  1, 0, /**/ 0, 4, -4, -1, 1, 0,
                                  0, -2, -1, 2, 1, 0, /**/ 0, 2,  -1, -2, 1, 0, /**/ 0, 4, 0,  -5, 0, 1};
static const float out_4[4 * 6] = {1, 1, 1, 1, 1, 0, /**/ 0, 1, -1, 2, -2, 0, /**/ 0, 1, 1, 4, 4, 0, /**/ 0, 1, -1, 8, -8, 1};
static const double weight_4[6 * 3] = {1.0 / 4,  0,        0,       -1.0 / 6, -1.0 / 6,  -1.0 / 6, -1.0 / 6, 1.0 / 6, -1.0 / 6,
                                       1.0 / 24, 1.0 / 12, 1.0 / 6, 1.0 / 24, -1.0 / 12, 1.0 / 6,  0,        0,       1};

static void winograd_in(int t, size_t channels, const float *const *x, float *v, size_t v_stride) {
    const float *b = t == 2 ? in_2 : in_4;
    const int n = t + 2;
    for (size_t ch = 0; ch < channels; ch++) {
        float columns[MAX_N][MAX_N];
        for (int i = 0; i < n; i++)
            for (int c = 0; c < n; c++) {
                columns[i][c] = 0;
                for (int r = 0; r < n; r++)
                    columns[i][c] += b[i * n + r] * x[r * n + c][ch];
            }
        for (int i = 0; i < n; i++)
            for (int k = 0; k < n; k++) {
                float sum = 0;
                for (int c = 0; c < n; c++)
                    sum += columns[i][c] * b[k * n + c];
                v[(size_t)(i * n + k) * v_stride + ch] = sum;
            }
    }
}

static void winograd_in_bf16(int t, size_t channels, const float *const *x, uint16_t *v, size_t v_stride) {
    const size_t points = (size_t)((t + 2) * (t + 2));
    for (size_t ch = 0; ch < channels; ch++) {
        float one[MAX_N * MAX_N];
        const float *at[MAX_N * MAX_N];
        for (size_t i = 0; i < points; i++)
            at[i] = x[i] + ch;
        winograd_in(t, 1, at, one, 1);
        for (size_t i = 0; i < points; i++)
            v[i * v_stride + ch] = arc_bf16(one[i]);
    }
}

static void winograd_out(int t, size_t channels, const float *m, size_t m_stride, float *y, size_t y_row, size_t y_pixel,
                         size_t rows, size_t cols, const arc_epilogue *e) {
    const float *a = t == 2 ? out_2 : out_4;
    const size_t n = (size_t)t + 2;
    for (size_t ch = 0; ch < channels; ch++) {
        float columns[MAX_N][MAX_N];
        for (size_t i = 0; i < rows; i++)
            for (size_t c = 0; c < n; c++) {
                columns[i][c] = 0;
                for (size_t r = 0; r < n; r++)
                    columns[i][c] += a[i * n + r] * m[(r * n + c) * m_stride + ch];
            }
        for (size_t i = 0; i < rows; i++)
            for (size_t k = 0; k < cols; k++) {
                float sum = 0;
                for (size_t c = 0; c < n; c++)
                    sum += columns[i][c] * a[k * n + c];
                const size_t pixel = i * y_row + k * y_pixel;
                y[pixel + ch] = arc_epilogue_finish(sum, ch, e->residual ? e->residual + pixel : NULL, e);
            }
    }
}

void arc_kernels_fill_generic_winograd(arc_kernels *k) {
    k->winograd_in = winograd_in;
    k->winograd_in_bf16 = winograd_in_bf16;
    k->winograd_out = winograd_out;
}

/* ---- weights --------------------------------------------------------------------------------------------------------------- */

#define LANES ARC_IGEMM_MAX_NR /* columns that are transformed together */

void arc_winograd_pack_panel(const arc_kernels *k, int t, arc_form form, size_t n, size_t j0, size_t kc, const float *w,
                             const float *scale_k, const float *scale_n, float *panel, size_t step) {
    const double *g = t == 2 ? weight_2 : weight_4;
    const size_t nr = k->igemm_nr, width = n - j0 < nr ? n - j0 : nr, side = (size_t)t + 2;
    double tap[9][LANES], columns[MAX_N][3][LANES];
    memset(tap, 0, sizeof tap);
    for (size_t i = 0; i < kc; i++) {
        for (size_t j = 0; j < width; j++) {
            const double scale = (scale_k ? (double)scale_k[i] : 1) * (scale_n ? (double)scale_n[j0 + j] : 1);
            for (size_t q = 0; q < 9; q++)
                tap[q][j] = (double)w[((j0 + j) * kc + i) * 9 + q] * scale;
        }
        for (size_t r = 0; r < side; r++)
            for (size_t c = 0; c < 3; c++)
                for (size_t j = 0; j < nr; j++)
                    columns[r][c][j] = g[r * 3] * tap[c][j] + g[r * 3 + 1] * tap[3 + c][j] + g[r * 3 + 2] * tap[6 + c][j];
        for (size_t r = 0; r < side; r++)
            for (size_t c = 0; c < side; c++) {
                float out[LANES], *to = panel + (r * side + c) * step;
                for (size_t j = 0; j < nr; j++)
                    out[j] =
                        (float)(g[c * 3] * columns[r][0][j] + g[c * 3 + 1] * columns[r][1][j] + g[c * 3 + 2] * columns[r][2][j]);
                if (form == ARC_FORM_BF16)
                    arc_bf16_half_row(nr, out, i % 2, to + i / 2 * nr);
                else if (form == ARC_FORM_F16)
                    k->to_f16(nr, out, (uint16_t *)(void *)to + i * nr);
                else
                    memcpy(to + i * nr, out, nr * sizeof *out);
            }
    }
}
