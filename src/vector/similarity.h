/* vector: all dot products of the rows of two matrices, given to a visitor block by block; the full rows x columns matrix is
 * never stored. */
#ifndef ARC_VECTOR_SIMILARITY_H
#define ARC_VECTOR_SIMILARITY_H

#include "base/base.h"

/* Scores of rows row..row+rows-1 with columns column..column+columns-1: score[i*stride + j]. All tiles of a row come from the
 * same thread, columns rising. */
typedef void arc_similarity_visit(void *arg, int thread, int64_t row, int rows, int64_t column, int columns, const float *score,
                                  size_t stride);

typedef struct arc_similarity {
    const float *row, *column; /* [rows][dim], [columns][dim], unit vectors */
    int64_t rows, columns;
    int dim;
    bool upper;            /* only tiles that have a column with a higher number than a row */
    int64_t block_columns; /* packed at a time; 0: as many as fit 256 MiB */
    arc_similarity_visit *visit;
    void *arg;
    int (*progress)(void *ctx, int64_t done, int64_t total);
    void *progress_ctx;
} arc_similarity;

/* Takes columns*dim*4 bytes, at most 256 MiB. Errors: ENOMEM, ECANCEL. The scores are the same for any number of threads. */
arc_status arc_similarity_run(arc_context *ctx, const arc_similarity *s, arc_error *err);

/* Counts of scores of one kind on a grid of 2^-20 from -1 to 1; a score counts at the grid point at or below it. */
#define ARC_GRID_STEP 0x1p-20
#define ARC_GRID_POINTS (2 * (1 << 20) + 1)
static inline int arc_grid_point(float score) {
    const float at = score * 0x1p20f; /* exact */
    int i = (int)at;
    i -= (float)i > at;
    i += 1 << 20;
    return i < 0 ? 0 : i >= ARC_GRID_POINTS ? ARC_GRID_POINTS - 1 : i;
}
static inline double arc_grid_score(int point) {
    return (point - (1 << 20)) * ARC_GRID_STEP;
}

#endif
