/* kernel: what avx2.h and avx512.h have in common: instructions whose names differ in the width alone. The including file has
 * defined vf and V(name), the name of an instruction at its width. */
#ifndef ARC_KERNEL_REGISTERS_X86_H
#define ARC_KERNEL_REGISTERS_X86_H

static inline vf v_zero(void) {
    return V(setzero_ps)();
}
static inline vf v_set1(float x) {
    return V(set1_ps)(x);
}
static inline vf v_load(const float *p) {
    return V(loadu_ps)(p);
}
static inline void v_store(float *p, vf v) {
    V(storeu_ps)(p, v);
}
static inline vf v_add(vf a, vf b) {
    return V(add_ps)(a, b);
}
static inline vf v_sub(vf a, vf b) {
    return V(sub_ps)(a, b);
}
/* Lane j takes lane j^1; lane j takes lane j^2. */
static inline vf v_swap1(vf x) {
    return V(permute_ps)(x, 0xb1);
}
static inline vf v_swap2(vf x) {
    return V(permute_ps)(x, 0x4e);
}
static inline vf v_mul(vf a, vf b) {
    return V(mul_ps)(a, b);
}
static inline vf v_div(vf a, vf b) {
    return V(div_ps)(a, b);
}
static inline vf v_fma(vf a, vf b, vf c) {
    return V(fmadd_ps)(a, b, c);
}
static inline vf v_fnma(vf a, vf b, vf c) {
    return V(fnmadd_ps)(a, b, c);
}
/* A NaN in b comes through. */
static inline vf v_max(vf a, vf b) {
    return V(max_ps)(a, b);
}
static inline vf v_min(vf a, vf b) {
    return V(min_ps)(a, b);
}
/* x from lo to hi; NaN becomes lo. */
static inline vf v_clamp(vf x, vf lo, vf hi) {
    return V(min_ps)(V(max_ps)(x, lo), hi);
}
static inline vf v_negative_abs(vf x) {
    return V(or_ps)(x, V(set1_ps)(-0.0f));
}

#endif
