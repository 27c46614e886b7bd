/* The text of `arcface model info`: contract, inputs, outputs, layers, counts and memory plan, each with its unit. */
#include "model/describe_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TEXT_BYTES ((size_t)64 << 20)

/* 65156160 -> "65,156,160" */
static const char *grouped(int64_t n, char text[32]) {
    char digits[24];
    const int length = snprintf(digits, sizeof digits, "%lld", (long long)n);
    int used = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-')
            text[used++] = ',';
        text[used++] = digits[i];
    }
    text[used] = '\0';
    return text;
}

static double mib(int64_t bytes) {
    return (double)bytes / (1 << 20);
}

/* The buffer remembers nothing of a failed put, so the first failure is kept here. */
#define PUT(...)                                                                                                                 \
    do {                                                                                                                         \
        if (st == ARC_OK)                                                                                                        \
            st = arc_buffer_printf(out, __VA_ARGS__);                                                                            \
    } while (0)

static arc_status put_contract(const arc_model *m, arc_buffer *out) {
    const arc_contract *c = &m->contract;
    arc_status st = ARC_OK;
    if (c->task == ARC_TASK_EMBED)
        PUT("task         embed: %d numbers a face, template %s, cosine threshold %.3g\n", c->dim, arc_template_name(c->align),
            (double)c->threshold);
    else if (c->task == ARC_TASK_DETECT)
        PUT("task         detect: %s, score threshold %.3g, NMS overlap %.3g\n", arc_detector_name(c->detector),
            (double)c->threshold, (double)c->nms_iou);
    else
        PUT("task         unknown\n");
    if (c->detector == ARC_DETECTOR_RETINAFACE)
        PUT("priors       %g %g, %g %g, %g %g px at strides 8, 16, 32\n", (double)c->prior_px[0], (double)c->prior_px[1],
            (double)c->prior_px[2], (double)c->prior_px[3], (double)c->prior_px[4], (double)c->prior_px[5]);
    if (c->input_width_px > 0 && c->input_height_px > 0)
        PUT("pixels       %d wide, %d high, ", c->input_width_px, c->input_height_px);
    else
        PUT("pixels       any size, ");
    PUT("%s, (x - %g,%g,%g) * %g,%g,%g\n", c->bgr ? "BGR" : "RGB", (double)c->mean[0], (double)c->mean[1], (double)c->mean[2],
        (double)c->scale[0], (double)c->scale[1], (double)c->scale[2]);
    if (*m->edges_why.input && c->task != ARC_TASK_UNKNOWN)
        PUT("picture      %s\n", m->edges_why.input);
    if (*m->edges_why.output && c->task == ARC_TASK_EMBED)
        PUT("embedding    %s\n", m->edges_why.output);
    if (c->norm_output)
        PUT("quality      output '%s' (norm_output %d)\n", m->graph->value[m->graph->output[c->norm_output]].name,
            c->norm_output);
    else if (c->task == ARC_TASK_EMBED)
        PUT("quality      length of the embedding (norm_output 0: no output gives it)\n");
    if (c->takes_points)
        PUT("points       input '%s' takes the five points of the face in the crop, divided by its sides (takes_points)\n",
            m->graph->value[m->graph->input[1]].name);
    PUT("why          %s\n", c->why);
    return st;
}

static arc_status put_edges(const arc_graph *g, arc_buffer *out) {
    arc_status st = ARC_OK;
    char shape[256];
    for (int i = 0; i < g->inputs; i++) {
        const arc_value *v = &g->value[g->input[i]];
        PUT("input        %s %s %s\n", v->name, arc_describe_shape(v, shape, sizeof shape),
            arc_dtype_name(v->dtype ? v->dtype : ARC_F32));
    }
    for (int i = 0; i < g->outputs; i++) {
        const arc_value *v = &g->value[g->output[i]];
        PUT("output       %s %s %s\n", v->name, arc_describe_shape(v, shape, sizeof shape),
            arc_dtype_name(v->dtype ? v->dtype : ARC_F32));
    }
    return st;
}

static arc_status put_facts(const arc_model *m, const arc_model_facts *f, arc_buffer *out) {
    arc_status st = ARC_OK;
    char a[32], b[32];
    const arc_shape shape = arc_model_report_shape(m);
    PUT("parameters   %s (%s running statistics of BatchNormalization not counted); weights %.2f MiB\n",
        grouped(f->parameters, a), grouped(f->running_statistics, b), mib(f->weight_bytes));
    PUT("MACs         %s multiply-accumulates (%.4f G) of convolutions and matrix products, one image %lldx%lld\n",
        grouped(f->macs, a), (double)f->macs / 1e9, (long long)shape.dim[3], (long long)shape.dim[2]);
    PUT("FLOPs        %s (%.4f G): 2 a MAC\n", grouped(f->flops, b), (double)f->flops / 1e9);
    PUT("memory plan  activations %.2f MiB (%.2f MiB without reuse), packed weights %.2f MiB, scratch %.2f MiB; %d nodes run as "
        "%d steps\n",
        mib(f->activation_bytes), mib(f->activation_sum_bytes), mib(f->packed_bytes), mib(f->scratch_bytes), f->nodes, f->steps);
    return st;
}

static arc_status put_each_layer(const arc_graph *g, const arc_describe_row *rows, arc_buffer *out) {
    arc_status st = ARC_OK;
    char n[32], macs[32], weight[256], shape[256];
    PUT("\n%5s  %-22s %-18s %-18s %14s %15s  %s\n", "layer", "operator", "weights", "output", "numbers", "MACs", "name");
    for (int i = 0; i < g->nodes; i++)
        PUT("%5d  %-22s %-18s %-18s %14s %15s  %s\n", i, g->node[i].op,
            arc_describe_weight(g, &g->node[i], weight, sizeof weight), arc_shape_text(&rows[i].out, shape, sizeof shape),
            grouped(arc_describe_node_parameters(g, &g->node[i]), n), grouped(rows[i].macs, macs), g->node[i].name);
    return st;
}

static arc_status put_operators(const arc_graph *g, arc_buffer *out) {
    arc_status st = ARC_OK;
    char n[32];
    arc_op_count ops[ARC_DESCRIBE_MAX_OPS];
    const int count = arc_describe_ops(g, ops);
    PUT("\n%-24s %6s %14s\n", "operator", "nodes", "numbers");
    for (int i = 0; i < count; i++)
        PUT("%-24s %6d %14s\n", ops[i].op, ops[i].nodes, grouped(ops[i].parameters, n));
    return st;
}

/* f NULL: work and memory are not known. */
static arc_status describe_text(const arc_model *m, const arc_model_facts *f, const arc_describe_row *rows, arc_buffer *out) {
    arc_status st = ARC_OK;
    const arc_graph *g = m->graph;
    if (m->path)
        PUT("file         %s (%.2f MiB)\n", m->path, mib(m->file_bytes));
    else
        PUT("network      %s, new and untrained\n", g->name ? g->name : "?");
    if (m->path && f)
        PUT("sha256       %s\n", f->sha256);
    PUT("made by      %s, opset %d\n", g->producer && *g->producer ? g->producer : "unknown", g->opset);
    if (st == ARC_OK)
        st = put_contract(m, out);
    if (st == ARC_OK)
        st = put_edges(g, out);
    if (st == ARC_OK && f)
        st = put_facts(m, f, out);
    PUT("self-test    %s\n", arc_graph_meta(g, ARC_SELFTEST_KEY) ? "the file carries a vector" : "none in the file");
    for (int i = 0; i < g->metas; i++)
        if (strncmp(g->meta[i].key, ARC_NOTE_PREFIX, strlen(ARC_NOTE_PREFIX)) == 0)
            PUT("note         %.64s: %.800s\n", g->meta[i].key + strlen(ARC_NOTE_PREFIX), g->meta[i].value);
    if (st == ARC_OK)
        st = rows ? put_each_layer(g, rows, out) : put_operators(g, out);
    return st;
}

arc_status arc_model_describe(arc_context *ctx, const arc_model *model, bool json, bool layers, char **text, arc_error *err) {
    arc_status st;
    arc_model_facts facts;
    arc_buffer buffer;
    arc_describe_row *rows = NULL;
    *text = NULL;
    arc_buffer_init(&buffer, &ctx->alloc, MAX_TEXT_BYTES);
    const bool counted = arc_model_takes_picture(model); /* of others what is in the file is told */
    if (counted)
        ARC_TRY(arc_model_facts_get(ctx, model, &facts, err));
    if (layers && counted)
        ARC_TRY(arc_describe_rows(ctx, model, &rows, err));
    if (json)
        ARC_TRY(arc_describe_json(model, counted ? &facts : NULL, rows, &buffer, err));
    else if ((st = describe_text(model, counted ? &facts : NULL, rows, &buffer)) != ARC_OK) {
        st = arc_fail(err, st, "the description does not fit into memory");
        goto done;
    }
    *text = arc_mem_raw(&ctx->alloc, buffer.bytes + 1, 1);
    if (!*text) {
        st = arc_fail_nomem(err, "the description");
        goto done;
    }
    memcpy(*text, buffer.data, buffer.bytes);
    (*text)[buffer.bytes] = '\0';
done:
    arc_mem_free(&ctx->alloc, rows);
    arc_buffer_free(&buffer);
    return st;
}
