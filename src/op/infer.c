/* op: checks, small readings and errors that the infer functions of the families share. */
#include "op/layer.h"
#include <stdio.h>
#include <string.h>

arc_status arc_op_fail(const arc_infer *in, arc_status code, const char *fmt, ...) {
    char text[ARC_ERROR_TEXT_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    const char *name = in->node->name;
    if (!*name && in->graph && in->node->outputs > 0 && in->node->output[0] >= 0)
        name = in->graph->value[in->node->output[0]].name;
    return arc_fail(in->err, code, "%.60s '%.120s' (opset %d): %.280s", in->node->op, name, in->opset, text);
}

arc_status arc_infer_needs(const arc_infer *in, int inputs) {
    if (in->inputs < inputs || in->outputs < 1)
        return arc_op_fail(in, ARC_EFORMAT, "needs %d inputs and an output, has %d and %d", inputs, in->inputs, in->outputs);
    for (int i = 0; i < inputs; i++)
        if (!in->in[i])
            return arc_op_fail(in, ARC_EFORMAT, "input %d is missing", i);
    return ARC_OK;
}

arc_status arc_infer_out(arc_infer *in, int i, arc_dtype t, const arc_shape *s) {
    char text[96];
    if (arc_shape_count(s) < 0)
        return arc_op_fail(in, ARC_ELIMIT, "output %s is too large", arc_shape_text(s, text, sizeof text));
    if (i < in->outputs && in->out[i]) {
        in->out[i]->dtype = t;
        in->out[i]->shape = *s;
    }
    return ARC_OK;
}

arc_status arc_infer_same(arc_infer *in) {
    const arc_status st = arc_infer_needs(in, 1);
    return st == ARC_OK ? arc_infer_out(in, 0, in->in[0]->dtype, &in->in[0]->shape) : st;
}

arc_status arc_infer_same_f32(arc_infer *in) {
    const arc_status st = arc_infer_needs(in, 1);
    if (st != ARC_OK)
        return st;
    if (in->in[0]->dtype != ARC_F32)
        return arc_op_fail(in, ARC_EUNSUPPORTED, "only float32 is supported, the input is %s", arc_dtype_name(in->in[0]->dtype));
    return arc_infer_out(in, 0, ARC_F32, &in->in[0]->shape);
}

arc_status arc_infer_ints(const arc_infer *in, int i, int max, int64_t *ints, int *count) {
    *count = 0;
    if (i >= in->inputs || !in->in[i])
        return ARC_OK;
    const arc_tensor *t = in->in[i];
    const int64_t n = arc_shape_count(&t->shape);
    if (t->shape.rank > 1 || n > max)
        return arc_op_fail(in, ARC_ESHAPE, "input %d must be a list of at most %d integers", i, max);
    if (!arc_dtype_is_int(t->dtype))
        return arc_op_fail(in, ARC_EFORMAT, "input %d must hold integers, not %s", i, arc_dtype_name(t->dtype));
    if (n > 0 && !t->data)
        return arc_op_fail(in, ARC_EUNSUPPORTED, "input %d must be known at plan time", i);
    for (int64_t k = 0; k < n; k++)
        ints[k] = arc_element_int(t->dtype, t->data, k);
    *count = (int)n;
    return ARC_OK;
}

bool arc_node_ints_of(const arc_node *n, const char *name, int max, int64_t *ints, int *count) {
    const arc_attr *a = arc_node_attr(n, name);
    *count = 0;
    if (!a || a->kind != ARC_ATTR_INTS || a->count > (size_t)max)
        return false;
    memcpy(ints, a->ints, a->count * sizeof *ints);
    *count = (int)a->count;
    return true;
}

int arc_axis(int64_t axis, int rank) {
    if (axis < -rank || axis >= rank)
        return -1;
    return (int)(axis < 0 ? axis + rank : axis);
}

bool arc_shape_broadcast(const arc_shape *a, const arc_shape *b, arc_shape *out) {
    arc_shape s = {.rank = ARC_MAX(a->rank, b->rank)};
    for (int i = 1; i <= s.rank; i++) {
        const int64_t da = i <= a->rank ? a->dim[a->rank - i] : 1, db = i <= b->rank ? b->dim[b->rank - i] : 1;
        if (da != db && da != 1 && db != 1)
            return false;
        s.dim[s.rank - i] = da == 1 ? db : da;
    }
    *out = s;
    return true;
}

int64_t arc_shape_known(const arc_shape *s) {
    return ARC_MAX(arc_shape_count(s), (int64_t)0);
}

int64_t arc_macs_conv(const arc_shape *in0, const arc_shape *in1, const arc_shape *out) {
    (void)in0;
    return in1->rank > 1 && in1->dim[0] > 0 ? arc_shape_known(out) * (arc_shape_known(in1) / in1->dim[0]) : 0;
}

int64_t arc_macs_matmul(const arc_shape *in0, const arc_shape *in1, const arc_shape *out) {
    (void)in1;
    return in0->rank > 0 ? arc_shape_known(out) * in0->dim[in0->rank - 1] : 0;
}

void arc_copy_run(const arc_step *s) {
    const size_t bytes = (size_t)arc_shape_count(&s->out[0].shape) * arc_dtype_bytes(s->out[0].dtype);
    if (bytes > 0 && s->out[0].data != s->in[0].data)
        memcpy(s->out[0].data, s->in[0].data, bytes);
}

void arc_identity_run(const arc_step *s) {
    int64_t to[ARC_MAX_RANK] = {0}, from[ARC_MAX_RANK] = {0};
    if (s->out[0].data == s->in[0].data)
        return;
    arc_tensor_strides(&s->out[0], to);
    arc_tensor_strides(&s->in[0], from);
    arc_copy_block(s->pool, arc_dtype_bytes(s->out[0].dtype), &s->out[0].shape, s->out[0].data, to, s->in[0].data, from);
}
