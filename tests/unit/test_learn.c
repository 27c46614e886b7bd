/* Learning against PyTorch's goldens (tests/golden/learn.py): embeddings, every gradient, every running statistic. */
#include "learn_support.h"
#include "zoo/zoo.h"

enum { SAMPLES = 8 };
#define FLOOR 0.1

/* Largest error of a tensor, in units of what an element's size is (root mean square). */
typedef struct worst {
    double error;
    char name[128];
} worst;

static void compare(const char *line, const char *kind, const char *name, const float *x, size_t count, worst *w) {
    double norm, probe, want[SAMPLES], sum = 0, dot = 0;
    size_t wanted;
    const int read = sscanf(line, "%*s %*s %zu %lf %lf %lf %lf %lf %lf %lf %lf %lf %lf", &wanted, &norm, &probe, &want[0],
                            &want[1], &want[2], &want[3], &want[4], &want[5], &want[6], &want[7]);
    assert_int_equal(read, 3 + SAMPLES);
    assert_int_equal(wanted, count);
    for (size_t i = 0; i < count; i++) {
        sum += (double)x[i] * (double)x[i];
        dot += (double)x[i] * (double)learn_number("probe", (uint32_t)i);
    }
    /* A shift or factor that the next normalisation takes out again has a gradient of zero or nearly, a sum in which ones of
     * FLOOR and more cancel. */
    const double size = fmax(norm / sqrt((double)count), strcmp(kind, "gradient") == 0 ? FLOOR : 1e-3);
    double error = fmax(fabs(sqrt(sum) - norm), fabs(dot - probe)) / (size * sqrt((double)count));
    for (size_t i = 0; i < SAMPLES; i++)
        error = fmax(error, fabs((double)x[i * count / SAMPLES] - want[i]) / fmax(size, fabs(want[i])));
    if (getenv("LEARN_SHOW"))
        printf("%-50s rms %.3e error %.2e\n", name, size, error);
    if (!(error <= w->error)) {
        w->error = error;
        snprintf(w->name, sizeof w->name, "%s", name);
    }
}

static arc_learn_parameter *find(arc_learner *l, const char *name, bool statistic) {
    const size_t count = statistic ? arc_learner_statistics(l) : arc_learner_parameters(l);
    for (size_t i = 0; i < count; i++) {
        arc_learn_parameter *p = statistic ? arc_learner_statistic(l, i) : arc_learner_parameter(l, i);
        if (strcmp(p->name, name) == 0)
            return p;
    }
    fail_msg("no parameter is called %s", name);
    return NULL;
}

/* One forward and backward against learn_<golden>.txt. */
static void golden(const char *golden_name, const arc_graph *g, int side, float scale, float offset, arc_learner_options o) {
    enum { BATCH = 4 };
    char path[512], line[1024], kind[32], name[128];
    snprintf(path, sizeof path, "%s/tests/golden/data/learn_%s.txt", ARC_SOURCE_DIR, golden_name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    arc_context *ctx = arc_test_context(NULL, 2);
    arc_learner *l = learn_new(ctx, g, BATCH, side, o);
    const size_t image = 3 * (size_t)(side * side);
    float *images = learn_numbers("images", BATCH * image, scale, offset), *d_images = malloc(BATCH * image * sizeof *d_images);
    const float *embeddings;
    learn_forward(l, images, BATCH, &embeddings);
    const size_t dim = 64;
    float *out = malloc(BATCH * dim * sizeof *out);
    memcpy(out, embeddings, BATCH * dim * sizeof *out);
    float *loss = learn_numbers("loss", BATCH * dim, 1, 0);
    learn_backward(l, loss, false, d_images);
    worst w = {0};
    int lines = 0;
    for (; fgets(line, sizeof line, f); lines++) {
        assert_int_equal(sscanf(line, "%31s %127s", kind, name), 2);
        if (strcmp(kind, "forward") == 0) {
            compare(line, kind, name, out, BATCH * dim, &w);
        } else if (strcmp(kind, "image") == 0) {
            compare(line, kind, name, d_images, BATCH * image, &w);
        } else {
            const bool statistic = strcmp(kind, "statistic") == 0;
            const arc_learn_parameter *p = find(l, name, statistic);
            compare(line, kind, name, statistic ? p->value : p->gradient, p->count, &w);
        }
    }
    printf("%s: %d tensors, largest relative error %.2e (%s)\n", golden_name, lines, w.error, w.name);
    assert_true(lines > 50);
    assert_true(w.error <= 1e-4);
    assert_null(arc_learner_not_finite(l));
    fclose(f);
    free(images);
    free(d_images);
    free(out);
    free(loss);
    arc_learner_free(&l);
    arc_context_close(&ctx);
}

static void iresnet_agrees_with_pytorch(void **state) {
    (void)state;
    arc_graph *g = learn_iresnet((int[]){1, 1, 1, 1}, 64, 56, 64);
    golden("r10", g, 56, 1, 0, (arc_learner_options){0});
    golden("r10", g, 56, 1, 0, (arc_learner_options){.recompute = true});
    arc_graph_free(&g);
}

static void mobilefacenet_agrees_with_pytorch(void **state) {
    (void)state;
    arc_graph *g = NULL;
    assert_int_equal(arc_zoo_new(&g, &arc_alloc_libc, "mbf", 64, 1, NULL), ARC_OK);
    golden("mbf", g, 112, 127.5f, 127.5f, (arc_learner_options){0});
    arc_graph_free(&g);
}

/* ---- bfloat16 -------------------------------------------------------------------------------------------------------------- */

/* Gradients in bfloat16 point where those in float32 do. */
static void bfloat16_follows_float32(void **state) {
    (void)state;
    enum { BATCH = 6, SIDE = 56, DIM = 64 };
    arc_graph *g = learn_iresnet((int[]){1, 1, 1, 1}, 64, SIDE, DIM);
    arc_context *ctx = arc_test_context(NULL, 2);
    arc_learner *l[3] = {learn_new(ctx, g, BATCH, SIDE, (arc_learner_options){0}),
                         learn_new(ctx, g, BATCH, SIDE, (arc_learner_options){.bf16 = true}),
                         learn_new(ctx, g, BATCH, SIDE, (arc_learner_options){.bf16 = true, .recompute = true})};
    float *images = learn_numbers("images", BATCH * 3 * SIDE * SIDE, 1, 0), *loss = learn_numbers("loss", BATCH * DIM, 1, 0);
    for (int i = 0; i < 3; i++) {
        const float *embeddings;
        learn_forward(l[i], images, BATCH, &embeddings);
        learn_backward(l[i], loss, false, NULL);
    }
    double least = 1;
    for (size_t i = 0; i < arc_learner_parameters(l[0]); i++) {
        const arc_learn_parameter *p = arc_learner_parameter(l[0], i), *q = arc_learner_parameter(l[1], i);
        if (p->frozen || p->count < 1000)
            continue;
        least = fmin(least, arc_test_cosine(p->gradient, q->gradient, p->count));
        assert_memory_equal(q->gradient, arc_learner_parameter(l[2], i)->gradient, p->count * sizeof(float));
    }
    printf("bfloat16: least cosine of a gradient of weights with float32's: %.5f\n", least);
    assert_true(least > 0.99);
    for (int i = 0; i < 3; i++)
        arc_learner_free(&l[i]);
    free(images);
    free(loss);
    arc_graph_free(&g);
    arc_context_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(iresnet_agrees_with_pytorch),
        cmocka_unit_test(mobilefacenet_agrees_with_pytorch),
        cmocka_unit_test(bfloat16_follows_float32),
    };
    return cmocka_run_group_tests_name("learn", tests, NULL, NULL);
}
