/* op: smooth activations: Gelu (exact and by tanh), Mish, Swish, Celu, and com.microsoft's QuickGelu. Element by element in
 * either layout. */
#include "op/layer.h"
#include <math.h>
#include <string.h>

typedef double smooth_fn(double x, double alpha);

static double gelu(double x, double alpha) {
    (void)alpha;
    return 0.5 * x * (1 + erf(x * 0.70710678118654752440));
}

static double gelu_tanh(double x, double alpha) {
    (void)alpha;
    return 0.5 * x * (1 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
}

static double mish(double x, double alpha) {
    (void)alpha;
    return x * tanh(fmax(x, 0) + log1p(exp(-fabs(x))));
}

static double swish(double x, double alpha) {
    return x / (1 + exp(-alpha * x));
}

static double celu(double x, double alpha) {
    return fmax(x, 0) + fmin(0, alpha * expm1(x / alpha));
}

enum { GELU, FAST_GELU, MISH, SWISH, QUICK_GELU, CELU }; /* variants */

static const struct {
    float alpha;
    smooth_fn *fn;
} kinds[] = {[GELU] = {0, gelu},   [FAST_GELU] = {0, gelu_tanh},   [MISH] = {0, mish},
             [SWISH] = {1, swish}, [QUICK_GELU] = {1.702f, swish}, [CELU] = {1, celu}};

static arc_status smooth_infer(arc_infer *in) {
    const arc_status st = arc_infer_needs(in, 1);
    if (st != ARC_OK)
        return st;
    const arc_dtype t = in->in[0]->dtype;
    const char *approximate = arc_attr_string(in->node, "approximate", "none");
    if (t != ARC_F32 && t != ARC_F16 && t != ARC_BF16 && t != ARC_F64)
        return arc_op_fail(in, ARC_EUNSUPPORTED, "only floating-point inputs are supported, this is %s", arc_dtype_name(t));
    if (strcmp(approximate, "none") != 0 && strcmp(approximate, "tanh") != 0)
        return arc_op_fail(in, ARC_EUNSUPPORTED, "approximate = %s", approximate);
    return arc_infer_same(in);
}

typedef struct smooth_job {
    const arc_step *s;
    smooth_fn *fn;
    double alpha;
    void (*slot)(size_t n, const float *x, float *y); /* float32, NULL: none */
} smooth_job;

static void smooth_items(void *arg, int64_t n, const int64_t *at, const int64_t *step) {
    const smooth_job *job = arg;
    const arc_tensor *x = &job->s->in[0], *y = &job->s->out[0];
    if (job->slot && step[0] == 1 && step[1] == 1) {
        job->slot((size_t)n, (const float *)x->data + at[1], (float *)y->data + at[0]);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        const int64_t from = at[1] + i * step[1], to = at[0] + i * step[0];
        if (x->dtype == ARC_F32)
            ((float *)y->data)[to] = (float)job->fn(((const float *)x->data)[from], job->alpha);
        else
            arc_element_set_real(y->dtype, y->data, to, job->fn(arc_element_real(x->dtype, x->data, from), job->alpha));
    }
}

static void smooth_run(const arc_step *s) {
    const int kind = s->op->variant;
    smooth_job job = {s, kinds[kind].fn, arc_attr_float(s->node, "alpha", kinds[kind].alpha), NULL};
    if (job.fn == gelu && strcmp(arc_attr_string(s->node, "approximate", "none"), "tanh") == 0)
        job.fn = gelu_tanh;
    if (s->in[0].dtype == ARC_F32)
        job.slot = job.fn == gelu ? s->kernels->gelu : job.fn == gelu_tanh ? s->kernels->gelu_tanh : NULL;
    arc_loop l;
    arc_loop_begin(&l, &s->out[0].shape);
    arc_loop_add(&l, &s->out[0]);
    arc_loop_add(&l, &s->in[0]);
    arc_loop_run(s->pool, l, smooth_items, &job);
}

#define SMOOTH .layout = ARC_OP_SAME, .infer = smooth_infer, .run = smooth_run, .in_place = true
const arc_op arc_ops_smooth[] = {
    {.name = "Gelu", .kernels = "gelu gelu_tanh", .kind = ARC_KIND_GELU, .variant = GELU, SMOOTH},
    {.name = "com.microsoft.Gelu", .kernels = "gelu gelu_tanh", .variant = GELU, SMOOTH},
    {.name = "com.microsoft.FastGelu", .kernels = "gelu_tanh", .variant = FAST_GELU, SMOOTH},
    {.name = "com.microsoft.QuickGelu", .variant = QUICK_GELU, SMOOTH},
    {.name = "Mish", .variant = MISH, SMOOTH},
    {.name = "Swish", .variant = SWISH, SMOOTH},
    {.name = "Celu", .variant = CELU, SMOOTH},
    {.name = NULL},
};
