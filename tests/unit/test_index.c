/* The index of templates against a plain search: the same ids in the same order with the same bits, whatever the templates are.
 */
#include "folder.h"
#include "search_support.h"
#include <pthread.h>
#include <stdatomic.h>

/* ---- exactness --------------------------------------------------------------------------------------------------------------
 */

/* Probes of the same kind as the templates, one of them a template itself. */
static float *probes_of(enum kind kind, const search_set *s, int count) {
    float *p = malloc((size_t)count * (size_t)s->dim * sizeof *p);
    assert_non_null(p);
    for (int i = 0; i < count; i++)
        make_row(kind, i * 3, s->dim, p + (size_t)i * (size_t)s->dim);
    memcpy(p, s->row + s->count / 2 * s->dim, (size_t)s->dim * sizeof *p);
    return p;
}

static void one_case(arc_context *context, enum kind kind, int64_t count, int dim, int probes, int top, bool given) {
    search_set s = make_set(kind, count, dim);
    arc_index_options o = index_options(dim);
    if (given) {
        o.exact = set_exact;
        o.exact_ctx = &s;
    }
    arc_index *x = index_of(context, &s, &o);
    float *p = probes_of(kind, &s, probes);
    arc_index_query q = query_of(top);
    expect_exact(x, &s, p, probes, &q, "plain");
    q.by_owner = true;
    expect_exact(x, &s, p, probes, &q, "by owner");
    free(p);
    arc_index_free(&x);
    free_set(&s);
}

static const char *const levels[] = {"generic", "avx2", "avx512", "neon"};

static void exact_on_every_level(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        arc_context *context = arc_test_context_isa(NULL, 2, levels[i]);
        for (int kind = 0; kind < KINDS; kind++) {
            one_case(context, (enum kind)kind, 1100, 96, 3, 10, false);
            one_case(context, (enum kind)kind, 700, 128, 70, 4, false);
        }
        arc_context_close(&context);
    }
}

static void exact_for_every_dim(void **state) {
    (void)state;
    static const int dims[] = {1, 2, 3, 7, 63, 64, 65, 127, 129, 200, 512, 1000, 4095, 4096};
    for (size_t i = 0; i < sizeof dims / sizeof *dims; i++)
        for (int kind = 0; kind<KINDS; kind += dims[i]> 600 ? 3 : 1)
            one_case(ctx, (enum kind)kind, dims[i] > 600 ? 60 : 300, dims[i], 9, 5, kind % 2);
}

static void exact_for_every_count(void **state) {
    (void)state;
    static const int64_t counts[] = {1, 2, 9, 255, 256, 257, 511, 513, 2100};
    static const int probes[] = {1, 7, 8, 31, 33, 65};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        for (size_t k = 0; k < sizeof probes / sizeof *probes; k++)
            one_case(ctx, k % 2 ? CLUSTERS : NOISE, counts[i], 40, probes[k], k == 2 ? 300 : 3, k == 4);
}

static bool keep_some(void *arg, int64_t id, int64_t owner) {
    (void)arg;
    return owner % 4 == 1 && id % 2 == 0;
}

static bool keep_none(void *arg, int64_t id, int64_t owner) {
    (void)arg, (void)id, (void)owner;
    return false;
}

static void filtered(void **state) {
    (void)state;
    search_set s = make_set(CLUSTERS, 2000, 64);
    arc_index_options o = index_options(64);
    arc_index *x = index_of(ctx, &s, &o);
    float *p = probes_of(CLUSTERS, &s, 12);
    arc_index_query q = query_of(20);
    q.keep = keep_some;
    expect_exact(x, &s, p, 12, &q, "filtered");
    expect_exact(x, &s, p, 1, &q, "filtered, one");
    q.keep = keep_none;
    expect_exact(x, &s, p, 12, &q, "nothing is kept");
    free(p);
    arc_index_free(&x);
    free_set(&s);
}

/* ---- changes ----------------------------------------------------------------------------------------------------------------
 */

/* Templates come and go for a while; after each step the index finds what is there. */
static void changes(void **state) {
    (void)state;
    enum { DIM = 33, MOST = 3000, STEPS = 60 };
    search_set s = make_set(CLUSTERS, MOST, DIM);
    int64_t *id = malloc(MOST * sizeof *id), there = 0;
    arc_index_options o = index_options(DIM);
    arc_index *x = NULL;
    arc_error err = {0};
    assert_non_null(id);
    memcpy(id, s.id, MOST * sizeof *id);
    memset(s.id, 0, MOST * sizeof *id);
    assert_int_equal(arc_index_new(ctx, &o, &x, &err), ARC_OK);
    float *p = probes_of(CLUSTERS, &s, 3);
    for (int step = 0; step < STEPS; step++) {
        for (int64_t i = 0; i < MOST; i++) {
            int64_t removed = 0;
            if (s.id[i] == 0 && uniform() < 0.03) {
                assert_int_equal(arc_index_add(x, s.row + i * DIM, &id[i], &s.owner[i], 1, &err), ARC_OK);
                s.id[i] = id[i];
                there++;
            } else if (s.id[i] != 0 && uniform() < (step % 20 < 10 ? 0.01 : 0.2)) {
                const int64_t two[] = {id[i], 77}; /* nobody has the second */
                assert_int_equal(arc_index_remove(x, two, 2, &removed, &err), ARC_OK);
                assert_int_equal(removed, 1);
                s.id[i] = 0;
                there--;
            }
        }
        assert_int_equal(arc_index_count(x), there);
        if (step == STEPS / 2) {
            for (int64_t i = 0; i < MOST; i++)
                s.owner[i] = s.owner[i] == 5 ? 6 : s.owner[i];
            arc_index_move(x, 5, 6);
        }
        arc_index_query q = query_of(15);
        q.by_owner = step % 2;
        expect_exact(x, &s, p, 3, &q, "after changes");
    }
    free(id);
    free(p);
    arc_index_free(&x);
    free_set(&s);
}

static void refused(void **state) {
    (void)state;
    search_set s = make_set(NOISE, 6, 8);
    arc_index_options o = index_options(8);
    arc_index *x = NULL;
    arc_error err = {0};
    arc_index_hit hit[2];
    int found;
    o.dim = 0;
    assert_int_equal(arc_index_new(ctx, &o, &x, &err), ARC_EINVAL);
    o.dim = ARC_INDEX_MAX_DIM + 1;
    assert_int_equal(arc_index_new(ctx, &o, &x, &err), ARC_EINVAL);
    assert_int_equal(arc_index_new(ctx, NULL, &x, &err), ARC_EINVAL);
    assert_null(x);
    o.dim = 8;
    x = index_of(ctx, &s, &o);
    const int64_t twice[] = {1, 2, 3, 4, 5, 1}, there[] = {1, 2, 3, 4, 5, s.id[3]}, zero[] = {1, 2, 0, 4, 5, 6};
    const int64_t *const bad[] = {twice, there, zero};
    for (int i = 0; i < 3; i++)
        assert_int_equal(arc_index_add(x, s.row, bad[i], s.owner, 6, &err), ARC_EINVAL);
    const float wrong[] = {NAN, INFINITY, -INFINITY, 1e-12f, 1e12f};
    const int64_t fresh[] = {1, 2, 3, 4, 5, 6};
    arc_index_query q = query_of(2);
    for (int i = 0; i < 5; i++) {
        float row[6 * 8] = {0};
        row[8 * 4] = wrong[i];
        assert_int_equal(arc_index_add(x, row, fresh, s.owner, 6, &err), ARC_EINVAL);
        assert_non_null(strstr(err.text, "template 5 of 6"));
        assert_int_equal(arc_index_search(x, row + 8 * 4, 1, &q, hit, &found, &err), ARC_EINVAL);
    }
    assert_int_equal(arc_index_count(x), 6);
    expect_exact(x, &s, s.row, 6, &q, "nothing was added");
    q.top = 0;
    assert_int_equal(arc_index_search(x, s.row, 1, &q, hit, &found, &err), ARC_EINVAL);
    q.top = ARC_INDEX_MAX_TOP + 1;
    assert_int_equal(arc_index_search(x, s.row, 1, &q, hit, &found, &err), ARC_EINVAL);
    q = query_of(2);
    q.fast = true;
    assert_int_equal(arc_index_search(x, s.row, 1, &q, hit, &found, &err), ARC_EINVAL);
    arc_index_free(&x);
    arc_index_free(&x);
    assert_int_equal(arc_index_new(ctx, &o, &x, &err), ARC_OK); /* an empty one */
    q = query_of(2);
    assert_int_equal(arc_index_search(x, s.row, 1, &q, hit, &found, &err), ARC_OK);
    assert_int_equal(found, 0);
    assert_int_equal(hit[0].id, 0);
    arc_index_free(&x);
    free_set(&s);
}

static arc_status exact_fails(void *arg, const int64_t *ids, int count, float *out, arc_error *err) {
    (void)arg, (void)ids, (void)count, (void)out;
    snprintf(err->text, sizeof err->text, "the data base is gone");
    return err->code = ARC_EIO;
}

static void error_of_the_caller(void **state) {
    (void)state;
    search_set s = make_set(NOISE, 50, 16);
    arc_index_options o = index_options(16);
    o.exact = exact_fails;
    arc_index *x = index_of(ctx, &s, &o);
    arc_index_hit hit[10];
    arc_error err = {0};
    int found = 9;
    assert_int_equal(arc_index_search(x, s.row, 1, NULL, hit, &found, &err), ARC_EIO);
    assert_string_equal(err.text, "the data base is gone");
    assert_int_equal(found, 0);
    arc_index_free(&x);
    free_set(&s);
}

/* ---- threads ----------------------------------------------------------------------------------------------------------------
 */

typedef struct seeker {
    arc_index *index;
    const search_set *set;
    const atomic_bool *stop;
    int searches;
} seeker;

/* The first template is always there, and it is its own best answer, whatever else comes and goes. */
static void *seek(void *arg) {
    seeker *k = arg;
    arc_index_query q = query_of(2);
    while (!atomic_load(k->stop) || k->searches < 3) {
        arc_index_hit hit[2];
        int found = 0;
        arc_error err = {0};
        if (arc_index_search(k->index, k->set->row, 1, &q, hit, &found, &err) != ARC_OK || found < 1 ||
            hit[0].id != k->set->id[0])
            return "a wrong answer";
        q.fast = !q.fast;
        q.candidates = q.fast ? 200 : 0;
        k->searches++;
    }
    return NULL;
}

static void searched_while_it_changes(void **state) {
    (void)state;
    enum { SEEKERS = 3, ROUNDS = 40, SOME = 50 };
    search_set s = make_set(NOISE, ROUNDS * SOME, 32);
    arc_index_options o = index_options(32);
    o.sketch = true;
    arc_index *x = NULL;
    arc_error err = {0};
    atomic_bool stop = false;
    seeker k[SEEKERS];
    pthread_t thread[SEEKERS];
    assert_int_equal(arc_index_new(ctx, &o, &x, &err), ARC_OK);
    assert_int_equal(arc_index_add(x, s.row, s.id, s.owner, 1, &err), ARC_OK);
    for (int i = 0; i < SEEKERS; i++) {
        k[i] = (seeker){x, &s, &stop, 0};
        assert_int_equal(pthread_create(&thread[i], NULL, seek, &k[i]), 0);
    }
    for (int64_t at = 1; at + SOME <= s.count; at += SOME) {
        assert_int_equal(arc_index_add(x, s.row + at * 32, s.id + at, s.owner + at, SOME, &err), ARC_OK);
        arc_index_move(x, s.owner[at], 7);
        if (at > SOME)
            assert_int_equal(arc_index_remove(x, s.id + at - SOME, SOME, NULL, &err), ARC_OK);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < SEEKERS; i++) {
        void *problem = NULL;
        pthread_join(thread[i], &problem);
        assert_null(problem);
        assert_true(k[i].searches >= 3);
    }
    arc_index_free(&x);
    free_set(&s);
}

/* ---- sketches ---------------------------------------------------------------------------------------------------------------
 */

/* A fast search with as many candidates as templates is exact; with a few it still finds those that are near. */
static void fast(void **state) {
    (void)state;
    static const int dims[] = {1, 5, 64, 100, 512, 700};
    for (size_t i = 0; i < sizeof dims / sizeof *dims; i++) {
        search_set s = make_set(CLUSTERS, 3000, dims[i]);
        arc_index_options o = index_options(dims[i]);
        o.sketch = true;
        arc_index *x = index_of(ctx, &s, &o);
        arc_error err = {0};
        assert_int_equal(arc_index_remove(x, &s.id[7], 1, NULL, &err), ARC_OK);
        s.id[7] = 0;
        float *p = probes_of(CLUSTERS, &s, 20);
        arc_index_query q = query_of(3);
        q.fast = true;
        q.candidates = 3000;
        expect_exact(x, &s, p, 20, &q, "all are candidates");
        q.keep = keep_some;
        expect_exact(x, &s, p, 3, &q, "all that are kept are candidates");
        q.keep = NULL;
        q.by_owner = true;
        expect_exact(x, &s, p, 1, &q, "all are candidates, by owner");
        q.by_owner = false;
        double recall;
        assert_int_equal(arc_index_recall(ctx, x, p, 20, &q, &recall, &err), ARC_OK);
        assert_true(recall == 1);
        q.candidates = 1;
        assert_int_equal(arc_index_recall(ctx, x, p, 20, &q, &recall, &err), ARC_OK);
        assert_true(recall > 0 && (recall < 1 || dims[i] > 100));
        assert_int_equal(arc_index_recall(ctx, x, p, 0, &q, &recall, &err), ARC_EINVAL);
        q.candidates = 20;
        if (dims[i] >= 512)
            expect_exact(x, &s, p, 20, &q, "twenty are candidates");
        q.candidates = 0;
        expect_exact(x, &s, p, 20, &q, "so few templates that all are scanned");
        q.candidates = -1;
        arc_index_hit hit[3];
        int found;
        assert_int_equal(arc_index_search(x, p, 1, &q, hit, &found, &err), ARC_EINVAL);
        free(p);
        arc_index_free(&x);
        free_set(&s);
    }
}

/* ---- memory -----------------------------------------------------------------------------------------------------------------
 */

static void every_allocation(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    arc_context *context = arc_test_context(&heap, 1); /* the heap counts in one thread only */
    search_set s = make_set(CLUSTERS, 600, 24);
    const char *path = in_folder("memory");
    arc_index_options o = index_options(24);
    o.sketch = true;
    arc_test_walk walk = {.heap = &heap, .may_manage = true}; /* to remember what to write */
    arc_index_hit hit[12 * 5];
    int found[12];
    uint8_t stamp[ARC_INDEX_STAMP_BYTES] = "";
    arc_index_query q = query_of(5);
    q.keep = keep_some;
    arc_status st;
    do {
        arc_index *x = NULL;
        arc_test_walk_begin(&walk);
        st = arc_index_new(context, &o, &x, NULL);
        if (st == ARC_OK)
            st = arc_index_add(x, s.row, s.id, s.owner, 500, NULL);
        if (st == ARC_OK) {
            st = arc_index_add(x, s.row + 500 * 24, s.id + 500, s.owner + 500, 100, NULL);
            assert_int_equal(arc_index_count(x), st == ARC_OK ? 600 : 500);
        }
        if (st == ARC_OK)
            st = arc_index_save(x, path, stamp, NULL);
        arc_index_free(&x);
        if (st == ARC_OK)
            st = arc_index_load(context, &o, path, &x, stamp, NULL);
        if (st == ARC_OK)
            st = arc_index_search(x, s.row, 12, &q, hit, found, NULL);
        q.fast = true;
        q.candidates = 50;
        if (st == ARC_OK)
            st = arc_index_search(x, s.row, 12, &q, hit, found, NULL);
        q.fast = false;
        q.candidates = 0;
        if (st == ARC_OK)
            st = arc_index_remove(x, s.id, 3, NULL, NULL);
        arc_index_free(&x);
    } while (arc_test_walk_again(&walk, st));
    assert_true(walk.failures > 12);
    free_set(&s);
    arc_context_close(&context);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(exact_on_every_level),
                                       cmocka_unit_test(exact_for_every_dim),
                                       cmocka_unit_test(exact_for_every_count),
                                       cmocka_unit_test(filtered),
                                       cmocka_unit_test(changes),
                                       cmocka_unit_test(refused),
                                       cmocka_unit_test(error_of_the_caller),
                                       cmocka_unit_test(fast),
                                       cmocka_unit_test(searched_while_it_changes),
                                       cmocka_unit_test(every_allocation)};
    return cmocka_run_group_tests_name("index", tests, open_context, close_context);
}
