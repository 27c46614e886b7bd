/* plan: building a plan. Nodes are walked once in order: shapes are inferred, nodes whose inputs are all constant are run now (so
 * shape arithmetic disappears), views of plain tensors become other names of the same bytes, and the rest become steps. A tensor
 * exists in up to two layouts; a conversion step is added only where the next operator wants the other one. */
#include "plan/plan.h"
#include "plan/cache.h"
#include "plan/planner.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FOLD_MAX_ELEMENTS ((int64_t)1 << 22)
#define FOLD_MAX_BYTES ((size_t)1 << 28)  /* of all folded constants of a plan: a hostile file can't fill memory by folding */
#define DROP_MIN_BYTES ((size_t)64 << 10) /* smaller constants share pages with their neighbours */

/* ---- inference ------------------------------------------------------------------------------------------------------------- */

static void known_tensor(const arc_plan_value *v, arc_tensor *t) {
    *t = (arc_tensor){.dtype = v->dtype, .layout = ARC_PLAIN, .shape = v->shape, .is_const = v->constant != NULL};
    memcpy(&t->data, &v->constant, sizeof t->data); /* constants are read through the same type as activations, never written */
}

static arc_status infer_node(arc_planner *b, const arc_node *n, const arc_op *op, arc_error *err) {
    b->infer = (arc_infer){
        .graph = b->graph, .node = n, .opset = b->graph->opset, .inputs = n->inputs, .outputs = n->outputs, .err = err};
    for (int i = 0; i < n->inputs; i++) {
        if (n->input[i] < 0)
            continue;
        known_tensor(&b->value[n->input[i]], &b->in_tensor[i]);
        b->infer.in[i] = &b->in_tensor[i];
    }
    for (int i = 0; i < n->outputs; i++) {
        if (n->output[i] < 0)
            continue;
        b->out_tensor[i] = (arc_tensor){.layout = ARC_PLAIN};
        b->infer.out[i] = &b->out_tensor[i];
    }
    const arc_status st = op->infer(&b->infer);
    if (st != ARC_OK)
        return st;
    for (int i = 0; i < n->outputs; i++) {
        if (n->output[i] < 0)
            continue;
        char text[160];
        const arc_tensor *t = &b->out_tensor[i];
        if (t->dtype == ARC_NO_DTYPE || arc_shape_count(&t->shape) < 0)
            return arc_op_fail(&b->infer, ARC_ELIMIT, "its output would have the shape %s",
                               arc_shape_text(&t->shape, text, sizeof text));
        b->value[n->output[i]].dtype = t->dtype;
        b->value[n->output[i]].shape = t->shape;
    }
    return ARC_OK;
}

/* ---- constant folding ------------------------------------------------------------------------------------------------------ */

static bool can_fold(const arc_planner *b, const arc_node *n, const arc_op *op) {
    if (op->layout == ARC_OP_NHWC || op->layout == ARC_OP_ROWS || b->folded_bytes > FOLD_MAX_BYTES)
        return false;
    for (int i = 0; i < n->outputs; i++)
        if (n->output[i] >= 0 && arc_shape_count(&b->value[n->output[i]].shape) > FOLD_MAX_ELEMENTS)
            return false;
    if (op->shape_query)
        return true;
    for (int i = 0; i < n->inputs; i++)
        if (n->input[i] >= 0 && !b->value[n->input[i]].constant)
            return false;
    return true;
}

/* Runs the node while planning, on the host whatever the device is: its outputs become constants in the plan's arena. */
static arc_status fold_node(arc_planner *b, const arc_node *n, const arc_op *op, arc_error *err) {
    arc_plan *plan = b->plan;
    arc_step *s = &b->fold_step;
    memset(s, 0, sizeof *s);
    s->op = op;
    s->graph = b->graph;
    s->node = n;
    s->opset = b->graph->opset;
    s->kernels = b->x->kernels;
    s->pool = b->x->pool;
    s->inputs = n->inputs;
    s->outputs = n->outputs;
    for (int i = 0; i < n->inputs; i++)
        if (n->input[i] >= 0)
            s->in[i] = b->in_tensor[i];
    for (int i = 0; i < n->outputs; i++) {
        if (n->output[i] < 0)
            continue;
        s->out[i] = b->out_tensor[i];
        s->out[i].data = arc_arena_new(&plan->arena, ARC_MAX(arc_tensor_bytes(s->out[i].dtype, &s->out[i].shape), (size_t)1), 1);
        if (!s->out[i].data)
            return arc_fail_nomem(err, "a folded constant");
    }
    arc_prepare p = {.step = s, .arena = &plan->arena, .err = err};
    if (op->prepare) {
        const arc_status st = op->prepare(&p);
        if (st != ARC_OK)
            return st;
    }
    s->scratch_stride = arc_aligned(s->scratch_bytes);
    s->scratch = arc_mem_new(b->alloc, s->scratch_stride, (size_t)arc_pool_threads(s->pool));
    s->shared_scratch = arc_mem_new(b->alloc, s->shared_scratch_bytes, 1);
    const bool room = s->scratch && s->shared_scratch;
    if (room)
        op->run(s);
    arc_mem_free(b->alloc, s->scratch);
    arc_mem_free(b->alloc, s->shared_scratch);
    if (!room)
        return arc_fail_nomem(err, "folding constants");
    for (int i = 0; i < n->outputs; i++) {
        if (n->output[i] < 0)
            continue;
        b->value[n->output[i]].constant = s->out[i].data;
        b->value[n->output[i]].folded = true;
        b->folded_bytes += arc_tensor_bytes(s->out[i].dtype, &s->out[i].shape);
    }
    plan->folded++;
    return ARC_OK;
}

/* ---- steps ----------------------------------------------------------------------------------------------------------------- */

/* Whether this operator works on NHWC here. */
static bool node_layout(const arc_planner *b, const arc_node *n, const arc_op *op) {
    const arc_plan_value *v = b->value;
    if (op->layout == ARC_OP_ROWS)
        return true;
    if (op->layout == ARC_OP_PLAIN || n->outputs < 1 || n->output[0] < 0 || !arc_is_image(&v[n->output[0]]))
        return false;
    if (op->layout == ARC_OP_NHWC)
        return n->inputs > 0 && n->input[0] >= 0 && arc_is_image(&v[n->input[0]]);
    bool any = false;
    for (int i = 0; i < n->inputs; i++) {
        if (n->input[i] < 0 || v[n->input[i]].constant)
            continue;
        if (v[n->input[i]].dtype != ARC_F32)
            return false;
        any |= arc_is_image(&v[n->input[i]]) && v[n->input[i]].nhwc.kind != ARC_NOWHERE;
    }
    return any;
}

/* Whether an operator that works on NHWC wants this input so. */
static bool input_is_nhwc(const arc_planner *b, const arc_node *n, const arc_op *op, int i) {
    if (!arc_is_image(&b->value[n->input[i]]))
        return false;
    return op->layout != ARC_OP_NHWC || (i < ARC_INPUT_BITS && op->nhwc_inputs & ARC_INPUT(i));
}

static arc_status bind_inputs(arc_planner *b, const arc_node *n, const arc_op *op, bool nhwc, arc_plan_step *ps, arc_error *err) {
    for (int i = 0; i < n->inputs; i++) {
        if (n->input[i] < 0)
            continue;
        const bool image = nhwc && input_is_nhwc(b, n, op, i);
        const arc_status st = arc_planner_want(b, n->input[i], image, &ps->in[i], err);
        if (st != ARC_OK)
            return st;
        const arc_plan_value *v = &b->value[n->input[i]];
        ps->step.in[i] = (arc_tensor){.dtype = v->dtype, .layout = image ? ARC_NHWC : ARC_PLAIN, .shape = v->shape};
        if (ps->in[i].kind == ARC_IN_CONSTANT) {
            ps->step.in[i].is_const = true;
            memcpy(&ps->step.in[i].data, &ps->in[i].data, sizeof ps->in[i].data);
        }
    }
    return ARC_OK;
}

static arc_status bind_outputs(arc_planner *b, const arc_node *n, const arc_op *op, bool nhwc, arc_plan_step *ps,
                               arc_error *err) {
    for (int i = 0; i < n->outputs; i++) {
        if (n->output[i] < 0)
            continue;
        arc_plan_value *v = &b->value[n->output[i]];
        const bool image = nhwc && (op->layout == ARC_OP_NHWC ? i == 0 : arc_is_image(v));
        const int buffer = arc_planner_buffer(b, arc_tensor_bytes(v->dtype, &v->shape));
        if (buffer < 0)
            return arc_fail_nomem(err, "planning activations");
        ps->out[i] = (arc_place){.kind = ARC_IN_ARENA, .index = buffer};
        ps->step.out[i] = (arc_tensor){.dtype = v->dtype, .layout = image ? ARC_NHWC : ARC_PLAIN, .shape = v->shape};
        arc_planner_made(v, image, ps->out[i]);
    }
    return ARC_OK;
}

/* Packs are found by address, so only weights that live as long as the store may lie in it: another plan's folded constants can
 * have the address of this one's. */
static arc_packs *packs_for(const arc_planner *b, const arc_node *n) {
    for (int i = 0; i < n->inputs; i++)
        if (n->input[i] >= 0 && b->value[n->input[i]].folded)
            return NULL;
    return b->packs;
}

/* Packed weights are copies: the pages of the file they came from can go. */
static void drop_packed(const arc_planner *b, const arc_plan_step *ps) {
    if (!b->map || !b->map->mapped)
        return;
    for (int i = 0; i < ps->step.inputs; i++) {
        const uint8_t *data = ps->in[i].data;
        if (ps->in[i].kind != ARC_IN_CONSTANT || data < b->map->data || data >= b->map->data + b->map->bytes)
            continue;
        const size_t bytes = arc_tensor_bytes(ps->step.in[i].dtype, &ps->step.in[i].shape);
        if (bytes >= DROP_MIN_BYTES)
            arc_map_drop(b->map, data, bytes);
    }
}

static arc_status add_node(arc_planner *b, const arc_node *n, const arc_op *op, arc_error *err) {
    if (b->infer_only)
        return ARC_OK;
    if (n->inputs > 1 && n->outputs > 0 && n->input[0] >= 0 && n->input[1] >= 0 && n->output[0] >= 0)
        b->plan->macs +=
            arc_op_macs(op, &b->value[n->input[0]].shape, &b->value[n->input[1]].shape, &b->value[n->output[0]].shape);
    arc_plan_step *ps = arc_planner_step(b, op, n);
    if (!ps)
        return arc_fail_nomem(err, "planning steps");
    ps->step.inputs = n->inputs;
    ps->step.outputs = n->outputs;
    const bool nhwc = node_layout(b, n, op);
    arc_status st = bind_inputs(b, n, op, nhwc, ps, err);
    if (st == ARC_OK)
        st = bind_outputs(b, n, op, nhwc, ps, err);
    if (st == ARC_OK) {
        arc_prepare p = {.step = &ps->step,
                         .arena = &b->plan->arena,
                         .packs = packs_for(b, n),
                         .map = b->map,
                         .chooser = arc_choices_chooser(b->choices),
                         .err = err};
        st = b->x->device->prepare(b->x, &p);
    }
    if (st != ARC_OK)
        return st;
    drop_packed(b, ps);
    arc_planner_commit(b, ps);
    return ARC_OK;
}

static arc_status plan_node(arc_planner *b, const arc_node *n, arc_error *err) {
    const arc_op *op = n->entry;
    if (!op)
        return arc_fail(err, ARC_EINVAL, "the graph of node '%.200s' (%.100s) was not checked before it was planned", n->name,
                        n->op);
    arc_status st = infer_node(b, n, op, err);
    if (st != ARC_OK)
        return st;
    const arc_attr *tensor = arc_node_is(n, ARC_KIND_CONSTANT) ? arc_node_attr(n, "value") : NULL;
    if (tensor && tensor->kind == ARC_ATTR_TENSOR) {
        b->value[n->output[0]].constant = b->graph->value[tensor->value].data;
        return ARC_OK;
    }
    if (can_fold(b, n, op))
        return fold_node(b, n, op, err);
    bool done = false;
    if (!b->infer_only)
        st = arc_planner_view(b, n, &done, err);
    return st != ARC_OK || done ? st : add_node(b, n, op, err);
}

/* ---- surveys --------------------------------------------------------------------------------------------------------------- */

static void survey_value(const arc_planner *b, arc_survey *survey, int v) {
    if (v >= 0)
        survey->value[v] = (arc_survey_value){
            .known = true, .constant = b->value[v].constant, .dtype = b->value[v].dtype, .shape = b->value[v].shape};
}

/* A node behind one that failed is not looked at. */
static arc_status survey_node(arc_planner *b, const arc_node *n, arc_survey *survey, arc_error *err) {
    arc_error why = {0};
    arc_status st = ARC_OK;
    bool known = true;
    for (int i = 0; i < n->inputs; i++)
        known &= n->input[i] < 0 || survey->value[n->input[i]].known;
    if (known)
        st = plan_node(b, n, &why);
    if (known && st == ARC_OK) {
        for (int i = 0; i < n->outputs; i++)
            survey_value(b, survey, n->output[i]);
        return ARC_OK;
    }
    if (st == ARC_ENOMEM)
        return arc_fail(err, st, "%s", why.text);
    if (survey->unknown++ == 0)
        survey->why = why;
    return ARC_OK;
}

static arc_status survey_graph(arc_planner *b, arc_survey *survey, arc_error *err) {
    arc_status st = ARC_OK;
    survey->unknown = 0;
    for (int v = 0; v < b->graph->values; v++) {
        survey->value[v] = (arc_survey_value){.shape.rank = -1};
        if (b->value[v].constant)
            survey_value(b, survey, v);
    }
    for (int i = 0; i < b->graph->inputs; i++)
        survey_value(b, survey, b->graph->input[i]);
    for (int i = 0; st == ARC_OK && i < b->graph->nodes; i++)
        st = survey_node(b, &b->graph->node[i], survey, err);
    return st;
}

/* ---- whole ----------------------------------------------------------------------------------------------------------------- */

static arc_status start_values(arc_planner *b, const arc_shape *input_shape, arc_error *err) {
    const arc_graph *g = b->graph;
    for (int v = 0; v < g->values; v++) {
        if (!g->value[v].data)
            continue;
        b->value[v].dtype = g->value[v].dtype;
        b->value[v].shape = g->value[v].shape;
        b->value[v].constant = g->value[v].data;
    }
    for (int i = 0; i < g->inputs; i++) {
        arc_plan_value *v = &b->value[g->input[i]];
        if (arc_shape_count(&input_shape[i]) <= 0)
            return arc_fail(err, ARC_ESHAPE, "input '%.200s' is empty or too large", g->value[g->input[i]].name);
        v->dtype = g->value[g->input[i]].dtype;
        v->shape = input_shape[i];
        v->plain = (arc_place){.kind = ARC_IN_INPUT, .index = i};
        b->plan->input_shape[i] = input_shape[i];
    }
    return ARC_OK;
}

static arc_status finish_outputs(arc_planner *b, arc_error *err) {
    arc_plan *plan = b->plan;
    for (int i = 0; i < b->graph->outputs; i++) {
        const int v = b->graph->output[i];
        arc_plan_output *o = &plan->output[i];
        *o = (arc_plan_output){.dtype = b->value[v].dtype, .shape = b->value[v].shape};
        if (b->infer_only)
            continue;
        const arc_status st = arc_planner_want(b, v, false, &o->place, err);
        if (st != ARC_OK)
            return st;
    }
    const arc_status st = b->infer_only ? ARC_OK : arc_plan_drop_unread(plan, b->alloc, err);
    if (st != ARC_OK)
        return st;
    for (int i = 0; i < b->graph->outputs; i++) /* outputs outlive the last step */
        if (plan->output[i].place.kind == ARC_IN_ARENA)
            plan->buffer[plan->output[i].place.index].block.last = plan->steps;
    return b->infer_only ? ARC_OK : arc_plan_place_all(plan, b->alloc, err);
}

/* Hashes what fixes the bits of a result: library, level or device, and each step's operator, algorithm and shape. Schedules and
 * threads do not. */
static void name_plan(arc_plan *plan, const arc_execution *x) {
    uint64_t hash = arc_hash_bytes(ARC_HASH_START, arc_version(), strlen(arc_version()));
    for (int i = 0; i < plan->steps; i++) {
        const arc_step *s = &plan->step[i]->step;
        hash = arc_hash_bytes(hash, s->op->name, strlen(s->op->name) + 1);
        hash = arc_hash_bytes(hash, s->algorithm, strlen(s->algorithm) + 1);
        hash =
            arc_hash_bytes(hash, s->out[0].shape.dim, (size_t)ARC_MAX(s->out[0].shape.rank, 0) * sizeof s->out[0].shape.dim[0]);
    }
    snprintf(plan->id, sizeof plan->id, "%s-%010" PRIx64, x->device == &arc_device_cpu ? x->kernels->name : x->device->name,
             (hash ^ hash >> 40) & 0xffffffffffu);
}

arc_status arc_plan_new(arc_plan **out, const arc_plan_request *r, arc_error *err) {
    *out = NULL;
    const arc_alloc *a = r->x->alloc;
    arc_status st = ARC_OK;
    arc_plan *plan = arc_mem_new(a, 1, sizeof *plan);
    arc_planner *b = arc_mem_new(a, 1, sizeof *b);
    if (!plan || !b) {
        arc_mem_free(a, plan);
        arc_mem_free(a, b);
        return arc_fail_nomem(err, "a plan");
    }
    plan->graph = r->graph;
    arc_arena_init(&plan->arena, a, 0);
    *b = (arc_planner){
        .x = r->x, .alloc = a, .graph = r->graph, .map = r->map, .packs = r->packs, .infer_only = r->infer_only, .plan = plan};
    b->value = arc_mem_new(a, (size_t)r->graph->values + 1, sizeof *b->value);
    plan->input_shape = arc_arena_new(&plan->arena, (size_t)r->graph->inputs + 1, sizeof *plan->input_shape);
    plan->output = arc_arena_new(&plan->arena, (size_t)r->graph->outputs + 1, sizeof *plan->output);
    if (!b->value || !plan->input_shape || !plan->output)
        ARC_TRY(arc_fail_nomem(err, "a plan"));
    if (!r->infer_only) {
        const arc_choices_of of = {.x = r->x, .graph = r->graph, .input_shape = r->input_shape};
        ARC_TRY(arc_choices_open(&b->choices, &of, err));
    }
    ARC_TRY(start_values(b, r->input_shape, err));
    if (r->survey)
        ARC_TRY(survey_graph(b, r->survey, err));
    for (int i = 0; !r->survey && i < r->graph->nodes; i++)
        ARC_TRY(plan_node(b, &r->graph->node[i], err));
    ARC_TRY(finish_outputs(b, err));
    for (int v = 0; r->known && v < r->graph->values; v++)
        known_tensor(&b->value[v], &r->known[v]);
    if (!r->infer_only)
        name_plan(plan, r->x);
done:
    arc_choices_close(&b->choices);
    arc_mem_free(a, b->value);
    arc_mem_free(a, b);
    if (st == ARC_OK)
        *out = plan;
    else
        arc_plan_free(&plan);
    return st;
}

arc_status arc_plan_infer(arc_plan **out, const arc_graph *g, const arc_shape *input_shape, arc_tensor *known, arc_survey *survey,
                          arc_error *err) {
    const arc_execution host = {.device = &arc_device_cpu, .alloc = g->alloc, .kernels = arc_kernels_of(ARC_ISA_GENERIC)};
    const arc_plan_request request = {
        .x = &host, .graph = g, .input_shape = input_shape, .infer_only = true, .known = known, .survey = survey};
    return arc_plan_new(out, &request, err);
}

void arc_plan_free(arc_plan **plan) {
    if (!plan || !*plan)
        return;
    const arc_alloc *a = (*plan)->arena.alloc;
    arc_mem_free(a, (*plan)->step);
    arc_mem_free(a, (*plan)->buffer);
    arc_arena_free(&(*plan)->arena);
    arc_mem_free(a, *plan);
    *plan = NULL;
}
