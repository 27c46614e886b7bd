/* generate: one step: the pictures from their levels, the loss and its gradient, Adam. */
#include "generate/generator_internal.h"
#include <math.h>
#include <string.h>

#define ADAM_EPSILON 1e-8
#define MAX_IN_ROW 100 /* halvings of the rate without a finite step between */
#define HALF_PI 1.57079632679489661923

/* ---- the loss -------------------------------------------------------------------------------------------------------------- */

void arc_generator_compose(arc_generator *g) {
    for (int l = g->levels - 1; l >= 0; l--) {
        arc_generate_level *v = &g->level[l];
        memcpy(v->sum, v->now[0], arc_generate_count(&v->size) * sizeof *v->sum);
        if (l + 1 < g->levels)
            arc_generate_enlarge(g->ctx->pool, &v->size, g->level[l + 1].sum, v->sum);
    }
}

static bool all_finite(const float *x, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

arc_status arc_generator_loss(arc_generator *g, const arc_generate_view *view, arc_generate_losses *out, const char **layer,
                              arc_error *err) {
    const arc_generate_size *size = &g->level[0].size;
    const float *embedding;
    float *d = g->level[0].gradient;
    arc_generate_see(g->ctx->pool, size, view, g->level[0].sum, g->scale, g->shift, g->input);
    arc_status st = arc_learner_forward(g->learner, g->input, (int64_t)size->images, &embedding, err);
    if (st != ARC_OK)
        return st;
    *layer = arc_learner_not_finite(g->learner);
    const arc_generate_likeness like = arc_generate_identify(&g->identity, g->ctx, embedding, g->work, g->d_embedding);
    *out = (arc_generate_losses){.identity = like.loss, .cosine = like.cosine};
    out->bn = arc_generate_compare(&g->statistics, g->learner, &g->options);
    st = arc_learner_backward(g->learner, g->d_embedding, false, g->d_input, err);
    if (st != ARC_OK)
        return st;
    if (!*layer)
        *layer = arc_learner_not_finite(g->learner);
    arc_generate_unsee(g->ctx->pool, size, view, g->d_input, g->scale, d);
    const arc_generate_smoothness smooth =
        arc_generate_smooth(g->ctx->pool, size, g->options.tv_weight, g->options.l2_weight, g->level[0].sum, g->work, d);
    out->tv = smooth.tv;
    out->l2 = smooth.l2;
    out->total = out->identity + out->bn + out->tv + out->l2;
    if (!*layer && (!isfinite(out->total) || !all_finite(d, arc_generate_count(size))))
        *layer = "";
    return ARC_OK;
}

/* ---- Adam ------------------------------------------------------------------------------------------------------------------ */

static double rate_at(const arc_generator *g) {
    const arc_generate_options *o = &g->options;
    const double done = (double)g->at.step, rise = ARC_MAX((double)o->warmup, 1);
    const double fall = (done - (double)o->warmup) / ARC_MAX((double)(o->steps - o->warmup), 1);
    double rate = o->rate * (o->warmup > 0 ? ARC_MIN((done + 1) / rise, 1) : 1);
    if (o->cosine && fall > 0) /* (1 + cos(pi x)) / 2 */
        rate *= cos(HALF_PI * ARC_MIN(fall, 1)) * cos(HALF_PI * ARC_MIN(fall, 1));
    return ldexp(rate, -(int)ARC_MIN(g->at.halvings, (int64_t)1000));
}

typedef struct adam_job {
    float *const *now;
    const float *gradient;
    size_t plane;
    double beta1, beta2, step, root; /* root: of the second correction */
} adam_job;

static void adam_planes(void *arg, size_t begin, size_t end, int thread) {
    const adam_job *job = arg;
    const float b1 = (float)job->beta1, b2 = (float)job->beta2, step = (float)job->step, root = (float)job->root;
    const float own1 = (float)(1 - job->beta1), own2 = (float)(1 - job->beta2);
    (void)thread;
    for (size_t i = begin * job->plane; i < end * job->plane; i++) {
        const float d = job->gradient[i];
        const float m = job->now[1][i] = b1 * job->now[1][i] + own1 * d;
        const float v = job->now[2][i] = b2 * job->now[2][i] + own2 * d * d;
        job->now[0][i] -= step * m / (sqrtf(v) / root + (float)ADAM_EPSILON);
    }
}

static void move_level(arc_generator *g, arc_generate_level *v, double rate) {
    const double t = (double)(g->at.step - v->from_step + 1);
    adam_job job = {.now = v->now,
                    .gradient = v->gradient,
                    .plane = arc_generate_plane(&v->size),
                    .beta1 = g->options.beta1,
                    .beta2 = g->options.beta2,
                    .step = rate / (1 - pow(g->options.beta1, t)),
                    .root = sqrt(1 - pow(g->options.beta2, t))};
    arc_pool_run(g->ctx->pool, v->size.images * ARC_GENERATE_CHANNELS, 1, adam_planes, &job);
}

/* What lies outside black and white is taken off the finest level. */
static void keep_inside(arc_generator *g) {
    arc_generate_level *v = &g->level[0];
    arc_generator_compose(g);
    for (size_t i = 0; i < arc_generate_count(&v->size); i++) {
        const float x = v->sum[i], inside = x > 1 ? 1 : x < -1 ? -1 : x;
        v->now[0][i] += inside - x;
    }
}

/* What pictures and means were before the last update; to there, or back. */
static void keep(arc_generator *g, bool back) {
    for (int l = 0; l < g->levels; l++)
        for (int k = 0; k < 3; k++) {
            arc_generate_level *v = &g->level[l];
            memcpy(back ? v->now[k] : v->before[k], back ? v->before[k] : v->now[k],
                   arc_generate_count(&v->size) * sizeof(float));
        }
}

static void move(arc_generator *g, double rate) {
    keep(g, false);
    for (int l = 0; l < g->levels; l++) {
        arc_generate_level *v = &g->level[l];
        if (l > 0)
            arc_generate_reduce(g->ctx->pool, &g->level[l - 1].size, g->level[l - 1].gradient, v->gradient);
        if (g->at.step >= v->from_step)
            move_level(g, v, rate * pow(g->options.fine, g->levels - 1 - l));
    }
    if ((double)g->at.step < g->options.symmetric * (double)g->options.steps)
        for (int l = 0; l < g->levels; l++)
            arc_generate_mirror(g->ctx->pool, &g->level[l].size, g->level[l].now[0]);
    if (g->options.clip)
        keep_inside(g);
}

/* ---- a step ---------------------------------------------------------------------------------------------------------------- */

/* From the seed and the number of the step alone. */
static arc_generate_view view_at(const arc_generator *g) {
    const int most = g->options.jitter_px;
    arc_rng rng;
    arc_rng_seed(&rng, g->options.seed, UINT64_MAX - (uint64_t)g->at.step);
    arc_generate_view view = {.down_px = (int)(arc_rng_u32(&rng) % (uint32_t)(2 * most + 1)) - most,
                              .right_px = (int)(arc_rng_u32(&rng) % (uint32_t)(2 * most + 1)) - most};
    view.mirrored = g->options.flip && arc_rng_u32(&rng) % 2;
    return view;
}

arc_status arc_generator_step(arc_generator *g, arc_generate_progress *out, arc_error *err) {
    arc_generate_progress p = {.steps = g->options.steps, .rate = rate_at(g)};
    const arc_generate_view view = view_at(g);
    if (out)
        *out = p;
    arc_generator_compose(g);
    const arc_status st = arc_generator_loss(g, &view, &p.losses, &p.layer, err);
    if (st != ARC_OK)
        return st;
    p.finite = !p.layer;
    if (p.finite)
        move(g, p.rate);
    else
        keep(g, g->at.step > 0);
    g->at.in_row = p.finite ? 0 : g->at.in_row + 1;
    g->at.halvings += !p.finite;
    p.halvings = g->at.halvings;
    p.step = ++g->at.step;
    if (out)
        *out = p;
    if (g->at.in_row >= MAX_IN_ROW)
        return arc_fail(err, ARC_ELIMIT,
                        "step %lld: the last %d steps gave numbers that are not finite, first in %s%s: "
                        "is the model sound? Else try a lower rate",
                        (long long)p.step, MAX_IN_ROW, *p.layer ? "layer " : "the loss", p.layer);
    return ARC_OK;
}
