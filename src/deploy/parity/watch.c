/* Runs crops with everything between layers in sight. */
#include "deploy/parity/parity.h"
#include <math.h>

typedef struct watching {
    arc_context *ctx;
    arc_graph *copy; /* with what is watched as outputs */
    arc_tensor *out; /* [outputs] */
    arc_seen *seen;
} watching;

static arc_status open_copy(watching *w, const arc_graph *g, const bool *value, arc_error *err) {
    const arc_graph_copying how = {.borrow = true};
    arc_status st = arc_graph_copy(&w->copy, g, g->alloc, &how, err);
    for (int i = 0; st == ARC_OK && i < g->nodes; i++)
        for (int k = 0; st == ARC_OK && k < g->node[i].outputs; k++) {
            const int v = g->node[i].output[k];
            if (v >= 0 && (!value || value[v]) && !w->copy->value[v].is_output && arc_graph_add_output(w->copy, v) != ARC_OK)
                st = arc_fail_nomem(err, "watching a network");
        }
    if (st != ARC_OK)
        return st;
    w->out = arc_mem_new(&w->ctx->alloc, (size_t)w->copy->outputs, sizeof *w->out);
    return w->out ? ARC_OK : arc_fail_nomem(err, "watching a network");
}

static void look_at(const float *x, int64_t count, arc_seen *s) {
    float least = s->least, most = s->most;
    int64_t odd = 0;
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(x[i])) {
            odd++;
            continue;
        }
        least = x[i] < least ? x[i] : least;
        most = x[i] > most ? x[i] : most;
    }
    s->least = least;
    s->most = most;
    s->odd += odd;
    s->odd_crops += odd > 0;
}

static void look_items(void *arg, size_t begin, size_t end, int thread) {
    const watching *w = arg;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        const arc_tensor *t = &w->out[i];
        const int v = w->copy->output[i];
        if (t->dtype != ARC_F32 || w->copy->value[v].producer < 0)
            continue;
        w->seen[v].floats = true;
        look_at(t->data, arc_shape_count(&t->shape), &w->seen[v]);
    }
}

arc_status arc_watch(arc_context *ctx, const arc_graph *g, const arc_watch_run *run, arc_seen *seen, arc_error *err) {
    arc_status st;
    watching w = {.ctx = ctx, .seen = seen};
    arc_session *session = NULL;
    const int input = g->input[0];
    const arc_shape shape = g->value[input].shape;
    const arc_session_options exact = {.exact = true, .low_memory = true, .no_tuning = true};
    float *tensor = arc_mem_raw(&ctx->alloc, (size_t)arc_shape_count(&shape), sizeof *tensor);
    if (!tensor)
        ARC_TRY(arc_fail_nomem(err, "watching a network"));
    ARC_TRY(open_copy(&w, g, run->value, err));
    ARC_TRY(arc_session_new(&session, ctx, w.copy, &exact, err));
    for (int i = 0; i < run->crops->count; i++) {
        const arc_tensor in = {.dtype = ARC_F32, .layout = ARC_PLAIN, .shape = shape, .data = tensor};
        if (run->wanted && !run->wanted[i])
            continue;
        ARC_TRY(run->crops->get(run->crops->ctx, i, tensor, err));
        look_at(tensor, arc_shape_count(&shape), &seen[input]);
        ARC_TRY(arc_session_run(session, &in, w.out, err));
        arc_pool_run(ctx->pool, (size_t)w.copy->outputs, 1, look_items, &w);
        ARC_TRY(run->advance(run->arg, err));
    }
done:
    arc_session_free(&session);
    arc_graph_free(&w.copy);
    arc_mem_free(&ctx->alloc, w.out);
    arc_mem_free(&ctx->alloc, tensor);
    return st;
}
