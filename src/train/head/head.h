/* train: the classification head: class centres, margin, softmax cross-entropy, their gradients, and the centres' own
 * optimiser. The network below it is learn/learner.h; margin.h has the loss functions.
 *
 * The logits of all classes never exist at once. Classes are processed in tiles: the forward pass stores each sample's largest
 * logit and sum of exponentials; the backward passes compute the logits again (or read the stored ones, if they fit into
 * logits_bytes) and turn them into gradients. Centres are read in place, and the gradient of a centre lives as long as its
 * tile. So a head takes rows x dim x 4 bytes x (1 + states of the optimiser) and little more; arc_head_memory_of gives the
 * exact number before the first step. */
#ifndef ARC_TRAIN_HEAD_HEAD_H
#define ARC_TRAIN_HEAD_HEAD_H

#include "kernel/kernel.h"
#include "train/head/margin.h"
#include "train/run/ranks.h"
#include "train/trainer/optimiser.h"

/* Partial FC: what happens to the classes that a step did not sample. */
typedef enum arc_partial {
    ARC_PARTIAL_V2, /* as PartialFC_V2 of arcface_torch: their gradient is 0, so momentum and weight decay still apply */
    ARC_PARTIAL_V1  /* as An et al. 2021: they do not change, and neither does their momentum */
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
    size_t logits_bytes; /* for cosines stored between forward, backward and update; 0: they are always computed again */
    uint64_t seed;
} arc_head_options;

typedef struct arc_head arc_head; /* one thread at a time; its kernels use the context's pool */

/* The initial centres are drawn from N(0, 0.01), each from (seed, class). `ranks` is copied. Errors: EINVAL, ENOMEM. */
arc_status arc_head_new(arc_head **out, const arc_context *ctx, const arc_ranks *ranks, const arc_head_options *options,
                        arc_error *err);
void arc_head_free(arc_head **head);

typedef struct arc_head_memory {
    size_t centres_bytes, states_bytes, work_bytes;
} arc_head_memory;
/* The memory of this rank's head, known without making one. */
void arc_head_memory_of(const arc_context *ctx, const arc_ranks *ranks, const arc_head_options *options, arc_head_memory *out);

/* A training step: begin, then forward and backward for each part of the batch in order, then update or drop. `label` has the
 * whole batch, all ranks together, in sample order. The sampled classes depend on (seed, step) alone. Errors: EINVAL names the
 * sample whose label is out of range. */
arc_status arc_head_begin(arc_head *head, int64_t step, const int64_t *label, int64_t n, arc_error *err);

typedef struct arc_head_loss {
    double loss;   /* sum over the part's samples, before division by the batch */
    double cosine; /* sum of cosines to the own class */
    bool finite;
    int64_t bad; /* the first sample (in the part) whose embedding or loss is not finite; -1 = none */
} arc_head_loss;
/* Forward for the next n samples, all ranks together: embeddings [n][dim]. */
arc_status arc_head_forward(arc_head *head, const float *embedding, int64_t n, arc_head_loss *out, arc_error *err);
/* d loss / d embedding for the samples of the last forward, where the loss is the mean over the batch: [n][dim], summed over
 * all ranks. */
arc_status arc_head_backward(arc_head *head, float *gradient, arc_error *err);
void arc_head_update(arc_head *head, const arc_optimiser_step *step);
void arc_head_drop(arc_head *head); /* ends a step without a change; the state of the margin is restored too */
/* The gradient by the centres of one class after begin and all forwards, for tests: rows [centres][dim]. False if the class is
 * not active or belongs to another rank. */
bool arc_head_centre_gradient(arc_head *head, int64_t class_index, float *rows);

/* For checkpoints: this rank's centres [count * centres][dim], its first class, and the optimiser's state (number 0 or 1). */
typedef struct arc_head_rows {
    float *centre, *state[2];
    int64_t first, count; /* classes */
    int64_t dim;
    int centres;
} arc_head_rows;
void arc_head_rows_of(arc_head *head, arc_head_rows *out);
arc_margin_state *arc_head_margin_state(arc_head *head);
/* The number of classes that take part in the step. */
int64_t arc_head_active(const arc_head *head);

#endif
