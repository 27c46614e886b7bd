/* Any bytes as a picture: every codec, orientation, colour profiles, reduced decoding, the first frames. */
#include "base/base.h"
#include <arcface/image.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static arc_context *ctx;
    if (!ctx) {
        arc_settings settings;
        arc_settings_default(&settings);
        settings.threads = 1;
        if (arc_context_open(&ctx, &settings, NULL) != ARC_OK)
            return 0;
    }
    arc_image_options opt;
    arc_image_options_default(&opt);
    opt.max_pixels = 1 << 18;
    opt.min_side_px = size % 2 ? 16 : 0;
    opt.frame = size % 5 == 4 ? (int)(size % 3) : 0;
    arc_image image;
    arc_error err;
    if (arc_image_decode(ctx, data, size, "fuzz", &opt, &image, NULL, &err) == ARC_OK)
        arc_image_free(ctx, &image);
    return 0;
}
