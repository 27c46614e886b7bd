/* arcface quantize: a float32 embedder to an 8-bit ONNX QDQ file, written only when it is still accurate. */
#include "ui/faces.h"
#include "ui/gate.h"
#include <stdio.h>

typedef struct job {
    cli *c;
    arc_model *model, *detector, *int8;
    arc_image *crop;
    int crops;
    cli_progress bar;
    arc_quantize_outcome outcome;
} job;

static int quantize(job *j) {
    arc_quantize_options opt;
    arc_error err = {0};
    arc_quantize_options_default(&opt);
    opt.method = (arc_quantize_method)cli_word(j->c, "method");
    opt.keep = cli_value(j->c, "keep");
    cli_float(j->c, "percentile", &opt.percentile);
    opt.progress = cli_progress_tick;
    opt.progress_ctx = &j->bar;
    cli_progress_start(&j->bar, j->c, "quantizing");
    const arc_status st = arc_quantize(j->c->ctx, j->model, j->crop, j->crops, &opt, &j->int8, &j->outcome.report, &err);
    cli_progress_end(&j->bar);
    if (st == ARC_EINVAL && opt.keep)
        return cli_usage(j->c, "--keep: %s", err.text);
    return st == ARC_OK ? CLI_OK : cli_fail(&err);
}

static int finish(job *j, const char *output) {
    cli *c = j->c;
    arc_quantize_outcome *o = &j->outcome;
    arc_quantize_gate gate;
    arc_error err = {0};
    char *text = NULL;
    if (gate_options(c, &gate) != CLI_OK)
        return CLI_USAGE;
    gate.progress_ctx = &j->bar;
    cli_progress_start(&j->bar, c, "pairs");
    arc_status st = arc_quantize_try(c->ctx, j->model, j->int8, &gate, o, &err);
    cli_progress_end(&j->bar);
    if (st != ARC_OK)
        return cli_fail(&err);
    const bool force = cli_given(c, "force"), write = !*o->refused || force;
    if (write && *o->refused && arc_model_note(j->int8, "quantize-forced", o->refused, &err) != ARC_OK)
        return cli_fail(&err);
    if (write && arc_model_save(c->ctx, j->int8, output, &err) != ARC_OK)
        return cli_fail_write(&err);
    st = arc_quantize_describe(c->ctx, o, output, write, cli_given(c, "json"), &text, &err);
    const int code = cli_show(c, st, &text, &err);
    if (code != CLI_OK || !*o->refused)
        return code;
    if (force) {
        cli_warn(c, "written by --force although %s", o->refused);
        return CLI_OK;
    }
    fprintf(stderr, "arcface: %s is not written: %s. More crops, another --method or --keep may help; --force writes it anyway\n",
            output, o->refused);
    return CLI_NO;
}

static int run(cli *c) {
    const char *output = cli_value(c, "output"), *folder = cli_value(c, "calib");
    if (!folder || !output)
        return cli_usage(c, "quantize needs --calib FOLDER of aligned faces and -o FILE.onnx");
    if (!cli_has_suffix(output, ".onnx"))
        return cli_usage(c, "-o %s: the result is an ONNX file, name it .onnx", output);
    if (!cli_value(c, "pairs") != !cli_value(c, "images"))
        return cli_usage(c, "--pairs FILE and --images FOLDER belong together");
    job *j = cli_new(1, sizeof *j);
    j->c = c;
    int code = cli_load_any(c, c->args[0], ARC_TASK_EMBED, &j->model);
    if (code == CLI_OK && cli_given(c, "detector"))
        code = cli_load(c, ARC_TASK_DETECT, &j->detector);
    if (code == CLI_OK)
        code = faces_crops(c, j->model, j->detector, folder, &j->crop, &j->crops);
    if (code == CLI_OK)
        code = quantize(j);
    if (code == CLI_OK)
        code = finish(j, output);
    for (int i = 0; i < j->crops; i++)
        arc_image_free(c->ctx, &j->crop[i]);
    cli_free(j->crop);
    arc_model_free(&j->int8);
    arc_model_free(&j->detector);
    arc_model_free(&j->model);
    cli_free(j);
    return code;
}

static const cli_option options[] = {
    CLI_FOLDER("calib", 0, "FOLDER", NULL,
               "aligned faces to calibrate on (with --detector: photos, whose largest faces are taken)"),
    CLI_FILE("output", 'o', "FILE", NULL, "the ONNX QDQ file to write"),
    CLI_WHOLE("count", 0, "N", 2, 100000, "500", "pictures to take, evenly from the folder"),
    CLI_WORD("method", 0, "NAME", "mse minmax percentile kl", "mse", "how ranges are chosen: mse, minmax, percentile or kl"),
    CLI_REAL("percentile", 0, "P", 50, 100, "99.99", "of --method percentile"),
    CLI_TEXT("keep", 0, "NAMES", NULL, "layers to leave in float32, by comma, or none; instead of the choice by sensitivity"),
    GATE_PAIRS,
    GATE_BOUNDS,
    CLI_FLAG("force", 0, "write it although it is outside the bounds; its metadata (arcface.note.quantize-forced) say so"),
    CLI_FLAG("json", 'j', "one JSON object"),
    FACES_OPTIONS,
    {0},
};

const cli_command cli_quantize = {
    .group = CLI_GROUP_MODELS,
    .name = "quantize",
    .args = "MODEL",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = 1,
    .what = "make a faster 8-bit model, if it stays accurate",
    .about =
        "Makes an 8-bit model of a float32 embedder: a standard ONNX QDQ file that ONNX Runtime runs as well. Weights are int8 "
        "with a scale a channel, activations uint8; residual sums stay float32. Every fifth picture is not calibrated on but "
        "measured with, and the file is written only when the embeddings stay alike enough. Prints the cosines and the "
        "speed-up here and now.",
    .no = "the 8-bit model is not accurate enough and was not written",
    .example = "arcface quantize r100.onnx --calib crops/ -o r100-int8.onnx",
    .uses = CLI_USES_DETECTOR,
    .options = options,
    .run = run,
};
