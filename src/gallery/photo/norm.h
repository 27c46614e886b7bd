/* gallery/photo: how long a model's embeddings of ordinary pictures are, which tells whether one of a new picture is short. */
#ifndef ARC_GALLERY_PHOTO_NORM_H
#define ARC_GALLERY_PHOTO_NORM_H

#include <arcface/face.h>
#include <arcface/gallery.h>

/* The median norm of drawn faces (arcface/data.h), which needs no data: with networks that learned from photographs it is within
 * 6 % of that of photographs. Measured by the pipeline that enrols, at most once for a gallery and its model, which keeps it.
 * Errors: those of the pipeline and of the gallery. */
arc_status arc_photo_typical_norm(arc_gallery *gallery, arc_pipeline *pipeline, double *norm, arc_error *err);
/* What the gallery keeps of it; 0: not measured yet. Errors: those of the gallery. */
arc_status arc_photo_known_norm(arc_gallery *gallery, double *norm, arc_error *err);

#endif
