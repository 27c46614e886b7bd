/* plan: placing blocks in an arena by their lives. */
#include "plan/place.h"
#include "base/base.h"
#include <stdlib.h>

#define MAX_SHARED                                                                                                               \
    8192 /* finding the lowest offset is quadratic; schedules beyond any real net's give each block its own place */

static int larger_first(const void *a, const void *b) {
    const arc_block *x = *(const arc_block *const *)a, *y = *(const arc_block *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : 1;
}

/* The lowest offset that is free over b's life. */
static size_t lowest_offset(arc_block *const *placed, int count, const arc_block *b) {
    size_t offset = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < count; i++) {
            const arc_block *o = placed[i];
            const bool alive_together = o->first <= b->last && b->first <= o->last;
            if (alive_together && offset < o->offset + o->bytes && o->offset < offset + b->bytes) {
                offset = o->offset + o->bytes;
                moved = true;
            }
        }
    }
    return offset;
}

size_t arc_place_blocks(arc_block **block, int count) {
    size_t bytes = 0;
    qsort(block, (size_t)count, sizeof *block, larger_first);
    for (int i = 0; i < count; i++) {
        block[i]->offset = count <= MAX_SHARED ? lowest_offset(block, i, block[i]) : bytes;
        bytes = ARC_MAX(bytes, block[i]->offset + block[i]->bytes);
    }
    return bytes;
}
