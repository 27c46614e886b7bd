/* face: a face as text in results. */
#ifndef ARC_FACE_TEXT_H
#define ARC_FACE_TEXT_H

#include "base/text.h"
#include <arcface/results.h>

const char *arc_face_name(const arc_result *r);        /* of its photo; never NULL */
const char *arc_face_label(const arc_result *r);       /* the same for messages */
void arc_face_json(arc_text *t, const arc_face *face); /* "box": ..., "score": ..., "landmarks": ..., and "turned": ... of a
                                                        * turned one; without braces */
void arc_looks_json(arc_text *t, int looks);           /* , "looks": [...]; nothing for none */

#define ARC_LOOKS_BYTES 64
void arc_looks_phrase(int looks, char out[ARC_LOOKS_BYTES]); /* "turned, with a border and in tiles" */

#endif
