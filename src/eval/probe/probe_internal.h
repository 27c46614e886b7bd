/* eval: what the files of a probe share. crops.c gathers faces, contracts.c lists what is tried, separate.c measures, probe.c
 * runs and decides, describe.c tells. */
#ifndef ARC_EVAL_PROBE_PROBE_INTERNAL_H
#define ARC_EVAL_PROBE_PROBE_INTERNAL_H

#include "eval/eval_internal.h"
#include "model/model.h"
#include <arcface/probe.h>

/* Aligned faces of people, in the order of the people. */
typedef struct arc_probe_faces {
    arc_result *result; /* [capacity] own the crops */
    int capacity;
    arc_image *crop;       /* [count] the model's template */
    float (*points)[5][2]; /* [count] in pixels of the crop */
    int *person;           /* [count] */
    int count, people;
} arc_probe_faces;

/* Fills out->drawn, people, images, skipped, first_problem. Freed after a failure too. */
arc_status arc_probe_faces_gather(arc_context *ctx, const arc_model *model, const arc_probe_options *opt, arc_probe_faces *f,
                                  arc_probe *out, arc_error *err);
void arc_probe_faces_free(arc_context *ctx, arc_probe_faces *f);

/* What is tried, without and with the mirrored face; the model's own is marked and is always among them. Trial 2i and 2i + 1 are
 * one contract. */
void arc_probe_list(const arc_model *model, arc_probe *out);

/* The cosines of one trial, by the two people of a pair. */
typedef struct arc_probe_sums {
    double *sum, *squares; /* [people][people] */
} arc_probe_sums;

/* Fills dprime, auc, genuine and impostor of the trial, and its sums. row: unit rows [f->count][dim]. pairs: [people][people]
 * numbers of pairs. */
arc_status arc_probe_measure(arc_context *ctx, const arc_probe_faces *f, const float *row, int dim, arc_probe_trial *t,
                             const arc_probe_sums *sums, int64_t *pairs, arc_error *err);
/* d' of the sums when person i is drawn times[i] times; NULL: once each. false: there are no pairs of one kind. */
bool arc_probe_dprime(const arc_probe_sums *s, const int64_t *pairs, int people, const int *times, double *out);

#endif
