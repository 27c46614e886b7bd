/* Pixels to the network's input: [count][3][h][w] float32, (pixel - mean) * scale in the contract's channel order, rows in parallel. */
#include "face_internal.h"

typedef struct fill {
    const arc_view *view;
    const arc_contract *contract;
    float *out;
    size_t width, height;
} fill;

static void fill_rows(void *arg, size_t begin, size_t end, int thread) {
    (void)thread;
    const fill *f = arg;
    for (size_t i = begin; i < end; i++) {
        const arc_view *v = &f->view[i / f->height];
        size_t y = i % f->height, plane = f->width * f->height;
        const uint8_t *row = v->image->data + (ptrdiff_t)y * v->image->stride_bytes;
        bool swap = f->contract->bgr != (v->image->format == ARC_BGR8);
        for (int c = 0; c < 3; c++) {
            float mean = f->contract->mean[c], scale = f->contract->scale[c];
            float *to = f->out + (i / f->height * 3 + (size_t)c) * plane + y * f->width;
            const uint8_t *p = row + (swap ? 2 - c : c);
            ptrdiff_t step = 3;
            if (v->mirror) {
                p += (ptrdiff_t)(f->width - 1) * 3;
                step = -3;
            }
            for (size_t x = 0; x < f->width; x++)
                to[x] = ((float)p[(ptrdiff_t)x * step] - mean) * scale;
        }
    }
}

void arc_views_to_tensor(const arc_context *ctx, const arc_view *views, int count, const arc_contract *contract, float *out) {
    fill f = {views, contract, out, (size_t)views[0].image->width_px, (size_t)views[0].image->height_px};
    arc_pool_run(ctx->pool, (size_t)count * f.height, 0, fill_rows, &f);
}
