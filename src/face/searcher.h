/* face: searches one photo: decoding, detection, alignment and crops. Embedding is the pipeline's. */
#ifndef ARC_FACE_SEARCHER_H
#define ARC_FACE_SEARCHER_H

#include "base/base.h"
#include <arcface/face.h>

typedef struct arc_searcher arc_searcher; /* one thread at a time */
/* `opt` and `detector` must outlive it. own_threads 0: uses the context's threads; otherwise as many threads of its own. */
arc_status arc_searcher_new(arc_context *ctx, const arc_model *detector, const arc_pipeline_options *opt, arc_template align,
                            int dim, int own_threads, arc_searcher **out, arc_error *err);
void arc_searcher_free(arc_searcher **searcher);
/* Fills r except for its path and the values of embeddings. If something fails, r has the error. */
void arc_searcher_run(arc_searcher *s, const arc_photo *photo, arc_result *r);

int arc_largest_face(const arc_face *face, int count); /* by area of the box; the first of equals; 0 for none */

#endif
