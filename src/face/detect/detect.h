/* detect: what the room asks of a detector beyond <arcface/face.h>: one for an execution of one's own, such as a lane with a
 * share of the threads. */
#ifndef ARC_FACE_DETECT_DETECT_H
#define ARC_FACE_DETECT_DETECT_H

#include "device/device.h"
#include <arcface/face.h>

/* As arc_detector_new; the execution is copied, what it points to outlives the detector. */
arc_status arc_detector_new_on(const arc_execution *x, const arc_model *model, arc_detector **out, arc_error *err);

#endif
