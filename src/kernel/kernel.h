/* kernel: arithmetic on pointers and strides, as one table of function pointers ("slots"). Portable C fills every slot; then
 * the files for AVX2+FMA, AVX-512 and NEON override slots in rising order (table.c). A kernel cannot fail, allocates nothing,
 * reads and writes exactly the elements that its arguments describe (the last register of a row is masked) and gives the same
 * bits for the same arguments on one ISA. Strides are in elements. It knows nothing of layers: op/ calls it. docs/KERNELS.md
 * explains the design. */
#ifndef ARC_KERNEL_KERNEL_H
#define ARC_KERNEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum arc_isa { ARC_ISA_GENERIC, ARC_ISA_AVX2, ARC_ISA_AVX512, ARC_ISA_NEON } arc_isa;

typedef enum arc_act {
    ARC_ACT_NONE,
    ARC_ACT_RELU,
    ARC_ACT_PRELU,
    ARC_ACT_LEAKY,
    ARC_ACT_CLIP,
    ARC_ACT_GELU, /* this and the next: igemm, igemm_bf16, igemm_f16 and rows_epilogue only */
    ARC_ACT_GELU_TANH,
} arc_act;

/* What happens to an accumulator before it is stored: y = act(acc + bias[j] + residual[i][j]). */
typedef struct arc_epilogue {
    const float *bias;     /* [n] or NULL */
    const float *slope;    /* [n], ARC_ACT_PRELU only */
    const float *residual; /* [m][residual_stride] or NULL */
    size_t residual_stride;
    float alpha;  /* ARC_ACT_LEAKY */
    float lo, hi; /* ARC_ACT_CLIP */
    arc_act act;
} arc_epilogue;

/* How the int32 sum of 8-bit products of row i and column j becomes an output. The lines are applied in order; absent parts
 * are skipped:
 *   v = sum*scale[j] + bias[j]
 *   v = round(clamp(v, mid_lo, mid_hi)) * mid_scale      a quantizer between two layers: v counts its quanta, from its zero point
 *   v = act(v) + residual[i][j], or act(v + residual[i][j])
 *   y[i][j] = v;  w = v*post_scale[j] + post_shift[j], or v*quantize_scale
 *   quantized[i][j] = clamp(round(w) + quantize_zero, 0, 255)
 * Rounding is to nearest even. NaN passes through activations into y; the clamp of a quantizer turns it into the lower end. */
typedef struct arc_requantize {
    const float *scale, *bias;            /* [n] */
    const float *slope;                   /* [n], ARC_ACT_PRELU only */
    const float *residual;                /* [m][residual_stride] or NULL */
    const float *post_scale, *post_shift; /* [n] or NULL */
    float *y;                             /* [m][y_stride] or NULL */
    uint8_t *quantized;                   /* [m][quantized_stride] or NULL */
    size_t residual_stride, y_stride, quantized_stride;
    float mid_lo, mid_hi, mid_scale; /* mid_scale 0: none */
    float quantize_scale;
    int32_t quantize_zero; /* 0..255 */
    float alpha, lo, hi;   /* ARC_ACT_LEAKY; ARC_ACT_CLIP */
    arc_act act;
    bool act_last; /* after the residual */
} arc_requantize;

/* Sums of 8-bit products with scales, and how far each may be from what it stands for: for row x and column j
 *   (sum[j] - zero) * (x.scale * scale[j])   plus or minus   x.error * length[j] + x.length * error[j] */
typedef struct arc_bounded_row {
    float scale, error, length;
    int32_t zero;     /* used where the columns have none */
    float limit;      /* likewise */
    const void *next; /* what is read after the columns, to be fetched meanwhile; NULL: nothing */
} arc_bounded_row;
typedef struct arc_bounded_columns {
    const float *scale, *error, *length; /* [n] */
    const int32_t *zero;                 /* [n] or NULL: the row's */
    const float *limit;                  /* [n] or NULL: the row's */
} arc_bounded_columns;

#define ARC_IGEMM_MAX_MR 16
#define ARC_IGEMM_MAX_NR 64
#define ARC_WINOGRAD_MAX_N 6

/* How an activation is stored in training. Arithmetic is fp32 in both cases. */
typedef enum arc_store { ARC_STORE_F32, ARC_STORE_BF16 } arc_store;
static inline size_t arc_store_bytes(arc_store store) {
    return store == ARC_STORE_BF16 ? 2 : 4;
}
static inline void *arc_store_at(arc_store store, const void *p, size_t i) {
    return (uint8_t *)(uintptr_t)p + i * arc_store_bytes(store);
}

/* A normalisation and the activation after it, per channel: y = act(x*scale + shift), act(u) = u < 0 ? u*slope : u (slope
 * NULL: none). */
typedef struct arc_norm {
    const float *mean, *scale, *shift, *slope; /* [n]; mean: used by the gradients only */
} arc_norm;

/* LayerNormalization of rows; rms: RMSNormalization, whose mean is 0. */
typedef struct arc_layer_norm {
    const float *scale, *shift; /* [n]; shift NULL: none */
    float epsilon;
    bool rms;
    float *mean, *factor; /* [m], each row's; NULL: not wanted */
} arc_layer_norm;

/* How packed weights are stored: floats for igemm, pairs of bfloat16 for igemm_bf16, half-precision numbers for igemm_f16. */
typedef enum arc_form { ARC_FORM_F32, ARC_FORM_BF16, ARC_FORM_F16 } arc_form;

typedef void arc_igemm_fn(size_t m, size_t n, size_t kc, size_t taps, const float *const *a, const float *b, float *c,
                          size_t c_stride, const arc_epilogue *e);

typedef struct arc_kernels {
    arc_isa isa;
    const char *name; /* "avx512" */

    /* Indirect GEMM tile: for i < m (m <= igemm_mr), j < n (n <= igemm_nr):
     *   c[i*c_stride + j] = epilogue(sum_{t<taps} sum_{k<kc} a[t*igemm_mr + i][k] * b[(t*kc + k)*igemm_nr + j])
     * a: taps*igemm_mr pointers to kc contiguous floats (entries i >= m are not read). b: packed panel, zero-filled past n.
     * Epilogue arrays are already offset to column 0 of this panel (and residual to row 0). Accumulates over t then k in order,
     * fp32 FMA where the ISA has it. Serves convolution over NHWC (a = pixel rows), 1x1, Gemm and MatMul. */
    size_t igemm_mr, igemm_nr;
    arc_igemm_fn *igemm;

    /* igemm over bfloat16: each "float" of a and b is a pair of values of neighbouring k (the lower k in the low half), kc
     * counts pairs, sums are fp32. b: packed panel of pairs, [tap][pair][nr]. */
    arc_igemm_fn *igemm_bf16;
    bool bf16_fast; /* faster than igemm */
    /* igemm with b stored as half-precision numbers (IEEE binary16) in the same order; they are converted to floats as they
     * are read. */
    arc_igemm_fn *igemm_f16;
    bool f16_fast; /* about as fast as igemm, and b takes half the bytes */
    /* Converts n floats to half precision, rounding to nearest even. */
    void (*to_f16)(size_t n, const float *x, uint16_t *y);
    /* Converts n floats to bfloat16, rounding to nearest even. */
    void (*to_bf16)(size_t n, const float *x, uint16_t *y);

    /* Depthwise convolution of consecutive output pixels of one row, channels contiguous: for p < pixels, j < channels:
     *   y[p*y_stride + j] = epilogue(sum_{t<taps} x[p*taps + t][j] * w[t*channels + j]) ; x: pixels*taps pointers. */
    void (*dwconv)(size_t pixels, size_t channels, size_t taps, const float *const *x, const float *w, float *y, size_t y_stride,
                   const arc_epilogue *e);

    /* dwconv for groups of 2 or 4 channels, with as many outputs as inputs; w [tap][q][channels], q < group: the weight that
     * output j has for input j^q (a channel reaches the others of its group by exchanging lanes). channels: a multiple of
     * group. */
    void (*groupconv)(size_t group, size_t pixels, size_t channels, size_t taps, const float *const *x, const float *w, float *y,
                      size_t y_stride, const arc_epilogue *e);

    /* Winograd F(t x t, 3x3), t 2 or 4, n = t + 2: a 3x3 convolution of stride 1 as n*n products of matrices (Lavin & Gray 2016).
     * in:  one input tile, x: n*n pointers to `channels` floats, row by row -> v[i*v_stride + c] = (B^T x B)[i][c], i < n*n.
     * out: m[i*m_stride + c], i < n*n -> rows x cols (each <= t) output pixels, pixel (r,s) at y + r*y_row + s*y_pixel:
     * epilogue(A^T m A).
     *      The epilogue's residual lies as y does. */
    void (*winograd_in)(int t, size_t channels, const float *const *x, float *v, size_t v_stride);
    /* winograd_in, with each result rounded to bfloat16 as to_bf16 does. */
    void (*winograd_in_bf16)(int t, size_t channels, const float *const *x, uint16_t *v, size_t v_stride);
    void (*winograd_out)(int t, size_t channels, const float *m, size_t m_stride, float *y, size_t y_row, size_t y_pixel,
                         size_t rows, size_t cols, const arc_epilogue *e);

    /* y[i] = act(x[i*n + j] ...) on m rows of n contiguous channels, bias/slope per channel; acc = x. In place allowed. */
    void (*rows_epilogue)(size_t m, size_t n, const float *x, size_t x_stride, float *y, size_t y_stride, const arc_epilogue *e);
    /* y = x*scale[j] + shift[j] per channel on m rows of n (BatchNormalization, input normalisation). In place allowed. */
    void (*rows_scale_shift)(size_t m, size_t n, const float *x, float *y, const float *scale, const float *shift);

    /* Element-wise on n floats; in place allowed. */
    void (*add)(size_t n, const float *a, const float *b, float *y);
    void (*mul)(size_t n, const float *a, const float *b, float *y);
    void (*sigmoid)(size_t n, const float *x, float *y); /* max relative error 2e-7 against double */
    void (*exp)(size_t n, const float *x, float *y);     /* the same; 0 and infinity beyond the range */
    void (*erf)(size_t n, const float *x, float *y);     /* 3e-7 relative */
    /* Gelu, x Phi(x), and its form by tanh: errors of at most 2e-7 |x|. */
    void (*gelu)(size_t n, const float *x, float *y);
    void (*gelu_tanh)(size_t n, const float *x, float *y);

    /* m rows of n > 0 contiguous floats, each by its own statistics: y = (x - mean) * factor * scale[j] + shift[j], factor = 1 /
     * sqrt(mean of (x - mean)^2 + epsilon). In place allowed. */
    void (*rows_layer_norm)(size_t m, size_t n, const float *x, const arc_layer_norm *l, float *y);
    /* m rows of n > 0: y = e^(scale x) / (sum of the row's), scale > 0. In place allowed. A row with a NaN, with +infinity or of
     * nothing but -infinity becomes NaN. */
    void (*rows_softmax)(size_t m, size_t n, const float *x, size_t x_stride, float scale, float *y, size_t y_stride);

    /* Max / mean over `taps` rows of n contiguous channels: y[j] = max_t x[t][j];  y[j] = scale * sum_t x[t][j]. */
    void (*rows_max)(size_t taps, size_t n, const float *const *x, float *y);
    void (*rows_mean)(size_t taps, size_t n, const float *const *x, float scale, float *y);

    /* sum_i a[i]*b[i] over n floats, as several partial sums in a fixed order. */
    float (*dot)(size_t n, const float *a, const float *b);

    /* 8-bit tile: c[i*c_stride + j] = sum_{t<taps} sum_{k<kc} a[t*int8_igemm_mr + i][k] * b[..][k][j], exact in int32. a:
     * uint8 activations, rows of exactly kc readable bytes. b: int8 weights packed [tap][k/4][nr][4], k padded with zeros to a
     * multiple of 4. Zero points are not in the sum: the caller subtracts a_zero * (sum of the column of b). */
    size_t int8_igemm_mr, int8_igemm_nr;
    void (*int8_igemm)(size_t m, size_t n, size_t kc, size_t taps, const uint8_t *const *a, const int8_t *b, int32_t *c,
                       size_t c_stride);

    /* The end of an 8-bit layer: what arc_requantize describes, on m rows of n int32 sums (requantize) or of floats
     * (quantize), which take the place of sum*scale + bias: scale and bias are then not read. */
    void (*requantize)(size_t m, size_t n, const int32_t *sums, size_t stride, const arc_requantize *r);
    void (*quantize)(size_t m, size_t n, const float *x, size_t stride, const arc_requantize *r);
    /* Depthwise 8-bit sums: y[p*channels + j] = sum_{t<taps} x[p*taps + t][j] * w[t*channels + j], exact; x: pixels*taps
     * pointers. */
    void (*int8_dwconv)(size_t pixels, size_t channels, size_t taps, const uint8_t *const *x, const int8_t *w, int32_t *y);

    /* Sums of 8-bit products of m rows with one vector: sums[i] = sum_{k<n} a[i*a_stride + k] * b[k], exact in int32; n: a
     * multiple of 64. Rows follow each other in memory and are read once: the kernel fetches ahead, and at their end what is
     * read afterwards, which begins at `next` (any address; NULL: nothing is). */
    void (*int8_dots)(size_t m, size_t n, const uint8_t *a, size_t a_stride, const int8_t *b, int32_t *sums, const void *next);
    /* Which of n bounded sums of a row may reach their limits: writes the j with middle + bound >= limit to `reach` [n], in
     * rising order, and returns how many. Arithmetic in float, rounded in any order. NaN reaches nothing. */
    size_t (*bounded_reach)(size_t n, const int32_t *sums, const arc_bounded_row *x, const arc_bounded_columns *c,
                            uint32_t *reach);

    /* Estimates of products of m rows of bits with a vector of 4-bit numbers, given as its four planes of bits: sums[i] =
     * sum_{p<4} 2^p * popcount(bits of row i & plane p). bits [m][words], planes [4][words]; words: any. */
    void (*bit_dots)(size_t m, size_t words, const uint64_t *bits, const uint64_t *planes, int32_t *sums);
    /* The Hadamard transform of y [n] in place, n a power of two from 64 on: for half = 1, 2, 4 ... n/2, every y[i] and y[i +
     * half] of which i has not the bit `half` become their sum and their difference; the same bits on every level. */
    void (*hadamard)(size_t n, float *y);
    /* Bit i % 64 of bits[i / 64] is whether y[i] > 0; n: a multiple of 64. */
    void (*positive_bits)(size_t n, const float *y, uint64_t *bits);
    /* CRC-32C of m rows of `bytes` bytes, each continued from crc[i] into crc[i]. */
    void (*rows_crc32c)(size_t m, size_t bytes, const void *rows, size_t stride_bytes, uint32_t *crc);

    /* Measures the peak of the level: `loops` rounds of independent multiply-adds in registers. Returns the number of
     * floating-point operations. */
    double (*fma_peak)(size_t loops, float *sink);

    /* Plain [c][hw] <-> NHWC [hw][c] of one image: y[i*y_stride + j] = x[j*x_stride + i], rows x cols given for x. */
    void (*transpose)(size_t rows, size_t cols, const float *x, size_t x_stride, float *y, size_t y_stride);

    /* ---- training. x, y, dy and dx of the norm slots are [m][n], stored as `store` says. */

    /* A matrix product that sums over rows (A transposed): for i < m (m <= igemm_mr), j < n (n <= igemm_nr):
     *   c[i*c_stride + j] = (add ? c[i*c_stride + j] : 0) + sum_{p<count} a[p][at + i] * b[p*b_stride + j]
     * The sum is one FMA chain in order of p. Used for gradients of weights (p: pixels, tiles or images). */
    void (*gemm_tn)(size_t m, size_t n, size_t count, const float *const *a, size_t at, const float *b, size_t b_stride, float *c,
                    size_t c_stride, bool add);
    /* Gradient of depthwise weights: dw[t*channels + j] += sum_{p<pixels} x[p*taps + t][j] * dy[p*dy_stride + j]. */
    void (*dwconv_grad)(size_t pixels, size_t channels, size_t taps, const float *const *x, const float *dy, size_t dy_stride,
                        float *dw);
    /* The transpose of winograd_out's transform. dy: t*t pointers -> m[i*m_stride + c] = (A dy A^T)[i][c], i < n*n. */
    void (*winograd_grad)(int t, size_t channels, const float *const *dy, float *m, size_t m_stride);
    /* Weights of one input channel into the Winograd domain, w[(r*3 + s)*w_stride + j] -> u[i*u_stride + j] = (G w G^T)[i][j],
     * and the gradient back: w = G^T u G. j < channels. */
    void (*winograd_weights)(int t, size_t channels, const float *w, size_t w_stride, float *u, size_t u_stride);
    void (*winograd_weights_grad)(int t, size_t channels, const float *u, size_t u_stride, float *w, size_t w_stride);

    /* Sums of differences from the first row: sum[j] = sum_i (x[i][j] - x[0][j]), square[j] = the sum of their squares. */
    void (*norm_sums)(arc_store store, size_t m, size_t n, const void *x, float *sum, float *square);
    /* y = act(x*scale + shift) + residual (NULL: none). In place allowed. */
    void (*norm_apply)(arc_store store, size_t m, size_t n, const void *x, const arc_norm *norm, const void *residual, void *y);
    /* With u = x*scale + shift and du = dy * act'(u): du_sum[j] = sum_i du, dux_sum[j] = sum_i du*(x - mean) and, if there is
     * a slope, dslope[j] = the sum of dy*u over all u < 0. */
    void (*norm_grad_sums)(arc_store store, size_t m, size_t n, const void *x, const void *dy, const arc_norm *norm,
                           float *du_sum, float *dux_sum, float *dslope);
    /* dx = (add ? dx : 0) + a*du + b*(x - mean) + c, a, b, c [n]. In place over dy allowed. */
    void (*norm_grad)(arc_store store, size_t m, size_t n, const void *x, const void *dy, const arc_norm *norm, const float *a,
                      const float *b, const float *c, bool add, void *dx);
    /* Converts n values stored as `store` to floats and back; store_add: y += x. */
    void (*store_load)(arc_store store, size_t n, const void *x, float *y);
    void (*store_save)(arc_store store, size_t n, const float *x, void *y);
    void (*store_add)(arc_store store, size_t n, const void *x, void *y);

    /* ---- training in bfloat16: NULL unless bf16_fast. "Pairs": a float holds two bfloat16 values, of rows 2p (low half) and
     * 2p+1. */

    /* gemm_tn over pairs: `count` counts pairs; a and b point to floats that hold pairs. */
    void (*gemm_tn_bf16)(size_t m, size_t n, size_t count, const float *const *a, size_t at, const float *b, size_t b_stride,
                         float *c, size_t c_stride, bool add);
    /* y[j] = the pair of low[j] and high[j]; high NULL: zeros. */
    void (*pair_rows)(size_t n, const uint16_t *low, const uint16_t *high, float *y);
    /* winograd_in with bfloat16 input and output, and for two tiles at once with pairs as output (x1 NULL: zeros); the same
     * two for winograd_grad; winograd_out with bfloat16 output, y += if add. */
    void (*winograd_in_half)(int t, size_t channels, const uint16_t *const *x, uint16_t *v, size_t v_stride);
    void (*winograd_in_pairs)(int t, size_t channels, const uint16_t *const *x0, const uint16_t *const *x1, float *v,
                              size_t v_stride);
    void (*winograd_grad_pairs)(int t, size_t channels, const uint16_t *const *dy0, const uint16_t *const *dy1, float *m,
                                size_t m_stride);
    void (*winograd_out_half)(int t, size_t channels, const float *m, size_t m_stride, uint16_t *y, size_t y_row, size_t y_pixel,
                              size_t rows, size_t cols, const float *bias, bool add);
    /* dwconv (group 1) and groupconv with bfloat16 x and y; bias NULL: none. */
    void (*dwconv_half)(size_t group, size_t pixels, size_t channels, size_t taps, const uint16_t *const *x, const float *w,
                        const float *bias, uint16_t *y, size_t y_stride, bool add);
    /* dwconv_grad over bfloat16, where channel j of x meets channel j^q of dy: dw[t*channels + j] += sum_p x[p*taps + t][j] *
     * dy[p*dy_stride + (j^q)]. */
    void (*dwconv_grad_half)(size_t q, size_t pixels, size_t channels, size_t taps, const uint16_t *const *x, const uint16_t *dy,
                             size_t dy_stride, float *dw);
} arc_kernels;

/* The best table that `limit` allows on this CPU (NULL or "": no limit); NULL if the name is unknown. Static storage. Any
 * thread. */
const arc_kernels *arc_kernels_get(const char *limit);
/* The table of exactly this level; NULL if this build or CPU does not have it. For tests, which go through all levels. */
const arc_kernels *arc_kernels_of(arc_isa isa);

/* The processor in one line, e.g. "AuthenticAMD family 26 model 2 stepping 1 (AMD EPYC)". Files of measurements are tied to
 * it. */
void arc_cpu_text(char *text, size_t bytes);

/* Packing, the same for every ISA: w [n][taps][kc] (row j is output column j) -> panels of nr columns, [panel][tap][k][nr].
 * Floats needed. */
size_t arc_igemm_packed_count(const arc_kernels *k, size_t n, size_t kc, size_t taps);
/* Packs one panel. The columns from j0 on are read from w by element strides: value(j,t,k) = w[j*ws_n + t*ws_tap + k*ws_k] *
 * scale_k[k] * scale_n[j]; either scale may be NULL. */
void arc_igemm_pack_panel(const arc_kernels *k, size_t n, size_t j0, size_t kc, size_t taps, const float *w, size_t ws_n,
                          size_t ws_tap, size_t ws_k, const float *scale_k, const float *scale_n, float *panel);
/* The same as pairs of bfloat16, for igemm_bf16: [tap][k/2][nr]; kc must be even. */
void arc_igemm_pack_panel_bf16(const arc_kernels *k, size_t n, size_t j0, size_t kc, size_t taps, const float *w, size_t ws_n,
                               size_t ws_tap, size_t ws_k, const float *scale_k, const float *scale_n, float *panel);
/* The same as half-precision numbers, for igemm_f16. */
void arc_igemm_pack_panel_f16(const arc_kernels *k, size_t n, size_t j0, size_t kc, size_t taps, const float *w, size_t ws_n,
                              size_t ws_tap, size_t ws_k, const float *scale_k, const float *scale_n, float *panel);
/* The tile function for panels of a form; NULL if the level has none. And how many floats of memory `count` weights take in
 * that form. */
arc_igemm_fn *arc_igemm_of(const arc_kernels *k, arc_form form);
size_t arc_form_floats(arc_form form, size_t count);
/* Packs one panel of 3x3 weights w [n][kc][3][3] in the Winograd domain, transformed in double: n*n panels of [k][nr], panel i
 * at panel + i*step floats; as pairs of bfloat16, [k/2][nr]. */
void arc_winograd_pack_panel(const arc_kernels *k, int t, arc_form form, size_t n, size_t j0, size_t kc, const float *w,
                             const float *scale_k, const float *scale_n, float *panel, size_t step);

#endif
