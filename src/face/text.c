/* face: a face as text in results. */
#include "face/text.h"
#include <stdio.h>
#include <string.h>

#define STEP_PX 32 /* sizes of the network are multiples of it */
#define SIZE_MOST_PX 4096

const char *arc_face_name(const arc_result *r) {
    return r->path ? r->path : "(memory)";
}

const char *arc_face_label(const arc_result *r) {
    return r->label ? r->label : arc_face_name(r);
}

void arc_face_json(arc_text *t, const arc_face *f) {
    arc_text_add(t, "\"box\": [%.6g, %.6g, %.6g, %.6g], \"score\": %.6g, \"landmarks\": [", (double)f->x1_px, (double)f->y1_px,
                 (double)f->x2_px, (double)f->y2_px, (double)f->score);
    for (int k = 0; k < 5; k++)
        arc_text_add(t, "%s[%.6g, %.6g]", k ? ", " : "", (double)f->landmark_px[k][0], (double)f->landmark_px[k][1]);
    arc_text_add(t, "]");
    if (f->turned_degrees)
        arc_text_add(t, ", \"turned\": %d", f->turned_degrees);
}

#define LOOKS 3
static const char *const look_names[LOOKS] = {"turned", "border", "tiles"};
static const char *const look_phrases[LOOKS] = {"turned", "with a border", "in tiles"};

void arc_looks_json(arc_text *t, int looks) {
    const char *before = ", \"looks\": [";
    for (int i = 0; i < LOOKS; i++)
        if (looks & 1 << i) {
            arc_text_add(t, "%s\"%s\"", before, look_names[i]);
            before = ", ";
        }
    if (looks)
        arc_text_add(t, "]");
}

void arc_looks_phrase(int looks, char out[ARC_LOOKS_BYTES]) {
    size_t bytes = 0;
    *out = 0;
    for (int i = 0; i < LOOKS; i++) {
        if (!(looks & 1 << i))
            continue;
        const char *between = bytes == 0 ? "" : looks >> (i + 1) ? ", " : " and ";
        bytes += (size_t)snprintf(out + bytes, ARC_LOOKS_BYTES - bytes, "%s%s", between, look_phrases[i]);
    }
}

void arc_result_explain(const arc_result *result, arc_error *why) {
    char looked[ARC_LOOKS_BYTES], also[ARC_LOOKS_BYTES + 16] = "", hint[160];
    const int larger_px = ARC_MIN((2 * result->searched_px + STEP_PX - 1) / STEP_PX * STEP_PX, SIZE_MOST_PX);
    if (result->status != ARC_OK) {
        *why = result->error;
        return;
    }
    arc_looks_phrase(result->looks, looked);
    if (*looked)
        snprintf(also, sizeof also, ", also %s", looked);
    if (result->searched_px > 0 && larger_px > result->searched_px)
        snprintf(hint, sizeof hint, "its longer side was reduced to %d pixels, for small faces try a larger size (--size %d)",
                 result->searched_px, larger_px);
    else if (result->looks & ARC_LOOK_BORDER)
        snprintf(hint, sizeof hint, "it may be too small, covered or seen from the side");
    else
        snprintf(hint, sizeof hint, "if it fills the picture, look at two scales (--multi-scale)");
    (void)arc_fail(why, ARC_ENOTFOUND, "%s: no face found%s%s; %s", arc_face_label(result),
                   result->faces_found > 0 ? " in the box" : "", also, hint);
}
