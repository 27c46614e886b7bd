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
    o.progress = cli_progress_tick;
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
static const cli_option repair_options[] = {CLI_JSON_LINE, {0}};
static const cli_option make_bin_options[] = {
    CLI_FILE("output", 'o', "FILE.bin", NULL, "the verification set"),
    CLI_FILE("pairs", 0, "FILE", NULL, "LFW's pairs.txt, or lines \"picture picture 0|1\", of pictures below the folder"),
    CLI_WHOLE("random", 0, "N", 1, 100000000, "6000", "pairs made up from a data set instead, every other one of one person"),
    CLI_WHOLE("seed", 0, "N", 0, INT64_MAX, "1", "of the random pairs"),
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
