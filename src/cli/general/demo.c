/* arcface demo: the whole main job, step by step, on drawn people and on real ones; the work is arcface/demo.h's. */
#include "ui/cli.h"
#include <arcface/demo.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct show {
    const cli *c;
    cli_progress bar;
} show;

static const char *find_data(const cli *c) {
    const char *given = cli_value(c, "data"), *variable = getenv("ARCFACE_DATA");
    if (given)
        return given;
    if (variable && *variable && arc_demo_has_data(variable))
        return variable;
    return arc_demo_has_data("../shared/data") ? "../shared/data" : NULL;
}

static void say(void *ctx, const char *text) {
    show *s = ctx;
    cli_progress_end(&s->bar);
    fputs(text, stdout);
    fflush(stdout);
    cli_progress_start(&s->bar, s->c, "");
}

static int step(void *ctx, const char *stage, int64_t done, int64_t total) {
    return cli_progress_stage(&((show *)ctx)->bar, stage, done, total);
}

static int run_demo(cli *c, arc_status (*demo)(arc_context *, const arc_demo_options *, arc_error *), const char *out,
                    const char *data) {
    show s = {.c = c};
    arc_demo_options opt;
    arc_error err = {0};
    arc_demo_options_default(&opt);
    opt.out = out;
    opt.data = data;
    opt.quick = cli_given(c, "quick");
    opt.full = cli_given(c, "full");
    opt.say = say;
    opt.progress = step;
    opt.ctx = &s;
    cli_progress_start(&s.bar, c, "");
    const arc_status st = demo(c->ctx, &opt, &err);
    cli_progress_end(&s.bar);
    return st == ARC_OK ? CLI_OK : st == ARC_EIO ? cli_fail_write(&err) : cli_fail(&err);
}

static int run(cli *c) {
    const char *data = find_data(c), *out = cli_value(c, "output");
    if (!out)
        out = "build/demo";
    if (data && !arc_demo_has_data(data))
        return cli_bad_input("%s lacks the models and photos of the demo (models/detection/scrfd_2.5g_bnkps.onnx and others)",
                             data);
    int code = cli_make_folder(out);
    if (code == CLI_OK && !cli_given(c, "real"))
        code = run_demo(c, arc_demo_drawn, out, NULL);
    if (code == CLI_OK && data && !cli_given(c, "drawn"))
        code = run_demo(c, arc_demo_real, out, data);
    else if (code == CLI_OK && !cli_given(c, "drawn"))
        printf(
            "\nReal faces: \"arcface pull buffalo_s\" fetches a detector and a recogniser (it shows the licence and asks); then\n"
            "\"arcface verify a.jpg b.jpg\". Or name your own files with --model and --detector.\n");
    if (code == CLI_OK)
        printf("\nEverything lies in %s; begin with %s/report.html.\n", out, out);
    return code;
}

static const cli_option options[] = {
    CLI_FOLDER("data", 0, "FOLDER", "$ARCFACE_DATA, else ../shared/data when it is there", "real models and photos"),
    CLI_FOLDER("output", 'o', "FOLDER", "build/demo", "where the pictures go"),
    CLI_FLAG("full", 0, "all 6000 LFW pairs"),
    CLI_FLAG("drawn", 0, "only the part on drawn people, even when real data is there"),
    CLI_FLAG("real", 0, "only the part on real photos"),
    CLI_FLAG("quick", 0, "draw and train very little: shows the way, not the result"),
    {0},
};

const cli_command cli_demo = {
    .group = CLI_GROUP_GENERAL,
    .name = "demo",
    .args = "",
    .what = "the whole main job, step by step: train, evaluate, export, verify",
    .about =
        "First without any model or data: people are drawn, a small network is trained on them, evaluated on people that it "
        "has never seen, exported, asked about two photographs, and all of it is put on a page (report.html). Then, with real "
        "models and photos at hand: detect, align, embed, verify, LFW.",
    .example = "arcface demo -o pictures/",
    .options = options,
    .run = run,
};
