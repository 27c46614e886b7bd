/** @file
 * How fast a network runs here, layer by layer, and how fast this machine could: the figures of `arcface bench`.
 */
#ifndef ARCFACE_BENCH_H
#define ARCFACE_BENCH_H

#include <arcface/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One step of a plan: a layer with what was fused into it, or a change of layout. Texts belong to the network and are valid
 * until its next run. */
typedef struct arc_layer_time {
    const char *op;        /**< ONNX operator; changes of layout have a name of their own */
    const char *name;      /**< of the node */
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

/** Largest resident size of this process since it began or since arc_peak_memory_reset, in bytes; -1 where the system does not
 * tell. Thread: any. */
ARC_API int64_t arc_peak_memory_bytes(void);

/** Starts the count of arc_peak_memory_bytes anew, where the system can (Linux). Thread: any. */
ARC_API void arc_peak_memory_reset(void);

/** The processor package's energy counter (RAPL) in joules; it wraps around. Negative where there is none that can be read.
 * Thread: any. */
ARC_API double arc_energy_joules(void);

#ifdef __cplusplus
}
#endif
#endif
