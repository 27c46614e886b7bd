/* learn: a network that learns. Runs a graph unfused with batch statistics, and backward: gradients of parameters, of the images,
 * and through the statistics of every BatchNormalization. Semantics are PyTorch's in training mode: the normalisation uses the
 * biased variance of the batch, the running one moves towards the unbiased variance.
 *
 * Operators: Conv (any stride, padding, groups; dilation 1), BatchNormalization, PRelu, Relu, Add, Sub/Mul/Div by constants, Mul
 * by a gate, GlobalAveragePool, Sigmoid, Flatten, Reshape to rows, Gemm, Identity. All memory is planned and taken in
 * arc_learner_new; steps allocate nothing. Results have the same bits for any number of threads. */
#ifndef ARC_LEARN_LEARNER_H
#define ARC_LEARN_LEARNER_H

#include "device/device.h"

typedef struct arc_learner arc_learner; /* one thread at a time; its kernels use the context's pool */

typedef struct arc_learner_options {
    int64_t batch; /* largest batch */
    bool bf16; /* bf16 activations and GEMM operands; fp32 master weights, sums, BN statistics. Where bf16 is not fast: fp32 */
    bool recompute; /* segments keep only their input */
    /* Gradients of the images alone, for losses on images: every parameter is frozen, so there are no gradients of weights, no
     * scratch for them, and no activations are kept that only they read. The images' gradient has the bits that it has without
     * this. */
    bool input_only;
    float momentum; /* of running statistics, 0.1 */
    const char *const *frozen;
    size_t frozens;                 /* name prefixes, e.g. "layer1." */
    const arc_execution *execution; /* how it works (copied); NULL: as all of the context does */
} arc_learner_options;

/* `graph` must outlive the learner: names and shapes are borrowed, weights are copied. `input`: [n,3,h,w], n is not looked at.
 * "features.weight" is frozen always: arcface_torch's IResNet holds it at 1. EUNSUPPORTED names the operator or device that
 * cannot learn. */
arc_status arc_learner_new(arc_learner **out, const arc_context *ctx, const arc_graph *graph, const arc_shape *input,
                           const arc_learner_options *options, arc_error *err);
void arc_learner_free(arc_learner **learner);

size_t arc_learner_parameters(const arc_learner *l);
arc_learn_parameter *arc_learner_parameter(arc_learner *l, size_t i);
/* Running mean and variance, as parameters without gradient. */
size_t arc_learner_statistics(const arc_learner *l);
arc_learn_parameter *arc_learner_statistic(arc_learner *l, size_t i);

/* What the learner holds, all of it: known right after new and kept to. */
typedef struct arc_learner_memory {
    size_t weights_bytes, gradients_bytes, activations_bytes, scratch_bytes;
} arc_learner_memory;
void arc_learner_memory_of(const arc_learner *l, arc_learner_memory *out);

/* images [n,3,h,w] as the graph takes them -> *embeddings [n,dim], valid until the next call. Training mode: updates running
 * statistics. */
arc_status arc_learner_forward(arc_learner *l, const float *images, int64_t n, const float **embeddings, arc_error *err);
/* d_embeddings [n,dim] -> gradients of every parameter; d_images [n,3,h,w], or NULL (EINVAL with input_only). Once a forward. */
arc_status arc_learner_backward(arc_learner *l, const float *d_embeddings, bool accumulate, float *d_images, arc_error *err);
/* Called by backward, from the caller's thread, when the gradient of a parameter that is not frozen is whole: the last layer's
 * first, in the order of the plan, so the same in every run. NULL: none (default). */
typedef void arc_learn_ready_fn(void *ctx, const arc_learn_parameter *p);
void arc_learner_on_ready(arc_learner *l, arc_learn_ready_fn *fn, void *ctx);
/* The first step (name) whose activation or gradient was not finite in the last forward/backward; NULL = none. For the flight
 * recorder. */
const char *arc_learner_not_finite(const arc_learner *l);

size_t arc_learner_norms(const arc_learner *l);
arc_learn_norm *arc_learner_norm(arc_learner *l, size_t i);
/* True: normalise by the running statistics and leave them as they are; those of the batch are measured all the same. */
void arc_learner_evaluate(arc_learner *l, bool evaluating);

/* Where the time goes: while on, every layer's forward and backward are timed. */
typedef struct arc_learn_time {
    const char *name, *algorithm;
    double macs;                    /* of forward, an image */
    double forward_ms, backward_ms; /* the least of the steps timed, a second forward counted to backward */
} arc_learn_time;
void arc_learner_time(arc_learner *l, bool on);
bool arc_learner_step_time(const arc_learner *l, size_t i, arc_learn_time *out); /* false: no layer i */

/* A copy of the graph with the present weights and statistics, for saving as ONNX / evaluation with arc_session. */
arc_status arc_learner_graph(const arc_learner *l, arc_graph **out, arc_error *err);

#endif
