/* face: a face as text in results. */
#include "face/text.h"

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
}
