/* arcface export --target kit, arcface export check: conversion kits. */
#include "deploy/kit.h"
#include <stdio.h>

static void tell(const arc_kit_report *r, const char *path) {
    fprintf(stderr, "wrote %s: %d faces to calibrate on and %d to compare with, of %lld pictures", path, r->calibration,
            r->reference, (long long)r->pictures);
    if (r->alike)
        fprintf(stderr, "; %d nearly the same as one of these left out", r->alike);
    if (r->unclear)
        fprintf(stderr, "; %d hardly to be seen", r->unclear);
    if (r->faceless)
        fprintf(stderr, "; %lld without a face", (long long)r->faceless);
    if (r->unreadable)
        fprintf(stderr, "; %lld unreadable", (long long)r->unreadable);
    fprintf(stderr, ". Look at %s/calibration.jpg, read %s/README.md\n", path, path);
}

/* The pictures' names: behind the model, or the one folder of --crops. */
static int open_pictures(cli *c, const char *crops, cli_photos *photos) {
    *photos = (cli_photos){.feed = NULL};
    if (!crops == (c->arg_count < 2))
        return cli_usage(c,
                         "a kit is made from pictures of faces: name them behind the model, or --crops FOLDER of aligned ones");
    return crops ? cli_photos_open(c, &crops, 1, photos)
                 : cli_photos_open(c, (const char *const *)c->args + 1, c->arg_count - 1, photos);
}

static int check_options(const cli *c) {
    static const char *const others[] = {"batch", "input", "raw", "fp16"};
    for (int i = 0; i < CLI_COUNT(others); i++)
        if (cli_given(c, others[i]))
            return cli_usage(c, "--%s is not for --target kit: converters take one float32 picture of pixels", others[i]);
    if (cli_given(c, "crops") && cli_given(c, "detector"))
        return cli_usage(c, "--crops names aligned faces, in which nothing is detected: name photos behind the model");
    return cli_given(c, "output") ? CLI_OK : cli_usage(c, "export needs -o FOLDER for a kit");
}

int export_kit(cli *c) {
    const char *path = cli_value(c, "output"), *crops = cli_value(c, "crops");
    arc_model *model = NULL, *detector = NULL;
    arc_kit_options opt;
    arc_kit_report report;
    arc_error err = {0};
    cli_photos photos;
    cli_progress bar;
    arc_kit_options_default(&opt);
    cli_int(c, "calibration-count", &opt.calibration_count);
    opt.l2 = cli_given(c, "l2");
    faces_options(c, &opt.detect);
    opt.progress = cli_progress_stage;
    opt.progress_ctx = &bar;
    int code = check_options(c);
    if (code != CLI_OK)
        return code;
    code = open_pictures(c, crops, &photos);
    if (code == CLI_OK)
        code = cli_load_any(c, c->args[0], ARC_TASK_UNKNOWN, &model);
    if (code == CLI_OK && !crops && cli_has_model(c, ARC_TASK_DETECT))
        code = cli_load(c, ARC_TASK_DETECT, &detector);
    if (code == CLI_OK) {
        opt.detector = detector;
        cli_progress_start(&bar, c, "finding faces");
        const arc_status st = arc_export_kit(c->ctx, model, &photos.source, &opt, path, &report, &err);
        cli_progress_end(&bar);
        code = st == ARC_OK       ? CLI_OK
               : st == ARC_EINVAL ? cli_usage(c, "%s", err.text)
               : st == ARC_EIO    ? cli_fail_write(&err)
                                  : cli_fail(&err);
    }
    if (code == CLI_OK && !c->quiet)
        tell(&report, path);
    cli_photos_close(&photos);
    arc_model_free(&detector);
    arc_model_free(&model);
    return code;
}

static int run_check(cli *c) {
    char *text;
    arc_error err = {0};
    arc_archive_counts counts;
    const arc_status st = arc_kit_check(c->ctx, c->args[0], cli_given(c, "json"), &counts, &text, &err);
    if (st == ARC_EINVAL)
        return cli_usage(c, "%s", err.text);
    const int code = cli_show(c, st, &text, &err);
    return code == CLI_OK && counts.errors > 0 ? CLI_NO : code;
}

static const cli_option options[] = {
    CLI_FLAG("json", 'j', "one JSON object"),
    {0},
};

const cli_command cli_export_check = {
    .group = CLI_GROUP_MODELS,
    .name = "export check",
    .args = "FOLDER",
    .takes = CLI_IS_FOLDER,
    .min_args = 1,
    .max_args = 1,
    .what = "whether a conversion kit is whole and true",
    .about = "Holds a folder of \"arcface export --target kit\" against all that it says: every file's digest, the archive, the "
             "network inside it, the reference embeddings of the reference pictures, both YAML files, every picture to calibrate "
             "on.",
    .no = "something is wrong",
    .example = "arcface export check kit/",
    .options = options,
    .run = run_check,
};
