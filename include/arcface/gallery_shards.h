/** @file
 * Several galleries that are searched as one: shards, on one machine or on several, in files or in servers.
 */
#ifndef ARCFACE_GALLERY_SHARDS_H
#define ARCFACE_GALLERY_SHARDS_H

#include <arcface/gallery_search.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The most shards. */
#define ARC_SHARDS_MAX 256

/** Open shards. Any number of threads may search them at the same time. */
typedef struct arc_shards arc_shards;

/** Opens the galleries at `locations` [count], each as arc_gallery_open does with these options, which may be NULL;
 * "http://HOST:PORT" or "https://HOST:PORT" is the gallery behind another `arcface serve`, which is asked to search it (with the
 * environment's ARCFACE_SERVER_KEY as API key) and decides by its own people's thresholds. The order of the locations is theirs
 * for good: arc_shards_home depends on it. Ownership: close with arc_shards_close, before the context. Thread: any. Errors:
 * EINVAL (no locations, too many, the same one twice), those of arc_gallery_open. */
ARC_API ARC_NODISCARD arc_status arc_shards_open(arc_context *ctx, const char *const *locations, int count,
                                                 const arc_gallery_options *opt, arc_shards **out, arc_error *err);

/** Closes all of them and nulls the pointer; NULL is allowed. Thread: any, as their last user. */
ARC_API void arc_shards_close(arc_shards **shards);

/** How many there are. Thread: any. */
ARC_API int arc_shards_count(const arc_shards *shards);

/** One of them, 0 to count - 1, to enrol in it, list it, change it; NULL for other numbers, and for a shard behind another
 * server. It belongs to the shards. Thread: any. */
ARC_API arc_gallery *arc_shards_gallery(arc_shards *shards, int shard);

/** The shard that a person of this name belongs to, the same for everybody who asks: as long as all enrol there, a name is unique
 * in all shards. Thread: any. */
ARC_API int arc_shards_home(const arc_shards *shards, const char *name);

/** Who these faces are, as if all shards were one gallery: every shard is searched at the same time, each in a thread of its own,
 * for the best of all its people, the threshold is that of the size of all together, and the best of the best are given. If one
 * shard cannot be searched the call fails: an answer without it could be wrong.
 *
 * probes: [count][dim] of any length above 0. answers: [count], zeroed after a failure. shard: [count][query's top], in which
 * shard each match is; may be NULL. Of equal scores the one of the earlier shard comes first. query may be NULL; `only` and `log`
 * cannot be used, as ids and logs are those of one shard. A shard that is not bound to a model yet has nobody and is left out.
 * Ownership: free with arc_answers_free. Thread: any. Errors: EINVAL (the query; shards of different models or ways to fuse
 * scores), those of arc_gallery_identify, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_shards_identify(arc_shards *shards, const float *probes, int count,
                                                     const arc_gallery_query *query, arc_answer *answers, int *shard,
                                                     arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
