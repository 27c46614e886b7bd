/* For the tests of layers: one operator called by itself (infer, prepare and run of its table entry, without a graph or planner
 * in between), against a result worked out by hand, against its definition in double, and on plain against NHWC tensors. */
#ifndef ARC_LAYER_SUPPORT_H
#define ARC_LAYER_SUPPORT_H

#include "device/reference/reference.h"
#include "op/layer.h"
#include "shared_context.h"
#include <string.h>

#define MAX_ELEMENTS 4096
#define MAX_INPUTS 6

/* One operator call. Data of inputs and outputs are plain; run() turns them into the layout that it is asked for. */
typedef struct call {
    const char *op;
    int opset, inputs, outputs;
    arc_attr attr[8];
    int attrs;
    arc_tensor in[MAX_INPUTS], out[4];
    arc_status st;
    arc_error err;
} call;

static inline void add_input(call *c, arc_dtype t, int rank, const int64_t *dim, const void *data, bool constant) {
    arc_tensor *x = &c->in[c->inputs++];
    *x = (arc_tensor){.dtype = t, .shape.rank = rank, .is_const = constant};
    for (int i = 0; i < rank; i++)
        x->shape.dim[i] = dim[i];
    memcpy(&x->data, &data, sizeof data);
}

static inline void add_int(call *c, const char *name, int64_t i) {
    c->attr[c->attrs++] = (arc_attr){.name = name, .kind = ARC_ATTR_INT, .i = i};
}
static inline void add_float(call *c, const char *name, float f) {
    c->attr[c->attrs++] = (arc_attr){.name = name, .kind = ARC_ATTR_FLOAT, .f = f};
}
static inline void add_text(call *c, const char *name, const char *s) {
    c->attr[c->attrs++] = (arc_attr){.name = name, .kind = ARC_ATTR_STRING, .s = s};
}
static inline void add_ints(call *c, const char *name, size_t count, const int64_t *ints) {
    c->attr[c->attrs++] = (arc_attr){.name = name, .kind = ARC_ATTR_INTS, .count = count, .ints = ints};
}

/* Element-wise copy between layouts. */
static inline void *to_layout(const arc_tensor *from, arc_layout layout) {
    arc_tensor to = *from;
    int64_t a[ARC_MAX_RANK] = {0}, b[ARC_MAX_RANK] = {0};
    const size_t bytes = arc_dtype_bytes(from->dtype);
    to.layout = layout;
    to.data = arc_mem_new(&arc_alloc_libc, (size_t)arc_shape_count(&from->shape) + 1, bytes);
    assert_non_null(to.data);
    arc_tensor_strides(&to, a);
    arc_tensor_strides(from, b);
    arc_copy_block(NULL, bytes, &from->shape, to.data, a, from->data, b);
    return to.data;
}

/* Runs the call with its rank-4 float tensors in `layout`; the results (plain) are the caller's to free. */
static inline void run(call *c, arc_layout layout) {
    const arc_op *op = arc_op_find(c->op);
    arc_node node = {
        .op = c->op, .entry = op, .name = "test", .attr = c->attr, .attrs = c->attrs, .inputs = c->inputs, .outputs = c->outputs};
    arc_infer *in = arc_mem_new(&arc_alloc_libc, 1, sizeof *in);
    arc_step *s = arc_mem_new(&arc_alloc_libc, 1, sizeof *s);
    arc_arena arena;
    assert_non_null(op);
    assert_true(in && s);
    arc_arena_init(&arena, &arc_alloc_libc, 0);
    *in = (arc_infer){.node = &node, .opset = c->opset, .inputs = c->inputs, .outputs = c->outputs, .err = &c->err};
    *s = (arc_step){.op = op, .node = &node, .opset = c->opset, .inputs = c->inputs, .outputs = c->outputs};
    s->kernels = ctx->kernels;
    s->pool = ctx->pool;
    memset(c->out, 0, sizeof c->out);
    for (int i = 0; i < c->inputs; i++) {
        s->in[i] = c->in[i];
        in->in[i] = c->in[i].dtype == ARC_NO_DTYPE ? NULL : &s->in[i];
    }
    for (int i = 0; i < c->outputs; i++)
        in->out[i] = &s->out[i];
    c->st = op->infer(in);
    void *owned[MAX_INPUTS] = {NULL};
    const bool image = layout == ARC_NHWC && op->layout != ARC_OP_PLAIN;
    for (int i = 0; c->st == ARC_OK && i < c->inputs; i++)
        if (image && s->in[i].dtype == ARC_F32 && s->in[i].shape.rank == 4 && (i == 0 || op->layout == ARC_OP_SAME)) {
            s->in[i].data = owned[i] = to_layout(&c->in[i], ARC_NHWC);
            s->in[i].layout = ARC_NHWC;
        }
    for (int i = 0; c->st == ARC_OK && i < c->outputs; i++) {
        if (image && s->out[i].dtype == ARC_F32 && s->out[i].shape.rank == 4)
            s->out[i].layout = ARC_NHWC;
        s->out[i].data =
            arc_mem_new(&arc_alloc_libc, (size_t)arc_shape_count(&s->out[i].shape) + 1, arc_dtype_bytes(s->out[i].dtype));
        assert_non_null(s->out[i].data);
    }
    if (c->st == ARC_OK && op->prepare) {
        arc_prepare p = {.step = s, .arena = &arena, .err = &c->err};
        c->st = op->prepare(&p);
    }
    if (c->st == ARC_OK) {
        s->scratch_stride = arc_aligned(s->scratch_bytes);
        s->scratch = arc_mem_new(&arc_alloc_libc, s->scratch_stride + 1, (size_t)arc_pool_threads(s->pool));
        s->shared_scratch = arc_mem_new(&arc_alloc_libc, s->shared_scratch_bytes + 1, 1);
        assert_true(s->scratch && s->shared_scratch);
        op->run(s);
        arc_mem_free(&arc_alloc_libc, s->scratch);
        arc_mem_free(&arc_alloc_libc, s->shared_scratch);
    }
    for (int i = 0; i < c->outputs; i++) {
        c->out[i] = s->out[i];
        c->out[i].layout = ARC_PLAIN;
        if (c->st == ARC_OK)
            c->out[i].data = to_layout(&s->out[i], ARC_PLAIN);
        else
            c->out[i].data = NULL;
        arc_mem_free(&arc_alloc_libc, s->out[i].data);
    }
    for (int i = 0; i < c->inputs; i++)
        arc_mem_free(&arc_alloc_libc, owned[i]);
    arc_arena_free(&arena);
    arc_mem_free(&arc_alloc_libc, in);
    arc_mem_free(&arc_alloc_libc, s);
}

static inline void free_results(call *c) {
    for (int i = 0; i < c->outputs; i++)
        arc_mem_free(&arc_alloc_libc, c->out[i].data);
}

/* Output 0 in both layouts against `want`; absolute tolerance. */
static inline void expect(call *c, int rank, const int64_t *dim, const float *want, double tolerance) {
    for (int layout = ARC_PLAIN; layout <= ARC_NHWC; layout++) {
        run(c, (arc_layout)layout);
        if (c->st != ARC_OK)
            fail_msg("%s", c->err.text);
        assert_int_equal(c->out[0].shape.rank, rank);
        for (int i = 0; i < rank; i++)
            assert_int_equal(c->out[0].shape.dim[i], dim[i]);
        for (int64_t i = 0, n = arc_shape_count(&c->out[0].shape); i < n; i++) {
            const double got = arc_element_real(c->out[0].dtype, c->out[0].data, i);
            if (!(fabs(got - (double)want[i]) <= tolerance))
                fail_msg("%s: element %lld is %g instead of %g (layout %d)", c->op, (long long)i, got, (double)want[i], layout);
        }
        free_results(c);
    }
}

/* The two layouts agree on random data. */
static inline void expect_agreement(call *c, double tolerance) {
    float first[MAX_ELEMENTS];
    run(c, ARC_PLAIN);
    if (c->st != ARC_OK)
        fail_msg("%s", c->err.text);
    const arc_shape shape = c->out[0].shape;
    const int64_t n = arc_shape_count(&shape);
    assert_true(n <= MAX_ELEMENTS);
    for (int64_t i = 0; i < n; i++)
        first[i] = (float)arc_element_real(c->out[0].dtype, c->out[0].data, i);
    free_results(c);
    expect(c, shape.rank, shape.dim, first, tolerance);
}

/* Both layouts against the operator in double. */
static inline void expect_definition(call *c, double tolerance) {
    static double in_data[MAX_INPUTS][MAX_ELEMENTS], out_data[MAX_ELEMENTS];
    static float want[MAX_ELEMENTS];
    arc_node node = {.op = c->op, .name = "test", .attr = c->attr, .attrs = c->attrs, .inputs = c->inputs, .outputs = 1};
    arc_reference_value in[MAX_INPUTS], out = {.data = out_data};
    arc_reference_call definition = {.node = &node, .opset = c->opset, .inputs = c->inputs, .outputs = 1, .out = {&out}};
    run(c, ARC_PLAIN);
    if (c->st != ARC_OK)
        fail_msg("%s", c->err.text);
    out.shape = c->out[0].shape;
    free_results(c);
    for (int i = 0; i < c->inputs; i++) {
        in[i] = (arc_reference_value){c->in[i].shape, in_data[i]};
        definition.in[i] = c->in[i].dtype == ARC_NO_DTYPE ? NULL : &in[i];
        for (int64_t k = 0; definition.in[i] && k < arc_shape_count(&in[i].shape); k++)
            in_data[i][k] = arc_element_real(c->in[i].dtype, c->in[i].data, k);
    }
    assert_true(arc_shape_count(&out.shape) <= MAX_ELEMENTS);
    arc_reference_find(c->op)(&definition);
    for (int64_t i = 0; i < arc_shape_count(&out.shape); i++)
        want[i] = (float)out_data[i];
    expect(c, out.shape.rank, out.shape.dim, want, tolerance);
}

static inline const float *noise(int64_t n, uint64_t seed) {
    static float data[4][MAX_ELEMENTS];
    static int at;
    float *x = data[at++ % 4];
    arc_rng r;
    assert_true(n <= MAX_ELEMENTS);
    arc_rng_seed(&r, seed, 0);
    for (int64_t i = 0; i < n; i++)
        x[i] = arc_rng_normal(&r);
    return x;
}

static inline void expect_refusal(call *c, arc_status st, const char *words) {
    run(c, ARC_PLAIN);
    assert_int_equal(c->st, st);
    if (!strstr(c->err.text, words))
        fail_msg("\"%s\" lacks \"%s\"", c->err.text, words);
    free_results(c);
}

#endif
