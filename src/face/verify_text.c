/* face: the comparison of two photos as text and as JSON. */
#include "face/text.h"
#include <arcface/verify.h>

static void describe_plain(arc_text *t, const arc_verified *v) {
    const int count[2] = {v->photo[0].faces, v->photo[1].faces};
    for (int i = 0; i < count[0] * count[1]; i++) {
        const arc_verdict *p = &v->pair[i];
        if (count[0] > 1 || count[1] > 1)
            arc_text_add(t, "face %d - face %d: ", i / count[1], i % count[1]);
        arc_text_add(t, "cosine %.4f  angle %.1f degrees  %s (threshold %.4f)", p->cosine, p->angle_degrees,
                     p->same ? "same person" : "different persons", p->threshold);
        if (p->calibrated)
            arc_text_add(t, "  FAR %.2g  probability %.4f", p->far, p->probability);
        arc_text_add(t, "\n");
    }
    for (int k = 0; k < 2; k++) {
        const int turned = v->photo[k].face[v->face[k]].face.turned_degrees;
        if (turned)
            arc_text_add(t, "%s: the face is upright when the photo is turned by %d degrees\n", arc_face_name(&v->photo[k]),
                         turned);
    }
}

static void describe_photo(arc_text *t, const arc_result *r) {
    arc_text_add(t, "\n  {\"path\": ");
    arc_text_quote(t, arc_face_name(r));
    arc_text_add(t, "%s", r->damaged ? ", \"damaged\": true" : "");
    arc_looks_json(t, r->looks);
    arc_text_add(t, ", \"faces_found\": %d, \"faces\": [", r->faces_found);
    for (int i = 0; i < r->faces; i++) {
        arc_text_add(t, "%s\n    {", i ? "," : "");
        arc_face_json(t, &r->face[i].face);
        arc_text_add(t, ", \"residual\": %.6g, \"quality\": %.6g}", r->face[i].align_residual_px, (double)r->face[i].norm);
    }
    arc_text_add(t, "]}");
}

static void describe_json(arc_text *t, const arc_verified *v) {
    const arc_verdict *best = &v->verdict;
    const int others = v->photo[1].faces;
    arc_text_add(t, "{\"same\": %s, \"cosine\": %.9g, \"angle_degrees\": %.6g, \"threshold\": %.6g,\n", arc_text_bool(best->same),
                 best->cosine, best->angle_degrees, best->threshold);
    if (best->calibrated)
        arc_text_add(t, " \"far\": %.6g, \"probability\": %.6g, \"far_of_threshold\": %.6g,\n", best->far, best->probability,
                     best->far_of_threshold);
    arc_text_add(t, " \"photos\": [");
    describe_photo(t, &v->photo[0]);
    arc_text_add(t, ",");
    describe_photo(t, &v->photo[1]);
    arc_text_add(t, "],\n \"pairs\": [");
    for (int i = 0; i < v->photo[0].faces * others; i++) {
        const arc_verdict *p = &v->pair[i];
        arc_text_add(t, "%s\n  {\"a\": %d, \"b\": %d, \"cosine\": %.9g, \"angle_degrees\": %.6g, \"same\": %s}", i ? "," : "",
                     i / others, i % others, p->cosine, p->angle_degrees, arc_text_bool(p->same));
    }
    arc_text_add(t, "]}\n");
}

arc_status arc_verified_describe(arc_context *ctx, const arc_verified *verified, bool json, char **text, arc_error *err) {
    arc_text t;
    *text = NULL;
    if (!verified->pair)
        return arc_fail(err, ARC_EINVAL, "there is no verdict to describe: arc_verify has not succeeded");
    arc_text_begin(&t, &ctx->alloc);
    if (json)
        describe_json(&t, verified);
    else
        describe_plain(&t, verified);
    return arc_text_end(&t, text, err);
}
