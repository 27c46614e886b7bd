/* model: runs a network on pictures of 8-bit pixels, without converting them to floats first. */
#ifndef ARC_MODEL_PIXELS_H
#define ARC_MODEL_PIXELS_H

#include "op/pixels.h"
#include <arcface/model.h>

/* As arc_net_run on the floats that the pixels stand for, dim = {n, 3, h, w}, with the same bits. */
arc_status arc_net_run_pixels(arc_net *net, const arc_pixels *pixels, const int64_t dim[4], arc_error *err);

/* The points of the faces of the next run, [faces], x and y divided by the sides; for models that take points, else nothing
 * happens.
 * Errors: ENOMEM. */
arc_status arc_net_set_points(arc_net *net, const float (*points)[5][2], int faces, arc_error *err);

#endif
