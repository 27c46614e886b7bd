/* op: ConvInteger: 8-bit inputs of either sign, int32 results.
 *
 * sum (a - az)(w - wz) = sum a*w - az * sum w - wz * sum a + az*wz*K: the int8_igemm kernel gives the first sum for unsigned a
 * and signed w (the other signs are shifted by 128 together with their zero points), column sums of w are packed with it,
 * and sums of a are taken once a pixel. A depthwise ConvInteger needs none of this: it runs on plain planes. */
#include "op/int8/int8.h"
#include <string.h>

#define PIXELS 32 /* output pixels of one tile */

typedef struct int8_state {
    void *depthwise; /* when it is one; nothing else is filled then */
    arc_conv_geometry g;
    size_t taps, pixels_in, pixels_out, blocks; /* pixels and tiles of one image */
    arc_int8_pack pack;
    bool direct;                               /* 1x1 without stride and padding: output pixel i reads input pixel i */
    size_t pack_at, sums_at, pad_at, zeros_at; /* into shared scratch; the input in NHWC lies at 0 */
    size_t tile_at, list_at;                   /* into a thread's scratch; sums at 0 */
} int8_state;

arc_status arc_conv_integer_infer(arc_infer *in) {
    arc_conv_geometry g;
    char why[256];
    arc_status st = arc_infer_needs(in, 2);
    if (st != ARC_OK)
        return st;
    if (!arc_int8_is(in->in[0]->dtype) || !arc_int8_is(in->in[1]->dtype))
        return arc_op_fail(in, ARC_EUNSUPPORTED, "inputs must be int8 or uint8");
    st = arc_conv_read(in->node, false, &in->in[0]->shape, &in->in[1]->shape, &g, why, sizeof why);
    if (st != ARC_OK)
        return arc_op_fail(in, st, "%s", why);
    if (!arc_int8_zero_fits(in, 2, in->in[0]->dtype, 1) || !arc_int8_zero_fits(in, 3, in->in[1]->dtype, g.c_out))
        return arc_op_fail(in, ARC_ESHAPE, "a zero point is of the wrong type or length");
    const arc_shape y = {4, {g.n, g.c_out, g.oh, g.ow}};
    return arc_infer_out(in, 0, ARC_I32, &y);
}

/* Sizes of the copies in shared scratch and of a thread's tile; false on overflow. */
static bool plan_memory(arc_step *s, int8_state *c) {
    const size_t pixels = (size_t)c->g.n * c->pixels_in;
    size_t sums = 0, lists = 0;
    c->sums_at = arc_aligned(pixels * (size_t)c->g.c_in);
    if (!arc_mul_size(pixels * sizeof(int32_t), (size_t)c->g.groups, &sums) ||
        !arc_mul_size(c->taps, PIXELS * sizeof(void *), &lists))
        return false;
    c->pad_at = c->sums_at + arc_aligned(sums);
    c->zeros_at = c->pad_at + arc_aligned((size_t)c->g.c_in);
    c->pack_at = c->zeros_at + arc_aligned(2 * (size_t)c->g.c_out * sizeof(int32_t));
    s->shared_scratch_bytes = c->pack_at + (c->pack.packed ? 0 : arc_aligned(c->pack.bytes));
    c->tile_at = arc_aligned(PIXELS * sizeof(int32_t));
    c->list_at = c->tile_at + arc_aligned(PIXELS * s->kernels->int8_igemm_nr * sizeof(int32_t));
    /* lists are cut in groups of mr rows, the last one may be partly filled */
    s->scratch_bytes = c->list_at + lists + c->taps * ARC_IGEMM_MAX_MR * sizeof(void *);
    return true;
}

arc_status arc_conv_integer_prepare(arc_prepare *p) {
    arc_step *s = p->step;
    char why[256];
    int8_state *c = arc_arena_new(p->arena, 1, sizeof *c);
    if (!c)
        return arc_fail_nomem(p->err, "ConvInteger");
    const arc_conv_geometry *g = &c->g;
    const arc_status st = arc_conv_read(s->node, false, &s->in[0].shape, &s->in[1].shape, &c->g, why, sizeof why);
    if (st != ARC_OK)
        return arc_fail(p->err, st, "ConvInteger '%s': %s", s->node->name, why);
    s->state = c;
    if (arc_int8_is_depthwise(g))
        return arc_int8_depthwise_prepare(p, g, &c->depthwise);
    c->taps = (size_t)(g->kh * g->kw);
    c->pixels_in = (size_t)(g->h * g->w);
    c->pixels_out = (size_t)(g->oh * g->ow);
    c->blocks = (c->pixels_out + PIXELS - 1) / PIXELS;
    c->direct = c->taps == 1 && g->stride_h == 1 && g->stride_w == 1 && g->pad_top == 0 && g->pad_left == 0 && g->oh == g->h &&
                g->ow == g->w;
    c->pack =
        (arc_int8_pack){.sets = (size_t)g->groups, .n = (size_t)(g->c_out / g->groups), .kc = (size_t)(g->c_in / g->groups)};
    c->pack.taps = c->taps;
    c->pack.step_tap = 1;
    c->pack.step_k = c->taps;
    c->pack.step_n = c->taps * c->pack.kc;
    c->pack.step_set = c->pack.step_n * c->pack.n;
    if (!arc_int8_pack_size(s->kernels, &c->pack))
        return arc_fail(p->err, ARC_ELIMIT, "ConvInteger '%s': the weights are too large", s->node->name);
    if (!arc_int8_pack_constant(p, &c->pack, &s->in[1], "conv int8"))
        return arc_fail_nomem(p->err, "ConvInteger");
    if (!plan_memory(s, c))
        return arc_fail(p->err, ARC_ELIMIT, "ConvInteger '%s': the input is too large", s->node->name);
    s->algorithm = "int8 igemm";
    return ARC_OK;
}

typedef struct conv_job {
    const arc_step *s;
    const int8_state *c;
    const int8_t *packed;
    const int32_t *w_zero, *constant; /* of each output channel: zero point, and az*wz*K - az*column sum */
    uint8_t *x;                       /* NHWC, unsigned */
    int32_t *sums;                    /* [group][image pixel] */
    uint8_t *pad;
    bool one_zero; /* all columns have the same zero point */
    uint8_t x_flip;
    int32_t x_zero;
} conv_job;

/* Plain planes to rows of channels, and the sum of each row's channels a group. One tile is PIXELS pixels of one image. */
static void gather_items(void *arg, size_t begin, size_t end, int thread) {
    const conv_job *job = arg;
    const int8_state *c = job->c;
    const size_t channels = (size_t)c->g.c_in, tiles = (c->pixels_in + PIXELS - 1) / PIXELS, kc = c->pack.kc;
    (void)thread;
    for (size_t item = begin; item < end; item++) {
        const size_t image = item / tiles, pixel = item % tiles * PIXELS, pixels = ARC_MIN(PIXELS, c->pixels_in - pixel);
        const uint8_t *x = (const uint8_t *)job->s->in[0].data + image * channels * c->pixels_in + pixel;
        uint8_t *y = job->x + (image * c->pixels_in + pixel) * channels;
        for (size_t set = 0; set < c->pack.sets; set++) {
            int32_t sum[PIXELS] = {0};
            for (size_t k = set * kc; k < (set + 1) * kc; k++)
                for (size_t p = 0; p < pixels; p++) {
                    const uint8_t quantized = x[k * c->pixels_in + p] ^ job->x_flip;
                    y[p * channels + k] = quantized;
                    sum[p] += quantized;
                }
            memcpy(job->sums + (set * (size_t)c->g.n + image) * c->pixels_in + pixel, sum, pixels * sizeof *sum);
        }
    }
}

/* Pointers to the input rows of one output pixel, mr apart; returns the sum of all their channels. */
static int32_t pixel_pointers(const conv_job *job, size_t set, size_t image, size_t pixel, const uint8_t **list) {
    const arc_conv_geometry *g = &job->c->g;
    const size_t mr = job->s->kernels->int8_igemm_mr, kc = job->c->pack.kc;
    const int64_t oy = (int64_t)pixel / g->ow, ox = (int64_t)pixel % g->ow;
    const int32_t *sums = job->sums + (set * (size_t)g->n + image) * job->c->pixels_in;
    const uint8_t *x = job->x + image * job->c->pixels_in * (size_t)g->c_in + set * kc;
    uint32_t total = 0;
    for (int64_t ky = 0; ky < g->kh; ky++)
        for (int64_t kx = 0; kx < g->kw; kx++, list += mr) {
            const int64_t iy = oy * g->stride_h - g->pad_top + ky * g->dilation_h,
                          ix = ox * g->stride_w - g->pad_left + kx * g->dilation_w;
            if (iy < 0 || iy >= g->h || ix < 0 || ix >= g->w) {
                *list = job->pad;
                total += (uint32_t)job->x_zero * (uint32_t)kc;
            } else {
                *list = x + (size_t)(iy * g->w + ix) * (size_t)g->c_in;
                total += (uint32_t)sums[iy * g->w + ix];
            }
        }
    return (int32_t)total;
}

static void correct_columns(conv_job *job, const int32_t *column_sum, int w_shift) {
    const int8_state *c = job->c;
    int32_t *zero = (int32_t *)(void *)(job->s->shared_scratch + c->zeros_at), *constant = zero + c->g.c_out;
    const uint32_t xz = (uint32_t)job->x_zero, terms = (uint32_t)(c->pack.kc * c->taps);
    for (int64_t i = 0; i < c->g.c_out; i++) {
        zero[i] = arc_int8_zero(job->s, 3, i, w_shift);
        constant[i] = (int32_t)(xz * (uint32_t)zero[i] * terms - xz * (uint32_t)column_sum[i]);
    }
    job->one_zero = job->s->inputs < 4 || arc_shape_count(&job->s->in[3].shape) <= 1;
    job->w_zero = zero;
    job->constant = constant;
}

/* One panel's sums of PIXELS pixels, corrected for the zero points, to the plain output. The kernel that transposes floats
 * moves any 4-byte elements. */
static void store_panel(const conv_job *job, size_t set, size_t image, size_t pixel, size_t pixels, size_t first,
                        const int32_t *row_sum, int32_t *tile) {
    const int8_state *c = job->c;
    const size_t nr = job->s->kernels->int8_igemm_nr, width = ARC_MIN(nr, c->pack.n - first), channel = set * c->pack.n + first;
    const int32_t *zero = job->w_zero + channel, *constant = job->constant + channel;
    for (size_t p = 0; p < pixels; p++) {
        const uint32_t sum = (uint32_t)row_sum[p], shared = (uint32_t)zero[0] * sum;
        int32_t *restrict row = tile + p * nr;
        if (job->one_zero) /* saves a multiplication an element */
            for (size_t j = 0; j < width; j++)
                row[j] = (int32_t)((uint32_t)row[j] + (uint32_t)constant[j] - shared);
        else
            for (size_t j = 0; j < width; j++)
                row[j] = (int32_t)((uint32_t)row[j] + (uint32_t)constant[j] - (uint32_t)zero[j] * sum);
    }
    float *y = (float *)job->s->out[0].data + (image * (size_t)c->g.c_out + channel) * c->pixels_out + pixel;
    job->s->kernels->transpose(pixels, width, (const float *)(const void *)tile, nr, y, c->pixels_out);
}

static void conv_items(void *arg, size_t begin, size_t end, int thread) {
    const conv_job *job = arg;
    const int8_state *c = job->c;
    const arc_kernels *k = job->s->kernels;
    const size_t mr = k->int8_igemm_mr, nr = k->int8_igemm_nr;
    uint8_t *scratch = job->s->scratch + (size_t)thread * job->s->scratch_stride;
    int32_t *row_sum = (int32_t *)(void *)scratch, *tile = (int32_t *)(void *)(scratch + c->tile_at);
    const uint8_t **list = (const uint8_t **)(void *)(scratch + c->list_at);
    for (size_t item = begin; item < end; item++) {
        const size_t block = item % c->blocks, image = item / c->blocks % (size_t)c->g.n, set = item / c->blocks / (size_t)c->g.n;
        const size_t pixel = block * PIXELS, pixels = ARC_MIN(PIXELS, c->pixels_out - pixel);
        for (size_t p = 0; p < pixels; p++) {
            const size_t at = (set * (size_t)c->g.n + image) * c->pixels_in + pixel + p;
            if (c->direct) {
                list[p] = job->x + (image * c->pixels_in + pixel + p) * (size_t)c->g.c_in + set * c->pack.kc;
                row_sum[p] = job->sums[at];
            } else
                row_sum[p] = pixel_pointers(job, set, image, pixel + p, list + p / mr * mr * c->taps + p % mr);
        }
        for (size_t panel = 0; panel < c->pack.per_set; panel++) {
            const size_t first = panel * nr, width = ARC_MIN(nr, c->pack.n - first);
            const int8_t *b = job->packed + (set * c->pack.per_set + panel) * c->pack.panel_bytes;
            for (size_t p = 0; p < pixels; p += mr)
                k->int8_igemm(ARC_MIN(mr, pixels - p), width, c->pack.kc, c->taps, list + p * c->taps, b, tile + p * nr, nr);
            store_panel(job, set, image, pixel, pixels, first, row_sum, tile);
        }
    }
}

void arc_conv_integer_run(const arc_step *s) {
    if (arc_shape_count(&s->out[0].shape) == 0)
        return;
    const int8_state *c = s->state;
    if (c->depthwise) {
        arc_int8_depthwise_run(s, c->depthwise);
        return;
    }
    conv_job job = {.s = s, .c = c};
    const bool x_signed = s->in[0].dtype == ARC_I8;
    job.x_flip = x_signed ? 0x80 : 0;
    job.x_zero = arc_int8_zero(s, 2, 0, x_signed ? 128 : 0);
    job.packed = arc_int8_packed(s, &c->pack, c->pack_at);
    correct_columns(&job, arc_int8_column_sums(&c->pack, job.packed), s->in[1].dtype == ARC_U8 ? -128 : 0);
    job.x = s->shared_scratch;
    job.sums = (int32_t *)(void *)(s->shared_scratch + c->sums_at);
    job.pad = s->shared_scratch + c->pad_at;
    memset(job.pad, job.x_zero, (size_t)c->g.c_in);
    arc_pool_run(s->pool, (size_t)c->g.n * ((c->pixels_in + PIXELS - 1) / PIXELS), 0, gather_items, &job);
    arc_pool_run(s->pool, (size_t)c->g.groups * (size_t)c->g.n * c->blocks, 0, conv_items, &job);
}
