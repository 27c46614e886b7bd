/* face: pixels as the input of a network: (pixel - mean) * scale, in the contract's channel order.
 *
 * A channel has 256 possible values, which are computed once. Training code divides, (x - 127.5) / 127.5; so if scale is the
 * float nearest to 1/d for a half-integer d, this code divides too, because networks that quantize their input are sensitive
 * to the last bit. */
#include "face/views.h"
#include "base/base.h"
#include <arcface/image.h>
#include <math.h>

static void fill_values(float value[256], float mean, float scale) {
    const float divisor = (float)(round(2.0 / scale) / 2.0);
    const bool divides = divisor != 0 && isfinite(divisor) && 1.0f / divisor == scale;
    for (int x = 0; x < 256; x++)
        value[x] = divides ? ((float)x - mean) / divisor : ((float)x - mean) * scale;
}

arc_pixels arc_views_pixels(const arc_view *views, int count, const arc_contract *contract, arc_view_room *room) {
    for (int c = 0; c < 3; c++)
        fill_values(room->value[c], contract->mean[c], contract->scale[c]);
    for (int i = 0; i < count; i++)
        room->image[i] = (arc_pixel_image){.data = views[i].image->data,
                                           .stride_bytes = views[i].image->stride_bytes,
                                           .mirror = views[i].mirror,
                                           .swap = contract->bgr != (views[i].image->format == ARC_BGR8)};
    return (arc_pixels){room->image, (const float(*)[256])room->value};
}

arc_status arc_views_run(arc_net *net, const arc_view *views, int count, const arc_contract *contract, arc_error *err) {
    arc_view_room room;
    const arc_pixels pixels = arc_views_pixels(views, count, contract, &room);
    const int64_t dim[4] = {count, 3, views[0].image->height_px, views[0].image->width_px};
    return arc_net_run_pixels(net, &pixels, dim, err);
}
