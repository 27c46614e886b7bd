/* com.microsoft.Attention and MultiHeadAttention as products, softmax and sums. A mask of keys adds mask_filter_value to the
 * scores that it hides, as ONNX Runtime does. */
#include "format/onnx/swap.h"
#include <math.h>
#include <string.h>

/* Columns from .. from + count of a matrix [rows][columns] or a list (rows 1) of floats. */
static int columns_of(arc_swap *w, const arc_value *m, int64_t rows, int64_t columns, int64_t from, int64_t count) {
    arc_shape shape = {1, {count}};
    void *memory = NULL;
    if (m->shape.rank == 2)
        shape = (arc_shape){2, {rows, count}};
    const float *data = m->data;
    char *name = w->failed ? NULL : arc_arena_printf(&w->g->arena, "%s.columns#%d", w->base, w->g->values);
    const int v = name ? arc_graph_constant_new(w->g, name, ARC_F32, &shape, &memory) : ARC_NO_VALUE;
    w->failed |= v < 0;
    for (int64_t r = 0; v >= 0 && r < rows; r++)
        memcpy((float *)memory + r * count, data + r * columns + from, (size_t)count * sizeof *data);
    return v;
}

static int in_heads(arc_swap *w, int x, int64_t heads, const int64_t perm[4]) {
    const int64_t shape[4] = {0, 0, heads, -1};
    const int to[2] = {x, arc_swap_list(w, ARC_I64, 1, 4, shape)};
    const int split = arc_swap_put(w, "Reshape", 2, to, ARC_NO_VALUE), y = arc_swap_put(w, "Transpose", 1, &split, ARC_NO_VALUE);
    w->failed |= w->failed || arc_node_ints(w->g, w->last, "perm", 4, perm) != ARC_OK;
    return y;
}

/* softmax(q k^T scale + bias) v of [batch][length][heads * size], in heads; bias may be ARC_NO_VALUE. */
static void put_attention(arc_swap *w, int q, int k, int v, int bias, int64_t heads, float scale) {
    static const int64_t rows[4] = {0, 2, 1, 3}, columns[4] = {0, 2, 3, 1}, joined[3] = {0, 0, -1};
    const int factor = arc_swap_list(w, ARC_F32, 0, 1, &scale);
    const int qk[2] = {in_heads(w, q, heads, rows), in_heads(w, k, heads, columns)};
    const int scaled[2] = {arc_swap_put(w, "MatMul", 2, qk, ARC_NO_VALUE), factor};
    int scores = arc_swap_put(w, "Mul", 2, scaled, ARC_NO_VALUE);
    if (bias >= 0) {
        const int pair[2] = {scores, bias};
        scores = arc_swap_put(w, "Add", 2, pair, ARC_NO_VALUE);
    }
    const int weights = arc_swap_put(w, "Softmax", 1, &scores, ARC_NO_VALUE);
    arc_swap_int(w, "axis", w->g->opset < 13 ? 3 : -1);
    const int product[2] = {weights, in_heads(w, v, heads, rows)};
    const int mixed = arc_swap_put(w, "MatMul", 2, product, ARC_NO_VALUE),
              turned = arc_swap_put(w, "Transpose", 1, &mixed, ARC_NO_VALUE);
    w->failed |= w->failed || arc_node_ints(w->g, w->last, "perm", 4, rows) != ARC_OK;
    const int out[2] = {turned, arc_swap_list(w, ARC_I64, 1, 3, joined)};
    (void)arc_swap_put(w, "Reshape", 2, out, arc_swap_output(w, 0));
}

/* Attributes and inputs that change what is computed; -1: some that are not followed, else the number of heads. */
static int64_t heads_of(const arc_swap *w, int first, int bias_at, int mask_at) {
    const int64_t heads = arc_attr_int(&w->from, "num_heads", 0);
    bool plain = heads > 0 && arc_attr_int(&w->from, "unidirectional", 0) == 0 && arc_attr_int(&w->from, "do_rotary", 0) == 0 &&
                 !arc_node_attr(&w->from, "qkv_hidden_sizes");
    for (int i = first; i < w->from.inputs; i++)
        plain &= i == bias_at || i == mask_at || w->from.input[i] < 0;
    for (int i = 1; i < w->from.outputs; i++)
        plain &= w->from.output[i] < 0;
    return plain ? heads : -1;
}

static int cast(arc_swap *w, int x, arc_dtype to) {
    const int y = arc_swap_put(w, "Cast", 1, &x, ARC_NO_VALUE);
    arc_swap_int(w, "to", to);
    return y;
}

/* Whether each key counts: lengths [batch] as truth values [batch][keys]; x: [batch][keys][...]. */
static int keys_below(arc_swap *w, int lengths, int x) {
    const int64_t first = 0, next = 1;
    const int shape = arc_swap_put(w, "Shape", 1, &x, ARC_NO_VALUE);
    const int at[2] = {shape, arc_swap_list(w, ARC_I64, 0, 1, &next)};
    const int range[3] = {arc_swap_list(w, ARC_I64, 0, 1, &first), arc_swap_put(w, "Gather", 2, at, ARC_NO_VALUE),
                          arc_swap_list(w, ARC_I64, 0, 1, &next)};
    const int pair[2] = {arc_swap_put(w, "Range", 3, range, ARC_NO_VALUE),
                         arc_swap_expand(w, "Unsqueeze", cast(w, lengths, ARC_I64), 1, ARC_NO_VALUE)};
    return arc_swap_put(w, "Less", 2, pair, ARC_NO_VALUE);
}

/* What a mask adds to the scores [batch][heads][queries][keys]: [batch] lengths of keys, [batch][keys] or [batch][queries][keys]
 * with 1 for what counts. keys: a value [batch][keys][...]. False: it has another form, or one that the file does not declare. */
static bool add_mask(arc_swap *w, int mask, int keys, int *bias) {
    if (mask < 0)
        return true;
    const arc_value *v = &w->g->value[mask];
    const int rank = v->shape.rank;
    const float one = 1, filter = arc_attr_float(&w->from, "mask_filter_value", -10000);
    if ((v->dtype != ARC_I32 && v->dtype != ARC_I64 && v->dtype != ARC_BOOL) || rank < 1 || rank > 3)
        return false;
    if (rank == 1) { /* [2 batch] and [3 batch + 2] say where the keys begin as well */
        const arc_shape *x = &w->g->value[keys].shape;
        if (v->shape.dim[0] >= 0 && (x->rank < 1 || x->dim[0] != v->shape.dim[0]))
            return false;
        mask = keys_below(w, mask, keys);
    }
    int hidden[2] = {arc_swap_list(w, ARC_F32, 0, 1, &one), cast(w, mask, ARC_F32)};
    int added[2] = {arc_swap_put(w, "Sub", 2, hidden, ARC_NO_VALUE), arc_swap_list(w, ARC_F32, 0, 1, &filter)};
    int sum = arc_swap_put(w, "Mul", 2, added, ARC_NO_VALUE);
    for (int i = rank; i < 3; i++)
        sum = i == 1 ? sum : arc_swap_expand(w, "Unsqueeze", sum, 1, ARC_NO_VALUE);
    sum = arc_swap_expand(w, "Unsqueeze", sum, 1, ARC_NO_VALUE);
    const int both[2] = {*bias, sum};
    *bias = *bias < 0 ? sum : arc_swap_put(w, "Add", 2, both, ARC_NO_VALUE);
    return true;
}

static float scale_of(const arc_swap *w, int64_t size) {
    const float given = arc_attr_float(&w->from, "scale", 0);
    return given > 0 ? given : (float)(1 / sqrt((double)size));
}

/* com.microsoft.Attention: input, weights [D][3 E], bias [3 E]. */
bool arc_swap_packed_attention(arc_swap *w, const char *op) {
    (void)op;
    const arc_value *m = arc_swap_constant(w, arc_swap_input(w, 1)), *b = arc_swap_constant(w, arc_swap_input(w, 2));
    const int64_t heads = heads_of(w, 3, 5, 3);
    if (heads < 1 || !m || m->dtype != ARC_F32 || m->shape.rank != 2 || m->shape.dim[1] % (3 * heads) != 0 ||
        m->shape.dim[1] < 3 * heads || (b && (b->dtype != ARC_F32 || b->shape.rank != 1 || b->shape.dim[0] != m->shape.dim[1])) ||
        (arc_swap_input(w, 2) >= 0 && !b))
        return false;
    const arc_value weights = *m, biases = b ? *b : weights; /* values move as more are added */
    const int64_t columns = weights.shape.dim[1], each = columns / 3;
    int part[3];
    for (int i = 0; i < 3; i++) {
        const int product[2] = {arc_swap_input(w, 0), columns_of(w, &weights, weights.shape.dim[0], columns, i * each, each)};
        part[i] = arc_swap_put(w, "MatMul", 2, product, ARC_NO_VALUE);
        if (b) {
            const int sum[2] = {part[i], columns_of(w, &biases, 1, columns, i * each, each)};
            part[i] = arc_swap_put(w, "Add", 2, sum, ARC_NO_VALUE);
        }
    }
    int bias = arc_swap_input(w, 5);
    if (!add_mask(w, arc_swap_input(w, 3), arc_swap_input(w, 0), &bias))
        return false;
    put_attention(w, part[0], part[1], part[2], bias, heads, scale_of(w, each / heads));
    return true;
}

/* com.microsoft.MultiHeadAttention: query, key, value, bias [3 E]; without a bias the scale must be given, or the size of the
 * query be declared. */
bool arc_swap_multi_head_attention(arc_swap *w, const char *op) {
    (void)op;
    const arc_value *b = arc_swap_constant(w, arc_swap_input(w, 3));
    const int64_t heads = heads_of(w, 4, 5, 4);
    int part[3] = {arc_swap_input(w, 0), arc_swap_input(w, 1), arc_swap_input(w, 2)};
    const arc_shape *query = part[0] >= 0 ? &w->g->value[part[0]].shape : NULL;
    const int64_t size = query && query->rank == 3 ? query->dim[2] : 0;
    if (heads < 1 || part[0] < 0 || part[1] < 0 || part[2] < 0 || (arc_swap_input(w, 3) >= 0 && !b) ||
        (b && (b->dtype != ARC_F32 || b->shape.rank != 1 || b->shape.dim[0] % (3 * heads) != 0 || b->shape.dim[0] < 1)) ||
        (!b && size < heads && !(arc_attr_float(&w->from, "scale", 0) > 0)))
        return false;
    const arc_value biases = b ? *b : (arc_value){.data = NULL};
    const int64_t each = b ? biases.shape.dim[0] / 3 : ARC_MAX(size, heads);
    for (int i = 0; i < 3 && b; i++) {
        const int sum[2] = {part[i], columns_of(w, &biases, 1, 3 * each, i * each, each)};
        part[i] = arc_swap_put(w, "Add", 2, sum, ARC_NO_VALUE);
    }
    int with = arc_swap_input(w, 5);
    if (!add_mask(w, arc_swap_input(w, 4), arc_swap_input(w, 1), &with))
        return false;
    put_attention(w, part[0], part[1], part[2], with, heads, scale_of(w, each / heads));
    return true;
}
