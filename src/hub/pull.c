/* hub: one pull. If the files are installed and undamaged, nothing is done. Otherwise the file is fetched into a part file,
 * its SHA-256 is compared with the listed one (or with the one that the first pull recorded), and it is unpacked or renamed,
 * and recorded. */
#include "hub/hub_internal.h"
#include <stdio.h>
#include <string.h>

void arc_pull_options_default(arc_pull_options *opt) {
    *opt = (arc_pull_options){.struct_size = sizeof *opt};
}

static arc_status put_path(const char *folder, char *path, size_t path_bytes, arc_error *err) {
    if (!path)
        return ARC_OK;
    int n = snprintf(path, path_bytes, "%s", folder);
    if (n < 0 || (size_t)n >= path_bytes) {
        if (path_bytes)
            path[0] = 0;
        return arc_fail(err, ARC_ELIMIT, "%s: the caller's buffer of %zu bytes is too short for this path", folder, path_bytes);
    }
    return ARC_OK;
}

/* Whether every recorded file exists and has its hash. The archive itself is not stored and not checked. */
static arc_status verify_installed(const arc_hub_pack *pack, const arc_hub_record *record, const char *folder, arc_error *err) {
    size_t checked = 0;
    bool archive = arc_hub_is_archive(pack->entry);
    for (size_t i = 0; i < record->count; i++) {
        const char *file = record->line[i].file;
        char path[ARC_HUB_PATH_BYTES], hex[ARC_DIGEST_HEX_BYTES];
        if (archive && strcmp(file, pack->entry->file) == 0)
            continue;
        arc_status st = arc_hub_join(path, folder, file, "", err);
        if (st == ARC_OK)
            st = arc_digest_file(path, hex, err);
        if (st != ARC_OK)
            return st;
        if (strcmp(hex, record->line[i].hex) != 0)
            return arc_fail(err, ARC_ECORRUPT, "%s: SHA-256 is %s, recorded is %s; remove it and type: arcface pull %s", path,
                            hex, record->line[i].hex, pack->entry->name);
        checked++;
    }
    if (checked == 0)
        return arc_fail(err, ARC_ENOTFOUND, "%s: nothing is installed in %s; type: arcface pull %s", pack->entry->name, folder,
                        pack->entry->name);
    return ARC_OK;
}

/* Compares the hash of the fetched file with the listed or recorded one. A wrong file is removed, since continuing it cannot
 * help. */
static arc_status verify_part(const arc_hub_pack *pack, arc_hub_record *record, const char *part, arc_error *err) {
    const arc_hub_entry *entry = pack->entry;
    char hex[ARC_DIGEST_HEX_BYTES];
    arc_status st = arc_digest_file(part, hex, err);
    if (st != ARC_OK)
        return st;
    const char *expected = entry->sha256 ? entry->sha256 : arc_hub_record_find(record, entry->file);
    if (expected && strcmp(expected, hex) != 0) {
        (void)arc_path_remove(part, NULL);
        if (entry->sha256)
            return arc_fail(err, ARC_ECORRUPT, "%s: SHA-256 is %s, listed is %s; nothing was installed", entry->file, hex,
                            expected);
        return arc_fail(err, ARC_ECORRUPT,
                        "%s: SHA-256 is %s, at the first pull it was %s; nothing was installed. If the change is meant, remove "
                        "the SHA256SUMS "
                        "in the cache",
                        entry->file, hex, expected);
    }
    return arc_hub_record_set(record, entry->file, hex, err);
}

static arc_status install(const arc_alloc *a, const arc_hub_pack *pack, arc_hub_record *record, const char *folder,
                          const char *part, arc_error *err) {
    char final[ARC_HUB_PATH_BYTES];
    arc_status st = verify_part(pack, record, part, err);
    if (st != ARC_OK)
        return st;
    if (arc_hub_is_archive(pack->entry)) {
        st = arc_hub_unpack(pack, a, part, folder, record, err);
        if (st == ARC_ECORRUPT || st == ARC_OK)
            (void)arc_path_remove(part, NULL);
    } else {
        st = arc_hub_join(final, folder, pack->entry->file, "", err);
        if (st == ARC_OK)
            st = arc_path_rename(part, final, err);
    }
    return st == ARC_OK ? arc_hub_record_write(record, a, folder, err) : st;
}

static arc_status fetch_and_install(const arc_alloc *a, const arc_hub_pack *pack, const arc_pull_options *opt,
                                    arc_hub_record *record, const char *folder, arc_error *err) {
    char part[ARC_HUB_PATH_BYTES];
    arc_hub_transfer t = {a, pack->entry->name, pack->entry->bytes, opt->progress, opt->progress_ctx};
    arc_status st = arc_dir_make(folder, err);
    if (st == ARC_OK)
        st = arc_hub_join(part, folder, pack->entry->file, ".part", err);
    if (st == ARC_OK)
        st = arc_hub_fetch(&t, pack->entry, opt->from, part, err);
    return st == ARC_OK ? install(a, pack, record, folder, part, err) : st;
}

arc_status arc_hub_pull_pack(const arc_alloc *a, const arc_hub_pack *pack, const arc_pull_options *opt, char *path,
                             size_t path_bytes, arc_error *err) {
    char root[ARC_HUB_PATH_BYTES], folder[ARC_HUB_PATH_BYTES];
    if (path && path_bytes)
        path[0] = 0;
    arc_status st = arc_cache_root(opt->cache_dir, root, sizeof root, err);
    if (st == ARC_OK)
        st = arc_hub_join(folder, root, pack->entry->name, "", err);
    arc_hub_record *record = st == ARC_OK ? arc_mem_new(a, 1, sizeof *record) : NULL;
    if (st == ARC_OK && !record)
        st = arc_fail_nomem(err, pack->entry->name);
    if (st == ARC_OK)
        st = arc_hub_record_read(record, folder, err);
    if (st == ARC_OK && opt->verify_only)
        st = verify_installed(pack, record, folder, err);
    else if (st == ARC_OK && verify_installed(pack, record, folder, NULL) != ARC_OK)
        st = fetch_and_install(a, pack, opt, record, folder, err);
    arc_mem_free(a, record);
    return st == ARC_OK ? put_path(folder, path, path_bytes, err) : st;
}

arc_status arc_pull(arc_context *ctx, const char *name, const arc_pull_options *opt, char *path, size_t path_bytes,
                    arc_error *err) {
    arc_pull_options defaults;
    arc_pull_options_default(&defaults);
    arc_hub_pack pack = {.entry = arc_hub_find(name)};
    pack.member = arc_hub_members(&pack.members);
    if (path && path_bytes)
        path[0] = 0;
    if (ARC_CHECK_OPTIONS(arc_pull_options, opt, err) != ARC_OK)
        return ARC_EINVAL;
    if (!pack.entry) {
        return arc_fail(err, ARC_ENOTFOUND, "'%s' is not a known model; arcface pull --list shows them", name);
    }
    return arc_hub_pull_pack(&ctx->alloc, &pack, opt ? opt : &defaults, path, path_bytes, err);
}
