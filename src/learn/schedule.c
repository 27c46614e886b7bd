/* learn: the schedule of a learner and where its activations and gradients lie.
 *
 * The schedule is every step forward, then every step backward. With recomputing the steps are cut into segments; a segment but
 * the last keeps nothing but what others read, and runs forward once more right before its backward. Walking the schedule gives
 * every buffer its life, by which it is placed (plan/place.h). A gradient that is the same as another (a residual's) or may be
 * written over it (a normalisation's) shares its buffer. */
#include "learn/learner_internal.h"

typedef struct planner {
    const arc_learner *l;
    arc_learn_plan *p;
    int *current;  /* of each value: the buffer that holds it now, ARC_NO_VALUE */
    int *gradient; /* of each value: the buffer of its gradient */
    int *segment;  /* of each step */
    bool *needed;  /* of each value, in a segment's second forward */
} planner;

/* ---- buffers --------------------------------------------------------------------------------------------------------------- */

static int new_buffer(planner *a, int value) {
    const arc_learn_value *v = &a->l->value[value];
    const size_t count = (size_t)v->shape.dim[0] * arc_learn_row(&v->shape);
    const int event = a->p->events;
    a->p->buffer[a->p->buffers] =
        (arc_block){.bytes = arc_aligned(count * arc_store_bytes(v->store)), .first = event, .last = event};
    return a->p->buffers++;
}

static int use(planner *a, int buffer) {
    if (buffer >= 0)
        a->p->buffer[buffer].last = ARC_MAX(a->p->buffer[buffer].last, a->p->events);
    return buffer;
}

static arc_learn_event *new_event(planner *a, arc_learn_kind kind, int step) {
    arc_learn_event *e = &a->p->event[a->p->events];
    *e = (arc_learn_event){.kind = kind, .step = step, .y = ARC_NO_VALUE, .dy = ARC_NO_VALUE};
    for (int k = 0; k < ARC_LEARN_INPUTS; k++)
        e->x[k] = e->dx[k] = ARC_NO_VALUE;
    return e;
}

static void forward(planner *a, arc_learn_kind kind, int step) {
    const arc_learn_step *s = &a->l->step[step];
    arc_learn_event *e = new_event(a, kind, step);
    for (int k = 0; k < s->inputs; k++)
        e->x[k] = use(a, a->current[s->in[k]]);
    e->y = a->current[s->out] = new_buffer(a, s->out);
    a->p->events++;
}

/* ---- backward -------------------------------------------------------------------------------------------------------------- */

static bool same_buffer_fits(const planner *a, int one, int other) {
    const arc_learn_value *x = &a->l->value[one], *y = &a->l->value[other];
    return x->store == y->store && arc_shape_equal(&x->shape, &y->shape);
}

static void input_gradients(planner *a, const arc_learn_step *s, arc_learn_event *e) {
    bool dy_goes_on = false; /* as the gradient of an input */
    for (int k = s->inputs - 1; k >= 0; k--) {
        int *gradient = &a->gradient[s->in[k]];
        const bool fits = same_buffer_fits(a, s->in[k], s->out);
        if (*gradient >= 0) {
            e->dx[k] = use(a, *gradient);
            e->add[k] = true;
        } else if (s->passes[k] && fits && !dy_goes_on) {
            *gradient = e->dy;
            dy_goes_on = true;
        } else if (k == 0 && s->in_place && fits && !dy_goes_on) {
            e->dx[k] = *gradient = e->dy;
        } else {
            e->dx[k] = *gradient = new_buffer(a, s->in[k]);
        }
    }
}

static void backward(planner *a, int step) {
    const arc_learn_step *s = &a->l->step[step];
    arc_learn_event *e = new_event(a, ARC_LEARN_BACKWARD, step);
    for (int k = 0; k < s->inputs; k++)
        if (s->keeps[k])
            e->x[k] = use(a, a->current[s->in[k]]);
    if (s->keeps_out)
        e->y = use(a, a->current[s->out]);
    if (a->gradient[s->out] < 0)
        a->gradient[s->out] = new_buffer(a, s->out);
    e->dy = use(a, a->gradient[s->out]);
    input_gradients(a, s, e);
    a->p->events++;
}

/* ---- recomputing ----------------------------------------------------------------------------------------------------------- */

static bool leaves_segment(const planner *a, int value) {
    const arc_learn_value *v = &a->l->value[value];
    return v->producer < 0 || v->is_output || (v->last_user >= 0 && a->segment[v->last_user] != a->segment[v->producer]);
}

/* Steps [first,last] forward once more, as far as their backward reads what they make. */
static void again(planner *a, int first, int last) {
    for (int i = first; i <= last; i++) {
        const arc_learn_step *s = &a->l->step[i];
        for (int k = 0; k < s->inputs; k++)
            a->needed[s->in[k]] |= s->keeps[k];
        a->needed[s->out] |= s->keeps_out;
    }
    for (int i = last; i >= first; i--) {
        const arc_learn_step *s = &a->l->step[i];
        for (int k = 0; k < s->inputs; k++)
            a->needed[s->in[k]] |= a->needed[s->out] && !leaves_segment(a, s->out);
    }
    for (int i = first; i <= last; i++)
        if (a->needed[a->l->step[i].out] && !leaves_segment(a, a->l->step[i].out))
            forward(a, ARC_LEARN_AGAIN, i);
}

static void walk(planner *a) {
    const arc_learner *l = a->l;
    arc_learn_plan *p = a->p;
    p->events = p->buffers = 0;
    for (int v = 0; v < l->values; v++) {
        a->current[v] = a->gradient[v] = ARC_NO_VALUE;
        a->needed[v] = false;
    }
    p->images = a->current[0] = new_buffer(a, 0);
    for (int i = 0; i < l->steps; i++)
        forward(a, ARC_LEARN_FORWARD, i);
    p->forwards = p->events;
    const int out = l->step[l->steps - 1].out;
    p->output = a->current[out];
    p->d_output = a->gradient[out] = new_buffer(a, out);
    for (int last = l->steps - 1; last >= 0;) {
        int first = last;
        while (first > 0 && a->segment[first - 1] == a->segment[last])
            first--;
        if (last < l->steps - 1)
            again(a, first, last);
        for (int i = last; i >= first; i--)
            backward(a, i);
        last = first - 1;
    }
    p->d_images = a->gradient[0];
    p->buffer[p->output].last = p->events; /* the caller may look at it as long as it likes */
    use(a, p->d_images);
}

/* ---- placing --------------------------------------------------------------------------------------------------------------- */

/* `order` is room for as many pointers as there are buffers. */
static void place(arc_learn_plan *p, arc_block **order) {
    for (int i = 0; i < p->buffers; i++)
        order[i] = &p->buffer[i];
    p->bytes = arc_place_blocks(order, p->buffers);
}

/* ---- segments -------------------------------------------------------------------------------------------------------------- */

static size_t out_bytes(const arc_learner *l, int step) {
    const arc_learn_value *v = &l->value[l->step[step].out];
    return (size_t)v->shape.dim[0] * arc_learn_row(&v->shape) * arc_store_bytes(v->store);
}

/* Cuts where one value alone goes on and the segment has made `bytes` at least; 0: one segment. */
static void cut(planner *a, size_t bytes) {
    const arc_learner *l = a->l;
    int segment = 0, reach = l->value[0].last_user; /* the last step that reads what lies before the present one's output */
    size_t made = 0;
    for (int i = 0; i < l->steps; i++) {
        a->segment[i] = segment;
        made += out_bytes(l, i);
        if (bytes && reach <= i && made >= bytes) {
            segment++;
            made = 0;
        }
        reach = ARC_MAX(reach, l->value[l->step[i].out].last_user);
    }
}

static arc_status make_room(planner *a, arc_arena *arena, arc_block ***order, arc_error *err) {
    const size_t values = (size_t)a->l->values, steps = (size_t)a->l->steps;
    a->p->event = arc_arena_new(arena, 3 * steps, sizeof *a->p->event);
    a->p->buffer = arc_arena_new(arena, 6 * steps + 4, sizeof *a->p->buffer);
    a->current = arc_arena_new(arena, values, sizeof *a->current);
    a->gradient = arc_arena_new(arena, values, sizeof *a->gradient);
    a->segment = arc_arena_new(arena, steps, sizeof *a->segment);
    a->needed = arc_arena_new(arena, values, sizeof *a->needed);
    *order = arc_arena_new(arena, 6 * steps + 4, sizeof **order);
    const bool all = a->p->event && a->p->buffer && a->current && a->gradient && a->segment && a->needed && *order;
    return all ? ARC_OK : arc_fail_nomem(err, "the learner's schedule");
}

arc_status arc_learn_plan_new(arc_learner *l, arc_error *err) {
    planner a = {.l = l, .p = &l->plan};
    arc_block **order;
    const arc_status st = make_room(&a, &l->arena, &order, err);
    if (st != ARC_OK)
        return st;
    cut(&a, 0);
    walk(&a);
    place(a.p, order);
    if (!l->options.recompute)
        return ARC_OK;
    size_t best = 0, least = a.p->bytes, all = 0;
    for (int i = 0; i < l->steps; i++)
        all += out_bytes(l, i);
    for (size_t bytes = all / 64; bytes < all; bytes += bytes / 4 + 1) {
        cut(&a, bytes);
        walk(&a);
        place(a.p, order);
        if (a.p->bytes < least) {
            least = a.p->bytes;
            best = bytes;
        }
    }
    cut(&a, best);
    walk(&a);
    place(a.p, order);
    return ARC_OK;
}
