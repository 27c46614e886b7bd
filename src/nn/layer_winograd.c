/* nn: 3x3 convolution of stride 1 by Winograd's algorithm over NHWC.
 *
 * The output is cut into t x t tiles. Each (t+2) x (t+2) window of the input is transformed (V), which turns the convolution into
 * (t+2)^2 independent products of matrices [tiles][c_in] x [c_in][c_out] on the igemm tile (M), and the inverse transform ends in the
 * usual epilogue. t = 4 needs a quarter of the multiplications of the direct way and 4 times its weights, t = 2 four ninths and 1.8 times.
 * A padded pixel is a pointer to the pad row, as everywhere, so a BatchNormalization folded from in front stays exact.
 *
 * Tiles are worked off in blocks. Where a block whose V and M fit in L2 has rows enough, threads take whole blocks and never wait for
 * each other. Otherwise (many channels, few pixels) all threads share one block in three steps: transform tiles, multiply, transform
 * back. Either way an output element is the same chain of operations: the bits do not depend on threads or blocks. */
#include "nn/conv.h"
#include "nn/fused.h"
#include <assert.h>
#include <math.h>

#define OWN_BYTES ((size_t)640 << 10)   /* V and M of a thread's own block: L2, less a panel and what is read */
#define SHARED_BYTES ((size_t)12 << 20) /* of a shared block: in L3 */
#define OWN_ROWS 24                     /* tiles from which a block keeps the GEMM tile busy */
#define MAX_POINTS (ARC_WINOGRAD_MAX_N * ARC_WINOGRAD_MAX_N)

typedef struct wino_state {
    arc_conv_run_fn *run; /* first, as conv.h asks */
    arc_conv_geometry g;
    arc_epilogue act;
    const float *zero;   /* [c_in] */
    const float *packed; /* [point][panel][row][nr] */
    int t;
    bool bf16;                              /* V and weights are pairs of bfloat16: half the floats a row */
    size_t points, tiles_y, tiles_x, tiles; /* of all images */
    size_t block_tiles, blocks;
    bool own; /* a block a thread, else all threads share each block */
    size_t panels, panel_floats, point_floats;
    size_t row;      /* floats of a row of V: c_in, or half of it */
    size_t v_floats; /* of a block; M follows V */
} wino_state;

typedef struct wino_job {
    const arc_step *s;
    const wino_state *w;
    const float *x, *pad;
    float *y;
    arc_epilogue e;
    float *v, *m;        /* the shared block */
    size_t first, tiles; /* its tiles */
} wino_job;

/* ---- choice ------------------------------------------------------------------------------------------------------------------- */

static double tiles_of(const arc_conv_geometry *g, int t) {
    return (double)(g->n * ((g->oh + t - 1) / t) * ((g->ow + t - 1) / t));
}

/* Transforms and products; the weights of a whole network stream from memory once a run, beside the products. */
static double winograd_ns(const arc_prepare *p, const arc_conv_geometry *g, int t, bool bf16) {
    const arc_rates r = arc_choice_rates(p);
    const double pairs = arc_conv_pairs(p->step->kernels, g), tiles = tiles_of(g, t), points = (double)((t + 2) * (t + 2));
    const double rise = bf16 ? 2 : 1;
    const double multiply = pairs * points * tiles / r.macs / rise / r.threads, weights = pairs * points / r.weight_floats / rise;
    return fmax(multiply, weights) + tiles * points * (double)(g->c_in + g->c_out) / r.floats / r.threads;
}

static bool blocks_own(size_t tile_bytes, size_t tiles, size_t threads);

static size_t tile_bytes_of(size_t points, size_t row, size_t c_out) {
    return points * (row + c_out) * sizeof(float);
}

static arc_status prepare_candidate(arc_prepare *p, const void *layer, const arc_candidate *self) {
    const arc_conv_geometry *g = layer;
    return arc_winograd_prepare(p, g, self->variant, arc_conv_bf16(p->step, g), self->schedule[0] == 'o');
}

int arc_winograd_candidates(const arc_prepare *p, const arc_conv_geometry *g, arc_candidate *list) {
    static const char *const name[] = {"winograd 2x2", "winograd 4x4"};
    const arc_step *s = p->step;
    const bool fits = !g->transposed && g->groups == 1 && g->kh == 3 && g->kw == 3 && g->stride_h == 1 && g->stride_w == 1 &&
                      g->dilation_h == 1 && g->dilation_w == 1 && s->in[1].is_const && g->c_in >= 8;
    if (!fits || g->n == 0 || s->low_memory)
        return 0;
    const bool bf16 = arc_conv_bf16(s, g);
    int count = 0;
    for (int t = 2; t <= (bf16 ? 2 : 4); t += 2) { /* the tile of 4 costs bfloat16 two of its eight bits */
        const size_t row = (size_t)g->c_in / (bf16 ? 2 : 1), points = (size_t)((t + 2) * (t + 2));
        const size_t tile_bytes = tile_bytes_of(points, row, (size_t)g->c_out);
        const bool own = blocks_own(tile_bytes, (size_t)tiles_of(g, t), (size_t)arc_pool_threads(s->pool));
        arc_candidate way = {.algorithm = bf16 ? "winograd bf16" : name[t / 2 - 1],
                             .schedule = own ? "own blocks" : "shared blocks",
                             .cost_ns = winograd_ns(p, g, t, bf16),
                             .variant = t,
                             .prepare = prepare_candidate};
        list[count++] = way;
        way.schedule = own ? "shared blocks" : "own blocks";
        way.cost_ns *= 1.001; /* the rule of choose_blocks, unless measured otherwise */
        list[count++] = way;
    }
    return count;
}

/* ---- prepare ------------------------------------------------------------------------------------------------------------------ */

typedef struct pack_job {
    const arc_step *s;
    const wino_state *w;
    float *packed;
} pack_job;

static void pack_items(void *arg, size_t begin, size_t end, int thread) {
    const pack_job *job = arg;
    const wino_state *w = job->w;
    (void)thread;
    for (size_t panel = begin; panel < end; panel++)
        arc_winograd_pack_panel(job->s->kernels, w->t, w->bf16, (size_t)w->g.c_out, panel * job->s->kernels->igemm_nr,
                                (size_t)w->g.c_in, job->s->in[1].data, arc_step_floats(job->s, ARC_CONV_IN_SCALE),
                                arc_step_floats(job->s, ARC_CONV_OUT_SCALE), job->packed + panel * w->panel_floats,
                                w->point_floats);
}

static arc_status pack(arc_prepare *p, wino_state *w) {
    arc_step *s = p->step;
    size_t bytes;
    w->panels = ((size_t)w->g.c_out + s->kernels->igemm_nr - 1) / s->kernels->igemm_nr;
    if (!arc_mul_size(w->row, s->kernels->igemm_nr, &w->panel_floats) ||
        !arc_mul_size(w->panel_floats, w->panels, &w->point_floats) ||
        !arc_mul_size(w->point_floats, w->points * sizeof(float), &bytes))
        return arc_fail_nomem(p->err, "packed weights");
    arc_panels key = {.sets = 1, .n = (size_t)w->g.c_out, .kc = (size_t)w->g.c_in, .taps = w->points};
    key.scale_k = arc_step_floats(s, ARC_CONV_IN_SCALE);
    key.scale_n = arc_step_floats(s, ARC_CONV_OUT_SCALE);
    bool fresh = false;
    float *packed = arc_packed_room(p, w->bf16 ? "conv winograd bf16" : "conv winograd", s->in[1].data,
                                    arc_pack_variant(s->kernels, &key), bytes, &fresh);
    if (!packed)
        return arc_fail_nomem(p->err, "packed weights");
    w->packed = packed;
    pack_job job = {s, w, packed};
    if (fresh)
        arc_pool_run(s->pool, w->panels, 1, pack_items, &job);
    return ARC_OK;
}

/* Whether threads are to have blocks of their own: V and M of one fit in L2 with rows enough for the tile. */
static bool blocks_own(size_t tile_bytes, size_t tiles, size_t threads) {
    const size_t own_tiles = OWN_BYTES / tile_bytes;
    return threads == 1 ? own_tiles >= OWN_ROWS : own_tiles >= OWN_ROWS && tiles >= threads * OWN_ROWS;
}

static void choose_blocks(wino_state *w, bool own, size_t threads) {
    const size_t tile_bytes = tile_bytes_of(w->points, w->row, (size_t)w->g.c_out);
    const size_t rows = (size_t)OWN_ROWS;
    w->own = own;
    size_t most = own ? ARC_MAX(OWN_BYTES / tile_bytes, rows) : ARC_MAX(SHARED_BYTES / tile_bytes, rows);
    size_t blocks = (w->tiles + most - 1) / most;
    if (own) /* the same number for every thread */
        blocks = (blocks + threads - 1) / threads * threads;
    w->block_tiles = (w->tiles + blocks - 1) / blocks;
    w->blocks = (w->tiles + w->block_tiles - 1) / w->block_tiles;
    w->v_floats = w->points * w->block_tiles * w->row;
}

static void winograd_run(const arc_step *s);

arc_status arc_winograd_prepare(arc_prepare *p, const arc_conv_geometry *g, int t, bool bf16, bool own_blocks) {
    arc_step *s = p->step;
    wino_state *w = arc_arena_new(p->arena, 1, sizeof *w);
    float *zero = arc_arena_new(p->arena, (size_t)g->c_in, sizeof *zero);
    if (!w || !zero)
        return arc_fail_nomem(p->err, "convolution state");
    *w = (wino_state){.run = winograd_run, .g = *g, .zero = zero, .t = t, .bf16 = bf16, .points = (size_t)((t + 2) * (t + 2))};
    w->row = (size_t)g->c_in / (bf16 ? 2 : 1);
    const bool known = arc_fused_act(s->node, &w->act);
    assert(known);
    (void)known;
    w->tiles_y = (size_t)((g->oh + t - 1) / t);
    w->tiles_x = (size_t)((g->ow + t - 1) / t);
    w->tiles = (size_t)g->n * w->tiles_y * w->tiles_x;
    const arc_status st = pack(p, w);
    if (st != ARC_OK)
        return st;
    choose_blocks(w, own_blocks, (size_t)arc_pool_threads(s->pool));
    size_t bytes;
    if (!arc_mul_size(w->points * w->block_tiles * sizeof(float), w->row + (size_t)g->c_out, &bytes))
        return arc_fail_nomem(p->err, "convolution scratch");
    if (w->own)
        s->scratch_bytes = bytes;
    else
        s->shared_scratch_bytes = bytes;
    s->state = w;
    s->algorithm = bf16 ? "winograd bf16" : t == 2 ? "winograd 2x2" : "winograd 4x4";
    return ARC_OK;
}

/* ---- run ---------------------------------------------------------------------------------------------------------------------- */

typedef struct wino_tile {
    size_t image;
    int64_t y, x; /* its first output pixel */
} wino_tile;

static wino_tile tile_at(const wino_state *w, size_t tile) {
    const size_t per_image = w->tiles_y * w->tiles_x, inside = tile % per_image;
    return (wino_tile){tile / per_image, (int64_t)(inside / w->tiles_x) * w->t, (int64_t)(inside % w->tiles_x) * w->t};
}

static void list_window(const wino_job *job, size_t tile, const float **list) {
    const arc_conv_geometry *g = &job->w->g;
    const wino_tile at = tile_at(job->w, tile);
    const float *image = job->x + at.image * (size_t)(g->h * g->w * g->c_in);
    const int64_t n = job->w->t + 2, top = at.y - g->pad_top, left = at.x - g->pad_left;
    for (int64_t y = top; y < top + n; y++)
        for (int64_t x = left; x < left + n; x++)
            *list++ = y < 0 || y >= g->h || x < 0 || x >= g->w ? job->pad : image + (y * g->w + x) * g->c_in;
}

/* A tile to pairs of bfloat16, through a few channels at a time in L1. */
static void transform_in_bf16(const wino_job *job, const float *const *list, float *v, size_t step) {
    enum { CHANNELS = 64 };
    const wino_state *w = job->w;
    const arc_kernels *k = job->s->kernels;
    float some[MAX_POINTS * CHANNELS];
    const float *at[MAX_POINTS];
    for (size_t channel = 0; channel < (size_t)w->g.c_in; channel += CHANNELS) {
        const size_t width = ARC_MIN((size_t)CHANNELS, (size_t)w->g.c_in - channel);
        for (size_t i = 0; i < w->points; i++)
            at[i] = list[i] + channel;
        k->winograd_in(w->t, width, at, some, CHANNELS);
        for (size_t i = 0; i < w->points; i++)
            k->to_bf16(width, some + i * CHANNELS, (uint16_t *)(void *)(v + i * step) + channel);
    }
}

/* Tiles [begin,end) of a block that begins at tile `first` and has `tiles`: input to V. */
static void transform_in(const wino_job *job, float *v, size_t first, size_t tiles, size_t begin, size_t end) {
    const size_t row = job->w->row;
    const float *list[MAX_POINTS];
    for (size_t i = begin; i < end; i++) {
        list_window(job, first + i, list);
        if (job->w->bf16)
            transform_in_bf16(job, list, v + i * row, tiles * row);
        else
            job->s->kernels->winograd_in(job->w->t, row, list, v + i * row, tiles * row);
    }
}

/* One point and panel: rows of V times the panel. Row tiles of equal height, so that none is left with a few rows. */
static void multiply(const wino_job *job, const float *v, float *m, size_t tiles, size_t point, size_t panel) {
    const wino_state *w = job->w;
    const arc_kernels *k = job->s->kernels;
    const arc_epilogue plain = {.act = ARC_ACT_NONE};
    const size_t c_out = (size_t)w->g.c_out, column = panel * k->igemm_nr;
    const size_t parts = (tiles + k->igemm_mr - 1) / k->igemm_mr;
    const float *weights = w->packed + point * w->point_floats + panel * w->panel_floats;
    const float *list[ARC_IGEMM_MAX_MR];
    for (size_t part = 0; part < parts; part++) {
        const size_t row = part * tiles / parts, rows = (part + 1) * tiles / parts - row;
        for (size_t i = 0; i < rows; i++)
            list[i] = v + (point * tiles + row + i) * w->row;
        (w->bf16 ? k->igemm_bf16 : k->igemm)(rows, ARC_MIN(k->igemm_nr, c_out - column), w->row, 1, list, weights,
                                             m + (point * tiles + row) * c_out + column, c_out, &plain);
    }
}

static void transform_out(const wino_job *job, const float *m, size_t first, size_t tiles, size_t begin, size_t end) {
    const arc_conv_geometry *g = &job->w->g;
    const size_t c_out = (size_t)g->c_out;
    const int64_t t = job->w->t;
    for (size_t i = begin; i < end; i++) {
        const wino_tile at = tile_at(job->w, first + i);
        const size_t pixel = at.image * (size_t)(g->oh * g->ow) + (size_t)(at.y * g->ow + at.x);
        const arc_epilogue e = arc_fused_at(&job->e, pixel, 0);
        job->s->kernels->winograd_out((int)t, c_out, m + i * c_out, tiles * c_out, job->y + pixel * c_out, (size_t)g->ow * c_out,
                                      c_out, (size_t)ARC_MIN(t, g->oh - at.y), (size_t)ARC_MIN(t, g->ow - at.x), &e);
    }
}

/* A thread's own blocks. */
static void own_items(void *arg, size_t begin, size_t end, int thread) {
    const wino_job *job = arg;
    const wino_state *w = job->w;
    float *v = (float *)(void *)(job->s->scratch + (size_t)thread * job->s->scratch_stride), *m = v + w->v_floats;
    for (size_t block = begin; block < end; block++) {
        const size_t first = block * w->block_tiles, tiles = ARC_MIN(w->block_tiles, w->tiles - first);
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
        multiply(job, job->v, job->m, job->tiles, item / job->w->panels, item % job->w->panels);
}

static void shared_out(void *arg, size_t begin, size_t end, int thread) {
    const wino_job *job = arg;
    (void)thread;
    transform_out(job, job->m, job->first, job->tiles, begin, end);
}

static void winograd_run(const arc_step *s) {
    const wino_state *w = s->state;
    const float *pad = arc_step_floats(s, ARC_CONV_PAD_VALUE);
    wino_job job = {.s = s, .w = w, .x = s->in[0].data, .pad = pad ? pad : w->zero, .y = s->out[0].data};
    job.e = arc_fused_bind(s, &w->act, (size_t)w->g.c_out);
    if (w->own) {
        arc_pool_run(s->pool, w->blocks, 1, own_items, &job);
        return;
    }
    job.v = (float *)(void *)s->shared_scratch;
    job.m = job.v + w->v_floats;
    for (size_t block = 0; block < w->blocks; block++) {
        job.first = block * w->block_tiles;
        job.tiles = ARC_MIN(w->block_tiles, w->tiles - job.first);
        arc_pool_run(s->pool, job.tiles, 0, shared_in, &job);
        arc_pool_run(s->pool, w->points * w->panels, 0, shared_multiply, &job);
        arc_pool_run(s->pool, job.tiles, 0, shared_out, &job);
    }
}
