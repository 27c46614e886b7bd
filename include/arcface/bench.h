/* How fast a network runs here, layer by layer, and how fast this machine could: the figures of `arcface bench`. */
#ifndef ARCFACE_BENCH_H
#define ARCFACE_BENCH_H

#include <arcface/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One step of a plan. Strings belong to the network and live until its next run. */
typedef struct arc_layer_time {
    const char *op, *name; /* ONNX operator and node; layout conversions have a name of their own */
    const char *algorithm; /* "winograd 4x4", "igemm", "dwconv" ... */
    const char *schedule;  /* how its work is cut, "" where there is one way */
    int rank;              /* of its first output, */
    int64_t dim[8];        /* in logical order (N, C, H, W) */
    int64_t macs;          /* of the convolution or product done directly; 0 for other steps */
    int64_t bytes;         /* inputs, weights and outputs, each once */
    double ms;             /* least of the rounds */
} arc_layer_time;

/* Runs the network `rounds` times (at least 1) on input [n,c,h,w] (arc_net_run) and times every step. layers[i] for i < min(capacity, *count);
 * *count = steps of the plan, in order. An input that is run in pieces (small networks take one image at a time) is timed by its first piece.
 * Thread: as arc_net_run. Errors: those of arc_net_run. */
ARC_API ARC_NODISCARD arc_status arc_net_profile(arc_net *net, const float *input, const int64_t dim[4], int rounds,
                                                 arc_layer_time *layers, int capacity, int *count, arc_error *err);

/* What the context's threads reach together: independent fused multiply-adds in registers, products of bfloat16 (0 where the processor is
 * not fast at them) and of 8 bits in L1, and reading memory. */
typedef struct arc_roofline {
    double fp32_gflops, bf16_gflops, int8_gops, read_gb_s;
} arc_roofline;

/* Measures for about a second; takes 256 MB for the time. Thread: any, alone on the context. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_roofline_measure(arc_context *ctx, arc_roofline *out, arc_error *err);

/* Largest resident size of this process so far, since the last reset, in bytes; -1 where the system does not tell. Thread: any. */
ARC_API int64_t arc_peak_memory_bytes(void);
ARC_API void arc_peak_memory_reset(void);

/* The processor package's energy counter (RAPL) in joules; it wraps. Negative where it is absent or not readable. Thread: any. */
ARC_API double arc_energy_joules(void);

#ifdef __cplusplus
}
#endif
#endif
