/* base's files when system calls fail: every one in turn, writes come back short, the disk is full. What must hold is said in
 * base/file.h. */
#include "base/digest.h"
#include "file_support.h"
#include <fcntl.h>

/* ---- the writer ------------------------------------------------------------------------------------------------------------ */

static void writer_leaves_the_old_file_or_the_new_one(void **state) {
    (void)state;
    static const int reason[] = {EIO, ENOSPC, EROFS};
    const char *path = in_folder("file");
    long walked = 0;
    for (size_t k = 0; k < 2 * ARC_COUNT(reason); k++) {
        for (long n = 1;; n++) {
            arc_error err = {0};
            put_old(path);
            arc_faults_begin((arc_faults){.at = n, .on = k % 2, .reason = reason[k / 2]});
            const arc_status st = write_new(path, &err);
            if (arc_faults_end() < n) {
                assert_int_equal(st, ARC_OK);
                assert_true(holds(path, new_bytes, NEW_BYTES));
                break;
            }
            assert_true(n < MOST_CALLS);
            walked++;
            const bool renamed = strstr(err.text, "the folder of") != NULL;
            assert_true(st == ARC_OK ? strcmp(arc_faults_call(), "close") == 0 : st == ARC_EIO && strstr(err.text, path));
            assert_true(st == ARC_OK || renamed ? holds(path, new_bytes, NEW_BYTES) : holds(path, old_bytes, sizeof old_bytes));
            if (k % 2 == 0)
                assert_int_equal(entries_of(test_folder()), 1); /* no trace; where nothing works any more, none can be removed */
            else
                test_empty_folder(NULL);
        }
    }
    assert_true(walked >= 6 * 9); /* open, three writes, sync, close, rename, open and sync of the folder */
    arc_path_remove(path, NULL);
}

static void first_files_are_whole_or_not_there(void **state) {
    (void)state;
    const char *path = in_folder("first");
    for (long n = 1;; n++) {
        arc_error err = {0};
        arc_faults_begin((arc_faults){.at = n, .reason = EIO});
        const arc_status st = arc_file_save(libc, path, new_bytes, NEW_BYTES, &err);
        if (arc_faults_end() < n)
            break;
        const bool renamed = strstr(err.text, "the folder of") != NULL;
        assert_true(st == ARC_OK || renamed ? holds(path, new_bytes, NEW_BYTES) : arc_path_kind_of(path) == ARC_PATH_NONE);
        assert_int_equal(arc_path_remove(path, NULL), ARC_OK);
    }
    assert_int_equal(arc_path_remove(path, NULL), ARC_OK);
}

static void short_writes_are_gone_on_with(void **state) {
    (void)state;
    static const size_t most[] = {1, 4096, 99991};
    const char *path = in_folder("short");
    for (size_t i = 0; i < ARC_COUNT(most); i++) {
        const size_t bytes = most[i] == 1 ? 3000 : NEW_BYTES;
        arc_faults_begin((arc_faults){.most_bytes = most[i]});
        const arc_status st = arc_file_save(libc, path, new_bytes, bytes, NULL);
        assert_true(arc_faults_end() > (long)(bytes / most[i]));
        assert_int_equal(st, ARC_OK);
        assert_true(holds(path, new_bytes, bytes));
    }
    arc_writer *w = NULL;
    assert_int_equal(arc_writer_open(&w, libc, path, NULL), ARC_OK);
    assert_int_equal(arc_writer_put(w, old_bytes, sizeof old_bytes, NULL), ARC_OK);
    arc_faults_begin((arc_faults){.at = 1, .reason = EINTR}); /* a write that was interrupted is done again */
    assert_int_equal(arc_writer_commit(&w, NULL), ARC_OK);
    assert_string_equal(arc_faults_call(), "write");
    arc_faults_end();
    assert_true(holds(path, old_bytes, sizeof old_bytes));
    arc_path_remove(path, NULL);
}

/* Whoever overlooks that a put failed does not get half a file. */
static void a_broken_writer_does_not_commit(void **state) {
    (void)state;
    arc_error err;
    arc_writer *w = NULL;
    const char *path = in_folder("broken");
    put_old(path);
    assert_int_equal(arc_writer_open(&w, libc, path, NULL), ARC_OK);
    arc_faults_begin((arc_faults){.at = 1, .reason = ENOSPC});
    assert_int_equal(arc_writer_put(w, new_bytes, NEW_BYTES, NULL), ARC_EIO);
    arc_faults_end();
    assert_int_equal(arc_writer_put(w, "more", 4, NULL), ARC_OK);
    assert_int_equal(arc_writer_commit(&w, &err), ARC_EIO);
    assert_non_null(strstr(err.text, path));
    assert_true(holds(path, old_bytes, sizeof old_bytes));
    arc_buffer small;
    arc_buffer_init(&small, libc, 8);
    assert_int_equal(arc_writer_open_memory(&w, libc, &small, NULL), ARC_OK);
    assert_int_equal(arc_writer_put(w, new_bytes, 9, NULL), ARC_ELIMIT);
    assert_int_equal(arc_writer_commit(&w, NULL), ARC_EIO);
    arc_buffer_free(&small);
    arc_path_remove(path, NULL);
}

/* ---- reading, listing, folders --------------------------------------------------------------------------------------------- */

static void reading_gives_all_or_an_error(void **state) {
    (void)state;
    const char *path = in_folder("read");
    char right[ARC_DIGEST_HEX_BYTES], hex[ARC_DIGEST_HEX_BYTES];
    assert_int_equal(arc_file_save(libc, path, new_bytes, NEW_BYTES, NULL), ARC_OK);
    assert_int_equal(arc_digest_file(path, right, NULL), ARC_OK);
    long failed = 0;
    for (long n = 1;; n++) {
        arc_faults_begin((arc_faults){.at = n, .reason = EIO});
        const arc_status st = arc_digest_file(path, hex, NULL);
        if (arc_faults_end() < n)
            break;
        failed += st == ARC_EIO;
        if (st == ARC_OK)
            assert_string_equal(hex, right);
    }
    assert_int_equal(failed, 3); /* open, fstat, map; nobody misses a close */
    arc_path_remove(path, NULL);
}

static void listings_are_whole_or_an_error(void **state) {
    (void)state;
    for (int i = 0; i < 5; i++) {
        char name[16];
        snprintf(name, sizeof name, "entry%d", i);
        put_old(in_folder(name));
    }
    long failed = 0;
    for (long n = 1;; n++) {
        arc_names names;
        arc_error err = {0};
        arc_faults_begin((arc_faults){.at = n, .reason = EIO});
        const arc_status st = arc_dir_list(&names, libc, test_folder(), 100, &err);
        const bool all = arc_faults_end() < n;
        if (st == ARC_OK)
            assert_int_equal(names.count, 5);
        else
            assert_non_null(strstr(err.text, test_folder()));
        failed += st != ARC_OK;
        arc_names_free(&names);
        if (all)
            break;
    }
    assert_int_equal(failed, 9); /* opendir, five names, two dots, the end */
    for (int i = 0; i < 5; i++) {
        char name[16];
        snprintf(name, sizeof name, "entry%d", i);
        assert_int_equal(arc_path_remove(in_folder(name), NULL), ARC_OK);
    }
}

static void folders_and_names_report_what_failed(void **state) {
    (void)state;
    arc_error err;
    const char *deep = in_folder("a/b/c/file");
    for (long n = 1;; n++) {
        arc_faults_begin((arc_faults){.at = n, .reason = ENOSPC});
        const arc_status st = arc_dir_make_for(deep, &err);
        if (arc_faults_end() < n) {
            assert_int_equal(st, ARC_OK);
            break;
        }
        assert_int_equal(st, ARC_EIO);
    }
    assert_int_equal(arc_path_kind_of(in_folder("a/b/c")), ARC_PATH_DIR);
    put_old(deep);
    arc_faults_begin((arc_faults){.at = 1, .on = true, .reason = EIO});
    assert_int_equal(arc_path_rename(deep, in_folder("a/b/c/other"), &err), ARC_EIO);
    assert_int_equal(arc_path_remove(deep, &err), ARC_EIO);
    arc_faults_end();
    assert_true(holds(deep, old_bytes, sizeof old_bytes));
    char part[32];
    assert_true(arc_path_folder("/a/b", part, sizeof part));
    assert_string_equal(part, "/a");
    assert_true(arc_path_folder("/a", part, sizeof part));
    assert_string_equal(part, "/");
    assert_true(arc_path_folder("a", part, sizeof part));
    assert_string_equal(part, ".");
    assert_false(arc_path_folder("/abc/d", part, 4));
    assert_string_equal(arc_path_name("/a/b.jpg"), "b.jpg");
    assert_string_equal(arc_path_name("b.jpg"), "b.jpg");
    test_empty_folder(NULL);
}

/* What is no file (a pipe here, a device elsewhere) is not mistaken for a file that is not there yet, to be replaced by one. */
static void pipes_stay_pipes(void **state) {
    (void)state;
    const char *path = in_folder("pipe");
    assert_int_equal(mkfifo(path, 0666), 0);
    const int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a pipe that is read can be opened for writing */
    assert_true(reader >= 0);
    for (long n = 1;; n++) {
        arc_writer *w = NULL;
        arc_faults_begin((arc_faults){.at = n, .reason = EIO});
        arc_status st = arc_writer_open(&w, libc, path, NULL);
        if (st == ARC_OK)
            st = arc_writer_put(w, "x", 1, NULL);
        st = arc_writer_finish(&w, st, NULL);
        const bool all = arc_faults_end() < n;
        assert_int_equal(arc_path_kind_of(path), ARC_PATH_OTHER);
        assert_true(all == (st == ARC_OK));
        if (all)
            break;
    }
    assert_int_equal(entries_of(test_folder()), 1);
    close(reader);
    arc_path_remove(path, NULL);
}

/* ---- files that grow ------------------------------------------------------------------------------------------------------- */

static void appends_are_whole_or_taken_back(void **state) {
    (void)state;
    const char *path = in_folder("log");
    for (int brief = 0; brief < 2; brief++) /* with short writes a later part of a put fails */
        for (long n = 1;; n++) {
            assert_true(n < MOST_CALLS);
            assert_int_equal(arc_path_remove(path, NULL), ARC_OK);
            assert_int_equal(append(path, new_bytes, 1000, NULL), ARC_OK);
            arc_faults_begin((arc_faults){.at = n, .reason = ENOSPC, .most_bytes = brief ? 100 : 0});
            const arc_status st = append(path, new_bytes + 1000, 1000, NULL);
            const bool all = arc_faults_end() < n;
            assert_true(holds(path, new_bytes, 1000) || (holds(path, new_bytes, 2000) && (all || st != ARC_OK)));
            assert_int_equal(append(path, new_bytes, 0, NULL), ARC_OK); /* no lock is left behind */
            if (all) {
                assert_int_equal(st, ARC_OK);
                break;
            }
            assert_int_equal(st, ARC_EIO);
        }
    arc_append *file = NULL, *second = NULL;
    arc_error err;
    int64_t have;
    assert_int_equal(arc_append_open(&file, libc, path, &have, NULL), ARC_OK);
    assert_int_equal(have, 2000);
    assert_int_equal(arc_append_open(&second, libc, path, &have, &err), ARC_EIO);
    assert_non_null(strstr(err.text, "another program"));
    arc_faults_begin((arc_faults){.at = 1, .reason = EIO});
    assert_int_equal(arc_append_restart(file, NULL), ARC_EIO);
    arc_faults_end();
    assert_int_equal(arc_append_restart(file, NULL), ARC_OK);
    assert_int_equal(arc_append_put(file, old_bytes, sizeof old_bytes, NULL), ARC_OK);
    assert_int_equal(arc_append_close(&file, NULL), ARC_OK);
    assert_true(holds(path, old_bytes, sizeof old_bytes));
    arc_path_remove(path, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writer_leaves_the_old_file_or_the_new_one),
        cmocka_unit_test(first_files_are_whole_or_not_there),
        cmocka_unit_test(short_writes_are_gone_on_with),
        cmocka_unit_test(a_broken_writer_does_not_commit),
        cmocka_unit_test(reading_gives_all_or_an_error),
        cmocka_unit_test(listings_are_whole_or_an_error),
        cmocka_unit_test(folders_and_names_report_what_failed),
        cmocka_unit_test(pipes_stay_pipes),
        cmocka_unit_test(appends_are_whole_or_taken_back),
    };
    return cmocka_run_group_tests(tests, fill_new_bytes, NULL);
}
