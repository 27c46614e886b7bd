/* base: writes files: under a temporary name beside the final one, synced, then renamed to it. */
#include "base/clock.h"
#include "base/file.h"
#include "base/number.h"
#include "base/paths.h"
#include "base/sys.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WRITER_BUFFER_BYTES ((size_t)1 << 18)

struct arc_writer {
    const arc_alloc *alloc;
    char *path, *temporary; /* temporary NULL: written directly (standard output, a device or a pipe) */
    uint8_t *buffer;
    size_t used;
    bool flushed;       /* a part of what was put is in the file */
    arc_buffer *memory; /* written to instead of a file; NULL: a file */
    int fd;             /* -1 with memory */
    bool unsynced;
    bool broken; /* a put failed, so data are missing */
};

static void writer_free(arc_writer *w) {
    const arc_alloc *a = w->alloc;
    arc_mem_free(a, w->path);
    arc_mem_free(a, w->temporary);
    arc_mem_free(a, w->buffer);
    arc_mem_free(a, w);
}

/* A temporary name beside the final one that nobody else uses. Not mkstemp, because its files have mode 0600 whatever the
 * umask. */
static arc_status open_temporary(arc_writer *w, arc_error *err) {
    size_t bytes = strlen(w->path) + 64;
    w->temporary = arc_mem_raw(w->alloc, bytes, 1);
    if (!w->temporary)
        return arc_fail_nomem(err, w->path);
    for (int attempt = 0; attempt < 16; attempt++) {
        snprintf(w->temporary, bytes, "%s.part-%ld-%llx", w->path, (long)getpid(), (unsigned long long)arc_clock_ns());
        w->fd = arc_sys_open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (w->fd >= 0)
            return ARC_OK;
        if (errno != EEXIST)
            break;
    }
    arc_status st = arc_fail_errno(err, "write", w->path);
    arc_mem_free(w->alloc, w->temporary);
    w->temporary = NULL;
    return st;
}

static arc_status writer_open_fd(arc_writer *w, const char *path, arc_error *err) {
    struct stat info;
    if (strcmp(path, "-") == 0) {
        w->fd = dup(STDOUT_FILENO);
        return w->fd < 0 ? arc_fail_errno(err, "write", "standard output") : ARC_OK;
    }
    const bool there = arc_sys_stat(path, &info) == 0;
    if (!there && errno != ENOENT) /* it may be a device, which must not be replaced */
        return arc_fail_errno(err, "write", path);
    if (there && !S_ISREG(info.st_mode)) {
        if (S_ISDIR(info.st_mode))
            return arc_fail(err, ARC_EIO, "%s: is a folder, a file name is needed", path);
        w->fd = arc_sys_open(path, O_WRONLY | O_CLOEXEC, 0); /* /dev/null or a named pipe: no renaming */
        return w->fd < 0 ? arc_fail_errno(err, "write", path) : ARC_OK;
    }
    return open_temporary(w, err);
}

arc_status arc_writer_open(arc_writer **out, const arc_alloc *a, const char *path, arc_error *err) {
    *out = NULL;
    arc_writer *w = arc_mem_new(a, 1, sizeof *w);
    if (!w)
        return arc_fail_nomem(err, path);
    w->alloc = a;
    w->fd = -1;
    w->path = arc_mem_strdup(a, strcmp(path, "-") == 0 ? "standard output" : path);
    w->buffer = arc_mem_raw(a, WRITER_BUFFER_BYTES, 1);
    arc_status st = w->path && w->buffer ? writer_open_fd(w, path, err) : arc_fail_nomem(err, path);
    if (st != ARC_OK) {
        writer_free(w);
        return st;
    }
    *out = w;
    return ARC_OK;
}

arc_status arc_writer_open_memory(arc_writer **out, const arc_alloc *a, arc_buffer *buffer, arc_error *err) {
    *out = arc_mem_new(a, 1, sizeof **out);
    if (!*out)
        return arc_fail_nomem(err, "memory writer");
    **out = (arc_writer){.alloc = a, .memory = buffer, .fd = -1};
    return ARC_OK;
}

static arc_status write_all(arc_writer *w, const uint8_t *data, size_t bytes, arc_error *err) {
    if (arc_sys_write_all(w->fd, data, bytes) == 0)
        return ARC_OK;
    w->broken = true;
    return arc_fail_errno(err, "write", w->path);
}

static arc_status writer_flush(arc_writer *w, arc_error *err) {
    arc_status st = write_all(w, w->buffer, w->used, err);
    w->flushed |= w->used > 0;
    w->used = 0;
    return st;
}

static arc_status put_memory(arc_writer *w, const void *data, size_t bytes, arc_error *err) {
    arc_status st = arc_buffer_put(w->memory, data, bytes);
    w->broken |= st != ARC_OK;
    if (st == ARC_ENOMEM)
        return arc_fail_nomem(err, "memory writer");
    return st == ARC_OK ? ARC_OK : arc_fail(err, st, "more than %zu bytes written to memory, its limit", w->memory->max_bytes);
}

arc_status arc_writer_put(arc_writer *w, const void *data, size_t bytes, arc_error *err) {
    if (w->memory)
        return put_memory(w, data, bytes, err);
    if (bytes > WRITER_BUFFER_BYTES - w->used) {
        arc_status st = writer_flush(w, err);
        if (st != ARC_OK)
            return st;
        if (bytes > WRITER_BUFFER_BYTES) {
            w->flushed = true;
            return write_all(w, data, bytes, err);
        }
    }
    if (bytes)
        memcpy(w->buffer + w->used, data, bytes);
    w->used += bytes;
    return ARC_OK;
}

bool arc_writer_can_go_back(const arc_writer *w) {
    return w->temporary != NULL;
}

arc_status arc_writer_put_first(arc_writer *w, const void *data, size_t bytes, arc_error *err) {
    if (!w->flushed) {
        assert(bytes <= w->used);
        memcpy(w->buffer, data, bytes);
        return ARC_OK;
    }
    arc_status st = writer_flush(w, err); /* what is replaced may lie in the buffer's first bytes */
    for (size_t at = 0; st == ARC_OK && at < bytes;) {
        const ssize_t n = arc_sys_write_at(w->fd, (const uint8_t *)data + at, bytes - at, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = ENOSPC;
        if (n <= 0)
            st = arc_fail_errno(err, "write", w->path);
        at += n > 0 ? (size_t)n : 0;
    }
    w->broken |= st != ARC_OK;
    return st;
}

arc_status arc_writer_printf(arc_writer *w, arc_error *err, const char *fmt, ...) {
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    const int bytes = arc_number_print(NULL, 0, fmt, args);
    va_end(args);
    char *line = bytes >= 0 ? arc_mem_raw(w->alloc, (size_t)bytes + 1, 1) : NULL;
    arc_status st = line ? ARC_OK : arc_fail_nomem(err, w->path ? w->path : "memory writer");
    w->broken |= !line;
    if (line) {
        arc_number_print(line, (size_t)bytes + 1, fmt, again);
        st = arc_writer_put(w, line, (size_t)bytes, err);
    }
    va_end(again);
    arc_mem_free(w->alloc, line);
    return st;
}

/* The rename is only durable once the folder is synced too. Some file systems cannot do this, and some folders can be written
 * but not read; then there is nothing more to do. */
static arc_status sync_folder_of(const char *path, arc_error *err) {
    char folder[ARC_PATH_BYTES];
    if (!arc_path_folder(path, folder, sizeof folder))
        return ARC_OK;
    const int fd = arc_sys_open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return errno == EACCES || errno == EPERM ? ARC_OK : arc_fail_errno(err, "sync the folder of", path);
    const bool good = arc_sys_sync(fd) == 0 || errno == EINVAL || errno == ENOTSUP;
    const arc_status st = good ? ARC_OK : arc_fail_errno(err, "sync the folder of", path);
    (void)arc_sys_close(fd);
    return st;
}

void arc_writer_unsynced(arc_writer *w) {
    w->unsynced = true;
}

static arc_status incomplete(const arc_writer *w, arc_error *err) {
    return arc_fail(err, ARC_EIO, "%s: not written: an earlier part of it could not be", w->path ? w->path : "memory writer");
}

static arc_status commit_file(arc_writer *w, arc_error *err) {
    arc_status st = w->broken ? incomplete(w, err) : writer_flush(w, err);
    if (st == ARC_OK && w->temporary && !w->unsynced && arc_sys_sync(w->fd) != 0)
        st = arc_fail_errno(err, "sync", w->path);
    if (arc_sys_close(w->fd) != 0 && st == ARC_OK)
        st = arc_fail_errno(err, "write", w->path);
    if (!w->temporary)
        return st;
    if (st == ARC_OK && arc_sys_rename(w->temporary, w->path) != 0)
        st = arc_fail_errno(err, "rename to", w->path);
    if (st != ARC_OK)
        (void)arc_sys_unlink(w->temporary);
    else if (!w->unsynced)
        st = sync_folder_of(w->path, err);
    return st;
}

arc_status arc_writer_commit(arc_writer **writer, arc_error *err) {
    arc_writer *w = *writer;
    *writer = NULL;
    const arc_status st = !w->memory ? commit_file(w, err) : w->broken ? incomplete(w, err) : ARC_OK;
    writer_free(w);
    return st;
}

void arc_writer_abort(arc_writer **writer) {
    if (!writer || !*writer)
        return;
    arc_writer *w = *writer;
    *writer = NULL;
    if (w->fd >= 0)
        (void)arc_sys_close(w->fd);
    if (w->temporary)
        (void)arc_sys_unlink(w->temporary);
    writer_free(w);
}

arc_status arc_writer_finish(arc_writer **writer, arc_status st, arc_error *err) {
    if (st == ARC_OK && *writer)
        return arc_writer_commit(writer, err);
    arc_writer_abort(writer);
    return st;
}

arc_status arc_file_save(const arc_alloc *a, const char *path, const void *data, size_t bytes, arc_error *err) {
    arc_writer *w = NULL;
    arc_status st = arc_writer_open(&w, a, path, err);
    if (st == ARC_OK)
        st = arc_writer_put(w, data, bytes, err);
    return arc_writer_finish(&w, st, err);
}
