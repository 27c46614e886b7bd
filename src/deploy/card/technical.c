/* deploy/card: what goes in and comes out, the architecture, and how fast it is. */
#include "deploy/card/card.h"
#include "model/describe_graph.h"
#include <arcface/face.h>
#include <stdio.h>
#include <string.h>

#define UNIT_LENGTH 1e-3 /* how near to 1 the length of an embedding of length 1 is */

/* ---- input and output ---- */

/* 127.5, and 1 / 0.00784313772 as 127.5: what people write. */
static const char *triple(arc_card_document *d, const float x[3], bool inverse) {
    double v[3];
    for (int i = 0; i < 3; i++)
        v[i] = inverse && x[i] != 0 ? 1 / (double)x[i] : (double)x[i];
    return x[0] == x[1] && x[1] == x[2] ? arc_card_print(d, "%.5g", v[0])
                                        : arc_card_print(d, "(%.5g, %.5g, %.5g)", v[0], v[1], v[2]);
}

static const char *pixels(arc_card_document *d, const arc_contract *c) {
    const char *order = c->bgr ? "blue, green, red" : "red, green, blue";
    const bool raw =
        c->mean[0] == 0 && c->mean[1] == 0 && c->mean[2] == 0 && c->scale[0] == 1 && c->scale[1] == 1 && c->scale[2] == 1;
    return raw ? arc_card_print(d, "%s, 0 to 255 as they are", order)
               : arc_card_print(d, "%s, (x - %s) / %s of x from 0 to 255", order, triple(d, c->mean, false),
                                triple(d, c->scale, true));
}

static const char *layout(const arc_shape *s) {
    if (s->rank == 4)
        return s->dim[1] == 3 || s->dim[3] != 3 ? "NCHW" : "NHWC";
    return s->rank == 2 ? "NF" : "";
}

static void put_edge(arc_card_document *d, const arc_value *v, const char *meaning) {
    char shape[256];
    arc_card_cell(d, v->name);
    arc_card_cell(d, arc_card_print(d, "%s %s", arc_dtype_name(v->dtype ? v->dtype : ARC_F32), layout(&v->shape)));
    arc_card_cell(d, arc_describe_shape(v, shape, sizeof shape));
    arc_card_cell(d, meaning);
}

static const char *detector_meaning(const arc_shape *s) {
    const int64_t last = s->rank > 0 ? s->dim[s->rank - 1] : 0;
    return last == 1 ? "scores" : last == 4 ? "boxes" : last == 10 ? "landmarks, five points" : "scores, boxes or landmarks";
}

static const char *output_meaning(arc_card_document *d, const arc_card_sources *s, int i) {
    const arc_contract *c = &s->model->contract;
    if (c->task == ARC_TASK_DETECT)
        return detector_meaning(&s->model->graph->value[s->model->graph->output[i]].shape);
    if (c->task != ARC_TASK_EMBED)
        return NULL;
    if (i > 0)
        return i == c->norm_output ? "length of the embedding: quality of the picture" : NULL;
    const bool unit = s->length > 1 - UNIT_LENGTH && s->length < 1 + UNIT_LENGTH;
    return s->length > 0
               ? arc_card_print(d, unit ? "embedding of length 1" : "embedding, not of length 1 (%.3g of a drawn picture)",
                                s->length)
               : "embedding";
}

static const char *threshold_text(arc_card_document *d, const arc_card_sources *s) {
    const arc_graph *g = s->model->graph;
    const char *from = arc_graph_meta(g, "arcface.calibration.threshold") ? "calibrated"
                       : arc_graph_meta(g, "arcface.threshold")           ? "as the file says, not calibrated"
                                                                          : "arcface's default, not calibrated";
    return arc_card_print(d, "cosine; one person from %.3g on (%s)", (double)s->model->contract.threshold, from);
}

static void put_edges(arc_card_document *d, const arc_card_sources *s) {
    static const char *const heads[] = {"Tensor", "Type, layout", "Shape", "Meaning"};
    const arc_graph *g = s->model->graph;
    const arc_contract *c = &s->model->contract;
    arc_card_table(d, NULL, heads, (int)ARC_COUNT(heads));
    for (int i = 0; i < g->inputs; i++)
        put_edge(d, &g->value[g->input[i]],
                 i == 0            ? pixels(d, c)
                 : c->takes_points ? "the five points of the face, divided by the sides of the picture"
                                   : NULL);
    for (int i = 0; i < g->outputs; i++)
        put_edge(d, &g->value[g->output[i]], output_meaning(d, s, i));
    if (c->task != ARC_TASK_EMBED)
        return;
    float p[5][2];
    arc_template_get(c->align, NULL, NULL, p);
    arc_card_add(d, ARC_CARD_FIELDS, NULL);
    arc_card_field(
        d, "Alignment",
        arc_card_print(d,
                       "similarity transform of the five points to eyes (%.2f, %.2f) and (%.2f, %.2f), nose (%.2f, %.2f), "
                       "corners of the mouth (%.2f, %.2f) and (%.2f, %.2f) px; \"arcface align\" does it",
                       (double)p[0][0], (double)p[0][1], (double)p[1][0], (double)p[1][1], (double)p[2][0], (double)p[2][1],
                       (double)p[3][0], (double)p[3][1], (double)p[4][0], (double)p[4][1]));
    arc_card_field(d, "Compared by", threshold_text(d, s));
}

/* ---- architecture ---- */

static const char *operators(arc_card_document *d, const arc_graph *g) {
    arc_op_count ops[ARC_DESCRIBE_MAX_OPS];
    const int count = arc_describe_ops(g, ops);
    const char *text = "";
    for (int i = 0; i < count && i < 6; i++)
        text = arc_card_print(d, "%s%s%d %s", text, i ? ", " : "", ops[i].nodes, ops[i].op);
    return count > 6 ? arc_card_print(d, "%s and %d more", text, count - 6) : text;
}

static void put_architecture(arc_card_document *d, const arc_card_sources *s, const arc_card_blocks *blocks) {
    const arc_model_facts *f = &s->facts;
    const arc_shape in = arc_model_report_shape(s->model);
    const char *network = arc_graph_meta(s->model->graph, "arcface.network");
    arc_card_add(d, ARC_CARD_FIELDS, NULL);
    if (network && *network)
        arc_card_field(d, "Network", network);
    arc_card_field(d, "Parameters",
                   arc_card_print(d, "%s (and %s running statistics of BatchNormalization)", arc_card_grouped(d, f->parameters),
                                  arc_card_grouped(d, f->running_statistics)));
    arc_card_field(d, "Multiply-adds (MACs)",
                   arc_card_print(d, "%s of convolutions and products, one picture of %lld x %lld", arc_card_grouped(d, f->macs),
                                  (long long)in.dim[3], (long long)in.dim[2]));
    arc_card_field(d, "FLOPs", arc_card_print(d, "%s: 2 a multiply-add", arc_card_grouped(d, f->flops)));
    arc_card_field(d, "Memory",
                   arc_card_print(d, "weights %.2f MiB, activations of one picture %.2f MiB", (double)f->weight_bytes / (1 << 20),
                                  (double)f->activation_bytes / (1 << 20)));
    arc_card_field(d, "Operators", operators(d, s->model->graph));
    const char *svg = blocks->count > 0 ? arc_card_draw(d, blocks, s->model) : NULL;
    if (!svg)
        return;
    arc_card_add(d, ARC_CARD_DRAWING, svg);
    arc_card_cell(d, "Blocks of the network with their share of the multiply-adds, and beside them what each stage passes on");
}

/* ---- throughput ---- */

static void put_throughput(arc_card_document *d, const arc_card_sources *s) {
    static const char *const heads[] = {"Precision", "Images a second", "Latency (ms)", "Measured for (s)", "On"};
    arc_card_add(d, ARC_CARD_SUBHEADING, "Throughput");
    if (s->speeds == 0) {
        arc_card_add(d, ARC_CARD_TEXT, ARC_CARD_UNSTATED);
        return;
    }
    arc_card_table(
        d,
        "Two threads, an inference of one picture each in flight, one resident tensor of noise: nothing is decoded or copied, "
        "and images a second are not the inverse of the latency",
        heads, (int)ARC_COUNT(heads));
    for (int i = 0; i < s->speeds; i++) {
        const arc_card_speed *v = &s->speed[i];
        arc_card_cell(d, v->precision);
        arc_card_cell(d, arc_card_print(d, "%.1f", v->fps));
        arc_card_cell(d, arc_card_print(d, "%.2f", v->latency_ms));
        arc_card_cell(d, arc_card_print(d, "%.1f", v->seconds));
        arc_card_cell(d, arc_card_print(d, "%s, %s",
                                        v->processor && *v->processor ? v->processor : "a processor that is not known", v->isa));
    }
}

void arc_card_technical(arc_card_document *d, const arc_card_sources *s, const arc_card_blocks *blocks) {
    arc_card_add(d, ARC_CARD_HEADING, "Technical Specifications");
    arc_card_add(d, ARC_CARD_SUBHEADING, "Input/Output Details");
    put_edges(d, s);
    arc_card_add(d, ARC_CARD_SUBHEADING, "Model Architecture");
    put_architecture(d, s, blocks);
    put_throughput(d, s);
    arc_card_quantization(d, s);
}
