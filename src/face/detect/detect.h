/* face: what this room needs of a detector beyond <arcface/face.h>: one with its own execution, such as a lane's with its
 * share of the threads. */
#ifndef ARC_FACE_DETECT_DETECT_H
#define ARC_FACE_DETECT_DETECT_H

#include "device/device.h"
#include <arcface/face.h>

/* As arc_detector_new. The execution is copied; what it points to must outlive the detector. */
arc_status arc_detector_new_on(const arc_execution *x, const arc_model *model, arc_detector **out, arc_error *err);

#endif
