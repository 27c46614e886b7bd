/* Hub: known public model packs, fetched, checked, unpacked into a cache folder. */
#ifndef ARCFACE_HUB_H
#define ARCFACE_HUB_H

#include <arcface/context.h>
#include <arcface/model.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct arc_hub_entry {
    const char *name; /* "buffalo_s" */
    const char *url;
    const char *file;   /* base name of the download */
    int64_t bytes;      /* 0 = not known */
    const char *sha256; /* NULL = trust on first use, recorded and compared afterwards */
    const char *licence;
    const char *what; /* one line */
} arc_hub_entry;

/* The built-in table. Thread: any. */
ARC_API const arc_hub_entry *arc_hub_list(size_t *count);
ARC_API const arc_hub_entry *arc_hub_find(const char *name);

typedef struct arc_pull_options {
    size_t struct_size;
    const char *from;      /* NULL = the entry's URL; a folder, file://... or http(s)://... base or file instead */
    const char *cache_dir; /* NULL = default, see model.h */
    bool verify_only;
    int (*progress)(void *ctx, int64_t done_bytes, int64_t total_bytes); /* non-zero cancels; the part file stays for resuming */
    void *progress_ctx;
} arc_pull_options;
ARC_API void arc_pull_options_default(arc_pull_options *opt);

/* Fetches, verifies and unpacks one entry. The caller has shown the licence and asked. path (may be NULL): where it lies, path_bytes long.
 * Errors: ENOTFOUND, ENETWORK, ECORRUPT (hash differs: says both; nothing is installed), EIO, ECANCEL, EMISSING. */
ARC_API ARC_NODISCARD arc_status arc_pull(arc_context *ctx, const char *name, const arc_pull_options *opt, char *path,
                                          size_t path_bytes, arc_error *err);

/* Resolves "--model" words: an existing path is itself; "buffalo_s" or "buffalo_l:det_10g" a file in the cache (by task for packs).
 * Errors: ENOTFOUND with what to type ("arcface pull buffalo_s"). */
ARC_API ARC_NODISCARD arc_status arc_hub_resolve(const char *path_or_name, arc_task task, const char *cache_dir, char *path,
                                                 size_t path_bytes, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
