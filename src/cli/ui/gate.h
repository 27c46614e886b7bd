/* The bounds within which another arithmetic may take the place of float32: options that several commands share. */
#ifndef ARCFACE_CLI_GATE_H
#define ARCFACE_CLI_GATE_H

#include "ui/cli.h"

/* Put into a command's table: bounds, and pairs where pictures are embedded. */
/* clang-format off */
#define GATE_BOUNDS \
    CLI_REAL("min-cosine", 0, "X", -1, 1, "0.985", "least mean cosine to float32"), \
    CLI_REAL("min-low-cosine", 0, "X", -1, 1, "0.95", "least 1st percentile of it"), \
    CLI_REAL("max-drop", 0, "X", 0, 100, "0.1", "points of accuracy on the pairs that may be lost"), \
    CLI_REAL("max-tar-drop", 0, "X", 0, 100, "0.5", "points of TAR@FAR=1e-3")
#define GATE_PAIRS \
    CLI_FILE("pairs", 0, "FILE", NULL, "also verify these pairs (LFW's format) before and after ..."), \
    CLI_FOLDER("images", 0, "FOLDER", NULL, "... on the aligned pictures of this folder")
/* clang-format on */

void gate_bounds(const cli *c, arc_quantize_gate *gate); /* the values of GATE_BOUNDS, the rest by default */
/* Those of both; an exit status. Progress goes to gate->progress_ctx, a cli_progress that the caller sets. */
int gate_options(const cli *c, arc_quantize_gate *gate);

#endif
