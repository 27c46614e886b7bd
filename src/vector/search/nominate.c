/* vector/search: the scan of sketches. */
#include "vector/search/nominate.h"
#include "vector/search/checksum.h"
#include "vector/search/filter.h"
#include <stdatomic.h>

#define GRAIN 16 /* segments that a thread takes at once: 256 KiB of sketches of 512 bits */

/* The nth greatest of `count` numbers that all differ, n from 1: by 8 bits at a time, from the first bit in which they differ, so
 * that the time does not depend on their order, which is not ours. */
static uint64_t nth_greatest(const uint64_t *list, size_t count, size_t n) {
    uint64_t differ = 0;
    for (size_t i = 1; i < count; i++)
        differ |= list[i] ^ list[0];
    int shift = 0; /* of the bits that are not known yet */
    while (differ >> shift != 0)
        shift++;
    uint64_t known = list[0] >> shift;
    while (shift > 0) {
        const int bits = ARC_MIN(shift, 8);
        uint32_t with[256] = {0};
        size_t digit = ((size_t)1 << bits) - 1;
        shift -= bits;
        for (size_t i = 0; i < count; i++)
            if (list[i] >> shift >> bits == known)
                with[list[i] >> shift & digit]++;
        for (; n > with[digit]; digit--)
            n -= with[digit];
        known = known << bits | digit;
    }
    return known;
}

static void keep_best(arc_nominees *n) {
    if (n->count < n->wanted)
        return;
    const uint64_t least = nth_greatest(n->list, n->count, n->wanted);
    size_t kept = 0;
    for (size_t i = 0; i < n->count; i++) {
        n->list[kept] = n->list[i];
        kept += n->list[i] >= least;
    }
    n->asked = n->count = kept;
    n->limit = (float)arc_nominee_sum(least); /* exact: a sum is at most 4096 * 15 */
}

/* Of the places that were added since it was last asked, those that are empty or take no part are taken out. Asked together: each
 * answer is somewhere else in memory, and many can be waited for at once. */
static void drop_absent(const arc_nomination *a, arc_nominees *n) {
    size_t kept = n->asked;
    for (size_t i = n->asked; i < n->count; i++) {
        const uint32_t slot = arc_nominee_slot(n->list[i]);
        n->list[kept] = n->list[i];
        kept += a->slots->id[slot] != 0 && arc_filter_has(a->allowed, slot);
    }
    n->asked = n->count = kept;
}

void arc_nominees_merge(arc_nominees *best, const arc_nominees *other) {
    for (size_t i = 0; i < other->count; i++) {
        best->list[best->count++] = other->list[i];
        if (best->count == 2 * best->wanted)
            keep_best(best);
    }
}

void arc_nominees_finish(arc_nominees *best) {
    keep_best(best);
}

/* bounded_reach with scales of 1 and no bounds compares whole numbers; the templates' own scales are not read for that. */
static void nominate_segment(const arc_nomination *n, const arc_segment *g, size_t segment, const float *ones,
                             arc_nominees *best) {
    const size_t words = n->slots->layout.words, rows = arc_slots_in(n->slots, segment);
    const arc_bounded_columns c = {ones, ones, ones, g->bias, NULL};
    int32_t sums[ARC_SEGMENT_SLOTS];
    uint32_t reach[ARC_SEGMENT_SLOTS];
    for (int j = 0; j < n->probes; j++) {
        const arc_bounded_row x = {1, 0, 0, 0, best[j].limit, NULL};
        n->kernels->bit_dots(rows, words, g->sketch, n->planes + (size_t)j * 4 * words, sums);
        const size_t count = n->kernels->bounded_reach(rows, sums, &x, &c, reach);
        for (size_t i = 0; i < count; i++) {
            const int32_t sum = sums[reach[i]] - g->bias[reach[i]];
            if ((float)sum < best[j].limit)
                continue;
            best[j].list[best[j].count++] = arc_nominee_of(sum, (uint32_t)(segment * ARC_SEGMENT_SLOTS) + reach[i]);
            if (best[j].count == 2 * best[j].wanted) {
                drop_absent(n, &best[j]);
                keep_best(&best[j]);
            }
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
    for (int i = 0; i < arc_pool_threads(ctx->pool) * n->probes; i++)
        drop_absent(n, &n->best[i]);
}
