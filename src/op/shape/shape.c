/* op: operators that look at or rename shapes, constants, and the table of all operators that move data (move.c,
 * cut.c). */
#include "op/layer.h"
#include "op/learn_step.h"
#include <math.h>
#include <string.h>

/* ---- Shape, Size ------------------------------------------------------------------------------------------------- */

static int64_t clamp_axis(int64_t axis, int rank) {
    return ARC_MIN(ARC_MAX(axis < 0 ? axis + rank : axis, (int64_t)0), (int64_t)rank);
}

/* Opset 15 may ask for a slice of the shape. */
static void shape_range(const arc_node *node, int rank, int64_t *start, int64_t *end) {
    *start = clamp_axis(arc_attr_int(node, "start", 0), rank);
    *end = ARC_MAX(clamp_axis(arc_attr_int(node, "end", rank), rank), *start);
}

static arc_status shape_infer(arc_infer *in) {
    int64_t start, end;
    const arc_status st = arc_infer_needs(in, 1);
    if (st != ARC_OK)
        return st;
    shape_range(in->node, in->in[0]->shape.rank, &start, &end);
    const arc_shape out = {1, {end - start}};
    return arc_infer_out(in, 0, ARC_I64, &out);
}

static void shape_run(const arc_step *s) {
    int64_t start, end;
    shape_range(s->node, s->in[0].shape.rank, &start, &end);
    memcpy(s->out[0].data, s->in[0].shape.dim + start, (size_t)(end - start) * sizeof(int64_t));
}

static arc_status size_infer(arc_infer *in) {
    const arc_shape scalar = {0};
    const arc_status st = arc_infer_needs(in, 1);
    return st == ARC_OK ? arc_infer_out(in, 0, ARC_I64, &scalar) : st;
}

static void size_run(const arc_step *s) {
    *(int64_t *)s->out[0].data = arc_shape_count(&s->in[0].shape);
}

/* ---- Reshape, Flatten, Squeeze, Unsqueeze, Identity, Dropout ----------------------------------------------------- */

static arc_status reshape_infer(arc_infer *in) {
    int64_t want[ARC_MAX_RANK];
    int rank, open = -1;
    arc_status st = arc_infer_needs(in, 2);
    if (st == ARC_OK)
        st = arc_infer_ints(in, 1, ARC_MAX_RANK, want, &rank);
    if (st != ARC_OK)
        return st;
    const arc_shape *x = &in->in[0]->shape;
    const bool allow_zero = arc_attr_int(in->node, "allowzero", 0) != 0;
    arc_shape y = {.rank = rank};
    for (int i = 0; i < rank; i++) {
        if (want[i] < -1 || want[i] > ARC_MAX_DIM || (want[i] == -1 && open >= 0) ||
            (want[i] == 0 && !allow_zero && i >= x->rank))
            return arc_op_fail(in, ARC_ESHAPE, "the wanted shape is malformed");
        if (want[i] == -1)
            open = i;
        y.dim[i] = want[i] == -1 ? 1 : want[i] == 0 && !allow_zero ? x->dim[i] : want[i];
    }
    const int64_t count = arc_shape_count(x), rest = arc_shape_count(&y);
    if (open >= 0 && rest > 0 && count % rest == 0)
        y.dim[open] = count / rest;
    char a[96], b[96];
    if (rest < 0 || arc_shape_count(&y) != count || (open >= 0 && rest == 0))
        return arc_op_fail(in, ARC_ESHAPE, "%s does not reshape to %s", arc_shape_text(x, a, sizeof a),
                           arc_shape_text(&y, b, sizeof b));
    return arc_infer_out(in, 0, in->in[0]->dtype, &y);
}

static arc_status flatten_infer(arc_infer *in) {
    const arc_status st = arc_infer_needs(in, 1);
    if (st != ARC_OK)
        return st;
    const arc_shape *x = &in->in[0]->shape;
    const int64_t given = arc_attr_int(in->node, "axis", 1), axis = given < 0 ? given + x->rank : given;
    if (axis < 0 || axis > x->rank)
        return arc_op_fail(in, ARC_ESHAPE, "axis %lld is outside a tensor of rank %d", (long long)given, x->rank);
    arc_shape y = {2, {1, 1}};
    for (int i = 0; i < x->rank; i++)
        y.dim[i >= axis] *= x->dim[i];
    return arc_infer_out(in, 0, in->in[0]->dtype, &y);
}

/* Axes of Squeeze and Unsqueeze: an attribute before opset 13, then input 1. Marks them for a tensor of this rank. */
static arc_status read_axes(const arc_infer *in, int rank, bool *mark, int *count) {
    int64_t axes[ARC_MAX_RANK];
    memset(mark, 0, ARC_MAX_RANK * sizeof *mark);
    *count = 0;
    if (!arc_node_ints_of(in->node, "axes", ARC_MAX_RANK, axes, count)) {
        const arc_status st = arc_infer_ints(in, 1, ARC_MAX_RANK, axes, count);
        if (st != ARC_OK)
            return st;
    }
    for (int i = 0; i < *count; i++) {
        const int axis = arc_axis(axes[i], rank);
        if (axis < 0 || mark[axis])
            return arc_op_fail(in, ARC_ESHAPE, "axis %lld is outside rank %d or given twice", (long long)axes[i], rank);
        mark[axis] = true;
    }
    return ARC_OK;
}

static arc_status squeeze_infer(arc_infer *in) {
    bool mark[ARC_MAX_RANK];
    int count;
    arc_status st = arc_infer_needs(in, 1);
    if (st == ARC_OK)
        st = read_axes(in, in->in[0]->shape.rank, mark, &count);
    if (st != ARC_OK)
        return st;
    const arc_shape *x = &in->in[0]->shape;
    arc_shape y = {0};
    for (int i = 0; i < x->rank; i++) {
        if (mark[i] && x->dim[i] != 1)
            return arc_op_fail(in, ARC_ESHAPE, "dimension %d is %lld, not 1", i, (long long)x->dim[i]);
        if (count > 0 ? !mark[i] : x->dim[i] != 1)
            y.dim[y.rank++] = x->dim[i];
    }
    return arc_infer_out(in, 0, in->in[0]->dtype, &y);
}

static arc_status unsqueeze_infer(arc_infer *in) {
    bool mark[ARC_MAX_RANK];
    int64_t ignored[ARC_MAX_RANK];
    int count, at = 0;
    arc_status st = arc_infer_needs(in, 1);
    if (st == ARC_OK && !arc_node_ints_of(in->node, "axes", ARC_MAX_RANK, ignored, &count))
        st = arc_infer_ints(in, 1, ARC_MAX_RANK, ignored, &count);
    if (st != ARC_OK)
        return st;
    const arc_shape *x = &in->in[0]->shape;
    arc_shape y = {.rank = x->rank + count};
    if (y.rank > ARC_MAX_RANK)
        return arc_op_fail(in, ARC_ELIMIT, "the result would have rank %d", y.rank);
    st = read_axes(in, y.rank, mark, &count);
    if (st != ARC_OK)
        return st;
    for (int i = 0; i < y.rank; i++)
        y.dim[i] = mark[i] ? 1 : x->dim[at++];
    return arc_infer_out(in, 0, in->in[0]->dtype, &y);
}

/* Inference only: the mask, when somebody reads it, is all true. */
static arc_status dropout_infer(arc_infer *in) {
    const arc_status st = arc_infer_same(in);
    if (st != ARC_OK)
        return st;
    if (in->inputs > 2 && in->in[2] && (!in->in[2]->data || arc_element_int(in->in[2]->dtype, in->in[2]->data, 0) != 0))
        return arc_op_fail(in, ARC_EUNSUPPORTED, "training mode is not supported");
    return arc_infer_out(in, 1, in->opset < 10 ? in->in[0]->dtype : ARC_BOOL, &in->in[0]->shape);
}

static void dropout_run(const arc_step *s) {
    arc_copy_run(s);
    if (s->outputs > 1 && s->out[1].dtype != ARC_NO_DTYPE && s->out[1].data)
        for (int64_t i = 0, n = arc_shape_count(&s->out[1].shape); i < n; i++)
            arc_element_set_int(s->out[1].dtype, s->out[1].data, i, 1);
}

/* ---- Constant, ConstantOfShape, Range ---------------------------------------------------------------------------- */

static arc_status constant_infer(arc_infer *in) {
    const arc_attr *value = arc_node_attr(in->node, "value"), *number = arc_node_attr(in->node, "value_float");
    arc_shape shape = {0};
    if (in->outputs < 1)
        return arc_op_fail(in, ARC_EFORMAT, "needs an output");
    if (value && value->kind == ARC_ATTR_TENSOR)
        return arc_infer_out(in, 0, in->graph->value[value->value].dtype, &in->graph->value[value->value].shape);
    if (number)
        return arc_infer_out(in, 0, ARC_F32, &shape);
    if (arc_node_attr(in->node, "value_int"))
        return arc_infer_out(in, 0, ARC_I64, &shape);
    const arc_attr *floats = arc_node_attr(in->node, "value_floats"), *ints = arc_node_attr(in->node, "value_ints");
    const arc_attr *list = floats ? floats : ints;
    if (!list || list->kind != (floats ? ARC_ATTR_FLOATS : ARC_ATTR_INTS))
        return arc_op_fail(in, ARC_EUNSUPPORTED, "only tensor, float and integer values are supported");
    shape = (arc_shape){1, {(int64_t)list->count}};
    return arc_infer_out(in, 0, floats ? ARC_F32 : ARC_I64, &shape);
}

static void constant_run(const arc_step *s) {
    const arc_attr *value = arc_node_attr(s->node, "value"), *floats = arc_node_attr(s->node, "value_floats");
    const arc_attr *ints = arc_node_attr(s->node, "value_ints");
    const size_t bytes = (size_t)arc_shape_count(&s->out[0].shape) * arc_dtype_bytes(s->out[0].dtype);
    if (bytes == 0)
        return;
    if (value && value->kind == ARC_ATTR_TENSOR)
        memcpy(s->out[0].data, s->graph->value[value->value].data, bytes);
    else if (arc_node_attr(s->node, "value_float"))
        *(float *)s->out[0].data = arc_attr_float(s->node, "value_float", 0);
    else if (arc_node_attr(s->node, "value_int"))
        *(int64_t *)s->out[0].data = arc_attr_int(s->node, "value_int", 0);
    else if (floats)
        memcpy(s->out[0].data, floats->floats, bytes);
    else
        memcpy(s->out[0].data, ints->ints, bytes);
}

static arc_status fill_infer(arc_infer *in) {
    int64_t dim[ARC_MAX_RANK];
    int rank;
    arc_status st = arc_infer_needs(in, 1);
    if (st == ARC_OK)
        st = arc_infer_ints(in, 0, ARC_MAX_RANK, dim, &rank);
    if (st != ARC_OK)
        return st;
    arc_shape y = {.rank = rank};
    for (int i = 0; i < rank; i++) {
        if (dim[i] < 0 || dim[i] > ARC_MAX_DIM)
            return arc_op_fail(in, ARC_ESHAPE, "dimension %d is %lld", i, (long long)dim[i]);
        y.dim[i] = dim[i];
    }
    const arc_attr *value = arc_node_attr(in->node, "value");
    if (!value)
        return arc_infer_out(in, 0, ARC_F32, &y);
    if (value->kind != ARC_ATTR_TENSOR || arc_shape_count(&in->graph->value[value->value].shape) != 1)
        return arc_op_fail(in, ARC_EFORMAT, "value must be a tensor of one element");
    return arc_infer_out(in, 0, in->graph->value[value->value].dtype, &y);
}

static void fill_run(const arc_step *s) {
    const arc_attr *value = arc_node_attr(s->node, "value");
    const size_t bytes = arc_dtype_bytes(s->out[0].dtype), count = (size_t)arc_shape_count(&s->out[0].shape);
    if (!value) {
        memset(s->out[0].data, 0, count * bytes);
        return;
    }
    for (size_t i = 0; i < count; i++)
        memcpy((uint8_t *)s->out[0].data + i * bytes, s->graph->value[value->value].data, bytes);
}

static arc_status range_infer(arc_infer *in) {
    const arc_status st = arc_infer_needs(in, 3);
    if (st != ARC_OK)
        return st;
    double v[3];
    for (int i = 0; i < 3; i++) {
        if (in->in[i]->dtype != in->in[0]->dtype || arc_shape_count(&in->in[i]->shape) != 1)
            return arc_op_fail(in, ARC_ESHAPE, "needs three scalars of one type");
        if (!in->in[i]->data)
            return arc_op_fail(in, ARC_EUNSUPPORTED, "input %d must be known at plan time", i);
        v[i] = arc_element_real(in->in[i]->dtype, in->in[i]->data, 0);
    }
    const double count = ceil((v[1] - v[0]) / v[2]);
    if (!(fabs(count) < (double)ARC_MAX_DIM))
        return arc_op_fail(in, ARC_ELIMIT, "the range is too long");
    const arc_shape y = {1, {count > 0 ? (int64_t)count : 0}};
    return arc_infer_out(in, 0, in->in[0]->dtype, &y);
}

static void range_run(const arc_step *s) {
    const arc_dtype t = s->out[0].dtype;
    for (int64_t i = 0; i < s->out[0].shape.dim[0]; i++)
        if (arc_dtype_is_int(t))
            arc_element_set_int(t, s->out[0].data, i,
                                (int64_t)((uint64_t)arc_element_int(t, s->in[0].data, 0) +
                                          (uint64_t)i * (uint64_t)arc_element_int(t, s->in[2].data, 0)));
        else
            arc_element_set_real(t, s->out[0].data, i,
                                 arc_element_real(t, s->in[0].data, 0) + (double)i * arc_element_real(t, s->in[2].data, 0));
}

const arc_op arc_ops_shape[] = {
    {.name = "Shape",
     .kind = ARC_KIND_SHAPE,
     .layout = ARC_OP_PLAIN,
     .infer = shape_infer,
     .run = shape_run,
     .shape_query = true},
    {.name = "Size", .layout = ARC_OP_PLAIN, .infer = size_infer, .run = size_run, .shape_query = true},
    {.name = "Reshape",
     .kind = ARC_KIND_RESHAPE,
     .layout = ARC_OP_PLAIN,
     .infer = reshape_infer,
     .run = arc_copy_run,
     .learn_prepare = arc_flatten_learn_prepare,
     .forward = arc_flatten_forward,
     .backward = arc_flatten_backward,
     .view = true},
    {.name = "Flatten",
     .kind = ARC_KIND_FLATTEN,
     .layout = ARC_OP_PLAIN,
     .infer = flatten_infer,
     .run = arc_copy_run,
     .learn_prepare = arc_flatten_learn_prepare,
     .forward = arc_flatten_forward,
     .backward = arc_flatten_backward,
     .view = true},
    {.name = "Squeeze",
     .kind = ARC_KIND_SQUEEZE,
     .layout = ARC_OP_PLAIN,
     .infer = squeeze_infer,
     .run = arc_copy_run,
     .view = true},
    {.name = "Unsqueeze", .layout = ARC_OP_PLAIN, .infer = unsqueeze_infer, .run = arc_copy_run, .view = true},
    {.name = "Identity",
     .kind = ARC_KIND_IDENTITY,
     .layout = ARC_OP_SAME,
     .infer = arc_infer_same,
     .run = arc_identity_run,
     .view = true},
    {.name = "Dropout",
     .refused = "training mode",
     .kind = ARC_KIND_DROPOUT,
     .layout = ARC_OP_PLAIN,
     .infer = dropout_infer,
     .run = dropout_run,
     .view = true},
    {.name = "Constant",
     .refused = "texts and sparse tensors",
     .kind = ARC_KIND_CONSTANT,
     .layout = ARC_OP_PLAIN,
     .infer = constant_infer,
     .run = constant_run},
    {.name = "ConstantOfShape", .layout = ARC_OP_PLAIN, .infer = fill_infer, .run = fill_run, .moves = true},
    {.name = "Range", .layout = ARC_OP_PLAIN, .infer = range_infer, .run = range_run},
    {.name = "Concat",
     .kind = ARC_KIND_CONCAT,
     .layout = ARC_OP_SAME,
     .infer = arc_concat_infer,
     .run = arc_concat_run,
     .moves = true},
    {.name = "Split",
     .kind = ARC_KIND_SPLIT,
     .layout = ARC_OP_SAME,
     .infer = arc_split_infer,
     .run = arc_split_run,
     .moves = true},
    {.name = "Slice",
     .kind = ARC_KIND_SLICE,
     .layout = ARC_OP_SAME,
     .infer = arc_slice_infer,
     .prepare = arc_slice_prepare,
     .run = arc_slice_run,
     .moves = true},
    {.name = "Gather",
     .kind = ARC_KIND_GATHER,
     .layout = ARC_OP_PLAIN,
     .infer = arc_gather_infer,
     .run = arc_gather_run,
     .moves = true},
    {.name = "Transpose",
     .kind = ARC_KIND_TRANSPOSE,
     .layout = ARC_OP_PLAIN,
     .infer = arc_transpose_infer,
     .run = arc_transpose_run,
     .moves = true},
    {.name = "Expand", .layout = ARC_OP_PLAIN, .infer = arc_expand_infer, .run = arc_expand_run, .moves = true},
    {.name = "Tile", .layout = ARC_OP_PLAIN, .infer = arc_tile_infer, .run = arc_tile_run, .moves = true},
    {.name = "Pad",
     .layout = ARC_OP_PLAIN,
     .infer = arc_pad_infer,
     .prepare = arc_pad_prepare,
     .run = arc_pad_run,
     .moves = true},
    {.name = "DepthToSpace",
     .variant = ARC_DEPTH_TO_SPACE,
     .layout = ARC_OP_PLAIN,
     .infer = arc_depth_infer,
     .run = arc_depth_run,
     .moves = true},
    {.name = "SpaceToDepth",
     .variant = ARC_SPACE_TO_DEPTH,
     .layout = ARC_OP_PLAIN,
     .infer = arc_depth_infer,
     .run = arc_depth_run,
     .moves = true},
    {.name = NULL},
};
