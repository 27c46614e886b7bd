/** @file
 * Galleries move: to another model, or to templates that are protected by another key.
 *
 * A move gives each template a second embedding, batch by batch, while the gallery is used with the first ones. When all have it,
 * one transaction makes the second ones those of the gallery (the cut-over), and the first ones are removed from all files. A
 * move that was cut off, even by kill -9, is continued by calling the same function again.
 */
#ifndef ARCFACE_GALLERY_MIGRATE_H
#define ARCFACE_GALLERY_MIGRATE_H

#include <arcface/gallery.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Pairs of old and new embeddings that a map is learned from, at least. */
#define ARC_GALLERY_MAP_PAIRS 100

/** How a gallery moves. */
typedef struct arc_gallery_migrate_options {
    size_t struct_size; /**< set by arc_gallery_migrate_options_default */
    /** Templates without a crop, and negatives, get what a linear map makes of their old embedding. It is learned from the
     * templates that have crops, and is less exact than embedding a crop: the report says by how much. Default false: they are
     * refused */
    bool allow_map;
    double least_cosine; /**< refuse a map whose held-out cosine is lower on average; default 0.5 */
    bool drop_negatives; /**< instead of mapping negatives, remove them; default false */
    bool flip;           /**< add the embedding of the mirrored crop, as at enrolment; default false */
    int batch;           /**< templates that are embedded in one step, 1 to 4096; default 64 */
    /** Called after each batch if not NULL (default); another result than 0 ends the work with ECANCEL: a later call goes on */
    int (*progress)(void *ctx, const char *stage, int64_t done, int64_t total);
    void *progress_ctx; /**< passed to progress */
} arc_gallery_migrate_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_gallery_migrate_options_default(arc_gallery_migrate_options *opt);

/** What a move did. */
typedef struct arc_gallery_migrate_report {
    int64_t embedded;          /**< templates that were embedded from their crop, by this call and those that were cut off */
    int64_t mapped;            /**< templates that were mapped, or rotated, likewise */
    int64_t negatives_mapped;  /**< negatives that were mapped */
    int64_t negatives_dropped; /**< negatives that were removed (drop_negatives) */
    int64_t pairs;             /**< that the map was learned from; 0 = no map was needed */
    int64_t held_out;          /**< pairs of people whom the map had not seen */
    double cosine;             /**< of mapped and embedded template, mean over the held-out pairs; NAN = no map */
    double cosine_low;         /**< the same, exceeded by 95 % of them */
} arc_gallery_migrate_report;

/** Moves the gallery to embeddings of another model, whose crops are aligned in the same way. opt and report may be NULL. Nothing
 * to do is no error. Templates that a key rotates (arc_gallery_protect) are rotated by the same key afterwards. What mapping has
 * cost stands in the audit log too. Thread: one at a time, and nobody else uses this arc_gallery meanwhile; other processes may
 * use the gallery. Errors: EINVAL (options; no embedder; a gallery that is not bound; crops of another alignment; templates
 * without crop or negatives, but no allow_map: says how many; too few pairs for a map, or one that is too bad; another move has
 * begun; while data keys are replaced), ECORRUPT (a crop), EIO, ECANCEL, ENOMEM. Before the cut-over the gallery is usable as it
 * was. */
ARC_API ARC_NODISCARD arc_status arc_gallery_migrate(arc_gallery *gallery, const arc_model *to,
                                                     const arc_gallery_migrate_options *opt, arc_gallery_migrate_report *report,
                                                     arc_error *err);

/** Moves the gallery to templates that are rotated by a key (named as arc_protect_key takes them; NULL: to plain ones), be they
 * plain now or under another key. Cosines stay what they were. After a gallery was stolen, this makes what was stolen worthless:
 * under the new key the same people have templates that match none of the old ones. The gallery is opened with the key from then
 * on (arc_gallery_options); this arc_gallery has it already. Of opt only batch and progress count.
 * Thread: one at a time, as for arc_gallery_migrate. Errors: those of arc_gallery_migrate and arc_protect_key. */
ARC_API ARC_NODISCARD arc_status arc_gallery_protect(arc_gallery *gallery, const char *key,
                                                     const arc_gallery_migrate_options *opt, arc_gallery_migrate_report *report,
                                                     arc_error *err);

/** Gives up a move that has begun and was not finished: the second embeddings are removed. Nothing to give up is no error.
 * Thread: one at a time. Errors: EIO, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_gallery_migrate_cancel(arc_gallery *gallery, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
