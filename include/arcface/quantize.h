/** @file
 * Quantizing: a float32 network to an ONNX file in 8 bits (QuantizeLinear and DequantizeLinear), which runs here and in ONNX
 * Runtime.
 */
#ifndef ARCFACE_QUANTIZE_H
#define ARCFACE_QUANTIZE_H

#include <arcface/evaluate_result.h>
#include <arcface/face.h>
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

/** How crops are found in photos. */
typedef struct arc_quantize_photos {
    size_t struct_size;        /**< by arc_quantize_photos_default */
    const arc_model *detector; /**< NULL: the pictures are crops of the template's size */
    arc_detect_options detect; /**< of the detector */
    /** Called with the photos done; may be NULL; a non-zero return cancels (ECANCEL). */
    int (*progress)(void *ctx, int done, int count);
    void *progress_ctx; /**< handed to it */
} arc_quantize_photos;
/** The defaults: ready crops. Thread: any. */
ARC_API void arc_quantize_photos_default(arc_quantize_photos *photos);

/** Reads crops to calibrate on from picture files: as they are, or with photos->detector the largest face of each photo, aligned
 * for `model`. Photos that cannot be read or show no face are left out, the former with a warning in the log. paths: [count];
 * crops: [count], of which the first *found are filled. photos may be NULL. Ownership: free each crop with arc_image_free; there
 * is none after a failure. Thread: any, while nothing else runs on the context. Errors: those of arc_image_load; ESHAPE (a crop
 * of another size), ECANCEL, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_quantize_crops(arc_context *ctx, const arc_model *model, const arc_quantize_photos *photos,
                                                    const char *const *paths, int count, arc_image *crops, int *found,
                                                    arc_error *err);

/** What an 8-bit model must keep to take the place of the float32 one. */
typedef struct arc_quantize_gate {
    size_t struct_size;    /**< by arc_quantize_gate_default */
    double min_cosine;     /**< least mean cosine to float32 on the held-out crops; default 0.985 */
    double min_low_cosine; /**< least 1st percentile of it; default 0.95 */
    const char *images;    /**< folder of aligned crops that `pairs` names */
    const char *pairs;     /**< list of pairs to verify with either model, as arc_evaluate_pairs takes it; NULL (default): none */
    double max_drop;       /**< accuracy on the pairs that may be lost, in points of a hundred; default 0.1 */
    double max_tar_drop;   /**< TAR at FAR 1e-3 that may be lost, likewise; default 0.5 */
    /** Called with the images done of the verification named `stage`; may be NULL; a non-zero return cancels (ECANCEL). */
    int (*progress)(void *ctx, const char *stage, int64_t done, int64_t total);
    void *progress_ctx; /**< handed to it */
} arc_quantize_gate;
/** The default bounds, without pairs. Thread: any. */
ARC_API void arc_quantize_gate_default(arc_quantize_gate *gate);

/** All that is known of an 8-bit model beside its float32 one. */
typedef struct arc_quantize_outcome {
    arc_quantize_report report; /**< the caller puts that of arc_quantize here */
    bool verified;              /**< pairs were verified: `before` and `after` hold their folds */
    arc_verification before;    /**< with the float32 model */
    arc_verification after;     /**< with the 8-bit model */
    double fp32_ms;             /**< median of one image; the two models take turns for some seconds */
    double int8_ms;             /**< likewise */
    double min_cosine;          /**< of the gate */
    double min_low_cosine;      /**< of the gate */
    char refused[300];          /**< what the gate objects to, as half a sentence; "": nothing */
} arc_quantize_outcome;

/** Verifies the gate's pairs, times both models and judges. outcome->report is there before, the rest is filled. gate NULL: the
 * defaults. Thread: any, while nothing else runs on the context. Errors: those of arc_evaluate_pairs and arc_net_new; EINVAL,
 * ECANCEL, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_quantize_try(arc_context *ctx, const arc_model *model, const arc_model *int8,
                                                  const arc_quantize_gate *gate, arc_quantize_outcome *outcome, arc_error *err);
/** The text that `arcface quantize` prints; json: one object. path: where the model was to go; written: whether it went there.
 * Ownership: free with arc_text_free. Thread: any. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_quantize_describe(arc_context *ctx, const arc_quantize_outcome *outcome, const char *path,
                                                       bool written, bool json, char **text, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
