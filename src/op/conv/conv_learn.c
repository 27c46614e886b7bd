/* op: convolution that learns, the direct way. Forward and the gradient of the input are products on the igemm tile over lists of
 * pixel pointers; the gradient of the weights is a product over pixels (gemm_tn).
 *
 * Every sum has one order whatever the number of threads: outputs are split, and the gradient of the weights is cut into a fixed
 * number of parts of the pixels that are added in turn. Weights are packed at every call: they change at every step. */
#include "op/conv/conv_learn.h"
#include "op/conv/phase_learn.h"
#include <string.h>

#define BLOCK_TILES 4                  /* tiles that share a pointer list and stay in L2 */
#define GRAD_PIXELS 128                /* pixels summed in registers before the sum goes to memory */
#define PARTS_BYTES ((size_t)16 << 20) /* of partial gradients */
#define MAX_PARTS 16

typedef struct conv_state {
    arc_conv_geometry g; /* n: largest */
    size_t taps, c_in, c_out;
    arc_conv_phases phases;
    const float *zero;
    size_t packed_floats;                    /* of all phases */
    bool half_in, half_out;                  /* the input and output are bfloat16: products over them are too */
    arc_conv_geometry in_floats, out_floats; /* g with c_in or c_out counted in floats: halved when they hold pairs */
    size_t rows_at;                          /* bytes of a thread's scratch before its rows of floats */
    size_t parts, images_part;
    bool tap_items;                     /* an item is a part and a tap, not a part with all of them */
    const arc_winograd_learn *winograd; /* NULL: not in the Winograd domain */
    const arc_grouped_learn *grouped;   /* NULL: one group */
} conv_state;

typedef struct conv_job {
    const arc_learn_step *s;
    const arc_learn_run *r;
    const conv_state *c;
    const arc_conv_phase *phase;
    const float *w, *x, *dy;
    float *y, *packed;
    size_t tiles, pixels;
    arc_epilogue e;
} conv_job;

/* ---- prepare --------------------------------------------------------------------------------------------------------------- */

static size_t panels_of(const arc_kernels *k, size_t n) {
    return (n + k->igemm_nr - 1) / k->igemm_nr;
}

arc_status arc_conv_learn_prepare(arc_learn_prepare *p) {
    arc_learn_step *s = p->step;
    const arc_kernels *k = p->kernels;
    conv_state *c = arc_arena_new(p->arena, 1, sizeof *c);
    char why[320];
    if (!c)
        return arc_fail_nomem(p->err, "convolution state");
    const arc_status st = arc_conv_read(s->node, false, &s->in_shape[0], &s->weight->shape, &c->g, why, sizeof why);
    if (st != ARC_OK)
        return arc_fail(p->err, st, "%s '%s': %s", s->node->op, s->name, why);
    if (c->g.dilation_h != 1 || c->g.dilation_w != 1)
        return arc_learn_refuse(s->node, "dilated convolutions have no backward", p->err);
    s->keeps[0] = !s->weight->frozen; /* x is read for the gradient of the weights alone */
    s->state = c;
    if (c->g.groups > 1)
        return arc_grouped_learn_prepare(p, &c->g, &c->grouped);
    c->taps = (size_t)(c->g.kh * c->g.kw);
    c->c_in = (size_t)c->g.c_in;
    c->c_out = (size_t)c->g.c_out;
    s->macs = (double)(c->g.oh * c->g.ow) * (double)(c->taps * c->c_in * c->c_out);
    if (s->in_store[0] == s->out_store && arc_winograd_learns(&c->g))
        return arc_winograd_learn_prepare(p, &c->g, &c->winograd);
    const size_t wide = ARC_MAX(c->c_in, c->c_out), weights = c->taps * c->c_in * c->c_out;
    c->zero = arc_arena_new(p->arena, wide, sizeof *c->zero);
    if (!c->zero)
        return arc_fail_nomem(p->err, "convolution state");
    const arc_status phased = arc_conv_phases_new(&c->phases, p->arena, &c->g, p->err);
    if (phased != ARC_OK)
        return phased;
    size_t at = 0;
    for (size_t i = 0; i < c->phases.count; i++) {
        c->phases.phase[i].weights_at = at;
        at += panels_of(k, c->c_in) * k->igemm_nr * c->phases.phase[i].taps * c->c_out;
    }
    c->packed_floats = ARC_MAX(at, panels_of(k, c->c_out) * k->igemm_nr * c->taps * c->c_in);
    c->parts = PARTS_BYTES / (weights * sizeof(float));
    c->parts = ARC_MIN(ARC_MAX(c->parts, (size_t)1), (size_t)MAX_PARTS);
    c->tap_items = c->parts < MAX_PARTS / 2;
    c->half_in = s->in_store[0] == ARC_STORE_BF16;
    c->half_out = s->out_store == ARC_STORE_BF16;
    c->in_floats = c->out_floats = c->g;
    c->in_floats.c_in /= c->half_in ? 2 : 1;
    c->out_floats.c_out /= c->half_out ? 2 : 1;
    const size_t block = BLOCK_TILES * k->igemm_mr, pixels = s->weight->frozen ? block : ARC_MAX(block, (size_t)GRAD_PIXELS);
    c->rows_at = arc_aligned(pixels * c->taps * sizeof(float *));
    s->algorithm = c->half_in ? "direct bf16" : "direct";
    s->shared_bytes = (s->weight->frozen ? c->packed_floats : ARC_MAX(c->packed_floats, c->parts * weights)) * sizeof(float);
    s->scratch_bytes = c->rows_at + (c->half_out ? (pixels * (c->c_in + c->c_out) + c->c_in) * sizeof(float) : 0);
    return ARC_OK;
}

/* ---- forward --------------------------------------------------------------------------------------------------------------- */

static const float **thread_list(const arc_learn_run *r, int thread) {
    return (const float **)(void *)(r->scratch + (size_t)thread * r->scratch_stride);
}
static float *thread_rows(const conv_job *job, int thread) {
    return (float *)(void *)(job->r->scratch + (size_t)thread * job->r->scratch_stride + job->c->rows_at);
}

/* A tile of the product over `kc` channels, in bfloat16 when the rows are. */
static void product(const conv_job *job, bool half, size_t m, size_t n, size_t kc, size_t taps, const float *const *list,
                    const float *b, float *c, size_t c_stride, const arc_epilogue *e) {
    const arc_kernels *k = job->r->kernels;
    if (half)
        k->igemm_bf16(m, n, kc / 2, taps, list, b, c, c_stride, e);
    else
        k->igemm(m, n, kc, taps, list, b, c, c_stride, e);
}

static void pack_items(void *arg, size_t begin, size_t end, int thread) {
    const conv_job *job = arg;
    const conv_state *c = job->c;
    const arc_kernels *k = job->r->kernels;
    const size_t panel = k->igemm_nr * c->taps * (size_t)c->in_floats.c_in;
    (void)thread;
    for (size_t i = begin; i < end; i++)
        (c->half_in ? arc_igemm_pack_panel_bf16 : arc_igemm_pack_panel)(k, c->c_out, i * k->igemm_nr, c->c_in, c->taps, job->w,
                                                                        c->c_in * c->taps, 1, c->taps, NULL, NULL,
                                                                        job->packed + i * panel);
}

static void forward_items(void *arg, size_t begin, size_t end, int thread) {
    const conv_job *job = arg;
    const conv_state *c = job->c;
    const arc_kernels *k = job->r->kernels;
    const size_t mr = k->igemm_mr, nr = k->igemm_nr, panels = panels_of(k, c->c_out);
    const size_t floats = nr * c->taps * (size_t)c->in_floats.c_in;
    const float **list = thread_list(job->r, thread);
    for (size_t block = begin; block < end; block++) {
        const size_t first = block * BLOCK_TILES, last = ARC_MIN(job->tiles, first + BLOCK_TILES), pixel = first * mr;
        float *rows = c->half_out ? thread_rows(job, thread) : job->y + pixel * c->c_out;
        for (size_t tile = first; tile < last; tile++)
            arc_conv_pointers(&c->in_floats, job->x, c->zero, 0, tile * mr, ARC_MIN(mr, job->pixels - tile * mr), 1, mr,
                              list + (tile - first) * c->taps * mr);
        for (size_t panel = 0; panel < panels; panel++)
            for (size_t tile = first; tile < last; tile++) {
                arc_epilogue e = job->e;
                e.bias = e.bias ? e.bias + panel * nr : NULL;
                product(job, c->half_in, ARC_MIN(mr, job->pixels - tile * mr), ARC_MIN(nr, c->c_out - panel * nr), c->c_in,
                        c->taps, list + (tile - first) * c->taps * mr, job->packed + panel * floats,
                        rows + (tile - first) * mr * c->c_out + panel * nr, c->c_out, &e);
            }
        if (c->half_out)
            k->store_save(ARC_STORE_BF16, (ARC_MIN(job->pixels, last * mr) - pixel) * c->c_out, rows,
                          (uint16_t *)(void *)job->y + pixel * c->c_out);
    }
}

void arc_conv_forward(const arc_learn_step *s, const arc_learn_run *r) {
    const conv_state *c = s->state;
    if (c->grouped) {
        arc_grouped_learn_forward(c->grouped, s, r);
        return;
    }
    if (c->winograd) {
        arc_winograd_learn_forward(c->winograd, s, r);
        return;
    }
    conv_job job = {.s = s, .r = r, .c = c, .x = r->x[0], .y = r->y, .w = s->weight->value};
    job.packed = (float *)(void *)r->shared;
    job.pixels = r->n * (size_t)(c->g.oh * c->g.ow);
    job.tiles = (job.pixels + r->kernels->igemm_mr - 1) / r->kernels->igemm_mr;
    job.e = (arc_epilogue){.act = ARC_ACT_NONE, .bias = s->bias ? s->bias->value : NULL};
    arc_pool_run(r->pool, panels_of(r->kernels, c->c_out), 1, pack_items, &job);
    arc_pool_run(r->pool, (job.tiles + BLOCK_TILES - 1) / BLOCK_TILES, 1, forward_items, &job);
}

/* ---- gradient of the input ------------------------------------------------------------------------------------------------- */

static void pack_phase_items(void *arg, size_t begin, size_t end, int thread) {
    const conv_job *job = arg;
    const conv_state *c = job->c;
    const arc_conv_phase *p = job->phase;
    const arc_kernels *k = job->r->kernels;
    const size_t tap_floats = k->igemm_nr * (size_t)c->out_floats.c_out;
    (void)thread;
    for (size_t i = begin; i < end; i++)
        for (size_t t = 0; t < p->taps; t++)
            (c->half_out ? arc_igemm_pack_panel_bf16 : arc_igemm_pack_panel)(
                k, c->c_in, i * k->igemm_nr, c->c_out, 1, job->w + p->tap[t], c->taps, 0, c->c_in * c->taps, NULL, NULL,
                job->packed + p->weights_at + (i * p->taps + t) * tap_floats);
}

/* Rows of floats to the phase's pixels from (row, column) number `at` of the input on. */
static void put_pixels(const conv_job *job, float *rows, size_t at, size_t count) {
    const conv_state *c = job->c;
    const arc_kernels *k = job->r->kernels;
    uint16_t *to = (uint16_t *)job->r->dx[0] + at;
    float *old = rows + count * c->c_in; /* room for one more pixel */
    for (size_t i = 0; i < count; i++, rows += c->c_in, to += c->g.stride_w * c->g.c_in) {
        if (job->r->add[0]) {
            k->store_load(ARC_STORE_BF16, c->c_in, to, old);
            k->add(c->c_in, rows, old, rows);
        }
        k->store_save(ARC_STORE_BF16, c->c_in, rows, to);
    }
}

/* Pixels of a phase that no tap reaches. */
static void clear_row(const conv_job *job, size_t at) {
    const conv_state *c = job->c;
    for (int64_t j = 0; j < job->phase->cols; j++, at += (size_t)(c->g.stride_w * c->g.c_in))
        memset(arc_store_at(job->s->in_store[0], job->r->dx[0], at), 0, c->c_in * arc_store_bytes(job->s->in_store[0]));
}

/* Tiles [first, first+some) of a row of the phase's pixels; `at`: its first element of the input. */
static void input_tiles(const conv_job *job, size_t image, size_t i, size_t at, size_t first, size_t some, int thread) {
    const conv_state *c = job->c;
    const arc_conv_phase *p = job->phase;
    const arc_kernels *k = job->r->kernels;
    const size_t mr = k->igemm_mr, nr = k->igemm_nr, panels = panels_of(k, c->c_in), cols = (size_t)p->cols;
    const size_t tiles = (cols + mr - 1) / mr, start = first * cols / tiles, pixels = (first + some) * cols / tiles - start;
    const size_t pixel = c->half_in ? c->c_in : (size_t)(c->g.stride_w * c->g.c_in);
    const bool add = job->r->add[0] && !c->half_in;
    const float **list = thread_list(job->r, thread);
    at += start * (size_t)(c->g.stride_w * c->g.c_in);
    float *rows = c->half_in ? thread_rows(job, thread) : (float *)job->r->dx[0] + at;
    for (size_t q = 0; q < some; q++) {
        const size_t j = (first + q) * cols / tiles, next = (first + q + 1) * cols / tiles;
        arc_conv_phase_pointers(&c->out_floats, p, job->dy, c->zero, image, (int64_t)i, (int64_t)j, next - j, 1, mr,
                                list + q * p->taps * mr);
    }
    for (size_t panel = 0; panel < panels; panel++)
        for (size_t q = 0; q < some; q++) {
            const size_t j = (first + q) * cols / tiles, next = (first + q + 1) * cols / tiles;
            float *to = rows + (j - start) * pixel + panel * nr;
            const arc_epilogue e = {.act = ARC_ACT_NONE, .residual = add ? to : NULL, .residual_stride = pixel};
            product(job, c->half_out, next - j, ARC_MIN(nr, c->c_in - panel * nr), c->c_out, p->taps, list + q * p->taps * mr,
                    job->packed + p->weights_at + panel * p->taps * nr * (size_t)c->out_floats.c_out, to, pixel, &e);
        }
    if (c->half_in)
        put_pixels(job, rows, at, pixels);
}

/* An item is a row of the phase's pixels. */
static void input_items(void *arg, size_t begin, size_t end, int thread) {
    const conv_job *job = arg;
    const conv_state *c = job->c;
    const arc_conv_phase *p = job->phase;
    const size_t mr = job->r->kernels->igemm_mr, tiles = ((size_t)p->cols + mr - 1) / mr;
    for (size_t item = begin; item < end; item++) {
        const size_t image = item / (size_t)p->rows, i = item % (size_t)p->rows, y = (size_t)p->y0 + i * (size_t)c->g.stride_h;
        const size_t at = ((image * (size_t)c->g.h + y) * (size_t)c->g.w + (size_t)p->x0) * c->c_in;
        if (p->taps == 0 && !job->r->add[0])
            clear_row(job, at);
        for (size_t first = 0; p->taps && first < tiles; first += BLOCK_TILES)
            input_tiles(job, image, i, at, first, ARC_MIN((size_t)BLOCK_TILES, tiles - first), thread);
    }
}

static void input_gradient(const arc_learn_step *s, const arc_learn_run *r) {
    const conv_state *c = s->state;
    conv_job job = {.s = s, .r = r, .c = c, .dy = r->dy, .w = s->weight->value};
    job.packed = (float *)(void *)r->shared;
    for (size_t i = 0; i < c->phases.count; i++) {
        job.phase = &c->phases.phase[i];
        arc_pool_run(r->pool, panels_of(r->kernels, c->c_in), 1, pack_phase_items, &job);
        arc_pool_run(r->pool, r->n * (size_t)job.phase->rows, 1, input_items, &job);
    }
}

/* ---- gradient of the weights ----------------------------------------------------------------------------------------------- */

/* Pairs of x's pixels under a tap: list has their pointers, `pairs` gets theirs. */
static void pair_pixels(const conv_job *job, const float *const *list, size_t count, float *to, const float **pairs) {
    const size_t c_in = job->c->c_in;
    for (size_t q = 0; q < (count + 1) / 2; q++, to += c_in) {
        const float *high = 2 * q + 1 < count ? list[2 * q + 1] : NULL;
        job->r->kernels->pair_rows(c_in, (const uint16_t *)(const void *)list[2 * q], (const uint16_t *)(const void *)high, to);
        pairs[q] = to;
    }
}

/* dy of these pixels as floats, or as pairs when x is bfloat16 too. */
static const float *dy_rows(const conv_job *job, size_t first, size_t count, float *to) {
    const conv_state *c = job->c;
    const uint16_t *half = (const uint16_t *)(const void *)job->dy + first * c->c_out;
    if (!c->half_out)
        return job->dy + first * c->c_out;
    if (!c->half_in)
        job->r->kernels->store_load(ARC_STORE_BF16, count * c->c_out, half, to);
    for (size_t q = 0; c->half_in && q < (count + 1) / 2; q++)
        job->r->kernels->pair_rows(c->c_out, half + 2 * q * c->c_out, 2 * q + 1 < count ? half + (2 * q + 1) * c->c_out : NULL,
                                   to + q * c->c_out);
    return to;
}

/* Adds pixels [first, first+count) to `sum` [tap][c_in][c_out], taps [tap, last). */
static void add_pixels(const conv_job *job, size_t first, size_t count, size_t tap, size_t last, float *sum, int thread) {
    const conv_state *c = job->c;
    const arc_kernels *k = job->r->kernels;
    const size_t tiles = (c->c_in + k->igemm_mr - 1) / k->igemm_mr, depth = c->half_in ? (count + 1) / 2 : count;
    const float **list = thread_list(job->r, thread), *pairs[GRAD_PIXELS / 2];
    float *scratch = thread_rows(job, thread);
    const float *dy = dy_rows(job, first, count, scratch);
    arc_conv_pointers(&c->in_floats, job->x, c->zero, 0, first, count, 1, count, list);
    for (; tap < last; tap++) {
        const float *const *x = list + tap * count;
        if (c->half_in) {
            pair_pixels(job, x, count, scratch + GRAD_PIXELS / 2 * c->c_out, pairs);
            x = pairs;
        }
        for (size_t j = 0; j < c->c_out; j += k->igemm_nr)
            for (size_t tile = 0; tile < tiles; tile++) {
                const size_t i = tile * c->c_in / tiles, next = (tile + 1) * c->c_in / tiles;
                (c->half_in ? k->gemm_tn_bf16 : k->gemm_tn)(next - i, ARC_MIN(k->igemm_nr, c->c_out - j), depth, x, i, dy + j,
                                                            c->c_out, sum + (tap * c->c_in + i) * c->c_out + j, c->c_out, true);
            }
    }
}

static void weight_items(void *arg, size_t begin, size_t end, int thread) {
    const conv_job *job = arg;
    const conv_state *c = job->c;
    const size_t plane = (size_t)(c->g.oh * c->g.ow), tap_floats = c->c_in * c->c_out;
    for (size_t item = begin; item < end; item++) {
        const size_t part = c->tap_items ? item / c->taps : item, tap = c->tap_items ? item % c->taps : 0;
        const size_t last_tap = c->tap_items ? tap + 1 : c->taps;
        float *sum = job->packed + part * c->taps * tap_floats;
        memset(sum + tap * tap_floats, 0, (last_tap - tap) * tap_floats * sizeof *sum);
        const size_t last = (part + 1) * job->r->n / c->parts * plane;
        for (size_t pixel = part * job->r->n / c->parts * plane; pixel < last; pixel += GRAD_PIXELS)
            add_pixels(job, pixel, ARC_MIN((size_t)GRAD_PIXELS, last - pixel), tap, last_tap, sum, thread);
    }
}

/* The parts of output channels [begin,end) added in turn, to [c_out][c_in][tap]. */
static void gather_items(void *arg, size_t begin, size_t end, int thread) {
    const conv_job *job = arg;
    const conv_state *c = job->c;
    const size_t weights = c->taps * c->c_in * c->c_out;
    float *gradient = job->s->weight->gradient;
    (void)thread;
    for (size_t i = 0; i < c->c_in; i++)
        for (size_t t = 0; t < c->taps; t++)
            for (size_t o = begin; o < end; o++) {
                const float *from = job->packed + (t * c->c_in + i) * c->c_out + o;
                float sum = from[0];
                for (size_t part = 1; part < c->parts; part++)
                    sum += from[part * weights];
                float *to = &gradient[(o * c->c_in + i) * c->taps + t];
                *to = job->r->accumulate ? *to + sum : sum;
            }
}

static void weight_gradient(const arc_learn_step *s, const arc_learn_run *r) {
    const conv_state *c = s->state;
    conv_job job = {.s = s, .r = r, .c = c, .x = r->x[0], .dy = r->dy};
    job.packed = (float *)(void *)r->shared;
    arc_pool_run(r->pool, c->tap_items ? c->parts * c->taps : c->parts, 1, weight_items, &job);
    arc_pool_run(r->pool, c->c_out, 16, gather_items, &job);
}

void arc_conv_backward(const arc_learn_step *s, const arc_learn_run *r) {
    const conv_state *c = s->state;
    if (!s->weight->frozen && c->grouped)
        arc_grouped_learn_weights(c->grouped, s, r);
    else if (!s->weight->frozen && c->winograd)
        arc_winograd_learn_weights(c->winograd, s, r);
    else if (!s->weight->frozen)
        weight_gradient(s, r);
    if (s->bias && !s->bias->frozen)
        arc_learn_bias_gradient(s, r);
    if (r->dx[0] && c->grouped)
        arc_grouped_learn_input(c->grouped, s, r);
    else if (r->dx[0] && c->winograd)
        arc_winograd_learn_input(c->winograd, s, r);
    else if (r->dx[0])
        input_gradient(s, r);
}
