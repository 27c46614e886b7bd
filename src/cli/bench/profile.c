/* arcface profile: what every layer of a network costs and how long it takes. */
#include "ui/cli.h"
#include <stdio.h>

static const arc_profile_sort sorts[] = {ARC_PROFILE_BY_ORDER, ARC_PROFILE_BY_TIME,       ARC_PROFILE_BY_FLOPS,
                                         ARC_PROFILE_BY_MACS,  ARC_PROFILE_BY_PARAMETERS, ARC_PROFILE_BY_BYTES};

static int show(cli *c, const arc_profile *profile, arc_profile_view view, int top) {
    char *text = NULL;
    arc_error err = {0};
    const arc_status st = arc_profile_describe(c->ctx, profile, view, sorts[cli_word(c, "sort")], top, &text, &err);
    return cli_show(c, st, &text, &err);
}

static int write_page(cli *c, const arc_profile *profile, const char *path) {
    arc_error err = {0};
    if (arc_profile_page(c->ctx, profile, path, &err) != ARC_OK)
        return cli_fail_write(&err);
    if (!c->quiet)
        fprintf(stderr, "wrote %s\n", path);
    return CLI_OK;
}

/* A file with operators that are not supported is counted where they are; it cannot be timed. */
static int load(cli *c, arc_model **model, arc_profile_options *opt) {
    arc_model_options look;
    arc_error err = {0}, first;
    arc_status st = arc_model_load(c->ctx, c->args[0], ARC_TASK_UNKNOWN, NULL, model, &err);
    if (st == ARC_EUNSUPPORTED) {
        first = err;
        arc_model_options_default(&look);
        look.look_only = true;
        st = arc_model_load(c->ctx, c->args[0], ARC_TASK_UNKNOWN, &look, model, &err);
        if (st == ARC_OK)
            cli_warn(c, "%s; what is known is counted, nothing is timed", first.text);
        opt->timed = false;
    }
    return st == ARC_OK ? CLI_OK : cli_fail(&err);
}

/* Of what cannot be run the counts are told. */
static int make(cli *c, const arc_model *model, arc_profile_options *opt, arc_profile **out) {
    arc_error err = {0}, first;
    arc_status st = arc_profile_model(c->ctx, model, opt, out, &err);
    if (opt->timed && (st == ARC_EUNSUPPORTED || st == ARC_ESHAPE)) {
        first = err;
        opt->timed = false;
        st = arc_profile_model(c->ctx, model, opt, out, &err);
        if (st == ARC_OK)
            cli_warn(c, "%s; what is known is counted, nothing is timed", first.text);
    }
    return st == ARC_OK ? CLI_OK : cli_fail(&err);
}

static int run(cli *c) {
    const char *page = cli_value(c, "output");
    const bool csv = cli_given(c, "csv"), json = cli_given(c, "json");
    int top = 0;
    arc_profile_options opt;
    arc_profile *profile = NULL;
    arc_model *model = NULL;
    arc_profile_options_default(&opt);
    opt.convention = (arc_flops_convention)cli_word(c, "convention");
    opt.timed = !cli_given(c, "no-time");
    cli_int(c, "batch", &opt.batch);
    cli_int(c, "size", &opt.size_px);
    cli_int(c, "top", &top);
    if (csv && json)
        return cli_usage(c, "--csv and --json: one of them at a time");
    if (page && !cli_has_suffix(page, ".html"))
        return cli_usage(c, "-o %s: a page is written, name it .html", page);
    if (!opt.timed && sorts[cli_word(c, "sort")] == ARC_PROFILE_BY_TIME)
        return cli_usage(c, "--sort time: there are no times with --no-time");
    int code = load(c, &model, &opt);
    if (code == CLI_OK)
        code = make(c, model, &opt, &profile);
    if (code == CLI_OK)
        code = show(c, profile, csv ? ARC_PROFILE_CSV : json ? ARC_PROFILE_JSON : ARC_PROFILE_LAYERS, top);
    if (code == CLI_OK && page)
        code = write_page(c, profile, page);
    arc_profile_free(c->ctx, &profile);
    arc_model_free(&model);
    return code;
}

static const cli_option options[] = {
    CLI_FILE("output", 'o', "FILE.html", NULL, "also write a page with treemaps, the roofline and all layers"),
    CLI_WORD("convention", 0, "NAME", "arcface thop ptflops ptflops-aten torch", "arcface",
             "whose FLOPs the column shows: arcface thop ptflops ptflops-aten torch"),
    CLI_WHOLE("batch", 'b', "N", 1, 4096, "1", "images in one run"),
    CLI_WHOLE("size", 0, "N", 8, 8192, "640", "side of the input in pixels for models of free size"),
    CLI_WORD("sort", 0, "KEY", "order time flops macs params bytes", "order",
             "largest first: time flops macs params bytes; order: as in the file"),
    CLI_WHOLE("top", 0, "N", 1, 1000000, NULL, "only the first so many layers"),
    CLI_FLAG("no-time", 0, "count only, run nothing"),
    CLI_FLAG("csv", 0, "comma-separated values, a line a layer"),
    CLI_FLAG("json", 'j', "one JSON object"),
    {0},
};

const cli_command cli_profile = {
    .group = CLI_GROUP_SPEED,
    .name = "profile",
    .args = "MODEL",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = 1,
    .what = "every layer of a network: shape, parameters, work, bytes, time",
    .about =
        "Counts every layer of the file, before anything is fused, and times it here: output shape, parameters, multiply-adds "
        "(MACs), FLOPs, bytes of activations and weights, FLOPs a byte, time and its share of the roofline. "
        "Layers that run as one step have one time, beside the one with the most work. "
        "What a FLOP is, by --convention: arcface and torch (FlopCounterMode) count 2 a multiply-add of convolutions and "
        "matrix products; thop counts 1, 4 an element of BatchNormalization and 1 of PReLU, no biases; ptflops counts 1, "
        "biases and 2 an element of BatchNormalization and PReLU; ptflops-aten counts 1 and biases. The totals name all five.",
    .example = "arcface profile r50.onnx --sort time --top 20 -o profile.html",
    .options = options,
    .run = run,
};
