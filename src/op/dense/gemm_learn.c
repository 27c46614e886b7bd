/* op: the fully connected layer that learns: y = x W^T + b, x [n][k], W [m][k]. The weights are large and the batch is small, so
 * W is never packed: forward has its rows as the tile's rows (and gives y transposed), both gradients are products over rows
 * (gemm_tn). */
#include "op/learn_step.h"

typedef struct gemm_state {
    size_t k, m, batch;   /* batch: largest */
    size_t transposed_at; /* floats into shared scratch */
} gemm_state;

typedef struct gemm_job {
    const arc_learn_step *s;
    const arc_learn_run *r;
    const gemm_state *g;
    float *shared, *transposed;
} gemm_job;

arc_status arc_gemm_learn_prepare(arc_learn_prepare *p) {
    arc_learn_step *s = p->step;
    const arc_node *n = s->node;
    if (!arc_attr_int(n, "transB", 0) || arc_attr_int(n, "transA", 0) || arc_attr_float(n, "alpha", 1) != 1 ||
        arc_attr_float(n, "beta", 1) != 1)
        return arc_learn_refuse(n, "only x W^T + b does: transB 1, alpha and beta 1", p->err);
    gemm_state *g = arc_arena_new(p->arena, 1, sizeof *g);
    if (!g)
        return arc_fail_nomem(p->err, "Gemm state");
    const size_t nr = p->kernels->igemm_nr;
    *g = (gemm_state){
        .k = (size_t)s->in_shape[0].dim[1], .m = (size_t)s->out_shape.dim[1], .batch = (size_t)s->in_shape[0].dim[0]};
    const size_t packed = (g->batch + nr - 1) / nr * nr * g->k;
    g->transposed_at = packed;
    s->state = g;
    s->keeps[0] = !s->weight->frozen; /* x is read for the gradient of the weights alone */
    s->macs = (double)g->k * (double)g->m;
    s->algorithm = "gemm";
    s->shared_bytes = (packed + g->m * g->batch) * sizeof(float);
    s->scratch_bytes = ARC_MAX(g->m, g->batch) * sizeof(float *);
    return ARC_OK;
}

static gemm_job job_of(const arc_learn_step *s, const arc_learn_run *r) {
    const gemm_state *g = s->state;
    float *shared = (float *)(void *)r->shared;
    return (gemm_job){s, r, g, shared, shared + g->transposed_at};
}

/* ---- forward --------------------------------------------------------------------------------------------------------------- */

static void pack_items(void *arg, size_t begin, size_t end, int thread) {
    const gemm_job *job = arg;
    const arc_kernels *k = job->r->kernels;
    (void)thread;
    for (size_t i = begin; i < end; i++)
        arc_igemm_pack_panel(k, job->r->n, i * k->igemm_nr, job->g->k, 1, job->r->x[0], job->g->k, 0, 1, NULL, NULL,
                             job->shared + i * k->igemm_nr * job->g->k);
}

/* Items are tiles of W's rows: y^T [m][n]. */
static void forward_items(void *arg, size_t begin, size_t end, int thread) {
    const gemm_job *job = arg;
    const gemm_state *g = job->g;
    const arc_kernels *k = job->r->kernels;
    const size_t n = job->r->n, mr = k->igemm_mr, nr = k->igemm_nr;
    const arc_epilogue plain = {.act = ARC_ACT_NONE};
    const float *list[ARC_IGEMM_MAX_MR];
    (void)thread;
    for (size_t tile = begin; tile < end; tile++) {
        const size_t rows = ARC_MIN(mr, g->m - tile * mr);
        for (size_t i = 0; i < rows; i++)
            list[i] = job->s->weight->value + (tile * mr + i) * g->k;
        for (size_t j = 0; j < n; j += nr)
            k->igemm(rows, ARC_MIN(nr, n - j), g->k, 1, list, job->shared + j * g->k, job->transposed + tile * mr * n + j, n,
                     &plain);
    }
}

void arc_gemm_forward(const arc_learn_step *s, const arc_learn_run *r) {
    gemm_job job = job_of(s, r);
    const gemm_state *g = job.g;
    arc_pool_run(r->pool, (r->n + r->kernels->igemm_nr - 1) / r->kernels->igemm_nr, 1, pack_items, &job);
    arc_pool_run(r->pool, (g->m + r->kernels->igemm_mr - 1) / r->kernels->igemm_mr, 1, forward_items, &job);
    for (size_t i = 0; i < r->n; i++)
        for (size_t j = 0; j < g->m; j++)
            ((float *)r->y)[i * g->m + j] = job.transposed[j * r->n + i] + (s->bias ? s->bias->value[j] : 0);
}

/* ---- backward -------------------------------------------------------------------------------------------------------------- */

/* Items are panels of k: dx[i][k] = sum_m dy[i][m] W[m][k]. */
static void input_items(void *arg, size_t begin, size_t end, int thread) {
    const gemm_job *job = arg;
    const gemm_state *g = job->g;
    const arc_kernels *k = job->r->kernels;
    const float **list = (const float **)(void *)(job->r->scratch + (size_t)thread * job->r->scratch_stride);
    for (size_t m = 0; m < g->m; m++)
        list[m] = job->transposed + m * job->r->n;
    for (size_t panel = begin; panel < end; panel++)
        for (size_t i = 0; i < job->r->n; i += k->igemm_mr)
            k->gemm_tn(ARC_MIN(k->igemm_mr, job->r->n - i), ARC_MIN(k->igemm_nr, g->k - panel * k->igemm_nr), g->m, list, i,
                       job->s->weight->value + panel * k->igemm_nr, g->k, (float *)job->r->dx[0] + i * g->k + panel * k->igemm_nr,
                       g->k, job->r->add[0]);
}

/* Items are panels of k: dW[m][k] = sum_i dy[i][m] x[i][k]. */
static void weight_items(void *arg, size_t begin, size_t end, int thread) {
    const gemm_job *job = arg;
    const gemm_state *g = job->g;
    const arc_kernels *k = job->r->kernels;
    const float **list = (const float **)(void *)(job->r->scratch + (size_t)thread * job->r->scratch_stride);
    for (size_t i = 0; i < job->r->n; i++)
        list[i] = (const float *)job->r->dy + i * g->m;
    for (size_t panel = begin; panel < end; panel++)
        for (size_t m = 0; m < g->m; m += k->igemm_mr)
            k->gemm_tn(ARC_MIN(k->igemm_mr, g->m - m), ARC_MIN(k->igemm_nr, g->k - panel * k->igemm_nr), job->r->n, list, m,
                       (const float *)job->r->x[0] + panel * k->igemm_nr, g->k,
                       job->s->weight->gradient + m * g->k + panel * k->igemm_nr, g->k, job->r->accumulate);
}

void arc_gemm_backward(const arc_learn_step *s, const arc_learn_run *r) {
    gemm_job job = job_of(s, r);
    const gemm_state *g = job.g;
    const size_t panels = (g->k + r->kernels->igemm_nr - 1) / r->kernels->igemm_nr;
    if (!s->weight->frozen)
        arc_pool_run(r->pool, panels, 0, weight_items, &job);
    if (s->bias && !s->bias->frozen)
        arc_learn_bias_gradient(s, r);
    if (!r->dx[0])
        return;
    r->kernels->transpose(r->n, g->m, r->dy, g->m, job.transposed, r->n);
    arc_pool_run(r->pool, panels, 0, input_items, &job);
}
