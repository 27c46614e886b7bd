/* face: the result of a photo, if the photo fails later. */
#ifndef ARC_FACE_RESULT_H
#define ARC_FACE_RESULT_H

#include "base/base.h"
#include <arcface/face.h>

/* A failed result has a path, a size, a status and an error only. */
void arc_result_fail(arc_context *ctx, arc_result *r, arc_status st);

#endif
