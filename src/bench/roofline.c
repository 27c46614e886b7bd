/* bench: measures the peak rates of the machine, with which networks are compared: arithmetic from the first cache, reading
 * memory. */
#include "device/device.h"
#include "kernel/kernel.h"
#include <arcface/bench.h>
#include <string.h>

#define READ_FLOATS ((size_t)64 << 20) /* larger than any cache */
#define PEAK_LOOPS 200000
#define ROUNDS 12

typedef struct peak_job {
    const arc_kernels *k;
    const float *memory;
    const uint8_t *const *rows;
    const int8_t *weights;
    double work[256];
    float sink[256];
} peak_job;

static void fma_items(void *arg, size_t begin, size_t end, int thread) {
    peak_job *job = arg;
    (void)thread;
    for (size_t i = begin; i < end; i++)
        job->work[i] = job->k->fma_peak(PEAK_LOOPS, &job->sink[i]);
}

enum { BF16_PAIRS = 128, BF16_TIMES = 5000 };
enum { INT8_KC = 128, INT8_TIMES = 20000, INT8_MAX_NR = 64 };

static void int8_items(void *arg, size_t begin, size_t end, int thread) {
    peak_job *job = arg;
    const arc_kernels *k = job->k;
    int32_t c[ARC_IGEMM_MAX_MR * INT8_MAX_NR];
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        for (int t = 0; t < INT8_TIMES; t++)
            k->int8_igemm(k->int8_igemm_mr, k->int8_igemm_nr, INT8_KC, 1, job->rows, job->weights, c, k->int8_igemm_nr);
        job->sink[i] = (float)c[0];
        job->work[i] = 2.0 * INT8_KC * INT8_TIMES * (double)(k->int8_igemm_mr * k->int8_igemm_nr);
    }
}

/* The GEMM tile over pairs of bfloat16, with all data in L1. */
static void bf16_items(void *arg, size_t begin, size_t end, int thread) {
    peak_job *job = arg;
    const arc_kernels *k = job->k;
    const arc_epilogue plain = {.act = ARC_ACT_NONE};
    const float *rows[ARC_IGEMM_MAX_MR];
    float c[ARC_IGEMM_MAX_MR * ARC_IGEMM_MAX_NR];
    (void)thread;
    for (size_t i = 0; i < ARC_IGEMM_MAX_MR; i++)
        rows[i] = job->memory;
    for (size_t i = begin; i < end; i++) {
        for (int t = 0; t < BF16_TIMES; t++)
            k->igemm_bf16(k->igemm_mr, k->igemm_nr, BF16_PAIRS, 1, rows, job->memory, c, k->igemm_nr, &plain);
        job->sink[i] = c[0];
        job->work[i] = 4.0 * BF16_PAIRS * BF16_TIMES * (double)(k->igemm_mr * k->igemm_nr);
    }
}

static void read_items(void *arg, size_t begin, size_t end, int thread) {
    peak_job *job = arg;
    const size_t slice = READ_FLOATS / 256, half = slice / 2;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        job->sink[i] = job->k->dot(half, job->memory + i * slice, job->memory + i * slice + half);
        job->work[i] = (double)slice * sizeof(float);
    }
}

/* Work per nanosecond in the best of several rounds. */
static double best_rate(arc_pool *pool, peak_job *job, size_t items, size_t grain, arc_pool_fn *fn) {
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        const uint64_t start = arc_clock_ns();
        arc_pool_run(pool, items, grain, fn, job);
        const double ns = (double)(arc_clock_ns() - start);
        double work = 0;
        for (size_t i = 0; i < items; i++)
            work += job->work[i];
        best = ARC_MAX(best, work / ns);
    }
    return best;
}

arc_status arc_roofline_measure(arc_context *ctx, arc_roofline *out, arc_error *err) {
    static const uint8_t row[INT8_KC];
    static const int8_t weights[INT8_KC * INT8_MAX_NR];
    const uint8_t *rows[ARC_IGEMM_MAX_MR];
    memset(out, 0, sizeof *out);
    float *memory = arc_mem_new(&ctx->alloc, READ_FLOATS, sizeof *memory);
    if (!memory)
        return arc_fail_nomem(err, "measuring the memory");
    for (size_t i = 0; i < ARC_IGEMM_MAX_MR; i++)
        rows[i] = row;
    peak_job job = {.k = ctx->kernels, .memory = memory, .rows = rows, .weights = weights};
    const size_t threads = (size_t)arc_pool_threads(ctx->pool);
    out->fp32_gflops = best_rate(ctx->pool, &job, threads, 1, fma_items);
    if (ctx->kernels->bf16_fast)
        out->bf16_gflops = best_rate(ctx->pool, &job, threads, 1, bf16_items);
    out->int8_gops = best_rate(ctx->pool, &job, threads, 1, int8_items);
    out->read_gb_s = best_rate(ctx->pool, &job, 256, 1, read_items);
    arc_mem_free(&ctx->alloc, memory);
    return ARC_OK;
}
