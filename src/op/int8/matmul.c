/* op: MatMulInteger: any 8-bit A times one 8-bit matrix B on the int8_igemm tile. */
#include "op/int8/int8.h"
#include <assert.h>

typedef struct matmul_state {
    size_t m, n, k, tiles;
    arc_int8_pack pack;
    size_t pack_at, sums_at; /* into shared scratch; signed A, made unsigned, lies at 0 */
} matmul_state;

arc_status arc_matmul_integer_infer(arc_infer *in) {
    const arc_status st = arc_infer_needs(in, 2);
    if (st != ARC_OK)
        return st;
    const arc_shape *a = &in->in[0]->shape, *b = &in->in[1]->shape;
    if (!arc_int8_is(in->in[0]->dtype) || !arc_int8_is(in->in[1]->dtype))
        return arc_op_fail(in, ARC_EUNSUPPORTED, "inputs must be int8 or uint8");
    if (a->rank < 1 || b->rank != 2 || a->dim[a->rank - 1] != b->dim[0]) {
        char at[96], bt[96];
        return arc_op_fail(in, ARC_ESHAPE, "%s and %s do not fit, or the second is no matrix", arc_shape_text(a, at, sizeof at),
                           arc_shape_text(b, bt, sizeof bt));
    }
    arc_shape y = *a;
    y.dim[y.rank - 1] = b->dim[1];
    if (!arc_int8_zero_fits(in, 2, in->in[0]->dtype, a->rank == 2 ? a->dim[0] : 1) ||
        !arc_int8_zero_fits(in, 3, in->in[1]->dtype, b->dim[1]))
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
    g->tiles = (g->m + s->kernels->int8_igemm_mr - 1) / s->kernels->int8_igemm_mr;
    g->pack = (arc_int8_pack){.sets = 1, .n = g->n, .kc = g->k, .taps = 1, .step_n = 1, .step_k = g->n};
    if (!arc_int8_pack_size(s->kernels, &g->pack))
        return arc_fail(p->err, ARC_ELIMIT, "MatMulInteger '%s': the weights are too large", s->node->name);
    if (!arc_int8_pack_constant(p, &g->pack, &s->in[1], "matmul int8"))
        return arc_fail_nomem(p->err, "MatMulInteger");
    g->sums_at = arc_aligned(g->m * g->k);
    g->pack_at = g->sums_at + arc_aligned(g->m * sizeof(int32_t));
    s->shared_scratch_bytes = g->pack_at + (g->pack.packed ? 0 : arc_aligned(g->pack.bytes));
    s->state = g;
    s->algorithm = "int8 igemm";
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
    const size_t mr = k->int8_igemm_mr, nr = k->int8_igemm_nr;
    (void)thread;
    for (size_t item = begin; item < end; item++) {
        const uint8_t *list[ARC_IGEMM_MAX_MR];
        const size_t panel = item / g->tiles, row = item % g->tiles * mr, rows = ARC_MIN(mr, g->m - row);
        const size_t first = panel * nr, width = ARC_MIN(nr, g->n - first);
        int32_t *y = (int32_t *)job->s->out[0].data + row * g->n + first;
        for (size_t i = 0; i < rows; i++)
            list[i] = job->a + (row + i) * g->k;
        k->int8_igemm(rows, width, g->k, 1, list, job->packed + panel * g->pack.panel_bytes, y, g->n);
        for (size_t i = 0; i < rows; i++) {
            const uint32_t az = (uint32_t)arc_int8_zero(job->s, 2, (int64_t)(row + i), job->a_shift);
            for (size_t j = 0; j < width; j++) {
                const uint32_t bz = (uint32_t)arc_int8_zero(job->s, 3, (int64_t)(first + j), job->b_shift);
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
    assert(s->kernels->int8_igemm_mr <= ARC_IGEMM_MAX_MR);
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
    job.packed = arc_int8_packed(s, &g->pack, g->pack_at);
    job.column_sum = arc_int8_column_sums(&g->pack, job.packed);
    arc_pool_run(s->pool, g->pack.per_set * g->tiles, 0, matmul_items, &job);
}
