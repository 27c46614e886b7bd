/* An SCRFD detector from pixels to the outputs that depthai-nodes' SCRFDParser knows by name: score_8, bbox_8, kps_8 and so on.
 * Source of names and order: depthai_nodes/node/parsers/scrfd.py. */
#include "deploy/deploy.h"
#include <arcface/face.h>

#define FREE_SIDE_PX 640 /* SCRFDParser decodes at this side unless the application sets another */
#define MAX_LEVELS 5     /* strides 8 to 128 */
#define LEAST_LEVELS 3

enum { SCORE, BOX, MARK, KINDS };
static const char *const kind_name[KINDS] = {"score", "bbox", "kps"};
static const int64_t kind_columns[KINDS] = {1, 4, 10};

/* The index of the output of that kind at that stride; -1 where there is none. */
static int find(const arc_graph *g, const arc_tensor *out, int64_t rows, int64_t columns) {
    for (int i = 0; i < g->outputs; i++) {
        const arc_shape *s = &out[i].shape;
        if (s->rank >= 2 && s->dim[s->rank - 1] == columns && arc_shape_count(s) == rows * columns)
            return i;
    }
    return -1;
}

static int find_levels(const arc_graph *g, const arc_tensor *out, const int64_t size[3], int anchors,
                       int level[MAX_LEVELS][KINDS]) {
    int count = 0;
    for (; count < MAX_LEVELS; count++) {
        const int64_t stride = 8 << count, across = (size[2] + stride - 1) / stride, down = (size[1] + stride - 1) / stride;
        for (int kind = 0; kind < KINDS; kind++)
            level[count][kind] = find(g, out, across * down * anchors, kind_columns[kind]);
        if (level[count][SCORE] < 0 || level[count][BOX] < 0 || level[count][MARK] < 0)
            break;
    }
    return count;
}

/* Names the outputs and says which they are, in the order of the file: all scores, all boxes, all landmarks. */
static arc_status name_outputs(arc_deploy_writer *w, int levels, int level[MAX_LEVELS][KINDS], int *outputs, arc_error *err) {
    int count = 0;
    for (int kind = 0; kind < KINDS; kind++)
        for (int k = 0; k < levels; k++) {
            const int value = arc_deploy_source(w->from, w->from->output[level[k][kind]]);
            const char *name = arc_arena_printf(&w->g->arena, "%s_%d", kind_name[kind], 8 << k);
            if (!name)
                return arc_fail_nomem(err, "an exported network");
            w->called[value] = name;
            outputs[count++] = w->from->output[level[k][kind]];
        }
    return ARC_OK;
}

static arc_status add_outputs(arc_deploy_writer *w, const arc_tensor *out, int levels, int level[MAX_LEVELS][KINDS]) {
    for (int kind = 0; kind < KINDS; kind++)
        for (int k = 0; k < levels; k++) {
            const int index = level[k][kind], value = w->as[arc_deploy_source(w->from, w->from->output[index])];
            if (value < 0 || arc_graph_add_output(w->g, value) != ARC_OK)
                return ARC_ENOMEM;
            w->g->value[value].dtype = ARC_F32;
            w->g->value[value].shape = out[index].shape;
        }
    return ARC_OK;
}

static arc_status compare(arc_context *ctx, const arc_deploy_writer *w, const int64_t size[3], const arc_tensor *want, int levels,
                          int level[MAX_LEVELS][KINDS], double tolerance, arc_error *err) {
    arc_deploy_trial t = {0};
    arc_status st = arc_deploy_try(ctx, w->g, size, NULL, &t, err);
    for (int i = 0; st == ARC_OK && i < levels * KINDS; i++) {
        const arc_tensor *own = &want[level[i % levels][i / levels]];
        const double c = arc_embedding_cosine(own->data, t.out[i].data, (int)arc_shape_count(&own->shape));
        if (!arc_shape_equal(&own->shape, &t.out[i].shape) || !(c >= 1 - tolerance))
            st = arc_fail(err, ARC_ECORRUPT, "the exported detector's %s differs from the model's: cosine %.6f",
                          w->g->value[w->g->output[i]].name, c);
    }
    arc_deploy_trial_free(&t, &ctx->alloc);
    return st;
}

static arc_status check(const arc_model *m, const arc_export_options *opt, arc_error *err) {
    if (m->contract.detector != ARC_DETECTOR_SCRFD)
        return arc_fail(
            err, ARC_EUNSUPPORTED,
            "a %s detector: only SCRFD's outputs are what a parser of depthai-nodes decodes (its YuNetParser is for the "
            "models of 2022 with loc, conf and iou)",
            arc_detector_name(m->contract.detector));
    if (opt->batch != 1 || opt->raw || opt->l2)
        return arc_fail(err, ARC_EINVAL, "a detector takes one picture a run, from pixels: no batch, raw or l2");
    return ARC_OK;
}

/* [1,3,h,w]: as declared, else of the side that was asked for. */
static void size_of(const arc_model *m, const arc_export_options *opt, int64_t size[3]) {
    const arc_shape *s = &m->graph->value[m->graph->input[0]].shape;
    const int64_t side = opt->size_px ? opt->size_px : FREE_SIDE_PX;
    size[0] = 1;
    size[1] = s->rank == 4 && s->dim[2] > 0 ? s->dim[2] : side;
    size[2] = s->rank == 4 && s->dim[3] > 0 ? s->dim[3] : side;
}

arc_status arc_deploy_detector(arc_context *ctx, const arc_model *m, const arc_export_options *opt, double tolerance,
                               arc_deploy_writer *w, arc_export_report *report, arc_error *err) {
    arc_status st;
    arc_deploy_trial own = {0};
    arc_deploy_pixels pixels;
    int level[MAX_LEVELS][KINDS], outputs[MAX_LEVELS * KINDS], image, levels;
    int64_t size[3];
    ARC_TRY(check(m, opt, err));
    size_of(m, opt, size);
    ARC_TRY(arc_deploy_try(ctx, m->graph, size, &m->contract, &own, err));
    levels = find_levels(m->graph, own.out, size, 2, level);
    if (levels < LEAST_LEVELS)
        levels = find_levels(m->graph, own.out, size, 1, level);
    if (levels < LEAST_LEVELS)
        ARC_TRY(arc_fail(err, ARC_ESHAPE, "scores, boxes and landmarks of strides 8, 16 and 32 are not all there at %lldx%lld",
                         (long long)size[2], (long long)size[1]));
    ARC_TRY(arc_deploy_writer_open(w, m->graph, err));
    ARC_TRY(name_outputs(w, levels, level, outputs, err));
    ARC_TRY(arc_deploy_image(w, (arc_shape){4, {1, 3, size[1], size[2]}}, opt, &image));
    arc_deploy_pixels_of(&pixels, &m->contract);
    ARC_TRY(arc_deploy_input(w, image, &pixels, report));
    ARC_TRY(arc_deploy_nodes(w, outputs, levels * KINDS, err));
    ARC_TRY(add_outputs(w, own.out, levels, level));
    if (opt->fp16)
        ARC_TRY(arc_deploy_halve(w, &report->half_weights));
    ARC_TRY(arc_graph_check(w->g, err));
    ARC_TRY(compare(ctx, w, size, own.out, levels, level, tolerance, err));
done:
    arc_deploy_trial_free(&own, &ctx->alloc);
    return st == ARC_ENOMEM ? arc_fail_nomem(err, "an exported network") : st;
}
