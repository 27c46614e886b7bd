/* What every export has at its ends: the picture that goes in, and what the file says of itself. */
#include "deploy/deploy.h"
#include <stdio.h>
#include <string.h>

/* The picture: [batch,3,h,w], and behind a Cast where it comes as bytes. */
arc_status arc_deploy_image(arc_deploy_writer *w, arc_shape s, const arc_export_options *opt, int *image) {
    s.dim[0] = opt->batch ? opt->batch : -1;
    const int input = arc_graph_value(w->g, ARC_DEPLOY_INPUT);
    *image = input;
    if (input < 0 || arc_graph_add_input(w->g, input, opt->uint8_input ? ARC_U8 : ARC_F32, &s) != ARC_OK)
        return ARC_ENOMEM;
    w->g->value[input].symbol[0] = opt->batch ? NULL : "N";
    if (!opt->uint8_input)
        return ARC_OK;
    *image = arc_deploy_value(w, "arcface/float");
    arc_node *n = *image >= 0 ? arc_graph_node(w->g, "Cast", "arcface/float", 1, &input, 1, image) : NULL;
    return n ? arc_node_int(w->g, n, "to", ARC_F32) : ARC_ENOMEM;
}

/* What was done to the input and why, for `arcface model info`. */
static arc_status put_note(arc_deploy_writer *w, const arc_export_options *opt, const arc_export_report *r) {
    char text[512];
    const char *order = r->order_folded  ? "in the first convolution"
                        : r->order_nodes ? "by Split and Concat"
                                         : "as the model's own";
    const char *scaling = r->normalisation_folded ? "in the first convolution, which pads nothing or subtracts nothing"
                          : r->normalisation_nodes
                              ? "by Sub and Div in front, the two operations of the original pre-processing: the first "
                                "convolution pads with zeros behind them, and a product with the reciprocal rounds otherwise"
                              : "none needed";
    if (opt->raw)
        snprintf(text, sizeof text, "the input is the model's own, its normalisation the caller's work");
    else
        snprintf(text, sizeof text, "channel order %s; normalisation %s", order, scaling);
    return arc_graph_set_meta(w->g, ARC_NOTE_PREFIX "export", text);
}

arc_status arc_deploy_metadata(arc_context *ctx, arc_deploy_writer *w, const arc_model *m, const arc_export_options *opt,
                               const arc_export_report *report, arc_error *err) {
    arc_status st;
    arc_contract c = m->contract;
    char vector[ARC_SELFTEST_TEXT] = "";
    for (int i = 0; i < 3 && !opt->raw; i++) {
        c.bgr = true;
        c.mean[i] = 0;
        c.scale[i] = 1;
    }
    const arc_shape *s = &w->g->value[w->g->input[0]].shape;
    c.input_height_px = (int)s->dim[2];
    c.input_width_px = (int)s->dim[3];
    for (int i = 0; i < m->graph->metas; i++) {
        const arc_meta *meta = &m->graph->meta[i];
        if (strncmp(meta->key, "arcface.", 8) == 0 && strcmp(meta->key, ARC_SELFTEST_KEY) != 0 &&
            arc_graph_set_meta(w->g, meta->key, meta->value) != ARC_OK)
            return arc_fail_nomem(err, "the model's metadata");
    }
    if (put_note(w, opt, report) != ARC_OK)
        ARC_TRY(arc_fail_nomem(err, "the model's metadata"));
    ARC_TRY(arc_contract_write(w->g, &c, err));
    if (opt->batch <= 1 && !opt->uint8_input)
        ARC_TRY(arc_selftest_make(ctx, w->g, &c, vector, err));
    if (*vector && arc_graph_set_meta(w->g, ARC_SELFTEST_KEY, vector) != ARC_OK)
        ARC_TRY(arc_fail_nomem(err, "the model's metadata"));
done:
    return st;
}
