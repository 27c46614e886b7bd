/* plan: the activation arena of a plan. Element-wise steps whose input dies with them write in place; then the largest buffers are placed
 * first, each at the lowest offset where no buffer alive at the same time lies. */
#include "plan/plan.h"
#include <stdlib.h>

#define MAX_SHARED 8192 /* finding the lowest offset is quadratic; plans beyond any real net's give each buffer its own place */

static int home_of(const arc_plan *plan, int buffer) {
    while (plan->buffer[buffer].merged >= 0)
        buffer = plan->buffer[buffer].merged;
    return buffer;
}

static void merge_in_place(arc_plan *plan) {
    for (int i = 0; i < plan->steps; i++) {
        const arc_plan_step *ps = plan->step[i];
        const arc_step *s = &ps->step;
        if (!s->op->in_place || ps->in[0].kind != ARC_IN_ARENA || ps->out[0].kind != ARC_IN_ARENA)
            continue;
        if (s->in[0].dtype != s->out[0].dtype || s->in[0].layout != s->out[0].layout ||
            !arc_shape_equal(&s->in[0].shape, &s->out[0].shape))
            continue;
        const int from = home_of(plan, ps->in[0].index), to = home_of(plan, ps->out[0].index);
        bool other_use = from == to; /* a second operand in the same buffer may be read in another order */
        for (int k = 1; k < s->inputs; k++)
            other_use |= ps->in[k].kind == ARC_IN_ARENA && home_of(plan, ps->in[k].index) == from;
        if (other_use || plan->buffer[from].last_step != i || plan->buffer[to].first_step != i)
            continue;
        plan->buffer[to].merged = from;
        plan->buffer[from].last_step = plan->buffer[to].last_step;
        plan->buffer[from].bytes = ARC_MAX(plan->buffer[from].bytes, plan->buffer[to].bytes);
    }
}

typedef struct placed {
    size_t bytes;
    int buffer;
} placed;

static int larger_first(const void *a, const void *b) {
    const placed *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->buffer < y->buffer ? -1 : 1;
}

/* The lowest offset that is free over the buffer's life; the `count` buffers in `order` are placed already. */
static size_t lowest_offset(const arc_plan *plan, const placed *order, int count, const arc_plan_buffer *b) {
    size_t offset = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < count; i++) {
            const arc_plan_buffer *o = &plan->buffer[order[i].buffer];
            const bool alive_together = o->first_step <= b->last_step && b->first_step <= o->last_step;
            if (alive_together && offset < o->offset + o->bytes && o->offset < offset + b->bytes) {
                offset = o->offset + o->bytes;
                moved = true;
            }
        }
    }
    return offset;
}

arc_status arc_plan_place(arc_plan *plan, const arc_alloc *a, arc_error *err) {
    merge_in_place(plan);
    placed *order = arc_mem_new(a, (size_t)plan->buffers + 1, sizeof *order);
    if (!order)
        return arc_fail_nomem(err, "placing activations");
    int count = 0;
    for (int i = 0; i < plan->buffers; i++) {
        plan->activation_sum_bytes += plan->buffer[i].bytes;
        if (plan->buffer[i].merged < 0)
            order[count++] = (placed){plan->buffer[i].bytes, i};
    }
    qsort(order, (size_t)count, sizeof *order, larger_first);
    for (int i = 0; i < count; i++) {
        arc_plan_buffer *b = &plan->buffer[order[i].buffer];
        b->offset = count <= MAX_SHARED ? lowest_offset(plan, order, i, b) : plan->activation_bytes;
        plan->activation_bytes = ARC_MAX(plan->activation_bytes, b->offset + b->bytes);
    }
    for (int i = 0; i < plan->buffers; i++)
        plan->buffer[i].offset = plan->buffer[home_of(plan, i)].offset;
    arc_mem_free(a, order);
    return ARC_OK;
}
