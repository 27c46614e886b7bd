/* An export as an NN Archive: the network and the config.json that is true of it. */
#include "deploy/archive/archive.h"
#include "format/format.h"
#include <math.h>
#include <string.h>

#define NETWORK "arcface.onnx"
#define MAX_FACES 100                       /* what a parser keeps */
#define MAX_NETWORK_BYTES ((size_t)2 << 30) /* what protobuf reads */

static json_t *shape_of(const int64_t *dim, int rank) {
    json_t *list = json_array();
    for (int i = 0; i < rank; i++)
        json_array_append_new(list, json_integer(dim[i]));
    return list;
}

static int put(const char *text, size_t bytes, void *out) {
    return arc_buffer_put(out, text, bytes) == ARC_OK ? 0 : -1;
}

/* "score_8", ... of every output. */
static json_t *names_of(const arc_graph *g) {
    json_t *list = json_array();
    for (int i = 0; list && i < g->outputs; i++)
        json_array_append_new(list, json_string(g->value[g->output[i]].name));
    return list;
}

static json_t *outputs_of(const arc_graph *g, bool embedder) {
    json_t *list = json_array();
    for (int i = 0; list && i < g->outputs; i++) {
        const arc_value *v = &g->value[g->output[i]];
        json_t *output =
            json_pack("{s:s, s:s, s:o}", "name", v->name, "dtype", "float32", "shape", shape_of(v->shape.dim, v->shape.rank));
        if (output && embedder)
            json_object_set_new(output, "layout", json_string("NF"));
        json_array_append_new(list, output);
    }
    return list;
}

/* 0.4 as people write it, not its neighbour in float32. */
static double decimal(float x) {
    return nearbyint((double)x * 1e6) / 1e6;
}

/* What depthai-nodes' parser is built from. heads is required by luxonis-ml, its outputs by both EmbeddingsParsers. */
static json_t *head_of(const arc_graph *g, const arc_contract *c, const arc_export_report *r) {
    if (c->task == ARC_TASK_EMBED)
        return json_pack("{s:s, s:s, s:{s:n}, s:o}", "name", "embeddings", "parser", "EmbeddingsParser", "metadata",
                         "postprocessor_path", "outputs", names_of(g));
    const bool scrfd = c->detector == ARC_DETECTOR_SCRFD;
    json_t *settings =
        json_pack("{s:n, s:[s], s:i, s:f, s:f, s:i, s:n}", "postprocessor_path", "classes", "Face", "n_classes", 1,
                  "iou_threshold", decimal(c->nms_iou), "conf_threshold", decimal(c->threshold), "max_det", MAX_FACES, "anchors");
    if (settings && scrfd) {
        json_t *strides = json_array();
        for (int i = 0; strides && i < r->outputs / 3; i++)
            json_array_append_new(strides, json_integer(8 << i));
        const int64_t cells = (r->input[2] + 7) / 8 * ((r->input[3] + 7) / 8);
        json_object_set_new(settings, "feat_stride_fpn", strides);
        json_object_set_new(settings, "num_anchors", json_integer(r->output[0] / cells));
    }
    return json_pack("{s:s, s:s, s:o, s:o}", "name", "faces", "parser", scrfd ? "SCRFDParser" : "YuNetParser", "metadata",
                     settings, "outputs", names_of(g));
}

/* mean and scale say nothing and stand there because HubAI shows them. */
static bool put_config(arc_buffer *out, const arc_graph *g, const arc_contract *c, const arc_export_report *r,
                       const arc_export_options *opt) {
    json_t *preprocessing = json_pack("{s:[fff], s:[fff], s:n, s:n, s:s}", "mean", 0.0, 0.0, 0.0, "scale", 1.0, 1.0, 1.0,
                                      "reverse_channels", "interleaved_to_planar", "dai_type", "BGR888p");
    json_t *input =
        json_pack("{s:s, s:s, s:s, s:o, s:s, s:o}", "name", ARC_DEPLOY_INPUT, "dtype", opt->uint8_input ? "uint8" : "float32",
                  "input_type", "image", "shape", shape_of(r->input, 4), "layout", "NCHW", "preprocessing", preprocessing);
    json_t *config = json_pack("{s:s, s:{s:{s:s, s:s, s:s}, s:[o], s:o, s:[o]}}", "config_version", "1.0", "model", "metadata",
                               "name", "arcface", "path", NETWORK, "precision", opt->fp16 ? "float16" : "float32", "inputs",
                               input, "outputs", outputs_of(g, c->task == ARC_TASK_EMBED), "heads", head_of(g, c, r));
    const bool good = config && json_dump_callback(config, put, out, JSON_INDENT(4)) == 0;
    json_decref(config);
    return good;
}

static bool ends(const char *text, const char *suffix) {
    const size_t n = strlen(text), k = strlen(suffix);
    return n > k && strcmp(text + n - k, suffix) == 0;
}

arc_status arc_export_nnarchive(arc_context *ctx, const arc_model *model, const arc_export_options *opt, const char *path,
                                arc_export_report *report, arc_error *err) {
    arc_status st;
    arc_deploy_writer w = {0};
    arc_writer *into = NULL;
    arc_buffer network, config;
    arc_export_options own;
    arc_export_report r = {0};
    if (report)
        *report = r;
    if (arc_deploy_options(&own, opt, err) != ARC_OK)
        return ARC_EINVAL;
    if (!ends(path, ".tar.xz"))
        return arc_fail(err, ARC_EINVAL, "%s: an NN Archive must be called NAME.tar.xz: modelconverter goes by that", path);
    if (own.batch == 0)
        return arc_fail(err, ARC_EINVAL, "an NN Archive has a batch of its own: devices need every size");
    if (own.raw)
        return arc_fail(err, ARC_EINVAL, "an NN Archive of arcface takes pixels as they are: raw is for ONNX files alone");
    arc_buffer_init(&network, &ctx->alloc, MAX_NETWORK_BYTES);
    arc_buffer_init(&config, &ctx->alloc, ARC_ARCHIVE_MAX_CONFIG_BYTES);
    ARC_TRY(arc_deploy_export(ctx, model, &own, &w, &r, err));
    ARC_TRY(arc_writer_open_memory(&into, &ctx->alloc, &network, err));
    st = arc_onnx_write(w.g, into, err);
    ARC_TRY(arc_writer_finish(&into, st, err));
    if (!put_config(&config, w.g, &model->contract, &r, &own))
        ARC_TRY(arc_fail_nomem(err, "config.json"));
    const arc_pack_member members[] = {{NETWORK, network.data, network.bytes}, {ARC_ARCHIVE_CONFIG, config.data, config.bytes}};
    ARC_TRY(arc_pack_save(&ctx->alloc, path, members, (int)ARC_COUNT(members), err));
    if (report)
        *report = r;
done:
    arc_buffer_free(&config);
    arc_buffer_free(&network);
    arc_deploy_writer_close(&w);
    return st;
}
