/* train: one optimiser step on an array of weights, and the learning rate of each step. Which arrays are updated is decided in
 * step.c. */
#ifndef ARC_TRAIN_TRAINER_OPTIMISER_H
#define ARC_TRAIN_TRAINER_OPTIMISER_H

#include "base/base.h"

typedef enum arc_optimiser_kind { ARC_OPTIMISER_SGD, ARC_OPTIMISER_ADAMW } arc_optimiser_kind;

/* SGD: d = g + decay w; m = momentum m + d; w -= rate m. AdamW: decoupled decay, bias-corrected moments. Both as in PyTorch. */
typedef struct arc_optimiser {
    arc_optimiser_kind kind;
    double momentum;              /* SGD */
    double beta1, beta2, epsilon; /* AdamW */
} arc_optimiser;
/* Floats of state for each weight: 1 or 2. */
size_t arc_optimiser_states(const arc_optimiser *o);

/* What all arrays of one step share. `step` counts from 1; `factor` multiplies every gradient (clipping). */
typedef struct arc_optimiser_step {
    double rate, factor;
    int64_t step;
} arc_optimiser_step;
/* Updates n weights; state[0], state[1] (AdamW only) [n]. gradient NULL: zero (momentum and decay still apply). */
void arc_optimiser_apply(const arc_optimiser *o, const arc_optimiser_step *step, double decay, size_t n, float *weight,
                         const float *gradient, float *const state[2]);

/* The sum of squares in double, over fixed chunks: the same bits for any number of threads. Not finite if an element is not. */
double arc_square_sum(arc_pool *pool, size_t n, const float *x);

/* ---- schedule.c ---- */

typedef enum arc_schedule_kind {
    ARC_SCHEDULE_POLY, /* (1 - t)^power, 1 = linear: to 0 at the last step */
    ARC_SCHEDULE_STEP, /* multiplied by factor at each milestone */
    ARC_SCHEDULE_COSINE,
    ARC_SCHEDULE_CONSTANT
} arc_schedule_kind;

#define ARC_SCHEDULE_MILESTONES 16
typedef struct arc_schedule {
    arc_schedule_kind kind;
    double rate, power, factor;
    int64_t warmup_steps, steps; /* the warm-up rises linearly to rate and is included in steps */
    bool full_first_step;        /* the first step uses the full rate even during warm-up, as in the scheduler of arcface_torch */
    int64_t milestone[ARC_SCHEDULE_MILESTONES];
    int milestones;
} arc_schedule;
/* The learning rate of step 0, 1, ... */
double arc_schedule_rate(const arc_schedule *s, int64_t step);

#endif
