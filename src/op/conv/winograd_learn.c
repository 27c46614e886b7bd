/* op: a 3x3 convolution of stride 1 that learns, by Winograd's algorithm with tiles of 4x4, in bfloat16 of 2x2 (Lavin & Gray
 * 2016): the tile of 4 would cost bfloat16 two of its eight bits. All three products are in its domain: y = A^T (U . V) A, with V
 * the transformed input and U the transformed weights; dx is the same convolution over dy with the weights turned by 180 degrees;
 * and dU = sum over tiles of V^T (A dy A^T), from which dw = G^T dU G. Each needs a quarter of the direct way's multiplications,
 * four ninths with tiles of 2x2.
 *
 * Weights change at every step, so U is made at every call: 16 channels at a time, transposed into a thread's scratch and
 * transformed. y and dx go through the blocks of winograd_blocks.c. The weights' gradient has blocks of its own, which depend on
 * the shape only, as does the order of its sums. */
#include "op/conv/conv_learn.h"
#include <string.h>

#define MAX_TILE 4
#define GRAD_BYTES ((size_t)12 << 20) /* V and M of a block of the weights' gradient: in L3 */
#define GRAD_LEAST_ROWS 24            /* of such a block */
#define GRAD_ROWS 160                 /* tiles summed in registers: their rows fit L1 */
#define GROUP 16                      /* channels of weights transformed together */

typedef struct wino_job {
    const arc_winograd_learn *learn;
    const arc_winograd_blocks *b;
    const arc_learn_step *s;
    const arc_learn_run *r;
    bool turned;         /* weights of the input's gradient */
    float *u;            /* of the weights */
    float *v, *m, *sums; /* of the weights' gradient */
    size_t first, tiles; /* of its present block */
    size_t rows;         /* of V and M: tiles, or pairs of them in bfloat16 */
    bool more;           /* blocks before it */
} wino_job;

static bool is_half(const arc_winograd_blocks *b) {
    return b->store == ARC_STORE_BF16;
}

/* ---- prepare --------------------------------------------------------------------------------------------------------------- */

bool arc_winograd_learns(const arc_conv_geometry *g) {
    return g->kh == 3 && g->kw == 3 && g->stride_h == 1 && g->stride_w == 1 && g->pad_top <= 2 && g->pad_left <= 2 &&
           g->c_in >= 16 && g->c_out >= 16 && g->oh >= MAX_TILE && g->ow >= MAX_TILE;
}

/* The convolution, or the one of its input's gradient. */
static bool blocks_of(const arc_learn_prepare *p, const arc_conv_geometry *g, bool turned, arc_winograd_blocks *out) {
    const bool half = p->step->out_store == ARC_STORE_BF16;
    arc_winograd_blocks b = {
        .t = half ? 2 : MAX_TILE, .form = half ? ARC_FORM_BF16 : ARC_FORM_F32, .store = half ? ARC_STORE_BF16 : ARC_STORE_F32};
    b.h = turned ? g->oh : g->h;
    b.w = turned ? g->ow : g->w;
    b.oh = turned ? g->h : g->oh;
    b.ow = turned ? g->w : g->ow;
    b.pad_top = turned ? 2 - g->pad_top : g->pad_top;
    b.pad_left = turned ? 2 - g->pad_left : g->pad_left;
    b.c_in = (size_t)(turned ? g->c_out : g->c_in);
    b.c_out = (size_t)(turned ? g->c_in : g->c_out);
    if (!arc_winograd_tiles_init(&b, p->kernels))
        return false;
    b.schedule = arc_winograd_usual_schedule(&b, p->kernels, arc_winograd_tiles(&b, (size_t)g->n), p->threads);
    *out = b;
    return arc_winograd_blocks_init(out, p->kernels, (size_t)g->n, p->threads);
}

/* Shared scratch holds U, and the blocks' behind it. */
static void raise_scratch(arc_learn_step *s, const arc_winograd_blocks *b) {
    const size_t weights = GROUP * 9 * ARC_MAX(b->c_in, b->c_out) * sizeof(float);
    s->shared_bytes = ARC_MAX(s->shared_bytes, b->floats * sizeof(float) + b->shared_bytes);
    s->scratch_bytes = ARC_MAX(s->scratch_bytes, ARC_MAX(weights, b->scratch_bytes));
}

arc_status arc_winograd_learn_prepare(arc_learn_prepare *p, const arc_conv_geometry *g, const arc_winograd_learn **out) {
    arc_learn_step *s = p->step;
    arc_winograd_learn *w = arc_arena_new(p->arena, 1, sizeof *w);
    const size_t wide = (size_t)ARC_MAX(g->c_in, g->c_out), pairs = (size_t)(g->c_in * g->c_out);
    float *zero = arc_arena_new(p->arena, wide, sizeof *zero);
    if (!w || !zero)
        return arc_fail_nomem(p->err, "convolution state");
    if (!blocks_of(p, g, false, &w->forward) || !blocks_of(p, g, true, &w->input))
        return arc_fail_nomem(p->err, "convolution scratch");
    w->zero = zero;
    raise_scratch(s, &w->forward);
    raise_scratch(s, &w->input);
    /* Rows of the gradient's V and M: tiles, or pairs of them. */
    const bool half = is_half(&w->forward);
    const size_t row_floats = w->forward.points * (size_t)(g->c_in + g->c_out),
                 rows = ARC_MAX(GRAD_BYTES / (row_floats * sizeof(float)), (size_t)GRAD_LEAST_ROWS);
    const size_t tiles = arc_winograd_tiles(&w->forward, (size_t)g->n);
    w->grad_tiles = ARC_MIN(rows * (half ? 2 : 1), tiles + tiles % 2);
    w->sums_at = (half ? w->grad_tiles / 2 : w->grad_tiles) * row_floats;
    if (!s->weight->frozen)
        s->shared_bytes = ARC_MAX(s->shared_bytes, (w->sums_at + w->forward.points * pairs) * sizeof(float));
    s->scratch_bytes = ARC_MAX(s->scratch_bytes, GRAD_ROWS * sizeof(float *));
    s->algorithm = half ? "winograd bf16" : "winograd 4x4";
    *out = w;
    return ARC_OK;
}

/* ---- weights --------------------------------------------------------------------------------------------------------------- */

static float *thread_scratch(const wino_job *job, int thread) {
    return (float *)(void *)(job->r->scratch + (size_t)thread * job->r->scratch_stride);
}

/* Rows of one input channel [9][c_out] into U; columns past c_out become zero. */
static void transform_row(const wino_job *job, const float *row, size_t channel) {
    const arc_winograd_blocks *b = job->b;
    const arc_kernels *k = job->r->kernels;
    const size_t nr = k->igemm_nr;
    float *u = job->u + channel * nr;
    for (size_t panel = 0; panel < b->panels; panel++, u += b->points * b->panel_floats) {
        const size_t width = ARC_MIN(nr, b->c_out - panel * nr);
        k->winograd_weights(b->t, width, row + panel * nr, b->c_out, u, b->panel_floats);
        for (size_t i = 0; width < nr && i < b->points; i++)
            memset(u + i * b->panel_floats + width, 0, (nr - width) * sizeof *u);
    }
}

/* Rows of two input channels into U as pairs. */
static void transform_pair(const wino_job *job, const float *rows, size_t channel) {
    enum { HALF_POINTS = 16 };
    const arc_winograd_blocks *b = job->b;
    const arc_kernels *k = job->r->kernels;
    const size_t nr = k->igemm_nr, count = HALF_POINTS * nr;
    float some[HALF_POINTS * ARC_IGEMM_MAX_NR] = {0};
    uint16_t half[2][HALF_POINTS * ARC_IGEMM_MAX_NR];
    float *u = job->u + channel / 2 * nr;
    for (size_t panel = 0; panel < b->panels; panel++, u += b->points * b->panel_floats) {
        const size_t width = ARC_MIN(nr, b->c_out - panel * nr);
        if (width < nr)
            memset(some, 0, sizeof some);
        for (size_t c = 0; c < 2; c++) {
            k->winograd_weights(b->t, width, rows + c * 9 * b->c_out + panel * nr, b->c_out, some, nr);
            k->store_save(ARC_STORE_BF16, count, some, half[c]);
        }
        for (size_t i = 0; i < HALF_POINTS; i++)
            k->pair_rows(nr, half[0] + i * nr, half[1] + i * nr, u + i * b->panel_floats);
    }
}

/* Groups of input channels. The weights are [o][i][9]; turned, the input channel of the convolution is o and its output channel
 * i. */
static void weight_groups(void *arg, size_t begin, size_t end, int thread) {
    const wino_job *job = arg;
    const arc_winograd_blocks *b = job->b;
    const arc_kernels *k = job->r->kernels;
    const float *weights = job->s->weight->value;
    float *rows = thread_scratch(job, thread);
    for (size_t group = begin; group < end; group++) {
        const size_t first = group * GROUP, some = ARC_MIN((size_t)GROUP, b->c_in - first);
        if (!job->turned)
            k->transpose(b->c_out, some * 9, weights + first * 9, b->c_in * 9, rows, b->c_out);
        for (size_t c = 0; c < some; c++) {
            float *row = rows + c * 9 * b->c_out;
            for (size_t i = 0; job->turned && i < b->c_out; i++)
                for (size_t q = 0; q < 9; q++)
                    row[(8 - q) * b->c_out + i] = weights[((first + c) * b->c_out + i) * 9 + q];
            if (!is_half(b))
                transform_row(job, row, first + c);
            else if (c % 2)
                transform_pair(job, row - 9 * b->c_out, first + c - 1);
        }
    }
}

/* ---- convolution ----------------------------------------------------------------------------------------------------------- */

/* U of the present weights, then the convolution with it. */
static void convolve(const arc_winograd_learn *w, const arc_learn_step *s, const arc_learn_run *r, bool turned,
                     arc_winograd_call *call) {
    const arc_winograd_blocks *b = turned ? &w->input : &w->forward;
    wino_job job = {.learn = w, .b = b, .s = s, .r = r, .turned = turned, .u = (float *)(void *)r->shared};
    arc_pool_run(r->pool, (b->c_in + GROUP - 1) / GROUP, 1, weight_groups, &job);
    call->blocks = b;
    call->kernels = r->kernels;
    call->pool = r->pool;
    call->images = r->n;
    call->pad = w->zero;
    call->u = job.u;
    call->scratch = r->scratch;
    call->scratch_stride = r->scratch_stride;
    call->shared = job.u + b->floats;
    arc_winograd_convolve(call);
}

void arc_winograd_learn_forward(const arc_winograd_learn *w, const arc_learn_step *s, const arc_learn_run *r) {
    arc_winograd_call call = {.x = r->x[0], .y = r->y, .e = {.act = ARC_ACT_NONE, .bias = s->bias ? s->bias->value : NULL}};
    convolve(w, s, r, false, &call);
}

void arc_winograd_learn_input(const arc_winograd_learn *w, const arc_learn_step *s, const arc_learn_run *r) {
    arc_winograd_call call = {.x = r->dy, .y = r->dx[0], .e = {.act = ARC_ACT_NONE}, .add = r->add[0]};
    convolve(w, s, r, true, &call);
}

/* ---- gradient of the weights ----------------------------------------------------------------------------------------------- */

#define AS_FLOATS(list) ((const float *const *)(const void *)(list))
#define AS_HALVES(list) ((const uint16_t *const *)(const void *)(list))

static void list_x(const wino_job *job, size_t tile, const void **list) {
    arc_winograd_window(job->b, job->r->x[0], job->learn->zero, arc_winograd_tile_at(job->b, tile), list);
}

/* Pointers to the tile's pixels of dy, to zeros for those outside. */
static void list_dy(const wino_job *job, size_t tile, const void **list) {
    const arc_winograd_blocks *b = job->b;
    const arc_winograd_tile at = arc_winograd_tile_at(b, tile);
    const void *image = arc_store_at(b->store, job->r->dy, at.image * (size_t)(b->oh * b->ow) * b->c_out);
    for (int64_t q = 0; q < b->t * b->t; q++) {
        const int64_t y = at.y + q / b->t, x = at.x + q % b->t;
        list[q] = y < b->oh && x < b->ow ? arc_store_at(b->store, image, (size_t)(y * b->ow + x) * b->c_out) : job->learn->zero;
    }
}

/* Tiles of the block: input to V and dy to M = A dy A^T; items are rows of them: tiles, or pairs of tiles. */
static void grad_transform(void *arg, size_t begin, size_t end, int thread) {
    const wino_job *job = arg;
    const arc_winograd_blocks *b = job->b;
    const arc_kernels *k = job->r->kernels;
    const void *low[ARC_WINOGRAD_MAX_POINTS], *high[ARC_WINOGRAD_MAX_POINTS];
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        float *v = job->v + i * b->c_in, *m = job->m + i * b->c_out;
        if (!is_half(b)) {
            list_x(job, job->first + i, low);
            k->winograd_in(b->t, b->c_in, AS_FLOATS(low), v, job->rows * b->c_in);
            list_dy(job, job->first + i, low);
            k->winograd_grad(b->t, b->c_out, AS_FLOATS(low), m, job->rows * b->c_out);
            continue;
        }
        const bool both = 2 * i + 1 < job->tiles;
        list_x(job, job->first + 2 * i, low);
        if (both)
            list_x(job, job->first + 2 * i + 1, high);
        k->winograd_in_pairs(b->t, b->c_in, AS_HALVES(low), both ? AS_HALVES(high) : NULL, v, job->rows * b->c_in);
        list_dy(job, job->first + 2 * i, low);
        if (both)
            list_dy(job, job->first + 2 * i + 1, high);
        k->winograd_grad_pairs(b->t, b->c_out, AS_HALVES(low), both ? AS_HALVES(high) : NULL, m, job->rows * b->c_out);
    }
}

/* Enough items for many threads, whole tiles in each. */
static size_t splits_of(const arc_winograd_blocks *b) {
    return ARC_MAX(b->c_in / 128, (size_t)1);
}

/* Items are points and parts of their input channels: sums [point][c_in][c_out] += V^T M. */
static void grad_multiply(void *arg, size_t begin, size_t end, int thread) {
    const wino_job *job = arg;
    const arc_winograd_blocks *b = job->b;
    const arc_kernels *k = job->r->kernels;
    const float **list = (const float **)(void *)thread_scratch(job, thread);
    const size_t splits = splits_of(b), parts = (job->rows + GRAD_ROWS - 1) / GRAD_ROWS;
    for (size_t item = begin; item < end; item++) {
        const size_t point = item / splits, begin_in = item % splits * b->c_in / splits;
        const size_t count_in = (item % splits + 1) * b->c_in / splits - begin_in,
                     tiles = (count_in + k->igemm_mr - 1) / k->igemm_mr;
        for (size_t part = 0; part < parts; part++) {
            const size_t first = part * job->rows / parts, count = (part + 1) * job->rows / parts - first;
            for (size_t p = 0; p < count; p++)
                list[p] = job->v + (point * job->rows + first + p) * b->c_in;
            for (size_t j = 0; j < b->c_out; j += k->igemm_nr)
                for (size_t tile = 0; tile < tiles; tile++) {
                    const size_t i = begin_in + tile * count_in / tiles, next = begin_in + (tile + 1) * count_in / tiles;
                    (is_half(b) ? k->gemm_tn_bf16 : k->gemm_tn)(next - i, ARC_MIN(k->igemm_nr, b->c_out - j), count, list, i,
                                                                job->m + (point * job->rows + first) * b->c_out + j, b->c_out,
                                                                job->sums + (point * b->c_in + i) * b->c_out + j, b->c_out,
                                                                job->more || part > 0);
                }
        }
    }
}

/* Groups of input channels: dU to the gradient [o][i][9]. */
static void grad_groups(void *arg, size_t begin, size_t end, int thread) {
    const wino_job *job = arg;
    const arc_winograd_blocks *b = job->b;
    const arc_kernels *k = job->r->kernels;
    float *rows = thread_scratch(job, thread);
    for (size_t group = begin; group < end; group++) {
        const size_t first = group * GROUP, some = ARC_MIN((size_t)GROUP, b->c_in - first);
        for (size_t c = 0; c < some; c++)
            k->winograd_weights_grad(b->t, b->c_out, job->sums + (first + c) * b->c_out, b->c_in * b->c_out,
                                     rows + c * 9 * b->c_out, b->c_out);
        float *gradient = job->s->weight->gradient + first * 9;
        if (!job->r->accumulate) {
            k->transpose(some * 9, b->c_out, rows, b->c_out, gradient, b->c_in * 9);
            continue;
        }
        for (size_t o = 0; o < b->c_out; o++)
            for (size_t q = 0; q < some * 9; q++)
                gradient[o * b->c_in * 9 + q] += rows[q * b->c_out + o];
    }
}

void arc_winograd_learn_weights(const arc_winograd_learn *w, const arc_learn_step *s, const arc_learn_run *r) {
    const arc_winograd_blocks *b = &w->forward;
    const size_t all = arc_winograd_tiles(b, r->n), most_rows = is_half(b) ? w->grad_tiles / 2 : w->grad_tiles;
    wino_job job = {.learn = w, .b = b, .s = s, .r = r, .v = (float *)(void *)r->shared};
    job.m = job.v + b->points * most_rows * b->c_in;
    job.sums = job.v + w->sums_at;
    for (job.first = 0; job.first < all; job.first += w->grad_tiles) {
        job.tiles = ARC_MIN(w->grad_tiles, all - job.first);
        job.more = job.first > 0;
        job.rows = is_half(b) ? (job.tiles + 1) / 2 : job.tiles;
        arc_pool_run(r->pool, job.rows, 0, grad_transform, &job);
        arc_pool_run(r->pool, b->points * splits_of(b), 0, grad_multiply, &job);
    }
    arc_pool_run(r->pool, (b->c_in + GROUP - 1) / GROUP, 1, grad_groups, &job);
}
