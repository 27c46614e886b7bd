/* device: what a run asks of the machine, and the execution that asks it. A session (run/) and a learner (learn/) plan a graph
 * for the host, and leave to the device of their execution where their memory lies, how a step is prepared and how it is run. The
 * processor is the first device (cpu.c), and reference/ the second: plain loops in double, for tests. Another accelerator is
 * another table in a folder of its own.
 *
 * A context is opened once by the program and owns threads, allocator and settings; an execution is how one session or learner
 * works: usually with all that the context has, sometimes with fewer threads, another device or another precision. It is a small
 * value, made from the context and changed before it is given to someone; what it points to outlives its users. */
#ifndef ARC_DEVICE_DEVICE_H
#define ARC_DEVICE_DEVICE_H

#include "op/learn_step.h"
#include "op/op.h"

typedef struct arc_device arc_device;

typedef struct arc_execution {
    const arc_context *ctx; /* for its log and its cache folder; NULL: shapes are all that is wanted */
    const arc_device *device;
    const arc_alloc *alloc; /* of memory on the host */
    const arc_kernels *kernels;
    arc_pool *pool; /* NULL: the caller's thread alone */
    arc_precision precision;
    bool low_memory; /* no algorithm that stores more than the plain weights */
    bool tune;       /* candidates are measured where nothing is recorded */
} arc_execution;

/* All that the context has, on the processor. */
arc_execution arc_execution_of(const arc_context *ctx);

/* One device. What a step reads as constants (arc_tensor's is_const, and the parameters of a learner's step) lies in the host's
 * memory; prepare makes of them what run needs. All else that a step reads and writes, scratch included, lies in the device's
 * memory. */
struct arc_device {
    const char *name;
    bool shares_memory; /* with the host: alloc gives memory that the host reads and writes, nothing needs upload or download, and
                         * steps read inputs where the caller has them */
    /* Memory of the device, starting at a multiple of ARC_ALIGN; NULL when there is none left. */
    void *(*alloc)(const arc_execution *x, size_t bytes);
    void (*free)(const arc_execution *x, void *block); /* NULL-safe */
    /* From the host and to it, after all steps that were run before. */
    void (*upload)(const arc_execution *x, void *to, const void *from, size_t bytes);
    void (*download)(const arc_execution *x, void *to, const void *from, size_t bytes);
    /* A step of inference, and one of a learner: algorithm, packed weights, sizes of scratch. Once a plan; p->err names the
     * layer. A device without learn_prepare has no learners. Errors: ENOMEM, EUNSUPPORTED for an operator that this device does
     * not have. */
    arc_status (*prepare)(const arc_execution *x, arc_prepare *p);
    arc_status (*learn_prepare)(const arc_execution *x, arc_learn_prepare *p);
    /* Runs a prepared step, or begins it: steps run in the order of the calls. Cannot fail here, allocates nothing. */
    void (*run)(const arc_execution *x, const arc_step *s);
    void (*forward)(const arc_execution *x, const arc_learn_step *s, const arc_learn_run *r);
    void (*backward)(const arc_execution *x, const arc_learn_step *s, const arc_learn_run *r);
    /* Returns when all that was begun is done, with what went wrong in it. */
    arc_status (*sync)(const arc_execution *x, arc_error *err);
};

extern const arc_device arc_device_cpu;

/* The device's memory as an allocator, for arc_mem_*; x must stay where it is as long as blocks are held. */
arc_alloc arc_execution_memory(const arc_execution *x);

#endif
