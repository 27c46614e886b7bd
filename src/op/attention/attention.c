/* op: Attention of opset 23 (with the key lengths of 24): scaled dot products of queries and keys, softmax, weighted sum of
 * values; masks, causal masking, earlier keys and values, groups of query heads that share keys. Without masks, earlier keys and
 * scores it runs in float32 on heads.c; else each row of queries is one item of work, summed in double. */
#include "op/attention/heads.h"
#include "op/layer.h"
#include <math.h>

enum { QUERY, KEY, VALUE, MASK, PAST_KEY, PAST_VALUE, LENGTHS, INPUTS }; /* inputs */
enum { RESULT, PRESENT_KEY, PRESENT_VALUE, SCORES };                     /* outputs */
enum { RAW, CAPPED, BIASED, NORMALISED };                                /* what SCORES holds */

/* [batch][heads][length][size], as the tensor lies. */
typedef struct heads {
    int64_t batch, heads, length, size;
    int64_t batch_stride, head_stride, row_stride;
} heads;

typedef struct attention {
    heads q, k, v, y;
    int64_t past, total; /* keys from before; all keys */
    int64_t mask_stride[4], mask_length;
    double scale, cap;
    bool causal;
    int mode;
    bool plain; /* float32 without masks, earlier keys and scores: heads.c does it */
    arc_heads_attention core;
} attention;

/* Rank 4 as it is; rank 3 [batch][length][heads * size]. */
static bool view(const arc_shape *s, int64_t count, heads *h) {
    if (s->rank == 4) {
        *h = (heads){s->dim[0], s->dim[1], s->dim[2], s->dim[3], 0, 0, s->dim[3]};
        h->head_stride = h->length * h->size;
        h->batch_stride = h->heads * h->head_stride;
        return true;
    }
    if (s->rank != 3 || count < 1 || s->dim[2] % count != 0)
        return false;
    *h = (heads){s->dim[0], count, s->dim[1], s->dim[2] / count, s->dim[1] * s->dim[2], s->dim[2] / count, s->dim[2]};
    return true;
}

static const char *read_mask(const arc_tensor *mask, attention *a) {
    int64_t stride = 1;
    const int64_t wanted[4] = {a->q.batch, a->q.heads, a->q.length, a->total};
    if (!mask)
        return NULL;
    if (mask->shape.rank < 1 || mask->shape.rank > 4 || (mask->dtype != ARC_BOOL && arc_dtype_is_int(mask->dtype)))
        return "the mask must be bool or floating-point, of rank 1 to 4";
    for (int i = mask->shape.rank - 1, d = 3; i >= 0; i--, d--) {
        const int64_t n = mask->shape.dim[i];
        if (d == 3 ? n > wanted[d] : n != 1 && n != wanted[d])
            return "the mask does not fit";
        a->mask_stride[d] = d < 3 && n == 1 ? 0 : stride;
        stride *= n;
    }
    a->mask_length = mask->shape.dim[mask->shape.rank - 1];
    return NULL;
}

/* What is wrong, or NULL. in[i] NULL: omitted. */
static const char *read_request(const arc_node *n, const arc_tensor *const *in, attention *a) {
    const int64_t q_heads = arc_attr_int(n, "q_num_heads", 0), kv_heads = arc_attr_int(n, "kv_num_heads", 0);
    *a = (attention){.causal = arc_attr_int(n, "is_causal", 0) != 0, .mode = (int)arc_attr_int(n, "qk_matmul_output_mode", 0)};
    if (!view(&in[QUERY]->shape, q_heads, &a->q) || !view(&in[KEY]->shape, kv_heads, &a->k) ||
        !view(&in[VALUE]->shape, kv_heads, &a->v))
        return "queries, keys or values have another rank than 3 or 4, or do not divide into heads";
    if (a->k.batch != a->q.batch || a->v.batch != a->q.batch || a->k.size != a->q.size || a->k.length != a->v.length ||
        a->k.heads != a->v.heads || a->k.heads < 1 || a->q.heads % a->k.heads != 0)
        return "queries, keys and values do not fit each other";
    if ((in[PAST_KEY] != NULL) != (in[PAST_VALUE] != NULL))
        return "earlier keys need earlier values";
    if (in[PAST_KEY]) {
        const arc_shape *k = &in[PAST_KEY]->shape, *v = &in[PAST_VALUE]->shape;
        if (k->rank != 4 || v->rank != 4 || k->dim[0] != a->q.batch || k->dim[1] != a->k.heads || k->dim[3] != a->k.size ||
            v->dim[0] != a->q.batch || v->dim[1] != a->k.heads || v->dim[2] != k->dim[2] || v->dim[3] != a->v.size)
            return "earlier keys or values do not fit";
        a->past = k->dim[2];
    }
    a->total = a->past + a->k.length;
    if (in[LENGTHS] && (arc_shape_count(&in[LENGTHS]->shape) != a->q.batch || in[LENGTHS]->dtype != ARC_I64 || in[PAST_KEY]))
        return "the lengths of the keys do not fit";
    a->cap = arc_attr_float(n, "softcap", 0);
    a->scale = arc_attr_float(n, "scale", (float)(1 / sqrt((double)ARC_MAX(a->q.size, (int64_t)1))));
    return read_mask(in[MASK], a);
}

static arc_status attention_infer(arc_infer *in) {
    attention a;
    const arc_tensor *given[INPUTS] = {NULL};
    arc_status st = arc_infer_needs(in, 3);
    if (st != ARC_OK)
        return st;
    for (int i = 0; i < in->inputs && i < INPUTS; i++)
        given[i] = in->in[i];
    for (int i = 0; i < INPUTS; i++)
        if (given[i] && i != MASK && i != LENGTHS && arc_dtype_is_int(given[i]->dtype))
            return arc_op_fail(in, ARC_EUNSUPPORTED, "only floating-point inputs are supported");
    const char *why = read_request(in->node, given, &a);
    if (why)
        return arc_op_fail(in, ARC_ESHAPE, "%s", why);
    arc_shape y = in->in[0]->shape;
    y.dim[y.rank - 1] = y.rank == 3 ? a.q.heads * a.v.size : a.v.size;
    const arc_shape k = {4, {a.q.batch, a.k.heads, a.total, a.k.size}}, v = {4, {a.q.batch, a.k.heads, a.total, a.v.size}};
    const arc_shape scores = {4, {a.q.batch, a.q.heads, a.q.length, a.total}};
    st = arc_infer_out(in, RESULT, in->in[0]->dtype, &y);
    if (st == ARC_OK)
        st = arc_infer_out(in, PRESENT_KEY, in->in[1]->dtype, &k);
    if (st == ARC_OK)
        st = arc_infer_out(in, PRESENT_VALUE, in->in[2]->dtype, &v);
    return st == ARC_OK ? arc_infer_out(in, SCORES, in->in[0]->dtype, &scores) : st;
}

static void given_of(const arc_step *s, const arc_tensor **given) {
    for (int i = 0; i < INPUTS; i++)
        given[i] = i < s->inputs && s->in[i].dtype != ARC_NO_DTYPE ? &s->in[i] : NULL;
}

static arc_heads strided(const heads *h) {
    return (arc_heads){h->batch, h->heads, h->length, h->size, h->batch_stride, h->head_stride, h->row_stride, 1};
}

/* Whether heads.c does the step, in float32; prepares it then. */
static bool is_plain(arc_step *s, attention *a) {
    bool plain = !a->causal && !(a->cap > 0);
    for (int i = 0; i < s->inputs; i++)
        plain &= s->in[i].dtype == (i < MASK ? ARC_F32 : ARC_NO_DTYPE);
    for (int i = 1; i < s->outputs; i++)
        plain &= s->out[i].dtype == ARC_NO_DTYPE;
    a->core = (arc_heads_attention){.q = strided(&a->q),
                                    .k = strided(&a->k),
                                    .v = strided(&a->v),
                                    .y = strided(&a->y),
                                    .group = a->q.heads / a->k.heads,
                                    .scale = (float)a->scale};
    return plain && a->total > 0 && arc_heads_prepare(s, &a->core);
}

static arc_status attention_prepare(arc_prepare *p) {
    const arc_tensor *given[INPUTS];
    attention *a = arc_arena_new(p->arena, 1, sizeof *a);
    if (!a)
        return arc_fail_nomem(p->err, "Attention");
    given_of(p->step, given);
    const char *why = read_request(p->step->node, given, a);
    if (why)
        return arc_fail(p->err, ARC_ESHAPE, "Attention '%s': %s", p->step->node->name, why);
    (void)view(&p->step->out[RESULT].shape, a->q.heads, &a->y);
    p->step->state = a;
    a->plain = is_plain(p->step, a);
    if (a->plain) {
        p->step->algorithm = "heads";
        return ARC_OK;
    }
    p->step->scratch_bytes = (size_t)ARC_MAX(a->total + a->v.size, (int64_t)1) * sizeof(double);
    return ARC_OK;
}

static double real_at(const arc_tensor *t, int64_t i) {
    return t->dtype == ARC_F32 ? ((const float *)t->data)[i] : arc_element_real(t->dtype, t->data, i);
}

/* The row of key or value j, which may be an earlier one: its tensor and its first element. */
static const arc_tensor *row_of(const arc_step *s, const attention *a, const heads *h, int input, int64_t batch, int64_t head,
                                int64_t j, int64_t *at) {
    if (j < a->past) {
        *at = ((batch * h->heads + head) * a->past + j) * h->size;
        return &s->in[input + PAST_KEY - KEY];
    }
    *at = batch * h->batch_stride + head * h->head_stride + (j - a->past) * h->row_stride;
    return &s->in[input];
}

/* What the masks add to score (i, j): 0, -infinity, or the mask's number. */
static double bias_of(const arc_step *s, const attention *a, int64_t batch, int64_t head, int64_t i, int64_t j) {
    const bool lengths = s->inputs > LENGTHS && s->in[LENGTHS].dtype != ARC_NO_DTYPE;
    const int64_t length = lengths ? ((const int64_t *)s->in[LENGTHS].data)[batch] : a->total;
    if (j >= length || (a->causal && j > i + (lengths ? length - a->q.length : a->past)))
        return -INFINITY;
    if (s->inputs <= MASK || s->in[MASK].dtype == ARC_NO_DTYPE)
        return 0;
    if (j >= a->mask_length)
        return -INFINITY;
    const int64_t at = batch * a->mask_stride[0] + head * a->mask_stride[1] + i * a->mask_stride[2] + j * a->mask_stride[3];
    if (s->in[MASK].dtype == ARC_BOOL)
        return ((const uint8_t *)s->in[MASK].data)[at] ? 0 : -INFINITY;
    return real_at(&s->in[MASK], at);
}

static double dot(const arc_tensor *x, int64_t ix, const arc_tensor *y, int64_t iy, int64_t n) {
    double sum = 0;
    if (x->dtype == ARC_F32 && y->dtype == ARC_F32) {
        const float *a = (const float *)x->data + ix, *b = (const float *)y->data + iy;
        for (int64_t i = 0; i < n; i++)
            sum += (double)a[i] * b[i];
    } else {
        for (int64_t i = 0; i < n; i++)
            sum += real_at(x, ix + i) * real_at(y, iy + i);
    }
    return sum;
}

static void keep_score(const arc_step *s, const attention *a, int mode, int64_t row, int64_t j, double v) {
    if (mode == a->mode && s->outputs > SCORES && s->out[SCORES].dtype != ARC_NO_DTYPE && s->out[SCORES].data)
        arc_element_set_real(s->out[SCORES].dtype, s->out[SCORES].data, row * a->total + j, v);
}

/* Scores of one row of queries, made to weights; a row that the masks leave nothing of gets zeros. */
static void make_weights(const arc_step *s, const attention *a, int64_t batch, int64_t head, int64_t i, double *w) {
    const int64_t kv_head = head / (a->q.heads / a->k.heads), row = (batch * a->q.heads + head) * a->q.length + i;
    double most = -INFINITY, total = 0, least_masked = -INFINITY;
    for (int64_t j = 0; j < a->total; j++) {
        int64_t at;
        const arc_tensor *k = row_of(s, a, &a->k, KEY, batch, kv_head, j, &at);
        double v = a->scale * dot(&s->in[QUERY], batch * a->q.batch_stride + head * a->q.head_stride + i * a->q.row_stride, k, at,
                                  a->q.size);
        keep_score(s, a, RAW, row, j, v);
        v = a->cap > 0 ? a->cap * tanh(v / a->cap) : v;
        keep_score(s, a, CAPPED, row, j, v);
        const double bias = bias_of(s, a, batch, head, i, j);
        least_masked = fmax(least_masked, bias);
        w[j] = v + bias;
        keep_score(s, a, BIASED, row, j, w[j]);
        most = fmax(most, w[j]);
    }
    for (int64_t j = 0; j < a->total; j++)
        total += w[j] = isinf(most) || isinf(least_masked) ? 0 : exp(w[j] - most);
    for (int64_t j = 0; j < a->total; j++) {
        w[j] = total > 0 ? w[j] / total : 0;
        keep_score(s, a, NORMALISED, row, j, w[j]);
    }
}

static void attention_rows(void *arg, size_t begin, size_t end, int thread) {
    const arc_step *s = arg;
    const attention *a = s->state;
    double *w = (double *)(void *)(s->scratch + (size_t)thread * s->scratch_stride), *sum = w + a->total;
    for (size_t item = begin; item < end; item++) {
        const int64_t i = (int64_t)item % a->q.length, head = (int64_t)item / a->q.length % a->q.heads;
        const int64_t batch = (int64_t)item / a->q.length / a->q.heads, kv_head = head / (a->q.heads / a->k.heads);
        make_weights(s, a, batch, head, i, w);
        for (int64_t d = 0; d < a->v.size; d++)
            sum[d] = 0;
        for (int64_t j = 0; j < a->total; j++) {
            int64_t at;
            const arc_tensor *v = row_of(s, a, &a->v, VALUE, batch, kv_head, j, &at);
            for (int64_t d = 0; w[j] != 0 && d < a->v.size; d++)
                sum[d] += w[j] * real_at(v, at + d);
        }
        const int64_t to = batch * a->y.batch_stride + head * a->y.head_stride + i * a->y.row_stride;
        for (int64_t d = 0; d < a->v.size; d++)
            arc_element_set_real(s->out[RESULT].dtype, s->out[RESULT].data, to + d, sum[d]);
    }
}

/* Earlier and present keys or values one behind the other. */
static void put_present(const arc_step *s, const attention *a, const heads *h, int input, int output) {
    if (s->outputs <= output || s->out[output].dtype == ARC_NO_DTYPE || !s->out[output].data)
        return;
    int64_t to = 0;
    for (int64_t batch = 0; batch < h->batch; batch++)
        for (int64_t head = 0; head < h->heads; head++)
            for (int64_t j = 0; j < a->total; j++) {
                int64_t at;
                const arc_tensor *x = row_of(s, a, h, input, batch, head, j, &at);
                for (int64_t d = 0; d < h->size; d++)
                    arc_element_set_real(s->out[output].dtype, s->out[output].data, to++, real_at(x, at + d));
            }
}

static void attention_run(const arc_step *s) {
    const attention *a = s->state;
    const int64_t rows = a->q.batch * a->q.heads * a->q.length;
    if (a->plain) {
        arc_heads_run(s, &a->core, s->in[QUERY].data, s->in[KEY].data, s->in[VALUE].data, NULL, NULL, s->out[RESULT].data);
        return;
    }
    put_present(s, a, &a->k, KEY, PRESENT_KEY);
    put_present(s, a, &a->v, VALUE, PRESENT_VALUE);
    if (rows > 0)
        arc_pool_run(rows * a->total * a->q.size < ARC_LOOP_PARALLEL ? NULL : s->pool, (size_t)rows, 0, attention_rows,
                     (void *)(uintptr_t)s);
}

/* ---- RotaryEmbedding: pairs of numbers of each head turned by the angle of their position -------------------------- */

static arc_status rotary_infer(arc_infer *in) {
    heads x;
    const arc_status st = arc_infer_needs(in, 3);
    if (st != ARC_OK)
        return st;
    const int64_t turned = arc_attr_int(in->node, "rotary_embedding_dim", 0);
    const arc_tensor *position = in->inputs > 3 ? in->in[3] : NULL;
    if (arc_dtype_is_int(in->in[0]->dtype) || !view(&in->in[0]->shape, arc_attr_int(in->node, "num_heads", 0), &x) ||
        turned < 0 || turned > x.size || (turned ? turned : x.size) % 2 != 0)
        return arc_op_fail(in, ARC_ESHAPE, "the input does not divide into heads, or they into pairs");
    const int64_t half = (turned ? turned : x.size) / 2;
    for (int i = 1; i < 3; i++) {
        const arc_shape *c = &in->in[i]->shape;
        const bool fits = position ? c->rank == 2 : c->rank == 3 && c->dim[0] == x.batch && c->dim[1] == x.length;
        if (!fits || c->dim[c->rank - 1] != half || arc_dtype_is_int(in->in[i]->dtype) || (position && c->dim[0] < 1))
            return arc_op_fail(in, ARC_ESHAPE, "the table of input %d does not fit", i);
    }
    if (position && (position->dtype != ARC_I64 || arc_shape_count(&position->shape) != x.batch * x.length))
        return arc_op_fail(in, ARC_ESHAPE, "positions must be one integer a row");
    return arc_infer_same(in);
}

static void rotary_run(const arc_step *s) {
    heads x;
    const arc_tensor *from = &s->in[0], *to = &s->out[0], *cosines = &s->in[1], *sines = &s->in[2];
    const bool paired = arc_attr_int(s->node, "interleaved", 0) != 0, placed = s->inputs > 3 && s->in[3].dtype != ARC_NO_DTYPE;
    if (!view(&from->shape, arc_attr_int(s->node, "num_heads", 0), &x))
        return;
    const int64_t given = arc_attr_int(s->node, "rotary_embedding_dim", 0), turned = given ? given : x.size, half = turned / 2;
    for (int64_t item = 0; item < x.batch * x.length * x.heads; item++) {
        const int64_t head = item % x.heads, row = item / x.heads, batch = row / x.length;
        const int64_t first = batch * x.batch_stride + head * x.head_stride + row % x.length * x.row_stride;
        int64_t place = placed ? ((const int64_t *)s->in[3].data)[row] : row;
        place = ARC_MIN(ARC_MAX(place, (int64_t)0), arc_shape_count(&cosines->shape) / ARC_MAX(half, (int64_t)1) - 1);
        for (int64_t i = 0; i < half; i++) {
            const int64_t a = first + (paired ? 2 * i : i), b = first + (paired ? 2 * i + 1 : i + half);
            const double c = real_at(cosines, place * half + i), d = real_at(sines, place * half + i);
            const double p = real_at(from, a), q = real_at(from, b);
            arc_element_set_real(to->dtype, to->data, a, c * p - d * q);
            arc_element_set_real(to->dtype, to->data, b, d * p + c * q);
        }
        for (int64_t i = turned; i < x.size; i++)
            arc_element_set_real(to->dtype, to->data, first + i, real_at(from, first + i));
    }
}

const arc_op arc_ops_attention[] = {
    {.name = "Attention",
     .kernels = "igemm rows_softmax",
     .layout = ARC_OP_PLAIN,
     .infer = attention_infer,
     .prepare = attention_prepare,
     .run = attention_run},
    {.name = "RotaryEmbedding", .layout = ARC_OP_PLAIN, .infer = rotary_infer, .run = rotary_run},
    {.name = NULL},
};
