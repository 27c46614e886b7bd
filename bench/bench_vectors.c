/* A gallery in a server that has pgvector, searched in every way, one after the other in each round: by the index in this
 * process, by the server with all vectors, by its HNSW index. bench_vectors ADDRESS [TEMPLATES [DIM]]     default 100000 of 512
 * numbers, 10 of each person, who are known by a cosine of 0.55 to each other in the mean */
#include "base/base.h"
#include "measure.h"
#include <arcface/gallery_search.h>
#include <math.h>

enum { BATCH = 1000, EACH = 10, ROUNDS = 60, TOP = 10, WAYS = 3 };

typedef struct bench {
    arc_context *ctx;
    arc_gallery *gallery;
    int64_t templates;
    int dim;
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

/* The k-th picture of a person. */
static void draw(const bench *b, int64_t person, int k, float *out) {
    arc_rng direction, noise;
    arc_rng_seed(&direction, 21, (uint64_t)person);
    arc_rng_seed(&noise, 22, (uint64_t)person * 1000 + (uint64_t)k);
    for (int i = 0; i < b->dim; i++)
        out[i] = arc_rng_normal(&direction) + 0.9F * arc_rng_normal(&noise);
}

static double enrol(bench *b) {
    arc_error err;
    const uint64_t start = arc_clock_ns();
    for (int64_t at = 0; at < b->templates; at += BATCH) {
        for (int i = 0; i < BATCH; i++) {
            const int64_t person = (at + i) / EACH;
            snprintf(b->name[i], sizeof b->name[i], "person %lld", (long long)person);
            draw(b, person, (int)((at + i) % EACH), b->embedding + (int64_t)i * b->dim);
            b->in[i] = (arc_template_in){.name = b->name[i], .embedding = b->embedding + (int64_t)i * b->dim, .quality = 0.5F};
        }
        need(arc_gallery_add(b->gallery, b->in, BATCH, NULL, &err), &err);
    }
    return seconds_since(start);
}

static double make(const bench *b, arc_gallery_search search, int64_t *bytes) {
    arc_gallery_facts facts;
    arc_error err;
    const uint64_t start = arc_clock_ns();
    need(arc_gallery_set_search(b->gallery, search, &err), &err);
    const double seconds = seconds_since(start);
    need(arc_gallery_facts_of(b->gallery, &facts, &err), &err);
    *bytes = facts.vector_bytes;
    return seconds;
}

static double ask(const bench *b, int way, const float *probe, arc_answer *answer) {
    arc_gallery_query q;
    arc_error err;
    arc_gallery_query_default(&q);
    q.top = TOP;
    q.place = way == 0 ? ARC_SEARCH_MEMORY : ARC_SEARCH_DATABASE;
    q.fast = way == 2;
    const uint64_t start = arc_clock_ns();
    need(arc_gallery_identify(b->gallery, probe, 1, &q, answer, &err), &err);
    return seconds_since(start) * 1e3;
}

/* How many people of one answer are in the other; *same: all, in order and with the same cosines. */
static int in_common(const arc_answer *a, const arc_answer *b, bool *same) {
    int common = 0;
    *same = a->matches == b->matches;
    for (int i = 0; i < a->matches; i++) {
        *same = *same && a->match[i].template_id == b->match[i].template_id && a->match[i].cosine == b->match[i].cosine;
        for (int k = 0; k < b->matches; k++)
            common += a->match[i].identity == b->match[k].identity;
    }
    return common;
}

static void compare_ways(const bench *b, int64_t people) {
    static const char *const name[WAYS] = {"memory index", "database, all vectors", "database, HNSW"};
    double ms[WAYS][ROUNDS];
    int same[WAYS] = {0}, first[WAYS] = {0}, common[WAYS] = {0};
    for (int r = 0; r < ROUNDS; r++) {
        arc_answer answer[WAYS];
        draw(b, r % 2 ? people + r : (int64_t)r * people / ROUNDS, 999, b->embedding); /* a stranger, or somebody known */
        for (int w = 0; w < WAYS; w++) {
            bool all;
            ms[w][r] = ask(b, w, b->embedding, &answer[w]);
            common[w] += in_common(&answer[0], &answer[w], &all);
            same[w] += all;
            first[w] += answer[w].matches > 0 && answer[w].match[0].identity == answer[0].match[0].identity;
        }
        arc_answers_free(b->ctx, answer, WAYS);
    }
    for (int w = 0; w < WAYS; w++) {
        qsort(ms[w], ROUNDS, sizeof *ms[w], by_value);
        printf("{\"way\":\"%s\",\"ms\":{\"least\":%.2f,\"median\":%.2f,\"p90\":%.2f},\"same_answers\":%d,\"of\":%d,"
               "\"recall_at_1\":%.3f,\"recall_at_10\":%.4f}\n",
               name[w], ms[w][0], ms[w][ROUNDS / 2], ms[w][ROUNDS * 9 / 10], same[w], ROUNDS, (double)first[w] / ROUNDS,
               (double)common[w] / (ROUNDS * TOP));
    }
}

int main(int argc, char **argv) {
    bench b = {.templates = argc > 2 ? strtol(argv[2], NULL, 10) / BATCH * BATCH : 100000,
               .dim = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 512};
    arc_gallery_options options;
    arc_answer answer;
    arc_error err;
    int64_t exact_bytes, hnsw_bytes;
    need(arc_context_open(&b.ctx, NULL, &err), &err);
    b.embedding = arc_mem_new(&arc_alloc_libc, (size_t)BATCH * (size_t)b.dim, sizeof(float));
    if (!b.embedding || argc < 2)
        return 1;
    arc_gallery_options_default(&options);
    options.create = true;
    need(arc_gallery_open(b.ctx, argv[1], &options, &b.gallery, &err), &err);
    need(arc_gallery_bind_foreign(b.gallery, "random numbers", b.dim, 0.4, &err), &err);
    const double stored_s = enrol(&b);
    const double made_s = make(&b, ARC_GALLERY_DATABASE, &exact_bytes);
    const double index_s = make(&b, ARC_GALLERY_DATABASE_HNSW, &hnsw_bytes);
    draw(&b, 0, 999, b.embedding);
    const double opened_s = ask(&b, 0, b.embedding, &answer) * 1e-3; /* the index is built */
    arc_answers_free(b.ctx, &answer, 1);
    printf("{\"bench\":\"vectors\",\"templates\":%lld,\"dim\":%d,\"stored_s\":%.1f,\"vectors_s\":%.1f,\"vectors_mb\":%.0f,"
           "\"hnsw_s\":%.1f,\"hnsw_mb\":%.0f,\"memory_index_s\":%.2f}\n",
           (long long)b.templates, b.dim, stored_s, made_s, (double)exact_bytes / 1e6, index_s,
           (double)(hnsw_bytes - exact_bytes) / 1e6, opened_s);
    compare_ways(&b, b.templates / EACH);
    arc_gallery_close(&b.gallery);
    arc_mem_free(&arc_alloc_libc, b.embedding);
    arc_context_close(&b.ctx);
    return 0;
}
