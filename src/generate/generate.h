/* generate: faces from the gradients and the statistics of a network: what the room's files share. The loss and its gradient with
 * respect to pixels are here to be held against differences and PyTorch; <arcface/generate.h> has what others use. */
#ifndef ARC_GENERATE_GENERATE_H
#define ARC_GENERATE_GENERATE_H

#include "base/base.h"
#include "learn/learner.h"
#include "model/model.h"
#include "train/head/margin.h"
#include <arcface/generate.h>

#define ARC_GENERATE_MAX_LEVELS 6
#define ARC_GENERATE_CHANNELS 3

/* ---- places.c: the network as a learner takes it --------------------------------------------------------------------------- */

typedef struct arc_generate_places {
    int batchnorms; /* in the network */
    int folded;     /* convolutions with a bias and no BatchNormalization behind them */
} arc_generate_places;
#define ARC_GENERATE_RESTORED ".statistics" /* how its name ends */
/* A copy that borrows from the model's graph and has one output, the embedding. restored: behind every convolution in which a
 * BatchNormalization was folded stands one that changes nothing, so that the learner measures there. */
arc_status arc_generate_graph(arc_graph **out, arc_generate_places *places, const arc_model *model, bool restored,
                              arc_error *err);

/* ---- shapes: pictures are float [n][3][height][width] in -1..1, channels in the order of the network's input ----------------
 */

typedef struct arc_generate_size {
    size_t images, height, width;
} arc_generate_size;
static inline size_t arc_generate_plane(const arc_generate_size *s) {
    return s->height * s->width;
}
static inline size_t arc_generate_count(const arc_generate_size *s) {
    return s->images * ARC_GENERATE_CHANNELS * arc_generate_plane(s);
}
static inline arc_generate_size arc_generate_half(const arc_generate_size *s) {
    return (arc_generate_size){s->images, s->height / 2, s->width / 2};
}

/* ---- picture.c ------------------------------------------------------------------------------------------------------------- */

/* to += from, of half the size, enlarged bilinearly. */
void arc_generate_enlarge(arc_pool *pool, const arc_generate_size *size, const float *from, float *to);
/* The transpose of that: to, of half the size, = what each of its elements has in `from`. */
void arc_generate_reduce(arc_pool *pool, const arc_generate_size *size, const float *from, float *to);

/* In place: each row becomes the mean of itself and its mirror image. */
void arc_generate_mirror(arc_pool *pool, const arc_generate_size *size, float *x);

/* How one step sees the pictures: rolled by whole pixels, then mirrored. */
typedef struct arc_generate_view {
    int down_px, right_px;
    bool mirrored;
} arc_generate_view;
/* to = scale[c] * (from as seen) + shift[c] */
void arc_generate_see(arc_pool *pool, const arc_generate_size *size, const arc_generate_view *view, const float *from,
                      const float scale[3], const float shift[3], float *to);
/* The transpose: to = scale[c] * (from moved back) */
void arc_generate_unsee(arc_pool *pool, const arc_generate_size *size, const arc_generate_view *view, const float *from,
                        const float scale[3], float *to);

/* ---- sketch.c -------------------------------------------------------------------------------------------------------------- */

/* Adds a face, as plain as can be, to every picture: skin, eyes, nose and mouth where the template has them. */
void arc_generate_sketch(const arc_generate_size *size, const arc_contract *contract, double strength, float *x);

/* ---- smooth.c: total variation and length of the pictures ------------------------------------------------------------------ */

/* Adds the gradient to d. work: double [images][5]. */
typedef struct arc_generate_smoothness {
    double tv, l2;
} arc_generate_smoothness;
arc_generate_smoothness arc_generate_smooth(arc_pool *pool, const arc_generate_size *size, double tv_weight, double l2_weight,
                                            const float *x, double *work, float *d);

/* ---- identity.c ------------------------------------------------------------------------------------------------------------ */

/* Who the pictures shall show. Rows have length 1. */
typedef struct arc_generate_identity {
    size_t images, dim, classes; /* classes 0: open set */
    const float *row;            /* open: [images][dim] targets; closed: [classes][dim] centres */
    const int32_t *class_of;     /* closed: [images] */
    arc_margin margin;
    double weight;
    float *logit; /* closed: [images][classes], work */
} arc_generate_identity;
typedef struct arc_generate_likeness {
    double loss, cosine; /* mean over the images, the loss with its weight */
} arc_generate_likeness;
/* embedding [images][dim] -> d the same. work: double [images][2]. */
arc_generate_likeness arc_generate_identify(const arc_generate_identity *id, const arc_context *ctx, const float *embedding,
                                            double *work, float *d);
/* Each of [count] must be from 0 to classes - 1. Errors: EINVAL. */
arc_status arc_generate_check_classes(const int *class_of, int count, int classes, arc_error *err);

/* ---- statistics.c: what the network should see at its normalisations --------------------------------------------------------
 */

typedef struct arc_generate_statistics {
    size_t places;
    size_t *first; /* [places] of the place's channels in mean and deviation */
    bool *folded;  /* [places] a BatchNormalization was folded there */
    float *mean, *deviation;
    size_t channels; /* of all places */
} arc_generate_statistics;
/* As long as the learner's normalisations; from their running statistics. */
arc_status arc_generate_statistics_new(arc_generate_statistics *s, const arc_alloc *a, arc_learner *l, arc_error *err);
void arc_generate_statistics_free(arc_generate_statistics *s, const arc_alloc *a);
/* The weighted distance of the last forward's statistics, whose gradient is put into the learner's normalisations. */
double arc_generate_compare(const arc_generate_statistics *s, arc_learner *l, const arc_generate_options *o);
/* What stands for no variance: deviations are sqrt(variance + this). */
#define ARC_GENERATE_LEAST_VARIANCE 1e-8

#endif
