/* op: the operator table, which the families' tables make up. */
#include "op/layer.h"
#include <string.h>

static const arc_op *const tables[] = {
    arc_ops_conv,     arc_ops_gemm,     arc_ops_norm,       arc_ops_activation, arc_ops_elementwise, arc_ops_unary,
    arc_ops_pool,     arc_ops_resize,   arc_ops_shape,      arc_ops_reduce,     arc_ops_quant,       arc_ops_int8_fused,
    arc_ops_row_norm, arc_ops_smooth,   arc_ops_einsum,     arc_ops_index,      arc_ops_attention,   arc_ops_grid,
    arc_ops_select,   arc_ops_suppress, arc_ops_local_norm, arc_ops_deform,     arc_ops_heads,       arc_ops_rounding};

const arc_op *arc_op_at(size_t i) {
    for (size_t t = 0; t < ARC_COUNT(tables); t++)
        for (const arc_op *op = tables[t]; op->name; op++)
            if (i-- == 0)
                return op;
    return NULL;
}

const arc_op *arc_op_find(const char *name) {
    for (size_t t = 0; t < ARC_COUNT(tables); t++)
        for (const arc_op *op = tables[t]; op->name; op++)
            if (strcmp(op->name, name) == 0)
                return op;
    return NULL;
}
