/* op: the gradient of a convolution's input, by phases: input pixels y = y0 + i*stride, x = x0 + j*stride meet the
 * same taps, as a convolution of stride 1 over dy. */
#ifndef ARC_OP_CONV_PHASE_LEARN_H
#define ARC_OP_CONV_PHASE_LEARN_H

#include "op/conv/geometry.h"

typedef struct arc_conv_phase {
    int64_t y0, x0, rows, cols; /* pixels of the input */
    size_t taps;
    int64_t *tap;           /* ky*kw + kx */
    int64_t *off_y, *off_x; /* the output pixel of tap t is (i + off_y[t], j + off_x[t]) */
    size_t weights_at;      /* of this phase in a packed buffer; the user's */
} arc_conv_phase;
typedef struct arc_conv_phases {
    size_t count;
    arc_conv_phase *phase;
} arc_conv_phases;
arc_status arc_conv_phases_new(arc_conv_phases *out, arc_arena *arena, const arc_conv_geometry *g, arc_error *err);
/* list[i*pixel_stride + t*tap_stride] for `count` pixels of image `image`, row i, columns from j. */
void arc_conv_phase_pointers(const arc_conv_geometry *g, const arc_conv_phase *p, const float *dy, const float *zero,
                             size_t image, int64_t i, int64_t j, size_t count, size_t pixel_stride, size_t tap_stride,
                             const float **list);

#endif
