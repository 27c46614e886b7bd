/* Memory runs out at one allocation after the other while a gallery is exported, imported, rotated
 * or given other keys: the call says so, everybody is still there, and the gallery is whole. Clocks go back, and an index in
 * memory outlives its key. */
#include "gallery_support.h"
#include "shared_context.h"
#include <arcface/gallery_exchange.h>
#include <arcface/gallery_keys.h>
#include <arcface/gallery_migrate.h>
#include <time.h>

enum { PEOPLE = 3 };

/* Hexadecimal digits: no passphrase has to be stretched each time. */
#define KEY "env:A_KEY"
#define OTHER_KEY "env:OTHER_KEY"

static arc_test_heap heap;
static int64_t clock_ms = 1700000000000; /* what the gallery takes for the time of day */

int64_t arc_clock_today_ms(void);
int64_t arc_clock_today_ms(void) {
    return clock_ms;
}

uint64_t arc_clock_ns(void);
uint64_t arc_clock_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static arc_status open_with(arc_context *of, const char *name, bool create, const char *key, const char *protect,
                            arc_gallery **g) {
    arc_gallery_options o;
    arc_gallery_options_default(&o);
    o.create = create;
    o.key = key;
    o.protect = protect;
    return arc_gallery_open(of, in_folder(name), &o, g, NULL);
}

static int setup(void **state) {
    static const char a[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                      b[] = "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    arc_gallery *g;
    float x[DIM];
    open_context(state);
    assert_int_equal(setenv("A_KEY", a, 1) | setenv("OTHER_KEY", b, 1), 0);
    assert_int_equal(open_with(ctx, "base.db", true, KEY, NULL, &g), ARC_OK);
    ok(arc_gallery_bind_foreign(g, "drawn", DIM, 0.5, err));
    for (int p = 0; p < PEOPLE; p++)
        enroll(g, p, 0, 2);
    ok(arc_gallery_annotate(g, person_id(g, 0), "{\"room\":7}", err));
    draw_template(1, 40, x);
    ok(arc_gallery_reject(g, x, person_id(g, 1), err));
    arc_gallery_close(&g);
    return 0;
}

static void copy_of_base(const char *name) {
    arc_map map;
    arc_writer *w = NULL;
    ok(arc_map_open(&map, in_folder("base.db"), (size_t)1 << 28, err));
    ok(arc_writer_open(&w, &arc_alloc_libc, in_folder(name), err));
    arc_writer_unsynced(w);
    ok(arc_writer_put(w, map.data, map.bytes, err));
    ok(arc_writer_commit(&w, err));
    arc_map_close(&map);
}

/* With one of the keys, everybody is there. */
static void assert_everybody(const char *name, const char *const keys[2], const char *const protects[2]) {
    arc_gallery *g = NULL;
    for (int i = 0; i < 4 && !g; i++)
        (void)!open_with(ctx, name, false, keys[i % 2], protects[i / 2], &g);
    assert_non_null(g);
    assert_gallery_whole(g);
    assert_int_equal(facts_of(g).templates, 2 * PEOPLE);
    assert_int_equal(facts_of(g).negatives, 1);
    for (int p = 0; p < PEOPLE; p++)
        assert_non_null(who_is(ctx, g, p, 9));
    arc_gallery_close(&g);
}

typedef arc_status operation(arc_gallery *g);

static arc_status rekey(arc_gallery *g) {
    return arc_gallery_rekey(g, OTHER_KEY, NULL);
}
static arc_status renew(arc_gallery *g) {
    arc_gallery_renew_options o;
    arc_gallery_renew_options_default(&o);
    o.batch = 3;
    return arc_gallery_renew(g, &o, NULL, NULL);
}
static arc_status protect(arc_gallery *g) {
    return arc_gallery_protect(g, OTHER_KEY, NULL, NULL, NULL);
}

static void memory_runs_out_while_keys_change(void **state) {
    (void)state;
    static operation *const what[] = {rekey, renew, protect};
    static const char *const keys[] = {KEY, OTHER_KEY}, *const protects[] = {NULL, OTHER_KEY};
    arc_context *starved = arc_test_context(&heap, 1);
    for (size_t k = 0; k < ARC_COUNT(what); k++) {
        arc_test_walk walk = {.heap = &heap, .thin = 12, .may_manage = true};
        bool again = true;
        while (again) {
            arc_gallery *g = NULL;
            remove(in_folder("keys.db-wal"));
            copy_of_base("keys.db");
            arc_test_walk_begin(&walk);
            arc_status st = open_with(starved, "keys.db", false, KEY, NULL, &g);
            if (st == ARC_OK)
                st = what[k](g);
            arc_gallery_close(&g);
            again = arc_test_walk_again(&walk, st);
            assert_everybody("keys.db", keys, protects);
        }
        printf("memory ran out %ld times\n", walk.failures);
        assert_true(walk.failures > 10);
    }
    arc_context_close(&starved);
}

static bool is_there(const char *name) {
    return arc_path_kind_of(in_folder(name)) != ARC_PATH_NONE;
}

/* What is not complete is not there. */
static void memory_runs_out_while_exporting(void **state) {
    (void)state;
    arc_context *starved = arc_test_context(&heap, 1);
    for (int sealed = 0; sealed < 2; sealed++) {
        arc_test_walk walk = {.heap = &heap, .thin = 20, .may_manage = true};
        bool again = true;
        for (int round = 0; again; round++) {
            arc_gallery_exchange_options o;
            arc_gallery *g = NULL;
            char name[64], people[80];
            arc_gallery_exchange_options_default(&o);
            o.key = sealed ? OTHER_KEY : NULL;
            snprintf(name, sizeof name, "out-%d-%d", sealed, round);
            snprintf(people, sizeof people, sealed ? "%s" : "%s/people.json", name);
            arc_test_walk_begin(&walk);
            arc_status st = open_with(starved, "base.db", false, KEY, NULL, &g);
            if (st == ARC_OK)
                st = arc_gallery_export(g, in_folder(name), &o, NULL, NULL);
            arc_gallery_close(&g);
            again = arc_test_walk_again(&walk, st);
            assert_int_equal(is_there(people), st == ARC_OK);
            if (st == ARC_OK)
                ok(arc_gallery_import_check(ctx, in_folder(name), &o, err));
        }
        printf("memory ran out %ld times\n", walk.failures);
        assert_true(walk.failures > 20);
    }
    assert_everybody("base.db", (const char *const[]){KEY, KEY}, (const char *const[]){NULL, NULL});
    arc_context_close(&starved);
}

static void memory_runs_out_while_importing(void **state) {
    (void)state;
    arc_context *starved = arc_test_context(&heap, 1);
    for (int sealed = 0; sealed < 2; sealed++) {
        arc_test_walk walk = {.heap = &heap, .thin = 20, .may_manage = true};
        arc_gallery_exchange_options o;
        arc_gallery *g = NULL;
        const char *from = sealed ? "import.arcx" : "import-folder", *to = sealed ? "to-sealed.db" : "to-plain.db";
        arc_gallery_exchange_options_default(&o);
        o.key = sealed ? OTHER_KEY : NULL;
        assert_int_equal(open_with(ctx, "base.db", false, KEY, NULL, &g), ARC_OK);
        ok(arc_gallery_export(g, in_folder(from), &o, NULL, err));
        arc_gallery_close(&g);
        assert_int_equal(open_with(ctx, to, true, KEY, NULL, &g), ARC_OK);
        arc_gallery_close(&g);
        bool again = true;
        while (again) {
            arc_test_walk_begin(&walk);
            arc_status st = open_with(starved, to, false, KEY, NULL, &g);
            if (st == ARC_OK)
                st = arc_gallery_import(g, in_folder(from), &o, NULL, NULL);
            arc_gallery_close(&g);
            again = arc_test_walk_again(&walk, st);
            assert_int_equal(open_with(ctx, to, false, KEY, NULL, &g), ARC_OK);
            assert_int_equal(facts_of(g).identities, st == ARC_OK ? PEOPLE : 0);
            assert_int_equal(facts_of(g).dim, st == ARC_OK ? DIM : 0);
            if (st != ARC_OK)
                assert_gallery_whole(g);
            arc_gallery_close(&g);
            again = again && st != ARC_OK; /* it managed without */
        }
        printf("memory ran out %ld times\n", walk.failures);
        assert_true(walk.failures > 20);
        assert_everybody(to, (const char *const[]){KEY, KEY}, (const char *const[]){NULL, NULL});
    }
    arc_context_close(&starved);
}

/* ---- clocks ---- */

typedef struct times {
    int64_t id[8], ms[8];
    int count;
} times;

static int take_time(void *arg, const arc_template_record *t) {
    times *s = arg;
    s->id[s->count] = t->id;
    s->ms[s->count++] = t->created_ms;
    return 0;
}

static int take_line(void *arg, const arc_audit_entry *entry) {
    times *s = arg;
    if (strcmp(entry->action, "enroll") == 0) {
        s->id[s->count] = entry->id;
        s->ms[s->count++] = entry->when_ms;
    }
    return 0;
}

/* The order is that of the ids, whatever the clock says; what it said is kept. */
static void a_clock_that_goes_back_loses_nothing(void **state) {
    (void)state;
    static const int64_t at[] = {1700000000000, 1700000005000, 1600000000000, 1, 1700000000000};
    arc_gallery *g;
    times templates = {.count = 0}, log = {.count = 0};
    assert_int_equal(open_with(ctx, "clock.db", true, NULL, NULL, &g), ARC_OK);
    ok(arc_gallery_bind_foreign(g, "drawn", DIM, 0.5, err));
    for (int i = 0; i < 5; i++) {
        clock_ms = at[i];
        enroll(g, i % PEOPLE, i, 1);
        arc_gallery_close(&g);
        assert_int_equal(open_with(ctx, "clock.db", false, NULL, NULL, &g), ARC_OK);
        assert_non_null(who_is(ctx, g, i % PEOPLE, 9));
        assert_gallery_whole(g);
    }
    ok(arc_gallery_templates(g, 0, false, take_time, &templates, err));
    ok(arc_gallery_audit_log(g, 0, take_line, &log, err));
    assert_int_equal(templates.count, 5);
    assert_int_equal(log.count, 5);
    for (int i = 0; i < 5; i++) {
        assert_true(templates.ms[i] == at[i] && log.ms[i] == at[i]);
        assert_true(i == 0 || (templates.id[i] > templates.id[i - 1] && log.id[i] > log.id[i - 1]));
    }
    /* Out and in again, the times are the same. */
    clock_ms = 1500000000000;
    ok(arc_gallery_export(g, in_folder("clock-out"), NULL, NULL, err));
    arc_gallery_close(&g);
    assert_int_equal(open_with(ctx, "clock-in.db", true, NULL, NULL, &g), ARC_OK);
    ok(arc_gallery_import(g, in_folder("clock-out"), NULL, NULL, err));
    int64_t sum = 0;
    templates.count = 0;
    ok(arc_gallery_templates(g, 0, false, take_time, &templates, err));
    for (int i = 0; i < 5; i++)
        sum += templates.ms[i] - at[i];
    assert_true(templates.count == 5 && sum == 0);
    assert_gallery_whole(g);
    arc_gallery_close(&g);
    clock_ms = 1700000000000;
}

/* ---- the index in memory ---- */

static const char *said; /* by the library, of an index that it builds anew */
static char line[1024];
static void listen(void *ctx_of_log, arc_log_level level, const char *text) {
    (void)ctx_of_log, (void)level;
    if (strstr(text, "built anew")) {
        snprintf(line, sizeof line, "%s", text);
        said = line;
    }
}

/* Two processes had the index in memory when one of them replaced the keys: both write it under the new key when they close. */
static void an_index_in_memory_is_saved_under_the_new_key(void **state) {
    (void)state;
    arc_settings s = arc_test_settings(NULL, 1);
    s.log = listen;
    arc_context *own = arc_test_open(&s);
    arc_gallery *g, *other;
    copy_of_base("index.db");
    assert_int_equal(open_with(own, "index.db", false, KEY, NULL, &g), ARC_OK);
    assert_int_equal(open_with(own, "index.db", false, KEY, NULL, &other), ARC_OK);
    assert_non_null(who_is(own, g, 0, 9));
    assert_non_null(who_is(own, other, 0, 9));
    ok(arc_gallery_renew(g, NULL, NULL, err));
    enroll(other, PEOPLE, 0, 2); /* so that it has something to write */
    arc_gallery_close(&g);
    arc_gallery_close(&other);
    assert_true(is_there("index.db.index"));
    said = NULL;
    assert_int_equal(open_with(own, "index.db", false, KEY, NULL, &g), ARC_OK);
    assert_non_null(who_is(own, g, PEOPLE, 9));
    if (said)
        fail_msg("%s", said);
    assert_gallery_whole(g);
    arc_gallery_close(&g);
    arc_context_close(&own);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_runs_out_while_keys_change),
        cmocka_unit_test(memory_runs_out_while_exporting),
        cmocka_unit_test(memory_runs_out_while_importing),
        cmocka_unit_test(a_clock_that_goes_back_loses_nothing),
        cmocka_unit_test(an_index_in_memory_is_saved_under_the_new_key),
    };
    return cmocka_run_group_tests(tests, setup, close_context);
}
