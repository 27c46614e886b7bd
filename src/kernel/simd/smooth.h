/* kernel: exp and what is made of it, in registers, written with the names of registers/<isa>.h: the error function and both
 * forms of Gelu. Included by *_<isa>.c only. */
#ifndef ARC_KERNEL_SIMD_SMOOTH_H
#define ARC_KERNEL_SIMD_SMOOTH_H

/* e^x = 2^n e^r, n = round(x log2 e), |r| <= ln(2)/2 by a two-part ln 2; e^r = 1 + r + r^2 q(r), q near-minimax of degree 5:
 * 2e-9 relative. The clamps limit n to the range of v_scale2; beyond it the result is 0 or infinity anyway. NaN is passed on. */
static inline vf v_exp(vf x) {
    x = v_min(v_set1(90.0f), v_max(v_set1(-105.0f), x));
    const vf n = v_round(v_mul(x, v_set1(0x1.715476p+0f)));
    vf r = v_fnma(n, v_set1(0x1.62e400p-1f), x);
    r = v_fnma(n, v_set1(0x1.7f7d1cp-20f), r);
    vf q = v_set1(0x1.a01a02p-13f);
    q = v_fma(q, r, v_set1(0x1.6c16c2p-10f));
    q = v_fma(q, r, v_set1(0x1.111112p-7f));
    q = v_fma(q, r, v_set1(0x1.555556p-5f));
    q = v_fma(q, r, v_set1(0x1.555556p-3f));
    q = v_fma(q, r, v_set1(0.5f));
    const vf p = v_add(v_set1(1.0f), v_fma(v_mul(r, r), q, r));
    return v_scale2(p, n);
}

/* erfc(t / sqrt(2)) / 2, the upper tail of the normal distribution, for t >= 0: e^p(t), p near-minimax of degree 8 with the
 * weight of the result on [0, 6]: 8e-9 absolute. Beyond 6 p falls on and the result with it, to 0 before 14. */
static inline vf v_normal_tail(vf t) {
    vf p = v_set1(-1.96500725e-06f);
    p = v_fma(p, t, v_set1(2.72944866e-05f));
    p = v_fma(p, t, v_set1(-1.29050111e-04f));
    p = v_fma(p, t, v_set1(-9.49174354e-05f));
    p = v_fma(p, t, v_set1(4.89599009e-03f));
    p = v_fma(p, t, v_set1(-3.63875781e-02f));
    p = v_fma(p, t, v_set1(-3.18298867e-01f));
    p = v_fma(p, t, v_set1(-7.97885328e-01f));
    return v_exp(v_fma(p, t, v_set1(-0.693147181f)));
}

static inline vf v_abs(vf x) {
    return v_sub(v_zero(), v_negative_abs(x));
}

/* x Phi(x) = max(x, 0) - |x| (1 - Phi(|x|)), which cancels nowhere. */
static inline vf v_gelu(vf x) {
    const vf t = v_min(v_set1(14.0f), v_abs(x));
    return v_fnma(t, v_normal_tail(t), v_max(v_zero(), x));
}

/* 0.5 x (1 + tanh(u)) = x / (1 + e^-2u), u = sqrt(2 / pi) (x + 0.044715 x^3); for x < 0 e^2u x / (1 + e^2u). */
static inline vf v_gelu_tanh(vf x) {
    const vf c = v_min(v_set1(14.0f), v_max(v_set1(-14.0f), x)); /* where the factor is 1 or 0 already */
    const vf u = v_mul(c, v_fma(v_mul(c, c), v_set1(0.0713548163f), v_set1(1.59576912f)));
    const vf e = v_exp(v_negative_abs(u));
    return v_mul(v_max(v_set1(-14.0f), x), v_div(v_if_negative(u, e, v_set1(1.0f)), v_add(v_set1(1.0f), e)));
}

/* Up to 0.9 x + x q(x^2), q near-minimax of degree 5: 3e-8 relative; beyond by the tail, with the sign of x. */
static inline vf v_erf(vf x) {
    const vf t = v_min(v_set1(10.0f), v_abs(x)), s = v_mul(t, t);
    vf q = v_set1(-0.00058621f);
    q = v_fma(q, s, v_set1(0.00496751f));
    q = v_fma(q, s, v_set1(-0.02674886f));
    q = v_fma(q, s, v_set1(0.11281321f));
    q = v_fma(q, s, v_set1(-0.37612446f));
    q = v_fma(q, s, v_set1(0.12837914f));
    const vf far = v_fnma(v_set1(2.0f), v_normal_tail(v_mul(t, v_set1(1.41421356f))), v_set1(1.0f));
    const vf size = v_if_negative(v_sub(t, v_set1(0.9f)), v_fma(q, t, t), far);
    return v_if_negative(x, v_sub(v_zero(), size), size);
}

#endif
