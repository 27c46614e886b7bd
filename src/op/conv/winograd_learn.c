/* op: a 3x3 convolution of stride 1 that learns, by Winograd's algorithm with tiles of 4x4, in bfloat16 of 2x2 (Lavin & Gray 2016). All three products are in
 * its domain: y = A^T (U . V) A, with V the transformed input and U the transformed weights; dx is the same convolution over dy with the weights turned round;
 * and dU = sum over tiles of V^T (A dy A^T), from which dw = G^T dU G. Each needs a quarter of the direct way's multiplications, four ninths with tiles of 2x2; the tile of 4 would cost bfloat16
 * two of its eight bits.
 *
 * Weights change at every step, so U is made at every call: 16 channels at a time, transposed into a thread's scratch and transformed.
 * Blocks as in winograd.c; the gradient's blocks depend on the shape only, and so does the order of its sums. */
#include "op/conv/conv_learn.h"
#include <string.h>

#define MAX_TILE 4
#define OWN_BYTES ((size_t)640 << 10)   /* V and M of a thread's own block: L2, less a panel */
#define SHARED_BYTES ((size_t)12 << 20) /* of a shared block: in L3 */
#define OWN_ROWS 24                     /* tiles from which a block keeps the GEMM tile busy */
#define GRAD_ROWS 160                   /* tiles summed in registers: their rows fit L1 */
#define GROUP 16                        /* channels of weights transformed together */
#define MAX_POINTS (ARC_WINOGRAD_MAX_N * ARC_WINOGRAD_MAX_N)

typedef struct wino_job {
    const arc_winograd_way *way;
    const arc_learn_step *s;
    const arc_learn_run *r;
    const float *x, *zero, *u;
    float *y;
    bool add;
    const float *bias;
    float *v, *m, *sums;
    size_t first, tiles, all; /* tiles of the present block; of all images */
    size_t rows;              /* of the gradient's V and M */
    bool more;                /* blocks before it */
} wino_job;

/* ---- prepare ------------------------------------------------------------------------------------------------------------------ */

bool arc_winograd_learns(const arc_conv_geometry *g) {
    return g->kh == 3 && g->kw == 3 && g->stride_h == 1 && g->stride_w == 1 && g->pad_top <= 2 && g->pad_left <= 2 &&
           g->c_in >= 16 && g->c_out >= 16 && g->oh >= MAX_TILE && g->ow >= MAX_TILE;
}

static void choose_blocks(arc_winograd_way *w, size_t images, size_t threads) {
    const size_t tiles = images * w->tiles_y * w->tiles_x, tile_bytes = w->points * (w->row + w->c_out) * sizeof(float);
    const size_t own_tiles = OWN_BYTES / tile_bytes;
    w->own = own_tiles >= OWN_ROWS && (threads == 1 || tiles >= threads * OWN_ROWS);
    const size_t most = w->own ? own_tiles : ARC_MAX(SHARED_BYTES / tile_bytes, (size_t)OWN_ROWS);
    const size_t blocks = (tiles + most - 1) / most;
    w->block_tiles = (tiles + blocks - 1) / blocks;
}

static arc_winograd_way way_of(const arc_kernels *k, const arc_conv_geometry *g, bool turned, bool half, size_t threads) {
    arc_winograd_way w = {.t = half ? 2 : 4, .turned = turned, .half = half};
    w.points = (size_t)((w.t + 2) * (w.t + 2));
    w.h = turned ? g->oh : g->h;
    w.w = turned ? g->ow : g->w;
    w.oh = turned ? g->h : g->oh;
    w.ow = turned ? g->w : g->ow;
    w.pad_y = turned ? 2 - g->pad_top : g->pad_top;
    w.pad_x = turned ? 2 - g->pad_left : g->pad_left;
    w.c_in = (size_t)(turned ? g->c_out : g->c_in);
    w.c_out = (size_t)(turned ? g->c_in : g->c_out);
    w.row = w.c_in / (half ? 2 : 1);
    w.tiles_y = (size_t)((w.oh + w.t - 1) / w.t);
    w.tiles_x = (size_t)((w.ow + w.t - 1) / w.t);
    w.panels = (w.c_out + k->igemm_nr - 1) / k->igemm_nr;
    w.panel_floats = w.row * k->igemm_nr;
    w.point_floats = w.panels * w.panel_floats;
    choose_blocks(&w, (size_t)g->n, threads);
    return w;
}

/* Floats of shared scratch: U, and V and M of a shared block behind it. */
static size_t way_floats(const arc_winograd_way *w) {
    return w->points * (w->point_floats + (w->own ? 0 : w->block_tiles * (w->row + w->c_out)));
}
static size_t way_scratch(const arc_winograd_way *w) {
    const size_t weights = GROUP * 9 * ARC_MAX(w->c_in, w->c_out),
                 own = w->own ? w->points * w->block_tiles * (w->row + w->c_out) : 0;
    return ARC_MAX(weights, own) * sizeof(float);
}

arc_status arc_winograd_learn_prepare(arc_learn_prepare *p, const arc_conv_geometry *g, const arc_winograd_learn **out) {
    arc_learn_step *s = p->step;
    arc_winograd_learn *w = arc_arena_new(p->arena, 1, sizeof *w);
    const size_t wide = (size_t)ARC_MAX(g->c_in, g->c_out), pairs = (size_t)(g->c_in * g->c_out);
    float *zero = arc_arena_new(p->arena, wide, sizeof *zero);
    if (!w || !zero)
        return arc_fail_nomem(p->err, "convolution state");
    const bool half = s->out_store == ARC_STORE_BF16;
    w->forward = way_of(p->kernels, g, false, half, p->threads);
    w->input = way_of(p->kernels, g, true, half, p->threads);
    w->zero = zero;
    /* Rows of the gradient's V and M: tiles, or pairs of them. */
    const size_t row_floats = w->forward.points * (size_t)(g->c_in + g->c_out),
                 rows = SHARED_BYTES / (row_floats * sizeof(float));
    const size_t tiles = (size_t)g->n * w->forward.tiles_y * w->forward.tiles_x;
    w->grad_tiles = ARC_MIN(ARC_MAX(rows, (size_t)OWN_ROWS) * (half ? 2 : 1), tiles + tiles % 2);
    w->sums_at = (half ? w->grad_tiles / 2 : w->grad_tiles) * row_floats;
    const size_t floats = ARC_MAX(way_floats(&w->forward), way_floats(&w->input));
    const size_t gradient = s->weight->frozen ? 0 : w->sums_at + w->forward.points * pairs;
    s->shared_bytes = ARC_MAX(s->shared_bytes, ARC_MAX(floats, gradient) * sizeof(float));
    s->scratch_bytes = ARC_MAX(s->scratch_bytes, ARC_MAX(way_scratch(&w->forward), way_scratch(&w->input)));
    s->scratch_bytes = ARC_MAX(s->scratch_bytes, GRAD_ROWS * sizeof(float *));
    s->algorithm = half ? "winograd bf16" : "winograd 4x4";
    *out = w;
    return ARC_OK;
}

/* ---- weights ------------------------------------------------------------------------------------------------------------------ */

static float *thread_scratch(const wino_job *job, int thread) {
    return (float *)(void *)(job->r->scratch + (size_t)thread * job->r->scratch_stride);
}

/* Rows of one input channel [9][c_out] into U; columns past c_out become zero. */
static void transform_row(const wino_job *job, const float *row, size_t channel) {
    const arc_winograd_way *w = job->way;
    const arc_kernels *k = job->r->kernels;
    const size_t nr = k->igemm_nr;
    float *u = (float *)(uintptr_t)job->u + channel * nr;
    for (size_t panel = 0; panel < w->panels; panel++, u += w->panel_floats) {
        const size_t width = ARC_MIN(nr, w->c_out - panel * nr);
        k->winograd_weights(w->t, width, row + panel * nr, w->c_out, u, w->point_floats);
        for (size_t i = 0; width < nr && i < w->points; i++)
            memset(u + i * w->point_floats + width, 0, (nr - width) * sizeof *u);
    }
}

/* Rows of two input channels into U as pairs. */
static void transform_pair(const wino_job *job, const float *rows, size_t channel) {
    enum { HALF_POINTS = 16 };
    const arc_winograd_way *w = job->way;
    const arc_kernels *k = job->r->kernels;
    const size_t nr = k->igemm_nr, count = HALF_POINTS * nr;
    float some[HALF_POINTS * ARC_IGEMM_MAX_NR] = {0};
    uint16_t half[2][HALF_POINTS * ARC_IGEMM_MAX_NR];
    float *u = (float *)(uintptr_t)job->u + channel / 2 * nr;
    for (size_t panel = 0; panel < w->panels; panel++, u += w->panel_floats) {
        const size_t width = ARC_MIN(nr, w->c_out - panel * nr);
        if (width < nr)
            memset(some, 0, sizeof some);
        for (size_t c = 0; c < 2; c++) {
            k->winograd_weights(w->t, width, rows + c * 9 * w->c_out + panel * nr, w->c_out, some, nr);
            k->store_save(ARC_STORE_BF16, count, some, half[c]);
        }
        for (size_t i = 0; i < HALF_POINTS; i++)
            k->pair_rows(nr, half[0] + i * nr, half[1] + i * nr, u + i * w->point_floats);
    }
}

/* Groups of input channels. The weights are [o][i][9]; turned, this way's input channel is o and its output channel i. */
static void weight_groups(void *arg, size_t begin, size_t end, int thread) {
    const wino_job *job = arg;
    const arc_winograd_way *w = job->way;
    const arc_kernels *k = job->r->kernels;
    const float *weights = job->s->weight->value;
    float *rows = thread_scratch(job, thread);
    for (size_t group = begin; group < end; group++) {
        const size_t first = group * GROUP, some = ARC_MIN((size_t)GROUP, w->c_in - first);
        if (!w->turned)
            k->transpose(w->c_out, some * 9, weights + first * 9, w->c_in * 9, rows, w->c_out);
        for (size_t c = 0; c < some; c++) {
            float *row = rows + c * 9 * w->c_out;
            for (size_t i = 0; w->turned && i < w->c_out; i++)
                for (size_t q = 0; q < 9; q++)
                    row[(8 - q) * w->c_out + i] = weights[((first + c) * w->c_out + i) * 9 + q];
            if (!w->half)
                transform_row(job, row, first + c);
            else if (c % 2)
                transform_pair(job, row - 9 * w->c_out, first + c - 1);
        }
    }
}

/* ---- convolution -------------------------------------------------------------------------------------------------------------- */

typedef struct wino_tile {
    size_t image;
    int64_t y, x; /* its first output pixel */
} wino_tile;

static wino_tile tile_at(const arc_winograd_way *w, size_t tile) {
    const size_t per_image = w->tiles_y * w->tiles_x, inside = tile % per_image;
    return (wino_tile){tile / per_image, (int64_t)(inside / w->tiles_x) * w->t, (int64_t)(inside % w->tiles_x) * w->t};
}

/* Pointers to the tile's window; to bfloat16 when half. */
static void list_window(const wino_job *job, size_t tile, const void **list) {
    const arc_winograd_way *w = job->way;
    const wino_tile at = tile_at(w, tile);
    const arc_store store = w->half ? ARC_STORE_BF16 : ARC_STORE_F32;
    const void *image = arc_store_at(store, job->x, at.image * (size_t)(w->h * w->w) * w->c_in);
    const int64_t n = w->t + 2, top = at.y - w->pad_y, left = at.x - w->pad_x;
    for (int64_t y = top; y < top + n; y++)
        for (int64_t x = left; x < left + n; x++)
            *list++ = y < 0 || y >= w->h || x < 0 || x >= w->w ? job->zero
                                                               : arc_store_at(store, image, (size_t)(y * w->w + x) * w->c_in);
}

#define AS_FLOATS(list) ((const float *const *)(const void *)(list))
#define AS_HALVES(list) ((const uint16_t *const *)(const void *)(list))

/* Tiles [begin,end) of the block: input to V. */
static void transform_in(const wino_job *job, float *v, size_t first, size_t tiles, size_t begin, size_t end) {
    const arc_winograd_way *w = job->way;
    const void *list[MAX_POINTS];
    for (size_t i = begin; i < end; i++) {
        list_window(job, first + i, list);
        if (w->half)
            job->r->kernels->winograd_in_half(w->t, w->c_in, AS_HALVES(list), (uint16_t *)(void *)v + i * w->c_in,
                                              tiles * w->c_in);
        else
            job->r->kernels->winograd_in(w->t, w->c_in, AS_FLOATS(list), v + i * w->c_in, tiles * w->c_in);
    }
}

/* One point and panel: rows of V times the panel, row tiles of equal height. */
static void multiply(const wino_job *job, const float *v, float *m, size_t tiles, size_t point, size_t panel) {
    const arc_winograd_way *w = job->way;
    const arc_kernels *k = job->r->kernels;
    const arc_epilogue plain = {.act = ARC_ACT_NONE};
    const size_t column = panel * k->igemm_nr, parts = (tiles + k->igemm_mr - 1) / k->igemm_mr;
    const float *u = job->u + point * w->point_floats + panel * w->panel_floats, *list[ARC_IGEMM_MAX_MR];
    for (size_t part = 0; part < parts; part++) {
        const size_t row = part * tiles / parts, rows = (part + 1) * tiles / parts - row;
        for (size_t i = 0; i < rows; i++)
            list[i] = v + (point * tiles + row + i) * w->row;
        (w->half ? k->igemm_bf16 : k->igemm)(rows, ARC_MIN(k->igemm_nr, w->c_out - column), w->row, 1, list, u,
                                             m + (point * tiles + row) * w->c_out + column, w->c_out, &plain);
    }
}

static void transform_out(const wino_job *job, const float *m, size_t first, size_t tiles, size_t begin, size_t end) {
    const arc_winograd_way *w = job->way;
    const arc_kernels *k = job->r->kernels;
    for (size_t i = begin; i < end; i++) {
        const wino_tile at = tile_at(w, first + i);
        const size_t pixel = (at.image * (size_t)(w->oh * w->ow) + (size_t)(at.y * w->ow + at.x)) * w->c_out,
                     row = (size_t)w->ow * w->c_out;
        const size_t rows = (size_t)ARC_MIN(w->t, w->oh - at.y), cols = (size_t)ARC_MIN(w->t, w->ow - at.x);
        if (w->half) {
            k->winograd_out_half(w->t, w->c_out, m + i * w->c_out, tiles * w->c_out, (uint16_t *)(void *)job->y + pixel, row,
                                 w->c_out, rows, cols, job->bias, job->add);
            continue;
        }
        const arc_epilogue e = {.act = ARC_ACT_NONE, .bias = job->bias, .residual = job->add ? job->y + pixel : NULL};
        k->winograd_out(w->t, w->c_out, m + i * w->c_out, tiles * w->c_out, job->y + pixel, row, w->c_out, rows, cols, &e);
    }
}

static void own_items(void *arg, size_t begin, size_t end, int thread) {
    const wino_job *job = arg;
    const arc_winograd_way *w = job->way;
    float *v = thread_scratch(job, thread), *m = v + w->points * w->block_tiles * w->row;
    for (size_t block = begin; block < end; block++) {
        const size_t first = block * w->block_tiles, tiles = ARC_MIN(w->block_tiles, job->all - first);
        transform_in(job, v, first, tiles, 0, tiles);
        for (size_t point = 0; point < w->points; point++)
            for (size_t panel = 0; panel < w->panels; panel++)
                multiply(job, v, m, tiles, point, panel);
        transform_out(job, m, first, tiles, 0, tiles);
    }
}

static void shared_in(void *arg, size_t begin, size_t end, int thread) {
    const wino_job *job = arg;
    (void)thread;
    transform_in(job, job->v, job->first, job->tiles, begin, end);
}
static void shared_multiply(void *arg, size_t begin, size_t end, int thread) {
    const wino_job *job = arg;
    (void)thread;
    for (size_t item = begin; item < end; item++)
        multiply(job, job->v, job->m, job->tiles, item / job->way->panels, item % job->way->panels);
}
static void shared_out(void *arg, size_t begin, size_t end, int thread) {
    const wino_job *job = arg;
    (void)thread;
    transform_out(job, job->m, job->first, job->tiles, begin, end);
}

static void convolve(wino_job *job) {
    const arc_winograd_way *w = job->way;
    arc_pool *pool = job->r->pool;
    job->u = (const float *)(const void *)job->r->shared;
    job->all = job->r->n * w->tiles_y * w->tiles_x;
    arc_pool_run(pool, (w->c_in + GROUP - 1) / GROUP, 1, weight_groups, job);
    if (w->own) {
        arc_pool_run(pool, (job->all + w->block_tiles - 1) / w->block_tiles, 1, own_items, job);
        return;
    }
    job->v = (float *)(void *)job->r->shared + w->points * w->point_floats;
    job->m = job->v + w->points * w->block_tiles * w->row;
    for (job->first = 0; job->first < job->all; job->first += w->block_tiles) {
        job->tiles = ARC_MIN(w->block_tiles, job->all - job->first);
        arc_pool_run(pool, job->tiles, 0, shared_in, job);
        arc_pool_run(pool, w->points * w->panels, 0, shared_multiply, job);
        arc_pool_run(pool, job->tiles, 0, shared_out, job);
    }
}

void arc_winograd_learn_forward(const arc_winograd_learn *w, const arc_learn_step *s, const arc_learn_run *r) {
    wino_job job = {
        .way = &w->forward, .s = s, .r = r, .x = r->x[0], .zero = w->zero, .y = r->y, .bias = s->bias ? s->bias->value : NULL};
    convolve(&job);
}

void arc_winograd_learn_input(const arc_winograd_learn *w, const arc_learn_step *s, const arc_learn_run *r) {
    wino_job job = {.way = &w->input, .s = s, .r = r, .x = r->dy, .zero = w->zero, .y = r->dx[0], .add = r->add[0]};
    convolve(&job);
}

/* ---- gradient of the weights -------------------------------------------------------------------------------------------------- */

/* Pointers to the tile's pixels of dy, which is job's y. */
static void list_dy(const wino_job *job, size_t tile, const void **list) {
    const arc_winograd_way *w = job->way;
    const wino_tile at = tile_at(w, tile);
    const arc_store store = w->half ? ARC_STORE_BF16 : ARC_STORE_F32;
    const void *image = arc_store_at(store, job->y, at.image * (size_t)(w->oh * w->ow) * w->c_out);
    for (int64_t q = 0; q < w->t * w->t; q++) {
        const int64_t y = at.y + q / w->t, x = at.x + q % w->t;
        list[q] = y < w->oh && x < w->ow ? arc_store_at(store, image, (size_t)(y * w->ow + x) * w->c_out) : job->zero;
    }
}

/* Tiles of the block: input to V and dy to M = A dy A^T; items are rows of them: tiles, or pairs of tiles. */
static void grad_transform(void *arg, size_t begin, size_t end, int thread) {
    const wino_job *job = arg;
    const arc_winograd_way *w = job->way;
    const arc_kernels *k = job->r->kernels;
    const void *low[MAX_POINTS], *high[MAX_POINTS];
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        float *v = job->v + i * w->c_in, *m = job->m + i * w->c_out;
        if (!w->half) {
            list_window(job, job->first + i, low);
            k->winograd_in(w->t, w->c_in, AS_FLOATS(low), v, job->rows * w->c_in);
            list_dy(job, job->first + i, low);
            k->winograd_grad(w->t, w->c_out, AS_FLOATS(low), m, job->rows * w->c_out);
            continue;
        }
        const bool both = 2 * i + 1 < job->tiles;
        list_window(job, job->first + 2 * i, low);
        if (both)
            list_window(job, job->first + 2 * i + 1, high);
        k->winograd_in_pairs(w->t, w->c_in, AS_HALVES(low), both ? AS_HALVES(high) : NULL, v, job->rows * w->c_in);
        list_dy(job, job->first + 2 * i, low);
        if (both)
            list_dy(job, job->first + 2 * i + 1, high);
        k->winograd_grad_pairs(w->t, w->c_out, AS_HALVES(low), both ? AS_HALVES(high) : NULL, m, job->rows * w->c_out);
    }
}

/* Enough items for many threads, whole tiles in each. */
static size_t splits_of(const arc_winograd_way *w) {
    return ARC_MAX(w->c_in / 128, (size_t)1);
}

/* Items are points and parts of their input channels: sums [point][c_in][c_out] += V^T M. */
static void grad_multiply(void *arg, size_t begin, size_t end, int thread) {
    const wino_job *job = arg;
    const arc_winograd_way *w = job->way;
    const arc_kernels *k = job->r->kernels;
    const float **list = (const float **)(void *)thread_scratch(job, thread);
    const size_t splits = splits_of(w), parts = (job->rows + GRAD_ROWS - 1) / GRAD_ROWS;
    for (size_t item = begin; item < end; item++) {
        const size_t point = item / splits, begin_in = item % splits * w->c_in / splits;
        const size_t count_in = (item % splits + 1) * w->c_in / splits - begin_in,
                     tiles = (count_in + k->igemm_mr - 1) / k->igemm_mr;
        for (size_t part = 0; part < parts; part++) {
            const size_t first = part * job->rows / parts, count = (part + 1) * job->rows / parts - first;
            for (size_t p = 0; p < count; p++)
                list[p] = job->v + (point * job->rows + first + p) * w->c_in;
            for (size_t j = 0; j < w->c_out; j += k->igemm_nr)
                for (size_t tile = 0; tile < tiles; tile++) {
                    const size_t i = begin_in + tile * count_in / tiles, next = begin_in + (tile + 1) * count_in / tiles;
                    (w->half ? k->gemm_tn_bf16 : k->gemm_tn)(next - i, ARC_MIN(k->igemm_nr, w->c_out - j), count, list, i,
                                                             job->m + (point * job->rows + first) * w->c_out + j, w->c_out,
                                                             job->sums + (point * w->c_in + i) * w->c_out + j, w->c_out,
                                                             job->more || part > 0);
                }
        }
    }
}

/* Groups of input channels: dU to the gradient [o][i][9]. */
static void grad_groups(void *arg, size_t begin, size_t end, int thread) {
    const wino_job *job = arg;
    const arc_winograd_way *w = job->way;
    const arc_kernels *k = job->r->kernels;
    float *rows = thread_scratch(job, thread);
    for (size_t group = begin; group < end; group++) {
        const size_t first = group * GROUP, some = ARC_MIN((size_t)GROUP, w->c_in - first);
        for (size_t c = 0; c < some; c++)
            k->winograd_weights_grad(w->t, w->c_out, job->sums + (first + c) * w->c_out, w->c_in * w->c_out,
                                     rows + c * 9 * w->c_out, w->c_out);
        float *gradient = job->s->weight->gradient + first * 9;
        if (!job->r->accumulate) {
            k->transpose(some * 9, w->c_out, rows, w->c_out, gradient, w->c_in * 9);
            continue;
        }
        for (size_t o = 0; o < w->c_out; o++)
            for (size_t q = 0; q < some * 9; q++)
                gradient[o * w->c_in * 9 + q] += rows[q * w->c_out + o];
    }
}

void arc_winograd_learn_weights(const arc_winograd_learn *learn, const arc_learn_step *s, const arc_learn_run *r) {
    const arc_winograd_way *w = &learn->forward;
    wino_job job = {.way = w, .s = s, .r = r, .x = r->x[0], .zero = learn->zero, .y = (float *)(uintptr_t)r->dy};
    job.v = (float *)(void *)r->shared;
    job.m = job.v + w->points * (w->half ? learn->grad_tiles / 2 : learn->grad_tiles) * w->c_in;
    job.sums = job.v + learn->sums_at;
    job.all = r->n * w->tiles_y * w->tiles_x;
    for (job.first = 0; job.first < job.all; job.first += learn->grad_tiles) {
        job.tiles = ARC_MIN(learn->grad_tiles, job.all - job.first);
        job.more = job.first > 0;
        job.rows = w->half ? (job.tiles + 1) / 2 : job.tiles;
        arc_pool_run(r->pool, job.rows, 0, grad_transform, &job);
        arc_pool_run(r->pool, w->points * splits_of(w), 0, grad_multiply, &job);
    }
    arc_pool_run(r->pool, (w->c_in + GROUP - 1) / GROUP, 1, grad_groups, &job);
}
