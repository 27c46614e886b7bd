/* Resize by weights: what resize.c hands over for cubic interpolation and antialiasing. */
#ifndef ARC_OP_RESIZE_FILTER_H
#define ARC_OP_RESIZE_FILTER_H

#include "op/layer.h"

#define ARC_FILTER_MAX_TAPS 4096

typedef struct arc_filter_axis_taps {
    int taps;         /* of each output index; 0: the axis keeps its size */
    int64_t *index;   /* [out][taps], inside the input */
    double *weight;   /* [out][taps] */
    uint8_t *outside; /* [out]: takes the extrapolation value */
} arc_filter_axis_taps;

typedef struct arc_filter {
    int rank;
    float outside;
    arc_filter_axis_taps axis[ARC_MAX_RANK];
} arc_filter;

typedef struct arc_filter_request {
    int64_t in; /* size of the axis */
    double scale, cubic_coefficient;
    bool cubic, antialias, exclude_outside, crops;
} arc_filter_request;

/* Taps of one axis; source[o] is the coordinate in the input that output index o stands for. */
arc_status arc_filter_axis(arc_arena *arena, const arc_filter_request *r, int64_t out, const float *source,
                           arc_filter_axis_taps *axis, arc_error *err);
void arc_filter_run(const arc_step *s, const arc_filter *f);

#endif
