/* What came of quantizing, as text and JSON. */
#include "base/text.h"
#include <arcface/quantize.h>

static void put_json(arc_text *t, const arc_quantize_outcome *o, const char *path, bool written) {
    const arc_quantize_report *r = &o->report;
    arc_text_add(t, "{\"output\": ");
    arc_text_quote(t, path);
    arc_text_add(t, ", \"written\": %s, \"refused\": ", arc_text_bool(written));
    arc_text_quote(t, o->refused);
    arc_text_add(t,
                 ", \"calibrated\": %d, \"held_out\": %d, \"mean_cosine\": %.7f, \"low_cosine\": %.7f, \"min_cosine\": %.7f, "
                 "\"int8_layers\": %d, \"layers\": %d, \"int8_share\": %.4f, \"fp32_ms\": %.3f, \"int8_ms\": %.3f, "
                 "\"speed_up\": %.3f",
                 r->calibrated, r->held_out, r->mean_cosine, r->low_cosine, r->min_cosine, r->int8_layers, r->layers,
                 r->int8_share, o->fp32_ms, o->int8_ms, o->fp32_ms / o->int8_ms);
    if (o->verified)
        arc_text_add(t, ", \"pairs\": %d, \"accuracy\": [%.5f, %.5f], \"tar\": [%.5f, %.5f]", o->before.pairs, o->before.accuracy,
                     o->after.accuracy, o->before.tar, o->after.tar);
    arc_text_add(t, ", \"layer\": [");
    for (int i = 0; i < r->layers; i++) {
        arc_text_add(t, "%s{\"name\": ", i ? ", " : "");
        arc_text_quote(t, r->layer[i].name);
        arc_text_add(t, ", \"int8\": %s, \"mac_share\": %.5f", arc_text_bool(r->layer[i].int8), r->layer[i].mac_share);
        if (r->layer[i].loss >= 0)
            arc_text_add(t, ", \"loss\": %.6f", r->layer[i].loss);
        arc_text_add(t, "}");
    }
    arc_text_add(t, "]}\n");
}

static void put_text(arc_text *t, const arc_quantize_outcome *o) {
    const arc_quantize_report *r = &o->report;
    arc_text_add(t, "calibrated on %d crops, measured on %d others\n", r->calibrated, r->held_out);
    arc_text_add(t, "cosine to float32  mean %.5f, 1st percentile %.5f, worst %.5f (bounds %g and %g)\n", r->mean_cosine,
                 r->low_cosine, r->min_cosine, o->min_cosine, o->min_low_cosine);
    if (o->verified)
        arc_text_add(t, "%d pairs         accuracy %.5f -> %.5f, TAR@FAR=1e-3 %.5f -> %.5f\n", o->before.pairs,
                     o->before.accuracy, o->after.accuracy, o->before.tar, o->after.tar);
    arc_text_add(t, "one image          %.2f ms -> %.2f ms, %.2f times as fast\n", o->fp32_ms, o->int8_ms,
                 o->fp32_ms / o->int8_ms);
    arc_text_add(t, "int8 layers        %d of %d, %.1f %% of the multiply-adds; float32:", r->int8_layers, r->layers,
                 100 * r->int8_share);
    for (int i = 0; i < r->layers; i++)
        if (!r->layer[i].int8)
            arc_text_add(t, " %s", r->layer[i].name);
    arc_text_add(t, "\n");
}

arc_status arc_quantize_describe(arc_context *ctx, const arc_quantize_outcome *o, const char *path, bool written, bool json,
                                 char **text, arc_error *err) {
    arc_text t;
    arc_text_begin(&t, &ctx->alloc);
    if (json)
        put_json(&t, o, path, written);
    else
        put_text(&t, o);
    return arc_text_end(&t, text, err);
}
