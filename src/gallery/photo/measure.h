/* gallery/photo: how good a face's picture is, by the one number that enrolment and answers use. */
#ifndef ARC_GALLERY_PHOTO_MEASURE_H
#define ARC_GALLERY_PHOTO_MEASURE_H

#include "base/text.h"
#include <arcface/face.h>

float arc_photo_quality(const arc_result_face *face);                  /* 0 to 1; NAN: unknown */
const char *arc_photo_weakness(const arc_result_face *face);           /* what is weakest about it, in words; static storage */
void arc_photo_quality_json(arc_text *t, const arc_result_face *face); /* ", quality": ... and what it is made of */

#endif
