/* face: what other rooms need of a pipeline beyond <arcface/face.h>. */
#ifndef ARC_FACE_PIPELINE_H
#define ARC_FACE_PIPELINE_H

#include <arcface/face.h>

arc_context *arc_pipeline_context(const arc_pipeline *pipeline);
const arc_model *arc_pipeline_model(const arc_pipeline *pipeline); /* the embedder's model; NULL without an embedder */

#endif
