/* train: the head's data, shared by its passes. The cosines of a tile are class-major, [class][sample]: the centres are the
 * rows of the product and are read in place; the batch is the packed operand. */
#ifndef ARC_TRAIN_HEAD_HEAD_INTERNAL_H
#define ARC_TRAIN_HEAD_HEAD_INTERNAL_H

#include "train/head/head.h"

#define ARC_HEAD_TILE_ROWS 64  /* centres of a tile; a constant, so that results don't depend on threads */
#define ARC_HEAD_BAND_TILES 16 /* tiles whose gradients are gathered before they are multiplied with the centres */

struct arc_head {
    arc_alloc alloc;
    arc_pool *pool;
    const arc_kernels *kernels;
    arc_ranks ranks;
    arc_head_options o;
    int64_t first, count; /* this rank's classes */
    size_t centres, dim, batch, part;
    size_t tile_classes;
    float *weight;   /* [count*centres][dim] */
    float *state[2]; /* the same shape */
    arc_margin_state margin, margin_before;

    /* The step: the samples of the batch in order, of which the first `done` have gone forward. */
    int64_t step;
    size_t samples, done, at, n; /* the current part: samples at .. at+n-1 */
    int64_t *label;              /* [batch] class within this rank, -1: another rank's */
    int32_t *position;           /* [batch] position of the label among the active classes, -1: none */
    int32_t *active;             /* [count] this rank's classes that take part, in rising order; NULL: all do */
    size_t actives;
    float *inverse;  /* [count*centres] 1 / norm of active centres, by active row */
    uint8_t *picked; /* [count] or NULL: which classes take part */
    uint64_t *draw;  /* [count] or NULL */

    float *embedding;          /* [batch][dim], as given */
    float *inverse_norm;       /* [batch] 1 / norm */
    float *hard, *log_sum;     /* [batch] */
    int32_t *chosen;           /* [batch] the nearest centre of the sample's own class */
    double *norm, *cosine;     /* [batch] */
    arc_margin_target *target; /* [batch] */
    float *most, *sum;         /* [tiles][part]: partial softmax */
    float *kept;               /* [actives][part] stored cosines of the part; NULL if they don't fit */
    uint8_t *kept_centre;      /* [actives][part] nearest centre */
    bool kept_valid;
    float *columns;           /* the part or the batch, packed with samples as columns */
    float *rows;              /* the same packed with dim as columns, for the gradient by the centres */
    float *band, *band_panel; /* [part][band rows] gradient, sample-major; [dim panels][band rows] centres */
    float *scratch;           /* per thread */
    size_t scratch_floats, band_rows;
};

/* Samples in packed form: the operand that a pass multiplies with. */
typedef struct arc_head_slice {
    size_t at, n;
} arc_head_slice;

size_t arc_head_tiles(const arc_head *h);
/* tile.c. scratch of a thread: arc_head_tile_floats. */
typedef struct arc_head_tile {
    size_t first, classes; /* active classes */
    const float *cosine;   /* [classes][n] to the nearest centre */
    const uint8_t *centre; /* [classes][n], NULL when centres is 1 */
    float *free;           /* scratch after what the tile itself uses */
} arc_head_tile;
size_t arc_head_tile_floats(const arc_head *h, size_t n);
const float *arc_head_row(const arc_head *h, size_t active_class, size_t centre);
void arc_head_inverse_norms(arc_head *h);
/* The cosines of tile t with the samples of the slice (packed in h->columns): computed into scratch, or the stored ones if
 * `kept`. */
void arc_head_tile_get(const arc_head *h, size_t t, arc_head_slice s, bool kept, float *scratch, arc_head_tile *out);
/* d loss / d cosine for every centre: g [classes*centres][n]. */
void arc_head_tile_gradient(const arc_head *h, const arc_head_tile *tile, arc_head_slice s, float *line, float *g);
void arc_head_pack_columns(arc_head *h, arc_head_slice s);
void arc_head_pack_rows(arc_head *h, arc_head_slice s);
/* c [m][n] = or += rows x panels: the product that all passes use. */
void arc_head_product(const arc_kernels *k, size_t m, size_t n, size_t depth, const float *const *row, const float *panels,
                      float *c, size_t c_stride, bool accumulate);

/* sample.c: sets label, position, active and actives for this step. */
arc_status arc_head_sample(arc_head *h, const int64_t *label, size_t n, arc_error *err);

#endif
