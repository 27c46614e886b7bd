/* The contract of a file that does not say it itself, by written rules over the graph's structure (docs/FORMATS.md lists them): what
 * the outputs look like tells task and decoder; the first nodes, input size and activations tell the normalisation. */
#include "model/model.h"
#include "op/op.h"
#include <stdio.h>
#include <string.h>

#define MIN_DIM 64 /* shorter output rows are attributes (gender, age), not embeddings */
#define MAX_DIM 4096
#define EMBED_THRESHOLD 0.28f /* see docs/FORMATS.md: best cosine thresholds on LFW lie between 0.24 and 0.30 */
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

/* Width of the last layer, walking back from the output over nodes that keep it: for graphs whose output shape is not declared. */
static int64_t width_behind(const arc_graph *g, int value) {
    for (int steps = 0; steps < MAX_WALK && value >= 0 && g->value[value].producer >= 0; steps++) {
        const arc_node *n = &g->node[g->value[value].producer];
        const arc_value *w = input_of(g, n, 1);
        if (arc_node_is(n, ARC_KIND_BATCH_NORM) && w && w->data && w->shape.rank == 1)
            return w->shape.dim[0];
        if (arc_node_is(n, ARC_KIND_GEMM) && w && w->data && w->shape.rank == 2)
            return w->shape.dim[arc_attr_int(n, "transB", 0) ? 0 : 1];
        if (arc_node_is(n, ARC_KIND_MATMUL) && w && w->data && w->shape.rank == 2)
            return w->shape.dim[1];
        if (arc_node_is(n, ARC_KIND_CONV) && w && w->data && w->shape.rank == 4)
            return w->shape.dim[0]; /* a convolution over the whole 7x7 map, then Flatten or Reshape */
        value = n->inputs > 0 ? n->input[0] : -1;
    }
    return -1;
}

static int64_t embedding_width(const arc_graph *g) {
    if (g->outputs != 1)
        return -1;
    const arc_value *v = &g->value[g->output[0]];
    if (v->shape.rank == 2 && v->shape.dim[1] > 0)
        return v->shape.dim[1];
    if (v->shape.rank == 4 && v->shape.dim[2] == 1 && v->shape.dim[3] == 1)
        return v->shape.dim[1];
    return v->shape.rank < 0 || v->shape.rank == 2 ? width_behind(g, g->output[0]) : -1;
}

static bool template_of(int width, int height, arc_template *out) {
    static const struct {
        int width, height;
        arc_template align;
    } known[] = {
        {112, 112, ARC_TEMPLATE_112}, {96, 112, ARC_TEMPLATE_112X96}, {128, 128, ARC_TEMPLATE_128}, {224, 224, ARC_TEMPLATE_224}};
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
        if (arc_node_is(next, ARC_KIND_IDENTITY) || arc_node_is(next, ARC_KIND_CAST) || arc_node_is(next, ARC_KIND_DROPOUT)) {
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
    c->threshold = EMBED_THRESHOLD;
    c->bgr = false;
    arc_contract_because(c, "Embedding of %d numbers: one output, input %d wide and %d high.", c->dim, c->input_width_px,
                         c->input_height_px);
    const arc_node *first = first_normaliser(g);
    if (first) {
        set_norm(c, 0, 1);
        arc_contract_because(c, "Raw 0..255: the graph begins with %s '%s', it normalises itself.", first->op, first->name);
    } else if (c->align == ARC_TEMPLATE_112X96) {
        set_norm(c, 127.5f, 128);
        arc_contract_because(c, "(x-127.5)/128: networks of 112x96 crops were trained so.");
    } else if (count_kind(g, ARC_KIND_CLIP) > 0 && count_kind(g, ARC_KIND_PRELU) == 0) {
        set_norm(c, 127.5f, 128);
        arc_contract_because(c, "(x-127.5)/128: Clip (ReLU6) and no PRelu, the MobileFaceNet family trained so.");
    } else {
        set_norm(c, 127.5f, 127.5f);
        arc_contract_because(c, "(x-127.5)/127.5: nothing at the input normalises, InsightFace's default.");
    }
    arc_contract_because(c, "RGB and threshold %.2f are defaults.", (double)c->threshold);
}

void arc_contract_infer(arc_contract *out, const arc_graph *g) {
    memset(out, 0, sizeof *out);
    for (int i = 0; i < 3; i++)
        out->scale[i] = 1;
    if (g->inputs != 1) {
        arc_contract_because(out, "%d inputs: neither an embedder nor a detector.", g->inputs);
        return;
    }
    const arc_shape *in = &g->value[g->input[0]].shape;
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
    const int64_t dim = embedding_width(g);
    bool size_known = template_of(out->input_width_px, out->input_height_px, &out->align);
    if (!size_known && in->rank < 0 && dim >= MIN_DIM) {
        out->input_width_px = out->input_height_px = 112;
        size_known = true;
        arc_contract_because(out, "Input 112x112 assumed: the file declares none.");
    } else if (!size_known && !out->input_width_px && !out->input_height_px && dim >= MIN_DIM) {
        out->input_width_px = out->input_height_px = 112;
        size_known = true;
        arc_contract_because(out, "Input 112x112 assumed: height and width are free.");
    }
    if (size_known && dim >= MIN_DIM && dim <= MAX_DIM)
        infer_embedder(out, g, dim);
    else
        arc_contract_because(out, "No rule fits: %d outputs, input %dx%d; neither an embedder nor a known detector.", g->outputs,
                             out->input_width_px, out->input_height_px);
}
