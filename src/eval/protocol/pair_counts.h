/* eval: counts of the scores of pairs on a grid, and the worst pairs; each thread has its own. Used by all_pairs.c and
 * sampled_pairs.c. */
#ifndef ARC_EVAL_PROTOCOL_PAIR_COUNTS_H
#define ARC_EVAL_PROTOCOL_PAIR_COUNTS_H

#include "eval/protocol/all_pairs.h"

typedef struct arc_thread_counts {
    uint64_t *grid[2]; /* impostor, genuine */
    arc_worst_list worst[2];
} arc_thread_counts;

typedef struct arc_pair_counts {
    const int *identity;
    uint8_t *empty; /* which rows are zeros */
    int64_t first;  /* the row that a visit counts as 0 */
    arc_thread_counts *thread;
} arc_pair_counts;

void arc_pair_counts_add(arc_pair_counts *c, int thread, bool genuine, float score, int64_t a, int64_t b);
/* An arc_similarity_visit: counts all pairs of a tile whose column is behind the row. */
void arc_pair_counts_visit(void *arg, int thread, int64_t row, int rows, int64_t column, int columns, const float *score,
                           size_t stride);

/* sampled_pairs.c: the number of impostor pairs. Rows of one identity are adjacent. */
int64_t arc_count_impostors(const arc_pairs_of_rows *p, const uint8_t *empty);
/* Counts all genuine pairs and a sample of p->impostors of the impostor pairs, of which there must be more. */
arc_status arc_count_sampled(arc_context *ctx, const arc_pairs_of_rows *p, arc_pair_counts *counts, arc_error *err);

#endif
