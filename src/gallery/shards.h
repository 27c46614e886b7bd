/* gallery: what others in this room need of shards. */
#ifndef ARC_GALLERY_SHARDS_ROOM_H
#define ARC_GALLERY_SHARDS_ROOM_H

#include <arcface/gallery_shards.h>

/* Every shard that is bound is bound to this model. Errors: EINVAL (one is not), those of asking them. */
arc_status arc_shards_check_model(arc_shards *shards, const arc_model *model, arc_error *err);

#endif
