/* op: convolution and Gemm of 8-bit values, with everything up to the next layer's input in one pass (int8.h).
 *
 * An implicit GEMM as op/conv/conv.c's: rows of input channels by pointers, weights in panels, items [set][block][panel]. Padding
 * points to a row of zero points, so that every product of a column sees the same number of taps and the zero point's share is a
 * constant of the column, which goes into the bias. Groups too thin for the tile are merged, with weights of 0 between their
 * channels; depthwise has a kernel of its own. */
#include "op/fused.h"
#include "op/int8/int8.h"
#include <stdio.h>
#include <string.h>

#define THIN_GROUP 16       /* input channels below which groups are merged */
#define DEPTHWISE_PIXELS 16 /* whose sums stay in L1 */

typedef struct int8_conv_state {
    arc_conv_geometry g; /* in quads: its channels are a fourth of the real ones */
    bool depthwise;
    size_t c_in, c_out, pixels, taps;
    arc_int8_pack pack;
    const int8_t *weights; /* depthwise: [tap][channel] */
    const float *bias;     /* [c_out] with the zero point's share */
    const uint8_t *pad;    /* [c_in] */
    size_t depthwise_items;
    arc_conv_blocks blocks; /* not depthwise */
    arc_requantize end;
} int8_conv_state;

/* ---- infer ----------------------------------------------------------------------------------------------------------------- */

/* The geometry in real channels; Int8Gemm is a convolution whose kernel is the whole map. */
static arc_status read_geometry(const arc_node *n, const arc_shape *x, const arc_shape *w, arc_conv_geometry *g, char *why,
                                size_t why_bytes) {
    snprintf(why, why_bytes, "8-bit values and weights do not fit");
    if (!arc_node_is(n, ARC_KIND_INT8_GEMM)) {
        if (x->rank != 4)
            return ARC_ESHAPE;
        const arc_shape planes = {4, {x->dim[0], x->dim[3], x->dim[1], x->dim[2]}};
        return arc_conv_read(n, false, &planes, w, g, why, why_bytes);
    }
    if (w->rank != 2 || (x->rank != 2 && x->rank != 4))
        return ARC_ESHAPE;
    const bool transposed = arc_attr_int(n, "transB", 0) != 0;
    memset(g, 0, sizeof *g);
    g->n = x->dim[0];
    g->h = g->kh = x->rank == 4 ? x->dim[1] : 1;
    g->w = g->kw = x->rank == 4 ? x->dim[2] : 1;
    g->c_in = x->dim[x->rank - 1];
    g->oh = g->ow = g->groups = g->stride_h = g->stride_w = g->dilation_h = g->dilation_w = 1;
    g->c_out = w->dim[!transposed];
    return g->h * g->w * g->c_in == w->dim[transposed] && g->n > 0 && g->h > 0 && g->w > 0 && g->c_out > 0 ? ARC_OK : ARC_ESHAPE;
}

static bool floats_fit(const arc_infer *in, int i, int64_t count, bool needed) {
    if (i >= in->inputs || !in->in[i])
        return !needed;
    return in->in[i]->dtype == ARC_F32 && in->in[i]->data && arc_shape_count(&in->in[i]->shape) == count;
}

arc_status arc_int8_conv_infer(arc_infer *in) {
    arc_conv_geometry g;
    arc_requantize r;
    char why[256];
    arc_status st = arc_infer_needs(in, 4);
    if (st != ARC_OK)
        return st;
    if (in->in[0]->dtype != ARC_U8 || in->in[1]->dtype != ARC_I8 || !in->in[1]->data)
        return arc_op_fail(in, ARC_EUNSUPPORTED, "takes uint8 values and constant int8 weights");
    st = read_geometry(in->node, &in->in[0]->shape, &in->in[1]->shape, &g, why, sizeof why);
    if (st != ARC_OK)
        return arc_op_fail(in, st, "%s", why);
    if (g.c_in % 4 != 0)
        return arc_op_fail(in, ARC_EUNSUPPORTED, "%lld channels are no multiple of 4", (long long)g.c_in);
    const bool gemm = arc_node_is(in->node, ARC_KIND_INT8_GEMM),
               post = in->inputs > ARC_INT8_POST_SCALE && in->in[ARC_INT8_POST_SCALE];
    const arc_shape planes = {4, {g.n, g.c_out, g.oh, g.ow}}, rows = {4, {g.n, g.oh, g.ow, g.c_out}}, flat = {2, {g.n, g.c_out}};
    arc_requantize_read(in->node, &r);
    if (!floats_fit(in, ARC_INT8_SCALE, g.c_out, true) || !floats_fit(in, ARC_INT8_BIAS, g.c_out, true) ||
        !floats_fit(in, ARC_INT8_SLOPE, g.c_out, r.act == ARC_ACT_PRELU) || !floats_fit(in, ARC_INT8_POST_SCALE, g.c_out, post) ||
        !floats_fit(in, ARC_INT8_POST_SHIFT, g.c_out, post))
        return arc_op_fail(in, ARC_ESHAPE, "a factor, bias or slope is no constant of %lld float32", (long long)g.c_out);
    if (in->inputs > ARC_INT8_RESIDUAL && in->in[ARC_INT8_RESIDUAL] &&
        (gemm || in->in[ARC_INT8_RESIDUAL]->dtype != ARC_F32 || !arc_shape_equal(&in->in[ARC_INT8_RESIDUAL]->shape, &planes)))
        return arc_op_fail(in, ARC_ESHAPE, "the residual must have the output's shape");
    const int as_float = arc_attr_int(in->node, "arc.float", 0) != 0;
    if (as_float)
        st = arc_infer_out(in, 0, ARC_F32, gemm ? &flat : &planes);
    return st == ARC_OK && arc_attr_int(in->node, "arc.quantized", 0) ? arc_infer_out(in, as_float, ARC_U8, gemm ? &flat : &rows)
                                                                      : st;
}

/* ---- prepare --------------------------------------------------------------------------------------------------------------- */

/* How many neighbouring groups make one set. */
static size_t merged_groups(size_t groups, size_t kc) {
    size_t merged = 1;
    while (merged < groups && (groups % merged != 0 || merged * kc < THIN_GROUP || merged * kc % 4 != 0))
        merged++;
    return merged;
}

static void plan_pack(int8_conv_state *c, const arc_node *n, const arc_conv_geometry *g) {
    const size_t groups = (size_t)g->groups, kc = c->c_in / groups, out = c->c_out / groups, merged = merged_groups(groups, kc);
    arc_int8_pack *p = &c->pack;
    *p = (arc_int8_pack){.sets = groups / merged, .n = out * merged, .kc = kc * merged, .taps = c->taps};
    if (merged > 1) {
        p->group_n = out;
        p->group_k = kc;
    }
    p->step_tap = 1;
    p->step_k = c->taps;
    p->step_n = c->taps * kc;
    if (arc_node_is(n, ARC_KIND_INT8_GEMM) && !arc_attr_int(n, "transB", 0)) { /* [K][N] */
        p->step_tap = c->c_out;
        p->step_k = c->taps * c->c_out;
        p->step_n = 1;
    }
    p->step_set = p->step_n * p->n;
}

/* The zero point's share of each column's sum, taken off through the bias. */
static arc_status fold_zero(arc_prepare *p, int8_conv_state *c, const int32_t *column_sum) {
    const arc_step *s = p->step;
    const float *bias = s->in[ARC_INT8_BIAS].data, *scale = s->in[ARC_INT8_SCALE].data;
    const int64_t zero = arc_attr_int(s->node, "arc.zero", 0);
    float *own = arc_arena_new(p->arena, c->c_out, sizeof *own);
    uint8_t *pad = arc_arena_new(p->arena, c->c_in, 1);
    if (!own || !pad)
        return arc_fail_nomem(p->err, "8-bit convolution");
    for (size_t j = 0; j < c->c_out; j++)
        own[j] = (float)((double)bias[j] - (double)scale[j] * (double)(zero * column_sum[j]));
    memset(pad, (int)zero, c->c_in);
    c->bias = own;
    c->pad = pad;
    return ARC_OK;
}

static arc_status prepare_depthwise(arc_prepare *p, int8_conv_state *c) {
    arc_step *s = p->step;
    const int8_t *w = s->in[1].data;
    int8_t *packed = arc_arena_new(p->arena, c->taps, c->c_out);
    int32_t *sums = arc_arena_new(p->arena, c->c_out, sizeof *sums);
    if (!packed || !sums)
        return arc_fail_nomem(p->err, "8-bit convolution");
    for (size_t j = 0; j < c->c_out; j++)
        for (size_t t = 0; t < c->taps; t++) {
            packed[t * c->c_out + j] = w[j * c->taps + t];
            sums[j] += w[j * c->taps + t];
        }
    c->weights = packed;
    c->depthwise_items = (c->pixels + DEPTHWISE_PIXELS - 1) / DEPTHWISE_PIXELS;
    s->scratch_bytes = arc_aligned(DEPTHWISE_PIXELS * c->c_out * sizeof(int32_t)) + DEPTHWISE_PIXELS * c->taps * sizeof(void *);
    s->algorithm = "int8 depthwise";
    return fold_zero(p, c, sums);
}

arc_status arc_int8_conv_prepare(arc_prepare *p) {
    arc_step *s = p->step;
    arc_conv_geometry g;
    char why[256];
    int8_conv_state *c = arc_arena_new(p->arena, 1, sizeof *c);
    if (!c)
        return arc_fail_nomem(p->err, "8-bit convolution");
    const arc_status st = read_geometry(s->node, &s->in[0].shape, &s->in[1].shape, &g, why, sizeof why);
    if (st != ARC_OK)
        return arc_fail(p->err, st, "%s '%s': %s", s->node->op, s->node->name, why);
    s->state = c;
    c->g = g;
    c->g.c_in /= 4;
    c->c_in = (size_t)g.c_in;
    c->c_out = (size_t)g.c_out;
    c->taps = (size_t)(g.kh * g.kw);
    c->pixels = (size_t)(g.n * g.oh * g.ow);
    arc_requantize_read(s->node, &c->end);
    c->depthwise = g.groups == g.c_in && g.groups == g.c_out && g.groups > 1;
    if (c->depthwise)
        return prepare_depthwise(p, c);
    plan_pack(c, s->node, &g);
    if (!arc_int8_pack_size(s->kernels, &c->pack))
        return arc_fail(p->err, ARC_ELIMIT, "%s '%s': the weights are too large", s->node->op, s->node->name);
    if (!arc_int8_pack_constant(p, &c->pack, &s->in[1], "int8 conv"))
        return arc_fail_nomem(p->err, "8-bit convolution");
    c->blocks = arc_conv_blocks_of(&g, s->kernels->int8_igemm_mr, c->pack.kc, c->pack.per_set * c->pack.sets,
                                   (size_t)arc_pool_threads(s->pool));
    if (!arc_mul_size(c->blocks.tiles * s->kernels->int8_igemm_mr * sizeof(void *), c->taps, &s->scratch_bytes))
        return arc_fail(p->err, ARC_ELIMIT, "%s '%s': the kernel is too large", s->node->op, s->node->name);
    s->algorithm = "int8 igemm";
    return fold_zero(p, c, arc_int8_column_sums(&c->pack, c->pack.packed));
}

/* ---- run ------------------------------------------------------------------------------------------------------------------- */

typedef struct int8_conv_job {
    const arc_step *s;
    const int8_conv_state *c;
    arc_requantize end; /* from row 0, column 0 */
} int8_conv_job;

/* Four channels lie in the room of a float: the pointer lists are those of a convolution of quads. */
static void list_pixels(const int8_conv_job *job, size_t channel, size_t first, size_t pixels, size_t pixel_stride,
                        size_t tap_stride, const uint8_t **list) {
    arc_conv_pointers(&job->c->g, job->s->in[0].data, (const float *)(const void *)job->c->pad, channel / 4, first, pixels,
                      pixel_stride, tap_stride, (const float **)(void *)list);
}

static arc_requantize end_at(const arc_requantize *all, size_t row, size_t column) {
    arc_requantize e = *all;
    e.scale += column;
    e.bias += column;
    e.slope = all->slope ? all->slope + column : NULL;
    e.residual = all->residual ? all->residual + row * all->residual_stride + column : NULL;
    e.post_scale = all->post_scale ? all->post_scale + column : NULL;
    e.post_shift = all->post_shift ? all->post_shift + column : NULL;
    e.y = all->y ? all->y + row * all->y_stride + column : NULL;
    e.quantized = all->quantized ? all->quantized + row * all->quantized_stride + column : NULL;
    return e;
}

static void igemm_items(void *arg, size_t begin, size_t end, int thread) {
    const int8_conv_job *job = arg;
    const int8_conv_state *c = job->c;
    const arc_kernels *k = job->s->kernels;
    const size_t mr = k->int8_igemm_mr, nr = k->int8_igemm_nr, panels = c->pack.per_set;
    const uint8_t **list = (const uint8_t **)(void *)(job->s->scratch + (size_t)thread * job->s->scratch_stride);
    int32_t sums[ARC_IGEMM_MAX_MR * ARC_IGEMM_MAX_NR];
    size_t listed = SIZE_MAX;
    for (size_t item = begin; item < end; item++) {
        const size_t panel = item % panels, set = item / panels / c->blocks.count, block = item / panels % c->blocks.count;
        const size_t first = block * c->blocks.tiles, last = ARC_MIN(c->blocks.all_tiles, first + c->blocks.tiles);
        for (size_t tile = first; listed != item / panels && tile < last; tile++)
            list_pixels(job, set * c->pack.kc, tile * mr, ARC_MIN(mr, c->pixels - tile * mr), 1, mr,
                        list + (tile - first) * c->taps * mr);
        listed = item / panels;
        const size_t n = ARC_MIN(nr, c->pack.n - panel * nr), column = set * c->pack.n + panel * nr;
        const int8_t *b = c->pack.packed + (set * panels + panel) * c->pack.panel_bytes;
        for (size_t tile = first; tile < last; tile++) {
            const size_t pixel = tile * mr, m = ARC_MIN(mr, c->pixels - pixel);
            const arc_requantize e = end_at(&job->end, pixel, column);
            k->int8_igemm(m, n, c->pack.kc, c->taps, list + (tile - first) * c->taps * mr, b, sums, nr);
            k->requantize(m, n, sums, nr, &e);
        }
    }
}

static void depthwise_items(void *arg, size_t begin, size_t end, int thread) {
    const int8_conv_job *job = arg;
    const int8_conv_state *c = job->c;
    uint8_t *scratch = job->s->scratch + (size_t)thread * job->s->scratch_stride;
    int32_t *sums = (int32_t *)(void *)scratch;
    const uint8_t **list = (const uint8_t **)(void *)(scratch + arc_aligned(DEPTHWISE_PIXELS * c->c_out * sizeof(int32_t)));
    for (size_t item = begin; item < end; item++) {
        const size_t pixel = item * DEPTHWISE_PIXELS, m = ARC_MIN(DEPTHWISE_PIXELS, c->pixels - pixel);
        const arc_requantize e = end_at(&job->end, pixel, 0);
        list_pixels(job, 0, pixel, m, c->taps, 1, list);
        job->s->kernels->int8_dwconv(m, c->c_out, c->taps, list, c->weights, sums);
        job->s->kernels->requantize(m, c->c_out, sums, c->c_out, &e);
    }
}

void arc_int8_conv_run(const arc_step *s) {
    const int8_conv_state *c = s->state;
    int8_conv_job job = {.s = s, .c = c, .end = c->end};
    arc_requantize *e = &job.end;
    const int as_float = arc_attr_int(s->node, "arc.float", 0) != 0;
    e->scale = arc_step_floats(s, ARC_INT8_SCALE);
    e->bias = c->bias;
    e->slope = arc_step_floats(s, ARC_INT8_SLOPE);
    e->residual = arc_step_floats(s, ARC_INT8_RESIDUAL);
    e->post_scale = arc_step_floats(s, ARC_INT8_POST_SCALE);
    e->post_shift = arc_step_floats(s, ARC_INT8_POST_SHIFT);
    e->y = as_float ? s->out[0].data : NULL;
    e->quantized = arc_attr_int(s->node, "arc.quantized", 0) ? s->out[as_float].data : NULL;
    e->residual_stride = e->y_stride = e->quantized_stride = c->c_out;
    const size_t items = c->depthwise ? c->depthwise_items : c->pack.sets * c->blocks.count * c->pack.per_set;
    if (c->pixels == 0)
        return;
    /* A few grabs a thread, so that one whose core is taken away does not hold up the layer. */
    arc_pool_run(s->pool, items, ARC_MAX(items / (4 * (size_t)arc_pool_threads(s->pool)), (size_t)1),
                 c->depthwise ? depthwise_items : igemm_items, &job);
}
