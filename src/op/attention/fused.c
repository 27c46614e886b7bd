/* attention: arc.Attention, which pass/attention.c makes of two products around a softmax. Attributes "arc.q", "arc.k" and
 * "arc.v" say where [batch][heads][length][size] lie in the inputs 0, 1 and 2: the dimensions that they are, then one that is not
 * theirs (-1: none) and the index in it. Input 3: a constant that is added to the scores; input 4: constant factors of the heads.
 * "arc.rows": the output is [batch][length][heads][size]. */
#include "op/attention/heads.h"
#include "op/layer.h"

enum { BIAS = 3, HEAD_SCALE, NUMBERS, INPUTS = NUMBERS + 4 };

static bool read_heads(const arc_node *n, const char *name, const arc_shape *s, arc_heads *h, int64_t *first) {
    int64_t at[6], stride[ARC_MAX_RANK];
    int count;
    if (!arc_node_ints_of(n, name, 6, at, &count) || count != 6 || s->rank != (at[4] < 0 ? 4 : 5))
        return false;
    int64_t step = 1;
    for (int i = s->rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= s->dim[i];
    }
    for (int i = 0; i < 4; i++)
        if (at[i] < 0 || at[i] >= s->rank)
            return false;
    if (at[4] >= s->rank || (at[4] >= 0 && at[5] >= s->dim[at[4]]))
        return false;
    *h = (arc_heads){s->dim[at[0]], s->dim[at[1]], s->dim[at[2]], s->dim[at[3]],
                     stride[at[0]], stride[at[1]], stride[at[2]], stride[at[3]]};
    *first = at[4] < 0 ? 0 : at[5] * stride[at[4]];
    return true;
}

/* Where one has a single batch or head, it is everyone's. */
static bool broadcast(arc_heads *h, int64_t batch, int64_t heads) {
    if ((h->batch != batch && h->batch != 1) || (h->heads != heads && h->heads != 1))
        return false;
    h->batch_stride = h->batch == 1 ? 0 : h->batch_stride;
    h->head_stride = h->heads == 1 ? 0 : h->head_stride;
    h->batch = batch;
    h->heads = heads;
    return true;
}

static bool read_bias(const arc_shape *s, arc_heads_attention *a) {
    const int64_t wanted[4] = {a->q.batch, a->q.heads, a->q.length, a->k.length};
    int64_t stride = 1;
    for (int i = s->rank - 1, d = 3; i >= 0; i--, d--) {
        if (d < 0 || (s->dim[i] != 1 && s->dim[i] != wanted[d]))
            return false;
        a->bias_stride[d] = s->dim[i] == 1 ? 0 : stride;
        stride *= s->dim[i];
    }
    return true;
}

/* first: where each operand's first element lies. */
static bool read_attention(const arc_node *n, const arc_tensor *const *in, arc_heads_attention *a, int64_t first[3]) {
    *a = (arc_heads_attention){.scale = arc_attr_float(n, "arc.scale", 1), .group = 1};
    if (!read_heads(n, "arc.q", &in[0]->shape, &a->q, &first[0]) || !read_heads(n, "arc.k", &in[1]->shape, &a->k, &first[1]) ||
        !read_heads(n, "arc.v", &in[2]->shape, &a->v, &first[2]))
        return false;
    const int64_t batch = ARC_MAX(a->q.batch, ARC_MAX(a->k.batch, a->v.batch));
    const int64_t heads = ARC_MAX(a->q.heads, ARC_MAX(a->k.heads, a->v.heads));
    if (a->q.size != a->k.size || a->k.length != a->v.length || !broadcast(&a->q, batch, heads) ||
        !broadcast(&a->k, batch, heads) || !broadcast(&a->v, batch, heads) || (in[BIAS] && !read_bias(&in[BIAS]->shape, a)))
        return false;
    a->y = (arc_heads){batch, heads, a->q.length, a->v.size, 0, 0, 0, 1};
    const bool rows = arc_attr_int(n, "arc.rows", 0) != 0;
    a->y.row_stride = rows ? heads * a->v.size : a->v.size;
    a->y.head_stride = rows ? a->v.size : a->q.length * a->v.size;
    a->y.batch_stride = heads * a->q.length * a->v.size;
    for (int i = NUMBERS; i < INPUTS; i++)
        if (in[i] && arc_shape_count(&in[i]->shape) != 1)
            return false;
    const int64_t factors = in[HEAD_SCALE] ? arc_shape_count(&in[HEAD_SCALE]->shape) : 1;
    return factors == 1 || factors == heads;
}

static arc_status attention_infer(arc_infer *in) {
    arc_heads_attention a;
    int64_t first[3];
    const arc_tensor *given[INPUTS] = {NULL};
    const arc_status st = arc_infer_needs(in, 3);
    if (st != ARC_OK)
        return st;
    for (int i = 0; i < in->inputs && i < INPUTS; i++) {
        given[i] = in->in[i];
        if (given[i] && given[i]->dtype != ARC_F32)
            return arc_op_fail(in, ARC_EUNSUPPORTED, "only float32 is supported, input %d is %s", i,
                               arc_dtype_name(given[i]->dtype));
    }
    if (!read_attention(in->node, given, &a, first))
        return arc_op_fail(in, ARC_ESHAPE, "queries, keys and values do not fit each other");
    const arc_shape heads = {4, {a.y.batch, a.y.heads, a.y.length, a.y.size}},
                    rows = {4, {a.y.batch, a.y.length, a.y.heads, a.y.size}};
    return arc_infer_out(in, 0, ARC_F32, arc_attr_int(in->node, "arc.rows", 0) ? &rows : &heads);
}

typedef struct fused_state {
    arc_heads_attention a;
    int64_t first[3];
} fused_state;

static const arc_tensor *given_of(const arc_step *s, int i) {
    return i < s->inputs && s->in[i].dtype != ARC_NO_DTYPE ? &s->in[i] : NULL;
}

static arc_status attention_prepare(arc_prepare *p) {
    arc_step *s = p->step;
    fused_state *f = arc_arena_new(p->arena, 1, sizeof *f);
    const arc_tensor *given[INPUTS];
    for (int i = 0; i < INPUTS; i++)
        given[i] = given_of(s, i);
    if (!f || !read_attention(s->node, given, &f->a, f->first) || !arc_heads_prepare(s, &f->a))
        return arc_fail_nomem(p->err, "attention");
    s->state = f;
    s->algorithm = "heads";
    return ARC_OK;
}

static void attention_run(const arc_step *s) {
    const fused_state *f = s->state;
    const int64_t divisors = arc_attr_int(s->node, "arc.divisors", 0);
    const arc_tensor *bias = given_of(s, BIAS), *factor = given_of(s, HEAD_SCALE);
    arc_heads_attention a = f->a;
    for (int i = NUMBERS; i < s->inputs; i++) {
        const float v = *(const float *)s->in[i].data;
        a.scale = divisors >> (i - NUMBERS) & 1 ? a.scale / v : a.scale * v;
    }
    if (factor && arc_shape_count(&factor->shape) == 1) {
        a.scale *= *(const float *)factor->data;
        factor = NULL;
    }
    arc_heads_run(s, &a, (const float *)s->in[0].data + f->first[0], (const float *)s->in[1].data + f->first[1],
                  (const float *)s->in[2].data + f->first[2], bias ? bias->data : NULL, factor ? factor->data : NULL,
                  s->out[0].data);
}

const arc_op arc_ops_heads[] = {
    {.name = "arc.Attention",
     .kind = ARC_KIND_ATTENTION,
     .kernels = "igemm rows_softmax",
     .layout = ARC_OP_PLAIN,
     .infer = attention_infer,
     .prepare = attention_prepare,
     .run = attention_run,
     .made_by_passes = true},
    {.name = NULL},
};
