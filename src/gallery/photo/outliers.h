/* gallery/photo: a face that is unlike the person's other pictures is probably somebody else's. */
#ifndef ARC_GALLERY_PHOTO_OUTLIERS_H
#define ARC_GALLERY_PHOTO_OUTLIERS_H

#include "gallery/photo/batch.h"

/* Doubts (strict: refuses) every entry whose highest cosine with the person's other pictures, in the gallery and in the batch, is
 * below the gallery's threshold: by none of them it would be known. A person's only picture is like itself. Errors: those of
 * arc_gallery_templates, ENOMEM. */
arc_status arc_enroll_find_outliers(arc_enroll_batch *b, arc_error *err);

#endif
