/* eval: the builder that all curves are made with. */
#ifndef ARC_EVAL_STATS_CURVE_H
#define ARC_EVAL_STATS_CURVE_H

#include "eval/eval_internal.h"

typedef struct arc_curve_builder {
    const arc_alloc *alloc;
    arc_curve *out;
    int capacity;
    int64_t put;                  /* distinct scores so far */
    int64_t accepted[2], step[2]; /* impostor, genuine pairs: in total, and at the last score */
    double sum[2], squares[2];
    double area, far, frr, last;
    double nearest[ARC_MAX_OPERATING];
    bool found[ARC_MAX_OPERATING];
    bool crossed;
} arc_curve_builder;

void arc_curve_begin(arc_curve_builder *b, const arc_alloc *a, int64_t genuine, int64_t impostor, const double *far_targets,
                     int targets, arc_curve *out);
/* Adds a distinct score; scores come in falling order. On failure the caller frees out->point. */
arc_status arc_curve_put(arc_curve_builder *b, double threshold, int64_t genuine, int64_t impostor, arc_error *err);
arc_status arc_curve_end(arc_curve_builder *b, arc_error *err);
/* Adds all scores of both kinds, each sorted in falling order, and finishes. */
arc_status arc_curve_put_sorted(arc_curve_builder *b, const double *genuine, int64_t genuines, const double *impostor,
                                int64_t impostors, arc_error *err);

/* A curve from the scores of both kinds, each sorted in falling order. */
arc_status arc_curve_of_sorted(const arc_alloc *a, const double *genuine, int64_t genuines, const double *impostor,
                               int64_t impostors, const double *far_targets, int targets, arc_curve *out, arc_error *err);
arc_status arc_curve_of_pairs(arc_context *ctx, const arc_scored_pairs *pairs, const double *far_targets, int targets,
                              arc_curve *out, arc_error *err);

#endif
