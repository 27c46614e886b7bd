/* train: the classification head of training: class centres, margin, softmax cross-entropy, their gradients and the centres' own optimiser.
 *
 * Never more than a band of logits exists: classes come in tiles; a first pass keeps each sample's largest logit and sum of exponentials,
 * later passes compute the logits again (or take the kept ones while they fit into logits_bytes) and turn them into gradients. Centres
 * are read where they lie, gradients of centres live as long as a tile. So a head costs rows x dim x 4 bytes x (1 + states of the
 * optimiser), and that is what arc_head_memory says before the first step. */
#ifndef ARC_TRAIN_HEAD_HEAD_H
#define ARC_TRAIN_HEAD_HEAD_H

#include "kernel/kernel.h"
#include "train/head/margin.h"
#include "train/run/ranks.h"
#include "train/trainer/optimiser.h"

/* Partial FC: what becomes of the classes that a step did not sample. */
typedef enum arc_partial {
    ARC_PARTIAL_V2, /* arcface_torch's PartialFC_V2: their gradient is 0, so momentum and weight decay go on */
    ARC_PARTIAL_V1  /* An et al. 2021: they rest, with their momentum */
} arc_partial;

typedef struct arc_head_options {
    int64_t classes, dim;
    int centres; /* of each class: sub-center ArcFace's K; 0 = 1 */
    arc_margin margin;
    double sample_rate; /* of negative classes, 1 = all */
    arc_partial partial;
    arc_optimiser optimiser;
    double decay;
    int64_t batch;       /* samples of a step, all ranks together */
    int64_t part;        /* samples of one forward, all ranks together; 0 = batch */
    size_t logits_bytes; /* cosines kept between forward, backward and update; 0 = always computed again */
    uint64_t seed;
} arc_head_options;

typedef struct arc_head arc_head; /* one thread at a time; its kernels use the context's pool */

/* The centres start at N(0, 0.01), each by (seed, class). `ranks` is copied. Errors: EINVAL, ENOMEM. */
arc_status arc_head_new(arc_head **out, const arc_context *ctx, const arc_ranks *ranks, const arc_head_options *options,
                        arc_error *err);
void arc_head_free(arc_head **head);

typedef struct arc_head_memory {
    size_t centres_bytes, states_bytes, work_bytes;
} arc_head_memory;
/* Of this rank; known without making one. */
void arc_head_memory_of(const arc_context *ctx, const arc_ranks *ranks, const arc_head_options *options, arc_head_memory *out);

/* A step: begin, then forward and backward for each part of the batch in order, then update or drop. Labels of the whole batch, all ranks
 * together, in sample order. Sampling depends on (seed, step) alone. Errors: EINVAL names the sample with a label outside. */
arc_status arc_head_begin(arc_head *head, int64_t step, const int64_t *label, int64_t n, arc_error *err);

typedef struct arc_head_loss {
    double loss;   /* sum over the part's samples, before division by the batch */
    double cosine; /* sum of cosines to the own class */
    bool finite;
    int64_t bad; /* the first sample (in the part) whose embedding or loss is not finite; -1 = none */
} arc_head_loss;
/* The next n samples, all ranks together: embeddings [n][dim]. */
arc_status arc_head_forward(arc_head *head, const float *embedding, int64_t n, arc_head_loss *out, arc_error *err);
/* d loss / d embedding of the samples of the last forward, loss being the mean over the batch: [n][dim], all ranks' parts summed. */
arc_status arc_head_backward(arc_head *head, float *gradient, arc_error *err);
void arc_head_update(arc_head *head, const arc_optimiser_step *step);
void arc_head_drop(arc_head *head); /* ends a step without a change; the margin's state goes back too */
/* The gradient of one active class row after begin and all forwards, for tests: rows [centres][dim]; false when the class is not active
 * or another rank's. */
bool arc_head_centre_gradient(arc_head *head, int64_t class_index, float *rows);

/* This rank's rows: [count * centres][dim], first class, and optimiser state (state 0 or 1), for checkpoints. */
typedef struct arc_head_rows {
    float *centre, *state[2];
    int64_t first, count; /* classes */
    int64_t dim;
    int centres;
} arc_head_rows;
void arc_head_rows_of(arc_head *head, arc_head_rows *out);
arc_margin_state *arc_head_margin_state(arc_head *head);
/* Classes that took part in the step. */
int64_t arc_head_active(const arc_head *head);

#endif
