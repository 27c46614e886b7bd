/* kernel: packing of weights into panels of nr columns, [panel][tap][k][nr], padded with zeros past column n. This is the
 * order in which igemm reads them. */
#include "kernel/levels.h"
#include <string.h>

size_t arc_igemm_packed_count(const arc_kernels *k, size_t n, size_t kc, size_t taps) {
    const size_t nr = k->igemm_nr;
    return (n + nr - 1) / nr * nr * kc * taps;
}

void arc_igemm_pack_panel(const arc_kernels *k, size_t n, size_t j0, size_t kc, size_t taps, const float *w, size_t ws_n,
                          size_t ws_tap, size_t ws_k, const float *scale_k, const float *scale_n, float *panel) {
    const size_t nr = k->igemm_nr;
    const size_t width = n - j0 < nr ? n - j0 : nr;
    /* k is the outer loop and tap the inner one: with weights stored [n][k][tap], each column is then read sequentially. */
    for (size_t i = 0; i < kc; i++)
        for (size_t t = 0; t < taps; t++) {
            const float *from = w + j0 * ws_n + t * ws_tap + i * ws_k;
            float *to = panel + (t * kc + i) * nr;
            for (size_t j = 0; j < width; j++)
                to[j] = from[j * ws_n];
            if (scale_k)
                for (size_t j = 0; j < width; j++)
                    to[j] *= scale_k[i];
            if (scale_n)
                for (size_t j = 0; j < width; j++)
                    to[j] *= scale_n[j0 + j];
            if (width < nr)
                memset(to + width, 0, (nr - width) * sizeof(float));
        }
}

void arc_bf16_half_row(size_t n, const float *x, size_t high, float *pair) {
    uint16_t *half = (uint16_t *)(void *)pair + high;
    for (size_t j = 0; j < n; j++)
        half[2 * j] = arc_bf16(x[j]);
}

arc_igemm_fn *arc_igemm_of(const arc_kernels *k, arc_form form) {
    return form == ARC_FORM_BF16 ? k->igemm_bf16 : form == ARC_FORM_F16 ? k->igemm_f16 : k->igemm;
}

size_t arc_form_floats(arc_form form, size_t count) {
    return form == ARC_FORM_F32 ? count : count / 2;
}

/* row[j] = w[j * stride] * scale * scale_n[j]; scale_n NULL: 1. */
static void scaled_row(size_t width, const float *w, size_t stride, float scale, const float *scale_n, float *row) {
    for (size_t j = 0; j < width; j++)
        row[j] = w[j * stride] * scale * (scale_n ? scale_n[j] : 1);
}

void arc_igemm_pack_panel_f16(const arc_kernels *k, size_t n, size_t j0, size_t kc, size_t taps, const float *w, size_t ws_n,
                              size_t ws_tap, size_t ws_k, const float *scale_k, const float *scale_n, float *panel) {
    const size_t nr = k->igemm_nr, width = n - j0 < nr ? n - j0 : nr;
    uint16_t *half = (uint16_t *)(void *)panel;
    float row[ARC_IGEMM_MAX_NR] = {0};
    for (size_t i = 0; i < kc; i++)
        for (size_t t = 0; t < taps; t++) {
            scaled_row(width, w + j0 * ws_n + t * ws_tap + i * ws_k, ws_n, scale_k ? scale_k[i] : 1,
                       scale_n ? scale_n + j0 : NULL, row);
            k->to_f16(nr, row, half + (t * kc + i) * nr);
        }
}

void arc_igemm_pack_panel_bf16(const arc_kernels *k, size_t n, size_t j0, size_t kc, size_t taps, const float *w, size_t ws_n,
                               size_t ws_tap, size_t ws_k, const float *scale_k, const float *scale_n, float *panel) {
    const size_t nr = k->igemm_nr, width = n - j0 < nr ? n - j0 : nr;
    float row[ARC_IGEMM_MAX_NR] = {0};
    for (size_t i = 0; i < kc; i++)
        for (size_t t = 0; t < taps; t++) {
            scaled_row(width, w + j0 * ws_n + t * ws_tap + i * ws_k, ws_n, scale_k ? scale_k[i] : 1,
                       scale_n ? scale_n + j0 : NULL, row);
            arc_bf16_half_row(nr, row, i % 2, panel + (t * (kc / 2) + i / 2) * nr);
        }
}
