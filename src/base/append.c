/* base: files that grow. A download then survives a broken connection, and a log survives the end of the program. A lock
 * prevents two programs from growing the same file. */
#include "base/file.h"
#include "base/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

struct arc_append {
    const arc_alloc *alloc;
    char *path;
    int fd;
    int64_t bytes; /* what was there before, and complete puts */
};

static arc_status open_locked(arc_append *file, int64_t *have_bytes, arc_error *err) {
    file->fd = arc_sys_open(file->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (file->fd < 0)
        return arc_fail_errno(err, "write", file->path);
    if (arc_sys_lock(file->fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? arc_fail(err, ARC_EIO, "%s: another program is writing it; wait for that one", file->path)
                                    : arc_fail_errno(err, "lock", file->path);
    struct stat info;
    if (arc_sys_fstat(file->fd, &info) != 0)
        return arc_fail_errno(err, "read", file->path);
    if (!S_ISREG(info.st_mode))
        return arc_fail(err, ARC_EIO, "%s: not a regular file", file->path);
    *have_bytes = file->bytes = (int64_t)info.st_size;
    return ARC_OK;
}

arc_status arc_append_open(arc_append **out, const arc_alloc *a, const char *path, int64_t *have_bytes, arc_error *err) {
    *out = NULL;
    *have_bytes = 0;
    arc_append *file = arc_mem_new(a, 1, sizeof *file);
    if (!file)
        return arc_fail_nomem(err, path);
    *file = (arc_append){.alloc = a, .path = arc_mem_strdup(a, path), .fd = -1};
    arc_status st = file->path ? open_locked(file, have_bytes, err) : arc_fail_nomem(err, path);
    if (st != ARC_OK)
        (void)arc_append_close(&file, NULL);
    *out = file;
    return st;
}

arc_status arc_append_put(arc_append *file, const void *data, size_t bytes, arc_error *err) {
    if (arc_sys_write_all(file->fd, data, bytes) == 0) {
        file->bytes += (int64_t)bytes;
        return ARC_OK;
    }
    const arc_status st = arc_fail_errno(err, "write", file->path);
    (void)arc_sys_truncate(file->fd, (off_t)file->bytes); /* removes a partly written put, if the disk allows that */
    return st;
}

arc_status arc_append_restart(arc_append *file, arc_error *err) {
    if (arc_sys_truncate(file->fd, 0) != 0)
        return arc_fail_errno(err, "write", file->path);
    file->bytes = 0;
    return ARC_OK;
}

arc_status arc_append_close(arc_append **file_, arc_error *err) {
    arc_append *file = *file_;
    *file_ = NULL;
    if (!file)
        return ARC_OK;
    arc_status st = ARC_OK;
    if (file->fd >= 0) {
        if (arc_sys_sync(file->fd) != 0)
            st = arc_fail_errno(err, "sync", file->path);
        if (arc_sys_close(file->fd) != 0 && st == ARC_OK)
            st = arc_fail_errno(err, "write", file->path);
    }
    arc_mem_free(file->alloc, file->path);
    arc_mem_free(file->alloc, file);
    return st;
}
