/* generate: the kind of store that holds the state of a generator: a JSON text, and three arrays for each level as they are and
 * as they were before the last update. */
#ifndef ARC_GENERATE_STATE_H
#define ARC_GENERATE_STATE_H

#include "base/store.h"

extern const arc_store_kind arc_generate_state_kind;

typedef struct arc_generate_state {
    char of[17]; /* what it belongs to: model, targets, options */
    int64_t step, halvings, in_row;
} arc_generate_state;
/* Errors: ECORRUPT. */
arc_status arc_generate_state_read(const arc_store_file *f, arc_generate_state *out, arc_error *err);

#endif
