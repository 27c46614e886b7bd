/* gallery/photo: how good a face's picture is. */
#include "gallery/photo/measure.h"
#include <math.h>

float arc_photo_quality(const arc_result_face *face) {
    (void)face;
    return NAN;
}

const char *arc_photo_weakness(const arc_result_face *face) {
    (void)face;
    return "";
}

void arc_photo_quality_json(arc_text *t, const arc_result_face *face) {
    (void)t, (void)face;
}
