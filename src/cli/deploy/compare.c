/* arcface compare: what a device gave beside float32's embeddings. */
#include "ui/gate.h"

static int run(cli *c) {
    const char *reference = cli_value(c, "reference"), *candidate = cli_value(c, "candidate");
    arc_parity_options opt;
    arc_quantize_gate gate;
    arc_error err = {0};
    char *text = NULL;
    if (!reference || !candidate)
        return cli_usage(c, "compare needs --reference FOLDER and --candidate FILE");
    arc_parity_options_default(&opt);
    gate_bounds(c, &gate);
    cli_float(c, "scale", &opt.scale);
    cli_long(c, "zero-point", &opt.zero_point);
    opt.tensor = cli_value(c, "tensor");
    opt.pairs = cli_value(c, "pairs");
    opt.gate = &gate;
    if (cli_given(c, "zero-point") && !cli_given(c, "scale"))
        return cli_usage(c, "--zero-point Z belongs to --scale S");
    arc_parity *parity = cli_new(1, sizeof *parity);
    arc_status st = arc_parity_compare(c->ctx, reference, candidate, &opt, parity, &err);
    if (st == ARC_OK)
        st = arc_parity_describe(c->ctx, parity, cli_given(c, "json"), &text, &err);
    int code = cli_show(c, st, &text, &err);
    if (code == CLI_OK && *parity->refused)
        code = CLI_NO;
    cli_free(parity);
    return code;
}

static const cli_option options[] = {
    CLI_FOLDER("reference", 0, "FOLDER", NULL, "names.txt and embeddings.npy, perhaps pairs.txt; or a conversion kit"),
    CLI_FILE("candidate", 0, "FILE", NULL, "what the device gave: .npy [N,F], or a recording in JSON"),
    CLI_REAL("scale", 0, "S", 1e-30, 1e30, NULL, "of quantized numbers: value = (number - Z) * S"),
    CLI_WHOLE("zero-point", 0, "Z", -65536, 65536, "0", "of quantized numbers"),
    CLI_TEXT("tensor", 0, "NAME", "output", "which output of a recording"),
    CLI_FILE("pairs", 0, "FILE", NULL,
             "pairs of the reference's pictures, \"NAME.png NAME.png 0|1\" a line (default: its pairs.txt)"),
    GATE_BOUNDS,
    CLI_FLAG("json", 'j', "one JSON object"),
    {0},
};

const cli_command cli_compare = {
    .group = CLI_GROUP_MODELS,
    .name = "compare",
    .args = "",
    .what = "a device's embeddings beside float32's",
    .about = "Reads what a device gave for the pictures of a reference, holds it against float32's embeddings, and gives the "
             "verdict that quantize gives on 8-bit models. Rows are in the order of names.txt, unless a recording names its "
             "pictures. arcface eval compare is for two models on one set of pairs. docs/DEPLOY.md describes the recording.",
    .no = "the device's embeddings are not near enough",
    .example = "arcface compare --reference kit/ --candidate device.npy --scale 0.0123 --zero-point 131",
    .options = options,
    .run = run,
};
