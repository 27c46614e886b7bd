/* train: the inside of the head, shared by its passes. Cosines of a tile are class-major, [class][sample]: centres are the rows of the
 * product and read where they lie, the batch is its packed side. */
#ifndef ARC_TRAIN_HEAD_HEAD_INTERNAL_H
#define ARC_TRAIN_HEAD_HEAD_INTERNAL_H

#include "train/head/head.h"

#define ARC_HEAD_TILE_ROWS 64  /* centres of a tile; fixed, so that results don't depend on threads */
#define ARC_HEAD_BAND_TILES 16 /* tiles whose gradient waits for the product with the centres */

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

    /* The step. Samples of the batch in order; `done` of them went forward. */
    int64_t step;
    size_t samples, done, at, n; /* the present part: at .. at+n-1 */
    int64_t *label;              /* [batch] local class, -1: another rank's */
    int32_t *position;           /* [batch] of the label among the active classes, -1 */
    int32_t *active;             /* [count] local classes that take part, rising; NULL when all do */
    size_t actives;
    float *inverse;  /* [count*centres] 1 / norm of active centres, by active row */
    uint8_t *picked; /* [count] or NULL: for the rows that rest or coast */
    uint64_t *draw;  /* [count] or NULL */

    float *embedding;          /* [batch][dim], as they came */
    float *inverse_norm;       /* [batch] 1 / norm */
    float *hard, *log_sum;     /* [batch] */
    int32_t *chosen;           /* [batch] the target's nearest centre */
    double *norm, *cosine;     /* [batch] */
    arc_margin_target *target; /* [batch] */
    float *most, *sum;         /* [tiles][part]: partial softmax */
    float *kept;               /* [actives][part] cosines of the part, NULL when they don't fit */
    uint8_t *kept_centre;      /* [actives][part] nearest centre */
    bool kept_valid;
    float *columns;           /* the part or batch packed: samples are columns */
    float *rows;              /* the same with dim as columns, for the centres' gradient */
    float *band, *band_panel; /* [part][band rows] gradient, sample-major; [dim panels][band rows] centres */
    float *scratch;           /* per thread */
    size_t scratch_floats, band_rows;
};

/* A slice of samples in packed form: what a pass multiplies with. */
typedef struct arc_head_slice {
    size_t at, n;
} arc_head_slice;

size_t arc_head_tiles(const arc_head *h);
/* tile.c. scratch of a thread: arc_head_tile_floats. */
typedef struct arc_head_tile {
    size_t first, classes; /* active classes */
    const float *cosine;   /* [classes][n] to the nearest centre */
    const uint8_t *centre; /* [classes][n], NULL when centres is 1 */
    float *free;           /* scratch behind what the tile itself uses */
} arc_head_tile;
size_t arc_head_tile_floats(const arc_head *h, size_t n);
const float *arc_head_row(const arc_head *h, size_t active_class, size_t centre);
void arc_head_inverse_norms(arc_head *h);
/* Cosines of tile t with the slice's samples (packed in h->columns), computed into scratch; or the kept ones. */
void arc_head_tile_get(const arc_head *h, size_t t, arc_head_slice s, bool kept, float *scratch, arc_head_tile *out);
/* d loss / d cosine of every centre row: g [classes*centres][n]. */
void arc_head_tile_gradient(const arc_head *h, const arc_head_tile *tile, arc_head_slice s, float *line, float *g);
void arc_head_pack_columns(arc_head *h, arc_head_slice s);
void arc_head_pack_rows(arc_head *h, arc_head_slice s);
/* c [m][n] (+)= rows . panels; the common product of all passes. */
void arc_head_product(const arc_kernels *k, size_t m, size_t n, size_t depth, const float *const *row, const float *panels,
                      float *c, size_t c_stride, bool accumulate);

/* sample.c: label, position, active, actives for this step. */
arc_status arc_head_sample(arc_head *h, const int64_t *label, size_t n, arc_error *err);

#endif
