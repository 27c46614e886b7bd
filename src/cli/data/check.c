/* arcface data info, data verify: what is in a data set, and whether it is sound. */
#include "ui/cli.h"
#include <stdio.h>

#define MAX_TOLD 20

static int run_info(cli *c) {
    arc_data_info info;
    arc_error err = {0};
    cli_progress bar;
    int rows = 8, columns = 12;
    int64_t seed = 1;
    const char *sheet = cli_value(c, "sheet");
    cli_int(c, "rows", &rows);
    cli_int(c, "columns", &columns);
    cli_long(c, "seed", &seed);
    cli_progress_start(&bar, c, "reading");
    arc_status st = arc_data_info_get(c->ctx, c->args[0], cli_progress_tick, &bar, &info, &err);
    cli_progress_end(&bar);
    if (st != ARC_OK)
        return cli_fail(&err);
    if (sheet && arc_data_sheet(c->ctx, c->args[0], rows, columns, (uint64_t)seed, sheet, &err) != ARC_OK)
        return cli_fail_write(&err);
    char *text = NULL;
    return cli_show(c, arc_data_info_describe(c->ctx, c->args[0], &info, cli_given(c, "json"), &text, &err), &text, &err);
}

/* ---- verify ---- */

typedef struct told {
    const cli *c;
    int count;
    bool all;
} told;

static void tell(void *ctx, const char *text) {
    told *t = ctx;
    if (t->count++ < MAX_TOLD || t->all)
        fprintf(stderr, "arcface: %s\n", text);
}

static int run_verify(cli *c) {
    arc_data_verify_options o;
    arc_data_verdict v;
    arc_error err = {0};
    cli_progress bar;
    told problems = {c, 0, cli_given(c, "all")};
    arc_data_verify_options_default(&o);
    o.decode = !cli_given(c, "no-decode");
    o.write_sums = cli_given(c, "write-sums");
    o.problem = tell;
    o.problem_ctx = &problems;
    cli_progress_start(&bar, c, "checking");
    o.progress = cli_progress_tick;
    o.progress_ctx = &bar;
    arc_status st = arc_data_verify(c->ctx, c->args[0], &o, &v, &err);
    cli_progress_end(&bar);
    if (st != ARC_OK)
        return cli_fail(&err);
    if (problems.count > MAX_TOLD && !problems.all)
        fprintf(stderr, "arcface: and %d more; --all names them\n", problems.count - MAX_TOLD);
    char *text = NULL;
    st = arc_data_verdict_describe(c->ctx, &v, o.write_sums, cli_given(c, "json"), &text, &err);
    const int code = cli_show(c, st, &text, &err);
    return code != CLI_OK ? code : v.problems ? CLI_BAD_INPUT : CLI_OK;
}

static const cli_option info_options[] = {
    CLI_FILE("sheet", 0, "FILE", NULL, "a picture of random identities, a row each, .png or .jpg"),
    CLI_WHOLE("rows", 0, "N", 1, 1000, "8", "of the picture"),
    CLI_WHOLE("columns", 0, "N", 1, 1000, "12", "of the picture"),
    CLI_WHOLE("seed", 0, "N", 0, INT64_MAX, "1", "of the choice"),
    CLI_JSON_LINE,
    {0},
};
static const cli_option verify_options[] = {
    CLI_FLAG("write-sums", 0, "write SET.sums, a checksum of every picture; without it an existing one is compared"),
    CLI_FLAG("no-decode", 0, "don't decode the pictures"),
    CLI_FLAG("all", 'a', "name every problem, not only the first 20"),
    CLI_JSON_LINE,
    {0},
};

const cli_command cli_data_info = {
    .group = CLI_GROUP_DATA,
    .name = "data info",
    .args = "SET",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = 1,
    .what = "what is in a data set",
    .about = "Pictures, identities, how many of each, and what is wrong with the set at first sight.",
    .example = "arcface data info set/train.rec --sheet faces.jpg",
    .options = info_options,
    .run = run_info,
};
const cli_command cli_data_verify = {
    .group = CLI_GROUP_DATA,
    .name = "data verify",
    .args = "SET",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = 1,
    .what = "whether every picture of a data set is sound",
    .about = "Reads and decodes every picture, compares the index with the file and identity records with labels. Exit status "
             "3 when something is wrong.",
    .example = "arcface data verify set/train.rec --write-sums",
    .options = verify_options,
    .run = run_verify,
};
