/* op: blocks of a Winograd convolution: how large they are, and the work over them. What the algorithm is stands in the header,
 * the transforms of tiles in kernel/. */
#include "op/conv/winograd_blocks.h"
#include "op/fused.h"
#include <assert.h>

#define OWN_BYTES ((size_t)640 << 10)    /* V and M of a thread's own block: L2, less a panel and what is read */
#define PANELS_BYTES ((size_t)900 << 10) /* V of a block that goes by panels: L2 */
#define SHARED_BYTES ((size_t)12 << 20)  /* V and M of a block that goes by points: L3 */
#define OWN_ROWS 14                      /* tiles from which a block keeps the GEMM tile busy */
#define MOST_PARTS 8                     /* of the tiles of a shared block, for the sake of threads */

typedef struct wino_job {
    const arc_winograd_call *call;
    const arc_winograd_blocks *b;
    const arc_kernels *k;
    arc_epilogue e;
    float *v, *m;             /* of the shared block */
    size_t first, tiles, all; /* the shared block's tiles; of all images */
} wino_job;

/* ---- sizes ----------------------------------------------------------------------------------------------------------------- */

bool arc_winograd_tiles_init(arc_winograd_blocks *b, const arc_kernels *k) {
    const size_t n = (size_t)b->t + 2, nr = k->igemm_nr;
    b->points = n * n;
    b->tiles_y = (size_t)((b->oh + b->t - 1) / b->t);
    b->tiles_x = (size_t)((b->ow + b->t - 1) / b->t);
    b->row = b->c_in / (b->form == ARC_FORM_BF16 ? 2 : 1);
    b->panels = (b->c_out + nr - 1) / nr;
    if (!arc_mul_size(b->c_in, nr, &b->panel_floats))
        return false;
    b->panel_floats = arc_form_floats(b->form, b->panel_floats);
    size_t bytes;
    return arc_mul_size(b->panel_floats, b->panels, &b->floats) && arc_mul_size(b->floats, b->points, &b->floats) &&
           arc_mul_size(b->floats, sizeof(float), &bytes);
}

arc_winograd_schedule arc_winograd_usual_schedule(const arc_winograd_blocks *b, const arc_kernels *k, size_t tiles,
                                                  size_t threads) {
    const size_t own_tiles = OWN_BYTES / (b->points * (b->row + k->igemm_nr) * sizeof(float));
    if (own_tiles >= OWN_ROWS && (threads == 1 || tiles >= threads * OWN_ROWS))
        return ARC_WINOGRAD_OWN_BLOCKS;
    return tiles * b->points * b->row * sizeof(float) <= PANELS_BYTES ? ARC_WINOGRAD_SHARED_PANELS : ARC_WINOGRAD_SHARED_POINTS;
}

/* Parts of the tiles of a shared block: items of work that share out evenly. */
static size_t choose_parts(const arc_winograd_blocks *b, size_t threads) {
    size_t best = 1;
    double best_idle = 0;
    for (size_t parts = 1; parts <= MOST_PARTS && parts <= b->block_tiles; parts++) {
        const size_t items = b->panels * parts, turns = (items + threads - 1) / threads;
        const double idle = (double)(turns * threads) / (double)items;
        if (parts == 1 || idle < 0.95 * best_idle) {
            best = parts;
            best_idle = idle;
        }
    }
    return best;
}

bool arc_winograd_blocks_init(arc_winograd_blocks *b, const arc_kernels *k, size_t images, size_t threads) {
    static const size_t room[ARC_WINOGRAD_SCHEDULES] = {OWN_BYTES, PANELS_BYTES, SHARED_BYTES};
    const bool own = b->schedule == ARC_WINOGRAD_OWN_BLOCKS, by_panels = b->schedule == ARC_WINOGRAD_SHARED_PANELS;
    const size_t tiles = arc_winograd_tiles(b, images);
    b->m_panels = b->schedule == ARC_WINOGRAD_SHARED_POINTS || (own && b->store == ARC_STORE_BF16) ? b->panels : 1;
    const size_t m_row = b->m_panels * k->igemm_nr;
    const size_t tile_floats = b->points * (b->row + (by_panels ? 0 : m_row));
    const size_t most = ARC_MAX(room[b->schedule] / (tile_floats * sizeof(float)), (size_t)OWN_ROWS);
    size_t blocks = (tiles + most - 1) / most;
    if (own) /* the same number for every thread */
        blocks = (blocks + threads - 1) / threads * threads;
    b->block_tiles = (tiles + blocks - 1) / blocks;
    b->parts = own ? 1 : choose_parts(b, threads);
    b->v_floats = b->points * b->block_tiles * b->row;
    size_t v_bytes, m_bytes;
    if (!arc_mul_size(b->points * b->block_tiles * sizeof(float), b->row, &v_bytes) ||
        !arc_mul_size(b->points * b->block_tiles * sizeof(float), m_row, &m_bytes))
        return false;
    b->scratch_bytes = own ? v_bytes + m_bytes : by_panels ? m_bytes : 0;
    b->shared_bytes = own ? 0 : by_panels ? v_bytes : v_bytes + m_bytes;
    return true;
}

/* ---- tiles ----------------------------------------------------------------------------------------------------------------- */

arc_winograd_tile arc_winograd_tile_at(const arc_winograd_blocks *b, size_t tile) {
    const size_t per_image = b->tiles_y * b->tiles_x, inside = tile % per_image;
    return (arc_winograd_tile){tile / per_image, (int64_t)(inside / b->tiles_x) * b->t, (int64_t)(inside % b->tiles_x) * b->t};
}

void arc_winograd_window(const arc_winograd_blocks *b, const void *input, const void *pad, arc_winograd_tile at,
                         const void **list) {
    const void *image = arc_store_at(b->store, input, at.image * (size_t)(b->h * b->w) * b->c_in);
    const int64_t n = b->t + 2, top = at.y - b->pad_top, left = at.x - b->pad_left;
    for (int64_t y = top; y < top + n; y++)
        for (int64_t x = left; x < left + n; x++)
            *list++ =
                y < 0 || y >= b->h || x < 0 || x >= b->w ? pad : arc_store_at(b->store, image, (size_t)(y * b->w + x) * b->c_in);
}

/* Tiles [begin,end) of a block that begins at tile `first` and has `tiles`: input to V. */
static void transform_in(const wino_job *job, float *v, size_t first, size_t tiles, size_t begin, size_t end) {
    const arc_winograd_blocks *b = job->b;
    const void *list[ARC_WINOGRAD_MAX_POINTS];
    const float *const *floats = (const float *const *)(const void *)list;
    const uint16_t *const *halves = (const uint16_t *const *)(const void *)list;
    arc_winograd_tile at = arc_winograd_tile_at(b, first + begin);
    for (size_t i = begin; i < end; i++, arc_winograd_tile_next(b, &at)) {
        arc_winograd_window(b, job->call->x, job->call->pad, at, list);
        uint16_t *half = (uint16_t *)(void *)(v + i * b->row);
        if (b->store == ARC_STORE_BF16)
            job->k->winograd_in_half(b->t, b->c_in, halves, half, tiles * b->c_in);
        else if (b->form == ARC_FORM_BF16)
            job->k->winograd_in_bf16(b->t, b->c_in, floats, half, tiles * b->c_in);
        else
            job->k->winograd_in(b->t, b->c_in, floats, v + i * b->row, tiles * b->row);
    }
}

/* One point and panel of tiles [begin,end): rows of V times the panel; m: [point][end - begin][m_row], from the panel's column
 * on. Row tiles of equal height, so that none is left with a few rows. Columns past c_out are zero in the panel and M has
 * room for them. */
static void multiply(const wino_job *job, const float *v, float *m, size_t m_row, size_t tiles, size_t begin, size_t end,
                     size_t point, size_t panel) {
    const arc_winograd_blocks *b = job->b;
    const arc_kernels *k = job->k;
    const arc_epilogue plain = {.act = ARC_ACT_NONE};
    const size_t nr = k->igemm_nr, left = b->c_out - panel * nr, n = left > nr / 2 ? nr : nr / 2, all = end - begin;
    const size_t pieces = (all + k->igemm_mr - 1) / k->igemm_mr;
    const float *u = job->call->u + (panel * b->points + point) * b->panel_floats;
    const float *list[ARC_IGEMM_MAX_MR];
    for (size_t piece = 0; piece < pieces; piece++) {
        const size_t row = piece * all / pieces, rows = (piece + 1) * all / pieces - row;
        for (size_t i = 0; i < rows; i++)
            list[i] = v + (point * tiles + begin + row + i) * b->row;
        arc_igemm_of(k, b->form)(rows, n, b->row, 1, list, u, m + (point * all + row) * m_row, m_row, &plain);
    }
}

/* M of `panels` panels from `panel` on, of tiles [begin,end), to pixels; m: [point][m_tiles][panels * nr], tile `begin` first. */
static void transform_out(const wino_job *job, const float *m, size_t first, size_t m_tiles, size_t begin, size_t end,
                          size_t panel, size_t panels) {
    const arc_winograd_blocks *b = job->b;
    const size_t nr = job->k->igemm_nr, m_row = panels * nr, column = panel * nr, width = ARC_MIN(m_row, b->c_out - column),
                 row = (size_t)b->ow * b->c_out;
    arc_winograd_tile at = arc_winograd_tile_at(b, first + begin);
    for (size_t i = begin; i < end; i++, arc_winograd_tile_next(b, &at)) {
        const size_t pixel = at.image * (size_t)(b->oh * b->ow) + (size_t)(at.y * b->ow + at.x);
        const size_t rows = (size_t)ARC_MIN(b->t, b->oh - at.y), cols = (size_t)ARC_MIN(b->t, b->ow - at.x);
        const arc_epilogue e = arc_fused_at(&job->e, pixel, column);
        void *y = arc_store_at(b->store, job->call->y, pixel * b->c_out + column);
        const float *from = m + (i - begin) * m_row;
        if (b->store == ARC_STORE_BF16)
            job->k->winograd_out_half(b->t, width, from, m_tiles * m_row, y, row, b->c_out, rows, cols, e.bias, job->call->add);
        else
            job->k->winograd_out(b->t, width, from, m_tiles * m_row, y, row, b->c_out, rows, cols, &e);
    }
}

/* V of a block to the output pixels of its tiles [begin,end) and of m_panels panels from `panel` on. */
static void finish_panels(const wino_job *job, const float *v, float *m, size_t first, size_t tiles, size_t begin, size_t end,
                          size_t panel) {
    const size_t nr = job->k->igemm_nr, panels = job->b->m_panels;
    for (size_t point = 0; point < job->b->points; point++)
        for (size_t i = 0; i < panels; i++)
            multiply(job, v, m + i * nr, panels * nr, tiles, begin, end, point, panel + i);
    transform_out(job, m, first, end - begin, begin, end, panel, panels);
}

/* ---- work ------------------------------------------------------------------------------------------------------------------ */

static float *thread_scratch(const wino_job *job, int thread) {
    return (float *)(void *)(job->call->scratch + (size_t)thread * job->call->scratch_stride);
}

/* A thread's own blocks. */
static void own_items(void *arg, size_t begin, size_t end, int thread) {
    const wino_job *job = arg;
    const arc_winograd_blocks *b = job->b;
    float *v = thread_scratch(job, thread);
    for (size_t block = begin; block < end; block++) {
        const size_t first = block * b->block_tiles, tiles = ARC_MIN(b->block_tiles, job->all - first);
        transform_in(job, v, first, tiles, 0, tiles);
        for (size_t panel = 0; panel < b->panels; panel += b->m_panels)
            finish_panels(job, v, v + b->v_floats, first, tiles, 0, tiles, panel);
    }
}

static void shared_in(void *arg, size_t begin, size_t end, int thread) {
    const wino_job *job = arg;
    (void)thread;
    transform_in(job, job->v, job->first, job->tiles, begin, end);
}

static void shared_panels(void *arg, size_t begin, size_t end, int thread) {
    const wino_job *job = arg;
    const size_t parts = job->b->parts;
    for (size_t item = begin; item < end; item++) {
        const size_t part = item % parts;
        finish_panels(job, job->v, thread_scratch(job, thread), job->first, job->tiles, part * job->tiles / parts,
                      (part + 1) * job->tiles / parts, item / parts);
    }
}

static void shared_points(void *arg, size_t begin, size_t end, int thread) {
    const wino_job *job = arg;
    const size_t panels = job->b->panels, nr = job->k->igemm_nr;
    (void)thread;
    for (size_t item = begin; item < end; item++) {
        const size_t panel = item % panels;
        multiply(job, job->v, job->m + panel * nr, panels * nr, job->tiles, 0, job->tiles, item / panels, panel);
    }
}

/* Items are tiles: whole pixels at a time. */
static void shared_out(void *arg, size_t begin, size_t end, int thread) {
    const wino_job *job = arg;
    const size_t panels = job->b->panels;
    (void)thread;
    transform_out(job, job->m + begin * panels * job->k->igemm_nr, job->first, job->tiles, begin, end, 0, panels);
}

void arc_winograd_convolve(const arc_winograd_call *call) {
    const arc_winograd_blocks *b = call->blocks;
    wino_job job = {.call = call, .b = b, .k = call->kernels, .e = call->e, .all = arc_winograd_tiles(b, call->images)};
    if (call->add && b->store == ARC_STORE_F32) {
        assert(!call->e.residual);
        job.e.residual = call->y;
        job.e.residual_stride = b->c_out;
    }
    if (b->schedule == ARC_WINOGRAD_OWN_BLOCKS) {
        arc_pool_run(call->pool, (job.all + b->block_tiles - 1) / b->block_tiles, 1, own_items, &job);
        return;
    }
    job.v = call->shared;
    job.m = job.v + b->v_floats;
    for (job.first = 0; job.first < job.all; job.first += b->block_tiles) {
        job.tiles = ARC_MIN(b->block_tiles, job.all - job.first);
        arc_pool_run(call->pool, job.tiles, 0, shared_in, &job);
        if (b->schedule == ARC_WINOGRAD_SHARED_PANELS) {
            arc_pool_run(call->pool, b->panels * b->parts, 1, shared_panels, &job);
        } else {
            arc_pool_run(call->pool, b->points * b->panels, 0, shared_points, &job);
            arc_pool_run(call->pool, job.tiles, 0, shared_out, &job);
        }
    }
}
