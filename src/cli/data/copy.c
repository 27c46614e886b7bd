/* arcface data pack, unpack, merge: data sets copied into another shape. */
#include "ui/copies.h"

/* pack, unpack and merge differ in the layout alone. */
static int copy(cli *c, bool folders, const char *what) {
    arc_data_copy_options o;
    arc_data_counts counts;
    arc_error err = {0};
    cli_progress bar;
    const char *path = cli_value(c, "output");
    if (!path)
        return cli_usage(c, "%s needs -o %s", c->command->name, folders ? "FOLDER for the pictures" : "PATH: a folder or a .rec");
    copies_read(c, &o, &bar, what);
    if (folders)
        o.layout = ARC_DATA_FOLDER;
    const arc_status st = arc_data_copy(c->ctx, (const char *const *)c->args, c->arg_count, path, &o, &counts, &err);
    cli_progress_end(&bar);
    if (st != ARC_OK)
        return copies_fail(c, st, &err);
    return copies_show(c, path, &counts);
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

static const cli_option pack_options[] = {COPY_OPTIONS, {0}};
static const cli_option merge_options[] = {
    COPY_OPTIONS,
    CLI_FLAG("same-labels", 0, "a label is the same person in all sets (default: labels follow each other)"),
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
