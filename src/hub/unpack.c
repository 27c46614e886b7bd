/* hub: unpacks model packs (zip archives): the .onnx members are written into one folder, without subfolders. The whole
 * archive is read and checked before the first file gets its final name. Members whose names point outside the folder, too
 * many and too large members are refused. */
#include "hub/hub_internal.h"
#include <archive.h>
#include <archive_entry.h>
#include <string.h>

#define MAX_MODELS 16
#define CHUNK_BYTES ((size_t)1 << 18)

typedef struct unpacking {
    const arc_hub_pack *pack;
    const arc_alloc *alloc;
    const char *zip_path, *folder;
    arc_hub_record *record;
    arc_writer *writer[MAX_MODELS];
    char name[MAX_MODELS][ARC_HUB_NAME_BYTES];
    size_t models;
    uint8_t *chunk;
    arc_error *err;
} unpacking;

/* The last component of the member's path, or NULL with a reason in err if no valid pack has such a path. */
static const char *safe_name(unpacking *u, const char *path) {
    const char *name = path, *part = path;
    bool outside = path[0] == '/' || strchr(path, '\\') != NULL;
    while (part) {
        size_t bytes = strcspn(part, "/");
        outside |= bytes == 2 && part[0] == '.' && part[1] == '.';
        name = part;
        part = part[bytes] ? part + bytes + 1 : NULL;
    }
    if (!outside && strlen(name) < ARC_HUB_NAME_BYTES)
        return name;
    arc_fail(u->err, ARC_ECORRUPT, "%s: the member '%.100s' %s; nothing was installed", u->zip_path, path,
             outside ? "points outside the pack's folder" : "has too long a name");
    return NULL;
}

static bool is_model(const char *name) {
    size_t n = strlen(name);
    return n > 5 && name[0] != '.' && strcmp(name + n - 5, ".onnx") == 0;
}

static arc_status copy_member(unpacking *u, struct archive *zip, arc_writer *w, const char *name, char *hex) {
    arc_digest digest;
    arc_digest_begin(&digest);
    int64_t total = 0;
    for (;;) {
        la_ssize_t n = archive_read_data(zip, u->chunk, CHUNK_BYTES);
        if (n < 0)
            return arc_fail(u->err, ARC_ECORRUPT, "%s: member %s: %s; nothing was installed", u->zip_path, name,
                            archive_error_string(zip) ? archive_error_string(zip) : "damaged");
        if (n == 0)
            break;
        total += n;
        if (total > ARC_HUB_MAX_MEMBER_BYTES)
            return arc_fail(u->err, ARC_ELIMIT, "%s: member %s is larger than %lld bytes", u->zip_path, name,
                            (long long)ARC_HUB_MAX_MEMBER_BYTES);
        arc_digest_add(&digest, u->chunk, (size_t)n);
        arc_status st = arc_writer_put(w, u->chunk, (size_t)n, u->err);
        if (st != ARC_OK)
            return st;
    }
    arc_digest_end(&digest, hex);
    return ARC_OK;
}

static arc_status one_model(unpacking *u, struct archive *zip, const char *name) {
    for (size_t i = 0; i < u->models; i++)
        if (strcmp(u->name[i], name) == 0)
            return arc_fail(u->err, ARC_ECORRUPT, "%s: two members are called %s; nothing was installed", u->zip_path, name);
    if (u->models == MAX_MODELS)
        return arc_fail(u->err, ARC_ELIMIT, "%s: more than %d models in one pack", u->zip_path, MAX_MODELS);
    char path[ARC_HUB_PATH_BYTES], hex[ARC_DIGEST_HEX_BYTES];
    arc_status st = arc_hub_join(path, u->folder, name, "", u->err);
    if (st == ARC_OK)
        st = arc_writer_open(&u->writer[u->models], u->alloc, path, u->err);
    if (st != ARC_OK)
        return st;
    memcpy(u->name[u->models++], name, strlen(name) + 1);
    st = copy_member(u, zip, u->writer[u->models - 1], name, hex);
    if (st != ARC_OK)
        return st;
    const arc_hub_member *listed = arc_hub_member_find(u->pack, name, ARC_TASK_UNKNOWN);
    const char *expected = listed && listed->sha256 ? listed->sha256 : arc_hub_record_find(u->record, name);
    if (expected && strcmp(expected, hex) != 0)
        return arc_fail(u->err, ARC_ECORRUPT, "%s: member %s has SHA-256 %s, %s is %s; nothing was installed", u->zip_path, name,
                        hex, listed && listed->sha256 ? "listed" : "recorded at the first pull", expected);
    return arc_hub_record_set(u->record, name, hex, u->err);
}

static arc_status all_models(unpacking *u, struct archive *zip) {
    struct archive_entry *entry;
    arc_status st = ARC_OK;
    for (;;) {
        int code = archive_read_next_header(zip, &entry);
        if (code == ARCHIVE_EOF)
            break;
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN)
            return arc_fail(u->err, ARC_ECORRUPT, "%s: not a usable zip archive: %s", u->zip_path,
                            archive_error_string(zip) ? archive_error_string(zip) : "damaged");
        const char *path = archive_entry_pathname(entry), *name;
        if (!path || !(name = safe_name(u, path)))
            return path ? ARC_ECORRUPT : arc_fail(u->err, ARC_ECORRUPT, "%s: a member has no usable name", u->zip_path);
        if (archive_entry_filetype(entry) != AE_IFREG || !is_model(name))
            continue;
        st = one_model(u, zip, name);
        if (st != ARC_OK)
            return st;
    }
    for (size_t i = 0; i < u->pack->members; i++) {
        const arc_hub_member *m = &u->pack->member[i];
        bool ours = strcmp(m->pack, u->pack->entry->name) == 0, found = false;
        for (size_t k = 0; k < u->models && ours; k++)
            found |= strcmp(u->name[k], m->file) == 0;
        if (ours && !found)
            return arc_fail(u->err, ARC_ECORRUPT, "%s: the pack lacks %s; nothing was installed", u->zip_path, m->file);
    }
    return ARC_OK;
}

static arc_status read_zip(unpacking *u, const arc_map *map) {
    struct archive *zip = archive_read_new();
    if (!zip)
        return arc_fail_nomem(u->err, u->zip_path);
    arc_status st;
    if (archive_read_support_format_zip(zip) != ARCHIVE_OK || archive_read_open_memory(zip, map->data, map->bytes) != ARCHIVE_OK)
        st = arc_fail(u->err, ARC_ECORRUPT, "%s: not a zip archive: %s", u->zip_path,
                      archive_error_string(zip) ? archive_error_string(zip) : "unknown");
    else
        st = all_models(u, zip);
    archive_read_free(zip);
    return st;
}

arc_status arc_hub_unpack(const arc_hub_pack *pack, const arc_alloc *a, const char *zip_path, const char *folder,
                          arc_hub_record *record, arc_error *err) {
    unpacking u = {.pack = pack, .alloc = a, .zip_path = zip_path, .folder = folder, .record = record, .err = err};
    arc_map map;
    arc_status st = arc_map_open(&map, zip_path, (size_t)ARC_HUB_MAX_DOWNLOAD_BYTES, err);
    if (st != ARC_OK)
        return st;
    u.chunk = arc_mem_raw(a, CHUNK_BYTES, 1);
    st = u.chunk ? read_zip(&u, &map) : arc_fail_nomem(err, zip_path);
    for (size_t i = 0; i < u.models; i++) {
        if (st == ARC_OK)
            st = arc_writer_commit(&u.writer[i], err);
        else
            arc_writer_abort(&u.writer[i]);
    }
    arc_mem_free(a, u.chunk);
    arc_map_close(&map);
    return st;
}
