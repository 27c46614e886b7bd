/* arcface version: the version and, with --features, what this build and machine can do. */
#include "ui/cli.h"
#include <stdio.h>

static int run(cli *c) {
    printf("arcface %s\n", arc_version());
    if (!cli_given(c, "features"))
        return CLI_OK;
    printf("instruction set  %s\nthreads          %d\n", arc_context_isa(c->ctx), arc_context_threads(c->ctx));
    printf("models           ONNX opset 7 to 24 in and out; MXNet, PyTorch and safetensors in\n");
    printf("networks         r18 r34 r50 r100 r200 mbf mbf-large tiny\n");
    printf("detectors        scrfd retinaface retinaface-mxnet yunet\n");
    printf("pictures         %s in%s; JPEG PNG PPM out\n", arc_image_formats(),
           arc_image_has_profiles() ? ", with colour profiles" : "");
    printf("compiler         %s\n", __VERSION__);
    return CLI_OK;
}

static const cli_option options[] = {CLI_FLAG("features", 'f', "instruction set, threads, formats, compiler"), {0}};

const cli_command cli_version = {
    .group = CLI_GROUP_GENERAL,
    .name = "version",
    .args = "",
    .what = "the version of arcface",
    .example = "arcface version --features",
    .options = options,
    .run = run,
};
