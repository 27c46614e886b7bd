/* face: the photos of a source to their faces and crops, many at a time. The caller decides what happens with the crops: a
 * pipeline embeds them, an evaluation embeds them differently. */
#ifndef ARC_FACE_LANES_H
#define ARC_FACE_LANES_H

#include "base/base.h"
#include <arcface/face.h>
#include <pthread.h>

typedef struct arc_lanes arc_lanes; /* one search at a time */
/* `opt` and `detector` (NULL for ready crops) must outlive them. dim: each face's embedding gets room for so many values; 0:
 * none. */
arc_status arc_lanes_new(arc_context *ctx, const arc_model *detector, const arc_pipeline_options *opt, arc_template align,
                         int dim, arc_lanes **out, arc_error *err);
void arc_lanes_free(arc_lanes **lanes);

/* An iteration over a source, in rounds, from arc_search_begin to arc_search_end. */
typedef struct arc_search {
    arc_lanes *lanes;
    const arc_photo_source *source;
    int (*progress)(void *ctx, int done, int count); /* NULL: none; for sources that know their number of photos */
    void *progress_ctx;
    int64_t next; /* index of the photo that is searched next */
    bool ended;   /* the source has no more */
    /* the current round */
    pthread_mutex_t lock; /* of what follows, and of a source that is not concurrent */
    int64_t first, stop;  /* photos first..stop-1 of the round; `stop` falls if the source ends or fails earlier */
    int64_t done, reported;
    bool cancelled;
    arc_status broken; /* the source failed, with this error */
    arc_error error;
    arc_result *result;
} arc_search;

#define ARC_ROUND_MAX 512 /* most photos in one round */

/* progress may be set afterwards. Errors: EINVAL for a source without `next`. */
arc_status arc_search_begin(arc_search *s, arc_lanes *lanes, const arc_photo_source *source, arc_error *err);
void arc_search_end(arc_search *s);
/* Searches the next photos, at most `room`; result[k] is photo (search->next before the call) + k. *count: how many; 0 only at
 * the end of the source or on failure. If a single photo fails, its result says so. Errors: ECANCEL from progress, and errors
 * of the source; the *count results before are valid. */
arc_status arc_search_round(arc_search *s, arc_result *result, int room, int *count, arc_error *err);

#endif
