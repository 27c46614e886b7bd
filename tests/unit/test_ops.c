/* The operator table, entry by entry: what each must have, and facts that its own infer and run must bear out. */
#include "op/layer.h"
#include "op_harness.h"

enum { CHANNELS = 4, PIXELS = 9, COUNT = CHANNELS * PIXELS };
static const int64_t map[4] = {1, CHANNELS, 3, 3};

static void every_entry_is_whole(void **state) {
    (void)state;
    size_t entries = 0;
    for (const arc_op *op; (op = arc_op_at(entries)) != NULL; entries++) {
        assert_true(op->name[0] != 0);
        if (!op->infer || !op->run)
            fail_msg("%s lacks infer or run", op->name);
        if (op->layout == ARC_OP_NHWC ? !(op->nhwc_inputs & ARC_INPUT(0)) : op->nhwc_inputs != 0)
            fail_msg("%s: its layout and its NHWC inputs do not agree", op->name);
        if (op->weight_inputs & op->statistic_inputs)
            fail_msg("%s counts an input as weights and as statistics", op->name);
        if (op->number_is_setting && !op->weight_inputs)
            fail_msg("%s has a rule for weights and no weights", op->name);
        if (op->made_by_passes != (strncmp(op->name, "arc.", 4) == 0))
            fail_msg("%s: an operator that passes make is named arc.*, and no other is", op->name);
        if (op->in_place && op->layout != ARC_OP_SAME)
            fail_msg("%s works in place and is not element-wise", op->name);
        if (!op->learn_prepare != !op->forward || !op->forward != !op->backward)
            fail_msg("%s has a part of what learning needs, not all", op->name);
        if (op->forward && (op->made_by_passes || op->shape_query))
            fail_msg("%s can't learn and has a gradient", op->name);
        if (op->shape_query && op->layout != ARC_OP_PLAIN)
            fail_msg("%s looks at shapes alone and wants a layout", op->name);
        if (op->moves && (op->macs || op->weight_inputs || op->statistic_inputs || op->in_place || op->shape_query || op->view))
            fail_msg("%s moves elements and does something else as well", op->name);
    }
    assert_true(entries > 100);
    assert_null(arc_op_at(entries + 1));
}

/* What the learner says it takes (learn/learner.h) has its gradient; nothing else has. */
static void learnable_operators_are_known(void **state) {
    (void)state;
    static const char *const names[] = {"Conv", "BatchNormalization", "PRelu", "Relu",    "Add",     "Sub",    "Mul",
                                        "Div",  "GlobalAveragePool",  "Gemm",  "Sigmoid", "Flatten", "Reshape"};
    size_t learnable = 0;
    for (size_t i = 0; arc_op_at(i); i++)
        learnable += arc_op_at(i)->forward != NULL;
    assert_int_equal(learnable, ARC_COUNT(names));
    for (size_t i = 0; i < ARC_COUNT(names); i++)
        if (!arc_op_find(names[i])->backward)
            fail_msg("%s has no gradient", names[i]);
}

/* What a device may leave to the entry's own run, in any type (device/reference/column.c). */
static void operators_that_move_are_known(void **state) {
    (void)state;
    static const char *const names[] = {"Concat", "Split",     "Slice",        "Gather",       "Expand",         "Tile",
                                        "Pad",    "Transpose", "DepthToSpace", "SpaceToDepth", "ConstantOfShape"};
    size_t moving = 0;
    for (size_t i = 0; arc_op_at(i); i++)
        moving += arc_op_at(i)->moves;
    assert_int_equal(moving, ARC_COUNT(names));
    for (size_t i = 0; i < ARC_COUNT(names); i++)
        if (!arc_op_find(names[i])->moves)
            fail_msg("%s moves and does not say so", names[i]);
}

static void names_and_kinds_are_unique(void **state) {
    (void)state;
    for (size_t i = 0; arc_op_at(i); i++) {
        const arc_op *op = arc_op_at(i);
        if (arc_op_find(op->name) != op)
            fail_msg("%s is in the table twice", op->name);
        for (size_t k = 0; op->kind != ARC_KIND_OTHER && k < i; k++)
            if (arc_op_at(k)->kind == op->kind)
                fail_msg("%s and %s are of one kind", op->name, arc_op_at(k)->name);
    }
    assert_null(arc_op_find("Foo"));
    assert_null(arc_op_find(""));
}

/* A call with x [1,4,3,3] and, where one input does not do, a second one. */
static void call_with(opx *o, const arc_op *op, const float *x, const float *y) {
    static const int64_t channel[3] = {CHANNELS, 1, 1}, axes[1] = {0};
    opx_init(o, op->name);
    if (strstr(op->name, "squeeze"))
        opx_ints(o, "axes", 1, axes);
    opx_input(o, 0, ARC_PLAIN, x, 4, map);
    if (strcmp(op->name, "Reshape") == 0) {
        static const int64_t shape[2] = {CHANNELS, PIXELS};
        o->in[1] = (arc_tensor){.dtype = ARC_I64, .shape = {1, {2}}, .data = (void *)(uintptr_t)shape};
        o->node.inputs = 2;
    } else if (opx_infer(o, op) != ARC_OK) {
        if (strcmp(op->name, "PRelu") == 0)
            opx_input(o, 1, ARC_PLAIN, y, 3, channel);
        else
            opx_input(o, 1, ARC_PLAIN, y, 4, map);
    }
    if (opx_infer(o, op) != ARC_OK)
        fail_msg("%s: %s", op->name, o->err.text);
}

static void run_into(const opx *o, const arc_op *op, void *out) {
    arc_step *s = calloc(1, sizeof *s);
    *s = (arc_step){.op = op, .node = &o->node, .opset = 11, .inputs = o->node.inputs, .outputs = 1};
    s->kernels = arc_kernels_of(ARC_ISA_GENERIC);
    memcpy(s->in, o->in, sizeof o->in);
    s->out[0] = o->out;
    s->out[0].data = out;
    assert_null(op->prepare);
    op->run(s);
    free(s);
}

static void in_place_gives_the_same_bits(void **state) {
    (void)state;
    int found = 0;
    for (size_t i = 0; arc_op_at(i); i++) {
        const arc_op *op = arc_op_at(i);
        if (!op->in_place)
            continue;
        opx o;
        float *x = opx_floats(COUNT), *y = opx_floats(COUNT), apart[COUNT];
        call_with(&o, op, x, y);
        if (o.out.dtype != ARC_F32 || !arc_shape_equal(&o.out.shape, &o.in[0].shape))
            fail_msg("%s works in place and gives another shape or type", op->name);
        run_into(&o, op, apart);
        run_into(&o, op, x);
        if (memcmp(apart, x, sizeof apart) != 0)
            fail_msg("%s gives other bits in place", op->name);
        free(x);
        free(y);
        found++;
    }
    assert_true(found >= 10);
}

static void views_keep_the_bytes(void **state) {
    (void)state;
    int found = 0;
    for (size_t i = 0; arc_op_at(i); i++) {
        const arc_op *op = arc_op_at(i);
        if (!op->view)
            continue;
        opx o;
        float *x = opx_floats(COUNT), out[COUNT];
        call_with(&o, op, x, x);
        if (o.out.dtype != ARC_F32 || arc_shape_count(&o.out.shape) != COUNT)
            fail_msg("%s is a view with another number of elements", op->name);
        run_into(&o, op, out);
        if (memcmp(out, x, sizeof out) != 0)
            fail_msg("%s is a view and moves elements", op->name);
        free(x);
        found++;
    }
    assert_true(found >= 5);
}

static void shape_queries_need_no_data(void **state) {
    (void)state;
    int found = 0;
    for (size_t i = 0; arc_op_at(i); i++) {
        const arc_op *op = arc_op_at(i);
        if (!op->shape_query)
            continue;
        opx o;
        int64_t out[4] = {0};
        call_with(&o, op, NULL, NULL);
        assert_int_equal(o.out.dtype, ARC_I64);
        assert_in_range(arc_shape_count(&o.out.shape), 1, 4);
        run_into(&o, op, out);
        assert_true(out[0] == map[0] || out[0] == COUNT);
        found++;
    }
    assert_int_equal(found, 2);
}

static void products_are_counted(void **state) {
    (void)state;
    static const struct {
        const char *op;
        arc_shape in, weights, out;
        int64_t macs;
    } cases[] = {{"Conv", {4, {2, 4, 8, 8}}, {4, {6, 4, 3, 3}}, {4, {2, 6, 4, 4}}, 2 * 6 * 16 * 4 * 9},
                 {"ConvTranspose", {4, {2, 4, 8, 8}}, {4, {4, 6, 2, 2}}, {4, {2, 6, 16, 16}}, 2 * 4 * 64 * 6 * 4},
                 {"DeformConv", {4, {1, 4, 8, 8}}, {4, {6, 4, 3, 3}}, {4, {1, 6, 8, 8}}, 6 * 64 * 4 * 9},
                 {"ConvInteger", {4, {1, 4, 8, 8}}, {4, {6, 4, 1, 1}}, {4, {1, 6, 8, 8}}, 6 * 64 * 4},
                 {"Gemm", {2, {3, 10}}, {2, {7, 10}}, {2, {3, 7}}, 3 * 7 * 10},
                 {"MatMul", {3, {2, 3, 10}}, {2, {10, 7}}, {3, {2, 3, 7}}, 2 * 3 * 7 * 10},
                 {"MatMulInteger", {2, {3, 10}}, {2, {10, 7}}, {2, {3, 7}}, 3 * 7 * 10},
                 {"arc.Int8Conv", {4, {1, 4, 8, 8}}, {4, {6, 4, 3, 3}}, {4, {1, 6, 8, 8}}, 6 * 64 * 4 * 9},
                 {"arc.Int8Gemm", {2, {3, 10}}, {2, {7, 10}}, {2, {3, 7}}, 3 * 7 * 10},
                 {"Relu", {2, {3, 10}}, {2, {7, 10}}, {2, {3, 10}}, 0}};
    size_t counted = 0;
    for (size_t i = 0; i < ARC_COUNT(cases); i++) {
        const arc_op *op = arc_op_find(cases[i].op);
        assert_non_null(op);
        const int64_t macs = arc_op_macs(op, &cases[i].in, &cases[i].weights, &cases[i].out);
        if (macs != cases[i].macs)
            fail_msg("%s counts %lld, not %lld", op->name, (long long)macs, (long long)cases[i].macs);
        counted += op->macs != NULL;
    }
    for (size_t i = 0; arc_op_at(i); i++)
        counted -= arc_op_at(i)->macs != NULL;
    assert_int_equal(counted, 0); /* no entry that counts is missing above */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_entry_is_whole),          cmocka_unit_test(learnable_operators_are_known),
        cmocka_unit_test(operators_that_move_are_known), cmocka_unit_test(names_and_kinds_are_unique),
        cmocka_unit_test(in_place_gives_the_same_bits),  cmocka_unit_test(views_keep_the_bytes),
        cmocka_unit_test(shape_queries_need_no_data),    cmocka_unit_test(products_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
