/* eval: all genuine pairs and a sample of the impostor pairs. Impostor pairs are drawn by a pseudorandom permutation of all
 * pairs of rows. It needs no memory and never draws a pair twice. */
#include "eval/protocol/pair_counts.h"
#include "kernel/kernel.h"
#include "vector/similarity.h"

#define BATCH 65536 /* pairs that are drawn, then scored */
#define ROUNDS 4    /* Luby and Rackoff 1988: four make a Feistel network a strong permutation */

typedef struct drawn_pair {
    int64_t a, b;
} drawn_pair;

typedef struct drawing {
    const arc_pairs_of_rows *rows;
    arc_pair_counts *counts;
    const arc_kernels *kernels;
    uint64_t key[ROUNDS];
    int half_bits; /* bits of a row's number */
    uint64_t next; /* the next place in the permutation */
    drawn_pair *pair;
    size_t pairs;
} drawing;

int64_t arc_count_impostors(const arc_pairs_of_rows *p, const uint8_t *empty) {
    int64_t present = 0, genuine = 0, run = 0;
    for (int64_t i = 0; i < p->count; i++) {
        run = i && p->identity[i] == p->identity[i - 1] ? run : 0;
        if (empty[i])
            continue;
        genuine += run++;
        present++;
    }
    return present * (present - 1) / 2 - genuine;
}

/* The pair of rows at place x of the permutation. */
static drawn_pair pair_at(const drawing *d, uint64_t x) {
    const uint64_t mask = (UINT64_C(1) << d->half_bits) - 1;
    uint64_t left = x >> d->half_bits, right = x & mask;
    for (int r = 0; r < ROUNDS; r++) {
        const uint64_t next = left ^ (arc_rng_hash(d->key[r], right) & mask);
        left = right;
        right = next;
    }
    return (drawn_pair){(int64_t)left, (int64_t)right};
}

/* Draws up to `want` impostor pairs, continuing where the last call ended. */
static void draw(drawing *d, size_t want) {
    const arc_pairs_of_rows *p = d->rows;
    for (d->pairs = 0; d->pairs < want; d->next++) {
        const drawn_pair x = pair_at(d, d->next);
        if (x.a < x.b && x.b < p->count && p->identity[x.a] != p->identity[x.b] && !d->counts->empty[x.a] &&
            !d->counts->empty[x.b])
            d->pair[d->pairs++] = x;
    }
}

static void measure(void *arg, size_t begin, size_t end, int thread) {
    const drawing *d = arg;
    const size_t dim = (size_t)d->rows->dim;
    for (size_t i = begin; i < end; i++) {
        const drawn_pair x = d->pair[i];
        const float score = d->kernels->dot(dim, d->rows->row + (size_t)x.a * dim, d->rows->row + (size_t)x.b * dim);
        arc_pair_counts_add(d->counts, thread, false, score, x.a, x.b);
    }
}

/* By the same products as all_pairs.c uses, so that scores are equal to the last bit. */
static arc_status count_genuine(arc_context *ctx, const arc_pairs_of_rows *p, arc_pair_counts *counts, arc_error *err) {
    arc_status st = ARC_OK;
    for (int64_t i = 0, end; i < p->count && st == ARC_OK; i = end) {
        for (end = i + 1; end < p->count && p->identity[end] == p->identity[i];)
            end++;
        const float *row = p->row + (size_t)i * (size_t)p->dim;
        counts->first = i;
        const arc_similarity s = {.row = row,
                                  .column = row,
                                  .rows = end - i,
                                  .columns = end - i,
                                  .dim = p->dim,
                                  .upper = true,
                                  .visit = arc_pair_counts_visit,
                                  .arg = counts};
        if (end - i > 1)
            st = arc_similarity_run(ctx, &s, err);
    }
    counts->first = 0;
    return st;
}

arc_status arc_count_sampled(arc_context *ctx, const arc_pairs_of_rows *p, arc_pair_counts *counts, arc_error *err) {
    drawing d = {.rows = p, .counts = counts, .kernels = ctx->kernels};
    for (int r = 0; r < ROUNDS; r++)
        d.key[r] = arc_rng_hash(p->seed, (uint64_t)r);
    while (INT64_C(1) << d.half_bits < p->count)
        d.half_bits++;
    d.pair = arc_mem_raw(&ctx->alloc, BATCH, sizeof *d.pair);
    if (!d.pair)
        return arc_fail_nomem(err, "the drawn pairs");
    for (int64_t left = p->impostors; left > 0; left -= (int64_t)d.pairs) {
        draw(&d, (size_t)ARC_MIN(left, (int64_t)BATCH));
        arc_pool_run(ctx->pool, d.pairs, 256, measure, &d);
    }
    arc_mem_free(&ctx->alloc, d.pair);
    return count_genuine(ctx, p, counts, err);
}
