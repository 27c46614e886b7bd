/* op: one loop nest for all element-wise work and copies. The nest is sorted by the output's strides and merged, so that
 * plain and NHWC tensors, scalars, per-channel vectors and views all end in a long inner loop. */
#include "op/layer.h"
#include <assert.h>
#include <string.h>

#define INNER_BLOCK 8192 /* elements of the inner loop that one tile takes */

void arc_tensor_strides(const arc_tensor *t, int64_t stride[ARC_MAX_RANK]) {
    const arc_shape *s = &t->shape;
    if (t->layout == ARC_NHWC) {
        assert(s->rank == 4);
        stride[1] = 1;
        stride[3] = s->dim[1];
        stride[2] = s->dim[3] * stride[3];
        stride[0] = s->dim[2] * stride[2];
        return;
    }
    int64_t step = 1;
    for (int i = s->rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= s->dim[i];
    }
}

void arc_loop_begin(arc_loop *l, const arc_shape *shape) {
    memset(l, 0, sizeof *l);
    l->rank = shape->rank;
    memcpy(l->dim, shape->dim, sizeof l->dim);
}

void arc_loop_add(arc_loop *l, const arc_tensor *t) {
    int64_t stride[ARC_MAX_RANK] = {0};
    assert(l->operands < ARC_LOOP_OPERANDS && t->shape.rank <= l->rank);
    arc_tensor_strides(t, stride);
    int64_t *step = l->step[l->operands++];
    const int lead = l->rank - t->shape.rank;
    for (int i = 0; i < l->rank; i++)
        step[i] = i < lead || t->shape.dim[i - lead] == 1 ? 0 : stride[i - lead];
}

void arc_loop_add_strides(arc_loop *l, const int64_t *stride) {
    assert(l->operands < ARC_LOOP_OPERANDS);
    memcpy(l->step[l->operands++], stride, (size_t)l->rank * sizeof *stride);
}

static int64_t size_of_step(int64_t step) {
    return step < 0 ? -step : step;
}

static void swap_dims(arc_loop *l, int i, int j) {
    const int64_t dim = l->dim[i];
    l->dim[i] = l->dim[j];
    l->dim[j] = dim;
    for (int k = 0; k < l->operands; k++) {
        const int64_t step = l->step[k][i];
        l->step[k][i] = l->step[k][j];
        l->step[k][j] = step;
    }
}

/* Dimension i+1 continues dimension i in every operand. */
static bool merges(const arc_loop *l, int i) {
    for (int k = 0; k < l->operands; k++)
        if (l->step[k][i] != l->step[k][i + 1] * l->dim[i + 1])
            return false;
    return true;
}

static void drop_dim(arc_loop *l, int at) {
    for (int i = at; i + 1 < l->rank; i++)
        swap_dims(l, i, i + 1);
    l->rank--;
}

static void simplify(arc_loop *l) {
    for (int i = l->rank - 1; i >= 0; i--)
        if (l->dim[i] == 1)
            drop_dim(l, i);
    for (int i = 1; i < l->rank; i++)
        for (int j = i; j > 0 && size_of_step(l->step[0][j - 1]) < size_of_step(l->step[0][j]); j--)
            swap_dims(l, j - 1, j);
    for (int i = l->rank - 2; i >= 0; i--)
        if (merges(l, i)) {
            l->dim[i + 1] *= l->dim[i];
            drop_dim(l, i);
        }
    if (l->rank == 0) {
        l->rank = 1;
        l->dim[0] = 1;
        for (int k = 0; k < l->operands; k++)
            l->step[k][0] = 0;
    }
}

typedef struct loop_job {
    const arc_loop *l;
    arc_loop_fn *fn;
    void *arg;
    int64_t inner, blocks; /* length of the innermost loop; tiles it is cut in */
} loop_job;

static void loop_tiles(void *arg, size_t begin, size_t end, int thread) {
    const loop_job *job = arg;
    const arc_loop *l = job->l;
    const int outer = l->rank - 1;
    int64_t index[ARC_MAX_RANK] = {0}, at[ARC_LOOP_OPERANDS], step[ARC_LOOP_OPERANDS];
    (void)thread;
    int64_t row = (int64_t)begin / job->blocks, block = (int64_t)begin % job->blocks;
    for (int i = outer - 1; i >= 0; i--) {
        index[i] = row % l->dim[i];
        row /= l->dim[i];
    }
    for (int k = 0; k < l->operands; k++) {
        step[k] = l->step[k][outer];
        at[k] = 0;
        for (int i = 0; i < outer; i++)
            at[k] += index[i] * l->step[k][i];
    }
    for (size_t tile = begin; tile < end; tile++) {
        const int64_t from = block * INNER_BLOCK, n = job->blocks == 1 ? job->inner : ARC_MIN(INNER_BLOCK, job->inner - from);
        int64_t start[ARC_LOOP_OPERANDS];
        for (int k = 0; k < l->operands; k++)
            start[k] = at[k] + from * step[k];
        job->fn(job->arg, n, start, step);
        if (++block < job->blocks)
            continue;
        block = 0;
        for (int i = outer - 1; i >= 0; i--) {
            for (int k = 0; k < l->operands; k++)
                at[k] += l->step[k][i];
            if (++index[i] < l->dim[i])
                break;
            for (int k = 0; k < l->operands; k++)
                at[k] -= l->step[k][i] * l->dim[i];
            index[i] = 0;
        }
    }
}

void arc_loop_run(arc_pool *pool, arc_loop l, arc_loop_fn *fn, void *arg) {
    int64_t count = 1, rows = 1;
    for (int i = 0; i < l.rank; i++)
        count *= l.dim[i];
    if (count == 0)
        return;
    simplify(&l);
    loop_job job = {.l = &l, .fn = fn, .arg = arg, .inner = l.dim[l.rank - 1], .blocks = 1};
    if (job.inner > INNER_BLOCK)
        job.blocks = (job.inner + INNER_BLOCK - 1) / INNER_BLOCK;
    rows = count / job.inner;
    arc_pool_run(count < ARC_LOOP_PARALLEL ? NULL : pool, (size_t)(rows * job.blocks), 0, loop_tiles, &job);
}

/* ---- copies ------------------------------------------------------------------------------------------------------ */

typedef struct copy_job {
    size_t bytes;
    uint8_t *to;
    const uint8_t *from;
} copy_job;

#define COPY_STRIDED(T)                                                                                                          \
    do {                                                                                                                         \
        T *y = (T *)(void *)job->to + at[0];                                                                                     \
        const T *x = (const T *)(const void *)job->from + at[1];                                                                 \
        for (int64_t i = 0; i < n; i++)                                                                                          \
            y[i * step[0]] = x[i * step[1]];                                                                                     \
    } while (0)

static void copy_items(void *arg, int64_t n, const int64_t *at, const int64_t *step) {
    const copy_job *job = arg;
    const int64_t bytes = (int64_t)job->bytes;
    if (step[0] == 1 && step[1] == 1)
        memcpy(job->to + at[0] * bytes, job->from + at[1] * bytes, (size_t)(n * bytes));
    else if (bytes == 1)
        COPY_STRIDED(uint8_t);
    else if (bytes == 2)
        COPY_STRIDED(uint16_t);
    else if (bytes == 4)
        COPY_STRIDED(uint32_t);
    else
        COPY_STRIDED(uint64_t);
}

void arc_copy_block(arc_pool *pool, size_t element_bytes, const arc_shape *block, void *to, const int64_t *to_stride,
                    const void *from, const int64_t *from_stride) {
    arc_loop l;
    copy_job job = {element_bytes, to, from};
    assert(element_bytes == 1 || element_bytes == 2 || element_bytes == 4 || element_bytes == 8);
    arc_loop_begin(&l, block);
    arc_loop_add_strides(&l, to_stride);
    arc_loop_add_strides(&l, from_stride);
    arc_loop_run(pool, l, copy_items, &job);
}
