/* The one door to files: read-only mappings, the atomic writer, folder listing. Every error names the path and the system's reason. */
#include "base/base.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WRITER_BUFFER_BYTES ((size_t)1 << 18)

static arc_status fail_errno(arc_error *err, const char *what, const char *path) {
    int reason = errno;
    arc_status code = reason == ENOMEM ? ARC_ENOMEM : reason == ENOENT ? ARC_ENOTFOUND : ARC_EIO;
    char text[128];
    return arc_fail(err, code, "%s: cannot %s: %s", path, what, strerror_r(reason, text, sizeof text));
}

/* ---- mapping ---- */

static arc_status map_fd(arc_map *out, int fd, const char *path, size_t max_bytes, arc_error *err) {
    struct stat info;
    if (fstat(fd, &info) != 0)
        return fail_errno(err, "read", path);
    if (S_ISDIR(info.st_mode))
        return arc_fail(err, ARC_EIO, "%s: is a folder, a file is needed", path);
    if (!S_ISREG(info.st_mode))
        return arc_fail(err, ARC_EIO, "%s: not a regular file", path);
    if ((uint64_t)info.st_size > max_bytes)
        return arc_fail(err, ARC_ELIMIT, "%s: %lld bytes, more than the limit of %zu", path, (long long)info.st_size, max_bytes);
    if (info.st_size == 0)
        return ARC_OK;
    void *data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return fail_errno(err, "map", path);
    *out = (arc_map){data, (size_t)info.st_size, true};
    return ARC_OK;
}

arc_status arc_map_open(arc_map *out, const char *path, size_t max_bytes, arc_error *err) {
    static const uint8_t nothing[1];
    *out = (arc_map){nothing, 0, false};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(err, "open", path);
    arc_status st = map_fd(out, fd, path, max_bytes, err);
    close(fd);
    return st;
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
    begin = (begin + page - 1) & ~(page - 1); /* whole pages only: neighbours may still be in use */
    end &= ~(page - 1);
    if (begin < end)
        madvise((void *)begin, end - begin, MADV_DONTNEED);
}

/* ---- atomic writer ---- */

struct arc_writer {
    const arc_alloc *alloc;
    char *path, *temporary; /* temporary NULL: written in place (standard output, a device or a pipe) */
    uint8_t *buffer;
    size_t used;
    arc_buffer *memory; /* instead of a file; NULL = none */
    int fd;             /* -1 with memory */
    bool unsynced;
};

static void writer_free(arc_writer *w) {
    const arc_alloc *a = w->alloc;
    arc_mem_free(a, w->path);
    arc_mem_free(a, w->temporary);
    arc_mem_free(a, w->buffer);
    arc_mem_free(a, w);
}

/* A name beside the final one that nobody else has. Not mkstemp: its files are 0600 whatever the umask says. */
static arc_status open_temporary(arc_writer *w, arc_error *err) {
    size_t bytes = strlen(w->path) + 64;
    w->temporary = arc_mem_raw(w->alloc, bytes, 1);
    if (!w->temporary)
        return arc_fail_nomem(err, w->path);
    for (int attempt = 0; attempt < 16; attempt++) {
        snprintf(w->temporary, bytes, "%s.part-%ld-%llx", w->path, (long)getpid(), (unsigned long long)arc_clock_ns());
        w->fd = open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (w->fd >= 0)
            return ARC_OK;
        if (errno != EEXIST)
            break;
    }
    arc_status st = fail_errno(err, "write", w->path);
    arc_mem_free(w->alloc, w->temporary);
    w->temporary = NULL;
    return st;
}

static arc_status writer_open_fd(arc_writer *w, const char *path, arc_error *err) {
    struct stat info;
    if (strcmp(path, "-") == 0) {
        w->fd = dup(STDOUT_FILENO);
        return w->fd < 0 ? fail_errno(err, "write", "standard output") : ARC_OK;
    }
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) {
        if (S_ISDIR(info.st_mode))
            return arc_fail(err, ARC_EIO, "%s: is a folder, a file name is needed", path);
        w->fd = open(path, O_WRONLY | O_CLOEXEC); /* /dev/null, a named pipe: nothing to rename */
        return w->fd < 0 ? fail_errno(err, "write", path) : ARC_OK;
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
    while (bytes) {
        ssize_t n = write(w->fd, data, ARC_MIN(bytes, (size_t)1 << 30));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(err, "write", w->path);
        data += n;
        bytes -= (size_t)n;
    }
    return ARC_OK;
}

static arc_status writer_flush(arc_writer *w, arc_error *err) {
    arc_status st = write_all(w, w->buffer, w->used, err);
    w->used = 0;
    return st;
}

static arc_status put_memory(arc_writer *w, const void *data, size_t bytes, arc_error *err) {
    arc_status st = arc_buffer_put(w->memory, data, bytes);
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
        if (bytes > WRITER_BUFFER_BYTES)
            return write_all(w, data, bytes, err);
    }
    if (bytes)
        memcpy(w->buffer + w->used, data, bytes);
    w->used += bytes;
    return ARC_OK;
}

arc_status arc_writer_printf(arc_writer *w, arc_error *err, const char *fmt, ...) {
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int bytes = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *line = bytes >= 0 ? arc_mem_raw(w->alloc, (size_t)bytes + 1, 1) : NULL;
    arc_status st = line ? ARC_OK : arc_fail_nomem(err, w->path ? w->path : "memory writer");
    if (line) {
        vsnprintf(line, (size_t)bytes + 1, fmt, again);
        st = arc_writer_put(w, line, (size_t)bytes, err);
    }
    va_end(again);
    arc_mem_free(w->alloc, line);
    return st;
}

/* The rename is durable only once the folder that holds the name is synced too. */
static void sync_folder_of(const char *path) {
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t bytes = slash ? (size_t)(slash - path) : 0;
    if (bytes >= sizeof folder)
        return;
    memcpy(folder, path, bytes);
    folder[bytes] = 0;
    int fd = open(slash ? (bytes ? folder : "/") : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}

void arc_writer_unsynced(arc_writer *w) {
    w->unsynced = true;
}

arc_status arc_writer_commit(arc_writer **writer, arc_error *err) {
    arc_writer *w = *writer;
    *writer = NULL;
    if (w->memory) {
        writer_free(w);
        return ARC_OK;
    }
    arc_status st = writer_flush(w, err);
    if (st == ARC_OK && w->temporary && !w->unsynced && fsync(w->fd) != 0)
        st = fail_errno(err, "sync", w->path);
    if (close(w->fd) != 0 && st == ARC_OK)
        st = fail_errno(err, "write", w->path);
    if (w->temporary) {
        if (st == ARC_OK && rename(w->temporary, w->path) != 0)
            st = fail_errno(err, "rename to", w->path);
        if (st != ARC_OK)
            (void)unlink(w->temporary);
        else if (!w->unsynced)
            sync_folder_of(w->path);
    }
    writer_free(w);
    return st;
}

void arc_writer_abort(arc_writer **writer) {
    if (!writer || !*writer)
        return;
    arc_writer *w = *writer;
    *writer = NULL;
    if (w->fd >= 0)
        close(w->fd);
    if (w->temporary)
        (void)unlink(w->temporary);
    writer_free(w);
}

/* ---- folders ---- */

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static arc_status names_add(arc_names *names, size_t *capacity, const char *name, const char *path, arc_error *err) {
    if (names->count == *capacity) {
        size_t more = ARC_MAX(*capacity * 2, (size_t)64);
        char **grown = arc_mem_grow(names->arena.alloc, names->name, *capacity, more, sizeof *grown);
        if (!grown)
            return arc_fail_nomem(err, path);
        names->name = grown;
        *capacity = more;
    }
    char *copy = arc_arena_strdup(&names->arena, name);
    if (!copy)
        return arc_fail_nomem(err, path);
    names->name[names->count++] = copy;
    return ARC_OK;
}

arc_status arc_dir_list(arc_names *out, const arc_alloc *a, const char *path, size_t max_count, arc_error *err) {
    *out = (arc_names){0};
    arc_arena_init(&out->arena, a, 0);
    DIR *dir = opendir(path);
    if (!dir)
        return fail_errno(err, "list", path);
    size_t capacity = 0;
    arc_status st = ARC_OK;
    struct dirent *entry;
    while (st == ARC_OK && (entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (out->count == max_count)
            st = arc_fail(err, ARC_ELIMIT, "%s: more than %zu entries", path, max_count);
        else
            st = names_add(out, &capacity, entry->d_name, path, err);
    }
    closedir(dir);
    if (st != ARC_OK) {
        arc_names_free(out);
        return st;
    }
    if (out->count)
        qsort(out->name, out->count, sizeof *out->name, compare_names);
    return ARC_OK;
}

void arc_names_free(arc_names *names) {
    if (names->arena.alloc)
        arc_mem_free(names->arena.alloc, names->name);
    names->name = NULL;
    names->count = 0;
    arc_arena_free(&names->arena);
}

arc_path_kind arc_path_kind_of(const char *path) {
    struct stat info;
    if (stat(path, &info) != 0)
        return ARC_PATH_NONE;
    return S_ISREG(info.st_mode) ? ARC_PATH_FILE : S_ISDIR(info.st_mode) ? ARC_PATH_DIR : ARC_PATH_OTHER;
}

arc_status arc_dir_make(const char *path, arc_error *err) {
    char part[PATH_MAX];
    size_t bytes = strlen(path);
    if (bytes == 0 || bytes >= sizeof part)
        return arc_fail(err, ARC_EINVAL, "'%s': not a usable folder name", path);
    memcpy(part, path, bytes + 1);
    for (size_t i = 1; i <= bytes; i++) {
        if (part[i] != '/' && part[i] != 0)
            continue;
        part[i] = 0;
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return fail_errno(err, "make the folder", part);
        part[i] = i < bytes ? '/' : 0;
    }
    return arc_path_kind_of(path) == ARC_PATH_DIR ? ARC_OK : arc_fail(err, ARC_EIO, "%s: exists and is not a folder", path);
}

uint64_t arc_clock_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
