/** @file
 * Hub: known public model packs, fetched, checked and unpacked into a cache folder.
 */
#ifndef ARCFACE_HUB_H
#define ARCFACE_HUB_H

#include <arcface/context.h>
#include <arcface/model.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A known pack. Static storage. */
typedef struct arc_hub_entry {
    const char *name; /**< "buffalo_s" */
    const char *url;  /**< where its publisher offers it */
    const char *file; /**< name of the downloaded file */
    int64_t bytes;    /**< size of that file; 0 = not known */
    /** Its hash; NULL = the first download is believed, recorded, and later ones are compared with it */
    const char *sha256;
    const char *licence; /**< what its publisher allows */
    const char *what;    /**< one line about its contents */
} arc_hub_entry;

/** The built-in table; *count: its length. Static storage. Thread: any. */
ARC_API const arc_hub_entry *arc_hub_list(size_t *count);

/** The entry of that name, or NULL. Static storage. Thread: any. */
ARC_API const arc_hub_entry *arc_hub_find(const char *name);

/** How a pack is fetched. */
typedef struct arc_pull_options {
    size_t struct_size; /**< set by arc_pull_options_default */
    /** A folder or file, file://... or http(s)://... to take instead of the entry's URL; NULL = that URL */
    const char *from;
    const char *cache_dir; /**< where packs are unpacked; NULL = as in arc_model_options */
    bool verify_only;      /**< check what was unpacked before against its record, fetch nothing; default false */
    /** May be NULL; not 0 cancels; a later call resumes */
    int (*progress)(void *ctx, int64_t done_bytes, int64_t total_bytes);
    void *progress_ctx; /**< passed to progress */
} arc_pull_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_pull_options_default(arc_pull_options *opt);

/** Fetches, verifies and unpacks one entry; the caller has shown its licence and asked. path: [path_bytes], gets the folder; may
 * be NULL. `opt` may be NULL. Thread: any.
 * Errors: ENOTFOUND, ENETWORK, ECORRUPT (the hash differs; says both, installs nothing), EIO, ELIMIT, ECANCEL, EMISSING, EINVAL,
 * ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_pull(arc_context *ctx, const char *name, const arc_pull_options *opt, char *path,
                                          size_t path_bytes, arc_error *err);

/** The file that a word names: an existing path names itself; "buffalo_s" or "buffalo_l:det_10g" a file in the cache, chosen by
 * task within a pack. cache_dir: as in arc_model_options. path: [path_bytes]. Thread: any.
 * Errors: ENOTFOUND (says what to type, "arcface pull buffalo_s"), EINVAL, ELIMIT (path too short). */
ARC_API ARC_NODISCARD arc_status arc_hub_resolve(const char *path_or_name, arc_task task, const char *cache_dir, char *path,
                                                 size_t path_bytes, arc_error *err);

/** The first pack of the table that was pulled and has a model for the task: what commands take when no model is named. NULL:
 * none. cache_dir: as in arc_model_options. Static storage. Thread: any. */
ARC_API const char *arc_hub_pulled(arc_task task, const char *cache_dir);

#ifdef __cplusplus
}
#endif
#endif
