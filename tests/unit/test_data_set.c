/* Data sets: RecordIO in every layout, folders and lists give the same samples; indexes that are missing, foreign or double;
 * labels that are none. */
#include "data_support.h"

enum { IDENTITIES = 5, EACH = 4, SAMPLES = IDENTITIES * EACH };

static arc_data_set *open_set(arc_context *ctx, const char *name) {
    arc_data_set *set = NULL;
    arc_error err = {0};
    if (arc_data_set_open(&set, ctx, in_folder(name), &err) != ARC_OK)
        fail_msg("%s", err.text);
    return set;
}

static void expect_samples(const arc_data_set *set) {
    assert_int_equal(arc_data_set_samples(set), SAMPLES);
    assert_int_equal(arc_data_set_identities(set), IDENTITIES);
    for (int64_t i = 0; i < SAMPLES; i++) {
        arc_data_item item;
        int64_t label;
        assert_int_equal(arc_data_set_label(set, i, &label, NULL), ARC_OK);
        assert_int_equal(label, i / EACH);
        assert_int_equal(arc_data_set_read(set, i, &item, NULL), ARC_OK);
        assert_int_equal(item.label, label);
        assert_true(item.count > 100 && (item.bytes[0] == 0xff || item.bytes[0] == 0x89));
        arc_data_item_release(&item);
    }
}

static void refuse(arc_context *ctx, const char *name, arc_status want, const char *word) {
    arc_data_set *set = NULL;
    arc_error err = {0};
    assert_int_equal(arc_data_set_open(&set, ctx, in_folder(name), &err), want);
    assert_null(set);
    if (!strstr(err.text, word))
        fail_msg("\"%s\" does not say \"%s\"", err.text, word);
}

static void recordio(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    char key[32];
    uint64_t number, offset;
    test_write_rec(ctx, "train", IDENTITIES, EACH, 24);
    static const char *const names[] = {"train.rec", "train.idx", "", "/"};
    for (int i = 0; i < 4; i++) {
        arc_data_set *set = open_set(ctx, names[i]);
        expect_samples(set);
        assert_string_equal(arc_data_set_notes(set)->layout, "identities");
        arc_data_set_key(set, 3, key, sizeof key);
        assert_string_equal(key, "4");
        assert_true(arc_data_set_record(set, 3, &number, &offset) && number == 4 && offset > 0);
        arc_data_set_close(&set);
    }
    assert_int_equal(unlink(in_folder("train.idx")), 0);
    arc_data_set *set = open_set(ctx, "train.rec");
    assert_true(arc_data_set_notes(set)->scanned);
    expect_samples(set);
    arc_data_set_close(&set);
    arc_context_close(&ctx);
}

static void golden_layouts(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    static const char *const names[] = {"identities", "sequence", "arrays"};
    for (int i = 0; i < 3; i++) {
        char path[256];
        arc_data_set *set;
        int64_t label;
        snprintf(path, sizeof path, ARC_SOURCE_DIR "/tests/golden/data/recordio/%s.rec", names[i]);
        assert_int_equal(arc_data_set_open(&set, ctx, path, NULL), ARC_OK);
        assert_int_equal(arc_data_set_samples(set), 10);
        assert_int_equal(arc_data_set_identities(set), 4);
        assert_string_equal(arc_data_set_notes(set)->layout, i == 0 ? "identities" : "sequence");
        static const int labels[10] = {0, 0, 0, 1, 2, 2, 2, 2, 3, 3};
        for (int k = 0; k < 10; k++) {
            assert_int_equal(arc_data_set_label(set, k, &label, NULL), ARC_OK);
            assert_int_equal(label, labels[k]);
        }
        arc_data_set_close(&set);
    }
    arc_context_close(&ctx);
}

static void folders_and_lists(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    char text[8192] = "", old[8192] = "", key[64];
    test_write_pictures(ctx, "people", IDENTITIES, EACH, 24);
    test_write_text("people/notes.md", "no picture");
    test_write_text("people/id_000/list.csv", "no picture");
    assert_int_equal(arc_dir_make(in_folder("people/empty"), NULL), ARC_OK);
    arc_data_set *set = open_set(ctx, "people/");
    expect_samples(set);
    arc_data_set_key(set, 5, key, sizeof key);
    assert_string_equal(key, "id_001/001.png");
    assert_int_equal(arc_data_set_notes(set)->empty_folders, 1);
    assert_int_equal(arc_data_set_notes(set)->ignored_files, 1);
    arc_data_set_close(&set);
    for (int i = 0; i < SAMPLES; i++) {
        size_t at = strlen(text), at_old = strlen(old);
        snprintf(text + at, sizeof text - at, "%d\t%d.000000\tpeople/id_%03d/%03d.png\r\n", i, i / EACH, i / EACH, i % EACH);
        snprintf(old + at_old, sizeof old - at_old, "1\tpeople/id_%03d/%03d.png\t%d\n", i / EACH, i % EACH, i / EACH);
    }
    test_write_text("new.lst", text);
    test_write_text("old.lst", old);
    static const char *const names[] = {"new.lst", "old.lst"};
    for (int i = 0; i < 2; i++) {
        set = open_set(ctx, names[i]);
        expect_samples(set);
        arc_data_set_close(&set);
    }
    test_write_text("blanks.lst", "the people/id 000/0 1.png 0\n 7 of them/a b c.JPG   1 \n\"x y/1.png\" 1\n0 x y/2.png\n1 \"x "
                                  "y/3.png\"\n0 z.png\n\"y.png\" 1\n");
    static const char *const blanks[] = {
        "the people/id 000/0 1.png", "7 of them/a b c.JPG", "x y/1.png", "x y/2.png", "x y/3.png", "z.png", "y.png"};
    static const int64_t owners[] = {0, 1, 1, 0, 1, 0, 1};
    set = open_set(ctx, "blanks.lst");
    assert_int_equal(arc_data_set_samples(set), ARC_COUNT(blanks));
    assert_int_equal(arc_data_set_identities(set), 2);
    for (int i = 0; i < (int)ARC_COUNT(blanks); i++) {
        int64_t label;
        arc_data_set_key(set, i, key, sizeof key);
        assert_string_equal(key, blanks[i]);
        assert_int_equal(arc_data_set_label(set, i, &label, NULL), ARC_OK);
        assert_int_equal(label, owners[i]);
    }
    arc_data_set_close(&set);
    test_write_text("bad.lst", "0\t0\tpeople/id_000/000.png\n1\tx\n");
    refuse(ctx, "bad.lst", ARC_EFORMAT, "line 2");
    test_write_text("bad.lst", "0\t0.5\tpeople/id_000/000.png\n");
    refuse(ctx, "bad.lst", ARC_ECORRUPT, "0.5");
    test_write_text("bad.lst", "");
    refuse(ctx, "bad.lst", ARC_EFORMAT, "no pictures");
    arc_context_close(&ctx);
}

static void refusals(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    test_write_rec(ctx, "a", IDENTITIES, EACH, 24);
    test_write_rec(ctx, "b", 3, 9, 31);
    assert_int_equal(rename(in_folder("b.idx"), in_folder("a.idx")), 0);
    refuse(ctx, "a.rec", ARC_ECORRUPT, "arcface data repair");
    test_write_text("b.idx", "nonsense\n");
    refuse(ctx, "b.rec", ARC_EFORMAT, "line 1");
    test_write_text("c.rec", "");
    refuse(ctx, "c.rec", ARC_EFORMAT, "empty");
    test_write_text("c.rec", "this is no record at all, whatever its name says");
    refuse(ctx, "c.rec", ARC_EFORMAT, "no records");
    refuse(ctx, "nothing", ARC_ENOTFOUND, "no such file");
    refuse(ctx, "b.idx/x", ARC_ENOTFOUND, "no such file");
    test_write_text("d.bin", "x");
    refuse(ctx, "d.bin", ARC_EFORMAT, "not a data set");
    assert_int_equal(arc_dir_make(in_folder("hollow/one"), NULL), ARC_OK);
    refuse(ctx, "hollow", ARC_EFORMAT, "no pictures");
    arc_image image = test_paint(ctx, 8, 0);
    assert_int_equal(arc_dir_make(in_folder("loose"), NULL), ARC_OK);
    assert_int_equal(arc_image_save(ctx, &image, in_folder("loose/x.png"), NULL), ARC_OK);
    refuse(ctx, "loose", ARC_EFORMAT, "NAME/picture.jpg");
    arc_image_free(ctx, &image);
    arc_context_close(&ctx);
}

/* A label out of range, a record cut by a flipped bit, a key twice: the others stay readable. */
static void bad_records(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    arc_error err = {0};
    uint64_t key, offset;
    int64_t label;
    test_write_rec(ctx, "bad", IDENTITIES, EACH, 24);
    arc_data_set *set = open_set(ctx, "bad.rec");
    assert_true(arc_data_set_record(set, 7, &key, &offset));
    arc_data_set_close(&set);
    test_flip("bad.rec", (long)offset + 8 + 7, 1, 0x40); /* the label's exponent */
    set = open_set(ctx, "bad.rec");
    assert_int_equal(arc_data_set_label(set, 7, &label, &err), ARC_ECORRUPT);
    assert_non_null(strstr(err.text, "record 8"));
    assert_int_equal(arc_data_set_label(set, 6, &label, &err), ARC_OK);
    arc_data_set_close(&set);
    test_flip("bad.rec", (long)offset, 1, 0xff);
    set = open_set(ctx, "bad.rec");
    arc_data_item item;
    assert_int_equal(arc_data_set_read(set, 7, &item, &err), ARC_ECORRUPT);
    assert_null(item.bytes);
    arc_data_set_close(&set);
    FILE *f = fopen(in_folder("bad.idx"), "a");
    fprintf(f, "3\t0\n"); /* key 3 again, at the first picture */
    fclose(f);
    set = open_set(ctx, "bad.rec");
    assert_int_equal(arc_data_set_notes(set)->duplicates, 1);
    assert_int_equal(arc_data_set_samples(set), SAMPLES);
    arc_data_set_close(&set);
    test_write_text("property", "9,112,112\n");
    set = open_set(ctx, "bad.rec");
    assert_int_equal(arc_data_set_identities(set), 9);
    arc_data_set_close(&set);
    unlink(in_folder("property"));
    arc_context_close(&ctx);
}

/* 2^24 and beyond: the header's boundary is rounded, and the index decides. The file has one picture, which every key but three
 * names. */
static void float_trap(void **state) {
    (void)state;
    enum { PICTURES = (1 << 24) + 3 };
    arc_context *ctx = arc_test_context(NULL, 1);
    arc_record_writer *w;
    const float rounded = (float)(PICTURES + 1), span[2] = {1, rounded}, all[2] = {rounded, rounded + 2};
    assert_true(rounded != (double)(PICTURES + 1) - 0.0 || PICTURES % 2 == 1);
    assert_int_equal(arc_record_writer_open(&w, &ctx->alloc, in_folder("big.rec"), NULL, NULL), ARC_OK);
    const arc_image_record head = {.label = 1};
    assert_int_equal(arc_record_writer_put(w, 1, &head, NULL, "picture", 7, NULL), ARC_OK);
    const uint64_t identity = arc_record_writer_bytes(w);
    assert_int_equal(arc_record_writer_put(w, 2, &(arc_image_record){.labels = 2}, span, NULL, 0, NULL), ARC_OK);
    const uint64_t header = arc_record_writer_bytes(w);
    assert_int_equal(arc_record_writer_put(w, 0, &(arc_image_record){.labels = 2, .id2 = 1}, all, NULL, 0, NULL), ARC_OK);
    assert_int_equal(arc_record_writer_commit(&w, NULL), ARC_OK);
    for (int pictures = PICTURES - 1; pictures <= PICTURES; pictures++) {
        FILE *f = fopen(in_folder("big.idx"), "w");
        for (int i = 1; i <= pictures; i++)
            fprintf(f, "%d\t0\n", i);
        fprintf(f, "%d\t%llu\n%d\t%llu\n0\t%llu\n", pictures + 1, (unsigned long long)identity, pictures + 2,
                (unsigned long long)identity, (unsigned long long)header);
        fclose(f);
        arc_data_set *set = open_set(ctx, "big.rec");
        assert_int_equal(arc_data_set_samples(set), pictures);
        assert_int_equal(arc_data_set_identities(set), 2);
        arc_data_set_close(&set);
    }
    arc_context_close(&ctx);
}

/* Beyond 4 GB: a file with a hole, one picture on each side of it. */
static void beyond_four_gigabytes(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    const long long far = 5LL << 30;
    char idx[64];
    test_write_rec(ctx, "near", 2, 1, 24);
    arc_map map;
    assert_int_equal(arc_map_open(&map, in_folder("near.rec"), 1 << 20, NULL), ARC_OK);
    FILE *f = fopen(in_folder("far.rec"), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(map.data, 1, map.bytes, f), map.bytes);
    if (fseeko(f, far, SEEK_SET) != 0 || fwrite(map.data, 1, map.bytes, f) != map.bytes || fclose(f) != 0) {
        arc_map_close(&map);
        arc_context_close(&ctx);
        printf("skipped: no room for a file of 5 GB with a hole\n");
        skip();
    }
    snprintf(idx, sizeof idx, "0\t0\n1\t%lld\n", far);
    test_write_text("far.idx", idx);
    arc_data_set *set = open_set(ctx, "far.rec");
    arc_data_item a, b;
    assert_int_equal(arc_data_set_samples(set), 2);
    assert_int_equal(arc_data_set_read(set, 0, &a, NULL), ARC_OK);
    assert_int_equal(arc_data_set_read(set, 1, &b, NULL), ARC_OK);
    assert_int_equal(a.count, b.count);
    assert_memory_equal(a.bytes, b.bytes, a.count);
    assert_true(b.bytes - a.bytes == far);
    arc_data_item_release(&a);
    arc_data_item_release(&b);
    arc_data_set_close(&set);
    arc_map_close(&map);
    unlink(in_folder("far.rec"));
    arc_context_close(&ctx);
}

static void failing_memory(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    arc_context *ctx = arc_test_context(&heap, 1);
    static const char *const names[] = {"train.rec", "a2.rec", "people", "new.lst"};
    test_write_rec(ctx, "a2", IDENTITIES, EACH, 24);
    for (int i = 0; i < 4; i++) {
        arc_test_walk walk = {.heap = &heap};
        arc_status st;
        do {
            arc_data_set *set;
            arc_data_item item;
            int64_t label;
            arc_test_walk_begin(&walk);
            st = arc_data_set_open(&set, ctx, in_folder(names[i]), NULL);
            if (st == ARC_OK) {
                st = arc_data_set_label(set, 2, &label, NULL);
                if (st == ARC_OK)
                    st = arc_data_set_read(set, 2, &item, NULL);
                if (st == ARC_OK)
                    arc_data_item_release(&item);
                arc_data_set_close(&set);
            }
        } while (arc_test_walk_again(&walk, st));
    }
    arc_context_close(&ctx);
    assert_int_equal(heap.live, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recordio),
        cmocka_unit_test(golden_layouts),
        cmocka_unit_test(folders_and_lists),
        cmocka_unit_test(refusals),
        cmocka_unit_test(bad_records),
        cmocka_unit_test(float_trap),
        cmocka_unit_test(beyond_four_gigabytes),
        cmocka_unit_test(failing_memory),
    };
    return cmocka_run_group_tests_name("data set", tests, NULL, NULL);
}
