/* plan: the activation arena of a plan. Element-wise steps whose input dies with them write in place; what buffers are left are
 * placed (place.h). */
#include "plan/plan.h"

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
        arc_block *in = &plan->buffer[from].block, *out = &plan->buffer[to].block;
        if (other_use || in->last != i || out->first != i)
            continue;
        plan->buffer[to].merged = from;
        in->last = out->last;
        in->bytes = ARC_MAX(in->bytes, out->bytes);
    }
}

static bool is_read(const bool *wanted, const arc_plan_step *ps) {
    bool any = false;
    for (int i = 0; i < ps->step.outputs; i++)
        any |= ps->out[i].kind == ARC_IN_ARENA && wanted[ps->out[i].index];
    return any;
}

/* Lifetimes of the buffers again, from the steps that are left. */
static void take_lifetimes(arc_plan *plan, const bool *wanted) {
    for (int i = 0; i < plan->buffers; i++) {
        plan->buffer[i].block.bytes = wanted[i] ? plan->buffer[i].block.bytes : 0;
        plan->buffer[i].block.first = plan->buffer[i].block.last = 0;
    }
    for (int i = 0; i < plan->steps; i++) {
        const arc_plan_step *ps = plan->step[i];
        for (int k = 0; k < ps->step.outputs; k++)
            if (ps->out[k].kind == ARC_IN_ARENA)
                plan->buffer[ps->out[k].index].block.first = plan->buffer[ps->out[k].index].block.last = i;
        for (int k = 0; k < ps->step.inputs; k++)
            if (ps->in[k].kind == ARC_IN_ARENA)
                plan->buffer[ps->in[k].index].block.last = i;
    }
}

arc_status arc_plan_drop_unread(arc_plan *plan, const arc_alloc *a, arc_error *err) {
    bool *wanted = arc_mem_new(a, (size_t)plan->buffers + 1, sizeof *wanted);
    if (!wanted)
        return arc_fail_nomem(err, "planning activations");
    for (int i = 0; i < plan->graph->outputs; i++)
        if (plan->output[i].place.kind == ARC_IN_ARENA)
            wanted[plan->output[i].place.index] = true;
    int dropped = 0;
    for (int i = plan->steps - 1; i >= 0; i--) {
        arc_plan_step *ps = plan->step[i];
        if (!is_read(wanted, ps)) {
            plan->step[i] = NULL;
            dropped++;
            continue;
        }
        for (int k = 0; k < ps->step.outputs; k++) /* it writes them all */
            if (ps->out[k].kind == ARC_IN_ARENA)
                wanted[ps->out[k].index] = true;
        for (int k = 0; k < ps->step.inputs; k++)
            if (ps->in[k].kind == ARC_IN_ARENA)
                wanted[ps->in[k].index] = true;
    }
    if (dropped) {
        int kept = 0;
        for (int i = 0; i < plan->steps; i++)
            if (plan->step[i])
                plan->step[kept++] = plan->step[i];
        plan->steps = kept;
        take_lifetimes(plan, wanted);
    }
    arc_mem_free(a, wanted);
    return ARC_OK;
}

arc_status arc_plan_place_all(arc_plan *plan, const arc_alloc *a, arc_error *err) {
    merge_in_place(plan);
    arc_block **apart = arc_mem_new(a, (size_t)plan->buffers + 1, sizeof *apart);
    if (!apart)
        return arc_fail_nomem(err, "placing activations");
    int count = 0;
    for (int i = 0; i < plan->buffers; i++) {
        plan->activation_sum_bytes += plan->buffer[i].block.bytes;
        if (plan->buffer[i].merged < 0)
            apart[count++] = &plan->buffer[i].block;
    }
    plan->activation_bytes = arc_place_blocks(apart, count);
    for (int i = 0; i < plan->buffers; i++)
        plan->buffer[i].block.offset = plan->buffer[home_of(plan, i)].block.offset;
    arc_mem_free(a, apart);
    return ARC_OK;
}
