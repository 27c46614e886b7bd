/** @file
 * Photos in, people out: every face of a photo, and who of a gallery it is; as text, as JSON and drawn on the photo.
 */
#ifndef ARCFACE_IDENTIFY_H
#define ARCFACE_IDENTIFY_H

#include <arcface/face.h>
#include <arcface/gallery_search.h>
#include <arcface/gallery_shards.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A photo, its faces, and who they are. */
typedef struct arc_identified {
    arc_result photo;   /**< what was found in it; its own status says whether it could be read */
    arc_answer *answer; /**< [photo.faces] */
    int known;          /**< faces of people in the gallery */
    int unknown;        /**< faces of others */
} arc_identified;

/** Takes the answers of photo `index` on the thread that called arc_identify_source, in the order of the photos. They are freed
 * afterwards, unless the sink takes them over by copying the struct and zeroing it. A status other than ARC_OK ends the run with
 * it. */
typedef arc_status arc_identified_sink(void *ctx, int64_t index, arc_identified *photo, arc_error *err);

/** Who is in these photos? `pipeline` has the embedder that the gallery is bound to, and gives every face with all_faces, else
 * the largest; query may be NULL. A photo that cannot be read comes with its error and stops nobody else.
 * Thread: one at a time for a pipeline. Errors: EINVAL (the pipeline, another model), those of arc_gallery_identify, the source's
 * and the sink's. */
ARC_API ARC_NODISCARD arc_status arc_identify_source(arc_gallery *gallery, arc_pipeline *pipeline, const arc_photo_source *photos,
                                                     const arc_gallery_query *query, arc_identified_sink *sink, void *sink_ctx,
                                                     arc_error *err);

/** The same over several galleries that are searched as one (arc_shards_identify). Those that are not bound yet have nobody.
 * Thread: as arc_identify_source. Errors: those of arc_identify_source and arc_shards_identify. */
ARC_API ARC_NODISCARD arc_status arc_identify_shards(arc_shards *shards, arc_pipeline *pipeline, const arc_photo_source *photos,
                                                     const arc_gallery_query *query, arc_identified_sink *sink, void *sink_ctx,
                                                     arc_error *err);

/** Who is in this photo? Without a face: out->photo.faces is 0. Ownership: free with arc_identified_free, also after a failure.
 * Thread: as arc_identify_source. Errors: also the photo's own. */
ARC_API ARC_NODISCARD arc_status arc_identify_photo(arc_gallery *gallery, arc_pipeline *pipeline, const arc_photo *photo,
                                                    const arc_gallery_query *query, arc_identified *out, arc_error *err);

/** Frees what it holds and zeroes it; NULL is allowed. Thread: any. */
ARC_API void arc_identified_free(arc_context *ctx, arc_identified *photo);

/** How answers are told. */
typedef struct arc_identified_format {
    size_t struct_size; /**< set by arc_identified_format_default */
    bool json;          /**< an object; default false: lines for people */
    bool all;           /**< for people: every match of an answer, not the best only; default false */
    bool explain;       /**< with the reasons, arc_answer_explain; default false */
} arc_identified_format;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_identified_format_default(arc_identified_format *format);

/** The text that `arcface identify` prints of a photo; format may be NULL. Ownership: free with arc_text_free. Thread: any.
 * Errors: EINVAL (format), ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_identified_describe(arc_context *ctx, const arc_identified *photo,
                                                         const arc_identified_format *format, char **text, arc_error *err);

/** Draws boxes and names on a copy of the photo: green for people of the gallery, red for others. image: the photo's pixels.
 * Ownership: free *out with arc_image_free; zeroed after a failure. Thread: any. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_identified_draw(arc_context *ctx, const arc_image *image, const arc_identified *photo,
                                                     arc_image *out, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
