/* arcface model info, model new, convert: models as files. */
#include "ui/cli.h"
#include <stdio.h>
#include <stdlib.h>

static int run_info(cli *c) {
    arc_model *model = NULL;
    arc_error err = {0};
    char *text = NULL;
    int code = cli_load_any(c, c->args[0], ARC_TASK_UNKNOWN, &model);
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
    const char *path = cli_value(c, "output"), *seed_text = cli_value(c, "seed");
    int dim = 512;
    unsigned long long seed = 1;
    arc_model *model = NULL;
    arc_error err = {0};
    if (!path)
        return cli_usage(c, "model new needs -o FILE.onnx");
    if (!cli_int(c, "dim", 1, 65536, &dim))
        return CLI_USAGE;
    if (seed_text) {
        char *end = NULL;
        seed = strtoull(seed_text, &end, 10);
        if (end == seed_text || *end || *seed_text == '-')
            return cli_usage(c, "--seed %s: must be a whole number from 0", seed_text);
    }
    arc_status st = arc_model_new(c->ctx, c->args[0], dim, seed, &model, &err);
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

/* clang-format off */
#define CONTRACT_OPTIONS \
    {"color", 0, "ORDER", "rgb or bgr, instead of what is inferred"}, \
    {"norm", 0, "MEAN/DIV", "input normalisation instead of what is inferred: 127.5/127.5, 127.5/128, 0/1"}, \
    {"detector-kind", 0, "KIND", "scrfd retinaface retinaface-mxnet yunet, instead of what is inferred"}
/* clang-format on */

static const cli_option info_options[] = {
    {"json", 'j', NULL, "one JSON object"},
    {"layers", 'l', NULL, "every layer with its shape and work"},
    CONTRACT_OPTIONS,
    {0},
};
static const cli_option new_options[] = {
    {"output", 'o', "FILE", "the ONNX file"},
    {"dim", 0, "N", "length of the embedding (default 512)"},
    {"seed", 0, "N", "the same seed gives the same weights (default 1)"},
    {0},
};
static const cli_option convert_options[] = {
    {"output", 'o', "FILE", "the ONNX file"},
    CONTRACT_OPTIONS,
    {0},
};

const cli_command cli_model_info = {
    "model info", "FILE",   "a model's contract, layers, size and work", "arcface model info w600k_mbf.onnx", 0, 1, 1,
    info_options, run_info,
};
const cli_command cli_model_new = {
    "model new",
    "NAME",
    "a new untrained network: r18 r34 r50 r100 r200 mbf mbf-large tiny",
    "arcface model new r50 --seed 7 -o r50.onnx",
    0,
    1,
    1,
    new_options,
    run_new,
};
const cli_command cli_convert = {
    "convert",
    "IN",
    "an MXNet or PyTorch checkpoint to ONNX",
    "arcface convert model-0000.params -o model.onnx",
    0,
    1,
    1,
    convert_options,
    run_convert,
};
