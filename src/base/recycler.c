/* base: an allocator that reuses its last large blocks: photos are decoded one after another into the same pages, which the
 * system would otherwise clear and map again for each. For one thread at a time. */
#include "base/base.h"

#define LARGE_BYTES ((size_t)256 << 10) /* smaller blocks are cheap to allocate again */

static void *get(void *ctx, size_t align, size_t bytes) {
    arc_recycler *r = ctx;
    arc_recycled *idle = NULL;
    if (bytes < LARGE_BYTES)
        return r->inner->get(r->inner->ctx, align, bytes);
    for (size_t i = 0; i < ARC_COUNT(r->block); i++) {
        arc_recycled *b = &r->block[i];
        if (!b->used && b->data && b->bytes >= bytes && b->align >= align) {
            b->used = true;
            return b->data;
        }
        if (!b->used && (!idle || b->bytes < idle->bytes))
            idle = b;
    }
    if (!idle)
        return r->inner->get(r->inner->ctx, align, bytes);
    arc_mem_free(r->inner, idle->data);
    *idle = (arc_recycled){.data = r->inner->get(r->inner->ctx, align, bytes), .bytes = bytes, .align = align, .used = true};
    void *data = idle->data;
    if (!data)
        *idle = (arc_recycled){0};
    return data;
}

static void put(void *ctx, void *p) {
    arc_recycler *r = ctx;
    for (size_t i = 0; i < ARC_COUNT(r->block); i++)
        if (r->block[i].data == p) {
            r->block[i].used = false;
            return;
        }
    r->inner->put(r->inner->ctx, p);
}

void arc_recycler_init(arc_recycler *r, const arc_alloc *inner) {
    *r = (arc_recycler){.inner = inner, .alloc = {get, put, r}};
}

void arc_recycler_free(arc_recycler *r) {
    for (size_t i = 0; r->inner && i < ARC_COUNT(r->block); i++) {
        arc_mem_free(r->inner, r->block[i].data);
        r->block[i] = (arc_recycled){0};
    }
}
