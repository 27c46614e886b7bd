/* generate: a generator; shared by generator.c, step.c and state.c. */
#ifndef ARC_GENERATE_GENERATOR_INTERNAL_H
#define ARC_GENERATE_GENERATOR_INTERNAL_H

#include "generate/generate.h"

/* One resolution: its part of the pictures, Adam's two means, and all three as they were before the last update. */
typedef struct arc_generate_level {
    arc_generate_size size;
    float *now[3], *before[3]; /* [count] of size: pixels, mean of gradients, mean of their squares */
    float *sum, *gradient;     /* [count]: of this level and all coarser ones; by it */
    int64_t from_step;         /* before it, the level rests at zero */
} arc_generate_level;

/* What changes from step to step beside the pictures. */
typedef struct arc_generate_at {
    int64_t step;
    int64_t halvings, in_row; /* steps that were not finite: in all, and the last ones */
} arc_generate_at;

struct arc_generator {
    const arc_context *ctx;
    arc_alloc alloc;
    const arc_model *model;
    arc_graph *graph;
    arc_learner *learner;
    arc_generate_options options;
    arc_generate_places places;
    bool measured;
    arc_generate_statistics statistics;
    arc_generate_identity identity;
    float scale[3], shift[3]; /* from -1..1 to what the network takes */
    arc_generate_level level[ARC_GENERATE_MAX_LEVELS];
    int levels;
    arc_generate_at at;
    float *block; /* all floats of levels, targets and work */
    size_t block_floats;
    int32_t *class_of;
    double *work;
    float *input, *d_input; /* [count] of the finest size */
    float *d_embedding;
    uint64_t fingerprint; /* of model, targets and options */
};

/* step.c: the loss of the pictures seen so, and its gradient by level 0's pixels in level[0].gradient; level[0].sum are the
 * pictures. *layer: where numbers were not finite, NULL: nowhere. */
arc_status arc_generator_loss(arc_generator *g, const arc_generate_view *view, arc_generate_losses *out, const char **layer,
                              arc_error *err);
/* step.c: level[0].sum from all levels. */
void arc_generator_compose(arc_generator *g);

#endif
