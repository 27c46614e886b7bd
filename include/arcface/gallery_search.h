/** @file
 * Who is this? Searching a gallery for faces.
 */
#ifndef ARCFACE_GALLERY_SEARCH_H
#define ARCFACE_GALLERY_SEARCH_H

#include <arcface/gallery.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The most matches of an answer. */
#define ARC_GALLERY_MAX_TOP 1000

/** What is searched, and how it is decided. */
typedef struct arc_gallery_query {
    size_t struct_size; /**< set by arc_gallery_query_default */
    int top;            /**< most matches of an answer, 1 to ARC_GALLERY_MAX_TOP; default 5 */
    double threshold;   /**< cosine from which on somebody is known; default NAN: by arc_search_rule_of */
    double fpir; /**< share of strangers that may be taken for somebody; default 0: the calibration's, or ARC_FPIR_DEFAULT */
    const int64_t *only; /**< [only_count] only these identities; NULL (default): all */
    int64_t only_count;  /**< see only */
    bool fast;           /**< 1-bit sketches in front of the exact search; default false */
    bool log;            /**< write decisions to the audit log; default false */
} arc_gallery_query;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_gallery_query_default(arc_gallery_query *query);

/** Who these faces are. probes: [count][dim] of any length above 0. answers: [count]; zeroed after a failure. query may be NULL.
 * Sees what other processes stored before the call. Takes what its result takes, and memory for the probes.
 * Ownership: free with arc_answers_free. Thread: any. Errors: EINVAL (a gallery that is not bound; a number that is not finite, a
 * probe of zeros), EIO, ECORRUPT, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_gallery_identify(arc_gallery *gallery, const float *probes, int count,
                                                      const arc_gallery_query *query, arc_answer *answers, arc_error *err);

/** Frees what the answers hold and zeroes them; NULL is allowed. Thread: any. */
ARC_API void arc_answers_free(arc_context *ctx, arc_answer *answers, int count);

#ifdef __cplusplus
}
#endif
#endif
