/* hub: what the files of this room share. A pull is fetch (download.c or a local copy) -> verify the hash (base/digest) ->
 * unpack or rename -> record (record.c); pull.c calls them. */
#ifndef ARC_HUB_HUB_INTERNAL_H
#define ARC_HUB_HUB_INTERNAL_H

#include "base/base.h"
#include "base/digest.h"
#include <arcface/hub.h>

#define ARC_HUB_PATH_BYTES 4096
#define ARC_HUB_NAME_BYTES 128
#define ARC_HUB_MAX_FILES 64                          /* of one pack, the archive included */
#define ARC_HUB_MAX_DOWNLOAD_BYTES ((int64_t)4 << 30) /* for an entry whose size is not listed */
#define ARC_HUB_MAX_MEMBER_BYTES ((int64_t)2 << 30)

/* A model that a pack must contain. sha256 NULL: not listed anywhere, recorded at the first pull. */
typedef struct arc_hub_member {
    const char *pack, *file, *sha256;
    arc_task task;
} arc_hub_member;

/* An entry with its members, from the built-in table or from a test. */
typedef struct arc_hub_pack {
    const arc_hub_entry *entry;
    const arc_hub_member *member; /* the whole table; the members whose .pack is entry->name belong to this entry */
    size_t members;
} arc_hub_pack;

/* ---- table.c ---- */
const arc_hub_member *arc_hub_members(size_t *count);
bool arc_hub_is_archive(const arc_hub_entry *entry);
/* The pack's member with that file name (path NULL: any) and task (UNKNOWN: any), or NULL. */
const arc_hub_member *arc_hub_member_find(const arc_hub_pack *pack, const char *file, arc_task task);

/* ---- cache.c: paths of installed files. All functions write a path of ARC_HUB_PATH_BYTES ---- */
arc_status arc_hub_join(char *path, const char *folder, const char *name, const char *suffix, arc_error *err);

/* ---- record.c: the file SHA256SUMS beside the installed files ---- */
typedef struct arc_hub_record {
    size_t count;
    struct {
        char file[ARC_HUB_NAME_BYTES];
        char hex[ARC_DIGEST_HEX_BYTES];
    } line[ARC_HUB_MAX_FILES];
} arc_hub_record;
arc_status arc_hub_record_read(arc_hub_record *out, const char *folder, arc_error *err); /* no such file: count == 0 */
arc_status arc_hub_record_write(const arc_hub_record *record, const arc_alloc *a, const char *folder, arc_error *err);
const char *arc_hub_record_find(const arc_hub_record *record, const char *file);
arc_status arc_hub_record_set(arc_hub_record *record, const char *file, const char *hex, arc_error *err);

/* ---- download.c, fetch.c ---- */
typedef struct arc_hub_transfer {
    const arc_alloc *alloc;
    const char *what; /* the entry's name, for messages */
    int64_t bytes;    /* expected, 0 = not known */
    int (*progress)(void *ctx, int64_t done_bytes, int64_t total_bytes);
    void *progress_ctx;
} arc_hub_transfer;
/* Extends the part file until it is complete. After a failure it stays for the next attempt. */
arc_status arc_hub_download(const arc_hub_transfer *t, const char *url, const char *part_path, arc_error *err);
/* The same from `from` (NULL, folder, file, file://, http(s):// base or file; see arc_pull_options). */
arc_status arc_hub_fetch(const arc_hub_transfer *t, const arc_hub_entry *entry, const char *from, const char *part_path,
                         arc_error *err);

/* ---- unpack.c ---- */
/* Writes the .onnx members of the zip into `folder` and their hashes into `record`. Nothing is installed unless everything is
 * right. */
arc_status arc_hub_unpack(const arc_hub_pack *pack, const arc_alloc *a, const char *zip_path, const char *folder,
                          arc_hub_record *record, arc_error *err);

/* ---- pull.c ---- */
arc_status arc_hub_pull_pack(const arc_alloc *a, const arc_hub_pack *pack, const arc_pull_options *opt, char *path,
                             size_t path_bytes, arc_error *err);

/* ---- resolve.c ---- */
arc_status arc_hub_resolve_in(const arc_hub_pack *pack, const char *member, arc_task task, const char *folder, char *path,
                              size_t path_bytes, arc_error *err);

#endif
