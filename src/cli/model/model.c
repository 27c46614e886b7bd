/* arcface model info, model new, convert: models as files. */
#include "ui/cli.h"
#include <stdio.h>

static int run_info(cli *c) {
    arc_model *model = NULL;
    arc_error err = {0};
    char *text = NULL;
    int code = cli_load_named(c, c->args[0], ARC_TASK_UNKNOWN, cli_value(c, "input"), cli_value(c, "output"), &model);
    if (code != CLI_OK)
        return code;
    if (arc_model_describe(c->ctx, model, cli_given(c, "json"), cli_given(c, "layers"), &text, &err) != ARC_OK)
        code = cli_fail(&err);
    else
        fputs(text, stdout);
    arc_text_free(c->ctx, &text);
    arc_model_free(&model);
    return code;
}

static int save(cli *c, arc_model **model, const char *path) {
    arc_error err = {0};
    arc_status st = arc_model_save(c->ctx, *model, path, &err);
    arc_model_free(model);
    if (st == ARC_OK && !c->quiet)
        fprintf(stderr, "wrote %s\n", path);
    return st == ARC_OK ? CLI_OK : cli_fail_write(&err);
}

static int run_new(cli *c) {
    const char *path = cli_value(c, "output");
    int dim = 512;
    int64_t seed = 1;
    arc_model *model = NULL;
    arc_error err = {0};
    if (!path)
        return cli_usage(c, "model new needs -o FILE.onnx");
    cli_int(c, "dim", &dim);
    cli_long(c, "seed", &seed);
    arc_status st = arc_model_new(c->ctx, c->args[0], dim, (uint64_t)seed, &model, &err);
    if (st == ARC_EINVAL || st == ARC_ENOTFOUND)
        return cli_usage(c, "%s", err.text);
    if (st != ARC_OK)
        return cli_fail(&err);
    return save(c, &model, path);
}

static int run_convert(cli *c) {
    const char *path = cli_value(c, "output");
    arc_model *model = NULL;
    if (!path)
        return cli_usage(c, "convert needs -o FILE.onnx");
    if (!cli_has_suffix(path, ".onnx"))
        return cli_usage(c, "convert writes ONNX: %s should end in .onnx", path);
    int code = cli_load_any(c, c->args[0], ARC_TASK_UNKNOWN, &model);
    return code == CLI_OK ? save(c, &model, path) : code;
}

#define COLOUR_OPTION CLI_LIKELY("color", 0, "ORDER", "rgb bgr", NULL, "rgb or bgr, instead of what is inferred")
#define NORM_OPTION                                                                                                              \
    CLI_LIKELY("norm", 0, "MEAN/DIV", "127.5/127.5 127.5/128 0/1", NULL,                                                         \
               "input normalisation instead of what is inferred: 127.5/127.5, 127.5/128, 0/1, imagenet")
#define KIND_OPTION                                                                                                              \
    CLI_LIKELY("detector-kind", 0, "KIND", "scrfd retinaface retinaface-mxnet yunet", NULL,                                      \
               "scrfd retinaface retinaface-mxnet yunet, instead of what is inferred")

static const cli_option info_options[] = {
    CLI_FLAG("json", 'j', "one JSON object"),
    CLI_FLAG("layers", 'l', "every layer with its shape and work"),
    COLOUR_OPTION,
    NORM_OPTION,
    KIND_OPTION,
    CLI_TEXT("input", 0, "NAME", NULL, "the input that takes the picture, instead of what is inferred"),
    CLI_TEXT("output", 0, "NAME", NULL, "the output that is the embedding, instead of what is inferred"),
    {0},
};
static const cli_option new_options[] = {
    CLI_FILE("output", 'o', "FILE", NULL, "the ONNX file"),
    CLI_WHOLE("dim", 0, "N", 1, 65536, "512", "length of the embedding"),
    CLI_WHOLE("seed", 0, "N", 0, INT64_MAX, "1", "the same seed gives the same weights"),
    {0},
};
static const cli_option convert_options[] = {
    CLI_FILE("output", 'o', "FILE", NULL, "the ONNX file"), COLOUR_OPTION, NORM_OPTION, KIND_OPTION, {0},
};

const cli_command cli_model_info = {
    .group = CLI_GROUP_MODELS,
    .name = "model info",
    .args = "FILE",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = 1,
    .what = "a model's contract, layers, size and work",
    .about = "A model's contract and what of it was inferred and why, inputs, outputs, parameters, multiply-adds, operations and "
             "the memory plan.",
    .example = "arcface model info w600k_mbf.onnx",
    .options = info_options,
    .run = run_info,
};
const cli_command cli_model_new = {
    .group = CLI_GROUP_MODELS,
    .name = "model new",
    .args = "NAME",
    .takes = CLI_IS_WORD,
    .words = "r18 r34 r50 r100 r200 mbf mbf-large tiny",
    .min_args = 1,
    .max_args = 1,
    .what = "a new untrained network: r18 r34 r50 r100 r200 mbf mbf-large tiny",
    .example = "arcface model new r50 --seed 7 -o r50.onnx",
    .options = new_options,
    .run = run_new,
};
const cli_command cli_convert = {
    .group = CLI_GROUP_MODELS,
    .name = "convert",
    .args = "IN",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = 1,
    .what = "an MXNet or PyTorch checkpoint to ONNX",
    .about =
        "Writes an MXNet symbol and parameters, a PyTorch checkpoint or an ONNX file as plain ONNX with its contract. Nothing "
        "in a checkpoint is executed.",
    .example = "arcface convert model-0000.params -o model.onnx",
    .options = convert_options,
    .run = run_convert,
};
