/* kernel: which instruction sets this machine can run. The compiler's builtin checks CPUID and also XGETBV, so a set whose
 * registers the operating system does not save counts as absent. table.c uses the answer. */
#include "kernel/levels.h"
#include <stdio.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#if defined(__aarch64__)
#include <sys/auxv.h>
#ifndef HWCAP_ASIMD
#define HWCAP_ASIMD (1UL << 1)
#endif
#ifndef HWCAP_CPUID
#define HWCAP_CPUID (1UL << 11)
#endif
#ifndef HWCAP_ASIMDDP
#define HWCAP_ASIMDDP (1UL << 20)
#endif
#endif

#if defined(__x86_64__)
/* Conversion of half-precision numbers. Older compilers' builtin does not know its name, so CPUID is read here; the registers
 * are AVX's, which the builtin checks. */
static bool has_f16c(void) {
    unsigned a, b, c = 0, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}
#endif

arc_cpu arc_cpu_detect(void) {
    arc_cpu cpu = {0};
#if defined(__x86_64__)
    __builtin_cpu_init();
    /* the files of a level are compiled with all of its flags, so the CPU must have every one of them */
    cpu.avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
    cpu.avx512 = cpu.avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                 __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    cpu.avx512_bf16 = cpu.avx512 && __builtin_cpu_supports("avx512bf16");
    cpu.avx512_vnni = cpu.avx512 && __builtin_cpu_supports("avx512vnni");
    cpu.avx512_popcount = cpu.avx512 && __builtin_cpu_supports("avx512vpopcntdq");
#elif defined(__aarch64__)
    cpu.neon = (getauxval(AT_HWCAP) & HWCAP_ASIMD) != 0;
    cpu.neon_dot = cpu.neon && (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#endif
    return cpu;
}

#if defined(__x86_64__)
/* From CPUID: the vendor; family, model and stepping as the vendor counts them; then the name given by the vendor or the
 * hypervisor. */
void arc_cpu_text(char *text, size_t bytes) {
    unsigned a = 0, part[3] = {0}, id = 0, b, c, d, name[12] = {0};
    char vendor[13] = "", brand[49] = "";
    __get_cpuid(0, &a, &part[0], &part[2], &part[1]);
    memcpy(vendor, part, sizeof part);
    __get_cpuid(1, &id, &b, &c, &d);
    for (unsigned leaf = 0; leaf < 3; leaf++)
        __get_cpuid(0x80000002u + leaf, &name[4 * leaf], &name[4 * leaf + 1], &name[4 * leaf + 2], &name[4 * leaf + 3]);
    memcpy(brand, name, sizeof name);
    const unsigned base = id >> 8 & 15, family = base == 15 ? base + (id >> 20 & 255) : base;
    const unsigned model = (id >> 4 & 15) | (base == 15 || base == 6 ? (id >> 16 & 15) << 4 : 0);
    snprintf(text, bytes, "%s family %u model %u stepping %u (%s)", vendor, family, model, id & 15, brand + strspn(brand, " "));
    for (char *at = text; *at; at++) /* always one line, even if a hypervisor's name contains control characters */
        if (*at < ' ' || *at > '~')
            *at = '?';
}
#elif defined(__aarch64__)
/* From the main identification register, which Linux lets programs read: implementer, part (0xd0b: Cortex-A76), variant and
 * revision. */
void arc_cpu_text(char *text, size_t bytes) {
    unsigned long id = 0;
    if (getauxval(AT_HWCAP) & HWCAP_CPUID)
        __asm__("mrs %0, midr_el1" : "=r"(id));
    snprintf(text, bytes, "AArch64 implementer 0x%02lx part 0x%03lx variant %lu revision %lu", id >> 24 & 255, id >> 4 & 4095,
             id >> 20 & 15, id & 15);
}
#else
void arc_cpu_text(char *text, size_t bytes) {
    snprintf(text, bytes, "some processor");
}
#endif
