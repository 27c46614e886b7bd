/* op: the weights of a convolution as the tile's panels, the form in which they are kept, and how many products they are. */
#include "op/conv/geometry.h"

arc_panels arc_conv_panels(const arc_step *s, const arc_conv_geometry *g) {
    arc_panels p = {.sets = (size_t)g->groups,
                    .n = (size_t)(g->c_out / g->groups),
                    .kc = (size_t)(g->c_in / g->groups),
                    .taps = (size_t)(g->kh * g->kw)};
    p.ws_tap = 1;
    if (g->transposed) { /* [c_in][group_out][kh][kw] */
        p.ws_n = p.taps;
        p.ws_k = p.n * p.taps;
        p.ws_set = p.kc * p.ws_k;
    } else { /* [c_out][kc][kh][kw] */
        p.ws_k = p.taps;
        p.ws_n = p.kc * p.taps;
        p.ws_set = p.n * p.ws_n;
    }
    p.scale_k = arc_step_floats(s, ARC_CONV_IN_SCALE);
    p.scale_n = arc_step_floats(s, ARC_CONV_OUT_SCALE);
    p.scale_k_stride = p.kc;
    p.scale_n_stride = p.n;
    return p;
}

arc_form arc_conv_form(const arc_step *s, const arc_conv_geometry *g, double least) {
    if (!s->in[1].is_const)
        return ARC_FORM_F32;
    if (s->f16 && s->kernels->f16_fast) {
        const arc_panels p = arc_conv_panels(s, g);
        return arc_panels_fit_f16(&p, s->in[1].data, least) ? ARC_FORM_F16 : ARC_FORM_F32;
    }
    const bool pairs = s->bf16 && s->kernels->bf16_fast && !g->transposed && g->groups == 1 && g->c_in >= 16 && g->c_in % 2 == 0;
    return pairs ? ARC_FORM_BF16 : ARC_FORM_F32;
}

double arc_conv_pairs(const arc_kernels *k, const arc_conv_geometry *g) {
    const int64_t lanes = (int64_t)k->igemm_nr / 2;
    return (double)(g->c_in * ((g->c_out + lanes - 1) / lanes * lanes));
}
