/* Profiles: every layer's counts by each tool's convention, against what the tools give for the same networks in PyTorch; steps
 * and the layers in them; layers whose shapes are not known; texts. No test depends on how fast the machine is. */
#include "folder.h"
#include "format/format.h"
#include "net_support.h"
#include "shared_context.h"
#include <arcface/profile.h>
#include <math.h>

static arc_profile *profile_of(const arc_model *model, arc_profile_options *opt) {
    arc_profile *p = NULL;
    arc_error err = {0};
    if (arc_profile_model(ctx, model, opt, &p, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return p;
}

static arc_model *zoo(const char *name, int dim) {
    arc_model *model = NULL;
    assert_int_equal(arc_model_new(ctx, name, dim, 1, &model, NULL), ARC_OK);
    return model;
}

/* What thop 0.1.1, ptflops 0.7.5 (both backends) and FlopCounterMode print of these networks, one picture of 112 x 112. */
static void totals_are_those_of_the_tools(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int64_t thop, ptflops, aten, macs, parameters;
    } want[] = {
        {"r18", 2634116608, 2626062848, 2609955328, 2609954816, 24025600},
        {"r34", 4491958272, 4480768512, 4459643392, 4459642880, 34139328},
        {"r50", 6346864640, 6333667840, 6309331456, 6309330944, 43590848},
        {"r100", 12149317632, 12127590912, 12089606656, 12089606144, 65156160},
        {"mbf", 456892928, 451948544, 437520896, 437520896, 2059520},
    };
    for (size_t i = 0; i < ARC_COUNT(want); i++) {
        arc_model *model = zoo(want[i].name, 512);
        arc_profile_options opt;
        arc_profile_options_default(&opt);
        opt.timed = false;
        arc_profile *p = profile_of(model, &opt);
        assert_int_equal(p->total.flops[ARC_FLOPS_THOP], want[i].thop);
        assert_int_equal(p->total.flops[ARC_FLOPS_PTFLOPS], want[i].ptflops);
        assert_int_equal(p->total.flops[ARC_FLOPS_PTFLOPS_ATEN], want[i].aten);
        assert_int_equal(p->total.flops[ARC_FLOPS_TORCH], 2 * want[i].macs);
        assert_int_equal(p->total.flops[ARC_FLOPS_ARCFACE], 2 * want[i].macs);
        assert_int_equal(p->total.macs, want[i].macs);
        assert_int_equal(p->total.parameters, want[i].parameters);
        assert_int_equal(p->total.unknown, 0);
        arc_profile_free(ctx, &p);
        assert_null(p);
        arc_model_free(&model);
    }
}

/* A row for each node; the sums are those of the rows, in each convention and for several pictures. */
static void rows_add_up(void **state) {
    (void)state;
    arc_model *model = zoo("tiny", 8);
    arc_model_facts facts;
    assert_int_equal(arc_model_facts_get(ctx, model, &facts, NULL), ARC_OK);
    for (int k = 0; k < ARC_FLOPS_CONVENTIONS; k++) {
        arc_profile_options opt;
        arc_profile_options_default(&opt);
        opt.timed = false;
        opt.convention = (arc_flops_convention)k;
        arc_profile *p = profile_of(model, &opt);
        arc_profile_total sum = {0};
        assert_int_equal(p->rows, facts.nodes);
        for (int i = 0; i < p->rows; i++) {
            const arc_profile_row *r = &p->row[i];
            assert_true(r->known && !r->added && r->step == -1 && r->timed_in == -1 && *r->name);
            sum.parameters += r->parameters;
            sum.running_statistics += r->running_statistics;
            sum.macs += r->macs;
            sum.flops[k] += r->flops;
            sum.activation_bytes += r->activation_bytes;
            sum.weight_bytes += r->weight_bytes;
        }
        assert_int_equal(sum.parameters, p->total.parameters);
        assert_int_equal(sum.parameters, facts.parameters);
        assert_int_equal(sum.running_statistics, facts.running_statistics);
        assert_int_equal(sum.macs, facts.macs);
        assert_int_equal(sum.flops[k], p->total.flops[k]);
        assert_int_equal(sum.activation_bytes, p->total.activation_bytes);
        assert_int_equal(sum.weight_bytes, facts.weight_bytes);
        assert_int_equal(p->steps, 0);
        arc_profile_free(ctx, &p);
    }
    arc_model_free(&model);
}

static arc_model *saved(net *t, const char *name) {
    arc_model *model = NULL;
    arc_error err = {0};
    arc_model_options opt;
    arc_model_options_default(&opt);
    opt.skip_self_test = true;
    if (arc_onnx_save(t->g, in_folder(name), &err) != ARC_OK ||
        arc_model_load(ctx, in_folder(name), ARC_TASK_UNKNOWN, &opt, &model, &err) != ARC_OK)
        fail_msg("%s", err.text);
    arc_graph_free(&t->g);
    return model;
}

/* One layer after another, by hand: 4 channels of 8 x 8 from a picture of 8 x 8. */
static void a_layer_by_each_convention(void **state) {
    (void)state;
    static const struct {
        const char *op;
        int64_t macs, flops[ARC_FLOPS_CONVENTIONS], activation_bytes;
    } want[] = {
        {"Conv", 256 * 27, {2 * 256 * 27, 256 * 27, 256 * 27 + 256, 256 * 27 + 256, 2 * 256 * 27}, 4 * (192 + 256)},
        {"BatchNormalization", 0, {0, 4 * 256, 2 * 256, 0, 0}, 4 * 512},
        {"PRelu", 0, {0, 256, 2 * 256, 0, 0}, 4 * 512},
        {"Add", 0, {0}, 4 * 512}, /* x + x reads x once */
        {"Relu", 0, {0, 0, 2 * 256, 0, 0}, 4 * 512},
        {"Sigmoid", 0, {0}, 4 * 512},
        {"GlobalAveragePool", 0, {0, 256 + 4, 2 * 256, 0, 0}, 4 * 260},
        {"Flatten", 0, {0}, 4 * 8},
        {"Gemm", 4 * 64, {2 * 256, 256, 256 + 64, 256 + 64, 2 * 256}, 4 * 68},
    };
    for (int k = 0; k < ARC_FLOPS_CONVENTIONS; k++) {
        net t;
        net_new(&t, &arc_alloc_libc, 5);
        int x = net_conv(&t, net_input(&t, "data", net_shape(4, 1, 3, 8, 8)), (net_conv_spec){3, 4, 3, 1, 1, 1, true});
        x = net_prelu(&t, net_batch_norm(&t, x, 4), 4);
        x = net_node(&t, "Relu", net_node(&t, "Add", x, x, ARC_NO_VALUE, NULL), ARC_NO_VALUE, ARC_NO_VALUE, NULL);
        x = net_node(&t, "Sigmoid", x, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
        x = net_node(&t, "GlobalAveragePool", x, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
        net_done(&t, net_gemm(&t, net_node(&t, "Flatten", x, ARC_NO_VALUE, ARC_NO_VALUE, NULL), 4, 64, true));
        arc_model *model = saved(&t, "layers.onnx");
        arc_profile_options opt;
        arc_profile_options_default(&opt);
        opt.timed = false;
        opt.convention = (arc_flops_convention)k;
        arc_profile *p = profile_of(model, &opt);
        assert_int_equal(p->rows, ARC_COUNT(want));
        for (int i = 0; i < p->rows; i++) {
            assert_string_equal(p->row[i].op, want[i].op);
            assert_int_equal(p->row[i].macs, want[i].macs);
            assert_int_equal(p->row[i].flops, want[i].flops[k]);
            assert_int_equal(p->row[i].activation_bytes, want[i].activation_bytes);
        }
        assert_int_equal(p->row[0].parameters, 4 * 27 + 4);
        assert_int_equal(p->row[1].parameters, 8);
        assert_int_equal(p->row[1].running_statistics, 8);
        assert_int_equal(p->row[0].weight_bytes, 4 * (4 * 27 + 4));
        arc_profile_free(ctx, &p);
        arc_model_free(&model);
    }
}

static const arc_roofline roof = {.fp32_gflops = 2, .int8_gops = 4, .read_gb_s = 1};

/* Every layer went into a step or takes none; what is fused stands with the convolution; times add up. */
static void steps_and_their_layers(void **state) {
    (void)state;
    net t;
    net_new(&t, &arc_alloc_libc, 97);
    net_done(&t, net_iresnet(&t, net_input(&t, "data", net_shape(4, 1, 3, 16, 16)), 16, 64));
    arc_model *model = saved(&t, "steps.onnx");
    arc_profile_options opt;
    arc_profile_options_default(&opt);
    opt.roofline = &roof;
    opt.one_thread = true;
    arc_profile *p = profile_of(model, &opt);
    double ms = 0;
    int nodes = 0, added = 0;
    assert_true(p->steps > 5 && p->peak_gflops == 2 && *p->plan_id);
    for (int s = 0; s < p->steps; s++) {
        const arc_profile_step *step = &p->step[s];
        const double bytes_ms = 1e-6 * (double)step->layer.bytes, products_ms = 1e-6 * (double)step->layer.macs;
        ms += step->layer.ms;
        nodes += step->nodes;
        assert_true(fabs(step->roof_ms - fmax(bytes_ms, products_ms)) < 1e-12);
        assert_true(step->one_thread_ms > 0 && step->floor_ms <= products_ms + 1e-12);
    }
    assert_true(fabs(ms - p->total.ms) < 1e-9);
    const char *const into_conv[] = {"BatchNormalization", "PRelu", "Add", "Sub", "Mul"};
    for (int i = 0; i < p->rows; i++) {
        const arc_profile_row *r = &p->row[i];
        added += r->added;
        assert_true(r->step >= 0 && r->timed_in >= 0 && p->row[r->timed_in].step == r->step);
        assert_true(p->row[r->timed_in].timed_in == r->timed_in && p->row[r->timed_in].macs >= r->macs);
        for (size_t k = 0; k < ARC_COUNT(into_conv); k++)
            if (strcmp(r->op, into_conv[k]) == 0)
                assert_true(p->row[r->timed_in].macs > 0);
        if (strcmp(r->op, "BatchNormalization") == 0 && i > 0 && strcmp(r[-1].op, "Conv") == 0)
            assert_int_equal(r->timed_in, i - 1);
        if (strcmp(r->op, "PRelu") == 0) /* of the convolution in front of the normalisation in front of it */
            assert_int_equal(r->timed_in, i - 2);
    }
    assert_int_equal(nodes + added, p->rows);
    assert_string_equal(p->row[0].op, "Sub"); /* goes forward into the stem */
    assert_int_equal(p->row[0].timed_in, 2);
    arc_profile_free(ctx, &p);
    arc_model_free(&model);
}

/* A matrix that does not fit: what is in front of it is counted, and the totals say that they are not all. */
static void shapes_that_are_not_known(void **state) {
    (void)state;
    char *text;
    net t;
    net_new(&t, &arc_alloc_libc, 3);
    const int x = net_input(&t, "data", net_shape(4, 1, 3, 8, 8));
    const int c = net_conv(&t, x, (net_conv_spec){3, 4, 3, 1, 1, 1, true});
    const int f = net_node(&t, "Flatten", c, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    net_done(&t, net_node(&t, "Relu", net_gemm(&t, f, 100, 64, true), ARC_NO_VALUE, ARC_NO_VALUE, NULL));
    arc_model *model = saved(&t, "bent.onnx");
    arc_profile_options opt;
    arc_profile_options_default(&opt);
    opt.timed = false;
    arc_profile *p = profile_of(model, &opt);
    assert_int_equal(p->total.unknown, 2);
    assert_true(p->row[0].known && p->row[1].known && !p->row[2].known && !p->row[3].known);
    assert_int_equal(p->total.macs, 256 * 27);
    assert_int_equal(p->row[2].parameters, 6464);
    assert_int_equal(p->total.parameters, 6464 + 112);
    assert_non_null(strstr(p->why_unknown, "Gemm"));
    assert_int_equal(arc_profile_describe(ctx, p, ARC_PROFILE_LAYERS, ARC_PROFILE_BY_ORDER, 0, &text, NULL), ARC_OK);
    assert_non_null(strstr(text, "at least 6,912\n"));
    assert_non_null(strstr(text, "not counted  2 layers whose shapes are not known: Gemm"));
    arc_text_free(ctx, &text);
    arc_profile_free(ctx, &p);
    arc_model_free(&model);
}

/* An operator that nobody knows: its row and those behind it say so, and it cannot be run. */
static void operators_that_are_not_known(void **state) {
    (void)state;
    net t;
    net_new(&t, &arc_alloc_libc, 3);
    const int c = net_conv(&t, net_input(&t, "data", net_shape(4, 1, 3, 8, 8)), (net_conv_spec){3, 4, 3, 1, 1, 1, true});
    const int odd = net_node(&t, "Frobnicate", c, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    const int y = net_node(&t, "Flatten", odd, ARC_NO_VALUE, ARC_NO_VALUE, NULL);
    assert_int_equal(arc_graph_add_output(t.g, y), ARC_OK);
    assert_int_equal(arc_onnx_save(t.g, in_folder("odd.onnx"), NULL), ARC_OK);
    arc_graph_free(&t.g);
    arc_model *model = NULL;
    arc_profile *p = NULL;
    arc_error err = {0};
    assert_int_equal(arc_model_load(ctx, in_folder("odd.onnx"), ARC_TASK_UNKNOWN, NULL, &model, &err), ARC_EUNSUPPORTED);
    arc_model_options look;
    arc_model_options_default(&look);
    look.look_only = true;
    if (arc_model_load(ctx, in_folder("odd.onnx"), ARC_TASK_UNKNOWN, &look, &model, &err) != ARC_OK)
        fail_msg("%s", err.text);
    arc_profile_options opt;
    arc_profile_options_default(&opt);
    opt.roofline = &roof;
    assert_int_equal(arc_profile_model(ctx, model, &opt, &p, &err), ARC_EUNSUPPORTED);
    assert_null(p);
    assert_non_null(strstr(err.text, "Frobnicate"));
    opt.timed = false;
    p = profile_of(model, &opt);
    assert_int_equal(p->total.unknown, 2);
    assert_true(p->row[0].known && !p->row[1].known && !p->row[2].known);
    assert_string_equal(p->row[1].op, "Frobnicate");
    assert_non_null(strstr(p->why_unknown, "Frobnicate"));
    assert_non_null(strstr(p->why_unknown, "not supported"));
    arc_profile_free(ctx, &p);
    arc_model_free(&model);
}

/* Every allocation of counting, telling and drawing fails in turn: nothing is left behind. */
static void failing_memory(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    arc_context *small = arc_test_context(&heap, 1);
    arc_model *model = NULL;
    arc_profile_options opt;
    assert_int_equal(arc_model_new(small, "tiny", 8, 1, &model, NULL), ARC_OK);
    arc_profile_options_default(&opt);
    opt.timed = false;
    arc_test_walk walk = {.heap = &heap};
    arc_status st;
    do {
        arc_profile *p = NULL;
        char *text = NULL;
        arc_error err = {0};
        arc_test_walk_begin(&walk);
        st = arc_profile_model(small, model, &opt, &p, &err);
        if (st == ARC_OK)
            st = arc_profile_describe(small, p, ARC_PROFILE_JSON, ARC_PROFILE_BY_ORDER, 0, &text, &err);
        if (st == ARC_OK)
            st = arc_profile_page(small, p, in_folder("page.html"), &err);
        arc_text_free(small, &text);
        arc_profile_free(small, &p);
    } while (arc_test_walk_again(&walk, st));
    assert_true(walk.failures > 20);
    arc_model_free(&model);
    arc_context_close(&small);
}

/* ---- texts ----------------------------------------------------------------------------------------------------------------- */

static arc_profile_row rows[3] = {
    {.op = "Conv",
     .name = "=stem",
     .weights = "[64,3,3,3]",
     .known = true,
     .rank = 4,
     .dim = {1, 64, 56, 56},
     .parameters = 1728,
     .macs = 5000000,
     .flops = 10000000,
     .activation_bytes = 1999000,
     .weight_bytes = 1000},
    {.op = "PRelu",
     .name = "a \"b\"",
     .weights = "",
     .known = true,
     .rank = 4,
     .dim = {1, 64, 56, 56},
     .parameters = 64,
     .activation_bytes = 1024,
     .weight_bytes = 256},
    {.op = "Nms", .name = "c", .weights = "", .rank = -1, .step = -1, .timed_in = -1},
};
static arc_profile_step steps[1] = {
    {.layer = {.op = "Conv", .name = "=stem", .output = "y", .algorithm = "igemm", .schedule = "rows", .ms = 4},
     .roof_ms = 1,
     .nodes = 2}};
static arc_profile example = {
    .model = "a.onnx",
    .batch = 1,
    .pieces = 1,
    .height_px = 112,
    .width_px = 96,
    .why_unknown = "Nms: why",
    .rows = 3,
    .row = rows,
    .total = {.parameters = 1792, .macs = 5000000, .flops = {10000000, 5, 6, 7, 8}, .unknown = 1, .ms = 4},
    .steps = 1,
    .step = steps,
    .isa = "generic",
    .precision = "fp32",
    .threads = 1,
    .plan_id = "generic-1",
    .peak_gflops = 10};

static void says(arc_profile_view view, arc_profile_sort sort, int top, const char *want) {
    char *text;
    assert_int_equal(arc_profile_describe(ctx, &example, view, sort, top, &text, NULL), ARC_OK);
    assert_string_equal(text, want);
    arc_text_free(ctx, &text);
}

static void texts(void **state) {
    (void)state;
    char *text;
    says(ARC_PROFILE_CSV, ARC_PROFILE_BY_ORDER, 0,
         "layer,name,operator,weights,output,parameters,running_statistics,macs,flops,activation_bytes,weight_bytes,"
         "flops_per_byte,step,timed_in,ms,percent_of_roofline\n"
         "0,\" =stem\",\"Conv\",\"[64,3,3,3]\",1x64x56x56,1728,0,5000000,10000000,1999000,1000,5.0000,0,0,4.00000,25.0\n"
         "1,\"a \"\"b\"\"\",\"PRelu\",\"\",1x64x56x56,64,0,0,0,1024,256,0.0000,0,0,,\n"
         "2,\"c\",\"Nms\",\"\",?,0,0,,,,0,0.0000,,,,\n");
    says(ARC_PROFILE_CSV, ARC_PROFILE_BY_BYTES, 1,
         "layer,name,operator,weights,output,parameters,running_statistics,macs,flops,activation_bytes,weight_bytes,"
         "flops_per_byte,step,timed_in,ms,percent_of_roofline\n"
         "0,\" =stem\",\"Conv\",\"[64,3,3,3]\",1x64x56x56,1728,0,5000000,10000000,1999000,1000,5.0000,0,0,4.00000,25.0\n");
    assert_int_equal(arc_profile_describe(ctx, &example, ARC_PROFILE_LAYERS, ARC_PROFILE_BY_TIME, 2, &text, NULL), ARC_OK);
    assert_non_null(strstr(text, "a.onnx, 1x3x112x96, generic, fp32, 1 threads; FLOPs as arcface counts them\n"));
    assert_non_null(strstr(text, "    4.0000 100.0%   25.0%  =stem\n"));
    assert_non_null(strstr(text, "      in 0                 a \"b\"\n       and 1 more\n"));
    assert_non_null(strstr(text, "FLOPs        at least 10,000,000 arcface: "));
    assert_non_null(strstr(text, "             at least 5 thop: "));
    arc_text_free(ctx, &text);
}

static void refusals(void **state) {
    (void)state;
    arc_model *model = zoo("tiny", 8);
    arc_profile *p = NULL;
    arc_error err = {0};
    arc_profile_options opt;
    arc_profile_options_default(&opt);
    opt.batch = 4097;
    assert_int_equal(arc_profile_model(ctx, model, &opt, &p, &err), ARC_EINVAL);
    assert_string_equal(err.text, "batch 4097: must be 1 to 4096");
    arc_profile_options_default(&opt);
    opt.size_px = 7;
    assert_int_equal(arc_profile_model(ctx, model, &opt, &p, NULL), ARC_EINVAL);
    arc_profile_options_default(&opt);
    opt.convention = ARC_FLOPS_CONVENTIONS;
    assert_int_equal(arc_profile_model(ctx, model, &opt, &p, NULL), ARC_EINVAL);
    assert_null(p);
    assert_string_equal(arc_flops_convention_name(ARC_FLOPS_CONVENTIONS), "");
    assert_string_equal(arc_flops_convention_about(ARC_FLOPS_CONVENTIONS), "");
    arc_model_free(&model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(totals_are_those_of_the_tools),
        cmocka_unit_test(rows_add_up),
        cmocka_unit_test(a_layer_by_each_convention),
        cmocka_unit_test(steps_and_their_layers),
        cmocka_unit_test(shapes_that_are_not_known),
        cmocka_unit_test(operators_that_are_not_known),
        cmocka_unit_test(failing_memory),
        cmocka_unit_test(texts),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
