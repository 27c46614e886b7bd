/* Steps of generation: bench_generate MODEL TARGETS.npy PICTURES.npy [THREADS] [SECONDS] [fp32|bf16]. TARGETS: an embedding for
 * each picture of the batch; PICTURES: float32 [images][3 x height x width], what they begin as, planes, -1 to 1. The paper's
 * loss and Adam, which know no jitter and no levels, so that another library can take the same steps (bench/peers/generate.py).
 * Prints one JSON line: steps a second, the median step and the shortest, the losses of the first steps before their updates,
 * memory. */
#include "base/clock.h"
#include "generate/generator_internal.h"
#include "measure.h"

enum { FIRST = 3, MAX_STEPS = 10000 };

typedef struct bench {
    arc_context *ctx;
    arc_model *model;
    arc_generate_rows target, picture;
    arc_generator *g;
} bench;

static arc_status open_files(bench *b, char **argv, arc_error *err) {
    arc_status st = arc_model_load(b->ctx, argv[1], ARC_TASK_EMBED, NULL, &b->model, err);
    if (st == ARC_OK)
        st = arc_generate_rows_load(b->ctx, argv[2], &b->target, err);
    return st == ARC_OK ? arc_generate_rows_load(b->ctx, argv[3], &b->picture, err) : st;
}

static arc_status make(bench *b, arc_error *err) {
    arc_generate_options o;
    arc_generate_targets t;
    arc_generate_options_preset(&o, ARC_GENERATE_PAPER);
    arc_generate_targets_default(&t);
    t.images = b->target.count;
    t.dim = b->target.dim;
    t.embedding = b->target.row;
    const arc_status st = arc_generator_new(b->ctx, b->model, &t, &o, &b->g, err);
    if (st != ARC_OK)
        return st;
    const size_t count = arc_generate_count(&b->g->level[0].size), given = (size_t)b->picture.count * (size_t)b->picture.dim;
    if (given != count)
        return arc_fail(err, ARC_ESHAPE, "the pictures have %zu numbers, %d of this model's have %zu", given, t.images, count);
    memcpy(b->g->level[0].now[0], b->picture.row, count * sizeof(float));
    return ARC_OK;
}

static arc_status measure(bench *b, double seconds, arc_error *err) {
    static double ms[MAX_STEPS];
    arc_generate_losses first[FIRST];
    arc_generate_progress p;
    int steps = 0;
    for (int i = 0; i < FIRST; i++) {
        const arc_status st = arc_generator_step(b->g, &p, err);
        if (st != ARC_OK)
            return st;
        first[i] = p.losses;
    }
    const uint64_t begin = arc_clock_ns();
    while (steps < MAX_STEPS && (steps < 2 || (double)(arc_clock_ns() - begin) < seconds * 1e9)) {
        const uint64_t from = arc_clock_ns();
        const arc_status st = arc_generator_step(b->g, &p, err);
        if (st != ARC_OK)
            return st;
        ms[steps++] = (double)(arc_clock_ns() - from) / 1e6;
    }
    if (p.halvings > 0)
        return arc_fail(err, ARC_ECORRUPT, "%lld steps were not finite, so these are not the steps to measure",
                        (long long)p.halvings);
    qsort(ms, (size_t)steps, sizeof *ms, by_value);
    arc_generate_facts f;
    arc_generator_facts(b->g, &f);
    printf("{\"engine\": \"arcface\", \"precision\": \"%s\", \"steps_per_second\": %.4f, \"step_ms\": %.2f, \"least_ms\": %.2f, "
           "\"steps\": %d, "
           "\"batchnorms\": %d, \"losses\": [",
           arc_precision_name(arc_context_precision(b->ctx)), 1e3 / ms[steps / 2], ms[steps / 2], ms[0], steps, f.used);
    for (int i = 0; i < FIRST; i++)
        printf("%s[%.9g, %.9g, %.9g, %.9g]", i > 0 ? ", " : "", first[i].identity, first[i].bn, first[i].tv, first[i].l2);
    printf("], \"network_mib\": %.0f, \"pictures_mib\": %.0f, \"peak_mib\": %.1f}\n", (double)f.network_bytes / 1048576,
           (double)f.picture_bytes / 1048576, (double)peak_kib() / 1024);
    return ARC_OK;
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: bench_generate MODEL TARGETS.npy PICTURES.npy [THREADS] [SECONDS] [fp32|bf16]\n");
        return 2;
    }
    arc_settings settings;
    arc_settings_default(&settings);
    settings.threads = argc > 4 ? (int)strtol(argv[4], NULL, 10) : 0;
    if (argc > 6 && strcmp(argv[6], "bf16") == 0)
        settings.precision = ARC_PRECISION_BF16;
    bench b = {0};
    arc_error err = {0};
    arc_status st = arc_context_open(&b.ctx, &settings, &err);
    if (st == ARC_OK)
        st = open_files(&b, argv, &err);
    if (st == ARC_OK)
        st = make(&b, &err);
    if (st == ARC_OK)
        st = measure(&b, argc > 5 ? strtod(argv[5], NULL) : 5, &err);
    if (st != ARC_OK)
        fprintf(stderr, "bench_generate: %s\n", err.text);
    arc_generator_free(&b.g);
    if (b.ctx) {
        arc_generate_rows_free(b.ctx, &b.target);
        arc_generate_rows_free(b.ctx, &b.picture);
    }
    arc_model_free(&b.model);
    arc_context_close(&b.ctx);
    return st == ARC_OK ? 0 : 4;
}
