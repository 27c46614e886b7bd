/* kernel: the tables of slots, one for each level, filled once: portable C first, then each level overrides the slots that it
 * does faster. */
#include "kernel/levels.h"
#include <assert.h>
#include <pthread.h>
#include <string.h>

#define LEVELS 4 /* as many as arc_isa has */

static arc_kernels tables[LEVELS];
static bool present[LEVELS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static arc_kernels *start_level(arc_isa isa, const char *name, arc_isa below) {
    tables[isa] = tables[below];
    tables[isa].isa = isa;
    tables[isa].name = name;
    present[isa] = true;
    return &tables[isa];
}

static void fill_tables(void) {
    const arc_cpu cpu = arc_cpu_detect();
    arc_kernels *k = start_level(ARC_ISA_GENERIC, "generic", ARC_ISA_GENERIC);
    arc_kernels_fill_generic(k);
    arc_kernels_fill_generic_gemm(k);
    arc_kernels_fill_generic_winograd(k);
    arc_kernels_fill_generic_int8(k);
    arc_kernels_fill_generic_learn(k);
    arc_kernels_fill_generic_f16(k);
    arc_kernels_fill_generic_normalise(k);
    arc_kernels_fill_generic_scan(k);
#if defined(__x86_64__)
    if (cpu.avx2) {
        k = start_level(ARC_ISA_AVX2, "avx2", ARC_ISA_GENERIC);
        arc_kernels_fill_avx2(k);
        arc_kernels_fill_avx2_gemm(k);
        arc_kernels_fill_avx2_int8_requantize(k);
        arc_kernels_fill_avx2_int8_igemm(k);
        arc_kernels_fill_avx2_winograd(k);
        arc_kernels_fill_avx2_learn(k);
        arc_kernels_fill_avx2_bf16(k);
        arc_kernels_fill_avx2_f16(k);
        arc_kernels_fill_avx2_scan(k);
    }
    if (cpu.avx512) {
        k = start_level(ARC_ISA_AVX512, "avx512", ARC_ISA_AVX2);
        arc_kernels_fill_avx512(k);
        arc_kernels_fill_avx512_gemm(k);
        arc_kernels_fill_avx512_int8_requantize(k);
        arc_kernels_fill_avx512_winograd(k);
        arc_kernels_fill_avx512_learn(k);
        arc_kernels_fill_avx512_f16(k);
        if (cpu.avx512_bf16) {
            arc_kernels_fill_avx512_bf16(k);
            arc_kernels_fill_avx512_half(k);
        } else
            k->igemm_bf16 = NULL; /* belongs to the level below, whose tile has another size */
        arc_kernels_fill_avx512_scan(k);
        if (cpu.avx512_vnni) {
            arc_kernels_fill_avx512_int8_igemm(k);
            arc_kernels_fill_avx512_scan_vnni(k);
        }
        if (cpu.avx512_popcount)
            arc_kernels_fill_avx512_scan_popcount(k);
    }
#elif defined(__aarch64__)
    if (cpu.neon) {
        k = start_level(ARC_ISA_NEON, "neon", ARC_ISA_GENERIC);
        arc_kernels_fill_neon(k);
        arc_kernels_fill_neon_gemm(k);
        arc_kernels_fill_neon_int8_requantize(k);
        arc_kernels_fill_neon_int8_igemm(k);
        arc_kernels_fill_neon_winograd(k);
        arc_kernels_fill_neon_learn(k);
        arc_kernels_fill_neon_bf16(k);
        arc_kernels_fill_neon_f16(k);
        arc_kernels_fill_neon_scan(k);
        if (cpu.neon_dot)
            arc_kernels_fill_neon_scan_dot(k);
    }
#else
    (void)cpu;
#endif
    for (int i = 0; i < LEVELS; i++)
        assert(!present[i] || (tables[i].igemm_mr <= ARC_IGEMM_MAX_MR && tables[i].igemm_nr <= ARC_IGEMM_MAX_NR &&
                               tables[i].int8_igemm_mr <= ARC_IGEMM_MAX_MR));
}

const arc_kernels *arc_kernels_of(arc_isa isa) {
    pthread_once(&once, fill_tables);
    if ((int)isa < 0 || (int)isa >= LEVELS || !present[isa])
        return NULL;
    return &tables[isa];
}

const arc_kernels *arc_kernels_get(const char *limit) {
    static const char *const name[LEVELS] = {"generic", "avx2", "avx512", "neon"};
    /* The levels that each limit allows, best first. A limit above what the CPU has is not an error: a limit allows a level,
     * it does not require it. */
    static const arc_isa order[LEVELS] = {ARC_ISA_NEON, ARC_ISA_AVX512, ARC_ISA_AVX2, ARC_ISA_GENERIC};
    pthread_once(&once, fill_tables);
    int top = ARC_ISA_NEON;
    if (limit && *limit) {
        for (top = 0; top < LEVELS && strcmp(limit, name[top]) != 0; top++)
            continue;
        if (top == LEVELS)
            return NULL;
    }
    for (int i = 0; i < LEVELS; i++)
        if (present[order[i]] && (int)order[i] <= top)
            return &tables[order[i]];
    return NULL;
}
