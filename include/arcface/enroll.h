/** @file
 * Photos into a gallery: a person's photographs become templates of that person.
 */
#ifndef ARCFACE_ENROLL_H
#define ARCFACE_ENROLL_H

#include <arcface/face.h>
#include <arcface/gallery.h>
#include <arcface/quality.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What became of a photo. */
typedef enum arc_enrolled_as {
    ARC_ENROLLED,        /**< its face is a template now, and on the disk */
    ARC_ENROLLED_BEFORE, /**< this very photo is one of the person's already: nothing was stored */
    ARC_ENROLL_FAILED    /**< nothing of it was stored; `error` says why */
} arc_enrolled_as;

/** A photo that was to be enrolled. What it points to is the run's until the call that gets it returns. */
typedef struct arc_enrolled {
    const char *person;      /**< whose it is said to be */
    const arc_result *photo; /**< what was found in it */
    arc_enrolled_as as;      /**< what became of it */
    arc_error error;         /**< ARC_ENROLL_FAILED: why, and what to do */
    char doubt[512];         /**< a sentence on a photo that was stored and may be a mistake; "" = none */
    int64_t identity;        /**< of the person; 0 = not in the gallery, or memory was refused after the photo was stored */
    int64_t template_id;     /**< what was stored, or was there before; 0 = nothing */
    bool first;              /**< with it the person came into the gallery */
    arc_quality quality;     /**< of its face; every number NAN = there is none, or nobody knows which of several it is */
    uint8_t sha256[32];      /**< of the photo's bytes (of pixels for frames), and of the box or landmarks given with it */
} arc_enrolled;

/** How photos are enrolled. */
typedef struct arc_enroll_options {
    size_t struct_size; /**< set by arc_enroll_options_default */
    bool largest;       /**< of several faces in a photo the largest; default false: such a photo fails */
    /** Refuse what else is stored with a doubt: a face unlike the person's others, one of a quality below ARC_QUALITY_POOR;
     * default false */
    bool strict;
    double min_quality; /**< refuse faces of a combined quality below this, 0 to 1; default 0 */
    int batch;          /**< most photos in one transaction, 1 to 4096; default 64 */
    /** Called after every photo that was searched; total -1: not known; anything but 0 cancels (what was told is stored, no
     * more). May be NULL. */
    int (*progress)(void *ctx, int64_t done, int64_t total);
    /** Gets every photo, in order, when it is decided: what it says is stored is on the disk. May be NULL. */
    void (*told)(void *ctx, const arc_enrolled *photo);
    void *ctx; /**< handed to both */
} arc_enroll_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_enroll_options_default(arc_enroll_options *opt);

/** What a run came to. */
typedef struct arc_enroll_tally {
    int64_t photos;   /**< that were given */
    int64_t stored;   /**< new templates */
    int64_t before;   /**< photos that were there already */
    int64_t failed;   /**< photos of which nothing was stored */
    int64_t doubtful; /**< stored ones that may be a mistake */
    int64_t people;   /**< who came into the gallery */
} arc_enroll_tally;

/** Whose is photo `index`, named `photo`? NULL, with a sentence in err: nobody's, the photo fails. Valid until the next call.
 * Called in the order of the photos, from the thread that called arc_enroll_source. */
typedef const char *arc_person_fn(void *ctx, int64_t index, const char *photo, arc_error *err);

/** Enrols photos, in transactions of some at a time. Each succeeds or fails alone: of one that fails nothing is stored, and its
 * person is not added for it. One that is found in the gallery already (by its bytes) is not stored again, and one that is
 * another person's there fails. The gallery is bound to the pipeline's model if it is not bound yet. `pipeline` has an embedder
 * and keeps crops (arc_pipeline_options.keep_crops), which sharpness is measured on; whether they are stored is the gallery's
 * option. The combined quality is stored with each template, its parts in the template's detail. out may be NULL; it is filled as
 * far as the run went, after a failure too. opt may be NULL. Thread: one at a time for a gallery and for a pipeline.
 * Errors: EINVAL (options, the pipeline, a gallery bound to another model), the source's, EIO and others of arc_gallery_add: what
 * was told is stored, no more; ECANCEL, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_enroll_source(arc_gallery *gallery, arc_pipeline *pipeline, const arc_photo_source *photos,
                                                   arc_person_fn *person, void *person_ctx, const arc_enroll_options *opt,
                                                   arc_enroll_tally *out, arc_error *err);

/** Enrols one photo of one person, which fails as the photo does. out may be NULL, else out->photo is NULL afterwards, as is what
 * else points somewhere. Thread: as arc_enroll_source. Errors: those of arc_enroll_source; the photo's own: ENOTFOUND (no face),
 * EINVAL (several faces, a photo of somebody else, strict options), and why it cannot be read. */
ARC_API ARC_NODISCARD arc_status arc_enroll(arc_gallery *gallery, arc_pipeline *pipeline, const char *person,
                                            const arc_photo *photo, const arc_enroll_options *opt, arc_enrolled *out,
                                            arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
