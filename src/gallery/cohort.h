/* gallery: a cohort, and how the cosines of answers become scores by it. */
#ifndef ARC_GALLERY_COHORT_H
#define ARC_GALLERY_COHORT_H

#include "base/base.h"
#include <arcface/cohort.h>

#define ARC_COHORT_CANDIDATES 32 /* the fewest whose cosines are normalised, of those whom the cosine puts first */

struct arc_cohort {
    arc_context *ctx;
    float *unit; /* [count][dim] */
    int64_t count;
    int dim, nearest;
    char model_sha256[65]; /* "": nobody knows */
};

/* What is known of a gallery's identities beside a cohort: what it looked up once it need not look up again. */
typedef struct arc_normaliser arc_normaliser;
/* Both must outlive it. Free it also after a failure. */
arc_status arc_normaliser_new(arc_gallery *g, const arc_cohort *cohort, arc_normaliser **out, arc_error *err);
void arc_normaliser_free(arc_normaliser **normaliser);
/* Gives the matches of answers [count] to probes [count][dim], as arc_gallery_identify found them by cosines, scores, and decides
 * by these; at most `top` matches stay. member: probe i is the cohort's member + i, which is left out then; -1: they are others.
 * Errors: EIO (the gallery was moved to another model meanwhile), those of arc_gallery_templates, ENOMEM. */
arc_status arc_normaliser_apply(arc_normaliser *n, const float *probes, int count, int64_t member, const arc_search_rule *rule,
                                int top, arc_answer *answers, arc_error *err);
/* Errors: EINVAL unless the cohort is of the gallery's model, as far as that is known. */
arc_status arc_cohort_check(arc_gallery *g, const arc_cohort *cohort, arc_error *err);

#endif
