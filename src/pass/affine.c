/* pass: folding per-channel affine maps (BatchNormalization, Add, Sub, Mul, Div by constants) into the convolution or Gemm beside
 * them.
 *
 * Behind: y = s*(W x + b) + t  becomes factor s on the output channels and bias s*b + t. In front: W (a x + b): factor a on the
 * input channels and bias + sum of W*b. Where the convolution pads with zeros, the zeros stand after the affine map, so in x they
 * are (0 - b)/a, which is not 0: the pad value. Arithmetic in double, rounded once. */
#include "pass/rewrite.h"
#include <math.h>

/* y = a*x + b per channel, or the same for all when count == 1. */
typedef struct affine {
    int input; /* value that x is */
    int rank;  /* of the constant: the result has at least as many dimensions; 0 = BatchNormalization, any */
    int64_t count;
    double *a, *b; /* [count] */
} affine;

static arc_status affine_new(arc_rewrite *w, affine *f, int input, int64_t count) {
    *f = (affine){.input = input, .count = count};
    f->a = arc_arena_new(&w->g->arena, (size_t)count, sizeof *f->a);
    f->b = arc_arena_new(&w->g->arena, (size_t)count, sizeof *f->b);
    return f->a && f->b ? ARC_OK : ARC_ENOMEM;
}

static arc_status batch_norm_affine(arc_rewrite *w, const arc_node *n, affine *f, bool *is) {
    const int64_t count = n->inputs == 5 && n->input[1] >= 0 ? arc_shape_count(&w->g->value[n->input[1]].shape) : 0;
    bool usable = count > 0 && arc_rewrite_is_norm(w, n, count);
    for (int i = 1; usable && i < n->outputs; i++)
        usable = n->output[i] < 0 || (w->users[n->output[i]] == 0 && !w->g->value[n->output[i]].is_output);
    if (!usable)
        return ARC_OK;
    if (affine_new(w, f, n->input[0], count) != ARC_OK)
        return ARC_ENOMEM;
    for (int64_t c = 0; c < count; c++)
        arc_rewrite_norm(w, n, c, &f->a[c], &f->b[c]);
    *is = true;
    return ARC_OK;
}

/* A constant that is one number, or one a channel of an image ([C,1,1] or [1,C,1,1]). */
static int64_t channel_constant(const arc_rewrite *w, const arc_node *n, int i) {
    if (!arc_rewrite_floats(w, n, i))
        return 0;
    const arc_shape *s = &w->g->value[n->input[i]].shape;
    const int64_t count = arc_shape_count(s);
    if (count == 1)
        return s->rank <= 4 ? 1 : 0;
    const bool image = s->rank >= 3 && s->rank <= 4 && s->dim[s->rank - 1] == 1 && s->dim[s->rank - 2] == 1;
    return image && s->dim[s->rank - 3] == count ? count : 0;
}

static arc_status arithmetic_affine(arc_rewrite *w, const arc_node *n, affine *f, bool *is) {
    const bool add = arc_node_is(n, ARC_KIND_ADD), sub = arc_node_is(n, ARC_KIND_SUB), mul = arc_node_is(n, ARC_KIND_MUL),
               div = arc_node_is(n, ARC_KIND_DIV);
    if (!(add || sub || mul || div) || n->inputs != 2 || n->input[0] < 0 || n->input[1] < 0)
        return ARC_OK;
    int k = 1;
    int64_t count = channel_constant(w, n, k);
    if (!count && (add || mul))
        count = channel_constant(w, n, k = 0);
    if (!count || w->g->value[n->input[!k]].data)
        return ARC_OK;
    if (affine_new(w, f, n->input[!k], count) != ARC_OK)
        return ARC_ENOMEM;
    f->rank = w->g->value[n->input[k]].shape.rank;
    const float *c = arc_rewrite_floats(w, n, k);
    for (int64_t i = 0; i < count; i++) {
        f->a[i] = mul ? c[i] : div ? 1.0 / c[i] : 1.0;
        f->b[i] = add ? c[i] : sub ? -(double)c[i] : 0.0;
    }
    *is = true;
    return ARC_OK;
}

static arc_status affine_of(arc_rewrite *w, const arc_node *n, affine *f, bool *is) {
    *is = false;
    if (arc_node_is(n, ARC_KIND_BATCH_NORM))
        return batch_norm_affine(w, n, f, is);
    return arithmetic_affine(w, n, f, is);
}

/* Whether the map leaves a tensor with `channels` channels as it was shaped: images, or matrices when `matrix`. */
static bool shape_stays(const affine *f, const arc_node *n, int64_t channels, bool matrix) {
    if (arc_node_is(n, ARC_KIND_BATCH_NORM))
        return f->count == channels;
    return matrix ? f->count == 1 && f->rank <= 2 : f->count == 1 || f->count == channels;
}

static bool all_finite(const affine *f) {
    for (int64_t i = 0; i < f->count; i++)
        if (!isfinite((float)f->a[i]) || !isfinite((float)f->b[i]))
            return false;
    return true;
}

/* The floats of input i copied to a constant of the node's own, `fallback` where there were none. */
static arc_status own_floats(arc_rewrite *w, arc_node *n, int i, int64_t count, float fallback, float **data) {
    const float *old = arc_rewrite_floats(w, n, i);
    const arc_status st = arc_rewrite_new_floats(w, n, i, count, data);
    for (int64_t k = 0; st == ARC_OK && k < count; k++)
        (*data)[k] = old ? old[k] : fallback;
    return st;
}

static arc_status fold_behind(arc_rewrite *w, const arc_linear *l, const affine *f) {
    float *factor, *bias;
    if (own_floats(w, l->node, ARC_CONV_OUT_SCALE, l->c_out, 1, &factor) != ARC_OK ||
        own_floats(w, l->node, 2, l->c_out, 0, &bias) != ARC_OK)
        return ARC_ENOMEM;
    for (int64_t j = 0; j < l->c_out; j++) {
        const int64_t c = f->count == 1 ? 0 : j;
        factor[j] = (float)(factor[j] * f->a[c]);
        bias[j] = (float)(bias[j] * f->a[c] + f->b[c]);
    }
    return ARC_OK;
}

/* channel(i) of input i: Gemm behind a Flatten sees each channel `spread` times. */
static arc_status fold_in_front(arc_rewrite *w, const arc_linear *l, const affine *f, int64_t spread) {
    arc_node *n = l->node;
    float *factor, *bias, *pad = NULL;
    const float *out_factor = arc_rewrite_floats(w, n, ARC_CONV_OUT_SCALE);
    if (own_floats(w, n, 2, l->c_out, 0, &bias) != ARC_OK || own_floats(w, n, ARC_CONV_IN_SCALE, l->c_in, 1, &factor) != ARC_OK)
        return ARC_ENOMEM;
    if (l->padded && own_floats(w, n, ARC_CONV_PAD_VALUE, l->c_in, 0, &pad) != ARC_OK)
        return ARC_ENOMEM;
    const int64_t group_in = l->c_in / l->groups, group_out = l->c_out / l->groups;
    for (int64_t j = 0; j < l->c_out; j++) {
        const int64_t first = j / group_out * group_in;
        const float *row = l->weights + j * l->ws_out;
        double sum = 0;
        for (int64_t i = 0; i < group_in; i++) {
            double taps = 0;
            for (int64_t t = 0; t < l->taps; t++)
                taps += row[i * l->ws_in + t * l->ws_tap];
            sum += taps * factor[first + i] * f->b[f->count == 1 ? 0 : (first + i) / spread];
        }
        bias[j] = (float)(bias[j] + sum * (out_factor ? out_factor[j] : 1.0f));
    }
    for (int64_t i = 0; i < l->c_in; i++) {
        const int64_t c = f->count == 1 ? 0 : i / spread;
        factor[i] = (float)(factor[i] * f->a[c]);
        if (pad)
            pad[i] = (float)((pad[i] - f->b[c]) / f->a[c]);
    }
    if (w->map->mapped && l->weights && (const uint8_t *)l->weights >= w->map->data &&
        (const uint8_t *)l->weights < w->map->data + w->map->bytes)
        arc_map_drop(w->map, l->weights, (size_t)(l->c_out * group_in * l->taps) * sizeof(float));
    return ARC_OK;
}

/* The affine map behind a linear node, when nobody else sees what lies between. */
static arc_status try_behind(arc_rewrite *w, int index, bool *changed) {
    arc_linear l;
    affine f;
    bool is = false;
    if (!arc_linear_of(w, &w->g->node[index], &l) || l.node->outputs != 1)
        return ARC_OK;
    const int next = arc_rewrite_only_user(w, l.node->output[0]);
    if (next < 0)
        return ARC_OK;
    arc_node *n = &w->g->node[next];
    const arc_status st = affine_of(w, n, &f, &is);
    if (st != ARC_OK || !is || f.input != l.node->output[0] || !all_finite(&f) ||
        !shape_stays(&f, n, l.c_out, arc_node_is(l.node, ARC_KIND_GEMM)))
        return st;
    if (w->g->value[n->output[0]].is_output) {
        l.node->output[0] = n->output[0]; /* keep the name that the graph gives out */
        w->dead[next] = true;
        const arc_status folded = fold_behind(w, &l, &f);
        w->g->value[n->output[0]].producer = index;
        *changed = true;
        return folded;
    }
    if (fold_behind(w, &l, &f) != ARC_OK)
        return ARC_ENOMEM;
    arc_rewrite_bypass(w, next, l.node->output[0]);
    *changed = true;
    return ARC_OK;
}

/* The node whose output 0 the linear node reads, through a Flatten(1) in front of Gemm; *through is that Flatten or NULL. */
static arc_node *node_in_front(const arc_rewrite *w, const arc_linear *l, arc_node **through) {
    *through = NULL;
    const int index = arc_rewrite_index(w, l->node);
    if (arc_rewrite_only_user(w, l->node->input[0]) != index)
        return NULL;
    arc_node *n = arc_rewrite_producer(w, l->node->input[0]);
    if (!n || !arc_node_is(n, ARC_KIND_FLATTEN) || !arc_node_is(l->node, ARC_KIND_GEMM))
        return n;
    if (arc_attr_int(n, "axis", 1) != 1 || arc_rewrite_only_user(w, n->input[0]) != arc_rewrite_index(w, n))
        return NULL;
    *through = n;
    return arc_rewrite_producer(w, n->input[0]);
}

static arc_status try_in_front(arc_rewrite *w, int index, bool *changed) {
    arc_linear l;
    affine f;
    bool is = false;
    arc_node *through;
    if (!arc_linear_of(w, &w->g->node[index], &l) || arc_node_is(l.node, ARC_KIND_CONV_TRANSPOSE))
        return ARC_OK;
    arc_node *n = node_in_front(w, &l, &through);
    if (!n)
        return ARC_OK;
    const arc_status st = affine_of(w, n, &f, &is);
    if (st != ARC_OK || !is || !all_finite(&f))
        return st;
    if (through ? l.c_in % f.count != 0 : !shape_stays(&f, n, l.c_in, arc_node_is(l.node, ARC_KIND_GEMM)))
        return ARC_OK;
    for (int64_t i = 0; l.padded && i < f.count; i++) /* the pad value (0-b)/a must exist and be harmless */
        if (fabs(f.a[i]) < 1e-12 || fabs(f.b[i] / f.a[i]) > 1e6)
            return ARC_OK;
    if (fold_in_front(w, &l, &f, f.count == 1 ? 1 : l.c_in / f.count) != ARC_OK)
        return ARC_ENOMEM;
    arc_rewrite_bypass(w, arc_rewrite_index(w, n), f.input);
    *changed = true;
    return ARC_OK;
}

arc_status arc_fold_affine(arc_rewrite *w, arc_error *err) {
    (void)err;
    for (int i = 0; i < w->g->nodes; i++) {
        bool changed = true;
        while (changed && !w->dead[i]) {
            changed = false;
            if (try_behind(w, i, &changed) != ARC_OK)
                return ARC_ENOMEM;
        }
    }
    for (int i = 0; i < w->g->nodes; i++) {
        bool changed = true;
        while (changed && !w->dead[i]) {
            changed = false;
            if (try_in_front(w, i, &changed) != ARC_OK)
                return ARC_ENOMEM;
        }
    }
    return ARC_OK;
}
