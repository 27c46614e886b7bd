/* generate: the learner that generators and measurements share, and the file of measured statistics. */
#ifndef ARC_GENERATE_MEASURE_H
#define ARC_GENERATE_MEASURE_H

#include "base/store.h"
#include "generate/generate.h"

/* The pictures of a batch: of the contract's size, the template's where the model takes any. */
arc_shape arc_generate_input(const arc_model *model, int64_t batch);
/* A learner of images alone, by running statistics, over a graph of arc_generate_graph; the caller frees both, learner first. In
 * bfloat16 when the context has that precision. */
arc_status arc_generate_learner(arc_learner **learner, arc_graph **graph, arc_generate_places *places, const arc_context *ctx,
                                const arc_model *model, int64_t batch, bool restored, arc_error *err);
/* Of its weights and running statistics: the same network has the same. */
uint64_t arc_generate_network_hash(arc_learner *l);

/* Two arrays a place, "mean/N" and "deviation/N"; the text says of which network, and how many pictures. */
extern const arc_store_kind arc_generate_measured_kind;
/* Which network the file's text names. Errors: ECORRUPT. */
#define ARC_GENERATE_HASH_TEXT 17
arc_status arc_generate_measured_read(const arc_store_file *f, char network[ARC_GENERATE_HASH_TEXT], arc_error *err);
/* Puts the file's statistics in the place of `s`, those of the learner's normalisations. Errors: those of the store; EINVAL:
 * measured on another network. */
arc_status arc_generate_measured_load(arc_generate_statistics *s, arc_learner *l, const arc_alloc *a, const char *path,
                                      arc_error *err);

#endif
