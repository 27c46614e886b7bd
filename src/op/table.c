/* op: finding operators by name, and errors that name op, node and opset. */
#include "op/layer.h"
#include <stdio.h>
#include <string.h>

static const arc_op *const tables[] = {arc_ops_conv,        arc_ops_gemm,  arc_ops_norm,   arc_ops_activation,
                                       arc_ops_elementwise, arc_ops_pool,  arc_ops_resize, arc_ops_shape,
                                       arc_ops_reduce,      arc_ops_quant, arc_ops_codes};

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

arc_status arc_op_fail(const arc_infer *in, arc_status code, const char *fmt, ...) {
    char text[ARC_ERROR_TEXT_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    const char *name = in->node->name;
    if (!*name && in->graph && in->node->outputs > 0 && in->node->output[0] >= 0)
        name = in->graph->value[in->node->output[0]].name;
    return arc_fail(in->err, code, "%.60s '%.120s' (opset %d): %.280s", in->node->op, name, in->opset, text);
}
