/* kernel: the product that sums over rows (gemm_tn), written with the names of registers/<isa>.h. The including file defines
 * TN_MR and TN_EACH_M (a macro that lists every m up to it). It may redefine v_fma, as the files for pairs of bfloat16 do. */
#ifndef ARC_KERNEL_SIMD_TN_H
#define ARC_KERNEL_SIMD_TN_H

#define TN_1(DO) DO(0)
#define TN_2(DO) TN_1(DO) DO(1)
#define TN_3(DO) TN_2(DO) DO(2)
#define TN_4(DO) TN_3(DO) DO(3)
#define TN_5(DO) TN_4(DO) DO(4)
#define TN_6(DO) TN_5(DO) DO(5)
#define TN_7(DO) TN_6(DO) DO(6)
#define TN_8(DO) TN_7(DO) DO(7)
#define TN_9(DO) TN_8(DO) DO(8)
#define TN_10(DO) TN_9(DO) DO(9)
#define TN_11(DO) TN_10(DO) DO(10)
#define TN_12(DO) TN_11(DO) DO(11)
#define TN_13(DO) TN_12(DO) DO(12)
#define TN_14(DO) TN_13(DO) DO(13)
#define TN_UPTO_6(DO) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6)
#define TN_UPTO_8(DO) TN_UPTO_6(DO) DO(7) DO(8)
#define TN_UPTO_14(DO) TN_UPTO_8(DO) DO(9) DO(10) DO(11) DO(12) DO(13) DO(14)

#define TN_START(i) vf lo##i = v_zero(), hi##i = v_zero();
#define TN_STEP(i)                                                                                                               \
    {                                                                                                                            \
        const vf x = v_set1(row[i]);                                                                                             \
        lo##i = v_fma(x, b0, lo##i);                                                                                             \
        hi##i = v_fma(x, b1, hi##i);                                                                                             \
    }
#define TN_END(i)                                                                                                                \
    {                                                                                                                            \
        float *to = c + (i)*c_stride;                                                                                            \
        v_store_w(to, w0, add ? v_add(v_load_w(to, w0), lo##i) : lo##i);                                                         \
        if (w1)                                                                                                                  \
            v_store_w(to + VL, w1, add ? v_add(v_load_w(to + VL, w1), hi##i) : hi##i);                                           \
    }
/* w0 and w1: the number of columns in each of the two registers. `whole` (a constant): both are full. */
#define TN_FUNCTION(m)                                                                                                           \
    INLINE void tn_body_##m(bool whole, size_t w0, size_t w1, size_t count, const float *const *a, size_t at, const float *b,    \
                            size_t b_stride, float *c, size_t c_stride, bool add) {                                              \
        TN_##m(TN_START) for (size_t p = 0; p < count; p++, b += b_stride) {                                                     \
            const float *row = a[p] + at;                                                                                        \
            const vf b0 = whole ? v_load(b) : v_load_w(b, w0);                                                                   \
            const vf b1 = whole ? v_load(b + VL) : w1 ? v_load_w(b + VL, w1) : v_zero();                                         \
            TN_##m(TN_STEP)                                                                                                      \
        }                                                                                                                        \
        TN_##m(TN_END)                                                                                                           \
    }                                                                                                                            \
    static void tn_##m(size_t n, size_t count, const float *const *a, size_t at, const float *b, size_t b_stride, float *c,      \
                       size_t c_stride, bool add) {                                                                              \
        if (n == 2 * VL)                                                                                                         \
            tn_body_##m(true, VL, VL, count, a, at, b, b_stride, c, c_stride, add);                                              \
        else                                                                                                                     \
            tn_body_##m(false, n < VL ? n : VL, n < VL ? 0 : n - VL, count, a, at, b, b_stride, c, c_stride, add);               \
    }
TN_EACH_M(TN_FUNCTION)

typedef void tn_fn(size_t n, size_t count, const float *const *a, size_t at, const float *b, size_t b_stride, float *c,
                   size_t c_stride, bool add);
#define TN_ENTRY(m) tn_##m,
static tn_fn *const tn_table[TN_MR] = {TN_EACH_M(TN_ENTRY)};

static void gemm_tn(size_t m, size_t n, size_t count, const float *const *a, size_t at, const float *b, size_t b_stride, float *c,
                    size_t c_stride, bool add) {
    tn_table[m - 1](n, count, a, at, b, b_stride, c, c_stride, add);
}

#endif
