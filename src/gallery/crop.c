/* gallery: aligned crops that come as files. They are small; a file that says otherwise is not one. */
#include "gallery/gallery_internal.h"

#define MOST_PIXELS ((int64_t)1 << 20)

arc_status arc_gallery_decode_crop(const arc_gallery *g, arc_bytes file, arc_image *out, arc_error *err) {
    arc_image_options options;
    arc_image_options_default(&options);
    options.max_pixels = MOST_PIXELS;
    options.strict = 1;
    return arc_image_decode(g->ctx, file.data, file.bytes, "a crop", &options, out, NULL, err);
}
