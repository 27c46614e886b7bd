/* learn: its values, events and buffers; shared by learner.c, build.c, schedule.c and graph.c. */
#ifndef ARC_LEARN_LEARNER_INTERNAL_H
#define ARC_LEARN_LEARNER_INTERNAL_H

#include "device/device.h"
#include "learn/learner.h"
#include "op/learn_step.h"
#include "plan/place.h"

/* An activation. Value 0 is the images. */
typedef struct arc_learn_value {
    arc_shape shape; /* with the largest batch */
    arc_store store;
    int producer;  /* step; ARC_NO_VALUE: the images */
    int users;     /* steps that read it */
    int last_user; /* the last of them */
    bool learns;   /* its gradient is wanted for a parameter below */
    bool is_output;
} arc_learn_value;

typedef enum arc_learn_kind { ARC_LEARN_FORWARD, ARC_LEARN_AGAIN, ARC_LEARN_BACKWARD } arc_learn_kind;

/* One entry of the schedule; indices are of buffers, ARC_NO_VALUE: not there. */
typedef struct arc_learn_event {
    arc_learn_kind kind;
    int step;
    int x[ARC_LEARN_INPUTS], y, dy, dx[ARC_LEARN_INPUTS];
    bool add[ARC_LEARN_INPUTS];
} arc_learn_event;

typedef struct arc_learn_plan {
    arc_learn_event *event;
    int events, forwards; /* the first `forwards` events are the forward pass */
    arc_block *buffer;    /* alive over events */
    int buffers;
    int images, output, d_output, d_images; /* buffers */
    size_t bytes;
} arc_learn_plan;

struct arc_learner {
    arc_execution x;
    arc_alloc memory; /* the device's */
    const arc_graph *graph;
    arc_learner_options options;
    arc_arena arena; /* steps, values, the schedule and the steps' states */
    arc_learn_step *step;
    int steps;
    arc_learn_value *value;
    int values;
    arc_learn_parameter *parameter, *statistic;
    size_t parameters, statistics;
    arc_learn_norm *norm;
    size_t norms;
    int *owner; /* of each value of the graph: 1 + parameter, -1 - statistic, 0 = neither */
    arc_learn_plan plan;
    float *weights, *gradients;
    uint8_t *activations, *scratch, *shared;
    size_t weights_bytes, gradients_bytes, scratch_stride, scratch_bytes, shared_bytes;
    size_t n; /* images of the last forward; 0: none that backward could follow */
    bool evaluating, timing;
    const char *not_finite;
    arc_learn_ready_fn *ready; /* the caller's, NULL: none */
    void *ready_ctx;
};

/* build.c: steps, values, parameters from the graph. */
arc_status arc_learn_build(arc_learner *l, const arc_shape *input, arc_error *err);
/* schedule.c: the schedule, and a place for every activation and gradient. */
arc_status arc_learn_plan_new(arc_learner *l, arc_error *err);
/* graph.c: a graph of its own with the learner's present weights */
arc_status arc_learn_copy_graph(const arc_learner *l, arc_graph **out, arc_error *err);

#endif
