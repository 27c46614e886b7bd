/* The index of templates, timed beside others: bench/peers/search.py starts this program, gives it commands by lines and reads
 * one line of JSON for each, so that all that are compared take turns in one run.
 *
 *     bench_search THREADS DIM ROWS.f32 PROBES.f32 [lean]
 *     bench_search THREADS DIM MODEL.f32 drawn TEMPLATES PROBES
 *
 * Files are float32 rows. lean: the index does not hold float32 templates, it reads them from the mapped file. drawn: there is no
 * file of rows, they are made from their numbers (drawn_rows.h), and again when the index asks for them; a probe is another
 * picture of a person, and the persons of the probes are spread over all.
 *
 *     add FROM COUNT             rows, with their numbers plus 1 as ids
 *     open PATH                  saves, frees, opens, searches once: each timed
 *     one P TOP                  one probe, exact
 *     fast P TOP CANDIDATES      one probe, sketches first
 *     many P N TOP               N probes at once
 *     bandwidth                  of reading memory, now
 *     facts                      figures of the index */
#include "drawn_rows.h"
#include "measure.h"
#include <arcface/index.h>
#include <arcface/profile.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ADD_AT_ONCE 10000

typedef struct bench {
    arc_context *ctx;
    arc_index *index;
    arc_index_options options;
    int dim;
    const float *row, *probe;
    int64_t rows, probes;
    arc_index_hit *hit;
    int *found;
    int64_t *id;
    bool lean, made; /* the index holds no float32 templates; rows are drawn */
    drawn_rows drawn;
    float *made_row, *made_probe; /* [ADD_AT_ONCE][dim], [probes][dim] */
} bench;

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static const float *map_rows(const char *path, int dim, int64_t *rows) {
    struct stat st;
    const int fd = open(path, O_RDONLY);
    void *data = MAP_FAILED;
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0)
        data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) {
        fprintf(stderr, "bench_search: %s cannot be read\n", path);
        exit(1);
    }
    close(fd);
    *rows = (int64_t)st.st_size / (int64_t)sizeof(float) / dim;
    return data;
}

static arc_status row_of(void *arg, const int64_t *ids, int count, float *out, arc_error *err) {
    bench *b = arg;
    if (b->made) {
        int64_t person[64];
        for (int i = 0; i < count; i++)
            person[i] = ids[i] - 1;
        return drawn_rows_make(&b->drawn, person, count, 0, out, err);
    }
    for (int i = 0; i < count; i++)
        memcpy(out + (size_t)i * (size_t)b->dim, b->row + (size_t)(ids[i] - 1) * (size_t)b->dim, (size_t)b->dim * sizeof *out);
    return ARC_OK;
}

static arc_status add(bench *b, int64_t from, int64_t count, arc_error *err) {
    arc_status st = ARC_OK;
    double ms = 0;
    for (int64_t at = from; st == ARC_OK && at < from + count; at += ADD_AT_ONCE) {
        const int64_t n = from + count - at < ADD_AT_ONCE ? from + count - at : ADD_AT_ONCE;
        const float *row = b->made ? b->made_row : b->row + (size_t)at * (size_t)b->dim;
        for (int64_t i = 0; i < n; i++)
            b->id[i] = at + i;
        if (b->made)
            st = drawn_rows_make(&b->drawn, b->id, n, 0, b->made_row, err);
        for (int64_t i = 0; i < n; i++)
            b->id[i]++;
        const double start = now_ms();
        if (st == ARC_OK)
            st = arc_index_add(b->index, row, b->id, b->id, n, err);
        ms += now_ms() - start;
    }
    printf("{\"ms\": %.3f, \"templates\": %lld}\n", ms, (long long)arc_index_count(b->index));
    return st;
}

static arc_status search(bench *b, int64_t probe, int64_t count, int top, bool fast, int candidates, arc_error *err) {
    arc_index_query q;
    arc_index_query_default(&q);
    q.top = top;
    q.fast = fast;
    q.candidates = candidates;
    const double start = now_ms();
    const arc_status st = arc_index_search(b->index, b->probe + (size_t)probe * (size_t)b->dim, count, &q, b->hit, b->found, err);
    printf("{\"ms\": %.4f, \"ids\": [", now_ms() - start);
    for (int64_t i = 0; i < count * top; i++)
        printf("%s%lld", i ? ", " : "", (long long)b->hit[i].id - 1);
    printf("]}\n");
    return st;
}

static arc_status reopen(bench *b, const char *path, arc_error *err) {
    uint8_t stamp[ARC_INDEX_STAMP_BYTES] = "bench";
    arc_index_query q;
    arc_index_query_default(&q);
    const double begin = now_ms();
    arc_status st = arc_index_save(b->index, path, stamp, err);
    const double saved = now_ms();
    arc_index_free(&b->index);
    const double start = now_ms();
    if (st == ARC_OK)
        st = arc_index_load(b->ctx, &b->options, path, &b->index, stamp, err);
    const double loaded = now_ms();
    if (st == ARC_OK)
        st = arc_index_search(b->index, b->probe, 1, &q, b->hit, b->found, err);
    printf("{\"save_ms\": %.1f, \"load_ms\": %.1f, \"first_answer_ms\": %.1f}\n", saved - begin, loaded - start,
           now_ms() - start);
    return st;
}

static void facts(bench *b) {
    arc_index_facts f;
    arc_index_facts_of(b->index, &f);
    printf("{\"templates\": %lld, \"memory_mb\": %.1f, \"mapped_mb\": %.1f, \"shortlist\": %.1f, \"peak_mb\": %.1f}\n",
           (long long)f.templates, (double)f.memory_bytes * 1e-6, (double)f.mapped_bytes * 1e-6, f.mean_shortlist,
           (double)peak_kib() / 1024);
}

static arc_status bandwidth(bench *b, arc_error *err) {
    arc_roofline r;
    const arc_status st = arc_roofline_measure(b->ctx, &r, err);
    if (st == ARC_OK)
        printf("{\"gb_s\": %.3f, \"int8_gops\": %.1f}\n", r.read_gb_s, r.int8_gops);
    return st;
}

static arc_status command(bench *b, char *line, arc_error *err) {
    char *rest = NULL;
    const char *word = strtok_r(line, " \n", &rest), *text[4] = {"", "", "", ""};
    int64_t n[4] = {0};
    for (int i = 0; i < 4; i++) {
        const char *next = strtok_r(NULL, " \n", &rest);
        text[i] = next ? next : "";
        n[i] = strtoll(text[i], NULL, 10);
    }
    if (!word)
        return ARC_OK;
    if (strcmp(word, "add") == 0)
        return add(b, n[0], n[1], err);
    if (strcmp(word, "one") == 0)
        return search(b, n[0], 1, (int)n[1], false, 0, err);
    if (strcmp(word, "fast") == 0)
        return search(b, n[0], 1, (int)n[1], true, (int)n[2], err);
    if (strcmp(word, "many") == 0)
        return search(b, n[0], n[1], (int)n[2], false, 0, err);
    if (strcmp(word, "open") == 0)
        return reopen(b, text[0], err);
    if (strcmp(word, "bandwidth") == 0)
        return bandwidth(b, err);
    facts(b);
    return ARC_OK;
}

/* MODEL.f32: mean, spread, B. The rows are those of probes and templates. */
static arc_status begin_drawn(bench *b, const char *path, int64_t templates, int64_t probes, arc_error *err) {
    const size_t dim = (size_t)b->dim;
    int64_t have;
    const float *model = map_rows(path, b->dim, &have);
    if (have != b->dim + 2)
        return arc_fail(err, ARC_ESHAPE, "%s has %lld rows, not %d", path, (long long)have, b->dim + 2);
    b->made = b->lean = true;
    b->probes = probes;
    b->drawn = (drawn_rows){.ctx = b->ctx, .mean = model, .spread = model + dim, .b = model + 2 * dim, .dim = b->dim};
    b->made_row = malloc(ADD_AT_ONCE * dim * sizeof(float));
    b->made_probe = malloc((size_t)probes * dim * sizeof(float));
    int64_t *person = malloc((size_t)probes * sizeof *person);
    if (!b->made_row || !b->made_probe || !person)
        return ARC_ENOMEM;
    for (int64_t i = 0; i < probes; i++)
        person[i] = i * (templates / probes);
    const arc_status st = drawn_rows_make(&b->drawn, person, probes, 1, b->made_probe, err);
    free(person);
    b->probe = b->made_probe;
    return st;
}

static arc_status begin(bench *b, int argc, char **argv, arc_error *err) {
    arc_settings s;
    arc_settings_default(&s);
    s.threads = (int)strtol(argv[1], NULL, 10);
    b->dim = (int)strtol(argv[2], NULL, 10);
    arc_status st = arc_context_open(&b->ctx, &s, err);
    if (st == ARC_OK && argc > 6)
        st = begin_drawn(b, argv[3], strtoll(argv[5], NULL, 10), strtoll(argv[6], NULL, 10), err);
    else if (st == ARC_OK) {
        b->row = map_rows(argv[3], b->dim, &b->rows);
        b->probe = map_rows(argv[4], b->dim, &b->probes);
        b->lean = argc > 5;
    }
    if (st != ARC_OK)
        return st;
    b->hit = malloc((size_t)b->probes * 100 * sizeof *b->hit);
    b->found = malloc((size_t)b->probes * sizeof *b->found);
    b->id = malloc(ADD_AT_ONCE * sizeof *b->id);
    if (!b->hit || !b->found || !b->id)
        return ARC_ENOMEM;
    arc_index_options_default(&b->options);
    b->options.dim = b->dim;
    b->options.sketch = true;
    if (b->lean) {
        b->options.exact = row_of;
        b->options.exact_ctx = b;
    }
    return arc_index_new(b->ctx, &b->options, &b->index, err);
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fprintf(stderr,
                "usage: bench_search THREADS DIM ROWS.f32 PROBES.f32 [lean] | THREADS DIM MODEL.f32 drawn TEMPLATES PROBES\n");
        return 2;
    }
    bench b = {0};
    arc_error err = {0};
    char line[1024];
    arc_status st = begin(&b, argc, argv, &err);
    while (st == ARC_OK && fgets(line, sizeof line, stdin)) {
        st = command(&b, line, &err);
        fflush(stdout);
    }
    if (st != ARC_OK)
        fprintf(stderr, "bench_search: %s\n", err.text[0] ? err.text : arc_status_text(st));
    arc_index_free(&b.index);
    arc_context_close(&b.ctx);
    free(b.made_row);
    free(b.made_probe);
    free(b.hit);
    free(b.found);
    free(b.id);
    return st != ARC_OK;
}
