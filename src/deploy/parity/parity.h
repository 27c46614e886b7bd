/* deploy/parity: other arithmetic beside float32's. What a device gave: candidate.c reads arrays, recording.c messages, compare.c
 * holds them against a reference (deploy/reference.h). What a device would give: rounded.c writes the network with its numbers,
 * watch.c sees what lies between layers, simulate.c runs both. judge.c: cosines, verdict; describe.c: text and JSON. */
#ifndef ARC_DEPLOY_PARITY_H
#define ARC_DEPLOY_PARITY_H

#include "deploy/deploy.h"
#include "quantize/quantize.h"
#include <arcface/parity.h>

/* ---- judge.c ---- */

/* Cosines of rows a and b, [rows][dim]; a row of b that is not finite or zero counts as -1. Errors: ENOMEM. */
arc_status arc_parity_cosines_of(arc_context *ctx, const float *a, const float *b, int rows, int dim, arc_parity_cosines *out,
                                 arc_error *err);
/* The gate's verdict on cosines and pairs that are there. gate NULL: the default bounds. */
void arc_parity_judge(arc_parity *p, const arc_quantize_gate *gate);

/* ---- candidate.c, recording.c ---- */

/* Embeddings as a device gave them, in float32. name: [rows] pictures that they are of; NULL where none is named. */
typedef struct arc_candidate {
    arc_arena arena;
    int rows, dim;
    float *row; /* [rows][dim] */
    const char **name;
} arc_candidate;
/* Reads either form by the first byte of the file. Closed after failures too. */
arc_status arc_candidate_open(arc_candidate *c, const arc_alloc *a, const char *path, const arc_parity_options *opt,
                              arc_error *err);
void arc_candidate_close(arc_candidate *c);
/* A recording's bytes; for fuzzing as well. c->arena is open. */
arc_status arc_recording_parse(arc_candidate *c, const void *bytes, size_t count, const char *path, const arc_parity_options *opt,
                               arc_error *err);

/* ---- watch.c ---- */

/* What a value was, over crops. */
typedef struct arc_seen {
    bool floats;       /* float32, and the result of a node */
    float least, most; /* of the finite ones; 0 is between them */
    int64_t odd;       /* numbers that were infinite or none */
    int odd_crops;     /* crops that had such */
} arc_seen;
/* Runs crops through a checked graph; seen: [values of g], zeroed. */
typedef struct arc_watch_run {
    const arc_crop_source *crops;
    const bool *wanted; /* [crops]; NULL: all */
    const bool *value;  /* [values] what is looked at beside input and output; NULL: every result. Less is faster */
    arc_status (*advance)(void *arg, arc_error *err); /* after each crop */
    void *arg;
} arc_watch_run;
arc_status arc_watch(arc_context *ctx, const arc_graph *g, const arc_watch_run *run, arc_seen *seen, arc_error *err);

/* ---- rounded.c ---- the network w->g of an export, rewritten where it is. Errors: ENOMEM, those of arc_graph_check. */

/* BatchNormalizations as converters have them: in the convolution or product before, else a factor and a summand a channel. */
arc_status arc_rounded_fold(arc_deploy_writer *w, arc_error *err);
/* Which values are rounded between layers: what goes in, and what layers give; [values], zeroed. */
void arc_rounded_borders(const arc_graph *g, const arc_seen *seen, bool *border);
/* Rounds the weights, and the values of `border` by what was seen. Values keep their indices. */
arc_status arc_rounded_write(arc_deploy_writer *w, arc_simulated device, const arc_seen *seen, const bool *border,
                             arc_error *err);

#endif
