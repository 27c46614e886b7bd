/* pipeline: what the rooms above ask of a pipeline beyond <arcface/face.h>. */
#ifndef ARC_FACE_PIPELINE_H
#define ARC_FACE_PIPELINE_H

#include <arcface/face.h>

const arc_model *arc_pipeline_model(const arc_pipeline *pipeline); /* the embedder's */

#endif
