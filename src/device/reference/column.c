/* reference: the column of the device table. A step's inputs are read as doubles, its operator computed, its output rounded to
 * float32: a network is exact to one rounding a layer. */
#include "device/reference/reference.h"
#include "op/layer.h"
#include <string.h>

static const arc_reference_entry *const tables[] = {arc_reference_attention,   arc_reference_conv, arc_reference_dense,
                                                    arc_reference_elementwise, arc_reference_norm, arc_reference_pool};

arc_reference_fn *arc_reference_find(const char *op) {
    for (size_t t = 0; t < ARC_COUNT(tables); t++)
        for (const arc_reference_entry *e = tables[t]; e->op; e++)
            if (strcmp(e->op, op) == 0)
                return e->fn;
    return NULL;
}

/* ---- memory: apart from the host's by agreement, so that a session on this device copies as it would for any other --------- */

static void *reference_alloc(const arc_execution *x, size_t bytes) {
    return arc_mem_raw(x->alloc, bytes, 1);
}

static void reference_free(const arc_execution *x, void *block) {
    arc_mem_free(x->alloc, block);
}

static void reference_copy(const arc_execution *x, void *to, const void *from, size_t bytes) {
    (void)x;
    memcpy(to, from, bytes);
}

/* ---- steps ----------------------------------------------------------------------------------------------------------------- */

/* Whether the operator's entry does this step: it changes no value, and what it copies need not be float32. */
static bool only_moves(const arc_step *s) {
    if (!s->node) /* another layout */
        return true;
    if (s->op->kind == ARC_KIND_RESIZE || s->op->kind == ARC_KIND_UPSAMPLE)
        return strcmp(arc_attr_string(s->node, "mode", "nearest"), "nearest") == 0;
    return s->op->view || s->op->shape_query || s->op->moves;
}

/* Doubles of all inputs and outputs. */
static size_t doubles_of(const arc_step *s) {
    size_t count = 0;
    for (int i = 0; i < s->inputs; i++)
        count += s->in[i].dtype == ARC_NO_DTYPE ? 0 : (size_t)arc_shape_count(&s->in[i].shape);
    for (int i = 0; i < s->outputs; i++)
        count += s->out[i].dtype == ARC_NO_DTYPE ? 0 : (size_t)arc_shape_count(&s->out[i].shape);
    return count;
}

static arc_status reference_prepare(const arc_execution *x, arc_prepare *p) {
    arc_step *s = p->step;
    (void)x;
    if (only_moves(s))
        return s->op->prepare ? s->op->prepare(p) : ARC_OK;
    if (!arc_reference_find(s->op->name) || s->in[0].dtype != ARC_F32 || s->out[0].dtype != ARC_F32)
        return arc_fail(p->err, ARC_EUNSUPPORTED, "%s '%s': the reference device has no such operator of float32", s->op->name,
                        s->node->name);
    s->algorithm = "double";
    s->shared_scratch_bytes = doubles_of(s) * sizeof(double);
    return ARC_OK;
}

/* The tensor as rows of `inner` elements that lie `step` apart, so that plain and NHWC ones are read and written alike: `rows` of
 * them an image. */
typedef struct rows {
    int64_t images, rows, inner, row_stride, step;
} rows;

static rows rows_of(const arc_tensor *t) {
    const int64_t count = arc_shape_count(&t->shape);
    if (t->layout == ARC_PLAIN || count == 0)
        return (rows){.images = 1, .rows = 1, .inner = count, .step = 1};
    const int64_t channels = t->shape.dim[1], pixels = t->shape.dim[2] * t->shape.dim[3];
    return (rows){.images = t->shape.dim[0], .rows = channels, .inner = pixels, .row_stride = 1, .step = channels};
}

static void load(const arc_tensor *t, double *to) {
    const rows r = rows_of(t);
    for (int64_t image = 0; image < r.images; image++)
        for (int64_t row = 0; row < r.rows; row++)
            for (int64_t i = 0; i < r.inner; i++)
                *to++ = arc_element_real(t->dtype, t->data, image * r.rows * r.inner + row * r.row_stride + i * r.step);
}

static void store(const double *from, const arc_tensor *t) {
    const rows r = rows_of(t);
    for (int64_t image = 0; image < r.images; image++)
        for (int64_t row = 0; row < r.rows; row++)
            for (int64_t i = 0; i < r.inner; i++)
                ((float *)t->data)[image * r.rows * r.inner + row * r.row_stride + i * r.step] = (float)*from++;
}

static void reference_run(const arc_execution *x, const arc_step *s) {
    if (only_moves(s)) {
        s->op->run(s);
        return;
    }
    arc_reference_value in[ARC_OP_MAX_IO], out[ARC_OP_MAX_IO];
    arc_reference_call call = {.node = s->node, .opset = s->opset, .inputs = s->inputs, .outputs = s->outputs, .pool = x->pool};
    double *room = (double *)(void *)s->shared_scratch;
    for (int i = 0; i < s->inputs; i++) {
        if (s->in[i].dtype == ARC_NO_DTYPE)
            continue;
        in[i] = (arc_reference_value){s->in[i].shape, room};
        call.in[i] = &in[i];
        load(&s->in[i], room);
        room += arc_shape_count(&s->in[i].shape);
    }
    for (int i = 0; i < s->outputs; i++) {
        if (s->out[i].dtype == ARC_NO_DTYPE)
            continue;
        out[i] = (arc_reference_value){s->out[i].shape, room};
        call.out[i] = &out[i];
        room += arc_shape_count(&s->out[i].shape);
    }
    arc_reference_find(s->op->name)(&call);
    for (int i = 0; i < s->outputs; i++) /* of the others only LayerNormalization's are of float32 and computed */
        if (s->out[i].dtype == ARC_F32 && (i == 0 || s->op == arc_op_find("LayerNormalization")))
            store(out[i].data, &s->out[i]);
}

static arc_status reference_sync(const arc_execution *x, arc_error *err) {
    (void)x;
    (void)err;
    return ARC_OK;
}

const arc_device arc_device_reference = {.name = "reference",
                                         .alloc = reference_alloc,
                                         .free = reference_free,
                                         .upload = reference_copy,
                                         .download = reference_copy,
                                         .prepare = reference_prepare,
                                         .run = reference_run,
                                         .sync = reference_sync};
