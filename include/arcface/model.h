/** @file
 * Models: a network with its contract, loaded from a file or made new, saved, described and run.
 */
#ifndef ARCFACE_MODEL_H
#define ARCFACE_MODEL_H

#include <arcface/context.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A network (the graph of an ONNX, MXNet or PyTorch file, or a new one) and its contract. Any number of threads may use one
 * model, except where a function says that it changes the model. */
typedef struct arc_model arc_model;

/** What a model does. */
typedef enum arc_task {
    ARC_TASK_UNKNOWN, /**< not known; as an argument: any */
    ARC_TASK_EMBED,   /**< aligned face to embedding */
    ARC_TASK_DETECT   /**< photo to boxes and landmarks of faces */
} arc_task;

/** How the outputs of a detector are decoded. */
typedef enum arc_detector_kind {
    ARC_DETECTOR_NONE, /**< not a detector */
    /** SCRFD (ICLR 2022): strides 8, 16, 32, two anchors a place, distances to the sides */
    ARC_DETECTOR_SCRFD,
    /** RetinaFace (CVPR 2020) as biubug6/Pytorch_Retinaface exports it: priors with variances */
    ARC_DETECTOR_RETINAFACE,
    ARC_DETECTOR_RETINAFACE_MXNET, /**< InsightFace's first RetinaFace: anchors of 512 to 16 pixels */
    ARC_DETECTOR_YUNET             /**< YuNet of OpenCV's zoo */
} arc_detector_kind;

/** The size and the five points that faces are aligned to (arc_template_get). */
typedef enum arc_template {
    ARC_TEMPLATE_112,    /**< 112 x 112, ArcFace's (InsightFace's face_align.py) */
    ARC_TEMPLATE_112X96, /**< 112 high, 96 wide: the middle columns of the above, as SphereFace has it */
    ARC_TEMPLATE_128,    /**< 128 x 128, points moved 8 to the right */
    ARC_TEMPLATE_224,    /**< 224 x 224, twice the first */
    ARC_TEMPLATE_96,     /**< 96 x 96, the first scaled */
    ARC_TEMPLATE_144,    /**< 144 x 144, the first scaled */
    ARC_TEMPLATE_160,    /**< 160 x 160, the first scaled */
    ARC_TEMPLATE_192,    /**< 192 x 192, the first scaled */
    ARC_TEMPLATE_256     /**< 256 x 256, the first scaled */
} arc_template;

/** How the model is fed and read: from the metadata of the file (arcface.NAME), else inferred by the rules of docs/FORMATS.md,
 * else from the options. */
typedef struct arc_contract {
    arc_task task;              /**< what it does */
    arc_detector_kind detector; /**< detectors: how outputs are decoded */
    arc_template align;         /**< embedders: what faces are aligned to */
    /** Channels of the input tensor are blue, green, red; else red, green, blue */
    bool bgr;
    /** Tensor = (pixel 0..255 - mean) * scale, in the tensor's channel order */
    float mean[3];
    float scale[3];      /**< see mean */
    int input_width_px;  /**< width of the input; 0 = any */
    int input_height_px; /**< height of the input; 0 = any */
    int dim;             /**< embedders: numbers in an embedding */
    /** Embedders: cosine at which two faces are one person; detectors: least score */
    float threshold;
    /** Detectors: overlap (intersection over union) above which the weaker box is dropped */
    float nms_iou;
    /** ARC_DETECTOR_RETINAFACE: sides of the priors of strides 8, 16 and 32, two each */
    float prior_px[6];
    /** Embedders: output that gives the norm of the embedding, a measure of the picture's quality; 0 = none does (output 0 is the
     * embedding) */
    int norm_output;
    /** Embedders: input 1 takes the five points of the face in the crop, x and y divided by its sides (KPRPE) */
    bool takes_points;
    char why[1024]; /**< one sentence: which of these were inferred, and from what */
} arc_contract;

/** How a model is loaded. */
typedef struct arc_model_options {
    size_t struct_size; /**< set by arc_model_options_default */
    const char *colour; /**< channel order of the input, "rgb" or "bgr"; NULL = the contract's */
    /** mean and divisor, "127.5/127.5", "0/1", "m0,m1,m2/d" or "m0,m1,m2/d0,d1,d2" in the tensor's channel order, or "imagenet";
     * NULL = the contract's */
    const char *normalise;
    const char *detector; /**< "scrfd", "retinaface", "retinaface-mxnet" or "yunet"; NULL = the contract's */
    /** Folder of pulled packs; NULL = $ARCFACE_CACHE, else $XDG_CACHE_HOME/arcface, else ~/.cache/arcface */
    const char *cache_dir;
    bool skip_self_test; /**< do not run the self-test of the file; default false */
    /** Load ONNX files with operators that are not supported as well, without the self-test; what they have can be told and
     * counted (arc_profile_model without times), not run; default false */
    bool look_only;
    const char *input;  /**< name of the input that takes the picture; NULL = by the rules of docs/FORMATS.md */
    const char *output; /**< name of the output that is the embedding; NULL = by the rules of docs/FORMATS.md */
} arc_model_options;

/** Fills every field with its default. Thread: any. */
ARC_API void arc_model_options_default(arc_model_options *opt);

/** Loads a model: a path to .onnx, to an MXNet symbol .json or .params (its pair lies beside it) or to .pth/.pt/.ckpt, or the
 * name of a pulled pack or of one of its members ("buffalo_s", "buffalo_l:det_10g", see hub.h). `task` chooses the member of a
 * pack. Weights of .onnx files are mapped, not read; when the file has a self-test vector, the network must reproduce it. `opt`
 * may be NULL.
 * Ownership: free with arc_model_free, before the context. Thread: any.
 * Errors: ENOTFOUND, EIO, EFORMAT, ECORRUPT, EUNSUPPORTED (names operator, node and opset), ESHAPE, ELIMIT, ESELFTEST, EINVAL
 * (options), ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_model_load(arc_context *ctx, const char *path_or_name, arc_task task,
                                                const arc_model_options *opt, arc_model **out, arc_error *err);

/** Frees the model and nulls the pointer; NULL is allowed. What was made from it must have been freed. Thread: any, as its last
 * user. */
ARC_API void arc_model_free(arc_model **model);

/** A new untrained network: "r18", "r34", "r50", "r100", "r200" (IResNet), "mbf", "mbf-large" (MobileFaceNet) or "tiny". dim:
 * numbers in an embedding, 0 = 512. The same seed gives the same weights.
 * Ownership: free with arc_model_free. Thread: any. Errors: EINVAL (an unknown name or dim out of range), ENOMEM.
 * Source: arcface_torch's backbones; Deng et al., ArcFace, CVPR 2019; Duta et al., IResNet, ICPR 2020; Chen et al.,
 * MobileFaceNets, CCBR 2018. */
ARC_API ARC_NODISCARD arc_status arc_model_new(arc_context *ctx, const char *zoo_name, int dim, uint64_t seed, arc_model **out,
                                               arc_error *err);

/** Writes an ONNX file with the contract, the notes and a fresh self-test vector in its metadata, atomically. Thread: any.
 * Errors: EIO, ENOTFOUND (no such folder), EUNSUPPORTED, ELIMIT (above ONNX's 2 GiB), ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_model_save(arc_context *ctx, const arc_model *model, const char *path, arc_error *err);

/** Adds a remark that arc_model_save keeps as metadata `arcface.note.NAME`; name: letters, digits and dashes. Changes the model.
 * Thread: one at a time, while nobody else uses the model. Errors: EINVAL (name), ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_model_note(arc_model *model, const char *name, const char *text, arc_error *err);

/** The contract. It belongs to the model. Thread: any. */
ARC_API const arc_contract *arc_model_contract(const arc_model *model);

/** Facts about a model. */
typedef struct arc_model_facts {
    int64_t parameters;           /**< numbers that training learns, as the field counts them */
    int64_t running_statistics;   /**< means and variances of BatchNormalization */
    int64_t macs;                 /**< multiply-adds for one image of the contract's size */
    int64_t flops;                /**< 2 * macs */
    int64_t weight_bytes;         /**< weights as the file stores them */
    int64_t file_bytes;           /**< size of the file; 0 for a new model */
    int64_t activation_bytes;     /**< for batch 1: memory of all activations, which share space */
    int64_t activation_sum_bytes; /**< for batch 1: what they would need without sharing */
    int64_t packed_bytes;         /**< weights as the chosen algorithms store them */
    int64_t scratch_bytes;        /**< working memory of the algorithms, all threads together */
    int nodes;                    /**< operators in the file */
    int steps;                    /**< layers that the session runs, after fusing */
    int opset;                    /**< version of ONNX's operators */
    bool int8;                    /**< the file holds a network in 8 bits (QuantizeLinear) */
    char sha256[65];              /**< of the file, hexadecimal; "" for a new model */
} arc_model_facts;

/** Gathers the facts; plans the network for one image to know its memory. Thread: any.
 * Errors: EUNSUPPORTED, ESHAPE, EIO (the file cannot be read again), ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_model_facts_get(arc_context *ctx, const arc_model *model, arc_model_facts *out,
                                                     arc_error *err);

/** The text that `arcface model info` prints; json: as one JSON object; layers: with a row for each layer.
 * Ownership: free *text with arc_text_free. Thread: any. Errors: those of arc_model_facts_get. */
ARC_API ARC_NODISCARD arc_status arc_model_describe(arc_context *ctx, const arc_model *model, bool json, bool layers, char **text,
                                                    arc_error *err);

/** A network ready to run on tensors, with plans, packed weights and activations of its own. For photos and crops see face.h. One
 * thread at a time. */
typedef struct arc_net arc_net;

/** One output of a run. */
typedef struct arc_net_output {
    const char *name;  /**< of the output in the graph; belongs to the model */
    const float *data; /**< [dim[0]]...[dim[rank-1]], belongs to the network; valid until its next run */
    int rank;          /**< number of dimensions */
    int64_t dim[8];    /**< [rank] */
} arc_net_output;

/** A network over a model, which must outlive it. Ownership: free with arc_net_free. Thread: any.
 * Errors: EUNSUPPORTED (several inputs, an operator that is not known), ESHAPE, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_net_new(arc_context *ctx, const arc_model *model, arc_net **out, arc_error *err);

/** Frees the network and nulls the pointer; NULL is allowed. Thread: one at a time. */
ARC_API void arc_net_free(arc_net **net);

/** Runs the network on input, float32 [dim[0]][dim[1]][dim[2]][dim[3]] = batch, channels, height, width. A new shape is planned
 * first; a known one allocates nothing. The result has the same bits for any number of threads. Thread: one at a time.
 * Errors: ESHAPE (the input does not fit the model), EUNSUPPORTED, ELIMIT, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_net_run(arc_net *net, const float *input, const int64_t dim[4], arc_error *err);

/** Names the algorithms, the instruction set and the precision of the last run's plan ("avx512-3f2a91bc04"): with the same id,
 * the same weights and the same input give the same bits, for any number of threads. "" before a run. Belongs to the network;
 * valid until its next run.
 * Thread: one at a time. */
ARC_API const char *arc_net_plan_id(const arc_net *net);

/** The number of outputs. Thread: one at a time. */
ARC_API int arc_net_outputs(const arc_net *net);

/** Output `index` (0 to arc_net_outputs - 1) of the last run. Ownership: *out points into the network. Thread: one at a time.
 * Errors: EINVAL (index, or nothing was run yet), EUNSUPPORTED (not float32). */
ARC_API ARC_NODISCARD arc_status arc_net_output_get(const arc_net *net, int index, arc_net_output *out, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
