/* attention: the arithmetic of heads.h. */
#include "op/attention/heads.h"

#define ALONE_MACS (1 << 19) /* fewer multiply-adds are done before another thread has woken up */

typedef struct heads_job {
    const arc_step *s;
    const arc_heads_attention *a;
    const float *q, *k, *v, *bias, *head_scale;
    float *keys, *values; /* packed, one head of k and v after the other */
    float *y;
} heads_job;

static size_t panels_of(int64_t columns, size_t nr) {
    return ((size_t)columns + nr - 1) / nr;
}

bool arc_heads_prepare(arc_step *s, arc_heads_attention *a) {
    const size_t mr = s->kernels->igemm_mr, nr = s->kernels->igemm_nr, heads = (size_t)(a->k.batch * a->k.heads);
    a->tiles = ((size_t)a->q.length + mr - 1) / mr;
    a->row_floats = panels_of(a->k.length, nr) * nr;
    a->key_panels = panels_of(a->k.length, nr);
    a->value_panels = panels_of(a->v.size, nr);
    size_t floats, rows;
    if (!arc_mul_size(a->key_panels * nr, (size_t)a->q.size, &a->key_floats) ||
        !arc_mul_size(a->value_panels * nr, (size_t)a->k.length, &a->value_floats) ||
        !arc_mul_size(heads, a->key_floats + a->value_floats, &floats) || floats > SIZE_MAX / 8 ||
        !arc_mul_size(mr, a->row_floats + (size_t)a->q.size, &rows) || rows > SIZE_MAX / 8)
        return false;
    s->shared_scratch_bytes = floats * sizeof(float);
    s->scratch_bytes = rows * sizeof(float);
    return true;
}

/* Item: one panel of keys or values of one head. */
static void pack_items(void *arg, size_t begin, size_t end, int thread) {
    const heads_job *job = arg;
    const arc_heads_attention *a = job->a;
    const arc_kernels *k = job->s->kernels;
    const size_t each = a->key_panels + a->value_panels, nr = k->igemm_nr, keys = (size_t)a->k.length;
    (void)thread;
    for (size_t item = begin; item < end; item++) {
        const size_t head = item / each, panel = item % each;
        const int64_t batch_at = (int64_t)head / a->k.heads, head_at = (int64_t)head % a->k.heads;
        if (panel < a->key_panels)
            arc_igemm_pack_panel(k, keys, panel * nr, (size_t)a->k.size, 1,
                                 job->k + batch_at * a->k.batch_stride + head_at * a->k.head_stride, (size_t)a->k.row_stride, 0,
                                 (size_t)a->k.element_stride, NULL, NULL,
                                 job->keys + head * a->key_floats + panel * nr * (size_t)a->k.size);
        else
            arc_igemm_pack_panel(k, (size_t)a->v.size, (panel - a->key_panels) * nr, keys, 1,
                                 job->v + batch_at * a->v.batch_stride + head_at * a->v.head_stride, (size_t)a->v.element_stride,
                                 0, (size_t)a->v.row_stride, NULL, NULL,
                                 job->values + head * a->value_floats + (panel - a->key_panels) * nr * keys);
    }
}

/* Rows of queries as the tile wants them: where they lie, or copied to `room` when their elements are apart. */
static void query_rows(const heads_job *job, const float *first, size_t m, float *room, const float **row) {
    const arc_heads *q = &job->a->q;
    for (size_t i = 0; i < m; i++) {
        const float *from = first + (int64_t)i * q->row_stride;
        row[i] = from;
        if (q->element_stride == 1)
            continue;
        float *to = room + i * (size_t)q->size;
        for (int64_t k = 0; k < q->size; k++)
            to[k] = from[k * q->element_stride];
        row[i] = to;
    }
}

/* scores = scores * scale + bias, where the softmax cannot do it: a bias, or a factor that is not above 0. */
static void add_bias(const heads_job *job, float *scores, size_t m, float scale, int64_t batch, int64_t head, int64_t i0) {
    const arc_heads_attention *a = job->a;
    for (size_t i = 0; i < m; i++) {
        const float *bias =
            job->bias + batch * a->bias_stride[0] + head * a->bias_stride[1] + (i0 + (int64_t)i) * a->bias_stride[2];
        float *row = scores + i * a->row_floats;
        for (int64_t j = 0; j < a->k.length; j++)
            row[j] = bias ? row[j] * scale + bias[j * a->bias_stride[3]] : row[j] * scale;
    }
}

/* Item: one tile of rows of one head of q. */
static void head_items(void *arg, size_t begin, size_t end, int thread) {
    const heads_job *job = arg;
    const arc_heads_attention *a = job->a;
    const arc_kernels *k = job->s->kernels;
    const size_t nr = k->igemm_nr, keys = (size_t)a->k.length, length = (size_t)a->q.length;
    const arc_epilogue none = {.act = ARC_ACT_NONE};
    float *scores = (float *)(void *)(job->s->scratch + (size_t)thread * job->s->scratch_stride);
    const float *row[ARC_IGEMM_MAX_MR];
    for (size_t item = begin; item < end; item++) {
        const size_t tile = item % a->tiles, i0 = tile * length / a->tiles, m = (tile + 1) * length / a->tiles - i0;
        const int64_t head = (int64_t)(item / a->tiles) % a->q.heads, batch = (int64_t)(item / a->tiles) / a->q.heads;
        const size_t kv = (size_t)(batch * a->k.heads + head / a->group);
        const float *keys_of = job->keys + kv * a->key_floats, *values_of = job->values + kv * a->value_floats;
        float scale = job->head_scale ? a->scale * job->head_scale[head] : a->scale;
        query_rows(job, job->q + batch * a->q.batch_stride + head * a->q.head_stride + (int64_t)i0 * a->q.row_stride, m,
                   scores + k->igemm_mr * a->row_floats, row);
        for (size_t p = 0; p < a->key_panels; p++)
            k->igemm(m, ARC_MIN(nr, keys - p * nr), (size_t)a->q.size, 1, row, keys_of + p * nr * (size_t)a->q.size,
                     scores + p * nr, a->row_floats, &none);
        if (job->bias || !(scale > 0)) {
            add_bias(job, scores, m, scale, batch, head, (int64_t)i0);
            scale = 1;
        }
        k->rows_softmax(m, keys, scores, a->row_floats, scale, scores, a->row_floats);
        for (size_t i = 0; i < m; i++)
            row[i] = scores + i * a->row_floats;
        float *y = job->y + batch * a->y.batch_stride + head * a->y.head_stride + (int64_t)i0 * a->y.row_stride;
        for (size_t p = 0; p < a->value_panels; p++)
            k->igemm(m, ARC_MIN(nr, (size_t)a->v.size - p * nr), keys, 1, row, values_of + p * nr * keys, y + p * nr,
                     (size_t)a->y.row_stride, &none);
    }
}

void arc_heads_run(const arc_step *s, const arc_heads_attention *a, const float *q, const float *k, const float *v,
                   const float *bias, const float *head_scale, float *y) {
    const size_t heads = (size_t)(a->k.batch * a->k.heads), rows = (size_t)(a->q.batch * a->q.heads) * a->tiles;
    heads_job job = {.s = s, .a = a, .q = q, .k = k, .v = v, .bias = bias, .head_scale = head_scale, .y = y};
    job.keys = (float *)(void *)s->shared_scratch;
    job.values = job.keys + heads * a->key_floats;
    arc_pool *pool = (a->k.size + a->v.size) * a->k.length * a->q.length * a->q.heads < ALONE_MACS ? NULL : s->pool;
    if (rows == 0 || a->k.length == 0)
        return;
    arc_pool_run(pool, heads * (a->key_panels + a->value_panels), 0, pack_items, &job);
    arc_pool_run(pool, rows, 0, head_items, &job);
}
