/* The text of `arcface model info`: contract, inputs, outputs, layers, counts and memory plan, each with its unit. */
#include "model/describe_internal.h"
#include "model/layers.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TEXT_BYTES ((size_t)64 << 20)

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
        arc_text_grouped(f->parameters, a), arc_text_grouped(f->running_statistics, b), mib(f->weight_bytes));
    PUT("MACs         %s multiply-accumulates (%.4f G) of convolutions and matrix products, one image %lldx%lld\n",
        arc_text_grouped(f->macs, a), (double)f->macs / 1e9, (long long)shape.dim[3], (long long)shape.dim[2]);
    PUT("FLOPs        %s (%.4f G): 2 a MAC\n", arc_text_grouped(f->flops, b), (double)f->flops / 1e9);
    PUT("memory plan  activations %.2f MiB (%.2f MiB without reuse), packed weights %.2f MiB, scratch %.2f MiB; %d nodes run as "
        "%d steps\n",
        mib(f->activation_bytes), mib(f->activation_sum_bytes), mib(f->packed_bytes), mib(f->scratch_bytes), f->nodes, f->steps);
    return st;
}

static arc_status put_operators(const arc_graph *g, arc_buffer *out) {
    arc_status st = ARC_OK;
    char n[32];
    arc_op_count ops[ARC_DESCRIBE_MAX_OPS];
    const int count = arc_describe_ops(g, ops);
    PUT("\n%-24s %6s %14s\n", "operator", "nodes", "numbers");
    for (int i = 0; i < count; i++)
        PUT("%-24s %6d %14s\n", ops[i].op, ops[i].nodes, arc_text_grouped(ops[i].parameters, n));
    return st;
}

/* f NULL: work and memory are not known. layers: the table of the layers; NULL: they are only counted by operator. */
static arc_status describe_text(const arc_model *m, const arc_model_facts *f, const char *layers, arc_buffer *out) {
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
        st = layers ? arc_buffer_printf(out, "\n%s", layers) : put_operators(g, out);
    return st;
}

/* The table that `arcface profile` prints, without times. */
static arc_status layers_of(arc_context *ctx, const arc_model *m, bool json, char **text, arc_error *err) {
    const arc_shape one = arc_model_report_shape(m), input[2] = {one, arc_model_points_shape(m, one.dim[0])};
    arc_profile *p;
    arc_text t;
    arc_status st = arc_layers_count(ctx, m, arc_model_takes_picture(m) ? input : NULL, ARC_FLOPS_ARCFACE, &p, err);
    if (st != ARC_OK)
        return st;
    arc_layer_place *order = arc_mem_new(&ctx->alloc, (size_t)p->rows + 1, sizeof *order);
    if (!order) {
        arc_profile_free(ctx, &p);
        return arc_fail_nomem(err, "the layers");
    }
    arc_layers_order(p, ARC_PROFILE_BY_ORDER, order);
    arc_text_begin(&t, &ctx->alloc);
    (json ? arc_layers_put_json : arc_layers_put_text)(&t, p, order, p->rows);
    arc_mem_free(&ctx->alloc, order);
    arc_profile_free(ctx, &p);
    return arc_text_end(&t, text, err);
}

arc_status arc_model_describe(arc_context *ctx, const arc_model *model, bool json, bool layers, char **text, arc_error *err) {
    arc_status st;
    arc_model_facts facts;
    arc_buffer buffer;
    char *table = NULL;
    *text = NULL;
    arc_buffer_init(&buffer, &ctx->alloc, MAX_TEXT_BYTES);
    const bool counted = arc_model_takes_picture(model); /* of others what is in the file is told */
    if (counted)
        ARC_TRY(arc_model_facts_get(ctx, model, &facts, err));
    if (layers)
        ARC_TRY(layers_of(ctx, model, json, &table, err));
    if (json)
        ARC_TRY(arc_describe_json(model, counted ? &facts : NULL, table, &buffer, err));
    else if ((st = describe_text(model, counted ? &facts : NULL, table, &buffer)) != ARC_OK) {
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
    arc_text_free(ctx, &table);
    arc_buffer_free(&buffer);
    return st;
}
