/* pass: QDQ graphs run on integers. What an ONNX quantizer writes as DequantizeLinear -> Conv -> ... -> QuantizeLinear becomes
 * one 8-bit layer (op/int8/int8.h) from 8-bit values to 8-bit values:
 *
 *   - a Conv or Gemm whose input is dequantized 8-bit values and whose weights are symmetric int8 is converted;
 *   - what follows it alone is taken in: BatchNormalization, a quantizer in between, one activation, one Add with floats;
 *   - its result stays float where something else reads it, and leaves as 8-bit values where a converted layer does, through a
 *     BatchNormalization that stands in front of the quantizer (the residual block's).
 *
 * Quantizers beside which no layer is converted stay the operators they are. Every quantizer of the file is kept, so results
 * differ from those of the graph as written by the rounding of float sums alone: an 8-bit value may come out one step apart. */
#include "pass/int8.h"
#include "op/int8/int8.h"

typedef struct fuser {
    arc_rewrite *w;
    int *quantized_of; /* [nodes] of a node that will be converted, the 8-bit values it reads; else ARC_NO_VALUE */
} fuser;

/* The 8-bit values that a node can be converted to read: its input is dequantized, perhaps flattened then. */
static int quantized_read(const arc_rewrite *w, const arc_node *n) {
    arc_quantizer q;
    int64_t c_out;
    const arc_node *bias;
    const bool gemm = arc_node_is(n, ARC_KIND_GEMM);
    if ((!gemm && !arc_node_is(n, ARC_KIND_CONV)) || n->inputs < 2 || n->outputs != 1 || n->input[0] < 0 || n->input[1] < 0 ||
        arc_node_attr(n, "arc.act") || !arc_qdq_weights_fit(w, n, &c_out) || !arc_qdq_bias_fits(w, n, c_out, &bias))
        return ARC_NO_VALUE;
    const arc_node *back = arc_rewrite_producer(w, n->input[0]);
    if (gemm && back && arc_qdq_flattens(back))
        back = arc_rewrite_producer(w, back->input[0]);
    if (!back || !arc_node_is(back, ARC_KIND_DEQUANTIZE_LINEAR) || !arc_qdq_values(w, back->input[0], &q))
        return ARC_NO_VALUE;
    return back->input[0];
}

/* Who reads these 8-bit values: *any, whether a converted layer does; *all_gemm, whether all readers are converted Gemms. */
static void readers_of(const fuser *f, int quantized, bool *any, bool *all_gemm) {
    const arc_rewrite *w = f->w;
    *any = false;
    *all_gemm = true;
    for (int i = 0; i < w->g->nodes; i++)
        *any |= !w->dead[i] && f->quantized_of[i] == quantized;
    for (int i = arc_rewrite_next_user(w, quantized, -1); i >= 0; i = arc_rewrite_next_user(w, quantized, i)) {
        if (arc_node_is(&w->g->node[i], ARC_KIND_INT8_CONV) || arc_node_is(&w->g->node[i], ARC_KIND_INT8_GEMM)) {
            *any = true;
            *all_gemm &= arc_node_is(&w->g->node[i], ARC_KIND_INT8_GEMM);
            continue;
        }
        const int value = w->g->node[i].output[0];
        for (int k = arc_rewrite_next_user(w, value, -1); k >= 0; k = arc_rewrite_next_user(w, value, k))
            *all_gemm &= f->quantized_of[k] == quantized && arc_node_is(&w->g->node[k], ARC_KIND_GEMM);
    }
}

/* ---- growing a layer ------------------------------------------------------------------------------------------------------- */

static int only_user(const arc_rewrite *w, int value) {
    const int first = arc_rewrite_next_user(w, value, -1);
    return first >= 0 && !w->g->value[value].is_output && arc_rewrite_next_user(w, value, first) < 0 ? first : ARC_NO_VALUE;
}

static bool act_fits(const arc_rewrite *w, const arc_node *n, const arc_int8_layer *l) {
    if (arc_node_is(n, ARC_KIND_RELU) || arc_node_is(n, ARC_KIND_LEAKY_RELU))
        return true;
    if (!arc_node_is(n, ARC_KIND_PRELU) || !arc_rewrite_floats(w, n, 1))
        return false;
    const arc_shape *s = &w->g->value[n->input[1]].shape;
    const int64_t count = arc_shape_count(s);
    const int channel = arc_node_is(&w->g->node[l->index], ARC_KIND_GEMM) ? s->rank - 1 : s->rank - 3;
    return count == 1 || (channel >= 0 && s->dim[channel] == count && count == l->c_out);
}

static void take(fuser *f, arc_int8_layer *l, int node) {
    f->w->dead[node] = true;
    l->last = ARC_MAX(l->last, node);
}

/* A QuantizeLinear behind the layer: the layer ends with it when a converted layer reads its 8-bit values, otherwise it is a
 * quantizer in between and true is returned: the layer goes on. */
static bool grow_quantizer(fuser *f, arc_int8_layer *l, int node) {
    const arc_rewrite *w = f->w;
    const int quantized = w->g->node[node].output[0];
    arc_quantizer q;
    bool any, all;
    if (!arc_qdq_values(w, quantized, &q))
        return false;
    readers_of(f, quantized, &any, &all);
    if (any) {
        l->quantized = quantized;
        l->out = q;
        l->value = ARC_NO_VALUE;
        take(f, l, node);
        return false;
    }
    const int back = only_user(w, quantized);
    if (back < 0 || l->has_mid || l->has_act || l->residual >= 0)
        return false;
    l->mid = q;
    l->has_mid = true;
    l->value = w->g->node[back].output[0];
    take(f, l, node);
    take(f, l, back);
    return true;
}

/* Takes one more node in; false when the layer ends. */
static bool grow(fuser *f, arc_int8_layer *l) {
    const arc_rewrite *w = f->w;
    const int next = only_user(w, l->value);
    if (next < 0 || w->g->node[next].outputs != 1)
        return false;
    const arc_node *n = &w->g->node[next];
    if (arc_node_is(n, ARC_KIND_QUANTIZE_LINEAR))
        return grow_quantizer(f, l, next);
    if (!l->norm && !l->has_mid && !l->has_act && l->residual < 0 && arc_qdq_norm_fits(w, n, l->c_out)) {
        l->norm = n;
    } else if (!l->has_act && act_fits(w, n, l) && n->input[0] == l->value) {
        l->act = n;
        l->has_act = true;
        l->act_last = l->residual >= 0;
    } else if (l->residual < 0 && arc_node_is(n, ARC_KIND_ADD) && n->inputs == 2 &&
               arc_node_is(&w->g->node[l->index], ARC_KIND_CONV)) {
        const int other = n->input[n->input[0] == l->value];
        if (other < 0 || other == l->value || w->g->value[other].data)
            return false;
        l->residual = other;
    } else {
        return false;
    }
    l->value = n->output[0];
    take(f, l, next);
    return true;
}

/* Behind a float result that others read too: finds a quantizer for a converted layer, perhaps behind a normalisation and a
 * Flatten. */
static void grow_second(fuser *f, arc_int8_layer *l) {
    const arc_rewrite *w = f->w;
    for (int i = arc_rewrite_next_user(w, l->value, -1); i >= 0 && l->quantized < 0; i = arc_rewrite_next_user(w, l->value, i)) {
        int chain[3] = {i, ARC_NO_VALUE, ARC_NO_VALUE}, length = 0;
        bool flat = false, any, all;
        const arc_node *post = NULL;
        while (length < 3 && chain[length] >= 0 && !arc_node_is(&w->g->node[chain[length]], ARC_KIND_QUANTIZE_LINEAR)) {
            const arc_node *n = &w->g->node[chain[length]];
            if (!post && !flat && arc_qdq_norm_fits(w, n, l->c_out))
                post = n;
            else if (!flat && arc_qdq_flattens(n))
                flat = true;
            else
                break;
            length++;
            if (length < 3)
                chain[length] = only_user(w, n->output[0]);
        }
        if (length == 3 || chain[length] < 0 || !arc_node_is(&w->g->node[chain[length]], ARC_KIND_QUANTIZE_LINEAR))
            continue;
        const int quantized = w->g->node[chain[length]].output[0];
        if (!arc_qdq_values(w, quantized, &l->out))
            continue;
        readers_of(f, quantized, &any, &all);
        if (!any || (flat && !all))
            continue;
        l->quantized = quantized;
        l->post = post;
        for (int k = 0; k <= length; k++) /* the layer stays where it is: others may read its floats before these stood */
            f->w->dead[chain[k]] = true;
    }
    if (l->quantized >= 0 && arc_rewrite_next_user(w, l->value, -1) < 0 && !w->g->value[l->value].is_output)
        l->value = ARC_NO_VALUE;
}

/* ---- the pass -------------------------------------------------------------------------------------------------------------- */

static arc_status convert(fuser *f, int index) {
    const arc_rewrite *w = f->w;
    const arc_node *n = &w->g->node[index];
    arc_int8_layer l = {.index = index,
                        .last = index,
                        .read = f->quantized_of[index],
                        .value = n->output[0],
                        .quantized = ARC_NO_VALUE,
                        .residual = ARC_NO_VALUE};
    const arc_node *back = arc_rewrite_producer(w, n->input[0]);
    if (arc_qdq_flattens(back))
        back = arc_rewrite_producer(w, back->input[0]);
    (void)arc_qdq_quantizer(w, back, &l.in);
    (void)arc_qdq_weights_fit(w, n, &l.c_out);
    while (grow(f, &l))
        continue;
    if (l.value >= 0)
        grow_second(f, &l);
    const arc_status st = arc_int8_write(f->w, &l);
    f->quantized_of[index] = ARC_NO_VALUE;
    return st;
}

/* A quantizer that stays: its 8-bit values are rows now if a converted layer reads them. */
static arc_status rewrite_quantize(fuser *f, int index) {
    arc_rewrite *w = f->w;
    arc_node *n = &w->g->node[index];
    arc_quantizer q;
    bool any, all_gemm;
    if (!arc_qdq_quantizer(w, n, &q))
        return ARC_OK;
    readers_of(f, n->output[0], &any, &all_gemm);
    if (!any)
        return ARC_OK;
    arc_node *before = arc_rewrite_producer(w, n->input[0]);
    if (before && arc_qdq_flattens(before) && all_gemm) {
        n->input[0] = before->input[0];
        before = arc_rewrite_producer(w, n->input[0]);
    }
    int *own = arc_arena_new(&w->g->arena, 1, sizeof *own);
    if (!own)
        return ARC_ENOMEM;
    own[0] = n->input[0];
    arc_node_become(n, arc_op_find(ARC_QUANTIZE));
    n->input = own;
    n->inputs = 1;
    arc_status st = arc_node_float(w->g, n, "arc.quantize_scale", 1 / q.scale);
    if (st == ARC_OK)
        st = arc_node_int(w->g, n, "arc.quantize_zero", q.zero);
    if (st != ARC_OK || !before || !arc_node_is(before, ARC_KIND_BATCH_NORM) || before->inputs != 5 ||
        !arc_rewrite_floats(w, before, 1))
        return st;
    const int64_t channels = arc_shape_count(&w->g->value[before->input[1]].shape);
    if (!arc_qdq_norm_fits(w, before, channels))
        return ARC_OK;
    own[0] = before->input[0];
    return arc_int8_write_post(w, n, 1, before, channels, q.scale);
}

static arc_status rewrite_dequantize(fuser *f, int index) {
    arc_rewrite *w = f->w;
    arc_node *n = &w->g->node[index];
    arc_quantizer q;
    const arc_node *make = arc_rewrite_producer(w, n->input[0]);
    if (!make ||
        !(arc_node_is(make, ARC_KIND_QUANTIZE) || arc_node_is(make, ARC_KIND_INT8_CONV) ||
          arc_node_is(make, ARC_KIND_INT8_GEMM)) ||
        !arc_qdq_quantizer(w, n, &q))
        return ARC_OK;
    arc_node_become(n, arc_op_find(ARC_DEQUANTIZE));
    n->inputs = 1;
    const arc_status st = arc_node_float(w->g, n, "arc.quantize_scale", q.scale);
    return st == ARC_OK ? arc_node_int(w->g, n, "arc.quantize_zero", q.zero) : st;
}

/* Nodes whose results nobody reads, from the end on. */
static void drop_unread(arc_rewrite *w) {
    for (int i = w->g->nodes - 1; i >= 0; i--) {
        const arc_node *n = &w->g->node[i];
        if (w->dead[i] || n->outputs != 1 || n->output[0] < 0)
            continue;
        if (arc_node_is(n, ARC_KIND_DEQUANTIZE_LINEAR) || arc_node_is(n, ARC_KIND_DEQUANTIZE) ||
            arc_node_is(n, ARC_KIND_BATCH_NORM) || arc_qdq_flattens(n))
            w->dead[i] = !w->g->value[n->output[0]].is_output && arc_rewrite_next_user(w, n->output[0], -1) < 0;
    }
}

arc_status arc_fuse_int8(arc_rewrite *w, arc_error *err) {
    (void)err;
    arc_graph *g = w->g;
    int found = 0;
    for (int i = 0; i < g->nodes; i++)
        found += !w->dead[i] && arc_node_is(&g->node[i], ARC_KIND_QUANTIZE_LINEAR);
    if (found == 0)
        return ARC_OK;
    fuser f = {.w = w, .quantized_of = arc_mem_new(g->alloc, (size_t)g->nodes + 1, sizeof *f.quantized_of)};
    arc_status st = f.quantized_of ? ARC_OK : ARC_ENOMEM;
    for (int i = 0; st == ARC_OK && i < g->nodes; i++)
        f.quantized_of[i] = w->dead[i] ? ARC_NO_VALUE : quantized_read(w, &g->node[i]);
    for (int i = 0; st == ARC_OK && i < g->nodes; i++)
        if (!w->dead[i] && f.quantized_of[i] >= 0)
            st = convert(&f, i);
    for (int i = 0; st == ARC_OK && i < g->nodes; i++)
        if (!w->dead[i] && arc_node_is(&g->node[i], ARC_KIND_QUANTIZE_LINEAR))
            st = rewrite_quantize(&f, i);
    for (int i = 0; st == ARC_OK && i < g->nodes; i++)
        if (!w->dead[i] && arc_node_is(&g->node[i], ARC_KIND_DEQUANTIZE_LINEAR))
            st = rewrite_dequantize(&f, i);
    arc_mem_free(g->alloc, f.quantized_of);
    if (st == ARC_OK) {
        drop_unread(w);
        arc_rewrite_recount(w);
    }
    return st;
}
