/* Exported galleries that somebody else wrote, or changed: names that lead out of the folder, links, values of another kind,
 * counts that are none, parts that are missing, repeated or elsewhere. Each is refused with a sentence, and the gallery is as it
 * was. What is exported under one key of rotation arrives under another. */
#include "gallery_support.h"
#include "shared_context.h"
#include <arcface/gallery_exchange.h>
#include <arcface/image.h>

#define KEY "env:A_KEY" /* hexadecimal digits, so that no passphrase has to be stretched each time */

enum { PEOPLE = 4, EACH = 2, TEXT = 1 << 16 };

static char people_json[TEXT]; /* of the exported folder that every test changes */

static arc_gallery *open_with(const char *path, const char *protect) {
    arc_gallery_options o;
    arc_gallery *g = NULL;
    arc_gallery_options_default(&o);
    o.create = true;
    o.protect = protect;
    ok(arc_gallery_open(ctx, path, &o, &g, err));
    return g;
}

static arc_status import_into(arc_gallery *g, const char *from, const char *key, arc_error *err) {
    arc_gallery_exchange_options o;
    arc_gallery_exchange_options_default(&o);
    o.key = key;
    return arc_gallery_import(g, from, &o, NULL, err);
}

static void export_to(arc_gallery *g, const char *path, const char *key) {
    arc_gallery_exchange_options o;
    arc_gallery_exchange_options_default(&o);
    o.key = key;
    ok(arc_gallery_export(g, path, &o, NULL, err));
}

static void read_text(const char *path, char text[TEXT]) {
    arc_map map;
    ok(arc_map_open(&map, path, TEXT - 1, err));
    memcpy(text, map.data, map.bytes);
    text[map.bytes] = 0;
    arc_map_close(&map);
}

static void save(const char *path, const void *bytes, size_t count) {
    ok(arc_file_save(&arc_alloc_libc, path, bytes, count, err));
}

/* A small gallery with crops, a note, a threshold and a negative, exported into "good" and "good.arcx". */
static int make_exports(void **state) {
    static const char digits[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    assert_int_equal(setenv("A_KEY", digits, 1) | setenv("ANOTHER", digits + 1, 1), 0);
    open_context(state);
    arc_gallery *g = new_gallery(ctx, in_folder("source.db"));
    arc_image crop = {0};
    float x[DIM];
    ok(arc_image_new(ctx, 112, 112, &crop, err));
    memset(crop.data, 90, (size_t)crop.stride_bytes * 112);
    for (int p = 0; p < PEOPLE; p++) {
        char name[32];
        snprintf(name, sizeof name, "person %d", p);
        for (int k = 0; k < EACH; k++) {
            draw_template(p, k, x);
            arc_template_in in = {
                .name = name, .embedding = x, .quality = 0.5F, .crop = k == 0 ? &crop : NULL, .detail_json = "{\"score\":1}"};
            ok(arc_gallery_add(g, &in, 1, NULL, err));
        }
    }
    ok(arc_gallery_annotate(g, person_id(g, 0), "{\"room\":7}", err));
    ok(arc_gallery_set_threshold(g, person_id(g, 1), 0.625, err));
    draw_template(3, 9, x);
    ok(arc_gallery_reject(g, x, person_id(g, 2), err));
    export_to(g, in_folder("good"), NULL);
    export_to(g, in_folder("good.arcx"), KEY);
    read_text(in_folder("good/people.json"), people_json);
    arc_gallery_close(&g);
    arc_image_free(ctx, &crop);
    return 0;
}

static arc_gallery *into; /* empty before and after every test */

/* Into an empty gallery: refused with this status and a sentence with these words, or taken over (ARC_OK). */
static void expect(const char *from, const char *key, arc_status wanted, const char *words) {
    arc_error why = {0};
    if (!into)
        into = open_with(in_folder("into.db"), NULL);
    const arc_status st = import_into(into, from, key, &why);
    if (st != wanted || !strstr(why.text, words))
        fail_msg("%s, \"%s\": status %d: %s", from, words, st, why.text);
    const bool taken = wanted == ARC_OK;
    assert_int_equal(facts_of(into).identities, taken ? PEOPLE : 0);
    assert_int_equal(facts_of(into).dim, taken ? DIM : 0);
    if (!taken)
        return;
    assert_gallery_whole(into);
    arc_gallery_close(&into);
    remove(in_folder("into.db"));
    remove(in_folder("into.db-wal"));
    remove(in_folder("into.db.index"));
}

/* people.json with the first `old` replaced. */
static void change(const char *old, const char *by) {
    static char text[TEXT * 4];
    const char *at = strstr(people_json, old);
    assert_non_null(at);
    const int bytes = snprintf(text, sizeof text, "%.*s%s%s", (int)(at - people_json), people_json, by, at + strlen(old));
    assert_true(bytes < (int)sizeof text);
    save(in_folder("good/people.json"), text, (size_t)bytes);
}

static void restore(void) {
    save(in_folder("good/people.json"), people_json, strlen(people_json));
}

static void the_good_one_is_taken_over(void **state) {
    (void)state;
    expect(in_folder("good"), NULL, ARC_OK, "");
    expect(in_folder("good.arcx"), KEY, ARC_OK, "");
}

static void what_people_json_says_is_checked(void **state) {
    (void)state;
    static const struct {
        const char *old, *by;
        arc_status wanted;
        const char *words;
    } bad[] = {
        {"\"crop\": \"crops/", "\"crop\": \"/etc/", ARC_ECORRUPT, "no file in the folder crops"},
        {"\"crop\": \"crops/", "\"crop\": \"crops/../", ARC_ECORRUPT, "no file in the folder crops"},
        {"\"crop\": \"crops/", "\"crop\": \"crops/x/", ARC_ECORRUPT, "no file in the folder crops"},
        {"\"crop\": \"crops/", "\"crop\": \"crops/.", ARC_ECORRUPT, "no file in the folder crops"},
        {"\"crop\": \"crops/", "\"crop\": \"crops/x\\\\", ARC_ECORRUPT, "no file in the folder crops"},
        {"\"crop\": \"crops/", "\"crop\": \"../good/crops/", ARC_ECORRUPT, "no file in the folder crops"},
        {"\"crop\": \"crops/0", "\"crop\": \"crops/9", ARC_ENOTFOUND, "crops/9"},
        {"\"row\": 0", "\"row\": -1", ARC_ECORRUPT, "a row is none of"},
        {"\"row\": 0", "\"row\": 9", ARC_ECORRUPT, "a row is none of"},
        {"\"row\": 0", "\"row\": 0.5", ARC_ECORRUPT, "a row is none of"},
        {"\"row\": 0", "\"row\": 9223372036854775807", ARC_ECORRUPT, "a row is none of"},
        {"\"row\": 0", "\"row\": 99999999999999999999", ARC_ECORRUPT, "line"},
        {"\"templates\": [", "\"templates\": {}, \"others\": [", ARC_ECORRUPT, "no list"},
        {"\"negatives\": []", "\"negatives\": 3", ARC_ECORRUPT, "no list"},
        {"\"negatives\": []", "\"negatives\": [3]", ARC_ECORRUPT, "a row is none of"},
        {"\"people\": [", "\"people\": [7, ", ARC_ECORRUPT, "no JSON object"},
        {"\"people\": [", "\"people\": 7, \"others\": [", ARC_EFORMAT, "no people"},
        {"\"name\": \"person 0\"", "\"name\": 7", ARC_ECORRUPT, "has no name"},
        {"\"name\": \"person 0\"", "\"name\": \"\"", ARC_EINVAL, "bytes"},
        {"\"name\": \"person 0\"", "\"name\": \"a\\u0000b\"", ARC_ECORRUPT, "line"},
        {"\"name\": \"person 0\"", "\"name\": \"a\\u0007b\"", ARC_EINVAL, "control character"},
        {"\"name\": \"person 0\"", "\"name\": \"person 1\"", ARC_EINVAL, "already"},
        {"\"name\": \"person 0\"", "\"name\": \"a\", \"name\": \"b\"", ARC_ECORRUPT, "duplicate"},
        {"\"note\": {", "\"note\": 7, \"other\": {", ARC_EINVAL, "no JSON object"},
        {"\"threshold\": 0.625", "\"threshold\": 1.5", ARC_ECORRUPT, "threshold"},
        {"\"threshold\": 0.625", "\"threshold\": \"low\"", ARC_ECORRUPT, "threshold"},
        {"\"quality\": 0.5", "\"quality\": 1e300", ARC_ECORRUPT, "quality"},
        {"\"quality\": 0.5", "\"quality\": [0.5]", ARC_ECORRUPT, "quality"},
        {"\"created_ms\": ", "\"created_ms\": -", ARC_ECORRUPT, "a time is none"},
        {"\"created_ms\": ", "\"created_ms\": 99999", ARC_ECORRUPT, "a time is none"},
        {"\"created_ms\": ", "\"created_ms\": 0.5, \"other\": ", ARC_ECORRUPT, "a time is none"},
        {"\"arcface_gallery\": 1", "\"arcface_gallery\": 2", ARC_EUNSUPPORTED, "later version"},
        {"\"arcface_gallery\": 1", "\"arcface_gallery\": \"1\"", ARC_EFORMAT, "no exported gallery"},
        {"\"arcface_gallery\": 1", "\"other\": 1", ARC_EFORMAT, "no exported gallery"},
        {"\"dim\": 64", "\"dim\": 0", ARC_ECORRUPT, "its model"},
        {"\"dim\": 64", "\"dim\": -64", ARC_ECORRUPT, "its model"},
        {"\"dim\": 64", "\"dim\": 4097", ARC_ECORRUPT, "its model"},
        {"\"dim\": 64", "\"dim\": 63", ARC_ECORRUPT, "not as long"},
        {"\"model_name\": \"drawn\"", "\"model_name\": \"\\u001b[2J\"", ARC_ECORRUPT, "its model"},
        {"\"model_sha256\": \"\"", "\"model_sha256\": \"../..\"", ARC_ECORRUPT, "its model"},
        {"\"align\": \"\"", "\"align\": \"elsewhere\"", ARC_ECORRUPT, "its model"},
        {"\"binding\": {", "\"binding\": [], \"other\": {", ARC_ECORRUPT, "its model"},
        {"\"row\": 0", "\"row\": 0, \"source_sha256\": \"00\"", ARC_ECORRUPT, "source_sha256"},
        {"{", "", ARC_ECORRUPT, "line"},
        {"{", "[{", ARC_ECORRUPT, "line"},
    };
    for (size_t i = 0; i < ARC_COUNT(bad); i++) {
        change(bad[i].old, bad[i].by);
        expect(in_folder("good"), NULL, bad[i].wanted, bad[i].words);
    }
    /* What it says of its size is for the progress only; a key of rotation is the other gallery's own. */
    change("\"templates\": 8,", "\"templates\": 1e300,");
    expect(in_folder("good"), NULL, ARC_OK, "");
    change("\"protection\": \"\"", "\"protection\": \"0123\"");
    expect(in_folder("good"), NULL, ARC_OK, "");
    change("\"name\": \"person 0\"", "\"name\": \"Robert'); DROP TABLE templates;-- \\\" %s\"");
    expect(in_folder("good"), NULL, ARC_OK, "");
    restore();
}

static void people_json_is_bounded(void **state) {
    (void)state;
    enum { MANY = 3 << 20 };
    char *text = malloc(MANY + 64);
    memset(text, '[', MANY); /* deeper than the reader goes */
    save(in_folder("good/people.json"), text, 5000);
    expect(in_folder("good"), NULL, ARC_ECORRUPT, "depth");
    for (int i = 0; i < MANY; i++)
        text[i] = "[],"[i % 3];
    memcpy(text, "[", 1); /* more lists than memory */
    save(in_folder("good/people.json"), text, MANY);
    expect(in_folder("good"), NULL, ARC_ECORRUPT, "line");
    for (int i = 0; i < MANY; i++)
        text[i] = '[';
    save(in_folder("good/people.json"), text, MANY);
    expect(in_folder("good"), NULL, ARC_ELIMIT, "more lists");
    char note[400], open[65] = {0}, close[65] = {0};
    memset(open, '[', 64);
    memset(close, ']', 64);
    snprintf(note, sizeof note, "\"note\": {\"a\": %s%s}, \"other\": {", open, close);
    change("\"note\": {", note);
    expect(in_folder("good"), NULL, ARC_EINVAL, "deep");
    memset(text, 'x', 10000);
    text[10000] = 0;
    change("person 0", text);
    expect(in_folder("good"), NULL, ARC_EINVAL, "bytes");
    free(text);
    restore();
}

static void links_are_not_followed(void **state) {
    (void)state;
    static const char *const name[] = {"good/crops", "good/embeddings.npy", "good/people.json", "good/crops/00000000.png"};
    for (size_t i = 0; i < ARC_COUNT(name); i++) {
        char path[TEST_PATH_BYTES], away[TEST_PATH_BYTES];
        snprintf(path, sizeof path, "%s", in_folder(name[i]));
        snprintf(away, sizeof away, "%s", in_folder("away"));
        assert_int_equal(rename(path, away), 0);
        assert_int_equal(symlink(away, path), 0);
        expect(in_folder("good"), NULL, ARC_EIO, "is a link");
        assert_int_equal(remove(path), 0);
        assert_int_equal(rename(away, path), 0);
    }
    /* The folder itself may be one: the user names it. */
    assert_int_equal(symlink(in_folder("good"), in_folder("alias")), 0);
    expect(in_folder("alias"), NULL, ARC_OK, "");
}

static void embeddings_and_crops_are_checked(void **state) {
    (void)state;
    static char npy[TEXT], crop[TEXT];
    char path[TEST_PATH_BYTES], picture[TEST_PATH_BYTES];
    snprintf(path, sizeof path, "%s", in_folder("good/embeddings.npy"));
    snprintf(picture, sizeof picture, "%s", in_folder("good/crops/00000000.png"));
    arc_map map;
    ok(arc_map_open(&map, path, TEXT, err));
    const size_t bytes = map.bytes;
    memcpy(npy, map.data, bytes);
    arc_map_close(&map);
    static const struct {
        const char *old, *by;
        arc_status wanted;
        const char *words;
    } bad[] = {
        {"(9, 64)", "(9, 64", ARC_EUNSUPPORTED, "npy"},
        {"(9, 64)", "(10,64)", ARC_ECORRUPT, "its shape needs"},
        {"(9, 64)", "(1, 1, 9, 64)", ARC_ECORRUPT, "float32"},
        {"(9, 64)", "(576, )", ARC_ECORRUPT, "float32"},
        {"(9, 64)", "(0, 64)", ARC_ECORRUPT, "a row is none"},
        {"(9, 64)", "(64, 9)", ARC_ECORRUPT, "not as long"},
        {"(9, 64)", "(99999999999999999999, 64)", ARC_EUNSUPPORTED, "npy"},
        {"(9, 64)", "(2147483647, 2147483647, 8)", ARC_EUNSUPPORTED, "npy"},
        {"'<f4'", "'<f8'", ARC_ECORRUPT, "its shape needs"},
        {"'<f4'", "'<i4'", ARC_ECORRUPT, "float32"},
        {"'<f4'", "'>f4'", ARC_EUNSUPPORTED, "npy"},
        {"False", "True ", ARC_EUNSUPPORTED, "Fortran"},
    };
    for (size_t i = 0; i < ARC_COUNT(bad); i++) {
        static char changed[TEXT];
        memcpy(changed, npy, bytes);
        char *at = memmem(changed, 128, bad[i].old, strlen(bad[i].old));
        assert_non_null(at);
        /* The header keeps its length: it ends with blanks. */
        const size_t old = strlen(bad[i].old), by = strlen(bad[i].by), behind = (size_t)(changed + 127 - at);
        memmove(at + by, at + old, behind - ARC_MAX(old, by));
        memcpy(at, bad[i].by, by);
        save(path, changed, bytes);
        expect(in_folder("good"), NULL, bad[i].wanted, bad[i].words);
    }
    const float numbers[] = {NAN, INFINITY, 1e30F, 3};
    for (size_t i = 0; i < ARC_COUNT(numbers); i++) {
        static char changed[TEXT];
        memcpy(changed, npy, bytes);
        memcpy(changed + 128 + 5 * sizeof(float), &numbers[i], sizeof(float));
        save(path, changed, bytes);
        expect(in_folder("good"), NULL, ARC_ECORRUPT, "length is not 1");
    }
    for (size_t cut = 0; cut < bytes; cut += 301) {
        save(path, npy, cut);
        expect(in_folder("good"), NULL, cut < 12 ? ARC_EFORMAT : ARC_ECORRUPT, "embeddings.npy");
    }
    save(path, npy, bytes);
    ok(arc_map_open(&map, picture, TEXT, err));
    const size_t crop_bytes = map.bytes;
    memcpy(crop, map.data, crop_bytes);
    arc_map_close(&map);
    save(picture, crop, crop_bytes / 2);
    expect(in_folder("good"), NULL, ARC_ECORRUPT, "crop");
    save(picture, "not a picture", 13);
    expect(in_folder("good"), NULL, ARC_EFORMAT, "crop");
    char *large = calloc(1, ARC_GALLERY_CROP_BYTES + 1);
    save(picture, large, ARC_GALLERY_CROP_BYTES + 1);
    expect(in_folder("good"), NULL, ARC_ELIMIT, "limit");
    free(large);
    save(picture, crop, crop_bytes);
    the_good_one_is_taken_over(NULL);
}

/* ---- sealed files ---- */

enum { HEAD = 64, MOST = 64 };

static void sealed_parts_have_their_place(void **state) {
    (void)state;
    static uint8_t file[1 << 20], other[1 << 20];
    arc_map map;
    ok(arc_map_open(&map, in_folder("good.arcx"), sizeof file, err));
    const size_t bytes = map.bytes;
    memcpy(file, map.data, bytes);
    arc_map_close(&map);
    size_t at[MOST], parts = 0;
    for (size_t next = HEAD; next < bytes; parts++) {
        assert_true(parts + 1 < MOST);
        at[parts] = next;
        next += 4 + ((size_t)file[next] | (size_t)file[next + 1] << 8 | (size_t)file[next + 2] << 16);
        at[parts + 1] = next;
    }
    assert_int_equal(parts, 1 + PEOPLE * (1 + EACH) + 1 + 1);
    char path[TEST_PATH_BYTES];
    snprintf(path, sizeof path, "%s", in_folder("bad.arcx"));
    for (size_t i = 0; i < parts; i++) {
        const size_t n = at[i + 1] - at[i];
        save(path, file, at[i]); /* cut between two parts */
        expect(path, KEY, ARC_ECORRUPT, "cut short");
        save(path, file, at[i] + n / 2); /* and within one */
        expect(path, KEY, ARC_ECORRUPT, "cut short");
        memcpy(other, file, at[i + 1]); /* repeated */
        memcpy(other + at[i + 1], file + at[i], bytes - at[i]);
        save(path, other, bytes + n);
        expect(path, KEY, ARC_ECORRUPT, i + 1 < parts ? "damaged, missing or not where it was" : "behind its end");
        memcpy(other, file, at[i]); /* left out */
        memcpy(other + at[i], file + at[i + 1], bytes - at[i + 1]);
        save(path, other, bytes - n);
        expect(path, KEY, ARC_ECORRUPT, i + 1 < parts ? "damaged, missing or not where it was" : "cut short");
        memcpy(other, file, bytes); /* another length */
        memset(other + at[i], 0xff, 4);
        save(path, other, bytes);
        expect(path, KEY, ARC_ECORRUPT, "length");
        memset(other + at[i], 0, 4);
        save(path, other, bytes);
        expect(path, KEY, ARC_ECORRUPT, "length");
        if (i + 2 >= parts)
            continue;
        const size_t m = at[i + 2] - at[i + 1]; /* changed places */
        memcpy(other, file, bytes);
        memcpy(other + at[i], file + at[i + 1], m);
        memcpy(other + at[i] + m, file + at[i], n);
        save(path, other, bytes);
        expect(path, KEY, ARC_ECORRUPT, "damaged, missing or not where it was");
    }
}

static void sealed_files_of_others(void **state) {
    (void)state;
    static uint8_t file[1 << 20];
    arc_map map;
    ok(arc_map_open(&map, in_folder("good.arcx"), sizeof file, err));
    const size_t bytes = map.bytes;
    memcpy(file, map.data, bytes);
    arc_map_close(&map);
    char path[TEST_PATH_BYTES];
    snprintf(path, sizeof path, "%s", in_folder("foreign.arcx"));
    expect(in_folder("good.arcx"), "env:ANOTHER", ARC_EINVAL, "not the key");
    expect(in_folder("good.arcx"), NULL, ARC_EINVAL, "give the key");
    expect(in_folder("nowhere.arcx"), KEY, ARC_ENOTFOUND, "nowhere.arcx");
    expect(in_folder("source.db"), KEY, ARC_EFORMAT, "no exported gallery");
    save(path, "", 0);
    expect(path, KEY, ARC_EFORMAT, "no exported gallery");
    for (size_t cut = 1; cut < HEAD; cut += 9) {
        save(path, file, cut);
        expect(path, KEY, cut < 8 ? ARC_EFORMAT : ARC_ECORRUPT, "foreign.arcx");
    }
    file[7]++;
    save(path, file, bytes);
    expect(path, KEY, ARC_EUNSUPPORTED, "later version");
    file[7]--;
    memcpy(file + bytes, "more", 4);
    save(path, file, bytes + 4);
    expect(path, KEY, ARC_ECORRUPT, "behind its end");
}

/* ---- templates that a key rotates ---- */

static void rotated_galleries_are_exchanged(void **state) {
    (void)state;
    static const char *const key[] = {NULL, KEY, "another"};
    static const char *const file[] = {"rotated-plain", "rotated-one", "rotated-two"};
    for (size_t from = 0; from < 3; from++) {
        char path[2 * TEST_PATH_BYTES];
        snprintf(path, sizeof path, "%s.db", in_folder(file[from]));
        arc_gallery *g = open_with(path, key[from]);
        ok(arc_gallery_bind_foreign(g, "drawn", DIM, 0.5, err));
        for (int p = 0; p < PEOPLE; p++)
            enroll(g, p, 0, EACH);
        export_to(g, in_folder(file[from]), NULL);
        arc_gallery_close(&g);
        for (size_t to = 0; to < 3; to++) {
            snprintf(path, sizeof path, "%s-%zu.db", in_folder(file[from]), to);
            g = open_with(path, key[to]);
            ok(import_into(g, in_folder(file[from]), NULL, err));
            for (int again = 0; again < 2; again++) {
                for (int p = 0; p < PEOPLE; p++)
                    assert_non_null(who_is(ctx, g, p, 9));
                assert_gallery_whole(g);
                arc_gallery_close(&g);
                g = open_with(path, key[to]);
            }
            assert_int_equal(facts_of(g).is_protected, to > 0);
            arc_gallery_close(&g);
        }
    }
}

/* What was made for a binding that was taken back is not used for another one. */
static void rotation_follows_the_binding(void **state) {
    (void)state;
    arc_gallery *g = open_with(in_folder("follows.db"), KEY);
    change("\"name\": \"person 3\"", "\"name\": \"\"");
    assert_int_equal(import_into(g, in_folder("good"), NULL, NULL), ARC_EINVAL);
    restore();
    ok(arc_gallery_bind_foreign(g, "longer", 2 * DIM, 0.5, err));
    float x[2 * DIM] = {1, 2, 3};
    arc_template_in in = {.name = "Ann", .embedding = x, .quality = NAN};
    ok(arc_gallery_add(g, &in, 1, NULL, err));
    assert_gallery_whole(g);
    arc_gallery_close(&g);
}

static int end(void **state) {
    if (into)
        assert_gallery_whole(into);
    arc_gallery_close(&into);
    return close_context(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_good_one_is_taken_over),       cmocka_unit_test(what_people_json_says_is_checked),
        cmocka_unit_test(people_json_is_bounded),           cmocka_unit_test(links_are_not_followed),
        cmocka_unit_test(embeddings_and_crops_are_checked), cmocka_unit_test(sealed_parts_have_their_place),
        cmocka_unit_test(sealed_files_of_others),           cmocka_unit_test(rotated_galleries_are_exchanged),
        cmocka_unit_test(rotation_follows_the_binding),
    };
    return cmocka_run_group_tests(tests, make_exports, end);
}
