/* op: convolution with thin groups, on the kernel that multiplies channel by channel. Depthwise is the plain case. Groups of a
 * few channels are, with 2 or 4 inputs and as many outputs, a kernel of their own; others are made depthwise: the input is spread
 * so that output channel j finds input q of its group in place j of row q, and each (tap, q) pair is a tap of its own. */
#include "op/conv/geometry.h"
#include "op/fused.h"
#include <assert.h>

#define DW_PIXELS 16     /* output pixels of one item */
#define SPREAD_PIXELS 64 /* input pixels of one item */
#define THIN_INPUTS 4    /* channels of a group: more are worth a GEMM */
#define THIN_OUTPUTS 8

typedef struct dw_state {
    arc_conv_run_fn *run; /* first member, as geometry.h asks */
    arc_conv_geometry g;
    arc_conv_geometry spread; /* the same over the spread input: c_in = kc * c_out */
    arc_epilogue act;
    size_t pixels, taps, kc, row;            /* row: floats of a spread pixel */
    bool paired;                             /* groups of 2 or 4 in and out: the weight in place q is that of input j^q */
    const uint32_t *source;                  /* [row] channel of the input pixel; NULL: nothing to spread */
    const float *packed;                     /* [tap][q][c_out]; NULL: packed at each run */
    const float *zero;                       /* [c_in] */
    size_t weights_bytes, spread_at, pad_at; /* in shared scratch */
} dw_state;

typedef struct dw_job {
    const arc_step *s;
    const dw_state *d;
    const float *x, *pad, *weights;
    float *spread;
    arc_epilogue e;
} dw_job;

bool arc_dwconv_fits(const arc_conv_geometry *g) {
    return !g->transposed && g->groups > 1 && g->c_in / g->groups <= THIN_INPUTS && g->c_out / g->groups <= THIN_OUTPUTS;
}

/* ---- prepare --------------------------------------------------------------------------------------------------------------- */

/* w [c_out][kc][tap] -> [tap][q][c_out]. */
static void pack(const arc_step *s, const dw_state *d, const float *w, float *packed) {
    const size_t channels = (size_t)d->g.c_out, group_out = channels / (size_t)d->g.groups;
    const float *in_scale = arc_step_floats(s, ARC_CONV_IN_SCALE), *out_scale = arc_step_floats(s, ARC_CONV_OUT_SCALE);
    for (size_t j = 0; j < channels; j++)
        for (size_t q = 0; q < d->kc; q++)
            for (size_t t = 0; t < d->taps; t++) {
                const size_t from = d->paired ? (j % d->kc) ^ q : q;
                float v = w[(j * d->kc + from) * d->taps + t];
                v = in_scale ? v * in_scale[j / group_out * d->kc + from] : v;
                packed[(t * d->kc + q) * channels + j] = out_scale ? v * out_scale[j] : v;
            }
}

static arc_status prepare_weights(arc_prepare *p, dw_state *d) {
    arc_step *s = p->step;
    if (!arc_mul_size(d->taps * sizeof(float), d->row, &d->weights_bytes))
        return arc_fail_nomem(p->err, "packed weights");
    if (!s->in[1].is_const) {
        s->shared_scratch_bytes = arc_aligned(d->weights_bytes);
        return ARC_OK;
    }
    arc_panels key = {.sets = (size_t)d->g.groups, .n = (size_t)d->g.c_out, .kc = d->kc, .taps = d->taps};
    key.scale_k = arc_step_floats(s, ARC_CONV_IN_SCALE);
    key.scale_n = arc_step_floats(s, ARC_CONV_OUT_SCALE);
    bool fresh = false;
    float *packed = arc_packed_room(p, "conv dw", s->in[1].data, arc_pack_variant(s->kernels, &key), d->weights_bytes, &fresh);
    if (!packed)
        return arc_fail_nomem(p->err, "packed weights");
    if (fresh)
        pack(s, d, s->in[1].data, packed);
    d->packed = packed;
    return ARC_OK;
}

/* Room for the spread input and pad row behind the weights, and the table of where their floats come from. */
static arc_status prepare_spread(arc_prepare *p, dw_state *d) {
    arc_step *s = p->step;
    const size_t channels = (size_t)d->g.c_out, group_out = channels / (size_t)d->g.groups;
    uint32_t *source = arc_arena_new(p->arena, d->row, sizeof *source);
    size_t floats;
    if (!source || !arc_mul_size((size_t)(d->g.n * d->g.h * d->g.w), d->row, &floats) || floats > SIZE_MAX / 16)
        return arc_fail_nomem(p->err, "grouped convolution");
    for (size_t q = 0; q < d->kc; q++)
        for (size_t j = 0; j < channels; j++)
            source[q * channels + j] = (uint32_t)(j / group_out * d->kc + q);
    d->source = source;
    d->spread_at = s->shared_scratch_bytes;
    d->pad_at = d->spread_at + arc_aligned(floats * sizeof(float));
    s->shared_scratch_bytes = d->pad_at + d->row * sizeof(float);
    return ARC_OK;
}

static void dwconv_run(const arc_step *s);

arc_status arc_dwconv_prepare(arc_prepare *p, const arc_conv_geometry *g) {
    arc_step *s = p->step;
    dw_state *d = arc_arena_new(p->arena, 1, sizeof *d);
    float *zero = arc_arena_new(p->arena, (size_t)g->c_in, sizeof *zero);
    if (!d || !zero)
        return arc_fail_nomem(p->err, "convolution state");
    d->run = dwconv_run;
    d->g = d->spread = *g;
    d->zero = zero;
    d->pixels = (size_t)(g->n * g->oh * g->ow);
    d->taps = (size_t)(g->kh * g->kw);
    d->kc = (size_t)(g->c_in / g->groups);
    d->row = d->kc * (size_t)g->c_out;
    d->spread.c_in = (int64_t)d->row;
    const bool known = arc_fused_act(s->node, &d->act);
    assert(known);
    (void)known;
    s->state = d;
    const bool depthwise = g->c_in == g->groups && g->c_out == g->groups;
    d->paired = g->c_in == g->c_out && (d->kc == 2 || d->kc == 4);
    s->algorithm = depthwise ? "dwconv" : d->paired ? "groupconv" : "dwconv spread";
    s->scratch_bytes = DW_PIXELS * d->taps * d->kc * sizeof(float *);
    const arc_status st = prepare_weights(p, d);
    if (st != ARC_OK || depthwise || d->paired)
        return st;
    return prepare_spread(p, d);
}

/* ---- run ------------------------------------------------------------------------------------------------------------------- */

static void spread_rows(const dw_state *d, size_t rows, const float *x, float *to) {
    const size_t c_in = (size_t)d->g.c_in;
    for (size_t i = 0; i < rows; i++, x += c_in, to += d->row)
        for (size_t j = 0; j < d->row; j++)
            to[j] = x[d->source[j]];
}

static void spread_items(void *arg, size_t begin, size_t end, int thread) {
    const dw_job *job = arg;
    const size_t all = (size_t)(job->d->g.n * job->d->g.h * job->d->g.w), c_in = (size_t)job->d->g.c_in;
    const size_t first = begin * SPREAD_PIXELS, last = ARC_MIN(all, end * SPREAD_PIXELS);
    (void)thread;
    spread_rows(job->d, last - first, (const float *)job->s->in[0].data + first * c_in, job->spread + first * job->d->row);
}

static void dwconv_items(void *arg, size_t begin, size_t end, int thread) {
    const dw_job *job = arg;
    const dw_state *d = job->d;
    const size_t channels = (size_t)d->g.c_out, taps = d->source ? d->taps * d->kc : d->taps;
    const arc_kernels *k = job->s->kernels;
    float *y = job->s->out[0].data;
    const float **list = (const float **)(void *)(job->s->scratch + (size_t)thread * job->s->scratch_stride);
    for (size_t item = begin; item < end; item++) {
        const size_t pixel = item * DW_PIXELS, pixels = ARC_MIN(DW_PIXELS, d->pixels - pixel);
        const arc_epilogue e = arc_fused_at(&job->e, pixel, 0);
        if (d->paired) {
            arc_conv_pointers(&d->g, job->x, job->pad, 0, pixel, pixels, taps, 1, list);
            k->groupconv(d->kc, pixels, channels, taps, list, job->weights, y + pixel * channels, channels, &e);
            continue;
        }
        arc_conv_pointers(&d->spread, job->x, job->pad, 0, pixel, pixels, taps, d->kc, list);
        for (size_t i = 0; d->kc > 1 && i < pixels * d->taps; i++)
            for (size_t q = 1; q < d->kc; q++)
                list[i * d->kc + q] = list[i * d->kc] + q * channels;
        k->dwconv(pixels, channels, taps, list, job->weights, y + pixel * channels, channels, &e);
    }
}

static void dwconv_run(const arc_step *s) {
    const dw_state *d = s->state;
    const float *pad = arc_step_floats(s, ARC_CONV_PAD_VALUE);
    dw_job job = {.s = s, .d = d, .x = s->in[0].data, .pad = pad ? pad : d->zero, .weights = d->packed};
    job.e = arc_fused_bind(s, &d->act, (size_t)d->g.c_out);
    if (d->pixels == 0)
        return;
    if (!job.weights) {
        pack(s, d, s->in[1].data, (float *)(void *)s->shared_scratch);
        job.weights = (const float *)(const void *)s->shared_scratch;
    }
    if (d->source) {
        float *spread_pad = (float *)(void *)(s->shared_scratch + d->pad_at);
        job.spread = (float *)(void *)(s->shared_scratch + d->spread_at);
        spread_rows(d, 1, job.pad, spread_pad);
        arc_pool_run(s->pool, ((size_t)(d->g.n * d->g.h * d->g.w) + SPREAD_PIXELS - 1) / SPREAD_PIXELS, 0, spread_items, &job);
        job.x = job.spread;
        job.pad = spread_pad;
    }
    arc_pool_run(s->pool, (d->pixels + DW_PIXELS - 1) / DW_PIXELS, 0, dwconv_items, &job);
}
