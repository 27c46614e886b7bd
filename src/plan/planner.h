/* plan: the planner's working state, which plan.c, layout.c and planner.c share. */
#ifndef ARC_PLAN_PLANNER_H
#define ARC_PLAN_PLANNER_H

#include "plan/choice.h"
#include "plan/plan.h"

/* What is known of a value of the graph while planning. */
typedef struct arc_plan_value {
    arc_dtype dtype;
    arc_shape shape;
    const void *constant;  /* plain data, NULL when computed at run time */
    bool folded;           /* the constant lies in the plan's arena and goes with it */
    arc_place plain, nhwc; /* where it lies in each layout */
} arc_plan_value;

typedef struct arc_planner {
    const arc_execution *x;
    const arc_alloc *alloc;
    const arc_graph *graph;
    const arc_map *map;
    arc_packs *packs;
    arc_choices *choices; /* NULL: infer only */
    bool infer_only;
    arc_plan *plan;
    arc_plan_value *value; /* [graph->values] */
    size_t folded_bytes;
    arc_infer infer;
    arc_tensor in_tensor[ARC_OP_MAX_IO], out_tensor[ARC_OP_MAX_IO]; /* what infer sees and fills */
    arc_step fold_step;
} arc_planner;

/* ---- planner.c ---- */

size_t arc_tensor_bytes(arc_dtype t, const arc_shape *s);
/* A buffer of the activation arena that lives from the next step on. */
int arc_planner_buffer(arc_planner *b, size_t bytes);                                    /* ARC_NO_VALUE on ENOMEM */
arc_plan_step *arc_planner_step(arc_planner *b, const arc_op *op, const arc_node *node); /* NULL on ENOMEM */
/* Adds the step; what it reads lives until then. */
void arc_planner_commit(arc_planner *b, arc_plan_step *ps);

/* ---- layout.c ---- */

/* A float32 tensor of rank 4: the kind that has two layouts. */
bool arc_is_image(const arc_plan_value *v);
/* The value in the wanted layout, converted by a new step when it is not there yet. */
arc_status arc_planner_want(arc_planner *b, int value, bool nhwc, arc_place *place, arc_error *err);
/* A step wrote it there; both layouts at once when they are the same bytes. */
void arc_planner_made(arc_plan_value *v, bool nhwc, arc_place place);
/* Whether nothing but conversions to NHWC reads this input, three channels of it. */
bool arc_planner_converts_input(const arc_plan *plan, int input);
/* Nodes that only rename bytes (Reshape, Flatten ..., Transpose of NHWC back to rows): *done tells that no step is needed. */
arc_status arc_planner_view(arc_planner *b, const arc_node *n, bool *done, arc_error *err);

#endif
