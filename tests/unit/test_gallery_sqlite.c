/* Stores of galleries in a file of SQLite: what every store must do (store_cases.h), and files that are none of ours, newer,
 * damaged or not to be written. */
#include "folder.h"
#include "store_cases.h"
#include <sqlite3.h>

static arc_gallery_store *store_open_new(const char *name) {
    arc_gallery_store *s = NULL;
    ok(arc_gallery_store_open(ctx, in_folder("gallery.db"), name, ARC_STORE_CREATE, &s, err));
    return s;
}

static arc_status try_open(const char *path, int flags, char text[ARC_ERROR_TEXT_BYTES]) {
    arc_gallery_store *s = NULL;
    arc_error err = {0};
    const arc_status st = arc_gallery_store_open(ctx, path, "main", flags, &s, &err);
    assert_true((s != NULL) == (st == ARC_OK));
    if (s)
        s->type->close(&s);
    memcpy(text, err.text, ARC_ERROR_TEXT_BYTES);
    return st;
}

static void put_file(const char *path, const void *data, size_t bytes) {
    assert_int_equal(arc_file_save(&arc_alloc_libc, path, data, bytes, NULL), ARC_OK);
}

static void run_sql(const char *path, const char *sql) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void other_files_are_refused_and_left_alone(void **state) {
    (void)state;
    char text[ARC_ERROR_TEXT_BYTES], noise[4096];
    memset(noise, 'x', sizeof noise);
    const char *path = in_folder("other");
    assert_int_equal(try_open(path, 0, text), ARC_ENOTFOUND);
    put_file(path, noise, sizeof noise);
    assert_int_equal(try_open(path, ARC_STORE_CREATE, text), ARC_EFORMAT);
    put_file(path, "", 0);
    assert_int_equal(try_open(path, 0, text), ARC_EFORMAT);
    const char *foreign = in_folder("foreign.db");
    run_sql(foreign, "CREATE TABLE music(title)");
    assert_int_equal(try_open(foreign, ARC_STORE_CREATE, text), ARC_EFORMAT);
    assert_non_null(strstr(text, "another program"));
    run_sql(foreign, "SELECT title FROM music");
    assert_int_equal(try_open(in_folder("nowhere/gallery.db"), ARC_STORE_CREATE, text), ARC_EIO);
    assert_int_equal(try_open(test_folder(), ARC_STORE_CREATE, text), ARC_EIO);
}

static void versions_are_told_apart(void **state) {
    (void)state;
    char text[ARC_ERROR_TEXT_BYTES];
    const char *path = in_folder("gallery.db");
    arc_gallery_store *s = store_open_new("main");
    s->type->close(&s);
    run_sql(path, "PRAGMA user_version = 99");
    assert_int_equal(try_open(path, 0, text), ARC_EUNSUPPORTED);
    assert_non_null(strstr(text, "newer version"));
}

static void damage_is_found(void **state) {
    (void)state;
    const char *path = in_folder("gallery.db");
    arc_gallery_store *s = store_open_new("main");
    ok(s->type->begin(s, true, err));
    put_templates(s, put_person(s, "Ann"), 5);
    ok(s->type->commit(s, err));
    s->type->close(&s);
    run_sql(path, "PRAGMA foreign_keys = OFF; UPDATE galleries SET templates = 7; DELETE FROM identities;"
                  "UPDATE counters SET next = 2 WHERE name = 'template'; DELETE FROM embeddings WHERE template = 3");
    s = store_open_new("main");
    seen wrong = {0};
    ok(s->type->check(s, see_problem, &wrong, err));
    assert_true(wrong.count >= 6); /* two counts, five rows without a person, an embedding, ids */
    s->type->close(&s);

    arc_map map;
    char text[ARC_ERROR_TEXT_BYTES];
    assert_int_equal(arc_map_open(&map, path, 1 << 24, NULL), ARC_OK);
    for (size_t bytes = map.bytes / 8; bytes < map.bytes; bytes += map.bytes / 8) { /* cut short anywhere */
        put_file(in_folder("cut.db"), map.data, bytes);
        const arc_status st = try_open(in_folder("cut.db"), 0, text);
        assert_true(st == ARC_OK || st == ARC_ECORRUPT);
        if (st == ARC_OK) {
            ok(arc_gallery_store_open(ctx, in_folder("cut.db"), "main", 0, &s, err));
            wrong = (seen){0};
            ok(s->type->check(s, see_problem, &wrong, err));
            assert_true(wrong.count > 0);
            s->type->close(&s);
        }
    }
    arc_map_close(&map);
}

static void reading_only_changes_nothing(void **state) {
    (void)state;
    char text[ARC_ERROR_TEXT_BYTES];
    const char *path = in_folder("gallery.db");
    arc_gallery_store *s = store_open_new("main");
    ok(s->type->begin(s, true, err));
    put_person(s, "Ann");
    ok(s->type->commit(s, err));
    s->type->close(&s);
    ok(arc_gallery_store_open(ctx, path, "main", ARC_STORE_READ_ONLY, &s, err));
    assert_int_equal(counts_of(s).identities, 1);
    assert_int_equal(s->type->begin(s, true, NULL) == ARC_OK && s->type->meta_put(s, "a", bytes_of("b"), NULL) == ARC_OK, false);
    s->type->close(&s);
    arc_error err = {0};
    assert_int_equal(arc_gallery_store_open(ctx, path, "others", 0, &s, &err), ARC_ENOTFOUND);
    assert_non_null(strstr(err.text, "main"));
    assert_int_equal(arc_gallery_store_open(ctx, path, "a/b", ARC_STORE_CREATE, &s, &err), ARC_EINVAL);
    assert_int_equal(try_open("postgres://localhost/x", 0, text) == ARC_OK, false);
}

int main(void) {
    struct CMUnitTest tests[] = {
        STORE_CASES,
        cmocka_unit_test(other_files_are_refused_and_left_alone),
        cmocka_unit_test(versions_are_told_apart),
        cmocka_unit_test(damage_is_found),
        cmocka_unit_test(reading_only_changes_nothing),
    };
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tests[i].setup_func = test_empty_folder;
    return cmocka_run_group_tests(tests, open_context, close_context);
}
