/* op: a 3x3 convolution of stride 1 by Winograd's algorithm, from an input and transformed weights to the output. winograd.c
 * (inference) and winograd_learn.c (training) run it with weights that they transform in their own ways.
 *
 * The output is cut into t x t tiles. Each (t+2) x (t+2) window of the input is transformed (V), which turns the convolution into
 * (t+2)^2 independent products of matrices [tiles][c_in] x [c_in][c_out] on the igemm tile (M), and the inverse transform ends in
 * the usual epilogue. t = 4 needs a quarter of the multiplications of the direct way and 4 times its weights, t = 2 four ninths
 * and 1.8 times. A padded pixel is a pointer to the pad row, as everywhere, so a BatchNormalization folded from in front stays
 * exact. */
#ifndef ARC_OP_CONV_WINOGRAD_BLOCKS_H
#define ARC_OP_CONV_WINOGRAD_BLOCKS_H

#include "base/threads.h"
#include "kernel/kernel.h"

#define ARC_WINOGRAD_MAX_POINTS (ARC_WINOGRAD_MAX_N * ARC_WINOGRAD_MAX_N)

/* How tiles are worked off, in blocks. An output element is the same chain of operations in all three: the bits do not depend on
 * threads or blocks. */
typedef enum arc_winograd_schedule {
    ARC_WINOGRAD_OWN_BLOCKS,    /* V and M of a block fit in L2: threads take whole blocks and never wait for each other */
    ARC_WINOGRAD_SHARED_PANELS, /* all threads transform one block, whose V fits in L2; then each takes output panels */
    ARC_WINOGRAD_SHARED_POINTS, /* V is larger: products go point by point, so that V of a point stays in L2 over all panels */
    ARC_WINOGRAD_SCHEDULES
} arc_winograd_schedule;

/* The caller fills the first group, arc_winograd_tiles_init the second, arc_winograd_blocks_init the third. */
typedef struct arc_winograd_blocks {
    int t;           /* 2 or 4 */
    arc_form form;   /* of U: with ARC_FORM_BF16 V is bfloat16 as well */
    arc_store store; /* of the input and the output; ARC_STORE_BF16 goes with ARC_FORM_BF16 */
    int64_t h, w, oh, ow, pad_top, pad_left;
    size_t c_in, c_out;

    size_t points, tiles_y, tiles_x;
    size_t row;                          /* floats of a row of V: c_in, or half of it */
    size_t panels, panel_floats, floats; /* of U, [panel][point][row][igemm_nr]: one panel and point; all */

    arc_winograd_schedule schedule;
    size_t block_tiles;
    size_t m_panels;                    /* panels of output channels that M holds at a time: one, or all */
    size_t parts;                       /* of the tiles of a shared block: an item of work is a part of one panel */
    size_t v_floats;                    /* of a block; M follows V in own blocks and where it is shared */
    size_t scratch_bytes, shared_bytes; /* a thread's; the call's, without U */
} arc_winograd_blocks;

/* False when the weights are too many for memory. */
bool arc_winograd_tiles_init(arc_winograd_blocks *b, const arc_kernels *k);
/* The schedule that suits a layer of `tiles` tiles in all. */
arc_winograd_schedule arc_winograd_usual_schedule(const arc_winograd_blocks *b, const arc_kernels *k, size_t tiles,
                                                  size_t threads);
/* Cuts `images` images into blocks for b->schedule. False when the scratch is too large for memory. */
bool arc_winograd_blocks_init(arc_winograd_blocks *b, const arc_kernels *k, size_t images, size_t threads);

static inline size_t arc_winograd_tiles(const arc_winograd_blocks *b, size_t images) {
    return images * b->tiles_y * b->tiles_x;
}

typedef struct arc_winograd_tile {
    size_t image;
    int64_t y, x; /* its first output pixel */
} arc_winograd_tile;
arc_winograd_tile arc_winograd_tile_at(const arc_winograd_blocks *b, size_t tile);
/* From a tile to the next one, without the divisions. */
static inline void arc_winograd_tile_next(const arc_winograd_blocks *b, arc_winograd_tile *at) {
    at->x += b->t;
    if (at->x < b->ow)
        return;
    at->x = 0;
    at->y += b->t;
    if (at->y < b->oh)
        return;
    at->y = 0;
    at->image++;
}
/* Pointers to the pixels of the tile's window of the input, `pad` for those outside. */
void arc_winograd_window(const arc_winograd_blocks *b, const void *input, const void *pad, arc_winograd_tile at,
                         const void **list);

typedef struct arc_winograd_call {
    const arc_winograd_blocks *blocks;
    const arc_kernels *kernels;
    arc_pool *pool;
    size_t images;
    const void *x, *pad; /* pad: [c_in] */
    const float *u;
    void *y;
    arc_epilogue e;   /* seen from the first pixel; a bfloat16 output has its bias alone */
    bool add;         /* y += */
    uint8_t *scratch; /* thread t has scratch + t*scratch_stride */
    size_t scratch_stride;
    float *shared;
} arc_winograd_call;
void arc_winograd_convolve(const arc_winograd_call *call);

#endif
