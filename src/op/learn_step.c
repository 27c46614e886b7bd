/* op: what the learning functions of the families share: refusals, rows of floats in and out of stored activations, the gradient
 * of a bias. */
#include "op/learn_step.h"

arc_status arc_learn_refuse(const arc_node *n, const char *why, arc_error *err) {
    return arc_fail(err, ARC_EUNSUPPORTED, "%s '%s' cannot learn: %s", n->op, n->name, why);
}

float *arc_learn_scratch(const arc_learn_run *r, int thread) {
    return (float *)(void *)(r->scratch + (size_t)thread * r->scratch_stride);
}

const float *arc_learn_load(const arc_learn_run *r, arc_store store, const void *x, size_t at, size_t count, float *to) {
    const void *from = arc_store_at(store, x, at);
    if (store == ARC_STORE_F32)
        return from;
    r->kernels->store_load(store, count, from, to);
    return to;
}

void arc_learn_give(const arc_learn_step *s, const arc_learn_run *r, int input, size_t at, size_t count, float *d, float *old) {
    const arc_store store = s->in_store[input];
    void *dx = arc_store_at(store, r->dx[input], at);
    if (r->add[input]) {
        r->kernels->store_load(store, count, dx, old);
        r->kernels->add(count, old, d, d);
    }
    r->kernels->store_save(store, count, d, dx);
}

void arc_learn_bias_gradient(const arc_learn_step *s, const arc_learn_run *r) {
    const size_t rows = r->n * arc_learn_pixels(&s->out_shape), c = s->bias->count;
    for (size_t j = 0; j < c; j++) {
        double sum = 0;
        for (size_t i = 0; i < rows; i++) {
            float dy;
            r->kernels->store_load(s->out_store, 1, arc_store_at(s->out_store, r->dy, i * c + j), &dy);
            sum += (double)dy;
        }
        s->bias->gradient[j] = (float)sum + (r->accumulate ? s->bias->gradient[j] : 0);
    }
}
