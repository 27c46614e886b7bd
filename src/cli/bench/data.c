/* arcface bench data: how many pictures a second the loader makes ready for training. */
#include "ui/cli.h"

static int run(cli *c) {
    arc_data_bench_options o;
    arc_error err = {0};
    char *text = NULL;
    double rate;
    int64_t replaced;
    arc_data_bench_options_default(&o);
    o.threads = arc_context_threads(c->ctx);
    cli_int(c, "batch", &o.batch);
    cli_int(c, "size", &o.size_px);
    cli_float(c, "seconds", &o.seconds);
    if (cli_given(c, "augment"))
        o.augment = cli_value(c, "augment");
    const arc_status st = arc_data_bench(c->ctx, c->args[0], &o, &rate, &replaced, &err);
    if (st != ARC_OK)
        return st == ARC_EINVAL ? cli_usage(c, "%s", err.text) : cli_fail(&err);
    return cli_show(c, arc_data_bench_describe(c->ctx, &o, rate, replaced, cli_given(c, "json"), &text, &err), &text, &err);
}

static const cli_option options[] = {
    CLI_WHOLE("batch", 'b', "N", 1, 65536, "64", "pictures in one step"),
    CLI_LIKELY("augment", 0, "LIST", "none flip dali mxnet adaface crop low-res blur jitter hue gray jpeg cutout mask", "flip",
               "recipes (none dali mxnet adaface) and steps with their probability (flip blur=0.2 ...), with commas between"),
    CLI_WHOLE("size", 0, "N", 16, 1024, "112", "side in pixels"),
    CLI_REAL("seconds", 0, "S", 0.01, 3600, "3", "how long"),
    CLI_JSON_LINE,
    {0},
};

const cli_command cli_bench_data = {
    .group = CLI_GROUP_SPEED,
    .name = "bench data",
    .args = "SET",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = 1,
    .what = "how fast a data set is read, decoded and augmented",
    .about = "How many pictures a second the loader reads, decodes and augments.",
    .example = "arcface bench data set/train.rec --augment flip,dali",
    .options = options,
    .run = run,
};
