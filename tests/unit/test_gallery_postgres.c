/* Stores of galleries in a server of PostgreSQL: what every store must do (store_cases.h), connections that are lost at any
 * moment, servers that are restarted, writers that race, replicas. Run by tests/postgres.sh, which starts a server. */
#include "cut_proxy.h"
#include "gallery/store/postgres/postgres_internal.h"
#include "store_cases.h"
#include <pthread.h>
#include <unistd.h>

static const char *address; /* of the server */

/* A statement of the test's own, as the server's owner. */
static void run_sql(const char *sql) {
    PGconn *conn = PQconnectdb(address);
    PGresult *r = PQexec(conn, sql);
    if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    PQclear(r);
    PQfinish(conn);
}

/* tests/postgres.sh COMMAND FOLDER [MORE]; its output, if anybody wants it. */
static void run_script(const char *command, const char *more, char *out, size_t bytes) {
    const char *folder = getenv("ARC_TEST_POSTGRES_FOLDER");
    char text[2048], path[512];
    snprintf(path, sizeof path, "%s/script.out", folder);
    snprintf(text, sizeof text, "'%s' %s '%s' %s >'%s'", getenv("ARC_TEST_POSTGRES_SCRIPT"), command, folder, more, path);
    assert_int_equal(system(text), 0);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    if (out && fgets(out, (int)bytes, file))
        out[strcspn(out, "\n")] = '\0';
    fclose(file);
}

static void end_sessions(void) {
    run_sql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'arcface'");
}

static int empty_server(void **state) {
    (void)state;
    end_sessions(); /* what a failed case left */
    run_sql("SET client_min_messages = error; DROP SCHEMA IF EXISTS arcface CASCADE");
    return 0;
}

static arc_gallery_store *open_with(arc_context *c, const char *where, const char *name, int flags) {
    arc_gallery_store *s = NULL;
    ok(arc_gallery_store_open(c, where, name, flags, &s, err));
    return s;
}

static arc_gallery_store *store_open_new(const char *name) {
    return open_with(ctx, address, name, ARC_STORE_CREATE);
}

static arc_status try_open(const char *where, int flags, char text[ARC_ERROR_TEXT_BYTES]) {
    arc_gallery_store *s = NULL;
    arc_error why = {0};
    const arc_status st = arc_gallery_store_open(ctx, where, "main", flags, &s, &why);
    assert_true((s != NULL) == (st == ARC_OK));
    if (s)
        s->type->close(&s);
    memcpy(text, why.text, ARC_ERROR_TEXT_BYTES);
    return st;
}

/* ---- what can be wrong at the beginning ---- */

static void what_cannot_be_opened_is_named(void **state) {
    (void)state;
    char text[ARC_ERROR_TEXT_BYTES];
    assert_int_equal(try_open(address, 0, text), ARC_ENOTFOUND);
    assert_non_null(strstr(text, "enrolling somebody makes it"));
    assert_int_equal(try_open("postgres://me:secret@127.0.0.1:1/base", 0, text), ARC_ENETWORK);
    assert_null(strstr(text, "secret"));
    assert_non_null(strstr(text, "127.0.0.1/base#main"));
    assert_int_equal(try_open("postgres://me:sec%ret@host/base?no_such_option=1", 0, text), ARC_EINVAL);
    assert_null(strstr(text, "sec%ret"));
    char other[512];
    snprintf(other, sizeof other, "%.*snobase%s", (int)(strstr(address, "/postgres?") + 1 - address), address,
             strchr(address, '?'));
    assert_int_equal(try_open(other, 0, text), ARC_ENOTFOUND);
    assert_non_null(strstr(text, "nobase"));

    arc_gallery_store *s = store_open_new("main");
    s->type->close(&s);
    assert_int_equal(try_open(address, 0, text), ARC_OK);
    arc_error why = {0};
    assert_int_equal(arc_gallery_store_open(ctx, address, "others", 0, &s, &why), ARC_ENOTFOUND);
    assert_non_null(strstr(why.text, "it has: main"));
    run_sql("UPDATE arcface.schema_version SET version = 99");
    assert_int_equal(try_open(address, ARC_STORE_CREATE, text), ARC_EUNSUPPORTED);
    assert_non_null(strstr(text, "newer version"));
}

/* An index was once added to the first version: data bases that were made before lack it. Who may read templates may read what a
 * later version adds. */
static void an_older_version_is_brought_up_to_date(void **state) {
    (void)state;
    char text[ARC_ERROR_TEXT_BYTES];
    arc_gallery_store *s = store_open_new("main");
    ok(s->type->begin(s, true, err));
    put_templates(s, put_person(s, "Ann"), 3);
    ok(s->type->commit(s, err));
    s->type->close(&s);
    run_sql("DROP ROLE IF EXISTS reader; CREATE ROLE reader; GRANT USAGE ON SCHEMA arcface TO reader;"
            "GRANT SELECT ON arcface.templates TO reader");
    for (int with = 0; with < 2; with++) {
        run_sql(
            "DROP TABLE arcface.vector_tables; DROP FUNCTION arcface.share_table; UPDATE arcface.schema_version SET version = 1");
        if (!with)
            run_sql("DROP INDEX arcface.templates_source");
        assert_int_equal(try_open(address, ARC_STORE_READ_ONLY, text), ARC_EUNSUPPORTED);
        assert_non_null(strstr(text, "older version"));
        s = open_with(ctx, address, "main", 0);
        assert_int_equal(counts_of(s).templates, 3);
        assert_int_equal(counts_of(s).schema, 3);
        assert_whole(s);
        s->type->close(&s);
        run_sql("COMMENT ON INDEX arcface.templates_source IS 'it is there'");
        run_sql("SET ROLE reader; SELECT * FROM arcface.vector_tables");
    }
    run_sql("DROP OWNED BY reader; DROP ROLE reader");
}

static void reading_only_changes_nothing(void **state) {
    (void)state;
    arc_gallery_store *s = store_open_new("main");
    s->type->close(&s);
    s = open_with(ctx, address, "main", ARC_STORE_READ_ONLY);
    assert_int_equal(counts_of(s).identities, 0);
    assert_int_equal(s->type->begin(s, true, NULL), ARC_EINVAL);
    s->type->close(&s);
}

static void large_values_go_in_and_out(void **state) {
    (void)state;
    enum { NAME = 10000, PEOPLE = 2500, DIM_BYTES = 4 * 4096 };
    arc_gallery_store *s = store_open_new("main");
    char *name = malloc(NAME), *embedding = calloc(1, DIM_BYTES);
    arc_template_row *rows = calloc(PEOPLE, sizeof *rows);
    int64_t id, first;
    bool found;
    arc_rng rng;
    arc_rng_seed(&rng, 1, 2);
    for (int i = 0; i < NAME; i++) /* that no data base can shorten */
        name[i] = (char)(1 + arc_rng_u32(&rng) % 255);
    arc_identity_row person = {.name_key = {name, NAME}, .name = bytes_of("Long"), .threshold = NAN};
    ok(s->type->begin(s, true, err));
    ok(s->type->reserve(s, ARC_IDS_IDENTITY, 1, &person.id, err));
    ok(s->type->identity_put(s, &person, err));
    ok(s->type->identity_find(s, person.name_key, &id, &found, err));
    assert_true(found && id == person.id);
    ok(s->type->reserve(s, ARC_IDS_TEMPLATE, PEOPLE, &first, err));
    for (int i = 0; i < PEOPLE; i++) /* more than a batch and a page */
        rows[i] = (arc_template_row){
            .id = first + i, .identity = id, .generation = 1, .embedding = {embedding, i % 2 ? 2048 : DIM_BYTES}, .quality = NAN};
    ok(s->type->template_put(s, rows, PEOPLE, err));
    ok(s->type->commit(s, err));
    assert_int_equal(counts_of(s).templates, PEOPLE);
    int64_t *ids = calloc(2 * PEOPLE, sizeof *ids);
    for (int i = 0; i < 2 * PEOPLE; i++)
        ids[i] = first + i / 2; /* each twice */
    ok(s->type->begin(s, true, err));
    ok(s->type->template_remove(s, ids, 0, err));
    for (int i = 0; i < PEOPLE; i++)
        ids[i] = first + i;
    ok(s->type->template_remove(s, ids, PEOPLE - 1, err));
    ok(s->type->commit(s, err));
    assert_int_equal(counts_of(s).templates, 1);
    assert_whole(s);
    free(ids);
    free(rows);
    free(embedding);
    free(name);
    s->type->close(&s);
}

static void damage_is_found(void **state) {
    (void)state;
    arc_gallery_store *s = store_open_new("main");
    seen wrong = {0};
    ok(s->type->begin(s, true, err));
    const int64_t ann = put_person(s, "Ann");
    put_templates(s, ann, 5);
    put_templates(s, put_person(s, "Bob"), 4);
    ok(s->type->commit(s, err));
    ok(s->type->begin(s, true, err));
    ok(s->type->identity_remove(s, ann, err)); /* takes its templates with it, which are counted */
    ok(s->type->commit(s, err));
    assert_int_equal(counts_of(s).templates, 4);
    assert_int_equal(counts_of(s).crops, 2);
    assert_whole(s);
    run_sql(
        "UPDATE arcface.galleries SET templates = 7; DELETE FROM arcface.embeddings; UPDATE arcface.templates SET revision = 99;"
        "SELECT setval('arcface.template_ids_1', 1)");
    ok(s->type->check(s, see_problem, &wrong, err));
    assert_int_equal(wrong.count, 4);
    s->type->close(&s);
}

/* ---- connections that are lost ---- */

static void a_lost_connection_stores_nothing(void **state) {
    (void)state;
    arc_gallery_store *s = store_open_new("main");
    arc_error why = {0};
    ok(s->type->begin(s, true, err));
    const int64_t ann = put_person(s, "Ann");
    put_templates(s, ann, 3);
    end_sessions();
    arc_template_row row = {.id = 1000, .identity = ann, .generation = 1, .embedding = bytes_of("embedded")};
    assert_int_equal(s->type->template_put(s, &row, 1, &why), ARC_ENETWORK);
    s->type->rollback(s);
    assert_int_equal(counts_of(s).identities, 0); /* connects again */
    ok(s->type->begin(s, true, err));
    put_templates(s, put_person(s, "Ann"), 3);
    ok(s->type->commit(s, err));
    end_sessions(); /* between two transactions nobody notices */
    assert_int_equal(counts_of(s).templates, 3);
    ok(s->type->begin(s, true, err));
    put_person(s, "Bob");
    end_sessions();
    assert_int_equal(s->type->commit(s, &why), ARC_ENETWORK);
    assert_int_equal(counts_of(s).identities, 1);
    assert_whole(s);
    s->type->close(&s);
}

static void the_outcome_of_a_commit_is_known(void **state) {
    (void)state;
    arc_gallery_store *direct = store_open_new("main");
    arc_error why = {0};
    cut_proxy proxy;
    char where[1024], place[512];
    snprintf(place, sizeof place, "%s/proxy", getenv("ARC_TEST_POSTGRES_FOLDER"));
    cut_proxy_start(&proxy, address, place, where, sizeof where);
    arc_gallery_store *s = open_with(ctx, where, "main", 0);

    ok(s->type->begin(s, true, err));
    put_person(s, "Ann");
    cut_proxy_arm(&proxy, CUT_BEFORE);
    assert_int_equal(s->type->commit(s, &why), ARC_ENETWORK);
    assert_non_null(strstr(why.text, "nothing was stored"));
    assert_int_equal(counts_of(direct).identities, 0);

    ok(s->type->begin(s, true, err));
    put_person(s, "Ann");
    cut_proxy_arm(&proxy, CUT_AFTER);
    ok(s->type->commit(s, err)); /* the server had stored it, and is asked */
    assert_int_equal(counts_of(direct).identities, 1);
    assert_int_equal(counts_of(s).identities, 1);

    s->type->close(&s);
    direct->type->close(&direct);
    cut_proxy_stop(&proxy);
}

static void a_restart_of_the_server_is_survived(void **state) {
    (void)state;
    arc_gallery_store *s = store_open_new("main"), *reader = store_open_new("main");
    bool changed;
    ok(s->type->begin(s, true, err));
    put_templates(s, put_person(s, "Ann"), 3);
    ok(s->type->commit(s, err));
    run_script("restart", "", NULL, 0);
    assert_int_equal(counts_of(s).templates, 3);
    ok(s->type->begin(s, true, err));
    put_person(s, "Bob");
    run_script("kill", "", NULL, 0);
    assert_int_equal(s->type->commit(s, NULL), ARC_ENETWORK); /* nobody to ask */
    assert_int_equal(s->type->begin(s, false, NULL), ARC_ENETWORK);
    assert_int_equal(s->type->wait(s, 0, &changed, NULL), ARC_ENETWORK);
    run_script("resume", "", NULL, 0);
    assert_int_equal(counts_of(s).identities, 1);
    ok(reader->type->wait(reader, 0, &changed, err));
    assert_true(changed);
    assert_whole(s);
    s->type->close(&s);
    reader->type->close(&reader);
}

/* ---- several processes ---- */

enum { ROUNDS = 25 };

typedef struct racer {
    pthread_t thread;
    arc_context *ctx;
    int number;
    int64_t added, removed;
} racer;

static void *race(void *arg) {
    racer *r = arg;
    arc_gallery_store *s = open_with(r->ctx, address, "race", ARC_STORE_CREATE);
    for (int i = 0; i < ROUNDS; i++) {
        char name[32];
        snprintf(name, sizeof name, "%d of %d", i, r->number);
        ok(s->type->begin(s, true, err));
        const int64_t id = put_person(s, name);
        const int64_t first = put_templates(s, id, 4);
        if (i % 3 == 0) {
            ok(s->type->template_remove(s, &first, 1, err));
            r->removed++;
        }
        ok(s->type->commit(s, err));
        r->added += 4;
    }
    s->type->close(&s);
    return NULL;
}

static void racing_writers_keep_the_gallery_whole(void **state) {
    (void)state;
    racer r[3] = {0}; /* they also make the tables and the gallery at the same time */
    int64_t left = 0, revision;
    uint8_t mark[ARC_STORE_MARK_BYTES];
    for (int i = 0; i < 3; i++) {
        r[i].number = i;
        r[i].ctx = ctx;
        assert_int_equal(pthread_create(&r[i].thread, NULL, race, &r[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(r[i].thread, NULL);
        left += r[i].added - r[i].removed;
    }
    arc_gallery_store *s = open_with(ctx, address, "race", 0);
    assert_int_equal(counts_of(s).templates, left);
    assert_int_equal(counts_of(s).identities, 3 * ROUNDS);
    ok(s->type->begin(s, false, err));
    ok(s->type->revision(s, &revision, mark, err));
    ok(s->type->commit(s, err));
    assert_int_equal(revision, 3 * ROUNDS); /* none was lost or made twice */
    assert_whole(s);
    s->type->close(&s);
}

static void *enrol_soon(void *arg) {
    arc_gallery_store *s = arg;
    usleep(50000);
    ok(s->type->begin(s, true, err));
    put_person(s, "Ann");
    ok(s->type->commit(s, err));
    return NULL;
}

static void a_waiting_reader_is_woken(void **state) {
    (void)state;
    arc_gallery_store *s = store_open_new("main"), *reader = store_open_new("main");
    pthread_t thread;
    bool changed;
    ok(reader->type->wait(reader, 0, &changed, err));
    assert_int_equal(pthread_create(&thread, NULL, enrol_soon, s), 0);
    ok(reader->type->wait(reader, 3600000, &changed, err)); /* an hour: the test's own limit is shorter */
    assert_true(changed);
    pthread_join(thread, NULL);
    ok(reader->type->wait(reader, 0, &changed, err));
    assert_false(changed);
    ok(s->type->wait(s, 0, &changed, err));
    s->type->close(&s);
    reader->type->close(&reader);
}

static void a_replica_is_read(void **state) {
    (void)state;
    arc_gallery_store *s = store_open_new("main"), *copy = NULL;
    char where[1024], folder[600], text[ARC_ERROR_TEXT_BYTES] = "";
    arc_error why = {0};
    bool changed;
    snprintf(folder, sizeof folder, "'%s/replica'", getenv("ARC_TEST_POSTGRES_FOLDER"));
    run_script("replica", folder, where, sizeof where);
    copy = open_with(ctx, where, "main", ARC_STORE_READ_ONLY);
    ok(copy->type->wait(copy, 0, &changed, err));
    ok(s->type->begin(s, true, err));
    put_templates(s, put_person(s, "Ann"), 3);
    ok(s->type->commit(s, err));
    while (counts_of(copy).templates == 0) { /* it follows when it can */
        ok(copy->type->wait(copy, 1000, &changed, err));
    }
    assert_int_equal(counts_of(copy).templates, 3);
    assert_whole(copy);
    copy->type->close(&copy);
    copy = open_with(ctx, where, "main", 0);
    assert_int_equal(copy->type->begin(copy, true, &why), ARC_EINVAL);
    assert_non_null(strstr(why.text, "primary"));
    assert_int_equal(counts_of(copy).templates, 3);
    assert_int_equal(try_open(where, ARC_STORE_CREATE, text), ARC_OK); /* it is there */
    copy->type->close(&copy);
    s->type->close(&s);
    snprintf(text, sizeof text, "'%s' stop '%s/replica'", getenv("ARC_TEST_POSTGRES_SCRIPT"), getenv("ARC_TEST_POSTGRES_FOLDER"));
    assert_int_equal(system(text), 0);
}

/* ---- memory ---- */

static arc_status work(arc_context *c) {
    arc_gallery_store *s = NULL;
    arc_status st = arc_gallery_store_open(c, address, "main", ARC_STORE_CREATE, &s, NULL);
    int64_t first = 0, ann = 0;
    const int64_t wanted[] = {1, 2, 3};
    arc_template_query q = {.generation = 1, .parts = ARC_READ_EMBEDDING, .ids = wanted, .id_count = 3};
    seen a = {0};
    arc_template_row row = {.generation = 1, .embedding = bytes_of("embedded")};
    if (st != ARC_OK)
        return st;
    ARC_TRY(s->type->begin(s, true, NULL));
    ARC_TRY(s->type->reserve(s, ARC_IDS_IDENTITY, 1, &ann, NULL));
    ARC_TRY(s->type->reserve(s, ARC_IDS_TEMPLATE, 1, &first, NULL));
    arc_identity_row person = {.id = ann, .name_key = {&ann, sizeof ann}, .name = bytes_of("Ann"), .threshold = NAN};
    ARC_TRY(s->type->identity_put(s, &person, NULL));
    row.id = first;
    row.identity = ann;
    ARC_TRY(s->type->template_put(s, &row, 1, NULL));
    ARC_TRY(s->type->embedding_put(s, &row, 1, true, NULL));
    ARC_TRY(s->type->template_each(s, &q, see_template, &a, NULL));
    ARC_TRY(s->type->template_remove(s, &first, 1, NULL));
    ARC_TRY(s->type->commit(s, NULL));
done:
    s->type->rollback(s);
    s->type->close(&s);
    return st;
}

static void refused_memory_is_an_error(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    arc_context *c = arc_test_context(&heap, 1);
    arc_test_walk walk = {.heap = &heap};
    arc_status st;
    do {
        arc_test_walk_begin(&walk);
        st = work(c);
    } while (arc_test_walk_again(&walk, st));
    assert_true(walk.failures > 10);
    arc_context_close(&c);
    arc_gallery_store *s = store_open_new("main");
    assert_whole(s);
    s->type->close(&s);
}

int main(void) {
    struct CMUnitTest tests[] = {
        STORE_CASES,
        cmocka_unit_test(what_cannot_be_opened_is_named),
        cmocka_unit_test(an_older_version_is_brought_up_to_date),
        cmocka_unit_test(reading_only_changes_nothing),
        cmocka_unit_test(large_values_go_in_and_out),
        cmocka_unit_test(damage_is_found),
        cmocka_unit_test(a_lost_connection_stores_nothing),
        cmocka_unit_test(the_outcome_of_a_commit_is_known),
        cmocka_unit_test(racing_writers_keep_the_gallery_whole),
        cmocka_unit_test(a_waiting_reader_is_woken),
        cmocka_unit_test(refused_memory_is_an_error),
        cmocka_unit_test(a_replica_is_read),
        cmocka_unit_test(a_restart_of_the_server_is_survived),
    };
    address = getenv("ARC_TEST_POSTGRES");
    if (!address) {
        printf("skipped: no server; tests/postgres.sh run starts one\n");
        return 77;
    }
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tests[i].setup_func = empty_server;
    return cmocka_run_group_tests(tests, open_context, close_context);
}
