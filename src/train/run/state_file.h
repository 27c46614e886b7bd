/* train: the kind of store (base/store.h) that holds the state of a training: a JSON text (made by checkpoint.c), then named
 * float32 arrays. */
#ifndef ARC_TRAIN_RUN_STATE_FILE_H
#define ARC_TRAIN_RUN_STATE_FILE_H

#include "base/store.h"

extern const arc_store_kind arc_state_kind;

#endif
