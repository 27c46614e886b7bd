/* Part files: a download that grows under its own name, survives a broken connection and is renamed once it is complete and
 * verified. A lock keeps two programs from growing the same one. Also rename and removal, for whoever installs such a file. */
#include "base/base.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct arc_part {
    const arc_alloc *alloc;
    char *path;
    int fd;
};

static arc_status fail_errno(arc_error *err, const char *what, const char *path) {
    int reason = errno;
    char text[128];
    return arc_fail(err, reason == ENOENT ? ARC_ENOTFOUND : ARC_EIO, "%s: cannot %s: %s", path, what,
                    strerror_r(reason, text, sizeof text));
}

static arc_status open_locked(arc_part *part, int64_t *have_bytes, arc_error *err) {
    part->fd = open(part->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (part->fd < 0)
        return fail_errno(err, "write", part->path);
    if (flock(part->fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? arc_fail(err, ARC_EIO, "%s: another program is writing it; wait for that one", part->path)
                                    : fail_errno(err, "lock", part->path);
    struct stat info;
    if (fstat(part->fd, &info) != 0)
        return fail_errno(err, "read", part->path);
    if (!S_ISREG(info.st_mode))
        return arc_fail(err, ARC_EIO, "%s: not a regular file", part->path);
    *have_bytes = (int64_t)info.st_size;
    return ARC_OK;
}

arc_status arc_part_open(arc_part **out, const arc_alloc *a, const char *path, int64_t *have_bytes, arc_error *err) {
    *out = NULL;
    *have_bytes = 0;
    arc_part *part = arc_mem_new(a, 1, sizeof *part);
    if (!part)
        return arc_fail_nomem(err, path);
    *part = (arc_part){a, arc_mem_strdup(a, path), -1};
    arc_status st = part->path ? open_locked(part, have_bytes, err) : arc_fail_nomem(err, path);
    if (st != ARC_OK)
        (void)arc_part_close(&part, NULL);
    *out = part;
    return st;
}

arc_status arc_part_put(arc_part *part, const void *data, size_t bytes, arc_error *err) {
    const uint8_t *from = data;
    while (bytes) {
        ssize_t n = write(part->fd, from, ARC_MIN(bytes, (size_t)1 << 30));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(err, "write", part->path);
        from += n;
        bytes -= (size_t)n;
    }
    return ARC_OK;
}

arc_status arc_part_restart(arc_part *part, arc_error *err) {
    return ftruncate(part->fd, 0) == 0 ? ARC_OK : fail_errno(err, "write", part->path);
}

arc_status arc_part_close(arc_part **part_, arc_error *err) {
    arc_part *part = *part_;
    *part_ = NULL;
    if (!part)
        return ARC_OK;
    arc_status st = ARC_OK;
    if (part->fd >= 0) {
        if (fsync(part->fd) != 0)
            st = fail_errno(err, "sync", part->path);
        if (close(part->fd) != 0 && st == ARC_OK)
            st = fail_errno(err, "write", part->path);
    }
    arc_mem_free(part->alloc, part->path);
    arc_mem_free(part->alloc, part);
    return st;
}

arc_status arc_path_rename(const char *from, const char *to, arc_error *err) {
    return rename(from, to) == 0 ? ARC_OK : fail_errno(err, "rename to its final name", from);
}

arc_status arc_path_remove(const char *path, arc_error *err) {
    return unlink(path) == 0 || errno == ENOENT ? ARC_OK : fail_errno(err, "remove", path);
}
