/* arcface plot: the curves of trainings. */
#include "ui/cli.h"
#include <stdio.h>

static int run(cli *c) {
    char path[CLI_PATH_BYTES];
    arc_error err = {0};
    const char *output = cli_value(c, "output");
    if (!output) {
        snprintf(path, sizeof path, "%s/curves.svg", c->args[0]);
        output = path;
    }
    if (!cli_has_suffix(output, ".svg") && !cli_has_suffix(output, ".png"))
        return cli_usage(c, "-o %s: must end in .svg or .png", output);
    if (arc_train_plot(c->ctx, (const char *const *)c->args, c->arg_count, output, &err) != ARC_OK)
        return err.code == ARC_EINVAL ? cli_usage(c, "%s", err.text) : cli_fail(&err);
    printf("%s\n", output);
    return CLI_OK;
}

static const cli_option options[] = {
    CLI_FILE("output", 'o', "FILE", "curves.svg in the first folder", ".svg or .png"),
    {0},
};

const cli_command cli_plot = {
    .group = CLI_GROUP_TRAINING,
    .name = "plot",
    .args = "RUN...",
    .takes = CLI_IS_FOLDER,
    .min_args = 1,
    .max_args = -1,
    .what = "curves of one or several trainings: loss, accuracy, rate, gradient norm",
    .example = "arcface plot run/ -o curves.png",
    .options = options,
    .run = run,
};
