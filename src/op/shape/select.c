/* op: what chooses elements or marks them: NonZero, Compress, OneHot, EyeLike, Hardmax. How many elements NonZero and Compress
 * give depends on values, which must be known at plan time: exporters use them on constants and shapes. */
#include "op/layer.h"
#include <string.h>

static uint8_t *bytes_at(const arc_tensor *t, int64_t i) {
    return (uint8_t *)t->data + i * (int64_t)arc_dtype_bytes(t->dtype);
}

static bool is_zero(const arc_tensor *t, int64_t i) {
    return arc_dtype_is_int(t->dtype) ? arc_element_int(t->dtype, t->data, i) == 0 : arc_element_real(t->dtype, t->data, i) == 0;
}

static int64_t product_of(const arc_shape *s, int from, int to) {
    int64_t n = 1;
    for (int i = from; i < to; i++)
        n *= s->dim[i];
    return n;
}

/* ---- NonZero: indices [rank][found] ------------------------------------------------------------------------------- */

static arc_status non_zero_infer(arc_infer *in) {
    const arc_status st = arc_infer_needs(in, 1);
    if (st != ARC_OK)
        return st;
    const arc_tensor *x = in->in[0];
    const int64_t n = arc_shape_count(&x->shape);
    if (n > 0 && !x->data)
        return arc_op_fail(in, ARC_EUNSUPPORTED, "how many elements are not zero must be known at plan time");
    arc_shape y = {2, {x->shape.rank, 0}};
    for (int64_t i = 0; i < n; i++)
        y.dim[1] += !is_zero(x, i);
    return arc_infer_out(in, 0, ARC_I64, &y);
}

static void non_zero_run(const arc_step *s) {
    const arc_tensor *x = &s->in[0];
    const int64_t found = s->out[0].shape.dim[1];
    int64_t *y = s->out[0].data, at = 0;
    for (int64_t i = 0, n = arc_shape_count(&x->shape); i < n && at < found; i++) {
        if (is_zero(x, i))
            continue;
        for (int64_t d = x->shape.rank - 1, rest = i; d >= 0; d--) {
            y[d * found + at] = rest % x->shape.dim[d];
            rest /= x->shape.dim[d];
        }
        at++;
    }
}

/* ---- Compress: the slices along an axis, or of all elements in a row, that a list of truth values names ------------ */

static arc_status compress_infer(arc_infer *in) {
    const arc_status st = arc_infer_needs(in, 2);
    if (st != ARC_OK)
        return st;
    const arc_tensor *x = in->in[0], *condition = in->in[1];
    const bool flat = !arc_node_attr(in->node, "axis");
    const int axis = flat ? 0 : arc_axis(arc_attr_int(in->node, "axis", 0), x->shape.rank);
    if (axis < 0 || condition->dtype != ARC_BOOL || condition->shape.rank != 1)
        return arc_op_fail(in, ARC_ESHAPE, "the axis is outside the input, or the condition no list of truth values");
    if (!condition->data && condition->shape.dim[0] > 0)
        return arc_op_fail(in, ARC_EUNSUPPORTED, "input 1 must be known at plan time");
    const int64_t length = flat ? arc_shape_count(&x->shape) : x->shape.dim[axis];
    int64_t chosen = 0;
    for (int64_t i = 0; i < condition->shape.dim[0]; i++)
        if (((const uint8_t *)condition->data)[i]) {
            if (i >= length)
                return arc_op_fail(in, ARC_ESHAPE, "the condition names element %lld of %lld", (long long)i, (long long)length);
            chosen++;
        }
    arc_shape y = flat ? (arc_shape){1, {0}} : x->shape;
    y.dim[axis] = chosen;
    return arc_infer_out(in, 0, x->dtype, &y);
}

static void compress_run(const arc_step *s) {
    const arc_tensor *x = &s->in[0], *y = &s->out[0];
    const uint8_t *condition = s->in[1].data;
    const bool flat = !arc_node_attr(s->node, "axis");
    const int axis = flat ? 0 : arc_axis(arc_attr_int(s->node, "axis", 0), x->shape.rank);
    const int64_t length = flat ? arc_shape_count(&x->shape) : x->shape.dim[axis];
    const int64_t outer = flat ? 1 : product_of(&x->shape, 0, axis);
    const int64_t inner = flat ? 1 : product_of(&x->shape, axis + 1, x->shape.rank);
    int64_t to = 0;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < ARC_MIN(length, s->in[1].shape.dim[0]); i++)
            if (condition[i] && inner > 0) {
                memcpy(bytes_at(y, to), bytes_at(x, (o * length + i) * inner), (size_t)inner * arc_dtype_bytes(x->dtype));
                to += inner;
            }
}

/* ---- OneHot ------------------------------------------------------------------------------------------------------- */

static arc_status one_hot_infer(arc_infer *in) {
    int64_t depth = 0;
    const arc_status st = arc_infer_needs(in, 3);
    if (st != ARC_OK)
        return st;
    const arc_tensor *indices = in->in[0], *given = in->in[1], *values = in->in[2];
    if (arc_shape_count(&given->shape) != 1 || arc_shape_count(&values->shape) != 2 || arc_dtype_bytes(values->dtype) == 0)
        return arc_op_fail(in, ARC_ESHAPE, "needs one depth and two values");
    if (!given->data)
        return arc_op_fail(in, ARC_EUNSUPPORTED, "input 1 must be known at plan time");
    depth = arc_element_int(given->dtype, given->data, 0);
    const int axis = arc_axis(arc_attr_int(in->node, "axis", -1), indices->shape.rank + 1);
    if (axis < 0 || depth < 1 || depth > ARC_MAX_DIM || indices->shape.rank + 1 > ARC_MAX_RANK)
        return arc_op_fail(in, ARC_ESHAPE, "the depth or the axis does not fit");
    arc_shape y = {.rank = indices->shape.rank + 1};
    for (int i = 0; i < y.rank; i++)
        y.dim[i] = i == axis ? depth : indices->shape.dim[i - (i > axis)];
    return arc_infer_out(in, 0, values->dtype, &y);
}

static void one_hot_run(const arc_step *s) {
    const arc_tensor *indices = &s->in[0], *values = &s->in[2], *y = &s->out[0];
    const int axis = arc_axis(arc_attr_int(s->node, "axis", -1), y->shape.rank);
    const int64_t depth = y->shape.dim[axis], inner = product_of(&y->shape, axis + 1, y->shape.rank);
    const size_t bytes = arc_dtype_bytes(y->dtype);
    for (int64_t e = 0, n = arc_shape_count(&y->shape); e < n; e++) {
        const int64_t place = e / (inner * depth) * inner + e % inner;
        int64_t hot = arc_element_int(indices->dtype, indices->data, place);
        hot = hot < 0 ? hot + depth : hot;
        memcpy(bytes_at(y, e), bytes_at(values, e / inner % depth == hot), bytes);
    }
}

/* ---- EyeLike ------------------------------------------------------------------------------------------------------ */

static arc_status eye_infer(arc_infer *in) {
    const arc_status st = arc_infer_needs(in, 1);
    if (st != ARC_OK)
        return st;
    const int64_t type = arc_attr_int(in->node, "dtype", in->in[0]->dtype);
    if (in->in[0]->shape.rank != 2 || type < 0 || type > ARC_BF16 || arc_dtype_bytes((arc_dtype)type) == 0)
        return arc_op_fail(in, ARC_EUNSUPPORTED, "needs a matrix, and a type that is known");
    return arc_infer_out(in, 0, (arc_dtype)type, &in->in[0]->shape);
}

static void eye_run(const arc_step *s) {
    const arc_tensor *y = &s->out[0];
    const int64_t columns = y->shape.dim[1], k = arc_attr_int(s->node, "k", 0);
    for (int64_t e = 0, n = arc_shape_count(&y->shape); e < n; e++)
        arc_element_set_int(y->dtype, y->data, e, e % columns - e / columns == k);
}

/* ---- Hardmax: 1 for the first of the largest along the axis, before opset 13 of all dimensions from the axis on ----- */

static arc_status hardmax_infer(arc_infer *in) {
    const arc_status st = arc_infer_same_f32(in);
    if (st != ARC_OK)
        return st;
    if (arc_axis(arc_attr_int(in->node, "axis", in->opset < 13 ? 1 : -1), in->in[0]->shape.rank) < 0)
        return arc_op_fail(in, ARC_ESHAPE, "the axis is outside the input");
    return ARC_OK;
}

static void hardmax_run(const arc_step *s) {
    const arc_shape *shape = &s->in[0].shape;
    const int axis = arc_axis(arc_attr_int(s->node, "axis", s->opset < 13 ? 1 : -1), shape->rank);
    const int64_t inner = s->opset < 13 ? 1 : product_of(shape, axis + 1, shape->rank);
    const int64_t length = s->opset < 13 ? product_of(shape, axis, shape->rank) : shape->dim[axis];
    const int64_t rows = product_of(shape, 0, axis) * inner;
    const float *x = s->in[0].data;
    float *y = s->out[0].data;
    for (int64_t row = 0; row < rows && length > 0; row++) {
        const int64_t first = row / inner * length * inner + row % inner;
        int64_t most = 0;
        for (int64_t i = 0; i < length; i++) {
            y[first + i * inner] = 0;
            most = x[first + i * inner] > x[first + most * inner] ? i : most;
        }
        y[first + most * inner] = 1;
    }
}

const arc_op arc_ops_select[] = {
    {.name = "NonZero",
     .refused = "values that are known at run time only",
     .layout = ARC_OP_PLAIN,
     .infer = non_zero_infer,
     .run = non_zero_run},
    {.name = "Compress",
     .refused = "a condition that is known at run time only",
     .layout = ARC_OP_PLAIN,
     .infer = compress_infer,
     .run = compress_run},
    {.name = "OneHot",
     .refused = "a depth that is known at run time only",
     .layout = ARC_OP_PLAIN,
     .infer = one_hot_infer,
     .run = one_hot_run},
    {.name = "EyeLike", .layout = ARC_OP_PLAIN, .infer = eye_infer, .run = eye_run},
    {.name = "Hardmax", .layout = ARC_OP_PLAIN, .infer = hardmax_infer, .run = hardmax_run},
    {.name = NULL},
};
