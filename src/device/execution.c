/* device: making an execution of a context, and its device's memory as an allocator. */
#include "device/device.h"

arc_execution arc_execution_of(const arc_context *ctx) {
    return (arc_execution){.ctx = ctx,
                           .device = &arc_device_cpu,
                           .alloc = &ctx->alloc,
                           .kernels = ctx->kernels,
                           .pool = ctx->pool,
                           .precision = ctx->precision,
                           .low_memory = ctx->low_memory,
                           .tune = ctx->tune};
}

static void *memory_get(void *ctx, size_t align, size_t bytes) {
    const arc_execution *x = ctx;
    (void)align; /* every block starts on ARC_ALIGN, and nobody asks for more */
    return x->device->alloc(x, bytes);
}

static void memory_put(void *ctx, void *block) {
    const arc_execution *x = ctx;
    x->device->free(x, block);
}

arc_alloc arc_execution_memory(const arc_execution *x) {
    return (arc_alloc){.get = memory_get, .put = memory_put, .ctx = (void *)(uintptr_t)x};
}
