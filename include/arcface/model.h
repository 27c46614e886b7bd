/* Models: the graph, its contract, conversion and the zoo. */
#ifndef ARCFACE_MODEL_H
#define ARCFACE_MODEL_H

#include <arcface/context.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct arc_model arc_model; /* immutable after load; share it between threads */

typedef enum arc_task { ARC_TASK_UNKNOWN, ARC_TASK_EMBED, ARC_TASK_DETECT } arc_task;
typedef enum arc_detector_kind {
    ARC_DETECTOR_NONE,
    ARC_DETECTOR_SCRFD,            /* strides 8 16 32, 2 anchors, distances */
    ARC_DETECTOR_RETINAFACE,       /* biubug6 priors with variances */
    ARC_DETECTOR_RETINAFACE_MXNET, /* InsightFace's first, anchors 512..16 */
    ARC_DETECTOR_YUNET
} arc_detector_kind;
typedef enum arc_template {
    ARC_TEMPLATE_112,    /* 112x112, ALGORITHMS 6.1 */
    ARC_TEMPLATE_112X96, /* 112 high, 96 wide */
    ARC_TEMPLATE_128,
    ARC_TEMPLATE_224
} arc_template;

/* How to feed the model and read it: from metadata_props `arcface.*`, else inferred by written rules (docs/FORMATS.md), else options. */
typedef struct arc_contract {
    arc_task task;
    arc_detector_kind detector;
    arc_template align;                  /* EMBED */
    bool bgr;                            /* the input tensor wants B,G,R */
    float mean[3], scale[3];             /* tensor = (pixel 0..255 - mean) * scale, in the tensor's channel order */
    int input_width_px, input_height_px; /* 0 = dynamic */
    int dim;                             /* EMBED: embedding length */
    float threshold;                     /* EMBED: default cosine threshold of `verify`; DETECT: default score threshold */
    float nms_iou;                       /* DETECT */
    float prior_px[6];                   /* DETECT, retinaface: sides of the priors of strides 8, 16 and 32, two each */
    char why[512];                       /* one sentence: which of these were inferred and from what */
} arc_contract;

typedef struct arc_model_options {
    size_t struct_size;
    const char *colour;    /* NULL = contract; "rgb" or "bgr" */
    const char *normalise; /* NULL = contract; "127.5/127.5", "127.5/128", "0/1" (mean/divisor) or "m0,m1,m2/d" */
    const char *detector;  /* NULL = contract; "scrfd" "retinaface" "retinaface-mxnet" "yunet" */
    const char *cache_dir; /* where packs lie; NULL = $ARCFACE_CACHE, else $XDG_CACHE_HOME/arcface, else ~/.cache/arcface */
    bool skip_self_test;
} arc_model_options;
ARC_API void arc_model_options_default(arc_model_options *opt);

/* Loads a model: a path to .onnx, MXNet symbol .json or .params (its pair beside it), .pth/.pt/.ckpt, or the name of a pulled pack member
 * ("buffalo_s", "buffalo_l:det_10g"): see hub.h. `task` chooses the member of a pack; ARC_TASK_UNKNOWN = any.
 * Weights of .onnx files are read through mmap. Runs the self-test vector when the file has one.
 * Errors: EIO, EFORMAT, ECORRUPT, EUNSUPPORTED (operator, node, opset), ESHAPE, ELIMIT, ENOTFOUND, ESELFTEST, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_model_load(arc_context *ctx, const char *path_or_name, arc_task task,
                                                const arc_model_options *opt, arc_model **out, arc_error *err);
ARC_API void arc_model_free(arc_model **model);

/* A new untrained network of the zoo: "r18" "r34" "r50" "r100" "r200" "mbf" "mbf-large" "tiny". dim 0 = 512. Same seed, same weights. */
ARC_API ARC_NODISCARD arc_status arc_model_new(arc_context *ctx, const char *zoo_name, int dim, uint64_t seed, arc_model **out,
                                               arc_error *err);

/* Writes a plain ONNX file with the contract and a fresh self-test vector in metadata_props; atomic. */
ARC_API ARC_NODISCARD arc_status arc_model_save(arc_context *ctx, const arc_model *model, const char *path, arc_error *err);

/* A remark that is saved with the model, as metadata arcface.note.NAME (name: letters, digits and dashes). Not while others use the model.
 * Errors: EINVAL, ENOMEM. */
ARC_API ARC_NODISCARD arc_status arc_model_note(arc_model *model, const char *name, const char *text, arc_error *err);

ARC_API const arc_contract *arc_model_contract(const arc_model *model);

/* Facts for people and machines. */
typedef struct arc_model_facts {
    int64_t parameters;         /* trainable, as the field counts them */
    int64_t running_statistics; /* BatchNorm means and variances */
    int64_t macs, flops;        /* one image at the contract's size; flops = 2 * macs */
    int64_t weight_bytes, file_bytes;
    int64_t activation_bytes, activation_sum_bytes, packed_bytes, scratch_bytes; /* memory plan for batch 1 */
    int nodes, steps, opset;
    bool quantised;  /* its file has quantisers: it runs on 8-bit integers */
    char sha256[65]; /* of the file, "" for a new model */
} arc_model_facts;
ARC_API ARC_NODISCARD arc_status arc_model_facts_get(arc_context *ctx, const arc_model *model, arc_model_facts *out,
                                                     arc_error *err);

/* The text that `arcface model info` prints (json: one object). Ownership: free with arc_text_free. */
ARC_API ARC_NODISCARD arc_status arc_model_describe(arc_context *ctx, const arc_model *model, bool json, bool layers, char **text,
                                                    arc_error *err);

/* Raw network: one float32 input [n,c,h,w] plain, all outputs. For tools and tests; see face.h for photos and crops. */
typedef struct arc_net arc_net; /* one thread at a time */
typedef struct arc_net_output {
    const char *name;
    const float *data; /* valid until the next run or free */
    int rank;
    int64_t dim[8];
} arc_net_output;
ARC_API ARC_NODISCARD arc_status arc_net_new(arc_context *ctx, const arc_model *model, arc_net **out, arc_error *err);
ARC_API void arc_net_free(arc_net **net);
ARC_API ARC_NODISCARD arc_status arc_net_run(arc_net *net, const float *input, const int64_t dim[4], arc_error *err);
/* Names the algorithms, the level and the precision of the last run's plan ("avx512-3f2a91bc04"): with the same id, the same weights and input
 * give the same bits, for any number of threads. "" before a run. Valid until the next run or free. */
ARC_API const char *arc_net_plan_id(const arc_net *net);
ARC_API int arc_net_outputs(const arc_net *net);
ARC_API ARC_NODISCARD arc_status arc_net_output_get(const arc_net *net, int index, arc_net_output *out, arc_error *err);

#ifdef __cplusplus
}
#endif
#endif
