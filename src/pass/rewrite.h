/* pass: the working copy that passes rewrite, and the passes that optimise.c runs. */
#ifndef ARC_PASS_REWRITE_H
#define ARC_PASS_REWRITE_H

#include "op/op.h"
#include "pass/pass.h"

typedef struct arc_rewrite {
    arc_graph *g;       /* the copy; its initializers' data are shared with the source */
    const arc_map *map; /* the source's file: pages read here are given back */
    bool *dead;         /* [nodes] removed by a pass */
    int *users;         /* [values at start] nodes and graph outputs that read it */
    int *user;          /* [values at start] the last node that reads it */
    int values;         /* at start; later ones are constants made by passes */
    int made;           /* constants made so far, for their names */
} arc_rewrite;

/* The one node that reads the value, ARC_NO_VALUE when there are several, none, or it is a graph output. */
int arc_rewrite_only_user(const arc_rewrite *w, int value);
/* The next live node after `from` that reads the value, ARC_NO_VALUE at the end; also where counts are not up to date. */
int arc_rewrite_next_user(const arc_rewrite *w, int value, int from);
/* The node that makes a value and is still there. */
arc_node *arc_rewrite_producer(const arc_rewrite *w, int value);
/* Puts a value into input slot i of the node, which gets longer when needed. */
arc_status arc_rewrite_set_input(arc_rewrite *w, arc_node *n, int i, int value);
/* Data of a float32 constant input, NULL otherwise. */
const float *arc_rewrite_floats(const arc_rewrite *w, const arc_node *n, int i);
/* Whether the node is a BatchNormalization of so many channels by constant statistics. */
bool arc_rewrite_is_norm(const arc_rewrite *w, const arc_node *n, int64_t channels);
/* What such a node makes of channel j: x*factor + shift. */
void arc_rewrite_norm(const arc_rewrite *w, const arc_node *norm, int64_t j, double *factor, double *shift);
/* A new float32 constant [count] as input i of the node; *data to be filled. */
arc_status arc_rewrite_new_floats(arc_rewrite *w, arc_node *n, int i, int64_t count, float **data);
/* Drops node `index`, which passes its input on: everything that read its output 0 reads `value` instead. */
void arc_rewrite_bypass(arc_rewrite *w, int index, int value);
/* Node `index`, whose output only `next` reads, takes over the output of `next`, in whose place it stands from now on: all that
 * `next` reads is made before. Returns its new index. */
int arc_rewrite_take_over(arc_rewrite *w, int index, int next);
/* Counts who reads what again, after nodes were changed by hand. */
void arc_rewrite_recount(arc_rewrite *w);
int arc_rewrite_index(const arc_rewrite *w, const arc_node *n);

/* What the folding passes see of Conv, ConvTranspose and Gemm with constant weights. */
typedef struct arc_linear {
    arc_node *node;
    const float *weights;
    int64_t c_out, c_in; /* channels; c_in of all groups together */
    int64_t groups, taps;
    int64_t ws_out, ws_in, ws_tap; /* strides of weights inside a group: output channel, input channel, tap */
    bool padded;                   /* Conv with zero padding */
} arc_linear;
bool arc_linear_of(const arc_rewrite *w, arc_node *n, arc_linear *out);

arc_status arc_fuse_int8(arc_rewrite *w, arc_error *err);      /* int8.c */
arc_status arc_join_rounding(arc_rewrite *w, arc_error *err);  /* rounding.c */
arc_status arc_join_spelt(arc_rewrite *w, arc_error *err);     /* spelt.c */
arc_status arc_fold_affine(arc_rewrite *w, arc_error *err);    /* affine.c */
arc_status arc_fuse_epilogues(arc_rewrite *w, arc_error *err); /* fuse.c */
arc_status arc_fuse_matmul(arc_rewrite *w, arc_error *err);    /* matmul.c */
arc_status arc_fuse_attention(arc_rewrite *w, arc_error *err); /* attention.c */

#endif
