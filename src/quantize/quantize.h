/* quantize: post-training quantization of a network to a standard ONNX QDQ graph.
 *
 *   load.c      files to crops: ready ones, or the largest faces of photos
 *   crops.c     crops to the network's tensors: arc_quantize
 *   quantize.c  calibration, sensitivity, the held-out cosines
 *   range.c     what values a tensor takes, and the range that its 255 levels should cover
 *   graph.c     the network as layers; writing it with quantizers around those that are to run in 8 bits
 *   gate.c      verified pairs, speed and the verdict on the 8-bit model
 *   describe.c  what came of it as text and JSON */
#ifndef ARC_QUANTIZE_QUANTIZE_H
#define ARC_QUANTIZE_QUANTIZE_H

#include "model/model.h"
#include <arcface/quantize.h>

/* ---- range.c ---- */

#define ARC_RANGE_BINS 4096 /* an even number: half of them below zero */

/* Counts of values in bins of one width around zero; the width doubles when a value falls outside. */
typedef struct arc_histogram {
    double width; /* 0 = nothing counted yet */
    float least, most;
    uint64_t bin[ARC_RANGE_BINS];
} arc_histogram;
void arc_histogram_add(arc_histogram *h, const float *x, size_t count); /* values that are not finite are left out */

typedef struct arc_range {
    float lo, hi; /* lo <= 0 <= hi, lo < hi */
} arc_range;
/* percentile: 50..100, of ARC_QUANTIZE_PERCENTILE. Without values the range is -1..1. */
arc_range arc_range_of(const arc_histogram *h, arc_quantize_method method, double percentile);

/* ---- graph.c ---- */

/* A Conv or Gemm with constant weights, and the BatchNormalization behind it that goes into them. Indices are the source
 * graph's. */
typedef struct arc_quant_layer {
    int node, norm; /* norm ARC_NO_VALUE: none */
    int x, y;       /* the values between which it stands */
    bool gemm;
    int64_t c_out, per_out; /* output channels, weights of one of them */
    int64_t c_in, taps, groups;
    int64_t macs; /* filled by who knows shapes */
    bool int8;    /* to be written in 8 bits */
} arc_quant_layer;

/* The layers of a graph in order; *layers is [graph->nodes] and freed with arc_mem_free. */
arc_status arc_quant_layers(const arc_graph *g, arc_quant_layer **layers, int *count, arc_error *err);

/* Weights and bias of a layer with its BatchNormalization in them; weights [c_out][per_out] whatever the source's order. */
void arc_quant_fold(const arc_graph *g, const arc_quant_layer *l, float *weights, float *bias);

/* What is known of the source's values: ranges of those around layers, and the mean of each channel of a layer's input. */
typedef struct arc_quant_facts {
    const arc_range *range;   /* [values] */
    const float *const *mean; /* [values], NULL where unknown: [c_in] */
} arc_quant_facts;

/* The graph at opset 13 or later with BatchNormalizations folded into the layers, and quantizers around those that are `int8`.
 * Every value of the source that is still there keeps its name. facts may be NULL when no layer is in 8 bits. Initializers are
 * shared with `g`. */
arc_status arc_quant_write(arc_graph **out, const arc_graph *g, const arc_quant_layer *layers, int count,
                           const arc_quant_facts *facts, arc_error *err);

/* ---- crops.c ---- */

/* Aligned crops of the template's size. Errors: EINVAL (no embedder, too few), ESHAPE (names the crop). */
arc_status arc_crops_check(const arc_model *model, const arc_image *crops, int count, arc_error *err);
typedef struct arc_crop_pictures {
    const arc_context *ctx;
    const arc_contract *contract; /* of the network that takes them */
    const arc_image *crop;
} arc_crop_pictures;
/* arc_crop_source's get over arc_crop_pictures. */
arc_status arc_crop_tensor(void *pictures, int i, float *tensor, arc_error *err);

/* ---- quantize.c ---- */

/* Where crops come from: fills [3][h][w] of crop i as the network takes it. */
typedef struct arc_crop_source {
    void *ctx;
    int count;
    arc_status (*get)(void *ctx, int i, float *tensor, arc_error *err);
} arc_crop_source;

arc_status arc_quantize_model(arc_context *ctx, const arc_model *model, const arc_crop_source *crops,
                              const arc_quantize_options *opt, arc_model **out, arc_quantize_report *report, arc_error *err);

/* ---- gate.c ---- */

#define ARC_REFUSED_BYTES 300 /* of arc_quantize_outcome's refused */

/* Other arithmetic beside float32. */
typedef struct arc_quantize_case {
    double mean_cosine, low_cosine;         /* low: 1st percentile */
    const arc_verification *before, *after; /* NULL: no pairs */
} arc_quantize_case;
/* What of it is outside the gate's bounds, as half a sentence; "": nothing. */
void arc_quantize_verdict(const arc_quantize_case *c, const arc_quantize_gate *gate, char refused[ARC_REFUSED_BYTES]);
/* The verdict on the report and the verified pairs, into o->refused. */
void arc_quantize_judge(arc_quantize_outcome *o, const arc_quantize_gate *gate);
/* The gate's pairs with a model. stage: what progress calls it. */
arc_status arc_quantize_verify(arc_context *ctx, const arc_model *model, const arc_quantize_gate *gate, const char *stage,
                               arc_verification *out, arc_error *err);

#endif
