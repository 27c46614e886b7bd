/* The products of ONNX Runtime's optimiser and quantizers in terms of the standard ones: FusedMatMul, whose operands may be
 * transposed and which is scaled, and MatMulNBits, whose weights are codes of 4 or 8 bits in blocks. */
#include "format/onnx/swap.h"

/* Einsum takes operands of any rank, of which the node says nothing. */
bool arc_swap_fused_matmul(arc_swap *w, const char *op) {
    (void)op;
    const bool left = arc_attr_int(&w->from, "transA", 0) != 0, right = arc_attr_int(&w->from, "transB", 0) != 0;
    const float alpha = arc_attr_float(&w->from, "alpha", 1);
    const int in[2] = {arc_swap_input(w, 0), arc_swap_input(w, 1)};
    const bool turned = left || right;
    if (arc_attr_int(&w->from, "transBatchA", 0) != 0 || arc_attr_int(&w->from, "transBatchB", 0) != 0 ||
        (turned && w->g->opset < 12))
        return false;
    const int y = arc_swap_put(w, turned ? "Einsum" : "MatMul", 2, in, alpha == 1 ? arc_swap_output(w, 0) : ARC_NO_VALUE);
    if (turned) {
        char *equation = arc_arena_printf(&w->g->arena, "...%s,...%s->...ik", left ? "ji" : "ij", right ? "kj" : "jk");
        w->failed |= !equation || w->failed || arc_node_string(w->g, w->last, "equation", equation) != ARC_OK;
    }
    if (alpha == 1)
        return true;
    const int pair[2] = {y, arc_swap_list(w, ARC_F32, 0, 1, &alpha)};
    (void)arc_swap_put(w, "Mul", 2, pair, arc_swap_output(w, 0));
    return true;
}

/* ---- MatMulNBits ---------------------------------------------------------------------------------------------------------- */

typedef struct blocks {
    int64_t rows, columns; /* of the product's weight [columns][rows], as N and K */
    int64_t size, count;   /* weights of a block, blocks of a row */
    int bits;
    const uint8_t *code, *zero; /* zero NULL: the middle code */
    const float *scale, *shift; /* shift: zero points that are floats */
} blocks;

/* Code i of a run of codes of 4 or 8 bits, the lower half of a byte first. */
static unsigned code_at(const uint8_t *codes, int64_t i, int bits) {
    return bits == 8 ? codes[i] : codes[i / 2] >> (i % 2 * 4) & 15u;
}

static bool read_blocks(const arc_swap *w, blocks *b) {
    const arc_value *code = arc_swap_constant(w, arc_swap_input(w, 1)), *scale = arc_swap_constant(w, arc_swap_input(w, 2)),
                    *zero = arc_swap_constant(w, arc_swap_input(w, 3));
    b->rows = arc_attr_int(&w->from, "N", 0);
    b->columns = arc_attr_int(&w->from, "K", 0);
    b->size = arc_attr_int(&w->from, "block_size", 0);
    b->bits = (int)arc_attr_int(&w->from, "bits", 4);
    if (!code || !scale || (arc_swap_input(w, 3) >= 0 && !zero) || arc_swap_input(w, 4) >= 0 || (b->bits != 4 && b->bits != 8) ||
        b->rows < 1 || b->columns < 1 || b->size < 2 || b->rows > ARC_MAX_DIM || b->columns > ARC_MAX_DIM || b->size > 4096)
        return false;
    b->count = (b->columns + b->size - 1) / b->size;
    const int64_t row_bytes = b->count * (b->size * b->bits / 8), zero_bytes = (b->count * b->bits + 7) / 8;
    if (code->dtype != ARC_U8 || (int64_t)code->data_bytes / b->rows != row_bytes || code->data_bytes % (size_t)b->rows ||
        scale->dtype != ARC_F32 || arc_shape_count(&scale->shape) != b->rows * b->count)
        return false;
    if (zero && zero->dtype == ARC_F32 && arc_shape_count(&zero->shape) == b->rows * b->count)
        b->shift = zero->data;
    else if (zero && zero->dtype == ARC_U8 && (int64_t)zero->data_bytes == b->rows * zero_bytes)
        b->zero = zero->data;
    else if (zero)
        return false;
    b->code = code->data;
    b->scale = scale->data;
    return true;
}

/* The weight as MatMul takes it, [columns][rows]. */
static void decode(const blocks *b, float *to) {
    const int64_t block_bytes = b->size * b->bits / 8, zero_bytes = (b->count * b->bits + 7) / 8;
    for (int64_t r = 0; r < b->rows; r++)
        for (int64_t k = 0; k < b->columns; k++) {
            const int64_t block = k / b->size, at = r * b->count + block;
            const float zero = b->shift  ? b->shift[at]
                               : b->zero ? (float)code_at(b->zero + r * zero_bytes, block, b->bits)
                                         : (float)(1 << (b->bits - 1));
            to[k * b->rows + r] = ((float)code_at(b->code + at * block_bytes, k % b->size, b->bits) - zero) * b->scale[at];
        }
}

bool arc_swap_matmul_nbits(arc_swap *w, const char *op) {
    (void)op;
    blocks b = {0};
    void *room = NULL;
    const int bias = arc_swap_input(w, 5);
    if (!read_blocks(w, &b))
        return false;
    const arc_shape shape = {2, {b.columns, b.rows}};
    char *name = arc_arena_printf(&w->g->arena, "%s.weight#%d", w->base, w->g->values);
    const int weight = name ? arc_graph_constant_new(w->g, name, ARC_F32, &shape, &room) : ARC_NO_VALUE;
    if (weight < 0) {
        w->failed = true;
        return true;
    }
    decode(&b, room);
    const int in[2] = {arc_swap_input(w, 0), weight};
    const int y = arc_swap_put(w, "MatMul", 2, in, bias < 0 ? arc_swap_output(w, 0) : ARC_NO_VALUE);
    const int pair[2] = {y, bias};
    if (bias >= 0)
        (void)arc_swap_put(w, "Add", 2, pair, arc_swap_output(w, 0));
    return true;
}
