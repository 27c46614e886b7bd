/** @file
 * Generation: faces made from a recognition model alone, by its gradients and its BatchNormalization statistics.
 *
 * A generator holds a batch of pictures that begin as noise and follow the gradient of a loss: the embedding of each picture
 * shall be that of its target, the means and deviations that the pictures cause in the network shall be those that real faces
 * caused in training, and neighbouring pixels shall be alike. docs/GENERATION.md has the terms, the constants and what they give.
 */
#ifndef ARCFACE_GENERATE_H
#define ARCFACE_GENERATE_H

#include <arcface/context.h>
#include <arcface/face.h>
#include <arcface/image.h>
#include <arcface/model.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How far statistics are from their target. */
typedef enum arc_generate_distance {
    ARC_GENERATE_SQUARED, /**< squared differences of means and deviations, summed over channels: the paper's equation 8 */
    ARC_GENERATE_NORM,    /**< length of the difference of means, and of variances: DeepInversion's code */
    /** squared differences, each divided by the target's variance: layers count alike whatever the size of their numbers, and a
     * channel that says much as much as one that says little */
    ARC_GENERATE_RELATIVE
} arc_generate_distance;

/** Sets of options. */
typedef enum arc_generate_preset {
    ARC_GENERATE_QUICK, /**< a recognisable face in minutes on two cores: several resolutions, falling rate, jitter, mirroring */
    ARC_GENERATE_PAPER  /**< Deng et al., TPAMI 2021: 20000 steps of Adam at 0.25 on the pixels themselves */
} arc_generate_preset;

/** How pictures are generated. Pixels are counted from -1 (black) to 1 (white). */
typedef struct arc_generate_options {
    size_t struct_size;             /**< set by arc_generate_options_default */
    int64_t steps;                  /**< updates of the pictures */
    uint64_t seed;                  /**< of the noise they begin as, of jitter and mirroring */
    double identity_weight;         /**< of the loss of identity */
    double class_weight;            /**< closed set: ArcFace's loss counts so many times */
    double bn_weight;               /**< of the statistics of every BatchNormalization; 0 = none */
    double tv_weight;               /**< of the total variation */
    double l2_weight;               /**< of the length of a picture */
    double first_bn;                /**< the first BatchNormalization counts so many times */
    double folded;                  /**< a place where a BatchNormalization was folded counts so many times */
    arc_generate_distance distance; /**< of statistics */
    double rate;                    /**< of Adam */
    double beta1;                   /**< of Adam: how slowly the mean of gradients moves */
    double beta2;                   /**< of Adam: how slowly the mean of their squares moves */
    int64_t warmup;                 /**< steps in which the rate rises from 0 */
    bool cosine;                    /**< the rate then falls to 0 as a cosine */
    int levels;       /**< resolutions that a picture is the sum of, each half of the one before; 1 = its own pixels alone */
    double coarse;    /**< share of the steps in which finer levels join one after the other, the finest last */
    double noise;     /**< deviation of the noise that a picture begins as */
    double fine;      /**< the rate of a level, by that of the next coarser one */
    double symmetric; /**< share of the steps, the first ones, in which pictures are kept mirror images of themselves */
    double sketch;    /**< how strongly a face is sketched under that noise, by the template's five points; 0 = noise alone */
    int jitter_px;    /**< each step sees the pictures moved by up to so many pixels */
    bool flip;        /**< every other step, by chance, sees them mirrored */
    bool clip;        /**< pixels are kept between black and white after each step */
    double margin;    /**< closed set: ArcFace's m */
    double scale;     /**< closed set: ArcFace's s */
    /** File of measured statistics (arc_generate_measure) that take the place of those in the model; NULL = the model's */
    const char *statistics;
} arc_generate_options;

/** Fills every field with its default: ARC_GENERATE_QUICK. Thread: any. */
ARC_API void arc_generate_options_default(arc_generate_options *options);

/** Fills every field with the preset's value. Thread: any. Source: Deng et al., ArcFace, TPAMI 2021, 3.3 and 4.5; Yin et al.,
 * DeepInversion, CVPR 2020. */
ARC_API void arc_generate_options_preset(arc_generate_options *options, arc_generate_preset preset);

/** Who the pictures of a batch shall show: an embedding each (open set), or a class each (closed set). */
typedef struct arc_generate_targets {
    size_t struct_size;     /**< set by arc_generate_targets_default */
    int images;             /**< pictures of the batch */
    int dim;                /**< numbers in an embedding; must be the model's */
    const float *embedding; /**< open set: [images][dim], of any length; else NULL */
    const float *centre;    /**< closed set: [classes][dim], of any length; else NULL */
    int classes;            /**< closed set */
    const int *class_of;    /**< closed set: [images], each from 0 to classes - 1 */
} arc_generate_targets;

/** Fills every field with its default: none. Thread: any. */
ARC_API void arc_generate_targets_default(arc_generate_targets *targets);

/** The terms of the loss, weights included, so that they sum up to `total`. */
typedef struct arc_generate_losses {
    double total;    /**< all of them */
    double identity; /**< of identity */
    double bn;       /**< of statistics */
    double tv;       /**< total variation */
    double l2;       /**< length of the pictures */
    double cosine;   /**< no term: cosine of embedding and target, mean over the pictures */
} arc_generate_losses;

/** What is known after a step. */
typedef struct arc_generate_progress {
    int64_t step;               /**< from 1 */
    int64_t steps;              /**< of the options */
    arc_generate_losses losses; /**< before the update; of the pictures as this step saw them, moved or mirrored */
    double rate;                /**< of the step */
    int64_t halvings;           /**< how often numbers that were not finite have halved the rate so far */
    bool finite;                /**< false: this step's were not; the pictures went back to those before */
    const char *layer; /**< where they were not, "" when not in the network; belongs to the generator; NULL when finite */
} arc_generate_progress;

/** Measures the statistics that real faces cause in a model, at each BatchNormalization that it has and at each convolution in
 * which one was folded (as its bias tells), and writes them to a small file, atomically. crops: [count] aligned crops of the
 * model's size, RGB8 or BGR8; hundreds of different people are a good number. progress (may be NULL): anything but 0 cancels.
 * Thread: any. Errors: EINVAL (fewer than 2 crops), ESHAPE, EUNSUPPORTED (no such place, or an operator without gradient),
 * ECORRUPT (the network gives numbers that are not finite), ECANCEL, EIO, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_generate_measure(arc_context *ctx, const arc_model *model, const arc_image *crops, int count,
                                                      const char *path, int (*progress)(void *ctx, int done, int count),
                                                      void *progress_ctx, arc_error *err);

/** What a generator works with. */
typedef struct arc_generate_facts {
    int batchnorms;        /**< BatchNormalizations in the network */
    int folded;            /**< convolutions in which one was folded, as far as their bias tells */
    int used;              /**< places whose statistics are compared with a target */
    bool measured;         /**< the targets were measured on pictures */
    int64_t network_bytes; /**< weights, activations, scratch */
    int64_t picture_bytes; /**< pictures and what the optimiser keeps of them */
    int width_px;          /**< of a picture */
    int height_px;         /**< of a picture */
    int levels;            /**< of the options, or as many as the size can be halved */
} arc_generate_facts;

/** A batch of pictures being generated. One thread at a time. */
typedef struct arc_generator arc_generator;

/** A generator of targets->images pictures. The model must outlive it; targets are copied. With a context of precision BF16 the
 * network runs in bfloat16. It takes all its memory here (arc_generator_facts), steps take none. `options` may be NULL for
 * ARC_GENERATE_QUICK. Same seed, same bits, for any number of threads.
 * Ownership: free with arc_generator_free. Thread: any. Errors: EINVAL (options; embeddings or centres of another length than the
 * model's, not finite or zero; a class that is not there); EUNSUPPORTED (an operator without gradient, named); those of reading
 * the file of statistics; ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_generator_new(arc_context *ctx, const arc_model *model, const arc_generate_targets *targets,
                                                   const arc_generate_options *options, arc_generator **out, arc_error *err);

/** Frees the generator and nulls the pointer; NULL is allowed. Thread: one at a time. */
ARC_API void arc_generator_free(arc_generator **generator);

/** What it works with. Thread: one at a time. */
ARC_API void arc_generator_facts(const arc_generator *generator, arc_generate_facts *out);

/** Steps done so far. Thread: one at a time. */
ARC_API int64_t arc_generator_steps_done(const arc_generator *generator);

/** One step. Numbers that are not finite are no error: the pictures go back to what they were before the last step, the rate is
 * halved, *out says so. `out` may be NULL. Thread: one at a time.
 * Errors: ELIMIT (too many such steps in a row). */
ARC_API ARC_NODISCARD arc_status arc_generator_step(arc_generator *generator, arc_generate_progress *out, arc_error *err);

/** Picture `index` as it is now, RGB8. Ownership: free with arc_image_free. Thread: one at a time. Errors: EINVAL (index),
 * ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_generator_image(arc_generator *generator, int index, arc_image *out, arc_error *err);

/** Writes all that arc_generator_load needs to go on bit for bit, atomically. Thread: one at a time. Errors: EIO, ENOTFOUND,
 * ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_generator_save(const arc_generator *generator, const char *path, arc_error *err);

/** Continues from such a file: this generator was made with the same model, targets and options. After a failure the generator
 * is as it was. Thread: one at a time. Errors: ENOTFOUND, EIO, EFORMAT, ECORRUPT, EUNSUPPORTED (another version), EINVAL (made
 * with other targets, options or another model: the sentence says which), ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_generator_load(arc_generator *generator, const char *path, arc_error *err);

/** Rows of numbers: embeddings or class centres. */
typedef struct arc_generate_rows {
    float *row; /**< [count][dim] */
    int count;  /**< rows */
    int dim;    /**< numbers in each */
} arc_generate_rows;

/** Reads rows: a NumPy file of float32 [count][dim] (or [dim]: one row), or the class centres in the state of a training
 * (step-NNNNNNNN.state). Ownership: free with arc_generate_rows_free. Thread: any. Errors: ENOTFOUND, EIO, EFORMAT, ECORRUPT,
 * ESHAPE (another number of dimensions), EUNSUPPORTED (several centres a class), ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_generate_rows_load(arc_context *ctx, const char *path, arc_generate_rows *out,
                                                        arc_error *err);

/** Frees what rows hold and zeroes the struct; NULL is allowed. Thread: one at a time. */
ARC_API void arc_generate_rows_free(arc_context *ctx, arc_generate_rows *rows);

/** Most judges of a generation. */
#define ARC_GENERATE_MAX_JUDGES 8

/** People by their photos. */
typedef struct arc_generate_people arc_generate_people;

/** How people are read. */
typedef struct arc_generate_people_options {
    size_t struct_size;            /**< set by arc_generate_people_options_default */
    const arc_model *detector;     /**< finds the faces; may be NULL when aligned */
    bool aligned;                  /**< the photos are ready crops; default false */
    arc_detect_options detect;     /**< how faces are looked for */
    const arc_model *const *judge; /**< [judges] models that see the people too */
    int judges;                    /**< default 0; at most ARC_GENERATE_MAX_JUDGES */
    /** [count] paths with equal numbers, from 0 to count - 1, show one person; NULL = all of them do */
    const int *person;
    /** Gets a sentence for each photo that gave no face; may be NULL */
    void (*say)(void *ctx, const char *line);
    void *say_ctx; /**< passed to say */
} arc_generate_people_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_generate_people_options_default(arc_generate_people_options *options);

/** Reads people from photos, paths: [count]. A folder that holds folders is a person for each of these, named as it; everything
 * else named is one person together (options->person: several), a folder standing for the pictures in it. The embedding of a
 * person is the mean of those of the photos, each of length 1. A photo without a face is told and left out. `options` may be
 * NULL. Ownership: free with arc_generate_people_free. Thread: any. Errors: ENOTFOUND, EIO, EINVAL (a person without a face,
 * named; no detector; too many judges; a number of options->person that cannot be), those of embedding, ELIMIT, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_generate_people_new(arc_context *ctx, const arc_model *model, const char *const *paths,
                                                         int count, const arc_generate_people_options *options,
                                                         arc_generate_people **out, arc_error *err);

/** Frees the people and nulls the pointer; NULL is allowed. Thread: one at a time. */
ARC_API void arc_generate_people_free(arc_generate_people **people);

/** What a run of a generation is given. Pointers must stay valid during the run. */
typedef struct arc_generate_job {
    size_t struct_size;                  /**< set by arc_generate_job_default */
    const char *folder;                  /**< gets the pictures; made when it is not there; needed */
    const arc_generate_people *people;   /**< open set, by photos; or NULL */
    const arc_generate_rows *embeddings; /**< open set: a person for each row; or NULL */
    const arc_generate_rows *centres;    /**< closed set; or NULL */
    const int *class_of;                 /**< closed set: [classes] whom to generate */
    int classes;                         /**< closed set: how many */
    int count;                           /**< pictures of each person; default 1 */
    int batch;                           /**< pictures that are generated together; default 16 */
    bool resume;                         /**< go on where an earlier run in the folder ended; default false */
    const arc_model *const *judge;       /**< [judges] as the people were read with */
    int judges;                          /**< default 0 */
    /** Called after each step; anything but 0 ends the run after its state was saved, with ECANCEL. batch: from 0. May be NULL.
     */
    int (*progress)(void *ctx, int batch, int batches, const arc_generate_progress *progress);
    /** Gets sentences: memory needed, places of statistics; may be NULL */
    void (*say)(void *ctx, const char *line);
    void *ctx; /**< passed to both */
} arc_generate_job;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_generate_job_default(arc_generate_job *job);

/** What a run came to. */
typedef struct arc_generate_result {
    int pictures;        /**< generated, those of earlier runs included */
    int people;          /**< whom they show */
    double cosine;       /**< of the pictures, as written, and their targets by the generating model: mean */
    double least_cosine; /**< the same: least */
    /** [judges] of the pictures and the people's photos by each judge: mean; NAN without photos */
    double judge_cosine[ARC_GENERATE_MAX_JUDGES];
    int64_t halvings; /**< steps of this run that were not finite and halved the rate */
    double seconds;   /**< that this run took */
} arc_generate_result;

/** Generates. The folder gets NNN-NAME-K.png (NNN: the person's number, K: the picture's), grid.png, generated.json (targets,
 * cosines), job.json, preview.png while it runs, and batch-N.state from which `resume` goes on bit for bit. People take turns, so
 * that a batch shows as many as it can. Thread: one at a time for a folder.
 * Errors: those of generators and files; EINVAL (options, nobody or two kinds of targets; a folder that holds another
 * generation); ECANCEL. */
ARC_API ARC_NODISCARD arc_status arc_generate(arc_context *ctx, const arc_model *model, const arc_generate_job *job,
                                              const arc_generate_options *options, arc_generate_result *out, arc_error *err);

/** The line that `arcface generate` shows after a step, without a line break. bytes: of `line`; 300 hold all of it. steps_per_s,
 * left_s: measured by the caller. Thread: any. */
ARC_API void arc_generate_progress_line(const arc_generate_progress *progress, double steps_per_s, double left_s, char *line,
                                        size_t bytes);

#ifdef __cplusplus
}
#endif
#endif
