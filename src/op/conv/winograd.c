/* op: 3x3 convolution of stride 1 by Winograd's algorithm over NHWC: the candidates it offers to a plan, and weights packed once
 * in its domain. The tiles and blocks, and the run over them, are winograd_blocks.c's. */
#include "op/conv/geometry.h"
#include "op/conv/winograd_blocks.h"
#include "op/fused.h"
#include <assert.h>
#include <math.h>
#include <string.h>

#define TRANSFORM_4 0.75 /* of the floats a second, in the transforms of the larger tile */
/* Root mean square of weights that half precision keeps: the smallest point of the tile has 1/27 of it (2: 3/4), and is to be
 * normal. */
#define LEAST_F16_2 0x1p-13
#define LEAST_F16_4 0x1p-9
#define FORM_STEP 16 /* in a candidate's variant */

static const char *const algorithm_name[][2] = {
    {"winograd 2x2", "winograd 4x4"}, {"winograd bf16", NULL}, {"winograd 2x2 fp16", "winograd 4x4 fp16"}}; /* by form and tile */
static const char *const pack_name[] = {"conv winograd", "conv winograd bf16", "conv winograd fp16"};
static const char *const schedule_name[ARC_WINOGRAD_SCHEDULES] = {"own blocks", "shared panels", "shared points"};

typedef struct wino_state {
    arc_conv_run_fn *run; /* first member, as geometry.h asks */
    arc_epilogue act;
    const float *zero; /* [c_in] */
    const float *packed;
    arc_winograd_blocks blocks;
} wino_state;

/* ---- choice ---------------------------------------------------------------------------------------------------------------- */

static double tiles_of(const arc_conv_geometry *g, int t) {
    return (double)(g->n * ((g->oh + t - 1) / t) * ((g->ow + t - 1) / t));
}

/* Transforms and products; the weights of a whole network stream from memory once a run, beside the products. */
static double winograd_ns(const arc_prepare *p, const arc_conv_geometry *g, int t, arc_form form) {
    const arc_rates r = arc_choice_rates(p);
    const double pairs = arc_conv_pairs(p->step->kernels, g), tiles = tiles_of(g, t), points = (double)((t + 2) * (t + 2));
    const double rise = form == ARC_FORM_BF16 ? 2 : 1, dense = form == ARC_FORM_F32 ? 1 : 2;
    const double multiply = pairs * points * tiles / r.macs / rise / r.threads,
                 weights = pairs * points / r.weight_floats / dense;
    const double transform = tiles * points * (double)(g->c_in + g->c_out) / r.floats / r.threads;
    return fmax(multiply, weights) + transform / (t == 4 ? TRANSFORM_4 : 1);
}

static arc_winograd_blocks blocks_of(const arc_conv_geometry *g, int t, arc_form form) {
    return (arc_winograd_blocks){.t = t,
                                 .form = form,
                                 .store = ARC_STORE_F32,
                                 .h = g->h,
                                 .w = g->w,
                                 .oh = g->oh,
                                 .ow = g->ow,
                                 .pad_top = g->pad_top,
                                 .pad_left = g->pad_left,
                                 .c_in = (size_t)g->c_in,
                                 .c_out = (size_t)g->c_out};
}

/* Tile and form of a candidate. */
static arc_status prepare_candidate(arc_prepare *p, const void *layer, const arc_candidate *self) {
    return arc_winograd_prepare(p, layer, self->variant % FORM_STEP, (arc_form)(self->variant / FORM_STEP), self->schedule);
}

static int add_candidates(const arc_prepare *p, const arc_conv_geometry *g, int t, arc_form form, arc_candidate *list) {
    const arc_step *s = p->step;
    arc_winograd_blocks blocks = blocks_of(g, t, form);
    if (!arc_winograd_tiles_init(&blocks, s->kernels))
        return 0;
    const arc_winograd_schedule usual = arc_winograd_usual_schedule(
        &blocks, s->kernels, arc_winograd_tiles(&blocks, (size_t)g->n), (size_t)arc_pool_threads(s->pool));
    const double ns = winograd_ns(p, g, t, form);
    for (int i = 0; i < ARC_WINOGRAD_SCHEDULES; i++)
        list[i] = (arc_candidate){.algorithm = algorithm_name[form][t / 2 - 1],
                                  .schedule = schedule_name[i],
                                  .cost_ns = ns * (i == (int)usual ? 1 : 1.001), /* the rule, unless measured otherwise */
                                  .variant = t + FORM_STEP * (int)form,
                                  .prepare = prepare_candidate};
    return ARC_WINOGRAD_SCHEDULES;
}

int arc_winograd_candidates(const arc_prepare *p, const arc_conv_geometry *g, arc_candidate *list) {
    const arc_step *s = p->step;
    const bool fits = !g->transposed && g->groups == 1 && g->kh == 3 && g->kw == 3 && g->stride_h == 1 && g->stride_w == 1 &&
                      g->dilation_h == 1 && g->dilation_w == 1 && s->in[1].is_const && g->c_in >= 8;
    if (!fits || g->n == 0 || s->low_memory)
        return 0;
    int count = 0;
    for (int t = 2; t <= 4; t += 2) {
        const arc_form form = arc_conv_form(s, g, t == 4 ? LEAST_F16_4 : LEAST_F16_2);
        if (form != ARC_FORM_BF16)
            count += add_candidates(p, g, t, form, list + count);
        else if (t == 2) /* the tile of 4 costs bfloat16 two of its eight bits, */
            count += add_candidates(p, g, t, form, list + count);
        else /* but in fp32 it is the faster one where there are few channels */
            count += add_candidates(p, g, t, ARC_FORM_F32, list + count);
    }
    return count;
}

/* ---- prepare --------------------------------------------------------------------------------------------------------------- */

typedef struct pack_job {
    const arc_step *s;
    const arc_winograd_blocks *b;
    float *packed;
} pack_job;

static void pack_items(void *arg, size_t begin, size_t end, int thread) {
    const pack_job *job = arg;
    const arc_winograd_blocks *b = job->b;
    (void)thread;
    for (size_t panel = begin; panel < end; panel++)
        arc_winograd_pack_panel(job->s->kernels, b->t, b->form, b->c_out, panel * job->s->kernels->igemm_nr, b->c_in,
                                job->s->in[1].data, arc_step_floats(job->s, ARC_CONV_IN_SCALE),
                                arc_step_floats(job->s, ARC_CONV_OUT_SCALE), job->packed + panel * b->points * b->panel_floats,
                                b->panel_floats);
}

static arc_status pack(arc_prepare *p, wino_state *w) {
    arc_step *s = p->step;
    const arc_winograd_blocks *b = &w->blocks;
    arc_panels key = {.sets = 1, .n = b->c_out, .kc = b->c_in, .taps = b->points};
    key.scale_k = arc_step_floats(s, ARC_CONV_IN_SCALE);
    key.scale_n = arc_step_floats(s, ARC_CONV_OUT_SCALE);
    bool fresh = false;
    float *packed = arc_packed_room(p, pack_name[b->form], s->in[1].data, arc_pack_variant(s->kernels, &key),
                                    b->floats * sizeof(float), &fresh);
    if (!packed)
        return arc_fail_nomem(p->err, "packed weights");
    w->packed = packed;
    pack_job job = {s, b, packed};
    if (fresh)
        arc_pool_run(s->pool, b->panels, 1, pack_items, &job);
    return ARC_OK;
}

static void winograd_run(const arc_step *s);

arc_status arc_winograd_prepare(arc_prepare *p, const arc_conv_geometry *g, int t, arc_form form, const char *schedule) {
    arc_step *s = p->step;
    wino_state *w = arc_arena_new(p->arena, 1, sizeof *w);
    float *zero = arc_arena_new(p->arena, (size_t)g->c_in, sizeof *zero);
    if (!w || !zero)
        return arc_fail_nomem(p->err, "convolution state");
    *w = (wino_state){.run = winograd_run, .zero = zero, .blocks = blocks_of(g, t, form)};
    const bool known = arc_fused_act(s->node, &w->act);
    assert(known);
    (void)known;
    arc_winograd_blocks *b = &w->blocks;
    for (int i = 0; i < ARC_WINOGRAD_SCHEDULES; i++)
        if (strcmp(schedule, schedule_name[i]) == 0)
            b->schedule = (arc_winograd_schedule)i;
    if (!arc_winograd_tiles_init(b, s->kernels))
        return arc_fail_nomem(p->err, "packed weights");
    const arc_status st = pack(p, w);
    if (st != ARC_OK)
        return st;
    if (!arc_winograd_blocks_init(b, s->kernels, (size_t)g->n, (size_t)arc_pool_threads(s->pool)))
        return arc_fail_nomem(p->err, "convolution scratch");
    s->scratch_bytes = b->scratch_bytes;
    s->shared_scratch_bytes = b->shared_bytes;
    s->state = w;
    s->algorithm = algorithm_name[form][t / 2 - 1];
    return ARC_OK;
}

static void winograd_run(const arc_step *s) {
    const wino_state *w = s->state;
    const float *pad = arc_step_floats(s, ARC_CONV_PAD_VALUE);
    const arc_winograd_call call = {.blocks = &w->blocks,
                                    .kernels = s->kernels,
                                    .pool = s->pool,
                                    .images = (size_t)s->in[0].shape.dim[0],
                                    .x = s->in[0].data,
                                    .pad = pad ? pad : w->zero,
                                    .u = w->packed,
                                    .y = s->out[0].data,
                                    .e = arc_fused_bind(s, &w->act, w->blocks.c_out),
                                    .scratch = (uint8_t *)s->scratch,
                                    .scratch_stride = s->scratch_stride,
                                    .shared = (float *)(void *)s->shared_scratch};
    arc_winograd_convolve(&call);
}
