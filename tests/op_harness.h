/* Drives one operator by hand: infer, prepare, run, with the memory a session would give it; and the same in double, for
 * comparison. Needs no graph. */
#ifndef ARC_TEST_OP_HARNESS_H
#define ARC_TEST_OP_HARNESS_H

#include "device/reference/reference.h"
#include "support.h"
#include <string.h>

#define OPX_ATTRS 16

typedef struct opx {
    arc_attr attr[OPX_ATTRS];
    int64_t ints[OPX_ATTRS][4];
    arc_node node;
    int input[8], output[1];
    arc_tensor in[8]; /* dtype ARC_NO_DTYPE: omitted */
    arc_tensor out;
    arc_error err;
    bool bf16, f16;
    const char *algorithm; /* that prepare chose */
    bool constant_weights; /* packed when prepared, or at each run */
} opx;

static uint32_t opx_seed = 1;
static inline uint32_t opx_random(void) {
    opx_seed = opx_seed * 1664525u + 1013904223u;
    return opx_seed >> 8;
}
static inline float *opx_floats(size_t n) {
    float *p = malloc(n * sizeof *p + 1);
    for (size_t i = 0; i < n; i++)
        p[i] = (float)opx_random() / (float)(1 << 23) - 1.0f;
    return p;
}

static inline void opx_init(opx *o, const char *op) {
    memset(o, 0, sizeof *o);
    o->node = (arc_node){.op = op,
                         .entry = arc_op_find(op),
                         .name = "under test",
                         .input = o->input,
                         .output = o->output,
                         .outputs = 1,
                         .attr = o->attr};
    o->constant_weights = opx_random() % 2;
}
static inline arc_attr *opx_attr(opx *o, const char *name, arc_attr_kind kind) {
    assert_true(o->node.attrs < OPX_ATTRS);
    arc_attr *a = &o->attr[o->node.attrs++];
    *a = (arc_attr){.name = name, .kind = kind, .value = ARC_NO_VALUE};
    return a;
}
static inline void opx_int(opx *o, const char *name, int64_t i) {
    opx_attr(o, name, ARC_ATTR_INT)->i = i;
}
static inline void opx_float(opx *o, const char *name, float f) {
    opx_attr(o, name, ARC_ATTR_FLOAT)->f = f;
}
static inline void opx_string(opx *o, const char *name, const char *s) {
    arc_attr *a = opx_attr(o, name, ARC_ATTR_STRING);
    a->s = s;
    a->count = strlen(s);
}
static inline void opx_ints(opx *o, const char *name, size_t count, const int64_t *ints) {
    int64_t *mine = o->ints[o->node.attrs];
    memcpy(mine, ints, count * sizeof *ints);
    arc_attr *a = opx_attr(o, name, ARC_ATTR_INTS);
    a->ints = mine;
    a->count = count;
}
static inline void opx_input(opx *o, int i, arc_layout layout, const float *data, int rank, const int64_t *dim) {
    o->in[i] = (arc_tensor){.dtype = ARC_F32, .layout = layout, .data = (void *)(uintptr_t)data};
    o->in[i].shape.rank = rank;
    memcpy(o->in[i].shape.dim, dim, (size_t)rank * sizeof *dim);
    o->node.inputs = i + 1 > o->node.inputs ? i + 1 : o->node.inputs;
}

static inline arc_status opx_infer(opx *o, const arc_op *op) {
    arc_infer infer = {.node = &o->node, .opset = 11, .inputs = o->node.inputs, .outputs = 1, .err = &o->err};
    for (int i = 0; i < o->node.inputs; i++)
        infer.in[i] = o->in[i].dtype == ARC_NO_DTYPE ? NULL : &o->in[i];
    infer.out[0] = &o->out;
    return op->infer(&infer);
}

/* All three stages; the output data is malloc'd. */
static inline float *opx_run(opx *o, const arc_op *op, const arc_kernels *k, arc_pool *pool) {
    if (opx_infer(o, op) != ARC_OK)
        fail_msg("infer: %s", o->err.text);
    o->in[1].is_const = o->constant_weights;
    arc_step *s = calloc(1, sizeof *s);
    arc_arena arena;
    arc_arena_init(&arena, &arc_alloc_libc, 0);
    *s = (arc_step){.op = op,
                    .node = &o->node,
                    .opset = 11,
                    .inputs = o->node.inputs,
                    .outputs = 1,
                    .kernels = k,
                    .pool = pool,
                    .bf16 = o->bf16,
                    .f16 = o->f16};
    memcpy(s->in, o->in, sizeof o->in);
    s->out[0] = o->out;
    const size_t count = (size_t)arc_shape_count(&o->out.shape), threads = (size_t)arc_pool_threads(pool);
    s->out[0].data = malloc(count * sizeof(float) + 1);
    memset(s->out[0].data, 0xff, count * sizeof(float));
    arc_prepare prepare = {.step = s, .arena = &arena, .err = &o->err};
    if (op->prepare && op->prepare(&prepare) != ARC_OK)
        fail_msg("prepare: %s", o->err.text);
    s->scratch_stride = arc_aligned(s->scratch_bytes);
    s->scratch = arc_mem_raw(&arc_alloc_libc, threads, s->scratch_stride);
    s->shared_scratch = arc_mem_raw(&arc_alloc_libc, s->shared_scratch_bytes, 1);
    op->run(s);
    o->algorithm = s->algorithm;
    float *out = s->out[0].data;
    arc_mem_free(&arc_alloc_libc, s->scratch);
    arc_mem_free(&arc_alloc_libc, s->shared_scratch);
    arc_arena_free(&arena);
    free(s);
    return out;
}

/* ---- in double ------------------------------------------------------------------------------------------------------------- */

/* Input i as plain doubles, absolute ones if asked for. */
static inline arc_reference_value opx_doubled(const arc_tensor *t, bool absolute) {
    const size_t count = (size_t)arc_shape_count(&t->shape), channels = t->layout == ARC_NHWC ? (size_t)t->shape.dim[1] : 1;
    const size_t pixels = t->layout == ARC_NHWC ? (size_t)(t->shape.dim[2] * t->shape.dim[3]) : 1, image = channels * pixels;
    arc_reference_value v = {t->shape, malloc(count * sizeof(double) + 1)};
    for (size_t i = 0; i < count; i++) {
        const size_t at = t->layout == ARC_NHWC ? i / image * image + i % pixels * channels + i / pixels % channels : i;
        const double x = (double)((const float *)t->data)[at];
        v.data[i] = absolute ? fabs(x) : x;
    }
    return v;
}

/* The output as op defines it, plain row-major, malloc'd. With `sizes`: of absolute inputs and without bias, residual and
 * activation, which is the sum of the absolute products, in units of which errors are told. */
static inline double *opx_doubles(opx *o, const arc_op *op, bool sizes) {
    arc_attr attr[OPX_ATTRS];
    arc_node node = o->node;
    arc_reference_value in[8], out;
    arc_reference_call call = {.node = &node, .opset = 11, .inputs = o->node.inputs, .outputs = 1, .out = {&out}};
    if (opx_infer(o, op) != ARC_OK)
        fail_msg("infer: %s", o->err.text);
    node.attr = attr;
    node.attrs = 0;
    for (int i = 0; i < o->node.attrs; i++)
        if (!sizes || strcmp(o->attr[i].name, "arc.act") != 0)
            attr[node.attrs++] = o->attr[i];
    for (int i = 0; i < o->node.inputs; i++) {
        const bool product = i < 2 || i == ARC_CONV_PAD_VALUE || i == ARC_CONV_OUT_SCALE || i == ARC_CONV_IN_SCALE;
        if (o->in[i].dtype == ARC_NO_DTYPE || (sizes && !product))
            continue;
        in[i] = opx_doubled(&o->in[i], sizes);
        call.in[i] = &in[i];
    }
    out = (arc_reference_value){o->out.shape, malloc((size_t)arc_shape_count(&o->out.shape) * sizeof(double) + 1)};
    arc_reference_find(op->name)(&call);
    for (int i = 0; i < o->node.inputs; i++)
        if (call.in[i])
            free(in[i].data);
    return out.data;
}

#endif
