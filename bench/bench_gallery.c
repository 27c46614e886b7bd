/* A gallery of so many templates: how fast they are stored, how soon a process that opens it has its first answer, what an
 * answer, an enrolment and a removal take. bench_gallery LOCATION [TEMPLATES [DIM [TEMPLATES OF EACH PERSON]]]     default 100000
 * of 512 numbers, 2 of each */
#include "base/base.h"
#include "measure.h"
#include <arcface/gallery_search.h>

#define BATCH 2000
#define PROBES 64

typedef struct bench {
    arc_context *ctx;
    const char *location;
    arc_gallery *gallery;
    int64_t templates;
    int dim, each;
    float *embedding; /* [BATCH][dim] */
    char name[BATCH][32];
    arc_template_in in[BATCH];
} bench;

static void need(arc_status st, const arc_error *err) {
    if (st != ARC_OK) {
        fprintf(stderr, "%s\n", err->text);
        exit(1);
    }
}

static double seconds_since(uint64_t start) {
    return (double)(arc_clock_ns() - start) * 1e-9;
}

static void open_it(bench *b) {
    arc_gallery_options options;
    arc_error err;
    arc_gallery_options_default(&options);
    options.create = true;
    need(arc_gallery_open(b->ctx, b->location, &options, &b->gallery, &err), &err);
    need(arc_gallery_bind_foreign(b->gallery, "random numbers", b->dim, 0.4, &err), &err);
}

/* The embeddings of template number `at` and those behind it. */
static void draw(bench *b, int64_t at, int count) {
    for (int i = 0; i < count; i++) {
        arc_rng rng;
        arc_rng_seed(&rng, 7, (uint64_t)(at + i));
        for (int k = 0; k < b->dim; k++)
            b->embedding[(int64_t)i * b->dim + k] = (float)arc_rng_u32(&rng) * 0x1p-31F - 1;
    }
}

static void put(bench *b, int64_t at, int count) {
    arc_error err;
    for (int i = 0; i < count; i++) {
        snprintf(b->name[i], sizeof b->name[i], "person %lld", (long long)((at + i) / b->each));
        b->in[i] = (arc_template_in){.name = b->name[i], .embedding = b->embedding + (int64_t)i * b->dim, .quality = 0.5F};
    }
    need(arc_gallery_add(b->gallery, b->in, count, NULL, &err), &err);
}

static double identify(const bench *b, int probes) {
    arc_answer answer[PROBES];
    arc_error err;
    const uint64_t start = arc_clock_ns();
    need(arc_gallery_identify(b->gallery, b->embedding, probes, NULL, answer, &err), &err);
    const double seconds = seconds_since(start);
    if (answer[0].known != ARC_KNOWN) {
        fprintf(stderr, "somebody who is enrolled was not found\n");
        exit(1);
    }
    arc_answers_free(b->ctx, answer, probes);
    return seconds;
}

static double median_of(const bench *b, int probes) {
    double seconds[15];
    for (size_t i = 0; i < 15; i++)
        seconds[i] = identify(b, probes);
    qsort(seconds, 15, sizeof *seconds, by_value);
    return seconds[7];
}

static double store_all(bench *b) {
    double seconds = 0;
    for (int64_t at = 0; at < b->templates; at += BATCH) {
        const int count = (int)(b->templates - at < BATCH ? b->templates - at : BATCH);
        draw(b, at, count);
        const uint64_t start = arc_clock_ns();
        put(b, at, count);
        seconds += seconds_since(start);
    }
    return seconds;
}

int main(int argc, char **argv) {
    bench *b = arc_mem_new(&arc_alloc_libc, 1, sizeof(bench));
    arc_gallery_facts facts;
    arc_error err;
    if (argc < 2 || argc > 5 || !b) {
        fprintf(stderr, "usage: bench_gallery LOCATION [TEMPLATES [DIM [TEMPLATES OF EACH PERSON]]]\n");
        return 2;
    }
    b->location = argv[1];
    b->templates = argc > 2 ? strtoll(argv[2], NULL, 10) : 100000;
    b->dim = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 512;
    b->each = argc > 4 ? (int)strtol(argv[4], NULL, 10) : 2;
    b->embedding = arc_mem_new(&arc_alloc_libc, (size_t)BATCH * (size_t)b->dim, sizeof(float));
    if (!b->embedding)
        return 1;
    need(arc_context_open(&b->ctx, NULL, &err), &err);
    open_it(b);
    printf("{\"bench\":\"gallery\",\"dim\":%d,\"templates\":%lld,", b->dim, (long long)b->templates);
    printf("\"stored_per_s\":%.0f,", (double)b->templates / store_all(b));
    draw(b, 0, PROBES);
    printf("\"index_built_s\":%.3f,", identify(b, 1));
    uint64_t start = arc_clock_ns();
    arc_gallery_close(&b->gallery);
    printf("\"index_written_s\":%.3f,", seconds_since(start));
    start = arc_clock_ns();
    open_it(b);
    identify(b, 1);
    printf("\"first_answer_ms\":%.1f,", 1e3 * seconds_since(start));
    printf("\"answer_ms\":%.2f,\"answers_of_64_ms\":%.2f,", 1e3 * median_of(b, 1), 1e3 * median_of(b, PROBES));
    need(arc_gallery_facts_of(b->gallery, &facts, &err), &err);
    printf("\"store_bytes\":%lld,\"index_memory_bytes\":%lld,\"index_file_bytes\":%lld,", (long long)facts.store_bytes,
           (long long)facts.memory_bytes, (long long)facts.index_bytes);
    draw(b, b->templates, 1);
    start = arc_clock_ns();
    put(b, b->templates, 1);
    printf("\"enrolled_in_ms\":%.1f,", 1e3 * seconds_since(start));
    printf("\"seen_in_ms\":%.2f,", 1e3 * identify(b, 1));
    start = arc_clock_ns();
    need(arc_gallery_remove(b->gallery, 1, &err), &err);
    printf("\"removed_in_ms\":%.1f,\"peak_kib\":%ld}\n", 1e3 * seconds_since(start), peak_kib());
    arc_gallery_close(&b->gallery);
    arc_context_close(&b->ctx);
    arc_mem_free(&arc_alloc_libc, b->embedding);
    arc_mem_free(&arc_alloc_libc, b);
    return 0;
}
