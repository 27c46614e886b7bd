/* arcface data pack, unpack, merge, split, dedup: data sets copied into another shape. */
#include "ui/cli.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PARTS 64

/* --layout, --size, --quality, --min-images, --shuffle, --seed. */
static bool read_copy(cli *c, arc_data_copy_options *o, cli_progress *bar, const char *what) {
    const char *layout = cli_value(c, "layout");
    int64_t seed = 1;
    arc_data_copy_options_default(o);
    if (layout && strcmp(layout, "identities") != 0 && strcmp(layout, "sequence") != 0) {
        cli_usage(c, "--layout %s: must be identities or sequence", layout);
        return false;
    }
    o->layout = layout && layout[0] == 's' ? ARC_DATA_SEQUENCE : ARC_DATA_IDENTITIES;
    o->shuffle = cli_given(c, "shuffle");
    o->same_labels = cli_given(c, "same-labels");
    if (o->shuffle && !layout)
        o->layout = ARC_DATA_SEQUENCE;
    if (!cli_int(c, "size", 16, 4096, &o->size_px) || !cli_int(c, "quality", 1, 100, &o->quality) ||
        !cli_int(c, "min-images", 1, 1000000, &o->min_images) || !cli_long(c, "seed", 0, INT64_MAX, &seed))
        return false;
    if (cli_given(c, "png"))
        o->quality = 0;
    o->seed = (uint64_t)seed;
    cli_progress_start(bar, c, what);
    o->progress = cli_progress_step;
    o->progress_ctx = bar;
    return true;
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
    if (!read_copy(c, &o, &bar, what))
        return CLI_USAGE;
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
    const char *path = cli_value(c, "output"), *by = cli_value(c, "by");
    if (!path)
        return cli_usage(c, "data split needs -o FOLDER for the parts");
    if (by && strcmp(by, "identity") != 0 && strcmp(by, "image") != 0)
        return cli_usage(c, "--by %s: must be identity or image", by);
    if (!read_shares(c, share, &parts) || !read_copy(c, &o, &bar, "splitting"))
        return CLI_USAGE;
    const arc_status st = arc_data_split(c->ctx, c->args[0], path, share, parts, by && by[1] == 'm', &o, counts, &err);
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
    if (!read_copy(c, &o.copy, &bar, "comparing") || !cli_int(c, "near", 0, 15, &o.near_bits))
        return CLI_USAGE;
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

#define COPY_OPTIONS                                                                                                             \
    {"output", 'o', "PATH", "a folder (it gets train.rec, train.idx, property) or a .rec"},                                      \
        {"layout", 0, "KIND", "identities (default, as InsightFace) or sequence (as im2rec: no header record)"},                 \
        {"size", 0, "N", "cut square and scale to this side; default: pictures are copied byte for byte"},                       \
        {"quality", 0, "N", "of JPEGs encoded again with --size (default 95)"}, {"png", 0, NULL, "PNG with --size, not JPEG"},   \
        {"min-images", 0, "N", "leave out identities with fewer, number the others anew"},                                       \
        {"shuffle", 0, NULL, "random order (sequence layout)"}, {"seed", 0, "N", "of what is random (default 1)"}, {             \
        "json", 'j', NULL, "one JSON line"                                                                                       \
    }

static const cli_option pack_options[] = {COPY_OPTIONS, {0}};
static const cli_option merge_options[] = {
    COPY_OPTIONS, {"same-labels", 0, NULL, "a label is the same person in all sets; default: labels follow each other"}, {0}};
static const cli_option split_options[] = {
    COPY_OPTIONS,
    {"parts", 0, "X,X", "shares (default 0.9,0.1): -o/part-1, part-2, ..."},
    {"by", 0, "WHAT", "identity (default: whole people) or image (some of everyone's)"},
    {0},
};
static const cli_option dedup_options[] = {
    COPY_OPTIONS,
    {"near", 0, "BITS", "perceptual hashes (256 bits) that differ in at most so many are the same (default 6)"},
    {"exact", 0, NULL, "only equal bytes"},
    {"drop-conflicts", 0, NULL, "also drop pictures that stand under several identities"},
    {"list", 0, "FILE", "what was found, as lines of tab-separated values"},
    {0},
};
static const cli_option unpack_options[] = {
    {"output", 'o', "FOLDER", "gets a folder for each identity"},
    {"size", 0, "N", "cut square and scale to this side; default: files are copied byte for byte"},
    {"quality", 0, "N", "of JPEGs encoded again with --size (default 95)"},
    {"png", 0, NULL, "PNG with --size, not JPEG"},
    {"min-images", 0, "N", "leave out identities with fewer, number the others anew"},
    {"json", 'j', NULL, "one JSON line"},
    {0},
};

const cli_command cli_data_pack = {
    "data pack",  "SET",    "a folder or list of pictures into RecordIO", "arcface data pack people/ -o set/ --size 112", 0, 1, 1,
    pack_options, run_pack,
};
const cli_command cli_data_unpack = {
    "data unpack",  "SET",      "RecordIO into folders of pictures", "arcface data unpack set/train.rec -o people/", 0, 1, 1,
    unpack_options, run_unpack,
};
const cli_command cli_data_merge = {
    "data merge",  "SET...",  "several data sets into one", "arcface data merge a/ b.rec -o both/", 0, 2, -1,
    merge_options, run_merge,
};
const cli_command cli_data_split = {
    "data split",  "SET",     "a data set into parts", "arcface data split set/ -o parts/ --parts 0.9,0.1", 0, 1, 1,
    split_options, run_split,
};
const cli_command cli_data_dedup = {
    "data dedup",
    "SET",
    "repeated pictures found and left out",
    "arcface data dedup set/ -o clean/ --list repeated.tsv",
    0,
    1,
    1,
    dedup_options,
    run_dedup,
};
