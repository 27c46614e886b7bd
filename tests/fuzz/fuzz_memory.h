/* An allocator with a budget: a target that asks for more gets NULL, as on a full machine, instead of using up the fuzzer's
 * memory. */
#ifndef ARC_FUZZ_MEMORY_H
#define ARC_FUZZ_MEMORY_H

#include "base/base.h"
#include <stdlib.h>

#define FUZZ_BUDGET ((size_t)256 << 20)

static size_t fuzz_used;

/* The size lies in front of the block, one alignment unit before it. */
static void *fuzz_get(void *ctx, size_t align, size_t bytes) {
    (void)ctx;
    const size_t unit = align < ARC_ALIGN ? ARC_ALIGN : align;
    void *block = NULL;
    if (bytes > FUZZ_BUDGET || fuzz_used + bytes > FUZZ_BUDGET || posix_memalign(&block, unit, bytes + unit) != 0)
        return NULL;
    *(size_t *)block = bytes;
    fuzz_used += bytes;
    return (uint8_t *)block + unit;
}

/* Blocks are asked for at no more than ARC_ALIGN everywhere. */
static void fuzz_put(void *ctx, void *p) {
    (void)ctx;
    if (!p)
        return;
    void *block = (uint8_t *)p - ARC_ALIGN;
    fuzz_used -= *(size_t *)block;
    free(block);
}

static const arc_alloc fuzz_alloc = {.get = fuzz_get, .put = fuzz_put};

#endif
