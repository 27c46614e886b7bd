/* device: the processor: memory and steps are the host's own, and run returns when the step is done. */
#include "device/device.h"
#include <string.h>

static void *cpu_alloc(const arc_execution *x, size_t bytes) {
    return arc_mem_raw(x->alloc, bytes, 1);
}

static void cpu_free(const arc_execution *x, void *block) {
    arc_mem_free(x->alloc, block);
}

static void cpu_copy(const arc_execution *x, void *to, const void *from, size_t bytes) {
    (void)x;
    memcpy(to, from, bytes);
}

static arc_status cpu_prepare(const arc_execution *x, arc_prepare *p) {
    (void)x;
    return p->step->op->prepare ? p->step->op->prepare(p) : ARC_OK;
}

static arc_status cpu_learn_prepare(const arc_execution *x, arc_learn_prepare *p) {
    (void)x;
    return p->step->op->learn_prepare(p);
}

static void cpu_run(const arc_execution *x, const arc_step *s) {
    (void)x;
    s->op->run(s);
}

static void cpu_forward(const arc_execution *x, const arc_learn_step *s, const arc_learn_run *r) {
    (void)x;
    s->op->forward(s, r);
}

static void cpu_backward(const arc_execution *x, const arc_learn_step *s, const arc_learn_run *r) {
    (void)x;
    s->op->backward(s, r);
}

static arc_status cpu_sync(const arc_execution *x, arc_error *err) {
    (void)x;
    (void)err;
    return ARC_OK;
}

const arc_device arc_device_cpu = {.name = "cpu",
                                   .shares_memory = true,
                                   .alloc = cpu_alloc,
                                   .free = cpu_free,
                                   .upload = cpu_copy,
                                   .download = cpu_copy,
                                   .prepare = cpu_prepare,
                                   .learn_prepare = cpu_learn_prepare,
                                   .run = cpu_run,
                                   .forward = cpu_forward,
                                   .backward = cpu_backward,
                                   .sync = cpu_sync};
