/** @file
 * Quantizing: a float32 network to an ONNX file in 8 bits (QuantizeLinear and DequantizeLinear), which runs here and in ONNX
 * Runtime.
 */
#ifndef ARCFACE_QUANTIZE_H
#define ARCFACE_QUANTIZE_H

#include <arcface/image.h>
#include <arcface/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How the range of a tensor is chosen from the values that it took. */
typedef enum arc_quantize_method {
    ARC_QUANTIZE_MSE,        /**< the range with the least squared error of rounding and clipping */
    ARC_QUANTIZE_MINMAX,     /**< everything that was seen */
    ARC_QUANTIZE_PERCENTILE, /**< all but the same share of values at each end */
    ARC_QUANTIZE_KL          /**< the range whose quantized distribution diverges least (Kullback-Leibler) */
} arc_quantize_method;

/** How a network is quantized. */
typedef struct arc_quantize_options {
    size_t struct_size;         /**< set by arc_quantize_options_default */
    arc_quantize_method method; /**< how ranges are chosen; default ARC_QUANTIZE_MSE */
    double percentile;          /**< ARC_QUANTIZE_PERCENTILE: 50 to 100, default 99.99 */
    /** Names of layers to leave in float32, separated by commas; "none"; NULL (default) = the first convolution and what is found
     * sensitive. */
    const char *keep;
    int held_out; /**< every so many-th crop is not calibrated on but measured with; at least 2, default 5 */
    int (*progress)(void *ctx, int64_t done, int64_t total); /**< may be NULL; not 0 cancels (ECANCEL) */
    void *progress_ctx;                                      /**< passed to progress */
} arc_quantize_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_quantize_options_default(arc_quantize_options *opt);

/** Most layers that a report lists. */
#define ARC_QUANTIZE_MAX_LAYERS 512

/** One convolution or matrix product. */
typedef struct arc_quantize_layer {
    char name[96]; /**< of its node */
    bool int8;     /**< it runs in 8 bits */
    /** 1 - mean cosine to float32 with this layer alone in 8 bits; negative where it was not measured */
    double loss;
    double mac_share; /**< its part of the network's multiply-adds, 0 to 1 */
} arc_quantize_layer;

/** What quantizing did to the held-out crops. */
typedef struct arc_quantize_report {
    int calibrated;     /**< crops that ranges were chosen on */
    int held_out;       /**< crops that were measured with */
    double mean_cosine; /**< of embeddings to float32's: mean */
    double low_cosine;  /**< the same: 1st percentile */
    double min_cosine;  /**< the same: worst */
    /** Part of the multiply-adds that runs in 8 bits, 0 to 1 */
    double int8_share;
    int layers;                                        /**< convolutions and products */
    int int8_layers;                                   /**< of them in 8 bits */
    arc_quantize_layer layer[ARC_QUANTIZE_MAX_LAYERS]; /**< [layers] */
} arc_quantize_report;

/** Quantizes an embedder: int8 weights, symmetric, a scale for each channel; uint8 activations, a scale for each tensor;
 * BatchNormalization folded; residual sums stay float32. crops: [count] aligned faces of the template's size, at least 2; 100 to
 * 1000 are a good number. The new model is used and saved like any other; `model` must outlive it. `opt` may be NULL.
 * Ownership: free with arc_model_free. Thread: any, while nothing else runs on the context.
 * Errors: EINVAL (not an embedder, too few crops, unknown name in keep), ESHAPE, EUNSUPPORTED (an operator that opset 13
 * changed), ECORRUPT (embeddings that are not finite), ECANCEL, ENOMEM.
 * Source: Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference, CVPR
 * 2018. */
ARC_API ARC_NODISCARD arc_status arc_quantize(arc_context *ctx, const arc_model *model, const arc_image *crops, int count,
                                              const arc_quantize_options *opt, arc_model **out, arc_quantize_report *report,
                                              arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
