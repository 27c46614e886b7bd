/* arcface data info, verify, repair, make-bin: what is in a data set, whether it is sound, and what can be made of it. */
#include "ui/cli.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAX_TOLD 20

static void info_json(cli_text *t, const char *path, const arc_data_info *n) {
    cli_printf(t, "{\"path\": ");
    cli_json_string(t, path);
    cli_printf(
        t, ", \"kind\": \"%s\", \"layout\": \"%s\", \"pictures\": %" PRId64 ", \"identities\": %" PRId64 ", \"used\": %" PRId64,
        n->kind, n->layout ? n->layout : "", n->pictures, n->identities, n->used);
    cli_printf(t,
               ", \"least\": %" PRId64 ", \"median\": %" PRId64 ", \"most\": %" PRId64 ", \"singles\": %" PRId64
               ", \"bytes\": %" PRId64,
               n->least, n->median, n->most, n->singles, n->bytes);
    cli_printf(t,
               ", \"unreadable\": %" PRId64 ", \"bad_labels\": %" PRId64 ", \"duplicate_keys\": %" PRId64
               ", \"damaged\": %" PRId64 ", \"indexed\": %s, \"width\": %d, \"height\": %d}\n",
               n->unreadable, n->bad_labels, n->duplicate_keys, n->damaged, n->indexed ? "true" : "false", n->width_px,
               n->height_px);
}

static void line(cli_text *t, int64_t count, const char *what) {
    if (count > 0)
        cli_printf(t, "%-12s %" PRId64 " %s\n", "", count, what);
}

static void info_text(cli_text *t, const char *path, const arc_data_info *n) {
    cli_printf(t, "%-12s %s\n%-12s %s%s%s%s\n", "set", path, "kind", n->kind, n->layout ? ", layout " : "",
               n->layout ? n->layout : "", n->indexed ? "" : ", no index (arcface data repair makes one)");
    cli_printf(t, "%-12s %" PRId64 ", %.1f MB", "pictures", n->pictures, (double)n->bytes / 1e6);
    if (n->width_px)
        cli_printf(t, ", the first %d x %d", n->width_px, n->height_px);
    cli_printf(t, "\n%-12s %" PRId64 " (%" PRId64 " with pictures)", "identities", n->identities, n->used);
    if (n->property_identities >= 0)
        cli_printf(t, ", property says %" PRId64, n->property_identities);
    cli_printf(t, "\n%-12s %" PRId64 " to %" PRId64 ", median %" PRId64 "\n", "of each", n->least, n->most, n->median);
    line(t, n->singles, "identities with a single picture");
    line(t, n->unreadable, "unreadable records");
    line(t, n->bad_labels, "labels that are no identity");
    line(t, n->duplicate_keys, "keys more than once in the index");
    line(t, n->damaged, "damaged places");
    line(t, n->empty_folders, "folders without pictures");
    line(t, n->ignored_files, "files that are no pictures");
    if (n->used == 1)
        cli_printf(t, "%-12s one identity only: nothing to tell apart\n", "");
}

static int run_info(cli *c) {
    arc_data_info info;
    arc_error err = {0};
    cli_progress bar;
    cli_text t = {0};
    int rows = 8, columns = 12;
    int64_t seed = 1;
    const char *sheet = cli_value(c, "sheet");
    if (!cli_int(c, "rows", 1, 1000, &rows) || !cli_int(c, "columns", 1, 1000, &columns) ||
        !cli_long(c, "seed", 0, INT64_MAX, &seed))
        return CLI_USAGE;
    cli_progress_start(&bar, c, "reading");
    arc_status st = arc_data_info_get(c->ctx, c->args[0], cli_progress_step, &bar, &info, &err);
    cli_progress_end(&bar);
    if (st != ARC_OK)
        return cli_fail(&err);
    if (sheet && arc_data_sheet(c->ctx, c->args[0], rows, columns, (uint64_t)seed, sheet, &err) != ARC_OK)
        return cli_fail_write(&err);
    if (cli_given(c, "json"))
        info_json(&t, c->args[0], &info);
    else
        info_text(&t, c->args[0], &info);
    return cli_text_print(&t);
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

static void verdict_json(cli_text *t, const arc_data_verdict *v) {
    cli_printf(t,
               "{\"pictures\": %" PRId64 ", \"good\": %" PRId64 ", \"problems\": %" PRId64 ", \"unreadable\": %" PRId64
               ", \"undecodable\": %" PRId64 ", \"bad_labels\": %" PRId64 ", \"changed\": %" PRId64 ", \"unlisted\": %" PRId64,
               v->pictures, v->good, v->problems, v->unreadable, v->undecodable, v->bad_labels, v->changed, v->unlisted);
    cli_printf(t,
               ", \"duplicate_keys\": %" PRId64 ", \"unindexed\": %" PRId64 ", \"damaged\": %" PRId64
               ", \"bad_identities\": %" PRId64 ", \"sums\": %s}\n",
               v->duplicate_keys, v->unindexed, v->damaged, v->bad_identities, v->sums ? "true" : "false");
}

static void verdict_text(cli_text *t, const arc_data_verdict *v, bool wrote) {
    cli_printf(t, "%" PRId64 " of %" PRId64 " pictures are good%s\n", v->good, v->pictures,
               wrote     ? "; checksums written"
               : v->sums ? ", compared with their checksums"
                         : "");
    line(t, v->unreadable, "unreadable");
    line(t, v->undecodable, "not decodable");
    line(t, v->bad_labels, "with a label that is no identity");
    line(t, v->changed, "changed since their checksums were written");
    line(t, v->unlisted, "without a checksum");
    line(t, v->duplicate_keys, "keys more than once in the index");
    line(t, v->unindexed, "records that the index lacks (arcface data repair)");
    line(t, v->damaged, "damaged places in the file");
    line(t, v->bad_identities, "identity records that do not fit");
}

static int run_verify(cli *c) {
    arc_data_verify_options o;
    arc_data_verdict v;
    arc_error err = {0};
    cli_progress bar;
    cli_text t = {0};
    told problems = {c, 0, cli_given(c, "all")};
    arc_data_verify_options_default(&o);
    o.decode = !cli_given(c, "no-decode");
    o.write_sums = cli_given(c, "write-sums");
    o.problem = tell;
    o.problem_ctx = &problems;
    cli_progress_start(&bar, c, "checking");
    o.progress = cli_progress_step;
    o.progress_ctx = &bar;
    const arc_status st = arc_data_verify(c->ctx, c->args[0], &o, &v, &err);
    cli_progress_end(&bar);
    if (st != ARC_OK)
        return cli_fail(&err);
    if (problems.count > MAX_TOLD && !problems.all)
        fprintf(stderr, "arcface: and %d more; --all names them\n", problems.count - MAX_TOLD);
    if (cli_given(c, "json"))
        verdict_json(&t, &v);
    else
        verdict_text(&t, &v, o.write_sums);
    const int code = cli_text_print(&t);
    return code != CLI_OK ? code : v.problems ? CLI_BAD_INPUT : CLI_OK;
}

/* ---- repair ---- */

static int run_repair(cli *c) {
    arc_error err = {0};
    cli_progress bar;
    cli_text t = {0};
    int64_t records, damaged;
    const char *keys;
    cli_progress_start(&bar, c, "scanning");
    bar.bytes = true;
    const arc_status st = arc_data_repair(c->ctx, c->args[0], cli_progress_step, &bar, &records, &damaged, &keys, &err);
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

/* ---- make-bin ---- */

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
    if (!cli_long(c, "random", 1, 100000000, &pairs) || !cli_long(c, "seed", 0, INT64_MAX, &seed))
        return CLI_USAGE;
    cli_progress_start(&bar, c, "pairs");
    const arc_status st =
        list ? arc_data_make_bin(c->ctx, c->args[0], list, path, cli_progress_step, &bar, &pairs, &err)
             : arc_data_random_bin(c->ctx, c->args[0], pairs, (uint64_t)seed, path, cli_progress_step, &bar, &err);
    cli_progress_end(&bar);
    if (st != ARC_OK)
        return cli_fail(&err);
    if (cli_given(c, "json"))
        cli_printf(&t, "{\"pairs\": %" PRId64 "}\n", pairs);
    else
        cli_printf(&t, "%s: %" PRId64 " pairs\n", path, pairs);
    return cli_text_print(&t);
}

static const cli_option info_options[] = {
    {"sheet", 0, "FILE", "a picture of random identities, a row each, .png or .jpg"},
    {"rows", 0, "N", "of the picture (default 8)"},
    {"columns", 0, "N", "of the picture (default 12)"},
    {"seed", 0, "N", "of the choice (default 1)"},
    {"json", 'j', NULL, "one JSON line"},
    {0},
};
static const cli_option verify_options[] = {
    {"write-sums", 0, NULL, "write SET.sums, a checksum of every picture; without it an existing one is compared"},
    {"no-decode", 0, NULL, "don't decode the pictures"},
    {"all", 'a', NULL, "name every problem, not only the first 20"},
    {"json", 'j', NULL, "one JSON line"},
    {0},
};
static const cli_option repair_options[] = {
    {"json", 'j', NULL, "one JSON line"},
    {0},
};
static const cli_option make_bin_options[] = {
    {"output", 'o', "FILE.bin", "the verification set"},
    {"pairs", 0, "FILE", "LFW's pairs.txt, or lines \"picture picture 0|1\", of pictures below the folder"},
    {"random", 0, "N", "pairs made up from a data set instead, every other one of one person (default 6000)"},
    {"seed", 0, "N", "of the random pairs (default 1)"},
    {"json", 'j', NULL, "one JSON line"},
    {0},
};

const cli_command cli_data_info = {
    "data info",  "SET",    "what is in a data set", "arcface data info set/train.rec --sheet faces.jpg", 0, 1, 1,
    info_options, run_info,
};
const cli_command cli_data_verify = {
    "data verify",
    "SET",
    "whether every picture of a data set is sound",
    "arcface data verify set/train.rec --write-sums",
    0,
    1,
    1,
    verify_options,
    run_verify,
};
const cli_command cli_data_repair = {
    "data repair", "FILE.rec", "make a .rec's index anew", "arcface data repair train.rec", 0, 1, 1, repair_options, run_repair,
};
const cli_command cli_data_make_bin = {
    "data make-bin",
    "FOLDER|SET",
    "a verification set (.bin) from pairs of pictures",
    "arcface data make-bin lfw-112/ --pairs pairs.txt -o lfw.bin",
    0,
    1,
    1,
    make_bin_options,
    run_make_bin,
};
