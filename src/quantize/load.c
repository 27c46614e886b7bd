/* Crops to calibrate on, from files: ready ones as they are, or the largest faces of photos. */
#include "base/base.h"
#include <arcface/face.h>
#include <arcface/quantize.h>

static arc_status load(arc_context *ctx, const arc_model *model, const char *const *paths, int count, arc_image *crops,
                       int *found, arc_error *err) {
    int width, height;
    arc_template_get(arc_model_contract(model)->align, &width, &height, NULL);
    for (int i = 0; i < count; i++) {
        arc_image *crop = &crops[i];
        const arc_status st = arc_image_load(ctx, paths[i], NULL, crop, NULL, err);
        if (st != ARC_OK)
            return st;
        ++*found;
        if (crop->width_px != width || crop->height_px != height)
            return arc_fail(err, ARC_ESHAPE,
                            "%s is %dx%d pixels, the model takes aligned crops of %dx%d: the faces of photos need a detector",
                            paths[i], crop->width_px, crop->height_px, width, height);
    }
    return ARC_OK;
}

/* Photos without a face are left out. */
static arc_status find(arc_context *ctx, const arc_model *model, const arc_quantize_photos *photos, const char *const *paths,
                       int count, arc_image *crops, int *found, arc_error *err) {
    arc_pipeline_options opt;
    arc_pipeline *pipeline = NULL;
    arc_pipeline_options_default(&opt);
    opt.keep_crops = true;
    opt.detect = photos->detect;
    arc_result *result = arc_mem_new(&ctx->alloc, (size_t)ARC_MAX(count, 1), sizeof *result);
    if (!result)
        return arc_fail_nomem(err, "results of the photos");
    arc_status st = arc_pipeline_new(ctx, photos->detector, model, &opt, &pipeline, err);
    if (st == ARC_OK)
        st = arc_pipeline_run(pipeline, paths, count, result, photos->progress, photos->progress_ctx, err);
    for (int i = 0; i < count; i++) {
        if (st == ARC_OK && result[i].status != ARC_OK)
            arc_log(ctx, ARC_LOG_WARN, "%s", result[i].error.text);
        if (st == ARC_OK && result[i].faces > 0) {
            crops[(*found)++] = result[i].face[0].crop;
            result[i].face[0].crop = (arc_image){0};
        }
        arc_result_free(ctx, &result[i]);
    }
    arc_pipeline_free(&pipeline);
    arc_mem_free(&ctx->alloc, result);
    return st;
}

void arc_quantize_photos_default(arc_quantize_photos *photos) {
    *photos = (arc_quantize_photos){.struct_size = sizeof *photos};
    arc_detect_options_default(&photos->detect);
}

arc_status arc_quantize_crops(arc_context *ctx, const arc_model *model, const arc_quantize_photos *photos,
                              const char *const *paths, int count, arc_image *crops, int *found, arc_error *err) {
    *found = 0;
    if (ARC_CHECK_OPTIONS(arc_quantize_photos, photos, err) != ARC_OK)
        return ARC_EINVAL;
    const arc_status st = photos && photos->detector ? find(ctx, model, photos, paths, count, crops, found, err)
                                                     : load(ctx, model, paths, count, crops, found, err);
    for (; st != ARC_OK && *found > 0; --*found)
        arc_image_free(ctx, &crops[*found - 1]);
    return st;
}
