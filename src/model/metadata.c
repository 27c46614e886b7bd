/* model: what a file says of a model beside its graph: contract, notes, self-test vector; and a new contract for a file that
 * stays as it is otherwise. */
#include "format/format.h"
#include "model/model.h"
#include <string.h>

static arc_status fill(arc_context *ctx, const arc_model *m, const arc_contract *c, const char *without, arc_graph *notes,
                       arc_error *err) {
    const arc_graph *g = m->graph;
    char vector[ARC_SELFTEST_TEXT];
    arc_status st = ARC_OK;
    for (int i = 0; i < g->metas && st == ARC_OK; i++)
        if (strcmp(g->meta[i].key, ARC_SELFTEST_KEY) != 0 && !(without && strncmp(g->meta[i].key, without, strlen(without)) == 0))
            st = arc_graph_set_meta(notes, g->meta[i].key, g->meta[i].value);
    if (st != ARC_OK)
        return arc_fail_nomem(err, "the model's metadata");
    st = arc_contract_write(notes, c, err);
    if (st != ARC_OK)
        return st;
    if (g->outputs > 1 && c->task == ARC_TASK_EMBED &&
        arc_graph_set_meta(notes, "arcface.output", g->value[g->output[0]].name) != ARC_OK)
        return arc_fail_nomem(err, "the model's metadata");
    st = arc_selftest_make(ctx, g, c, vector, err);
    if (st == ARC_OK && *vector && arc_graph_set_meta(notes, ARC_SELFTEST_KEY, vector) != ARC_OK)
        return arc_fail_nomem(err, "the model's metadata");
    return st;
}

arc_status arc_model_metadata(arc_context *ctx, const arc_model *model, const arc_contract *c, const char *without,
                              arc_graph **out, arc_error *err) {
    arc_status st = arc_graph_new(out, &ctx->alloc, model->graph->opset, err);
    if (st == ARC_OK)
        st = fill(ctx, model, c, without, *out, err);
    if (st != ARC_OK)
        arc_graph_free(out);
    return st;
}

arc_status arc_model_restatable(const arc_model *model, arc_error *err) {
    return model->own_onnx ? ARC_OK
                           : arc_fail(err, ARC_EUNSUPPORTED,
                                      "%s: only ONNX files of one's own keep a contract; \"arcface convert\" with --color and "
                                      "--norm makes one",
                                      model->path ? model->path : "a new model");
}

arc_status arc_model_restate(arc_context *ctx, const arc_model *model, bool bgr, const float mean[3], const float scale[3],
                             arc_error *err) {
    arc_contract c = model->contract;
    arc_graph *notes = NULL;
    const char *calibration = NULL;
    if (arc_model_restatable(model, err) != ARC_OK)
        return ARC_EUNSUPPORTED;
    if (c.bgr != bgr || memcmp(c.mean, mean, sizeof c.mean) != 0 || memcmp(c.scale, scale, sizeof c.scale) != 0) {
        calibration = "arcface.calibration."; /* its scores came from other embeddings */
        if (arc_graph_meta(model->graph, "arcface.calibration.threshold"))
            c.threshold = ARC_EMBED_THRESHOLD;
    }
    c.bgr = bgr;
    memcpy(c.mean, mean, sizeof c.mean);
    memcpy(c.scale, scale, sizeof c.scale);
    arc_status st = arc_model_metadata(ctx, model, &c, calibration, &notes, err);
    if (st == ARC_OK)
        st = arc_onnx_replace_metadata(&ctx->alloc, model->path, notes->meta, notes->metas, err);
    arc_graph_free(&notes);
    return st;
}
