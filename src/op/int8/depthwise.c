/* op: ConvInteger of few channels a group, depthwise above all, on plain planes. Each plane becomes padded floats and goes
 * through the dwconv kernel with its pixels in the place of channels: sums of up to 256 products of 9-bit numbers are
 * exact in float32. */
#include "op/int8/int8.h"
#include <string.h>

#define CHUNK 128    /* neighbouring outputs of one kernel call, in the place of channels */
#define MAX_TAPS 256 /* 256 * 255 * 255 < 2^24 */
#define MAX_GROUP 4  /* output channels of a group: with more the GEMM tile is fuller */

/* The padded plane has rows of pw floats. With stride 1 the outputs of all its rows are one segment (those between rows
 * are thrown away); otherwise each output row is a segment at stride 1, of which every stride_w-th one is kept. */
typedef struct depthwise_state {
    arc_conv_geometry g; /* planes: input channels of a group; taps: of all of them */
    size_t planes, taps, ph, pw, segments, segment_chunks, chunks, plane_floats;
    size_t weights_at, out_at, list_at; /* into a thread's scratch */
} depthwise_state;

bool arc_int8_is_depthwise(const arc_conv_geometry *g) {
    return g->c_out / g->groups <= MAX_GROUP && g->c_in / g->groups * g->kh * g->kw <= MAX_TAPS;
}

arc_status arc_int8_depthwise_prepare(arc_prepare *p, const arc_conv_geometry *g, void **state) {
    depthwise_state *d = arc_arena_new(p->arena, 1, sizeof *d);
    if (!d)
        return arc_fail_nomem(p->err, "ConvInteger");
    d->g = *g;
    d->planes = (size_t)(g->c_in / g->groups);
    d->taps = d->planes * (size_t)(g->kh * g->kw);
    d->ph = (size_t)((g->oh - 1) * g->stride_h + (g->kh - 1) * g->dilation_h + 1);
    d->pw = (size_t)((g->ow - 1) * g->stride_w + (g->kw - 1) * g->dilation_w + 1);
    const bool whole = g->stride_h == 1 && g->stride_w == 1;
    d->segments = whole ? 1 : (size_t)g->oh;
    const size_t length = whole ? (size_t)(g->oh - 1) * d->pw + (size_t)g->ow : (size_t)((g->ow - 1) * g->stride_w + 1);
    d->segment_chunks = (length + CHUNK - 1) / CHUNK;
    size_t bytes;
    if (!arc_mul_size(d->ph, d->pw, &d->plane_floats) || !arc_mul_size(d->segments, d->segment_chunks, &d->chunks) ||
        !arc_mul_size(d->chunks, ARC_MAX(CHUNK * sizeof(float), d->taps * sizeof(void *)), &bytes) ||
        d->plane_floats > SIZE_MAX / MAX_TAPS / 64)
        return arc_fail(p->err, ARC_ELIMIT, "ConvInteger '%s': the input is too large", p->step->node->name);
    d->plane_floats += CHUNK; /* the last chunk may read beyond the plane */
    d->weights_at = arc_aligned(d->planes * d->plane_floats * sizeof(float));
    d->out_at = d->weights_at + d->taps * CHUNK * sizeof(float);
    d->list_at = d->out_at + d->chunks * CHUNK * sizeof(float);
    p->step->scratch_bytes = d->list_at + d->chunks * d->taps * sizeof(float *);
    *state = d;
    p->step->algorithm = "depthwise int8";
    return ARC_OK;
}

typedef struct depthwise_job {
    const arc_step *s;
    const depthwise_state *d;
    uint8_t x_flip;
    int32_t x_zero;
} depthwise_job;

static void list_taps(const depthwise_state *d, const float *plane, const float **list) {
    const arc_conv_geometry *g = &d->g;
    for (size_t i = 0; i < d->chunks; i++) {
        const float *from = plane + i / d->segment_chunks * (size_t)g->stride_h * d->pw + i % d->segment_chunks * CHUNK;
        for (size_t k = 0; k < d->planes; k++, from += d->plane_floats)
            for (int64_t ky = 0; ky < g->kh; ky++)
                for (int64_t kx = 0; kx < g->kw; kx++)
                    *list++ = from + (size_t)(ky * g->dilation_h) * d->pw + (size_t)(kx * g->dilation_w);
    }
}

/* Input pixels less the zero point into the padded plane; its border stays 0. */
static void fill_plane(const depthwise_job *job, const uint8_t *x, float *plane) {
    const depthwise_state *d = job->d;
    const arc_conv_geometry *g = &d->g;
    const int32_t zero = job->x_zero;
    const uint8_t flip = job->x_flip;
    const int64_t columns = ARC_MIN(g->w, (int64_t)d->pw - g->pad_left);
    for (int64_t y = 0; y < g->h && y + g->pad_top < (int64_t)d->ph; y++) {
        const uint8_t *restrict from = x + y * g->w;
        float *restrict to = plane + (size_t)(y + g->pad_top) * d->pw + (size_t)g->pad_left;
        for (int64_t i = 0; i < columns; i++)
            to[i] = (float)((from[i] ^ flip) - zero);
    }
}

static void fill_weights(const depthwise_job *job, int64_t channel, float *weights) {
    const arc_tensor *w = &job->s->in[1];
    const int32_t zero = arc_int8_zero(job->s, 3, channel, 0);
    for (size_t t = 0; t < job->d->taps; t++, weights += CHUNK) {
        const float value = (float)(arc_element_int(w->dtype, w->data, channel * (int64_t)job->d->taps + (int64_t)t) - zero);
        for (size_t j = 0; j < CHUNK; j++)
            weights[j] = value;
    }
}

static void store_plane(const depthwise_state *d, const float *out, int32_t *y) {
    const arc_conv_geometry *g = &d->g;
    const size_t step = (size_t)g->stride_w, row = d->segments == 1 && g->stride_h == 1 ? d->pw : d->segment_chunks * CHUNK;
    for (int64_t oy = 0; oy < g->oh; oy++, out += row, y += g->ow)
        if (step == 1)
            for (int64_t ox = 0; ox < g->ow; ox++)
                y[ox] = (int32_t)out[ox];
        else
            for (int64_t ox = 0; ox < g->ow; ox++)
                y[ox] = (int32_t)out[(size_t)ox * step];
}

static void depthwise_items(void *arg, size_t begin, size_t end, int thread) {
    const depthwise_job *job = arg;
    const depthwise_state *d = job->d;
    const arc_conv_geometry *g = &d->g;
    const arc_epilogue none = {.act = ARC_ACT_NONE};
    uint8_t *scratch = job->s->scratch + (size_t)thread * job->s->scratch_stride;
    float *plane = (float *)(void *)scratch, *weights = (float *)(void *)(scratch + d->weights_at);
    float *out = (float *)(void *)(scratch + d->out_at);
    const float **list = (const float **)(void *)(scratch + d->list_at);
    const size_t in_pixels = (size_t)(g->h * g->w), out_pixels = (size_t)(g->oh * g->ow), group = (size_t)(g->c_out / g->groups);
    memset(plane, 0, d->planes * d->plane_floats * sizeof *plane);
    list_taps(d, plane, list);
    for (size_t item = begin; item < end; item++) { /* (image, group) */
        for (size_t k = 0; k < d->planes; k++)
            fill_plane(job, (const uint8_t *)job->s->in[0].data + (item * d->planes + k) * in_pixels,
                       plane + k * d->plane_floats);
        for (size_t o = item * group; o < (item + 1) * group; o++) {
            fill_weights(job, (int64_t)o % g->c_out, weights);
            job->s->kernels->dwconv(d->chunks, CHUNK, d->taps, list, weights, out, CHUNK, &none);
            store_plane(d, out, (int32_t *)job->s->out[0].data + o * out_pixels);
        }
    }
}

void arc_int8_depthwise_run(const arc_step *s, const void *state) {
    const depthwise_state *d = state;
    const bool x_signed = s->in[0].dtype == ARC_I8;
    depthwise_job job = {s, d, x_signed ? 0x80 : 0, arc_int8_zero(s, 2, 0, x_signed ? 128 : 0)};
    arc_pool_run(s->pool, (size_t)(d->g.n * d->g.groups), 0, depthwise_items, &job);
}
