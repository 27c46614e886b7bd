/* face: the memory of a result, that is of the faces found in a photo. */
#include "face/result.h"

void arc_result_free(arc_context *ctx, arc_result *result) {
    if (!result)
        return;
    for (int i = 0; result->face && i < result->faces; i++) {
        arc_mem_free(&ctx->alloc, result->face[i].embedding);
        arc_image_free(ctx, &result->face[i].crop);
    }
    arc_mem_free(&ctx->alloc, result->face);
    *result = (arc_result){0};
}

void arc_result_fail(arc_context *ctx, arc_result *r, arc_status st) {
    arc_result kept = {
        .path = r->path, .label = r->label, .status = st, .error = r->error, .width_px = r->width_px, .height_px = r->height_px};
    arc_result_free(ctx, r);
    *r = kept;
}
