/* layers: what each layer of a network costs, and into which step of a plan it went. */
#include "model/layers.h"
#include "model/describe_internal.h"
#include "plan/cost.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The profile with what owns its arrays and texts. */
typedef struct box {
    arc_profile p;
    arc_arena arena;
} box;

arc_arena *arc_layers_arena(arc_profile *p) {
    return &((box *)p->memory)->arena;
}

void arc_profile_free(arc_context *ctx, arc_profile **profile) {
    if (!profile || !*profile)
        return;
    box *owner = (*profile)->memory;
    *profile = NULL;
    arc_arena_free(&owner->arena);
    arc_mem_free(&ctx->alloc, owner);
}

/* ---- counting -------------------------------------------------------------------------------------------------------------- */

static const char *output_name(const arc_graph *g, const arc_node *n) {
    return n->outputs > 0 && n->output[0] >= 0 ? g->value[n->output[0]].name : "";
}

static arc_status fill_row(arc_profile *p, const arc_graph *g, int i, const arc_node_cost *c, arc_error *err) {
    char weight[256];
    arc_arena *arena = arc_layers_arena(p);
    const arc_node *n = &g->node[i];
    arc_profile_row *r = &p->row[i];
    *r = (arc_profile_row){.op = arc_arena_strdup(arena, n->op),
                           .name = arc_arena_strdup(arena, *n->name ? n->name : output_name(g, n)),
                           .weights = arc_arena_strdup(arena, arc_describe_weight(g, n, weight, sizeof weight)),
                           .known = c->known,
                           .constant = c->constant,
                           .rank = c->out.rank,
                           .parameters = c->parameters,
                           .running_statistics = c->running_statistics,
                           .macs = c->macs,
                           .flops = c->flops[p->convention],
                           .activation_bytes = c->activation_bytes,
                           .weight_bytes = c->weight_bytes,
                           .step = -1,
                           .timed_in = -1};
    memcpy(r->dim, c->out.dim, sizeof r->dim);
    return r->op && r->name && r->weights ? ARC_OK : arc_fail_nomem(err, "the layers");
}

static arc_status fill(arc_profile *p, const arc_model *m, const arc_shape *input, arc_node_cost *cost, arc_error *err) {
    const arc_graph *g = m->graph;
    arc_graph_cost sum;
    arc_error why = {0};
    arc_status st = arc_graph_costs(g, input, cost, &sum, &why, err);
    for (int i = 0; st == ARC_OK && i < g->nodes; i++)
        st = fill_row(p, g, i, &cost[i], err);
    if (st != ARC_OK)
        return st;
    p->total = (arc_profile_total){.parameters = sum.parameters,
                                   .running_statistics = sum.running_statistics,
                                   .macs = sum.macs,
                                   .activation_bytes = sum.activation_bytes,
                                   .weight_bytes = sum.weight_bytes,
                                   .unknown = sum.unknown};
    memcpy(p->total.flops, sum.flops, sizeof p->total.flops);
    if (sum.unknown > 0 && !input)
        snprintf(why.text, sizeof why.text, "work is counted of models that take one picture: %.400s", m->contract.why);
    p->why_unknown = arc_arena_strdup(arc_layers_arena(p), sum.unknown > 0 ? why.text : "");
    p->model = arc_arena_strdup(arc_layers_arena(p), m->path ? m->path : g->name ? g->name : "network");
    return p->why_unknown && p->model ? ARC_OK : arc_fail_nomem(err, "the layers");
}

arc_status arc_layers_count(arc_context *ctx, const arc_model *m, const arc_shape *input, arc_flops_convention convention,
                            arc_profile **out, arc_error *err) {
    arc_status st;
    const arc_graph *g = m->graph;
    *out = NULL;
    box *owner = arc_mem_new(&ctx->alloc, 1, sizeof *owner);
    arc_node_cost *cost = arc_mem_new(&ctx->alloc, (size_t)g->nodes + 1, sizeof *cost);
    if (!owner || !cost) {
        arc_mem_free(&ctx->alloc, owner);
        arc_mem_free(&ctx->alloc, cost);
        return arc_fail_nomem(err, "the layers");
    }
    arc_arena_init(&owner->arena, &ctx->alloc, 0);
    arc_profile *p = *out = &owner->p;
    *p = (arc_profile){.convention = convention,
                       .batch = input ? (int)input->dim[0] : 1,
                       .pieces = 1,
                       .height_px = input ? (int)input->dim[2] : 0,
                       .width_px = input ? (int)input->dim[3] : 0,
                       .rows = g->nodes,
                       .isa = arc_context_isa(ctx),
                       .precision = arc_model_is_int8(g) ? "int8" : arc_precision_name(arc_context_precision(ctx)),
                       .threads = arc_context_threads(ctx),
                       .plan_id = "",
                       .memory = owner};
    p->row = arc_arena_new(&owner->arena, (size_t)g->nodes + 1, sizeof *p->row);
    st = p->row ? fill(p, m, input, cost, err) : arc_fail_nomem(err, "the layers");
    arc_mem_free(&ctx->alloc, cost);
    if (st != ARC_OK)
        arc_profile_free(ctx, out);
    return st;
}

/* ---- steps ----------------------------------------------------------------------------------------------------------------- */

typedef struct tie {
    arc_profile *p;
    const arc_graph *g;
    int *step_of; /* [values] the step that computes it, -1 */
    int *stack;   /* [nodes] */
} tie;

/* Whether the node is a normalisation right behind a convolution or product, which passes fold into that. */
static int folded_back(const tie *t, const arc_node *n) {
    const int from = arc_node_is(n, ARC_KIND_BATCH_NORM) ? t->g->value[n->input[0]].producer : -1;
    const arc_node *linear = from >= 0 ? &t->g->node[from] : NULL;
    const bool is = linear && (arc_node_is(linear, ARC_KIND_CONV) || arc_node_is(linear, ARC_KIND_CONV_TRANSPOSE) ||
                               arc_node_is(linear, ARC_KIND_GEMM));
    return is ? t->p->row[from].step : -1;
}

/* Passes leave the names of what steps compute, so a step is the nodes between its output and what other steps compute. */
static void take_nodes(tie *t, int last, int step) {
    int depth = 0;
    t->stack[depth++] = last;
    while (depth > 0) {
        const int i = t->stack[--depth];
        const arc_node *n = &t->g->node[i];
        const int back = folded_back(t, n);
        arc_profile_row *r = &t->p->row[i];
        if (r->step >= 0)
            continue; /* reached twice */
        r->step = back >= 0 ? back : step;
        for (int k = 0; back < 0 && k < n->inputs; k++) {
            const int v = n->input[k], from = v >= 0 ? t->g->value[v].producer : -1;
            if (from >= 0 && t->step_of[v] < 0 && t->p->row[from].step < 0 && !t->p->row[from].constant && depth < t->g->nodes)
                t->stack[depth++] = from;
        }
    }
}

/* The time stands beside the row with the most work, of several such the last. */
static void choose_rows(arc_profile *p, int nodes, int *best) {
    for (int i = 0; i < nodes; i++) {
        const int s = p->row[i].step;
        if (s < 0)
            continue;
        if (p->step[s].nodes++ == 0 || p->row[i].macs >= p->row[best[s]].macs)
            best[s] = i;
    }
    for (int i = 0; i < nodes; i++)
        if (p->row[i].step >= 0)
            p->row[i].timed_in = best[p->row[i].step];
}

static arc_status add_rows(arc_profile *p, arc_error *err) {
    int more = 0;
    for (int s = 0; s < p->steps; s++)
        more += p->step[s].nodes == 0;
    if (more == 0)
        return ARC_OK;
    arc_profile_row *row = arc_arena_new(arc_layers_arena(p), (size_t)(p->rows + more), sizeof *row);
    if (!row)
        return arc_fail_nomem(err, "the layers");
    memcpy(row, p->row, (size_t)p->rows * sizeof *row);
    p->row = row;
    for (int s = 0; s < p->steps; s++) {
        const arc_layer_time *l = &p->step[s].layer;
        if (p->step[s].nodes > 0)
            continue;
        row[p->rows] = (arc_profile_row){.op = l->op,
                                         .name = l->name,
                                         .weights = "",
                                         .known = true,
                                         .added = true,
                                         .rank = l->rank,
                                         .activation_bytes = l->bytes,
                                         .step = s,
                                         .timed_in = p->rows};
        memcpy(row[p->rows++].dim, l->dim, sizeof l->dim);
    }
    return ARC_OK;
}

static void add_up_steps(arc_profile *p) {
    arc_profile_total *t = &p->total;
    for (int s = 0; s < p->steps; s++) {
        t->ms += p->step[s].layer.ms;
        t->one_thread_ms += p->step[s].one_thread_ms;
        t->floor_ms += p->step[s].floor_ms;
        t->roof_ms += p->step[s].roof_ms;
    }
}

arc_status arc_layers_set_steps(arc_profile *p, const arc_graph *g, arc_profile_step *step, int steps, arc_error *err) {
    const arc_alloc *a = arc_layers_arena(p)->alloc;
    arc_status st;
    tie t = {.p = p, .g = g};
    t.step_of = arc_mem_raw(a, (size_t)g->values + 1, sizeof *t.step_of);
    t.stack = arc_mem_raw(a, (size_t)g->nodes + 1, sizeof *t.stack);
    int *best = arc_mem_new(a, (size_t)steps + 1, sizeof *best);
    if (!t.step_of || !t.stack || !best) {
        st = arc_fail_nomem(err, "the layers");
        goto done;
    }
    p->step = step;
    p->steps = steps;
    for (int v = 0; v < g->values; v++)
        t.step_of[v] = -1;
    for (int s = 0; s < steps; s++) {
        const int v = *step[s].layer.output ? arc_graph_find(g, step[s].layer.output) : -1;
        if (v >= 0)
            t.step_of[v] = s;
    }
    for (int s = 0; s < steps; s++) {
        const int v = *step[s].layer.output ? arc_graph_find(g, step[s].layer.output) : -1;
        if (v >= 0 && g->value[v].producer >= 0 && p->row[g->value[v].producer].step < 0)
            take_nodes(&t, g->value[v].producer, s);
    }
    for (int i = 0; i < g->nodes; i++) /* what nothing behind it reads */
        if (p->row[i].step < 0 && !p->row[i].constant)
            p->row[i].step = folded_back(&t, &g->node[i]);
    choose_rows(p, g->nodes, best);
    add_up_steps(p);
    st = add_rows(p, err);
done:
    arc_mem_free(a, best);
    arc_mem_free(a, t.stack);
    arc_mem_free(a, t.step_of);
    return st;
}

/* ---- looking at it --------------------------------------------------------------------------------------------------------- */

int64_t arc_layer_bytes(const arc_profile_row *r) {
    return r->activation_bytes + r->weight_bytes;
}

double arc_layer_intensity(const arc_profile_row *r) {
    const int64_t bytes = arc_layer_bytes(r);
    return bytes > 0 ? (double)r->flops / (double)bytes : 0;
}

const arc_profile_step *arc_layer_timed(const arc_profile *p, int row) {
    return p->row[row].timed_in == row ? &p->step[p->row[row].step] : NULL;
}

void arc_layer_shape(int rank, const int64_t *dim, char *text, size_t bytes) {
    snprintf(text, bytes, "%s", rank < 0 ? "?" : "");
    for (int d = 0; d < rank; d++) {
        const size_t at = strlen(text);
        snprintf(text + at, bytes - at, "%s%lld", d ? "x" : "", (long long)dim[d]);
    }
}

static double key_of(const arc_profile *p, arc_profile_sort sort, int row) {
    const arc_profile_row *r = &p->row[row];
    const arc_profile_step *s = arc_layer_timed(p, row);
    switch (sort) {
    case ARC_PROFILE_BY_TIME:
        return s ? s->layer.ms : -1;
    case ARC_PROFILE_BY_FLOPS:
        return (double)r->flops;
    case ARC_PROFILE_BY_MACS:
        return (double)r->macs;
    case ARC_PROFILE_BY_PARAMETERS:
        return (double)r->parameters;
    case ARC_PROFILE_BY_BYTES:
        return (double)arc_layer_bytes(r);
    default:
        return 0;
    }
}

static int by_key(const void *a, const void *b) {
    const arc_layer_place *x = a, *y = b;
    return x->key != y->key ? (x->key < y->key) - (x->key > y->key) : (x->row > y->row) - (x->row < y->row);
}

void arc_layers_order(const arc_profile *p, arc_profile_sort sort, arc_layer_place *order) {
    for (int i = 0; i < p->rows; i++)
        order[i] = (arc_layer_place){key_of(p, sort, i), i};
    qsort(order, (size_t)p->rows, sizeof *order, by_key);
}
