/* The contract of a file that does not say it itself, by written rules over the graph's structure (docs/FORMATS.md lists them):
 * what the outputs look like tells task and decoder; the first nodes, input size and activations tell the normalisation. */
#include "model/edges.h"
#include "model/model.h"
#include "op/op.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_WALK 16

static const arc_value *input_of(const arc_graph *g, const arc_node *n, int i) {
    return i < n->inputs && n->input[i] >= 0 ? &g->value[n->input[i]] : NULL;
}

/* ---- outputs ---- */

static int64_t last_dim(const arc_graph *g, int output) {
    const arc_shape *s = &g->value[g->output[output]].shape;
    return s->rank > 0 ? s->dim[s->rank - 1] : -1;
}

static int count_last(const arc_graph *g, int64_t dim) {
    int n = 0;
    for (int i = 0; i < g->outputs; i++)
        n += last_dim(g, i) == dim;
    return n;
}

static int count_named(const arc_graph *g, const char *prefix) {
    int n = 0;
    for (int i = 0; i < g->outputs; i++)
        n += strncmp(g->value[g->output[i]].name, prefix, strlen(prefix)) == 0;
    return n;
}

static arc_detector_kind detector_of(const arc_graph *g, const char **because) {
    const int n = g->outputs;
    if (n == 12 && count_named(g, "cls_") == 3 && count_named(g, "obj_") == 3 && count_named(g, "bbox_") == 3 &&
        count_named(g, "kps_") == 3) {
        *because = "12 outputs cls/obj/bbox/kps at strides 8, 16, 32";
        return ARC_DETECTOR_YUNET;
    }
    if (n == 12 && count_last(g, 1) == 6 && count_last(g, 4) == 3 && count_last(g, 10) == 3) {
        *because = "12 outputs: 6 of width 1, 3 of width 4, 3 of width 10";
        return ARC_DETECTOR_YUNET;
    }
    if ((n == 9 || n == 6) && count_named(g, "face_rpn_") == n) {
        *because = "outputs called face_rpn_*";
        return ARC_DETECTOR_RETINAFACE_MXNET;
    }
    if (n == 9 && count_last(g, 1) == 3 && count_last(g, 4) == 3 && count_last(g, 10) == 3) {
        *because = "9 outputs: scores, boxes and landmarks (widths 1, 4, 10) at three strides";
        return ARC_DETECTOR_SCRFD;
    }
    if (n == 6 && count_last(g, 1) == 3 && count_last(g, 4) == 3) {
        *because = "6 outputs: scores and boxes (widths 1, 4) at three strides";
        return ARC_DETECTOR_SCRFD;
    }
    if (n == 3 && count_last(g, 2) == 1 && count_last(g, 4) == 1 && count_last(g, 10) == 1) {
        *because = "3 outputs of widths 4 (boxes), 2 (face or not), 10 (landmarks)";
        return ARC_DETECTOR_RETINAFACE;
    }
    if (n == 3 && count_named(g, "loc") == 1 && count_named(g, "conf") == 1 && count_named(g, "landm") == 1) {
        *because = "3 outputs called loc, conf, landms";
        return ARC_DETECTOR_RETINAFACE;
    }
    return ARC_DETECTOR_NONE;
}

void arc_contract_detector_defaults(arc_contract *c, arc_detector_kind kind) {
    c->task = ARC_TASK_DETECT;
    c->detector = kind;
    const bool yunet = kind == ARC_DETECTOR_YUNET, retinaface = kind == ARC_DETECTOR_RETINAFACE,
               scrfd = kind == ARC_DETECTOR_SCRFD;
    static const float caffe_bgr[3] = {104, 117, 123};
    c->bgr = yunet || retinaface;
    for (int i = 0; i < 3; i++) {
        c->mean[i] = scrfd ? 127.5f : retinaface ? caffe_bgr[i] : 0;
        c->scale[i] = scrfd ? 1 / 128.0f : 1;
    }
    c->threshold = yunet ? 0.6f : 0.5f;
    c->nms_iou = yunet ? 0.3f : 0.4f;
    for (int i = 0; i < 6; i++)
        c->prior_px[i] = retinaface ? (float)(16 << i) : 0;
}

/* ---- embedders ---- */

static bool template_of(int width, int height, arc_template *out) {
    static const struct {
        int width, height;
        arc_template align;
    } known[] = {{112, 112, ARC_TEMPLATE_112}, {96, 112, ARC_TEMPLATE_112X96}, {128, 128, ARC_TEMPLATE_128},
                 {224, 224, ARC_TEMPLATE_224}, {96, 96, ARC_TEMPLATE_96},      {144, 144, ARC_TEMPLATE_144},
                 {160, 160, ARC_TEMPLATE_160}, {192, 192, ARC_TEMPLATE_192},   {256, 256, ARC_TEMPLATE_256}};
    for (size_t i = 0; i < ARC_COUNT(known); i++)
        if (known[i].width == width && known[i].height == height) {
            *out = known[i].align;
            return true;
        }
    return false;
}

static bool is_scalar_or_channels(const arc_value *v) {
    int64_t n = v && v->data ? arc_shape_count(&v->shape) : -1;
    return n == 1 || n == 3;
}

/* The first arithmetic node behind the graph's input when it normalises pixels: NULL when the net begins otherwise. */
static const arc_node *first_normaliser(const arc_graph *g) {
    int value = g->input[0];
    for (int steps = 0; steps < MAX_WALK; steps++) {
        const arc_node *next = NULL;
        for (int i = 0; i < g->nodes && !next; i++)
            for (int k = 0; k < g->node[i].inputs && !next; k++)
                if (g->node[i].input[k] == value)
                    next = &g->node[i];
        if (!next)
            return NULL;
        if (arc_node_is(next, ARC_KIND_IDENTITY) || arc_node_is(next, ARC_KIND_CAST) || arc_node_is(next, ARC_KIND_DROPOUT) ||
            arc_node_is(next, ARC_KIND_TRANSPOSE) || strcmp(next->name, ARC_ADAPT_GRAY) == 0 ||
            strcmp(next->name, ARC_ADAPT_SINGLE) == 0) {
            value = next->output[0];
            continue;
        }
        if (arc_node_is(next, ARC_KIND_BATCH_NORM))
            return next;
        if ((arc_node_is(next, ARC_KIND_SUB) || arc_node_is(next, ARC_KIND_MUL) || arc_node_is(next, ARC_KIND_DIV) ||
             arc_node_is(next, ARC_KIND_ADD)) &&
            next->inputs == 2) {
            const arc_value *other = input_of(g, next, next->input[0] == value ? 1 : 0);
            const bool computed = other && other->producer >= 0 && arc_node_is(&g->node[other->producer], ARC_KIND_CONSTANT);
            return is_scalar_or_channels(other) || computed ? next : NULL;
        }
        return NULL;
    }
    return NULL;
}

/* The tensor that operand i of a node is, given or made by a Constant; NULL: it is computed. */
static const arc_value *constant_of(const arc_graph *g, const arc_node *n, int i) {
    const arc_value *v = input_of(g, n, i);
    const arc_node *from = v && !v->data && v->producer >= 0 ? &g->node[v->producer] : NULL;
    const arc_attr *a = from && arc_node_is(from, ARC_KIND_CONSTANT) ? arc_node_attr(from, "value") : NULL;
    if (a && a->kind == ARC_ATTR_TENSOR)
        v = &g->value[a->value];
    return v && v->data ? v : NULL;
}

/* Whether what normalises first enlarges: then it takes 0..1, as (x - mean) / deviation of such pixels does. */
static bool takes_unit_range(const arc_graph *g, const arc_node *first) {
    const arc_node *n = first;
    double gain = 1;
    for (int steps = 0; steps < 3 && n && n->inputs == 2; steps++) {
        const bool div = arc_node_is(n, ARC_KIND_DIV), mul = arc_node_is(n, ARC_KIND_MUL);
        const arc_value *c = constant_of(g, n, 1);
        if (!c)
            c = constant_of(g, n, 0);
        if (!div && !mul && !arc_node_is(n, ARC_KIND_SUB) && !arc_node_is(n, ARC_KIND_ADD))
            break;
        if (!c || c->dtype != ARC_F32 || c->data_bytes < sizeof(float))
            return false;
        float by;
        memcpy(&by, c->data, sizeof by);
        gain *= div ? 1 / (double)by : mul ? (double)by : 1;
        const arc_node *next = NULL;
        for (int i = 0; i < g->nodes && !next; i++)
            for (int k = 0; k < g->node[i].inputs && !next; k++)
                if (g->node[i].input[k] == n->output[0])
                    next = &g->node[i];
        n = next;
    }
    return fabs(gain) >= 1.5 && fabs(gain) < 16;
}

static int count_kind(const arc_graph *g, arc_op_kind kind) {
    int n = 0;
    for (int i = 0; i < g->nodes; i++)
        n += arc_node_is(&g->node[i], kind);
    return n;
}

static void set_norm(arc_contract *c, float mean, float divisor) {
    for (int i = 0; i < 3; i++) {
        c->mean[i] = mean;
        c->scale[i] = 1 / divisor;
    }
}

static void infer_embedder(arc_contract *c, const arc_graph *g, int64_t dim) {
    c->task = ARC_TASK_EMBED;
    c->dim = (int)dim;
    c->threshold = ARC_EMBED_THRESHOLD;
    c->bgr = false;
    if (g->outputs == 1)
        arc_contract_because(c, "Embedding of %d numbers: one output, input %d wide and %d high.", c->dim, c->input_width_px,
                             c->input_height_px);
    else
        arc_contract_because(c, "Embedding of %d numbers: output '%.60s' of %d, input %d wide and %d high.", c->dim,
                             g->value[g->output[0]].name, g->outputs, c->input_width_px, c->input_height_px);
    c->norm_output = arc_edges_norm(g, 0) > 0 ? arc_edges_norm(g, 0) : 0;
    if (c->norm_output)
        arc_contract_because(c, "Output '%.60s' is its norm, kept as quality.", g->value[g->output[c->norm_output]].name);
    c->takes_points = g->inputs == 2;
    if (c->takes_points)
        arc_contract_because(c, "Input '%.60s' takes the five points of the face, divided by the sides.",
                             g->value[g->input[1]].name);
    if (arc_adapt_has(g, ARC_ADAPT_GRAY))
        arc_contract_because(c, "The file takes one channel: luma of ITU-R 601.");
    if (arc_adapt_has(g, ARC_ADAPT_LAST))
        arc_contract_because(c, "The file takes channels last.");
    const arc_node *first = first_normaliser(g);
    if (arc_adapt_has(g, ARC_ADAPT_CAST)) {
        set_norm(c, 0, 1);
        arc_contract_because(c, "Raw 0..255: the file takes whole numbers.");
    } else if (first && takes_unit_range(g, first)) {
        set_norm(c, 0, 255);
        arc_contract_because(c, "0..1: the graph begins with %s '%s', which takes such numbers.", first->op, first->name);
    } else if (first) {
        set_norm(c, 0, 1);
        arc_contract_because(c, "Raw 0..255: the graph begins with %s '%s', it normalises itself.", first->op, first->name);
    } else if (c->align == ARC_TEMPLATE_112X96) {
        set_norm(c, 127.5f, 128);
        arc_contract_because(c, "(x-127.5)/128: networks of 112x96 crops were trained so.");
    } else if (count_kind(g, ARC_KIND_CLIP) > 0 && count_kind(g, ARC_KIND_PRELU) == 0 && count_kind(g, ARC_KIND_SOFTMAX) == 0) {
        set_norm(c, 127.5f, 128);
        arc_contract_because(c, "(x-127.5)/128: Clip (ReLU6) and no PRelu, the MobileFaceNet family trained so.");
    } else {
        set_norm(c, 127.5f, 127.5f);
        arc_contract_because(c, "(x-127.5)/127.5: nothing at the input normalises, InsightFace's default.");
    }
    arc_contract_because(c, "RGB and threshold %.2f are defaults.", (double)c->threshold);
}

void arc_contract_infer(arc_contract *out, const arc_graph *g, bool chosen) {
    memset(out, 0, sizeof *out);
    for (int i = 0; i < 3; i++)
        out->scale[i] = 1;
    if (g->inputs != 1 && !(g->inputs == 2 && arc_edges_picture(g) == 0 && arc_edges_is_points(g, 1))) {
        arc_contract_because(
            out, "%d inputs: neither an embedder nor a detector. A picture, and beside it five points [N,5,2] at most, are fed.",
            g->inputs);
        return;
    }
    const arc_shape *in = &g->value[g->input[0]].shape;
    if (in->rank >= 0 && (in->rank != 4 || (in->dim[1] >= 0 && in->dim[1] != 3))) {
        char text[128];
        arc_contract_because(out, "Input '%.60s' %s is no picture of three channels or one.", g->value[g->input[0]].name,
                             arc_shape_text(in, text, sizeof text));
        return;
    }
    if (in->rank == 4 && (in->dim[1] == 3 || in->dim[1] < 0)) {
        out->input_height_px = in->dim[2] > 0 && in->dim[2] < INT32_MAX ? (int)in->dim[2] : 0;
        out->input_width_px = in->dim[3] > 0 && in->dim[3] < INT32_MAX ? (int)in->dim[3] : 0;
    }
    const char *because = "";
    const arc_detector_kind kind = detector_of(g, &because);
    if (kind != ARC_DETECTOR_NONE) {
        arc_contract_detector_defaults(out, kind);
        arc_contract_because(out, "Detector %s with its family's normalisation and thresholds: %s.", arc_detector_name(kind),
                             because);
        return;
    }
    const bool row = arc_edges_is_row(g, 0) && (arc_edges_embedding(g) == 0 || chosen);
    const int64_t dim = row ? arc_edges_width(g, 0) : -1;
    bool size_known = template_of(out->input_width_px, out->input_height_px, &out->align);
    /* Landmarks have such sides and any number of values; widths of embeddings are round. */
    const bool points = size_known && out->align >= ARC_TEMPLATE_96 && dim % 32 != 0;
    size_known = size_known && !points;
    const bool assumed = row && !size_known && (in->rank < 0 || (!out->input_width_px && !out->input_height_px));
    if (assumed) {
        out->input_width_px = out->input_height_px = 112;
        arc_contract_because(out, in->rank < 0 ? "Input 112x112 assumed: the file declares none."
                                               : "Input 112x112 assumed: height and width are free.");
    }
    if (row && (size_known || assumed))
        infer_embedder(out, g, dim);
    else if (row && points)
        arc_contract_because(out, "No rule fits: %lld numbers for a picture of %dx%d are landmarks, not an embedding.",
                             (long long)dim, out->input_width_px, out->input_height_px);
    else if (row)
        arc_contract_because(out,
                             "No rule fits: input %dx%d; faces are aligned to squares of 96, 112, 128, 144, 160, 192, 224 or 256 "
                             "pixels and to 96x112.",
                             out->input_width_px, out->input_height_px);
    else
        arc_contract_because(
            out,
            "No rule fits: %d output%s, input %dx%d; neither an embedder nor a known detector. --model-output NAME "
            "(for model info: --output) says which output is the embedding.",
            g->outputs, g->outputs == 1 ? "" : "s", out->input_width_px, out->input_height_px);
}
