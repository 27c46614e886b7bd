/** @file
 * Deployment: a model as other toolchains take it.
 */
#ifndef ARCFACE_DEPLOY_H
#define ARCFACE_DEPLOY_H

#include <arcface/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How a model is exported. */
typedef struct arc_export_options {
    size_t struct_size; /**< set by arc_export_options_default */
    int batch;          /**< images a run, 1 to 1024; 0 = any number, named "N" in the file; default 1 */
    /** The input is uint8 and the graph begins with a Cast; else (default) it is float32 */
    bool uint8_input;
    /** The input stays what the model takes: its own channel order, normalised by the caller; default false */
    bool raw;
    bool l2;     /**< embeddings of length 1; default false */
    int size_px; /**< side of the input of detectors of free size, a multiple of 32; 0 (default): 640 */
    bool fp16;   /**< weights are stored in half precision, arithmetic stays float32; default false */
} arc_export_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_export_options_default(arc_export_options *opt);

/** What an export holds. */
typedef struct arc_export_report {
    int64_t input[4];          /**< shape of "images": batch (-1 = any), channels, height, width */
    int64_t output[2];         /**< shape of the first output; of an embedder: batch (-1 = any), numbers in an embedding */
    int outputs;               /**< 1 of an embedder */
    char first[32];            /**< name of the first output */
    char last[32];             /**< name of the last */
    int opset;                 /**< version of ONNX's operators, at most 13 */
    int nodes;                 /**< operators in the file */
    int half_weights;          /**< tensors stored in half precision */
    bool order_folded;         /**< the channel order went into the first convolution's weights */
    bool normalisation_folded; /**< mean and scale went there too */
    bool order_nodes;          /**< Split and Concat turn BGR into the model's RGB */
    bool normalisation_nodes;  /**< Sub and Div normalise in front of the network */
} arc_export_report;

/** Writes an embedder, or a detector of SCRFD's or YuNet's family, as one ONNX file, atomically. Input "images",
 * [batch,3,height,width], blue, green, red, 0 to 255: channel order and normalisation are inside, in the first convolution's
 * weights where that changes nothing but rounding, else as operators. Output "output", [batch,dim]; of SCRFD "score_8",
 * "score_16", ..., "bbox_8", ..., "kps_8",
 * ..., [anchors,1], [anchors,4], [anchors,10], which SCRFDParser of depthai-nodes decodes; of YuNet "loc" [rows,14], "conf"
 * [rows,2] and "iou" [rows,1] on the grid of its YuNetParser. Opset 13 or older, standard operators,
 * metadata of arcface alone. What is written has been run on a drawn picture and gave the model's embedding. The file is loaded
 * like any other model and gives the same embeddings; with uint8_input it is for others alone. `opt` and `report` may be NULL.
 * Thread: any, while nothing else runs on the context. Errors: EINVAL (options), EUNSUPPORTED (another task or detector, several
 * inputs, operators that opset 13 lacks, by name), ESHAPE (shapes that forbid the batch), ECORRUPT (the exported network gives
 * something else), EIO, ENOTFOUND (no such folder), ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_export_onnx(arc_context *ctx, const arc_model *model, const arc_export_options *opt,
                                                 const char *path, arc_export_report *report, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
