/* eval: the curve and the worst pairs over all pairs of a set of embeddings, without storing their scores. sampled_pairs.c has
 * the case of a sample of the impostor pairs. */
#ifndef ARC_EVAL_PROTOCOL_ALL_PAIRS_H
#define ARC_EVAL_PROTOCOL_ALL_PAIRS_H

#include "eval/eval_internal.h"

#define ARC_WORST_MAX 100
typedef struct arc_index_pair {
    float score;
    int64_t a, b;
} arc_index_pair;
typedef struct arc_worst_list { /* the highest scores or, with `lowest`, the lowest, in order */
    bool lowest;
    int count, capacity;
    arc_index_pair pair[ARC_WORST_MAX];
} arc_worst_list;
void arc_worst_offer(arc_worst_list *list, float score, int64_t a, int64_t b);

typedef struct arc_pairs_of_rows {
    const float *row; /* [count][dim] unit vectors; rows of zeros are left out */
    const int *identity;
    int64_t count;
    int dim;
    int64_t impostors; /* how many, drawn with the seed (rows of one identity must then be adjacent); 0 or too many: all */
    uint64_t seed;
} arc_pairs_of_rows;
/* worst[0]: highest impostor scores, worst[1]: lowest genuine scores; the caller sets the capacities. worst may be NULL. */
arc_status arc_all_pairs(arc_context *ctx, const arc_pairs_of_rows *p, const double *far_targets, int targets,
                         arc_worst_list worst[2], arc_curve *out, arc_error *err);
/* A curve from counts on the grid; kind 0: impostor, 1: genuine. */
arc_status arc_curve_of_grid(const arc_alloc *a, const uint64_t *impostor, const uint64_t *genuine, const double *far_targets,
                             int targets, arc_curve *out, arc_error *err);
/* Unit-length copies of rows; rows of zeros stay zeros. EINVAL names a row that is not finite. */
arc_status arc_unit_rows(const float *embedding, int64_t count, int dim, float *unit, arc_error *err);

#endif
