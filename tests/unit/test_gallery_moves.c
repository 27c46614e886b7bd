/* What is removed is in no file any more; galleries are exported and imported; their keys are changed and replaced; their
 * templates are rotated by keys. Moving to another model is in test_gallery_migrate.c. */
#include "gallery_support.h"
#include "shared_context.h"
#include <arcface/gallery_exchange.h>
#include <arcface/gallery_keys.h>
#include <arcface/gallery_migrate.h>

#define PEOPLE 12

static arc_gallery *open_with(const char *path, bool create, const char *key, const char *protect, arc_status wanted) {
    arc_gallery_options o;
    arc_gallery *g = NULL;
    arc_error why = {0};
    arc_gallery_options_default(&o);
    o.create = create;
    o.key = key;
    o.protect = protect;
    const arc_status st = arc_gallery_open(ctx, path, &o, &g, &why);
    if (st != wanted)
        fail_msg("%s: status %d: %s", path, st, why.text);
    return g;
}

static arc_gallery *people_in(const char *path, const char *key) {
    arc_gallery *g = open_with(path, true, key, NULL, ARC_OK);
    ok(arc_gallery_bind_foreign(g, "drawn", DIM, 0.5, err));
    for (int p = 0; p < PEOPLE; p++)
        enroll(g, p, 0, 3);
    return g;
}

static void assert_everybody_known(arc_gallery *g, int people) {
    for (int p = 0; p < people; p++) {
        char name[32];
        snprintf(name, sizeof name, "person %d", p);
        assert_non_null(who_is(ctx, g, p, 9));
        assert_string_equal(who_is(ctx, g, p, 9), name);
    }
    assert_null(who_is(ctx, g, 777, 0));
    assert_gallery_whole(g);
}

/* ---- bytes in files ---- */

static bool file_holds(const char *path, const void *bytes, size_t count) {
    arc_map map;
    if (arc_map_open(&map, path, (size_t)1 << 30, NULL) != ARC_OK)
        return false;
    const bool found = memmem(map.data, map.bytes, bytes, count) != NULL;
    arc_map_close(&map);
    return found;
}

/* In the store, its log or the index. */
static bool files_hold(const char *path, const void *bytes, size_t count) {
    static const char *const ends[] = {"", "-wal", "-shm", "-journal", ".index"};
    char file[TEST_PATH_BYTES];
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(file, sizeof file, "%s%s", path, ends[i]);
        if (file_holds(file, bytes, count))
            return true;
    }
    return false;
}

typedef struct taken {
    float row[DIM];
    uint8_t crop[256]; /* from the middle of its file */
} taken;
static int take_template(void *arg, const arc_template_record *record) {
    taken *t = arg;
    memcpy(t->row, record->embedding, sizeof t->row);
    if (record->crop_file_bytes > 2 * sizeof t->crop)
        memcpy(t->crop, (const uint8_t *)record->crop_file + record->crop_file_bytes / 2, sizeof t->crop);
    return 1;
}

/* A crop of noise, whose file is like no other. */
static arc_image noisy_crop(void) {
    arc_image crop = {0};
    arc_rng noise;
    arc_rng_seed(&noise, 5, 1);
    ok(arc_image_new(ctx, 112, 112, &crop, err));
    for (int y = 0; y < 112; y++)
        for (int x = 0; x < 112 * 3; x++)
            crop.data[y * crop.stride_bytes + x] = (uint8_t)arc_rng_u32(&noise);
    return crop;
}

static void what_is_removed_is_in_no_file(void **state) {
    (void)state;
    for (int sealed = 0; sealed < 2; sealed++) {
        const char *path = in_folder(sealed ? "removed-sealed.db" : "removed.db");
        arc_gallery *g = people_in(path, sealed ? "a pass phrase" : NULL);
        taken t;
        arc_image crop = noisy_crop();
        float one[DIM];
        draw_template(500, 0, one);
        arc_template_in in = {.name = "Somebody To Forget", .embedding = one, .crop = &crop, .quality = 0.7F};
        ok(arc_gallery_add(g, &in, 1, NULL, err));
        int64_t id;
        bool found;
        ok(arc_gallery_find(g, "Somebody To Forget", &id, &found, err));
        ok(arc_gallery_templates(g, id, true, take_template, &t, err));
        assert_non_null(who_is(ctx, g, 500, 1));
        arc_gallery_close(&g); /* writes the index */
        /* Half an embedding is random enough to be found by chance nowhere. */
        assert_int_equal(files_hold(path, t.row, sizeof t.row / 2), !sealed);
        assert_int_equal(files_hold(path, t.crop, sizeof t.crop), !sealed);
        assert_int_equal(files_hold(path, "Somebody To Forget", 18), !sealed);
        g = open_with(path, false, sealed ? "a pass phrase" : NULL, NULL, ARC_OK);
        assert_non_null(who_is(ctx, g, 500, 1));
        ok(arc_gallery_remove(g, id, err));
        assert_false(files_hold(path, t.row, sizeof t.row / 2));
        assert_false(files_hold(path, t.crop, sizeof t.crop));
        assert_false(files_hold(path, "Somebody To Forget", 18));
        assert_null(who_is(ctx, g, 500, 1));
        assert_everybody_known(g, PEOPLE);
        arc_gallery_close(&g);
        assert_false(files_hold(path, t.row, sizeof t.row / 2));
        arc_image_free(ctx, &crop);
    }
}

/* ---- export and import ---- */

static arc_status import_into(arc_gallery *g, const char *from, const char *key, bool merge,
                              arc_gallery_exchange_report *report) {
    arc_gallery_exchange_options o;
    arc_gallery_exchange_options_default(&o);
    o.key = key;
    o.merge = merge;
    return arc_gallery_import(g, from, &o, report, NULL);
}

static arc_status check_import(const char *from, const char *key) {
    arc_gallery_exchange_options o;
    arc_gallery_exchange_options_default(&o);
    o.key = key;
    return arc_gallery_import_check(ctx, from, &o, NULL);
}

static void galleries_go_out_and_come_back(void **state) {
    (void)state;
    arc_gallery *g = people_in(in_folder("out.db"), "the gallery's");
    float x[DIM];
    draw_template(3, 40, x);
    ok(arc_gallery_reject(g, x, person_id(g, 3), err));
    ok(arc_gallery_set_threshold(g, person_id(g, 4), 0.75, err));
    for (int sealed = 0; sealed < 2; sealed++) {
        const char *out = in_folder(sealed ? "out.arcx" : "out-folder"), *key = sealed ? "the file's" : NULL;
        arc_gallery_exchange_options o;
        arc_gallery_exchange_report r;
        arc_gallery_exchange_options_default(&o);
        o.key = key;
        ok(arc_gallery_export(g, out, &o, &r, err));
        assert_true(r.people == PEOPLE && r.templates == 3 * PEOPLE && r.negatives == 1);
        arc_gallery *in = open_with(in_folder(sealed ? "in-sealed.db" : "in-plain.db"), true, NULL, NULL, ARC_OK);
        if (sealed) {
            assert_false(file_holds(out, "person 3", 8));
            assert_int_equal(import_into(in, out, "another", false, NULL), ARC_EINVAL);
            assert_int_equal(import_into(in, out, NULL, false, NULL), ARC_EINVAL);
            assert_int_equal(check_import(out, "another"), ARC_EINVAL);
        }
        assert_int_equal(check_import(out, key), ARC_OK);
        assert_int_equal(facts_of(in).identities, 0);
        assert_int_equal(import_into(in, out, key, false, &r), ARC_OK);
        assert_true(r.people == PEOPLE && r.templates == 3 * PEOPLE && r.negatives == 1 && r.skipped == 0);
        assert_everybody_known(in, PEOPLE);
        assert_int_equal(import_into(in, out, key, false, NULL), ARC_EINVAL); /* they are there */
        assert_int_equal(import_into(in, out, key, true, &r), ARC_OK);
        assert_true(r.people == 0 && r.merged == PEOPLE && r.templates == 0);
        assert_int_equal(facts_of(in).templates, 3 * PEOPLE);
        arc_gallery_close(&in);
    }
    arc_gallery_close(&g);
}

/* Any byte that is another, and any cut, is noticed, and nothing is taken over. */
static void damaged_exports_change_nothing(void **state) {
    (void)state;
    arc_gallery *g = people_in(in_folder("whole.db"), NULL);
    arc_gallery_exchange_options o;
    arc_gallery_exchange_options_default(&o);
    o.key = "k";
    ok(arc_gallery_export(g, in_folder("whole.arcx"), &o, NULL, err));
    arc_gallery_close(&g);
    arc_map map;
    ok(arc_map_open(&map, in_folder("whole.arcx"), (size_t)1 << 24, err));
    uint8_t *bytes = malloc(map.bytes);
    arc_gallery *in = open_with(in_folder("nothing.db"), true, NULL, NULL, ARC_OK);
    for (int i = 0; i < 12; i++) {
        memcpy(bytes, map.data, map.bytes);
        const size_t at = map.bytes * (size_t)i / 12, count = i % 3 == 2 ? at : map.bytes;
        bytes[at] ^= 0x10;
        ok(arc_file_save(&arc_alloc_libc, in_folder("damaged.arcx"), bytes, count, err));
        assert_int_not_equal(check_import(in_folder("damaged.arcx"), "k"), ARC_OK);
        assert_int_not_equal(import_into(in, in_folder("damaged.arcx"), "k", false, NULL), ARC_OK);
        assert_int_equal(facts_of(in).identities, 0);
    }
    free(bytes);
    arc_map_close(&map);
    arc_gallery_close(&in);
}

/* ---- keys ---- */

static int stop_soon(void *own, const char *stage, int64_t done, int64_t total) {
    (void)stage, (void)total;
    return done >= *(const int64_t *)own;
}

static void keys_are_changed_and_replaced(void **state) {
    (void)state;
    const char *path = in_folder("keys.db");
    arc_gallery_renew_options o;
    int64_t rows, until = 8;
    arc_gallery *g = people_in(path, "first");
    ok(arc_gallery_rekey(g, "second", err));
    arc_gallery_close(&g);
    open_with(path, false, "first", NULL, ARC_EINVAL);
    open_with(path, false, NULL, NULL, ARC_EINVAL);
    g = open_with(path, false, "second", NULL, ARC_OK);
    assert_everybody_known(g, PEOPLE);
    arc_gallery_renew_options_default(&o);
    o.batch = 8;
    o.progress = stop_soon;
    o.progress_ctx = &until;
    assert_int_equal(arc_gallery_renew(g, &o, NULL, NULL), ARC_ECANCEL);
    assert_everybody_known(g, PEOPLE); /* under two keys */
    enroll(g, PEOPLE, 0, 3);
    arc_gallery_close(&g);
    g = open_with(path, false, "second", NULL, ARC_OK);
    ok(arc_gallery_renew(g, NULL, &rows, err));
    assert_true(rows > 0);
    assert_everybody_known(g, PEOPLE + 1);
    arc_gallery_close(&g);
    g = open_with(path, false, "second", NULL, ARC_OK);
    assert_everybody_known(g, PEOPLE + 1);
    arc_gallery_close(&g);
}

static void templates_are_issued_anew(void **state) {
    (void)state;
    static const char *const key[] = {NULL, "one", "two", NULL};
    const char *path = in_folder("protected.db");
    taken plain, back;
    arc_gallery *g = people_in(path, NULL);
    ok(arc_gallery_templates(g, person_id(g, 5), false, take_template, &plain, err));
    for (int i = 1; i < 4; i++) {
        ok(arc_gallery_protect(g, key[i], NULL, NULL, err));
        assert_everybody_known(g, PEOPLE);
        ok(arc_gallery_templates(g, person_id(g, 5), false, take_template, &back, err));
        for (int k = 0; k < DIM; k++)
            assert_true(fabsf(back.row[k] - plain.row[k]) < 2e-6F);
        arc_gallery_close(&g);
        if (key[i])
            assert_false(files_hold(path, plain.row, sizeof plain.row / 2));
        open_with(path, false, NULL, key[i - 1], ARC_EINVAL);
        g = open_with(path, false, NULL, key[i], ARC_OK);
        assert_everybody_known(g, PEOPLE);
    }
    arc_gallery_close(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_removed_is_in_no_file),  cmocka_unit_test(galleries_go_out_and_come_back),
        cmocka_unit_test(damaged_exports_change_nothing), cmocka_unit_test(keys_are_changed_and_replaced),
        cmocka_unit_test(templates_are_issued_anew),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
