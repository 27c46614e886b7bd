/* InsightFace's letterbox: the photo at one scale in the top-left corner of the network's input, black elsewhere. */
#include "base/base.h"
#include "image/image.h"
#include <string.h>

void arc_letterbox_size(int width_px, int height_px, int box_width_px, int box_height_px, int *new_width, int *new_height,
                        double *scale) {
    double ratio = (double)height_px / width_px, box_ratio = (double)box_height_px / box_width_px;
    if (ratio > box_ratio) {
        *new_height = box_height_px;
        *new_width = (int)(box_height_px / ratio);
    } else {
        *new_width = box_width_px;
        *new_height = (int)(box_width_px * ratio);
    }
    /* A ribbon thinner than a network pixel still needs one. */
    *new_width = ARC_MAX(1, ARC_MIN(*new_width, box_width_px));
    *new_height = ARC_MAX(1, ARC_MIN(*new_height, box_height_px));
    *scale = ratio > box_ratio || *new_height > 1 ? (double)*new_height / height_px : (double)*new_width / width_px;
}

arc_status arc_letterbox(const arc_alloc *a, arc_pool *pool, const arc_image *from, arc_image *to, double *scale,
                         arc_error *err) {
    arc_image part = *to;
    arc_letterbox_size(from->width_px, from->height_px, to->width_px, to->height_px, &part.width_px, &part.height_px, scale);
    arc_status st = arc_resize_linear(a, pool, from, &part, err);
    if (st != ARC_OK)
        return st;
    size_t used = (size_t)part.width_px * 3, all = (size_t)to->width_px * 3;
    for (int y = 0; y < to->height_px; y++) {
        size_t from_byte = y < part.height_px ? used : 0;
        memset(to->data + y * to->stride_bytes + from_byte, 0, all - from_byte);
    }
    to->format = from->format;
    return ARC_OK;
}
