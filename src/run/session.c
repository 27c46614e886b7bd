/* run: a session runs one graph for one thread at a time. It owns what plans share: the optimised graph, packed weights,
 * activation arena and scratch. A run whose input shapes were planned before allocates nothing. */
#include "run/session.h"
#include "op/packs.h"
#include "pass/pass.h"
#include "plan/planner.h"
#include <string.h>

#define MAX_PLANS 8

struct arc_session {
    arc_execution x;
    arc_alloc memory; /* the device's */
    const arc_graph *source;
    arc_graph *optimised; /* NULL: runs the source as it is */
    arc_packs *packs;
    arc_plan *plan[MAX_PLANS];
    int plans;
    arc_plan *last;
    uint64_t clock;
    uint8_t *activations, *scratch, *shared_scratch;
    size_t activation_bytes, scratch_bytes, shared_scratch_bytes;
    uint8_t *inputs, *outputs; /* a device with memory of its own: inputs there, outputs here */
    size_t input_bytes, output_bytes;
};

arc_status arc_session_new(arc_session **out, const arc_context *ctx, const arc_graph *g, const arc_session_options *opt,
                           arc_error *err) {
    *out = NULL;
    const arc_execution x = opt && opt->execution ? *opt->execution : arc_execution_of(ctx);
    arc_session *s = arc_mem_new(x.alloc, 1, sizeof *s);
    if (!s)
        return arc_fail_nomem(err, "a session");
    arc_status st = ARC_OK;
    s->x = x;
    s->x.precision = opt && opt->exact ? ARC_PRECISION_FP32 : x.precision;
    s->x.tune &= !(opt && opt->no_tuning);
    s->x.low_memory |= opt && opt->low_memory;
    s->memory = arc_execution_memory(&s->x);
    s->source = g;
    s->packs = arc_packs_new(x.alloc, &s->memory);
    if (!s->packs)
        st = arc_fail_nomem(err, "a session");
    if (st == ARC_OK && !(opt && opt->no_passes))
        st = arc_graph_optimise(g, &s->optimised, err);
    if (st != ARC_OK)
        arc_session_free(&s);
    *out = s;
    return st;
}

void arc_session_free(arc_session **session) {
    arc_session *s = session ? *session : NULL;
    if (!s)
        return;
    const arc_alloc *a = s->x.alloc;
    for (int i = 0; i < s->plans; i++)
        arc_plan_free(&s->plan[i]);
    arc_packs_free(&s->packs);
    arc_graph_free(&s->optimised);
    arc_mem_free(&s->memory, s->activations);
    arc_mem_free(&s->memory, s->scratch);
    arc_mem_free(&s->memory, s->shared_scratch);
    arc_mem_free(&s->memory, s->inputs);
    arc_mem_free(a, s->outputs);
    arc_mem_free(a, s);
    *session = NULL;
}

/* ---- plans ----------------------------------------------------------------------------------------------------------------- */

static arc_plan *find_plan(arc_session *s, const arc_shape *input_shape) {
    for (int i = 0; i < s->plans; i++) {
        bool same = true;
        for (int k = 0; same && k < s->source->inputs; k++)
            same = arc_shape_equal(&s->plan[i]->input_shape[k], &input_shape[k]);
        if (same)
            return s->plan[i];
    }
    return NULL;
}

/* Makes a block large enough; its contents are lost when it grows. */
static bool reserve(const arc_alloc *a, uint8_t **block, size_t *have, size_t want) {
    if (want <= *have && *block)
        return true;
    arc_mem_free(a, *block);
    *block = arc_mem_raw(a, ARC_MAX(want, (size_t)1), 1);
    *have = *block ? want : 0;
    return *block != NULL;
}

/* Bytes of a tensor in a block of several. */
static size_t room_of(arc_dtype t, const arc_shape *shape) {
    return arc_aligned((size_t)arc_shape_count(shape) * arc_dtype_bytes(t));
}

/* Room for a copy of every input on the device, and of every output here. */
static bool reserve_copies(arc_session *s, const arc_plan *p) {
    const arc_graph *g = s->source;
    size_t inputs = 0, outputs = 0;
    for (int i = 0; i < g->inputs; i++)
        inputs += room_of(g->value[g->input[i]].dtype, &p->input_shape[i]);
    for (int i = 0; i < g->outputs; i++)
        outputs += room_of(p->output[i].dtype, &p->output[i].shape);
    return reserve(&s->memory, &s->inputs, &s->input_bytes, inputs) &&
           reserve(s->x.alloc, &s->outputs, &s->output_bytes, outputs);
}

static bool reserve_all(arc_session *s, const arc_plan *p) {
    const arc_alloc *a = &s->memory;
    size_t scratch;
    return arc_mul_size(p->scratch_bytes, (size_t)arc_pool_threads(s->x.pool), &scratch) &&
           reserve(a, &s->activations, &s->activation_bytes, p->activation_bytes) &&
           reserve(a, &s->scratch, &s->scratch_bytes, scratch) &&
           reserve(a, &s->shared_scratch, &s->shared_scratch_bytes, p->shared_scratch_bytes) &&
           (s->x.device->shares_memory || reserve_copies(s, p));
}

/* Room for one more plan: the one that was not used for longest goes. */
static int plan_slot(arc_session *s) {
    if (s->plans < MAX_PLANS)
        return s->plans++;
    int oldest = 0;
    for (int i = 1; i < s->plans; i++)
        if (s->plan[i]->used < s->plan[oldest]->used)
            oldest = i;
    arc_plan_free(&s->plan[oldest]);
    return oldest;
}

static arc_status make_plan(arc_session *s, const arc_shape *input_shape, arc_plan **out, arc_error *err) {
    arc_plan_request r = {.x = &s->x,
                          .graph = s->optimised ? s->optimised : s->source,
                          .map = &s->source->map,
                          .input_shape = input_shape,
                          .packs = s->packs};
    arc_status st = arc_plan_new(out, &r, err);
    if (s->optimised && (st == ARC_ESHAPE || st == ARC_EUNSUPPORTED)) {
        /* Fusing an Add assumed equal shapes; where they only broadcast, the graph runs as it was written. */
        r.graph = s->source;
        st = arc_plan_new(out, &r, err);
    }
    return st;
}

static arc_status plan_for(arc_session *s, const arc_shape *input_shape, arc_error *err) {
    arc_plan *p = find_plan(s, input_shape);
    s->last = NULL;
    if (!p) {
        const arc_status st = make_plan(s, input_shape, &p, err);
        if (st != ARC_OK)
            return st;
        s->plan[plan_slot(s)] = p;
    }
    if (!reserve_all(s, p)) /* for a known plan too: making room for another one may have failed since */
        return arc_fail_nomem(err, "activations");
    p->used = ++s->clock;
    s->last = p;
    return ARC_OK;
}

static arc_status check_input(const arc_session *s, int i, const arc_shape *shape, arc_error *err) {
    const arc_value *v = &s->source->value[s->source->input[i]];
    char want[160], have[160];
    bool fits = v->shape.rank < 0 || v->shape.rank == shape->rank;
    for (int d = 0; fits && v->shape.rank >= 0 && d < shape->rank; d++)
        fits = v->shape.dim[d] < 0 || v->shape.dim[d] == shape->dim[d];
    if (!fits)
        return arc_fail(err, ARC_ESHAPE, "input '%.100s' takes %s, it was given %s", v->name,
                        arc_shape_text(&v->shape, want, sizeof want), arc_shape_text(shape, have, sizeof have));
    return ARC_OK;
}

arc_status arc_session_plan(arc_session *s, const arc_shape *input_shape, arc_error *err) {
    for (int i = 0; i < s->source->inputs; i++) {
        const arc_status st = check_input(s, i, &input_shape[i], err);
        if (st != ARC_OK)
            return st;
    }
    return plan_for(s, input_shape, err);
}

/* ---- run ------------------------------------------------------------------------------------------------------------------- */

static void *bind(const arc_session *s, const arc_plan *p, const arc_place *place, const arc_tensor *in) {
    void *data = NULL;
    if (place->kind == ARC_IN_ARENA)
        data = s->activations + p->buffer[place->index].block.offset;
    else if (place->kind == ARC_IN_INPUT)
        data = in[place->index].data;
    else if (place->kind == ARC_IN_CONSTANT)
        memcpy(&data, &place->data, sizeof data); /* read only: operators write their outputs alone */
    return data;
}

static void run_step(const arc_session *s, const arc_plan *p, arc_plan_step *ps, const arc_tensor *in) {
    arc_step *step = &ps->step;
    for (int i = 0; i < step->inputs; i++) {
        step->in[i].data = bind(s, p, &ps->in[i], in);
        if (ps->in[i].kind != ARC_IN_INPUT)
            continue;
        if (in[ps->in[i].index].layout == ARC_PIXELS)
            step->in[i].layout = ARC_PIXELS; /* the step that turns planes into rows reads pixels in this run, */
        else if (step->in[i].layout == ARC_PIXELS)
            step->in[i].layout = ARC_PLAIN; /* and floats again in this one */
    }
    for (int i = 0; i < step->outputs; i++)
        step->out[i].data = bind(s, p, &ps->out[i], in);
    step->scratch = s->scratch;
    step->scratch_stride = p->scratch_bytes;
    step->shared_scratch = s->shared_scratch;
    s->x.device->run(&s->x, step);
}

#define MAX_INPUTS 64

bool arc_session_takes_pixels(const arc_session *s, int input) {
    return s->last && s->x.device->shares_memory && arc_planner_converts_input(s->last, input);
}

/* The inputs as steps see them: the caller's, or copies of them in the device's memory. */
static const arc_tensor *place_inputs(const arc_session *s, const arc_tensor *in, arc_tensor copy[MAX_INPUTS]) {
    uint8_t *to = s->inputs;
    if (s->x.device->shares_memory)
        return in;
    for (int i = 0; i < s->source->inputs; i++) {
        copy[i] = in[i];
        copy[i].data = to;
        s->x.device->upload(&s->x, to, in[i].data, (size_t)arc_shape_count(&in[i].shape) * arc_dtype_bytes(in[i].dtype));
        to += room_of(in[i].dtype, &in[i].shape);
    }
    return copy;
}

/* Waits for the steps and says where the outputs lie: where they were made, or copies of them here. */
static arc_status collect_outputs(const arc_session *s, const arc_plan *p, const arc_tensor *in, arc_tensor *out,
                                  arc_error *err) {
    const arc_device *device = s->x.device;
    uint8_t *to = s->outputs;
    const arc_status st = device->sync(&s->x, err);
    if (st != ARC_OK)
        return st;
    for (int i = 0; i < s->source->outputs; i++) {
        const arc_plan_output *o = &p->output[i];
        out[i] = (arc_tensor){.dtype = o->dtype, .layout = ARC_PLAIN, .shape = o->shape, .data = bind(s, p, &o->place, in)};
        if (device->shares_memory || o->place.kind == ARC_IN_CONSTANT)
            continue;
        device->download(&s->x, to, out[i].data, (size_t)arc_shape_count(&o->shape) * arc_dtype_bytes(o->dtype));
        out[i].data = to;
        to += room_of(o->dtype, &o->shape);
    }
    return ARC_OK;
}

/* Plans for these inputs, which must be of the declared types and in a form that the plan reads. */
static arc_status begin_run(arc_session *s, const arc_tensor *in, arc_error *err) {
    const arc_graph *g = s->source;
    arc_shape shape[MAX_INPUTS];
    if (g->inputs > MAX_INPUTS)
        return arc_fail(err, ARC_ELIMIT, "the graph has %d inputs, at most %d are supported", g->inputs, MAX_INPUTS);
    for (int i = 0; i < g->inputs; i++) {
        const arc_value *v = &g->value[g->input[i]];
        if (in[i].dtype != v->dtype)
            return arc_fail(err, ARC_ESHAPE, "input '%.100s' takes %s, it was given %s", v->name, arc_dtype_name(v->dtype),
                            arc_dtype_name(in[i].dtype));
        shape[i] = in[i].shape;
    }
    const arc_status st = arc_session_plan(s, shape, err);
    if (st != ARC_OK)
        return st;
    for (int i = 0; i < g->inputs; i++)
        if (in[i].layout == ARC_PIXELS && !arc_session_takes_pixels(s, i))
            return arc_fail(err, ARC_EUNSUPPORTED, "input '%.100s' is not read as rows of three channels: give it as floats",
                            g->value[g->input[i]].name);
    return ARC_OK;
}

arc_status arc_session_run(arc_session *s, const arc_tensor *in, arc_tensor *out, arc_error *err) {
    memset(out, 0, (size_t)s->source->outputs * sizeof *out);
    const arc_status st = begin_run(s, in, err);
    if (st != ARC_OK)
        return st;
    const arc_plan *p = s->last;
    arc_tensor copy[MAX_INPUTS];
    const arc_tensor *placed = place_inputs(s, in, copy);
    for (int i = 0; i < p->steps; i++)
        run_step(s, p, p->step[i], placed);
    return collect_outputs(s, p, placed, out, err);
}

static int64_t step_bytes(const arc_step *s) {
    int64_t bytes = 0;
    for (int i = 0; i < s->inputs; i++)
        if (s->in[i].dtype != ARC_NO_DTYPE)
            bytes += arc_shape_count(&s->in[i].shape) * (int64_t)arc_dtype_bytes(s->in[i].dtype);
    for (int i = 0; i < s->outputs; i++)
        if (s->out[i].dtype != ARC_NO_DTYPE)
            bytes += arc_shape_count(&s->out[i].shape) * (int64_t)arc_dtype_bytes(s->out[i].dtype);
    return bytes;
}

/* A graph's name of what the step computes. */
static const char *output_name(const arc_step *step) {
    const arc_node *n = step->node;
    return n && n->outputs > 0 && n->output[0] >= 0 ? step->graph->value[n->output[0]].name : "";
}

arc_status arc_session_profile(arc_session *s, const arc_tensor *in, int rounds, arc_step_time *time, int capacity, int *count,
                               arc_error *err) {
    *count = 0;
    const arc_status st = begin_run(s, in, err);
    if (st != ARC_OK)
        return st;
    const arc_plan *p = s->last;
    arc_tensor copy[MAX_INPUTS];
    const arc_tensor *placed = place_inputs(s, in, copy);
    for (int round = 0; round < ARC_MAX(rounds, 1); round++)
        for (int i = 0; i < p->steps; i++) {
            const uint64_t start = arc_clock_ns();
            run_step(s, p, p->step[i], placed);
            const arc_status done = s->x.device->sync(&s->x, err);
            if (done != ARC_OK)
                return done;
            const double ms = (double)(arc_clock_ns() - start) * 1e-6;
            if (i >= capacity)
                continue;
            const arc_step *step = &p->step[i]->step;
            const double least = round == 0 ? ms : ARC_MIN(time[i].ms, ms);
            time[i] = (arc_step_time){.op = step->op->name,
                                      .name = step->node ? step->node->name : "(layout)",
                                      .algorithm = step->algorithm,
                                      .schedule = step->schedule ? step->schedule : "",
                                      .output = output_name(step),
                                      .out = step->out[0].shape,
                                      .bytes = step_bytes(step),
                                      .ms = least};
            if (step->node && step->inputs > 1)
                time[i].macs = arc_op_macs(step->op, &step->in[0].shape, &step->in[1].shape, &step->out[0].shape);
        }
    *count = p->steps;
    return ARC_OK;
}

arc_status arc_session_stats(const arc_session *s, arc_plan_stats *out) {
    memset(out, 0, sizeof *out);
    const arc_plan *p = s->last;
    if (!p)
        return ARC_EINVAL;
    *out = (arc_plan_stats){.activation_bytes = p->activation_bytes,
                            .packed_bytes = arc_packs_bytes(s->packs),
                            .scratch_bytes = p->scratch_bytes * (size_t)arc_pool_threads(s->x.pool) + p->shared_scratch_bytes,
                            .activation_sum_bytes = p->activation_sum_bytes,
                            .macs = p->macs,
                            .id = p->id,
                            .steps = p->steps,
                            .folded = p->folded};
    return ARC_OK;
}
