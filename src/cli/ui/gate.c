/* The bounds within which another arithmetic may take the place of float32. */
#include "ui/gate.h"

void gate_bounds(const cli *c, arc_quantize_gate *gate) {
    arc_quantize_gate_default(gate);
    cli_float(c, "min-cosine", &gate->min_cosine);
    cli_float(c, "min-low-cosine", &gate->min_low_cosine);
    cli_float(c, "max-drop", &gate->max_drop);
    cli_float(c, "max-tar-drop", &gate->max_tar_drop);
}

int gate_options(const cli *c, arc_quantize_gate *gate) {
    gate_bounds(c, gate);
    if (!cli_value(c, "pairs") != !cli_value(c, "images"))
        return cli_usage(c, "--pairs FILE and --images FOLDER belong together");
    gate->images = cli_value(c, "images");
    gate->pairs = cli_value(c, "pairs");
    gate->progress = cli_progress_stage;
    return CLI_OK;
}
