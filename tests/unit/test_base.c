/* base: the error text, memory arithmetic, arena limits, atomic files, mapping, the pool and the random stream. */
#include "base/base.h"
#include "base/text.h"
#include "folder.h"
#include "support.h"
#include <fcntl.h>
#include <locale.h>
#include <string.h>
#include <unistd.h>

static const arc_alloc *const libc = &arc_alloc_libc;

static void status_has_names_and_texts(void **state) {
    (void)state;
    assert_string_equal(arc_status_name(ARC_ENOMEM), "ENOMEM");
    assert_string_equal(arc_status_text(ARC_OK), "ok");
    assert_string_equal(arc_status_name((arc_status)999), "UNKNOWN");
}

static void fail_in_prefixes_the_old_text(void **state) {
    (void)state;
    arc_error err;
    assert_int_equal(arc_fail(&err, ARC_EFORMAT, "byte %d", 7), ARC_EFORMAT);
    assert_int_equal(arc_fail_in(&err, ARC_EFORMAT, "a.onnx"), ARC_EFORMAT);
    assert_string_equal(err.text, "a.onnx: byte 7");
    assert_int_equal(arc_fail(NULL, ARC_EIO, "no error wanted"), ARC_EIO);
}

static void long_error_texts_are_cut(void **state) {
    (void)state;
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    arc_error err;
    arc_fail(&err, ARC_EIO, "%s", text);
    assert_int_equal(strlen(err.text), ARC_ERROR_TEXT_BYTES - 1);
}

static void memory_refuses_overflow(void **state) {
    (void)state;
    assert_null(arc_mem_new(libc, SIZE_MAX / 2, 3));
    assert_null(arc_mem_raw(libc, SIZE_MAX, 1));
    void *p = arc_mem_new(libc, 0, 8);
    assert_non_null(p);
    arc_mem_free(libc, p);
    size_t out;
    assert_false(arc_mul_size(SIZE_MAX, 2, &out));
    assert_false(arc_add_size(SIZE_MAX, 1, &out));
}

static void grow_keeps_and_zeroes(void **state) {
    (void)state;
    int *p = arc_mem_new(libc, 2, sizeof *p);
    p[0] = 5, p[1] = 6;
    p = arc_mem_grow(libc, p, 2, 1000, sizeof *p);
    assert_int_equal(p[0], 5);
    assert_int_equal(p[1], 6);
    assert_int_equal(p[999], 0);
    arc_mem_free(libc, p);
}

static void arena_aligns_and_limits(void **state) {
    (void)state;
    arc_arena arena;
    arc_arena_init(&arena, libc, 1 << 20);
    for (int i = 1; i < 300; i++) {
        uint8_t *p = arc_arena_new(&arena, (size_t)i, 7);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % (i * 7 >= ARC_ALIGN ? ARC_ALIGN : 16), 0);
        for (int k = 0; k < i * 7; k++)
            assert_int_equal(p[k], 0);
        memset(p, 0xff, (size_t)i * 7);
    }
    assert_null(arc_arena_new(&arena, 1 << 20, 1));
    assert_null(arc_arena_new(&arena, SIZE_MAX, 2));
    assert_string_equal(arc_arena_printf(&arena, "%d-%s", 3, "x"), "3-x");
    arc_arena_free(&arena);
    arc_arena_free(&arena);
}

static void buffer_stops_at_its_maximum(void **state) {
    (void)state;
    arc_buffer b;
    arc_buffer_init(&b, libc, 10);
    assert_int_equal(arc_buffer_put(&b, "12345678", 8), ARC_OK);
    assert_int_equal(arc_buffer_put(&b, "123", 3), ARC_ELIMIT);
    assert_int_equal(b.bytes, 8);
    arc_buffer_free(&b);
}

static size_t entries(void) {
    arc_names names;
    assert_int_equal(arc_dir_list(&names, libc, test_folder(), 100, NULL), ARC_OK);
    size_t n = names.count;
    arc_names_free(&names);
    return n;
}

static void writer_is_atomic(void **state) {
    (void)state;
    arc_error err;
    arc_writer *w;
    assert_int_equal(arc_writer_open(&w, libc, in_folder("a.txt"), &err), ARC_OK);
    assert_int_equal(arc_writer_printf(w, &err, "hello %d\n", 1), ARC_OK);
    assert_int_equal(arc_path_kind_of(in_folder("a.txt")), ARC_PATH_NONE);
    assert_int_equal(arc_writer_commit(&w, &err), ARC_OK);
    assert_null(w);
    arc_map map;
    assert_int_equal(arc_map_open(&map, in_folder("a.txt"), 100, &err), ARC_OK);
    assert_int_equal(map.bytes, 8);
    assert_memory_equal(map.data, "hello 1\n", 8);
    arc_map_close(&map);

    assert_int_equal(arc_writer_open(&w, libc, in_folder("a.txt"), &err), ARC_OK);
    assert_int_equal(arc_writer_put(w, "gone", 4, &err), ARC_OK);
    arc_writer_abort(&w);
    assert_int_equal(entries(), 1);
    assert_int_equal(arc_map_open(&map, in_folder("a.txt"), 100, &err), ARC_OK);
    assert_int_equal(map.bytes, 8); /* the old one stands */
    arc_map_close(&map);
}

static void writer_reports_a_full_disk(void **state) {
    (void)state;
    arc_error err;
    arc_writer *w;
    if (arc_path_kind_of("/dev/full") == ARC_PATH_NONE)
        skip();
    assert_int_equal(arc_writer_open(&w, libc, "/dev/full", &err), ARC_OK);
    assert_int_equal(arc_writer_put(w, "x", 1, &err), ARC_OK);
    assert_int_equal(arc_writer_commit(&w, &err), ARC_EIO);
    assert_non_null(strstr(err.text, "/dev/full"));
}

static void bad_paths_are_named(void **state) {
    (void)state;
    arc_error err;
    arc_map map;
    assert_int_equal(arc_map_open(&map, "/nonexistent/file", 100, &err), ARC_ENOTFOUND);
    assert_non_null(strstr(err.text, "/nonexistent/file"));
    assert_int_equal(arc_map_open(&map, test_folder(), 100, &err), ARC_EIO);
    arc_writer *w;
    assert_int_equal(arc_writer_open(&w, libc, "/nonexistent/file", &err), ARC_ENOTFOUND);
    assert_null(w);
    assert_int_equal(arc_writer_open(&w, libc, test_folder(), &err), ARC_EIO);
    arc_names names;
    assert_int_equal(arc_dir_list(&names, libc, "/nonexistent", 100, &err), ARC_ENOTFOUND);
}

static void map_refuses_what_is_too_large(void **state) {
    static const char line[] = "twenty letters long\n";
    (void)state;
    arc_error err;
    arc_map map;
    arc_writer *w;
    assert_int_equal(arc_writer_open(&w, libc, in_folder("big"), &err), ARC_OK);
    for (int i = 0; i < 600; i++)
        assert_int_equal(arc_writer_put(w, line, sizeof line, &err), ARC_OK);
    assert_int_equal(arc_writer_commit(&w, &err), ARC_OK);
    assert_int_equal(arc_map_open(&map, in_folder("big"), 100, &err), ARC_ELIMIT);
    assert_int_equal(arc_map_open(&map, in_folder("big"), 1 << 20, &err), ARC_OK);
    arc_map_drop(&map, map.data, map.bytes);
    assert_memory_equal(map.data, line, sizeof line); /* dropped pages come back */
    arc_map_close(&map);
    arc_map_close(&map);
}

static void folders_are_made_with_parents(void **state) {
    (void)state;
    arc_error err;
    assert_int_equal(arc_dir_make(in_folder("x/y/z"), &err), ARC_OK);
    assert_int_equal(arc_dir_make(in_folder("x/y/z"), &err), ARC_OK);
    assert_int_equal(arc_path_kind_of(in_folder("x/y/z")), ARC_PATH_DIR);
    arc_writer *w;
    assert_int_equal(arc_writer_open(&w, libc, in_folder("file"), &err), ARC_OK);
    assert_int_equal(arc_writer_commit(&w, &err), ARC_OK);
    assert_int_equal(arc_dir_make(in_folder("file/b"), &err), ARC_EIO);
    assert_int_equal(arc_dir_remove(in_folder("x/y"), &err), ARC_EIO); /* z is in it */
    assert_int_equal(arc_dir_remove(in_folder("x/y/z"), &err), ARC_OK);
    assert_int_equal(arc_dir_remove(in_folder("x/y/z"), &err), ARC_OK);
}

typedef struct tally {
    int hits[1000];
} tally;

static void count_tile(void *arg, size_t begin, size_t end, int thread) {
    (void)thread;
    for (size_t i = begin; i < end; i++)
        __atomic_fetch_add(&((tally *)arg)->hits[i], 1, __ATOMIC_RELAXED);
}

static void pool_runs_each_tile_once(void **state) {
    (void)state;
    for (int threads = 1; threads <= 16; threads += 3) {
        arc_pool *pool;
        assert_int_equal(arc_pool_new(&pool, libc, threads, NULL), ARC_OK);
        for (size_t count = 0; count < 1000; count += 37) {
            for (size_t grain = 0; grain < 5; grain += 2) {
                tally t = {{0}};
                arc_pool_run(pool, count, grain, count_tile, &t);
                for (size_t i = 0; i < 1000; i++)
                    assert_int_equal(t.hits[i], i < count);
            }
        }
        arc_pool_free(&pool);
        assert_null(pool);
    }
}

/* Sets a locale with a decimal comma, made for these tests in their folder; false where the machine cannot make one. */
static bool decimal_comma(void) {
    static int made = -1;
    char command[3 * TEST_PATH_BYTES];
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s >%s 2>&1", in_folder("de_DE.UTF-8"),
             in_folder("localedef.log"));
    if (made < 0)
        made = setenv("LOCPATH", test_folder(), 1) == 0 && system(command) == 0;
    return made && setlocale(LC_ALL, "de_DE.UTF-8") && strcmp(localeconv()->decimal_point, ",") == 0;
}

static void numbers_are_decimal_text(void **state) {
    (void)state;
    const char *end, *const text[] = {"127.5,", "-1e-3", "+0.25x", "0x0", "-0x1F", "", ",5", "1,5"};
    const double want[] = {127.5, -1e-3, 0.25, 0, 0, 0, 0, 1};
    const size_t read[] = {5, 5, 5, 1, 2, 0, 0, 1};
    char back[32];
    (void)decimal_comma(); /* where the machine has one */
    for (size_t i = 0; i < ARC_COUNT(text); i++) {
        assert_true(arc_number_read(text[i], &end) == want[i]);
        assert_int_equal(end - text[i], read[i]);
    }
    assert_int_equal(arc_number_write(back, sizeof back, (double)0.1f), 11);
    assert_string_equal(back, "0.100000001");
    assert_true((float)arc_number_read(back, &end) == 0.1f);
    setlocale(LC_ALL, "C");
}

static void files_have_decimal_points_in_every_locale(void **state) {
    (void)state;
    arc_arena arena;
    arc_buffer buffer;
    arc_writer *w = NULL;
    arc_map map;
    if (!decimal_comma())
        skip();
    arc_arena_init(&arena, libc, 0);
    arc_buffer_init(&buffer, libc, 100);
    assert_string_equal(arc_arena_printf(&arena, "%.2f", 1.5), "1.50");
    assert_int_equal(arc_buffer_printf(&buffer, "%.2f", 2.5), ARC_OK);
    assert_string_equal((const char *)buffer.data, "2.50");
    assert_int_equal(arc_writer_open(&w, libc, in_folder("numbers.txt"), NULL), ARC_OK);
    assert_int_equal(arc_writer_printf(w, NULL, "%.3f\n", 3.5), ARC_OK);
    assert_int_equal(arc_writer_commit(&w, NULL), ARC_OK);
    setlocale(LC_ALL, "C");
    assert_int_equal(arc_map_open(&map, in_folder("numbers.txt"), 100, NULL), ARC_OK);
    assert_int_equal(map.bytes, 6);
    assert_memory_equal(map.data, "3.500\n", 6);
    arc_map_close(&map);
    arc_buffer_free(&buffer);
    arc_arena_free(&arena);
}

static void describe(arc_text *t) {
    char many[2000];
    memset(many, 'x', sizeof many - 1);
    many[sizeof many - 1] = '\0';
    arc_text_add(t, "{\"a\": %.2f, ", 1.5);
    arc_text_numbers(t, "b", (const double[]){0.1, 2}, 2);
    arc_text_add(t, ", \"c\": ");
    arc_text_quote(t, "q\"\\\x01\xc3\xa9\xff\xed\xa0\x80");
    arc_text_add(t, ", \"d\": \"%s\", \"e\": %s}", many, arc_text_bool(true));
}

static void text_is_json_in_every_locale(void **state) {
    (void)state;
    const char *const head = "{\"a\": 1.50, \"b\": [0.10000000000000001, 2], \"c\": \"q\\\"\\\\\\u0001\xc3\xa9\xef\xbf\xbd"
                             "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\", \"d\": \"xxx";
    arc_text t;
    arc_test_heap heap = {0};
    const arc_alloc alloc = arc_test_heap_alloc(&heap);
    arc_test_walk walk = {.heap = &heap};
    arc_status st;
    (void)decimal_comma(); /* where the machine has one */
    do {
        char *text = NULL;
        arc_error err = {0};
        arc_test_walk_begin(&walk);
        arc_text_begin(&t, &alloc);
        describe(&t);
        st = arc_text_end(&t, &text, &err);
        assert_int_equal(st == ARC_OK, text != NULL);
        if (text) {
            assert_int_equal(memcmp(text, head, strlen(head)), 0);
            assert_string_equal(text + strlen(text) - 14, "x\", \"e\": true}");
        }
        arc_mem_free(&alloc, text);
    } while (arc_test_walk_again(&walk, st));
    setlocale(LC_ALL, "C");
}

static void rng_is_the_same_everywhere(void **state) {
    (void)state;
    arc_rng a, b, other;
    arc_rng_seed(&a, 1, 2);
    arc_rng_seed(&b, 1, 2);
    arc_rng_seed(&other, 1, 3);
    int equal = 0;
    double sum = 0, squares = 0;
    for (int i = 0; i < 20000; i++) {
        float x = arc_rng_normal(&a), y = arc_rng_normal(&b);
        assert_true(x == y);
        equal += arc_rng_u32(&other) == arc_rng_u32(&a), (void)arc_rng_u32(&b);
        sum += x, squares += (double)x * x;
    }
    assert_true(equal < 3);
    assert_true(sum / 20000 > -0.03 && sum / 20000 < 0.03);
    assert_true(squares / 20000 > 0.96 && squares / 20000 < 1.04);
}

static void misspelt_words_have_near_ones(void **state) {
    (void)state;
    static const char *const known[] = {"seed", "speed", "size"};
    static const struct {
        const char *word, *nearest;
        int most;
    } cases[] = {{"sed", "seed", 2}, {"sede", "seed", 2}, {"spee", "speed", 1}, {"seeed", "seed", 2}, /* "speed" is as near */
                 {"sie", "size", 1}, {"zise", "size", 2}, {"zise", NULL, 1},    {"threads", NULL, 2},
                 {"", NULL, 3},      {"", "seed", 4}};
    for (size_t i = 0; i < ARC_COUNT(cases); i++) {
        const char *nearest = NULL;
        for (size_t k = 0; k < ARC_COUNT(known); k++)
            nearest = arc_nearer_word(cases[i].word, known[k], cases[i].most, nearest);
        if (cases[i].nearest ? !nearest || strcmp(nearest, cases[i].nearest) != 0 : nearest != NULL)
            fail_msg("\"%s\" is near \"%s\"", cases[i].word, nearest ? nearest : "nothing");
    }
    char longest[42] = "";
    memset(longest, 'a', 40);
    assert_ptr_equal(arc_nearer_word(longest, longest, 2, NULL), longest);
    longest[40] = 'a';
    assert_null(arc_nearer_word(longest, longest, 2, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_has_names_and_texts),
        cmocka_unit_test(fail_in_prefixes_the_old_text),
        cmocka_unit_test(long_error_texts_are_cut),
        cmocka_unit_test(misspelt_words_have_near_ones),
        cmocka_unit_test(memory_refuses_overflow),
        cmocka_unit_test(grow_keeps_and_zeroes),
        cmocka_unit_test(arena_aligns_and_limits),
        cmocka_unit_test(buffer_stops_at_its_maximum),
        cmocka_unit_test(writer_is_atomic),
        cmocka_unit_test(writer_reports_a_full_disk),
        cmocka_unit_test(bad_paths_are_named),
        cmocka_unit_test(map_refuses_what_is_too_large),
        cmocka_unit_test(folders_are_made_with_parents),
        cmocka_unit_test(pool_runs_each_tile_once),
        cmocka_unit_test(rng_is_the_same_everywhere),
        cmocka_unit_test(numbers_are_decimal_text),
        cmocka_unit_test(text_is_json_in_every_locale),
        cmocka_unit_test(files_have_decimal_points_in_every_locale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
