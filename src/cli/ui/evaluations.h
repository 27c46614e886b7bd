/* What the evaluation commands share: their options, running one, showing its result. */
#ifndef ARCFACE_CLI_EVALUATIONS_H
#define ARCFACE_CLI_EVALUATIONS_H

#include "ui/cli.h"
#include <arcface/evaluate_search.h>

/* clang-format off */
#define EVAL_FACE_OPTIONS \
    {"photos", 0, NULL, "the pictures are photos: detect and align them (--detector); default: aligned crops"}, \
    {"detector", 'd', "NAME", "detection model for photos (default: $ARCFACE_DETECTOR, else a pulled pack)"}, \
    {"multi-scale", 0, NULL, "photos: also look at a small scale, for faces that fill the picture"}, \
    {"strict", 0, NULL, "a picture that is missing or without a face is an error"}, \
    {"no-flip", 0, NULL, "only the plain view, not the sum with the mirrored one"}
#define EVAL_PAGE_OPTIONS \
    {"report", 0, "FILE.html", "a self-contained page: curves, thresholds, folds, the worst pairs, provenance"}, \
    {"plot", 0, "FILE", "ROC, DET and histograms as .svg or .png"}, \
    {"json", 'j', NULL, "one JSON object with everything"}
#define EVAL_RESULT_OPTIONS \
    {"bootstrap", 0, "N", "replicates over identities (default 1000; 0 = none)"}, \
    {"seed", 0, "N", "of sampling and bootstrap (default 1)"}, \
    {"no-checks", 0, NULL, "do not look for exchanged colours and bad alignment on 100 pairs"}, \
    EVAL_PAGE_OPTIONS
#define EVAL_FOLD_OPTIONS \
    {"far", 0, "X", "false accept rate at which the folds' true accept rate is given (default 0.001)"}, \
    {"folds", 0, "N", "default: what the list says, else 10"}, \
    {"limit", 0, "N", "only the first N pairs; choose --folds so that each holds both kinds"}
/* clang-format on */

typedef struct eval_command {
    arc_model *model, *detector;
    arc_evaluate_options opt;
    cli_progress bar;
    double started;
} eval_command;

/* Options, models and progress bar; an exit status. */
int eval_open(cli *c, eval_command *v);
/* Shows the result (or the error) and closes everything. */
int eval_close(cli *c, eval_command *v, arc_status st, arc_evaluation *e, const arc_error *err);
/* Names what is missing, and says the evaluation's notes but those that `before` (may be NULL), on the same set, has said. */
void eval_warn(const cli *c, const arc_evaluation *e, const arc_evaluation *before);

void cli_put_verification(cli_text *t, const arc_verification *v);
void cli_put_evaluation(cli_text *t, const arc_evaluation *e);
void cli_put_provenance(cli_text *t, const arc_provenance *p);
void cli_json_provenance(cli_text *t, const arc_provenance *p); /* an object */
void cli_json_evaluation(cli_text *t, const arc_evaluation *e);

#endif
