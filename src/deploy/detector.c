/* A detector from pixels to the outputs that its parser in depthai-nodes decodes. */
#include "deploy/detector.h"
#include <arcface/face.h>

#define FREE_SIDE_PX 640 /* SCRFDParser decodes at this side unless the application sets another */

static arc_status family_of(const arc_model *m, const arc_export_options *opt, const arc_deploy_family **family, arc_error *err) {
    const arc_detector_kind kind = m->contract.detector;
    *family = kind == ARC_DETECTOR_SCRFD ? &arc_deploy_scrfd : kind == ARC_DETECTOR_YUNET ? &arc_deploy_yunet : NULL;
    if (!*family)
        return arc_fail(err, ARC_EUNSUPPORTED, "a %s detector: only those of SCRFD and YuNet have a parser in depthai-nodes",
                        arc_detector_name(kind));
    if (opt->batch != 1 || opt->raw || opt->l2)
        return arc_fail(err, ARC_EINVAL, "a detector takes one picture a run, from pixels: no batch, raw or l2");
    return ARC_OK;
}

/* [1,3,h,w]: as declared, else of the side that was asked for. */
static arc_status size_of(const arc_model *m, const arc_export_options *opt, int64_t size[3], arc_error *err) {
    const arc_shape *s = &m->graph->value[m->graph->input[0]].shape;
    const int64_t side = opt->size_px ? opt->size_px : FREE_SIDE_PX;
    size[0] = 1;
    for (int i = 1; i <= 2; i++)
        size[i] = s->rank == 4 && s->dim[i + 1] > 0 ? s->dim[i + 1] : side;
    if (opt->size_px && (size[1] != side || size[2] != side))
        return arc_fail(err, ARC_EINVAL, "a side of %d pixels: the model is for %lldx%lld and no other", opt->size_px,
                        (long long)size[2], (long long)size[1]);
    return ARC_OK;
}

/* What the model itself gives, as the decoders take it; outputs of other types than float32 are left empty. */
static arc_status read_own(arc_deploy_detection *d, const arc_graph *g, const arc_tensor *out, const int64_t size[3],
                           arc_error *err) {
    if (g->outputs > ARC_DEPLOY_MAX_OUTPUTS)
        return arc_fail(err, ARC_ESHAPE, "%d outputs are more than any known detector has", g->outputs);
    d->raw = (arc_raw){.out = d->own, .count = g->outputs, .width_px = (int)size[2], .height_px = (int)size[1]};
    for (int i = 0; i < g->outputs; i++) {
        const arc_shape *s = &out[i].shape;
        d->own[i] = (arc_net_output){.name = g->value[g->output[i]].name, .data = out[i].data};
        if (out[i].dtype != ARC_F32)
            continue;
        d->own[i].rank = s->rank;
        for (int k = 0; k < s->rank; k++)
            d->own[i].dim[k] = s->dim[k];
    }
    return ARC_OK;
}

/* The export on the same picture. */
static arc_status prove(arc_context *ctx, const arc_deploy_writer *w, const arc_deploy_family *family,
                        const arc_deploy_detection *d, const int64_t size[3], double tolerance, arc_error *err) {
    arc_status st;
    arc_deploy_trial t = {0};
    ARC_TRY(arc_deploy_try(ctx, w->g, size, 0, NULL, &t, err));
    for (int i = 0; i < w->g->outputs; i++) {
        const arc_value *v = &w->g->value[w->g->output[i]];
        if (t.out[i].dtype != ARC_F32 || !arc_shape_equal(&t.out[i].shape, &v->shape))
            ARC_TRY(arc_fail(err, ARC_ECORRUPT, "the exported detector's %s has another shape than was meant", v->name));
    }
    ARC_TRY(family->compare(d, w, t.out, tolerance, err));
done:
    arc_deploy_trial_free(&t, &ctx->alloc);
    return st;
}

arc_status arc_deploy_detector(arc_context *ctx, const arc_model *m, const arc_export_options *opt, double tolerance,
                               arc_deploy_writer *w, arc_export_report *report, arc_error *err) {
    arc_status st;
    arc_deploy_trial own = {0};
    arc_deploy_pixels pixels;
    arc_deploy_detection d = {0};
    const arc_deploy_family *family;
    int image, outputs[ARC_DEPLOY_MAX_OUTPUTS];
    int64_t size[3];
    ARC_TRY(family_of(m, opt, &family, err));
    ARC_TRY(size_of(m, opt, size, err));
    ARC_TRY(arc_deploy_try(ctx, m->graph, size, 0, &m->contract, &own, err));
    ARC_TRY(read_own(&d, m->graph, own.out, size, err));
    ARC_TRY(arc_deploy_writer_open(w, m->graph, err));
    ARC_TRY(family->find(w, &d, err));
    for (int i = 0; i < d.count; i++)
        outputs[i] = m->graph->output[d.needed[i]];
    const arc_shape picture = {4, {1, 3, size[1], size[2]}};
    ARC_TRY(arc_deploy_image(w, picture, opt, &image));
    arc_deploy_pixels_of(&pixels, &m->contract);
    ARC_TRY(arc_deploy_input(w, image, &pixels, report));
    ARC_TRY(arc_deploy_fix(w, &picture, err));
    ARC_TRY(arc_deploy_nodes(w, outputs, d.count, err));
    ARC_TRY(family->finish(w, &d));
    if (opt->fp16)
        ARC_TRY(arc_deploy_halve(w, &report->half_weights));
    ARC_TRY(arc_graph_check(w->g, err));
    ARC_TRY(prove(ctx, w, family, &d, size, tolerance, err));
done:
    arc_deploy_trial_free(&own, &ctx->alloc);
    return st == ARC_ENOMEM ? arc_fail_nomem(err, "an exported network") : st;
}
