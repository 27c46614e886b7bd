/* model: facts of a graph that both descriptions give: counts of operators, the parameters that a node reads, shapes as text. */
#include "model/describe_graph.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t arc_describe_node_parameters(const arc_graph *g, const arc_node *n) {
    int64_t sum = 0;
    for (int i = 0; i < n->inputs; i++)
        if (n->input[i] >= 0 && g->value[n->input[i]].data)
            sum += ARC_MAX(arc_shape_count(&g->value[n->input[i]].shape), 0);
    return sum;
}

static int by_count(const void *a, const void *b) {
    const arc_op_count *x = a, *y = b;
    return x->nodes != y->nodes ? (x->nodes < y->nodes) - (x->nodes > y->nodes) : strcmp(x->op, y->op);
}

int arc_describe_ops(const arc_graph *g, arc_op_count ops[ARC_DESCRIBE_MAX_OPS]) {
    int count = 0;
    for (int i = 0; i < g->nodes; i++) {
        int k = 0;
        while (k < count && strcmp(ops[k].op, g->node[i].op) != 0)
            k++;
        if (k == ARC_DESCRIBE_MAX_OPS)
            continue;
        if (k == count)
            ops[count++] = (arc_op_count){.op = g->node[i].op};
        ops[k].nodes++;
        ops[k].parameters += arc_describe_node_parameters(g, &g->node[i]);
    }
    qsort(ops, (size_t)count, sizeof *ops, by_count);
    return count;
}

const char *arc_describe_shape(const arc_value *v, char *text, size_t text_bytes) {
    if (v->shape.rank < 0) {
        snprintf(text, text_bytes, "[?]");
        return text;
    }
    size_t used = (size_t)snprintf(text, text_bytes, "[");
    for (int i = 0; i < v->shape.rank && used < text_bytes; i++) {
        const char *comma = i ? "," : "";
        if (v->shape.dim[i] >= 0)
            used += (size_t)snprintf(text + used, text_bytes - used, "%s%lld", comma, (long long)v->shape.dim[i]);
        else
            used += (size_t)snprintf(text + used, text_bytes - used, "%s%s", comma, v->symbol[i] ? v->symbol[i] : "?");
    }
    if (used < text_bytes)
        snprintf(text + used, text_bytes - used, "]");
    return text;
}

const char *arc_describe_weight(const arc_graph *g, const arc_node *n, char *text, size_t text_bytes) {
    for (int i = 0; i < n->inputs; i++)
        if (n->input[i] >= 0 && g->value[n->input[i]].data && g->value[n->input[i]].shape.rank >= 2)
            return arc_describe_shape(&g->value[n->input[i]], text, text_bytes);
    text[0] = '\0';
    return text;
}
