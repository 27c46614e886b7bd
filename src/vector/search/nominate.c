/* vector/search: the scan of sketches. */
#include "vector/search/nominate.h"
#include "vector/search/checksum.h"
#include "vector/search/filter.h"
#include <stdatomic.h>
#include <stdlib.h>

#define GRAIN 16 /* segments that a thread takes at once: 256 KiB of sketches of 512 bits */

static int best_first(const void *a, const void *b) {
    const arc_nominee *x = a, *y = b;
    if (x->sum != y->sum)
        return x->sum > y->sum ? -1 : 1;
    return x->slot < y->slot ? -1 : x->slot > y->slot;
}

static int by_place(const void *a, const void *b) {
    const arc_nominee *x = a, *y = b;
    return x->slot < y->slot ? -1 : x->slot > y->slot;
}

static void keep_best(arc_nominees *n) {
    if (n->count > 1)
        qsort(n->list, n->count, sizeof *n->list, best_first);
    n->count = ARC_MIN(n->count, n->wanted);
    if (n->count == n->wanted)
        n->limit = (float)n->list[n->wanted - 1].sum; /* exact: a sum is at most 4096 * 15 */
}

static void add(arc_nominees *n, arc_nominee one) {
    if ((float)one.sum < n->limit)
        return;
    n->list[n->count++] = one;
    if (n->count == 2 * n->wanted)
        keep_best(n);
}

void arc_nominees_merge(arc_nominees *best, const arc_nominees *other) {
    for (size_t i = 0; i < other->count; i++)
        add(best, other->list[i]);
}

void arc_nominees_finish(arc_nominees *best) {
    keep_best(best);
    if (best->count > 1)
        qsort(best->list, best->count, sizeof *best->list, by_place);
}

/* bounded_reach with scales of 1 and no bounds compares whole numbers; the templates' own scales are not read for that. */
static void nominate_segment(const arc_nomination *n, const arc_segment *g, size_t segment, const float *ones,
                             arc_nominees *best) {
    const size_t words = n->slots->layout.words, rows = arc_slots_in(n->slots, segment);
    const arc_bounded_columns c = {ones, ones, ones, g->bias, NULL};
    int32_t sums[ARC_SEGMENT_SLOTS];
    uint32_t reach[ARC_SEGMENT_SLOTS];
    for (int j = 0; j < n->probes; j++) {
        const arc_bounded_row x = {1, 0, 0, 0, best[j].limit};
        n->kernels->bit_dots(rows, words, g->sketch, n->planes + (size_t)j * 4 * words, sums);
        const size_t count = n->kernels->bounded_reach(rows, sums, &x, &c, reach);
        for (size_t i = 0; i < count; i++) {
            const uint32_t slot = (uint32_t)(segment * ARC_SEGMENT_SLOTS) + reach[i];
            if (n->slots->id[slot] != 0 && arc_filter_has(n->allowed, slot))
                add(&best[j], (arc_nominee){sums[reach[i]] - g->bias[reach[i]], slot});
        }
    }
}

static void nominate_segments(void *arg, size_t begin, size_t end, int thread) {
    arc_nomination *n = arg;
    float ones[ARC_SEGMENT_SLOTS];
    for (size_t i = 0; i < ARC_SEGMENT_SLOTS; i++)
        ones[i] = 1;
    for (size_t i = begin; i < end; i++) {
        const arc_segment g = arc_slots_segment(n->slots, i);
        if (!arc_filter_any(n->allowed, i))
            continue;
        if (!arc_checksum_ready(n->kernels, n->slots, i)) {
            atomic_store(&n->damaged, true);
            return;
        }
        nominate_segment(n, &g, i, ones, n->best + (size_t)thread * (size_t)n->probes);
    }
}

void arc_nominate(const arc_context *ctx, arc_nomination *n) {
    arc_pool_run(ctx->pool, arc_slots_segments(n->slots), GRAIN, nominate_segments, n);
}
