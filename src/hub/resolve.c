/* hub: from the argument of --model to a file: a path is used as it is; "buffalo_s" is the pack's file for the task;
 * "buffalo_l:det_10g" is that member. */
#include "hub/hub_internal.h"
#include <stdio.h>
#include <string.h>

static arc_status give(const char *found, char *path, size_t path_bytes, arc_error *err) {
    int n = snprintf(path, path_bytes, "%s", found);
    if (n >= 0 && (size_t)n < path_bytes)
        return ARC_OK;
    if (path_bytes)
        path[0] = 0;
    return arc_fail(err, ARC_ELIMIT, "%s: the caller's buffer of %zu bytes is too short for this path", found, path_bytes);
}

/* The models of a folder as "det_10g, w600k_r50", for messages. */
static void list_models(const char *folder, char *text, size_t text_bytes) {
    arc_names names;
    size_t at = 0;
    text[0] = 0;
    if (arc_dir_list(&names, &arc_alloc_libc, folder, 4 * ARC_HUB_MAX_FILES, NULL) != ARC_OK)
        return;
    for (size_t i = 0; i < names.count; i++) {
        size_t n = strlen(names.name[i]);
        if (n <= 5 || strcmp(names.name[i] + n - 5, ".onnx") != 0 || at + n + 2 >= text_bytes)
            continue;
        at += (size_t)snprintf(text + at, text_bytes - at, "%s%.*s", at ? ", " : "", (int)(n - 5), names.name[i]);
    }
    arc_names_free(&names);
}

static arc_status not_there(const arc_hub_pack *pack, const char *file, const char *folder, arc_error *err) {
    char there[200];
    const char *name = pack->entry->name;
    list_models(folder, there, sizeof there);
    if (!there[0])
        return arc_fail(err, ARC_ENOTFOUND, "%s is not on this machine yet; type: arcface pull %s", name, name);
    return arc_fail(err, ARC_ENOTFOUND, "%s has no %s; it has: %s (write %s:MODEL)", name, file, there, name);
}

arc_status arc_hub_resolve_in(const arc_hub_pack *pack, const char *member, arc_task task, const char *folder, char *path,
                              size_t path_bytes, arc_error *err) {
    char found[ARC_HUB_PATH_BYTES];
    const char *file = member, *suffix = "";
    size_t n = member ? strlen(member) : 0;
    if (member) {
        if (!*member || strchr(member, '/') || member[0] == '.')
            return arc_fail(err, ARC_EINVAL, "'%s:%s': a model of the pack is named like %s:NAME", pack->entry->name, member,
                            pack->entry->name);
        suffix = n > 5 && strcmp(member + n - 5, ".onnx") == 0 ? "" : ".onnx";
    } else {
        const arc_hub_member *m = arc_hub_member_find(pack, NULL, task);
        if (!m)
            return not_there(pack, task == ARC_TASK_DETECT ? "detector" : "recogniser", folder, err);
        file = m->file;
    }
    arc_status st = arc_hub_join(found, folder, file, suffix, err);
    if (st != ARC_OK)
        return st;
    return arc_path_kind_of(found) == ARC_PATH_FILE ? give(found, path, path_bytes, err) : not_there(pack, file, folder, err);
}

static arc_status resolve_entry(const arc_hub_entry *entry, const char *member, arc_task task, const char *cache_dir, char *path,
                                size_t path_bytes, arc_error *err) {
    char root[ARC_HUB_PATH_BYTES], folder[ARC_HUB_PATH_BYTES];
    arc_hub_pack pack = {.entry = entry};
    pack.member = arc_hub_members(&pack.members);
    arc_status st = arc_cache_root(cache_dir, root, sizeof root, err);
    if (st == ARC_OK)
        st = arc_hub_join(folder, root, entry->name, "", err);
    return st == ARC_OK ? arc_hub_resolve_in(&pack, member, task, folder, path, path_bytes, err) : st;
}

arc_status arc_hub_resolve(const char *path_or_name, arc_task task, const char *cache_dir, char *path, size_t path_bytes,
                           arc_error *err) {
    char name[ARC_HUB_NAME_BYTES];
    const arc_hub_entry *entry = NULL;
    if (path_bytes)
        path[0] = 0;
    if (arc_path_kind_of(path_or_name) != ARC_PATH_NONE)
        return give(path_or_name, path, path_bytes, err);
    size_t n = strcspn(path_or_name, ":");
    const char *member = path_or_name[n] ? path_or_name + n + 1 : NULL;
    if (n && n < sizeof name) {
        memcpy(name, path_or_name, n);
        name[n] = 0;
        entry = arc_hub_find(name);
    }
    if (!entry)
        return arc_fail(err, ARC_ENOTFOUND, "%s: no such file, and not a known model (arcface pull --list shows them)",
                        path_or_name);
    return resolve_entry(entry, member, task, cache_dir, path, path_bytes, err);
}

const char *arc_hub_pulled(arc_task task, const char *cache_dir) {
    char path[ARC_HUB_PATH_BYTES];
    size_t count;
    const arc_hub_entry *entry = arc_hub_list(&count);
    for (size_t i = 0; i < count; i++)
        if (resolve_entry(&entry[i], NULL, task, cache_dir, path, sizeof path, NULL) == ARC_OK)
            return entry[i].name;
    return NULL;
}
