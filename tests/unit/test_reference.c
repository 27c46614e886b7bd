/* Reference pictures and embeddings: what is written is read back; files that contradict each other and names that lead elsewhere
 * are refused by name. */
#include "deploy/reference.h"
#include "folder.h"
#include "shared_context.h"
#include <arcface/file.h>
#include <math.h>
#include <string.h>

enum { COUNT = 3, DIM = 4, SIDE = 16 };

static const char *const names[COUNT] = {"0001", "two", "and three"};
static float embedding[COUNT * DIM];

static void save(void) {
    arc_image picture[COUNT];
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(arc_image_new(ctx, SIDE, SIDE, &picture[i], NULL), ARC_OK);
        for (int y = 0; y < SIDE; y++)
            memset(picture[i].data + y * picture[i].stride_bytes, 40 * i + y, 3 * SIDE);
        for (int k = 0; k < DIM; k++)
            embedding[i * DIM + k] = (float)(i - k) / 3;
    }
    arc_error err = {0};
    if (arc_reference_save(ctx, test_folder(), names, picture, embedding, COUNT, DIM, &err) != ARC_OK)
        fail_msg("%s", err.text);
    for (int i = 0; i < COUNT; i++)
        arc_image_free(ctx, &picture[i]);
}

static void test_round_trip(void **state) {
    (void)state;
    arc_reference r;
    arc_image picture;
    save();
    assert_int_equal(arc_reference_open(&r, &arc_alloc_libc, test_folder(), NULL), ARC_OK);
    assert_int_equal(r.count, COUNT);
    assert_int_equal(r.dim, DIM);
    assert_memory_equal(r.embedding, embedding, sizeof embedding);
    for (int i = 0; i < COUNT; i++) {
        assert_string_equal(r.name[i], names[i]);
        assert_int_equal(arc_reference_picture(ctx, &r, i, &picture, NULL), ARC_OK);
        assert_int_equal(picture.width_px, SIDE);
        assert_int_equal(picture.data[5 * picture.stride_bytes + 7], 40 * i + 5);
        arc_image_free(ctx, &picture);
    }
    arc_reference_close(&r);
    arc_reference_close(&r);
}

static void refused(arc_status code, const char *sentence) {
    arc_reference r;
    arc_error err = {0};
    assert_int_equal(arc_reference_open(&r, &arc_alloc_libc, test_folder(), &err), code);
    if (!strstr(err.text, sentence))
        fail_msg("\"%s\" is not in: %s", sentence, err.text);
    assert_null(r.name);
    assert_null(r.embedding);
}

static void test_refused_names(void **state) {
    (void)state;
    static const struct {
        const char *text, *sentence;
        arc_status code;
    } cases[] = {
        {"", "no names", ARC_ECORRUPT},
        {"0001\n\nand three\n", "line 2", ARC_ECORRUPT},
        {"0001\n../two\nthree\n", "line 2", ARC_ECORRUPT},
        {"0001\n.two\nthree\n", "line 2", ARC_ECORRUPT},
        {"0001\ntw\too\nthree\n", "line 2", ARC_ECORRUPT},
        {"0001\ntwo\n0001\n", "0001 stands twice", ARC_ECORRUPT},
        {"0001\ntwo\n", "float32 [3,4] where names.txt has 2 names", ARC_ECORRUPT},
    };
    save();
    for (size_t i = 0; i < ARC_COUNT(cases); i++) {
        assert_int_equal(arc_file_write(ctx, in_folder("names.txt"), cases[i].text, strlen(cases[i].text), NULL), ARC_OK);
        refused(cases[i].code, cases[i].sentence);
    }
    char longest[200];
    memset(longest, 'a', sizeof longest);
    assert_int_equal(arc_file_write(ctx, in_folder("names.txt"), longest, sizeof longest, NULL), ARC_OK);
    refused(ARC_ECORRUPT, "line 1");
    assert_int_equal(arc_file_write(ctx, in_folder("names.txt"), "a\r\nb\r\nc", 7, NULL), ARC_OK); /* of another system */
    arc_reference r;
    assert_int_equal(arc_reference_open(&r, &arc_alloc_libc, test_folder(), NULL), ARC_OK);
    assert_string_equal(r.name[1], "b");
    arc_reference_close(&r);
}

static void test_refused_embeddings(void **state) {
    (void)state;
    const int64_t flat[] = {COUNT * DIM}, shape[] = {COUNT, DIM};
    save();
    assert_int_equal(arc_npy_save(ctx, in_folder("embeddings.npy"), embedding, 1, flat, NULL), ARC_OK);
    refused(ARC_ECORRUPT, "float32 [3,F] is expected");
    embedding[2 * DIM + 1] = NAN;
    assert_int_equal(arc_npy_save(ctx, in_folder("embeddings.npy"), embedding, 2, shape, NULL), ARC_OK);
    refused(ARC_ECORRUPT, "and three has a number that is not finite");
    assert_int_equal(remove(in_folder("embeddings.npy")), 0);
    refused(ARC_ENOTFOUND, "embeddings.npy");
    assert_int_equal(remove(in_folder("names.txt")), 0);
    refused(ARC_ENOTFOUND, "names.txt");
}

static void test_failing_memory(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    const arc_alloc alloc = arc_test_heap_alloc(&heap);
    arc_test_walk walk = {.heap = &heap};
    arc_reference r;
    arc_status st;
    save();
    do {
        arc_test_walk_begin(&walk);
        st = arc_reference_open(&r, &alloc, test_folder(), NULL);
        arc_reference_close(&r);
    } while (arc_test_walk_again(&walk, st));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_refused_names),
        cmocka_unit_test(test_refused_embeddings),
        cmocka_unit_test(test_failing_memory),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
