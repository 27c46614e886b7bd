/* train: the data of one training, and the functions that its files share. */
#ifndef ARC_TRAIN_TRAINER_TRAINER_INTERNAL_H
#define ARC_TRAIN_TRAINER_TRAINER_INTERNAL_H

#include "base/base.h"
#include "data/loader.h"
#include "learn/learner.h"
#include "model/model.h"
#include "train/head/head.h"
#include "train/run/event_file.h"
#include "train/run/exchange.h"
#include "train/run/state_file.h"
#include "train/trainer/recipe.h"
#include <arcface/image.h>

#define ARC_TRAIN_PATH 1024

/* The progress of a training; all of it is in a checkpoint. */
typedef struct arc_train_at {
    int64_t step; /* optimiser steps done, skipped ones included */
    int64_t skipped, skipped_in_row;
    double best; /* mean accuracy; -1 = none yet */
    int64_t best_step;
} arc_train_at;

typedef struct arc_trainer {
    arc_context *ctx;
    const arc_train_options *options;
    arc_recipe recipe;
    arc_ranks ranks;
    arc_data_set *set;
    arc_loader *loader;
    arc_model *model, *teacher; /* graph and contract of the network and of its teacher */
    arc_learner *learner;
    arc_session *teacher_session;
    arc_exchange *exchange; /* NULL: a single rank */
    arc_head *head;         /* NULL: the teacher is the only loss */
    arc_optimiser optimiser;
    arc_schedule schedule;
    arc_train_at at;
    int64_t samples, identities, epoch_steps, steps;
    int64_t dim, share, micro; /* share: pictures of a step on this rank; micro: of a forward pass */
    size_t parts;              /* forward passes of a step on this rank */
    size_t parameters, statistics;

    /* [parameters] each */
    float **state[2], **average;
    /* [statistics] running statistics before the step, and the sum over micro-batches of their changes */
    float **stat_before, **stat_sum;
    float *images;              /* [micro][3][h][w] */
    float *teacher_images;      /* the teacher's input if its contract differs, else NULL */
    float *embeddings;          /* [ranks*micro][dim] */
    float *gradient;            /* [ranks*micro][dim] */
    int64_t *labels, *gathered; /* [batch] in the head's order; and in the order of gathering */

    arc_append *log;
    arc_event_file *events;
    size_t planned_bytes;
    uint64_t started_ns, tick_ns;
    int64_t tick_step;
    double images_per_s;
} arc_trainer;

/* The result of one step. */
typedef struct arc_step_report {
    double loss, cosine, distance; /* means over the batch; distance: to the teacher */
    double rate, norm;
    bool finite;
    bool own_finite;   /* the gradients of this rank were finite before those of others were added */
    const char *layer; /* the first layer that was not finite; "" = the loss */
    arc_batch batch;   /* this rank's batch */
    int64_t part;      /* the micro-batch that was not finite */
    int64_t bad;       /* the sample in it, -1 = unknown */
    int from;          /* the first rank that saw it; 0 if that is unknown */
} arc_step_report;

void arc_train_say(const arc_trainer *t, const char *fmt, ...) ARC_PRINTF(2, 3); /* prints on rank 0 only */
void arc_train_say_from(const arc_trainer *t, int rank, const char *fmt, ...) ARC_PRINTF(3, 4);

/* step.c: loads a batch, computes the gradients and updates the weights (or not). */
arc_status arc_train_step(arc_trainer *t, arc_step_report *out, arc_error *err);

/* open.c: makes everything that a training holds. trainer_close also releases a partly made one. */
arc_status arc_trainer_open(arc_trainer *t, arc_context *ctx, const arc_recipe *recipe, const arc_train_options *options,
                            arc_error *err);
void arc_trainer_close(arc_trainer *t);

/* checkpoint.c */
arc_status arc_checkpoint_save(arc_trainer *t, arc_error *err);
/* The path of the newest complete checkpoint of the run folder. Damaged ones are skipped. A folder that cannot be listed is an
 * error, not "none". */
arc_status arc_checkpoint_newest(const arc_alloc *a, const char *run, char path[ARC_TRAIN_PATH], bool *found, arc_error *err);
/* The recipe that a checkpoint was made with. */
arc_status arc_checkpoint_recipe(arc_recipe *recipe, const char *path, arc_error *err);
arc_status arc_checkpoint_load(arc_trainer *t, const char *path, arc_error *err);
/* Writes the current weights (their running average if the recipe has one) as an ONNX file with contract and recipe. */
arc_status arc_train_save_model(arc_trainer *t, const char *path, arc_error *err);
arc_status arc_train_graph(arc_trainer *t, arc_model *out, arc_error *err); /* free out->graph */

/* journal.c: log.jsonl and TensorBoard, on rank 0. */
arc_status arc_journal_open(arc_trainer *t, arc_error *err);
arc_status arc_journal_step(arc_trainer *t, const arc_step_report *r, const arc_train_progress *p, arc_error *err);
arc_status arc_journal_accuracy(arc_trainer *t, const char *set, double accuracy, double deviation, arc_error *err);
arc_status arc_journal_close(arc_trainer *t, arc_error *err);

/* evaluate.c: runs all sets of the recipe; *mean is -1 if it has none. Saves best.onnx. */
arc_status arc_train_evaluate(arc_trainer *t, double *mean, arc_error *err);

/* flight.c: for a step that was not finite: the rank where it began names it and writes the files that reproduce it. */
arc_status arc_flight_record(arc_trainer *t, const arc_step_report *r, arc_error *err);

#endif
