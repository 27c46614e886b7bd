/* base's files when the program is killed at any system call, the disk is full, or the folder may only be read. What must hold is
 * said in base/file.h, lock.h and store.h. */
#include "base/lock.h"
#include "file_support.h"
#include <sys/mount.h>
#include <sys/resource.h>

static int write_and_die(void *arg) {
    arc_faults_begin((arc_faults){.at = *(const long *)arg, .kill = true});
    const bool good = write_new(in_folder("killed"), NULL) == ARC_OK && write_store(in_folder("store"), 2, NULL) == ARC_OK &&
                      append(in_folder("log"), new_bytes + 100, 1000, NULL) == ARC_OK;
    return good ? 0 : 1;
}

static bool is_prefix(const char *path, size_t least, size_t most) {
    arc_map map;
    assert_int_equal(arc_map_open(&map, path, 1 << 20, NULL), ARC_OK);
    const bool good = map.bytes >= least && map.bytes <= most && memcmp(map.data, new_bytes, map.bytes) == 0;
    arc_map_close(&map);
    return good;
}

static void killed_at_any_call(void **state) {
    (void)state;
    for (long n = 1;; n++) {
        put_old(in_folder("killed"));
        assert_int_equal(write_store(in_folder("store"), 1, NULL), ARC_OK);
        arc_path_remove(in_folder("log"), NULL);
        assert_int_equal(append(in_folder("log"), new_bytes, 100, NULL), ARC_OK);
        const int status = status_of(start(write_and_die, &n));
        assert_true(holds(in_folder("killed"), old_bytes, sizeof old_bytes) || holds(in_folder("killed"), new_bytes, NEW_BYTES));
        assert_true(read_store(in_folder("store"), 1) == ARC_OK || read_store(in_folder("store"), 2) == ARC_OK);
        assert_true(is_prefix(in_folder("log"), 100, 1100));
        assert_int_equal(append(in_folder("log"), "", 0, NULL), ARC_OK); /* its lock went with it */
        if (status == 0)
            break;
        assert_int_equal(status, -SIGKILL);
        assert_true(n < MOST_CALLS);
    }
    assert_true(holds(in_folder("killed"), new_bytes, NEW_BYTES));
    assert_int_equal(read_store(in_folder("store"), 2), ARC_OK);
    test_empty_folder(NULL);
}

/* A file system of 256 KB where one may be mounted, otherwise files of at most that. */
static int fill_the_disk(void *arg) {
    const char *path = in_folder("full/file");
    arc_error err = {0};
    (void)arg;
    if (mkdir(in_folder("full"), 0777) != 0)
        return 1;
    const bool mounted = mount("none", in_folder("full"), "tmpfs", 0, "size=256k") == 0;
    if (!mounted) {
        signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &(struct rlimit){262144, 262144}) != 0)
            return 2;
    }
    int bad = 0;
    if (arc_file_save(libc, path, old_bytes, sizeof old_bytes, &err) != ARC_OK)
        bad = 3;
    else if (write_new(path, &err) != ARC_EIO || !strstr(err.text, path))
        bad = 4;
    else if (!holds(path, old_bytes, sizeof old_bytes) || entries_of(in_folder("full")) != 1)
        bad = 5;
    else if (append(in_folder("full/log"), new_bytes, 1000, NULL) != ARC_OK ||
             append(in_folder("full/log"), new_bytes + 1000, NEW_BYTES - 1000, NULL) != ARC_EIO)
        bad = 6;
    else if (!holds(in_folder("full/log"), new_bytes, 1000))
        bad = 7; /* what did not fit whole was taken back */
    if (mounted)
        (void)umount(in_folder("full"));
    return bad;
}

static void full_disks_keep_the_old_file(void **state) {
    (void)state;
    assert_int_equal(status_of(start(fill_the_disk, NULL)), 0);
}

/* As nobody: root may write anywhere. */
static int write_where_one_may_not(void *arg) {
    const char *path = in_folder("locked/file");
    arc_error err = {0};
    arc_lock *lock = NULL;
    (void)arg;
    if (geteuid() == 0 && setuid(65534) != 0)
        return 1;
    if (write_new(path, &err) != ARC_EIO || !strstr(err.text, path) || !holds(path, old_bytes, sizeof old_bytes))
        return 2;
    if (append(path, "x", 1, &err) != ARC_EIO || append(in_folder("locked/new"), "x", 1, &err) != ARC_EIO)
        return 3;
    if (arc_lock_take(&lock, libc, in_folder("locked/lock"), ARC_LOCK_EXCLUSIVE, 0, &err) != ARC_EIO)
        return 4;
    return arc_dir_make(in_folder("locked/more"), &err) == ARC_EIO ? 0 : 5;
}

static void read_only_folders_are_reported(void **state) {
    (void)state;
    assert_int_equal(mkdir(in_folder("locked"), 0777), 0);
    put_old(in_folder("locked/file"));
    assert_int_equal(chmod(in_folder("locked/file"), 0444), 0);
    assert_int_equal(chmod(in_folder("locked"), 0555), 0);
    assert_int_equal(chmod(test_folder(), 0755), 0);
    assert_int_equal(status_of(start(write_where_one_may_not, NULL)), 0);
    assert_int_equal(entries_of(in_folder("locked")), 1);
    assert_int_equal(chmod(in_folder("locked"), 0777), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_at_any_call),
        cmocka_unit_test(full_disks_keep_the_old_file),
        cmocka_unit_test(read_only_folders_are_reported),
    };
    return cmocka_run_group_tests(tests, fill_new_bytes, NULL);
}
