/* plan: the two layouts of rank-4 float tensors: conversions between plain NCHW and NHWC, and nodes that need no work at all. */
#include "op/pixels.h"
#include "plan/planner.h"
#include <string.h>

#define TILE_ROWS 64 /* rows of one conversion item */

bool arc_is_image(const arc_plan_value *v) {
    return v->dtype == ARC_F32 && v->shape.rank == 4;
}

/* Both layouts are the same bytes: one channel, or one pixel. */
static bool layouts_agree(const arc_shape *s) {
    return s->dim[1] == 1 || (s->dim[2] == 1 && s->dim[3] == 1);
}

/* ---- conversion steps: one image is a matrix, [C][H*W] plain and [H*W][C] in NHWC ------------------------------------------ */

typedef struct convert_job {
    const arc_step *s;
    size_t rows, cols, tiles; /* of the source matrix; row tiles of an image */
} convert_job;

static void convert_items(void *arg, size_t begin, size_t end, int thread) {
    const convert_job *job = arg;
    const float *x = job->s->in[0].data;
    float *y = job->s->out[0].data;
    (void)thread;
    for (size_t item = begin; item < end; item++) {
        const size_t image = item / job->tiles, row = item % job->tiles * TILE_ROWS, at = image * job->rows * job->cols;
        job->s->kernels->transpose(ARC_MIN((size_t)TILE_ROWS, job->rows - row), job->cols, x + at + row * job->cols, job->cols,
                                   y + at + row, job->rows);
    }
}

static void convert_run(const arc_step *s) {
    if (s->in[0].layout == ARC_PIXELS) {
        arc_pixels_to_rows(s->pool, s->in[0].data, &s->in[0].shape, s->out[0].data);
        return;
    }
    const int64_t *d = s->in[0].shape.dim;
    const size_t channels = (size_t)d[1], pixels = (size_t)(d[2] * d[3]);
    const bool to_nhwc = s->in[0].layout == ARC_PLAIN;
    convert_job job = {.s = s, .rows = to_nhwc ? channels : pixels, .cols = to_nhwc ? pixels : channels};
    job.tiles = (job.rows + TILE_ROWS - 1) / TILE_ROWS;
    arc_pool_run(s->pool, (size_t)d[0] * job.tiles, 0, convert_items, &job);
}

bool arc_planner_converts_input(const arc_plan *plan, int input) {
    const arc_shape *shape = &plan->input_shape[input];
    bool converted = false;
    if (shape->rank != 4 || shape->dim[1] != 3)
        return false;
    for (int i = 0; i < plan->steps; i++)
        for (int k = 0; k < plan->step[i]->step.inputs; k++) {
            const arc_place *place = &plan->step[i]->in[k];
            if (place->kind != ARC_IN_INPUT || place->index != input)
                continue;
            if (plan->step[i]->step.op->run != convert_run)
                return false;
            converted = true;
        }
    for (int i = 0; i < plan->graph->outputs; i++)
        if (plan->output[i].place.kind == ARC_IN_INPUT && plan->output[i].place.index == input)
            return false;
    return converted;
}

static const arc_op convert_op = {.name = "(layout)", .layout = ARC_OP_PLAIN, .run = convert_run};

/* Converts a constant while planning. */
static arc_status convert_constant(arc_planner *b, arc_plan_value *v, arc_error *err) {
    float *data = arc_arena_new(&b->plan->arena, ARC_MAX(arc_tensor_bytes(v->dtype, &v->shape), (size_t)1), 1);
    if (!data)
        return arc_fail_nomem(err, "a constant in another layout");
    const size_t channels = (size_t)v->shape.dim[1], pixels = (size_t)(v->shape.dim[2] * v->shape.dim[3]);
    for (int64_t i = 0; i < v->shape.dim[0]; i++) {
        const size_t at = (size_t)i * channels * pixels;
        b->x->kernels->transpose(channels, pixels, (const float *)v->constant + at, pixels, data + at, channels);
    }
    v->nhwc = (arc_place){.kind = ARC_IN_CONSTANT, .data = data};
    return ARC_OK;
}

static arc_status convert(arc_planner *b, arc_plan_value *v, bool to_nhwc, arc_error *err) {
    arc_plan_step *ps = arc_planner_step(b, &convert_op, NULL);
    const int buffer = ps ? arc_planner_buffer(b, arc_tensor_bytes(v->dtype, &v->shape)) : ARC_NO_VALUE;
    if (buffer < 0)
        return arc_fail_nomem(err, "planning a conversion");
    ps->step.inputs = ps->step.outputs = 1;
    ps->in[0] = to_nhwc ? v->plain : v->nhwc;
    ps->out[0] = (arc_place){.kind = ARC_IN_ARENA, .index = buffer};
    ps->step.in[0] = (arc_tensor){.dtype = v->dtype, .layout = to_nhwc ? ARC_PLAIN : ARC_NHWC, .shape = v->shape};
    ps->step.out[0] = (arc_tensor){.dtype = v->dtype, .layout = to_nhwc ? ARC_NHWC : ARC_PLAIN, .shape = v->shape};
    *(to_nhwc ? &v->nhwc : &v->plain) = ps->out[0];
    arc_planner_commit(b, ps);
    return ARC_OK;
}

arc_status arc_planner_want(arc_planner *b, int value, bool nhwc, arc_place *place, arc_error *err) {
    arc_plan_value *v = &b->value[value];
    arc_status st = ARC_OK;
    if (v->constant && v->plain.kind == ARC_NOWHERE)
        v->plain = (arc_place){.kind = ARC_IN_CONSTANT, .data = v->constant};
    arc_place *wanted = nhwc ? &v->nhwc : &v->plain, *other = nhwc ? &v->plain : &v->nhwc;
    if (wanted->kind == ARC_NOWHERE && other->kind != ARC_NOWHERE && layouts_agree(&v->shape))
        *wanted = *other;
    else if (wanted->kind == ARC_NOWHERE && v->constant)
        st = convert_constant(b, v, err);
    else if (wanted->kind == ARC_NOWHERE)
        st = convert(b, v, nhwc, err);
    *place = *wanted;
    return st;
}

void arc_planner_made(arc_plan_value *v, bool nhwc, arc_place place) {
    if (nhwc || (arc_is_image(v) && layouts_agree(&v->shape)))
        v->nhwc = place;
    if (!nhwc || layouts_agree(&v->shape))
        v->plain = place;
}

/* ---- views ----------------------------------------------------------------------------------------------------------------- */

static bool transposes(const arc_node *n, const int64_t wanted[4]) {
    const arc_attr *perm = arc_node_is(n, ARC_KIND_TRANSPOSE) ? arc_node_attr(n, "perm") : NULL;
    return perm && perm->kind == ARC_ATTR_INTS && perm->count == 4 && memcmp(perm->ints, wanted, 4 * sizeof *wanted) == 0;
}

/* Transpose(0,2,3,1): what NHWC already is. Transpose(0,3,1,2): the plain bytes become the result's NHWC. */
static const int64_t to_rows[4] = {0, 2, 3, 1}, from_rows[4] = {0, 3, 1, 2};

arc_status arc_planner_view(arc_planner *b, const arc_node *n, bool *done, arc_error *err) {
    *done = false;
    if (n->inputs < 1 || n->outputs < 1 || n->input[0] < 0 || n->output[0] < 0)
        return ARC_OK;
    arc_plan_value *from = &b->value[n->input[0]], *to = &b->value[n->output[0]];
    arc_place place;
    if (transposes(n, to_rows) && arc_is_image(from) && from->nhwc.kind == ARC_IN_ARENA) {
        place = from->nhwc;
    } else if (transposes(n, from_rows) && arc_is_image(from) && from->plain.kind == ARC_IN_ARENA) {
        arc_planner_made(to, true, from->plain);
        *done = true;
        return ARC_OK;
    } else if (n->entry->view && (n->outputs < 2 || n->output[1] < 0)) {
        const arc_status st = arc_planner_want(b, n->input[0], false, &place, err);
        if (st != ARC_OK)
            return st;
    } else {
        return ARC_OK;
    }
    arc_planner_made(to, false, place);
    *done = true;
    return ARC_OK;
}
