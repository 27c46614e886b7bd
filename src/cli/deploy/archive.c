/* arcface archive info, arcface archive verify: NN Archives and blobs of anybody. */
#include "ui/cli.h"

static int run_info(cli *c) {
    char *text;
    arc_error err = {0};
    const int code = cli_open(c);
    if (code != CLI_OK)
        return code;
    return cli_show(c, arc_archive_info(c->ctx, c->args[0], cli_given(c, "json"), &text, &err), &text, &err);
}

static int run_verify(cli *c) {
    char *text;
    arc_error err = {0};
    arc_archive_counts counts;
    int code = cli_open(c);
    if (code != CLI_OK)
        return code;
    code = cli_show(c, arc_archive_verify(c->ctx, c->args[0], cli_given(c, "json"), &counts, &text, &err), &text, &err);
    return code == CLI_OK && counts.errors > 0 ? CLI_NO : code;
}

static const cli_option options[] = {
    CLI_FLAG("json", 'j', "one JSON object"),
    {0},
};

const cli_command cli_archive_info = {
    .group = CLI_GROUP_MODELS,
    .name = "archive info",
    .args = "FILE",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = 1,
    .what = "what is in an NN Archive, blob or superblob",
    .about = "Shows members, inputs, outputs, heads, and of compiled networks the shaves, of anybody's files for OAK cameras. "
             "Nothing is "
             "unpacked to disk and no device is needed.",
    .example = "arcface archive info face.tar.xz",
    .options = options,
    .run = run_info,
};

const cli_command cli_archive_verify = {
    .group = CLI_GROUP_MODELS,
    .name = "archive verify",
    .args = "FILE",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = 1,
    .what = "what would go wrong with an NN Archive on a device",
    .about =
        "Holds an archive against the schema, against the network inside it and against what cameras do with it at run time: "
        "heads "
        "whose parser gets no output, normalisation that nothing applies, channel orders that contradict the network, sizes and "
        "layouts that readers do not understand. Much of that passes the vendor's own readers without a word.",
    .no = "something is wrong",
    .example = "arcface archive verify face.tar.xz",
    .options = options,
    .run = run_verify,
};
