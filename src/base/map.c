/* base: reads files, as mappings of the whole file. */
#include "base/file.h"
#include "base/patch.h"
#include "base/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static arc_status map_fd(arc_map *out, int fd, const char *path, size_t max_bytes, bool writable, arc_error *err) {
    struct stat info;
    if (arc_sys_fstat(fd, &info) != 0)
        return arc_fail_errno(err, "read", path);
    if (S_ISDIR(info.st_mode))
        return arc_fail(err, ARC_EIO, "%s: is a folder, a file is needed", path);
    if (!S_ISREG(info.st_mode))
        return arc_fail(err, ARC_EIO, "%s: not a regular file", path);
    if ((uint64_t)info.st_size > max_bytes)
        return arc_fail(err, ARC_ELIMIT, "%s: %lld bytes, more than the limit of %zu", path, (long long)info.st_size, max_bytes);
    if (info.st_size == 0)
        return ARC_OK;
    void *data = arc_sys_map(fd, (size_t)info.st_size, writable);
    if (!data)
        return arc_fail_errno(err, "map", path);
    *out = (arc_map){data, (size_t)info.st_size, true};
    return ARC_OK;
}

static arc_status open_and_map(arc_map *out, const char *path, int flags, size_t max_bytes, bool writable, arc_error *err) {
    static const uint8_t nothing[1];
    *out = (arc_map){nothing, 0, false};
    int fd =
        arc_sys_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags, 0); /* refuses a named pipe instead of waiting for it */
    if (fd < 0 && flags == O_NOFOLLOW && errno == ELOOP)
        return arc_fail(err, ARC_EIO, "%s: is a link, a file is needed", path);
    if (fd < 0)
        return arc_fail_errno(err, "open", path);
    arc_status st = map_fd(out, fd, path, max_bytes, writable, err);
    (void)arc_sys_close(fd);
    return st;
}

arc_status arc_map_open(arc_map *out, const char *path, size_t max_bytes, arc_error *err) {
    return open_and_map(out, path, 0, max_bytes, false, err);
}

arc_status arc_map_open_unlinked(arc_map *out, const char *path, size_t max_bytes, arc_error *err) {
    return open_and_map(out, path, O_NOFOLLOW, max_bytes, false, err);
}

arc_status arc_map_private(arc_map *out, const char *path, size_t max_bytes, arc_error *err) {
    return open_and_map(out, path, 0, max_bytes, true, err);
}

void arc_map_close(arc_map *map) {
    if (map->mapped)
        munmap((void *)(uintptr_t)map->data, map->bytes);
    *map = (arc_map){NULL, 0, false};
}

void arc_map_drop(const arc_map *map, const void *from, size_t bytes) {
    if (!map->mapped)
        return;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t base = (uintptr_t)map->data, begin = (uintptr_t)from, end = begin + bytes;
    if (begin < base || end > base + map->bytes)
        return;
    begin = (begin + page - 1) & ~(page - 1); /* complete pages only: neighbouring data may still be in use */
    end &= ~(page - 1);
    if (begin < end)
        madvise((void *)begin, end - begin, MADV_DONTNEED);
}
