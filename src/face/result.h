/* result: what was found in a photo, when the photo fails after all. */
#ifndef ARC_FACE_RESULT_H
#define ARC_FACE_RESULT_H

#include "base/base.h"
#include <arcface/face.h>

/* A failed photo keeps path, size, status and error only. */
void arc_result_fail(arc_context *ctx, arc_result *r, arc_status st);

#endif
