/* Galleries that the server searches by itself: with pgvector it answers what an index in memory answers, to the last bit,
 * through everything that changes a gallery; without it the refusal says what is lost. Run by tests/postgres.sh, which starts a
 * server. */
#include "gallery_support.h"
#include "shared_context.h"
#include <arcface/gallery_migrate.h>
#include <libpq-fe.h>
#include <math.h>
#include <stdlib.h>

enum { PEOPLE = 300, PER_PERSON = 4, PROBES = 40, TOP = 10 };

static const char *address; /* of the server */
static bool with_pgvector;  /* it has the extension */

/* A number from the server, or 0 of a statement that gives none. */
static long sql(const char *text) {
    PGconn *conn = PQconnectdb(address);
    PGresult *r = PQexec(conn, text);
    if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", text, PQerrorMessage(conn));
    const long number = PQntuples(r) > 0 && !PQgetisnull(r, 0, 0) ? strtol(PQgetvalue(r, 0, 0), NULL, 10) : 0;
    PQclear(r);
    PQfinish(conn);
    return number;
}

static int empty_server(void **state) {
    (void)state;
    sql("SET client_min_messages = error; DROP SCHEMA IF EXISTS arcface CASCADE");
    return 0;
}

/* People by the hundred, in one transaction. near: as near to each other as no half-precision number can tell. */
static void enroll_many(arc_gallery *g, int first, int people, bool near) {
    const int count = people * PER_PERSON;
    float(*x)[DIM] = calloc((size_t)count, sizeof *x);
    arc_template_in *in = calloc((size_t)count, sizeof *in);
    char(*name)[32] = calloc((size_t)people, sizeof *name);
    for (int p = 0; p < people; p++) {
        snprintf(name[p], sizeof name[p], "person %d", first + p);
        for (int k = 0; k < PER_PERSON; k++) {
            const int i = p * PER_PERSON + k;
            draw_template(near ? first : first + p, near ? 0 : k, x[i]);
            if (near)
                x[i][i % DIM] += 1e-4F * (float)(1 + i / DIM);
            in[i] = (arc_template_in){.name = name[p], .embedding = x[i], .quality = 0.5F};
        }
    }
    ok(arc_gallery_add(g, in, count, NULL, err));
    free(name);
    free(in);
    free(x);
}

static arc_gallery *filled(const char *location) {
    arc_gallery *g = new_gallery(ctx, location);
    enroll_many(g, 0, PEOPLE, false);
    enroll_many(g, 1000, 30, true);
    return g;
}

static void draw_probes(float probe[PROBES][DIM]) {
    for (int i = 0; i < PROBES; i++) /* known people, strangers, and those who are all alike */
        draw_template(i % 4 == 0 ? 1000 : i % 4 == 1 ? 5000 + i : 7 * i, i % 4 == 0 ? 0 : 9, probe[i]);
}

static arc_gallery_query query_in(arc_search_place place) {
    arc_gallery_query q;
    arc_gallery_query_default(&q);
    q.top = TOP;
    q.place = place;
    return q;
}

static void assert_same(const arc_answer *a, const arc_answer *b) {
    assert_int_equal(a->matches, b->matches);
    assert_int_equal(a->known, b->known);
    assert_int_equal(a->compared, b->compared);
    assert_true(memcmp(&a->margin_to_second, &b->margin_to_second, sizeof a->margin_to_second) == 0);
    for (int i = 0; i < a->matches; i++) {
        assert_int_equal(a->match[i].identity, b->match[i].identity);
        assert_int_equal(a->match[i].template_id, b->match[i].template_id);
        assert_true(a->match[i].cosine == b->match[i].cosine);
        assert_string_equal(a->match[i].name, b->match[i].name);
    }
}

/* Both places give the same answers. */
static void assert_agreed(arc_gallery *g, const int64_t *only, int64_t only_count) {
    float probe[PROBES][DIM];
    arc_answer a[PROBES], b[PROBES];
    arc_gallery_query q = query_in(ARC_SEARCH_MEMORY);
    draw_probes(probe);
    q.only = only;
    q.only_count = only_count;
    ok(arc_gallery_identify(g, probe[0], PROBES, &q, a, err));
    q.place = ARC_SEARCH_DATABASE;
    ok(arc_gallery_identify(g, probe[0], PROBES, &q, b, err));
    for (int i = 0; i < PROBES; i++)
        assert_same(&a[i], &b[i]);
    arc_answers_free(ctx, a, PROBES);
    arc_answers_free(ctx, b, PROBES);
}

static void the_server_answers_what_an_index_answers(void **state) {
    (void)state;
    arc_gallery *g = filled(address);
    int64_t only[40];
    float x[DIM];
    ok(arc_gallery_set_search(g, ARC_GALLERY_DATABASE, err));
    assert_int_equal(facts_of(g).search, ARC_GALLERY_DATABASE);
    assert_true(facts_of(g).search_ready && facts_of(g).vector_bytes > 0);
    assert_agreed(g, NULL, 0);
    for (int i = 0; i < 40; i++)
        only[i] = person_id(g, i < 20 ? 7 * i : 1000 + i - 20);
    assert_agreed(g, only, 40);
    assert_agreed(g, only, 1);
    draw_template(14, 9, x); /* who is not this person any more */
    ok(arc_gallery_reject(g, x, person_id(g, 14), err));
    assert_agreed(g, NULL, 0);
    ok(arc_gallery_set_search(g, ARC_GALLERY_DATABASE_HNSW, err)); /* the index does not answer in place of all vectors */
    assert_int_equal(sql("SELECT count(*) FROM pg_index WHERE indisvalid AND indexrelid::regclass::text LIKE '%_hnsw'"), 1);
    assert_agreed(g, NULL, 0);
    ok(arc_gallery_set_search(g, ARC_GALLERY_MEMORY, err));
    assert_int_equal(sql("SELECT count(*) FROM pg_class WHERE relname LIKE 'vectors%'"), 0);
    assert_gallery_whole(g);
    arc_gallery_close(&g);
}

static void a_mean_of_templates_is_exact_too(void **state) {
    (void)state;
    arc_gallery_options options;
    arc_gallery *g = NULL;
    arc_gallery_options_default(&options);
    options.create = true;
    options.fusion = ARC_FUSE_MEAN;
    ok(arc_gallery_open(ctx, address, &options, &g, err));
    ok(arc_gallery_bind_foreign(g, "drawn", DIM, 0.5, err));
    enroll_many(g, 0, 100, false);
    enroll_many(g, 1000, 60, true); /* more alike than a first list has */
    ok(arc_gallery_set_search(g, ARC_GALLERY_DATABASE, err));
    assert_agreed(g, NULL, 0);
    arc_gallery_close(&g);
}

static void fast_searches_find_nearly_all(void **state) {
    (void)state;
    arc_gallery *g = filled(address);
    float probe[PROBES][DIM];
    arc_answer exact[PROBES], fast[PROBES];
    arc_gallery_query q = query_in(ARC_SEARCH_DATABASE);
    arc_error why = {0};
    int same = 0;
    draw_probes(probe);
    ok(arc_gallery_set_search(g, ARC_GALLERY_DATABASE, err));
    q.fast = true;
    assert_int_equal(arc_gallery_identify(g, probe[0], 1, &q, exact, &why), ARC_EUNSUPPORTED);
    assert_non_null(strstr(why.text, "--search database-hnsw"));
    ok(arc_gallery_set_search(g, ARC_GALLERY_DATABASE_HNSW, err));
    ok(arc_gallery_identify(g, probe[0], PROBES, &q, fast, err));
    q.fast = false;
    ok(arc_gallery_identify(g, probe[0], PROBES, &q, exact, err));
    for (int i = 0; i < PROBES; i++) {
        assert_int_equal(fast[i].matches, TOP);
        same += fast[i].match[0].cosine == exact[i].match[0].cosine;
    }
    printf("HNSW finds the first answer for %d of %d\n", same, PROBES);
    assert_true(same >= PROBES * 9 / 10);
    arc_answers_free(ctx, exact, PROBES);
    arc_answers_free(ctx, fast, PROBES);

    int64_t only[PEOPLE]; /* a filter that leaves most, and more answers than the index's first list has */
    for (int i = 0; i < PEOPLE; i++)
        only[i] = person_id(g, i);
    q = query_in(ARC_SEARCH_DATABASE);
    q.fast = true;
    q.top = 250;
    q.only = only;
    q.only_count = PEOPLE;
    ok(arc_gallery_identify(g, probe[0], 1, &q, fast, err)); /* those without the filter are all others */
    assert_int_equal(fast[0].matches, 250);
    for (int i = 0; i < 250; i++)
        assert_true(fast[0].match[i].identity <= only[PEOPLE - 1]);
    arc_answers_free(ctx, fast, 1);
    arc_gallery_close(&g);
}

static void vectors_are_in_step(void **state) {
    (void)state;
    arc_gallery *g = filled(address), *other;
    int64_t first;
    ok(arc_gallery_set_search(g, ARC_GALLERY_DATABASE_HNSW, err));
    other = open_gallery(ctx, address, false);
    enroll_many(other, 400, 50, false); /* another process's */
    assert_agreed(g, NULL, 0);
    ok(arc_gallery_remove(other, person_id(other, 7), err));
    ok(arc_gallery_remove(g, person_id(g, 1003), err));
    ok(arc_gallery_merge(g, person_id(g, 21), person_id(g, 28), err));
    ok(try_enroll(g, 500, 0, 2, &first, err));
    ok(arc_gallery_remove_template(g, first, err));
    assert_agreed(g, NULL, 0);
    assert_agreed(other, NULL, 0);
    assert_int_equal(sql("SELECT count(*) FROM arcface.vectors_1_1"), facts_of(g).templates);
    assert_gallery_whole(g);
    sql("DELETE FROM arcface.vectors_1_1 WHERE template % 2 = 0");
    int64_t problems;
    ok(arc_gallery_check(g, print_problem, NULL, &problems, err));
    assert_int_equal(problems, 1);
    ok(arc_gallery_set_search(g, ARC_GALLERY_DATABASE_HNSW, err)); /* makes those that are lacking */
    assert_gallery_whole(g);
    assert_agreed(g, NULL, 0);
    arc_gallery_close(&other);
    arc_gallery_close(&g);
}

static void what_does_not_fit_is_searched_there(void **state) {
    (void)state;
    arc_gallery_options options;
    arc_gallery *g = filled(address), *small = NULL;
    arc_gallery_query q = query_in(ARC_SEARCH_AUTO);
    float probe[PROBES][DIM];
    arc_answer a[PROBES], b[PROBES];
    arc_error why = {0};
    draw_probes(probe);
    arc_gallery_options_default(&options);
    options.index_memory_bytes = 100000;
    ok(arc_gallery_open(ctx, address, &options, &small, err));
    assert_int_equal(arc_gallery_identify(small, probe[0], PROBES, &q, b, &why), ARC_ELIMIT);
    assert_non_null(strstr(why.text, "more than the 0.0001 GB that it may have here"));
    assert_non_null(strstr(why.text, with_pgvector ? "arcface gallery set --search database" : "install pgvector"));
    if (with_pgvector) {
        sql("SET client_min_messages = error; DROP EXTENSION IF EXISTS vector"); /* it is there for the server only, and is
                                                                                    installed */
        ok(arc_gallery_set_search(g, ARC_GALLERY_DATABASE, err));
        ok(arc_gallery_identify(small, probe[0], PROBES, &q, b, err));
        assert_true(facts_of(small).memory_bytes == 0);
        ok(arc_gallery_identify(g, probe[0], PROBES, &q, a, err));
        assert_true(facts_of(g).memory_bytes > 100000);
        for (int i = 0; i < PROBES; i++)
            assert_same(&a[i], &b[i]);
        arc_answers_free(ctx, a, PROBES);
        arc_answers_free(ctx, b, PROBES);
        assert_gallery_whole(small);
        assert_true(facts_of(small).memory_bytes == 0);
        sql("UPDATE arcface.vector_tables SET ready = 0");
        q.place = ARC_SEARCH_DATABASE;
        assert_int_equal(arc_gallery_identify(small, probe[0], 1, &q, b, &why), ARC_EUNSUPPORTED);
        assert_non_null(strstr(why.text, "being made"));
    } else {
        assert_int_equal(arc_gallery_set_search(g, ARC_GALLERY_DATABASE, &why), ARC_EUNSUPPORTED);
        assert_non_null(strstr(why.text, "-pgvector of apt.postgresql.org"));
        q.place = ARC_SEARCH_DATABASE;
        assert_int_equal(arc_gallery_identify(g, probe[0], 1, &q, b, &why), ARC_EUNSUPPORTED);
        assert_int_equal(facts_of(g).search, ARC_GALLERY_MEMORY);
        assert_gallery_whole(g);
    }
    arc_gallery_close(&small);
    arc_gallery_close(&g);
}

static void a_sealed_gallery_is_refused(void **state) {
    (void)state;
    arc_gallery_options options;
    arc_gallery *g = NULL;
    arc_error why = {0};
    arc_gallery_options_default(&options);
    options.create = true;
    assert_int_equal(setenv("ARC_TEST_KEY", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 1), 0);
    options.key = "env:ARC_TEST_KEY";
    ok(arc_gallery_open(ctx, address, &options, &g, err));
    ok(arc_gallery_bind_foreign(g, "drawn", DIM, 0.5, err));
    assert_int_equal(arc_gallery_set_search(g, ARC_GALLERY_DATABASE, &why), ARC_EINVAL);
    assert_non_null(strstr(why.text, "ciphertext"));
    assert_int_equal(sql("SELECT count(*) FROM arcface.vector_tables"), 0);
    arc_gallery_close(&g);
}

/* Another rotation of all templates is another generation: its vectors are made along with it, the old ones go. */
static void a_move_takes_its_vectors_along(void **state) {
    (void)state;
    arc_gallery *g = filled(address);
    assert_int_equal(setenv("ARC_TEST_KEY", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 1), 0);
    ok(arc_gallery_set_search(g, ARC_GALLERY_DATABASE_HNSW, err));
    ok(arc_gallery_protect(g, "env:ARC_TEST_KEY", NULL, NULL, err));
    assert_int_equal(sql("SELECT count(*) FROM arcface.vectors_1_2"), facts_of(g).templates);
    assert_int_equal(sql("SELECT count(*) FROM pg_class WHERE relname = 'vectors_1_1'"), 0);
    assert_int_equal(facts_of(g).search, ARC_GALLERY_DATABASE_HNSW);
    assert_agreed(g, NULL, 0);
    assert_gallery_whole(g);
    arc_gallery_close(&g);
}

int main(void) {
    struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_fit_is_searched_there),
        cmocka_unit_test(the_server_answers_what_an_index_answers),
        cmocka_unit_test(a_mean_of_templates_is_exact_too),
        cmocka_unit_test(fast_searches_find_nearly_all),
        cmocka_unit_test(vectors_are_in_step),
        cmocka_unit_test(a_sealed_gallery_is_refused),
        cmocka_unit_test(a_move_takes_its_vectors_along),
    };
    struct CMUnitTest without[] = {cmocka_unit_test(what_does_not_fit_is_searched_there),
                                   cmocka_unit_test(a_sealed_gallery_is_refused)};
    address = getenv("ARC_TEST_POSTGRES");
    if (!address) {
        printf("skipped: no server; tests/postgres.sh run starts one\n");
        return 77;
    }
    with_pgvector = sql("SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'") > 0;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tests[i].setup_func = empty_server;
    for (size_t i = 0; i < sizeof without / sizeof *without; i++)
        without[i].setup_func = empty_server;
    return with_pgvector ? cmocka_run_group_tests(tests, open_context, close_context)
                         : cmocka_run_group_tests(without, open_context, close_context);
}
