/* Known sets and what known models score on them. */
#ifndef ARC_EVAL_PROTOCOL_KNOWN_H
#define ARC_EVAL_PROTOCOL_KNOWN_H

#include "eval/eval_internal.h"

/* Lineage of the set, by the hash of its list, else by its name, pairs and size; notes: which of two files of one name this is, a score far
 * below what is published for this model. e has its verification and provenance. */
arc_status arc_known_notes(arc_evaluation *e, const arc_pair_set *p, arc_error *err);
/* The line for a list with this SHA-256, or NULL. */
const char *arc_known_list(const uint8_t digest[32]);

#endif
