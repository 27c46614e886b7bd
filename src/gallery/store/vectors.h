/* gallery/store: searching in the data base itself, for galleries that are too large for the memory of those who search. A store
 * that can do so keeps copies of the embeddings of a generation in a form that its server compares: half-precision vectors, with
 * an index of nearest neighbours (HNSW) if it is wanted. The embeddings stay the truth: the copies are written and removed by the
 * transactions that write and remove those, and what is found by them is compared again in float32.
 *
 * Sealed embeddings are ciphertext in the store, so nothing can be compared there. */
#ifndef ARC_GALLERY_STORE_VECTORS_H
#define ARC_GALLERY_STORE_VECTORS_H

#include "gallery/store/store.h"

#define ARC_STORE_HNSW_MAX_DIM 4000 /* numbers of a vector that such an index takes */

typedef struct arc_store_vectors {
    bool there;    /* copies are kept of this generation */
    bool ready;    /* they are complete, and the index is there if there is to be one */
    bool hnsw;     /* with an index */
    int dim;       /* 1 to 4096 */
    int64_t bytes; /* in the data base, the index included */
} arc_store_vectors;

typedef struct arc_store_nearest {
    int generation;
    const float *probe; /* [dim] of length 1 */
    int dim;
    const int64_t *only; /* [only_count] templates of these identities; NULL: all */
    int64_t only_count;
    bool hnsw;    /* by the index, which may miss some; false: all vectors are compared */
    int64_t most; /* templates to be found, 1 to INT32_MAX */
} arc_store_nearest;

struct arc_store_vectors_type {
    /* Within a transaction: whether the server can compare vectors. Errors: EUNSUPPORTED, with what it lacks and how to get it.
     */
    arc_status (*possible)(arc_gallery_store *s, arc_error *err);
    /* Within a transaction. */
    arc_status (*get)(arc_gallery_store *s, int generation, arc_store_vectors *out, arc_error *err);
    /* Within a write transaction: from now on copies are kept, and are not ready. They may be there already, of the other kind.
     * Errors: as for possible; EUNSUPPORTED (an index of so many numbers). */
    arc_status (*make)(arc_gallery_store *s, int generation, int dim, bool hnsw, arc_error *err);
    /* Within a write transaction: makes those that are lacking of some templates behind *after, 0 at first, and moves it on. */
    arc_status (*fill)(arc_gallery_store *s, int generation, int64_t *after, bool *ended, arc_error *err);
    /* Outside of a transaction, when all were made: builds the index, if there is to be one, while others read and write; then
     * they are ready. */
    arc_status (*finish)(arc_gallery_store *s, int generation, arc_error *err);
    arc_status (*drop)(arc_gallery_store *s, int generation, arc_error *err); /* within a write transaction; none: nothing */
    /* Within a transaction, when they are ready. id, cosine: [most], best first; *found: how many. A cosine is the server's: see
     * margin. */
    arc_status (*nearest)(arc_gallery_store *s, const arc_store_nearest *q, int64_t *id, double *cosine, int64_t *found,
                          arc_error *err);
    /* How far a cosine of nearest may be from that of the float32 embedding, at most. */
    double (*margin)(int dim);
};

#endif
