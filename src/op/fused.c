/* op: what convolution and Gemm share: the fused epilogue of a node, weights packed into panels, keys of the pack store. */
#include "op/fused.h"
#include "base/hash.h"
#include <math.h>
#include <string.h>

#define F16_LARGEST 32768.0f /* half of what the format holds: no Winograd transform of weights doubles any */

bool arc_fused_act(const arc_node *node, arc_epilogue *e) {
    static const struct {
        const char *name;
        arc_act act;
    } known[] = {{"", ARC_ACT_NONE},       {"none", ARC_ACT_NONE}, {"relu", ARC_ACT_RELU}, {"prelu", ARC_ACT_PRELU},
                 {"leaky", ARC_ACT_LEAKY}, {"clip", ARC_ACT_CLIP}, {"gelu", ARC_ACT_GELU}, {"gelu_tanh", ARC_ACT_GELU_TANH}};
    const char *name = arc_attr_string(node, "arc.act", "");
    e->alpha = arc_attr_float(node, "arc.alpha", 0.01f);
    e->lo = arc_attr_float(node, "arc.lo", -INFINITY);
    e->hi = arc_attr_float(node, "arc.hi", INFINITY);
    for (size_t i = 0; i < ARC_COUNT(known); i++)
        if (strcmp(name, known[i].name) == 0) {
            e->act = known[i].act;
            return true;
        }
    return false;
}

static arc_status check_vector(const arc_infer *in, int i, int64_t count, const char *what) {
    if (i >= in->inputs || !in->in[i])
        return ARC_OK;
    if (in->in[i]->dtype != ARC_F32 || arc_shape_count(&in->in[i]->shape) != count) {
        char text[96];
        return arc_op_fail(in, ARC_ESHAPE, "%s must be %lld float32 values, it is %s %s", what, (long long)count,
                           arc_dtype_name(in->in[i]->dtype), arc_shape_text(&in->in[i]->shape, text, sizeof text));
    }
    return ARC_OK;
}

arc_status arc_fused_check(const arc_infer *in, int64_t c_out, int64_t c_in, const arc_shape *residual) {
    arc_epilogue e = {0};
    arc_status st = ARC_OK;
    const bool smooth_fits = arc_node_is(in->node, ARC_KIND_GEMM) || arc_node_is(in->node, ARC_KIND_MATMUL);
    if (!arc_fused_act(in->node, &e) || ((e.act == ARC_ACT_GELU || e.act == ARC_ACT_GELU_TANH) && !smooth_fits))
        return arc_op_fail(in, ARC_EUNSUPPORTED, "unknown fused activation '%s'", arc_attr_string(in->node, "arc.act", ""));
    if (e.act == ARC_ACT_PRELU && (in->inputs <= ARC_CONV_SLOPE || !in->in[ARC_CONV_SLOPE]))
        return arc_op_fail(in, ARC_ESHAPE, "a fused PRelu needs its slope");
    ARC_TRY(check_vector(in, ARC_CONV_SLOPE, c_out, "slope"));
    ARC_TRY(check_vector(in, ARC_CONV_PAD_VALUE, c_in, "pad value"));
    ARC_TRY(check_vector(in, ARC_CONV_OUT_SCALE, c_out, "output factor"));
    ARC_TRY(check_vector(in, ARC_CONV_IN_SCALE, c_in, "input factor"));
    if (in->inputs > ARC_CONV_RESIDUAL && in->in[ARC_CONV_RESIDUAL]) {
        const arc_tensor *r = in->in[ARC_CONV_RESIDUAL];
        if (!residual || r->dtype != ARC_F32 || !arc_shape_equal(&r->shape, residual))
            return arc_op_fail(in, ARC_ESHAPE, "the fused residual must have the output's shape");
    }
done:
    return st;
}

const arc_tensor *arc_step_input(const arc_step *s, int i) {
    return i < s->inputs && s->in[i].dtype != ARC_NO_DTYPE ? &s->in[i] : NULL;
}

const float *arc_step_floats(const arc_step *s, int i) {
    const arc_tensor *t = arc_step_input(s, i);
    return t ? t->data : NULL;
}

arc_epilogue arc_fused_bind(const arc_step *s, const arc_epilogue *act, size_t residual_stride) {
    arc_epilogue e = *act;
    e.bias = arc_step_floats(s, 2);
    e.slope = arc_step_floats(s, ARC_CONV_SLOPE);
    e.residual = arc_step_floats(s, ARC_CONV_RESIDUAL);
    e.residual_stride = residual_stride;
    return e;
}

arc_epilogue arc_fused_at(const arc_epilogue *all, size_t row, size_t column) {
    arc_epilogue e = *all;
    e.bias = all->bias ? all->bias + column : NULL;
    e.slope = all->slope ? all->slope + column : NULL;
    e.residual = all->residual ? all->residual + row * all->residual_stride + column : NULL;
    return e;
}

bool arc_panels_fit_f16(const arc_panels *p, const float *w, double least) {
    double square = 0;
    float largest = 0;
    for (size_t i = 0; i < p->sets * p->n; i++) {
        const size_t set = i / p->n, j = i % p->n;
        const float scale_n = p->scale_n ? p->scale_n[set * p->scale_n_stride + j] : 1;
        const float *column = w + set * p->ws_set + j * p->ws_n;
        float sum = 0;
        for (size_t k = 0; k < p->kc; k++)
            for (size_t t = 0; t < p->taps; t++) {
                const float scale = scale_n * (p->scale_k ? p->scale_k[set * p->scale_k_stride + k] : 1);
                const float x = fabsf(column[k * p->ws_k + t * p->ws_tap] * scale);
                largest = x > largest || x != x ? x : largest;
                sum += x * x;
            }
        square += (double)sum;
    }
    return largest < F16_LARGEST && sqrt(square / (double)ARC_MAX(p->sets * p->n * p->kc * p->taps, (size_t)1)) >= least;
}

bool arc_panels_size(const arc_kernels *k, arc_panels *p) {
    size_t count;
    p->per_set = (p->n + k->igemm_nr - 1) / k->igemm_nr;
    const bool fits =
        arc_mul_size(p->taps, k->igemm_nr, &p->panel_floats) && arc_mul_size(p->panel_floats, p->kc, &p->panel_floats);
    p->panel_floats = arc_form_floats(p->form, p->panel_floats); /* igemm_nr is even */
    return fits && arc_mul_size(p->panel_floats, p->per_set, &count) && arc_mul_size(count, p->sets, &count) &&
           arc_mul_size(count, sizeof(float), &p->bytes);
}

typedef struct fill_job {
    const arc_kernels *k;
    const arc_panels *p;
    const float *w;
    float *packed;
    const arc_map *map; /* of w, NULL: none */
} fill_job;

/* Gives back the pages of weights that are packed: otherwise a large layer would be in memory twice. */
static void drop_source(const fill_job *job, size_t set, size_t j0) {
    const arc_panels *p = job->p;
    if (job->map && p->ws_n >= p->kc * p->taps) /* the panel's columns lie one after the other */
        arc_map_drop(job->map, job->w + set * p->ws_set + j0 * p->ws_n,
                     ARC_MIN((size_t)job->k->igemm_nr, p->n - j0) * p->ws_n * sizeof(float));
}

typedef void arc_pack_fn(const arc_kernels *k, size_t n, size_t j0, size_t kc, size_t taps, const float *w, size_t ws_n,
                         size_t ws_tap, size_t ws_k, const float *scale_k, const float *scale_n, float *panel);

static void fill_panels(void *arg, size_t begin, size_t end, int thread) {
    const fill_job *job = arg;
    const arc_panels *p = job->p;
    arc_pack_fn *const pack[] = {arc_igemm_pack_panel, arc_igemm_pack_panel_bf16, arc_igemm_pack_panel_f16}; /* by form */
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        const size_t set = i / p->per_set, j0 = i % p->per_set * job->k->igemm_nr;
        pack[p->form](job->k, p->n, j0, p->kc, p->taps, job->w + set * p->ws_set, p->ws_n, p->ws_tap, p->ws_k,
                      p->scale_k ? p->scale_k + set * p->scale_k_stride : NULL,
                      p->scale_n ? p->scale_n + set * p->scale_n_stride : NULL, job->packed + i * p->panel_floats);
        drop_source(job, set, j0);
    }
}

static void fill(const arc_kernels *k, arc_pool *pool, const arc_panels *p, const float *w, float *packed, const arc_map *map) {
    fill_job job = {k, p, w, packed, map};
    if (p->bytes > 0)
        arc_pool_run(pool, p->sets * p->per_set, 0, fill_panels, &job);
}

void arc_panels_fill(const arc_kernels *k, arc_pool *pool, const arc_panels *p, const float *w, float *packed) {
    fill(k, pool, p, w, packed, NULL);
}

int arc_pack_key(const uint64_t *part, size_t parts) {
    const uint64_t hash = arc_hash_bytes(ARC_HASH_START, part, parts * sizeof *part);
    return (int)((hash ^ hash >> 32) & 0x7fffffffu);
}

int arc_pack_variant(const arc_kernels *k, const arc_panels *p) {
    const uint64_t part[] = {(uint64_t)k->isa,
                             p->sets,
                             p->n,
                             p->kc,
                             p->taps,
                             p->ws_n,
                             p->ws_k,
                             (uint64_t)(uintptr_t)p->scale_k,
                             (uint64_t)(uintptr_t)p->scale_n};
    return arc_pack_key(part, ARC_COUNT(part));
}

void *arc_packed_room(arc_prepare *p, const char *what, const void *source, int variant, size_t bytes, bool *fresh) {
    if (p->packs)
        return arc_packs_get(p->packs, what, source, variant, bytes, fresh);
    *fresh = true;
    return arc_arena_new(p->arena, bytes, 1);
}

arc_status arc_panels_prepare(arc_prepare *prepare, arc_panels *p, const arc_tensor *w, const char *what) {
    arc_step *s = prepare->step;
    if (!arc_panels_size(s->kernels, p))
        return arc_fail_nomem(prepare->err, "packed weights");
    if (!w->is_const) {
        s->shared_scratch_bytes += p->bytes;
        return ARC_OK;
    }
    bool fresh = false;
    float *packed = arc_packed_room(prepare, what, w->data, arc_pack_variant(s->kernels, p), p->bytes, &fresh);
    if (!packed)
        return arc_fail_nomem(prepare->err, "packed weights");
    if (fresh)
        fill(s->kernels, s->pool, p, w->data, packed, prepare->map);
    p->packed = packed;
    return ARC_OK;
}
