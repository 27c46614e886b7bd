/* train: TensorBoard event files: TFRecords (u64 length, its masked CRC-32C, data, its masked CRC-32C) that hold Event
 * messages with scalars. journal.c decides what is logged. */
#ifndef ARC_TRAIN_RUN_EVENT_FILE_H
#define ARC_TRAIN_RUN_EVENT_FILE_H

#include "base/base.h"
#include "base/crc32c.h"

typedef struct arc_event_file arc_event_file;
/* Creates folder/events.out.tfevents.SECONDS.arcface; if the name is taken, a number is appended. */
arc_status arc_event_file_open(arc_event_file **out, const arc_alloc *a, const char *folder, arc_error *err);
typedef struct arc_event_scalar {
    const char *tag;
    double value;
} arc_event_scalar;
arc_status arc_event_file_put(arc_event_file *f, int64_t step, const arc_event_scalar *scalar, size_t count, arc_error *err);
arc_status arc_event_file_close(arc_event_file **f, arc_error *err); /* NULL-safe */

#endif
