/* plan: a plan is everything about running a graph on inputs of given shapes: shapes and constants inferred, layouts and
 * algorithms chosen, every activation placed in one arena by its lifetime. plan.c builds it over planner.h; run/session.c runs
 * it. */
#ifndef ARC_PLAN_PLAN_H
#define ARC_PLAN_PLAN_H

#include "device/device.h"
#include "op/packs.h"
#include "plan/place.h"

#define ARC_PLAN_ID_BYTES 32

/* Where the bytes of a tensor lie. */
typedef enum arc_place_kind { ARC_NOWHERE, ARC_IN_ARENA, ARC_IN_INPUT, ARC_IN_CONSTANT } arc_place_kind;
typedef struct arc_place {
    arc_place_kind kind;
    int index;        /* buffer of the arena, or graph input */
    const void *data; /* ARC_IN_CONSTANT */
} arc_place;

/* A buffer of the activation arena, alive over steps. */
typedef struct arc_plan_buffer {
    arc_block block;
    int merged; /* this one lives in that other buffer (in-place), ARC_NO_VALUE otherwise */
} arc_plan_buffer;

typedef struct arc_plan_step {
    arc_step step;
    arc_place in[ARC_OP_MAX_IO], out[ARC_OP_MAX_IO];
} arc_plan_step;

typedef struct arc_plan_output {
    arc_dtype dtype;
    arc_shape shape;
    arc_place place; /* plain */
} arc_plan_output;

typedef struct arc_plan {
    const arc_graph *graph; /* the one it runs: the optimised copy or the source */
    arc_arena arena;        /* plan lifetime: steps, states, folded constants */
    arc_shape *input_shape;
    arc_plan_step **step;
    int steps, step_capacity, folded;
    arc_plan_buffer *buffer;
    int buffers, buffer_capacity;
    arc_plan_output *output;
    size_t activation_bytes, activation_sum_bytes;
    size_t scratch_bytes, shared_scratch_bytes; /* scratch: of one thread, a multiple of ARC_ALIGN */
    int64_t macs;                               /* 0 with infer_only */
    char id[ARC_PLAN_ID_BYTES];                 /* the same id, the same bits */
    uint64_t used;                              /* clock of the last use, for eviction */
} arc_plan;

/* What inference finds of a value. */
typedef struct arc_survey_value {
    bool known; /* dtype and shape are; false behind a node whose shapes cannot be inferred */
    bool constant;
    arc_dtype dtype;
    arc_shape shape;
} arc_survey_value;
/* For looking at a graph: what inference finds of every value, kept past nodes where it fails. */
typedef struct arc_survey {
    arc_survey_value *value; /* [graph->values], the caller's */
    int unknown;             /* nodes whose shapes cannot be inferred, those behind such a node included */
    arc_error why;           /* of the first of them */
} arc_survey;

typedef struct arc_plan_request {
    const arc_execution *x;
    const arc_graph *graph;
    const arc_map *map; /* file that constants may lie in: pages are given back once packed. NULL = none */
    const arc_shape *input_shape;
    arc_packs *packs;
    bool infer_only;    /* shapes alone, nothing packed: the plan can't run */
    arc_survey *survey; /* to fill, with infer_only; NULL: a node whose shapes cannot be inferred is an error */
    /* [graph->values], NULL = not wanted: type and shape of every value, and the data of those that are constant at these shapes,
     * which belong to the plan and the graph. */
    arc_tensor *known;
} arc_plan_request;

arc_status arc_plan_new(arc_plan **out, const arc_plan_request *r, arc_error *err);
/* A plan of types, shapes and constants alone, on the host. known, survey: as of a request. */
arc_status arc_plan_infer(arc_plan **out, const arc_graph *g, const arc_shape *input_shape, arc_tensor *known, arc_survey *survey,
                          arc_error *err);
void arc_plan_free(arc_plan **plan);

/* activations.c: drops steps whose outputs nobody reads, such as those of which passes or a Shape needed no more than the shape.
 */
arc_status arc_plan_drop_unread(arc_plan *plan, const arc_alloc *a, arc_error *err);
/* activations.c: merges in-place steps, places buffers; fills offsets and activation_bytes. */
arc_status arc_plan_place_all(arc_plan *plan, const arc_alloc *a, arc_error *err);

#endif
