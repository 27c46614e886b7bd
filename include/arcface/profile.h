/** @file
 * What every layer of a network costs: shapes, parameters, multiply-adds, operations by the conventions of several tools, bytes,
 * and the time that it takes here beside what the machine could: the figures of `arcface profile`, `arcface bench --plan-report`
 * and `arcface model info --layers`.
 */
#ifndef ARCFACE_PROFILE_H
#define ARCFACE_PROFILE_H

#include <arcface/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One step of a plan: a layer with what was fused into it, or a change of layout. Texts belong to the network and are valid
 * until its next run. */
typedef struct arc_layer_time {
    const char *op;        /**< ONNX operator; changes of layout have a name of their own */
    const char *name;      /**< of the node */
    const char *output;    /**< name of its first output in the graph; "" for changes of layout */
    const char *algorithm; /**< "winograd 4x4", "igemm", "dwconv" ... */
    const char *schedule;  /**< how the work is cut into tiles; "" where there is one way */
    int rank;              /**< number of dimensions of its first output */
    int64_t dim[8];        /**< [rank] of its first output, in logical order: batch, channels, height, width */
    int64_t macs;          /**< multiply-adds of the convolution or product done directly; 0 for other layers */
    int64_t bytes;         /**< of inputs, weights and outputs, each counted once */
    double ms;             /**< shortest of the rounds */
} arc_layer_time;

/** Runs the network `rounds` times (at least 1) on input, float32 [n][c][h][w] as for arc_net_run, and times every step of its
 * plan. layers: [capacity], of which min(capacity, *count) are written; *count = steps of the plan, in order. An input that is
 * run in pieces (small networks take one image at a time) is timed by its first piece. Thread: one at a time. Errors: those of
 * arc_net_run. */
ARC_API ARC_NODISCARD arc_status arc_net_profile(arc_net *net, const float *input, const int64_t dim[4], int rounds,
                                                 arc_layer_time *layers, int capacity, int *count, arc_error *err);

/** What the context's threads reach together on data that lies in registers or in the first cache.
 * Source: Williams et al., Roofline, CACM 2009. */
typedef struct arc_roofline {
    double fp32_gflops; /**< billion float32 operations a second, a fused multiply-add counted as two */
    double bf16_gflops; /**< the same of bfloat16; 0 where the processor is not fast at it */
    double int8_gops;   /**< the same of 8-bit integers */
    double read_gb_s;   /**< 10^9 bytes a second read from memory */
} arc_roofline;

/** Measures for about a second; takes 256 MB for the time. Thread: any, but figures are true only when nothing else runs. Errors:
 * ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_roofline_measure(arc_context *ctx, arc_roofline *out, arc_error *err);

/** The text that `arcface bench roofline` prints; json: one line. ctx: the one that was measured.
 * Ownership: free with arc_text_free. Thread: any. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_roofline_describe(arc_context *ctx, const arc_roofline *roofline, bool json, char **text,
                                                       arc_error *err);

/** What is called a FLOP. All count the graph as the file has it, before anything is fused. */
typedef enum arc_flops_convention {
    ARC_FLOPS_ARCFACE,      /**< 2 for each multiply-add of convolutions and products, in 8 bits too; nothing else */
    ARC_FLOPS_THOP,         /**< thop: multiply-adds, 4 an element of normalisations, 1 of PReLU; no biases */
    ARC_FLOPS_PTFLOPS,      /**< ptflops, backend pytorch: multiply-adds, biases, 2 an element of normalisations and PReLU */
    ARC_FLOPS_PTFLOPS_ATEN, /**< ptflops, backend aten: multiply-adds and biases of convolutions and products */
    ARC_FLOPS_TORCH,        /**< torch's FlopCounterMode: 2 for each multiply-add of floats; no biases */
    ARC_FLOPS_CONVENTIONS   /**< how many there are */
} arc_flops_convention;

/** "arcface", "thop", "ptflops", "ptflops-aten", "torch". Static storage. Thread: any. */
ARC_API const char *arc_flops_convention_name(arc_flops_convention convention);

/** What it counts, in a sentence. Static storage. Thread: any. */
ARC_API const char *arc_flops_convention_about(arc_flops_convention convention);

/** One layer: a node of the graph as the file has it; behind them, in timed profiles, the steps that no node asked for, such as
 * changes of layout. */
typedef struct arc_profile_row {
    const char *op;             /**< ONNX operator */
    const char *name;           /**< of the node, of its first output if it has none */
    const char *weights;        /**< shape of its weights, "[64,3,3,3]"; "" if it has none */
    bool known;                 /**< its shapes could be inferred; else all of work and activations is 0 */
    bool constant;              /**< its result is known when the network is planned: it takes no work */
    bool added;                 /**< not of the file: a step that the plan added */
    int rank;                   /**< number of dimensions of its first output; negative: not known, or it has none */
    int64_t dim[8];             /**< [rank] of its first output */
    int64_t parameters;         /**< numbers that training learns and that no row before this one reads */
    int64_t running_statistics; /**< means and variances of BatchNormalization, likewise */
    int64_t macs;               /**< multiply-adds of the convolution or product done directly */
    int64_t flops;              /**< by the profile's convention */
    int64_t activation_bytes;   /**< of its inputs and outputs that are no constants */
    int64_t weight_bytes;       /**< of initializers as the file stores them that no row before this one reads */
    int step;                   /**< index of the step that it runs in; -1: it is not timed or takes no step */
    int timed_in;               /**< index of the row beside which that step's time stands; -1 without a step */
} arc_profile_row;

/** One step of the plan, timed. */
typedef struct arc_profile_step {
    arc_layer_time layer; /**< its texts belong to the profile */
    double one_thread_ms; /**< the same on one thread; 0 when the context has one, or when it was not asked for */
    /** The least that it could take: the products that its algorithm makes, at the machine's peak, or its weights at the speed of
     * memory when the cache cannot hold the network's. */
    double floor_ms;
    /** What it would take on the roofline: products done directly at the peak, or all its bytes at the speed of memory, whichever
     * is more. It may take less: Winograd makes fewer products, and caches are faster than memory. */
    double roof_ms;
    int nodes; /**< rows that run in it */
} arc_profile_step;

/** Sums over the rows. */
typedef struct arc_profile_total {
    int64_t parameters;                   /**< see arc_profile_row */
    int64_t running_statistics;           /**< see arc_profile_row */
    int64_t macs;                         /**< see arc_profile_row */
    int64_t flops[ARC_FLOPS_CONVENTIONS]; /**< by each convention */
    int64_t activation_bytes;             /**< see arc_profile_row; what one layer writes and another reads counts for both */
    int64_t weight_bytes;                 /**< see arc_profile_row */
    int unknown;                          /**< rows whose shapes are not known: work and activations are at least these sums */
    double ms;                            /**< of the steps */
    double one_thread_ms;                 /**< of the steps */
    double floor_ms;                      /**< of the steps */
    double roof_ms;                       /**< of the steps */
} arc_profile_total;

/** A network, layer by layer. Arrays and texts belong to it. */
typedef struct arc_profile {
    const char *model;               /**< its file, or the name of a new network */
    arc_flops_convention convention; /**< of the rows' flops */
    int batch;                       /**< images in what was counted and timed */
    int pieces;                      /**< runs of so many images that the asked-for batch takes, see arc_net_profile */
    int height_px;                   /**< of the input */
    int width_px;                    /**< of the input */
    const char *why_unknown;         /**< what failed where the first unknown row stands; "" where all are known */
    int rows;                        /**< nodes, and steps without a node */
    arc_profile_row *row;            /**< [rows] */
    arc_profile_total total;         /**< sums */
    int steps;                       /**< 0 when it was not timed */
    arc_profile_step *step;          /**< [steps], in order */
    const char *isa;                 /**< instruction set */
    const char *precision;           /**< "fp32", "bf16", "fp16"; "int8" for networks in 8 bits */
    int threads;                     /**< of the context */
    const char *plan_id;             /**< of arc_net_plan_id; "" when it was not timed */
    arc_roofline roofline;           /**< of the machine; zero when it was not timed */
    double peak_gflops;              /**< of it, in the network's precision */
    void *memory;                    /**< private */
} arc_profile;

/** How a network is profiled. */
typedef struct arc_profile_options {
    size_t struct_size;              /**< set by arc_profile_options_default */
    arc_flops_convention convention; /**< default ARC_FLOPS_ARCFACE */
    int batch;                       /**< images in one run, 1 to 4096; default 1. A file that fixes its batch takes that */
    int size_px;                     /**< side of the input of models of free size, 8 to 8192; default 640 */
    bool timed;                      /**< run and time it; default true. Without: counts alone */
    bool one_thread;                 /**< also time every step on one thread; default false */
    const arc_roofline *roofline;    /**< of this machine, measured before; NULL (default): it is measured */
} arc_profile_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_profile_options_default(arc_profile_options *opt);

/** Counts what every layer costs and, if timed, runs the network on noise in the context's precision with the context's threads.
 * Of models that take no single picture, weights alone are counted, and `unknown` says that the rest is missing. opt may be NULL.
 * Ownership: free with arc_profile_free. Thread: any, but times are true only when nothing else runs.
 * Errors: EINVAL (options), those of arc_net_new and arc_net_run when timed, ELIMIT, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_profile_model(arc_context *ctx, const arc_model *model, const arc_profile_options *opt,
                                                   arc_profile **out, arc_error *err);

/** Frees the profile and nulls the pointer; NULL is allowed. Thread: one at a time. */
ARC_API void arc_profile_free(arc_context *ctx, arc_profile **profile);

/** What a text of a profile holds. */
typedef enum arc_profile_view {
    ARC_PROFILE_LAYERS, /**< what `arcface profile` prints: a line a layer, and the totals */
    ARC_PROFILE_CSV,    /**< a line a layer for spreadsheets, with names of the columns */
    ARC_PROFILE_JSON,   /**< one object with layers, steps and totals */
    ARC_PROFILE_STEPS   /**< what `arcface bench --plan-report` prints: a line a step of the plan */
} arc_profile_view;

/** The order of the layers of a text. */
typedef enum arc_profile_sort {
    ARC_PROFILE_BY_ORDER,      /**< as they stand in the graph */
    ARC_PROFILE_BY_TIME,       /**< longest first */
    ARC_PROFILE_BY_FLOPS,      /**< most first */
    ARC_PROFILE_BY_MACS,       /**< most first */
    ARC_PROFILE_BY_PARAMETERS, /**< most first */
    ARC_PROFILE_BY_BYTES       /**< activations and weights together, most first */
} arc_profile_sort;

/** The profile as text; of the layers the first `top` in that order, 0: all (ARC_PROFILE_STEPS: all steps in their order).
 * Ownership: free with arc_text_free. Thread: any. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_profile_describe(arc_context *ctx, const arc_profile *profile, arc_profile_view view,
                                                      arc_profile_sort sort, int top, char **text, arc_error *err);

/** Writes a self-contained HTML page: treemaps of time and work, the roofline with a point a layer, operators, conventions, all
 * layers. Thread: any. Errors: EIO, ENOTFOUND (no such folder), ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_profile_page(arc_context *ctx, const arc_profile *profile, const char *path, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
