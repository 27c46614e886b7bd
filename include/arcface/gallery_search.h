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

/** Where a gallery in a server is searched. */
typedef enum arc_search_place {
    ARC_SEARCH_AUTO,    /**< by the index, if it fits into arc_gallery_options.index_memory_bytes; else by the server */
    ARC_SEARCH_MEMORY,  /**< by the index, whatever it takes */
    ARC_SEARCH_DATABASE /**< by the server, which needs arc_gallery_set_search */
} arc_search_place;

/** Other people's faces, by which cosines are normalised to scores (arcface/cohort.h). It does not change: any number of threads
 * may use it. */
typedef struct arc_cohort arc_cohort;

/** What is searched, and how it is decided. */
typedef struct arc_gallery_query {
    size_t struct_size; /**< set by arc_gallery_query_default */
    int top;            /**< most matches of an answer, 1 to ARC_GALLERY_MAX_TOP; default 5 */
    double threshold;   /**< cosine from which on somebody is known; default NAN: by arc_search_rule_of */
    double fpir; /**< share of strangers that may be taken for somebody; default 0: the calibration's, or ARC_FPIR_DEFAULT */
    const int64_t *only; /**< [only_count] only these identities; NULL (default): all */
    int64_t only_count;  /**< see only */
    /** May miss an answer: 1-bit sketches in front of the exact search, or the server's HNSW index; default false: exact,
     * wherever it is searched, to the last bit of a cosine */
    bool fast;
    bool log;               /**< write decisions to the audit log; default false */
    arc_search_place place; /**< default ARC_SEARCH_AUTO; a gallery in a file has its index only */
    /** Normalises cosines to scores: of those whom the cosine puts first,
     * four times `top` and at least 32, the scores decide who comes first and whether the face is known. The threshold is that of
     * cohort_rule. Default NULL: cosines decide */
    const arc_cohort *cohort;
    const arc_search_rule *cohort_rule; /**< needed with a cohort: arc_cohort_rule_of, or arc_cohort_rule_given */
} arc_gallery_query;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_gallery_query_default(arc_gallery_query *query);

/** Who these faces are. probes: [count][dim] of any length above 0. answers: [count]; zeroed after a failure. query may be NULL.
 * Sees what other processes stored before the call. Takes what its result takes, and memory for the probes. Calls that the server
 * answers take turns in one open gallery.
 * Ownership: free with arc_answers_free. Thread: any. Errors: EINVAL (a gallery that is not bound; a number that is not finite, a
 * probe of zeros), ELIMIT (the index would take more than index_memory_bytes, and the server cannot search: says what it lacks),
 * EUNSUPPORTED (to be searched by a server or index that is not there), EIO, ECORRUPT, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_gallery_identify(arc_gallery *gallery, const float *probes, int count,
                                                      const arc_gallery_query *query, arc_answer *answers, arc_error *err);

/** Lets the server search this gallery by itself, or not any more. It needs the extension pgvector (0.8 or newer) there, which is
 * installed if the server has it and its user may; vectors of half precision are kept beside the templates from then on, changed
 * and removed in the same transactions, also when the gallery moves to another model. Takes a minute for some 100,000 templates,
 * more with HNSW (its memory is the server's maintenance_work_mem); others search and enrol meanwhile. What was stopped half-way
 * goes on when it is called again. A sealed gallery is refused: its templates are ciphertext in the server, and vectors beside
 * them would give them away. Thread: one at a time. Errors: EINVAL (sealed, not bound), EUNSUPPORTED (no PostgreSQL server; no
 * pgvector: says what to install; more than 4000 numbers for HNSW), EIO, ENETWORK, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_gallery_set_search(arc_gallery *gallery, arc_gallery_search search, arc_error *err);

/** Frees what the answers hold and zeroes them; NULL is allowed. Thread: any. */
ARC_API void arc_answers_free(arc_context *ctx, arc_answer *answers, int count);

#ifdef __cplusplus
}
#endif
#endif
