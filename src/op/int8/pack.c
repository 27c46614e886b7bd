/* op: 8-bit weights in the order in which int8_igemm reads them, with the sums of their columns; zero points. */
#include "op/fused.h"
#include "op/int8/int8.h"
#include <string.h>

bool arc_int8_pack_size(const arc_kernels *k, arc_int8_pack *p) {
    const size_t nr = k->int8_igemm_nr;
    size_t columns = 0, all = 0;
    p->per_set = (p->n + nr - 1) / nr;
    return arc_mul_size((p->kc + 3) / 4 * 4, p->taps, &p->panel_bytes) && arc_mul_size(p->panel_bytes, nr, &p->panel_bytes) &&
           arc_mul_size(p->panel_bytes, p->sets, &all) && arc_mul_size(all, p->per_set, &all) &&
           arc_mul_size(p->sets, p->n, &columns) && arc_mul_size(columns, sizeof(int32_t), &columns) &&
           arc_add_size(all, columns + ARC_ALIGN, &p->bytes);
}

static int32_t *column_sums(const arc_int8_pack *p, const void *packed) {
    return (int32_t *)(void *)((uint8_t *)(uintptr_t)packed + arc_aligned(p->sets * p->per_set * p->panel_bytes));
}

typedef struct pack_job {
    const arc_kernels *kernels;
    const arc_int8_pack *p;
    const uint8_t *w;
    uint8_t flip; /* 0x80 turns unsigned weights into signed ones */
    int8_t *packed;
} pack_job;

static void pack_items(void *arg, size_t begin, size_t end, int thread) {
    const pack_job *job = arg;
    const arc_int8_pack *p = job->p;
    const size_t nr = job->kernels->int8_igemm_nr;
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
                    const size_t in_group = p->group_k ? k % p->group_k : k;
                    if (p->group_k && (first + j) / p->group_n != k / p->group_k)
                        continue;
                    const uint8_t quantized =
                        job->w[set * p->step_set + (first + j) * p->step_n + t * p->step_tap + in_group * p->step_k] ^ job->flip;
                    panel[(k / 4 * nr + j) * 4 + k % 4] = (int8_t)quantized;
                    sums[j] += (int8_t)quantized;
                }
    }
}

static void pack_fill(const arc_kernels *kernels, arc_pool *pool, const arc_int8_pack *p, const arc_tensor *w, void *packed) {
    pack_job job = {kernels, p, w->data, w->dtype == ARC_U8 ? 0x80 : 0, packed};
    arc_pool_run(pool, p->sets * p->per_set, 0, pack_items, &job);
}

/* Other layers may read the same weights in other groups or transposed. */
static int variant_of(const arc_kernels *k, const arc_int8_pack *p) {
    const uint64_t part[] = {(uint64_t)k->isa, p->sets,     p->n,      p->kc,     p->taps,    p->group_n,
                             p->group_k,       p->step_set, p->step_n, p->step_k, p->step_tap};
    return arc_pack_key(part, ARC_COUNT(part));
}

bool arc_int8_pack_constant(arc_prepare *prepare, arc_int8_pack *p, const arc_tensor *w, const char *what) {
    bool fresh = false;
    if (!w->is_const || !w->data)
        return true;
    void *packed = arc_packed_room(prepare, what, w->data, variant_of(prepare->step->kernels, p), p->bytes, &fresh);
    if (!packed)
        return false;
    if (fresh)
        pack_fill(prepare->step->kernels, prepare->step->pool, p, w, packed);
    p->packed = packed;
    return true;
}

const int8_t *arc_int8_packed(const arc_step *s, const arc_int8_pack *p, size_t at) {
    if (p->packed)
        return p->packed;
    pack_fill(s->kernels, s->pool, p, &s->in[1], s->shared_scratch + at);
    return (const int8_t *)(s->shared_scratch + at);
}

const int32_t *arc_int8_column_sums(const arc_int8_pack *p, const int8_t *packed) {
    return column_sums(p, packed);
}

int32_t arc_int8_zero(const arc_step *s, int input, int64_t j, int shift) {
    if (input >= s->inputs || s->in[input].dtype == ARC_NO_DTYPE)
        return shift;
    const arc_tensor *t = &s->in[input];
    return (int32_t)arc_element_int(t->dtype, t->data, arc_shape_count(&t->shape) == 1 ? 0 : j) + shift;
}

bool arc_int8_is(arc_dtype t) {
    return t == ARC_U8 || t == ARC_I8;
}

bool arc_int8_zero_fits(const arc_infer *in, int input, arc_dtype t, int64_t many) {
    if (input >= in->inputs || !in->in[input])
        return true;
    const int64_t count = arc_shape_count(&in->in[input]->shape);
    return in->in[input]->dtype == t && (count == 1 || count == many);
}
