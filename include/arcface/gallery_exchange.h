/** @file
 * Galleries in and out: everything that a gallery holds, in one encrypted file or in a folder that any program reads.
 *
 * A sealed file is encrypted and authenticated as a whole (libsodium's secretstream): a byte that was changed, a part that is
 * missing or stands elsewhere, and a file that was cut are refused. A plain folder has
 *
 *     people.json       what the gallery is bound to, and a list of people with their templates
 *     embeddings.npy    float32 [rows][dim], of length 1; people.json says whose a row is
 *     crops/ID.png      aligned crops (or .jpg)
 *
 * Both hold people with their names, notes and thresholds, templates with quality, detail, time and crop, and what was said to be
 * somebody else. The audit log stays where it is, and so do the digests of photos if the gallery is sealed.
 */
#ifndef ARCFACE_GALLERY_EXCHANGE_H
#define ARCFACE_GALLERY_EXCHANGE_H

#include <arcface/gallery.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How a gallery is written or read. */
typedef struct arc_gallery_exchange_options {
    size_t struct_size; /**< set by arc_gallery_exchange_options_default */
    /** The key of the sealed file, as arc_protect_key takes them; it need not be the gallery's. NULL (default): a plain folder */
    const char *key;
    bool crops; /**< with aligned crops; default true */
    /** Reading: people who are there already get the templates that they don't have yet; default false: they are refused */
    bool merge;
    /** Called now and then if not NULL (default); another result than 0 ends the work with ECANCEL and nothing done */
    int (*progress)(void *ctx, const char *stage, int64_t done, int64_t total);
    void *progress_ctx; /**< passed to progress */
} arc_gallery_exchange_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_gallery_exchange_options_default(arc_gallery_exchange_options *opt);

/** What was written or read. */
typedef struct arc_gallery_exchange_report {
    int64_t people;    /**< people written, or people that were new */
    int64_t merged;    /**< reading: people that were there */
    int64_t templates; /**< templates written or added */
    int64_t skipped;   /**< reading: templates and negatives that those people had already */
    int64_t crops;     /**< with their crop */
    int64_t negatives; /**< what somebody said is not a certain person */
} arc_gallery_exchange_report;

/** Writes the gallery, as it is at one moment, to the file `path` (with a key) or into the folder `path`, which is made or is
 * empty (without). Changes wait meanwhile if they come through this arc_gallery; other processes are not kept waiting. opt and
 * report may be NULL. A file is there completely or not at all; of a folder people.json is written last. Thread: one at a time.
 * Errors: EINVAL (options, the key, a gallery that is not bound, a folder with something in it), ECORRUPT (a value of the
 * gallery), EIO, ECANCEL, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_gallery_export(arc_gallery *gallery, const char *path,
                                                    const arc_gallery_exchange_options *opt, arc_gallery_exchange_report *report,
                                                    arc_error *err);

/** Reads what arc_gallery_export wrote into a gallery, all of it or nothing, in one transaction. A gallery that is not bound gets
 * the binding that was exported; a bound one has to have the same model (arc_gallery_migrate moves to another). People and
 * templates get new ids. opt and report may be NULL. Thread: one at a time. Errors: EINVAL (options; a wrong or missing key;
 * another model; a person who is there already, without `merge`; an entry that no gallery can have), ENOTFOUND, EFORMAT (no such
 * file or folder), ECORRUPT, ELIMIT, EUNSUPPORTED (a later version), EIO, ECANCEL, ENOMEM; the gallery is as it was then. */
ARC_API ARC_NODISCARD arc_status arc_gallery_import(arc_gallery *gallery, const char *path,
                                                    const arc_gallery_exchange_options *opt, arc_gallery_exchange_report *report,
                                                    arc_error *err);

/** Reads an exported gallery from one end to the other as arc_gallery_import does: is it one, of a version that is known, is the
 * key the right one, and is nothing damaged, cut or missing? Nothing is taken over, so that a gallery that is to be made for it
 * need not be made in vain; what may be in a gallery is checked by arc_gallery_import only. Progress is told with total -1. opt
 * may be NULL. Thread: any. Errors: EINVAL (options; a wrong or missing key), ENOTFOUND, EFORMAT, ECORRUPT, EUNSUPPORTED, EIO,
 * ECANCEL, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_gallery_import_check(arc_context *ctx, const char *path,
                                                          const arc_gallery_exchange_options *opt, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
