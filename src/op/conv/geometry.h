/* op: geometry of Conv and ConvTranspose, and the pointer lists by which the kernels see their input. */
#ifndef ARC_OP_CONV_GEOMETRY_H
#define ARC_OP_CONV_GEOMETRY_H

#include "op/candidate.h"
#include "op/fused.h"

/* All of one convolution over NHWC. Output pixels are numbered (image*oh + oy)*ow + ox. */
typedef struct arc_conv_geometry {
    bool transposed;
    int64_t n, h, w, c_in, oh, ow, c_out, groups;
    int64_t kh, kw, stride_h, stride_w, dilation_h, dilation_w;
    int64_t pad_top, pad_left;
} arc_conv_geometry;

/* Reads attributes and checks them against the shapes; why (a sentence) is filled when the result is not ARC_OK. */
arc_status arc_conv_read(const arc_node *node, bool transposed, const arc_shape *x, const arc_shape *w, arc_conv_geometry *g,
                         char *why, size_t why_bytes);

/* For `pixels` output pixels from number `first`: list[i*pixel_stride + t*tap_stride] = input row of tap t (channel `channel`
 * on), or pad. */
void arc_conv_pointers(const arc_conv_geometry *g, const float *x, const float *pad, size_t channel, size_t first, size_t pixels,
                       size_t pixel_stride, size_t tap_stride, const float **list);

/* The tiles of an implicit GEMM's pixels in blocks: the pointer lists of a block are built once and used for all panels. */
typedef struct arc_conv_blocks {
    size_t all_tiles, tiles, count; /* tiles of mr pixels in all; of a block; blocks */
} arc_conv_blocks;
/* Blocks as large as the caches allow, but enough items for every thread. row_bytes: of the pixels of one tap, `panels` of
 * weights in all. */
arc_conv_blocks arc_conv_blocks_of(const arc_conv_geometry *g, size_t mr, size_t row_bytes, size_t panels, size_t threads);

/* The state of every convolution has this as its first member: how it runs. */
typedef void arc_conv_run_fn(const arc_step *s);

/* depthwise.c: depthwise and thinly grouped convolution. */
bool arc_dwconv_fits(const arc_conv_geometry *g);
arc_status arc_dwconv_prepare(arc_prepare *p, const arc_conv_geometry *g);

/* winograd.c: 3x3 of stride 1. Adds the ways that fit to the list (room for ARC_MAX_CANDIDATES in all); returns how many. */
int arc_winograd_candidates(const arc_prepare *p, const arc_conv_geometry *g, arc_candidate *list);
arc_status arc_winograd_prepare(arc_prepare *p, const arc_conv_geometry *g, int tile, arc_form form, const char *schedule);

/* ---- weights.c ---- */

/* The weights of step s, of all groups: a set a group. */
arc_panels arc_conv_panels(const arc_step *s, const arc_conv_geometry *g);
/* How the weights of this convolution are to be kept, by the precision asked for; half precision where they fit
 * (arc_panels_fit_f16, `least`). */
arc_form arc_conv_form(const arc_step *s, const arc_conv_geometry *g, double least);
/* Products of one pixel and tap as the tile does them: a register of output channels is the least. */
double arc_conv_pairs(const arc_kernels *k, const arc_conv_geometry *g);

#endif
