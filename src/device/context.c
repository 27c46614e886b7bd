/* device: opening a context: allocator, kernel table and thread pool. It stands here because it joins kernel to base. */
#include "base/base.h"
#include "kernel/kernel.h"
#include <stdlib.h>
#include <unistd.h>

#define MAX_THREADS 256

void arc_settings_default(arc_settings *settings) {
    *settings = (arc_settings){.struct_size = sizeof *settings};
}

static int default_threads(void) {
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online < 1 ? 1 : online > MAX_THREADS ? MAX_THREADS : (int)online;
}

arc_status arc_context_open(arc_context **out, const arc_settings *settings, arc_error *err) {
    *out = NULL;
    arc_settings s;
    arc_settings_default(&s);
    if (ARC_CHECK_OPTIONS(arc_settings, settings, err) != ARC_OK)
        return ARC_EINVAL;
    if (settings)
        s = *settings;
    if (s.threads < 0 || s.threads > MAX_THREADS)
        return arc_fail(err, ARC_EINVAL, "%d threads: give 1 to %d, or 0 for one per core", s.threads, MAX_THREADS);
    if (s.precision != ARC_PRECISION_FP32 && s.precision != ARC_PRECISION_BF16 && s.precision != ARC_PRECISION_FP16)
        return arc_fail(err, ARC_EINVAL, "unknown precision %d", (int)s.precision);
    if (!s.alloc.get != !s.alloc.put)
        return arc_fail(err, ARC_EINVAL, "an allocator needs both get and put");
    const char *isa = s.isa ? s.isa : getenv("ARCFACE_ISA");
    const arc_kernels *kernels = arc_kernels_get(isa);
    if (!kernels)
        return arc_fail(err, ARC_EINVAL, "unknown instruction set '%.40s': use generic, avx2, avx512 or neon", isa);
    const arc_alloc alloc = s.alloc.get ? s.alloc : arc_alloc_libc;
    arc_context *ctx = arc_mem_new(&alloc, 1, sizeof *ctx);
    if (!ctx)
        return arc_fail_nomem(err, "a context");
    *ctx = (arc_context){.alloc = alloc,
                         .kernels = kernels,
                         .isa = kernels->name,
                         .log = s.log,
                         .log_ctx = s.log_ctx,
                         .low_memory = s.low_memory,
                         .precision = s.precision,
                         .tune = s.tune};
    arc_status st = ARC_OK;
    if (s.cache_dir && !(ctx->cache_dir = arc_mem_strdup(&alloc, s.cache_dir)))
        st = arc_fail_nomem(err, "a context");
    if (st == ARC_OK)
        st = arc_pool_new(&ctx->pool, &ctx->alloc, s.threads ? s.threads : default_threads(), err);
    if (st != ARC_OK) {
        arc_mem_free(&alloc, ctx->cache_dir);
        arc_mem_free(&alloc, ctx);
        return st;
    }
    *out = ctx;
    return ARC_OK;
}

void arc_context_close(arc_context **ctx) {
    if (!ctx || !*ctx)
        return;
    const arc_alloc alloc = (*ctx)->alloc;
    arc_pool_free(&(*ctx)->pool);
    arc_mem_free(&alloc, (*ctx)->cache_dir);
    arc_mem_free(&alloc, *ctx);
    *ctx = NULL;
}

const char *arc_context_isa(const arc_context *ctx) {
    return ctx->isa;
}

arc_precision arc_context_precision(const arc_context *ctx) {
    const arc_kernels *k = ctx->kernels;
    const bool fast = ctx->precision == ARC_PRECISION_BF16 ? k->bf16_fast : ctx->precision == ARC_PRECISION_FP16 && k->f16_fast;
    return fast ? ctx->precision : ARC_PRECISION_FP32;
}

const char *arc_precision_name(arc_precision precision) {
    static const char *const names[] = {
        [ARC_PRECISION_FP32] = "fp32", [ARC_PRECISION_BF16] = "bf16", [ARC_PRECISION_FP16] = "fp16"};
    return (unsigned)precision < ARC_COUNT(names) ? names[precision] : "?";
}

int arc_context_threads(const arc_context *ctx) {
    return arc_pool_threads(ctx->pool);
}
