/* data: a sink for labelled pictures: RecordIO as InsightFace or im2rec write it, or a folder for each identity. picks.h fills
 * it. */
#ifndef ARC_DATA_SINK_H
#define ARC_DATA_SINK_H

#include "base/base.h"
#include <arcface/data.h>

typedef struct arc_data_sink arc_data_sink;

/* path: a .rec, a folder that gets train.rec, train.idx and property (RecordIO), or a folder that gets a folder for each
 * identity; created if missing. The RecordIO files and `property` appear at commit, all or none. width_px, height_px: for
 * `property`. */
arc_status arc_data_sink_open(arc_data_sink **out, const arc_context *ctx, const char *path, arc_data_layout layout, int width_px,
                              int height_px, arc_error *err);
/* Adds a picture. With ARC_DATA_IDENTITIES pictures come in the order of their labels (EINVAL otherwise). name: of the file in
 * a folder, with suffix; NULL: a number, with the suffix that the picture's first bytes indicate. */
arc_status arc_data_sink_put(arc_data_sink *sink, int64_t label, const char *name, const void *bytes, size_t count,
                             arc_error *err);
int64_t arc_data_sink_pictures(const arc_data_sink *sink);
int64_t arc_data_sink_identities(const arc_data_sink *sink); /* that have a picture, where labels come in order */
int64_t arc_data_sink_bytes(const arc_data_sink *sink);      /* of the pictures */
arc_status arc_data_sink_commit(arc_data_sink **sink, arc_error *err);
void arc_data_sink_abort(arc_data_sink **sink); /* NULL-safe; pictures that were already written to folders stay */

#endif
