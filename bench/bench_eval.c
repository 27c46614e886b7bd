/* The arithmetic of evaluation at the size of the field's largest sets: ten million pairs in ten folds with curve; IJB-C's 23,124
 * templates of 512 numbers with 15.66 million pairs; all pairs of some thousands of embeddings. One JSON line each.
 *   bench_eval [THREADS] */
#include <arcface/bench.h>
#include <arcface/evaluate_template.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static uint64_t seed = 1;
static double uniform(void) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(seed >> 11) * 0x1p-53;
}

static double bump(void) { /* about normal, -1..1 */
    return (uniform() + uniform() + uniform() + uniform()) / 2 - 1;
}

static void say(const char *what, double seconds, double auc) {
    printf("{\"bench\": \"%s\", \"seconds\": %.3f, \"peak_mib\": %.0f, \"auc\": %.6f}\n", what, seconds,
           (double)arc_peak_memory_bytes() / 1048576, auc);
}

static arc_status folds(arc_context *ctx, arc_error *err) {
    const int n = 10000000;
    double *dist = malloc((size_t)n * sizeof *dist);
    uint8_t *same = malloc((size_t)n);
    if (!dist || !same)
        return ARC_ENOMEM;
    for (int i = 0; i < n; i++) {
        same[i] = uniform() < 0.5;
        dist[i] = (same[i] ? 0.8 : 1.9) + 0.4 * bump();
    }
    arc_verification v;
    const double start = now();
    arc_status st = arc_verification_of_distances(ctx, dist, same, n, 10, 1e-4, &v, NULL, err);
    say("10M pairs, 10 folds, curve", now() - start, v.auc);
    free(dist);
    free(same);
    return st;
}

static arc_status ijbc(arc_context *ctx, arc_error *err) {
    const int templates = 23124, pairs = 15658489, dim = 512;
    arc_templates t = {.count = templates, .dim = dim};
    t.row = malloc((size_t)templates * (size_t)dim * sizeof *t.row);
    t.number = malloc((size_t)templates * sizeof *t.number);
    int *pair = malloc((size_t)pairs * 3 * sizeof *pair);
    arc_status st = ARC_ENOMEM;
    if (!t.row || !t.number || !pair)
        goto done;
    for (size_t i = 0; i < (size_t)templates * (size_t)dim; i++)
        t.row[i] = bump() / 9;
    for (int i = 0; i < templates; i++)
        t.number[i] = 3 * i;
    for (int i = 0; i < pairs; i++) {
        pair[3 * (size_t)i] = 3 * (int)((int64_t)i * templates / pairs); /* the list goes by its first template */
        pair[3 * (size_t)i + 1] = 3 * (int)(uniform() * templates);
        pair[3 * (size_t)i + 2] = i % 800 == 0;
    }
    arc_curve c;
    arc_peak_memory_reset();
    const double start = now();
    st = arc_templates_verify(ctx, &t, pair, pairs, NULL, 0, &c, err);
    say("IJB-C size: 23,124 templates, 15.66M pairs", now() - start, c.auc);
    arc_curve_free(ctx, &c);
done:
    free(pair);
    free(t.number);
    free(t.row);
    return st;
}

static arc_status all_pairs(arc_context *ctx, arc_error *err) {
    const int n = 14143, dim = 512; /* 10^8 pairs */
    float *x = malloc((size_t)n * (size_t)dim * sizeof *x);
    int *identity = malloc((size_t)n * sizeof *identity);
    if (!x || !identity)
        return ARC_ENOMEM;
    for (size_t i = 0; i < (size_t)n * (size_t)dim; i++)
        x[i] = (float)bump();
    for (int i = 0; i < n; i++)
        identity[i] = i / 10;
    arc_curve c;
    arc_peak_memory_reset();
    const double start = now();
    arc_status st = arc_curve_of_all_pairs(ctx, x, identity, n, dim, NULL, 0, &c, err);
    say("all 100M pairs of 14,143 embeddings", now() - start, c.auc);
    arc_curve_free(ctx, &c);
    free(identity);
    free(x);
    return st;
}

int main(int argc, char **argv) {
    arc_settings s;
    arc_context *ctx;
    arc_error err = {0};
    arc_settings_default(&s);
    s.threads = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 2;
    arc_status st = arc_context_open(&ctx, &s, &err);
    if (st == ARC_OK)
        st = folds(ctx, &err);
    if (st == ARC_OK)
        st = ijbc(ctx, &err);
    if (st == ARC_OK)
        st = all_pairs(ctx, &err);
    if (st != ARC_OK)
        fprintf(stderr, "bench_eval: %s\n", err.text[0] ? err.text : arc_status_text(st));
    arc_context_close(&ctx);
    return st != ARC_OK;
}
