/* generate: verification of people by pairs of pictures some of which are generated. */
#ifndef ARC_GENERATE_METRICS_PAIRS_H
#define ARC_GENERATE_METRICS_PAIRS_H

#include "format/format.h"
#include "generate/metrics/generated.h"
#include <arcface/generate_eval.h>

/* The pairs of a list with the pictures that there are for their sides. */
typedef struct arc_mixed_pairs {
    arc_pair_list list;
    const char **path; /* [pictures] distinct files of the list */
    int pictures;
    int (*picture)[2]; /* [list.pairs] numbers of the real pictures, -1: not there */
    int (*face)[2];    /* [list.pairs] numbers of generated faces, -1: none */
} arc_mixed_pairs;

/* Of a listed picture the generated face is taken whose target is of that picture, else the first one of its person. Errors:
 * those of arc_pair_list_open; ENOTFOUND (none of the pictures is there); ENOMEM. */
arc_status arc_mixed_pairs_open(arc_context *ctx, const char *list, const char *images, const arc_generated *generated,
                                arc_mixed_pairs *out, arc_error *err);
void arc_mixed_pairs_close(arc_context *ctx, arc_mixed_pairs *pairs);

/* real: [pictures][dim], face: [generated faces][dim], both of unit length, by the model whose verdict it is. Errors: ENOMEM. */
arc_status arc_mixed_pairs_judge(arc_context *ctx, const arc_mixed_pairs *pairs, const float *real, const float *face, int dim,
                                 arc_generate_verdict *out, arc_error *err);

#endif
