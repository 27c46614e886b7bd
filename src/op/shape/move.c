/* op: operators that copy data to other places: Concat, Split, Transpose, Expand, Tile, Gather, DepthToSpace,
 * SpaceToDepth. All are block copies by strides, so Concat and Split work in either layout. */
#include "op/layer.h"
#include <assert.h>
#include <string.h>

static uint8_t *element_at(const arc_tensor *t, int64_t i) {
    return (uint8_t *)t->data + i * (int64_t)arc_dtype_bytes(t->dtype);
}

/* Every copy below needs elements of a known size. */
static arc_status check_first(const arc_infer *in, int inputs) {
    const arc_status st = arc_infer_needs(in, inputs);
    if (st == ARC_OK && arc_dtype_bytes(in->in[0]->dtype) == 0)
        return arc_op_fail(in, ARC_EUNSUPPORTED, "elements of type %s", arc_dtype_name(in->in[0]->dtype));
    return st;
}

static int axis_of(const arc_node *node, int64_t fallback, int rank) {
    return arc_axis(arc_attr_int(node, "axis", fallback), rank);
}

/* ---- Concat ------------------------------------------------------------------------------------------------------ */

arc_status arc_concat_infer(arc_infer *in) {
    const arc_status st = check_first(in, in->inputs > 0 ? in->inputs : 1);
    if (st != ARC_OK)
        return st;
    arc_shape y = in->in[0]->shape;
    const int axis = axis_of(in->node, 1, y.rank);
    if (axis < 0)
        return arc_op_fail(in, ARC_ESHAPE, "the axis is outside rank %d", y.rank);
    for (int i = 1; i < in->inputs; i++) {
        const arc_shape *x = &in->in[i]->shape;
        bool fits = x->rank == y.rank && in->in[i]->dtype == in->in[0]->dtype;
        for (int d = 0; fits && d < y.rank; d++)
            fits = d == axis || x->dim[d] == y.dim[d];
        if (!fits) {
            char a[96], b[96];
            return arc_op_fail(in, ARC_ESHAPE, "%s and %s do not join along axis %d", arc_shape_text(&y, a, sizeof a),
                               arc_shape_text(x, b, sizeof b), axis);
        }
        y.dim[axis] += x->dim[axis];
    }
    return arc_infer_out(in, 0, in->in[0]->dtype, &y);
}

void arc_concat_run(const arc_step *s) {
    const arc_tensor *y = &s->out[0];
    const int axis = axis_of(s->node, 1, y->shape.rank);
    int64_t to[ARC_MAX_RANK] = {0}, from[ARC_MAX_RANK] = {0}, at = 0;
    arc_tensor_strides(y, to);
    for (int i = 0; i < s->inputs; i++) {
        const arc_tensor *x = &s->in[i];
        arc_tensor_strides(x, from);
        arc_copy_block(s->pool, arc_dtype_bytes(y->dtype), &x->shape, element_at(y, at * to[axis]), to, x->data, from);
        at += x->shape.dim[axis];
    }
}

/* ---- Split: sizes are an attribute before opset 13, then input 1; none means equal parts ------------------------- */

arc_status arc_split_infer(arc_infer *in) {
    int64_t size[ARC_OP_MAX_IO];
    int count = 0;
    arc_status st = check_first(in, 1);
    if (st != ARC_OK)
        return st;
    arc_shape y = in->in[0]->shape;
    const int axis = axis_of(in->node, 0, y.rank);
    if (axis < 0)
        return arc_op_fail(in, ARC_ESHAPE, "the axis is outside rank %d", y.rank);
    if (!arc_node_ints_of(in->node, "split", ARC_OP_MAX_IO, size, &count))
        st = arc_infer_ints(in, 1, ARC_OP_MAX_IO, size, &count);
    if (st != ARC_OK)
        return st;
    int64_t total = 0;
    if (count == 0 && arc_node_attr(in->node, "num_outputs")) { /* opset 18: the last part may be smaller */
        const int64_t parts = in->outputs, each = (y.dim[axis] + parts - 1) / parts;
        if (arc_attr_int(in->node, "num_outputs", 0) != parts || parts > ARC_OP_MAX_IO || each * (parts - 1) > y.dim[axis])
            return arc_op_fail(in, ARC_ESHAPE, "%lld does not split into %d parts", (long long)y.dim[axis], in->outputs);
        for (count = 0; count < in->outputs; count++)
            size[count] = count + 1 < in->outputs ? each : y.dim[axis] - each * (parts - 1);
    } else if (count == 0) {
        if (y.dim[axis] % in->outputs != 0)
            return arc_op_fail(in, ARC_ESHAPE, "%lld does not split into %d equal parts", (long long)y.dim[axis], in->outputs);
        for (count = 0; count < in->outputs; count++)
            size[count] = y.dim[axis] / in->outputs;
    }
    for (int i = 0; i < count && total >= 0; i++)
        total = size[i] < 0 || size[i] > y.dim[axis] ? -1 : total + size[i];
    if (count != in->outputs || total != in->in[0]->shape.dim[axis])
        return arc_op_fail(in, ARC_ESHAPE, "the sizes of %d outputs do not add up to %lld", in->outputs, (long long)y.dim[axis]);
    for (int i = 0; st == ARC_OK && i < count; i++) {
        y.dim[axis] = size[i];
        st = arc_infer_out(in, i, in->in[0]->dtype, &y);
    }
    return st;
}

void arc_split_run(const arc_step *s) {
    const arc_tensor *x = &s->in[0];
    const int axis = axis_of(s->node, 0, x->shape.rank);
    int64_t to[ARC_MAX_RANK] = {0}, from[ARC_MAX_RANK] = {0}, at = 0;
    arc_tensor_strides(x, from);
    for (int i = 0; i < s->outputs; i++) {
        const arc_tensor *y = &s->out[i];
        if (y->dtype == ARC_NO_DTYPE)
            continue;
        arc_tensor_strides(y, to);
        if (y->data)
            arc_copy_block(s->pool, arc_dtype_bytes(x->dtype), &y->shape, y->data, to, element_at(x, at * from[axis]), from);
        at += y->shape.dim[axis];
    }
}

/* ---- Transpose --------------------------------------------------------------------------------------------------- */

static bool read_permutation(const arc_node *node, int rank, int64_t *perm) {
    bool seen[ARC_MAX_RANK] = {false};
    int count;
    for (int i = 0; i < rank; i++)
        perm[i] = rank - 1 - i;
    if (!arc_node_attr(node, "perm"))
        return true;
    if (!arc_node_ints_of(node, "perm", ARC_MAX_RANK, perm, &count) || count != rank)
        return false;
    for (int i = 0; i < rank; i++) {
        if (perm[i] < 0 || perm[i] >= rank || seen[perm[i]])
            return false;
        seen[perm[i]] = true;
    }
    return true;
}

arc_status arc_transpose_infer(arc_infer *in) {
    int64_t perm[ARC_MAX_RANK];
    const arc_status st = check_first(in, 1);
    if (st != ARC_OK)
        return st;
    const arc_shape *x = &in->in[0]->shape;
    if (!read_permutation(in->node, x->rank, perm))
        return arc_op_fail(in, ARC_ESHAPE, "perm is not a permutation of %d dimensions", x->rank);
    arc_shape y = *x;
    for (int i = 0; i < x->rank; i++)
        y.dim[i] = x->dim[perm[i]];
    return arc_infer_out(in, 0, in->in[0]->dtype, &y);
}

void arc_transpose_run(const arc_step *s) {
    int64_t perm[ARC_MAX_RANK], to[ARC_MAX_RANK] = {0}, from[ARC_MAX_RANK] = {0}, moved[ARC_MAX_RANK] = {0};
    const bool valid = read_permutation(s->node, s->in[0].shape.rank, perm);
    assert(valid);
    (void)valid;
    arc_tensor_strides(&s->out[0], to);
    arc_tensor_strides(&s->in[0], from);
    for (int i = 0; i < s->in[0].shape.rank; i++)
        moved[i] = from[perm[i]];
    arc_copy_block(s->pool, arc_dtype_bytes(s->in[0].dtype), &s->out[0].shape, s->out[0].data, to, s->in[0].data, moved);
}

/* ---- Expand, Tile ------------------------------------------------------------------------------------------------ */

arc_status arc_expand_infer(arc_infer *in) {
    arc_shape want = {0}, y;
    arc_status st = check_first(in, 2);
    if (st == ARC_OK)
        st = arc_infer_ints(in, 1, ARC_MAX_RANK, want.dim, &want.rank);
    if (st != ARC_OK)
        return st;
    for (int i = 0; i < want.rank; i++)
        if (want.dim[i] < 0 || want.dim[i] > ARC_MAX_DIM)
            return arc_op_fail(in, ARC_ESHAPE, "dimension %d is %lld", i, (long long)want.dim[i]);
    if (!arc_shape_broadcast(&in->in[0]->shape, &want, &y))
        return arc_op_fail(in, ARC_ESHAPE, "the input does not broadcast to the wanted shape");
    return arc_infer_out(in, 0, in->in[0]->dtype, &y);
}

void arc_expand_run(const arc_step *s) {
    const arc_shape *x = &s->in[0].shape, *y = &s->out[0].shape;
    int64_t to[ARC_MAX_RANK] = {0}, from[ARC_MAX_RANK] = {0}, still[ARC_MAX_RANK] = {0};
    arc_tensor_strides(&s->out[0], to);
    arc_tensor_strides(&s->in[0], from);
    for (int i = 0; i < x->rank; i++)
        still[i + y->rank - x->rank] = x->dim[i] == 1 ? 0 : from[i];
    arc_copy_block(s->pool, arc_dtype_bytes(s->in[0].dtype), y, s->out[0].data, to, s->in[0].data, still);
}

arc_status arc_tile_infer(arc_infer *in) {
    int64_t repeats[ARC_MAX_RANK];
    int count;
    arc_status st = check_first(in, 2);
    if (st == ARC_OK)
        st = arc_infer_ints(in, 1, ARC_MAX_RANK, repeats, &count);
    if (st != ARC_OK)
        return st;
    arc_shape y = in->in[0]->shape;
    if (count != y.rank)
        return arc_op_fail(in, ARC_ESHAPE, "needs one repeat a dimension");
    for (int i = 0; i < count; i++) {
        if (repeats[i] < 0 || repeats[i] > ARC_MAX_DIM || y.dim[i] * repeats[i] > ARC_MAX_DIM)
            return arc_op_fail(in, ARC_ELIMIT, "repeat %d is out of range", i);
        y.dim[i] *= repeats[i];
    }
    return arc_infer_out(in, 0, in->in[0]->dtype, &y);
}

/* One block copy a repeat. */
void arc_tile_run(const arc_step *s) {
    const arc_shape *x = &s->in[0].shape, *y = &s->out[0].shape;
    int64_t to[ARC_MAX_RANK] = {0}, from[ARC_MAX_RANK] = {0}, repeats = 1;
    if (arc_shape_count(y) == 0)
        return;
    arc_tensor_strides(&s->out[0], to);
    arc_tensor_strides(&s->in[0], from);
    for (int i = 0; i < x->rank; i++)
        repeats *= y->dim[i] / x->dim[i];
    for (int64_t r = 0; r < repeats; r++) {
        int64_t rest = r, at = 0;
        for (int i = x->rank - 1; i >= 0; i--) {
            const int64_t times = y->dim[i] / x->dim[i];
            at += rest % times * x->dim[i] * to[i];
            rest /= times;
        }
        arc_copy_block(s->pool, arc_dtype_bytes(s->in[0].dtype), x, element_at(&s->out[0], at), to, s->in[0].data, from);
    }
}

/* ---- Gather ------------------------------------------------------------------------------------------------------ */

arc_status arc_gather_infer(arc_infer *in) {
    const arc_status st = check_first(in, 2);
    if (st != ARC_OK)
        return st;
    const arc_shape *x = &in->in[0]->shape, *index = &in->in[1]->shape;
    const int axis = axis_of(in->node, 0, x->rank);
    if (axis < 0 || x->rank - 1 + index->rank > ARC_MAX_RANK || !arc_dtype_is_int(in->in[1]->dtype))
        return arc_op_fail(in, ARC_ESHAPE, "the axis or the indices do not fit the input");
    if (in->in[1]->data)
        for (int64_t i = 0, n = arc_shape_count(index); i < n; i++) {
            const int64_t v = arc_element_int(in->in[1]->dtype, in->in[1]->data, i);
            if (v < -x->dim[axis] || v >= x->dim[axis])
                return arc_op_fail(in, ARC_ESHAPE, "index %lld is outside %lld", (long long)v, (long long)x->dim[axis]);
        }
    arc_shape y = {0};
    for (int i = 0; i < axis; i++)
        y.dim[y.rank++] = x->dim[i];
    for (int i = 0; i < index->rank; i++)
        y.dim[y.rank++] = index->dim[i];
    for (int i = axis + 1; i < x->rank; i++)
        y.dim[y.rank++] = x->dim[i];
    if (x->dim[axis] == 0 && arc_shape_count(&y) != 0)
        return arc_op_fail(in, ARC_ESHAPE, "nothing to gather from");
    return arc_infer_out(in, 0, in->in[0]->dtype, &y);
}

/* Indices computed at run time that lie outside are clamped: a run cannot fail. */
void arc_gather_run(const arc_step *s) {
    const arc_shape *x = &s->in[0].shape;
    const int axis = axis_of(s->node, 0, x->rank);
    const int64_t indices = arc_shape_count(&s->in[1].shape);
    size_t bytes = arc_dtype_bytes(s->in[0].dtype);
    int64_t outer = 1;
    if (arc_shape_count(&s->out[0].shape) == 0)
        return;
    for (int i = 0; i < axis; i++)
        outer *= x->dim[i];
    for (int i = axis + 1; i < x->rank; i++)
        bytes *= (size_t)x->dim[i];
    uint8_t *to = s->out[0].data;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < indices; i++, to += bytes) {
            int64_t at = arc_element_int(s->in[1].dtype, s->in[1].data, i);
            at = at < 0 ? at + x->dim[axis] : at;
            at = ARC_MIN(ARC_MAX(at, (int64_t)0), x->dim[axis] - 1);
            memcpy(to, (const uint8_t *)s->in[0].data + (size_t)(o * x->dim[axis] + at) * bytes, bytes);
        }
}

/* ---- DepthToSpace, SpaceToDepth: a transposition of six dimensions ----------------------------------------------- */

arc_status arc_depth_infer(arc_infer *in) {
    const arc_status st = check_first(in, 1);
    if (st != ARC_OK)
        return st;
    arc_shape y = in->in[0]->shape;
    const int64_t b = arc_attr_int(in->node, "blocksize", 0);
    const bool deep = in->node->entry->variant == ARC_DEPTH_TO_SPACE;
    if (y.rank != 4 || b < 1 || b > 1 << 15 || (deep ? y.dim[1] % (b * b) != 0 : y.dim[2] % b != 0 || y.dim[3] % b != 0))
        return arc_op_fail(in, ARC_ESHAPE, "blocksize %lld does not fit the input", (long long)b);
    y.dim[1] = deep ? y.dim[1] / (b * b) : y.dim[1] * b * b;
    y.dim[2] = deep ? y.dim[2] * b : y.dim[2] / b;
    y.dim[3] = deep ? y.dim[3] * b : y.dim[3] / b;
    return arc_infer_out(in, 0, in->in[0]->dtype, &y);
}

/* Small side [n][c][h][w] of blocks, deep side [n][by][bx][c] (DCR, and SpaceToDepth) or [n][c][by][bx] (CRD) times [h][w]. */
void arc_depth_run(const arc_step *s) {
    const bool to_space = s->op->variant == ARC_DEPTH_TO_SPACE;
    const arc_shape *wide = to_space ? &s->out[0].shape : &s->in[0].shape, *deep = to_space ? &s->in[0].shape : &s->out[0].shape;
    const int64_t b = wide->dim[2] > 0 && deep->dim[2] > 0 ? wide->dim[2] / deep->dim[2] : 1;
    const int64_t c = wide->dim[1], h = deep->dim[2], w = deep->dim[3];
    const bool crd = strcmp(arc_attr_string(s->node, "mode", "DCR"), "CRD") == 0;
    const arc_shape block = {6, {wide->dim[0], c, h, b, w, b}}; /* n c y by x bx: the order of the wide side */
    const int64_t wide_stride[ARC_MAX_RANK] = {c * h * b * w * b, h * b * w * b, b * w * b, w * b, b, 1};
    const int64_t channel = crd ? b * b * h * w : h * w, by = crd ? b * h * w : b * c * h * w, bx = crd ? h * w : c * h * w;
    const int64_t deep_stride[ARC_MAX_RANK] = {c * b * b * h * w, channel, w, by, 1, bx};
    arc_copy_block(s->pool, arc_dtype_bytes(s->in[0].dtype), &block, s->out[0].data, to_space ? wide_stride : deep_stride,
                   s->in[0].data, to_space ? deep_stride : wide_stride);
}
