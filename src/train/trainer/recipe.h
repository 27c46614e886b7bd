/* train: a recipe as the trainer reads it. recipe_fields.c has the names, types and limits of the fields. */
#ifndef ARC_TRAIN_TRAINER_RECIPE_H
#define ARC_TRAIN_TRAINER_RECIPE_H

#include "base/base.h"
#include <arcface/train.h>

#define ARC_RECIPE_TEXT 1024

struct arc_recipe {
    arc_alloc alloc;
    char about[ARC_RECIPE_TEXT];
    /* network */
    char network[64], init[ARC_RECIPE_TEXT], freeze[ARC_RECIPE_TEXT];
    int64_t dim, seed, recompute, precision;
    /* loss */
    int64_t loss, wrap, margin_gradient, centers, easy_margin;
    double m1, m2, m3, scale, filter, concentration, norm_average, lower_norm, upper_norm, lower_margin, upper_margin,
        regulariser;
    double sample_rate;
    int64_t partial, logits_mb;
    /* optimiser */
    int64_t optimiser, decay_all, decay_head;
    double rate, momentum, decay, beta1, beta2, epsilon, clip, ema;
    /* schedule */
    int64_t batch, micro_batch, epochs, steps, schedule, warmup_steps, full_first_step;
    double power, factor, warmup_epochs;
    char milestones[ARC_RECIPE_TEXT];
    /* data */
    char augment[ARC_RECIPE_TEXT];
    int64_t loader_threads;
    /* distillation */
    char teacher[ARC_RECIPE_TEXT];
    double teacher_weight, head_weight;
    /* while it runs */
    char evaluate[ARC_RECIPE_TEXT];
    int64_t evaluate_every, checkpoint_every, keep, log_every, stop_after;
};

typedef enum arc_field_kind { ARC_FIELD_INT, ARC_FIELD_REAL, ARC_FIELD_WORD, ARC_FIELD_TEXT } arc_field_kind;
typedef struct arc_field {
    arc_field_kind kind;
    size_t offset, bytes; /* bytes: the size of a text field */
    double min, max;
    const char *words; /* "sgd|adamw": values 0, 1, ... */
} arc_field;
/* Parallel to arc_recipe_fields, in the same order. */
extern const arc_field arc_field_table[];
/* The index of a field; -1: none, and *nearest is then the most similar name or NULL. Dashes count as underscores. */
int arc_field_find(const char *name, const char **nearest);
/* Margins that were not given (NaN) get the values of the loss. */
void arc_recipe_defaults(arc_recipe *r);

#endif
