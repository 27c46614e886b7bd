/* base: the data of arc_context, which every room may read. device/ makes and frees contexts, because that needs the kernels. */
#ifndef ARC_BASE_CONTEXT_H
#define ARC_BASE_CONTEXT_H

#include "base/memory.h"
#include "base/threads.h"
#include <arcface/context.h>

void arc_log(const arc_context *ctx, arc_log_level level, const char *fmt, ...) ARC_PRINTF(3, 4);

/* The type of the table of kernels is opaque here. */
struct arc_context {
    arc_alloc alloc;
    arc_pool *pool;
    const struct arc_kernels *kernels;
    const char *isa;
    void (*log)(void *ctx, arc_log_level level, const char *text);
    void *log_ctx;
    bool low_memory;
    arc_precision precision;
    bool tune;
    char *cache_dir; /* NULL = from the environment */
};

#endif
