/* kernel: which instruction sets this machine runs. The compiler's builtin asks CPUID and also XGETBV, so a set whose registers
 * the operating system does not save counts as absent. */
#include "kernel/internal.h"

#if defined(__aarch64__)
#include <sys/auxv.h>
#ifndef HWCAP_ASIMD
#define HWCAP_ASIMD (1UL << 1)
#endif
#endif

arc_cpu arc_cpu_detect(void) {
    arc_cpu cpu = {0};
#if defined(__x86_64__)
    __builtin_cpu_init();
    /* The files of a level are compiled with all of its flags: every one of them must be there. */
    cpu.avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    cpu.avx512 = cpu.avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                 __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    cpu.avx512_bf16 = cpu.avx512 && __builtin_cpu_supports("avx512bf16");
    cpu.avx512_vnni = cpu.avx512 && __builtin_cpu_supports("avx512vnni");
#elif defined(__aarch64__)
    cpu.neon = (getauxval(AT_HWCAP) & HWCAP_ASIMD) != 0;
#endif
    return cpu;
}
