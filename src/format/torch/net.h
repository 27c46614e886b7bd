/* What the nets of PyTorch checkpoints are built with: one call a layer, which takes the layer's tensors out of the state dict by
 * its name and adds nodes. Widths and kernels are those of the tensors; strides and what has no tensors are the net's own. After
 * the first failure every call does nothing and gives ARC_NO_VALUE. */
#ifndef ARC_FORMAT_TORCH_NET_H
#define ARC_FORMAT_TORCH_NET_H

#include "format/torch/torch_internal.h"

#define ARC_TORCH_NAME 128

typedef enum arc_torch_act {
    ARC_TORCH_NO_ACT,
    ARC_TORCH_PRELU,
    ARC_TORCH_LEAKY,
    ARC_TORCH_RELU,
    ARC_TORCH_RELU6,
    ARC_TORCH_GELU,
    ARC_TORCH_SIGMOID
} arc_torch_act;

typedef struct arc_torch_net {
    arc_graph *g;
    const arc_torch_state *s;
    const char *file;
    const char *family; /* of whose net this is, for error texts; NULL: not said */
    float leak;         /* slope of LEAKY; 0 makes it ReLU */
    bool *used;         /* [s->tensors] */
    arc_status st;      /* the first failure */
    arc_error *err;
} arc_torch_net;

/* The graph with its picture as input [-1, 3, h, w]. */
arc_status arc_torch_net_start(arc_torch_net *n, const arc_alloc *a, int opset, const arc_shape *input, int *x);
/* An output of a known shape: [N, ...]. */
void arc_torch_net_give(arc_torch_net *n, int value, arc_shape shape);
/* The contract of nets that are trained on (x - 127.5) / 127.5; RGB is what is assumed where nothing else is said. */
void arc_torch_net_contract(arc_torch_net *n, bool bgr);
/* Checks the graph; it is freed after a failure. whole: tensors of the net's own modules that no layer took are a failure, for
 * then it is another net. */
arc_status arc_torch_net_finish(arc_torch_net *n, bool whole, arc_graph **out);

void arc_torch_net_check(arc_torch_net *n, arc_status st);                           /* anything but ARC_OK: out of memory */
void arc_torch_net_refuse(arc_torch_net *n, const char *module, const char *reason); /* EFORMAT: '%module' %reason */

/* "prefix.leaf", or the one that is there where the other is empty. */
void arc_torch_join(char out[ARC_TORCH_NAME], const char *prefix, const char *leaf);
void arc_torch_index(char out[ARC_TORCH_NAME], const char *prefix, int index); /* "prefix.3" */
/* NULL: the state dict has no such tensor. */
const arc_torch_tensor *arc_torch_net_find(const arc_torch_net *n, const char *prefix, const char *leaf);
/* Dimension of a tensor; 0: it isn't there or has fewer. */
int64_t arc_torch_net_dim(const arc_torch_net *n, const char *prefix, const char *leaf, int dim);

/* A tensor of the state dict as a constant; shape: NULL for its own, otherwise with as many elements. */
int arc_torch_weight(arc_torch_net *n, const char *prefix, const char *leaf, const arc_shape *shape);
int arc_torch_ints(arc_torch_net *n, const char *name, int count, const int64_t *value); /* a constant of int64 */
int arc_torch_floats(arc_torch_net *n, const char *name, const arc_shape *shape, const float *value);

/* A node with one output called `name`; NULL after a failure. */
arc_node *arc_torch_node(arc_torch_net *n, const char *op, const char *name, int inputs, const int *input, int *out);
int arc_torch_unary(arc_torch_net *n, const char *op, const char *name, int x);
int arc_torch_binary(arc_torch_net *n, const char *op, const char *name, int a, int b);
int arc_torch_many(arc_torch_net *n, const char *op, const char *name, int count, const int *in, int axis); /* axis -1: none */
int arc_torch_reshape(arc_torch_net *n, const char *name, int x, int rank, const int64_t *to);
int arc_torch_transpose(arc_torch_net *n, const char *name, int x, int rank, const int64_t *perm);
/* x[index] of the first axis, which goes. */
int arc_torch_pick(arc_torch_net *n, const char *name, int x, int64_t index);
int arc_torch_slice(arc_torch_net *n, const char *name, int x, int64_t axis, int64_t from, int64_t to);

/* Convolution with the same padding on both sides, or -1: the one that keeps the size at stride 1; groups 0: depthwise. A bias is
 * added if there is one. */
int arc_torch_conv(arc_torch_net *n, int x, const char *prefix, int stride, int pad, int groups);
/* BatchNorm with or without weight and bias; epsilon 1e-5 is PyTorch's. */
int arc_torch_batch_norm(arc_torch_net *n, int x, const char *prefix, float epsilon);
int arc_torch_layer_norm(arc_torch_net *n, int x, const char *prefix, float epsilon); /* over the last axis */
/* x [..., in] times the transposed weight, plus the bias if there is one. */
int arc_torch_linear(arc_torch_net *n, int x, const char *prefix);
/* Queries, keys and values in one row: reshaped to parts[rank], the three first by split[rank]. */
int arc_torch_split(arc_torch_net *n, int qkv, const char *prefix, int rank, const int64_t *parts, const int64_t *split);
/* What attention ends with: scores [.., tokens, tokens] of that rank through softmax, times the values, put back in order by
 * back[rank], and heads beside each other by whole[rank - 1]. */
int arc_torch_attend(arc_torch_net *n, int scores, int values, const char *prefix, int rank, const int64_t *back,
                     const int64_t *whole);
/* The same for rows x [N, in], without a copy of the weight. */
int arc_torch_gemm(arc_torch_net *n, int x, const char *prefix);
/* slope_prefix: for PRELU, where the slopes are. */
int arc_torch_activate(arc_torch_net *n, int x, const char *name, arc_torch_act a, const char *slope_prefix);
/* "prefix.conv", "prefix.bn", the activation's "prefix.prelu". */
int arc_torch_unit(arc_torch_net *n, int x, const char *prefix, const char *conv_leaf, const char *bn_leaf, int stride, int pad,
                   int groups, arc_torch_act a, const char *prelu_leaf);

#endif
