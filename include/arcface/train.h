/** @file
 * Training: recipes, the trainer, what it tells while it runs, and cleaning a data set by the centres that a training learned.
 */
#ifndef ARCFACE_TRAIN_H
#define ARCFACE_TRAIN_H

#include <arcface/context.h>
#include <arcface/model.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A recipe: every setting of a training, with defaults. One thread at a time. */
typedef struct arc_recipe arc_recipe;

/** One setting of a recipe. Static storage. */
typedef struct arc_recipe_field {
    const char *name; /**< "batch", "weight_decay" */
    const char *arg;  /**< what its value is: "N", "X", "yes|no", "sgd|adamw", "TEXT" */
    const char *help; /**< one line */
} arc_recipe_field;

/** All fields, [*count], in the order in which recipes are written. Static storage. Thread: any. */
ARC_API const arc_recipe_field *arc_recipe_fields(size_t *count);

/** A recipe of defaults. Ownership: free with arc_recipe_free. Thread: any. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_recipe_new(arc_context *ctx, arc_recipe **out, arc_error *err);

/** Frees the recipe and nulls the pointer; NULL is allowed. Thread: one at a time. */
ARC_API void arc_recipe_free(arc_recipe **recipe);

/** Sets the fields that a JSON file gives. A name without a slash is looked for, with .json or without, in $ARCFACE_RECIPES (else
 * the working folder), in recipes/ there, and in the source tree or installation that the running program lies in. Thread: one at
 * a time.
 * Errors: ENOTFOUND, EIO, EFORMAT (not JSON: names the line; an unknown field: names the nearest known one; a value of the wrong
 * kind), ELIMIT, EINVAL. */
ARC_API ARC_NODISCARD arc_status arc_recipe_load(arc_recipe *recipe, const char *path_or_name, arc_error *err);

/** The same from JSON text in memory, [bytes]; `name` is what error texts call it. Thread: one at a time. Errors: EFORMAT,
 * ELIMIT, EINVAL. */
ARC_API ARC_NODISCARD arc_status arc_recipe_parse(arc_recipe *recipe, const char *json, size_t bytes, const char *name,
                                                  arc_error *err);

/** Sets one field from text: "0.1", "yes", "8,14". Thread: one at a time. Errors: EINVAL (names field, value and what is
 * possible), ELIMIT. */
ARC_API ARC_NODISCARD arc_status arc_recipe_set(arc_recipe *recipe, const char *field, const char *value, arc_error *err);

/** Checks the fields against each other, for example that a batch is a whole number of micro-batches. Thread: one at a time.
 * Errors: EINVAL (names the fields). */
ARC_API ARC_NODISCARD arc_status arc_recipe_check(const arc_recipe *recipe, arc_error *err);

/** The whole recipe as JSON text. Ownership: free *text with arc_text_free. Thread: one at a time. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_recipe_text(const arc_recipe *recipe, char **text, arc_error *err);

/** What is known after a step of training. */
typedef struct arc_train_progress {
    int64_t epoch;             /**< from 0 */
    int64_t step;              /**< from 1 */
    int64_t steps;             /**< of the whole training */
    double loss;               /**< mean over the batch */
    double cosine;             /**< to the centre of the own class, mean over the batch */
    double rate;               /**< learning rate of the step */
    double gradient_norm;      /**< L2 norm of all gradients before clipping */
    double images_per_s;       /**< recent speed */
    double left_s;             /**< estimate until the end */
    int64_t peak_memory_bytes; /**< largest resident size of the process so far */
    bool skipped;              /**< the gradients were not finite: nothing was changed */
} arc_train_progress;

/** What a training is given beside its recipe. */
typedef struct arc_train_options {
    size_t struct_size; /**< set by arc_train_options_default */
    const char *data;   /**< a data set (see data.h): .rec, folder or list; needed */
    const char *run;    /**< folder for checkpoints, logs and models, made when it is not there; needed */
    bool resume;        /**< go on from the newest whole checkpoint in it; default false */
    /** Called after each step; anything but 0 ends the training after a checkpoint, with ECANCEL. May be NULL. */
    int (*progress)(void *ctx, const arc_train_progress *progress);
    /** Gets sentences: memory needed, evaluations, what was skipped; may be NULL */
    void (*say)(void *ctx, const char *line);
    void *ctx; /**< passed to both */
} arc_train_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_train_options_default(arc_train_options *options);

/** What a training came to. */
typedef struct arc_train_result {
    int64_t steps;             /**< done in all */
    int64_t skipped;           /**< of them with gradients that were not finite */
    double loss;               /**< of the last step */
    double accuracy;           /**< mean over the evaluation sets at the end; -1 without one */
    double best;               /**< the best such mean; -1 without one */
    char model[1024];          /**< the ONNX file of the end */
    bool leads;                /**< this process is the one that reports (rank 0) */
    int64_t planned_bytes;     /**< memory that was announced */
    int64_t peak_memory_bytes; /**< largest resident size of the process */
} arc_train_result;

/** Trains. In the run folder: recipe.json (as it takes effect), log.jsonl, events.out.tfevents.* (TensorBoard),
 * step-NNNNNNNN.onnx and .state (checkpoints), best.onnx, and model.onnx at the end. The result has the same bits for any number
 * of threads. Thread: one at a time for a run folder.
 * Errors: those of recipes, data and files; EINVAL (a label out of range, one identity, ranks that do not divide the batch);
 * ELIMIT (too many steps in a row that were not finite); ECANCEL; ENOMEM. Source: Deng et al., ArcFace, CVPR 2019 and TPAMI 2021;
 * An et al., Partial FC, CVPR 2022; docs/TRAINING.md has each loss. */
ARC_API ARC_NODISCARD arc_status arc_train(arc_context *ctx, const arc_recipe *recipe, const arc_train_options *options,
                                           arc_train_result *out, arc_error *err);

/** Draws the curves of the logs of run folders, [count], one over the other, as .svg or .png. Thread: any.
 * Errors: ENOTFOUND, EFORMAT, EINVAL (count, suffix), EIO, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_train_plot(arc_context *ctx, const char *const *runs, int count, const char *path,
                                                arc_error *err);

/** How a data set is cleaned. */
typedef struct arc_clean_options {
    size_t struct_size; /**< set by arc_clean_options_default */
    /** Degrees from the dominant centre beyond which a picture is dropped; above 0 to 180; default 75 */
    double drop_angle;
    const char *list;  /**< file of the dropped: key, label, angle, dominant centre; NULL (default) = none */
    const char *undo;  /**< file of what stays: key, label before, label now; NULL (default) = none */
    const char *sheet; /**< picture of the first of the dropped; NULL (default) = none */
    /** Pictures; may be NULL; not 0 cancels (ECANCEL) */
    int (*progress)(void *ctx, int64_t done, int64_t total);
    void *progress_ctx; /**< passed to progress */
} arc_clean_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_clean_options_default(arc_clean_options *options);

/** What cleaning did. */
typedef struct arc_clean_result {
    int64_t kept;       /**< pictures that stay */
    int64_t dropped;    /**< pictures farther than the angle */
    int64_t unreadable; /**< pictures that could not be read */
    int64_t identities; /**< that stay, numbered anew */
} arc_clean_result;

/** Cleans a data set by the sub-centers that a training learned: embeds every picture of `set`, takes the centres from a
 * checkpoint's .state file and drops what is farther than the angle from the dominant centre of its identity. Writes the rest to
 * `path` (a .rec or a folder; NULL: only looks).
 * Thread: any. Errors: those of reading and writing data; EINVAL (options, or centres of another data set); ECANCEL; ENOMEM.
 * Source: Deng et al., Sub-center ArcFace, ECCV 2020. */
ARC_API ARC_NODISCARD arc_status arc_data_clean(arc_context *ctx, const char *set, const arc_model *model, const char *centres,
                                                const char *path, const arc_clean_options *options, arc_clean_result *out,
                                                arc_error *err);

/** The line that `arcface train` shows after a step, without a line break. bytes: of `line`; 200 hold all of it. Thread: any. */
ARC_API void arc_train_progress_line(const arc_train_progress *progress, char *line, size_t bytes);
/** The line that `arcface train` prints at the end; json: one object. seconds: that the training took. Ownership: free with
 * arc_text_free. Thread: any. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_train_result_describe(arc_context *ctx, const arc_train_result *result, double seconds,
                                                           bool json, char **text, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
