/* session: runs a graph for inference. Passes rewrite a private copy (pass/), each new input shape gets a plan (plan/), and
 * running it allocates nothing. The engine under training is learn/learner.h. */
#ifndef ARC_RUN_SESSION_H
#define ARC_RUN_SESSION_H

#include "device/device.h"

typedef struct arc_session arc_session; /* one thread at a time */

typedef struct arc_session_options {
    bool no_passes;                 /* run the graph as it is: for tests and layer-exact references */
    bool low_memory;                /* as arc_settings has it, for this session */
    bool exact;                     /* fp32, whatever the context's precision */
    bool no_tuning;                 /* plans as recorded or modelled, whatever the context's settings: for looking at a network */
    const arc_execution *execution; /* how it works (copied); NULL: as all of the context does */
} arc_session_options;

/* Makes a session over `g`, which must outlive it. Optimises once; plans at the first run of each input shape (cached). */
arc_status arc_session_new(arc_session **out, const arc_context *ctx, const arc_graph *g, const arc_session_options *opt,
                           arc_error *err);
void arc_session_free(arc_session **s);

/* Plans for these input shapes (order of g->input) now; later runs with them allocate nothing. */
arc_status arc_session_plan(arc_session *s, const arc_shape *input_shape, arc_error *err);

/* Whether every reader of this input, as the session's last plan has it, takes it as rows of channels: then it may be given as
 * ARC_PIXELS. */
bool arc_session_takes_pixels(const arc_session *s, int input);

/* Runs. in[i] (order of g->input): dtype, shape and plain row-major data, borrowed, or pixels. Outputs: out[i] (order of
 * g->output) gets dtype, shape and a pointer to plain row-major data that belongs to the session and is valid until its next
 * call. */
arc_status arc_session_run(arc_session *s, const arc_tensor *in, arc_tensor *out, arc_error *err);

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
    const char *output;                           /* name of its first output in the graph, "" for changes of layout */
    arc_shape out;                                /* of the first output */
    int64_t macs, bytes;
    double ms;
} arc_step_time;
/* Times every step of the plan for `in`: ms is the least of `rounds` runs. Fills min(capacity, *count) entries. Errors: those of
 * arc_session_run. */
arc_status arc_session_profile(arc_session *s, const arc_tensor *in, int rounds, arc_step_time *time, int capacity, int *count,
                               arc_error *err);

#endif
