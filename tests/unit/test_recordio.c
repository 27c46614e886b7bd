/* RecordIO: our writer against files of an independent one (tests/golden/recordio.py), reading them back, indexes, scanning
 * damaged files.
 * Verification sets: our writer against Python's pickler. */
#include "folder.h"
#include "format/format.h"
#include "format/record/recordio.h"
#include "support.h"

#include <string.h>
#include <unistd.h>

#define GOLDEN ARC_SOURCE_DIR "/tests/golden/data/recordio/"
enum { IDENTITIES = 4, PICTURES = 10 };
static const int pictures_of[IDENTITIES] = {3, 1, 4, 2};

/* The same bytes as picture() in tests/golden/recordio.py. */
static size_t picture(int i, uint8_t *out) {
    size_t n = (size_t)(7 * i * i % 61);
    for (size_t j = 0; j < n; j++)
        out[j] = (uint8_t)((i * 31 + (int)j * 7) % 251);
    static const struct {
        int picture;
        size_t bytes;
        const char *tail;
    } tails[] = {{3, 6, "\x0a\x23\xd7\xcexy"},
                 {5, 8, "\x0a\x23\xd7\xce\x0a\x23\xd7\xce"},
                 {6, 6, ".\x0a\x23\xd7\xceq"},
                 {8, 4, "\x0a\x23\xd7\xce"}};
    for (size_t t = 0; t < ARC_COUNT(tails); t++)
        if (tails[t].picture == i) {
            memcpy(out + n, "abc", -n % 4);
            n += -n % 4;
            memcpy(out + n, tails[t].tail, tails[t].bytes);
            n += tails[t].bytes;
        }
    return n;
}

static arc_map open_map(const char *path) {
    arc_map map;
    assert_int_equal(arc_map_open(&map, path, 1 << 20, NULL), ARC_OK);
    return map;
}

static void expect_same_file(const char *golden, const char *made) {
    char path[256];
    snprintf(path, sizeof path, GOLDEN "%s", golden);
    arc_map a = open_map(path), b = open_map(in_folder(made));
    assert_int_equal(a.bytes, b.bytes);
    assert_memory_equal(a.data, b.data, a.bytes);
    arc_map_close(&a);
    arc_map_close(&b);
}

typedef enum kind { IDENTITY_SET, SEQUENCE, ARRAYS } kind;

static arc_status write_set(const arc_alloc *a, kind k, arc_error *err) {
    const char *rec = in_folder("x.rec"), *idx = in_folder("x.idx");
    arc_record_writer *w;
    uint8_t bytes[128];
    arc_status st = arc_record_writer_open(&w, a, rec, idx, err);
    uint64_t key = k == IDENTITY_SET;
    for (int label = 0, i = 1; st == ARC_OK && label < IDENTITIES; label++)
        for (int j = 0; st == ARC_OK && j < pictures_of[label]; j++, i++, key++) {
            const float array[2] = {(float)label, 0.5f};
            const arc_image_record head = {.labels = k == ARRAYS ? 2 : 0, .label = (float)label, .id = key};
            st = arc_record_writer_put(w, key, &head, array, bytes, picture(i, bytes), err);
        }
    const float first = (float)key;
    for (int label = 0, from = 1; st == ARC_OK && k == IDENTITY_SET && label < IDENTITIES; from += pictures_of[label++], key++) {
        const float span[2] = {(float)from, (float)(from + pictures_of[label])};
        st = arc_record_writer_put(w, key, &(arc_image_record){.labels = 2, .id = key}, span, NULL, 0, err);
    }
    const float span[2] = {first, (float)key};
    if (st == ARC_OK && k == IDENTITY_SET)
        st = arc_record_writer_put(w, 0, &(arc_image_record){.labels = 2, .id2 = 1}, span, NULL, 0, err);
    if (st == ARC_OK)
        return arc_record_writer_commit(&w, err);
    arc_record_writer_abort(&w);
    return st;
}

static void written_as_mxnet_does(void **state) {
    (void)state;
    static const char *const names[] = {"identities", "sequence", "arrays"};
    for (int k = 0; k < 3; k++) {
        char rec[32], idx[32];
        assert_int_equal(write_set(&arc_alloc_libc, (kind)k, NULL), ARC_OK);
        snprintf(rec, sizeof rec, "%s.rec", names[k]);
        snprintf(idx, sizeof idx, "%s.idx", names[k]);
        expect_same_file(rec, "x.rec");
        expect_same_file(idx, "x.idx");
    }
}

static void read_back(void **state) {
    (void)state;
    arc_map map = open_map(GOLDEN "arrays.rec");
    arc_record_index index;
    arc_buffer joined;
    uint8_t bytes[128];
    arc_buffer_init(&joined, &arc_alloc_libc, 1 << 20);
    assert_int_equal(arc_record_index_open(&index, &arc_alloc_libc, GOLDEN "arrays.idx", NULL), ARC_OK);
    assert_int_equal(index.count, PICTURES);
    for (int label = 0, i = 0; label < IDENTITIES; label++)
        for (int j = 0; j < pictures_of[label]; j++, i++) {
            arc_record record;
            arc_image_record image;
            const size_t n = picture(i + 1, bytes);
            assert_int_equal(arc_record_read(&record, map.data, map.bytes, index.offset[i], &joined, "x", NULL), ARC_OK);
            assert_int_equal(arc_image_record_parse(&image, record.data, record.bytes, NULL), ARC_OK);
            assert_int_equal(image.id, i);
            assert_int_equal(image.labels, 2);
            assert_true(image.label == (float)label && arc_image_record_label(&image, 1) == 0.5f);
            assert_int_equal(image.image_bytes, n);
            if (n)
                assert_memory_equal(image.image, bytes, n);
            assert_int_equal(record.next_offset, i + 1 < PICTURES ? index.offset[i + 1] : map.bytes);
        }
    arc_buffer_free(&joined);
    arc_record_index_free(&index);
    arc_map_close(&map);
}

static void index_of(const uint8_t *file, size_t bytes, arc_record_index *index, arc_record_scan *scan) {
    *scan = (arc_record_scan){0};
    assert_int_equal(arc_record_index_scan(index, &arc_alloc_libc, file, bytes, "x", scan, NULL), ARC_OK);
}

/* An index made by scanning is the one that was written, and other records survive the damage of one. */
static void scanned(void **state) {
    (void)state;
    static const char *const names[] = {GOLDEN "identities", GOLDEN "sequence"};
    for (int k = 0; k < 2; k++) {
        char path[256];
        arc_record_index written, index;
        arc_record_scan scan;
        snprintf(path, sizeof path, "%s.idx", names[k]);
        assert_int_equal(arc_record_index_open(&written, &arc_alloc_libc, path, NULL), ARC_OK);
        snprintf(path, sizeof path, "%s.rec", names[k]);
        arc_map map = open_map(path);
        index_of(map.data, map.bytes, &index, &scan);
        assert_string_equal(scan.keys, "ids");
        assert_int_equal(scan.damaged, 0);
        assert_int_equal(index.count, written.count);
        assert_memory_equal(index.key, written.key, index.count * sizeof *index.key);
        assert_memory_equal(index.offset, written.offset, index.count * sizeof *index.offset);
        arc_record_index_free(&index);
        uint8_t *copy = malloc(map.bytes);
        for (size_t record = 0; record + 1 < written.count; record++)
            for (size_t at = 0; at < 8; at++) { /* each byte of its head */
                memcpy(copy, map.data, map.bytes);
                copy[written.offset[record] + at] ^= 0x15;
                index_of(copy, map.bytes, &index, &scan);
                assert_true(index.count + 1 >= written.count && index.count <= written.count);
                for (size_t i = 0, j = 0; i < written.count; i++) {
                    if (i == record)
                        continue;
                    while (j < index.count && index.offset[j] != written.offset[i])
                        j++;
                    assert_true(j < index.count);
                }
                arc_record_index_free(&index);
            }
        free(copy);
        arc_record_index_free(&written);
        arc_map_close(&map);
    }
}

/* Ids that say nothing: keys by position, with InsightFace's header at 0. */
static void keys_without_ids(void **state) {
    (void)state;
    arc_record_index written, index;
    arc_record_scan scan;
    assert_int_equal(arc_record_index_open(&written, &arc_alloc_libc, GOLDEN "identities.idx", NULL), ARC_OK);
    arc_map map = open_map(GOLDEN "identities.rec");
    uint8_t *copy = malloc(map.bytes);
    memcpy(copy, map.data, map.bytes);
    for (size_t i = 0; i < written.count; i++)
        memset(copy + written.offset[i] + 16, 0, 8);
    index_of(copy, map.bytes, &index, &scan);
    assert_string_equal(scan.keys, "layout");
    assert_memory_equal(index.key, written.key, index.count * sizeof *index.key);
    free(copy);
    arc_record_index_free(&index);
    arc_record_index_free(&written);
    arc_map_close(&map);
}

static void bad_indexes(void **state) {
    (void)state;
    static const struct {
        const char *text;
        arc_status st;
    } cases[] = {{"", ARC_EFORMAT},
                 {"\n\n", ARC_EFORMAT},
                 {"1\t2\n3\n", ARC_EFORMAT},
                 {"1\t-2\n", ARC_EFORMAT},
                 {"x\t2\n", ARC_EFORMAT},
                 {"1\t2\t3\n", ARC_EFORMAT},
                 {"1\t99999999999999999999\n", ARC_EFORMAT},
                 {"1\t2", ARC_OK},
                 {"1 2\r\n\n3\t4\r\n", ARC_OK},
                 {"1\t2\0\n", ARC_OK}};
    for (size_t i = 0; i < ARC_COUNT(cases); i++) {
        arc_record_index index;
        arc_error err = {0};
        assert_int_equal(arc_record_index_parse(&index, &arc_alloc_libc, cases[i].text, strlen(cases[i].text), "some.idx", &err),
                         cases[i].st);
        if (cases[i].st != ARC_OK)
            assert_non_null(strstr(err.text, "some.idx"));
        arc_record_index_free(&index);
    }
}

static arc_status write_bin(const arc_alloc *a, int pairs, arc_error *err) {
    uint8_t bytes[320], same[1001];
    arc_bin_writer *w;
    arc_status st = arc_bin_writer_open(&w, a, in_folder("x.bin"), (size_t)pairs, err);
    for (int i = 0; st == ARC_OK && i < 2 * pairs; i++) {
        const int n = 2 + i % 3 + (i == 5 || i == 6) * 300;
        for (int j = 0; j < n; j++)
            bytes[j] = (uint8_t)((i * 7 + j) % 251);
        same[i / 2] = i / 2 % 3 == 0;
        st = arc_bin_writer_put(w, bytes, (size_t)n, err);
    }
    if (st == ARC_OK)
        return arc_bin_writer_commit(&w, same, err);
    arc_bin_writer_abort(&w);
    return st;
}

static void bins_as_python_pickles(void **state) {
    (void)state;
    static const int pairs[] = {1, 2, 700, 1001};
    for (size_t i = 0; i < ARC_COUNT(pairs); i++) {
        char path[256];
        const char *made = in_folder("x.bin");
        assert_int_equal(write_bin(&arc_alloc_libc, pairs[i], NULL), ARC_OK);
        snprintf(path, sizeof path, ARC_SOURCE_DIR "/tests/golden/data/bins/%d.bin", pairs[i]);
        arc_map a = open_map(path), b = open_map(made);
        assert_int_equal(a.bytes, b.bytes);
        assert_memory_equal(a.data, b.data, a.bytes);
        arc_map_close(&a);
        arc_map_close(&b);
        arc_verification_bin bin;
        assert_int_equal(arc_verification_bin_open(&bin, &arc_alloc_libc, made, NULL), ARC_OK);
        assert_int_equal(bin.pairs, pairs[i]);
        arc_verification_bin_close(&bin);
        unlink(made);
    }
    /* Too few or too many images are refused, and nothing is left behind. */
    const char *path = in_folder("x.bin");
    uint8_t same[2] = {1, 0};
    arc_bin_writer *w;
    assert_int_equal(arc_bin_writer_open(&w, &arc_alloc_libc, path, 1, NULL), ARC_OK);
    assert_int_equal(arc_bin_writer_put(w, "a", 1, NULL), ARC_OK);
    assert_int_equal(arc_bin_writer_commit(&w, same, NULL), ARC_EINVAL);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(arc_bin_writer_open(&w, &arc_alloc_libc, path, 1, NULL), ARC_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(arc_bin_writer_put(w, "a", 1, NULL), i < 2 ? ARC_OK : ARC_EINVAL);
    arc_bin_writer_abort(&w);
}

static void failing_memory(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    const arc_alloc a = arc_test_heap_alloc(&heap);
    arc_map map = open_map(GOLDEN "identities.rec");
    arc_test_walk walk = {.heap = &heap};
    arc_status st;
    do {
        arc_record_index index;
        arc_record_scan scan = {0};
        arc_test_walk_begin(&walk);
        st = write_set(&a, IDENTITY_SET, NULL);
        if (st == ARC_OK)
            st = arc_record_index_scan(&index, &a, map.data, map.bytes, "x", &scan, NULL);
        if (st == ARC_OK)
            arc_record_index_free(&index);
        if (st == ARC_OK)
            st = write_bin(&a, 3, NULL);
    } while (arc_test_walk_again(&walk, st));
    assert_true(walk.failures >= 10);
    arc_map_close(&map);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_as_mxnet_does), cmocka_unit_test(read_back),   cmocka_unit_test(scanned),
        cmocka_unit_test(keys_without_ids),      cmocka_unit_test(bad_indexes), cmocka_unit_test(bins_as_python_pickles),
        cmocka_unit_test(failing_memory),
    };
    return cmocka_run_group_tests_name("recordio", tests, NULL, NULL);
}
