/* op: Conv and ConvTranspose over NHWC, with the epilogue of a fused node.
 *
 * An implicit GEMM whose A rows are pointers to input pixels (no im2col) and whose B are the weights, packed once; convolutions
 * whose groups are too thin for its tiles go to depthwise.c, 3x3 ones of stride 1 to winograd.c where that is faster. Work is
 * split over output tiles, never over a reduction: the bits do not depend on the number of threads. Items are numbered
 * [group][block][panel]: a block is as many pixel tiles as L2 holds the input of; its pointer lists are built once and used for
 * all panels, and a panel stays in cache over the tiles of a block. With few pixels there is one block, and threads split the
 * panels, so that each weight is read from memory once. */
#include "op/conv/conv_learn.h"
#include "op/conv/geometry.h"
#include "op/fused.h"
#include "op/layer.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>

#define LEAST_F16 0x1p-14 /* the least normal number */

typedef struct conv_state {
    arc_conv_run_fn *run; /* first member, as geometry.h asks */
    arc_conv_geometry g;
    arc_epilogue act; /* activation and its parameters; pointers are bound in run */
    arc_panels panels;
    const float *zero; /* [c_in]: the pad row without pad values */
    size_t pixels, taps, kc, group_out;
    arc_conv_blocks blocks;
    bool paired;             /* the input is first made pairs of bfloat16, in shared scratch: */
    arc_conv_geometry pairs; /* g over them: c_in halved */
    size_t pad_at;           /* bytes to the pad row behind them */
} conv_state;

typedef struct conv_job {
    const arc_step *s;
    const conv_state *c;
    const float *x, *pad, *weights;
    float *y;
    arc_epilogue e; /* pointers at column 0, row 0 of the whole output */
} conv_job;

/* ---- infer ----------------------------------------------------------------------------------------------------------------- */

static arc_status conv_infer_as(arc_infer *in, bool transposed) {
    if (in->inputs < 2 || !in->in[0] || !in->in[1] || in->outputs < 1)
        return arc_op_fail(in, ARC_EFORMAT, "needs an input and weights");
    if (in->in[0]->dtype != ARC_F32 || in->in[1]->dtype != ARC_F32)
        return arc_op_fail(in, ARC_EUNSUPPORTED, "only float32 is supported, input is %s, weights are %s",
                           arc_dtype_name(in->in[0]->dtype), arc_dtype_name(in->in[1]->dtype));
    arc_conv_geometry g;
    char why[320];
    const arc_status st = arc_conv_read(in->node, transposed, &in->in[0]->shape, &in->in[1]->shape, &g, why, sizeof why);
    if (st != ARC_OK)
        return arc_op_fail(in, st, "%s", why);
    if (in->inputs > 2 && in->in[2] && (in->in[2]->dtype != ARC_F32 || arc_shape_count(&in->in[2]->shape) != g.c_out))
        return arc_op_fail(in, ARC_ESHAPE, "bias must be %lld float32 values", (long long)g.c_out);
    const arc_shape out = {4, {g.n, g.c_out, g.oh, g.ow}};
    const arc_status made = arc_infer_out(in, 0, ARC_F32, &out);
    return made == ARC_OK ? arc_fused_check(in, g.c_out, g.c_in, &out) : made;
}

static arc_status conv_infer(arc_infer *in) {
    return conv_infer_as(in, false);
}

static arc_status conv_transpose_infer(arc_infer *in) {
    return conv_infer_as(in, true);
}

/* ---- prepare --------------------------------------------------------------------------------------------------------------- */

static void igemm_run(const arc_step *s);

/* By form. */
static const char *const pack_name[] = {"conv igemm", "conv igemm bf16", "conv igemm fp16"};
static const char *const igemm_name[] = {"igemm", "igemm bf16", "igemm fp16"};

static arc_status igemm_prepare(arc_prepare *p, const void *layer, const arc_candidate *self) {
    arc_step *s = p->step;
    const arc_conv_geometry g = *(const arc_conv_geometry *)layer;
    s->shared_scratch_bytes = s->scratch_bytes = 0;
    s->algorithm = self->algorithm;
    conv_state *c = arc_arena_new(p->arena, 1, sizeof *c);
    if (!c)
        return arc_fail_nomem(p->err, "convolution state");
    c->run = igemm_run;
    c->g = g;
    const bool known = arc_fused_act(s->node, &c->act);
    assert(known);
    (void)known;
    c->zero = arc_arena_new(p->arena, (size_t)c->g.c_in, sizeof(float));
    if (!c->zero)
        return arc_fail_nomem(p->err, "convolution state");
    c->pixels = (size_t)(c->g.n * c->g.oh * c->g.ow);
    c->taps = (size_t)(c->g.kh * c->g.kw);
    c->kc = (size_t)(c->g.c_in / c->g.groups);
    c->group_out = (size_t)(c->g.c_out / c->g.groups);
    c->panels = arc_conv_panels(s, &g);
    s->state = c;
    const size_t mr = s->kernels->igemm_mr;
    c->panels.form = (arc_form)self->variant;
    c->paired = c->panels.form == ARC_FORM_BF16;
    const arc_status packed = arc_panels_prepare(p, &c->panels, &s->in[1], pack_name[c->panels.form]);
    if (packed != ARC_OK)
        return packed;
    c->pairs = c->g;
    if (c->paired) {
        c->pairs.c_in /= 2;
        c->kc /= 2;
        c->pad_at = (size_t)(g.n * g.h * g.w * g.c_in) * sizeof(uint16_t);
        s->shared_scratch_bytes = c->pad_at + (size_t)g.c_in * sizeof(uint16_t);
    }
    c->blocks = arc_conv_blocks_of(&g, mr, c->kc * sizeof(float), c->panels.per_set * (size_t)g.groups,
                                   (size_t)arc_pool_threads(s->pool));
    if (!arc_mul_size(c->blocks.tiles * mr * sizeof(float *), c->taps, &s->scratch_bytes))
        return arc_fail_nomem(p->err, "convolution scratch");
    return ARC_OK;
}

/* The products, beside the weights that stream from memory. */
static double igemm_ns(const arc_prepare *p, const arc_conv_geometry *g, arc_form form) {
    const arc_rates r = arc_choice_rates(p);
    const double rise = form == ARC_FORM_BF16 ? 2 : 1, dense = form == ARC_FORM_F32 ? 1 : 2,
                 pixels = (double)(g->n * g->oh * g->ow);
    const double products = arc_conv_pairs(p->step->kernels, g) * (double)(g->kh * g->kw) / (double)g->groups;
    return fmax(products * pixels / r.macs / rise / r.threads, products / r.weight_floats / dense);
}

static arc_status conv_prepare_as(arc_prepare *p, bool transposed) {
    arc_step *s = p->step;
    arc_conv_geometry g;
    char why[320], key[ARC_CHOICE_KEY_BYTES];
    const arc_status st = arc_conv_read(s->node, transposed, &s->in[0].shape, &s->in[1].shape, &g, why, sizeof why);
    if (st != ARC_OK)
        return arc_fail(p->err, st, "%s '%s': %s", s->node->op, s->node->name, why);
    s->shared_scratch_bytes = s->scratch_bytes = 0;
    if (arc_dwconv_fits(&g))
        return arc_dwconv_prepare(p, &g);
    arc_candidate list[ARC_MAX_CANDIDATES];
    const arc_form form = arc_conv_form(s, &g, LEAST_F16);
    list[0] = (arc_candidate){.algorithm = transposed && form == ARC_FORM_F32 ? "igemm gather" : igemm_name[form],
                              .schedule = "pixel blocks",
                              .cost_ns = igemm_ns(p, &g, form),
                              .variant = (int)form,
                              .prepare = igemm_prepare};
    const int count = 1 + arc_winograd_candidates(p, &g, list + 1);
    snprintf(key, sizeof key, "conv %lldx%lldx%lldx%lld to %lldx%lldx%lld by %lldx%lld/%lldx%lld groups %lld%s", (long long)g.n,
             (long long)g.h, (long long)g.w, (long long)g.c_in, (long long)g.oh, (long long)g.ow, (long long)g.c_out,
             (long long)g.kh, (long long)g.kw, (long long)g.stride_h, (long long)g.stride_w, (long long)g.groups,
             arc_step_input(s, ARC_CONV_RESIDUAL) ? " add" : "");
    return arc_choose(p, key, &g, list, count);
}

static arc_status conv_prepare(arc_prepare *p) {
    return conv_prepare_as(p, false);
}

static arc_status conv_transpose_prepare(arc_prepare *p) {
    return conv_prepare_as(p, true);
}

/* ---- run ------------------------------------------------------------------------------------------------------------------- */

static const float **thread_list(const arc_step *s, int thread) {
    return (const float **)(void *)(s->scratch + (size_t)thread * s->scratch_stride);
}

static void list_block(const conv_job *job, size_t group, size_t block, const float **list) {
    const conv_state *c = job->c;
    const size_t mr = job->s->kernels->igemm_mr;
    const size_t last = ARC_MIN(c->blocks.all_tiles, (block + 1) * c->blocks.tiles);
    for (size_t tile = block * c->blocks.tiles; tile < last; tile++, list += c->taps * mr)
        arc_conv_pointers(&c->pairs, job->x, job->pad, group * c->kc, tile * mr, ARC_MIN(mr, c->pixels - tile * mr), 1, mr, list);
}

static void igemm_items(void *arg, size_t begin, size_t end, int thread) {
    const conv_job *job = arg;
    const conv_state *c = job->c;
    const arc_kernels *k = job->s->kernels;
    const size_t mr = k->igemm_mr, nr = k->igemm_nr, panels = c->panels.per_set, c_out = (size_t)c->g.c_out;
    const float **list = thread_list(job->s, thread);
    arc_igemm_fn *const igemm = arc_igemm_of(k, c->panels.form);
    size_t listed = SIZE_MAX;
    for (size_t item = begin; item < end; item++) {
        const size_t panel = item % panels, group = item / panels / c->blocks.count, block = item / panels % c->blocks.count;
        if (listed != item / panels)
            list_block(job, group, block, list);
        listed = item / panels;
        const size_t n = ARC_MIN(nr, c->group_out - panel * nr), column = group * c->group_out + panel * nr;
        const float *b = job->weights + (group * panels + panel) * c->panels.panel_floats;
        const size_t first = block * c->blocks.tiles, last = ARC_MIN(c->blocks.all_tiles, first + c->blocks.tiles);
        for (size_t tile = first; tile < last; tile++) {
            const size_t pixel = tile * mr;
            const arc_epilogue e = arc_fused_at(&job->e, pixel, column);
            igemm(ARC_MIN(mr, c->pixels - pixel), n, c->kc, c->taps, list + (tile - first) * c->taps * mr, b,
                  job->y + pixel * c_out + column, c_out, &e);
        }
    }
}

static void to_bf16_items(void *arg, size_t begin, size_t end, int thread) {
    const conv_job *job = arg;
    const size_t c_in = (size_t)job->c->g.c_in;
    (void)thread;
    job->s->kernels->to_bf16((end - begin) * c_in, (const float *)job->s->in[0].data + begin * c_in,
                             (uint16_t *)(void *)job->s->shared_scratch + begin * c_in);
}

/* Input and pad row become pairs of bfloat16. */
static void make_pairs(conv_job *job) {
    const conv_state *c = job->c;
    uint8_t *scratch = job->s->shared_scratch;
    job->s->kernels->to_bf16((size_t)c->g.c_in, job->pad, (uint16_t *)(void *)(scratch + c->pad_at));
    arc_pool_run(job->s->pool, (size_t)(c->g.n * c->g.h * c->g.w), 0, to_bf16_items, job);
    job->x = (const float *)(const void *)scratch;
    job->pad = (const float *)(const void *)(scratch + c->pad_at);
}

static void igemm_run(const arc_step *s) {
    const conv_state *c = s->state;
    conv_job job = {.s = s, .c = c, .x = s->in[0].data, .y = s->out[0].data};
    const float *pad = arc_step_floats(s, ARC_CONV_PAD_VALUE);
    job.pad = pad ? pad : c->zero;
    job.e = arc_fused_bind(s, &c->act, (size_t)c->g.c_out);
    if (c->pixels == 0)
        return;
    job.weights = c->panels.packed;
    if (!job.weights) {
        arc_panels_fill(s->kernels, s->pool, &c->panels, s->in[1].data, (float *)(void *)s->shared_scratch);
        job.weights = (const float *)(const void *)s->shared_scratch;
    }
    if (c->paired)
        make_pairs(&job);
    /* A few grabs a thread, so that one whose core is taken away does not hold up the layer. */
    const size_t items = (size_t)c->g.groups * c->blocks.count * c->panels.per_set;
    arc_pool_run(s->pool, items, ARC_MAX(items / (4 * (size_t)arc_pool_threads(s->pool)), (size_t)1), igemm_items, &job);
}

static void conv_run(const arc_step *s) {
    (*(arc_conv_run_fn *const *)s->state)(s);
}

static int64_t conv_transpose_macs(const arc_shape *in0, const arc_shape *in1, const arc_shape *out) {
    (void)out;
    return in1->rank > 1 && in1->dim[0] > 0 ? arc_shape_known(in0) * (arc_shape_known(in1) / in1->dim[0]) : 0;
}

const arc_op arc_ops_conv[] = {
    {.name = "Conv",
     .kernels = "igemm igemm_bf16 igemm_f16 dwconv groupconv winograd_in winograd_in_bf16 winograd_out int8_igemm int8_dwconv "
                "requantize",
     .refused = "three spatial dimensions; other types than float32",
     .kind = ARC_KIND_CONV,
     .layout = ARC_OP_NHWC,
     .nhwc_inputs = ARC_INPUT(0) | ARC_INPUT(ARC_CONV_RESIDUAL),
     .infer = conv_infer,
     .prepare = conv_prepare,
     .run = conv_run,
     .learn_prepare = arc_conv_learn_prepare,
     .forward = arc_conv_forward,
     .backward = arc_conv_backward,
     .weight_inputs = ARC_INPUT(1) | ARC_INPUT(2),
     .macs = arc_macs_conv},
    {.name = "ConvTranspose",
     .kernels = "igemm igemm_bf16 igemm_f16",
     .refused = "three spatial dimensions; other types than float32",
     .kind = ARC_KIND_CONV_TRANSPOSE,
     .layout = ARC_OP_NHWC,
     .nhwc_inputs = ARC_INPUT(0),
     .infer = conv_transpose_infer,
     .prepare = conv_transpose_prepare,
     .run = conv_run,
     .weight_inputs = ARC_INPUT(1) | ARC_INPUT(2),
     .macs = conv_transpose_macs},
    {.name = NULL},
};
