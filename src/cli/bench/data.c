/* arcface bench data: how many pictures a second the loader makes ready for training. */
#include "ui/cli.h"
#include <inttypes.h>

static int run(cli *c) {
    arc_data_bench_options o;
    arc_error err = {0};
    cli_text t = {0};
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
    if (cli_given(c, "json"))
        cli_printf(&t, "{\"threads\": %d, \"batch\": %d, \"size\": %d, \"images_per_s\": %.1f, \"replaced\": %" PRId64 "}\n",
                   o.threads, o.batch, o.size_px, rate, replaced);
    else
        cli_printf(&t, "%.0f pictures/s, %d x %d, batch %d, %s, %d threads\n", rate, o.size_px, o.size_px, o.batch, o.augment,
                   o.threads);
    if (replaced && !cli_given(c, "json"))
        cli_printf(&t, "%" PRId64 " pictures could not be read and were replaced\n", replaced);
    return cli_text_print(&t);
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
