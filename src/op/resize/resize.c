/* op: Resize (opset 10, 11, 13, 18, 19) and Upsample (7, 9): nearest and linear; cubic and antialiased through filter.c. Each
 * axis gets a table of two source indices and a weight when the step is prepared; images whose batch and channels keep their size
 * then move whole rows of channels. */
#include "op/resize/filter.h"
#include <math.h>
#include <string.h>

/* Output index -> source indices low and high with weights 1-high_part and high_part; low < 0: outside (tf_crop_and_resize). */
typedef struct resize_tap {
    int64_t low, high;
    float high_part;
} resize_tap;

typedef struct resize_state {
    bool linear;
    float outside;
    int rank;
    resize_tap *axis[ARC_MAX_RANK];
    arc_filter *filter; /* NULL: nearest or plainly linear */
} resize_state;

enum { RESIZE, UPSAMPLE }; /* variants */

/* What the node asks for, read from attributes and constant inputs. */
typedef struct resize_request {
    arc_shape out;
    float scale[ARC_MAX_RANK];
    float roi[2 * ARC_MAX_RANK];
    bool has_roi, linear, cubic, antialias;
    int axes, axis[ARC_MAX_RANK]; /* that scales, sizes and roi speak of */
    const char *transform, *nearest;
} resize_request;

/* ---- reading the request ----------------------------------------------------------------------------------------- */

static const char *read_mode(const arc_node *node, int opset, bool upsample, resize_request *r) {
    static const char *const transforms[] = {"half_pixel",           "pytorch_half_pixel", "align_corners",       "asymmetric",
                                             "tf_half_pixel_for_nn", "tf_crop_and_resize", "half_pixel_symmetric"};
    static const char *const nearest[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
    const char *mode = arc_attr_string(node, "mode", "nearest");
    r->linear = strcmp(mode, "linear") == 0 || strcmp(mode, "bilinear") == 0;
    r->cubic = strcmp(mode, "cubic") == 0 && !upsample;
    r->antialias = !upsample && arc_attr_int(node, "antialias", 0) != 0 && strcmp(mode, "nearest") != 0;
    if (!r->linear && !r->cubic && strcmp(mode, "nearest") != 0)
        return "only the modes nearest, linear and cubic are supported";
    r->transform = "asymmetric";
    r->nearest = "floor";
    if (upsample || opset < 11)
        return NULL;
    r->transform = arc_attr_string(node, "coordinate_transformation_mode", "half_pixel");
    r->nearest = arc_attr_string(node, "nearest_mode", "round_prefer_floor");
    bool known_transform = false, known_nearest = false;
    for (size_t i = 0; i < ARC_COUNT(transforms); i++)
        known_transform |= strcmp(transforms[i], r->transform) == 0;
    for (size_t i = 0; i < ARC_COUNT(nearest); i++)
        known_nearest |= strcmp(nearest[i], r->nearest) == 0;
    return known_transform && known_nearest ? NULL : "an unknown coordinate_transformation_mode or nearest_mode";
}

/* Floats of a constant input, NULL when it is empty or omitted; *unknown when its value is not there yet. */
static const float *floats_of(const arc_tensor *t, int64_t count, bool *unknown, bool *wrong) {
    *unknown = *wrong = false;
    if (!t || t->dtype == ARC_NO_DTYPE || arc_shape_count(&t->shape) == 0)
        return NULL;
    *wrong = t->dtype != ARC_F32 || arc_shape_count(&t->shape) != count;
    *unknown = !*wrong && !t->data;
    return *wrong || *unknown ? NULL : t->data;
}

static const char *use_scales(const arc_shape *x, const float *scales, resize_request *r) {
    for (int k = 0; k < r->axes; k++) {
        const int i = r->axis[k];
        const double size = floor((double)x->dim[i] * scales[k]);
        if (!(scales[k] > 0) || !(size < (double)ARC_MAX_DIM))
            return "a scale is out of range";
        r->scale[i] = scales[k];
        r->out.dim[i] = (int64_t)size;
    }
    return NULL;
}

static const char *use_sizes(const arc_shape *x, const arc_node *node, const arc_tensor *sizes, resize_request *r) {
    const char *policy = arc_attr_string(node, "keep_aspect_ratio_policy", "stretch");
    const bool larger = strcmp(policy, "not_smaller") == 0, smaller = strcmp(policy, "not_larger") == 0;
    double common = 0;
    if (arc_shape_count(&sizes->shape) != r->axes || !arc_dtype_is_int(sizes->dtype))
        return "sizes must hold one integer a dimension";
    if (!sizes->data)
        return "sizes must be known at plan time";
    if (!larger && !smaller && strcmp(policy, "stretch") != 0)
        return "an unknown keep_aspect_ratio_policy";
    for (int k = 0; k < r->axes; k++) {
        const int i = r->axis[k];
        r->out.dim[i] = arc_element_int(sizes->dtype, sizes->data, k);
        if (r->out.dim[i] < 0 || r->out.dim[i] >= ARC_MAX_DIM || (r->out.dim[i] > 0 && x->dim[i] == 0))
            return "a size is out of range";
        r->scale[i] = x->dim[i] > 0 ? (float)r->out.dim[i] / (float)x->dim[i] : 1;
        const double scale = x->dim[i] > 0 ? (double)r->out.dim[i] / (double)x->dim[i] : 1;
        common = k == 0 ? scale : larger ? fmax(common, scale) : fmin(common, scale);
    }
    for (int k = 0; k < r->axes && (larger || smaller); k++) {
        const int i = r->axis[k];
        const double size = floor(common * (double)x->dim[i] + 0.5);
        if (!(size < (double)ARC_MAX_DIM))
            return "a size is out of range";
        r->out.dim[i] = (int64_t)size;
        r->scale[i] = (float)common;
    }
    return NULL;
}

/* All dimensions, or those of the attribute axes (opset 18). */
static const char *read_axes(const arc_node *node, int opset, int rank, resize_request *r) {
    int64_t axes[ARC_MAX_RANK];
    bool seen[ARC_MAX_RANK] = {false};
    const bool listed = opset >= 18 && arc_node_attr(node, "axes");
    r->axes = rank;
    for (int i = 0; i < rank; i++) {
        r->axis[i] = i;
        r->scale[i] = 1;
        r->roi[rank + i] = 1;
    }
    if (!listed)
        return NULL;
    if (!arc_node_ints_of(node, "axes", ARC_MAX_RANK, axes, &r->axes))
        return "axes must be a list of dimensions";
    for (int i = 0; i < r->axes; i++) {
        r->axis[i] = arc_axis(axes[i], rank);
        if (r->axis[i] < 0 || seen[r->axis[i]])
            return "an axis is outside the input or given twice";
        seen[r->axis[i]] = true;
    }
    return NULL;
}

/* Inputs: Upsample 7: X (scales an attribute); Upsample 9, Resize 10: X, scales; Resize 11: X, roi, scales, sizes. */
static const char *read_request(const arc_node *node, int opset, bool upsample, const arc_tensor *const *in, int inputs,
                                resize_request *r) {
    const arc_shape *x = &in[0]->shape;
    const bool old = upsample || opset < 11;
    bool unknown, wrong;
    memset(r, 0, sizeof *r);
    r->out = *x;
    const char *why = read_mode(node, opset, upsample, r);
    if (!why)
        why = read_axes(node, upsample ? 0 : opset, x->rank, r);
    if (why)
        return why;
    const arc_attr *attribute = arc_node_attr(node, "scales");
    if (upsample && opset < 9) {
        if (!attribute || attribute->kind != ARC_ATTR_FLOATS || attribute->count != (size_t)x->rank)
            return "scales must hold one number a dimension";
        return use_scales(x, attribute->floats, r);
    }
    const int scales_at = old ? 1 : 2;
    const float *scales = floats_of(inputs > scales_at ? in[scales_at] : NULL, r->axes, &unknown, &wrong);
    if (unknown)
        return "scales must be known at plan time";
    if (wrong)
        return "scales must hold one number a dimension";
    const bool sized = !old && inputs > 3 && in[3] && in[3]->dtype != ARC_NO_DTYPE && arc_shape_count(&in[3]->shape) != 0;
    why = sized ? use_sizes(x, node, in[3], r) : scales ? use_scales(x, scales, r) : "needs scales or sizes";
    if (why || strcmp(r->transform, "tf_crop_and_resize") != 0)
        return why;
    const float *roi = floats_of(inputs > 1 ? in[1] : NULL, 2 * r->axes, &unknown, &wrong);
    if (!roi)
        return unknown ? "roi must be known at plan time" : "roi must hold two numbers a dimension";
    for (int k = 0; k < r->axes; k++) {
        r->roi[r->axis[k]] = roi[k];
        r->roi[x->rank + r->axis[k]] = roi[r->axes + k];
    }
    r->has_roi = true;
    return NULL;
}

static arc_status resize_infer(arc_infer *in) {
    resize_request r;
    const arc_status st = arc_infer_needs(in, 1);
    if (st != ARC_OK)
        return st;
    const char *why = read_request(in->node, in->opset, in->node->entry->variant == UPSAMPLE, in->in, in->inputs, &r);
    if (why)
        return arc_op_fail(in, ARC_EUNSUPPORTED, "%s", why);
    const arc_dtype t = in->in[0]->dtype;
    if (t != ARC_F32 && (r.linear || r.cubic || r.has_roi))
        return arc_op_fail(in, ARC_EUNSUPPORTED, "only float32 is supported in modes other than nearest, the input is %s",
                           arc_dtype_name(t));
    return arc_infer_out(in, 0, t, &r.out);
}

/* ---- prepare ----------------------------------------------------------------------------------------------------- */

/* The source coordinate of output index o, in float as the published models were made. */
static float source_of(const resize_request *r, int axis, int64_t o, int64_t in, int64_t out) {
    const float scale = r->scale[axis], at = (float)o;
    if (strcmp(r->transform, "asymmetric") == 0)
        return at / scale;
    if (strcmp(r->transform, "align_corners") == 0)
        return out > 1 ? at * (float)(in - 1) / (float)(out - 1) : 0;
    if (strcmp(r->transform, "pytorch_half_pixel") == 0)
        return out > 1 ? (at + 0.5f) / scale - 0.5f : 0;
    if (strcmp(r->transform, "tf_half_pixel_for_nn") == 0)
        return (at + 0.5f) / scale;
    if (strcmp(r->transform, "half_pixel_symmetric") == 0) { /* the middle stays the middle where the size was rounded */
        const float center = (float)in / 2, adjustment = (float)out / (scale * (float)in);
        return center * (1 - adjustment) + (at + 0.5f) / scale - 0.5f;
    }
    if (r->has_roi) {
        const float start = r->roi[axis], end = r->roi[r->out.rank + axis];
        return out > 1 ? start * (float)(in - 1) + at * (end - start) * (float)(in - 1) / (float)(out - 1)
                       : 0.5f * (start + end) * (float)(in - 1);
    }
    return (at + 0.5f) / scale - 0.5f;
}

static float nearest_of(const resize_request *r, float x) {
    if (strcmp(r->nearest, "floor") == 0)
        return floorf(x);
    if (strcmp(r->nearest, "ceil") == 0)
        return ceilf(x);
    if (strcmp(r->nearest, "round_prefer_ceil") == 0)
        return floorf(x + 0.5f);
    return ceilf(x - 0.5f);
}

static void fill_axis(const resize_request *r, int axis, int64_t in, int64_t out, resize_tap *tap) {
    for (int64_t o = 0; o < out; o++) {
        const bool kept = in == out && !r->has_roi; /* an axis that keeps its size is copied, whatever the transform */
        const float x = kept ? (float)o : source_of(r, axis, o, in, out), last = (float)(in - 1);
        if (r->has_roi && (x < 0 || x > last)) {
            tap[o].low = tap[o].high = -1;
            continue;
        }
        const float clamped = fminf(fmaxf(r->linear ? x : nearest_of(r, x), 0), last);
        tap[o].low = (int64_t)clamped;
        tap[o].high = ARC_MIN(tap[o].low + 1, in - 1);
        tap[o].high_part = r->linear ? clamped - (float)tap[o].low : 0;
    }
}

static arc_status prepare_filter(arc_prepare *p, const resize_request *r, resize_state *state) {
    const arc_step *s = p->step;
    arc_filter *f = state->filter = arc_arena_new(p->arena, 1, sizeof *f);
    if (!f)
        return arc_fail_nomem(p->err, s->op->name);
    f->rank = r->out.rank;
    f->outside = state->outside;
    for (int i = 0; i < f->rank; i++) {
        const int64_t in = s->in[0].shape.dim[i], out = r->out.dim[i];
        const arc_filter_request request = {.in = in,
                                            .scale = r->scale[i],
                                            .cubic_coefficient = arc_attr_float(s->node, "cubic_coeff_a", -0.75f),
                                            .cubic = r->cubic,
                                            .antialias = r->antialias,
                                            .exclude_outside = arc_attr_int(s->node, "exclude_outside", 0) != 0,
                                            .crops = r->has_roi};
        if (in == out && !r->has_roi)
            continue;
        float *source = arc_arena_new(p->arena, ARC_MAX((size_t)out, (size_t)1), sizeof *source);
        if (!source)
            return arc_fail_nomem(p->err, s->op->name);
        for (int64_t o = 0; o < out; o++)
            source[o] = source_of(r, i, o, in, out);
        const arc_status st = arc_filter_axis(p->arena, &request, out, source, &f->axis[i], p->err);
        if (st != ARC_OK)
            return st;
    }
    return ARC_OK;
}

static arc_status resize_prepare(arc_prepare *p) {
    arc_step *s = p->step;
    const arc_tensor *in[4] = {NULL};
    resize_request r;
    for (int i = 0; i < s->inputs && i < 4; i++)
        in[i] = &s->in[i];
    const char *why = read_request(s->node, s->opset, s->op->variant == UPSAMPLE, in, ARC_MIN(s->inputs, 4), &r);
    if (why)
        return arc_fail(p->err, ARC_EUNSUPPORTED, "%s '%s': %s", s->op->name, s->node->name, why);
    resize_state *state = arc_arena_new(p->arena, 1, sizeof *state);
    if (!state)
        return arc_fail_nomem(p->err, s->op->name);
    state->linear = r.linear;
    state->outside = arc_attr_float(s->node, "extrapolation_value", 0);
    state->rank = r.out.rank;
    s->state = state;
    s->algorithm = r.cubic ? "cubic" : r.linear ? "linear" : "nearest";
    if (r.cubic || r.antialias)
        return prepare_filter(p, &r, state);
    for (int i = 0; i < r.out.rank; i++) {
        state->axis[i] = arc_arena_new(p->arena, ARC_MAX((size_t)r.out.dim[i], (size_t)1), sizeof *state->axis[i]);
        if (!state->axis[i])
            return arc_fail_nomem(p->err, s->op->name);
        fill_axis(&r, i, s->in[0].shape.dim[i], r.out.dim[i], state->axis[i]);
    }
    return ARC_OK;
}

/* ---- run --------------------------------------------------------------------------------------------------------- */

/* The nearest pixels of output rows (image, y) of NHWC whose image and channel axes keep their size, of any type. */
static void copy_rows(void *arg, size_t begin, size_t end, int thread) {
    const arc_step *s = arg;
    const resize_state *r = s->state;
    const arc_shape *x = &s->in[0].shape, *y = &s->out[0].shape;
    const size_t pixel = (size_t)x->dim[1] * arc_dtype_bytes(s->in[0].dtype);
    (void)thread;
    for (size_t row = begin; row < end; row++) {
        const int64_t image = (int64_t)row / y->dim[2];
        const resize_tap *v = &r->axis[2][(int64_t)row % y->dim[2]];
        const uint8_t *from = (const uint8_t *)s->in[0].data + (size_t)((image * x->dim[2] + v->low) * x->dim[3]) * pixel;
        uint8_t *to = (uint8_t *)s->out[0].data + row * (size_t)y->dim[3] * pixel;
        for (int64_t ox = 0; ox < y->dim[3]; ox++, to += pixel)
            memcpy(to, from + (size_t)r->axis[3][ox].low * pixel, pixel);
    }
}

/* The same, linear. */
static void resize_rows(void *arg, size_t begin, size_t end, int thread) {
    const arc_step *s = arg;
    const resize_state *r = s->state;
    const arc_shape *x = &s->in[0].shape, *y = &s->out[0].shape;
    const size_t c = (size_t)x->dim[1];
    (void)thread;
    for (size_t row = begin; row < end; row++) {
        const int64_t image = (int64_t)row / y->dim[2];
        const resize_tap *v = &r->axis[2][(int64_t)row % y->dim[2]];
        const float *top = (const float *)s->in[0].data + (size_t)((image * x->dim[2] + v->low) * x->dim[3]) * c;
        const float *bottom = top + (size_t)((v->high - v->low) * x->dim[3]) * c;
        float *to = (float *)s->out[0].data + row * (size_t)y->dim[3] * c;
        for (int64_t ox = 0; ox < y->dim[3]; ox++, to += c) {
            const resize_tap *h = &r->axis[3][ox];
            const size_t left = (size_t)h->low * c, right = (size_t)h->high * c;
            const float a = (1 - v->high_part) * (1 - h->high_part), b = (1 - v->high_part) * h->high_part;
            const float d = v->high_part * (1 - h->high_part), e = v->high_part * h->high_part;
            for (size_t j = 0; j < c; j++)
                to[j] = a * top[left + j] + b * top[right + j] + d * bottom[left + j] + e * bottom[right + j];
        }
    }
}

/* One element from its 2^rank corners, those of weight 0 left out. */
static float resize_element(const resize_state *r, const float *x, const int64_t *stride, const int64_t *o) {
    float sum = 0;
    for (int i = 0; i < r->rank; i++)
        if (r->axis[i][o[i]].low < 0)
            return r->outside;
    for (int corner = 0; corner < 1 << r->rank; corner++) {
        float weight = 1;
        int64_t at = 0;
        for (int i = 0; i < r->rank && weight != 0; i++) {
            const resize_tap *t = &r->axis[i][o[i]];
            const bool high = corner >> i & 1;
            weight *= high ? t->high_part : 1 - t->high_part;
            at += (high ? t->high : t->low) * stride[i];
        }
        if (weight != 0)
            sum += weight * x[at];
    }
    return sum;
}

/* The nearest element of any type, to element `at` of the output. */
static void copy_element(const arc_step *s, const int64_t *stride, const int64_t *o, int64_t at) {
    const resize_state *r = s->state;
    const size_t width = arc_dtype_bytes(s->in[0].dtype);
    int64_t from = 0;
    for (int i = 0; i < r->rank; i++)
        from += r->axis[i][o[i]].low * stride[i];
    memcpy((uint8_t *)s->out[0].data + (size_t)at * width, (const uint8_t *)s->in[0].data + (size_t)from * width, width);
}

static void resize_elements(void *arg, size_t begin, size_t end, int thread) {
    const arc_step *s = arg;
    const arc_shape *y = &s->out[0].shape;
    int64_t from[ARC_MAX_RANK] = {0}, to[ARC_MAX_RANK] = {0}, o[ARC_MAX_RANK] = {0};
    (void)thread;
    arc_tensor_strides(&s->in[0], from);
    arc_tensor_strides(&s->out[0], to);
    for (size_t e = begin; e < end; e++) {
        int64_t rest = (int64_t)e, at = 0;
        for (int i = y->rank - 1; i >= 0; i--) {
            o[i] = rest % y->dim[i];
            rest /= y->dim[i];
            at += o[i] * to[i];
        }
        if (s->in[0].dtype == ARC_F32)
            ((float *)s->out[0].data)[at] = resize_element(s->state, s->in[0].data, from, o);
        else
            copy_element(s, from, o, at);
    }
}

static void resize_run(const arc_step *s) {
    const arc_shape *x = &s->in[0].shape, *y = &s->out[0].shape;
    const int64_t count = arc_shape_count(y);
    const resize_state *r = s->state;
    arc_pool *pool = count < ARC_LOOP_PARALLEL ? NULL : s->pool;
    bool images = s->in[0].layout == ARC_NHWC && x->dim[0] == y->dim[0] && x->dim[1] == y->dim[1];
    if (count == 0)
        return;
    if (r->filter) {
        arc_filter_run(s, r->filter);
        return;
    }
    for (int i = 0; images && i < r->rank; i++)
        for (int64_t o = 0; images && o < y->dim[i]; o++)
            images = r->axis[i][o].low >= (i < 2 ? o : 0);
    if (images)
        arc_pool_run(pool, (size_t)(y->dim[0] * y->dim[2]), 0, r->linear ? resize_rows : copy_rows, (void *)(uintptr_t)s);
    else
        arc_pool_run(pool, (size_t)count, 0, resize_elements, (void *)(uintptr_t)s);
}

const arc_op arc_ops_resize[] = {
    {.name = "Resize",
     .kind = ARC_KIND_RESIZE,
     .variant = RESIZE,
     .layout = ARC_OP_NHWC,
     .nhwc_inputs = ARC_INPUT(0),
     .infer = resize_infer,
     .prepare = resize_prepare,
     .run = resize_run},
    {.name = "Upsample",
     .kind = ARC_KIND_UPSAMPLE,
     .variant = UPSAMPLE,
     .layout = ARC_OP_NHWC,
     .nhwc_inputs = ARC_INPUT(0),
     .infer = resize_infer,
     .prepare = resize_prepare,
     .run = resize_run},
    {.name = NULL},
};
