/* What the evaluation commands share: their options, running one, showing its result. */
#ifndef ARCFACE_CLI_EVALUATIONS_H
#define ARCFACE_CLI_EVALUATIONS_H

#include "ui/faces.h"
#include <arcface/evaluate_search.h>

/* clang-format off */
#define EVAL_FACE_OPTIONS \
    CLI_FLAG("photos", 0, "the pictures are photos: detect and align them (--detector); default: aligned crops"), \
    CLI_FILE("detector", 'd', "NAME", "$ARCFACE_DETECTOR, else a pulled pack", "detection model for photos"), \
    CLI_FLAG("multi-scale", 0, "photos: also look at a small scale, for faces that fill the picture"), \
    LOOK_OPTIONS, \
    CLI_FLAG("strict", 0, "a picture that is missing, damaged or without a face is an error"), \
    CLI_FLAG("no-flip", 0, "only the plain view, not the sum with the mirrored one")
#define EVAL_PAGE_OPTIONS \
    CLI_FILE("report", 0, "FILE.html", NULL, "a self-contained page: curves, thresholds, folds, the worst pairs, provenance"), \
    CLI_FILE("plot", 0, "FILE", NULL, "ROC, DET and histograms as .svg or .png"), \
    CLI_FLAG("json", 'j', "one JSON object with everything")
#define EVAL_RESULT_OPTIONS \
    CLI_WHOLE("bootstrap", 0, "N", 0, 100000, "1000", "replicates over identities, 0 = none"), \
    CLI_WHOLE("seed", 0, "N", 0, INT32_MAX, "1", "of sampling and bootstrap"), \
    CLI_FLAG("no-checks", 0, "do not look for exchanged colours and bad alignment on 100 pairs"), \
    EVAL_PAGE_OPTIONS
#define EVAL_FOLD_OPTIONS \
    CLI_REAL("far", 0, "X", 0, 1, "0.001", "false accept rate at which the folds' true accept rate is given"), \
    CLI_WHOLE("folds", 0, "N", 2, ARC_EVALUATE_MAX_FOLDS, "what the list says, else 10", "into which the pairs are cut"), \
    CLI_WHOLE("limit", 0, "N", 1, INT32_MAX, NULL, "only the first N pairs; choose --folds so that each holds both kinds")
/* clang-format on */

typedef struct eval_command {
    arc_model *model, *detector;
    arc_evaluate_options opt;
    cli_progress bar;
    double started;
} eval_command;

/* Options, models and progress bar; an exit status. */
int eval_open(cli *c, eval_command *v);
/* An evaluation command's work between its options and what is shown of its result. */
typedef arc_status eval_call(cli *c, const eval_command *v, arc_evaluation **out, arc_error *err);
/* Opens, evaluates, shows the result (or the error) and closes everything; an exit status. */
int eval_run(cli *c, eval_call *evaluate);
/* Names what is missing, and says the evaluation's notes but those that `before` (may be NULL), on the same set, has said. */
void eval_warn(const cli *c, const arc_evaluation *e, const arc_evaluation *before);

#endif
