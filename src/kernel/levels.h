/* kernel: declarations that the files of this room share and no other room may include. Each ISA file overrides slots of a
 * table that starts as a copy of the level below (table.c). */
#ifndef ARC_KERNEL_LEVELS_H
#define ARC_KERNEL_LEVELS_H

#include "kernel/kernel.h"
#include <string.h>

/* What both this CPU and its operating system (which must save the registers) support. */
typedef struct arc_cpu {
    bool avx2, avx512, avx512_vnni, avx512_bf16, avx512_popcount, neon, neon_dot;
} arc_cpu;
arc_cpu arc_cpu_detect(void);

/* generic/gemm.c: act(x + bias + residual) for one value of column j; residual_row NULL: none. */
float arc_epilogue_finish(float x, size_t j, const float *residual_row, const arc_epilogue *e);

/* generic/normalise.c: one value each. */
float arc_gelu(float x);
float arc_gelu_tanh(float x);

/* Rounds a float to bfloat16, to nearest even; NaN stays NaN. */
static inline uint16_t arc_bf16(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (x != x)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* Converts to a half-precision number, to nearest even, and back; NaN stays NaN. */
uint16_t arc_f16(float x);
float arc_f16_float(uint16_t half);

/* generic/pack.c: one row k of a panel of pairs: x[j] becomes the low (k even) or high (k odd) half of pair[j]. */
void arc_bf16_half_row(size_t n, const float *x, size_t high, float *pair);

/* The files of generic/: every slot in portable C. */
void arc_kernels_fill_generic(arc_kernels *k);
void arc_kernels_fill_generic_gemm(arc_kernels *k);
void arc_kernels_fill_generic_winograd(arc_kernels *k);
void arc_kernels_fill_generic_int8(arc_kernels *k);
void arc_kernels_fill_generic_learn(arc_kernels *k);
void arc_kernels_fill_generic_f16(arc_kernels *k);
void arc_kernels_fill_generic_normalise(arc_kernels *k);
void arc_kernels_fill_generic_scan(arc_kernels *k);
/* One function a file; each is compiled only for machines that have the instruction set. */
void arc_kernels_fill_avx2(arc_kernels *k);
void arc_kernels_fill_avx2_gemm(arc_kernels *k);
void arc_kernels_fill_avx2_int8_igemm(arc_kernels *k);
void arc_kernels_fill_avx2_int8_requantize(arc_kernels *k);
void arc_kernels_fill_avx2_winograd(arc_kernels *k);
void arc_kernels_fill_avx2_learn(arc_kernels *k);
void arc_kernels_fill_avx2_bf16(arc_kernels *k);
void arc_kernels_fill_avx2_f16(arc_kernels *k);
void arc_kernels_fill_avx2_scan(arc_kernels *k);
void arc_kernels_fill_avx512(arc_kernels *k);
void arc_kernels_fill_avx512_gemm(arc_kernels *k);
void arc_kernels_fill_avx512_int8_igemm(arc_kernels *k);
void arc_kernels_fill_avx512_int8_requantize(arc_kernels *k);
void arc_kernels_fill_avx512_winograd(arc_kernels *k);
void arc_kernels_fill_avx512_learn(arc_kernels *k);
void arc_kernels_fill_avx512_bf16(arc_kernels *k);
void arc_kernels_fill_avx512_half(arc_kernels *k);
void arc_kernels_fill_avx512_f16(arc_kernels *k);
void arc_kernels_fill_avx512_scan(arc_kernels *k);
void arc_kernels_fill_avx512_scan_vnni(arc_kernels *k);
void arc_kernels_fill_avx512_scan_popcount(arc_kernels *k);
void arc_kernels_fill_neon(arc_kernels *k);
void arc_kernels_fill_neon_gemm(arc_kernels *k);
void arc_kernels_fill_neon_int8_igemm(arc_kernels *k);
void arc_kernels_fill_neon_int8_requantize(arc_kernels *k);
void arc_kernels_fill_neon_winograd(arc_kernels *k);
void arc_kernels_fill_neon_learn(arc_kernels *k);
void arc_kernels_fill_neon_bf16(arc_kernels *k);
void arc_kernels_fill_neon_f16(arc_kernels *k);
void arc_kernels_fill_neon_scan(arc_kernels *k);
void arc_kernels_fill_neon_scan_dot(arc_kernels *k);

#endif
