/* The files of generation: a generator goes on from its state bit for bit; a damaged state, or that of other targets, options or
 * another model changes nothing; every system call fails in turn; statistics measured on crops. */
#include "data_support.h"
#include "faulty_sys.h"
#include "generate/measure.h"
#include "generate_support.h"
#include "shared_context.h"

static generate_net own;

static int begin(void **state) {
    if (open_context(state) != 0)
        return -1;
    own = generate_network("r10");
    generate_weights(ctx, &own);
    return 0;
}

static int end(void **state) {
    arc_graph_free(&own.model.graph);
    return close_context(state);
}

static arc_generate_options few(void) {
    arc_generate_options o;
    arc_generate_options_default(&o);
    o.steps = 10;
    return o;
}

static void same_pictures(arc_generator *a, arc_generator *b) {
    for (int l = 0; l < a->levels; l++)
        for (int k = 0; k < 6; k++) {
            const float *x = k < 3 ? a->level[l].now[k] : a->level[l].before[k - 3];
            const float *y = k < 3 ? b->level[l].now[k] : b->level[l].before[k - 3];
            assert_memory_equal(x, y, arc_generate_count(&a->level[l].size) * sizeof *x);
        }
    assert_int_equal(a->at.step, b->at.step);
    assert_int_equal(a->at.halvings, b->at.halvings);
    assert_int_equal(a->at.in_row, b->at.in_row);
}

static void save(const arc_generator *g, const char *name) {
    arc_error err = {0};
    if (arc_generator_save(g, in_folder(name), &err) != ARC_OK)
        fail_msg("%s", err.text);
}

/* At every step, those in which levels join and the one after a step that was not finite among them. */
static void goes_on_bit_for_bit(void **state) {
    (void)state;
    arc_generate_options o = few();
    for (int wild = 0; wild < 2; wild++) {
        o.clip = !wild;
        o.rate = wild ? 1e25 : 0.1;
        o.warmup = wild ? 0 : 3;
        for (int at = 0; at < 8; at += 1 + wild) {
            arc_generator *a = generate_new(ctx, &own, false, &o), *b = generate_new(ctx, &own, false, &o);
            arc_error err = {0};
            for (int i = 0; i < at; i++)
                generate_step(a);
            save(a, "state");
            if (arc_generator_load(b, in_folder("state"), &err) != ARC_OK)
                fail_msg("%s", err.text);
            same_pictures(a, b);
            for (int i = 0; i < 3; i++) {
                const arc_generate_losses x = generate_step(a).losses, y = generate_step(b).losses;
                assert_memory_equal(&x, &y, sizeof x);
            }
            same_pictures(a, b);
            arc_generator_free(&a);
            arc_generator_free(&b);
        }
    }
}

static void others_are_refused(void **state) {
    (void)state;
    arc_generate_options o = few();
    arc_generator *g = generate_new(ctx, &own, false, &o);
    arc_error err = {0};
    generate_step(g);
    save(g, "own");
    for (int kind = 0; kind < 3; kind++) {
        arc_generate_options other = o;
        other.seed = kind == 0;
        other.tv_weight *= kind == 1 ? 2 : 1;
        arc_generator *b = generate_new(ctx, &own, kind == 2, &other);
        assert_int_equal(arc_generator_load(b, in_folder("own"), &err), ARC_EINVAL);
        assert_non_null(strstr(err.text, "other options"));
        assert_int_equal(arc_generator_steps_done(b), 0);
        arc_generator_free(&b);
    }
    arc_generator_free(&g);
}

/* Wherever a byte is bent: refused, and the generator is as it was, or the byte was padding. */
static void damaged_files_change_nothing(void **state) {
    (void)state;
    arc_generate_options o = few();
    arc_generator *g = generate_new(ctx, &own, false, &o), *fresh = generate_new(ctx, &own, false, &o);
    arc_map map;
    for (int i = 0; i < 2; i++)
        generate_step(g);
    save(g, "whole");
    assert_int_equal(arc_map_open(&map, in_folder("whole"), 1 << 30, NULL), ARC_OK);
    uint8_t *bytes = malloc(map.bytes);
    int refused = 0;
    for (size_t at = 0; at < map.bytes; at += at < 400 ? 7 : map.bytes / 31) {
        memcpy(bytes, map.data, map.bytes);
        bytes[at] ^= 0x10;
        assert_int_equal(arc_file_save(&arc_alloc_libc, in_folder("bent"), bytes, at % 2 ? at : map.bytes, NULL), ARC_OK);
        const arc_status st = arc_generator_load(fresh, in_folder("bent"), NULL);
        refused += st != ARC_OK;
        if (st != ARC_OK)
            assert_int_equal(arc_generator_steps_done(fresh), 0);
        arc_generator_free(&fresh);
        fresh = generate_new(ctx, &own, false, &o);
    }
    assert_true(refused > 60);
    free(bytes);
    arc_map_close(&map);
    arc_generator_free(&g);
    arc_generator_free(&fresh);
}

/* The old state stays whole, or the new one is there. */
static void any_system_call_may_fail(void **state) {
    (void)state;
    arc_generate_options o = few();
    arc_generator *g = generate_new(ctx, &own, false, &o), *back = generate_new(ctx, &own, false, &o);
    arc_error err = {0};
    generate_step(g);
    save(g, "disk");
    generate_step(g);
    for (long n = 1;; n++) {
        arc_faults_begin((arc_faults){.at = n, .on = true, .reason = ENOSPC});
        const arc_status st = arc_generator_save(g, in_folder("disk"), &err);
        const bool all = arc_faults_end() < n;
        assert_true(st == ARC_OK || !all);
        assert_int_equal(arc_generator_load(back, in_folder("disk"), &err), ARC_OK);
        if (st == ARC_OK)
            assert_int_equal(arc_generator_steps_done(back), 2);
        else
            assert_non_null(strstr(err.text, test_folder()));
        if (all)
            break;
    }
    arc_generator_free(&g);
    arc_generator_free(&back);
}

/* ---- measured statistics -----------------------------------------------------------------------------------------------------
 */

enum { CROPS = 20 };

static void paint(arc_image *crop) {
    for (int i = 0; i < CROPS; i++) {
        assert_int_equal(arc_image_new(ctx, own.side, own.side, &crop[i], NULL), ARC_OK);
        for (int k = 0; k < own.side * own.side * 3; k++)
            crop[i].data[k / (own.side * 3) * crop[i].stride_bytes + k % (own.side * 3)] =
                (uint8_t)(127.5f + 100 * learn_number("crops", (uint32_t)(i * own.side * own.side * 3 + k)));
    }
}

/* The network with its first BatchNormalization behind a convolution folded away: its bias tells. */
static generate_net folded_net(void) {
    generate_net f = own;
    const arc_graph_copying how = {0};
    assert_int_equal(arc_graph_copy(&f.model.graph, own.model.graph, &arc_alloc_libc, &how, NULL), ARC_OK);
    arc_graph *g = f.model.graph;
    int bn = -1, conv = -1;
    for (int i = 0; i < g->nodes; i++) {
        conv = strcmp(g->node[i].name, "conv1") == 0 ? i : conv;
        bn = strcmp(g->node[i].name, "bn1") == 0 ? i : bn;
    }
    assert_true(bn >= 0 && conv >= 0);
    const float *part[4];
    for (int k = 0; k < 4; k++)
        part[k] = g->value[g->node[bn].input[k + 1]].data;
    const arc_shape shape = g->value[g->node[bn].input[1]].shape, *weights = &g->value[g->node[conv].input[1]].shape;
    void *bias;
    int input[3] = {g->node[conv].input[0], g->node[conv].input[1],
                    arc_graph_constant_new(g, "conv1.bias", ARC_F32, &shape, &bias)};
    float *w = (float *)(uintptr_t)g->value[input[1]].data;
    const size_t each = (size_t)(arc_shape_count(weights) / weights->dim[0]);
    for (size_t c = 0; c < (size_t)shape.dim[0]; c++) {
        const float scale = part[0][c] / sqrtf(part[3][c] + 1e-5f);
        ((float *)bias)[c] = part[1][c] - part[2][c] * scale;
        for (size_t k = 0; k < each; k++)
            w[c * each + k] *= scale;
    }
    arc_node *n = &g->node[conv];
    n->input = arc_arena_new(&g->arena, 3, sizeof *n->input);
    memcpy(n->input, input, sizeof input);
    n->inputs = 3;
    n->output[0] = g->node[bn].output[0];
    memmove(&g->node[bn], &g->node[bn + 1], (size_t)(g->nodes - bn - 1) * sizeof *g->node);
    g->nodes--;
    arc_error err = {0};
    if (arc_graph_check(g, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return f;
}

static void measure(const generate_net *n, const arc_image *crop, const char *name) {
    arc_error err = {0};
    if (arc_generate_measure(ctx, &n->model, crop, CROPS, in_folder(name), NULL, NULL, &err) != ARC_OK)
        fail_msg("%s", err.text);
}

/* The statistics of each place are those of all crops together, in whatever batches they were seen. */
static void measured_statistics_are_the_crops(void **state) {
    (void)state;
    arc_image crop[CROPS];
    paint(crop);
    measure(&own, crop, "measured");
    arc_generate_options o = few();
    o.statistics = in_folder("measured");
    arc_generator *g = generate_new(ctx, &own, false, &o);
    arc_generate_facts f;
    arc_generator_facts(g, &f);
    assert_true(f.measured && f.batchnorms == f.used && f.folded == 0);

    arc_graph *graph = NULL;
    arc_learner *l = NULL;
    arc_generate_places places;
    const size_t image = (size_t)(3 * own.side * own.side), plane = image / 3;
    float *input = malloc(CROPS * image * sizeof *input);
    const float *embedding;
    assert_int_equal(arc_generate_learner(&l, &graph, &places, ctx, &own.model, CROPS, false, NULL), ARC_OK);
    for (size_t i = 0; i < CROPS * image; i++) {
        const size_t at = i % plane;
        const uint8_t value =
            crop[i / image].data[at / (size_t)own.side * (size_t)crop->stride_bytes + at % (size_t)own.side * 3 + i / plane % 3];
        input[i] = ((float)value - 127.5f) / 127.5f;
    }
    learn_forward(l, input, CROPS, &embedding);
    for (size_t p = 0; p < g->statistics.places; p++)
        for (size_t c = 0; c < arc_learner_norm(l, p)->channels; c++) {
            const double mean = (double)arc_learner_norm(l, p)->mean[c];
            const double deviation = sqrt((double)arc_learner_norm(l, p)->variance[c] + ARC_GENERATE_LEAST_VARIANCE);
            assert_true(fabs((double)g->statistics.mean[g->statistics.first[p] + c] - mean) < 1e-4 * (fabs(mean) + deviation));
            assert_true(fabs((double)g->statistics.deviation[g->statistics.first[p] + c] / deviation - 1) < 1e-4);
        }
    free(input);
    arc_learner_free(&l);
    arc_graph_free(&graph);
    arc_generator_free(&g);
    for (int i = 0; i < CROPS; i++)
        arc_image_free(ctx, &crop[i]);
}

/* A network whose input has no size of its own takes crops of the contract's. */
static void networks_of_any_size_are_measured(void **state) {
    (void)state;
    arc_image crop[CROPS];
    paint(crop);
    generate_net any = own;
    const arc_graph_copying how = {0};
    assert_int_equal(arc_graph_copy(&any.model.graph, own.model.graph, &arc_alloc_libc, &how, NULL), ARC_OK);
    arc_shape *input = &any.model.graph->value[any.model.graph->input[0]].shape;
    input->dim[2] = input->dim[3] = -1;
    measure(&own, crop, "measured");
    measure(&any, crop, "measured-any");
    arc_map a, b;
    assert_int_equal(arc_map_open(&a, in_folder("measured"), SIZE_MAX, NULL), ARC_OK);
    assert_int_equal(arc_map_open(&b, in_folder("measured-any"), SIZE_MAX, NULL), ARC_OK);
    assert_int_equal(a.bytes, b.bytes);
    assert_memory_equal(a.data, b.data, a.bytes);
    arc_map_close(&a);
    arc_map_close(&b);
    arc_graph_free(&any.model.graph);
    for (int i = 0; i < CROPS; i++)
        arc_image_free(ctx, &crop[i]);
}

/* Where one was folded there is a place again: what is measured there is what the folded one gave out. */
static void folded_places_are_measured(void **state) {
    (void)state;
    arc_image crop[CROPS];
    paint(crop);
    generate_net f = folded_net();
    arc_generate_options o = few();
    arc_generator *g = generate_new(ctx, &f, false, &o), *whole = generate_new(ctx, &own, false, &o);
    arc_generate_facts facts, all;
    arc_generator_facts(g, &facts);
    arc_generator_facts(whole, &all);
    assert_int_equal(facts.batchnorms, all.batchnorms - 1);
    assert_int_equal(facts.folded, 1);
    assert_int_equal(facts.used, facts.batchnorms);
    const double cosine = generate_step(g).losses.cosine, before = generate_step(whole).losses.cosine;
    assert_true(fabs(cosine - before) < 1e-4); /* the same network */
    arc_generator_free(&g);
    measure(&f, crop, "folded");
    o.statistics = in_folder("folded");
    g = generate_new(ctx, &f, false, &o);
    arc_generator_facts(g, &facts);
    assert_int_equal(facts.used, all.used);
    for (size_t i = 0; i < g->statistics.places; i++)
        assert_int_equal(g->statistics.folded[i], i == 0);
    assert_true(fabs(generate_step(g).losses.cosine - cosine) < 1e-4); /* the places change nothing */
    arc_generator_free(&g);

    /* measured on another network */
    arc_generate_targets t = {.struct_size = sizeof t, .images = 1, .dim = GENERATE_DIM};
    arc_error err = {0};
    float *rows = learn_numbers("targets", GENERATE_DIM, 1, 0);
    t.embedding = rows;
    assert_int_equal(arc_generator_new(ctx, &own.model, &t, &o, &g, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "another network"));
    free(rows);
    arc_generator_free(&whole);
    arc_graph_free(&f.model.graph);
    for (int i = 0; i < CROPS; i++)
        arc_image_free(ctx, &crop[i]);
}

/* A file may have the fully connected layer's weights as [in][out]. */
static void turned_weights_are_the_same_network(void **state) {
    (void)state;
    generate_net t = own;
    const arc_graph_copying how = {0};
    assert_int_equal(arc_graph_copy(&t.model.graph, own.model.graph, &arc_alloc_libc, &how, NULL), ARC_OK);
    arc_graph *g = t.model.graph;
    const arc_value *w = &g->value[arc_graph_find(g, "fc.weight")];
    const int64_t out = w->shape.dim[0], in = w->shape.dim[1];
    const float *from = w->data;
    const arc_shape shape = net_shape(2, in, out, 0, 0);
    void *data;
    const int turned = arc_graph_constant_new(g, "fc.other", ARC_F32, &shape, &data);
    for (int64_t i = 0; i < in * out; i++)
        ((float *)data)[i % in * out + i / in] = from[i];
    for (int i = 0; i < g->nodes; i++)
        if (strcmp(g->node[i].name, "fc") == 0) {
            g->node[i].input[1] = turned;
            assert_int_equal(arc_node_int(g, &g->node[i], "transB", 0), ARC_OK);
        }
    assert_int_equal(arc_graph_check(g, NULL), ARC_OK);
    const arc_generate_options o = few();
    arc_generator *a = generate_new(ctx, &own, false, &o), *b = generate_new(ctx, &t, false, &o);
    for (int i = 0; i < 2; i++) {
        const arc_generate_losses x = generate_step(a).losses, y = generate_step(b).losses;
        assert_memory_equal(&x, &y, sizeof x);
    }
    arc_generator_free(&a);
    arc_generator_free(&b);
    arc_graph_free(&t.model.graph);
}

static void crops_that_do_not_fit_are_refused(void **state) {
    (void)state;
    arc_image crop[CROPS];
    arc_error err = {0};
    paint(crop);
    assert_int_equal(arc_generate_measure(ctx, &own.model, crop, 1, in_folder("no"), NULL, NULL, &err), ARC_EINVAL);
    arc_image_free(ctx, &crop[3]);
    assert_int_equal(arc_image_new(ctx, own.side + 1, own.side, &crop[3], NULL), ARC_OK);
    assert_int_equal(arc_generate_measure(ctx, &own.model, crop, CROPS, in_folder("no"), NULL, NULL, &err), ARC_ESHAPE);
    assert_non_null(strstr(err.text, "crop 3"));
    for (int i = 0; i < CROPS; i++)
        arc_image_free(ctx, &crop[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on_bit_for_bit),
        cmocka_unit_test(others_are_refused),
        cmocka_unit_test(damaged_files_change_nothing),
        cmocka_unit_test(any_system_call_may_fail),
        cmocka_unit_test(measured_statistics_are_the_crops),
        cmocka_unit_test(networks_of_any_size_are_measured),
        cmocka_unit_test(folded_places_are_measured),
        cmocka_unit_test(turned_weights_are_the_same_network),
        cmocka_unit_test(crops_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
