/** @file
 * Keys of galleries: the key that people hold is changed, and the keys that values are sealed under are replaced, while the
 * gallery is in use.
 *
 * A sealed gallery's values are encrypted under data keys, random numbers that are stored wrapped by the user's key. Whoever knew
 * the user's key, and could read the file, may have kept the data keys: so after a user's key became known, change it and replace
 * the data keys too.
 */
#ifndef ARCFACE_GALLERY_KEYS_H
#define ARCFACE_GALLERY_KEYS_H

#include <arcface/gallery.h>

#ifdef __cplusplus
extern "C" {
#endif

/** From now on the gallery opens with `new_key` (named as arc_protect_key takes them), and no longer with the one that it was
 * opened with here. Writes one record; the time does not depend on the gallery's size. Processes that have it open go on reading
 * and writing until they open it again, but their next call says that the key was changed. Thread: one at a time. Errors: EINVAL
 * (a gallery without a key, or opened for reading only), those of arc_protect_key, EIO, ENOMEM; the old key is the right one
 * then. */
ARC_API ARC_NODISCARD arc_status arc_gallery_rekey(arc_gallery *gallery, const char *new_key, arc_error *err);

/** How data keys are replaced. */
typedef struct arc_gallery_renew_options {
    size_t struct_size; /**< set by arc_gallery_renew_options_default */
    int64_t batch;      /**< rows that are sealed anew in one transaction, 1 to 100000; default 256 */
    /** Called after each batch if not NULL (default); another result than 0 ends the work with ECANCEL: a later call goes on */
    int (*progress)(void *ctx, const char *stage, int64_t done, int64_t total);
    void *progress_ctx; /**< passed to progress */
} arc_gallery_renew_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_gallery_renew_options_default(arc_gallery_renew_options *opt);

/** Replaces the data key: makes a new one, seals every value anew in batches, and forgets the old one. Other processes read and
 * write meanwhile, values under either key. A call that was cut off, even by kill -9, is finished by the next one, which
 * continues where it was; without it the gallery works on with both keys. When this returns, no file of the gallery has anything
 * under the old key, except as arc_gallery_remove says. opt may be NULL. *rows: how many were sealed anew by this call; may be
 * NULL. Thread: one at a time. Errors: EINVAL (options; a gallery without a key; while it moves to another model), ECORRUPT (a
 * value), EIO, ECANCEL, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_gallery_renew(arc_gallery *gallery, const arc_gallery_renew_options *opt, int64_t *rows,
                                                   arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
