/* op: grouped convolution that learns. Depthwise ones, and groups of 2 or 4 channels with as many outputs, run on the kernels for
 * them; any other grouping takes plain loops, an output channel's image at a time.
 *
 * Groups of q channels: weights as [tap][q][channels], for output j that of input j^q. The gradient of the weights is one
 * depthwise gradient for each q, with dy's channels exchanged instead of x's. */
#include "op/conv/conv_learn.h"
#include "op/conv/phase_learn.h"
#include <string.h>

#define PIXELS 64 /* of one pointer list */
#define PARTS 8   /* of the images; their sums are added in turn */

struct arc_grouped_learn {
    arc_conv_geometry g;
    arc_conv_phases phases;
    size_t taps, channels, group; /* group: channels of one; 0 = any other grouping */
    bool half;                    /* input and output are bfloat16 */
    arc_conv_geometry floats;     /* g with channels counted in floats: halved when they hold pairs */
    const float *zero;
    size_t sum_floats; /* [q][tap][channels] of a part */
    size_t swapped_at; /* floats of a thread's scratch before its exchanged dy */
};

typedef struct grouped_job {
    const arc_learn_step *s;
    const arc_learn_run *r;
    const arc_grouped_learn *d;
    const arc_conv_phase *phase;
    const float *x, *dy, *weights;
    float *y, *sums;
} grouped_job;

arc_status arc_grouped_learn_prepare(arc_learn_prepare *p, const arc_conv_geometry *g, const arc_grouped_learn **out) {
    arc_learn_step *s = p->step;
    arc_grouped_learn *d = arc_arena_new(p->arena, 1, sizeof *d);
    if (!d)
        return arc_fail_nomem(p->err, "convolution state");
    d->g = *g;
    const int64_t group = g->c_in / g->groups;
    d->taps = (size_t)(g->kh * g->kw);
    d->channels = (size_t)g->c_in;
    d->group = g->c_in == g->c_out && (group == 1 || group == 2 || group == 4) ? (size_t)group : 0;
    d->half = s->out_store == ARC_STORE_BF16;
    if (d->half && (d->group == 0 || d->channels % 2))
        return arc_fail(p->err, ARC_EUNSUPPORTED, "%s '%s': this grouping can't learn in bfloat16; use fp32", s->node->op,
                        s->name);
    d->floats = *g;
    d->floats.c_in /= d->half ? 2 : 1;
    d->floats.c_out /= d->half ? 2 : 1;
    d->zero = arc_arena_new(p->arena, (size_t)ARC_MAX(g->c_in, g->c_out), sizeof *d->zero);
    if (!d->zero)
        return arc_fail_nomem(p->err, "convolution state");
    const arc_status phased = arc_conv_phases_new(&d->phases, p->arena, g, p->err);
    if (phased != ARC_OK)
        return phased;
    size_t at = 0;
    for (size_t i = 0; i < d->phases.count; i++) {
        d->phases.phase[i].weights_at = at;
        at += d->phases.phase[i].taps * ARC_MAX(d->group, (size_t)1) * d->channels;
    }
    d->sum_floats = d->group * d->taps * d->channels;
    d->swapped_at = PIXELS * d->taps * sizeof(float *) / sizeof(float);
    *out = d;
    s->macs = (double)(g->oh * g->ow * g->c_out) * (double)d->taps * (double)group;
    s->algorithm = d->group == 1 ? "depthwise" : d->group ? "grouped" : "grouped, plain";
    s->scratch_bytes = PIXELS * d->taps * sizeof(float *) + (d->group > 1 ? PIXELS * d->channels * sizeof(float) : 0);
    s->shared_bytes = (s->weight->frozen ? at : ARC_MAX(PARTS * d->sum_floats, at)) * sizeof(float);
    return ARC_OK;
}

/* ---- packed weights -------------------------------------------------------------------------------------------------------- */

/* Weight of output channel o from input channel i of the same group, tap t: w[o][i % group][t]. */
static float weight_of(const arc_grouped_learn *d, const float *w, size_t o, size_t i, size_t t) {
    return w[(o * d->group + i % d->group) * d->taps + t];
}

static void pack_forward(const arc_grouped_learn *d, const float *w, float *to) {
    for (size_t t = 0; t < d->taps; t++)
        for (size_t q = 0; q < d->group; q++)
            for (size_t j = 0; j < d->channels; j++)
                *to++ = weight_of(d, w, j, j ^ q, t);
}

static void pack_phase(const arc_grouped_learn *d, const arc_conv_phase *p, const float *w, float *to) {
    for (size_t t = 0; t < p->taps; t++)
        for (size_t q = 0; q < d->group; q++)
            for (size_t j = 0; j < d->channels; j++)
                *to++ = weight_of(d, w, j ^ q, j, (size_t)p->tap[t]);
}

/* y: element number `at` of the output. */
static void convolve(const grouped_job *job, size_t pixels, size_t taps, const float *const *list, const float *w, size_t at,
                     size_t y_stride, const float *bias, bool add) {
    const arc_kernels *k = job->r->kernels;
    if (job->d->half) {
        k->dwconv_half(job->d->group, pixels, job->d->channels, taps, (const uint16_t *const *)(const void *)list, w, bias,
                       (uint16_t *)(void *)job->y + at, y_stride, add);
        return;
    }
    float *y = job->y + at;
    const arc_epilogue epilogue = {.act = ARC_ACT_NONE, .bias = bias, .residual = add ? y : NULL, .residual_stride = y_stride};
    const arc_epilogue *e = &epilogue;
    if (job->d->group == 1)
        k->dwconv(pixels, job->d->channels, taps, list, w, y, y_stride, e);
    else
        k->groupconv(job->d->group, pixels, job->d->channels, taps, list, w, y, y_stride, e);
}

static const float **thread_list(const arc_learn_run *r, int thread) {
    return (const float **)(void *)(r->scratch + (size_t)thread * r->scratch_stride);
}

/* ---- forward --------------------------------------------------------------------------------------------------------------- */

static void forward_items(void *arg, size_t begin, size_t end, int thread) {
    const grouped_job *job = arg;
    const arc_grouped_learn *d = job->d;
    const size_t all = job->r->n * (size_t)(d->g.oh * d->g.ow);
    const float **list = thread_list(job->r, thread);
    const float *bias = job->s->bias ? job->s->bias->value : NULL;
    for (size_t item = begin; item < end; item++) {
        const size_t pixel = item * PIXELS, pixels = ARC_MIN((size_t)PIXELS, all - pixel);
        arc_conv_pointers(&d->floats, job->x, d->zero, 0, pixel, pixels, d->taps, 1, list);
        convolve(job, pixels, d->taps, list, job->weights, pixel * d->channels, d->channels, bias, false);
    }
}

static void plain_forward_items(void *arg, size_t begin, size_t end, int thread);

void arc_grouped_learn_forward(const arc_grouped_learn *d, const arc_learn_step *s, const arc_learn_run *r) {
    grouped_job job = {.s = s, .r = r, .d = d, .x = r->x[0], .y = r->y, .weights = (const float *)(const void *)r->shared};
    if (d->group == 0) {
        arc_pool_run(r->pool, r->n * (size_t)(d->g.oh * d->g.ow), 0, plain_forward_items, &job);
        return;
    }
    pack_forward(d, s->weight->value, (float *)(void *)r->shared);
    arc_pool_run(r->pool, (r->n * (size_t)(d->g.oh * d->g.ow) + PIXELS - 1) / PIXELS, 0, forward_items, &job);
}

/* ---- gradient of the input ------------------------------------------------------------------------------------------------- */

/* An item is a row of the phase's pixels. */
static void input_items(void *arg, size_t begin, size_t end, int thread) {
    const grouped_job *job = arg;
    const arc_grouped_learn *d = job->d;
    const arc_conv_geometry *g = &d->g;
    const arc_conv_phase *p = job->phase;
    const size_t cols = (size_t)p->cols, pixel = (size_t)g->stride_w * d->channels;
    const bool add = job->r->add[0];
    const float **list = thread_list(job->r, thread);
    for (size_t item = begin; item < end; item++) {
        const size_t image = item / (size_t)p->rows, i = item % (size_t)p->rows;
        const size_t y = (size_t)p->y0 + i * (size_t)g->stride_h;
        const size_t row = ((image * (size_t)g->h + y) * (size_t)g->w + (size_t)p->x0) * d->channels;
        for (size_t j = 0; j < cols; j += PIXELS) {
            const size_t some = ARC_MIN((size_t)PIXELS, cols - j);
            if (p->taps == 0 && add)
                continue;
            arc_conv_phase_pointers(&d->floats, p, job->dy, d->zero, image, (int64_t)i, (int64_t)j, some, p->taps, 1, list);
            convolve(job, some, p->taps, list, job->weights + p->weights_at, row + j * pixel, pixel, NULL, add);
        }
    }
}

static void plain_input_items(void *arg, size_t begin, size_t end, int thread);

void arc_grouped_learn_input(const arc_grouped_learn *d, const arc_learn_step *s, const arc_learn_run *r) {
    grouped_job job = {.s = s, .r = r, .d = d, .dy = r->dy, .y = r->dx[0], .weights = (const float *)(const void *)r->shared};
    if (d->group == 0) {
        arc_pool_run(r->pool, r->n * (size_t)(d->g.h * d->g.w), 0, plain_input_items, &job);
        return;
    }
    for (size_t i = 0; i < d->phases.count; i++) {
        job.phase = &d->phases.phase[i];
        pack_phase(d, job.phase, s->weight->value, (float *)(void *)r->shared + job.phase->weights_at);
        arc_pool_run(r->pool, r->n * (size_t)job.phase->rows, 0, input_items, &job);
    }
}

/* ---- gradient of the weights ----------------------------------------------------------------------------------------------- */

static void weight_items(void *arg, size_t begin, size_t end, int thread) {
    const grouped_job *job = arg;
    const arc_grouped_learn *d = job->d;
    const arc_kernels *k = job->r->kernels;
    const size_t plane = (size_t)(d->g.oh * d->g.ow), c = d->channels, tap_floats = d->taps * c;
    const float **list = thread_list(job->r, thread);
    float *swapped = (float *)(void *)list + d->swapped_at;
    for (size_t part = begin; part < end; part++) {
        float *sum = job->sums + part * d->sum_floats;
        memset(sum, 0, d->sum_floats * sizeof *sum);
        const size_t last = (part + 1) * job->r->n / PARTS * plane;
        for (size_t pixel = part * job->r->n / PARTS * plane; pixel < last; pixel += PIXELS) {
            const size_t some = ARC_MIN((size_t)PIXELS, last - pixel);
            const float *dy = job->dy + pixel * c;
            arc_conv_pointers(&d->floats, job->x, d->zero, 0, pixel, some, d->taps, 1, list);
            for (size_t q = 0; d->half && q < d->group; q++)
                k->dwconv_grad_half(q, some, c, d->taps, (const uint16_t *const *)(const void *)list,
                                    (const uint16_t *)(const void *)job->dy + pixel * c, c, sum + q * tap_floats);
            if (d->half)
                continue;
            k->dwconv_grad(some, c, d->taps, list, dy, c, sum);
            for (size_t q = 1; q < d->group; q++) {
                for (size_t i = 0; i < some; i++)
                    for (size_t j = 0; j < c; j++)
                        swapped[i * c + j] = dy[i * c + (j ^ q)];
                k->dwconv_grad(some, c, d->taps, list, swapped, c, sum + q * tap_floats);
            }
        }
    }
}

/* Sum [q][tap][input i] is the weight's of output i^q from input i. */
static void gather(const arc_grouped_learn *d, const float *sums, bool accumulate, float *gradient) {
    for (size_t q = 0; q < d->group; q++)
        for (size_t t = 0; t < d->taps; t++)
            for (size_t i = 0; i < d->channels; i++) {
                const float *from = sums + (q * d->taps + t) * d->channels + i;
                float sum = 0;
                for (size_t part = 0; part < PARTS; part++)
                    sum += from[part * d->sum_floats];
                float *to = &gradient[((i ^ q) * d->group + i % d->group) * d->taps + t];
                *to = accumulate ? *to + sum : sum;
            }
}

static void plain_weight_items(void *arg, size_t begin, size_t end, int thread);

void arc_grouped_learn_weights(const arc_grouped_learn *d, const arc_learn_step *s, const arc_learn_run *r) {
    grouped_job job = {.s = s, .r = r, .d = d, .x = r->x[0], .dy = r->dy, .sums = (float *)(void *)r->shared};
    if (d->group == 0) {
        arc_pool_run(r->pool, s->weight->count, 0, plain_weight_items, &job);
        return;
    }
    arc_pool_run(r->pool, PARTS, 1, weight_items, &job);
    gather(d, job.sums, r->accumulate, s->weight->gradient);
}

/* ---- any grouping: one sum an element -------------------------------------------------------------------------------------- */

/* Input pixel of output pixel (oy,ox) under tap t, NULL in the padding. */
static const float *source_pixel(const arc_conv_geometry *g, const float *x, size_t image, int64_t oy, int64_t ox, int64_t t) {
    const int64_t y = oy * g->stride_h - g->pad_top + t / g->kw, at = ox * g->stride_w - g->pad_left + t % g->kw;
    if (y < 0 || y >= g->h || at < 0 || at >= g->w)
        return NULL;
    return x + (((int64_t)image * g->h + y) * g->w + at) * g->c_in;
}

static void plain_forward_items(void *arg, size_t begin, size_t end, int thread) {
    const grouped_job *job = arg;
    const arc_conv_geometry *g = &job->d->g;
    const size_t ic = (size_t)(g->c_in / g->groups), oc = (size_t)(g->c_out / g->groups), taps = job->d->taps;
    const size_t plane = (size_t)(g->oh * g->ow);
    (void)thread;
    for (size_t pixel = begin; pixel < end; pixel++)
        for (size_t o = 0; o < (size_t)g->c_out; o++) {
            float sum = job->s->bias ? job->s->bias->value[o] : 0;
            for (size_t t = 0; t < taps; t++) {
                const float *x = source_pixel(g, job->x, pixel / plane, (int64_t)(pixel % plane) / g->ow,
                                              (int64_t)(pixel % plane) % g->ow, (int64_t)t);
                for (size_t i = 0; x && i < ic; i++)
                    sum += x[o / oc * ic + i] * job->s->weight->value[(o * ic + i) * taps + t];
            }
            job->y[pixel * (size_t)g->c_out + o] = sum;
        }
}

static void plain_input_items(void *arg, size_t begin, size_t end, int thread) {
    const grouped_job *job = arg;
    const arc_conv_geometry *g = &job->d->g;
    const size_t ic = (size_t)(g->c_in / g->groups), oc = (size_t)(g->c_out / g->groups), taps = job->d->taps;
    const size_t plane = (size_t)(g->h * g->w);
    (void)thread;
    for (size_t pixel = begin; pixel < end; pixel++)
        for (size_t i = 0; i < (size_t)g->c_in; i++) {
            float sum = 0;
            for (size_t t = 0; t < taps; t++) {
                const int64_t y = (int64_t)(pixel % plane) / g->w + g->pad_top - (int64_t)t / g->kw;
                const int64_t x = (int64_t)(pixel % plane) % g->w + g->pad_left - (int64_t)t % g->kw;
                const int64_t oy = y / g->stride_h, ox = x / g->stride_w;
                if (y < 0 || x < 0 || y % g->stride_h || x % g->stride_w || oy >= g->oh || ox >= g->ow)
                    continue;
                const float *dy = job->dy + (((int64_t)(pixel / plane) * g->oh + oy) * g->ow + ox) * g->c_out;
                for (size_t o = i / ic * oc; o < (i / ic + 1) * oc; o++)
                    sum += dy[o] * job->s->weight->value[(o * ic + i % ic) * taps + t];
            }
            float *to = &job->y[pixel * (size_t)g->c_in + i];
            *to = job->r->add[0] ? *to + sum : sum;
        }
}

static void plain_weight_items(void *arg, size_t begin, size_t end, int thread) {
    const grouped_job *job = arg;
    const arc_conv_geometry *g = &job->d->g;
    const size_t ic = (size_t)(g->c_in / g->groups), oc = (size_t)(g->c_out / g->groups), taps = job->d->taps;
    (void)thread;
    for (size_t w = begin; w < end; w++) {
        const size_t t = w % taps, o = w / taps / ic, i = o / oc * ic + w / taps % ic;
        double sum = 0;
        const float *dy = job->dy + o;
        for (size_t image = 0; image < job->r->n; image++)
            for (int64_t oy = 0; oy < g->oh; oy++)
                for (int64_t ox = 0; ox < g->ow; ox++, dy += g->c_out) {
                    const float *x = source_pixel(g, job->x, image, oy, ox, (int64_t)t);
                    sum += x ? (double)x[i] * (double)*dy : 0;
                }
        float *to = &job->s->weight->gradient[w];
        *to = job->r->accumulate ? *to + (float)sum : (float)sum;
    }
}
