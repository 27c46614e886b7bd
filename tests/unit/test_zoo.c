/* The zoo against ALGORITHMS 1.1 and 1.4: parameter counts to the last one, names of the state dict, the distribution of fresh
 * weights, and networks built from given weights. */
#include "support.h"
#include "zoo/layers.h"
#include <string.h>

static int64_t count_parameters(const arc_graph *g, int64_t *running, int64_t *slopes, int64_t *convs) {
    int64_t sum = 0;
    *running = *slopes = *convs = 0;
    for (int i = 0; i < g->values; i++) {
        const arc_value *v = &g->value[i];
        if (!v->data || strncmp(v->name, "images.", 7) == 0)
            continue;
        const int64_t n = arc_shape_count(&v->shape);
        if (strstr(v->name, ".running_"))
            *running += n;
        else
            sum += n;
        if (v->shape.rank == 3)
            *slopes += n;
        if (v->shape.rank == 4)
            *convs += n;
    }
    return sum;
}

static void check_counts(const char *name, int dim, int64_t parameters, int64_t running, int64_t slopes, int64_t convs) {
    arc_graph *g;
    arc_error err;
    assert_int_equal(arc_zoo_new(&g, &arc_alloc_libc, name, dim, 1, &err), ARC_OK);
    int64_t got_running, got_slopes, got_convs, got = count_parameters(g, &got_running, &got_slopes, &got_convs);
    assert_int_equal(got, parameters);
    if (running) {
        assert_int_equal(got_running, 2 * running); /* means and variances */
        assert_int_equal(got_slopes, slopes);
        assert_int_equal(got_convs, convs);
    }
    arc_graph_free(&g);
}

/* "BN running buffers" of the table counts means and variances of half as many channels as weights and biases: w+b = mean+var. */
static void counts_match_the_tables(void **state) {
    (void)state;
    check_counts("r18", 512, 24025600, 14720 / 2, 1984, 11163328);
    check_counts("r34", 512, 34139328, 25856 / 2, 3840, 21264064);
    check_counts("r50", 512, 43590848, 38144 / 2, 5888, 30701248);
    check_counts("r100", 512, 65156160, 69632 / 2, 11136, 52229824);
    check_counts("r200", 512, 118833920, 136064 / 2, 22208, 105830080);
    check_counts("mbf", 512, 2059520, 0, 0, 0);
    check_counts("tiny", 128, 1111792, 1120, 256, 306352); /* by hand from the table */
    check_counts("mbf-large", 512, 6314880, 0, 0, 0);
}

static const arc_value *named(const arc_graph *g, const char *name) {
    int i = arc_graph_find(g, name);
    if (i < 0)
        fail_msg("no value is called %s", name);
    return &g->value[i];
}

static void names_are_the_state_dicts(void **state) {
    (void)state;
    arc_graph *g;
    arc_error err;
    assert_int_equal(arc_zoo_new(&g, &arc_alloc_libc, "r18", 128, 1, &err), ARC_OK);
    static const char *const r18[] = {"conv1.weight",
                                      "bn1.running_var",
                                      "prelu.weight",
                                      "layer1.0.bn1.weight",
                                      "layer1.0.downsample.0.weight",
                                      "layer1.0.downsample.1.bias",
                                      "layer4.1.conv2.weight",
                                      "bn2.bias",
                                      "fc.weight",
                                      "fc.bias",
                                      "features.weight"};
    for (size_t i = 0; i < ARC_COUNT(r18); i++)
        assert_non_null(named(g, r18[i])->data);
    const arc_value *fc = named(g, "fc.weight");
    assert_int_equal(fc->shape.dim[0], 128);
    assert_int_equal(fc->shape.dim[1], 25088);
    assert_int_equal(arc_graph_find(g, "layer1.1.downsample.0.weight"), -1);
    assert_string_equal(g->value[g->input[0]].name, "images");
    assert_string_equal(g->value[g->output[0]].name, "output");
    assert_string_equal(arc_graph_meta(g, "arcface.color"), "bgr");
    arc_graph_free(&g);

    assert_int_equal(arc_zoo_new(&g, &arc_alloc_libc, "mbf", 512, 1, &err), ARC_OK);
    static const char *const mbf[] = {"layers.0.layers.0.weight",
                                      "layers.1.layers.2.weight",
                                      "layers.2.layers.2.layers.1.running_mean",
                                      "layers.7.layers.1.layers.0.layers.0.weight",
                                      "conv_sep.layers.0.weight",
                                      "features.layers.0.layers.0.weight",
                                      "features.layers.2.weight",
                                      "features.layers.3.weight"};
    for (size_t i = 0; i < ARC_COUNT(mbf); i++)
        assert_non_null(named(g, mbf[i])->data);
    const arc_value *second = named(g, "layers.1.layers.0.weight");
    assert_int_equal(second->shape.dim[0], 128);
    assert_int_equal(second->shape.dim[1], 2); /* 64 groups of two channels */
    arc_graph_free(&g);
}

static void fresh_weights_are_normal(void **state) {
    (void)state;
    enum { N = 1 << 20 };
    float *x = arc_mem_raw(&arc_alloc_libc, N, sizeof *x);
    assert_non_null(x);
    arc_zoo_normal normal;
    arc_zoo_normal_init(&normal);
    arc_zoo_fill_normal(&normal, 7, "t", 0.1, x, N);
    double m1 = 0, m2 = 0, m4 = 0;
    int beyond3 = 0, beyond4 = 0;
    for (int i = 0; i < N; i++) {
        const double v = (double)x[i] / 0.1;
        m1 += v;
        m2 += v * v;
        m4 += v * v * v * v;
        beyond3 += fabs(v) > 3;
        beyond4 += fabs(v) > 4;
    }
    assert_true(fabs(m1 / N) < 0.004);
    assert_true(fabs(m2 / N - 1) < 0.006);
    assert_true(fabs(m4 / N - 3) < 0.05);
    assert_true(abs(beyond3 - (int)(0.0026998 * N)) < 300);
    assert_true(abs(beyond4 - (int)(0.0000633 * N)) < 40);
    arc_zoo_fill_uniform(7, "t", 0.5, x, N);
    m1 = m2 = 0;
    for (int i = 0; i < N; i++) {
        assert_true(x[i] >= -0.5f && x[i] <= 0.5f);
        m1 += (double)x[i];
        m2 += (double)x[i] * (double)x[i];
    }
    assert_true(fabs(m1 / N) < 0.002);
    assert_true(fabs(m2 / N - 1.0 / 12) < 0.001);
    arc_mem_free(&arc_alloc_libc, x);
}

static void seeds_decide(void **state) {
    (void)state;
    arc_graph *a, *b, *c;
    arc_error err;
    assert_int_equal(arc_zoo_new(&a, &arc_alloc_libc, "mbf", 512, 5, &err), ARC_OK);
    assert_int_equal(arc_zoo_new(&b, &arc_alloc_libc, "mbf", 512, 5, &err), ARC_OK);
    assert_int_equal(arc_zoo_new(&c, &arc_alloc_libc, "mbf", 512, 6, &err), ARC_OK);
    const char *name = "features.layers.2.weight";
    assert_memory_equal(named(a, name)->data, named(b, name)->data, named(a, name)->data_bytes);
    assert_memory_not_equal(named(a, name)->data, named(c, name)->data, named(a, name)->data_bytes);
    arc_graph_free(&a);
    arc_graph_free(&b);
    arc_graph_free(&c);
}

/* A state dict taken from another graph; one name may be hidden. */
typedef struct dict {
    const arc_graph *g;
    const char *hidden;
} dict;

static const float *look_up(void *ctx, const char *name, const arc_shape *shape) {
    const dict *d = ctx;
    int i = arc_graph_find(d->g, name);
    if (i < 0 || (d->hidden && strcmp(d->hidden, name) == 0) || arc_shape_count(&d->g->value[i].shape) != arc_shape_count(shape))
        return NULL;
    return d->g->value[i].data;
}

static void given_weights_are_taken(void **state) {
    (void)state;
    arc_graph *source, *g;
    arc_error err;
    assert_int_equal(arc_zoo_new(&source, &arc_alloc_libc, "r18", 64, 3, &err), ARC_OK);
    dict d = {source, NULL};
    const arc_weights w = {.ctx = &d, .lookup = look_up, .borrow = true};
    assert_int_equal(arc_zoo_from_weights(&g, &arc_alloc_libc, "r18", 64, &w, &err), ARC_OK);
    assert_ptr_equal(named(g, "layer3.0.conv1.weight")->data, named(source, "layer3.0.conv1.weight")->data);
    assert_string_equal(arc_graph_meta(g, "arcface.color"), "rgb");
    assert_int_equal(arc_graph_find(g, "images.mean"), -1);
    arc_graph_free(&g);
    d.hidden = "layer3.0.conv1.weight";
    assert_int_equal(arc_zoo_from_weights(&g, &arc_alloc_libc, "r18", 64, &w, &err), ARC_EFORMAT);
    assert_null(g);
    assert_non_null(strstr(err.text, d.hidden));
    arc_graph_free(&source);
}

static void wrong_asks_are_refused(void **state) {
    (void)state;
    arc_graph *g;
    arc_error err;
    assert_int_equal(arc_zoo_new(&g, &arc_alloc_libc, "r19", 512, 1, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "r19"));
    assert_int_equal(arc_zoo_new(&g, &arc_alloc_libc, "r18", -1, 1, &err), ARC_EINVAL);
    assert_null(g);
    size_t count;
    const char *const *names = arc_zoo_names(&count);
    assert_int_equal(count, 8);
    assert_string_equal(names[3], "r100");
}

static void memory_failures_leave_nothing(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    const arc_alloc a = arc_test_heap_alloc(&heap);
    arc_test_walk walk = {.heap = &heap};
    arc_status st;
    do {
        arc_graph *g;
        arc_error err;
        arc_test_walk_begin(&walk);
        st = arc_zoo_new(&g, &a, "mbf", 64, 1, &err);
        assert_int_equal(st == ARC_OK, g != NULL);
        arc_graph_free(&g);
    } while (arc_test_walk_again(&walk, st));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_match_the_tables),       cmocka_unit_test(names_are_the_state_dicts),
        cmocka_unit_test(fresh_weights_are_normal),      cmocka_unit_test(seeds_decide),
        cmocka_unit_test(given_weights_are_taken),       cmocka_unit_test(wrong_asks_are_refused),
        cmocka_unit_test(memory_failures_leave_nothing),
    };
    return cmocka_run_group_tests_name("zoo", tests, NULL, NULL);
}
