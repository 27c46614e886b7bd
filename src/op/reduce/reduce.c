/* op: reductions over any axes, ArgMax and ArgMin. Sums are taken in double (integers in int64), each output by one thread in a
 * fixed order. */
#include "op/layer.h"
#include <math.h>
#include <string.h>

typedef enum reduce_kind { SUM, MEAN, MAX, MIN, PROD, L1, L2, SUM_SQUARE, LOG_SUM, LOG_SUM_EXP } reduce_kind;

/* ---- infer ------------------------------------------------------------------------------------------------------- */

/* Marks reduced dimensions. Axes are an attribute; ReduceSum takes them as an input from opset 13, the others from 18. */
static arc_status read_axes(const arc_infer *in, bool *mark) {
    int64_t axes[ARC_MAX_RANK];
    int count = 0;
    const int rank = in->in[0]->shape.rank;
    if (!arc_node_ints_of(in->node, "axes", ARC_MAX_RANK, axes, &count)) {
        const arc_status st = arc_infer_ints(in, 1, ARC_MAX_RANK, axes, &count);
        if (st != ARC_OK)
            return st;
    }
    const bool all = count == 0 && arc_attr_int(in->node, "noop_with_empty_axes", 0) == 0;
    for (int i = 0; i < ARC_MAX_RANK; i++)
        mark[i] = all;
    for (int i = 0; i < count; i++) {
        const int axis = arc_axis(axes[i], rank);
        if (axis < 0)
            return arc_op_fail(in, ARC_ESHAPE, "axis %lld is outside rank %d", (long long)axes[i], rank);
        mark[axis] = true;
    }
    return ARC_OK;
}

static arc_status reduced_out(arc_infer *in, arc_dtype t, const bool *mark) {
    const arc_shape *x = &in->in[0]->shape;
    const bool keep = arc_attr_int(in->node, "keepdims", 1) != 0;
    arc_shape y = {0};
    for (int i = 0; i < x->rank; i++)
        if (!mark[i] || keep)
            y.dim[y.rank++] = mark[i] ? 1 : x->dim[i];
    return arc_infer_out(in, 0, t, &y);
}

static arc_status reduce_infer(arc_infer *in) {
    bool mark[ARC_MAX_RANK];
    arc_status st = arc_infer_needs(in, 1);
    if (st == ARC_OK)
        st = read_axes(in, mark);
    return st == ARC_OK ? reduced_out(in, in->in[0]->dtype, mark) : st;
}

/* ---- prepare ----------------------------------------------------------------------------------------------------- */

/* Kept and reduced dimensions with their strides in the plain input. */
typedef struct reduce_state {
    int kept, reduced;
    int64_t kept_dim[ARC_MAX_RANK], kept_stride[ARC_MAX_RANK], dim[ARC_MAX_RANK], stride[ARC_MAX_RANK];
    int64_t outputs, length;
} reduce_state;

static void make_state(const arc_shape *x, const bool *mark, reduce_state *r) {
    int64_t stride = 1;
    memset(r, 0, sizeof *r);
    r->outputs = r->length = 1;
    for (int i = x->rank - 1; i >= 0; i--) {
        if (mark[i]) {
            r->dim[r->reduced] = x->dim[i];
            r->stride[r->reduced++] = stride;
            r->length *= x->dim[i];
        } else {
            r->kept_dim[r->kept] = x->dim[i];
            r->kept_stride[r->kept++] = stride;
            r->outputs *= x->dim[i];
        }
        stride *= x->dim[i];
    }
}

static arc_status reduce_prepare(arc_prepare *p) {
    arc_step *s = p->step;
    bool mark[ARC_MAX_RANK];
    reduce_state *state = arc_arena_new(p->arena, 1, sizeof *state);
    if (!state)
        return arc_fail_nomem(p->err, s->op->name);
    arc_infer in = {.graph = s->graph, .node = s->node, .opset = s->opset, .inputs = s->inputs, .err = p->err};
    for (int i = 0; i < s->inputs && i < 2; i++)
        in.in[i] = s->in[i].dtype != ARC_NO_DTYPE ? &s->in[i] : NULL;
    const arc_status st = read_axes(&in, mark);
    if (st != ARC_OK)
        return st;
    make_state(&s->in[0].shape, mark, state);
    s->state = state;
    return ARC_OK;
}

/* ---- run --------------------------------------------------------------------------------------------------------- */

typedef struct reduce_job {
    const arc_step *s;
    const reduce_state *r;
    reduce_kind kind;
} reduce_job;

/* First input element of output o. */
static int64_t base_of(const reduce_state *r, int64_t o) {
    int64_t at = 0;
    for (int i = 0; i < r->kept; i++) { /* fastest dimension first */
        at += o % r->kept_dim[i] * r->kept_stride[i];
        o /= r->kept_dim[i];
    }
    return at;
}

/* Moves on to the next reduced element; dimension 0 is the fastest. */
static int64_t advance(const reduce_state *r, int64_t *index, int64_t at) {
    for (int i = 0; i < r->reduced; i++) {
        at += r->stride[i];
        if (++index[i] < r->dim[i])
            break;
        at -= r->stride[i] * r->dim[i];
        index[i] = 0;
    }
    return at;
}

static int64_t reduce_int(const reduce_job *job, int64_t at) {
    const reduce_state *r = job->r;
    const arc_tensor *x = &job->s->in[0];
    int64_t index[ARC_MAX_RANK] = {0};
    uint64_t sum = job->kind == PROD ? 1 : 0;
    for (int64_t i = 0; i < r->length; i++, at = advance(r, index, at)) {
        const int64_t v = arc_element_int(x->dtype, x->data, at), so_far = (int64_t)sum;
        switch (job->kind) {
        case MAX:
            sum = (uint64_t)(i == 0 ? v : ARC_MAX(so_far, v));
            break;
        case MIN:
            sum = (uint64_t)(i == 0 ? v : ARC_MIN(so_far, v));
            break;
        case PROD:
            sum *= (uint64_t)v;
            break;
        case L1:
            sum += v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
            break;
        case SUM_SQUARE:
            sum += (uint64_t)v * (uint64_t)v;
            break;
        default:
            sum += (uint64_t)v;
        }
    }
    return job->kind == MEAN && r->length > 0 ? (int64_t)sum / r->length : (int64_t)sum;
}

static double real_at(const arc_tensor *x, int64_t at) {
    return x->dtype == ARC_F32 ? ((const float *)x->data)[at] : arc_element_real(x->dtype, x->data, at);
}

static double reduce_real(const reduce_job *job, int64_t at) {
    const reduce_state *r = job->r;
    const arc_tensor *x = &job->s->in[0];
    int64_t index[ARC_MAX_RANK] = {0}, begin = at;
    double sum = job->kind == PROD ? 1 : job->kind == MAX ? -HUGE_VAL : job->kind == MIN ? HUGE_VAL : 0, most = 0;
    if (job->kind == LOG_SUM_EXP) {
        most = -HUGE_VAL;
        for (int64_t i = 0; i < r->length; i++, at = advance(r, index, at))
            most = fmax(most, real_at(x, at));
        at = begin;
        most = isinf(most) ? 0 : most;
    }
    for (int64_t i = 0; i < r->length; i++, at = advance(r, index, at)) {
        const double v = real_at(x, at);
        switch (job->kind) {
        case MAX:
            sum = v > sum || isnan(v) ? v : sum;
            break;
        case MIN:
            sum = v < sum || isnan(v) ? v : sum;
            break;
        case PROD:
            sum *= v;
            break;
        case L1:
            sum += fabs(v);
            break;
        case L2:
        case SUM_SQUARE:
            sum += v * v;
            break;
        case LOG_SUM_EXP:
            sum += exp(v - most);
            break;
        default:
            sum += v;
        }
    }
    switch (job->kind) {
    case MEAN:
        return sum / (double)r->length;
    case L2:
        return sqrt(sum);
    case LOG_SUM:
        return log(sum);
    case LOG_SUM_EXP:
        return log(sum) + most;
    default:
        return sum;
    }
}

static void reduce_items(void *arg, size_t begin, size_t end, int thread) {
    const reduce_job *job = arg;
    const arc_tensor *x = &job->s->in[0], *y = &job->s->out[0];
    const bool ints = arc_dtype_is_int(x->dtype) && job->kind != L2 && job->kind != LOG_SUM && job->kind != LOG_SUM_EXP;
    (void)thread;
    for (size_t o = begin; o < end; o++) {
        const int64_t at = base_of(job->r, (int64_t)o);
        if (ints)
            arc_element_set_int(y->dtype, y->data, (int64_t)o, reduce_int(job, at));
        else
            arc_element_set_real(y->dtype, y->data, (int64_t)o, reduce_real(job, at));
    }
}

static void reduce_run(const arc_step *s) {
    reduce_job job = {s, s->state, (reduce_kind)s->op->variant};
    if (job.r->outputs > 0)
        arc_pool_run(job.r->outputs * job.r->length < ARC_LOOP_PARALLEL ? NULL : s->pool, (size_t)job.r->outputs, 0, reduce_items,
                     &job);
}

/* ---- ArgMax, ArgMin ---------------------------------------------------------------------------------------------- */

enum { ARG_MAX, ARG_MIN };

static arc_status arg_infer(arc_infer *in) {
    bool mark[ARC_MAX_RANK] = {false};
    const arc_status st = arc_infer_needs(in, 1);
    if (st != ARC_OK)
        return st;
    const int axis = arc_axis(arc_attr_int(in->node, "axis", 0), in->in[0]->shape.rank);
    if (axis < 0 || in->in[0]->shape.dim[axis] == 0)
        return arc_op_fail(in, ARC_ESHAPE, "the axis is outside the input or empty");
    mark[axis] = true;
    return reduced_out(in, ARC_I64, mark);
}

static arc_status arg_prepare(arc_prepare *p) {
    arc_step *s = p->step;
    bool mark[ARC_MAX_RANK] = {false};
    reduce_state *state = arc_arena_new(p->arena, 1, sizeof *state);
    if (!state)
        return arc_fail_nomem(p->err, s->op->name);
    const int axis = arc_axis(arc_attr_int(s->node, "axis", 0), s->in[0].shape.rank);
    if (axis >= 0)
        mark[axis] = true;
    make_state(&s->in[0].shape, mark, state);
    s->state = state;
    return ARC_OK;
}

static void arg_run(const arc_step *s) {
    const reduce_state *r = s->state;
    const arc_tensor *x = &s->in[0];
    const bool most = s->op->variant == ARG_MAX, last = arc_attr_int(s->node, "select_last_index", 0) != 0;
    for (int64_t o = 0; o < r->outputs; o++) {
        const int64_t base = base_of(r, o);
        double best = arc_element_real(x->dtype, x->data, base);
        int64_t at = 0;
        for (int64_t i = 1; i < r->length; i++) {
            const double v = arc_element_real(x->dtype, x->data, base + i * r->stride[0]);
            if ((most ? v > best : v < best) || (last && v == best)) {
                best = v;
                at = i;
            }
        }
        ((int64_t *)s->out[0].data)[o] = at;
    }
}

const arc_op arc_ops_reduce[] = {
    {.name = "ReduceSum",
     .variant = SUM,
     .layout = ARC_OP_PLAIN,
     .infer = reduce_infer,
     .prepare = reduce_prepare,
     .run = reduce_run},
    {.name = "ReduceMean",
     .kind = ARC_KIND_REDUCE_MEAN,
     .variant = MEAN,
     .layout = ARC_OP_PLAIN,
     .infer = reduce_infer,
     .prepare = reduce_prepare,
     .run = reduce_run},
    {.name = "ReduceMax",
     .variant = MAX,
     .layout = ARC_OP_PLAIN,
     .infer = reduce_infer,
     .prepare = reduce_prepare,
     .run = reduce_run},
    {.name = "ReduceMin",
     .variant = MIN,
     .layout = ARC_OP_PLAIN,
     .infer = reduce_infer,
     .prepare = reduce_prepare,
     .run = reduce_run},
    {.name = "ReduceProd",
     .variant = PROD,
     .layout = ARC_OP_PLAIN,
     .infer = reduce_infer,
     .prepare = reduce_prepare,
     .run = reduce_run},
    {.name = "ReduceL1",
     .variant = L1,
     .layout = ARC_OP_PLAIN,
     .infer = reduce_infer,
     .prepare = reduce_prepare,
     .run = reduce_run},
    {.name = "ReduceL2",
     .variant = L2,
     .layout = ARC_OP_PLAIN,
     .infer = reduce_infer,
     .prepare = reduce_prepare,
     .run = reduce_run},
    {.name = "ReduceSumSquare",
     .variant = SUM_SQUARE,
     .layout = ARC_OP_PLAIN,
     .infer = reduce_infer,
     .prepare = reduce_prepare,
     .run = reduce_run},
    {.name = "ReduceLogSum",
     .variant = LOG_SUM,
     .layout = ARC_OP_PLAIN,
     .infer = reduce_infer,
     .prepare = reduce_prepare,
     .run = reduce_run},
    {.name = "ReduceLogSumExp",
     .variant = LOG_SUM_EXP,
     .layout = ARC_OP_PLAIN,
     .infer = reduce_infer,
     .prepare = reduce_prepare,
     .run = reduce_run},
    {.name = "ArgMax", .variant = ARG_MAX, .layout = ARC_OP_PLAIN, .infer = arg_infer, .prepare = arg_prepare, .run = arg_run},
    {.name = "ArgMin", .variant = ARG_MIN, .layout = ARC_OP_PLAIN, .infer = arg_infer, .prepare = arg_prepare, .run = arg_run},
    {.name = NULL},
};
