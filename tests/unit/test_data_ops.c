/* Copying, looking at, checking and repairing data sets through the public calls: damaged files, nearly equal pictures, failing
 * memory. */
#include "data/picture_hash.h"
#include "data_support.h"
#include "image/contact_sheet.h"
#include <arcface/data.h>
#include <arcface/file.h>

/* Sheets have captions: fontconfig keeps its caches to the end of the program. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libfontconfig\n";
}

enum { IDENTITIES = 5, EACH = 4, SAMPLES = IDENTITIES * EACH, SIZE = 40 };

static arc_data_set *open_set(arc_context *ctx, const char *name) {
    arc_data_set *set = NULL;
    arc_error err = {0};
    if (arc_data_set_open(&set, ctx, in_folder(name), &err) != ARC_OK)
        fail_msg("%s", err.text);
    return set;
}

static uint64_t offset_of(arc_context *ctx, const char *name, int64_t sample) {
    uint64_t key, offset = 0;
    arc_data_set *set = open_set(ctx, name);
    assert_true(arc_data_set_record(set, sample, &key, &offset));
    arc_data_set_close(&set);
    return offset;
}

static arc_data_verdict verify(arc_context *ctx, const char *name, bool write_sums) {
    arc_data_verify_options o;
    arc_data_verdict v;
    arc_error err = {0};
    arc_data_verify_options_default(&o);
    o.write_sums = write_sums;
    if (arc_data_verify(ctx, in_folder(name), &o, &v, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return v;
}

static void info(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 2);
    arc_data_info n;
    test_write_rec(ctx, "set", IDENTITIES, EACH, SIZE);
    assert_int_equal(arc_data_info_get(ctx, in_folder("set.rec"), NULL, NULL, &n, NULL), ARC_OK);
    assert_true(n.pictures == SAMPLES && n.identities == IDENTITIES && n.used == IDENTITIES && n.least == EACH && n.most == EACH);
    assert_true(n.width_px == SIZE && n.height_px == SIZE && n.indexed && n.singles == 0 && n.bytes > SAMPLES * 100);
    assert_string_equal(n.layout, "identities");
    test_write_pictures(ctx, "singles", 3, 1, SIZE);
    assert_int_equal(arc_data_info_get(ctx, in_folder("singles"), NULL, NULL, &n, NULL), ARC_OK);
    assert_true(n.singles == 3 && n.median == 1);
    assert_int_equal(arc_data_sheet(ctx, in_folder("set.rec"), 3, 6, 1, in_folder("sheet.png"), NULL), ARC_OK);
    arc_image sheet;
    assert_int_equal(arc_image_load(ctx, in_folder("sheet.png"), NULL, &sheet, NULL, NULL), ARC_OK);
    assert_true(sheet.width_px > 6 * 112 && sheet.height_px > 3 * 112);
    arc_image_free(ctx, &sheet);
    arc_context_close(&ctx);
}

/* Each kind of damage is counted as what it is, and nothing else. */
static void verdicts(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 2);
    arc_data_verdict v = verify(ctx, "set.rec", true);
    assert_true(v.good == SAMPLES && v.problems == 0 && !v.sums);
    v = verify(ctx, "set.rec", false);
    assert_true(v.good == SAMPLES && v.problems == 0 && v.sums);

    const uint64_t picture = offset_of(ctx, "set.rec", 3) + 8 + 24;
    test_flip("set.rec", (long)picture + 200, 1, 0x01); /* inside the picture's data */
    v = verify(ctx, "set.rec", false);
    assert_true(v.changed == 1 && v.problems == 1 && v.good == SAMPLES - 1);
    test_flip("set.rec", (long)picture + 200, 1, 0x01);

    unlink(in_folder("set.rec.sums"));
    test_flip("set.rec", (long)picture, 2, 0xff); /* its first bytes: no JPEG any more */
    v = verify(ctx, "set.rec", false);
    assert_true(v.undecodable == 1 && v.problems == 1);
    test_flip("set.rec", (long)picture, 2, 0xff);

    test_flip("set.rec", (long)picture - 24 + 7, 1, 0x7f); /* the label */
    v = verify(ctx, "set.rec", false);
    assert_true(v.bad_labels == 1 && v.undecodable == 0 && v.unreadable == 0);
    test_flip("set.rec", (long)picture - 24 + 7, 1, 0x7f);

    test_flip("set.rec", (long)picture - 32, 1, 0xff); /* the magic */
    v = verify(ctx, "set.rec", false);
    assert_true(v.unreadable == 1 && v.damaged == 1 && v.good == SAMPLES - 1);
    test_flip("set.rec", (long)picture - 32, 1, 0xff);

    FILE *f = fopen(in_folder("set.idx"), "r");
    char text[4096];
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    test_write_text("set.idx", strchr(text, '\n') + 1); /* without the first picture */
    v = verify(ctx, "set.rec", false);
    assert_true(v.unindexed == 1);
    test_write_text("set.idx", text);
    v = verify(ctx, "set.rec", false);
    assert_true(v.problems == 0);

    test_write_text("set.rec.sums", "something else\n");
    arc_error err = {0};
    assert_int_equal(arc_data_verify(ctx, in_folder("set.rec"), NULL, &v, &err), ARC_EFORMAT);
    assert_non_null(strstr(err.text, "not a file of checksums"));
    test_write_text("set.rec.sums", "arcface sums 1\nzz\n");
    assert_int_equal(arc_data_verify(ctx, in_folder("set.rec"), NULL, &v, &err), ARC_EFORMAT);
    assert_non_null(strstr(err.text, "line 2"));
    test_write_text("set.rec.sums", "arcface sums 1\n");
    v = verify(ctx, "set.rec", false);
    assert_true(v.unlisted == SAMPLES);
    unlink(in_folder("set.rec.sums"));
    arc_context_close(&ctx);
}

/* A wrong span in an identity record. */
static void identity_records(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    arc_record_index index;
    assert_int_equal(arc_record_index_open(&index, &ctx->alloc, in_folder("set.idx"), NULL), ARC_OK);
    const long second = (long)index.offset[SAMPLES + 1]; /* the second identity's record: [5, 9) */
    assert_int_equal(index.key[SAMPLES + 1], SAMPLES + 2);
    arc_record_index_free(&index);
    test_flip("set.rec", second + 8 + 24 + 4 + 2, 1, 0x30); /* its end becomes another number */
    const arc_data_verdict v = verify(ctx, "set.rec", false);
    assert_true(v.bad_identities == 1 && v.problems == 1);
    test_flip("set.rec", second + 8 + 24 + 4 + 2, 1, 0x30);
    arc_context_close(&ctx);
}

static void copies(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 2);
    arc_data_copy_options o;
    arc_data_counts n;
    arc_error err = {0};
    arc_data_copy_options_default(&o);
    test_write_pictures(ctx, "uneven", 3, 2, SIZE);
    assert_int_equal(unlink(in_folder("uneven/id_001/001.png")), 0);
    test_write_text("uneven/id_000/bad.jpg",
                    ""); /* read, but no picture: kept when copied as it is, left out when encoded again */
    const char *sets[2] = {in_folder("uneven"), in_folder("set.rec")};
    o.min_images = 2;
    o.size_px = 16;
    assert_int_equal(arc_data_copy(ctx, sets, 2, in_folder("packed"), &o, &n, &err), ARC_OK);
    assert_int_equal(n.skipped, 1);
    assert_non_null(strstr(n.first_problem, "bad.jpg"));
    assert_int_equal(n.left_out, 1); /* the identity with one picture */
    assert_int_equal(n.pictures, 4 + SAMPLES);
    assert_int_equal(n.identities, 2 + IDENTITIES);
    arc_data_info info_of;
    assert_int_equal(arc_data_info_get(ctx, in_folder("packed"), NULL, NULL, &info_of, NULL), ARC_OK);
    assert_true(info_of.width_px == 16 && info_of.identities == 2 + IDENTITIES && info_of.property_identities == 2 + IDENTITIES);
    const arc_data_verdict v = verify(ctx, "packed", false);
    assert_true(v.problems == 0);
    o.min_images = 100;
    assert_int_equal(arc_data_copy(ctx, sets, 2, in_folder("empty"), &o, &n, &err), ARC_EINVAL);
    assert_int_equal(access(in_folder("empty/train.rec"), F_OK), -1);
    o.min_images = 0;
    assert_int_equal(arc_data_copy(ctx, sets, 2, in_folder("empty"), &o, &n, &err), ARC_EINVAL);
    arc_context_close(&ctx);
}

/* The parts hold every picture once; whole identities stay together. */
static void splits(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 2);
    const double shares[3] = {3, 1, 1};
    for (int by_image = 0; by_image < 2; by_image++) {
        arc_data_counts n[3];
        int64_t pictures = 0;
        const char *name = by_image ? "by_image" : "by_identity";
        assert_int_equal(arc_data_split(ctx, in_folder("set.rec"), in_folder(name), shares, 3, by_image, NULL, n, NULL), ARC_OK);
        for (int k = 0; k < 3; k++) {
            pictures += n[k].pictures;
            assert_int_equal(n[k].identities, by_image ? IDENTITIES : k == 0 ? 3 : 1);
        }
        assert_int_equal(pictures, SAMPLES);
    }
    const double bad[2] = {1, 0};
    assert_int_equal(arc_data_split(ctx, in_folder("set.rec"), in_folder("x"), bad, 2, false, NULL, NULL, NULL), ARC_EINVAL);
    arc_context_close(&ctx);
}

/* The same picture compressed again, and a brighter one, are near; another picture is not. */
static void duplicates(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 2);
    arc_data_dedup_options o;
    arc_data_duplicates found;
    arc_data_counts n;
    arc_buffer jpeg;
    arc_buffer_init(&jpeg, &ctx->alloc, 1 << 20);
    test_write_pictures(ctx, "doubles", 3, 3, 64);
    arc_image image = test_paint(ctx, 64, 4); /* id_001/001.png */
    assert_int_equal(arc_encode_memory(&image, &ctx->alloc, 85, false, &jpeg, NULL), ARC_OK);
    assert_int_equal(arc_file_write(ctx, in_folder("doubles/id_001/again.jpg"), jpeg.data, jpeg.bytes, NULL), ARC_OK);
    assert_int_equal(arc_file_write(ctx, in_folder("doubles/id_002/elsewhere.jpg"), jpeg.data, jpeg.bytes, NULL), ARC_OK);
    assert_int_equal(arc_image_save(ctx, &image, in_folder("doubles/id_001/copy.png"), NULL), ARC_OK);
    arc_data_dedup_options_default(&o);
    o.near_bits = -1;
    assert_int_equal(arc_data_dedup(ctx, in_folder("doubles"), NULL, &o, &found, &n, NULL), ARC_OK);
    assert_true(found.exact == 1 && found.near == 0 && found.conflicts == 2);
    o.near_bits = 8;
    o.drop_conflicts = true;
    assert_int_equal(arc_data_dedup(ctx, in_folder("doubles"), in_folder("single"), &o, &found, &n, NULL), ARC_OK);
    assert_true(found.conflicts == 4 && found.exact == 0 && found.near == 0); /* the picture, its copy and both JPEGs */
    assert_true(n.pictures == 8 && n.left_out == 4);
    assert_int_equal(unlink(in_folder("doubles/id_002/elsewhere.jpg")), 0);
    assert_int_equal(arc_data_dedup(ctx, in_folder("doubles"), in_folder("single"), &o, &found, &n, NULL), ARC_OK);
    assert_true(found.conflicts == 0 && found.exact == 1 && found.near == 1 && n.pictures == 9);
    uint64_t a[ARC_PICTURE_HASH_WORDS], b[ARC_PICTURE_HASH_WORDS];
    arc_picture_hash(&image, a);
    for (int i = 0; i < 64 * 64 * 3; i++)
        image.data[i] = (uint8_t)(image.data[i] * 0.9 + 10);
    arc_picture_hash(&image, b);
    assert_true(arc_picture_hash_distance(a, b) <= 6);
    arc_image_free(ctx, &image);
    image = test_paint(ctx, 64, 9);
    arc_picture_hash(&image, b);
    assert_true(arc_picture_hash_distance(a, b) > 30);
    for (int from = 0; from < 240; from += 7)
        assert_int_equal(arc_picture_hash_bits(a, from, 16),
                         ((a[from / 64] >> from % 64) | (from % 64 > 48 ? a[from / 64 + 1] << (64 - from % 64) : 0)) & 0xffff);
    arc_image_free(ctx, &image);
    arc_buffer_free(&jpeg);
    arc_context_close(&ctx);
}

static void sheets(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    arc_contact_sheet *sheet;
    arc_error err = {0};
    arc_image image = test_paint(ctx, 60, 1), wide = image;
    wide.height_px = 20;
    assert_int_equal(arc_contact_sheet_new(&sheet, ctx, 5, 3, 64, true, &err), ARC_OK);
    assert_int_equal(arc_contact_sheet_put(sheet, &image, "a caption that is wider than its cell", 0, &err), ARC_OK);
    assert_int_equal(arc_contact_sheet_put(sheet, &wide, "71.2\302\260", 0xff4040, &err), ARC_OK);
    for (int i = 0; i < 6; i++)
        assert_int_equal(arc_contact_sheet_put(sheet, NULL, i % 2 ? "none" : NULL, 0, &err), ARC_OK);
    assert_int_equal(arc_contact_sheet_save(sheet, in_folder("cells.png"), &err), ARC_OK);
    arc_contact_sheet_free(&sheet);
    arc_image_free(ctx, &image);
    assert_int_equal(arc_image_load(ctx, in_folder("cells.png"), NULL, &image, NULL, NULL), ARC_OK);
    assert_true(image.width_px == 3 * 68 + 4 && image.height_px == 2 * 84 + 4);
    arc_image_free(ctx, &image);
    assert_int_equal(arc_contact_sheet_new(&sheet, ctx, 1 << 30, 10, 4096, true, &err), ARC_ELIMIT);
    assert_int_equal(arc_contact_sheet_new(&sheet, ctx, 0, 10, 64, true, &err), ARC_EINVAL);
    arc_context_close(&ctx);
}

/* A .rec that is cut anywhere: never fatal, and repair indexes what is whole. */
static void cut_files(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    arc_map map;
    assert_int_equal(arc_map_open(&map, in_folder("set.rec"), 1 << 24, NULL), ARC_OK);
    int64_t last = 0;
    for (size_t cut = 0; cut <= map.bytes; cut += map.bytes / 97 + 1) {
        int64_t records = 0, damaged = 0;
        const char *keys;
        arc_data_info n;
        assert_int_equal(arc_file_write(ctx, in_folder("cut.rec"), map.data, cut, NULL), ARC_OK);
        const arc_status st = arc_data_repair(ctx, in_folder("cut.rec"), NULL, NULL, &records, &damaged, &keys, NULL);
        assert_true(st == ARC_OK || (st == ARC_EFORMAT && records == 0));
        assert_true(records >= last && damaged <= 1);
        last = records;
        if (st == ARC_OK)
            assert_int_equal(arc_data_info_get(ctx, in_folder("cut.rec"), NULL, NULL, &n, NULL), ARC_OK);
    }
    assert_true(last >= SAMPLES - 1);
    arc_map_close(&map);
    arc_context_close(&ctx);
}

typedef arc_status operation(arc_context *ctx);
static arc_status op_copy(arc_context *ctx) {
    arc_data_copy_options o;
    arc_data_copy_options_default(&o);
    o.size_px = 24;
    const char *sets[1] = {in_folder("set.rec")};
    return arc_data_copy(ctx, sets, 1, in_folder("m1"), &o, NULL, NULL);
}
static arc_status op_split(arc_context *ctx) {
    const double shares[2] = {1, 1};
    return arc_data_split(ctx, in_folder("set.rec"), in_folder("m2"), shares, 2, true, NULL, NULL, NULL);
}
static arc_status op_dedup(arc_context *ctx) {
    arc_data_dedup_options o;
    arc_data_duplicates found;
    arc_data_dedup_options_default(&o);
    o.near_bits = 1;
    o.list = in_folder("m3.tsv");
    const arc_status st = arc_data_dedup(ctx, in_folder("set.rec"), in_folder("m3"), &o, &found, NULL, NULL);
    assert_int_equal(found.unreadable, 0);
    return st;
}
static arc_status op_info(arc_context *ctx) {
    arc_data_info n;
    arc_status st = arc_data_info_get(ctx, in_folder("set.rec"), NULL, NULL, &n, NULL);
    return st == ARC_OK ? arc_data_sheet(ctx, in_folder("set.rec"), 1, 2, 1, in_folder("m4.png"), NULL) : st;
}
static arc_status op_verify(arc_context *ctx) {
    arc_data_verify_options o;
    arc_data_verdict v;
    arc_data_verify_options_default(&o);
    o.write_sums = true;
    arc_status st = arc_data_verify(ctx, in_folder("set.rec"), &o, &v, NULL);
    if (st == ARC_OK)
        st = arc_data_verify(ctx, in_folder("set.rec"), NULL, &v, NULL);
    if (st == ARC_OK)
        assert_int_equal(v.problems, 0);
    return st;
}
static arc_status op_bin(arc_context *ctx) {
    test_write_text("m.txt", "id_000/000.png id_000/001.png 1\n");
    arc_status st = arc_data_make_bin(ctx, in_folder("doubles"), in_folder("m.txt"), in_folder("m5.bin"), NULL, NULL, NULL, NULL);
    return st == ARC_OK ? arc_data_random_bin(ctx, in_folder("set.rec"), 2, 1, in_folder("m6.bin"), NULL, NULL, NULL) : st;
}

static void failing_memory(void **state) {
    (void)state;
    static operation *const ops[] = {op_copy, op_split, op_dedup, op_info, op_verify, op_bin};
    arc_test_heap heap = {0};
    arc_context *ctx = arc_test_context(&heap, 1);
    for (size_t i = 0; i < ARC_COUNT(ops); i++) {
        arc_test_walk walk = {.heap = &heap, .thin = 40};
        do
            arc_test_walk_begin(&walk);
        while (arc_test_walk_again(&walk, ops[i](ctx)));
    }
    arc_context_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(info),   cmocka_unit_test(verdicts),  cmocka_unit_test(identity_records),
        cmocka_unit_test(copies), cmocka_unit_test(splits),    cmocka_unit_test(duplicates),
        cmocka_unit_test(sheets), cmocka_unit_test(cut_files), cmocka_unit_test(failing_memory),
    };
    return cmocka_run_group_tests_name("data operations", tests, NULL, NULL);
}
