/* GFLOP/s of each convolution shape of r100 at 112x112, through the operator as
 * the engine runs it, beside the FMA peak of this machine measured in the same
 * process. bench_conv [threads] [batch] [isa]; one JSON line a shape and one
 * for the whole net. */
#include "op/op.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

typedef struct shape {
    const char *name;
    int64_t c_in, c_out, side, kernel, stride;
    int times; /* in r100 */
} shape;

static const shape shapes[] = {
    {"stem 3x3 3-64", 3, 64, 112, 3, 1, 1},       {"3x3 64-64 @112", 64, 64, 112, 3, 1, 1},
    {"3x3/2 64-64 @112", 64, 64, 112, 3, 2, 1},   {"3x3 64-64 @56", 64, 64, 56, 3, 1, 4},
    {"3x3 64-128 @56", 64, 128, 56, 3, 1, 1},     {"3x3/2 128-128 @56", 128, 128, 56, 3, 2, 1},
    {"3x3 128-128 @28", 128, 128, 28, 3, 1, 24},  {"3x3 128-256 @28", 128, 256, 28, 3, 1, 1},
    {"3x3/2 256-256 @28", 256, 256, 28, 3, 2, 1}, {"3x3 256-256 @14", 256, 256, 14, 3, 1, 58},
    {"3x3 256-512 @14", 256, 512, 14, 3, 1, 1},   {"3x3/2 512-512 @14", 512, 512, 14, 3, 2, 1},
    {"3x3 512-512 @7", 512, 512, 7, 3, 1, 4},     {"1x1/2 64-64 @112", 64, 64, 112, 1, 2, 1},
    {"1x1/2 64-128 @56", 64, 128, 56, 1, 2, 1},   {"1x1/2 128-256 @28", 128, 256, 28, 1, 2, 1},
    {"1x1/2 256-512 @14", 256, 512, 14, 1, 2, 1},
};

/* ---- the peak
 * -----------------------------------------------------------------------------------------------------------------
 */

enum { PEAK_LOOPS = 1000000, PEAK_CHAINS = 12 };
static volatile float sink;

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static double peak_avx512(void) {
    __m512 s[PEAK_CHAINS];
    const __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(1e-3f);
    for (int i = 0; i < PEAK_CHAINS; i++)
        s[i] = _mm512_set1_ps((float)i);
    for (int loop = 0; loop < PEAK_LOOPS; loop++)
#pragma GCC unroll 12
        for (int i = 0; i < PEAK_CHAINS; i++)
            s[i] = _mm512_fmadd_ps(s[i], a, b);
    for (int i = 1; i < PEAK_CHAINS; i++)
        s[0] = _mm512_add_ps(s[0], s[i]);
    sink = _mm512_reduce_add_ps(s[0]);
    return 2.0 * 16 * PEAK_CHAINS * PEAK_LOOPS;
}

__attribute__((target("avx2,fma"))) static double peak_avx2(void) {
    __m256 s[PEAK_CHAINS];
    const __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(1e-3f);
    for (int i = 0; i < PEAK_CHAINS; i++)
        s[i] = _mm256_set1_ps((float)i);
    for (int loop = 0; loop < PEAK_LOOPS; loop++)
#pragma GCC unroll 12
        for (int i = 0; i < PEAK_CHAINS; i++)
            s[i] = _mm256_fmadd_ps(s[i], a, b);
    for (int i = 1; i < PEAK_CHAINS; i++)
        s[0] = _mm256_add_ps(s[0], s[i]);
    sink = _mm256_cvtss_f32(s[0]);
    return 2.0 * 8 * PEAK_CHAINS * PEAK_LOOPS;
}
#endif

/* Elsewhere: the tile itself with everything in L1. */
static double peak_tile(const arc_kernels *k) {
    enum { KC = 64, TIMES = 20000 };
    static const float row[KC];
    static float b[KC * 32];
    float c[ARC_IGEMM_MAX_MR * 32];
    const float *list[ARC_IGEMM_MAX_MR];
    const arc_epilogue e = {0};
    for (int i = 0; i < ARC_IGEMM_MAX_MR; i++)
        list[i] = row;
    for (int i = 0; i < TIMES; i++)
        k->igemm(k->igemm_mr, k->igemm_nr, KC, 1, list, b, c, k->igemm_nr, &e);
    sink = c[0];
    return 2.0 * KC * TIMES * (double)(k->igemm_mr * k->igemm_nr);
}

typedef struct peak_job {
    const arc_kernels *k;
    double flops[64];
} peak_job;

static void peak_items(void *arg, size_t begin, size_t end, int thread) {
    peak_job *job = arg;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
#if defined(__x86_64__)
        if (job->k->isa == ARC_ISA_AVX512)
            job->flops[i] = peak_avx512();
        else if (job->k->isa == ARC_ISA_AVX2)
            job->flops[i] = peak_avx2();
        else
#endif
            job->flops[i] = peak_tile(job->k);
    }
}

static double peak_gflops(const arc_kernels *k, arc_pool *pool) {
    peak_job job = {.k = k};
    const size_t threads = (size_t)arc_pool_threads(pool);
    double best = 0;
    for (int round = 0; round < 60; round++) {
        const uint64_t start = arc_clock_ns();
        arc_pool_run(pool, threads, 1, peak_items, &job);
        const double ns = (double)(arc_clock_ns() - start);
        double flops = 0;
        for (size_t i = 0; i < threads; i++)
            flops += job.flops[i];
        best = flops / ns > best ? flops / ns : best;
    }
    return best;
}

/* ---- one layer
 * ----------------------------------------------------------------------------------------------------------------
 */

static float *filled(size_t n) {
    float *p = arc_mem_raw(&arc_alloc_libc, n, sizeof *p);
    for (size_t i = 0; p && i < n; i++)
        p[i] = (float)(i * 2654435761u % 1000u) * 1e-3f - 0.5f;
    return p;
}

/* Best of several runs, in seconds; negative on failure. */
static double time_layer(const shape *l, int64_t batch, const arc_kernels *k, arc_pool *pool, const char **algorithm) {
    const arc_op *op = &arc_ops_conv[0];
    const int64_t strides[] = {l->stride, l->stride}, pads[] = {l->kernel / 2, l->kernel / 2, l->kernel / 2, l->kernel / 2};
    arc_attr attr[] = {{.name = "strides", .kind = ARC_ATTR_INTS, .count = 2, .ints = strides},
                       {.name = "pads", .kind = ARC_ATTR_INTS, .count = 4, .ints = pads},
                       {.name = "arc.act", .kind = ARC_ATTR_STRING, .s = "prelu", .count = 5}};
    const arc_node node = {.op = "Conv", .name = l->name, .inputs = 4, .outputs = 1, .attr = attr, .attrs = 3};
    arc_step *s = arc_mem_new(&arc_alloc_libc, 1, sizeof *s);
    arc_arena arena;
    arc_arena_init(&arena, &arc_alloc_libc, 0);
    *s = (arc_step){.op = op, .node = &node, .opset = 11, .inputs = 4, .outputs = 1, .kernels = k, .pool = pool};
    s->in[0] = (arc_tensor){.dtype = ARC_F32, .layout = ARC_NHWC, .shape = {4, {batch, l->c_in, l->side, l->side}}};
    s->in[1] = (arc_tensor){.dtype = ARC_F32, .shape = {4, {l->c_out, l->c_in, l->kernel, l->kernel}}, .is_const = true};
    s->in[2] = s->in[3] = (arc_tensor){.dtype = ARC_F32, .shape = {1, {l->c_out}}, .is_const = true};
    arc_infer infer = {.node = &node, .opset = 11, .inputs = 4, .outputs = 1};
    for (int i = 0; i < 4; i++) {
        s->in[i].data = filled((size_t)arc_shape_count(&s->in[i].shape));
        infer.in[i] = &s->in[i];
    }
    infer.out[0] = &s->out[0];
    arc_prepare prepare = {.step = s, .arena = &arena};
    double best = -1;
    if (op->infer(&infer) == ARC_OK && op->prepare(&prepare) == ARC_OK) {
        *algorithm = s->algorithm;
        s->out[0].data = filled((size_t)arc_shape_count(&s->out[0].shape));
        s->scratch_stride = (s->scratch_bytes + ARC_ALIGN - 1) / ARC_ALIGN * ARC_ALIGN;
        s->scratch = arc_mem_raw(&arc_alloc_libc, (size_t)arc_pool_threads(pool), s->scratch_stride);
        s->shared_scratch = arc_mem_raw(&arc_alloc_libc, s->shared_scratch_bytes + 1, 1);
        for (int round = 0; round < 30; round++) {
            const uint64_t start = arc_clock_ns();
            op->run(s);
            const double seconds = (double)(arc_clock_ns() - start) * 1e-9;
            best = best < 0 || seconds < best ? seconds : best;
        }
    }
    for (int i = 0; i < 4; i++)
        arc_mem_free(&arc_alloc_libc, s->in[i].data);
    arc_mem_free(&arc_alloc_libc, s->out[0].data);
    arc_mem_free(&arc_alloc_libc, s->scratch);
    arc_mem_free(&arc_alloc_libc, s->shared_scratch);
    arc_mem_free(&arc_alloc_libc, s);
    arc_arena_free(&arena);
    return best;
}

int main(int argc, char **argv) {
    const int threads = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 2;
    const int64_t batch = argc > 2 ? strtol(argv[2], NULL, 10) : 1;
    const arc_kernels *k = arc_kernels_get(argc > 3 ? argv[3] : NULL);
    arc_pool *pool;
    if (threads < 1 || threads > 64 || batch < 1 || !k || arc_pool_new(&pool, &arc_alloc_libc, threads, NULL) != ARC_OK) {
        fputs("usage: bench_conv [threads 1..64] [batch] "
              "[generic|avx2|avx512|neon]\n",
              stderr);
        return 1;
    }
    const double peak = peak_gflops(k, pool);
    double all_seconds = 0, all_flops = 0;
    for (size_t i = 0; i < ARC_COUNT(shapes); i++) {
        const shape *l = &shapes[i];
        const int64_t out = (l->side + l->stride - 1) / l->stride;
        const double flops = 2.0 * (double)(batch * out * out * l->c_out * l->c_in * l->kernel * l->kernel);
        const char *algorithm = "";
        const double seconds = time_layer(l, batch, k, pool, &algorithm);
        if (seconds < 0)
            return 1;
        printf("{\"bench\":\"conv\",\"isa\":\"%s\",\"threads\":%d,\"batch\":%d,"
               "\"layer\":\"%s\",\"algorithm\":\"%s\",\"ms\":%.4f,\"gflops\":%.1f,"
               "\"percent_of_peak\":%.1f}\n",
               k->name, threads, (int)batch, l->name, algorithm, seconds * 1e3, flops / seconds * 1e-9,
               flops / seconds * 1e-7 / peak);
        all_seconds += seconds * l->times;
        all_flops += flops * l->times;
    }
    printf("{\"bench\":\"conv\",\"isa\":\"%s\",\"threads\":%d,\"batch\":%d,"
           "\"layer\":\"all of r100\",\"ms\":%.3f,\"gflops\":%.1f,"
           "\"percent_of_peak\":%.1f,\"fma_peak_gflops\":%.1f}\n",
           k->name, threads, (int)batch, all_seconds * 1e3, all_flops / all_seconds * 1e-9, all_flops / all_seconds * 1e-7 / peak,
           peak);
    arc_pool_free(&pool);
    return 0;
}
