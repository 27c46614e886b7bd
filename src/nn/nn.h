/* nn: passes, plan, session and zoo over graph.h and op.h. */
#ifndef ARC_NN_H
#define ARC_NN_H

#include "nn/graph.h"
#include "nn/op.h"

/* ---- passes.c ---- rewrite a private copy of the graph for inference: drops Identity/Dropout, folds BatchNormalization into Conv
 * and Gemm (backwards, and forwards through zero padding with the exact pad value), fuses activation and residual. The source
 * graph is not changed; initializers are shared, folded ones are new. `*out` must not outlive `g`. */
arc_status arc_graph_optimise(const arc_graph *g, arc_graph **out, arc_error *err);

/* ---- plan.c + session.c ---- */

typedef struct arc_session arc_session; /* one thread at a time */

typedef struct arc_session_options {
    bool no_passes;  /* run the graph as it is: for tests and layer-exact references */
    bool low_memory; /* as arc_settings has it, for this session */
    bool exact;      /* fp32, whatever the context's precision */
    bool no_tuning;  /* plans as recorded or modelled, whatever the context's settings: for looking at a network */
} arc_session_options;

/* Makes a session over `g`, which must outlive it. Optimises once; plans at the first run of each input shape (cached). */
arc_status arc_session_new(arc_session **out, const arc_context *ctx, const arc_graph *g, const arc_session_options *opt,
                           arc_error *err);
void arc_session_free(arc_session **s);

/* Plans for these input shapes (order of g->input) now; later runs with them allocate nothing. */
arc_status arc_session_plan(arc_session *s, const arc_shape *input_shape, arc_error *err);

/* Whether every reader of this input, as the session's last plan has it, takes it as rows of channels: then it may be given as ARC_PIXELS. */
bool arc_session_takes_pixels(const arc_session *s, int input);

/* Runs. in[i] (order of g->input): dtype, shape and plain row-major data, borrowed, or pixels. Outputs: out[i] (order of g->output) gets dtype, shape
 * and a pointer to plain row-major data that belongs to the session and is valid until its next call. */
arc_status arc_session_run(arc_session *s, const arc_tensor *in, arc_tensor *out, arc_error *err);

#define ARC_PLAN_ID_BYTES 32

typedef struct arc_plan_stats {
    size_t activation_bytes, packed_bytes, scratch_bytes;
    size_t activation_sum_bytes; /* without reuse */
    int64_t macs;
    int steps, folded;
    const char *id; /* names the plan's algorithms: the same id, the same bits for the same weights and input */
} arc_plan_stats;
arc_status arc_session_stats(const arc_session *s, arc_plan_stats *out); /* of the last plan */

/* A run of the last plan, step by step. */
typedef struct arc_step_time {
    const char *op, *name, *algorithm, *schedule; /* schedule "": there is one way */
    arc_shape out;                                /* of the first output */
    int64_t macs, bytes;
    double ms;
} arc_step_time;
/* Times every step of the plan for `in`: ms is the least of `rounds` runs. Fills min(capacity, *count) entries. */
arc_status arc_session_profile(arc_session *s, const arc_tensor *in, int rounds, arc_step_time *time, int capacity, int *count,
                               arc_error *err);

/* ---- cost.c ---- */
/* Parameters (trainable, as the field counts: BN running statistics excluded), MACs of conv + gemm for batch 1. */
typedef struct arc_graph_cost {
    int64_t parameters, running_statistics, macs, weight_bytes;
    int nodes;
} arc_graph_cost;
arc_status arc_graph_cost_of(const arc_graph *g, const arc_shape *input_shape, arc_graph_cost *out, arc_error *err);

/* ---- zoo.c: layer tables of IResNet, MobileFaceNet ---- builds a fresh graph with contract metadata.
 * name: r18 r34 r50 r100 r200 mbf mbf-large tiny. dim: embedding length. Weights drawn as the reference initialises them, from seed. */
arc_status arc_zoo_new(arc_graph **out, const arc_alloc *a, const char *name, int dim, uint64_t seed, arc_error *err);
const char *const *arc_zoo_names(size_t *count);
/* The same layer tables with weights from a named source (importer of arcface_torch / MXNet checkpoints): `lookup` returns the tensor
 * or NULL (then the build fails with the missing name). */
typedef struct arc_weights {
    void *ctx;
    /* f32 data of `count` elements for a state-dict style name such as "layer1.0.conv1.weight"; NULL when absent or of another size. */
    const float *(*lookup)(void *ctx, const char *name, const arc_shape *shape);
    bool borrow; /* the data outlive the graph (the caller hands it the mapping they lie in): no copy is made */
} arc_weights;
arc_status arc_zoo_from_weights(arc_graph **out, const arc_alloc *a, const char *name, int dim, const arc_weights *w,
                                arc_error *err);

#endif
