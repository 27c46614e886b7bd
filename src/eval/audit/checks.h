/* audit: checks whether the pictures of an evaluation reach the model as it was trained. */
#ifndef ARC_EVAL_AUDIT_CHECKS_H
#define ARC_EVAL_AUDIT_CHECKS_H

#include "eval/eval_internal.h"

/* Embeds the pictures of 50 genuine and 50 impostor pairs as they are, with red and blue exchanged, and cut closer, wider and
 * shifted in four directions. If one of these separates clearly better than the pictures as given, the evaluation gets a note. */
arc_status arc_input_checks(arc_context *ctx, const arc_model *model, const arc_pair_set *p, const arc_evaluate_options *opt,
                            arc_evaluation *e, arc_error *err);

#endif
