/* plan: the steps and buffers of a plan while it is built. */
#include "plan/planner.h"

int arc_planner_buffer(arc_planner *b, size_t bytes) {
    arc_plan *plan = b->plan;
    if (plan->buffers == plan->buffer_capacity) {
        const int wanted = plan->buffer_capacity ? 2 * plan->buffer_capacity : 64;
        arc_plan_buffer *grown =
            arc_mem_grow(b->alloc, plan->buffer, (size_t)plan->buffer_capacity, (size_t)wanted, sizeof *grown);
        if (!grown)
            return ARC_NO_VALUE;
        plan->buffer = grown;
        plan->buffer_capacity = wanted;
    }
    bytes = arc_aligned(bytes);
    plan->buffer[plan->buffers] =
        (arc_plan_buffer){.block = {.bytes = bytes, .first = plan->steps, .last = plan->steps}, .merged = ARC_NO_VALUE};
    return plan->buffers++;
}

size_t arc_tensor_bytes(arc_dtype t, const arc_shape *s) {
    return (size_t)arc_shape_count(s) * arc_dtype_bytes(t);
}

arc_plan_step *arc_planner_step(arc_planner *b, const arc_op *op, const arc_node *node) {
    arc_plan *plan = b->plan;
    /* Room for two: the steps that change a layout are made and committed between a layer's own step and its commit. */
    if (plan->steps + 2 > plan->step_capacity) {
        const int wanted = plan->step_capacity ? 2 * plan->step_capacity : 64;
        arc_plan_step **grown = arc_mem_grow(b->alloc, plan->step, (size_t)plan->step_capacity, (size_t)wanted, sizeof *grown);
        if (!grown)
            return NULL;
        plan->step = grown;
        plan->step_capacity = wanted;
    }
    arc_plan_step *ps = arc_arena_new(&plan->arena, 1, sizeof *ps);
    if (!ps)
        return NULL;
    ps->step.op = op;
    ps->step.graph = b->graph;
    ps->step.node = node;
    ps->step.opset = b->graph->opset;
    ps->step.kernels = b->x->kernels;
    ps->step.pool = b->x->pool;
    ps->step.low_memory = b->x->low_memory;
    ps->step.bf16 = b->x->precision == ARC_PRECISION_BF16;
    ps->step.f16 = b->x->precision == ARC_PRECISION_FP16;
    ps->step.algorithm = op->name;
    return ps;
}

void arc_planner_commit(arc_planner *b, arc_plan_step *ps) {
    arc_plan *plan = b->plan;
    for (int i = 0; i < ps->step.inputs; i++)
        if (ps->in[i].kind == ARC_IN_ARENA)
            plan->buffer[ps->in[i].index].block.last = plan->steps;
    const size_t scratch = arc_aligned(ps->step.scratch_bytes);
    plan->scratch_bytes = ARC_MAX(plan->scratch_bytes, scratch);
    plan->shared_scratch_bytes = ARC_MAX(plan->shared_scratch_bytes, ps->step.shared_scratch_bytes);
    plan->step[plan->steps++] = ps;
}
