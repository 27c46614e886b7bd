/* pass: softmax(scale q k^T + bias) v written as two products around a softmax becomes arc.Attention (op/attention/fused.c), with
 * the transposes in front, which cut queries, keys and values out of one product, and the one behind. */
#include "pass/rewrite.h"
#include <math.h>
#include <string.h>

#define MAX_NUMBERS 4

/* What queries, keys and scores are multiplied by: constants, and numbers that follow from shapes. */
typedef struct factors {
    double constant;
    int count, number[MAX_NUMBERS]; /* values of one element */
    bool divides[MAX_NUMBERS];
} factors;

/* One of q, k and v: where [batch][heads][length][size] lie in a value. */
typedef struct operand {
    int value;
    int64_t at[4];
    int64_t fixed, index; /* a dimension of which only one index is read; -1: none */
    int rank;             /* 0: not known yet */
} operand;

static const arc_value *constant(const arc_rewrite *w, const arc_node *n, int i) {
    const arc_value *v = i < n->inputs && n->input[i] >= 0 ? &w->g->value[n->input[i]] : NULL;
    return v && v->data && !v->is_input ? v : NULL;
}

/* The only integer of a constant input. */
static bool integer_at(const arc_rewrite *w, const arc_node *n, int i, int64_t *v) {
    const arc_value *c = constant(w, n, i);
    if (!c || c->dtype != ARC_I64 || arc_shape_count(&c->shape) != 1)
        return false;
    *v = *(const int64_t *)c->data;
    return true;
}

static bool is_integer(const arc_rewrite *w, const arc_node *n, int i, int64_t wanted) {
    int64_t v;
    return integer_at(w, n, i, &v) && v == wanted;
}

static bool is_permutation(const arc_node *n, int rank, const int64_t *wanted) {
    const arc_attr *perm = n && arc_node_is(n, ARC_KIND_TRANSPOSE) ? arc_node_attr(n, "perm") : NULL;
    return perm && perm->kind == ARC_ATTR_INTS && n->inputs == 1 && perm->count == (size_t)rank &&
           memcmp(perm->ints, wanted, (size_t)rank * sizeof *wanted) == 0;
}

/* Whether a value is one number that only constants and shapes decide, so that it is known when the network is planned. */
static bool follows_from_shapes(const arc_rewrite *w, int value, int depth) {
    const arc_node *n = arc_rewrite_producer(w, value);
    if (value >= 0 && w->g->value[value].data)
        return !w->g->value[value].is_input && arc_shape_count(&w->g->value[value].shape) == 1 &&
               w->g->value[value].shape.rank <= 1;
    if (!n || n->inputs < 1 || depth == 0)
        return false;
    const arc_node *of = arc_rewrite_producer(w, n->input[0]);
    if (of && arc_node_is(of, ARC_KIND_SHAPE) && !arc_node_attr(of, "end") && arc_attr_int(of, "start", 0) == 0) {
        int64_t at;
        if (arc_node_is(n, ARC_KIND_GATHER))
            return integer_at(w, n, 1, &at);
        return arc_node_is(n, ARC_KIND_SLICE) && n->inputs == 3 && is_integer(w, n, 1, -1) && is_integer(w, n, 2, INT64_MAX);
    }
    if (arc_node_is(n, ARC_KIND_SQRT) || arc_node_is(n, ARC_KIND_CAST))
        return follows_from_shapes(w, n->input[0], depth - 1);
    const bool pair = arc_node_is(n, ARC_KIND_MUL) || arc_node_is(n, ARC_KIND_DIV) || arc_node_is(n, ARC_KIND_POW);
    return pair && n->inputs == 2 && follows_from_shapes(w, n->input[0], depth - 1) &&
           follows_from_shapes(w, n->input[1], depth - 1);
}

/* Multiplication or division by one number, which is added to *f: the value that is multiplied, else ARC_NO_VALUE. */
static int scaled(const arc_rewrite *w, const arc_node *n, factors *f) {
    const bool mul = arc_node_is(n, ARC_KIND_MUL);
    if ((!mul && !arc_node_is(n, ARC_KIND_DIV)) || n->inputs != 2)
        return ARC_NO_VALUE;
    for (int i = 1; i >= (mul ? 0 : 1); i--) {
        const arc_value *c = constant(w, n, i);
        if (n->input[i] < 0 || !follows_from_shapes(w, n->input[i], 8))
            continue;
        if (c && c->dtype == ARC_F32) {
            const double v = (double)*(const float *)c->data;
            f->constant *= mul ? v : 1 / v;
        } else if (f->count < MAX_NUMBERS) {
            f->divides[f->count] = !mul;
            f->number[f->count++] = n->input[i];
        } else {
            return ARC_NO_VALUE;
        }
        return n->input[!i];
    }
    return ARC_NO_VALUE;
}

/* One index of dimension 0, which is then gone: Squeeze of a Slice or Split, or Gather. What is cut, or ARC_NO_VALUE. */
static int selected(const arc_rewrite *w, const arc_node *n, int64_t *index) {
    if (arc_node_is(n, ARC_KIND_GATHER)) {
        const bool one = arc_attr_int(n, "axis", 0) == 0 && integer_at(w, n, 1, index) &&
                         w->g->value[n->input[1]].shape.rank == 0 && *index >= 0;
        return one ? n->input[0] : ARC_NO_VALUE;
    }
    if (!arc_node_is(n, ARC_KIND_SQUEEZE) || n->inputs < 1)
        return ARC_NO_VALUE;
    const arc_attr *axes = arc_node_attr(n, "axes");
    const arc_node *cut = arc_rewrite_producer(w, n->input[0]);
    if (!cut || !(axes ? axes->kind == ARC_ATTR_INTS && axes->count == 1 && axes->ints[0] == 0 : is_integer(w, n, 1, 0)))
        return ARC_NO_VALUE;
    if (arc_node_is(cut, ARC_KIND_SLICE)) {
        const bool one = integer_at(w, cut, 1, index) && *index >= 0 && is_integer(w, cut, 2, *index + 1) &&
                         is_integer(w, cut, 3, 0) && (cut->inputs < 5 || cut->input[4] < 0 || is_integer(w, cut, 4, 1));
        return one ? cut->input[0] : ARC_NO_VALUE;
    }
    if (!arc_node_is(cut, ARC_KIND_SPLIT) || cut->inputs < 1 || arc_attr_int(cut, "axis", 0) != 0)
        return ARC_NO_VALUE;
    const arc_value *sizes = constant(w, cut, 1);
    for (int64_t i = 0; sizes && i < arc_shape_count(&sizes->shape); i++)
        if (sizes->dtype != ARC_I64 || ((const int64_t *)sizes->data)[i] != 1)
            return ARC_NO_VALUE;
    if ((cut->inputs > 1 && !sizes) || arc_node_attr(cut, "split"))
        return ARC_NO_VALUE;
    for (int i = 0; i < cut->outputs; i++)
        if (cut->output[i] == n->input[0])
            *index = i;
    return cut->input[0];
}

/* Whether `value` is part [from, to) of the shape of x. */
static bool is_part_of_shape(const arc_rewrite *w, int value, int x, int64_t from, int64_t to) {
    const arc_node *cut = arc_rewrite_producer(w, value);
    if (!cut || !arc_node_is(cut, ARC_KIND_SLICE) || cut->inputs != 3)
        return false;
    const arc_node *shape = arc_rewrite_producer(w, cut->input[0]);
    if (!shape || !arc_node_is(shape, ARC_KIND_SHAPE) || shape->inputs != 1 || shape->input[0] != x ||
        arc_attr_int(shape, "start", 0) != 0 || arc_node_attr(shape, "end"))
        return false;
    int64_t first;
    return integer_at(w, cut, 1, &first) && (first == from || (from == 0 && first == INT64_MIN)) && is_integer(w, cut, 2, to);
}

/* Reshape, Transpose(0,2,1), Reshape as PyTorch's exporter writes it to exchange the last two dimensions of x, whatever its rank:
 * x, or ARC_NO_VALUE. */
static int exchanged(const arc_rewrite *w, const arc_node *back) {
    static const int64_t swap[3] = {0, 2, 1};
    const arc_node *turn =
        arc_node_is(back, ARC_KIND_RESHAPE) && back->inputs == 2 ? arc_rewrite_producer(w, back->input[0]) : NULL;
    const arc_node *flat = is_permutation(turn, 3, swap) ? arc_rewrite_producer(w, turn->input[0]) : NULL;
    if (!flat || !arc_node_is(flat, ARC_KIND_RESHAPE) || flat->inputs != 2)
        return ARC_NO_VALUE;
    const int x = flat->input[0];
    const arc_node *three = arc_rewrite_producer(w, flat->input[1]), *all = arc_rewrite_producer(w, back->input[1]);
    if (!three || !all || !arc_node_is(three, ARC_KIND_CONCAT) || !arc_node_is(all, ARC_KIND_CONCAT) || three->inputs != 3 ||
        all->inputs != 3)
        return ARC_NO_VALUE;
    const bool same = is_integer(w, three, 0, -1) && is_part_of_shape(w, three->input[1], x, -2, -1) &&
                      is_part_of_shape(w, three->input[2], x, -1, INT64_MAX) && is_part_of_shape(w, all->input[0], x, 0, -2) &&
                      all->input[1] == three->input[2] && all->input[2] == three->input[1];
    return same ? x : ARC_NO_VALUE;
}

static bool take_transpose(operand *o, const arc_node *n) {
    const arc_attr *perm = arc_node_attr(n, "perm");
    const int rank = o->fixed < 0 ? 4 : 5;
    if (!perm || perm->kind != ARC_ATTR_INTS || perm->count != (size_t)rank || (o->rank && o->rank != rank) || n->inputs != 1)
        return false;
    for (int i = 0; i < rank; i++) /* a file may hold anything: what is wrong with it is said when it is planned */
        if (perm->ints[i] < 0 || perm->ints[i] >= rank)
            return false;
    for (int i = 0; i < 4; i++)
        o->at[i] = perm->ints[o->at[i]];
    o->fixed = o->fixed < 0 ? -1 : perm->ints[o->fixed];
    o->rank = rank;
    return true;
}

/* Follows a value up to what it is cut out of. False when its rank stays unknown. */
static bool read_operand(const arc_rewrite *w, int value, bool transposed, operand *o, factors *f) {
    *o = (operand){value, {0, 1, transposed ? 3 : 2, transposed ? 2 : 3}, -1, 0, 0};
    for (;;) {
        int64_t index = 0;
        const arc_node *n = arc_rewrite_producer(w, o->value);
        if (!n)
            break;
        int from = f ? scaled(w, n, f) : ARC_NO_VALUE;
        if (from >= 0) {
            o->value = from;
            continue;
        }
        if (arc_node_is(n, ARC_KIND_TRANSPOSE)) {
            if (!take_transpose(o, n))
                break;
            from = n->input[0];
        } else if (o->fixed < 0 && (from = selected(w, n, &index)) >= 0) {
            for (int i = 0; i < 4; i++)
                o->at[i]++;
            o->fixed = 0;
            o->index = index;
            o->rank = 5;
        } else if (o->fixed < 0 && (from = exchanged(w, n)) >= 0) {
            for (int i = 0; i < 4; i++)
                o->at[i] = o->at[i] >= 2 ? 5 - o->at[i] : o->at[i];
        } else {
            break;
        }
        o->value = from;
    }
    return o->rank > 0 && o->value >= 0;
}

typedef struct scores {
    arc_node *product;
    int bias, head_scale; /* values; ARC_NO_VALUE: none */
    factors f;
} scores;

/* A constant of the heads: [heads,1,1], with or without a 1 in front. */
static bool is_head_scale(const arc_value *c) {
    const int heads_at = c->shape.rank - 3;
    return c->dtype == ARC_F32 && (heads_at == 0 || (heads_at == 1 && c->shape.dim[0] == 1)) && c->shape.dim[heads_at + 1] == 1 &&
           c->shape.dim[heads_at + 2] == 1;
}

static bool is_bias(const arc_value *c) {
    return c->dtype == ARC_F32 && c->shape.rank >= 2 && c->shape.rank <= 4 && (c->shape.rank < 4 || c->shape.dim[0] == 1);
}

/* What goes into the softmax: the product of q and k^T, scaled, with a bias. */
static bool read_scores(const arc_rewrite *w, const arc_node *softmax, scores *s) {
    *s = (scores){.bias = ARC_NO_VALUE, .head_scale = ARC_NO_VALUE, .f = {.constant = 1}};
    bool is_scaled = false;
    for (int value = softmax->input[0];;) {
        arc_node *n = arc_rewrite_producer(w, value);
        if (!n || arc_rewrite_only_user(w, value) < 0 || n->inputs != 2 || n->outputs != 1)
            return false;
        if (arc_node_is(n, ARC_KIND_MATMUL)) {
            s->product = n;
            return n->input[0] >= 0 && n->input[1] >= 0 && !w->g->value[n->input[0]].data && !w->g->value[n->input[1]].data;
        }
        const int i = constant(w, n, 1) != NULL, from = scaled(w, n, &s->f);
        const arc_value *c = constant(w, n, i);
        if (from >= 0) {
            is_scaled = true;
            value = from;
        } else if (c && arc_node_is(n, ARC_KIND_ADD) && is_bias(c) && s->bias < 0 && !is_scaled && s->head_scale < 0) {
            s->bias = n->input[i];
            value = n->input[!i];
        } else if (c && arc_node_is(n, ARC_KIND_MUL) && is_head_scale(c) && s->head_scale < 0) {
            s->head_scale = n->input[i];
            value = n->input[!i];
        } else {
            return false;
        }
    }
}

static arc_status set_operand(arc_rewrite *w, arc_node *n, int i, const char *name, const operand *o) {
    const int64_t at[6] = {o->at[0], o->at[1], o->at[2], o->at[3], o->fixed, o->index};
    const arc_status st = arc_rewrite_set_input(w, n, i, o->value);
    return st == ARC_OK ? arc_node_ints(w->g, n, name, 6, at) : st;
}

static arc_status replace(arc_rewrite *w, arc_node *n, const operand *o, const scores *s, bool rows) {
    n->inputs = 0;
    n->attrs = 0;
    arc_status st = set_operand(w, n, 0, "arc.q", &o[0]);
    if (st == ARC_OK)
        st = set_operand(w, n, 1, "arc.k", &o[1]);
    if (st == ARC_OK)
        st = set_operand(w, n, 2, "arc.v", &o[2]);
    if (st == ARC_OK && s->bias >= 0)
        st = arc_rewrite_set_input(w, n, 3, s->bias);
    if (st == ARC_OK && s->head_scale >= 0)
        st = arc_rewrite_set_input(w, n, 4, s->head_scale);
    int64_t divisors = 0;
    for (int i = 0; i < s->f.count && st == ARC_OK; i++) {
        st = arc_rewrite_set_input(w, n, 5 + i, s->f.number[i]);
        divisors |= (int64_t)s->f.divides[i] << i;
    }
    if (st == ARC_OK)
        st = arc_node_int(w->g, n, "arc.divisors", divisors);
    if (st == ARC_OK)
        st = arc_node_float(w->g, n, "arc.scale", (float)s->f.constant);
    if (st == ARC_OK)
        st = arc_node_int(w->g, n, "arc.rows", rows);
    arc_node_become(n, arc_op_find("arc.Attention"));
    return st;
}

/* Whether the softmax is over the last of four dimensions. */
static bool is_over_keys(const arc_rewrite *w, const arc_node *n) {
    const int64_t axis = arc_attr_int(n, "axis", w->g->opset < 13 ? 1 : -1);
    return (axis == -1 || axis == 3) && n->inputs == 1 && n->outputs == 1;
}

static arc_status try_softmax(arc_rewrite *w, arc_node *softmax, bool *fused) {
    static const int64_t rows_of_heads[4] = {0, 2, 1, 3};
    scores s;
    operand o[3];
    const int after = arc_rewrite_only_user(w, softmax->output[0]);
    arc_node *mixed = after >= 0 ? &w->g->node[after] : NULL;
    if (!mixed || !arc_node_is(mixed, ARC_KIND_MATMUL) || mixed->inputs != 2 || mixed->input[0] != softmax->output[0] ||
        mixed->input[1] == softmax->output[0] || !is_over_keys(w, softmax) || !read_scores(w, softmax, &s) ||
        !read_operand(w, s.product->input[0], false, &o[0], &s.f) || !read_operand(w, s.product->input[1], true, &o[1], &s.f) ||
        !read_operand(w, mixed->input[1], false, &o[2], NULL) || !isfinite((float)s.f.constant))
        return ARC_OK;
    const int next = arc_rewrite_only_user(w, mixed->output[0]);
    const bool rows = next >= 0 && is_permutation(&w->g->node[next], 4, rows_of_heads);
    w->dead[arc_rewrite_index(w, softmax)] = true;
    if (rows)
        w->dead[after] = true;
    *fused = true;
    return replace(w, rows ? &w->g->node[next] : mixed, o, &s, rows);
}

/* Drops what nobody reads any more. */
static void sweep(arc_rewrite *w) {
    arc_rewrite_recount(w);
    for (int i = w->g->nodes - 1; i >= 0; i--) {
        const arc_node *n = &w->g->node[i];
        bool wanted = w->dead[i];
        for (int k = 0; k < n->outputs; k++)
            wanted |= n->output[k] >= 0 && (w->users[n->output[k]] > 0 || w->g->value[n->output[k]].is_output);
        w->dead[i] |= !wanted;
        for (int k = 0; !wanted && k < n->inputs; k++)
            if (n->input[k] >= 0 && n->input[k] < w->values)
                w->users[n->input[k]]--;
    }
    arc_rewrite_recount(w);
}

arc_status arc_fuse_attention(arc_rewrite *w, arc_error *err) {
    (void)err;
    arc_rewrite_recount(w);
    for (int i = 0; i < w->g->nodes; i++) {
        bool fused = false;
        if (!w->dead[i] && arc_node_is(&w->g->node[i], ARC_KIND_SOFTMAX) && try_softmax(w, &w->g->node[i], &fused) != ARC_OK)
            return ARC_ENOMEM;
        if (fused)
            sweep(w);
    }
    return ARC_OK;
}
