/* arcface data pack, unpack, merge, split, dedup: data sets copied into another shape. */
#include "ui/cli.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PARTS 64

/* --layout, --size, --quality, --min-images, --shuffle, --seed. */
static void read_copy(cli *c, arc_data_copy_options *o, cli_progress *bar, const char *what) {
    int64_t seed = 1;
    arc_data_copy_options_default(o);
    o->layout = cli_word(c, "layout") == 1 ? ARC_DATA_SEQUENCE : ARC_DATA_IDENTITIES;
    o->shuffle = cli_given(c, "shuffle");
    o->same_labels = cli_given(c, "same-labels");
    if (o->shuffle && !cli_given(c, "layout"))
        o->layout = ARC_DATA_SEQUENCE;
    cli_int(c, "size", &o->size_px);
    cli_int(c, "quality", &o->quality);
    cli_int(c, "min-images", &o->min_images);
    cli_long(c, "seed", &seed);
    if (cli_given(c, "png"))
        o->quality = 0;
    o->seed = (uint64_t)seed;
    cli_progress_start(bar, c, what);
    o->progress = cli_progress_tick;
    o->progress_ctx = bar;
}

static int fail(const cli *c, arc_status st, const arc_error *err) {
    return st == ARC_EINVAL ? cli_usage(c, "%s", err->text) : cli_fail(err);
}

static void warn_skipped(const cli *c, const arc_data_counts *n) {
    if (n->skipped)
        cli_warn(c, "%" PRId64 " pictures could not be read and were left out; the first: %s", n->skipped, n->first_problem);
}

static void print_counts(const cli *c, cli_text *t, const char *path, const arc_data_counts *n) {
    warn_skipped(c, n);
    if (cli_given(c, "json")) {
        cli_printf(t, "{\"path\": ");
        cli_json_string(t, path);
        cli_printf(t,
                   ", \"pictures\": %" PRId64 ", \"identities\": %" PRId64 ", \"bytes\": %" PRId64 ", \"skipped\": %" PRId64
                   ", \"left_out\": %" PRId64 "}\n",
                   n->pictures, n->identities, n->bytes, n->skipped, n->left_out);
        return;
    }
    cli_printf(t, "%s: %" PRId64 " pictures of %" PRId64 " identities, %.1f MB", path, n->pictures, n->identities,
               (double)n->bytes / 1e6);
    if (n->left_out)
        cli_printf(t, ", %" PRId64 " left out", n->left_out);
    cli_printf(t, "\n");
}

/* pack, unpack and merge differ in the layout alone. */
static int copy(cli *c, bool folders, const char *what) {
    arc_data_copy_options o;
    arc_data_counts counts;
    arc_error err = {0};
    cli_progress bar;
    cli_text t = {0};
    const char *path = cli_value(c, "output");
    if (!path)
        return cli_usage(c, "%s needs -o %s", c->command->name, folders ? "FOLDER for the pictures" : "PATH: a folder or a .rec");
    read_copy(c, &o, &bar, what);
    if (folders)
        o.layout = ARC_DATA_FOLDER;
    const arc_status st = arc_data_copy(c->ctx, (const char *const *)c->args, c->arg_count, path, &o, &counts, &err);
    cli_progress_end(&bar);
    if (st != ARC_OK)
        return fail(c, st, &err);
    print_counts(c, &t, path, &counts);
    return cli_text_print(&t);
}

static int run_pack(cli *c) {
    return copy(c, false, "packing");
}

static int run_merge(cli *c) {
    return copy(c, false, "merging");
}

static int run_unpack(cli *c) {
    return copy(c, true, "unpacking");
}

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
    cli_text t = {0};
    double share[MAX_PARTS];
    int parts;
    const char *path = cli_value(c, "output");
    if (!path)
        return cli_usage(c, "data split needs -o FOLDER for the parts");
    if (!read_shares(c, share, &parts))
        return CLI_USAGE;
    read_copy(c, &o, &bar, "splitting");
    const arc_status st = arc_data_split(c->ctx, c->args[0], path, share, parts, cli_word(c, "by") == 1, &o, counts, &err);
    cli_progress_end(&bar);
    if (st != ARC_OK)
        return fail(c, st, &err);
    for (int i = 0; i < parts; i++) {
        char name[CLI_PATH_BYTES + 16];
        snprintf(name, sizeof name, "%s/part-%d", path, i + 1);
        print_counts(c, &t, name, &counts[i]);
    }
    return cli_text_print(&t);
}

static int run_dedup(cli *c) {
    arc_data_dedup_options o;
    arc_data_duplicates found;
    arc_data_counts counts;
    arc_error err = {0};
    cli_progress bar;
    cli_text t = {0};
    const char *path = cli_value(c, "output");
    arc_data_dedup_options_default(&o);
    read_copy(c, &o.copy, &bar, "comparing");
    cli_int(c, "near", &o.near_bits);
    if (cli_given(c, "exact"))
        o.near_bits = -1;
    o.drop_conflicts = cli_given(c, "drop-conflicts");
    o.list = cli_value(c, "list");
    const arc_status st = arc_data_dedup(c->ctx, c->args[0], path, &o, &found, &counts, &err);
    cli_progress_end(&bar);
    if (st != ARC_OK)
        return fail(c, st, &err);
    if (cli_given(c, "json"))
        cli_printf(&t,
                   "{\"exact\": %" PRId64 ", \"near\": %" PRId64 ", \"conflicts\": %" PRId64 ", \"unreadable\": %" PRId64
                   ", \"pictures\": %" PRId64 ", \"left_out\": %" PRId64 "}\n",
                   found.exact, found.near, found.conflicts, found.unreadable, counts.pictures, counts.left_out);
    else {
        cli_printf(&t, "%" PRId64 " equal and %" PRId64 " nearly equal pictures; %" PRId64 " stand under several identities%s\n",
                   found.exact, found.near, found.conflicts,
                   found.conflicts ? (o.drop_conflicts ? " (dropped)" : " (kept; --drop-conflicts drops them)") : "");
        if (path)
            print_counts(c, &t, path, &counts);
    }
    return cli_text_print(&t);
}

/* clang-format off */
#define COPY_OPTIONS \
    CLI_FILE("output", 'o', "PATH", NULL, "a folder (it gets train.rec, train.idx, property) or a .rec"), \
    CLI_WORD("layout", 0, "KIND", "identities sequence", "identities", \
             "identities (as InsightFace, with identity records and a header) or sequence (as im2rec: pictures only, keys from 0)"), \
    CLI_WHOLE("size", 0, "N", 16, 4096, "pictures are copied byte for byte", "cut square and scale to this side"), \
    CLI_WHOLE("quality", 0, "N", 1, 100, "95", "of JPEGs encoded again with --size"), \
    CLI_FLAG("png", 0, "PNG with --size, not JPEG"), \
    CLI_WHOLE("min-images", 0, "N", 1, 1000000, NULL, "leave out identities with fewer, number the others anew"), \
    CLI_FLAG("shuffle", 0, "random order (sequence layout)"), \
    CLI_WHOLE("seed", 0, "N", 0, INT64_MAX, "1", "of what is random"), \
    CLI_JSON_LINE
/* clang-format on */

static const cli_option pack_options[] = {COPY_OPTIONS, {0}};
static const cli_option merge_options[] = {
    COPY_OPTIONS,
    CLI_FLAG("same-labels", 0, "a label is the same person in all sets (default: labels follow each other)"),
    {0},
};
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
static const cli_option unpack_options[] = {
    CLI_FOLDER("output", 'o', "FOLDER", NULL, "gets a folder for each identity"),
    CLI_WHOLE("size", 0, "N", 16, 4096, "files are copied byte for byte", "cut square and scale to this side"),
    CLI_WHOLE("quality", 0, "N", 1, 100, "95", "of JPEGs encoded again with --size"),
    CLI_FLAG("png", 0, "PNG with --size, not JPEG"),
    CLI_WHOLE("min-images", 0, "N", 1, 1000000, NULL, "leave out identities with fewer, number the others anew"),
    CLI_JSON_LINE,
    {0},
};

const cli_command cli_data_pack = {
    .group = CLI_GROUP_DATA,
    .name = "data pack",
    .args = "SET",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = 1,
    .what = "a folder or list of pictures into RecordIO",
    .about = "A SET is a .rec (with its .idx beside it), a folder that holds train.rec, a folder of pictures for each "
             "identity, or a list: lines of im2rec or of old InsightFace lists, or \"path label\". Pictures that cannot be "
             "read are left out and counted.",
    .example = "arcface data pack people/ -o set/ --size 112",
    .options = pack_options,
    .run = run_pack,
};
const cli_command cli_data_unpack = {
    .group = CLI_GROUP_DATA,
    .name = "data unpack",
    .args = "SET",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = 1,
    .what = "RecordIO into folders of pictures",
    .example = "arcface data unpack set/train.rec -o people/",
    .options = unpack_options,
    .run = run_unpack,
};
const cli_command cli_data_merge = {
    .group = CLI_GROUP_DATA,
    .name = "data merge",
    .args = "SET...",
    .takes = CLI_IS_FILE,
    .min_args = 2,
    .max_args = -1,
    .what = "several data sets into one",
    .example = "arcface data merge a/ b.rec -o both/",
    .options = merge_options,
    .run = run_merge,
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
