/* Training: recipes, the trainer, and what it tells while it runs. */
#ifndef ARCFACE_TRAIN_H
#define ARCFACE_TRAIN_H

#include <arcface/context.h>
#include <arcface/model.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A recipe: every setting of a training, with defaults. Thread: one at a time. */
typedef struct arc_recipe arc_recipe;

typedef struct arc_recipe_field {
    const char *name; /* "batch", "weight_decay" */
    const char *arg;  /* what its value is: "N", "X", "yes|no", "sgd|adamw", "TEXT" */
    const char *help; /* one line */
} arc_recipe_field;
/* All fields, in the order in which recipes are written. Static storage. Thread: any. */
ARC_API const arc_recipe_field *arc_recipe_fields(size_t *count);

/* The defaults. Ownership: arc_recipe_free. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_recipe_new(arc_context *ctx, arc_recipe **out, arc_error *err);
ARC_API void arc_recipe_free(arc_recipe **recipe); /* NULL-safe */
/* Sets the fields that a JSON file gives. A name without a slash is looked for, with .json or without, in $ARCFACE_RECIPES (else
 * the working folder), in recipes/ there, and in the source tree or installation that the running program lies in. Errors: ENOTFOUND, EFORMAT (not JSON: line; an unknown field: its nearest known one; a
 * value of the wrong kind), ELIMIT. */
ARC_API ARC_NODISCARD arc_status arc_recipe_load(arc_recipe *recipe, const char *path_or_name, arc_error *err);
/* The same from memory; `name` is for error texts. */
ARC_API ARC_NODISCARD arc_status arc_recipe_parse(arc_recipe *recipe, const char *json, size_t bytes, const char *name,
                                                  arc_error *err);
/* Sets one field from text: "0.1", "yes", "8,14". Errors: EINVAL names field, value and what is possible. */
ARC_API ARC_NODISCARD arc_status arc_recipe_set(arc_recipe *recipe, const char *field, const char *value, arc_error *err);
/* Checks fields against each other (a batch in whole micro-batches, a wrap rule that fits the margin). */
ARC_API ARC_NODISCARD arc_status arc_recipe_check(const arc_recipe *recipe, arc_error *err);
/* The whole recipe as JSON text. Ownership: arc_text_free. */
ARC_API ARC_NODISCARD arc_status arc_recipe_text(const arc_recipe *recipe, char **text, arc_error *err);

/* After each step. */
typedef struct arc_train_progress {
    int64_t epoch, step, steps; /* step counts from 1; steps: of the whole training */
    double loss, cosine;        /* means over the batch; cosine: to the own class */
    double rate, gradient_norm; /* before clipping */
    double images_per_s, left_s;
    int64_t peak_memory_bytes;
    bool skipped; /* not finite: nothing was changed */
} arc_train_progress;

typedef struct arc_train_options {
    size_t struct_size;
    const char *data; /* a .rec, a folder or a list: arcface data info */
    const char *run;  /* the folder that gets checkpoints, logs and models; made when it is not there */
    bool resume;      /* go on from the newest whole checkpoint in it */
    /* After each step; anything but 0 ends the training after a checkpoint, with ECANCEL. May be NULL. */
    int (*progress)(void *ctx, const arc_train_progress *progress);
    void (*say)(void *ctx,
                const char *line); /* sentences: memory before the first step, evaluations, what was skipped. May be NULL */
    void *ctx;
} arc_train_options;
ARC_API void arc_train_options_default(arc_train_options *options);

typedef struct arc_train_result {
    int64_t steps, skipped; /* steps done in all, of which not finite */
    double loss;            /* of the last step */
    double accuracy, best;  /* mean over the evaluation sets at the end, and the best; -1 without one */
    char model[1024];       /* the ONNX file of the end */
    bool leads;             /* this process is the one that reports (rank 0) */
    int64_t planned_bytes;  /* memory that was announced */
    int64_t peak_memory_bytes;
} arc_train_result;

/* Trains. In the run folder: recipe.json (effective), log.jsonl, events.out.tfevents.* (TensorBoard), step-NNNNNNNN.onnx and .state
 * (checkpoints), best.onnx, model.onnx at the end. Errors: those of recipe, data and files; EINVAL (a label outside, one identity, ranks that
 * don't divide the batch); ELIMIT (too many steps in a row that were not finite). */
ARC_API ARC_NODISCARD arc_status arc_train(arc_context *ctx, const arc_recipe *recipe, const arc_train_options *options,
                                           arc_train_result *out, arc_error *err);

/* The curves of a run folder's log (several folders: one over the other) as .svg or .png. Errors: ENOTFOUND, EFORMAT, those of arc_plot_save. */
ARC_API ARC_NODISCARD arc_status arc_train_plot(arc_context *ctx, const char *const *runs, int count, const char *path,
                                                arc_error *err);

typedef struct arc_clean_options {
    size_t struct_size;
    double drop_angle; /* degrees, default 75 */
    const char *list;  /* file of the dropped: key, label, angle, dominant centre; NULL = none */
    const char *undo;  /* file of what stays: key, label before, label now; NULL = none */
    const char *sheet; /* picture of the first of the dropped; NULL = none */
    int (*progress)(void *ctx, int64_t done, int64_t total);
    void *progress_ctx;
} arc_clean_options;
ARC_API void arc_clean_options_default(arc_clean_options *options);
typedef struct arc_clean_result {
    int64_t kept, dropped, unreadable;
    int64_t identities; /* that stay, numbered anew */
} arc_clean_result;
/* Sub-center cleaning: embeds every picture of `set` (single view), takes the centres from a checkpoint's .state file, drops what is farther than the
 * angle from its identity's dominant centre. Writes the rest to `path` (a .rec or a folder; NULL: only looks). Errors: those of reading
 * and writing; EINVAL for centres of another data set. Thread: any. */
ARC_API ARC_NODISCARD arc_status arc_data_clean(arc_context *ctx, const char *set, const arc_model *model, const char *centres,
                                                const char *path, const arc_clean_options *options, arc_clean_result *out,
                                                arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
