/* base/store.h: a store that is written anew is the old or the new one, every damaged byte is found, and nothing is written that
 * could not be read back. */
#include "file_support.h"

static void stores_are_the_old_or_the_new_one(void **state) {
    (void)state;
    const char *path = in_folder("store");
    for (long n = 1;; n++) {
        arc_error err = {0};
        assert_int_equal(write_store(path, 1, NULL), ARC_OK);
        arc_faults_begin((arc_faults){.at = n, .reason = ENOSPC});
        const arc_status st = write_store(path, 2, &err);
        if (arc_faults_end() < n)
            break;
        const bool renamed = st == ARC_OK || strstr(err.text, "the folder of");
        assert_int_equal(read_store(path, renamed ? 2 : 1), ARC_OK);
        assert_int_equal(entries_of(test_folder()), 1);
    }
    for (long n = 1;; n++) {
        arc_faults_begin((arc_faults){.at = n, .reason = EIO});
        const arc_status st = read_store(path, 2);
        if (arc_faults_end() < n)
            break;
        assert_true(st == ARC_EIO || (st == ARC_OK && strcmp(arc_faults_call(), "close") == 0));
    }
    arc_test_heap heap = {0};
    const arc_alloc failing = arc_test_heap_alloc(&heap);
    arc_test_walk walk = {.heap = &heap};
    arc_status st;
    do {
        arc_store_file s;
        arc_test_walk_begin(&walk);
        st = arc_store_open(&s, &failing, &store_kind, path, NULL);
        if (st == ARC_OK)
            arc_store_close(&s);
    } while (arc_test_walk_again(&walk, st));
    assert_true(walk.failures > 1);
}

/* Every byte in turn, every bit of it at one place or another; and every length. */
static void damage_at_any_byte_is_found(void **state) {
    (void)state;
    const char *path = in_folder("store");
    arc_map map;
    assert_int_equal(write_store(path, 1, NULL), ARC_OK);
    assert_int_equal(arc_map_open(&map, path, 1 << 20, NULL), ARC_OK);
    uint8_t *copy = arc_mem_raw(libc, map.bytes, 1);
    long unseen = 0;
    for (size_t i = 0; i < map.bytes; i++) {
        arc_store_file s;
        memcpy(copy, map.data, map.bytes);
        copy[i] ^= (uint8_t)(1 << i % 8);
        arc_status st = arc_store_parse(&s, libc, &store_kind, copy, map.bytes, "damaged", NULL);
        if (st == ARC_OK)
            st = check_store(&s, 1);
        /* EFORMAT with both arrays there would be check_store's own: a wrong number that nobody noticed. */
        assert_true(st != ARC_EFORMAT || i < 8 || !arc_store_has(&s, "first") || !arc_store_has(&s, "second"));
        unseen += st == ARC_OK;
        arc_store_close(&s);
        assert_int_equal(arc_store_parse(&s, libc, &store_kind, copy, i, "cut", NULL) == ARC_OK, false);
        arc_store_close(&s);
    }
    assert_true(unseen > 0 && unseen < 2 * 64); /* the padding of two arrays */
    arc_mem_free(libc, copy);
    arc_map_close(&map);
    arc_path_remove(path, NULL);
}

static void stores_refuse_what_they_could_not_read_back(void **state) {
    (void)state;
    arc_error err;
    arc_store_writer *w = NULL;
    arc_store_file s;
    float out[8];
    const char *path = in_folder("store");
    char *text = arc_mem_raw(libc, ARC_STORE_MAX_TEXT + 2, 1);
    memset(text, 'x', ARC_STORE_MAX_TEXT + 1);
    text[ARC_STORE_MAX_TEXT + 1] = '\0';
    assert_int_equal(arc_store_create(&w, libc, &store_kind, path, text, &err), ARC_ELIMIT);
    assert_null(w);
    assert_int_equal(arc_store_create(&w, libc, &store_kind, path, "", &err), ARC_OK);
    text[ARC_STORE_MAX_NAME + 1] = '\0';
    assert_int_equal(arc_store_put(w, text, out, 0, &err), ARC_ELIMIT);
    arc_store_abort(&w);
    arc_mem_free(libc, text);
    assert_int_equal(write_store(path, 1, NULL), ARC_OK);
    const arc_store_kind other = {"OTHERONE", 3, "another store", "", ""}, newer = {"TESTKIND", 4, "a store", "", ""};
    assert_int_equal(arc_store_open(&s, libc, &other, path, &err), ARC_EFORMAT);
    assert_non_null(strstr(err.text, "another store"));
    assert_int_equal(arc_store_open(&s, libc, &newer, path, &err), ARC_EUNSUPPORTED);
    assert_int_equal(arc_store_open(&s, libc, &store_kind, path, NULL), ARC_OK);
    assert_int_equal(arc_store_get(&s, "third", FIRST, 0, FIRST, out, &err), ARC_EFORMAT);
    assert_non_null(strstr(err.text, store_kind.mismatch));
    assert_int_equal(arc_store_get(&s, "first", FIRST + 1, 0, FIRST, out, NULL), ARC_ESHAPE);
    assert_int_equal(arc_store_get(&s, "second", SECOND, 2000, 2, out, NULL), ARC_OK);
    assert_true(out[0] == 2000 && out[1] == 2001);
    arc_store_close(&s);
    arc_path_remove(path, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stores_are_the_old_or_the_new_one),
        cmocka_unit_test(damage_at_any_byte_is_found),
        cmocka_unit_test(stores_refuse_what_they_could_not_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
