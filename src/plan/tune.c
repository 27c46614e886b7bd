/* plan: measuring candidates and rates on the machine at hand. */
#include "plan/tune.h"
#include <stdlib.h>
#include <string.h>

#define SWEEP_FLOATS ((size_t)16 << 20) /* 64 MB: more than a last level of cache */
#define SWEEP_PIECE ((size_t)1 << 14)
#define MOST_COPIES 12
#define LEAST_RUNS 7
#define MOST_RUNS 60
#define ENOUGH_NS 6e6

/* ---- a candidate ----------------------------------------------------------------------------------------------------------- */

/* Numbers between -1 and 1, none of them denormal. */
static void fill(float *x, size_t count) {
    for (size_t i = 0; i < count; i++)
        x[i] = (float)((uint32_t)i * 2654435761u >> 8) / 8388608.0f - 0.99f;
}

static void *new_data(const arc_alloc *a, const arc_tensor *t) {
    const size_t count = (size_t)arc_shape_count(&t->shape);
    void *data = arc_mem_new(a, ARC_MAX(count, (size_t)1), arc_dtype_bytes(t->dtype));
    if (data && t->dtype == ARC_F32)
        fill(data, count);
    return data;
}

/* Activations and scratch for a prepared step; constants have their data already. */
static bool bind(arc_step *s, const arc_alloc *a) {
    bool room = true;
    for (int i = 0; i < s->inputs; i++)
        if (s->in[i].dtype != ARC_NO_DTYPE && !s->in[i].is_const)
            room &= (s->in[i].data = new_data(a, &s->in[i])) != NULL;
    for (int i = 0; i < s->outputs; i++)
        if (s->out[i].dtype != ARC_NO_DTYPE)
            room &= (s->out[i].data = new_data(a, &s->out[i])) != NULL;
    s->scratch_stride = arc_aligned(s->scratch_bytes);
    s->scratch = arc_mem_new(a, s->scratch_stride, (size_t)arc_pool_threads(s->pool));
    s->shared_scratch = arc_mem_new(a, s->shared_scratch_bytes, 1);
    return room && s->scratch && s->shared_scratch;
}

static void unbind(arc_step *s, const arc_alloc *a) {
    for (int i = 0; i < s->inputs; i++)
        if (!s->in[i].is_const)
            arc_mem_free(a, s->in[i].data);
    for (int i = 0; i < s->outputs; i++)
        arc_mem_free(a, s->out[i].data);
    arc_mem_free(a, s->scratch);
    arc_mem_free(a, s->shared_scratch);
}

typedef struct sweep_job {
    const arc_kernels *k;
    const float *x;
    float sink[SWEEP_FLOATS / SWEEP_PIECE];
} sweep_job;

static void sweep_items(void *arg, size_t begin, size_t end, int thread) {
    sweep_job *job = arg;
    (void)thread;
    for (size_t i = begin; i < end; i++)
        job->sink[i] = job->k->dot(SWEEP_PIECE / 2, job->x + i * SWEEP_PIECE, job->x + i * SWEEP_PIECE + SWEEP_PIECE / 2);
}

static void sweep(const arc_kernels *k, arc_pool *pool, const float *x) {
    sweep_job job = {.k = k, .x = x};
    arc_pool_run(pool, SWEEP_FLOATS / SWEEP_PIECE, 0, sweep_items, &job);
}

/* Its inputs were written by the layer before: they are in the cache. */
static void touch_inputs(const arc_step *s) {
    for (int i = 0; i < s->inputs; i++)
        if (s->in[i].dtype == ARC_F32 && !s->in[i].is_const)
            fill(s->in[i].data, (size_t)arc_shape_count(&s->in[i].shape));
}

/* The step as prepared several times over, each with weights of its own. */
typedef struct copies {
    arc_step *step[MOST_COPIES];
    int count;
    arc_arena arena;
} copies;

/* One copy; in a network whose weights do not stay in the cache, as many copies as together do not stay there either: a cache
 * keeps what is read again and again, however much is read in between. */
static arc_status prepare_copies(copies *c, bool cold, const arc_prepare *p, const void *layer, const arc_candidate *candidate) {
    do {
        arc_step *s = arc_arena_new(&c->arena, 1, sizeof *s);
        if (!s)
            return arc_fail_nomem(p->err, "measuring");
        *s = *p->step;
        arc_prepare mine = {.step = s, .arena = &c->arena, .err = p->err};
        const arc_status st = candidate->prepare(&mine, layer, candidate);
        if (st != ARC_OK)
            return st;
        c->step[c->count++] = s;
    } while (cold && c->count < MOST_COPIES && c->arena.used_bytes < SWEEP_FLOATS * sizeof(float));
    return ARC_OK;
}

static void share_data(const copies *c) {
    const arc_step *first = c->step[0];
    for (int i = 1; i < c->count; i++) {
        arc_step *s = c->step[i];
        memcpy(s->in, first->in, sizeof s->in);
        memcpy(s->out, first->out, sizeof s->out);
        s->scratch = first->scratch;
        s->scratch_stride = first->scratch_stride;
        s->shared_scratch = first->shared_scratch;
    }
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median, because the usual speed of memory counts and not its best. */
static double median_ns(const arc_tuner *t, const copies *c) {
    double took[MOST_RUNS] = {0}, spent = 0;
    int runs = 0;
    for (int i = 0; i < c->count; i++)
        c->step[i]->op->run(c->step[i]);
    while (runs < LEAST_RUNS || (spent < ENOUGH_NS && runs < MOST_RUNS)) {
        const arc_step *s = c->step[runs % c->count];
        if (t->cold) {
            if (c->count == MOST_COPIES)
                sweep(s->kernels, s->pool, t->sweep);
            touch_inputs(s);
        }
        const uint64_t start = arc_clock_ns();
        s->op->run(s);
        took[runs] = (double)(arc_clock_ns() - start);
        spent += took[runs++];
    }
    qsort(took, (size_t)runs, sizeof *took, by_value);
    return took[runs / 2];
}

arc_status arc_tune_candidate(arc_tuner *t, const arc_prepare *p, const void *layer, const arc_candidate *candidate, double *ns) {
    copies c = {0};
    if (t->cold && !t->sweep && !(t->sweep = arc_mem_new(t->alloc, SWEEP_FLOATS, sizeof *t->sweep)))
        return arc_fail_nomem(p->err, "measuring");
    arc_arena_init(&c.arena, t->alloc, 0);
    arc_status st = prepare_copies(&c, t->cold, p, layer, candidate);
    if (st == ARC_OK) {
        if (bind(c.step[0], t->alloc)) {
            share_data(&c);
            *ns = median_ns(t, &c);
            if (t->cold) /* only packed weights are large enough to matter */
                *ns = ARC_MAX(*ns, (double)c.arena.used_bytes / c.count / sizeof(float) / t->weight_floats);
        } else {
            st = arc_fail_nomem(p->err, "measuring");
        }
        unbind(c.step[0], t->alloc);
    }
    arc_arena_free(&c.arena);
    return st;
}

void arc_tuner_free(arc_tuner *t) {
    arc_mem_free(t->alloc, t->sweep);
    t->sweep = NULL;
}

/* ---- rates ----------------------------------------------------------------------------------------------------------------- */

enum { CHANNELS = 128, TILE = 4, POINTS = (TILE + 2) * (TILE + 2), TILES = 56, ROUNDS = 8 };

typedef struct rate_room {
    float *rows, *panel, *out, *v, *sweep;
} rate_room;

/* One multiply of rows that lie in L2 by a panel that lies in L1 or L2, as the layers do it. */
static double macs_a_ns(const arc_kernels *k, const rate_room *r) {
    const arc_epilogue plain = {.act = ARC_ACT_NONE};
    const float *list[ARC_IGEMM_MAX_MR];
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        const uint64_t start = arc_clock_ns();
        double macs = 0;
        for (size_t row = 0; row + k->igemm_mr <= (size_t)TILES * POINTS; row += k->igemm_mr) {
            for (size_t i = 0; i < k->igemm_mr; i++)
                list[i] = r->rows + (row + i) * CHANNELS;
            k->igemm(k->igemm_mr, k->igemm_nr, CHANNELS, 1, list, r->panel, r->out + row * k->igemm_nr, k->igemm_nr, &plain);
            macs += (double)(k->igemm_mr * k->igemm_nr * CHANNELS);
        }
        best = ARC_MAX(best, macs / (double)ARC_MAX(arc_clock_ns() - start, 1u));
    }
    return best;
}

/* Floats into the Winograd domain and back. */
static double floats_a_ns(const arc_kernels *k, const rate_room *r) {
    const arc_epilogue plain = {.act = ARC_ACT_NONE};
    const float *list[POINTS];
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        const uint64_t start = arc_clock_ns();
        for (size_t tile = 0; tile < TILES; tile++) {
            for (size_t i = 0; i < POINTS; i++)
                list[i] = r->rows + (tile * POINTS + i) * CHANNELS;
            k->winograd_in(TILE, CHANNELS, list, r->v + tile * CHANNELS, (size_t)TILES * CHANNELS);
        }
        for (size_t tile = 0; tile < TILES; tile++)
            k->winograd_out(TILE, CHANNELS, r->v + tile * CHANNELS, (size_t)TILES * CHANNELS,
                            r->out + tile * TILE * TILE * CHANNELS, (size_t)TILE * CHANNELS, CHANNELS, TILE, TILE, &plain);
        best = ARC_MAX(best, 2.0 * TILES * POINTS * CHANNELS / (double)ARC_MAX(arc_clock_ns() - start, 1u));
    }
    return best;
}

static double weight_floats_a_ns(const arc_execution *x, const rate_room *r) {
    double best = 0;
    for (int round = 0; round < 3; round++) {
        const uint64_t start = arc_clock_ns();
        sweep(x->kernels, x->pool, r->sweep);
        best = ARC_MAX(best, (double)SWEEP_FLOATS / (double)ARC_MAX(arc_clock_ns() - start, 1u));
    }
    return best;
}

arc_status arc_tune_rates(const arc_execution *x, arc_rates *out, arc_error *err) {
    const arc_alloc *a = x->alloc;
    const size_t block = (size_t)TILES * POINTS * ARC_MAX(CHANNELS, ARC_IGEMM_MAX_NR);
    rate_room r = {.rows = arc_mem_new(a, block, sizeof *r.rows),
                   .panel = arc_mem_new(a, (size_t)CHANNELS * ARC_IGEMM_MAX_NR, sizeof *r.panel),
                   .out = arc_mem_new(a, block, sizeof *r.out),
                   .v = arc_mem_new(a, block, sizeof *r.v),
                   .sweep = arc_mem_new(a, SWEEP_FLOATS, sizeof *r.sweep)};
    const bool room = r.rows && r.panel && r.out && r.v && r.sweep;
    if (room) {
        fill(r.rows, block);
        fill(r.panel, (size_t)CHANNELS * ARC_IGEMM_MAX_NR);
        fill(r.sweep, SWEEP_FLOATS); /* pages that nobody has written are all one page of zeros in memory */
        *out = (arc_rates){macs_a_ns(x->kernels, &r), floats_a_ns(x->kernels, &r), weight_floats_a_ns(x, &r),
                           arc_pool_threads(x->pool)};
    }
    arc_mem_free(a, r.rows);
    arc_mem_free(a, r.panel);
    arc_mem_free(a, r.out);
    arc_mem_free(a, r.v);
    arc_mem_free(a, r.sweep);
    return room ? ARC_OK : arc_fail_nomem(err, "measuring the processor");
}
