/* model: a graph with its contract, and the functions on it that other rooms use: importers, contract rules, self-test and
 * facts. The public ones are in <arcface/model.h>. */
#ifndef ARC_MODEL_MODEL_INTERNAL_H
#define ARC_MODEL_MODEL_INTERNAL_H

#include "model/edges.h"
#include "run/session.h"
#include <arcface/model.h>

struct arc_model {
    arc_alloc alloc;
    arc_graph *graph;
    arc_contract contract;
    char *path; /* NULL for a new model */
    int64_t file_bytes;
    arc_edges_why edges_why; /* how the input of the picture and the output of the embedding were found */
    bool own_onnx;           /* path is an ONNX file that the caller named, not one of a pulled pack */
};

/* contract.c: metadata_props "arcface.*" first, then written rules by graph structure, then options; fills contract->why. */
arc_status arc_contract_read(arc_contract *out, const arc_graph *g, const arc_model_options *opt, arc_error *err);
arc_status arc_contract_write(arc_graph *g, const arc_contract *c, arc_error *err);

/* metadata.c: the metadata that a file of the model has when its contract is `c`, with a new self-test vector, in a graph without
 * nodes that the caller frees. without: entries whose keys begin so are left out; NULL: none. Errors: ENOMEM, those of running
 * the model. */
arc_status arc_model_metadata(arc_context *ctx, const arc_model *model, const arc_contract *c, const char *without,
                              arc_graph **out, arc_error *err);
/* metadata.c: puts another colour order and normalisation into the model's own file. Errors: EUNSUPPORTED where the file is not
 * one that keeps them, EIO, ENOMEM. */
arc_status arc_model_restatable(const arc_model *model, arc_error *err); /* EUNSUPPORTED for other files */
arc_status arc_model_restate(arc_context *ctx, const arc_model *model, bool bgr, const float mean[3], const float scale[3],
                             arc_error *err);

/* contract_rules.c: what the structure alone tells; never fails, task UNKNOWN when no rule fits. chosen: output 0 was named as
 * the embedding. */
void arc_contract_infer(arc_contract *out, const arc_graph *g, bool chosen);
void arc_contract_detector_defaults(arc_contract *c, arc_detector_kind kind); /* colour, mean, scale, thresholds of its family */
#define ARC_EMBED_THRESHOLD 0.28f /* see docs/FORMATS.md: best cosine thresholds on LFW lie between 0.24 and 0.30 */
/* contract_text.c: words of enums and "a,b,c" triples. The readers give false when the text is none of theirs. */
const char *arc_task_name(arc_task t);
const char *arc_detector_name(arc_detector_kind k);
const char *arc_template_name(arc_template t);
bool arc_task_parse(const char *text, arc_task *out);
bool arc_detector_parse(const char *text, arc_detector_kind *out);
bool arc_template_parse(const char *text, arc_template *out);
/* (x / 255 - mean) / deviation of ImageNet's pixels, as torchvision and timm train; in the tensor's channel order. */
void arc_contract_imagenet(bool bgr, float mean[3], float scale[3]);
bool arc_numbers_parse(const char *text, char separator, int count, float *out); /* finite numbers and nothing else */
/* Adds a sentence to contract->why; what does not fit is cut. */
void arc_contract_because(arc_contract *c, const char *fmt, ...) ARC_PRINTF(2, 3);

/* Remarks, which arc_model_note adds and `model info` shows. */
#define ARC_NOTE_PREFIX "arcface.note."

/* selftest.c: whether a graph holds a network in 8 bits. */
bool arc_model_is_int8(const arc_graph *g);
/* selftest.c: "arcface.selftest" = seed and the first values of the output on a seeded random image. */
#define ARC_SELFTEST_KEY "arcface.selftest"
#define ARC_SELFTEST_TEXT 256
arc_status arc_selftest_make(arc_context *ctx, const arc_graph *g, const arc_contract *c, char text[ARC_SELFTEST_TEXT],
                             arc_error *err);
arc_status arc_selftest_run(arc_context *ctx, const arc_graph *g, const arc_contract *c, arc_error *err); /* ARC_OK when absent */

/* net.c: arc_net_new for an execution of one's own, which is copied. */
arc_status arc_net_new_on(const arc_execution *x, const arc_model *model, arc_net **out, arc_error *err);

/* net.c: how many of so many images one run of the graph takes: what the file fixes, one of small embedders, else all. */
int64_t arc_net_piece(const arc_model *model, int64_t images);

/* facts.c: whether the model is run on pictures, so that its work and memory are known. */
bool arc_model_takes_picture(const arc_model *model);
/* facts.c: the input shape for which plans and counts are reported: batch 1 at the contract's size, 640 x 640 where it is
 * free. */
arc_shape arc_model_report_shape(const arc_model *model);
/* facts.c: of the input that takes points, [batch,5,2] or [batch,10]; rank 0 where none does. */
arc_shape arc_model_points_shape(const arc_model *model, int64_t batch);

#endif
