/* op: Slice and Pad: what lies where is worked out once, when the step is prepared. */
#include "op/layer.h"
#include <string.h>

/* ---- Slice: attributes before opset 10, then inputs (with axes and steps) ---------------------------------------- */

typedef struct slice_state {
    int64_t begin[ARC_MAX_RANK], step[ARC_MAX_RANK], count[ARC_MAX_RANK];
} slice_state;

/* The four lists as given; counts of 0 mean omitted. */
typedef struct slice_lists {
    int64_t start[ARC_MAX_RANK], end[ARC_MAX_RANK], axis[ARC_MAX_RANK], step[ARC_MAX_RANK];
    int starts, ends, axes, steps;
} slice_lists;

static int64_t clamp(int64_t v, int64_t lo, int64_t hi) {
    return v < lo ? lo : v > hi ? hi : v;
}

/* NULL when all is well, otherwise what is wrong. */
static const char *resolve_slice(const slice_lists *l, const arc_shape *x, slice_state *s) {
    bool seen[ARC_MAX_RANK] = {false};
    for (int i = 0; i < x->rank; i++) {
        s->begin[i] = 0;
        s->step[i] = 1;
        s->count[i] = x->dim[i];
    }
    if (l->starts != l->ends || (l->axes > 0 && l->axes != l->starts) || (l->steps > 0 && l->steps != l->starts) ||
        l->starts > x->rank)
        return "starts, ends, axes and steps differ in length";
    for (int i = 0; i < l->starts; i++) {
        const int axis = arc_axis(l->axes > 0 ? l->axis[i] : i, x->rank);
        const int64_t step = l->steps > 0 ? l->step[i] : 1;
        if (axis < 0 || seen[axis] || step == 0 || step < -ARC_MAX_DIM)
            return "an axis is outside the input or given twice, or a step is 0";
        seen[axis] = true;
        const int64_t dim = x->dim[axis];
        int64_t start = l->start[i] < 0 ? l->start[i] + dim : l->start[i], end = l->end[i] < 0 ? l->end[i] + dim : l->end[i];
        start = step > 0 ? clamp(start, 0, dim) : clamp(start, -1, dim - 1);
        end = step > 0 ? clamp(end, 0, dim) : clamp(end, -1, dim - 1);
        const int64_t span = step > 0 ? end - start : start - end, stride = step > 0 ? ARC_MIN(step, ARC_MAX_DIM) : -step;
        s->begin[axis] = start;
        s->step[axis] = step > 0 ? stride : -stride;
        s->count[axis] = span > 0 ? (span + stride - 1) / stride : 0;
    }
    return NULL;
}

static bool slice_attributes(const arc_node *node, slice_lists *l) {
    memset(l, 0, sizeof *l);
    return arc_node_ints_of(node, "starts", ARC_MAX_RANK, l->start, &l->starts) &&
           arc_node_ints_of(node, "ends", ARC_MAX_RANK, l->end, &l->ends) &&
           (!arc_node_attr(node, "axes") || arc_node_ints_of(node, "axes", ARC_MAX_RANK, l->axis, &l->axes));
}

arc_status arc_slice_infer(arc_infer *in) {
    slice_lists l;
    slice_state state;
    const bool attributes = in->opset < 10;
    arc_status st = arc_infer_needs(in, attributes ? 1 : 3);
    if (st != ARC_OK)
        return st;
    if (attributes && !slice_attributes(in->node, &l))
        return arc_op_fail(in, ARC_EFORMAT, "starts, ends or axes is missing or too long");
    if (!attributes) {
        int64_t *const list[] = {l.start, l.end, l.axis, l.step};
        int *const count[] = {&l.starts, &l.ends, &l.axes, &l.steps};
        for (int i = 0; st == ARC_OK && i < 4; i++)
            st = arc_infer_ints(in, 1 + i, ARC_MAX_RANK, list[i], count[i]);
        if (st != ARC_OK)
            return st;
    }
    if (arc_dtype_bytes(in->in[0]->dtype) == 0)
        return arc_op_fail(in, ARC_EUNSUPPORTED, "elements of type %s", arc_dtype_name(in->in[0]->dtype));
    const char *why = resolve_slice(&l, &in->in[0]->shape, &state);
    if (why)
        return arc_op_fail(in, ARC_ESHAPE, "%s", why);
    arc_shape y = in->in[0]->shape;
    memcpy(y.dim, state.count, (size_t)y.rank * sizeof *y.dim);
    return arc_infer_out(in, 0, in->in[0]->dtype, &y);
}

arc_status arc_slice_prepare(arc_prepare *p) {
    arc_step *s = p->step;
    slice_lists l;
    slice_state *state = arc_arena_new(p->arena, 1, sizeof *state);
    if (!state)
        return arc_fail_nomem(p->err, "Slice");
    if (!slice_attributes(s->node, &l) || s->opset >= 10) {
        int64_t *const list[] = {l.start, l.end, l.axis, l.step};
        int *const count[] = {&l.starts, &l.ends, &l.axes, &l.steps};
        for (int i = 0; i < 4; i++) {
            const arc_tensor *t = 1 + i < s->inputs && s->in[1 + i].dtype != ARC_NO_DTYPE ? &s->in[1 + i] : NULL;
            *count[i] = t ? (int)arc_shape_count(&t->shape) : 0;
            for (int k = 0; k < *count[i]; k++)
                list[i][k] = arc_element_int(t->dtype, t->data, k);
        }
    }
    const char *why = resolve_slice(&l, &s->in[0].shape, state);
    if (why)
        return arc_fail(p->err, ARC_ESHAPE, "Slice '%s': %s", s->node->name, why);
    s->state = state;
    return ARC_OK;
}

void arc_slice_run(const arc_step *s) {
    const slice_state *state = s->state;
    const arc_tensor *x = &s->in[0];
    int64_t to[ARC_MAX_RANK] = {0}, from[ARC_MAX_RANK] = {0}, at = 0;
    if (arc_shape_count(&s->out[0].shape) == 0)
        return;
    arc_tensor_strides(&s->out[0], to);
    arc_tensor_strides(x, from);
    for (int i = 0; i < x->shape.rank; i++) {
        at += state->begin[i] * from[i];
        from[i] *= state->step[i];
    }
    const uint8_t *data = x->data;
    const size_t bytes = arc_dtype_bytes(x->dtype);
    arc_copy_block(s->pool, bytes, &s->out[0].shape, s->out[0].data, to, data + at * (int64_t)bytes, from);
}

/* ---- Pad: attributes before opset 11, then inputs ---------------------------------------------------------------- */

typedef struct pad_state {
    bool constant;
    int64_t before[ARC_MAX_RANK];
    int64_t *source[ARC_MAX_RANK]; /* reflect, edge and wrap: input index of each output index */
} pad_state;

/* One pad before and one after every dimension; opset 18 may name the dimensions that have some. */
static arc_status read_pads(const arc_infer *in, int64_t *pads) {
    const int rank = in->in[0]->shape.rank;
    int64_t given[2 * ARC_MAX_RANK], axes[ARC_MAX_RANK];
    int count = 0, named = 0;
    const bool some = in->opset >= 18 && in->inputs > 3 && in->in[3];
    arc_status st = ARC_OK;
    if (in->opset < 11)
        (void)arc_node_ints_of(in->node, "pads", 2 * ARC_MAX_RANK, given, &count);
    else
        st = arc_infer_ints(in, 1, 2 * ARC_MAX_RANK, given, &count);
    if (st == ARC_OK && some)
        st = arc_infer_ints(in, 3, ARC_MAX_RANK, axes, &named);
    if (st != ARC_OK)
        return st;
    if (!some)
        for (named = 0; named < rank; named++)
            axes[named] = named;
    if (count != 2 * named)
        return arc_op_fail(in, ARC_ESHAPE, "needs %d pads, has %d", 2 * named, count);
    memset(pads, 0, 2 * ARC_MAX_RANK * sizeof *pads);
    for (int i = 0; i < named; i++) {
        const int axis = arc_axis(axes[i], rank);
        if (axis < 0)
            return arc_op_fail(in, ARC_ESHAPE, "axis %lld is outside rank %d", (long long)axes[i], rank);
        pads[axis] = given[i];
        pads[rank + axis] = given[named + i];
    }
    return ARC_OK;
}

arc_status arc_pad_infer(arc_infer *in) {
    int64_t pads[2 * ARC_MAX_RANK] = {0};
    arc_status st = arc_infer_needs(in, 1);
    if (st == ARC_OK)
        st = read_pads(in, pads);
    if (st != ARC_OK)
        return st;
    const char *mode = arc_attr_string(in->node, "mode", "constant");
    const bool reflect = strcmp(mode, "reflect") == 0, edge = strcmp(mode, "edge") == 0, wrap = strcmp(mode, "wrap") == 0;
    if (!reflect && !edge && !wrap && strcmp(mode, "constant") != 0)
        return arc_op_fail(in, ARC_EUNSUPPORTED, "mode %s", mode);
    if (in->opset >= 11 && in->inputs > 2 && in->in[2] &&
        (in->in[2]->dtype != in->in[0]->dtype || arc_shape_count(&in->in[2]->shape) != 1))
        return arc_op_fail(in, ARC_ESHAPE, "the pad value must be a scalar of the input's type");
    arc_shape y = in->in[0]->shape;
    for (int i = 0; i < y.rank; i++) {
        const int64_t before = pads[i], after = pads[y.rank + i], dim = y.dim[i];
        if (before < -dim || after < -dim || before > ARC_MAX_DIM || after > ARC_MAX_DIM || dim + before + after < 0 ||
            (reflect && (before >= dim || after >= dim) && (before > 0 || after > 0)) ||
            ((edge || wrap) && dim == 0 && (before > 0 || after > 0)))
            return arc_op_fail(in, ARC_ESHAPE, "pads %lld and %lld do not fit dimension %d", (long long)before, (long long)after,
                               i);
        y.dim[i] += before + after;
    }
    if (arc_dtype_bytes(in->in[0]->dtype) == 0)
        return arc_op_fail(in, ARC_EUNSUPPORTED, "elements of type %s", arc_dtype_name(in->in[0]->dtype));
    return arc_infer_out(in, 0, in->in[0]->dtype, &y);
}

arc_status arc_pad_prepare(arc_prepare *p) {
    arc_step *s = p->step;
    pad_state *state = arc_arena_new(p->arena, 1, sizeof *state);
    if (!state)
        return arc_fail_nomem(p->err, "Pad");
    const char *mode = arc_attr_string(s->node, "mode", "constant");
    int64_t pads[2 * ARC_MAX_RANK];
    arc_infer asked = {.graph = s->graph, .node = s->node, .opset = s->opset, .inputs = s->inputs, .err = p->err};
    for (int i = 0; i < s->inputs && i < 4; i++)
        asked.in[i] = s->in[i].dtype != ARC_NO_DTYPE ? &s->in[i] : NULL;
    const arc_status st = read_pads(&asked, pads);
    if (st != ARC_OK)
        return st;
    state->constant = strcmp(mode, "constant") == 0;
    for (int i = 0; i < s->in[0].shape.rank; i++) {
        const int64_t in = s->in[0].shape.dim[i], out = s->out[0].shape.dim[i];
        state->before[i] = pads[i];
        if (state->constant)
            continue;
        state->source[i] = arc_arena_new(p->arena, ARC_MAX((size_t)out, (size_t)1), sizeof(int64_t));
        if (!state->source[i])
            return arc_fail_nomem(p->err, "Pad");
        for (int64_t o = 0; o < out; o++) {
            int64_t at = o - state->before[i];
            if (strcmp(mode, "reflect") == 0)
                at = at < 0 ? -at : at >= in ? 2 * (in - 1) - at : at;
            else if (strcmp(mode, "wrap") == 0)
                at = (at % in + in) % in;
            state->source[i][o] = clamp(at, 0, in - 1);
        }
    }
    s->state = state;
    return ARC_OK;
}

static void pad_constant(const arc_step *s, const pad_state *state) {
    const size_t bytes = arc_dtype_bytes(s->out[0].dtype), count = (size_t)arc_shape_count(&s->out[0].shape);
    _Alignas(8) uint8_t value[8] = {0};
    uint8_t *y = s->out[0].data;
    const uint8_t *x = s->in[0].data;
    if (s->opset < 11)
        arc_element_set_real(s->out[0].dtype, value, 0, arc_attr_float(s->node, "value", 0));
    else if (s->inputs > 2 && s->in[2].dtype != ARC_NO_DTYPE)
        memcpy(value, s->in[2].data, bytes);
    for (size_t i = 0; i < count; i++)
        memcpy(y + i * bytes, value, bytes);
    int64_t to[ARC_MAX_RANK] = {0}, from[ARC_MAX_RANK] = {0}, to_at = 0, from_at = 0;
    arc_shape block = s->in[0].shape;
    arc_tensor_strides(&s->out[0], to);
    arc_tensor_strides(&s->in[0], from);
    for (int i = 0; i < block.rank; i++) {
        const int64_t first = ARC_MAX(-state->before[i], (int64_t)0); /* negative pads cut */
        const int64_t last = ARC_MIN(block.dim[i], s->out[0].shape.dim[i] - state->before[i]);
        block.dim[i] = ARC_MAX(last - first, (int64_t)0);
        from_at += first * from[i];
        to_at += ARC_MAX(state->before[i], (int64_t)0) * to[i];
    }
    if (arc_shape_count(&block) > 0)
        arc_copy_block(s->pool, bytes, &block, y + to_at * (int64_t)bytes, to, x + from_at * (int64_t)bytes, from);
}

void arc_pad_run(const arc_step *s) {
    const pad_state *state = s->state;
    const arc_shape *y = &s->out[0].shape;
    const size_t bytes = arc_dtype_bytes(s->out[0].dtype);
    int64_t from[ARC_MAX_RANK] = {0};
    if (state->constant) {
        pad_constant(s, state);
        return;
    }
    arc_tensor_strides(&s->in[0], from);
    for (int64_t e = 0, count = arc_shape_count(y); e < count; e++) {
        int64_t rest = e, at = 0;
        for (int i = y->rank - 1; i >= 0; i--) {
            at += state->source[i][rest % y->dim[i]] * from[i];
            rest /= y->dim[i];
        }
        memcpy((uint8_t *)s->out[0].data + (size_t)e * bytes, (const uint8_t *)s->in[0].data + (size_t)at * bytes, bytes);
    }
}
