/* What a search costs when a gallery is spread over machines (docs/SCALE.md). Measures arc_index on one thread of this machine:
 * processor time and time of the clock of one search, of one among 64 that are searched at once, and of one by sketches. Then
 * draws what a question to S machines takes that hold N / S templates each: the slowest of S times, which are samples of those
 * that were measured, and the way there and back.
 *   bench_shards [TEMPLATES [DIM [SPEED [RTT_MS]]]]   default 200000, 512, 1, 0.2
 * SPEED: how many times as fast as one thread here a machine scans, all its threads together. */
#include "base/base.h"
#include "measure.h"
#include <arcface/index.h>
#include <math.h>
#include <time.h>

#define PROBES 100
#define BATCH 64
#define DRAWS 4000

typedef struct scan_times {
    double wall_ms[PROBES], processor_ms[PROBES];
} scan_times;

static double processor_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void need(arc_status st, const arc_error *err) {
    if (st != ARC_OK) {
        fprintf(stderr, "%s\n", err->text);
        exit(1);
    }
}

static void draw_unit(arc_rng *rng, float *x, int dim) {
    double sum = 0;
    for (int i = 0; i < dim; i++) {
        x[i] = arc_rng_uniform(rng) + arc_rng_uniform(rng) - 1;
        sum += (double)x[i] * x[i];
    }
    for (int i = 0; i < dim; i++)
        x[i] = (float)(x[i] / sqrt(sum));
}

/* Somebody's second picture: a cosine of about 0.6 to the first. */
static void draw_probe(arc_rng *rng, const float *mate, float *x, int dim) {
    double sum = 0;
    draw_unit(rng, x, dim);
    for (int i = 0; i < dim; i++) {
        x[i] = 0.6F * mate[i] + 0.8F * x[i];
        sum += (double)x[i] * x[i];
    }
    for (int i = 0; i < dim; i++)
        x[i] = (float)(x[i] / sqrt(sum));
}

static arc_index *build(arc_context *ctx, int64_t count, int dim, float *probes) {
    enum { BLOCK = 1000 };
    arc_index_options opt;
    arc_index *index;
    arc_error err;
    arc_rng rng;
    arc_rng_seed(&rng, 7, 7);
    arc_index_options_default(&opt);
    opt.dim = dim;
    opt.sketch = true;
    need(arc_index_new(ctx, &opt, &index, &err), &err);
    float *rows = arc_mem_new(&arc_alloc_libc, (size_t)BLOCK * (size_t)dim, sizeof *rows);
    static int64_t ids[BLOCK];
    for (int64_t at = 0, probe = 0; at < count; at += BLOCK) {
        for (int i = 0; i < BLOCK; i++) {
            draw_unit(&rng, rows + (int64_t)i * dim, dim);
            ids[i] = at + i + 1;
        }
        if (probe < PROBES && at * PROBES >= probe * count) {
            draw_probe(&rng, rows, probes + probe * dim, dim);
            probe++;
        }
        need(arc_index_add(index, rows, ids, ids, BLOCK, &err), &err);
    }
    arc_mem_free(&arc_alloc_libc, rows);
    return index;
}

/* `at_once` probes in a call; times are of one probe. */
static void measure(arc_index *index, const float *probes, int dim, int at_once, bool fast, scan_times *out) {
    arc_index_query q;
    static arc_index_hit hits[BATCH * 5];
    static int found[BATCH];
    arc_error err;
    arc_index_query_default(&q);
    q.top = 5;
    q.fast = fast;
    for (int i = 0; i < PROBES; i++) {
        const float *from = probes + (int64_t)(i % (PROBES - at_once + 1)) * dim;
        const uint64_t start = arc_clock_ns();
        const double start_ms = processor_ms();
        need(arc_index_search(index, from, at_once, &q, hits, found, &err), &err);
        out->wall_ms[i] = (double)(arc_clock_ns() - start) * 1e-6 / at_once;
        out->processor_ms[i] = (processor_ms() - start_ms) / at_once;
    }
    qsort(out->wall_ms, PROBES, sizeof(double), by_value);
    qsort(out->processor_ms, PROBES, sizeof(double), by_value);
}

static void print_times(const char *name, const scan_times *t, int64_t templates) {
    const double ns = t->processor_ms[PROBES / 2] * 1e6 / (double)templates;
    printf(",\"%s\":{\"processor_ms\":%.3f,\"wall_ms\":%.3f,\"wall_p99_ms\":%.3f,\"ns_per_template\":%.3f}", name,
           t->processor_ms[PROBES / 2], t->wall_ms[PROBES / 2], t->wall_ms[PROBES - 1], ns);
}

/* The slowest of `shards` machines: ms is what one takes in the median, r a time among those measured over their median. */
static void draw_answer(const double *times, double ms, int shards, double rtt_ms, const char *name) {
    static double slowest[DRAWS];
    arc_rng rng;
    arc_rng_seed(&rng, 11, (uint64_t)shards);
    for (int i = 0; i < DRAWS; i++) {
        double most = 0;
        for (int s = 0; s < shards; s++)
            most = fmax(most, times[arc_rng_u32(&rng) % PROBES]);
        slowest[i] = most / times[PROBES / 2] * ms + rtt_ms;
    }
    qsort(slowest, DRAWS, sizeof(double), by_value);
    printf(",\"%s\":{\"median_ms\":%.2f,\"p99_ms\":%.2f}", name, slowest[DRAWS / 2], slowest[DRAWS * 99 / 100]);
}

static void project(const scan_times *exact, const scan_times *fast, double templates_here, double total, double speed,
                    double rtt_ms) {
    static const int shards[] = {1, 4, 16, 64, 256, 1024};
    for (size_t i = 0; i < ARC_COUNT(shards); i++) {
        const double share = total / shards[i] / templates_here / speed;
        printf("{\"templates\":%.0f,\"shards\":%d", total, shards[i]);
        draw_answer(exact->processor_ms, exact->processor_ms[PROBES / 2] * share, shards[i], rtt_ms, "exact_quiet");
        draw_answer(exact->wall_ms, exact->processor_ms[PROBES / 2] * share, shards[i], rtt_ms, "exact");
        draw_answer(fast->wall_ms, fast->processor_ms[PROBES / 2] * share, shards[i], rtt_ms, "fast");
        printf("}\n");
    }
}

int main(int argc, char **argv) {
    const int64_t templates = argc > 1 ? strtoll(argv[1], NULL, 10) / 1000 * 1000 : 200000;
    const int dim = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 512;
    const double speed = argc > 3 ? strtod(argv[3], NULL) : 1, rtt_ms = argc > 4 ? strtod(argv[4], NULL) : 0.2;
    static scan_times one, many, fast;
    arc_settings settings;
    arc_context *ctx;
    arc_error err;
    arc_settings_default(&settings);
    settings.threads = 1;
    need(arc_context_open(&ctx, &settings, &err), &err);
    float *probes = arc_mem_new(&arc_alloc_libc, PROBES * (size_t)dim, sizeof *probes);
    arc_index *index = build(ctx, templates, dim, probes);
    measure(index, probes, dim, 1, false, &one);
    measure(index, probes, dim, BATCH, false, &many);
    measure(index, probes, dim, 1, true, &fast);
    printf("{\"bench\":\"shards\",\"isa\":\"%s\",\"templates\":%lld,\"dim\":%d", arc_context_isa(ctx), (long long)templates, dim);
    print_times("one", &one, templates);
    print_times("of_64", &many, templates);
    print_times("fast", &fast, templates);
    printf("}\n");
    project(&one, &fast, (double)templates, 1e8, speed, rtt_ms);
    project(&one, &fast, (double)templates, 1e9, speed, rtt_ms);
    arc_index_free(&index);
    arc_mem_free(&arc_alloc_libc, probes);
    arc_context_close(&ctx);
    return 0;
}
