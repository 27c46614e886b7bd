/* op: 3x3 convolution of stride 1 by Winograd's algorithm over NHWC.
 *
 * The output is cut into t x t tiles. Each (t+2) x (t+2) window of the input is transformed (V), which turns the convolution into
 * (t+2)^2 independent products of matrices [tiles][c_in] x [c_in][c_out] on the igemm tile (M), and the inverse transform ends in the
 * usual epilogue. t = 4 needs a quarter of the multiplications of the direct way and 4 times its weights, t = 2 four ninths and 1.8 times.
 * A padded pixel is a pointer to the pad row, as everywhere, so a BatchNormalization folded from in front stays exact.
 *
 * Tiles are worked off in blocks, in one of three ways:
 *   own blocks     V of a block fits in L2 with rows enough for the tile: threads take whole blocks and never wait for each other.
 *   shared panels  all threads transform one block, whose V still fits in L2; then each takes panels of output channels.
 *   shared points  V is too large for that: products go point by point, so that V of a point stays in L2 over all panels.
 * But for the last one M is a panel wide and goes from the products straight back to pixels. An output element is the same chain of
 * operations in all of them: the bits do not depend on threads or blocks. */
#include "op/conv/geometry.h"
#include "op/fused.h"
#include <assert.h>
#include <math.h>
#include <string.h>

#define OWN_BYTES ((size_t)640 << 10)    /* V and M of a thread's own block: L2, less a panel and what is read */
#define PANELS_BYTES ((size_t)900 << 10) /* V of a block that goes by panels: L2 */
#define SHARED_BYTES ((size_t)12 << 20)  /* V and M of a block that goes by points: L3 */
#define OWN_ROWS 14                      /* tiles from which a block keeps the GEMM tile busy */
#define MOST_PARTS 8                     /* of the tiles of a shared block, for the sake of threads */
#define TRANSFORM_4 0.75                 /* of the floats a second, in the transforms of the larger tile */
/* Root mean square of weights that half precision keeps: the smallest point of the tile has 1/27 of it (2: 3/4), and is to be normal. */
#define LEAST_F16_2 0x1p-13
#define LEAST_F16_4 0x1p-9
#define FORM_STEP 16 /* in a candidate's variant */
#define MAX_POINTS (ARC_WINOGRAD_MAX_N * ARC_WINOGRAD_MAX_N)

typedef enum wino_way { OWN_BLOCKS, SHARED_PANELS, SHARED_POINTS, WINO_WAYS } wino_way;
static const char *const algorithm_name[][2] = {
    {"winograd 2x2", "winograd 4x4"}, {"winograd bf16", NULL}, {"winograd 2x2 fp16", "winograd 4x4 fp16"}}; /* by form and tile */
static const char *const pack_name[] = {"conv winograd", "conv winograd bf16", "conv winograd fp16"};
static const char *const way_name[WINO_WAYS] = {"own blocks", "shared panels", "shared points"};

typedef struct wino_state {
    arc_conv_run_fn *run; /* first, as conv.h asks */
    arc_conv_geometry g;
    arc_epilogue act;
    const float *zero;   /* [c_in] */
    const float *packed; /* [panel][point][row][nr] */
    int t;
    arc_form form;                          /* of pairs: V is pairs of bfloat16 as well */
    size_t points, tiles_y, tiles_x, tiles; /* of all images */
    size_t block_tiles, blocks;
    wino_way way;
    size_t parts; /* of the tiles of a shared block: an item of work is a part of one panel */
    size_t panels, panel_floats;
    size_t row;      /* floats of a row of V: c_in, or half of it */
    size_t v_floats; /* of a block; M follows V in own blocks and where it is shared */
} wino_state;

typedef struct wino_job {
    const arc_step *s;
    const wino_state *w;
    const float *x, *pad;
    float *y;
    arc_epilogue e;
    float *v, *m;        /* of the shared block */
    size_t first, tiles; /* its tiles */
} wino_job;

/* ---- choice ------------------------------------------------------------------------------------------------------------------- */

static double tiles_of(const arc_conv_geometry *g, int t) {
    return (double)(g->n * ((g->oh + t - 1) / t) * ((g->ow + t - 1) / t));
}

/* Transforms and products; the weights of a whole network stream from memory once a run, beside the products. */
static double winograd_ns(const arc_prepare *p, const arc_conv_geometry *g, int t, arc_form form) {
    const arc_rates r = arc_choice_rates(p);
    const double pairs = arc_conv_pairs(p->step->kernels, g), tiles = tiles_of(g, t), points = (double)((t + 2) * (t + 2));
    const double rise = form == ARC_FORM_BF16 ? 2 : 1, dense = form == ARC_FORM_F32 ? 1 : 2;
    const double multiply = pairs * points * tiles / r.macs / rise / r.threads,
                 weights = pairs * points / r.weight_floats / dense;
    const double transform = tiles * points * (double)(g->c_in + g->c_out) / r.floats / r.threads;
    return fmax(multiply, weights) + transform / (t == 4 ? TRANSFORM_4 : 1);
}

static wino_way usual_way(const arc_kernels *k, size_t points, size_t row, size_t tiles, size_t threads);

/* Tile and form of a candidate. */
static arc_status prepare_candidate(arc_prepare *p, const void *layer, const arc_candidate *self) {
    return arc_winograd_prepare(p, layer, self->variant % FORM_STEP, (arc_form)(self->variant / FORM_STEP), self->schedule);
}

static int add_candidates(const arc_prepare *p, const arc_conv_geometry *g, int t, arc_form form, arc_candidate *list) {
    const arc_step *s = p->step;
    const size_t row = form == ARC_FORM_BF16 ? (size_t)g->c_in / 2 : (size_t)g->c_in, points = (size_t)((t + 2) * (t + 2));
    const wino_way usual = usual_way(s->kernels, points, row, (size_t)tiles_of(g, t), (size_t)arc_pool_threads(s->pool));
    const double ns = winograd_ns(p, g, t, form);
    for (int i = 0; i < WINO_WAYS; i++)
        list[i] = (arc_candidate){.algorithm = algorithm_name[form][t / 2 - 1],
                                  .schedule = way_name[i],
                                  .cost_ns = ns * (i == (int)usual ? 1 : 1.001), /* the rule, unless measured otherwise */
                                  .variant = t + FORM_STEP * (int)form,
                                  .prepare = prepare_candidate};
    return WINO_WAYS;
}

int arc_winograd_candidates(const arc_prepare *p, const arc_conv_geometry *g, arc_candidate *list) {
    const arc_step *s = p->step;
    const bool fits = !g->transposed && g->groups == 1 && g->kh == 3 && g->kw == 3 && g->stride_h == 1 && g->stride_w == 1 &&
                      g->dilation_h == 1 && g->dilation_w == 1 && s->in[1].is_const && g->c_in >= 8;
    if (!fits || g->n == 0 || s->low_memory)
        return 0;
    int count = 0;
    for (int t = 2; t <= 4; t += 2) {
        const arc_form form = arc_conv_form(s, g, t == 4 ? LEAST_F16_4 : LEAST_F16_2);
        if (form != ARC_FORM_BF16)
            count += add_candidates(p, g, t, form, list + count);
        else if (t == 2) /* the tile of 4 costs bfloat16 two of its eight bits, */
            count += add_candidates(p, g, t, form, list + count);
        else /* but in fp32 it is the faster one where there are few channels */
            count += add_candidates(p, g, t, ARC_FORM_F32, list + count);
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
        arc_winograd_pack_panel(job->s->kernels, w->t, w->form, (size_t)w->g.c_out, panel * job->s->kernels->igemm_nr,
                                (size_t)w->g.c_in, job->s->in[1].data, arc_step_floats(job->s, ARC_CONV_IN_SCALE),
                                arc_step_floats(job->s, ARC_CONV_OUT_SCALE), job->packed + panel * w->points * w->panel_floats,
                                w->panel_floats);
}

static arc_status pack(arc_prepare *p, wino_state *w) {
    arc_step *s = p->step;
    size_t bytes;
    w->panels = ((size_t)w->g.c_out + s->kernels->igemm_nr - 1) / s->kernels->igemm_nr;
    if (!arc_mul_size((size_t)w->g.c_in, s->kernels->igemm_nr, &w->panel_floats))
        return arc_fail_nomem(p->err, "packed weights");
    w->panel_floats = arc_form_floats(w->form, w->panel_floats);
    if (!arc_mul_size(w->panel_floats, w->panels, &bytes) || !arc_mul_size(bytes, w->points * sizeof(float), &bytes))
        return arc_fail_nomem(p->err, "packed weights");
    arc_panels key = {.sets = 1, .n = (size_t)w->g.c_out, .kc = (size_t)w->g.c_in, .taps = w->points};
    key.scale_k = arc_step_floats(s, ARC_CONV_IN_SCALE);
    key.scale_n = arc_step_floats(s, ARC_CONV_OUT_SCALE);
    bool fresh = false;
    float *packed = arc_packed_room(p, pack_name[w->form], s->in[1].data, arc_pack_variant(s->kernels, &key), bytes, &fresh);
    if (!packed)
        return arc_fail_nomem(p->err, "packed weights");
    w->packed = packed;
    pack_job job = {s, w, packed};
    if (fresh)
        arc_pool_run(s->pool, w->panels, 1, pack_items, &job);
    return ARC_OK;
}

static wino_way usual_way(const arc_kernels *k, size_t points, size_t row, size_t tiles, size_t threads) {
    const size_t own_tiles = OWN_BYTES / (points * (row + k->igemm_nr) * sizeof(float));
    if (own_tiles >= OWN_ROWS && (threads == 1 || tiles >= threads * OWN_ROWS))
        return OWN_BLOCKS;
    return tiles * points * row * sizeof(float) <= PANELS_BYTES ? SHARED_PANELS : SHARED_POINTS;
}

/* Parts of the tiles of a shared block: items of work that share out evenly. */
static size_t choose_parts(const wino_state *w, size_t threads) {
    size_t best = 1;
    double best_idle = 0;
    for (size_t parts = 1; parts <= MOST_PARTS && parts <= w->block_tiles; parts++) {
        const size_t items = w->panels * parts, turns = (items + threads - 1) / threads;
        const double idle = (double)(turns * threads) / (double)items;
        if (parts == 1 || idle < 0.95 * best_idle) {
            best = parts;
            best_idle = idle;
        }
    }
    return best;
}

static arc_status choose_blocks(arc_prepare *p, wino_state *w) {
    arc_step *s = p->step;
    const size_t threads = (size_t)arc_pool_threads(s->pool), nr = s->kernels->igemm_nr;
    const size_t m_row = w->way == SHARED_POINTS ? w->panels * nr : nr; /* floats of M a tile and point */
    const size_t room = w->way == OWN_BLOCKS ? OWN_BYTES : w->way == SHARED_PANELS ? PANELS_BYTES : SHARED_BYTES;
    const size_t tile_floats = w->points * (w->row + (w->way == SHARED_PANELS ? 0 : m_row));
    const size_t most = ARC_MAX(room / (tile_floats * sizeof(float)), (size_t)OWN_ROWS);
    size_t blocks = (w->tiles + most - 1) / most;
    if (w->way == OWN_BLOCKS) /* the same number for every thread */
        blocks = (blocks + threads - 1) / threads * threads;
    w->block_tiles = (w->tiles + blocks - 1) / blocks;
    w->blocks = (w->tiles + w->block_tiles - 1) / w->block_tiles;
    w->parts = w->way == OWN_BLOCKS ? 1 : choose_parts(w, threads);
    w->v_floats = w->points * w->block_tiles * w->row;
    size_t v_bytes, m_bytes;
    if (!arc_mul_size(w->points * w->block_tiles * sizeof(float), w->row, &v_bytes) ||
        !arc_mul_size(w->points * w->block_tiles * sizeof(float), m_row, &m_bytes))
        return arc_fail_nomem(p->err, "convolution scratch");
    s->scratch_bytes = w->way == OWN_BLOCKS ? v_bytes + m_bytes : w->way == SHARED_PANELS ? m_bytes : 0;
    s->shared_scratch_bytes = w->way == OWN_BLOCKS ? 0 : w->way == SHARED_PANELS ? v_bytes : v_bytes + m_bytes;
    return ARC_OK;
}

static void winograd_run(const arc_step *s);

arc_status arc_winograd_prepare(arc_prepare *p, const arc_conv_geometry *g, int t, arc_form form, const char *schedule) {
    arc_step *s = p->step;
    wino_state *w = arc_arena_new(p->arena, 1, sizeof *w);
    float *zero = arc_arena_new(p->arena, (size_t)g->c_in, sizeof *zero);
    if (!w || !zero)
        return arc_fail_nomem(p->err, "convolution state");
    *w = (wino_state){.run = winograd_run, .g = *g, .zero = zero, .t = t, .form = form, .points = (size_t)((t + 2) * (t + 2))};
    w->row = (size_t)g->c_in / (form == ARC_FORM_BF16 ? 2 : 1);
    const bool known = arc_fused_act(s->node, &w->act);
    assert(known);
    (void)known;
    w->tiles_y = (size_t)((g->oh + t - 1) / t);
    w->tiles_x = (size_t)((g->ow + t - 1) / t);
    w->tiles = (size_t)g->n * w->tiles_y * w->tiles_x;
    for (int i = 0; i < WINO_WAYS; i++)
        if (strcmp(schedule, way_name[i]) == 0)
            w->way = (wino_way)i;
    arc_status st = pack(p, w);
    if (st == ARC_OK)
        st = choose_blocks(p, w);
    if (st != ARC_OK)
        return st;
    s->state = w;
    s->algorithm = algorithm_name[form][t / 2 - 1];
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

/* Tiles [begin,end) of a block that begins at tile `first` and has `tiles`: input to V. */
static void transform_in(const wino_job *job, float *v, size_t first, size_t tiles, size_t begin, size_t end) {
    const size_t row = job->w->row;
    const float *list[MAX_POINTS];
    for (size_t i = begin; i < end; i++) {
        list_window(job, first + i, list);
        if (job->w->form == ARC_FORM_BF16)
            job->s->kernels->winograd_in_bf16(job->w->t, (size_t)job->w->g.c_in, list, (uint16_t *)(void *)(v + i * row),
                                              2 * tiles * row);
        else
            job->s->kernels->winograd_in(job->w->t, row, list, v + i * row, tiles * row);
    }
}

/* One point and panel of tiles [begin,end): rows of V times the panel. Row tiles of equal height, so that none is left with a few rows. Columns
 * past c_out are zero in the panel and have room in M. */
static void multiply(const wino_job *job, const float *v, float *m, size_t tiles, size_t begin, size_t end, size_t point,
                     size_t panel) {
    const wino_state *w = job->w;
    const arc_kernels *k = job->s->kernels;
    const arc_epilogue plain = {.act = ARC_ACT_NONE};
    const size_t nr = k->igemm_nr, left = (size_t)w->g.c_out - panel * nr, n = left > nr / 2 ? nr : nr / 2, all = end - begin;
    const size_t pieces = (all + k->igemm_mr - 1) / k->igemm_mr;
    const float *weights = w->packed + (panel * w->points + point) * w->panel_floats;
    const float *list[ARC_IGEMM_MAX_MR];
    for (size_t piece = 0; piece < pieces; piece++) {
        const size_t row = piece * all / pieces, rows = (piece + 1) * all / pieces - row;
        for (size_t i = 0; i < rows; i++)
            list[i] = v + (point * tiles + begin + row + i) * w->row;
        arc_igemm_of(k, w->form)(rows, n, w->row, 1, list, weights, m + (point * all + row) * nr, nr, &plain);
    }
}

/* A panel of tiles [begin,end) back to pixels; m: [point][m_tiles][nr], that of tile `begin` in front. */
static void transform_out(const wino_job *job, const float *m, size_t first, size_t m_tiles, size_t begin, size_t end,
                          size_t panel) {
    const arc_conv_geometry *g = &job->w->g;
    const size_t c_out = (size_t)g->c_out, nr = job->s->kernels->igemm_nr, column = panel * nr;
    const int64_t t = job->w->t;
    for (size_t i = begin; i < end; i++) {
        const wino_tile at = tile_at(job->w, first + i);
        const size_t pixel = at.image * (size_t)(g->oh * g->ow) + (size_t)(at.y * g->ow + at.x);
        const arc_epilogue e = arc_fused_at(&job->e, pixel, column);
        job->s->kernels->winograd_out((int)t, ARC_MIN(nr, c_out - column), m + (i - begin) * nr, m_tiles * nr,
                                      job->y + pixel * c_out + column, (size_t)g->ow * c_out, c_out,
                                      (size_t)ARC_MIN(t, g->oh - at.y), (size_t)ARC_MIN(t, g->ow - at.x), &e);
    }
}

/* V of a block to the output pixels of its tiles [begin,end) and one panel. */
static void finish_panel(const wino_job *job, const float *v, float *m, size_t first, size_t tiles, size_t begin, size_t end,
                         size_t panel) {
    for (size_t point = 0; point < job->w->points; point++)
        multiply(job, v, m, tiles, begin, end, point, panel);
    transform_out(job, m, first, end - begin, begin, end, panel);
}

static float *thread_scratch(const arc_step *s, int thread) {
    return (float *)(void *)(s->scratch + (size_t)thread * s->scratch_stride);
}

/* A thread's own blocks. */
static void own_items(void *arg, size_t begin, size_t end, int thread) {
    const wino_job *job = arg;
    const wino_state *w = job->w;
    float *v = thread_scratch(job->s, thread);
    for (size_t block = begin; block < end; block++) {
        const size_t first = block * w->block_tiles, tiles = ARC_MIN(w->block_tiles, w->tiles - first);
        transform_in(job, v, first, tiles, 0, tiles);
        for (size_t panel = 0; panel < w->panels; panel++)
            finish_panel(job, v, v + w->v_floats, first, tiles, 0, tiles, panel);
    }
}

static void shared_in(void *arg, size_t begin, size_t end, int thread) {
    const wino_job *job = arg;
    (void)thread;
    transform_in(job, job->v, job->first, job->tiles, begin, end);
}

static void shared_panels(void *arg, size_t begin, size_t end, int thread) {
    const wino_job *job = arg;
    const size_t parts = job->w->parts;
    for (size_t item = begin; item < end; item++) {
        const size_t part = item % parts;
        finish_panel(job, job->v, thread_scratch(job->s, thread), job->first, job->tiles, part * job->tiles / parts,
                     (part + 1) * job->tiles / parts, item / parts);
    }
}

/* M of a block that goes by points: [panel][point][tile][nr]. */
static float *shared_m(const wino_job *job, size_t panel) {
    return job->m + panel * job->w->points * job->tiles * job->s->kernels->igemm_nr;
}

static void shared_points(void *arg, size_t begin, size_t end, int thread) {
    const wino_job *job = arg;
    const size_t panels = job->w->panels;
    (void)thread;
    for (size_t item = begin; item < end; item++)
        multiply(job, job->v, shared_m(job, item % panels), job->tiles, 0, job->tiles, item / panels, item % panels);
}

/* Items [tile][panel]: whole pixels at a time. */
static void shared_out(void *arg, size_t begin, size_t end, int thread) {
    const wino_job *job = arg;
    (void)thread;
    for (size_t tile = begin; tile < end; tile++)
        for (size_t panel = 0; panel < job->w->panels; panel++)
            transform_out(job, shared_m(job, panel) + tile * job->s->kernels->igemm_nr, job->first, job->tiles, tile, tile + 1,
                          panel);
}

static void winograd_run(const arc_step *s) {
    const wino_state *w = s->state;
    const float *pad = arc_step_floats(s, ARC_CONV_PAD_VALUE);
    wino_job job = {.s = s, .w = w, .x = s->in[0].data, .pad = pad ? pad : w->zero, .y = s->out[0].data};
    job.e = arc_fused_bind(s, &w->act, (size_t)w->g.c_out);
    if (w->way == OWN_BLOCKS) {
        arc_pool_run(s->pool, w->blocks, 1, own_items, &job);
        return;
    }
    job.v = (float *)(void *)s->shared_scratch;
    job.m = job.v + w->v_floats;
    for (size_t block = 0; block < w->blocks; block++) {
        job.first = block * w->block_tiles;
        job.tiles = ARC_MIN(w->block_tiles, w->tiles - job.first);
        arc_pool_run(s->pool, job.tiles, 0, shared_in, &job);
        if (w->way == SHARED_PANELS) {
            arc_pool_run(s->pool, w->panels * w->parts, 1, shared_panels, &job);
        } else {
            arc_pool_run(s->pool, w->points * w->panels, 0, shared_points, &job);
            arc_pool_run(s->pool, job.tiles, 0, shared_out, &job);
        }
    }
}
