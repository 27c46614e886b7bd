/* Stores of galleries in Qdrant: what every store must do (store_cases.h), a server that fails at every single request of a
 * change, is restarted, is busy, writers that race and that end in the middle. Run by tests/qdrant.sh, which starts a stand-in.
 */
#include "gallery/store/qdrant/qdrant_internal.h"
#include "qdrant_support.h"
#include "store_cases.h"
#include <pthread.h>

static char where[256];

static int empty_server(void **state) {
    (void)state;
    shim_empty();
    return 0;
}

static arc_gallery_store *open_with(const char *name, int flags) {
    arc_gallery_store *s = NULL;
    ok(arc_gallery_store_open(ctx, where, name, flags, &s, err));
    arc_qd_of(s)->patience_ms = 300; /* cases are shorter than programs */
    return s;
}

static arc_gallery_store *store_open_new(const char *name) {
    return open_with(name, ARC_STORE_CREATE);
}

static arc_status try_open(const char *location, int flags, char text[ARC_ERROR_TEXT_BYTES]) {
    arc_gallery_store *s = NULL;
    arc_error why = {0};
    const arc_status st = arc_gallery_store_open(ctx, location, "main", flags, &s, &why);
    assert_true((s != NULL) == (st == ARC_OK));
    if (s)
        s->type->close(&s);
    memcpy(text, why.text, ARC_ERROR_TEXT_BYTES);
    return st;
}

static void what_cannot_be_opened_is_named(void **state) {
    (void)state;
    char text[ARC_ERROR_TEXT_BYTES], answer[512];
    arc_error why = {0};
    arc_gallery_store *s;
    assert_int_equal(try_open(where, 0, text), ARC_ENOTFOUND);
    assert_non_null(strstr(text, "enrolling somebody makes it"));
    assert_int_equal(try_open("qdrant://127.0.0.1:1/people", 0, text), ARC_ENETWORK);
    assert_non_null(strstr(text, "qdrant 127.0.0.1:1/people#main"));
    assert_int_equal(try_open("qdrant://key:secret@host/people", 0, text), ARC_EINVAL);
    assert_null(strstr(text, "secret"));
    assert_non_null(strstr(text, "ARCFACE_QDRANT_KEY"));
    static const char *const none[] = {"qdrant://",         "qdrant://host",     "qdrant://host/",   "qdrant:///people",
                                       "qdrant://host/a/b", "qdrant://host/a?b", "qdrant://ho st/a", "qdrants://[::1/../x"};
    for (size_t i = 0; i < ARC_COUNT(none); i++)
        assert_int_equal(try_open(none[i], ARC_STORE_CREATE, text), ARC_EINVAL);

    s = store_open_new("main");
    s->type->close(&s);
    assert_int_equal(try_open(where, 0, text), ARC_OK);
    assert_int_equal(arc_gallery_store_open(ctx, where, "others", 0, &s, &why), ARC_ENOTFOUND);
    assert_non_null(strstr(why.text, "the collections have: main"));
    shim_tell("{\"version\": \"1.15.9\"}");
    assert_int_equal(try_open(where, 0, text), ARC_EUNSUPPORTED);
    assert_non_null(strstr(text, "1.16 or newer"));
    shim_tell("{\"version\": \"1.20.0\", \"key\": \"opens it\"}");
    assert_int_equal(try_open(where, 0, text), ARC_EINVAL);
    assert_non_null(strstr(text, "refuses the key"));
    setenv("ARCFACE_QDRANT_KEY", "opens it", 1);
    assert_int_equal(try_open(where, 0, text), ARC_OK);
    setenv("ARCFACE_QDRANT_KEY", "no\nkey", 1);
    assert_int_equal(try_open(where, 0, text), ARC_EINVAL);
    unsetenv("ARCFACE_QDRANT_KEY");
    shim_tell("{\"key\": \"\"}");
    shim_ask("POST", "/collections/faces_people/points/payload?wait=true&ordering=strong",
             "{\"payload\": {\"schema\": 99}, \"filter\": {\"must\": [{\"has_id\": [0]}]}}", answer, sizeof answer);
    assert_int_equal(try_open(where, ARC_STORE_CREATE, text), ARC_EUNSUPPORTED);
    assert_non_null(strstr(text, "newer version"));
}

static void collections_of_others_are_left_alone(void **state) {
    (void)state;
    char text[ARC_ERROR_TEXT_BYTES], answer[512];
    shim_ask("PUT", "/collections/faces_people", "{\"vectors\": {\"face\": {\"size\": 2, \"distance\": \"Dot\"}}}", answer,
             sizeof answer);
    shim_ask("PUT", "/collections/faces_people/points?wait=true&ordering=strong",
             "{\"points\": [{\"id\": 7, \"vector\": {}, \"payload\": {\"kind\": \"gallery\"}}]}", answer, sizeof answer);
    assert_int_equal(try_open(where, ARC_STORE_CREATE, text), ARC_EFORMAT);
    assert_non_null(strstr(text, "which no gallery made"));
}

static void reading_only_changes_nothing(void **state) {
    (void)state;
    arc_gallery_store *s = store_open_new("main");
    s->type->close(&s);
    s = open_with("main", ARC_STORE_READ_ONLY);
    assert_int_equal(counts_of(s).identities, 0);
    assert_int_equal(s->type->begin(s, true, NULL), ARC_EINVAL);
    s->type->close(&s);
}

/* Vectors are what other clients of Qdrant see: numbers of plain templates, nothing of sealed ones. */
static void vectors_are_those_of_plain_templates(void **state) {
    (void)state;
    const float x[4] = {0.5F, -0.5F, 0.1F, 1e-30F};
    char answer[4096];
    for (int sealed = 0; sealed < 2; sealed++) {
        arc_gallery_store *s = store_open_new(sealed ? "sealed" : "main");
        arc_template_row row = {.generation = 1, .embedding = {x, sizeof x}, .quality = NAN};
        ok(s->type->begin(s, true, err));
        if (sealed)
            ok(s->type->meta_put(s, "seal", bytes_of("sealed"), err));
        row.identity = put_person(s, "Ann");
        ok(s->type->reserve(s, ARC_IDS_TEMPLATE, 1, &row.id, err));
        ok(s->type->template_put(s, &row, 1, err));
        ok(s->type->commit(s, err));
        s->type->close(&s);
        shim_ask("POST",
                 sealed ? "/collections/faces.sealed/points?consistency=majority"
                        : "/collections/faces/points?consistency=majority",
                 "{\"ids\": [1], \"with_payload\": false, \"with_vector\": true}", answer, sizeof answer);
        assert_true((strstr(answer, "\"face\": [0.5, -0.5, 0.10000000149011612, ") != NULL) == !sealed);
    }
}

static void large_values_go_in_and_out(void **state) {
    (void)state;
    enum { NAME = 10000, PEOPLE = 1500, DIM_BYTES = 4 * 4096 };
    arc_gallery_store *s = store_open_new("main");
    char *name = malloc(NAME), *embedding = calloc(1, DIM_BYTES);
    arc_template_row *rows = calloc(PEOPLE, sizeof *rows);
    int64_t *ids = calloc(PEOPLE, sizeof *ids), id, first;
    bool found;
    arc_rng rng;
    arc_rng_seed(&rng, 1, 2);
    for (int i = 0; i < NAME; i++)
        name[i] = (char)(1 + arc_rng_u32(&rng) % 255);
    arc_identity_row person = {.name_key = {name, NAME}, .name = bytes_of("Long"), .threshold = NAN};
    ok(s->type->begin(s, true, err));
    ok(s->type->reserve(s, ARC_IDS_IDENTITY, 1, &person.id, err));
    ok(s->type->identity_put(s, &person, err));
    ok(s->type->reserve(s, ARC_IDS_TEMPLATE, PEOPLE, &first, err));
    for (int i = 0; i < PEOPLE; i++) { /* more than a piece of the journal and a page */
        ids[i] = first + i;
        rows[i] = (arc_template_row){.id = ids[i],
                                     .identity = person.id,
                                     .generation = 1,
                                     .embedding = {embedding, i % 4 ? 2048 : DIM_BYTES},
                                     .quality = NAN};
    }
    ok(s->type->template_put(s, rows, PEOPLE, err));
    ok(s->type->commit(s, err));
    ok(s->type->begin(s, true, err));
    ok(s->type->identity_find(s, person.name_key, &id, &found, err));
    assert_true(found && id == person.id);
    assert_int_equal(counts_of(s).templates, PEOPLE);
    assert_whole(s);
    ok(s->type->begin(s, true, err));
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
    seen wrong = {0}, a = {0};
    char answer[512];
    ok(s->type->begin(s, true, err));
    put_templates(s, put_person(s, "Ann"), 5);
    ok(s->type->commit(s, err));
    assert_whole(s);
    shim_ask("POST", "/collections/faces/points/delete?wait=true&ordering=strong", "{\"points\": [1]}", answer, sizeof answer);
    shim_ask("POST", "/collections/faces/points/payload?wait=true&ordering=strong",
             "{\"payload\": {\"commit\": 99, \"identity\": \"me\"}, \"filter\": {\"must\": [{\"has_id\": [2]}]}}", answer,
             sizeof answer);
    ok(s->type->check(s, see_problem, &wrong, err));
    assert_int_equal(wrong.count, 3); /* templates, crops, another time */
    const arc_template_query q = {.generation = 1};
    arc_error why = {0};
    ok(s->type->begin(s, false, err));
    assert_int_equal(s->type->template_each(s, &q, see_template, &a, &why), ARC_ECORRUPT);
    assert_non_null(strstr(why.text, "\"identity\""));
    s->type->rollback(s);
    s->type->close(&s);
}

/* ---- a server that fails ---- */

static arc_status change(arc_gallery_store *s, const char *name, arc_error *err) {
    arc_identity_row person = {.name_key = bytes_of(name), .name = bytes_of(name), .threshold = NAN};
    arc_template_row row[3];
    arc_status st;
    ARC_TRY(s->type->begin(s, true, err));
    ARC_TRY(s->type->reserve(s, ARC_IDS_IDENTITY, 1, &person.id, err));
    ARC_TRY(s->type->identity_put(s, &person, err));
    ARC_TRY(s->type->reserve(s, ARC_IDS_TEMPLATE, 3, &row[0].id, err));
    for (int i = 0; i < 3; i++)
        row[i] = (arc_template_row){
            .id = row[0].id + i, .identity = person.id, .generation = 1, .embedding = bytes_of("embedded"), .quality = NAN};
    ARC_TRY(s->type->template_put(s, row, 3, err));
    st = s->type->commit(s, err);
done:
    if (st != ARC_OK)
        s->type->rollback(s);
    return st;
}

/* Removes a person, whose name tells that nobody is locked out by what has been before. */
static void add_and_remove(arc_gallery_store *s) {
    int64_t id;
    bool found;
    ok(change(s, "passing", err));
    ok(s->type->begin(s, true, err));
    ok(s->type->identity_find(s, bytes_of("passing"), &id, &found, err));
    ok(s->type->identity_remove(s, id, err));
    ok(s->type->commit(s, err));
}

/* At each request of a change in turn the server begins to fail for good, having done that request or not. Afterwards another
 * process finds all of it or nothing, and all of it if it was acknowledged. */
static void a_change_is_all_or_nothing(void **state) {
    (void)state;
    char name[32];
    int refused = 0, acknowledged = 0;
    arc_gallery_store *other = store_open_new("main");
    ok(change(other, "first", err)); /* the collection of templates is there from now on */
    int64_t stored = 3;
    for (int applies = 0; applies < 2; applies++)
        for (int at = 0, left = 0; left < 1000; at++) {
            arc_gallery_store *s = open_with("main", 0);
            arc_error why = {0};
            snprintf(name, sizeof name, "%d of %d", at, applies);
            shim_fails(at, 1000, 400, applies);
            const arc_status st = change(s, name, &why);
            left = shim_fails(0, 0, 400, false);
            /* One who only reads puts in its place what was committed, too. */
            arc_gallery_store *reader = open_with("main", at % 2 ? ARC_STORE_READ_ONLY : 0);
            const int64_t now = counts_of(reader).templates;
            assert_whole(reader);
            reader->type->close(&reader);
            assert_true(now == stored || now == stored + 3);
            if (st == ARC_OK)
                assert_int_equal(now, stored + 3);
            else if (now > stored)
                assert_non_null(strstr(why.text, "cannot be asked"));
            refused += st != ARC_OK;
            acknowledged += st == ARC_OK;
            stored = now;
            add_and_remove(other);
            assert_int_equal(counts_of(other).templates, stored);
            assert_whole(other);
            s->type->close(&s);
        }
    assert_true(refused > 10 && acknowledged > 4);
    other->type->close(&other);
}

static void a_busy_server_is_asked_again(void **state) {
    (void)state;
    arc_gallery_store *s = store_open_new("main");
    static const int codes[] = {429, 503, 0};
    char name[32];
    ok(change(s, "first", err));
    for (int applies = 0; applies < 2; applies++)
        for (size_t c = 0; c < ARC_COUNT(codes); c++)
            for (int at = 0; at < 9; at += 2) {
                snprintf(name, sizeof name, "%d %d %d", applies, (int)c, at);
                shim_fails(at, 2, codes[c], applies);
                ok(change(s, name, err));
            }
    shim_fails(0, 0, 400, false);
    assert_int_equal(counts_of(s).identities, 31);
    assert_whole(s);
    arc_error why = {0};
    shim_fails(0, 1000, 503, false);
    assert_int_equal(s->type->begin(s, false, &why), ARC_ENETWORK);
    assert_non_null(strstr(why.text, "503: made to fail"));
    s->type->close(&s);
}

static void a_restart_of_the_server_is_survived(void **state) {
    (void)state;
    arc_gallery_store *s = store_open_new("main");
    bool changed;
    const char *port = strchr(shim_at, ':') + 1;
    ok(change(s, "Ann", err));
    ok(s->type->begin(s, true, err));
    put_person(s, "Bob");
    shim_script("kill", "");
    assert_int_equal(s->type->commit(s, NULL), ARC_ENETWORK);
    assert_int_equal(s->type->begin(s, false, NULL), ARC_ENETWORK);
    assert_int_equal(s->type->wait(s, 0, &changed, NULL), ARC_ENETWORK);
    shim_script("start", port);
    assert_int_equal(counts_of(s).identities, 1);
    assert_int_equal(counts_of(s).templates, 3);
    ok(change(s, "Bob", err));
    assert_whole(s);
    s->type->close(&s);
}

/* ---- several processes ---- */

/* A writer that is late changes nothing: not the head, and no row that a later commit wrote or removed. */
static void a_late_writer_changes_nothing(void **state) {
    (void)state;
    arc_gallery_store *slow = store_open_new("main"), *s = store_open_new("main");
    arc_error why = {0};
    int64_t id;
    bool found;
    ok(slow->type->begin(slow, true, err));
    put_templates(slow, put_person(slow, "Ann"), 3);
    ok(change(s, "Bob", err)); /* loses patience */
    assert_int_equal(slow->type->commit(slow, &why), ARC_EIO);
    assert_non_null(strstr(why.text, "took too long"));
    assert_int_equal(counts_of(slow).identities, 1);

    /* Rows of a commit that is long over, written once more. */
    arc_qd *late = arc_qd_of(slow);
    ok(s->type->begin(s, false, err));
    ok(s->type->identity_find(s, bytes_of("Bob"), &id, &found, err));
    json_t *row = NULL;
    ok(arc_qd_get(arc_qd_of(s), ARC_QD_IDENTITY, id, &row, err));
    const int64_t commit = json_integer_value(json_object_get(row, "commit"));
    json_t *rows = json_pack("[[i, I, O]]", ARC_QD_IDENTITY, (json_int_t)id, row);
    s->type->rollback(s);
    ok(s->type->begin(s, true, err));
    ok(s->type->identity_remove(s, id, err));
    ok(s->type->commit(s, err));
    ok(arc_qd_write(late, rows, commit, err));
    json_decref(rows);
    json_decref(row);
    assert_whole(s);
    assert_int_equal(counts_of(s).templates, 0);
    slow->type->close(&slow);
    s->type->close(&s);
}

enum { ROUNDS = 8 };

typedef struct racer {
    pthread_t thread;
    int number;
    int64_t added, removed;
} racer;

static void *race(void *arg) {
    racer *r = arg;
    arc_gallery_store *s = open_with("race", ARC_STORE_CREATE);
    arc_qd_of(s)->patience_ms = 8000;
    for (int i = 0; i < ROUNDS; i++) {
        char name[32];
        snprintf(name, sizeof name, "%d of %d", i, r->number);
        ok(s->type->begin(s, true, err));
        const int64_t first = put_templates(s, put_person(s, name), 4);
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
    racer r[3] = {0}; /* they also make the collections at the same time */
    int64_t left = 0, revision;
    uint8_t mark[ARC_STORE_MARK_BYTES];
    for (int i = 0; i < 3; i++) {
        r[i].number = i;
        assert_int_equal(pthread_create(&r[i].thread, NULL, race, &r[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(r[i].thread, NULL);
        left += r[i].added - r[i].removed;
    }
    arc_gallery_store *s = open_with("race", 0);
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
    ok(change(s, "Ann", err));
    return NULL;
}

static void a_waiting_reader_sees_the_change(void **state) {
    (void)state;
    arc_gallery_store *s = store_open_new("main"), *reader = store_open_new("main");
    pthread_t thread;
    bool changed;
    const arc_template_query q = {.generation = 1, .parts = ARC_READ_EMBEDDING};
    seen a = {0};
    ok(reader->type->begin(reader, false, err));
    ok(reader->type->template_each(reader, &q, see_template, &a, err)); /* there is no collection of templates yet */
    ok(reader->type->commit(reader, err));
    ok(reader->type->wait(reader, 0, &changed, err));
    assert_int_equal(pthread_create(&thread, NULL, enrol_soon, s), 0);
    ok(reader->type->wait(reader, 3600000, &changed, err)); /* an hour: the test's own limit is shorter */
    assert_true(changed);
    ok(reader->type->begin(reader, false, err));
    ok(reader->type->template_each(reader, &q, see_template, &a, err));
    ok(reader->type->commit(reader, err));
    assert_int_equal(a.count, 3);
    pthread_join(thread, NULL);
    ok(reader->type->wait(reader, 0, &changed, err));
    assert_false(changed);
    ok(s->type->wait(s, 0, &changed, err));
    s->type->close(&s);
    reader->type->close(&reader);
}

int main(void) {
    struct CMUnitTest tests[] = {
        STORE_CASES,
        cmocka_unit_test(what_cannot_be_opened_is_named),
        cmocka_unit_test(collections_of_others_are_left_alone),
        cmocka_unit_test(reading_only_changes_nothing),
        cmocka_unit_test(vectors_are_those_of_plain_templates),
        cmocka_unit_test(large_values_go_in_and_out),
        cmocka_unit_test(damage_is_found),
        cmocka_unit_test(a_change_is_all_or_nothing),
        cmocka_unit_test(a_busy_server_is_asked_again),
        cmocka_unit_test(a_late_writer_changes_nothing),
        cmocka_unit_test(racing_writers_keep_the_gallery_whole),
        cmocka_unit_test(a_waiting_reader_sees_the_change),
        cmocka_unit_test(a_restart_of_the_server_is_survived),
    };
    shim_at = getenv("ARC_TEST_QDRANT");
    if (!shim_at) {
        printf("skipped: no server; tests/qdrant.sh run starts one\n");
        return 77;
    }
    snprintf(where, sizeof where, "qdrant://%s/faces", shim_at);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tests[i].setup_func = empty_server;
    return cmocka_run_group_tests(tests, open_context, close_context);
}
