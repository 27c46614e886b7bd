/* From pixels to what the model takes: channel order and normalisation.
 *
 * Both go into the first convolution's weights where only rounding changes: the order always (padding is 0 in any order), the
 * normalisation where the convolution pads nothing or no mean is subtracted. Padding stands behind the normalisation, so with a
 * mean it would have to be the mean's pixel, which no convolution has. Otherwise they are operators: Split with sizes (without
 * them pnnx writes a Slice that ncnn can't run) and Concat; Sub and Div, the two operations that the model was trained behind. A
 * division is not a multiplication by the rounded reciprocal: in front of DynamicQuantizeLinear the difference moves the range,
 * and with it every 8-bit value. */
#include "deploy/deploy.h"
#include "op/op.h"
#include <math.h>
#include <string.h>

enum { CHANNELS = 3 };

float arc_deploy_divisor(float scale) {
    const double exact = 1 / (double)scale, steps[] = {1, 10, 100, 1000, 10000};
    for (size_t i = 0; i < ARC_COUNT(steps); i++) {
        const float plain = (float)(nearbyint(exact * steps[i]) / steps[i]);
        if (plain != 0 && 1 / plain == scale)
            return plain;
    }
    return (float)exact;
}

void arc_deploy_pixels_of(arc_deploy_pixels *p, const arc_contract *c) {
    *p = (arc_deploy_pixels){.swap = !c->bgr};
    for (int i = 0; i < CHANNELS; i++) {
        const int own = p->swap ? CHANNELS - 1 - i : i;
        p->mean[i] = c->mean[own];
        p->divisor[i] = arc_deploy_divisor(c->scale[own]);
        p->shifts |= p->mean[i] != 0;
        p->scales |= p->divisor[i] != 1;
    }
}

/* ---- into the first convolution ---- */

static const float *floats(const arc_graph *g, const arc_node *n, int i) {
    const arc_value *v = i < n->inputs && n->input[i] >= 0 ? &g->value[n->input[i]] : NULL;
    return v && v->dtype == ARC_F32 && !v->is_input ? v->data : NULL;
}

/* The convolution that alone reads the model's input and has constant weights [C_out,3,h,w]; NULL: there is none. */
static const arc_node *first_convolution(const arc_graph *g) {
    const arc_node *found = NULL;
    int readers = 0;
    for (int i = 0; i < g->nodes; i++)
        for (int k = 0; k < g->node[i].inputs; k++) {
            const arc_node *n = &g->node[i];
            if (n->input[k] < 0 || arc_deploy_source(g, n->input[k]) != g->input[0] || arc_node_is(n, ARC_KIND_IDENTITY) ||
                arc_node_is(n, ARC_KIND_DROPOUT) || strcmp(n->op, "Shape") == 0)
                continue;
            readers++;
            found = k == 0 ? n : NULL;
        }
    if (readers != 1 || !found || !arc_node_is(found, ARC_KIND_CONV) || !floats(g, found, 1) ||
        arc_attr_int(found, "group", 1) != 1)
        return NULL;
    const arc_shape *s = &g->value[found->input[1]].shape;
    const bool bias = found->inputs < 3 || found->input[2] < 0 || floats(g, found, 2);
    return s->rank == 4 && s->dim[1] == CHANNELS && bias ? found : NULL;
}

static bool pads_nothing(const arc_node *n) {
    const arc_attr *pads = arc_node_attr(n, "pads");
    const char *automatic = arc_attr_string(n, "auto_pad", "NOTSET");
    for (size_t i = 0; pads && i < pads->count; i++)
        if (pads->ints[i] != 0)
            return false;
    return strcmp(automatic, "NOTSET") == 0 || strcmp(automatic, "VALID") == 0;
}

/* The convolution again, over BGR and, where `all`, over pixels. */
static arc_status fold(arc_deploy_writer *w, const arc_node *conv, int image, const arc_deploy_pixels *p, bool all) {
    const arc_graph *from = w->from;
    const arc_shape *s = &from->value[conv->input[1]].shape, vector = {1, {s->dim[0]}};
    const int64_t taps = s->dim[2] * s->dim[3];
    const float *old = floats(from, conv, 1), *old_bias = floats(from, conv, 2);
    const bool shift = all && p->shifts;
    void *weights = NULL, *bias = NULL;
    int in[3] = {image, arc_deploy_constant(w, from->value[conv->input[1]].name, ARC_F32, s, &weights), ARC_NO_VALUE};
    int inputs = 2;
    if (shift || old_bias) {
        const char *name = old_bias ? from->value[conv->input[2]].name : "arcface/bias";
        in[2] = arc_deploy_constant(w, name, ARC_F32, &vector, &bias);
        inputs = 3;
    }
    if (in[1] < 0 || (inputs == 3 && in[2] < 0))
        return ARC_ENOMEM;
    for (int64_t o = 0; o < s->dim[0]; o++) {
        double moved = old_bias ? (double)old_bias[o] : 0;
        for (int64_t c = 0; c < CHANNELS; c++) {
            const int64_t own = p->swap ? CHANNELS - 1 - c : c;
            const double divisor = all ? (double)p->divisor[c] : 1;
            for (int64_t t = 0; t < taps; t++) {
                const double scaled = (double)old[(o * CHANNELS + own) * taps + t] / divisor;
                ((float *)weights)[(o * CHANNELS + c) * taps + t] = (float)scaled;
                moved -= shift ? scaled * (double)p->mean[c] : 0;
            }
        }
        if (bias)
            ((float *)bias)[o] = (float)moved;
    }
    const int out = arc_deploy_value(w, from->value[conv->output[0]].name);
    arc_node *n = out >= 0 ? arc_graph_node(w->g, conv->op, conv->name, inputs, in, 1, &out) : NULL;
    arc_status st = n ? ARC_OK : ARC_ENOMEM;
    for (int i = 0; st == ARC_OK && i < conv->attrs; i++)
        st = conv->attr[i].kind == ARC_ATTR_TENSOR ? ARC_OK : arc_node_copy_attr(w->g, n, &conv->attr[i], ARC_NO_VALUE);
    w->as[conv->output[0]] = out;
    return st;
}

/* ---- in front ---- */

/* One number where all channels have the same: ncnn and OpenCV fold that best. */
static int channel_constant(arc_deploy_writer *w, const char *name, const float value[CHANNELS]) {
    const bool same = value[0] == value[1] && value[1] == value[2];
    const arc_shape s = same ? (arc_shape){1, {1}} : (arc_shape){4, {1, CHANNELS, 1, 1}};
    void *data = NULL;
    const int v = arc_deploy_constant(w, name, ARC_F32, &s, &data);
    if (v >= 0)
        memcpy(data, value, (same ? 1 : CHANNELS) * sizeof *value);
    return v;
}

static int put_swap(arc_deploy_writer *w, int image) {
    static const int64_t ones[CHANNELS] = {1, 1, 1};
    const bool as_input = w->g->opset >= 13;
    const arc_shape s = {1, {CHANNELS}};
    void *sizes = NULL;
    int in[2] = {image, ARC_NO_VALUE}, part[CHANNELS], back[CHANNELS];
    if (as_input && (in[1] = arc_deploy_constant(w, "arcface/split", ARC_I64, &s, &sizes)) >= 0)
        memcpy(sizes, ones, sizeof ones);
    if (as_input && in[1] < 0)
        return ARC_NO_VALUE;
    static const char *const names[CHANNELS] = {"arcface/blue", "arcface/green", "arcface/red"};
    for (int i = 0; i < CHANNELS; i++)
        if ((part[i] = back[CHANNELS - 1 - i] = arc_deploy_value(w, names[i])) < 0)
            return ARC_NO_VALUE;
    arc_node *n = arc_graph_node(w->g, "Split", "arcface/split", as_input ? 2 : 1, in, CHANNELS, part);
    if (!n || arc_node_int(w->g, n, "axis", 1) != ARC_OK ||
        (!as_input && arc_node_ints(w->g, n, "split", CHANNELS, ones) != ARC_OK))
        return ARC_NO_VALUE;
    const int out = arc_deploy_value(w, "arcface/rgb");
    n = out >= 0 ? arc_graph_node(w->g, "Concat", "arcface/rgb", CHANNELS, back, 1, &out) : NULL;
    return n && arc_node_int(w->g, n, "axis", 1) == ARC_OK ? out : ARC_NO_VALUE;
}

/* Sub and Div come first, in BGR order, so that the convolution sees them whether or not it takes the order upon itself. */
static int put_normalisation(arc_deploy_writer *w, int image, const arc_deploy_pixels *p) {
    if (p->shifts)
        image = arc_deploy_binary(w, "Sub", image, channel_constant(w, "arcface/mean", p->mean), ARC_NO_VALUE);
    if (p->scales && image >= 0)
        image = arc_deploy_binary(w, "Div", image, channel_constant(w, "arcface/divisor", p->divisor), ARC_NO_VALUE);
    return image;
}

/* A network in 8 bits gets its numbers to the last bit: what rounds otherwise in front of a quantizer falls on the other side of
 * a step here and there, and that costs half a percent of cosine. */
arc_status arc_deploy_input(arc_deploy_writer *w, int image, const arc_deploy_pixels *p, arc_export_report *report) {
    const arc_node *conv = arc_model_is_int8(w->from) ? NULL : first_convolution(w->from);
    const bool normalises = p->shifts || p->scales, all = conv && (pads_nothing(conv) || !p->shifts);
    report->normalisation_folded = normalises && all;
    report->normalisation_nodes = normalises && !all;
    report->order_folded = p->swap && conv;
    report->order_nodes = p->swap && !conv;
    if (report->normalisation_nodes)
        image = put_normalisation(w, image, p);
    if (report->order_nodes && image >= 0)
        image = put_swap(w, image);
    if (image < 0)
        return ARC_ENOMEM;
    w->as[w->from->input[0]] = image;
    return report->normalisation_folded || report->order_folded ? fold(w, conv, image, p, all) : ARC_OK;
}
