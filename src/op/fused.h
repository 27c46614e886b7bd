/* op: what convolution and Gemm share: the fused epilogue of a node, weights packed into panels, keys of the pack store. */
#ifndef ARC_OP_FUSED_H
#define ARC_OP_FUSED_H

#include "op/op.h"

/* Activation and its parameters from the attributes "arc.act", "arc.alpha", "arc.lo" and "arc.hi". False when the name is
 * unknown. Pointers stay NULL. */
bool arc_fused_act(const arc_node *node, arc_epilogue *e);
/* The epilogue of a run: `act` with bias (input 2), slope and residual bound, seen from row 0, column 0. */
arc_epilogue arc_fused_bind(const arc_step *s, const arc_epilogue *act, size_t residual_stride);
/* The same seen from an output tile's first row and column. */
arc_epilogue arc_fused_at(const arc_epilogue *all, size_t row, size_t column);
/* Checks the fused inputs 3..7 of an infer call: slope and factors of the right length, residual of the output's shape (NULL: not
 * allowed), float32 all of them. */
arc_status arc_fused_check(const arc_infer *in, int64_t c_out, int64_t c_in, const arc_shape *residual);
/* The input when the node has it, else NULL. */
const arc_tensor *arc_step_input(const arc_step *s, int i);
/* Its data as floats, else NULL. */
const float *arc_step_floats(const arc_step *s, int i);

/* `sets` matrices of n columns, each packed into panels of igemm_nr columns: value(set,j,t,k) as arc_igemm_pack_panel. */
typedef struct arc_panels {
    size_t sets, n, kc, taps, per_set; /* per_set: panels of one set */
    size_t ws_set, ws_n, ws_tap, ws_k;
    const float *scale_k, *scale_n; /* set s uses scale_k + s*scale_k_stride */
    size_t scale_k_stride, scale_n_stride;
    arc_form form;
    size_t panel_floats, bytes; /* of one panel; of all */
    const float *packed;        /* NULL: weights are not constant, pack at each run into shared scratch */
} arc_panels;
/* Whether weights keep their precision as half-precision numbers: none too large, and their root mean square, scaled, at least
 * `least`. Below it too many would become subnormal, with fewer bits than the others' eleven. */
bool arc_panels_fit_f16(const arc_panels *p, const float *w, double least);
/* Fills per_set, panel_floats, bytes; false on overflow. */
bool arc_panels_size(const arc_kernels *k, arc_panels *p);
/* Packs everything, panels split over the pool. */
void arc_panels_fill(const arc_kernels *k, arc_pool *pool, const arc_panels *p, const float *w, float *packed);
/* Hash of the numbers that tell two packs of the same weights apart. */
int arc_pack_key(const uint64_t *part, size_t parts);
/* Key of a pack beside the weights' address: level, shape, strides and the factors multiplied in. */
int arc_pack_variant(const arc_kernels *k, const arc_panels *p);
/* Room for packed weights in the session's store; a step prepared by itself (no store) keeps them in the plan's arena. */
void *arc_packed_room(arc_prepare *p, const char *what, const void *source, int variant, size_t bytes, bool *fresh);
/* Constant weights: into the session's store, once. Otherwise asks the step for shared scratch of p->bytes. */
arc_status arc_panels_prepare(arc_prepare *prepare, arc_panels *p, const arc_tensor *w, const char *what);

#endif
