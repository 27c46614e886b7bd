/* Writing the nodes that take the place of one: contrib.c, attention.c, products.c and lines.c. Running out of memory is
 * remembered, not returned. */
#ifndef ARC_FORMAT_ONNX_SWAP_H
#define ARC_FORMAT_ONNX_SWAP_H

#include "format/onnx/onnx_internal.h"

typedef struct arc_swap {
    arc_graph *g;
    arc_node from; /* a copy of the node that is replaced */
    const char *base;
    bool failed; /* out of memory */
    arc_node *last;
    int *planes; /* [values] of the file's values: 1 + the value [N,C,H,W] that it is with the channels last; 0: it is none */
    int values;
} arc_swap;

/* Its inputs and outputs; ARC_NO_VALUE: omitted. */
int arc_swap_input(const arc_swap *w, int i);
int arc_swap_output(const arc_swap *w, int i);
/* A value with a name of its own. */
int arc_swap_value(arc_swap *w);
/* Adds a node; out ARC_NO_VALUE: a value of its own. Returns its output. */
int arc_swap_put(arc_swap *w, const char *op, int inputs, const int *in, int out);
/* Unsqueeze or Squeeze at one axis. */
int arc_swap_expand(arc_swap *w, const char *op, int x, int64_t axis, int out);
/* Optimisers move channels last. The value with its channels in front: by a Transpose, or what was turned to make it. */
int arc_swap_planes(arc_swap *w, int x);
/* Output `out` of the old node is y with its channels last. */
void arc_swap_rows(arc_swap *w, int y, int out);
/* A Transpose of the file that moves channels last is remembered, one that moves them back is undone. */
void arc_swap_note_transpose(const arc_swap *w, arc_node *n);
/* Attributes for the node added last: a number; those of the old node but for the names in `but` (NULL-terminated, may be
 * NULL). */
void arc_swap_int(arc_swap *w, const char *name, int64_t v);
void arc_swap_copy_attrs(arc_swap *w, const char *const *but);
/* The value if it is a constant, else NULL. */
const arc_value *arc_swap_constant(const arc_swap *w, int v);
/* A constant of rank 0 or 1 with these elements, which are copied. */
int arc_swap_list(arc_swap *w, arc_dtype t, int rank, int64_t count, const void *data);

/* ---- attention.c: false: something is not followed. op: of the table that calls them, not read ---- */

bool arc_swap_packed_attention(arc_swap *w, const char *op);
bool arc_swap_multi_head_attention(arc_swap *w, const char *op);

/* ---- products.c: the same ---- */

bool arc_swap_fused_matmul(arc_swap *w, const char *op);
bool arc_swap_matmul_nbits(arc_swap *w, const char *op);

/* ---- lines.c ---- */

/* Whether the node is a convolution over one dimension, as its weights or attributes say. */
bool arc_swap_is_line(const arc_graph *g, const arc_node *n);
bool arc_swap_line(arc_swap *w);

#endif
