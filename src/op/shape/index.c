/* op: elements by index: GatherElements, GatherND, ScatterElements, ScatterND, TopK, CumSum, Trilu. An index outside its
 * dimension reads zeros and is not written: infer cannot see indices that are known at run time only. */
#include "op/layer.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint8_t *bytes_at(const arc_tensor *t, int64_t i) {
    return (uint8_t *)t->data + i * (int64_t)arc_dtype_bytes(t->dtype);
}

/* Index i of a dimension; -1 when outside. */
static int64_t inside(int64_t i, int64_t dim) {
    i = i < 0 ? i + dim : i;
    return i >= 0 && i < dim ? i : -1;
}

static int64_t product_of(const arc_shape *s, int from, int to) {
    int64_t n = 1;
    for (int i = from; i < to; i++)
        n *= s->dim[i];
    return n;
}

static arc_status check_types(const arc_infer *in, int indices) {
    if (arc_dtype_bytes(in->in[0]->dtype) == 0)
        return arc_op_fail(in, ARC_EUNSUPPORTED, "elements of type %s", arc_dtype_name(in->in[0]->dtype));
    if (in->in[indices]->dtype != ARC_I64 && in->in[indices]->dtype != ARC_I32)
        return arc_op_fail(in, ARC_EFORMAT, "indices must be integers, not %s", arc_dtype_name(in->in[indices]->dtype));
    return ARC_OK;
}

static void set_or_zero(const arc_tensor *y, int64_t to, const arc_tensor *x, int64_t from, bool found, int64_t count) {
    const size_t bytes = arc_dtype_bytes(x->dtype) * (size_t)count;
    if (found)
        memcpy(bytes_at(y, to), bytes_at(x, from), bytes);
    else
        memset(bytes_at(y, to), 0, bytes);
}

/* ---- GatherElements, ScatterElements: an index for each element, along one axis ------------------------------------ */

/* Where element e of `indices` lies in a tensor of shape x, with coordinate `axis` replaced by `at`. */
static int64_t place_of(const arc_shape *x, const arc_shape *indices, int64_t e, int axis, int64_t at) {
    int64_t place = 0, stride = 1;
    for (int i = x->rank - 1; i >= 0; i--) {
        const int64_t k = e % indices->dim[i];
        e /= indices->dim[i];
        place += (i == axis ? at : k) * stride;
        stride *= x->dim[i];
    }
    return place;
}

static arc_status elements_infer(arc_infer *in, int inputs) {
    arc_status st = arc_infer_needs(in, inputs);
    if (st == ARC_OK)
        st = check_types(in, 1);
    if (st != ARC_OK)
        return st;
    const arc_shape *x = &in->in[0]->shape, *i = &in->in[1]->shape;
    const int axis = arc_axis(arc_attr_int(in->node, "axis", 0), x->rank);
    if (axis < 0 || i->rank != x->rank)
        return arc_op_fail(in, ARC_ESHAPE, "the axis or the rank of the indices does not fit");
    for (int d = 0; d < x->rank; d++)
        if (d != axis && i->dim[d] > x->dim[d])
            return arc_op_fail(in, ARC_ESHAPE, "dimension %d of the indices is larger than the data's", d);
    return ARC_OK;
}

static arc_status gather_elements_infer(arc_infer *in) {
    const arc_status st = elements_infer(in, 2);
    return st == ARC_OK ? arc_infer_out(in, 0, in->in[0]->dtype, &in->in[1]->shape) : st;
}

static void gather_elements_run(const arc_step *s) {
    const arc_tensor *x = &s->in[0], *indices = &s->in[1], *y = &s->out[0];
    const int axis = arc_axis(arc_attr_int(s->node, "axis", 0), x->shape.rank);
    for (int64_t e = 0, n = arc_shape_count(&y->shape); e < n; e++) {
        const int64_t at = inside(arc_element_int(indices->dtype, indices->data, e), x->shape.dim[axis]);
        set_or_zero(y, e, x, at < 0 ? 0 : place_of(&x->shape, &indices->shape, e, axis, at), at >= 0, 1);
    }
}

/* How a value is put where another stands. */
typedef enum reduction { REPLACE, ADD, MUL, LEAST, MOST, NO_REDUCTION } reduction;

static reduction reduction_of(const arc_node *n) {
    static const char *const names[] = {"none", "add", "mul", "min", "max"};
    const char *name = arc_attr_string(n, "reduction", "none");
    int i = 0;
    while (i < NO_REDUCTION && strcmp(names[i], name) != 0)
        i++;
    return (reduction)i;
}

static void put(const arc_tensor *y, int64_t to, const arc_tensor *updates, int64_t from, reduction how) {
    const arc_dtype t = y->dtype;
    if (how == REPLACE) {
        memcpy(bytes_at(y, to), bytes_at(updates, from), arc_dtype_bytes(t));
    } else if (arc_dtype_is_int(t)) {
        const int64_t a = arc_element_int(t, y->data, to), b = arc_element_int(t, updates->data, from);
        const uint64_t ua = (uint64_t)a, ub = (uint64_t)b;
        arc_element_set_int(t, y->data, to,
                            how == ADD     ? (int64_t)(ua + ub)
                            : how == MUL   ? (int64_t)(ua * ub)
                            : how == LEAST ? ARC_MIN(a, b)
                                           : ARC_MAX(a, b));
    } else {
        const double a = arc_element_real(t, y->data, to), b = arc_element_real(t, updates->data, from);
        arc_element_set_real(t, y->data, to, how == ADD ? a + b : how == MUL ? a * b : how == LEAST ? fmin(a, b) : fmax(a, b));
    }
}

static arc_status check_updates(const arc_infer *in, const arc_shape *wanted) {
    if (reduction_of(in->node) == NO_REDUCTION)
        return arc_op_fail(in, ARC_EUNSUPPORTED, "reduction %s", arc_attr_string(in->node, "reduction", ""));
    if (in->in[2]->dtype != in->in[0]->dtype || !arc_shape_equal(&in->in[2]->shape, wanted))
        return arc_op_fail(in, ARC_ESHAPE, "type or shape of the updates does not fit");
    return ARC_OK;
}

static arc_status scatter_elements_infer(arc_infer *in) {
    arc_status st = elements_infer(in, 3);
    if (st == ARC_OK)
        st = check_updates(in, &in->in[1]->shape);
    return st == ARC_OK ? arc_infer_out(in, 0, in->in[0]->dtype, &in->in[0]->shape) : st;
}

static void scatter_elements_run(const arc_step *s) {
    const arc_tensor *x = &s->in[0], *indices = &s->in[1], *y = &s->out[0];
    const int axis = arc_axis(arc_attr_int(s->node, "axis", 0), x->shape.rank);
    const reduction how = reduction_of(s->node);
    arc_copy_run(s);
    for (int64_t e = 0, n = arc_shape_count(&indices->shape); e < n; e++) {
        const int64_t at = inside(arc_element_int(indices->dtype, indices->data, e), x->shape.dim[axis]);
        if (at >= 0)
            put(y, place_of(&x->shape, &indices->shape, e, axis, at), &s->in[2], e, how);
    }
}

/* ---- GatherND, ScatterND: the last dimension of the indices holds coordinates -------------------------------------- */

/* Shape of what the indices name: their own without the last dimension, then the data's behind the coordinates. */
static arc_status nd_shape(const arc_infer *in, int batch, arc_shape *out) {
    const arc_shape *x = &in->in[0]->shape, *i = &in->in[1]->shape;
    const int64_t depth = i->rank > 0 ? i->dim[i->rank - 1] : 0;
    if (i->rank < 1 || batch < 0 || batch >= i->rank || depth < 1 || depth > x->rank - batch)
        return arc_op_fail(in, ARC_ESHAPE, "the indices do not fit the data");
    for (int d = 0; d < batch; d++)
        if (i->dim[d] != x->dim[d])
            return arc_op_fail(in, ARC_ESHAPE, "batch dimension %d differs", d);
    *out = (arc_shape){.rank = i->rank - 1 + x->rank - batch - (int)depth};
    if (out->rank > ARC_MAX_RANK)
        return arc_op_fail(in, ARC_ELIMIT, "the result would have rank %d", out->rank);
    for (int d = 0; d < i->rank - 1; d++)
        out->dim[d] = i->dim[d];
    for (int d = batch + (int)depth; d < x->rank; d++)
        out->dim[i->rank - 1 + d - batch - (int)depth] = x->dim[d];
    return ARC_OK;
}

/* First element of slice k in x, -1 when an index is outside. */
static int64_t slice_of(const arc_tensor *x, const arc_tensor *indices, int batch, int64_t k) {
    const arc_shape *i = &indices->shape;
    const int depth = (int)i->dim[i->rank - 1];
    const int64_t each = product_of(i, batch, i->rank - 1), inner = product_of(&x->shape, batch + depth, x->shape.rank);
    int64_t at = each > 0 ? k / each : 0;
    for (int d = 0; d < depth; d++) {
        const int64_t dim = x->shape.dim[batch + d],
                      c = inside(arc_element_int(indices->dtype, indices->data, k * depth + d), dim);
        if (c < 0)
            return -1;
        at = at * dim + c;
    }
    return at * inner;
}

static arc_status gather_nd_infer(arc_infer *in) {
    arc_shape y;
    arc_status st = arc_infer_needs(in, 2);
    if (st == ARC_OK)
        st = check_types(in, 1);
    if (st == ARC_OK)
        st = nd_shape(in, (int)ARC_MIN(arc_attr_int(in->node, "batch_dims", 0), (int64_t)ARC_MAX_RANK), &y);
    return st == ARC_OK ? arc_infer_out(in, 0, in->in[0]->dtype, &y) : st;
}

static void gather_nd_run(const arc_step *s) {
    const arc_tensor *x = &s->in[0], *indices = &s->in[1];
    const int batch = (int)arc_attr_int(s->node, "batch_dims", 0), depth = (int)indices->shape.dim[indices->shape.rank - 1];
    const int64_t slices = product_of(&indices->shape, 0, indices->shape.rank - 1);
    const int64_t inner = product_of(&x->shape, batch + depth, x->shape.rank);
    for (int64_t k = 0; k < slices && inner > 0; k++) {
        const int64_t at = slice_of(x, indices, batch, k);
        set_or_zero(&s->out[0], k * inner, x, at < 0 ? 0 : at, at >= 0, inner);
    }
}

static arc_status scatter_nd_infer(arc_infer *in) {
    arc_shape wanted;
    arc_status st = arc_infer_needs(in, 3);
    if (st == ARC_OK)
        st = check_types(in, 1);
    if (st == ARC_OK)
        st = nd_shape(in, 0, &wanted);
    if (st == ARC_OK)
        st = check_updates(in, &wanted);
    return st == ARC_OK ? arc_infer_out(in, 0, in->in[0]->dtype, &in->in[0]->shape) : st;
}

static void scatter_nd_run(const arc_step *s) {
    const arc_tensor *x = &s->in[0], *indices = &s->in[1];
    const int depth = (int)indices->shape.dim[indices->shape.rank - 1];
    const int64_t slices = product_of(&indices->shape, 0, indices->shape.rank - 1),
                  inner = product_of(&x->shape, depth, x->shape.rank);
    const reduction how = reduction_of(s->node);
    arc_copy_run(s);
    for (int64_t k = 0; k < slices; k++) {
        const int64_t at = slice_of(x, indices, 0, k);
        for (int64_t i = 0; at >= 0 && i < inner; i++)
            put(&s->out[0], at + i, &s->in[2], k * inner + i, how);
    }
}

/* ---- TopK: of equal elements the one with the lower index comes first ---------------------------------------------- */

static arc_status top_infer(arc_infer *in) {
    int64_t k = 0;
    int count = 0;
    arc_status st = arc_infer_needs(in, in->opset < 10 ? 1 : 2);
    if (st == ARC_OK && in->opset >= 10)
        st = arc_infer_ints(in, 1, 1, &k, &count);
    else if (st == ARC_OK)
        k = arc_attr_int(in->node, "k", -1);
    if (st != ARC_OK)
        return st;
    arc_shape y = in->in[0]->shape;
    const int axis = arc_axis(arc_attr_int(in->node, "axis", -1), y.rank);
    if (axis < 0 || k < 0 || k > y.dim[axis] || arc_dtype_bytes(in->in[0]->dtype) == 0)
        return arc_op_fail(in, ARC_ESHAPE, "k %lld or the axis does not fit the input", (long long)k);
    y.dim[axis] = k;
    st = arc_infer_out(in, 0, in->in[0]->dtype, &y);
    return st == ARC_OK ? arc_infer_out(in, 1, ARC_I64, &y) : st;
}

static arc_status top_prepare(arc_prepare *p) {
    const arc_shape *x = &p->step->in[0].shape;
    const int axis = arc_axis(arc_attr_int(p->step->node, "axis", -1), x->rank);
    p->step->shared_scratch_bytes = (size_t)ARC_MAX(x->dim[axis], (int64_t)1) * (sizeof(double) + sizeof(int64_t));
    return ARC_OK;
}

/* Whether element a comes before b. */
static bool before(double a, int64_t ia, double b, int64_t ib, bool largest) {
    if (a != b && !isnan(a) && !isnan(b))
        return largest ? a > b : a < b;
    if (isnan(a) != isnan(b))
        return isnan(a) == largest;
    return ia < ib;
}

static void sift(double *v, int64_t *index, int64_t n, int64_t at, bool largest) {
    for (;;) { /* a heap whose root comes last */
        int64_t child = 2 * at + 1;
        if (child >= n)
            return;
        if (child + 1 < n && before(v[child], index[child], v[child + 1], index[child + 1], largest))
            child++;
        if (!before(v[at], index[at], v[child], index[child], largest))
            return;
        const double x = v[at];
        const int64_t i = index[at];
        v[at] = v[child], index[at] = index[child];
        v[child] = x, index[child] = i;
        at = child;
    }
}

static void sort_heap(double *v, int64_t *index, int64_t n, bool largest) {
    for (int64_t at = n / 2 - 1; at >= 0; at--)
        sift(v, index, n, at, largest);
    for (int64_t last = n - 1; last > 0; last--) {
        const double x = v[0];
        const int64_t i = index[0];
        v[0] = v[last], index[0] = index[last];
        v[last] = x, index[last] = i;
        sift(v, index, last, 0, largest);
    }
}

static void top_run(const arc_step *s) {
    const arc_tensor *x = &s->in[0], *y = &s->out[0];
    const int axis = arc_axis(arc_attr_int(s->node, "axis", -1), x->shape.rank);
    const bool largest = arc_attr_int(s->node, "largest", 1) != 0, named = s->outputs > 1 && s->out[1].dtype != ARC_NO_DTYPE;
    const int64_t n = x->shape.dim[axis], k = y->shape.dim[axis], stride = product_of(&x->shape, axis + 1, x->shape.rank);
    const int64_t rows = product_of(&x->shape, 0, axis) * stride;
    double *v = (double *)(void *)s->shared_scratch;
    int64_t *index = (int64_t *)(void *)(v + n);
    for (int64_t row = 0; row < rows; row++) {
        const int64_t from = row / stride * n * stride + row % stride, to = row / stride * k * stride + row % stride;
        for (int64_t i = 0; i < n; i++) {
            v[i] = arc_element_real(x->dtype, x->data, from + i * stride);
            index[i] = i;
        }
        sort_heap(v, index, n, largest);
        for (int64_t i = 0; i < k; i++) {
            memcpy(bytes_at(y, to + i * stride), bytes_at(x, from + index[i] * stride), arc_dtype_bytes(x->dtype));
            if (named && s->out[1].data)
                ((int64_t *)s->out[1].data)[to + i * stride] = index[i];
        }
    }
}

/* ---- CumSum, Trilu -------------------------------------------------------------------------------------------------- */

static arc_status sum_infer(arc_infer *in) {
    const arc_status st = arc_infer_needs(in, 2);
    if (st != ARC_OK)
        return st;
    if (!arc_dtype_is_int(in->in[1]->dtype) || arc_shape_count(&in->in[1]->shape) != 1 || arc_dtype_bytes(in->in[0]->dtype) == 0)
        return arc_op_fail(in, ARC_ESHAPE, "the axis must be one integer");
    if (in->in[1]->data && arc_axis(arc_element_int(in->in[1]->dtype, in->in[1]->data, 0), in->in[0]->shape.rank) < 0)
        return arc_op_fail(in, ARC_ESHAPE, "the axis is outside the input");
    return arc_infer_same(in);
}

static void sum_run(const arc_step *s) {
    const arc_tensor *x = &s->in[0], *y = &s->out[0];
    const int axis = arc_axis(arc_element_int(s->in[1].dtype, s->in[1].data, 0), x->shape.rank);
    const bool exclusive = arc_attr_int(s->node, "exclusive", 0) != 0, reverse = arc_attr_int(s->node, "reverse", 0) != 0;
    const bool ints = arc_dtype_is_int(x->dtype);
    if (axis < 0) {
        arc_copy_run(s);
        return;
    }
    const int64_t n = x->shape.dim[axis], stride = product_of(&x->shape, axis + 1, x->shape.rank);
    for (int64_t row = 0, rows = product_of(&x->shape, 0, axis) * stride; row < rows; row++) {
        const int64_t first = row / stride * n * stride + row % stride;
        uint64_t whole = 0;
        double real = 0;
        for (int64_t i = 0; i < n; i++) {
            const int64_t at = first + (reverse ? n - 1 - i : i) * stride;
            const uint64_t own = ints ? (uint64_t)arc_element_int(x->dtype, x->data, at) : 0;
            const double own_real = ints ? 0 : arc_element_real(x->dtype, x->data, at);
            if (!exclusive)
                whole += own, real += own_real;
            if (ints)
                arc_element_set_int(y->dtype, y->data, at, (int64_t)whole);
            else
                arc_element_set_real(y->dtype, y->data, at, real);
            if (exclusive)
                whole += own, real += own_real;
        }
    }
}

static arc_status triangle_infer(arc_infer *in) {
    const arc_status st = arc_infer_needs(in, 1);
    if (st != ARC_OK)
        return st;
    if (in->in[0]->shape.rank < 2 || arc_dtype_bytes(in->in[0]->dtype) == 0)
        return arc_op_fail(in, ARC_ESHAPE, "needs a matrix");
    if (in->inputs > 1 && in->in[1] && (!arc_dtype_is_int(in->in[1]->dtype) || arc_shape_count(&in->in[1]->shape) != 1))
        return arc_op_fail(in, ARC_ESHAPE, "the diagonal must be one integer");
    return arc_infer_same(in);
}

static void triangle_run(const arc_step *s) {
    const arc_tensor *x = &s->in[0];
    const bool upper = arc_attr_int(s->node, "upper", 1) != 0;
    const int64_t rows = x->shape.dim[x->shape.rank - 2], columns = x->shape.dim[x->shape.rank - 1];
    int64_t k = s->inputs > 1 && s->in[1].dtype != ARC_NO_DTYPE ? arc_element_int(s->in[1].dtype, s->in[1].data, 0) : 0;
    k = ARC_MIN(ARC_MAX(k, -ARC_MAX_DIM), ARC_MAX_DIM);
    for (int64_t e = 0, n = arc_shape_count(&x->shape); e < n; e++) {
        const int64_t row = e / columns % rows, column = e % columns;
        set_or_zero(&s->out[0], e, x, e, upper ? column >= row + k : column <= row + k, 1);
    }
}

const arc_op arc_ops_index[] = {
    {.name = "GatherElements", .layout = ARC_OP_PLAIN, .infer = gather_elements_infer, .run = gather_elements_run},
    {.name = "ScatterElements", .layout = ARC_OP_PLAIN, .infer = scatter_elements_infer, .run = scatter_elements_run},
    {.name = "GatherND", .layout = ARC_OP_PLAIN, .infer = gather_nd_infer, .run = gather_nd_run},
    {.name = "ScatterND", .layout = ARC_OP_PLAIN, .infer = scatter_nd_infer, .run = scatter_nd_run},
    {.name = "TopK",
     .refused = "a k that is known at run time only",
     .layout = ARC_OP_PLAIN,
     .infer = top_infer,
     .prepare = top_prepare,
     .run = top_run},
    {.name = "CumSum", .layout = ARC_OP_PLAIN, .infer = sum_infer, .run = sum_run},
    {.name = "Trilu", .layout = ARC_OP_PLAIN, .infer = triangle_infer, .run = triangle_run},
    {.name = NULL},
};
