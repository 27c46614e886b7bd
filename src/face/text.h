/* face: a face as text in results. */
#ifndef ARC_FACE_TEXT_H
#define ARC_FACE_TEXT_H

#include "base/text.h"
#include <arcface/face.h>

const char *arc_face_name(const arc_result *r);        /* of its photo; never NULL */
const char *arc_face_label(const arc_result *r);       /* the same for messages */
void arc_face_json(arc_text *t, const arc_face *face); /* "box": ..., "score": ..., "landmarks": ... without braces */

#endif
