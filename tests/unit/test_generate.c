/* Generation: the gradient of the whole loss against differences in double, five steps against PyTorch's
 * (tests/golden/generate.py), and what holds for any generator: bits, memory, going on from a file, numbers that are not finite,
 * bad input. */
#include "base/hash.h"
#include "device/reference/reference.h"
#include "generate_support.h"
#include "shared_context.h"

static arc_generate_options paper(void) {
    arc_generate_options o;
    arc_generate_options_preset(&o, ARC_GENERATE_PAPER);
    return o;
}

/* ---- five steps of PyTorch ---------------------------------------------------------------------------------------------------
 */

enum { STEPS = 5, SAMPLES = 16 };
#define AGREES 1e-4

static double product(const float *a, const float *b, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

/* The last line of a golden: where the pictures are and how far they came. The largest difference, by the size of what differs.
 */
static double compare_pictures(const char *line, const float *x, size_t count) {
    float *probe = learn_numbers("probe", count, 1, 0), *moved = learn_numbers("pictures", count, 1, 0);
    for (size_t i = 0; i < count; i++)
        moved[i] = x[i] - moved[i];
    const double is[4] = {sqrt(product(x, x, count)), product(x, probe, count), sqrt(product(moved, moved, count)),
                          product(moved, probe, count)};
    double want[4], sample, error = 0;
    int used, at;
    size_t wanted;
    assert_int_equal(sscanf(line, "picture %zu %lf %lf %lf %lf%n", &wanted, &want[0], &want[1], &want[2], &want[3], &at), 5);
    assert_int_equal(wanted, count);
    for (int k = 0; k < 4; k++)
        error = fmax(error, fabs(is[k] - want[k]) / want[k / 2 * 2]);
    for (size_t i = 0; i < SAMPLES; i++, at += used) {
        assert_int_equal(sscanf(line + at, " %lf%n", &sample, &used), 1);
        error = fmax(error, fabs((double)x[i * count / SAMPLES] - sample));
    }
    free(probe);
    free(moved);
    return error;
}

static void five_steps(const char *name, arc_generate_distance distance, bool closed) {
    char path[512], line[1024];
    snprintf(path, sizeof path, "%s/tests/golden/data/generate/%s.txt", ARC_SOURCE_DIR, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    generate_net n = generate_network(strncmp(name, "mbf", 3) == 0 ? "mbf" : "r10");
    arc_generate_options o = paper();
    o.distance = distance;
    generate_weights(ctx, &n);
    arc_generator *g = generate_new(ctx, &n, closed, &o);
    generate_set(g);
    double worst = 0, total, term[4];
    for (int i = 0; i < STEPS; i++) {
        int step;
        const arc_generate_losses l = generate_step(g).losses;
        assert_non_null(fgets(line, sizeof line, f));
        assert_int_equal(sscanf(line, "step %d %lf %lf %lf %lf %lf", &step, &total, &term[0], &term[1], &term[2], &term[3]), 6);
        assert_int_equal(step, i);
        const double is[4] = {l.identity, l.bn, l.tv, l.l2};
        worst = fmax(worst, fabs(l.total / total - 1));
        for (int k = 0; k < 4; k++)
            worst = fmax(worst, fabs(is[k] / term[k] - 1));
    }
    assert_non_null(fgets(line, sizeof line, f));
    const double pictures = compare_pictures(line, g->level[0].now[0], generate_count(g));
    printf("%s: losses differ by %.1e, pictures by %.1e\n", name, worst, pictures);
    assert_true(worst <= AGREES);
    assert_true(pictures <= AGREES);
    arc_generator_free(&g);
    arc_graph_free(&n.model.graph);
    fclose(f);
}

static void five_steps_are_pytorchs(void **state) {
    (void)state;
    five_steps("r10_open", ARC_GENERATE_SQUARED, false);
    five_steps("r10_closed", ARC_GENERATE_SQUARED, true);
    five_steps("r10_norm", ARC_GENERATE_NORM, false);
    five_steps("r10_relative", ARC_GENERATE_RELATIVE, false);
    five_steps("mbf_open", ARC_GENERATE_SQUARED, false);
}

/* ---- the gradient against differences in double
 * -------------------------------------------------------------------------------- */

typedef struct exact {
    arc_generator *g;
    arc_reference_network *network;
    double *x; /* pictures */
} exact;

/* Mean and deviation of a channel at a normalisation's input. */
static void channel(const arc_reference_value *v, size_t c, double *mean, double *deviation) {
    const size_t images = (size_t)v->shape.dim[0], channels = (size_t)v->shape.dim[1];
    const size_t pixels = (size_t)arc_shape_count(&v->shape) / images / channels, count = images * pixels;
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++)
        sum += v->data[(i / pixels * channels + c) * pixels + i % pixels];
    for (size_t i = 0; i < count; i++)
        squares += pow(v->data[(i / pixels * channels + c) * pixels + i % pixels] - sum / (double)count, 2);
    *mean = sum / (double)count;
    *deviation = sqrt(squares / (double)count + ARC_GENERATE_LEAST_VARIANCE);
}

static double exact_statistics(const exact *e) {
    double loss = 0;
    size_t place = 0;
    for (int i = 0; i < e->g->graph->nodes; i++) {
        const arc_node *n = &e->g->graph->node[i];
        if (!arc_node_is(n, ARC_KIND_BATCH_NORM))
            continue;
        const arc_reference_value v = arc_reference_network_value(e->network, n->input[0]);
        const size_t at = e->g->statistics.first[place++];
        for (size_t c = 0; c < (size_t)v.shape.dim[1]; c++) {
            double mean, deviation;
            channel(&v, c, &mean, &deviation);
            loss += pow(mean - (double)e->g->statistics.mean[at + c], 2) +
                    pow(deviation - (double)e->g->statistics.deviation[at + c], 2);
        }
    }
    return e->g->options.bn_weight * loss;
}

static double exact_identity(const exact *e) {
    const arc_generate_identity *id = &e->g->identity;
    const double *out = arc_reference_network_value(e->network, e->g->graph->output[0]).data;
    double loss = 0;
    for (size_t i = 0; i < id->images; i++) {
        double length = 0, own = 0, sum = 0;
        for (size_t k = 0; k < id->dim; k++)
            length += out[i * id->dim + k] * out[i * id->dim + k];
        for (size_t k = 0; k < id->dim && !id->classes; k++)
            loss += pow(out[i * id->dim + k] / sqrt(length) - (double)id->row[i * id->dim + k], 2);
        for (size_t c = 0; c < id->classes; c++) {
            double cosine = 0;
            for (size_t k = 0; k < id->dim; k++)
                cosine += out[i * id->dim + k] / sqrt(length) * (double)id->row[c * id->dim + k];
            if (c == (size_t)id->class_of[i])
                own = cosine = cos(acos(cosine) + id->margin.m2);
            sum += exp(id->margin.scale * cosine);
        }
        loss += id->classes ? log(sum) - id->margin.scale * own : 0;
    }
    return id->weight * loss / (double)id->images;
}

static double exact_smoothness(const exact *e) {
    static const int down[4] = {0, 1, 1, 1}, right[4] = {1, 0, 1, -1};
    const arc_generate_size *s = &e->g->level[0].size;
    double squares[4] = {0}, lengths = 0;
    const int h = (int)s->height, w = (int)s->width;
    for (size_t i = 0; i < s->images; i++) {
        double sum = 0;
        for (size_t c = 0; c < 3; c++) {
            const double *x = e->x + (i * 3 + c) * (size_t)(h * w);
            for (int y = 0; y < h; y++)
                for (int k = 0; k < w; k++) {
                    sum += x[y * w + k] * x[y * w + k];
                    for (int d = 0; d < 4; d++)
                        if (y + down[d] < h && k + right[d] >= 0 && k + right[d] < w)
                            squares[d] += pow(x[(y + down[d]) * w + k + right[d]] - x[y * w + k], 2);
                }
        }
        lengths += sqrt(sum) / (double)s->images;
    }
    return e->g->options.tv_weight * (sqrt(squares[0]) + sqrt(squares[1]) + sqrt(squares[2]) + sqrt(squares[3])) +
           e->g->options.l2_weight * lengths;
}

static double exact_loss(exact *e, const double *direction, double by) {
    const size_t count = generate_count(e->g), plane = arc_generate_plane(&e->g->level[0].size);
    double *input = arc_reference_network_value(e->network, e->g->graph->input[0]).data;
    for (size_t i = 0; i < count; i++) {
        const size_t c = i / plane % 3;
        e->x[i] = (double)e->g->level[0].now[0][i] + by * direction[i];
        input[i] = (double)e->g->scale[c] * e->x[i] + (double)e->g->shift[c];
    }
    arc_reference_network_run(e->network, false);
    return exact_identity(e) + exact_statistics(e) + exact_smoothness(e);
}

/* Whole directions, in which every pixel takes part, and single pixels. */
static void gradient_of(const char *name, bool closed, int directions, double agrees) {
    generate_net n = generate_network(name);
    arc_generate_options o = paper();
    o.bn_weight = 0.01; /* no term hides another */
    o.identity_weight = 10;
    o.tv_weight = o.l2_weight = 0.1;
    generate_weights(ctx, &n);
    exact e = {.g = generate_new(ctx, &n, closed, &o)};
    const size_t count = generate_count(e.g);
    const arc_shape shape = net_shape(4, n.images, 3, n.side, n.side);
    arc_generate_losses losses;
    const char *layer;
    arc_error err = {0};
    generate_set(e.g);
    arc_generator_compose(e.g);
    assert_int_equal(arc_generator_loss(e.g, &(arc_generate_view){0}, &losses, &layer, &err), ARC_OK);
    assert_int_equal(arc_reference_network_new(&e.network, e.g->graph, &shape, &err), ARC_OK);
    e.x = malloc(count * sizeof *e.x);
    double *direction = calloc(count, sizeof *direction), worst = 0, size = 0;
    const float *d = e.g->level[0].gradient;
    for (size_t i = 0; i < count; i++)
        size += (double)d[i] * (double)d[i];
    assert_true(fabs(exact_loss(&e, direction, 0) / losses.total - 1) < 1e-5);
    for (int k = 0; k < directions; k++) {
        double slope = 0, length = 0;
        const size_t at = (size_t)arc_rng_hash(7, (uint64_t)k) % count;
        for (size_t i = 0; i < count; i++) {
            direction[i] = k % 2 ? i == at : (double)learn_number("direction", (uint32_t)(i + count * (size_t)k));
            slope += direction[i] * (double)d[i];
            length += direction[i] * direction[i];
        }
        const double h = 1e-5 / sqrt(length) * sqrt((double)count) / 100;
        const double difference = (exact_loss(&e, direction, h) - exact_loss(&e, direction, -h)) / (2 * h);
        worst = fmax(worst, fabs(slope - difference) / sqrt(length) / sqrt(size / (double)count));
    }
    printf("%s %s: the slope in a direction differs by %.1e of what a pixel's gradient is\n", name, closed ? "closed" : "open",
           worst);
    assert_true(worst <= agrees);
    free(direction);
    free(e.x);
    arc_reference_network_free(&e.network);
    arc_generator_free(&e.g);
    arc_graph_free(&n.model.graph);
}

static void gradient_is_the_losses_slope(void **state) {
    (void)state;
    gradient_of("r10", false, 8, 1e-4);
    gradient_of("r10", true, 8, 1e-4);
    gradient_of("mbf", false, 2, 1e-4);
}

/* The length of the loss's gradient by the embeddings, of the first step. */
static double pull(const arc_generate_options *o, bool closed) {
    generate_net n = generate_network("r10");
    generate_weights(ctx, &n);
    arc_generator *g = generate_new(ctx, &n, closed, o);
    generate_step(g);
    const size_t count = g->identity.images * g->identity.dim;
    const double length = sqrt(product(g->d_embedding, g->d_embedding, count));
    arc_generator_free(&g);
    arc_graph_free(&n.model.graph);
    return length;
}

/* The quick preset, found for open sets, serves closed ones: classes pull as strongly as embeddings do. */
static void classes_pull_as_embeddings_do(void **state) {
    (void)state;
    arc_generate_options o;
    arc_generate_options_default(&o);
    const double open = pull(&o, false), closed = pull(&o, true);
    printf("classes pull %.2f times as strongly as embeddings\n", closed / open);
    assert_true(closed > 0.5 * open && closed < 2 * open);
    o.class_weight *= 3;
    assert_true(fabs(pull(&o, true) / closed - 3) < 1e-4);
    assert_true(fabs(pull(&o, false) / open - 1) < 1e-6);
}

/* ---- pictures
 * ------------------------------------------------------------------------------------------------------------------ */

/* reduce is the transpose of enlarge, unsee of see: <A x, y> = <x, A' y>. */
static void transposes_are(void **state) {
    (void)state;
    const arc_generate_size size = {2, 16, 24}, half = arc_generate_half(&size);
    const size_t count = arc_generate_count(&size), small = arc_generate_count(&half);
    float *x = learn_numbers("x", small, 1, 0), *y = learn_numbers("y", count, 1, 0), *big = calloc(count, sizeof *big);
    float *back = malloc(count * sizeof *back);
    const float scale[3] = {0.5f, 2, 3}, none[3] = {0};
    arc_generate_enlarge(ctx->pool, &size, x, big);
    arc_generate_reduce(ctx->pool, &size, y, back);
    assert_true(fabs(product(big, y, count) - product(x, back, small)) < 1e-4);
    for (int k = 0; k < 8; k++) {
        const arc_generate_view view = {.down_px = k - 3, .right_px = 5 - 2 * k, .mirrored = k % 2};
        float *z = learn_numbers("z", count, 1, 0);
        arc_generate_see(ctx->pool, &size, &view, z, scale, none, big);
        arc_generate_unsee(ctx->pool, &size, &view, y, scale, back);
        assert_true(fabs(product(big, y, count) - product(z, back, count)) < 1e-3);
        free(z);
    }
    free(x);
    free(y);
    free(big);
    free(back);
}

/* A constant picture stays constant when it is enlarged. */
static void enlarging_keeps_brightness(void **state) {
    (void)state;
    const arc_generate_size size = {1, 8, 8};
    float small[3 * 16], big[3 * 64] = {0};
    for (size_t i = 0; i < ARC_COUNT(small); i++)
        small[i] = 0.25f;
    arc_generate_enlarge(NULL, &size, small, big);
    for (size_t i = 0; i < ARC_COUNT(big); i++)
        assert_true(fabsf(big[i] - 0.25f) < 1e-6f);
}

/* ---- any generator
 * --------------------------------------------------------------------------------------------------------------- */

static uint64_t bits_after(arc_context *own, const generate_net *n, const arc_generate_options *o, int steps) {
    arc_generator *g = generate_new(own, n, false, o);
    for (int i = 0; i < steps; i++)
        generate_step(g);
    const uint64_t h = arc_hash_bytes(ARC_HASH_START, g->level[0].sum, generate_count(g) * sizeof(float));
    arc_generator_free(&g);
    return h;
}

static void bits_are_the_same_for_any_threads(void **state) {
    (void)state;
    generate_net n = generate_network("r10");
    generate_weights(ctx, &n);
    arc_generate_options o;
    arc_generate_options_default(&o);
    o.steps = 8;
    arc_context *one = arc_test_context(NULL, 1), *three = arc_test_context(NULL, 3);
    const uint64_t bits = bits_after(one, &n, &o, 8);
    assert_true(bits == bits_after(three, &n, &o, 8));
    o.seed = 1;
    assert_true(bits != bits_after(one, &n, &o, 8));
    arc_context_close(&one);
    arc_context_close(&three);
    arc_graph_free(&n.model.graph);
}

/* Pictures come nearer to who they shall show, by the network in any precision; the memory that it takes. */
static int64_t come_nearer(arc_context *own, const char *precision) {
    generate_net n = generate_network("r10");
    generate_weights(ctx, &n);
    arc_generate_facts facts;
    arc_generate_options o = paper();
    o.rate = 0.05;
    o.bn_weight = 1e-3;
    o.identity_weight = 10;
    arc_generator *g = generate_new(own, &n, false, &o);
    arc_generator_facts(g, &facts);
    const double before = generate_step(g).losses.cosine;
    double after = 0;
    for (int i = 0; i < 60; i++) {
        const arc_generate_progress p = generate_step(g);
        assert_true(p.finite);
        after = p.losses.cosine;
    }
    printf("%s: cosine to the targets: %.3f, after 60 steps %.3f\n", precision, before, after);
    assert_true(after > before + 0.3);
    arc_generator_free(&g);
    arc_graph_free(&n.model.graph);
    return facts.network_bytes;
}

/* Activations take less in bfloat16, where the machine is fast with it; weights stay float32. */
static void pictures_come_nearer(void **state) {
    (void)state;
    arc_settings settings = arc_test_settings(NULL, 2);
    settings.precision = ARC_PRECISION_BF16;
    arc_context *half = arc_test_open(&settings);
    const int64_t whole = come_nearer(ctx, "float32"), less = come_nearer(half, "bfloat16");
    if (arc_context_precision(half) == ARC_PRECISION_BF16)
        assert_true(less < whole);
    else
        assert_int_equal(less, whole);
    arc_context_close(&half);
}

/* A rate far too high: numbers overflow, the rate is halved until they do not. */
static void not_finite_halves_the_rate(void **state) {
    (void)state;
    generate_net n = generate_network("r10");
    generate_weights(ctx, &n);
    arc_generate_options o = paper();
    o.rate = 1e25;
    arc_generator *g = generate_new(ctx, &n, false, &o);
    arc_generate_progress p = generate_step(g);
    assert_true(p.finite && p.halvings == 0);
    p = generate_step(g);
    assert_false(p.finite);
    assert_non_null(p.layer);
    assert_int_equal(p.halvings, 1);
    int finite = 0;
    for (int i = 0; i < 200 && finite < 4; i++) {
        p = generate_step(g);
        finite = p.finite ? finite + 1 : 0;
    }
    printf("after %lld steps and %lld halvings the rate is %.1e\n", (long long)p.step, (long long)p.halvings, p.rate);
    assert_int_equal(finite, 4);
    assert_true(p.halvings > 10 && p.rate < 1e25 / 1024);
    arc_generator_free(&g);

    ((float *)(uintptr_t)n.model.graph->value[arc_graph_find(n.model.graph, "conv1.weight")].data)[3] = NAN;
    arc_generate_targets t;
    arc_error err = {0};
    float *rows = learn_numbers("targets", GENERATE_DIM, 1, 0);
    arc_generate_targets_default(&t);
    t.images = 1;
    t.dim = GENERATE_DIM;
    t.embedding = rows;
    assert_int_equal(arc_generator_new(ctx, &n.model, &t, &o, &g, &err), ARC_OK);
    arc_status st = ARC_OK;
    for (int i = 0; i < 200 && st == ARC_OK; i++)
        st = arc_generator_step(g, &p, &err);
    assert_int_equal(st, ARC_ELIMIT);
    assert_non_null(strstr(err.text, "conv1"));
    free(rows);
    arc_generator_free(&g);
    arc_graph_free(&n.model.graph);
}

static void bad_targets_are_named(void **state) {
    (void)state;
    generate_net n = generate_network("r10");
    arc_generate_targets t;
    arc_generate_options o = paper();
    arc_generator *g = NULL;
    arc_error err = {0};
    float *rows = learn_numbers("targets", (size_t)(3 * GENERATE_DIM), 1, 0);
    const int class_of[2] = {1, 3};
    arc_generate_targets_default(&t);
    assert_int_equal(arc_generator_new(ctx, &n.model, &t, &o, &g, &err), ARC_EINVAL);
    t = (arc_generate_targets){.struct_size = sizeof t, .images = 2, .dim = 32, .embedding = rows};
    assert_int_equal(arc_generator_new(ctx, &n.model, &t, &o, &g, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "32"));
    t = (arc_generate_targets){
        .struct_size = sizeof t, .images = 2, .dim = GENERATE_DIM, .centre = rows, .classes = 3, .class_of = class_of};
    assert_int_equal(arc_generator_new(ctx, &n.model, &t, &o, &g, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "class 3 is not there"));
    t = (arc_generate_targets){.struct_size = sizeof t, .images = 2, .dim = GENERATE_DIM, .embedding = rows};
    rows[GENERATE_DIM + 3] = NAN;
    assert_int_equal(arc_generator_new(ctx, &n.model, &t, &o, &g, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "picture 1 is not finite"));
    o.steps = 0;
    assert_int_equal(arc_generator_new(ctx, &n.model, &t, &o, &g, &err), ARC_EINVAL);
    assert_null(g);
    free(rows);
    arc_graph_free(&n.model.graph);
}

/* Facts say what the allocator gives; a step takes nothing. */
static void memory_is_what_was_said(void **state) {
    (void)state;
    arc_test_counter c = {0};
    arc_settings settings = arc_test_settings(NULL, 2);
    settings.alloc = arc_test_counter_alloc(&c);
    arc_context *own = arc_test_open(&settings);
    generate_net n = generate_network("r10");
    const size_t before = c.bytes;
    arc_generate_options o = paper();
    arc_generator *g = generate_new(own, &n, true, &o);
    arc_generate_facts f;
    arc_generator_facts(g, &f);
    const size_t took = c.bytes - before, said = (size_t)(f.network_bytes + f.picture_bytes);
    const long requests = c.requests;
    printf("said %zu, took %zu bytes\n", said, took);
    assert_true(took <= said + 65536 && said <= took + 262144); /* chunks of arenas, the graph's own allocator */
    for (int i = 0; i < 3; i++)
        generate_step(g);
    assert_int_equal(c.requests, requests);
    arc_generator_free(&g);
    assert_int_equal(c.bytes, before);
    arc_context_close(&own);
    arc_graph_free(&n.model.graph);
}

static void any_allocation_may_fail(void **state) {
    (void)state;
    generate_net n = generate_network("r10");
    float *rows = learn_numbers("targets", GENERATE_DIM, 1, 0);
    arc_generate_targets t = {.struct_size = sizeof t, .images = 1, .dim = GENERATE_DIM, .embedding = rows};
    for (long at = 1;; at++) {
        arc_test_heap heap = {0};
        arc_context *own = arc_test_context(&heap, 1);
        const long live = heap.live;
        arc_generator *g = NULL;
        heap.fail_at = heap.requests + at;
        const arc_status st = arc_generator_new(own, &n.model, &t, NULL, &g, NULL);
        heap.fail_at = 0;
        if (st == ARC_OK)
            arc_generator_free(&g);
        assert_null(g);
        assert_true(st == ARC_OK || st == ARC_ENOMEM);
        assert_int_equal(heap.live, live);
        arc_context_close(&own);
        if (st == ARC_OK)
            break;
    }
    free(rows);
    arc_graph_free(&n.model.graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_steps_are_pytorchs),       cmocka_unit_test(gradient_is_the_losses_slope),
        cmocka_unit_test(classes_pull_as_embeddings_do), cmocka_unit_test(transposes_are),
        cmocka_unit_test(enlarging_keeps_brightness),    cmocka_unit_test(bits_are_the_same_for_any_threads),
        cmocka_unit_test(pictures_come_nearer),          cmocka_unit_test(not_finite_halves_the_rate),
        cmocka_unit_test(bad_targets_are_named),         cmocka_unit_test(memory_is_what_was_said),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
