/* deploy: a model for other toolchains. A new graph is built beside the model's (writer.c): rewrite.c copies what the embedding
 * needs in classic operators (classic.c says which those are, spell.c how newer ones are put in them), input.c puts the pixels'
 * meaning in front or into the first convolution, half.c stores weights in half precision, probe.c runs what was built, export.c
 * puts it together. */
#ifndef ARC_DEPLOY_DEPLOY_INTERNAL_H
#define ARC_DEPLOY_DEPLOY_INTERNAL_H

#include "model/model.h"
#include <arcface/deploy.h>

#define ARC_DEPLOY_OPSET 13 /* the newest that every toolchain of docs/DEPLOY.md reads */
#define ARC_DEPLOY_INPUT "images"
#define ARC_DEPLOY_OUTPUT "output"

typedef struct arc_deploy_writer {
    const arc_graph *from;
    arc_graph *g;
    int *as;             /* [from->values] the value's index in g, ARC_NO_VALUE before it is made */
    bool *needed;        /* [from->nodes] an output depends on it */
    const char **called; /* [from->values] the name it gets in g; NULL: one near its own */
    int made;            /* names made so far */
    arc_graph *own;      /* `from` where that was made for this export; closed with it */
} arc_deploy_writer;

/* ---- export.c ---- */

/* *own: what `opt` says, or the defaults where it is NULL. Errors: EINVAL. */
arc_status arc_deploy_options(arc_export_options *own, const arc_export_options *opt, arc_error *err);
/* The network as arc_export_onnx writes it, in w->g, tried out; w is open after success alone. */
arc_status arc_deploy_export(arc_context *ctx, const arc_model *model, const arc_export_options *opt, arc_deploy_writer *w,
                             arc_export_report *report, arc_error *err);

/* ---- frame.c ---- */

/* The picture of that shape, its batch as `opt` has it, and behind a Cast where it comes as bytes. Errors: ENOMEM. */
arc_status arc_deploy_image(arc_deploy_writer *w, arc_shape s, const arc_export_options *opt, int *image);
/* Contract, notes and calibration. A self-test where one picture of floats goes in. */
arc_status arc_deploy_metadata(arc_context *ctx, arc_deploy_writer *w, const arc_model *m, const arc_export_options *opt,
                               const arc_export_report *report, arc_error *err);

/* ---- detector.c (detector.h) ---- */

/* As arc_deploy_export, of a detector: without metadata and shapes of the report. */
arc_status arc_deploy_detector(arc_context *ctx, const arc_model *m, const arc_export_options *opt, double tolerance,
                               arc_deploy_writer *w, arc_export_report *report, arc_error *err);

/* ---- yunet.c ---- */

/* Rows of every output that YuNetParser expects of pictures of that size. */
int64_t arc_deploy_yunet_rows(int64_t height, int64_t width);

/* ---- writer.c ---- */

arc_status arc_deploy_writer_open(arc_deploy_writer *w, const arc_graph *from, arc_error *err);
void arc_deploy_writer_close(arc_deploy_writer *w); /* g too, unless it was taken */
/* What an Identity or Dropout passes on. */
int arc_deploy_source(const arc_graph *g, int value);
#define ARC_DEPLOY_NAME_BYTES 512
/* A name near `of` that nothing has yet. */
void arc_deploy_free_name(arc_deploy_writer *w, const char *of, char name[ARC_DEPLOY_NAME_BYTES]);
/* A value of a name near `name` that nothing has yet; ARC_NO_VALUE on ENOMEM. */
int arc_deploy_value(arc_deploy_writer *w, const char *name);
int arc_deploy_constant(arc_deploy_writer *w, const char *name, arc_dtype t, const arc_shape *s, void **data);
/* A constant with a copy of number[count]: a list, or a single number of rank 0. */
int arc_deploy_numbers(arc_deploy_writer *w, arc_dtype t, int rank, int64_t count, const void *number);
/* A node and its output, which is returned: `out`, or a new value where that is ARC_NO_VALUE. made (may be NULL): the node.
 * ARC_NO_VALUE where an input is that, and on ENOMEM. */
int arc_deploy_node(arc_deploy_writer *w, const char *op, int inputs, const int *in, int out, arc_node **made);
int arc_deploy_binary(arc_deploy_writer *w, const char *op, int a, int b, int out);
/* Makes the value an output, float32 of that shape. Errors: ENOMEM. */
arc_status arc_deploy_output(arc_deploy_writer *w, int value, const arc_shape *s);

/* ---- rewrite.c ---- */

/* Copies every node that outputs[count] (of from) need, with the names of w->called; w->as holds the input already. */
arc_status arc_deploy_nodes(arc_deploy_writer *w, const int *outputs, int count, arc_error *err);

/* ---- fixed.c ---- */

/* Makes constants of what follows from sizes when the input has this shape, before nodes are copied. Errors: ENOMEM. */
arc_status arc_deploy_fix(arc_deploy_writer *w, const arc_shape *input, arc_error *err);

/* ---- rows.c ---- */

/* A copy of g in which every Reshape that provably fixes the number of pictures at 1 takes any number; NULL where there is none.
 * one: the input's shape for one picture. The copy borrows from g. Errors: ENOMEM. */
arc_status arc_deploy_free_rows(const arc_graph *g, const arc_shape *one, arc_graph **out, arc_error *err);

/* ---- classic.c ---- */

/* Whether the node can be written at opset ARC_DEPLOY_OPSET or the graph's own older one: EUNSUPPORTED names operator and
 * reason. */
arc_status arc_deploy_classic(const arc_graph *g, const arc_node *n, arc_error *err);
/* An attribute that newer opsets added and whose value here is what older ones mean. */
bool arc_deploy_newer_attribute(const arc_graph *g, const arc_node *n, const arc_attr *a);
/* A reduction whose axes came as an input with opset 18 and were an attribute before. */
bool arc_deploy_axes_input(const arc_graph *g, const arc_node *n);

/* ---- spell.c ---- */

/* Whether the node is written in several older operators. */
bool arc_deploy_spells(const arc_graph *g, const arc_node *n);
/* Writes them: from in[n->inputs] (of w->g) to `out`. Errors: ENOMEM. */
arc_status arc_deploy_spell(arc_deploy_writer *w, const arc_node *n, const int *in, int out);

/* ---- input.c ---- */

/* What stands between the pixels (BGR, 0..255) and the model's own input. */
typedef struct arc_deploy_pixels {
    bool swap;                 /* the model takes RGB */
    float mean[3], divisor[3]; /* in BGR order: (pixel - mean) / divisor */
    bool shifts, scales;       /* some mean is not 0; some divisor is not 1 */
} arc_deploy_pixels;
/* 1 / scale as people write it: 127.5, not its neighbour in float32. */
float arc_deploy_divisor(float scale);
void arc_deploy_pixels_of(arc_deploy_pixels *p, const arc_contract *c);
/* Puts nodes between `image` (of w->g) and the model's input, and changes the first convolution where that is exact; the report
 * says which. */
arc_status arc_deploy_input(arc_deploy_writer *w, int image, const arc_deploy_pixels *p, arc_export_report *report);

/* ---- half.c ---- */

/* Large float32 weights of g as float16 initializers, each behind a Cast. *count: how many. */
arc_status arc_deploy_halve(arc_deploy_writer *w, int *count);

/* ---- probe.c ---- */

/* A run of drawn pictures. Free it after failures too. */
typedef struct arc_deploy_trial {
    arc_session *session;
    float *image;
    arc_tensor *out; /* [outputs of the graph]; their data belong to the session */
} arc_deploy_trial;
/* size: pictures, height, width; first: the number of the first picture. c: what g takes; NULL: pixels, BGR 0..255. The pictures
 * are the same either way. */
arc_status arc_deploy_try(arc_context *ctx, const arc_graph *g, const int64_t size[3], int64_t first, const arc_contract *c,
                          arc_deploy_trial *t, arc_error *err);
void arc_deploy_trial_free(arc_deploy_trial *t, const arc_alloc *a);

#define ARC_DEPLOY_ROWS 2 /* pictures that are compared */
/* Drawn pictures through the model as it is, each alone: rows[ARC_DEPLOY_ROWS][*dim], *rank of the network's output. Free *rows
 * with arc_mem_free.
 * Errors: ESHAPE where the output is neither [N,F] nor [N,F,1,1]. */
arc_status arc_deploy_reference(arc_context *ctx, const arc_model *model, float **rows, int64_t *dim, int *rank, arc_error *err);
/* The same pictures and others through g at this batch: its shape must be [batch,dim], and its first rows `rows`. raw: it takes
 * what the model takes. */
arc_status arc_deploy_probe(arc_context *ctx, const arc_model *model, const arc_graph *g, int64_t batch, bool raw,
                            const float *rows, int64_t dim, double tolerance, arc_error *err);

#endif
