/* learn: a graph of its own with the weights and statistics that a learner has now. */
#include "learn/learner_internal.h"

static const void *data_of(const void *arg, int value) {
    const arc_learner *l = arg;
    const int owner = l->owner[value];
    if (owner > 0)
        return l->parameter[owner - 1].value;
    return owner < 0 ? l->statistic[-owner - 1].value : l->graph->value[value].data;
}

arc_status arc_learn_copy_graph(const arc_learner *l, arc_graph **out, arc_error *err) {
    const arc_graph_copying how = {.data = data_of, .arg = l};
    arc_status st = arc_graph_copy(out, l->graph, l->x.alloc, &how, err);
    if (st != ARC_OK)
        return st;
    st = arc_graph_copy_meta(*out, l->graph, "arcface.selftest"); /* a self-test holds for the weights it was made with */
    if (st == ARC_ENOMEM)
        arc_fail_nomem(err, "a copy of the network");
    if (st == ARC_OK)
        st = arc_graph_check(*out, err);
    if (st != ARC_OK)
        arc_graph_free(out);
    return st;
}
