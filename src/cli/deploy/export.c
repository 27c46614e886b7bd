/* arcface export: a model as other toolchains take it. */
#include "deploy/kit.h"
#include "deploy/simulate.h"
#include "ui/gate.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "dynamic" or a whole number from 1. */
static bool read_batch(const char *text, int *batch) {
    char *end;
    if (strcmp(text, "dynamic") == 0) {
        *batch = 0;
        return true;
    }
    const long n = strtol(text, &end, 10);
    *batch = n > 0 && n <= INT_MAX ? (int)n : -1;
    return end != text && *end == '\0' && *batch > 0;
}

static const char *dim_text(int64_t dim, char text[24]) {
    snprintf(text, 24, dim < 0 ? "N" : "%lld", (long long)dim);
    return text;
}

static void tell(const arc_export_report *r, const arc_export_options *opt, const char *path) {
    char n[24];
    fprintf(stderr, "wrote %s: images [%s,3,%lld,%lld] %s", path, dim_text(r->input[0], n), (long long)r->input[2],
            (long long)r->input[3], opt->uint8_input ? "uint8" : "float32");
    if (r->outputs > 1)
        fprintf(stderr, " -> %d outputs from %s [%lld,%lld] to %s", r->outputs, r->first, (long long)r->output[0],
                (long long)r->output[1], r->last);
    else
        fprintf(stderr, " -> %s [%s,%lld]", r->first, dim_text(r->output[0], n), (long long)r->output[1]);
    fprintf(stderr, "; %d operators of opset %d; ", r->nodes, r->opset);
    if (opt->raw)
        fputs("the input is the model's own", stderr);
    else
        fprintf(stderr, "BGR 0..255, channel order %s, normalisation %s",
                r->order_folded  ? "in the first convolution"
                : r->order_nodes ? "by Split and Concat"
                                 : "the model's own",
                r->normalisation_folded  ? "in the first convolution"
                : r->normalisation_nodes ? "by Sub and Div"
                                         : "none needed");
    if (opt->fp16)
        fprintf(stderr, "; %d weights in half precision", r->half_weights);
    fputc('\n', stderr);
}

static int run(cli *c) {
    const char *path = cli_value(c, "output"), *batch = cli_value(c, "batch");
    arc_export_options opt;
    arc_export_report report;
    arc_model *model = NULL;
    arc_error err = {0};
    arc_export_options_default(&opt);
    const bool archive = cli_word(c, "target") == 1;
    if (cli_given(c, "simulate"))
        return export_simulate(c);
    if (cli_word(c, "target") == 2)
        return export_kit(c);
    if (c->arg_count > 1)
        return cli_usage(c, "export takes one model; pictures are for --target kit and --simulate");
    if (!path)
        return cli_usage(c, "export needs -o %s", archive ? "NAME.tar.xz" : "FILE.onnx");
    if (!cli_has_suffix(path, archive ? ".tar.xz" : ".onnx"))
        return cli_usage(c,
                         archive ? "-o %s: --target nnarchive writes an NN Archive, name it .tar.xz"
                                 : "-o %s: --target onnx writes an ONNX file, name it .onnx",
                         path);
    if (batch && !read_batch(batch, &opt.batch))
        return cli_usage(c, "--batch %s: must be a whole number from 1, or dynamic", batch);
    cli_int(c, "size", &opt.size_px);
    opt.uint8_input = cli_word(c, "input") == 1;
    opt.raw = cli_given(c, "raw");
    opt.l2 = cli_given(c, "l2");
    opt.fp16 = cli_given(c, "fp16");
    int code = cli_load_any(c, c->args[0], ARC_TASK_UNKNOWN, &model);
    if (code != CLI_OK)
        return code;
    const arc_status st = archive ? arc_export_nnarchive(c->ctx, model, &opt, path, &report, &err)
                                  : arc_export_onnx(c->ctx, model, &opt, path, &report, &err);
    arc_model_free(&model);
    if (st == ARC_EINVAL)
        return cli_usage(c, "%s", err.text);
    if (st != ARC_OK)
        return st == ARC_EIO || st == ARC_ENOTFOUND ? cli_fail_write(&err) : cli_fail(&err);
    if (!c->quiet)
        tell(&report, &opt, path);
    return CLI_OK;
}

static const cli_option options[] = {
    CLI_FILE("output", 'o', "FILE", NULL, "the file to write; of a kit the folder, a new one or an empty one"),
    CLI_WORD("target", 0, "NAME", "onnx nnarchive kit", "onnx",
             "what to write: onnx, nnarchive for OAK cameras, or kit, the folder that converters for OAK cameras need"),
    CLI_LIKELY("batch", 0, "N", "1 dynamic", "1", "images a run, or dynamic for any number"),
    CLI_WORD("input", 0, "TYPE", "float32 uint8", "float32", "type of the pixels: float32 or uint8"),
    CLI_WHOLE("size", 0, "N", 32, 4096, "640", "side in pixels of the input of detectors of free size, a multiple of 32"),
    CLI_FLAG("raw", 0, "the input stays the model's own: its channel order, normalised by the caller"),
    CLI_FLAG("l2", 0, "embeddings of length 1"),
    CLI_FLAG("fp16", 0, "store weights in half precision"),
    CLI_LIKELY("color", 0, "ORDER", "rgb bgr", NULL, "what the model takes, rgb or bgr, instead of what is inferred"),
    CLI_LIKELY("norm", 0, "MEAN/DIV", "127.5/127.5 127.5/128 0/1", NULL,
               "how the model's input is normalised, instead of what is inferred: 127.5/127.5, 127.5/128, 0/1"),
    CLI_WORD("simulate", 0, "DEVICE", "rvc2 rvc4-int8 rvc4-int16", NULL,
             "write nothing: do the arithmetic of rvc2, rvc4-int8 or rvc4-int16 on aligned faces, and tell what it costs"),
    CLI_FOLDER("calib", 0, "FOLDER", NULL, "with --simulate: the faces, instead of naming them behind the model"),
    CLI_WHOLE("count", 0, "N", 2, 100000, "500", "with --simulate: faces to take, evenly from all"),
    GATE_PAIRS,
    GATE_BOUNDS,
    CLI_FLAG("json", 'j', "with --simulate: one JSON object"),
    KIT_OPTIONS,
    {0},
};

const cli_command cli_export = {
    .group = CLI_GROUP_MODELS,
    .name = "export",
    .args = "MODEL [PICTURE...]",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = -1,
    .what = "a recogniser or detector as other toolchains take it",
    .about = "Writes one ONNX file for ONNX Runtime, OpenVINO, OpenCV, ncnn and the converters behind devices: input images "
             "[1,3,112,112], blue, green, red, 0 to 255; output output [1,512]; of an SCRFD or YuNet detector the "
             "outputs that OAK's SCRFDParser and YuNetParser decode. Channel order and normalisation are inside. Operators "
             "are those of opset 13 or older. The file is written only when it gives the model's embedding for a drawn picture. "
             "--target nnarchive packs that file with its description for OAK cameras' tools; --target kit "
             "makes a folder with that, aligned faces of the pictures to calibrate on, settings and reference embeddings. "
             "--simulate writes nothing: it "
             "foretells what a device's arithmetic does to embeddings. docs/DEPLOY.md says how to use "
             "all of it.",
    .no = "with --simulate: the embeddings are not near enough to float32's",
    .example = "arcface export r50.onnx -o face.onnx --l2",
    .uses = CLI_USES_DETECTOR,
    .options = options,
    .run = run,
};
