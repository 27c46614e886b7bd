/* base/lock.h: locks keep other programs out until their holder ends, and no change that is made under one is lost. */
#include "base/lock.h"
#include "file_support.h"

typedef struct holder {
    const char *path;
    arc_lock_kind kind;
    int ready[2]; /* a pipe */
} holder;

static int hold(void *arg) {
    const holder *h = arg;
    arc_lock *lock = NULL;
    if (arc_lock_take(&lock, libc, h->path, h->kind, 0, NULL) != ARC_OK)
        return 1;
    if (write(h->ready[1], "x", 1) != 1)
        return 2;
    for (;;)
        pause();
}

static pid_t start_holder(holder *h, const char *path, arc_lock_kind kind) {
    char byte;
    h->path = path;
    h->kind = kind;
    assert_int_equal(pipe(h->ready), 0);
    const pid_t child = start(hold, h);
    assert_int_equal(read(h->ready[0], &byte, 1), 1);
    close(h->ready[0]);
    close(h->ready[1]);
    return child;
}

static arc_status try_lock(const char *path, arc_lock_kind kind, int64_t wait_ms) {
    arc_lock *lock = NULL;
    arc_error err = {0};
    const arc_status st = arc_lock_take(&lock, libc, path, kind, wait_ms, &err);
    assert_true((st == ARC_OK) == (lock != NULL));
    if (st != ARC_OK)
        assert_non_null(strstr(err.text, path));
    arc_lock_release(&lock);
    arc_lock_release(&lock);
    return st;
}

static void locks_exclude_other_programs(void **state) {
    (void)state;
    const char *paths[] = {in_folder("lock"), test_folder()}; /* a file of its own, and a folder */
    for (int i = 0; i < 2; i++) {
        holder h;
        pid_t child = start_holder(&h, paths[i], ARC_LOCK_EXCLUSIVE);
        assert_int_equal(try_lock(paths[i], ARC_LOCK_EXCLUSIVE, 0), ARC_EIO);
        assert_int_equal(try_lock(paths[i], ARC_LOCK_SHARED, 30), ARC_EIO);
        kill(child, SIGKILL); /* however its holder ends */
        assert_int_equal(status_of(child), -SIGKILL);
        assert_int_equal(try_lock(paths[i], ARC_LOCK_EXCLUSIVE, 0), ARC_OK);
        child = start_holder(&h, paths[i], ARC_LOCK_SHARED);
        assert_int_equal(try_lock(paths[i], ARC_LOCK_SHARED, 0), ARC_OK);
        assert_int_equal(try_lock(paths[i], ARC_LOCK_EXCLUSIVE, 0), ARC_EIO);
        kill(child, SIGKILL);
        assert_int_equal(status_of(child), -SIGKILL);
    }
    for (long n = 1;; n++) {
        arc_faults_begin((arc_faults){.at = n, .reason = EIO});
        const arc_status st = try_lock(paths[0], ARC_LOCK_EXCLUSIVE, 0);
        if (arc_faults_end() < n)
            break;
        assert_true(st == ARC_OK || st == ARC_EIO);
        assert_int_equal(try_lock(paths[0], ARC_LOCK_EXCLUSIVE, 0), ARC_OK);
    }
    for (long n = 1;; n++) { /* an interruption is no refusal */
        arc_faults_begin((arc_faults){.at = n, .reason = EINTR});
        const arc_status st = try_lock(paths[0], ARC_LOCK_EXCLUSIVE, 0);
        if (arc_faults_end() < n)
            break;
        assert_true(st == ARC_OK || strcmp(arc_faults_call(), "lock") != 0);
    }
    assert_int_equal(arc_path_remove(paths[0], NULL), ARC_OK);
}

enum { PROGRAMS = 4, TURNS = 25 };

/* Reads a number, adds one, writes it. */
static int count_up(void *arg) {
    (void)arg;
    for (int i = 0; i < TURNS; i++) {
        arc_lock *lock = NULL;
        int64_t number = 0;
        arc_map map;
        if (arc_lock_take(&lock, libc, in_folder("number.lock"), ARC_LOCK_EXCLUSIVE, 60000, NULL) != ARC_OK)
            return 1;
        if (arc_map_open(&map, in_folder("number"), 8, NULL) == ARC_OK)
            memcpy(&number, map.data, sizeof number);
        arc_map_close(&map);
        number++;
        if (arc_file_save(libc, in_folder("number"), &number, sizeof number, NULL) != ARC_OK)
            return 2;
        arc_lock_release(&lock);
    }
    return 0;
}

static void no_change_under_a_lock_is_lost(void **state) {
    (void)state;
    pid_t child[PROGRAMS];
    const int64_t all = PROGRAMS * TURNS;
    for (int i = 0; i < PROGRAMS; i++)
        child[i] = start(count_up, NULL);
    for (int i = 0; i < PROGRAMS; i++)
        assert_int_equal(status_of(child[i]), 0);
    assert_true(holds(in_folder("number"), &all, sizeof all));
    arc_path_remove(in_folder("number"), NULL);
    arc_path_remove(in_folder("number.lock"), NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(locks_exclude_other_programs),
        cmocka_unit_test(no_change_under_a_lock_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
