/* Pixels to the network's input: [count][3][h][w] float32, (pixel - mean) * scale in the contract's channel order, rows in parallel.
 *
 * A channel has 256 possible values: they are computed once, as training code computes them. That divides ((x - 127.5) / 127.5), and where
 * scale is the float nearest to 1/d of a half-integer d, so do we: networks that quantise their input feel the last bit. */
#include "face_internal.h"
#include <math.h>

typedef struct fill {
    const arc_view *view;
    const arc_contract *contract;
    float *out;
    size_t width, height;
    float value[3][256];
} fill;

static void fill_values(float value[256], float mean, float scale) {
    const float divisor = (float)(round(2.0 / scale) / 2.0);
    const bool divides = divisor != 0 && isfinite(divisor) && 1.0f / divisor == scale;
    for (int x = 0; x < 256; x++)
        value[x] = divides ? ((float)x - mean) / divisor : ((float)x - mean) * scale;
}

static void fill_rows(void *arg, size_t begin, size_t end, int thread) {
    (void)thread;
    const fill *f = arg;
    for (size_t i = begin; i < end; i++) {
        const arc_view *v = &f->view[i / f->height];
        size_t y = i % f->height, plane = f->width * f->height;
        const uint8_t *row = v->image->data + (ptrdiff_t)y * v->image->stride_bytes;
        bool swap = f->contract->bgr != (v->image->format == ARC_BGR8);
        for (int c = 0; c < 3; c++) {
            float *to = f->out + (i / f->height * 3 + (size_t)c) * plane + y * f->width;
            const uint8_t *p = row + (swap ? 2 - c : c);
            ptrdiff_t step = 3;
            if (v->mirror) {
                p += (ptrdiff_t)(f->width - 1) * 3;
                step = -3;
            }
            for (size_t x = 0; x < f->width; x++)
                to[x] = f->value[c][p[(ptrdiff_t)x * step]];
        }
    }
}

void arc_views_to_tensor(const arc_context *ctx, const arc_view *views, int count, const arc_contract *contract, float *out) {
    fill f = {.view = views, .contract = contract, .out = out};
    f.width = (size_t)views[0].image->width_px;
    f.height = (size_t)views[0].image->height_px;
    for (int c = 0; c < 3; c++)
        fill_values(f.value[c], contract->mean[c], contract->scale[c]);
    arc_pool_run(ctx->pool, (size_t)count * f.height, 0, fill_rows, &f);
}
