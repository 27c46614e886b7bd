/* base: the names in a folder of any size, sorted, with memory for some of them. Each pass over the folder keeps the smallest
 * names behind the last one of the pass before, in a heap whose largest name makes room for a smaller one. */
#include "base/file.h"
#include "base/sys.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct arc_listing {
    const arc_alloc *alloc;
    char *path, *last; /* last: the last name of the pass before; NULL in the first pass */
    char **name;
    size_t most, count, capacity, at;
    bool more; /* this pass left names out */
};

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void forget_names(arc_listing *l) {
    for (size_t i = 0; i < l->count; i++)
        arc_mem_free(l->alloc, l->name[i]);
    l->count = l->at = 0;
}

static void swap(char **a, char **b) {
    char *kept = *a;
    *a = *b;
    *b = kept;
}

/* The largest name is the first: name[i] is not smaller than name[2i + 1] and name[2i + 2]. */
static void sink(char **name, size_t count) {
    for (size_t i = 0, child; (child = 2 * i + 1) < count; i = child) {
        if (child + 1 < count && strcmp(name[child], name[child + 1]) < 0)
            child++;
        if (strcmp(name[i], name[child]) >= 0)
            return;
        swap(&name[i], &name[child]);
    }
}

static void rise(char **name, size_t i) {
    for (; i > 0 && strcmp(name[(i - 1) / 2], name[i]) < 0; i = (i - 1) / 2)
        swap(&name[(i - 1) / 2], &name[i]);
}

static bool keep(arc_listing *l, const char *name) {
    if (l->count == l->capacity) {
        const size_t more = ARC_MIN(ARC_MAX(2 * l->capacity, (size_t)64), l->most);
        char **grown = arc_mem_grow(l->alloc, l->name, l->capacity, more, sizeof *grown);
        if (!grown)
            return false;
        l->name = grown;
        l->capacity = more;
    }
    l->name[l->count] = arc_mem_strdup(l->alloc, name);
    if (!l->name[l->count])
        return false;
    rise(l->name, l->count++);
    return true;
}

/* Into the heap, if it is among the smallest that are left. */
static bool take(arc_listing *l, const char *name) {
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || (l->last && strcmp(name, l->last) <= 0))
        return true;
    if (l->count < l->most)
        return keep(l, name);
    l->more = true;
    if (strcmp(name, l->name[0]) >= 0)
        return true;
    char *copy = arc_mem_strdup(l->alloc, name);
    if (!copy)
        return false;
    arc_mem_free(l->alloc, l->name[0]);
    l->name[0] = copy;
    sink(l->name, l->count);
    return true;
}

static arc_status read_folder(arc_listing *l, arc_error *err) {
    DIR *dir = arc_sys_opendir(l->path);
    if (!dir)
        return arc_fail_errno(err, "list", l->path);
    arc_status st = ARC_OK;
    struct dirent *entry;
    l->more = false;
    while (st == ARC_OK && (entry = arc_sys_readdir(dir)))
        if (!take(l, entry->d_name))
            st = arc_fail_nomem(err, l->path);
    if (st == ARC_OK && errno != 0) /* without this check an incomplete listing would look complete */
        st = arc_fail_errno(err, "list", l->path);
    closedir(dir);
    if (st == ARC_OK && l->count)
        qsort(l->name, l->count, sizeof *l->name, compare_names);
    return st;
}

arc_status arc_listing_open(arc_listing **out, const arc_alloc *a, const char *path, size_t most, arc_error *err) {
    arc_listing *l = *out = arc_mem_new(a, 1, sizeof *l);
    if (!l)
        return arc_fail_nomem(err, path);
    *l = (arc_listing){.alloc = a, .most = ARC_MAX(most, (size_t)1)};
    l->path = arc_mem_strdup(a, path);
    const arc_status st = l->path ? read_folder(l, err) : arc_fail_nomem(err, path);
    if (st != ARC_OK)
        arc_listing_close(out);
    return st;
}

arc_status arc_listing_next(arc_listing *l, const char **name, arc_error *err) {
    *name = NULL;
    if (l->at == l->count && l->more) {
        arc_mem_free(l->alloc, l->last);
        l->last = l->name[--l->count];
        forget_names(l);
        const arc_status st = read_folder(l, err);
        if (st != ARC_OK) {
            l->more = false;
            forget_names(l);
            return st;
        }
    }
    if (l->at < l->count)
        *name = l->name[l->at++];
    return ARC_OK;
}

void arc_listing_close(arc_listing **listing) {
    if (!listing || !*listing)
        return;
    arc_listing *l = *listing;
    forget_names(l);
    arc_mem_free(l->alloc, l->name);
    arc_mem_free(l->alloc, l->last);
    arc_mem_free(l->alloc, l->path);
    arc_mem_free(l->alloc, l);
    *listing = NULL;
}
