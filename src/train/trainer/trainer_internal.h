/* train: one training and what its parts share. */
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

/* Where a training stands; all of it is in a checkpoint. */
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
    arc_model *model, *teacher; /* graph and contract to learn from */
    arc_learner *learner;
    arc_session *teacher_session;
    arc_exchange *exchange; /* NULL: one rank alone */
    arc_head *head;         /* NULL: only the teacher counts */
    arc_optimiser optimiser;
    arc_schedule schedule;
    arc_train_at at;
    int64_t samples, identities, epoch_steps, steps;
    int64_t dim, share, micro; /* pictures of this rank's step; of one forward */
    size_t parts;              /* forwards of a step on this rank */
    size_t parameters, statistics;

    /* [parameters] each */
    float **state[2], **average;
    /* Running statistics before the step, and the sum over micro-batches of how far they moved: [statistics] */
    float **stat_before, **stat_sum;
    float *images;              /* [micro][3][h][w] */
    float *teacher_images;      /* the teacher's, when its contract differs; else NULL */
    float *embeddings;          /* [ranks*micro][dim] */
    float *gradient;            /* [ranks*micro][dim] */
    int64_t *labels, *gathered; /* [batch] in the head's order; as gathered */

    arc_append *log;
    arc_event_file *events;
    size_t planned_bytes;
    uint64_t started_ns, tick_ns;
    int64_t tick_step;
    double images_per_s;
} arc_trainer;

/* What a step came to. */
typedef struct arc_step_report {
    double loss, cosine, distance; /* means over the batch; distance: to the teacher */
    double rate, norm;
    bool finite;
    bool own_finite;   /* the gradients of this rank, before those of others came to them */
    const char *layer; /* the first that was not finite; "" = the loss */
    arc_batch batch;   /* of this rank */
    int64_t part;      /* the micro-batch that was not finite */
    int64_t bad;       /* the sample in it, -1 = unknown */
    int from;          /* the first rank that saw it; 0 where none can tell */
} arc_step_report;

void arc_train_say(const arc_trainer *t, const char *fmt, ...) ARC_PRINTF(2, 3); /* rank 0 alone */
void arc_train_say_from(const arc_trainer *t, int rank, const char *fmt, ...) ARC_PRINTF(3, 4);

/* step.c: loads, computes, updates (or not). */
arc_status arc_train_step(arc_trainer *t, arc_step_report *out, arc_error *err);

/* open.c: everything that a training holds; trainer_close takes any half-made one. */
arc_status arc_trainer_open(arc_trainer *t, arc_context *ctx, const arc_recipe *recipe, const arc_train_options *options,
                            arc_error *err);
void arc_trainer_close(arc_trainer *t);

/* checkpoint.c */
arc_status arc_checkpoint_save(arc_trainer *t, arc_error *err);
/* The newest whole checkpoint of the run folder: its path. Damaged ones are passed over; a folder that cannot be listed is an error, never "none". */
arc_status arc_checkpoint_newest(const arc_alloc *a, const char *run, char path[ARC_TRAIN_PATH], bool *found, arc_error *err);
/* The recipe that a checkpoint was made with. */
arc_status arc_checkpoint_recipe(arc_recipe *recipe, const char *path, arc_error *err);
arc_status arc_checkpoint_load(arc_trainer *t, const char *path, arc_error *err);
/* Present weights (the running mean of them when the recipe keeps one) as an ONNX file with contract and recipe. */
arc_status arc_train_save_model(arc_trainer *t, const char *path, arc_error *err);
arc_status arc_train_graph(arc_trainer *t, arc_model *out, arc_error *err); /* free out->graph */

/* journal.c: log.jsonl and TensorBoard, on rank 0. */
arc_status arc_journal_open(arc_trainer *t, arc_error *err);
arc_status arc_journal_step(arc_trainer *t, const arc_step_report *r, const arc_train_progress *p, arc_error *err);
arc_status arc_journal_accuracy(arc_trainer *t, const char *set, double accuracy, double deviation, arc_error *err);
arc_status arc_journal_close(arc_trainer *t, arc_error *err);

/* evaluate.c: all sets of the recipe; *mean -1 without any. Saves best.onnx. */
arc_status arc_train_evaluate(arc_trainer *t, double *mean, arc_error *err);

/* flight.c: a step that was not finite: the rank that saw it names it and writes its reproducer. */
arc_status arc_flight_record(arc_trainer *t, const arc_step_report *r, arc_error *err);

#endif
