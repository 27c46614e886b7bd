/* model: facts of a model: counts from the graph, the memory plan of a session for one image, the hash of the file. */
#include "base/digest.h"
#include "model/model.h"
#include "plan/cost.h"
#include <string.h>

#define FREE_SIDE_PX 640

arc_shape arc_model_report_shape(const arc_model *m) {
    const arc_contract *c = &m->contract;
    const int64_t h = c->input_height_px > 0 ? c->input_height_px : FREE_SIDE_PX,
                  w = c->input_width_px > 0 ? c->input_width_px : FREE_SIDE_PX;
    const arc_shape *in = &m->graph->value[m->graph->input[0]].shape;
    const int64_t batch = in->rank == 4 && in->dim[0] > 0 ? in->dim[0] : 1;
    return (arc_shape){.rank = 4, .dim = {batch, 3, h, w}};
}

arc_shape arc_model_points_shape(const arc_model *m, int64_t batch) {
    arc_shape s = {.rank = 0};
    if (m->contract.takes_points) {
        s = m->graph->value[m->graph->input[1]].shape;
        s.dim[0] = batch;
    }
    return s;
}

bool arc_model_takes_picture(const arc_model *m) {
    const arc_shape *in = &m->graph->value[m->graph->input[0]].shape;
    return (m->graph->inputs == 1 || m->contract.takes_points) &&
           (in->rank < 0 || (in->rank == 4 && (in->dim[1] < 0 || in->dim[1] == 3)));
}

arc_status arc_model_facts_get(arc_context *ctx, const arc_model *m, arc_model_facts *out, arc_error *err) {
    arc_status st;
    arc_session *session = NULL;
    arc_graph_cost cost;
    arc_plan_stats stats;
    memset(out, 0, sizeof *out);
    out->int8 = arc_model_is_int8(m->graph);
    const arc_shape one = arc_model_report_shape(m), shape[2] = {one, arc_model_points_shape(m, one.dim[0])};
    if (!arc_model_takes_picture(m)) {
        st = arc_fail(err, ARC_EUNSUPPORTED, "%s: work and memory are known of models that take one picture: %.300s",
                      m->path ? m->path : "model", m->contract.why);
        goto done;
    }
    ARC_TRY(arc_graph_cost_of(m->graph, shape, &cost, err));
    const arc_session_options options = {.no_tuning = true};
    ARC_TRY(arc_session_new(&session, ctx, m->graph, &options, err));
    ARC_TRY(arc_session_plan(session, shape, err));
    ARC_TRY(arc_session_stats(session, &stats));
    if (m->path)
        ARC_TRY(arc_digest_file(m->path, out->sha256, err));
    out->parameters = cost.parameters;
    out->running_statistics = cost.running_statistics;
    out->macs = cost.macs / one.dim[0];
    out->flops = 2 * out->macs;
    out->weight_bytes = cost.weight_bytes;
    out->file_bytes = m->file_bytes;
    out->activation_bytes = (int64_t)stats.activation_bytes;
    out->activation_sum_bytes = (int64_t)stats.activation_sum_bytes;
    out->packed_bytes = (int64_t)stats.packed_bytes;
    out->scratch_bytes = (int64_t)stats.scratch_bytes;
    out->nodes = cost.nodes;
    out->steps = stats.steps;
    out->opset = m->graph->opset;
done:
    arc_session_free(&session);
    return st;
}
