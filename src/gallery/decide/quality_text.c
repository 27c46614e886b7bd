/* gallery/decide: quality of a face's picture as text, and what to do about a poor one. */
#include "gallery/decide/quality.h"
#include <math.h>

static void put(arc_text *t, const char *format, const char *name, double value) {
    if (!isnan(value))
        arc_text_add(t, format, name, value);
}

void arc_quality_json(arc_text *t, const arc_quality *q) {
    double value[ARC_QUALITY_PARTS];
    arc_quality_values(q, value);
    arc_text_add(t, "{\"combined\": ");
    if (isnan(q->combined))
        arc_text_add(t, "null");
    else
        arc_text_add(t, "%.6g", q->combined);
    for (int i = 0; i < ARC_QUALITY_PARTS; i++)
        put(t, ", \"%s\": %.6g", arc_quality_parts[i].name, value[i]);
    put(t, ", \"%s\": %.4g", "yaw_deg", q->yaw_deg);
    put(t, ", \"%s\": %.4g", "pitch_deg", q->pitch_deg);
    put(t, ", \"%s\": %.4g", "roll_deg", q->roll_deg);
    put(t, ", \"%s\": %.4g", "eyes_px", q->eyes_px);
    put(t, ", \"%s\": %.4g", "residual_px", q->residual_px);
    arc_text_add(t, "}");
}

static void put_line(arc_text *t, const arc_quality *q) {
    double value[ARC_QUALITY_PARTS];
    const char *before = " (";
    arc_quality_values(q, value);
    if (isnan(q->combined)) {
        arc_text_add(t, "unknown");
        return;
    }
    arc_text_add(t, "%.2f", q->combined);
    for (int i = 0; i < ARC_QUALITY_PARTS; i++)
        if (!isnan(value[i])) {
            arc_text_add(t, "%s%s %.2f", before, arc_quality_parts[i].name, value[i]);
            before = ", ";
        }
    arc_text_add(t, ")");
}

arc_status arc_quality_describe(arc_context *ctx, const arc_quality *quality, bool json, char **text, arc_error *err) {
    arc_text t;
    arc_text_begin(&t, &ctx->alloc);
    if (json)
        arc_quality_json(&t, quality);
    else
        put_line(&t, quality);
    return arc_text_end(&t, text, err);
}

arc_status arc_quality_advise(arc_context *ctx, const arc_quality *quality, char **text, arc_error *err) {
    static const char *const advice[ARC_QUALITY_PARTS] = {
        [ARC_QUALITY_DETECTOR] =
            "the detector is not sure that this is a face; take a picture in even light that shows all of it",
        [ARC_QUALITY_ALIGNMENT] =
            "eyes, nose and mouth do not lie as in a face seen from the front; take one from the front that nothing covers",
        [ARC_QUALITY_SHARPNESS] =
            "the face is blurred or was enlarged; hold the camera still, focus on the face, send the original file",
        [ARC_QUALITY_SIZE] = "the face is small; go nearer, or send the photo in full size",
        [ARC_QUALITY_POSE] = "the face is turned away; let the person look into the camera",
        [ARC_QUALITY_NORM] = "the model sees little of a face in it; it may be covered, dark or blurred: take another picture",
    };
    double value[ARC_QUALITY_PARTS];
    const int weakest = arc_quality_weakest(quality);
    arc_text t;
    arc_text_begin(&t, &ctx->alloc);
    arc_quality_values(quality, value);
    if (weakest < 0)
        arc_text_add(&t, "nothing of it could be measured");
    else
        arc_text_add(&t, "%s is %.2f", arc_quality_parts[weakest].name, value[weakest]);
    if (weakest == ARC_QUALITY_SIZE)
        arc_text_add(&t, ", %.0f pixels between the eyes", quality->eyes_px);
    if (weakest == ARC_QUALITY_POSE)
        arc_text_add(&t, ", yaw %ld and pitch %ld degrees", lrint(quality->yaw_deg), lrint(quality->pitch_deg));
    if (weakest >= 0)
        arc_text_add(&t, ": %s", advice[weakest]);
    return arc_text_end(&t, text, err);
}
