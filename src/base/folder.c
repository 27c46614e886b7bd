/* base: folders: sorted listings, making and removing folders. */
#include "base/file.h"
#include "base/paths.h"
#include "base/sys.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
    DIR *dir = arc_sys_opendir(path);
    if (!dir)
        return arc_fail_errno(err, "list", path);
    size_t capacity = 0;
    arc_status st = ARC_OK;
    struct dirent *entry;
    while (st == ARC_OK && (entry = arc_sys_readdir(dir))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (out->count == max_count)
            st = arc_fail(err, ARC_ELIMIT, "%s: more than %zu entries", path, max_count);
        else
            st = names_add(out, &capacity, entry->d_name, path, err);
    }
    if (st == ARC_OK && errno != 0) /* without this check an incomplete listing would look complete */
        st = arc_fail_errno(err, "list", path);
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

arc_status arc_dir_make(const char *path, arc_error *err) {
    char part[ARC_PATH_BYTES];
    size_t bytes = strlen(path);
    if (bytes == 0 || bytes >= sizeof part)
        return arc_fail(err, ARC_EINVAL, "'%s': not a usable folder name", path);
    memcpy(part, path, bytes + 1);
    for (size_t i = 1; i <= bytes; i++) {
        if (part[i] != '/' && part[i] != 0)
            continue;
        part[i] = 0;
        if (arc_sys_mkdir(part, 0777) != 0 && errno != EEXIST)
            return arc_fail_errno(err, "make the folder", part);
        part[i] = i < bytes ? '/' : 0;
    }
    return arc_path_kind_of(path) == ARC_PATH_DIR ? ARC_OK : arc_fail(err, ARC_EIO, "%s: exists and is not a folder", path);
}

arc_status arc_dir_remove(const char *path, arc_error *err) {
    return arc_sys_rmdir(path) == 0 || errno == ENOENT ? ARC_OK : arc_fail_errno(err, "remove", path);
}

arc_status arc_dir_make_for(const char *path, arc_error *err) {
    char folder[ARC_PATH_BYTES];
    if (!arc_path_folder(path, folder, sizeof folder))
        return arc_fail(err, ARC_EINVAL, "'%.80s...': not a usable file name", path);
    return arc_dir_make(folder, err);
}
