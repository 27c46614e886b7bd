/* op: the gradient of a convolution's input as convolutions of stride 1 over the output's gradient: one for each residue of the
 * input's coordinates by the stride, with the taps that reach it. A stride of 1 has one phase with every tap, turned round. */
#include "op/conv/phase_learn.h"

/* Coordinates c in [first, size) with c = first mod stride; taps k with (first + pad - k) divisible by stride. */
static arc_status new_phase(arc_conv_phase *p, arc_arena *arena, const arc_conv_geometry *g, int64_t y0, int64_t x0,
                            arc_error *err) {
    const size_t most = (size_t)(g->kh * g->kw);
    *p = (arc_conv_phase){.y0 = y0, .x0 = x0};
    p->rows = y0 < g->h ? (g->h - y0 + g->stride_h - 1) / g->stride_h : 0;
    p->cols = x0 < g->w ? (g->w - x0 + g->stride_w - 1) / g->stride_w : 0;
    p->tap = arc_arena_new(arena, most, sizeof *p->tap);
    p->off_y = arc_arena_new(arena, most, sizeof *p->off_y);
    p->off_x = arc_arena_new(arena, most, sizeof *p->off_x);
    if (!p->tap || !p->off_y || !p->off_x)
        return arc_fail_nomem(err, "convolution phases");
    for (int64_t ky = 0; ky < g->kh; ky++)
        for (int64_t kx = 0; kx < g->kw; kx++) {
            const int64_t y = y0 + g->pad_top - ky, x = x0 + g->pad_left - kx;
            if (y % g->stride_h || x % g->stride_w)
                continue;
            p->tap[p->taps] = ky * g->kw + kx;
            p->off_y[p->taps] = y / g->stride_h;
            p->off_x[p->taps++] = x / g->stride_w;
        }
    return ARC_OK;
}

arc_status arc_conv_phases_new(arc_conv_phases *out, arc_arena *arena, const arc_conv_geometry *g, arc_error *err) {
    out->count = 0;
    out->phase = arc_arena_new(arena, (size_t)(g->stride_h * g->stride_w), sizeof *out->phase);
    if (!out->phase)
        return arc_fail_nomem(err, "convolution phases");
    for (int64_t y = 0; y < g->stride_h; y++)
        for (int64_t x = 0; x < g->stride_w; x++) {
            const arc_status st = new_phase(&out->phase[out->count++], arena, g, y, x, err);
            if (st != ARC_OK)
                return st;
        }
    return ARC_OK;
}

void arc_conv_phase_pointers(const arc_conv_geometry *g, const arc_conv_phase *p, const float *dy, const float *zero,
                             size_t image, int64_t i, int64_t j, size_t count, size_t pixel_stride, size_t tap_stride,
                             const float **list) {
    const float *plane = dy + (int64_t)image * g->oh * g->ow * g->c_out;
    for (size_t t = 0; t < p->taps; t++, list += tap_stride) {
        const int64_t y = i + p->off_y[t], x = j + p->off_x[t];
        const float *row = y >= 0 && y < g->oh ? plane + y * g->ow * g->c_out : NULL;
        for (size_t q = 0; q < count; q++) {
            const int64_t at = x + (int64_t)q;
            list[q * pixel_stride] = row && at >= 0 && at < g->ow ? row + at * g->c_out : zero;
        }
    }
}
