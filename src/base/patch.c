/* base: files that are changed in place. */
#include "base/patch.h"
#include "base/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

struct arc_patch {
    const arc_alloc *alloc;
    char *path;
    int fd;
};

static arc_status open_locked(arc_patch *p, arc_error *err) {
    struct stat info;
    p->fd = arc_sys_open(p->path, O_RDWR | O_CLOEXEC | O_NONBLOCK, 0);
    if (p->fd < 0)
        return arc_fail_errno(err, "write", p->path);
    if (arc_sys_lock(p->fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? arc_fail(err, ARC_EIO, "%s: another program is writing it; wait for that one", p->path)
                                    : arc_fail_errno(err, "lock", p->path);
    if (arc_sys_fstat(p->fd, &info) != 0)
        return arc_fail_errno(err, "read", p->path);
    return S_ISREG(info.st_mode) ? ARC_OK : arc_fail(err, ARC_EIO, "%s: not a regular file", p->path);
}

arc_status arc_patch_open(arc_patch **out, const arc_alloc *a, const char *path, arc_error *err) {
    *out = NULL;
    arc_patch *p = arc_mem_new(a, 1, sizeof *p);
    if (!p)
        return arc_fail_nomem(err, path);
    *p = (arc_patch){.alloc = a, .path = arc_mem_strdup(a, path), .fd = -1};
    arc_status st = p->path ? open_locked(p, err) : arc_fail_nomem(err, path);
    if (st != ARC_OK)
        (void)arc_patch_close(&p, NULL);
    *out = p;
    return st;
}

arc_status arc_patch_read(arc_patch *p, void *data, size_t bytes, arc_error *err) {
    uint8_t *to = data;
    while (bytes) {
        const ssize_t n = arc_sys_read(p->fd, to, bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return arc_fail_errno(err, "read", p->path);
        if (n == 0)
            return arc_fail(err, ARC_EIO, "%s: shorter than it should be", p->path);
        to += n;
        bytes -= (size_t)n;
    }
    return ARC_OK;
}

arc_status arc_patch_write(arc_patch *p, const void *data, size_t bytes, uint64_t at, arc_error *err) {
    const uint8_t *from = data;
    while (bytes) {
        const ssize_t n = arc_sys_write_at(p->fd, from, ARC_MIN(bytes, (size_t)1 << 30), (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = ENOSPC; /* the call returned 0 and set no errno */
        if (n <= 0)
            return arc_fail_errno(err, "write", p->path);
        from += n;
        at += (uint64_t)n;
        bytes -= (size_t)n;
    }
    return ARC_OK;
}

arc_status arc_patch_grow(arc_patch *p, uint64_t bytes, arc_error *err) {
    struct stat info;
    if (arc_sys_fstat(p->fd, &info) != 0)
        return arc_fail_errno(err, "read", p->path);
    if ((uint64_t)info.st_size < bytes && arc_sys_truncate(p->fd, (off_t)bytes) != 0)
        return arc_fail_errno(err, "write", p->path);
    return ARC_OK;
}

arc_status arc_patch_sync(arc_patch *p, arc_error *err) {
    return arc_sys_sync(p->fd) == 0 ? ARC_OK : arc_fail_errno(err, "sync", p->path);
}

arc_status arc_patch_close(arc_patch **p_, arc_error *err) {
    arc_patch *p = *p_;
    *p_ = NULL;
    if (!p)
        return ARC_OK;
    arc_status st = ARC_OK;
    if (p->fd >= 0 && arc_sys_close(p->fd) != 0) /* releases the lock as well */
        st = arc_fail_errno(err, "write", p->path);
    arc_mem_free(p->alloc, p->path);
    arc_mem_free(p->alloc, p);
    return st;
}
