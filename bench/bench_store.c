/* What a store of galleries does in a second: templates put in batches of 1000 and one by one, read, and how soon a process that
 * waits hears of a change that another one acknowledged.
 *   bench_store LOCATION [TEMPLATES [DIM]]     default 50000 of 512 numbers; LOCATION#bench is added to
 *   tests/postgres.sh run bash -c 'build/bench/bench_store "$ARC_TEST_POSTGRES"' */
#include "gallery/store/store.h"
#include "measure.h"
#include <math.h>
#include <pthread.h>
#include <time.h>

#define BATCH 1000
#define SINGLES 200

typedef struct bench {
    arc_context *ctx;
    const char *location;
    arc_gallery_store *store;
    int64_t identity;
    float *embedding; /* [BATCH][dim] */
    arc_template_row *row;
    int dim;
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

static void open_store(bench *b, arc_gallery_store **out) {
    arc_error err;
    need(arc_gallery_store_open(b->ctx, b->location, "bench", ARC_STORE_CREATE, out, &err), &err);
}

static void prepare(bench *b) {
    arc_identity_row person = {.name = {"bench", 5}, .threshold = (double)NAN};
    arc_error err;
    arc_rng rng;
    arc_rng_seed(&rng, 1, 1);
    for (int64_t i = 0; i < (int64_t)BATCH * b->dim; i++)
        b->embedding[i] = arc_rng_normal(&rng);
    open_store(b, &b->store);
    const arc_gallery_store_type *t = b->store->type;
    need(t->begin(b->store, true, &err), &err);
    need(t->reserve(b->store, ARC_IDS_IDENTITY, 1, &person.id, &err), &err);
    person.name_key = (arc_bytes){&person.id, sizeof person.id};
    need(t->identity_put(b->store, &person, &err), &err);
    need(t->commit(b->store, &err), &err);
    b->identity = person.id;
}

/* One transaction. */
static void put(const bench *b, int count) {
    const arc_gallery_store_type *t = b->store->type;
    const size_t bytes = (size_t)b->dim * sizeof(float);
    int64_t first;
    arc_error err;
    need(t->begin(b->store, true, &err), &err);
    need(t->reserve(b->store, ARC_IDS_TEMPLATE, count, &first, &err), &err);
    for (int i = 0; i < count; i++)
        b->row[i] = (arc_template_row){.id = first + i,
                                       .identity = b->identity,
                                       .generation = 1,
                                       .embedding = {b->embedding + (int64_t)i * b->dim, bytes},
                                       .quality = 0.5F};
    need(t->template_put(b->store, b->row, count, &err), &err);
    need(t->commit(b->store, &err), &err);
}

static arc_status count_row(void *arg, const arc_template_row *row, arc_error *err) {
    (void)err;
    *(int64_t *)arg += row->embedding.bytes > 0;
    return ARC_OK;
}

static int64_t read_all(const bench *b) {
    const arc_gallery_store_type *t = b->store->type;
    const arc_template_query q = {.generation = 1, .parts = ARC_READ_EMBEDDING};
    int64_t count = 0;
    arc_error err;
    need(t->begin(b->store, false, &err), &err);
    need(t->template_each(b->store, &q, count_row, &count, &err), &err);
    t->rollback(b->store);
    return count;
}

typedef struct listener {
    arc_gallery_store *store;
    int64_t from; /* the revision before the first change that is listened for */
    uint64_t heard_ns[SINGLES];
} listener;

static int64_t revision_of(arc_gallery_store *s) {
    uint8_t mark[ARC_STORE_MARK_BYTES];
    int64_t revision;
    arc_error err;
    need(s->type->begin(s, false, &err), &err);
    need(s->type->revision(s, &revision, mark, &err), &err);
    s->type->rollback(s);
    return revision;
}

/* A wait may end for nothing: what counts is the revision that is read after it. */
static void *listen_on(void *arg) {
    listener *l = arg;
    arc_error err;
    bool changed;
    for (int64_t seen = l->from; seen < l->from + SINGLES;) {
        need(l->store->type->wait(l->store, 10000, &changed, &err), &err);
        const int64_t revision = revision_of(l->store);
        const uint64_t now = arc_clock_ns();
        for (; seen < revision; seen++)
            l->heard_ns[seen - l->from] = now;
    }
    return NULL;
}

/* Milliseconds from the acknowledgement of a change until the other has read its revision, sorted. */
static void hear(bench *b, double ms[SINGLES]) {
    static listener l;
    static uint64_t acknowledged_ns[SINGLES];
    pthread_t thread;
    open_store(b, &l.store);
    l.from = revision_of(b->store);
    if (pthread_create(&thread, NULL, listen_on, &l) != 0)
        exit(1);
    for (int i = 0; i < SINGLES; i++) {
        nanosleep(&(struct timespec){0, 50000000}, NULL); /* it is waiting again */
        put(b, 1);
        acknowledged_ns[i] = arc_clock_ns();
    }
    pthread_join(thread, NULL);
    for (int i = 0; i < SINGLES; i++)
        ms[i] = fmax(0, ((double)l.heard_ns[i] - (double)acknowledged_ns[i]) * 1e-6);
    l.store->type->close(&l.store);
    qsort(ms, SINGLES, sizeof *ms, by_value);
}

int main(int argc, char **argv) {
    const long templates = argc > 2 ? strtol(argv[2], NULL, 10) : 50000;
    bench b = {.location = argc > 1 ? argv[1] : "", .dim = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 512};
    double ms[SINGLES];
    arc_error err;
    need(arc_context_open(&b.ctx, NULL, &err), &err);
    b.embedding = arc_mem_new(&arc_alloc_libc, (size_t)BATCH * (size_t)b.dim, sizeof(float));
    b.row = arc_mem_new(&arc_alloc_libc, BATCH, sizeof *b.row);
    if (!b.embedding || !b.row)
        return 1;
    prepare(&b);
    uint64_t start = arc_clock_ns();
    for (long at = 0; at < templates; at += BATCH)
        put(&b, BATCH);
    const double bulk = (double)templates / seconds_since(start);
    start = arc_clock_ns();
    for (int i = 0; i < SINGLES; i++)
        put(&b, 1);
    const double single = SINGLES / seconds_since(start);
    start = arc_clock_ns();
    const int64_t count = read_all(&b);
    const double read = (double)count / seconds_since(start);
    hear(&b, ms);
    printf("{\"bench\":\"store\",\"kind\":\"%s\",\"dim\":%d,\"templates\":%lld,\"put_in_batches_per_s\":%.0f,\"put_one_by_one_"
           "per_s\":%.0f,"
           "\"read_per_s\":%.0f,\"heard_after_ms\":{\"median\":%.2f,\"p99\":%.2f,\"most\":%.2f}}\n",
           b.store->type->scheme, b.dim, (long long)count, bulk, single, read, ms[SINGLES / 2], ms[SINGLES * 99 / 100],
           ms[SINGLES - 1]);
    b.store->type->close(&b.store);
    arc_mem_free(&arc_alloc_libc, b.embedding);
    arc_mem_free(&arc_alloc_libc, b.row);
    arc_context_close(&b.ctx);
    return 0;
}
