/* lanes: the photos of a source to their faces and crops, many at a time. What is done with the crops is the caller's: a pipeline embeds them,
 * an evaluation embeds them its own way. */
#ifndef ARC_FACE_LANES_H
#define ARC_FACE_LANES_H

#include "base/base.h"
#include <arcface/face.h>
#include <pthread.h>

typedef struct arc_lanes arc_lanes; /* one search at a time */
/* `opt` and `detector` (NULL for ready crops) outlive them. dim: room for so many values is made in each face's embedding, 0: none. */
arc_status arc_lanes_new(arc_context *ctx, const arc_model *detector, const arc_pipeline_options *opt, arc_template align,
                         int dim, arc_lanes **out, arc_error *err);
void arc_lanes_free(arc_lanes **lanes);

/* A walk through a source, in rounds. Begun by arc_search_begin, ended by arc_search_end. */
typedef struct arc_search {
    arc_lanes *lanes;
    const arc_photo_source *source;
    int (*progress)(void *ctx, int done, int count); /* NULL: none; for sources that know their count */
    void *progress_ctx;
    int64_t next; /* the photo that is searched next */
    bool ended;   /* the source has no more */
    /* of a round */
    pthread_mutex_t lock; /* of what follows, and of a source that is not concurrent */
    int64_t first, stop;  /* photos of the round; a source that ends or breaks brings `stop` forward */
    int64_t done, reported;
    bool cancelled;
    arc_status broken; /* of the source, with its error */
    arc_error error;
    arc_result *result;
} arc_search;

#define ARC_ROUND_MAX 512 /* photos in one round */

/* progress may be set afterwards. Errors: EINVAL for a source without `next`. */
arc_status arc_search_begin(arc_search *s, arc_lanes *lanes, const arc_photo_source *source, arc_error *err);
void arc_search_end(arc_search *s);
/* Searches the next photos, at most `room`: result[k] is photo search->next + k as it was before. *count: how many; 0 only at the source's end or
 * on failure. A photo's failure is its result's own. Errors: ECANCEL from progress, what the source broke with; the *count photos before are
 * good. */
arc_status arc_search_round(arc_search *s, arc_result *result, int room, int *count, arc_error *err);

#endif
