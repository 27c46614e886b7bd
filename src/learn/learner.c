/* learn: a learner's memory, and running its schedule. build.c makes the steps, schedule.c the order and the places of
 * activations. */
#include "learn/learner_internal.h"
#include <math.h>
#include <string.h>

/* ---- new ------------------------------------------------------------------------------------------------------------------- */

static size_t floats_of(const arc_learn_parameter *p, size_t count, bool gradients) {
    size_t floats = 0;
    for (size_t i = 0; i < count; i++)
        if (!gradients || !p[i].frozen)
            floats += arc_aligned(p[i].count * sizeof(float)) / sizeof(float);
    return floats;
}

static void bind(arc_learn_parameter *p, size_t count, float **value, float **gradient) {
    for (size_t i = 0; i < count; i++) {
        const size_t floats = arc_aligned(p[i].count * sizeof(float)) / sizeof(float);
        p[i].value = *value;
        *value += floats;
        if (!p[i].frozen) {
            p[i].gradient = *gradient;
            *gradient += floats;
        }
    }
}

static arc_status take_weights(arc_learner *l, arc_error *err) {
    l->weights_bytes =
        (floats_of(l->parameter, l->parameters, false) + floats_of(l->statistic, l->statistics, false)) * sizeof(float);
    l->gradients_bytes = floats_of(l->parameter, l->parameters, true) * sizeof(float);
    l->weights = arc_mem_raw(&l->memory, l->weights_bytes, 1);
    l->gradients = arc_mem_new(&l->memory, l->gradients_bytes, 1);
    if (!l->weights || !l->gradients)
        return arc_fail_nomem(err, "weights and gradients");
    float *value = l->weights, *gradient = l->gradients;
    bind(l->parameter, l->parameters, &value, &gradient);
    bind(l->statistic, l->statistics, &value, &gradient);
    for (int v = 0; v < l->graph->values; v++) {
        const int owner = l->owner[v];
        arc_learn_parameter *p = owner > 0 ? &l->parameter[owner - 1] : owner < 0 ? &l->statistic[-owner - 1] : NULL;
        if (p)
            memcpy(p->value, l->graph->value[v].data, p->count * sizeof(float));
    }
    return ARC_OK;
}

static arc_status prepare_steps(arc_learner *l, arc_error *err) {
    size_t scratch = 0;
    for (int i = 0; i < l->steps; i++) {
        arc_learn_prepare p = {.step = &l->step[i], .arena = &l->arena, .kernels = l->x.kernels, .err = err};
        p.threads = (size_t)arc_pool_threads(l->x.pool);
        const arc_status st = l->x.device->learn_prepare(&l->x, &p);
        if (st != ARC_OK)
            return st;
        scratch = ARC_MAX(scratch, p.step->scratch_bytes);
        l->shared_bytes = ARC_MAX(l->shared_bytes, p.step->shared_bytes);
    }
    l->scratch_stride = arc_aligned(scratch);
    l->scratch_bytes = l->scratch_stride * (size_t)arc_pool_threads(l->x.pool);
    return ARC_OK;
}

static arc_status make(arc_learner *l, const arc_shape *input, arc_error *err) {
    arc_status st = arc_learn_build(l, input, err);
    if (st == ARC_OK)
        st = prepare_steps(l, err);
    if (st == ARC_OK)
        st = arc_learn_plan_new(l, err);
    if (st == ARC_OK)
        st = take_weights(l, err);
    if (st != ARC_OK)
        return st;
    l->activations = arc_mem_raw(&l->memory, l->plan.bytes, 1);
    l->scratch = arc_mem_raw(&l->memory, l->scratch_bytes, 1);
    l->shared = arc_mem_raw(&l->memory, l->shared_bytes, 1);
    return l->activations && l->scratch && l->shared ? ARC_OK : arc_fail_nomem(err, "activations");
}

arc_status arc_learner_new(arc_learner **out, const arc_context *ctx, const arc_graph *graph, const arc_shape *input,
                           const arc_learner_options *options, arc_error *err) {
    *out = NULL;
    if (options->batch < 1 || options->batch > 1 << 20)
        return arc_fail(err, ARC_EINVAL, "a batch of %lld images: 1 to %d are possible", (long long)options->batch, 1 << 20);
    if (!(options->momentum >= 0 && options->momentum <= 1))
        return arc_fail(err, ARC_EINVAL, "momentum of the running statistics is %g: it lies in [0,1]", (double)options->momentum);
    const arc_execution x = options->execution ? *options->execution : arc_execution_of(ctx);
    if (!x.device->learn_prepare || !x.device->shares_memory)
        return arc_fail(err, ARC_EUNSUPPORTED, "networks do not learn on the device '%s'", x.device->name);
    arc_learner *l = arc_mem_new(x.alloc, 1, sizeof *l);
    if (!l)
        return arc_fail_nomem(err, "a learner");
    l->x = x;
    l->memory = arc_execution_memory(&l->x);
    l->graph = graph;
    l->options = *options;
    l->options.execution = NULL; /* the caller's */
    l->options.bf16 &= x.kernels->bf16_fast;
    arc_arena_init(&l->arena, x.alloc, 0);
    const arc_status st = make(l, input, err);
    if (st != ARC_OK) {
        arc_learner_free(&l);
        return st;
    }
    l->options.frozen = NULL; /* the caller's */
    l->options.frozens = 0;
    *out = l;
    return ARC_OK;
}

void arc_learner_free(arc_learner **learner) {
    arc_learner *l = learner ? *learner : NULL;
    if (!l)
        return;
    const arc_alloc *a = &l->memory, *host = l->x.alloc;
    arc_mem_free(a, l->weights);
    arc_mem_free(a, l->gradients);
    arc_mem_free(a, l->activations);
    arc_mem_free(a, l->scratch);
    arc_mem_free(a, l->shared);
    arc_arena_free(&l->arena);
    arc_mem_free(host, l);
    *learner = NULL;
}

/* ---- looking in ------------------------------------------------------------------------------------------------------------ */

size_t arc_learner_parameters(const arc_learner *l) {
    return l->parameters;
}
arc_learn_parameter *arc_learner_parameter(arc_learner *l, size_t i) {
    return i < l->parameters ? &l->parameter[i] : NULL;
}
size_t arc_learner_statistics(const arc_learner *l) {
    return l->statistics;
}
arc_learn_parameter *arc_learner_statistic(arc_learner *l, size_t i) {
    return i < l->statistics ? &l->statistic[i] : NULL;
}
size_t arc_learner_norms(const arc_learner *l) {
    return l->norms;
}
arc_learn_norm *arc_learner_norm(arc_learner *l, size_t i) {
    return i < l->norms ? &l->norm[i] : NULL;
}
const char *arc_learner_not_finite(const arc_learner *l) {
    return l->not_finite;
}
void arc_learner_on_ready(arc_learner *l, arc_learn_ready_fn *fn, void *ctx) {
    l->ready = fn;
    l->ready_ctx = ctx;
}
void arc_learner_evaluate(arc_learner *l, bool evaluating) {
    l->evaluating = evaluating;
}

void arc_learner_time(arc_learner *l, bool on) {
    l->timing = on;
    for (int i = 0; on && i < l->steps; i++)
        l->step[i].forward_ms = l->step[i].backward_ms = (double)INFINITY;
}

bool arc_learner_step_time(const arc_learner *l, size_t i, arc_learn_time *out) {
    if (i >= (size_t)l->steps)
        return false;
    const arc_learn_step *s = &l->step[i];
    *out = (arc_learn_time){s->name, s->algorithm, s->macs, isfinite(s->forward_ms) ? s->forward_ms : 0,
                            isfinite(s->backward_ms) ? s->backward_ms : 0};
    return true;
}

void arc_learner_memory_of(const arc_learner *l, arc_learner_memory *out) {
    *out = (arc_learner_memory){.weights_bytes = l->weights_bytes,
                                .gradients_bytes = l->gradients_bytes,
                                .activations_bytes = l->plan.bytes,
                                .scratch_bytes = l->scratch_bytes + l->shared_bytes + l->arena.used_bytes};
}

/* ---- running --------------------------------------------------------------------------------------------------------------- */

static void *buffer_at(const arc_learner *l, int buffer) {
    return buffer < 0 ? NULL : l->activations + l->plan.buffer[buffer].offset;
}

static bool all_finite(const float *x, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

static const char *name_of_value(const arc_learner *l, int value) {
    const int producer = l->value[value].producer;
    return producer < 0 ? "images" : l->step[producer].name;
}

static arc_learn_run run_of(const arc_learner *l, const arc_learn_event *e, bool *finite) {
    arc_learn_run r = {.kernels = l->x.kernels,
                       .pool = l->x.pool,
                       .n = l->n,
                       .y = buffer_at(l, e->y),
                       .dy = buffer_at(l, e->dy),
                       .again = e->kind == ARC_LEARN_AGAIN,
                       .evaluating = l->evaluating,
                       .scratch = l->scratch,
                       .scratch_stride = l->scratch_stride,
                       .shared = l->shared,
                       .finite = finite};
    for (int k = 0; k < ARC_LEARN_INPUTS; k++) {
        r.x[k] = buffer_at(l, e->x[k]);
        r.dx[k] = buffer_at(l, e->dx[k]);
        r.add[k] = e->add[k];
    }
    return r;
}

typedef struct images_job {
    const arc_learner *l;
    const float *from;
    float *to;
    bool plain; /* to: NCHW */
} images_job;

static void images_items(void *arg, size_t begin, size_t end, int thread) {
    const images_job *job = arg;
    const arc_shape *s = &job->l->value[0].shape;
    const size_t c = (size_t)s->dim[1], pixels = arc_learn_pixels(s), row = c * pixels;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        if (job->plain)
            job->l->x.kernels->transpose(pixels, c, job->from + i * row, c, job->to + i * row, pixels);
        else
            job->l->x.kernels->transpose(c, pixels, job->from + i * row, pixels, job->to + i * row, c);
    }
}

/* Runs an event. */
static void run_event(arc_learner *l, const arc_learn_event *e, const arc_learn_run *r) {
    arc_learn_step *s = &l->step[e->step];
    const uint64_t from = l->timing ? arc_clock_ns() : 0;
    if (e->kind == ARC_LEARN_BACKWARD)
        l->x.device->backward(&l->x, s, r);
    else
        l->x.device->forward(&l->x, s, r);
    if (!l->timing)
        return;
    const double ms = (double)(arc_clock_ns() - from) / 1e6;
    if (e->kind == ARC_LEARN_FORWARD)
        s->forward_ms = ARC_MIN(s->forward_ms, ms);
    if (e->kind == ARC_LEARN_BACKWARD)
        s->backward_ms = ARC_MIN(s->backward_ms, ms + s->again_ms);
    s->again_ms = e->kind == ARC_LEARN_AGAIN ? ms : 0;
}

arc_status arc_learner_forward(arc_learner *l, const float *images, int64_t n, const float **embeddings, arc_error *err) {
    *embeddings = NULL;
    l->n = 0;
    l->not_finite = NULL;
    if (n < 1 || n > l->options.batch)
        return arc_fail(err, ARC_EINVAL, "a batch of %lld images: the learner was made for 1 to %lld", (long long)n,
                        (long long)l->options.batch);
    for (int i = 0; n == 1 && !l->evaluating && i < l->steps; i++)
        if (l->step[i].norm && !l->step[i].norm->uses_running && arc_learn_pixels(&l->step[i].in_shape[0]) == 1)
            return arc_fail(err, ARC_EINVAL, "BatchNormalization '%s' needs two images at least: one has no variance",
                            l->step[i].name);
    l->n = (size_t)n;
    images_job job = {.l = l, .from = images, .to = buffer_at(l, l->plan.images)};
    arc_pool_run(l->x.pool, l->n, 1, images_items, &job);
    for (int i = 0; i < l->plan.forwards; i++) {
        const arc_learn_event *e = &l->plan.event[i];
        const arc_learn_step *s = &l->step[e->step];
        bool finite = true;
        const arc_learn_run r = run_of(l, e, &finite);
        run_event(l, e, &r);
        if (!finite && !l->not_finite)
            l->not_finite = name_of_value(l, s->in[0]);
    }
    const arc_status st = l->x.device->sync(&l->x, err);
    if (st != ARC_OK) {
        l->n = 0;
        return st;
    }
    const arc_learn_step *last = &l->step[l->steps - 1];
    *embeddings = buffer_at(l, l->plan.output);
    if (!l->not_finite && !all_finite(*embeddings, l->n * arc_learn_row(&last->out_shape)))
        l->not_finite = last->name;
    return ARC_OK;
}

/* A parameter belongs to one step, so its gradient is whole after the step's backward. Told in the reverse of the order in
 * memory. */
static void tell_ready(const arc_learner *l, const arc_learn_step *s) {
    const arc_learn_parameter *const own[] = {s->slope, s->bias, s->weight};
    for (size_t i = 0; i < ARC_COUNT(own); i++)
        if (own[i] && !own[i]->frozen)
            l->ready(l->ready_ctx, own[i]);
}

/* Whether the step's backward gives a gradient that is wanted: of its own parameters, of one below it, or of the images. */
static bool step_learns(const arc_learner *l, const arc_learn_step *s, bool images) {
    return images || l->value[s->out].learns;
}

static arc_status run_backward(arc_learner *l, const float *d_embeddings, bool accumulate, float *d_images, arc_error *err) {
    const arc_learn_step *last = &l->step[l->steps - 1];
    const size_t count = l->n * arc_learn_row(&last->out_shape);
    l->not_finite = all_finite(d_embeddings, count) ? NULL : last->name;
    memcpy(buffer_at(l, l->plan.d_output), d_embeddings, count * sizeof *d_embeddings);
    for (int i = l->plan.forwards; i < l->plan.events; i++) {
        const arc_learn_event *e = &l->plan.event[i];
        const arc_learn_step *s = &l->step[e->step];
        bool finite = true;
        arc_learn_run r = run_of(l, e, &finite);
        if (!step_learns(l, s, d_images != NULL))
            continue;
        r.accumulate = accumulate;
        for (int k = 0; k < s->inputs; k++)
            if (!d_images && !l->value[s->in[k]].learns)
                r.dx[k] = NULL;
        run_event(l, e, &r);
        if (!finite && !l->not_finite)
            l->not_finite = s->name;
        if (e->kind == ARC_LEARN_BACKWARD && l->ready) {
            const arc_status st = l->x.device->sync(&l->x, err);
            if (st != ARC_OK)
                return st;
            tell_ready(l, s);
        }
    }
    const arc_status st = l->x.device->sync(&l->x, err);
    if (st != ARC_OK)
        return st;
    images_job job = {.l = l, .from = buffer_at(l, l->plan.d_images), .to = d_images, .plain = true};
    if (d_images)
        arc_pool_run(l->x.pool, l->n, 1, images_items, &job);
    return ARC_OK;
}

arc_status arc_learner_backward(arc_learner *l, const float *d_embeddings, bool accumulate, float *d_images, arc_error *err) {
    if (l->n == 0)
        return arc_fail(err, ARC_EINVAL, "backward without a forward before it");
    if (l->options.input_only && !d_images)
        return arc_fail(err, ARC_EINVAL, "this learner gives the gradient of the images alone: say where it goes");
    const arc_status st = run_backward(l, d_embeddings, accumulate, d_images, err);
    l->n = 0; /* it has overwritten activations, however it ended: the next one needs a forward */
    return st;
}

arc_status arc_learner_graph(const arc_learner *l, arc_graph **out, arc_error *err) {
    return arc_learn_copy_graph(l, out, err);
}
