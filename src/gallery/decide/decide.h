/* gallery/decide: who a face is, once its cosines with everybody are known. Pure functions over arrays: no store, no index. */
#ifndef ARC_GALLERY_DECIDE_H
#define ARC_GALLERY_DECIDE_H

#include "base/base.h"
#include <arcface/decide.h>

/* An identity's score from its templates' cosines, [count], at least one. quality: [count], 0 to 1, NAN where unknown, which
 * counts as the mean of the known ones; NULL: all unknown. Where no quality is above 0 the plain mean is taken. */
double arc_fuse(arc_fusion how, const double *cosine, const double *quality, int64_t count);

/* Decides an answer whose matches have identity, template_id, cosine, best_cosine, negative_cosine (the highest with a face that
 * is known not to be this identity; NAN: none) and threshold (the identity's own; NAN: the rule's), in any order, and whose
 * `compared` is set: fills all other fields but the names, and puts the matches in order. Of equal scores the lower identity
 * comes first.
 *
 * A face is ruled out for an identity when it is at least as similar to one of its negatives as to its best template, and similar
 * enough to that negative to be taken for the same person. What is ruled out stands behind everybody else. The first who is not
 * ruled out decides: if that one is not accepted the face is unknown, whoever follows with a lower threshold of its own.
 *
 * The candidates must hold the best that is not ruled out, so a search asks for as many more as there are identities with a
 * negative that is similar enough. */
void arc_decide(const arc_verify_rule *model, const arc_search_rule *rule, arc_answer *answer);

/* ---- cohort.c: adaptive s-norm ---- */

/* How far and how widely the cohort's nearest lie. */
typedef struct arc_cohort_side {
    double mean, deviation;
} arc_cohort_side;

/* One of a cohort, and how similar it is. */
typedef struct arc_cohort_near {
    float cosine;
    int32_t member;
} arc_cohort_near;

/* The `most` highest of cosine[count], highest first, of equals the lower member; count >= most. */
void arc_cohort_nearest(const float *cosine, int64_t count, int most, arc_cohort_near *near);
/* Of the first `nearest` of near [nearest + 1] that are not the member `without` (-1: all may be). The deviation is that of the
 * population, and at least 1e-6, so that equal cosines give a finite score. */
arc_cohort_side arc_cohort_side_of(const arc_cohort_near *near, int nearest, int64_t without);
double arc_cohort_score(double cosine, arc_cohort_side probe, arc_cohort_side identity);
/* The lowest threshold that at most `fpir` of the scores [count] reach, which are sorted. *above: how many reach it. */
double arc_cohort_threshold(double *score, int64_t count, double fpir, int64_t *above);

/* Decides anew, by scores, an answer that arc_decide has decided by cosines and whose matches have scores now. */
void arc_decide_by_scores(const arc_search_rule *rule, arc_answer *answer);

#endif
