/* base: what a path refers to, parts of paths, and the folders for models, plans and the program's own files. */
#include "base/paths.h"
#include "base/sys.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static arc_path_kind kind_in(const struct stat *info) {
    return S_ISREG(info->st_mode) ? ARC_PATH_FILE : S_ISDIR(info->st_mode) ? ARC_PATH_DIR : ARC_PATH_OTHER;
}

arc_path_kind arc_path_kind_of(const char *path) {
    struct stat info;
    return arc_sys_stat(path, &info) == 0 ? kind_in(&info) : ARC_PATH_NONE;
}

arc_status arc_path_look(const char *path, arc_path_kind *kind, arc_path_id *id, arc_error *err) {
    struct stat info;
    *kind = ARC_PATH_NONE;
    *id = (arc_path_id){0};
    if (arc_sys_stat(path, &info) != 0)
        return arc_fail_errno(err, "open", path);
    *kind = kind_in(&info);
    *id = (arc_path_id){(uint64_t)info.st_dev, (uint64_t)info.st_ino};
    return ARC_OK;
}

arc_status arc_path_rename(const char *from, const char *to, arc_error *err) {
    return arc_sys_rename(from, to) == 0 ? ARC_OK : arc_fail_errno(err, "rename to its final name", from);
}

arc_status arc_path_remove(const char *path, arc_error *err) {
    return arc_sys_unlink(path) == 0 || errno == ENOENT ? ARC_OK : arc_fail_errno(err, "remove", path);
}

arc_status arc_path_real(const char *path, char *real, size_t bytes, arc_error *err) {
    char found[PATH_MAX];
    if (!realpath(path, found))
        return arc_fail_errno(err, "find", path);
    if (strlen(found) >= bytes)
        return arc_fail(err, ARC_ELIMIT, "%s: its path is too long", path);
    memcpy(real, found, strlen(found) + 1);
    return ARC_OK;
}

bool arc_path_folder(const char *path, char *folder, size_t bytes) {
    const char *slash = strrchr(path, '/');
    const size_t n = !slash || slash == path ? 1 : (size_t)(slash - path);
    folder[0] = '\0';
    if (n >= bytes)
        return false;
    memcpy(folder, slash ? path : ".", n);
    folder[n] = '\0';
    return true;
}

const char *arc_path_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static const char *set_in(const char *variable) {
    const char *value = getenv(variable);
    return value && *value ? value : NULL;
}

arc_status arc_cache_root(const char *cache_dir, char *path, size_t path_bytes, arc_error *err) {
    const char *base = cache_dir && *cache_dir ? cache_dir : set_in("ARCFACE_CACHE"), *tail = "";
    if (!base && (base = set_in("XDG_CACHE_HOME")))
        tail = "/arcface";
    if (!base && (base = set_in("HOME")))
        tail = "/.cache/arcface";
    path[0] = 0;
    if (!base)
        return arc_fail(err, ARC_EINVAL,
                        "no cache folder: neither ARCFACE_CACHE nor HOME is set; set ARCFACE_CACHE to a folder for models");
    const int n = snprintf(path, path_bytes, "%s%s", base, tail);
    if (n < 0 || (size_t)n >= path_bytes) {
        path[0] = 0;
        return arc_fail(err, ARC_ELIMIT, "the cache folder's path is longer than %zu bytes", path_bytes - 1);
    }
    return ARC_OK;
}

void arc_program_folder(char *path, size_t bytes) {
    const ssize_t got = readlink("/proc/self/exe", path, bytes);
    path[got > 0 && (size_t)got < bytes ? got : 0] = '\0';
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
}
