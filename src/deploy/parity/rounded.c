/* A network in the numbers of a device: standard operators around the layers round what goes from one to the next, and weights
 * are rounded where they lie.
 *
 * Borders. Between layers means between those of the converted network: a BatchNormalization is in the layer before it, a Relu or
 * Clip in the layer whose only reader it is (its result is what is stored, so its range counts); a PRelu is a layer of its own.
 * Reshapes and others that only move numbers round nothing. */
#include "deploy/parity/parity.h"
#include "op/layer.h"
#include <math.h>
#include <string.h>

#define MIN_RANGE 0.01f /* least width of a range, as SNPE's quantizer has it */
#define WEIGHT_LEVELS 255

static float *floats_of(const arc_graph *g, const arc_node *n, int i) {
    const arc_value *v = i < n->inputs && n->input[i] >= 0 ? &g->value[n->input[i]] : NULL;
    return v && v->dtype == ARC_F32 && !v->is_input ? (float *)(uintptr_t)v->data : NULL;
}

/* ---- BatchNormalization ---- */

static arc_status set_inputs(arc_graph *g, arc_node *n, int count, const int *input) {
    int *own = arc_arena_new(&g->arena, (size_t)count, sizeof *own);
    if (!own)
        return ARC_ENOMEM;
    memcpy(own, input, (size_t)count * sizeof *own);
    n->input = own;
    n->inputs = count;
    return ARC_OK;
}

/* The layer with weights and bias of its own, its BatchNormalization in them. */
static arc_status fold_layer(arc_deploy_writer *w, const arc_quant_layer *l) {
    arc_graph *g = w->g;
    const char *name = g->value[g->node[l->node].input[1]].name;
    arc_shape shape = g->value[g->node[l->node].input[1]].shape;
    const arc_shape vector = {1, {l->c_out}};
    void *weights = NULL, *bias = NULL;
    if (l->gemm)
        shape = (arc_shape){2, {l->c_out, l->c_in}};
    const int in[3] = {g->node[l->node].input[0], arc_deploy_constant(w, name, ARC_F32, &shape, &weights),
                       arc_deploy_constant(w, name, ARC_F32, &vector, &bias)};
    if (in[1] < 0 || in[2] < 0)
        return ARC_ENOMEM;
    arc_quant_fold(g, l, weights, bias);
    arc_node *n = &g->node[l->node];
    for (int i = 0; i < n->attrs; i++)
        if (l->gemm && strcmp(n->attr[i].name, "transB") == 0)
            n->attr[i].i = 1;
    if (l->gemm && !arc_node_attr(n, "transB") && arc_node_int(g, n, "transB", 1) != ARC_OK)
        return ARC_ENOMEM;
    if (l->norm >= 0)
        n->output[0] = g->node[l->norm].output[0];
    return set_inputs(g, n, 3, in);
}

/* One that stands alone: x * factor + summand, which rounds once. */
static arc_status plain_norm(arc_deploy_writer *w, int index) {
    arc_graph *g = w->g;
    const arc_node *n = &g->node[index];
    const float *old[5] = {NULL, floats_of(g, n, 1), floats_of(g, n, 2), floats_of(g, n, 3), floats_of(g, n, 4)};
    if (n->inputs != 5 || !old[1] || !old[2] || !old[3] || !old[4])
        return ARC_OK;
    const arc_shape s = g->value[n->input[1]].shape;
    const double epsilon = (double)arc_attr_float(n, "epsilon", 1e-5f);
    int in[5] = {n->input[0]};
    void *data[5];
    for (int i = 1; i < 5; i++)
        if ((in[i] = arc_deploy_constant(w, g->value[g->node[index].input[i]].name, ARC_F32, &s, &data[i])) < 0)
            return ARC_ENOMEM;
    for (int64_t j = 0; j < arc_shape_count(&s); j++) {
        const double factor = (double)old[1][j] / sqrt((double)old[4][j] + epsilon);
        ((float *)data[1])[j] = (float)factor;
        ((float *)data[2])[j] = (float)((double)old[2][j] - factor * (double)old[3][j]);
        ((float *)data[4])[j] = 1; /* of mean 0 */
    }
    arc_node *own = &g->node[index];
    for (int i = 0; i < own->attrs; i++)
        if (strcmp(own->attr[i].name, "epsilon") == 0)
            own->attr[i].f = 0;
    if (!arc_node_attr(own, "epsilon") && arc_node_float(g, own, "epsilon", 0) != ARC_OK)
        return ARC_ENOMEM;
    return set_inputs(g, own, 5, in);
}

arc_status arc_rounded_fold(arc_deploy_writer *w, arc_error *err) {
    arc_graph *g = w->g;
    arc_quant_layer *layer = NULL;
    int layers = 0, kept = 0;
    arc_status st = arc_quant_layers(g, &layer, &layers, err);
    bool *gone = arc_mem_new(g->alloc, (size_t)g->nodes + 1, sizeof *gone);
    if (st == ARC_OK && !gone)
        st = ARC_ENOMEM;
    for (int i = 0; st == ARC_OK && i < layers; i++) {
        st = fold_layer(w, &layer[i]);
        if (layer[i].norm >= 0)
            gone[layer[i].norm] = true;
    }
    for (int i = 0; st == ARC_OK && i < g->nodes; i++)
        if (!gone[i] && arc_node_is(&g->node[i], ARC_KIND_BATCH_NORM))
            st = plain_norm(w, i);
    for (int i = 0; st == ARC_OK && i < g->nodes; i++)
        if (!gone[i])
            g->node[kept++] = g->node[i];
    if (st == ARC_OK) {
        g->nodes = kept;
        st = arc_graph_check(g, err);
    }
    arc_mem_free(g->alloc, gone);
    arc_mem_free(g->alloc, layer);
    return st == ARC_ENOMEM ? arc_fail_nomem(err, "a network in a device's numbers") : st;
}

/* ---- borders ---- */

static bool gives_new_numbers(const arc_node *n) {
    return n->inputs > 0 && !n->entry->view && !(n->entry->moves && !arc_node_is(n, ARC_KIND_CONCAT)) &&
           !arc_node_is(n, ARC_KIND_IDENTITY) && !arc_node_is(n, ARC_KIND_DROPOUT) && strcmp(n->op, "MaxPool") != 0;
}

void arc_rounded_borders(const arc_graph *g, const arc_seen *seen, bool *border) {
    for (int i = 0; i < g->inputs; i++)
        border[g->input[i]] = g->value[g->input[i]].dtype == ARC_F32;
    for (int i = 0; i < g->nodes; i++)
        for (int k = 0; k < g->node[i].outputs; k++) {
            const int v = g->node[i].output[k];
            if (v < 0 || !seen[v].floats || !gives_new_numbers(&g->node[i]))
                continue;
            const int next = arc_graph_only_reader(g, v);
            const bool joined = next >= 0 && g->node[next].input[0] == v &&
                                (arc_node_is(&g->node[next], ARC_KIND_RELU) || arc_node_is(&g->node[next], ARC_KIND_CLIP));
            border[v] = !joined;
        }
}

/* ---- numbers ---- */

/* value = (number - zero) * scale, number from 0 to levels; what SNPE makes of a range. */
typedef struct steps {
    float scale, zero, levels;
} steps;

static steps steps_of(float least, float most, float levels) {
    const float lo = fminf(least, 0), hi = fmaxf(fmaxf(most, 0), lo + MIN_RANGE);
    const float scale = (hi - lo) / levels;
    return (steps){scale, fminf(fmaxf(nearbyintf(-lo / scale), 0), levels), levels};
}

static void to_steps(float *x, int64_t count, steps s) {
    for (int64_t i = 0; i < count; i++)
        x[i] = (fminf(fmaxf(nearbyintf(x[i] / s.scale), -s.zero), s.levels - s.zero)) * s.scale;
}

static void to_half(float *x, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        uint16_t half;
        arc_element_set_real(ARC_F16, &half, 0, (double)x[i]);
        x[i] = (float)arc_element_real(ARC_F16, &half, 0);
    }
}

/* ---- weights ---- */

/* Symmetric, a scale a row. */
static void to_int8_rows(float *x, int64_t rows, int64_t per_row) {
    for (int64_t j = 0; j < rows; j++) {
        float *row = x + j * per_row, largest = 0;
        for (int64_t k = 0; k < per_row; k++)
            largest = fmaxf(largest, fabsf(row[k]));
        if (largest > 0)
            to_steps(row, per_row, (steps){largest / 127, 127, 254});
    }
}

static void to_steps_by_range(float *x, int64_t count, float levels) {
    float least = 0, most = 0;
    for (int64_t i = 0; i < count; i++) {
        least = fminf(least, x[i]);
        most = fmaxf(most, x[i]);
    }
    to_steps(x, count, steps_of(least, most, levels));
}

static bool is_arithmetic(const arc_node *n) {
    return arc_node_is(n, ARC_KIND_ADD) || arc_node_is(n, ARC_KIND_SUB) || arc_node_is(n, ARC_KIND_MUL) ||
           arc_node_is(n, ARC_KIND_DIV);
}

static bool is_bias(const arc_node *n, int i) {
    return i == 2 && (arc_node_is(n, ARC_KIND_CONV) || arc_node_is(n, ARC_KIND_CONV_TRANSPOSE) || arc_node_is(n, ARC_KIND_GEMM) ||
                      arc_node_is(n, ARC_KIND_BATCH_NORM));
}

static float levels_between(arc_simulated device) {
    return device == ARC_SIMULATE_RVC4_INT16 ? 65535 : 255;
}

/* Input i of a node again, rounded. Devices add biases in 32 bits. */
static arc_status round_constant(arc_deploy_writer *w, arc_node *n, int i, arc_simulated device) {
    arc_graph *g = w->g;
    const float *old = floats_of(g, n, i);
    const arc_shape s = g->value[n->input[i]].shape;
    const int64_t count = arc_shape_count(&s);
    void *data = NULL;
    if (count == 0 || (device != ARC_SIMULATE_RVC2 && is_bias(n, i)))
        return ARC_OK;
    const int v = arc_deploy_constant(w, g->value[n->input[i]].name, ARC_F32, &s, &data);
    if (v < 0)
        return ARC_ENOMEM;
    memcpy(data, old, (size_t)count * sizeof *old);
    if (device == ARC_SIMULATE_RVC2)
        to_half(data, count);
    else if (arc_node_is(n, ARC_KIND_CONV))
        to_int8_rows(data, s.dim[0], count / s.dim[0]);
    else
        to_steps_by_range(data, count, is_arithmetic(n) ? levels_between(device) : WEIGHT_LEVELS);
    n->input[i] = v;
    return ARC_OK;
}

static arc_status round_weights(arc_deploy_writer *w, arc_simulated device) {
    arc_graph *g = w->g;
    arc_status st = ARC_OK;
    for (int i = 0; i < g->nodes; i++)
        for (int k = 0; st == ARC_OK && k < g->node[i].inputs; k++) {
            arc_node *n = &g->node[i];
            const bool weight = k < ARC_INPUT_BITS && (n->entry->weight_inputs & ARC_INPUT(k));
            if ((weight || is_arithmetic(n)) && floats_of(g, n, k))
                st = round_constant(w, n, k, device);
        }
    return st;
}

/* ---- values between layers ---- */

static arc_status put_half(arc_deploy_writer *w, int from, int to) {
    const int half = arc_deploy_value(w, w->g->value[to].name);
    arc_node *n = half >= 0 ? arc_graph_node(w->g, "Cast", w->g->value[half].name, 1, &from, 1, &half) : NULL;
    if (!n || arc_node_int(w->g, n, "to", ARC_F16) != ARC_OK)
        return ARC_ENOMEM;
    n = arc_graph_node(w->g, "Cast", w->g->value[from].name, 1, &half, 1, &to);
    return n ? arc_node_int(w->g, n, "to", ARC_F32) : ARC_ENOMEM;
}

static arc_status put_steps(arc_deploy_writer *w, int from, int to, steps s) {
    const arc_shape scalar = {0};
    const bool wide = s.levels > 255;
    void *scale = NULL, *zero = NULL;
    const int number = arc_deploy_value(w, w->g->value[to].name);
    const int scale_at = arc_deploy_constant(w, w->g->value[to].name, ARC_F32, &scalar, &scale),
              zero_at = arc_deploy_constant(w, w->g->value[to].name, wide ? ARC_U16 : ARC_U8, &scalar, &zero);
    if (number < 0 || scale_at < 0 || zero_at < 0)
        return ARC_ENOMEM;
    *(float *)scale = s.scale;
    if (wide)
        *(uint16_t *)zero = (uint16_t)s.zero;
    else
        *(uint8_t *)zero = (uint8_t)s.zero;
    const int in[3] = {from, scale_at, zero_at}, back[3] = {number, scale_at, zero_at};
    return arc_graph_node(w->g, "QuantizeLinear", w->g->value[number].name, 3, in, 1, &number) &&
                   arc_graph_node(w->g, "DequantizeLinear", w->g->value[from].name, 3, back, 1, &to)
               ? ARC_OK
               : ARC_ENOMEM;
}

static arc_status put_rounding(arc_deploy_writer *w, arc_simulated device, int from, int to, const arc_seen *seen) {
    return device == ARC_SIMULATE_RVC2 ? put_half(w, from, to)
                                       : put_steps(w, from, to, steps_of(seen->least, seen->most, levels_between(device)));
}

/* A node's result gets its name behind the rounding, so readers and outputs stay as they are. */
static arc_status round_result(arc_deploy_writer *w, arc_simulated device, int node, int output, const arc_seen *seen) {
    const int to = w->g->node[node].output[output], from = arc_deploy_value(w, w->g->value[to].name);
    if (from < 0)
        return ARC_ENOMEM;
    w->g->node[node].output[output] = from;
    return put_rounding(w, device, from, to, seen);
}

static arc_status round_input(arc_deploy_writer *w, arc_simulated device, int input, const arc_seen *seen) {
    const int to = arc_deploy_value(w, w->g->value[input].name);
    if (to < 0)
        return ARC_ENOMEM;
    for (int i = 0; i < w->g->nodes; i++)
        for (int k = 0; k < w->g->node[i].inputs; k++)
            if (w->g->node[i].input[k] == input)
                w->g->node[i].input[k] = to;
    return put_rounding(w, device, input, to, seen);
}

arc_status arc_rounded_write(arc_deploy_writer *w, arc_simulated device, const arc_seen *seen, const bool *border,
                             arc_error *err) {
    const arc_graph *g = w->g;
    const int nodes = g->nodes;
    arc_status st = round_weights(w, device);
    for (int i = 0; st == ARC_OK && i < nodes; i++)
        for (int k = 0; st == ARC_OK && k < g->node[i].outputs; k++) {
            const int v = g->node[i].output[k];
            if (v >= 0 && border[v])
                st = round_result(w, device, i, k, &seen[v]);
        }
    for (int i = 0; st == ARC_OK && i < g->inputs; i++)
        if (border[g->input[i]])
            st = round_input(w, device, g->input[i], &seen[g->input[i]]);
    if (st == ARC_OK)
        st = arc_graph_check(w->g, err);
    return st == ARC_ENOMEM ? arc_fail_nomem(err, "a network in a device's numbers") : st;
}
