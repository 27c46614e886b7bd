/* base: locks with flock on a file of their own or on a folder. */
#include "base/lock.h"
#include "base/clock.h"
#include "base/paths.h"
#include "base/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>

#define LONGEST_NAP_NS 20000000 /* between two attempts to lock */

struct arc_lock {
    const arc_alloc *alloc;
    int fd;
};

static int open_for_lock(const char *path) {
    if (arc_path_kind_of(path) == ARC_PATH_DIR)
        return arc_sys_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    return arc_sys_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
}

/* Returns 0, or -1 with errno; EWOULDBLOCK if another holds the lock for longer than wait_ms. */
static int take(int fd, int operation, int64_t wait_ms) {
    const uint64_t begin = arc_clock_ns();
    for (long nap = 500000;; nap = ARC_MIN(nap * 2, (long)LONGEST_NAP_NS)) {
        if (arc_sys_lock(fd, operation | LOCK_NB) == 0)
            return 0;
        if (errno == EINTR)
            continue;
        if (errno != EWOULDBLOCK || (int64_t)((arc_clock_ns() - begin) / 1000000) >= wait_ms)
            return -1;
        (void)nanosleep(&(struct timespec){.tv_nsec = nap}, NULL);
    }
}

arc_status arc_lock_take(arc_lock **out, const arc_alloc *a, const char *path, arc_lock_kind kind, int64_t wait_ms,
                         arc_error *err) {
    *out = NULL;
    arc_lock *lock = arc_mem_new(a, 1, sizeof *lock);
    if (!lock)
        return arc_fail_nomem(err, path);
    *lock = (arc_lock){a, open_for_lock(path)};
    arc_status st = lock->fd >= 0 ? ARC_OK : arc_fail_errno(err, "open for locking", path);
    if (st == ARC_OK && take(lock->fd, kind == ARC_LOCK_SHARED ? LOCK_SH : LOCK_EX, wait_ms) != 0)
        st = errno == EWOULDBLOCK ? arc_fail(err, ARC_EIO, "%s: another program is using it; wait for that one", path)
                                  : arc_fail_errno(err, "lock", path);
    if (st != ARC_OK)
        arc_lock_release(&lock);
    *out = lock;
    return st;
}

void arc_lock_release(arc_lock **lock_) {
    arc_lock *lock = *lock_;
    *lock_ = NULL;
    if (!lock)
        return;
    if (lock->fd >= 0)
        (void)arc_sys_close(lock->fd); /* also releases the lock */
    arc_mem_free(lock->alloc, lock);
}
