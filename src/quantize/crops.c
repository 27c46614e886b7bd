/* Quantizing an embedder on aligned crops: checks options and crops, and gives each crop as the network's tensor to quantize.c.
 */
#include "base/base.h"
#include "face/views.h"
#include "image/image.h"
#include "quantize/quantize.h"
#include <arcface/face.h>
#include <math.h>

arc_status arc_crop_tensor(void *pictures, int i, float *tensor, arc_error *err) {
    const arc_crop_pictures *p = pictures;
    const arc_view view = {.image = &p->crop[i]};
    const arc_shape shape = {4, {1, 3, view.image->height_px, view.image->width_px}};
    arc_view_room room;
    (void)err;
    const arc_pixels pixels = arc_views_pixels(&view, 1, p->contract, &room);
    arc_pixels_to_planes(p->ctx->pool, &pixels, &shape, tensor);
    return ARC_OK;
}

arc_status arc_crops_check(const arc_model *model, const arc_image *crops, int count, arc_error *err) {
    const arc_contract *c = arc_model_contract(model);
    int width, height;
    if (c->task != ARC_TASK_EMBED || c->dim <= 0)
        return arc_fail(err, ARC_EINVAL, "this model does not make embeddings: only those are quantized");
    if (count < 2)
        return arc_fail(err, ARC_EINVAL, "%d crops: at least 2 are needed, 100 to 1000 are a good number", count);
    arc_template_get(c->align, &width, &height, NULL);
    for (int i = 0; i < count; i++)
        if (!arc_image_valid(&crops[i]) || crops[i].width_px != width || crops[i].height_px != height)
            return arc_fail(err, ARC_ESHAPE, "crop %d is %dx%d pixels, the model takes %dx%d", i, crops[i].width_px,
                            crops[i].height_px, width, height);
    return ARC_OK;
}

arc_status arc_quantize(arc_context *ctx, const arc_model *model, const arc_image *crops, int count,
                        const arc_quantize_options *opt, arc_model **out, arc_quantize_report *report, arc_error *err) {
    arc_quantize_options own;
    *out = NULL;
    if (ARC_CHECK_OPTIONS(arc_quantize_options, opt, err) != ARC_OK)
        return ARC_EINVAL;
    arc_quantize_options_default(&own);
    if (opt)
        own = *opt;
    if (own.held_out < 2 || (int)own.method < 0 || own.method > ARC_QUANTIZE_KL ||
        !(own.percentile >= 50 && own.percentile <= 100))
        return arc_fail(
            err, ARC_EINVAL,
            "every 2nd crop or rarer is held out, percentiles are 50 to 100, methods are mse, minmax, percentile, kl");
    const arc_status st = arc_crops_check(model, crops, count, err);
    if (st != ARC_OK)
        return st;
    arc_crop_pictures p = {ctx, arc_model_contract(model), crops};
    const arc_crop_source source = {.ctx = &p, .count = count, .get = arc_crop_tensor};
    return arc_quantize_model(ctx, model, &source, &own, out, report, err);
}
