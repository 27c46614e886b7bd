/* arcface data repair, data make-bin: a new index, a verification set. */
#include "ui/cli.h"
#include <inttypes.h>
#include <string.h>

static int run_repair(cli *c) {
    arc_error err = {0};
    cli_progress bar;
    cli_text t = {0};
    int64_t records, damaged;
    const char *keys;
    cli_progress_start(&bar, c, "scanning");
    bar.bytes = true;
    const arc_status st = arc_data_repair(c->ctx, c->args[0], cli_progress_tick, &bar, &records, &damaged, &keys, &err);
    cli_progress_end(&bar);
    if (st != ARC_OK)
        return st == ARC_EINVAL ? cli_usage(c, "%s", err.text) : cli_fail(&err);
    if (cli_given(c, "json"))
        cli_printf(&t, "{\"records\": %" PRId64 ", \"damaged\": %" PRId64 ", \"keys\": \"%s\"}\n", records, damaged, keys);
    else
        cli_printf(&t, "%" PRId64 " records indexed, keys by %s; %" PRId64 " damaged places passed over\n", records,
                   strcmp(keys, "ids") == 0      ? "the records' own ids"
                   : strcmp(keys, "layout") == 0 ? "position, header last"
                                                 : "position",
                   damaged);
    return cli_text_print(&t);
}

static int run_make_bin(cli *c) {
    arc_error err = {0};
    cli_progress bar;
    cli_text t = {0};
    int64_t pairs = 6000, seed = 1;
    const char *path = cli_value(c, "output"), *list = cli_value(c, "pairs");
    if (!path || !cli_has_suffix(path, ".bin"))
        return cli_usage(c, "data make-bin needs -o FILE.bin");
    if (list && cli_given(c, "random"))
        return cli_usage(c, "--pairs names the pairs of a list, --random makes them up: one of the two");
    cli_long(c, "random", &pairs);
    cli_long(c, "seed", &seed);
    cli_progress_start(&bar, c, "pairs");
    const arc_status st =
        list ? arc_data_make_bin(c->ctx, c->args[0], list, path, cli_progress_tick, &bar, &pairs, &err)
             : arc_data_random_bin(c->ctx, c->args[0], pairs, (uint64_t)seed, path, cli_progress_tick, &bar, &err);
    cli_progress_end(&bar);
    if (st != ARC_OK)
        return cli_fail(&err);
    if (cli_given(c, "json"))
        cli_printf(&t, "{\"pairs\": %" PRId64 "}\n", pairs);
    else
        cli_printf(&t, "%s: %" PRId64 " pairs\n", path, pairs);
    return cli_text_print(&t);
}

static const cli_option repair_options[] = {CLI_JSON_LINE, {0}};
static const cli_option make_bin_options[] = {
    CLI_FILE("output", 'o', "FILE.bin", NULL, "the verification set"),
    CLI_FILE("pairs", 0, "FILE", NULL, "LFW's pairs.txt, or lines \"picture picture 0|1\", of pictures below the folder"),
    CLI_WHOLE("random", 0, "N", 1, 100000000, "6000", "pairs made up from a data set instead, every other one of one person"),
    CLI_WHOLE("seed", 0, "N", 0, INT64_MAX, "1", "of the random pairs"),
    CLI_JSON_LINE,
    {0},
};

const cli_command cli_data_repair = {
    .group = CLI_GROUP_DATA,
    .name = "data repair",
    .args = "FILE.rec",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = 1,
    .what = "make a .rec's index anew",
    .about = "Makes the .idx anew by walking the file; damage is passed over.",
    .example = "arcface data repair train.rec",
    .options = repair_options,
    .run = run_repair,
};
const cli_command cli_data_make_bin = {
    .group = CLI_GROUP_DATA,
    .name = "data make-bin",
    .args = "FOLDER|SET",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = 1,
    .what = "a verification set (.bin) from pairs of pictures",
    .about = "A verification set as InsightFace pickles it, from a list of pairs over FOLDER/Name/Name_0001.jpg or paths "
             "below FOLDER, or from random pairs of a SET.",
    .example = "arcface data make-bin lfw-112/ --pairs pairs.txt -o lfw.bin",
    .options = make_bin_options,
    .run = run_make_bin,
};
