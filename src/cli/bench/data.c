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
    if (!cli_int(c, "batch", 1, 65536, &o.batch) || !cli_int(c, "size", 16, 1024, &o.size_px) ||
        !cli_float(c, "seconds", 0.01, 3600, &o.seconds))
        return CLI_USAGE;
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
    {"batch", 'b', "N", "pictures in one step (default 64)"},
    {"augment", 0, "LIST", "recipes (none dali mxnet adaface) and steps (flip blur=0.2 ...); default flip"},
    {"size", 0, "N", "side in pixels (default 112)"},
    {"seconds", 0, "S", "how long (default 3)"},
    {"json", 'j', NULL, "one JSON line"},
    {0},
};

const cli_command cli_bench_data = {
    "bench data",
    "SET",
    "how fast a data set is read, decoded and augmented",
    "arcface bench data set/train.rec --augment flip,dali",
    0,
    1,
    1,
    options,
    run,
};
