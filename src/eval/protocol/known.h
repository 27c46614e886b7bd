/* eval: recognises known test sets, and knows the published scores of known models on them. */
#ifndef ARC_EVAL_PROTOCOL_KNOWN_H
#define ARC_EVAL_PROTOCOL_KNOWN_H

#include "eval/eval_internal.h"

/* Sets the lineage of the set, by the hash of its list, else by its name, pairs and size. Adds notes: which of two files of
 * the same name this is, and a score far below the published one of this model. e must have its verification and provenance. */
arc_status arc_known_notes(arc_evaluation *e, const arc_pair_set *p, arc_error *err);
/* The name of the list with this SHA-256, or NULL. */
const char *arc_known_list(const uint8_t digest[32]);

#endif
