/* Post-training quantisation: a float network to a standard ONNX QDQ file that runs on 8-bit integers, here and in ONNX Runtime. */
#ifndef ARCFACE_QUANTIZE_H
#define ARCFACE_QUANTIZE_H

#include <arcface/image.h>
#include <arcface/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How the range of a tensor is chosen from the values that it took. */
typedef enum arc_quantize_method {
    ARC_QUANTIZE_MSE,        /* the range with the least squared error of rounding and clipping */
    ARC_QUANTIZE_MINMAX,     /* everything that was seen */
    ARC_QUANTIZE_PERCENTILE, /* all but the same share of values at each end */
    ARC_QUANTIZE_KL          /* the range whose quantised distribution diverges least (Kullback-Leibler) */
} arc_quantize_method;

typedef struct arc_quantize_options {
    size_t struct_size;
    arc_quantize_method method; /* default ARC_QUANTIZE_MSE */
    double percentile;          /* 50 to 100, default 99.99 */
    const char
        *keep;    /* names of layers to leave in float32, separated by commas; "none"; NULL = the first convolution and what is
                         found sensitive */
    int held_out; /* every so many-th crop is not calibrated on but measured with; default 5, at least 2 */
    int (*progress)(void *ctx, int64_t done, int64_t total); /* may be NULL; a non-zero return cancels (ECANCEL) */
    void *progress_ctx;
} arc_quantize_options;
ARC_API void arc_quantize_options_default(arc_quantize_options *opt);

#define ARC_QUANTIZE_MAX_LAYERS 512

/* One convolution or matrix product. */
typedef struct arc_quantize_layer {
    char name[96];
    bool integer;     /* in 8 bits */
    double loss;      /* 1 - mean cosine to float32 with this layer alone in 8 bits; negative where it was not measured */
    double mac_share; /* of the network's multiply-adds */
} arc_quantize_layer;

/* What quantising did to the held-out crops. */
typedef struct arc_quantize_report {
    int calibrated, held_out;                   /* crops */
    double mean_cosine, low_cosine, min_cosine; /* to float32: mean, 1st percentile, worst */
    double integer_share;                       /* of multiply-adds in 8 bits */
    int layers, integer_layers;
    arc_quantize_layer layer[ARC_QUANTIZE_MAX_LAYERS];
} arc_quantize_report;

/* Quantises an embedder: per-channel symmetric int8 weights, per-tensor uint8 activations, BatchNormalization folded; residual sums stay
 * float32. crops: aligned faces of the template's size, 100 to 1000 are a good number, at least 2. The new model is used and saved like any
 * other; it borrows weights: `model` must outlive it.
 * Errors: EINVAL (no embedder, too few crops, unknown name in keep), ESHAPE, EUNSUPPORTED (an operator that opset 13 changed), ECORRUPT
 * (embeddings that are not finite), ECANCEL, ENOMEM.
 * Thread: any, alone on the context. */
ARC_API ARC_NODISCARD arc_status arc_quantize(arc_context *ctx, const arc_model *model, const arc_image *crops, int count,
                                              const arc_quantize_options *opt, arc_model **out, arc_quantize_report *report,
                                              arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
