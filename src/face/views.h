/* face: crops, mirrored or not, as the input of a network. */
#ifndef ARC_FACE_VIEWS_H
#define ARC_FACE_VIEWS_H

#include "model/pixels.h"
#include <arcface/image.h>

typedef struct arc_view {
    const arc_image *image;
    bool mirror;
} arc_view;
#define ARC_EMBED_BATCH 16 /* views in one network run */
typedef struct arc_view_room {
    arc_pixel_image image[ARC_EMBED_BATCH];
    float value[3][256];
} arc_view_room;
/* At most ARC_EMBED_BATCH views of equal size as an input: (pixel - mean) * scale, in the contract's channel order. Valid as
 * long as `room`. */
arc_pixels arc_views_pixels(const arc_view *views, int count, const arc_contract *contract, arc_view_room *room);
arc_status arc_views_run(arc_net *net, const arc_view *views, int count, const arc_contract *contract, arc_error *err);

#endif
