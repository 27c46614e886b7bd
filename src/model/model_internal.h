/* model: a graph with its contract. Joins importers, contract rules, self-test and facts. */
#ifndef ARC_MODEL_INTERNAL_H
#define ARC_MODEL_INTERNAL_H

#include "nn/nn.h"
#include <arcface/model.h>

struct arc_model {
    arc_alloc alloc;
    arc_graph *graph;
    arc_contract contract;
    char *path;      /* NULL for a new model */
    int64_t file_bytes;
};

/* contract.c: metadata_props "arcface.*" first, then written rules by graph structure, then options; fills contract->why. */
arc_status arc_contract_read(arc_contract *out, const arc_graph *g, const arc_model_options *opt, arc_error *err);
arc_status arc_contract_write(arc_graph *g, const arc_contract *c, arc_error *err);

/* selftest.c: "arcface.selftest" = seed and the first values of the output on a seeded random image. */
arc_status arc_selftest_write(arc_context *ctx, arc_graph *g, const arc_contract *c, arc_error *err);
arc_status arc_selftest_run(arc_context *ctx, const arc_graph *g, const arc_contract *c, arc_error *err); /* ARC_OK when absent */

#endif
