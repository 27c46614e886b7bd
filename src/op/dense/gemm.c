/* op: Gemm and MatMul over plain tensors on the igemm tile with one tap. Constant right-hand sides are packed once for the
 * session. Items are numbered [batch][block of rows][panel][row tile], with one block but for many rows, so threads split whole
 * panels: a one-row head streams its weights from memory once. */
#include "op/fused.h"
#include "op/layer.h"
#include "op/learn_step.h"
#include <assert.h>
#include <string.h>

#define LEAST_F16 0x1p-14               /* the least normal number */
#define BLOCK_BYTES ((size_t)512 << 10) /* of A that stay in the second level of cache while panels go by */
#define MANY_ROWS 512                   /* fewer are not cut into blocks: weights would come from memory once for each */
#define PARALLEL_MACS (1 << 19)         /* fewer multiply-adds are done before another thread has woken up */

typedef struct gemm_state {
    size_t batch, m, n, k, tiles, block; /* block: tiles of rows that meet every panel before the next ones do */
    size_t a_batches, b_batches;         /* matrices in A and B */
    const size_t *a_index, *b_index;     /* [batch] matrix of A and B, NULL: all of A's, the only one of B */
    bool trans_a;
    arc_panels panels;
    arc_epilogue act;
    size_t transposed_at, residual_at, pairs_at; /* bytes into shared scratch; SIZE_MAX: none. pairs: A in bfloat16 */
    bool bias_direct;                            /* input 2 is one value a column, times 1 */
    bool residual_direct;                        /* input 4 has the product's shape */
    size_t product_at;                           /* where the product goes when the residual broadcasts; SIZE_MAX: the output */
    arc_shape product;
    size_t c_row, c_column; /* strides of the broadcast C */
    float beta;
} gemm_state;

typedef struct gemm_job {
    const arc_step *s;
    const gemm_state *g;
    const float *a, *weights;
    float *y;
    arc_epilogue e;
} gemm_job;

/* ---- infer ----------------------------------------------------------------------------------------------------------------- */

static arc_status check_float_pair(const arc_infer *in) {
    if (in->inputs < 2 || !in->in[0] || !in->in[1] || in->outputs < 1)
        return arc_op_fail(in, ARC_EFORMAT, "needs two inputs");
    if (in->in[0]->dtype != ARC_F32 || in->in[1]->dtype != ARC_F32)
        return arc_op_fail(in, ARC_EUNSUPPORTED, "only float32 is supported, inputs are %s and %s",
                           arc_dtype_name(in->in[0]->dtype), arc_dtype_name(in->in[1]->dtype));
    return ARC_OK;
}

static arc_status fail_pair(const arc_infer *in) {
    char a[96], b[96];
    return arc_op_fail(in, ARC_ESHAPE, "%s and %s do not fit", arc_shape_text(&in->in[0]->shape, a, sizeof a),
                       arc_shape_text(&in->in[1]->shape, b, sizeof b));
}

/* C broadcasts to [m][n] in one direction only. */
static bool c_broadcasts(const arc_shape *c, int64_t m, int64_t n) {
    if (c->rank > 2)
        return false;
    const int64_t column = c->rank > 0 ? c->dim[c->rank - 1] : 1, row = c->rank > 1 ? c->dim[0] : 1;
    return (column == 1 || column == n) && (row == 1 || row == m);
}

static arc_status gemm_infer(arc_infer *in) {
    const arc_status st = check_float_pair(in);
    if (st != ARC_OK)
        return st;
    const arc_shape *a = &in->in[0]->shape, *b = &in->in[1]->shape;
    if (a->rank != 2 || b->rank != 2)
        return fail_pair(in);
    const bool ta = arc_attr_int(in->node, "transA", 0) != 0, tb = arc_attr_int(in->node, "transB", 0) != 0;
    const int64_t m = a->dim[ta], k = a->dim[!ta], n = b->dim[!tb];
    if (b->dim[tb] != k)
        return fail_pair(in);
    if (in->inputs > 2 && in->in[2] && (in->in[2]->dtype != ARC_F32 || !c_broadcasts(&in->in[2]->shape, m, n)))
        return arc_op_fail(in, ARC_ESHAPE, "C does not broadcast to [%lld,%lld]", (long long)m, (long long)n);
    const arc_shape out = {2, {m, n}};
    const arc_status made = arc_infer_out(in, 0, ARC_F32, &out);
    return made == ARC_OK ? arc_fused_check(in, n, k, NULL) : made;
}

/* Numpy's rules: 1-D operands gain a dimension that the result loses; leading dimensions broadcast. */
static bool matmul_shape(const arc_shape *a, const arc_shape *b, arc_shape *batch, arc_shape *out) {
    if (a->rank < 1 || b->rank < 1)
        return false;
    const int ra = ARC_MAX(a->rank - 2, 0), rb = ARC_MAX(b->rank - 2, 0);
    const int64_t k = a->dim[a->rank - 1];
    if (b->dim[b->rank > 1 ? b->rank - 2 : 0] != k)
        return false;
    memset(batch, 0, sizeof *batch);
    batch->rank = ARC_MAX(ra, rb);
    for (int i = 1; i <= batch->rank; i++) {
        const int64_t da = i <= ra ? a->dim[ra - i] : 1, db = i <= rb ? b->dim[rb - i] : 1;
        if (da != db && da != 1 && db != 1)
            return false;
        batch->dim[batch->rank - i] = da == 1 ? db : da;
    }
    *out = *batch;
    if (a->rank > 1)
        out->dim[out->rank++] = a->dim[a->rank - 2];
    if (b->rank > 1)
        out->dim[out->rank++] = b->dim[b->rank - 1];
    return arc_shape_count(out) >= 0;
}

static arc_status matmul_infer(arc_infer *in) {
    const arc_status st = check_float_pair(in);
    if (st != ARC_OK)
        return st;
    arc_shape batch, out;
    const arc_shape *b = &in->in[1]->shape;
    if (!matmul_shape(&in->in[0]->shape, b, &batch, &out))
        return fail_pair(in);
    const arc_tensor *residual = in->inputs > ARC_CONV_RESIDUAL ? in->in[ARC_CONV_RESIDUAL] : NULL;
    const bool fused = in->inputs > 2 || arc_node_attr(in->node, "arc.act");
    if (fused && (b->rank != 2 || !in->in[1]->is_const))
        return arc_op_fail(in, ARC_EFORMAT, "has more than two inputs");
    if (in->inputs > 2 && in->in[2] && (in->in[2]->dtype != ARC_F32 || arc_shape_count(&in->in[2]->shape) != b->dim[1]))
        return arc_op_fail(in, ARC_ESHAPE, "the bias does not fit %lld columns", (long long)b->dim[1]);
    if (residual && (residual->dtype != ARC_F32 || !arc_shape_broadcast(&out, &residual->shape, &out)))
        return arc_op_fail(in, ARC_ESHAPE, "what is added to the product does not fit it");
    const arc_status made = arc_infer_out(in, 0, ARC_F32, &out);
    if (made != ARC_OK)
        return made;
    return fused ? arc_fused_check(in, b->dim[1], b->dim[0], residual ? &residual->shape : NULL) : ARC_OK;
}

/* ---- prepare --------------------------------------------------------------------------------------------------------------- */

static size_t batch_count(const arc_shape *s) {
    size_t count = 1;
    for (int i = 0; i + 2 < s->rank; i++)
        count *= (size_t)s->dim[i];
    return count;
}

/* For each matrix of the batch, which one of the operand: row-major with broadcast dimensions standing still. */
static const size_t *batch_index(arc_arena *arena, const arc_shape *operand, const arc_shape *batch, size_t count) {
    size_t *index = arc_arena_new(arena, ARC_MAX(count, (size_t)1), sizeof *index);
    if (!index)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t rest = i, stride = 1;
        for (int d = batch->rank - 1, o = operand->rank - 3; d >= 0 && o >= 0; d--, o--) {
            const size_t at = rest % (size_t)batch->dim[d];
            rest /= (size_t)batch->dim[d];
            index[i] += operand->dim[o] == 1 ? 0 : at * stride;
            stride *= (size_t)operand->dim[o];
        }
    }
    return index;
}

/* Sizes of what the step packs or copies; transposed A and broadcast C lie behind the packed weights in shared scratch. */
static arc_status finish_prepare(arc_prepare *p, gemm_state *g) {
    arc_step *s = p->step;
    s->shared_scratch_bytes = s->scratch_bytes = 0;
    s->state = g;
    const arc_form form = g->panels.form;
    s->algorithm = form == ARC_FORM_BF16 ? "igemm bf16" : form == ARC_FORM_F16 ? "igemm fp16" : "igemm";
    g->tiles = (g->m + s->kernels->igemm_mr - 1) / s->kernels->igemm_mr;
    g->block = g->m < MANY_ROWS ? g->tiles : BLOCK_BYTES / (s->kernels->igemm_mr * ARC_MAX(g->k, (size_t)1) * sizeof(float));
    g->block = ARC_MIN(ARC_MAX(g->block, (size_t)4), ARC_MAX(g->tiles, (size_t)1));
    g->transposed_at = g->residual_at = g->pairs_at = g->product_at = SIZE_MAX;
    const arc_status st = arc_panels_prepare(p, &g->panels, &s->in[1],
                                             form == ARC_FORM_BF16  ? "gemm igemm bf16"
                                             : form == ARC_FORM_F16 ? "gemm igemm fp16"
                                                                    : "gemm igemm");
    if (st != ARC_OK)
        return st;
    if (g->trans_a) {
        g->transposed_at = s->shared_scratch_bytes;
        s->shared_scratch_bytes += arc_aligned(g->m * g->k * sizeof(float));
    }
    if (form == ARC_FORM_BF16) {
        g->pairs_at = s->shared_scratch_bytes;
        s->shared_scratch_bytes += arc_aligned(g->m * g->k * sizeof(uint16_t));
    }
    if (arc_step_input(s, 2) && !g->bias_direct) {
        g->residual_at = s->shared_scratch_bytes;
        s->shared_scratch_bytes += g->m * g->n * sizeof(float);
    }
    if (arc_step_input(s, ARC_CONV_RESIDUAL) && !g->residual_direct) {
        g->product_at = s->shared_scratch_bytes;
        s->shared_scratch_bytes += g->batch * g->m * g->n * sizeof(float);
    }
    return ARC_OK;
}

/* alpha * output factor, the scale of a column. NULL in *scale: 1. */
static arc_status column_scale(arc_prepare *p, size_t n, float alpha, const float **scale) {
    *scale = arc_step_floats(p->step, ARC_CONV_OUT_SCALE);
    if (alpha == 1.0f)
        return ARC_OK;
    float *all = arc_arena_new(p->arena, ARC_MAX(n, (size_t)1), sizeof *all);
    if (!all)
        return arc_fail_nomem(p->err, "Gemm state");
    for (size_t j = 0; j < n; j++)
        all[j] = *scale ? alpha * (*scale)[j] : alpha;
    *scale = all;
    return ARC_OK;
}

static arc_status gemm_prepare(arc_prepare *p) {
    arc_step *s = p->step;
    gemm_state *g = arc_arena_new(p->arena, 1, sizeof *g);
    if (!g)
        return arc_fail_nomem(p->err, "Gemm state");
    const arc_shape *a = &s->in[0].shape, *b = &s->in[1].shape;
    const bool tb = arc_attr_int(s->node, "transB", 0) != 0;
    g->trans_a = arc_attr_int(s->node, "transA", 0) != 0;
    g->batch = g->a_batches = g->b_batches = 1;
    g->m = (size_t)a->dim[g->trans_a];
    g->k = (size_t)a->dim[!g->trans_a];
    g->n = (size_t)b->dim[!tb];
    const bool known = arc_fused_act(s->node, &g->act);
    assert(known);
    (void)known;
    g->panels = (arc_panels){.sets = 1, .n = g->n, .kc = g->k, .taps = 1, .ws_n = tb ? g->k : 1, .ws_k = tb ? 1 : g->n};
    g->panels.scale_k = arc_step_floats(s, ARC_CONV_IN_SCALE);
    const arc_status st = column_scale(p, g->n, arc_attr_float(s->node, "alpha", 1.0f), &g->panels.scale_n);
    if (st != ARC_OK)
        return st;
    if (s->f16 && s->kernels->f16_fast && s->in[1].is_const && arc_panels_fit_f16(&g->panels, s->in[1].data, LEAST_F16))
        g->panels.form = ARC_FORM_F16;
    else if (s->bf16 && s->kernels->bf16_fast && s->in[1].is_const && g->k % 2 == 0 && !g->trans_a)
        g->panels.form = ARC_FORM_BF16;
    g->beta = arc_attr_float(s->node, "beta", 1.0f);
    const arc_tensor *c = arc_step_input(s, 2);
    if (c) {
        const int64_t column = c->shape.rank > 0 ? c->shape.dim[c->shape.rank - 1] : 1,
                      row = c->shape.rank > 1 ? c->shape.dim[0] : 1;
        g->c_column = column > 1 ? 1 : 0;
        g->c_row = row > 1 ? (size_t)column : 0;
        g->bias_direct = g->beta == 1.0f && g->c_row == 0 && (size_t)column == g->n;
    }
    return finish_prepare(p, g);
}

static arc_status matmul_prepare(arc_prepare *p) {
    arc_step *s = p->step;
    gemm_state *g = arc_arena_new(p->arena, 1, sizeof *g);
    if (!g)
        return arc_fail_nomem(p->err, "MatMul state");
    const arc_shape *a = &s->in[0].shape, *b = &s->in[1].shape;
    arc_shape batch, out;
    const bool fits = matmul_shape(a, b, &batch, &out);
    assert(fits);
    (void)fits;
    g->m = a->rank > 1 ? (size_t)a->dim[a->rank - 2] : 1;
    g->k = (size_t)a->dim[a->rank - 1];
    g->n = b->rank > 1 ? (size_t)b->dim[b->rank - 1] : 1;
    g->a_batches = batch_count(a);
    g->b_batches = batch_count(b);
    g->batch = 1;
    for (int i = 0; i < batch.rank; i++)
        g->batch *= (size_t)batch.dim[i];
    if (g->b_batches == 1 && g->a_batches == g->batch) { /* one right-hand side: the matrices of A are one tall matrix */
        g->m *= g->batch;
        g->batch = 1;
    } else {
        g->a_index = batch_index(p->arena, a, &batch, g->batch);
        g->b_index = batch_index(p->arena, b, &batch, g->batch);
        if (!g->a_index || !g->b_index)
            return arc_fail_nomem(p->err, "MatMul state");
    }
    g->panels =
        (arc_panels){.sets = g->b_batches, .n = g->n, .kc = g->k, .taps = 1, .ws_set = g->k * g->n, .ws_n = 1, .ws_k = g->n};
    g->panels.scale_n = arc_step_floats(s, ARC_CONV_OUT_SCALE);
    const bool known = arc_fused_act(s->node, &g->act);
    assert(known);
    (void)known;
    g->bias_direct = arc_step_input(s, 2) != NULL;
    const arc_tensor *residual = arc_step_input(s, ARC_CONV_RESIDUAL);
    g->product = out;
    g->residual_direct = residual && arc_shape_equal(&residual->shape, &out);
    return finish_prepare(p, g);
}

/* ---- run ------------------------------------------------------------------------------------------------------------------- */

static void gemm_items(void *arg, size_t begin, size_t end, int thread) {
    const gemm_job *job = arg;
    const gemm_state *g = job->g;
    const arc_kernels *k = job->s->kernels;
    const size_t nr = k->igemm_nr, panels = g->panels.per_set, floats = g->panels.form == ARC_FORM_BF16 ? g->k / 2 : g->k;
    const float *row[ARC_IGEMM_MAX_MR];
    (void)thread;
    for (size_t item = begin; item < end; item++) {
        const size_t batch = item / (g->tiles * panels), within = item % (g->tiles * panels);
        const size_t first = within / (g->block * panels) * g->block, tiles = ARC_MIN(g->block, g->tiles - first);
        const size_t panel = (within - first * panels) / tiles, tile = first + (within - first * panels) % tiles;
        const size_t i0 = tile * g->m / g->tiles, m = (tile + 1) * g->m / g->tiles - i0, j0 = panel * nr; /* of even height */
        const size_t ai = g->a_index ? g->a_index[batch] : 0, bi = g->b_index ? g->b_index[batch] : 0;
        for (size_t i = 0; i < m; i++)
            row[i] = job->a + (ai * g->m + i0 + i) * floats;
        arc_epilogue e = job->e;
        e.bias = e.bias ? e.bias + j0 : NULL;
        e.slope = e.slope ? e.slope + j0 : NULL;
        e.residual = e.residual ? e.residual + i0 * e.residual_stride + j0 : NULL;
        arc_igemm_of(k, g->panels.form)(m, ARC_MIN(nr, g->n - j0), floats, 1, row,
                                        job->weights + (bi * panels + panel) * g->panels.panel_floats,
                                        job->y + (batch * g->m + i0) * g->n + j0, g->n, &e);
    }
}

/* beta * C broadcast to [m][n]. */
static void expand_c(const gemm_state *g, const float *c, float *to) {
    for (size_t i = 0; i < g->m; i++)
        for (size_t j = 0; j < g->n; j++)
            to[i * g->n + j] = g->beta * c[i * g->c_row + j * g->c_column];
}

typedef struct sum_job {
    const float *product, *residual;
    float *y;
} sum_job;

static void sum_items(void *arg, int64_t n, const int64_t *at, const int64_t *step) {
    const sum_job *job = arg;
    for (int64_t i = 0; i < n; i++)
        job->y[at[0] + i * step[0]] = job->product[at[1] + i * step[1]] + job->residual[at[2] + i * step[2]];
}

/* A residual that broadcasts, or that the product broadcasts to. */
static void add_residual(const arc_step *s, const gemm_state *g, float *product) {
    const arc_tensor tensor = {.dtype = ARC_F32, .shape = g->product, .data = product};
    sum_job job = {product, arc_step_floats(s, ARC_CONV_RESIDUAL), s->out[0].data};
    arc_loop l;
    arc_loop_begin(&l, &s->out[0].shape);
    arc_loop_add(&l, &s->out[0]);
    arc_loop_add(&l, &tensor);
    arc_loop_add(&l, &s->in[ARC_CONV_RESIDUAL]);
    arc_loop_run(s->pool, l, sum_items, &job);
}

static void gemm_run(const arc_step *s) {
    const gemm_state *g = s->state;
    gemm_job job = {.s = s, .g = g, .a = s->in[0].data, .y = s->out[0].data, .weights = g->panels.packed, .e = g->act};
    if (g->batch * g->m * g->n == 0)
        return;
    if (!job.weights) {
        arc_panels_fill(s->kernels, s->pool, &g->panels, s->in[1].data, (float *)(void *)s->shared_scratch);
        job.weights = (const float *)(const void *)s->shared_scratch;
    }
    if (g->transposed_at != SIZE_MAX) {
        float *to = (float *)(void *)(s->shared_scratch + g->transposed_at);
        s->kernels->transpose(g->k, g->m, job.a, g->m, to, g->k);
        job.a = to;
    }
    if (g->pairs_at != SIZE_MAX) {
        float *to = (float *)(void *)(s->shared_scratch + g->pairs_at);
        s->kernels->to_bf16(g->m * g->k, job.a, (uint16_t *)(void *)to);
        job.a = to;
    }
    job.e.slope = arc_step_floats(s, ARC_CONV_SLOPE);
    if (g->bias_direct)
        job.e.bias = arc_step_floats(s, 2);
    if (g->residual_at != SIZE_MAX) {
        float *to = (float *)(void *)(s->shared_scratch + g->residual_at);
        expand_c(g, arc_step_floats(s, 2), to);
        job.e.residual = to;
        job.e.residual_stride = g->n;
    }
    if (g->residual_direct) {
        job.e.residual = arc_step_floats(s, ARC_CONV_RESIDUAL);
        job.e.residual_stride = g->n;
    }
    if (g->product_at != SIZE_MAX)
        job.y = (float *)(void *)(s->shared_scratch + g->product_at);
    arc_pool_run(g->batch * g->m * g->n * g->k < PARALLEL_MACS ? NULL : s->pool, g->batch * g->panels.per_set * g->tiles, 0,
                 gemm_items, &job);
    if (g->product_at != SIZE_MAX)
        add_residual(s, g, job.y);
}

static int64_t gemm_macs(const arc_shape *in0, const arc_shape *in1, const arc_shape *out) {
    (void)in1;
    return in0->rank == 2 && out->rank == 2 && out->dim[0] > 0 ? arc_shape_known(in0) / out->dim[0] * arc_shape_known(out) : 0;
}

const arc_op arc_ops_gemm[] = {
    {.name = "Gemm",
     .kernels = "igemm igemm_bf16 igemm_f16 int8_igemm requantize",
     .kind = ARC_KIND_GEMM,
     .layout = ARC_OP_PLAIN,
     .infer = gemm_infer,
     .prepare = gemm_prepare,
     .run = gemm_run,
     .learn_prepare = arc_gemm_learn_prepare,
     .forward = arc_gemm_forward,
     .backward = arc_gemm_backward,
     .weight_inputs = ARC_INPUT(1) | ARC_INPUT(2),
     .macs = gemm_macs},
    {.name = "MatMul",
     .kernels = "igemm",
     .kind = ARC_KIND_MATMUL,
     .layout = ARC_OP_PLAIN,
     .infer = matmul_infer,
     .prepare = matmul_prepare,
     .run = gemm_run,
     .weight_inputs = ARC_INPUT(0) | ARC_INPUT(1),
     .macs = arc_macs_matmul},
    {.name = NULL},
};
