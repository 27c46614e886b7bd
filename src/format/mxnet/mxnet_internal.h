/* Shared by mxnet.c (files and symbols) and ops.c (one converter an operator). */
#ifndef ARC_FORMAT_MXNET_MXNET_INTERNAL_H
#define ARC_FORMAT_MXNET_MXNET_INTERNAL_H

#include "format/format.h"
#include <jansson.h>

#define ARC_MXNET_OPSET 13
#define ARC_MXNET_MAX_INPUTS 64

/* One operator of the symbol while it is converted. */
typedef struct arc_mxnet_node {
    arc_graph *g;
    const char *file;
    const char *op, *name;
    const json_t *attributes; /* may be NULL */
    int input[ARC_MXNET_MAX_INPUTS];
    int inputs;
    int output; /* the value that the operator gives; made before */
    arc_error *err;
} arc_mxnet_node;

/* Adds ONNX nodes that compute n->output. */
arc_status arc_mxnet_convert(arc_mxnet_node *n);

/* params.c: adds every array of a .params file as a constant under its name without "arg:" or "aux:"; g->map is the file. */
arc_status arc_mxnet_read_params(arc_graph *g, const char *path, arc_error *err);
arc_status arc_mxnet_parse_params(arc_graph *g, const void *bytes, size_t count, const char *name, arc_error *err);
/* mxnet.c: the symbol alone; constants stand in g already. */
arc_status arc_mxnet_parse_symbol(arc_graph *g, const char *text, size_t bytes, const char *name, arc_error *err);

#endif
