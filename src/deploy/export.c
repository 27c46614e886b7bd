/* A model as one ONNX file for other toolchains. */
#include "deploy/deploy.h"
#include "format/format.h"
#include <stdio.h>
#include <string.h>

#define MAX_BATCH 1024
/* 1 - cosine that a drawn picture may lose. Half weights round at 2^-11; ranges of DynamicQuantizeLinear are of a whole batch. */
#define TOLERANCE 1e-5
#define HALF_TOLERANCE 1e-4
#define INT8_TOLERANCE 5e-2

void arc_export_options_default(arc_export_options *opt) {
    *opt = (arc_export_options){.struct_size = sizeof *opt, .batch = 1};
}

arc_status arc_deploy_options(arc_export_options *own, const arc_export_options *opt, arc_error *err) {
    if (ARC_CHECK_OPTIONS(arc_export_options, opt, err) != ARC_OK)
        return ARC_EINVAL;
    arc_export_options_default(own);
    if (opt)
        *own = *opt;
    return ARC_OK;
}

static arc_status check(const arc_model *m, const arc_export_options *opt, arc_error *err) {
    const arc_graph *g = m->graph;
    if (opt->batch < 0 || opt->batch > MAX_BATCH)
        return arc_fail(err, ARC_EINVAL, "a batch of %d: 1 to %d, or 0 for any", opt->batch, MAX_BATCH);
    if (opt->raw && opt->uint8_input)
        return arc_fail(err, ARC_EINVAL, "a raw input takes normalised numbers, which are not uint8: choose one of the two");
    if (g->inputs != 1)
        return arc_fail(err, ARC_EUNSUPPORTED, "the model has %d inputs: networks of one picture are exported", g->inputs);
    if (opt->size_px < 0 || (opt->size_px > 0 && (opt->size_px < 32 || opt->size_px > 4096 || opt->size_px % 32 != 0)))
        return arc_fail(err, ARC_EINVAL, "a side of %d pixels: a multiple of 32 from 32 to 4096", opt->size_px);
    if (opt->size_px > 0 && m->contract.task == ARC_TASK_EMBED)
        return arc_fail(err, ARC_EINVAL, "a side of %d pixels: an embedder has a size of its own, size is for detectors",
                        opt->size_px);
    if (m->contract.task != ARC_TASK_EMBED && m->contract.task != ARC_TASK_DETECT)
        return arc_fail(err, ARC_EUNSUPPORTED,
                        "%s is neither embedder nor detector: export writes those, \"arcface convert\" any model",
                        m->path ? m->path : "the model");
    if (g->value[g->input[0]].dtype != ARC_F32)
        return arc_fail(err, ARC_EUNSUPPORTED, "the model takes %s already: export the model that it was made from",
                        arc_dtype_name(g->value[g->input[0]].dtype));
    return ARC_OK;
}

/* embedding / (|embedding| + 1e-12), which is embedding / |embedding| unless it is zero. */
static arc_status put_length(arc_deploy_writer *w, int embedding, int output) {
    static const int64_t axis = 1;
    const arc_shape one = {1, {1}};
    void *tiny = NULL;
    const int least = arc_deploy_constant(w, "arcface/least", ARC_F32, &one, &tiny), norm = arc_deploy_value(w, "arcface/norm");
    arc_node *n = norm >= 0 ? arc_graph_node(w->g, "ReduceL2", "arcface/norm", 1, &embedding, 1, &norm) : NULL;
    if (!n || least < 0 || arc_node_ints(w->g, n, "axes", 1, &axis) != ARC_OK || arc_node_int(w->g, n, "keepdims", 1) != ARC_OK)
        return ARC_ENOMEM;
    *(float *)tiny = 1e-12f;
    const int divisor = arc_deploy_binary(w, "Add", norm, least, ARC_NO_VALUE);
    return arc_deploy_binary(w, "Div", embedding, divisor, output) >= 0 ? ARC_OK : ARC_ENOMEM;
}

/* From the network's output to [batch,dim], of length 1 where asked. */
static arc_status put_output(arc_deploy_writer *w, const arc_export_options *opt, int rank, int64_t dim) {
    const int output = arc_graph_find(w->g, ARC_DEPLOY_OUTPUT);
    int embedding = w->as[arc_deploy_source(w->from, w->from->output[0])];
    if (rank == 4) {
        const int flat = opt->l2 ? arc_deploy_value(w, "arcface/embedding") : output;
        arc_node *n = flat >= 0 ? arc_graph_node(w->g, "Flatten", "arcface/embedding", 1, &embedding, 1, &flat) : NULL;
        if (!n || arc_node_int(w->g, n, "axis", 1) != ARC_OK)
            return ARC_ENOMEM;
        embedding = flat;
    }
    if (opt->l2 && put_length(w, embedding, output) != ARC_OK)
        return ARC_ENOMEM;
    const arc_shape s = {2, {opt->batch ? opt->batch : -1, dim}};
    w->g->value[output].symbol[0] = opt->batch ? NULL : "N";
    return arc_deploy_output(w, output, &s);
}

static arc_status build(arc_deploy_writer *w, const arc_model *m, const arc_export_options *opt, int rank, int64_t dim,
                        arc_export_report *report, arc_error *err) {
    arc_status st;
    arc_deploy_pixels pixels;
    int image;
    ARC_TRY(arc_deploy_image(w, arc_model_report_shape(m), opt, &image));
    arc_deploy_pixels_of(&pixels, &m->contract);
    if (opt->raw)
        w->as[m->graph->input[0]] = image;
    else
        ARC_TRY(arc_deploy_input(w, image, &pixels, report));
    if (arc_graph_value(w->g, ARC_DEPLOY_OUTPUT) < 0) /* taken before another value gets the name */
        ARC_TRY(ARC_ENOMEM);
    if (rank == 2 && !opt->l2)
        w->called[arc_deploy_source(m->graph, m->graph->output[0])] = ARC_DEPLOY_OUTPUT;
    if (opt->batch) {
        arc_shape input = arc_model_report_shape(m);
        input.dim[0] = opt->batch;
        ARC_TRY(arc_deploy_fix(w, &input, err));
    }
    ARC_TRY(arc_deploy_nodes(w, m->graph->output, 1, err));
    ARC_TRY(put_output(w, opt, rank, dim));
    if (opt->fp16)
        ARC_TRY(arc_deploy_halve(w, &report->half_weights));
    ARC_TRY(arc_graph_check(w->g, err));
done:
    return st == ARC_ENOMEM ? arc_fail_nomem(err, "an exported network") : st;
}

static double tolerance_of(const arc_model *m, const arc_export_options *opt) {
    return arc_model_is_int8(m->graph) ? INT8_TOLERANCE : opt->fp16 ? HALF_TOLERANCE : TOLERANCE;
}

/* For more than one picture the source is a copy of the model's graph, where that fixes their number needlessly. */
static arc_status open_writer(arc_deploy_writer *w, const arc_model *m, const arc_export_options *opt, arc_error *err) {
    arc_graph *own = NULL;
    const arc_shape one = arc_model_report_shape(m);
    arc_status st = opt->batch == 1 ? ARC_OK : arc_deploy_free_rows(m->graph, &one, &own, err);
    if (st == ARC_OK)
        st = arc_deploy_writer_open(w, own ? own : m->graph, err);
    if (st == ARC_OK)
        w->own = own;
    else
        arc_graph_free(&own);
    return st;
}

static arc_status export_embedder(arc_context *ctx, const arc_model *m, const arc_export_options *opt, arc_deploy_writer *w,
                                  arc_export_report *report, arc_error *err) {
    arc_status st;
    float *rows = NULL;
    int64_t dim;
    int rank;
    const double tolerance = tolerance_of(m, opt);
    ARC_TRY(arc_deploy_reference(ctx, m, &rows, &dim, &rank, err));
    ARC_TRY(open_writer(w, m, opt, err));
    ARC_TRY(build(w, m, opt, rank, dim, report, err));
    ARC_TRY(arc_deploy_probe(ctx, m, w->g, opt->batch ? opt->batch : 1, opt->raw, rows, dim, tolerance, err));
    if (!opt->batch)
        ARC_TRY(arc_deploy_probe(ctx, m, w->g, 2, opt->raw, rows, dim, tolerance, err));
done:
    arc_mem_free(&ctx->alloc, rows);
    return st;
}

arc_status arc_deploy_export(arc_context *ctx, const arc_model *model, const arc_export_options *opt, arc_deploy_writer *w,
                             arc_export_report *report, arc_error *err) {
    arc_status st;
    arc_export_report r = {0};
    *w = (arc_deploy_writer){0};
    ARC_TRY(check(model, opt, err));
    ARC_TRY(model->contract.task == ARC_TASK_DETECT ? arc_deploy_detector(ctx, model, opt, tolerance_of(model, opt), w, &r, err)
                                                    : export_embedder(ctx, model, opt, w, &r, err));
    ARC_TRY(arc_deploy_metadata(ctx, w, model, opt, &r, err));
    const arc_value *in = &w->g->value[w->g->input[0]], *out = &w->g->value[w->g->output[0]];
    memcpy(r.input, in->shape.dim, sizeof r.input);
    memcpy(r.output, out->shape.dim, sizeof r.output);
    r.outputs = w->g->outputs;
    snprintf(r.first, sizeof r.first, "%s", out->name);
    snprintf(r.last, sizeof r.last, "%s", w->g->value[w->g->output[w->g->outputs - 1]].name);
    r.opset = w->g->opset;
    r.nodes = w->g->nodes;
    *report = r;
done:
    if (st != ARC_OK)
        arc_deploy_writer_close(w);
    return st;
}

arc_status arc_export_onnx(arc_context *ctx, const arc_model *model, const arc_export_options *opt, const char *path,
                           arc_export_report *report, arc_error *err) {
    arc_status st;
    arc_deploy_writer w = {0};
    arc_export_options own;
    arc_export_report r = {0};
    if (report)
        *report = r;
    if (arc_deploy_options(&own, opt, err) != ARC_OK)
        return ARC_EINVAL;
    ARC_TRY(arc_deploy_export(ctx, model, &own, &w, &r, err));
    ARC_TRY(arc_onnx_save(w.g, path, err));
    if (report)
        *report = r;
done:
    arc_deploy_writer_close(&w);
    return st;
}
