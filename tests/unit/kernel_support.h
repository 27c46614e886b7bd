/* Shared by the kernel tests: buffers that end where an unreadable page begins (one float read or written past the end is a
 * crash), random numbers, epilogues in double, and a cmocka test that walks every level of this machine. */
#ifndef ARC_KERNEL_SUPPORT_H
#define ARC_KERNEL_SUPPORT_H

#include "kernel/levels.h"
#include "support.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- guarded buffers ------------------------------------------------------------------------------------------------------- */

enum { GUARDS = 40, GUARD_BYTES = 1 << 18 };
static uint8_t *guard_end[GUARDS];

static inline int open_guards(void **state) {
    (void)state;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < GUARDS; i++) {
        uint8_t *p = mmap(NULL, GUARD_BYTES + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || mprotect(p + GUARD_BYTES, page, PROT_NONE) != 0)
            return -1;
        guard_end[i] = p + GUARD_BYTES;
    }
    return 0;
}

/* Region `slot` as an array of exactly `bytes` bytes before its guard page. */
static inline void *guarded(int slot, size_t bytes) {
    assert_true(slot < GUARDS && bytes <= GUARD_BYTES);
    return guard_end[slot] - bytes;
}
static inline float *floats(int slot, size_t n) {
    return guarded(slot, n * sizeof(float));
}

static uint32_t seed = 1;
static inline uint32_t random_u32(void) {
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}
static inline float random_float(void) {
    return (float)random_u32() / (float)(1 << 23) - 1.0f;
}
static inline float *random_floats(int slot, size_t n) {
    float *p = floats(slot, n);
    for (size_t i = 0; i < n; i++)
        p[i] = random_float();
    return p;
}

typedef void level_test(const arc_kernels *k);
static inline void on_every_level(level_test *test) {
    int levels = 0;
    for (int isa = ARC_ISA_GENERIC; isa <= ARC_ISA_NEON; isa++) {
        const arc_kernels *k = arc_kernels_of((arc_isa)isa);
        if (!k)
            continue;
        levels++;
        test(k);
    }
    assert_true(levels >= 1);
}

#define CLOSE(k, got, want, size)                                                                                                \
    do {                                                                                                                         \
        const double got_ = (got), want_ = (want), size_ = (size);                                                               \
        if (!(fabs(got_ - want_) <= 4e-7 * size_ + 1e-30))                                                                       \
            fail_msg("%s: got %.9g, want %.9g (size %g)", (k)->name, got_, want_, size_);                                        \
    } while (0)

/* ---- epilogues ------------------------------------------------------------------------------------------------------------- */

/* Epilogue number `kind` (0..19): every activation with and without bias and residual, arrays of exactly n and m x (n+1). */
static inline arc_epilogue make_epilogue(int kind, size_t m, size_t n) {
    static const arc_act acts[] = {ARC_ACT_NONE, ARC_ACT_RELU, ARC_ACT_PRELU, ARC_ACT_LEAKY, ARC_ACT_CLIP};
    arc_epilogue e = {.act = acts[kind % 5], .alpha = 0.1f, .lo = -0.3f, .hi = 0.6f};
    e.bias = kind / 5 % 2 ? random_floats(30, n) : NULL;
    e.slope = e.act == ARC_ACT_PRELU ? random_floats(31, n) : NULL;
    e.residual_stride = n + 1;
    e.residual = kind / 10 ? random_floats(32, (m - 1) * (n + 1) + n) : NULL;
    return e;
}

static inline double finish(double x, size_t i, size_t j, const arc_epilogue *e) {
    x += e->bias ? (double)e->bias[j] : 0.0;
    x += e->residual ? (double)e->residual[i * e->residual_stride + j] : 0.0;
    switch (e->act) {
    case ARC_ACT_RELU:
        return x < 0 ? 0 : x;
    case ARC_ACT_PRELU:
        return x < 0 ? x * (double)e->slope[j] : x;
    case ARC_ACT_LEAKY:
        return x < 0 ? x * (double)e->alpha : x;
    case ARC_ACT_CLIP:
        return x < (double)e->lo ? (double)e->lo : x > (double)e->hi ? (double)e->hi : x;
    default:
        break;
    }
    return x;
}

#define LEVEL_TEST(name)                                                                                                         \
    static void test_##name(void **state) {                                                                                      \
        (void)state;                                                                                                             \
        on_every_level(name##_level);                                                                                            \
    }
#endif
