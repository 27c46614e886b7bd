/* nn: ConvInteger and MatMulInteger: 8-bit inputs of either sign, int32 results.
 *
 * sum (a - az)(w - wz) = sum a*w - az * sum w - wz * sum a + az*wz*K: the igemm8 kernel gives the first sum for unsigned a and signed
 * w (the other signs are shifted by 128 together with their zero points), column sums of w are packed with it, and sums of a are
 * taken once a pixel. A depthwise ConvInteger needs none of this: it runs on plain planes. */
#include "nn/conv.h"
#include "nn/layer.h"
#include <assert.h>
#include <string.h>

#define PIXELS 32 /* output pixels of one tile */

/* Weights in panels [set][panel][tap][k/4][nr][4], then a column sum for each of sets*n columns. */
typedef struct int8_pack {
    size_t sets, n, kc, taps, per_set, panel_bytes, bytes;
    size_t step_set, step_n, step_k, step_tap; /* strides of the source */
    const int8_t *packed;                      /* NULL: the weights are no constant, pack into shared scratch */
} int8_pack;

typedef struct int8_state {
    arc_conv_geometry g;
    size_t taps, pixels_in, pixels_out, blocks; /* pixels and tiles of one image */
    int8_pack pack;
    size_t pack_at, sums_at, pad_at; /* into shared scratch; the input in NHWC lies at 0 */
    size_t tile_at, list_at;         /* into a thread's scratch; sums at 0 */
} int8_state;

static bool is_byte(arc_dtype t) {
    return t == ARC_U8 || t == ARC_I8;
}

static size_t aligned(size_t bytes) {
    return (bytes + ARC_ALIGN - 1) / ARC_ALIGN * ARC_ALIGN;
}

/* Zero point j of an optional input that holds one or many, shifted as its data are. */
static int32_t zero_point(const arc_step *s, int input, int64_t j, int shift) {
    if (input >= s->inputs || s->in[input].dtype == ARC_NO_DTYPE)
        return shift;
    const arc_tensor *t = &s->in[input];
    return (int32_t)arc_element_int(t->dtype, t->data, arc_shape_count(&t->shape) == 1 ? 0 : j) + shift;
}

static bool zero_fits(const arc_infer *in, int input, arc_dtype t, int64_t many) {
    if (input >= in->inputs || !in->in[input])
        return true;
    const int64_t count = arc_shape_count(&in->in[input]->shape);
    return in->in[input]->dtype == t && (count == 1 || count == many);
}

/* ---- packing -------------------------------------------------------------------------------------------------------------------- */

static bool pack_size(const arc_kernels *k, int8_pack *p) {
    const size_t nr = k->igemm8_nr;
    size_t columns = 0, all = 0;
    p->per_set = (p->n + nr - 1) / nr;
    return arc_mul_size((p->kc + 3) / 4 * 4, p->taps, &p->panel_bytes) && arc_mul_size(p->panel_bytes, nr, &p->panel_bytes) &&
           arc_mul_size(p->panel_bytes, p->sets, &all) && arc_mul_size(all, p->per_set, &all) && arc_mul_size(p->sets, p->n, &columns) &&
           arc_mul_size(columns, sizeof(int32_t), &columns) && arc_add_size(all, columns + ARC_ALIGN, &p->bytes);
}

static int32_t *column_sums(const int8_pack *p, const void *packed) {
    return (int32_t *)(void *)((uint8_t *)(uintptr_t)packed + aligned(p->sets * p->per_set * p->panel_bytes));
}

typedef struct pack_job {
    const arc_kernels *kernels;
    const int8_pack *p;
    const uint8_t *w;
    uint8_t flip; /* 0x80 turns unsigned weights into signed ones */
    int8_t *packed;
} pack_job;

static void pack_items(void *arg, size_t begin, size_t end, int thread) {
    const pack_job *job = arg;
    const int8_pack *p = job->p;
    const size_t nr = job->kernels->igemm8_nr;
    (void)thread;
    for (size_t item = begin; item < end; item++) {
        const size_t set = item / p->per_set, first = item % p->per_set * nr, width = ARC_MIN(nr, p->n - first);
        int8_t *panel = job->packed + item * p->panel_bytes;
        int32_t *sums = column_sums(p, job->packed) + set * p->n + first;
        memset(panel, 0, p->panel_bytes);
        memset(sums, 0, width * sizeof *sums);
        for (size_t t = 0; t < p->taps; t++, panel += (p->kc + 3) / 4 * 4 * nr)
            for (size_t k = 0; k < p->kc; k++)
                for (size_t j = 0; j < width; j++) {
                    const uint8_t code = job->w[set * p->step_set + (first + j) * p->step_n + t * p->step_tap + k * p->step_k] ^ job->flip;
                    panel[(k / 4 * nr + j) * 4 + k % 4] = (int8_t)code;
                    sums[j] += (int8_t)code;
                }
    }
}

static void pack_fill(const arc_kernels *kernels, arc_pool *pool, const int8_pack *p, const arc_tensor *w, void *packed) {
    pack_job job = {kernels, p, w->data, w->dtype == ARC_U8 ? 0x80 : 0, packed};
    arc_pool_run(pool, p->sets * p->per_set, 0, pack_items, &job);
}

/* Constant weights go to the session's store; false when memory is short. */
static bool pack_constant(arc_prepare *prepare, int8_pack *p, const arc_tensor *w, const char *what) {
    bool fresh = false;
    if (!w->is_const || !w->data)
        return true;
    void *packed = arc_packs_get(prepare->packs, what, w->data, (int)prepare->step->kernels->isa, p->bytes, &fresh);
    if (!packed)
        return false;
    if (fresh)
        pack_fill(prepare->step->kernels, prepare->step->pool, p, w, packed);
    p->packed = packed;
    return true;
}

static const int8_t *pack_of(const arc_step *s, const int8_pack *p, size_t at) {
    if (p->packed)
        return p->packed;
    pack_fill(s->kernels, s->pool, p, &s->in[1], s->shared_scratch + at);
    return (const int8_t *)(s->shared_scratch + at);
}

/* ---- ConvInteger ---------------------------------------------------------------------------------------------------------------- */

arc_status arc_conv_integer_infer(arc_infer *in) {
    arc_conv_geometry g;
    char why[256];
    arc_status st = arc_infer_needs(in, 2);
    if (st != ARC_OK)
        return st;
    if (!is_byte(in->in[0]->dtype) || !is_byte(in->in[1]->dtype))
        return arc_op_fail(in, ARC_EUNSUPPORTED, "inputs must be int8 or uint8");
    st = arc_conv_read(in->node, false, &in->in[0]->shape, &in->in[1]->shape, &g, why, sizeof why);
    if (st != ARC_OK)
        return arc_op_fail(in, st, "%s", why);
    if (!zero_fits(in, 2, in->in[0]->dtype, 1) || !zero_fits(in, 3, in->in[1]->dtype, g.c_out))
        return arc_op_fail(in, ARC_ESHAPE, "a zero point is of the wrong type or length");
    const arc_shape y = {4, {g.n, g.c_out, g.oh, g.ow}};
    return arc_infer_out(in, 0, ARC_I32, &y);
}

static bool is_depthwise(const arc_conv_geometry *g) {
    return g->c_in == g->groups && g->c_out == g->groups;
}

/* Sizes of the copies in shared scratch and of a thread's tile; false on overflow. */
static bool plan_memory(arc_step *s, int8_state *c) {
    const size_t pixels = (size_t)c->g.n * c->pixels_in;
    size_t sums = 0, lists = 0;
    c->sums_at = aligned(pixels * (size_t)c->g.c_in);
    if (!arc_mul_size(pixels * sizeof(int32_t), (size_t)c->g.groups, &sums) || !arc_mul_size(c->taps, PIXELS * sizeof(void *), &lists))
        return false;
    c->pad_at = c->sums_at + aligned(sums);
    c->pack_at = c->pad_at + aligned((size_t)c->g.c_in);
    s->shared_scratch_bytes = c->pack_at + (c->pack.packed ? 0 : aligned(c->pack.bytes));
    c->tile_at = aligned(PIXELS * sizeof(int32_t));
    c->list_at = c->tile_at + aligned(PIXELS * s->kernels->igemm8_nr * sizeof(int32_t));
    /* lists are cut in groups of mr rows, the last one may be partly filled */
    s->scratch_bytes = c->list_at + lists + c->taps * ARC_IGEMM_MAX_MR * sizeof(void *);
    return true;
}

arc_status arc_conv_integer_prepare(arc_prepare *p) {
    arc_step *s = p->step;
    char why[256];
    int8_state *c = arc_arena_new(p->arena, 1, sizeof *c);
    if (!c)
        return arc_fail_nomem(p->err, "ConvInteger");
    const arc_status st = arc_conv_read(s->node, false, &s->in[0].shape, &s->in[1].shape, &c->g, why, sizeof why);
    if (st != ARC_OK)
        return arc_fail(p->err, st, "ConvInteger '%s': %s", s->node->name, why);
    const arc_conv_geometry *g = &c->g;
    s->state = c;
    c->taps = (size_t)(g->kh * g->kw);
    c->pixels_in = (size_t)(g->h * g->w);
    c->pixels_out = (size_t)(g->oh * g->ow);
    c->blocks = (c->pixels_out + PIXELS - 1) / PIXELS;
    if (is_depthwise(g)) {
        s->scratch_bytes = (size_t)g->ow * sizeof(int32_t);
        s->algorithm = "depthwise int8";
        return ARC_OK;
    }
    c->pack = (int8_pack){.sets = (size_t)g->groups, .n = (size_t)(g->c_out / g->groups), .kc = (size_t)(g->c_in / g->groups)};
    c->pack.taps = c->taps;
    c->pack.step_tap = 1;
    c->pack.step_k = c->taps;
    c->pack.step_n = c->taps * c->pack.kc;
    c->pack.step_set = c->pack.step_n * c->pack.n;
    if (!pack_size(s->kernels, &c->pack))
        return arc_fail(p->err, ARC_ELIMIT, "ConvInteger '%s': the weights are too large", s->node->name);
    if (!pack_constant(p, &c->pack, &s->in[1], "conv int8"))
        return arc_fail_nomem(p->err, "ConvInteger");
    if (!plan_memory(s, c))
        return arc_fail(p->err, ARC_ELIMIT, "ConvInteger '%s': the input is too large", s->node->name);
    s->algorithm = "igemm8";
    return ARC_OK;
}

typedef struct conv_job {
    const arc_step *s;
    const int8_state *c;
    const int8_t *packed;
    const int32_t *column_sum;
    uint8_t *x; /* NHWC, unsigned */
    int32_t *sums; /* [group][image pixel] */
    uint8_t *pad;
    uint8_t x_flip;
    int w_shift;
    int32_t x_zero;
} conv_job;

/* Plain planes to rows of channels, and the sum of each row's channels a group. One tile is PIXELS pixels of one image. */
static void gather_items(void *arg, size_t begin, size_t end, int thread) {
    const conv_job *job = arg;
    const int8_state *c = job->c;
    const size_t channels = (size_t)c->g.c_in, tiles = (c->pixels_in + PIXELS - 1) / PIXELS, kc = c->pack.kc;
    (void)thread;
    for (size_t item = begin; item < end; item++) {
        const size_t image = item / tiles, pixel = item % tiles * PIXELS, pixels = ARC_MIN(PIXELS, c->pixels_in - pixel);
        const uint8_t *x = (const uint8_t *)job->s->in[0].data + image * channels * c->pixels_in + pixel;
        uint8_t *y = job->x + (image * c->pixels_in + pixel) * channels;
        for (size_t set = 0; set < c->pack.sets; set++) {
            int32_t sum[PIXELS] = {0};
            for (size_t k = set * kc; k < (set + 1) * kc; k++)
                for (size_t p = 0; p < pixels; p++) {
                    const uint8_t code = x[k * c->pixels_in + p] ^ job->x_flip;
                    y[p * channels + k] = code;
                    sum[p] += code;
                }
            memcpy(job->sums + (set * (size_t)c->g.n + image) * c->pixels_in + pixel, sum, pixels * sizeof *sum);
        }
    }
}

/* Pointers to the input rows of one output pixel, mr apart; returns the sum of all their channels. */
static int32_t pixel_pointers(const conv_job *job, size_t set, size_t image, size_t pixel, const uint8_t **list) {
    const arc_conv_geometry *g = &job->c->g;
    const size_t mr = job->s->kernels->igemm8_mr, kc = job->c->pack.kc;
    const int64_t oy = (int64_t)pixel / g->ow, ox = (int64_t)pixel % g->ow;
    const int32_t *sums = job->sums + (set * (size_t)g->n + image) * job->c->pixels_in;
    const uint8_t *x = job->x + image * job->c->pixels_in * (size_t)g->c_in + set * kc;
    uint32_t total = 0;
    for (int64_t ky = 0; ky < g->kh; ky++)
        for (int64_t kx = 0; kx < g->kw; kx++, list += mr) {
            const int64_t iy = oy * g->stride_h - g->pad_top + ky * g->dilation_h, ix = ox * g->stride_w - g->pad_left + kx * g->dilation_w;
            if (iy < 0 || iy >= g->h || ix < 0 || ix >= g->w) {
                *list = job->pad;
                total += (uint32_t)job->x_zero * (uint32_t)kc;
            } else {
                *list = x + (size_t)(iy * g->w + ix) * (size_t)g->c_in;
                total += (uint32_t)sums[iy * g->w + ix];
            }
        }
    return (int32_t)total;
}

/* One panel's sums of PIXELS pixels, corrected for the zero points, to the plain output. */
static void store_panel(const conv_job *job, size_t set, size_t image, size_t pixel, size_t pixels, size_t first, const int32_t *row_sum,
                        const int32_t *tile) {
    const int8_state *c = job->c;
    const size_t nr = job->s->kernels->igemm8_nr, width = ARC_MIN(nr, c->pack.n - first);
    const uint32_t xz = (uint32_t)job->x_zero, terms = (uint32_t)(c->pack.kc * c->taps);
    for (size_t j = 0; j < width; j++) {
        const size_t channel = set * c->pack.n + first + j;
        const uint32_t wz = (uint32_t)zero_point(job->s, 3, (int64_t)channel, job->w_shift);
        const uint32_t constant = xz * wz * terms - xz * (uint32_t)job->column_sum[channel];
        int32_t *y = (int32_t *)job->s->out[0].data + (image * (size_t)c->g.c_out + channel) * c->pixels_out + pixel;
        for (size_t p = 0; p < pixels; p++)
            y[p] = (int32_t)((uint32_t)tile[p * nr + j] + constant - wz * (uint32_t)row_sum[p]);
    }
}

static void conv_items(void *arg, size_t begin, size_t end, int thread) {
    const conv_job *job = arg;
    const int8_state *c = job->c;
    const arc_kernels *k = job->s->kernels;
    const size_t mr = k->igemm8_mr, nr = k->igemm8_nr;
    uint8_t *scratch = job->s->scratch + (size_t)thread * job->s->scratch_stride;
    int32_t *row_sum = (int32_t *)(void *)scratch, *tile = (int32_t *)(void *)(scratch + c->tile_at);
    const uint8_t **list = (const uint8_t **)(void *)(scratch + c->list_at);
    for (size_t item = begin; item < end; item++) {
        const size_t block = item % c->blocks, image = item / c->blocks % (size_t)c->g.n, set = item / c->blocks / (size_t)c->g.n;
        const size_t pixel = block * PIXELS, pixels = ARC_MIN(PIXELS, c->pixels_out - pixel);
        for (size_t p = 0; p < pixels; p++)
            row_sum[p] = pixel_pointers(job, set, image, pixel + p, list + p / mr * mr * c->taps + p % mr);
        for (size_t panel = 0; panel < c->pack.per_set; panel++) {
            const size_t first = panel * nr, width = ARC_MIN(nr, c->pack.n - first);
            const int8_t *b = job->packed + (set * c->pack.per_set + panel) * c->pack.panel_bytes;
            for (size_t p = 0; p < pixels; p += mr)
                k->igemm8(ARC_MIN(mr, pixels - p), width, c->pack.kc, c->taps, list + p * c->taps, b, tile + p * nr, nr);
            store_panel(job, set, image, pixel, pixels, first, row_sum, tile);
        }
    }
}

/* Adds one row of one tap: output columns whose input column lies inside the image. */
static void depthwise_tap(const arc_conv_geometry *g, const uint8_t *row, int64_t kx, uint8_t flip, int16_t x_zero, int16_t weight,
                          int32_t *acc) {
    const int64_t start = kx * g->dilation_w - g->pad_left, stride = g->stride_w;
    const int64_t first = start < 0 ? (-start + stride - 1) / stride : 0;
    const int64_t last = g->w - 1 - start < 0 ? -1 : ARC_MIN((g->w - 1 - start) / stride, g->ow - 1);
    if (stride == 1)
        for (int64_t o = first; o <= last; o++)
            acc[o] += (int16_t)((row[start + o] ^ flip) - x_zero) * weight;
    else
        for (int64_t o = first; o <= last; o++)
            acc[o] += (int16_t)((row[start + o * stride] ^ flip) - x_zero) * weight;
}

static void depthwise_items(void *arg, size_t begin, size_t end, int thread) {
    const conv_job *job = arg;
    const int8_state *c = job->c;
    const arc_conv_geometry *g = &c->g;
    const arc_tensor *w = &job->s->in[1];
    int32_t *acc = (int32_t *)(void *)(job->s->scratch + (size_t)thread * job->s->scratch_stride);
    for (size_t plane = begin; plane < end; plane++) {
        const int64_t channel = (int64_t)plane % g->c_out;
        const uint8_t *x = (const uint8_t *)job->s->in[0].data + plane * c->pixels_in;
        int32_t *y = (int32_t *)job->s->out[0].data + plane * c->pixels_out;
        const int32_t wz = zero_point(job->s, 3, channel, 0);
        for (int64_t oy = 0; oy < g->oh; oy++, y += g->ow) {
            memset(acc, 0, (size_t)g->ow * sizeof *acc);
            for (int64_t ky = 0; ky < g->kh; ky++) {
                const int64_t iy = oy * g->stride_h - g->pad_top + ky * g->dilation_h;
                for (int64_t kx = 0; kx < g->kw && iy >= 0 && iy < g->h; kx++) {
                    const int64_t weight = arc_element_int(w->dtype, w->data, (channel * g->kh + ky) * g->kw + kx) - wz;
                    depthwise_tap(g, x + iy * g->w, kx, job->x_flip, (int16_t)job->x_zero, (int16_t)weight, acc);
                }
            }
            memcpy(y, acc, (size_t)g->ow * sizeof *acc);
        }
    }
}

void arc_conv_integer_run(const arc_step *s) {
    const int8_state *c = s->state;
    conv_job job = {.s = s, .c = c};
    const bool x_signed = s->in[0].dtype == ARC_I8;
    job.x_flip = x_signed ? 0x80 : 0;
    job.x_zero = zero_point(s, 2, 0, x_signed ? 128 : 0);
    job.w_shift = s->in[1].dtype == ARC_U8 ? -128 : 0;
    if (arc_shape_count(&s->out[0].shape) == 0)
        return;
    if (is_depthwise(&c->g)) {
        arc_pool_run(s->pool, (size_t)(c->g.n * c->g.c_out), 0, depthwise_items, &job);
        return;
    }
    job.packed = pack_of(s, &c->pack, c->pack_at);
    job.column_sum = column_sums(&c->pack, job.packed);
    job.x = s->shared_scratch;
    job.sums = (int32_t *)(void *)(s->shared_scratch + c->sums_at);
    job.pad = s->shared_scratch + c->pad_at;
    memset(job.pad, job.x_zero, (size_t)c->g.c_in);
    arc_pool_run(s->pool, (size_t)c->g.n * ((c->pixels_in + PIXELS - 1) / PIXELS), 0, gather_items, &job);
    arc_pool_run(s->pool, (size_t)c->g.groups * (size_t)c->g.n * c->blocks, 0, conv_items, &job);
}

/* ---- MatMulInteger: any A times one matrix B -------------------------------------------------------------------------------------- */

typedef struct matmul_state {
    size_t m, n, k, tiles;
    int8_pack pack;
    size_t pack_at, sums_at; /* into shared scratch; signed A, made unsigned, lies at 0 */
} matmul_state;

arc_status arc_matmul_integer_infer(arc_infer *in) {
    const arc_status st = arc_infer_needs(in, 2);
    if (st != ARC_OK)
        return st;
    const arc_shape *a = &in->in[0]->shape, *b = &in->in[1]->shape;
    if (!is_byte(in->in[0]->dtype) || !is_byte(in->in[1]->dtype))
        return arc_op_fail(in, ARC_EUNSUPPORTED, "inputs must be int8 or uint8");
    if (a->rank < 1 || b->rank != 2 || a->dim[a->rank - 1] != b->dim[0]) {
        char at[96], bt[96];
        return arc_op_fail(in, ARC_ESHAPE, "%s and %s do not fit, or the second is no matrix", arc_shape_text(a, at, sizeof at),
                           arc_shape_text(b, bt, sizeof bt));
    }
    arc_shape y = *a;
    y.dim[y.rank - 1] = b->dim[1];
    if (!zero_fits(in, 2, in->in[0]->dtype, a->rank == 2 ? a->dim[0] : 1) || !zero_fits(in, 3, in->in[1]->dtype, b->dim[1]))
        return arc_op_fail(in, ARC_ESHAPE, "a zero point is of the wrong type or length");
    return arc_infer_out(in, 0, ARC_I32, &y);
}

arc_status arc_matmul_integer_prepare(arc_prepare *p) {
    arc_step *s = p->step;
    matmul_state *g = arc_arena_new(p->arena, 1, sizeof *g);
    if (!g)
        return arc_fail_nomem(p->err, "MatMulInteger");
    const arc_shape *a = &s->in[0].shape;
    g->k = (size_t)s->in[1].shape.dim[0];
    g->n = (size_t)s->in[1].shape.dim[1];
    g->m = 1;
    for (int i = 0; i + 1 < a->rank; i++)
        g->m *= (size_t)a->dim[i];
    g->tiles = (g->m + s->kernels->igemm8_mr - 1) / s->kernels->igemm8_mr;
    g->pack = (int8_pack){.sets = 1, .n = g->n, .kc = g->k, .taps = 1, .step_n = 1, .step_k = g->n};
    if (!pack_size(s->kernels, &g->pack))
        return arc_fail(p->err, ARC_ELIMIT, "MatMulInteger '%s': the weights are too large", s->node->name);
    if (!pack_constant(p, &g->pack, &s->in[1], "matmul int8"))
        return arc_fail_nomem(p->err, "MatMulInteger");
    g->sums_at = aligned(g->m * g->k);
    g->pack_at = g->sums_at + aligned(g->m * sizeof(int32_t));
    s->shared_scratch_bytes = g->pack_at + (g->pack.packed ? 0 : aligned(g->pack.bytes));
    s->state = g;
    s->algorithm = "igemm8";
    return ARC_OK;
}

typedef struct matmul_job {
    const arc_step *s;
    const matmul_state *g;
    const uint8_t *a;
    const int8_t *packed;
    const int32_t *column_sum, *row_sum;
    int a_shift, b_shift;
} matmul_job;

/* Tiles are numbered [panel][row tile]. */
static void matmul_items(void *arg, size_t begin, size_t end, int thread) {
    const matmul_job *job = arg;
    const matmul_state *g = job->g;
    const arc_kernels *k = job->s->kernels;
    const size_t mr = k->igemm8_mr, nr = k->igemm8_nr;
    (void)thread;
    for (size_t item = begin; item < end; item++) {
        const uint8_t *list[ARC_IGEMM_MAX_MR];
        const size_t panel = item / g->tiles, row = item % g->tiles * mr, rows = ARC_MIN(mr, g->m - row);
        const size_t first = panel * nr, width = ARC_MIN(nr, g->n - first);
        int32_t *y = (int32_t *)job->s->out[0].data + row * g->n + first;
        for (size_t i = 0; i < rows; i++)
            list[i] = job->a + (row + i) * g->k;
        k->igemm8(rows, width, g->k, 1, list, job->packed + panel * g->pack.panel_bytes, y, g->n);
        for (size_t i = 0; i < rows; i++) {
            const uint32_t az = (uint32_t)zero_point(job->s, 2, (int64_t)(row + i), job->a_shift);
            for (size_t j = 0; j < width; j++) {
                const uint32_t bz = (uint32_t)zero_point(job->s, 3, (int64_t)(first + j), job->b_shift);
                y[i * g->n + j] = (int32_t)((uint32_t)y[i * g->n + j] - az * (uint32_t)job->column_sum[first + j] -
                                            bz * (uint32_t)job->row_sum[row + i] + az * bz * (uint32_t)g->k);
            }
        }
    }
}

void arc_matmul_integer_run(const arc_step *s) {
    const matmul_state *g = s->state;
    const bool a_signed = s->in[0].dtype == ARC_I8;
    int32_t *sums = (int32_t *)(void *)(s->shared_scratch + g->sums_at);
    matmul_job job = {.s = s, .g = g, .a = s->in[0].data, .row_sum = sums, .a_shift = a_signed ? 128 : 0};
    job.b_shift = s->in[1].dtype == ARC_U8 ? -128 : 0;
    assert(s->kernels->igemm8_mr <= ARC_IGEMM_MAX_MR);
    if (g->m * g->n == 0)
        return;
    if (a_signed) {
        for (size_t i = 0; i < g->m * g->k; i++)
            s->shared_scratch[i] = job.a[i] ^ 0x80;
        job.a = s->shared_scratch;
    }
    for (size_t i = 0; i < g->m; i++) {
        uint32_t sum = 0;
        for (size_t j = 0; j < g->k; j++)
            sum += job.a[i * g->k + j];
        sums[i] = (int32_t)sum;
    }
    job.packed = pack_of(s, &g->pack, g->pack_at);
    job.column_sum = column_sums(&g->pack, job.packed);
    arc_pool_run(s->pool, g->pack.per_set * g->tiles, 0, matmul_items, &job);
}
