/* Layers against small cases worked out by hand and against their definition in double, and the same operator on plain and NHWC
 * tensors: an infer, prepare and run of the table entry itself, without a graph or planner in between. */
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

static void add_input(call *c, arc_dtype t, int rank, const int64_t *dim, const void *data, bool constant) {
    arc_tensor *x = &c->in[c->inputs++];
    *x = (arc_tensor){.dtype = t, .shape.rank = rank, .is_const = constant};
    for (int i = 0; i < rank; i++)
        x->shape.dim[i] = dim[i];
    memcpy(&x->data, &data, sizeof data);
}

static void add_int(call *c, const char *name, int64_t i) {
    c->attr[c->attrs++] = (arc_attr){.name = name, .kind = ARC_ATTR_INT, .i = i};
}
static void add_float(call *c, const char *name, float f) {
    c->attr[c->attrs++] = (arc_attr){.name = name, .kind = ARC_ATTR_FLOAT, .f = f};
}
static void add_text(call *c, const char *name, const char *s) {
    c->attr[c->attrs++] = (arc_attr){.name = name, .kind = ARC_ATTR_STRING, .s = s};
}
static void add_ints(call *c, const char *name, size_t count, const int64_t *ints) {
    c->attr[c->attrs++] = (arc_attr){.name = name, .kind = ARC_ATTR_INTS, .count = count, .ints = ints};
}

/* Element-wise copy between layouts. */
static void *to_layout(const arc_tensor *from, arc_layout layout) {
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
static void run(call *c, arc_layout layout) {
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
        s->scratch_stride = (s->scratch_bytes + ARC_ALIGN - 1) / ARC_ALIGN * ARC_ALIGN;
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

static void free_results(call *c) {
    for (int i = 0; i < c->outputs; i++)
        arc_mem_free(&arc_alloc_libc, c->out[i].data);
}

/* Output 0 in both layouts against `want`; absolute tolerance. */
static void expect(call *c, int rank, const int64_t *dim, const float *want, double tolerance) {
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
static void expect_agreement(call *c, double tolerance) {
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
static void expect_definition(call *c, double tolerance) {
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

static const float *noise(int64_t n, uint64_t seed) {
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

static void expect_refusal(call *c, arc_status st, const char *words) {
    run(c, ARC_PLAIN);
    assert_int_equal(c->st, st);
    if (!strstr(c->err.text, words))
        fail_msg("\"%s\" lacks \"%s\"", c->err.text, words);
    free_results(c);
}

/* ---- element-wise ------------------------------------------------------------------------------------------------ */

static void broadcasts_in_both_layouts(void **state) {
    static const int64_t x[] = {2, 3, 4, 5},
                         shapes[][4] = {{2, 3, 4, 5}, {1, 3, 1, 1}, {2, 1, 4, 5}, {1, 1, 1, 5}, {2, 3, 1, 1}, {1, 1, 1, 1}};
    static const char *const ops[] = {"Add", "Sub", "Mul", "Div", "Min", "Max"};
    (void)state;
    for (size_t o = 0; o < ARC_COUNT(ops); o++)
        for (size_t i = 0; i < ARC_COUNT(shapes); i++)
            for (int cut = 0; cut < 4; cut++) { /* drop leading ones: lower ranks */
                const int64_t *dim = shapes[i];
                if (cut > 0 && (cut > 3 || arc_shape_count(&(arc_shape){cut, {dim[0], dim[1], dim[2], dim[3]}}) != 1))
                    continue;
                call c = {.op = ops[o], .opset = 13, .outputs = 1};
                add_input(&c, ARC_F32, 4, x, noise(120, 1), false);
                add_input(&c, ARC_F32, 4 - cut, dim + cut, noise(120, 2), false);
                expect_definition(&c, 0);
            }
}

static void adds_a_value_a_channel(void **state) {
    static const int64_t dim[] = {1, 2, 1, 3}, per_channel[] = {2, 1, 1};
    static const float x[] = {1, 2, 3, 4, 5, 6}, b[] = {10, 20}, want[] = {11, 12, 13, 24, 25, 26};
    (void)state;
    call c = {.op = "Add", .opset = 7, .outputs = 1};
    add_input(&c, ARC_F32, 4, dim, x, false);
    add_input(&c, ARC_F32, 3, per_channel, b, true);
    expect(&c, 4, dim, want, 0);
}

static void integers_wrap_and_never_trap(void **state) {
    static const int64_t dim[] = {3}, a[] = {7, INT64_MIN, 5}, b[] = {2, -1, 0};
    (void)state;
    call c = {.op = "Div", .opset = 13, .outputs = 1};
    add_input(&c, ARC_I64, 1, dim, a, false);
    add_input(&c, ARC_I64, 1, dim, b, false);
    run(&c, ARC_PLAIN);
    const int64_t *y = c.out[0].data;
    assert_int_equal(y[0], 3);
    assert_int_equal(y[1], INT64_MIN);
    assert_int_equal(y[2], 0);
    free_results(&c);
}

static void casts_saturate_what_c_leaves_open(void **state) {
    static const int64_t dim[] = {4};
    static const float x[] = {NAN, 1e30f, -1.9f, 3.7f};
    (void)state;
    call c = {.op = "Cast", .opset = 13, .outputs = 1};
    add_int(&c, "to", ARC_I64);
    add_input(&c, ARC_F32, 1, dim, x, false);
    run(&c, ARC_PLAIN);
    const int64_t *y = c.out[0].data;
    assert_int_equal(y[0], 0);
    assert_true(y[1] == INT64_MAX);
    assert_int_equal(y[2], -1);
    assert_int_equal(y[3], 3);
    free_results(&c);
}

static void half_floats_round_to_even(void **state) {
    static const double values[] = {1.0, 65504.0, 65519.9, 65520.0, 0x1p-24, 0x1p-25, 2049.0, 2051.0, -0.0};
    static const uint16_t codes[] = {0x3c00, 0x7bff, 0x7bff, 0x7c00, 0x0001, 0x0000, 0x6800, 0x6802, 0x8000};
    (void)state;
    for (size_t i = 0; i < ARC_COUNT(values); i++) {
        uint16_t code;
        arc_element_set_real(ARC_F16, &code, 0, values[i]);
        assert_int_equal(code, codes[i]);
    }
    for (uint32_t code = 0; code < 0x7c00; code++) { /* every finite one comes back */
        uint16_t from = (uint16_t)code, back;
        arc_element_set_real(ARC_F16, &back, 0, arc_element_real(ARC_F16, &from, 0));
        assert_int_equal(back, code);
    }
}

/* ---- activations ------------------------------------------------------------------------------------------------- */

static void activations_agree(void **state) {
    static const char *const ops[] = {"Relu", "LeakyRelu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Elu", "Clip"};
    static const int64_t dim[] = {2, 5, 3, 4}, slope[] = {5, 1, 1}, one[] = {1};
    (void)state;
    for (size_t i = 0; i < ARC_COUNT(ops); i++) {
        call c = {.op = ops[i], .opset = 10, .outputs = 1};
        add_input(&c, ARC_F32, 4, dim, noise(120, 3), false);
        expect_definition(&c, 1e-6);
    }
    call c = {.op = "PRelu", .opset = 9, .outputs = 1};
    add_input(&c, ARC_F32, 4, dim, noise(120, 3), false);
    add_input(&c, ARC_F32, 3, slope, noise(5, 4), true);
    expect_definition(&c, 0);
    call shared = {.op = "PRelu", .opset = 9, .outputs = 1};
    add_input(&shared, ARC_F32, 4, dim, noise(120, 3), false);
    add_input(&shared, ARC_F32, 1, one, noise(1, 4), true);
    expect_definition(&shared, 0);
}

static void clips_by_attribute_and_by_input(void **state) {
    static const int64_t dim[] = {1, 1, 1, 4};
    static const float x[] = {-3, 1, 5, 9}, lo = 0, hi = 6, want[] = {0, 1, 5, 6};
    (void)state;
    call old = {.op = "Clip", .opset = 6, .outputs = 1};
    add_input(&old, ARC_F32, 4, dim, x, false);
    add_float(&old, "min", 0);
    add_float(&old, "max", 6);
    expect(&old, 4, dim, want, 0);
    call new = {.op = "Clip", .opset = 11, .outputs = 1};
    add_input(&new, ARC_F32, 4, dim, x, false);
    add_input(&new, ARC_F32, 0, NULL, &lo, true);
    add_input(&new, ARC_F32, 0, NULL, &hi, true);
    expect(&new, 4, dim, want, 0);
}

static void softmax_of_old_opsets_flattens(void **state) {
    static const int64_t dim[] = {1, 2, 2};
    static const float x[] = {0, 0, 0, 0}, flat[] = {0.25f, 0.25f, 0.25f, 0.25f}, last[] = {0.5f, 0.5f, 0.5f, 0.5f};
    (void)state;
    call old = {.op = "Softmax", .opset = 11, .outputs = 1};
    add_input(&old, ARC_F32, 3, dim, x, false);
    expect(&old, 3, dim, flat, 1e-7);
    call new = {.op = "Softmax", .opset = 13, .outputs = 1};
    add_input(&new, ARC_F32, 3, dim, x, false);
    expect(&new, 3, dim, last, 1e-7);
}

/* ---- normalisation, pooling, resizing ---------------------------------------------------------------------------- */

static void normalises_in_both_layouts(void **state) {
    static const int64_t dim[] = {2, 3, 2, 2}, channels[] = {3}, flat[] = {4, 3};
    static const float gamma[] = {1, 2, 0.5f}, beta[] = {0, 1, -1}, mean[] = {1, 2, 3}, variance[] = {1, 4, 0.25f};
    (void)state;
    for (int constant = 0; constant < 2; constant++)
        for (int rank = 2; rank <= 4; rank += 2) {
            call c = {.op = "BatchNormalization", .opset = 9, .outputs = 1};
            const float *x = noise(24, 5), *p[] = {gamma, beta, mean, variance};
            add_input(&c, ARC_F32, rank, rank == 2 ? flat : dim, x, false);
            for (int i = 0; i < 4; i++)
                add_input(&c, ARC_F32, 1, channels, p[i], constant);
            add_float(&c, "epsilon", 1e-3f);
            expect_definition(&c, 1e-5);
        }
    call c = {.op = "InstanceNormalization", .opset = 9, .outputs = 1};
    add_input(&c, ARC_F32, 4, dim, noise(24, 6), false);
    add_input(&c, ARC_F32, 1, channels, gamma, true);
    add_input(&c, ARC_F32, 1, channels, beta, true);
    expect_definition(&c, 1e-6);
}

static void pools_by_hand(void **state) {
    static const int64_t dim[] = {1, 1, 3, 3}, two[] = {2, 2}, pads[] = {0, 0, 1, 1}, small[] = {1, 1, 2, 2};
    static const float x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, most[] = {5, 6, 8, 9};
    static const float inside[] = {3, 4.5f, 7.5f, 9}, padded[] = {3, 2.25f, 3.75f, 2.25f};
    (void)state;
    call max = {.op = "MaxPool", .opset = 8, .outputs = 1};
    add_input(&max, ARC_F32, 4, dim, x, false);
    add_ints(&max, "kernel_shape", 2, two);
    expect(&max, 4, small, most, 0);
    for (int include = 0; include < 2; include++) {
        call mean = {.op = "AveragePool", .opset = 10, .outputs = 1};
        add_input(&mean, ARC_F32, 4, dim, x, false);
        add_ints(&mean, "kernel_shape", 2, two);
        add_ints(&mean, "strides", 2, two);
        add_ints(&mean, "pads", 4, pads);
        add_int(&mean, "count_include_pad", include);
        expect(&mean, 4, small, include ? padded : inside, 1e-6);
    }
    call ceil = {.op = "AveragePool", .opset = 10, .outputs = 1}; /* windows over the end count what they cover */
    add_input(&ceil, ARC_F32, 4, dim, x, false);
    add_ints(&ceil, "kernel_shape", 2, two);
    add_ints(&ceil, "strides", 2, two);
    add_int(&ceil, "ceil_mode", 1);
    add_int(&ceil, "count_include_pad", 1);
    expect(&ceil, 4, small, inside, 1e-6);
}

static void pools_agree(void **state) {
    static const int64_t dim[] = {2, 5, 7, 6}, three[] = {3, 3}, two[] = {2, 2}, pads[] = {1, 1, 1, 1};
    static const char *const ops[] = {"MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"};
    (void)state;
    for (int i = 0; i < 4; i++)
        for (int variant = 0; variant < 4; variant++) {
            call c = {.op = ops[i], .opset = 12, .outputs = 1};
            add_input(&c, ARC_F32, 4, dim, noise(420, 7), false);
            if (i < 2) {
                add_ints(&c, "kernel_shape", 2, three);
                add_ints(&c, "strides", 2, two);
                if (variant == 1)
                    add_ints(&c, "pads", 4, pads);
                if (variant == 2)
                    add_text(&c, "auto_pad", "SAME_LOWER");
                if (variant == 3)
                    add_int(&c, "ceil_mode", 1);
            }
            expect_definition(&c, 1e-6);
        }
}

static void resizes_by_hand(void **state) {
    static const int64_t dim[] = {1, 1, 1, 2}, four[] = {4}, big[] = {1, 1, 1, 4};
    static const float x[] = {1, 3}, scales[] = {1, 1, 1, 2}, near[] = {1, 1, 3, 3}, half[] = {1, 1.5f, 2.5f, 3},
                       corner[] = {1, 5.0f / 3, 7.0f / 3, 3};
    static const float asymmetric[] = {1, 2, 3, 3};
    static const struct {
        const char *mode, *transform;
        const float *want;
    } cases[] = {{"nearest", "asymmetric", near},
                 {"linear", "half_pixel", half},
                 {"linear", "pytorch_half_pixel", half},
                 {"linear", "align_corners", corner},
                 {"linear", "asymmetric", asymmetric}};
    (void)state;
    for (size_t i = 0; i < ARC_COUNT(cases); i++) {
        call c = {.op = "Resize", .opset = 13, .outputs = 1};
        add_input(&c, ARC_F32, 4, dim, x, false);
        add_input(&c, ARC_NO_DTYPE, 0, NULL, NULL, true);
        add_input(&c, ARC_F32, 1, four, scales, true);
        add_text(&c, "mode", cases[i].mode);
        add_text(&c, "coordinate_transformation_mode", cases[i].transform);
        add_text(&c, "nearest_mode", "floor");
        expect(&c, 4, big, cases[i].want, 1e-6);
    }
    call old = {.op = "Upsample", .opset = 9, .outputs = 1};
    add_input(&old, ARC_F32, 4, dim, x, false);
    add_input(&old, ARC_F32, 1, four, scales, true);
    expect(&old, 4, big, near, 0);
}

static void resizes_agree(void **state) {
    static const int64_t dim[] = {2, 3, 4, 5}, four[] = {4}, sizes[][4] = {{2, 3, 7, 9}, {2, 3, 2, 3}, {2, 5, 4, 5}};
    (void)state;
    for (size_t i = 0; i < ARC_COUNT(sizes); i++)
        for (int linear = 0; linear < 2; linear++) {
            call c = {.op = "Resize", .opset = 11, .outputs = 1};
            add_input(&c, ARC_F32, 4, dim, noise(120, 8), false);
            add_input(&c, ARC_NO_DTYPE, 0, NULL, NULL, true);
            add_input(&c, ARC_NO_DTYPE, 0, NULL, NULL, true);
            add_input(&c, ARC_I64, 1, four, sizes[i], true);
            add_text(&c, "mode", linear ? "linear" : "nearest");
            expect_agreement(&c, 1e-6);
        }
}

/* ---- shapes and movement ----------------------------------------------------------------------------------------- */

static void joins_and_cuts_in_both_layouts(void **state) {
    static const int64_t a[] = {2, 3, 2, 3}, b[] = {2, 2, 2, 3}, starts[] = {-1, 0}, ends[] = {INT64_MIN, 2}, axes[] = {1, 3},
                         steps[] = {-2, 1};
    static const int64_t two[] = {2}, parts[] = {1, 2};
    (void)state;
    call join = {.op = "Concat", .opset = 11, .outputs = 1};
    add_input(&join, ARC_F32, 4, a, noise(36, 9), false);
    add_input(&join, ARC_F32, 4, b, noise(24, 10), false);
    add_int(&join, "axis", 1);
    expect_agreement(&join, 0);
    call cut = {.op = "Slice", .opset = 11, .outputs = 1};
    add_input(&cut, ARC_F32, 4, a, noise(36, 9), false);
    add_input(&cut, ARC_I64, 1, two, starts, true);
    add_input(&cut, ARC_I64, 1, two, ends, true);
    add_input(&cut, ARC_I64, 1, two, axes, true);
    add_input(&cut, ARC_I64, 1, two, steps, true);
    expect_agreement(&cut, 0);
    call split = {.op = "Split", .opset = 11, .outputs = 2};
    add_input(&split, ARC_F32, 4, a, noise(36, 9), false);
    add_int(&split, "axis", 1);
    add_ints(&split, "split", 2, parts);
    expect_agreement(&split, 0);
}

static void slices_backwards(void **state) {
    static const int64_t dim[] = {4}, one[] = {1}, start[] = {3}, end[] = {INT64_MIN}, step[] = {-2}, axis[] = {0}, half[] = {2};
    static const float x[] = {1, 2, 3, 4}, want[] = {4, 2};
    (void)state;
    call c = {.op = "Slice", .opset = 13, .outputs = 1};
    add_input(&c, ARC_F32, 1, dim, x, false);
    add_input(&c, ARC_I64, 1, one, start, true);
    add_input(&c, ARC_I64, 1, one, end, true);
    add_input(&c, ARC_I64, 1, one, axis, true);
    add_input(&c, ARC_I64, 1, one, step, true);
    expect(&c, 1, half, want, 0);
}

static void shapes_must_be_known_and_sound(void **state) {
    static const int64_t dim[] = {2, 3}, two[] = {2}, want[] = {4, -1}, zero[] = {-1, -1};
    static const float x[6] = {0};
    (void)state;
    call unknown = {.op = "Reshape", .opset = 13, .outputs = 1};
    add_input(&unknown, ARC_F32, 2, dim, x, false);
    add_input(&unknown, ARC_I64, 1, two, NULL, false);
    expect_refusal(&unknown, ARC_EUNSUPPORTED, "known at plan time");
    call uneven = {.op = "Reshape", .opset = 13, .outputs = 1};
    add_input(&uneven, ARC_F32, 2, dim, x, false);
    add_input(&uneven, ARC_I64, 1, two, want, true);
    expect_refusal(&uneven, ARC_ESHAPE, "does not reshape");
    call twice = {.op = "Reshape", .opset = 13, .outputs = 1};
    add_input(&twice, ARC_F32, 2, dim, x, false);
    add_input(&twice, ARC_I64, 1, two, zero, true);
    expect_refusal(&twice, ARC_ESHAPE, "malformed");
    call apart = {.op = "Add", .opset = 13, .outputs = 1};
    add_input(&apart, ARC_F32, 2, dim, x, false);
    add_input(&apart, ARC_F32, 1, two, x, false);
    expect_refusal(&apart, ARC_ESHAPE, "do not broadcast");
    /* 2^66 products for one number: more than any integer counts. */
    static const int64_t square[] = {2048, 2048};
    call vast = {.op = "Einsum", .opset = 12, .outputs = 1};
    for (int i = 0; i < 3; i++)
        add_input(&vast, ARC_F32, 2, square, NULL, false);
    add_text(&vast, "equation", "ab,cd,ef->");
    expect_refusal(&vast, ARC_ELIMIT, "too large");
}

/* ---- integers ---------------------------------------------------------------------------------------------------- */

/* One ConvInteger of random codes against the definition. */
static void check_conv_integer(bool x_signed, bool w_signed, int64_t groups, int64_t c_in, int64_t c_out, int64_t kernel,
                               int64_t stride) {
    const int64_t x_dim[] = {2, c_in, 6, 5}, w_dim[] = {c_out, c_in / groups, kernel, kernel}, strides[] = {stride, stride};
    const int64_t pad = kernel / 2, pads[] = {pad, pad, pad, pad}, channels[] = {c_out};
    uint8_t x[2 * 24 * 30], w[40 * 24 * 9], x_zero = 77, w_zero[40];
    arc_rng r;
    arc_rng_seed(&r, (uint64_t)(c_in * 100 + c_out), 1);
    for (size_t i = 0; i < sizeof x; i++)
        x[i] = (uint8_t)arc_rng_u32(&r);
    for (size_t i = 0; i < sizeof w; i++)
        w[i] = (uint8_t)arc_rng_u32(&r);
    for (size_t i = 0; i < sizeof w_zero; i++)
        w_zero[i] = (uint8_t)arc_rng_u32(&r);
    call c = {.op = "ConvInteger", .opset = 10, .outputs = 1};
    const arc_dtype xt = x_signed ? ARC_I8 : ARC_U8, wt = w_signed ? ARC_I8 : ARC_U8;
    add_input(&c, xt, 4, x_dim, x, false);
    add_input(&c, wt, 4, w_dim, w, false);
    add_input(&c, xt, 0, NULL, &x_zero, false);
    add_input(&c, wt, 1, channels, w_zero, true);
    add_ints(&c, "strides", 2, strides);
    add_ints(&c, "pads", 4, pads);
    add_int(&c, "group", groups);
    run(&c, ARC_PLAIN);
    if (c.st != ARC_OK)
        fail_msg("%s", c.err.text);
    const int64_t oh = c.out[0].shape.dim[2], ow = c.out[0].shape.dim[3], in_group = c_in / groups, out_group = c_out / groups;
    const int32_t *y = c.out[0].data;
    for (int64_t i = 0; i < 2 * c_out * oh * ow; i++) {
        const int64_t ox = i % ow, oy = i / ow % oh, o = i / (ow * oh) % c_out, image = i / (ow * oh * c_out);
        int64_t sum = 0;
        for (int64_t k = 0; k < in_group * kernel * kernel; k++) {
            const int64_t iy = oy * stride - pad + k / kernel % kernel, ix = ox * stride - pad + k % kernel;
            const int64_t channel = o / out_group * in_group + k / (kernel * kernel);
            if (iy < 0 || iy >= 6 || ix < 0 || ix >= 5)
                continue;
            sum += (arc_element_int(xt, x, ((image * c_in + channel) * 6 + iy) * 5 + ix) - arc_element_int(xt, &x_zero, 0)) *
                   (arc_element_int(wt, w, o * in_group * kernel * kernel + k) - arc_element_int(wt, w_zero, o));
        }
        if (sum != y[i])
            fail_msg("ConvInteger groups %d, %dx%d: element %d is %d instead of %d", (int)groups, (int)kernel, (int)kernel,
                     (int)i, (int)y[i], (int)sum);
    }
    free_results(&c);
}

static void integer_convolution_is_exact(void **state) {
    (void)state;
    for (int sign = 0; sign < 4; sign++) {
        check_conv_integer(sign & 1, sign & 2, 1, 3, 5, 3, 2);
        check_conv_integer(sign & 1, sign & 2, 1, 24, 40, 1, 1);
        check_conv_integer(sign & 1, sign & 2, 2, 6, 34, 3, 1);
        check_conv_integer(sign & 1, sign & 2, 8, 8, 8, 3, 1);
        check_conv_integer(sign & 1, sign & 2, 8, 8, 8, 3, 2);
        check_conv_integer(sign & 1, sign & 2, 4, 8, 12, 3, 2);
        check_conv_integer(sign & 1, sign & 2, 4, 8, 4, 5, 1);
    }
}

static void quantizes_as_onnx_does(void **state) {
    static const int64_t dim[] = {6};
    static const float x[] = {0, 2, -3, -2.5f, 1.34f, 0.5f}, want[] = {153, 255, 0, 26, 221, 179};
    (void)state;
    call c = {.op = "DynamicQuantizeLinear", .opset = 11, .outputs = 3};
    add_input(&c, ARC_F32, 1, dim, x, false);
    expect(&c, 1, dim, want, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broadcasts_in_both_layouts),
        cmocka_unit_test(adds_a_value_a_channel),
        cmocka_unit_test(integers_wrap_and_never_trap),
        cmocka_unit_test(casts_saturate_what_c_leaves_open),
        cmocka_unit_test(half_floats_round_to_even),
        cmocka_unit_test(activations_agree),
        cmocka_unit_test(clips_by_attribute_and_by_input),
        cmocka_unit_test(softmax_of_old_opsets_flattens),
        cmocka_unit_test(normalises_in_both_layouts),
        cmocka_unit_test(pools_by_hand),
        cmocka_unit_test(pools_agree),
        cmocka_unit_test(resizes_by_hand),
        cmocka_unit_test(resizes_agree),
        cmocka_unit_test(joins_and_cuts_in_both_layouts),
        cmocka_unit_test(slices_backwards),
        cmocka_unit_test(shapes_must_be_known_and_sound),
        cmocka_unit_test(integer_convolution_is_exact),
        cmocka_unit_test(quantizes_as_onnx_does),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
