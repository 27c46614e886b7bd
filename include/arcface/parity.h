/** @file
 * Parity: how near the embeddings of a device are to float32's, measured on what a device gave (arc_parity_compare) or foretold
 * by doing the device's arithmetic here (arc_parity_simulate). Both end in the verdict that arc_quantize_try gives on 8-bit
 * models.
 */
#ifndef ARCFACE_PARITY_H
#define ARCFACE_PARITY_H

#include <arcface/quantize.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Cosines of embeddings to float32's. */
typedef struct arc_parity_cosines {
    int count;    /**< embeddings */
    double mean;  /**< over all */
    double p50;   /**< median */
    double p5;    /**< 5th percentile */
    double p1;    /**< 1st percentile */
    double least; /**< of the worst one */
    int worst;    /**< which one that is */
} arc_parity_cosines;

/** What other arithmetic does to embeddings. */
typedef struct arc_parity {
    arc_parity_cosines cosine; /**< to float32's */
    char worst[128];           /**< name of the worst picture */
    int dim;                   /**< numbers in an embedding */
    bool verified;             /**< there were pairs: `before` and `after` hold their folds */
    arc_verification before;   /**< pairs with float32's embeddings */
    arc_verification after;    /**< pairs with the others */
    double min_cosine;         /**< of the gate */
    double min_low_cosine;     /**< of the gate */
    char refused[300];         /**< what the gate objects to, as half a sentence; "": nothing */
} arc_parity;

/** How arc_parity_compare reads a candidate. */
typedef struct arc_parity_options {
    size_t struct_size; /**< set by arc_parity_options_default */
    double scale;       /**< value = (number - zero_point) * scale, for whole numbers; 0 (default): not given */
    int64_t zero_point; /**< of those; default 0 */
    const char *tensor; /**< name of the output in a recording; default "output", or its only one */
    const char *pairs;  /**< "NAME.png NAME.png 0|1" a line; NULL (default): the reference's pairs.txt, where there is one */
    const arc_quantize_gate *gate; /**< bounds of the verdict; NULL (default): those of arc_quantize_gate_default */
} arc_parity_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_parity_options_default(arc_parity_options *opt);

/** Compares what a device gave with the embeddings of a reference: a folder with names.txt, embeddings.npy and perhaps pairs.txt,
 * or a conversion kit, whose `reference` it is. candidate: embeddings [N,F] as .npy (float32, float16, float64, or whole numbers
 * of 8 and 16 bits with opt->scale), rows in the order of names.txt; or a recording in JSON (docs/DEPLOY.md), whose messages name
 * their pictures or come in the order of names.txt. `opt` may be NULL. Thread: any.
 * Errors: EINVAL (options, whole numbers without a scale, too few pairs), ESHAPE (other rows or dimensions), ECORRUPT (numbers
 * that are not finite, zero embeddings, contradictions), EFORMAT, EUNSUPPORTED (types, big-endian or Fortran-order arrays),
 * ENOTFOUND, EIO, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_parity_compare(arc_context *ctx, const char *reference, const char *candidate,
                                                    const arc_parity_options *opt, arc_parity *out, arc_error *err);

/** The text that `arcface compare` prints; json: one object. Ownership: free with arc_text_free. Thread: any. Errors: ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_parity_describe(arc_context *ctx, const arc_parity *parity, bool json, char **text,
                                                     arc_error *err);

/** Whose arithmetic is done. Products of rounded numbers are summed in float32 everywhere; what is rounded is said in
 * docs/DEPLOY.md. */
typedef enum arc_simulated {
    ARC_SIMULATE_RVC2,      /**< half precision: weights, and what every layer gives */
    ARC_SIMULATE_RVC4_INT8, /**< 8 bits: int8 weights with a scale a channel, uint8 between layers */
    ARC_SIMULATE_RVC4_INT16 /**< the same weights, 16 bits between layers */
} arc_simulated;

/** How a device is simulated. */
typedef struct arc_simulate_options {
    size_t struct_size;            /**< set by arc_simulate_options_default */
    arc_simulated device;          /**< default ARC_SIMULATE_RVC2 */
    const arc_quantize_gate *gate; /**< bounds, and the pairs to verify; NULL (default): default bounds, no pairs */
    int (*progress)(void *ctx, int64_t done, int64_t total); /**< crops; may be NULL; not 0 cancels (ECANCEL) */
    void *progress_ctx;                                      /**< passed to progress */
} arc_simulate_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_simulate_options_default(arc_simulate_options *opt);

/** Most layers that a simulation names. */
#define ARC_SIMULATION_MAX_LAYERS 16

/** A layer that gave numbers beyond half precision. */
typedef struct arc_overflow {
    char layer[96];  /**< of its node */
    int64_t numbers; /**< that were infinite or none, over all crops */
    int crops;       /**< in which that happened */
} arc_overflow;

/** What a simulation found. */
typedef struct arc_simulation {
    arc_simulated device;                             /**< whose arithmetic it was */
    int calibrated;                                   /**< crops that ranges were taken from; 0 where there are none */
    int tensors;                                      /**< that are rounded between layers */
    double largest;                                   /**< greatest magnitude between layers in float32 */
    char largest_layer[96];                           /**< the layer that gave it */
    int overflows;                                    /**< layers with overflow, in order; the first of them are named below */
    arc_overflow overflow[ARC_SIMULATION_MAX_LAYERS]; /**< [at most ARC_SIMULATION_MAX_LAYERS] */
    /** Of the crops that were not calibrated on; verified only where nothing overflowed in every crop */
    arc_parity parity;
} arc_simulation;

/** Runs crops through `model` and through the network that arc_export_onnx makes of it with a device's arithmetic. crops: [count]
 * aligned faces of the template's size. Ranges for 8 and 16 bits are the least and greatest values on four fifths of them, and
 * the others are measured with; half precision is measured with all. simulated (may be NULL): that network as a model, which runs
 * and is evaluated like any other; `model` must outlive it. `opt` may be NULL. Ownership: free *simulated with arc_model_free.
 * Thread: any, while nothing else runs on the context. Errors: EINVAL (options, too few crops), ESHAPE (a crop of another size),
 * EUNSUPPORTED (no embedder, a model in 8 bits, operators), ECORRUPT, ECANCEL, those of arc_export_onnx and arc_evaluate_pairs,
 * ENOMEM. Source: Qualcomm, SNPE SDK, "Quantized vs Non-Quantized Models". */
ARC_API ARC_NODISCARD arc_status arc_parity_simulate(arc_context *ctx, const arc_model *model, const arc_image *crops, int count,
                                                     const arc_simulate_options *opt, arc_model **simulated, arc_simulation *out,
                                                     arc_error *err);

/** The text that `arcface export --simulate` prints; json: one object. Ownership: free with arc_text_free. Thread: any. Errors:
 * ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_simulation_describe(arc_context *ctx, const arc_simulation *simulation, bool json,
                                                         char **text, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
