/* arcface data split, data dedup: parts of a data set; a set without repeated pictures. */
#include "ui/copies.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_PARTS 64

/* "0.9,0.1" */
static bool read_shares(const cli *c, double *share, int *parts) {
    const char *text = cli_value(c, "parts");
    *parts = 0;
    for (const char *at = text ? text : "0.9,0.1"; *parts < MAX_PARTS;) {
        char *end;
        share[*parts] = strtod(at, &end);
        if (end == at || !(share[*parts] > 0) || (*end && *end != ','))
            break;
        ++*parts;
        if (!*end && *parts > 1)
            return true;
        if (!*end)
            break;
        at = end + 1;
    }
    cli_usage(c, "--parts %s: two or more positive numbers with commas between them are expected, as 0.9,0.1", text);
    return false;
}

static int run_split(cli *c) {
    arc_data_copy_options o;
    arc_data_counts counts[MAX_PARTS];
    arc_error err = {0};
    cli_progress bar;
    double share[MAX_PARTS];
    int parts;
    const char *path = cli_value(c, "output");
    if (!path)
        return cli_usage(c, "data split needs -o FOLDER for the parts");
    if (!read_shares(c, share, &parts))
        return CLI_USAGE;
    copies_read(c, &o, &bar, "splitting");
    const arc_status st = arc_data_split(c->ctx, c->args[0], path, share, parts, cli_word(c, "by") == 1, &o, counts, &err);
    cli_progress_end(&bar);
    if (st != ARC_OK)
        return copies_fail(c, st, &err);
    int code = CLI_OK;
    for (int i = 0; code == CLI_OK && i < parts; i++) {
        char name[CLI_PATH_BYTES + 16];
        snprintf(name, sizeof name, "%s/part-%d", path, i + 1);
        code = copies_show(c, name, &counts[i]);
    }
    return code;
}

static int run_dedup(cli *c) {
    arc_data_dedup_options o;
    arc_data_duplicates found;
    arc_data_counts counts;
    arc_error err = {0};
    cli_progress bar;
    const char *path = cli_value(c, "output");
    arc_data_dedup_options_default(&o);
    copies_read(c, &o.copy, &bar, "comparing");
    cli_int(c, "near", &o.near_bits);
    if (cli_given(c, "exact"))
        o.near_bits = -1;
    o.drop_conflicts = cli_given(c, "drop-conflicts");
    o.list = cli_value(c, "list");
    const arc_status st = arc_data_dedup(c->ctx, c->args[0], path, &o, &found, &counts, &err);
    cli_progress_end(&bar);
    if (st != ARC_OK)
        return copies_fail(c, st, &err);
    if (cli_given(c, "json")) {
        printf("{\"exact\": %" PRId64 ", \"near\": %" PRId64 ", \"conflicts\": %" PRId64 ", \"unreadable\": %" PRId64
               ", \"pictures\": %" PRId64 ", \"left_out\": %" PRId64 "}\n",
               found.exact, found.near, found.conflicts, found.unreadable, counts.pictures, counts.left_out);
        return CLI_OK;
    }
    printf("%" PRId64 " equal and %" PRId64 " nearly equal pictures; %" PRId64 " stand under several identities%s\n", found.exact,
           found.near, found.conflicts,
           found.conflicts ? (o.drop_conflicts ? " (dropped)" : " (kept; --drop-conflicts drops them)") : "");
    return path ? copies_show(c, path, &counts) : CLI_OK;
}

static const cli_option split_options[] = {
    COPY_OPTIONS,
    CLI_TEXT("parts", 0, "X,X", "0.9,0.1", "shares: -o/part-1, part-2, ..."),
    CLI_WORD("by", 0, "WHAT", "identity image", "identity",
             "identity (whole people, numbered anew) or image (some of everyone's)"),
    {0},
};
static const cli_option dedup_options[] = {
    COPY_OPTIONS,
    CLI_WHOLE("near", 0, "BITS", 0, 15, "6", "perceptual hashes (256 bits) that differ in at most so many are the same"),
    CLI_FLAG("exact", 0, "only equal bytes"),
    CLI_FLAG("drop-conflicts", 0, "also drop pictures that stand under several identities"),
    CLI_FILE("list", 0, "FILE", NULL, "what was found: kind, key, label, key and label of the first such picture, tab-separated"),
    {0},
};
const cli_command cli_data_split = {
    .group = CLI_GROUP_DATA,
    .name = "data split",
    .args = "SET",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = 1,
    .what = "a data set into parts",
    .about = "The parts are folders below the one of -o: part-1, part-2 and so on.",
    .example = "arcface data split set/ -o parts/ --parts 0.9,0.1",
    .options = split_options,
    .run = run_split,
};
const cli_command cli_data_dedup = {
    .group = CLI_GROUP_DATA,
    .name = "data dedup",
    .args = "SET",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = 1,
    .what = "repeated pictures found and left out",
    .about = "Finds pictures that stand in a set more than once, by equal bytes and by perceptual hash, and with -o copies "
             "the set without them.",
    .example = "arcface data dedup set/ -o clean/ --list repeated.tsv",
    .options = dedup_options,
    .run = run_dedup,
};
