/** @file
 * An index of templates: the k most similar of any number of embeddings, exactly.
 *
 * Every template is scanned as 8-bit integers, a quarter of its bytes; what the rounding may have changed is known for each
 * template, so those that could be among the answers are compared again in full. The answers are those of a plain search in
 * float32, not approximately but provably. With `fast` a search begins with one bit for each dimension and may miss an answer;
 * arc_index_recall tells how often.
 *
 * An index knows numbers, not people: a template has an id, and an owner, whose templates may be answered as one. It is in
 * memory, and in a file from which it is opened in milliseconds. The file holds nothing that cannot be made again from the
 * templates.
 */
#ifndef ARCFACE_INDEX_H
#define ARCFACE_INDEX_H

#include <arcface/context.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The most numbers that a template may have. */
#define ARC_INDEX_MAX_DIM 4096
/** The most answers to one probe. */
#define ARC_INDEX_MAX_TOP 65536
/** The most templates that a fast search compares. */
#define ARC_INDEX_MAX_CANDIDATES (1 << 20)
/** Bytes of a stamp, which says what a file holds. */
#define ARC_INDEX_STAMP_BYTES 32
/** Bytes of the key of a sealed file. */
#define ARC_INDEX_KEY_BYTES 32

/** An index. Any number of threads may search in it at the same time; a call that changes it waits for them, and they for it. */
typedef struct arc_index arc_index;

/** How an index is made or opened. */
typedef struct arc_index_options {
    size_t struct_size; /**< set by arc_index_options_default */
    int dim;            /**< numbers of a template, 1 to ARC_INDEX_MAX_DIM; no default */
    bool sketch;        /**< also one bit for each dimension, for searches with `fast`; default false */
    /** Gives the float32 templates of `count` ids, out [count][dim], exactly as they were added: then the index does not hold
     * them itself, for sealed data and to save memory. Called from one thread at a time, within arc_index_search; it must not
     * call functions of this index. An error ends the search with it. NULL (default): the index holds them. */
    arc_status (*exact)(void *ctx, const int64_t *ids, int count, float *out, arc_error *err);
    void *exact_ctx; /**< passed to exact */
    /** [ARC_INDEX_KEY_BYTES] The file is sealed under this key, which is copied; NULL (default): it is not sealed. */
    const uint8_t *seal_key;
} arc_index_options;

/** Fills every field with its default; dim is 0 and must be set. Thread: any. */
ARC_API void arc_index_options_default(arc_index_options *options);

/** An empty index. Takes, for each template, dim bytes (rounded up to 64), dim * 4 unless there is `exact`, dim / 8 with
 * sketches (rounded up to 8), and 64 to 80 bytes more; room for an eighth of all that, 32 MB at most, is asked for ahead.
 * arc_index_facts tells what is allocated. Ownership: free with arc_index_free. Thread: any. Errors: EINVAL (options), ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_index_new(arc_context *ctx, const arc_index_options *options, arc_index **out,
                                               arc_error *err);

/** Frees an index and nulls the pointer; NULL is allowed. A sealed index is overwritten first. Thread: one at a time, as its last
 * user. */
ARC_API void arc_index_free(arc_index **index);

/** Adds `count` templates [count][dim], unit vectors (the cosine is their product with the probe as it is), each with an id above
 * 0 that is not in the index yet and an owner. All of them or, after a failure, none. Thread: any; searches wait. Errors: EINVAL
 * (an id that is there, twice in the call or not above 0; a number that is not finite; a length other than 0 that is not between
 * 1e-9 and 1e9), ELIMIT (more than 4 billion), ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_index_add(arc_index *index, const float *templates, const int64_t *ids,
                                               const int64_t *owners, int64_t count, arc_error *err);

/** Removes templates: in constant time each, their places are overwritten with zeros. Ids that are not there are skipped;
 * `removed` (or NULL) says how many were. After a failure none is removed. Thread: any; searches wait. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_index_remove(arc_index *index, const int64_t *ids, int64_t count, int64_t *removed,
                                                  arc_error *err);

/** All templates of one owner become another's. Takes about a millisecond for a million templates. Thread: any; searches wait. */
ARC_API void arc_index_move(arc_index *index, int64_t from_owner, int64_t to_owner);

/** How many templates there are. Thread: any. */
ARC_API int64_t arc_index_count(arc_index *index);

/** What is searched for. */
typedef struct arc_index_query {
    size_t struct_size; /**< set by arc_index_query_default */
    int top;            /**< most answers, 1 to ARC_INDEX_MAX_TOP; default 10 */
    bool by_owner;      /**< of each owner only the best template: `top` then counts owners; default false */
    /** Sketches choose what is scanned at all, in an index that has them; answers may be missed. Default false. Without
     * `candidates` an index of fewer than 65536 templates is searched exactly, which takes less time. */
    bool fast;
    /** With `fast`: so many templates are compared further; default 0: 32 for each answer, at least 512 */
    int candidates;
    /** Whether a template takes part: asked for every one before the scan. NULL (default): all do. */
    bool (*keep)(void *ctx, int64_t id, int64_t owner);
    void *keep_ctx; /**< passed to keep */
} arc_index_query;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_index_query_default(arc_index_query *query);

/** An answer. */
typedef struct arc_index_hit {
    int64_t id;    /**< of the template; 0: there is no answer in this place */
    int64_t owner; /**< its owner */
    /** The sum of the float32 products, rounded to float32 once (it is summed in double precision, in a fixed order): the same on
     * every processor and for any number of threads. Equal ones are ordered by their ids. */
    float cosine;
} arc_index_hit;

/** Searches for `count` probes [count][dim] of the same lengths as templates may have. hits [count][top]: the answers to each,
 * best first; found [count]: how many there are. Many probes in one call take much less time than one by one. `query` may be NULL
 * for the defaults. Thread: any. Errors: EINVAL (query, a probe that is not finite, `fast` without sketches), ECORRUPT (the file
 * from which the index was loaded is damaged: make it again), ENOMEM, and what `exact` returns. */
ARC_API ARC_NODISCARD arc_status arc_index_search(arc_index *index, const float *probes, int64_t count,
                                                  const arc_index_query *query, arc_index_hit *hits, int *found, arc_error *err);

/** The share of `count` probes [count][dim] whose first answer with `fast` is the exact one: what `query` (its candidates,
 * by_owner and keep; NULL: the defaults) is worth in this index. `ctx` is the one that the index was made in. Thread: any.
 * Errors: those of arc_index_search; EINVAL (no probes). */
ARC_API ARC_NODISCARD arc_status arc_index_recall(arc_context *ctx, arc_index *index, const float *probes, int64_t count,
                                                  const arc_index_query *query, double *recall, arc_error *err);

/** Figures of an index. */
typedef struct arc_index_facts {
    int64_t templates;     /**< that are there */
    int64_t places;        /**< theirs and those of removed ones, which are reused when a quarter is free */
    int64_t memory_bytes;  /**< that are allocated, to the byte; without what is only in the file's mapping */
    int64_t mapped_bytes;  /**< of the file's mapping */
    int64_t searches;      /**< probes searched for since it was opened */
    double mean_shortlist; /**< templates that a probe is compared with in full, on average */
} arc_index_facts;

/** Fills in the figures. Thread: any. */
ARC_API void arc_index_facts_of(arc_index *index, arc_index_facts *facts);

/** Writes the index to a file, complete or not at all. `stamp`, of which the caller knows the meaning (such as the revision of a
 * data base), comes back from arc_index_load. Thread: any; changes wait. Errors: EIO, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_index_save(arc_index *index, const char *path, const uint8_t stamp[ARC_INDEX_STAMP_BYTES],
                                                arc_error *err);

/** Opens a file of arc_index_save. A plain one is mapped: that takes milliseconds, and templates are checked (CRC-32C) by the
 * searches that first come to them; a sealed one is opened into memory. The options must be those that the index was made with.
 * After any failure the index can be made again from its templates. Ownership: free with arc_index_free. Thread: any. Errors:
 * ENOTFOUND, EFORMAT (no file of this kind), EUNSUPPORTED (a newer version), ESHAPE (made with other options), ECORRUPT (damaged,
 * or another key), EIO, ENOMEM, EINVAL (options). */
ARC_API ARC_NODISCARD arc_status arc_index_load(arc_context *ctx, const arc_index_options *options, const char *path,
                                                arc_index **out, uint8_t stamp[ARC_INDEX_STAMP_BYTES], arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
