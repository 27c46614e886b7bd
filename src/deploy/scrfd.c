/* SCRFD behind pixels: its outputs with the names that depthai-nodes' SCRFDParser knows: score_8, bbox_8, kps_8 and so on, in the
 * order all scores, all boxes, all landmarks. Source of names and order: depthai_nodes/node/parsers/scrfd.py. */
#include "deploy/detector.h"

static const char *const kind_name[ARC_SCRFD_KINDS] = {"score", "bbox", "kps"};

static arc_status find(arc_deploy_writer *w, arc_deploy_detection *d, arc_error *err) {
    int anchors;
    bool complete = (d->levels = arc_scrfd_levels(&d->raw, d->scrfd, &anchors)) >= ARC_SCRFD_LEAST_LEVELS;
    for (int k = 0; k < d->levels; k++)
        complete &= d->scrfd[k][ARC_SCRFD_MARK] >= 0;
    if (!complete)
        return arc_fail(err, ARC_ESHAPE, "scores, boxes and landmarks of strides 8, 16 and 32 are not all there at %dx%d",
                        d->raw.width_px, d->raw.height_px);
    for (int kind = 0; kind < ARC_SCRFD_KINDS; kind++)
        for (int k = 0; k < d->levels; k++) {
            const int output = d->scrfd[k][kind];
            const char *name = arc_arena_printf(&w->g->arena, "%s_%d", kind_name[kind], 8 << k);
            if (!name)
                return arc_fail_nomem(err, "an exported network");
            w->called[arc_deploy_source(w->from, w->from->output[output])] = name;
            d->needed[d->count++] = output;
        }
    return ARC_OK;
}

static arc_status finish(arc_deploy_writer *w, const arc_deploy_detection *d) {
    for (int i = 0; i < d->count; i++) {
        const int value = w->as[arc_deploy_source(w->from, w->from->output[d->needed[i]])];
        const arc_net_output *own = &d->raw.out[d->needed[i]];
        arc_shape s = {.rank = own->rank};
        for (int k = 0; k < own->rank; k++)
            s.dim[k] = own->dim[k];
        if (value < 0 || arc_deploy_output(w, value, &s) != ARC_OK)
            return ARC_ENOMEM;
    }
    return ARC_OK;
}

static arc_status compare(const arc_deploy_detection *d, const arc_deploy_writer *w, const arc_tensor *got, double tolerance,
                          arc_error *err) {
    for (int i = 0; i < d->count; i++) {
        const arc_net_output *own = &d->raw.out[d->needed[i]];
        const int64_t columns = own->dim[own->rank - 1], count = arc_output_rows(own, columns) * columns;
        const double c = arc_shape_count(&got[i].shape) == count ? arc_embedding_cosine(own->data, got[i].data, (int)count) : 0;
        if (!(c >= 1 - tolerance))
            return arc_fail(err, ARC_ECORRUPT, "the exported detector's %s differs from the model's: cosine %.6f",
                            w->g->value[w->g->output[i]].name, c);
    }
    return ARC_OK;
}

const arc_deploy_family arc_deploy_scrfd = {find, finish, compare};
