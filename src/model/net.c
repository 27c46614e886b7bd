/* model: arc_net, the raw network for tools and tests. If the file fixes the batch, the network is run piece by piece, the last
 * piece is filled up with its last image, and the outputs are joined along their first dimension. Small embedders are run image
 * by image, because then their weights stay in the cache from image to image, which the activations of many images would
 * displace. */
#include "model/model.h"
#include "model/pixels.h"
#include "plan/plan.h"
#include <arcface/profile.h>
#include <string.h>

#define CACHED_WEIGHT_BYTES ((int64_t)12 << 20) /* of L3; larger networks read their weights once for all images */

typedef struct gathered {
    float *data;
    size_t capacity;   /* floats */
    arc_shape shape;   /* of the last run; rank < 0 before the first */
    const float *from; /* the session's memory, or `data` if outputs were joined */
    arc_dtype dtype;
} gathered;

struct arc_net {
    arc_execution x;
    const arc_model *model;
    arc_session *session;
    arc_tensor *out;
    gathered *got;
    float *plain; /* pixels as floats, for graphs that cannot take pixels directly */
    size_t plain_floats;
    float *filled; /* a last piece of a fixed batch */
    arc_pixel_image *filled_image;
    size_t filled_floats, filled_images;
    float *points; /* of the second input, [points_given][5][2] */
    size_t points_faces, points_given;
    bool one_by_one;
    bool ran;
};

static int64_t weight_bytes(const arc_graph *g) {
    int64_t bytes = 0;
    for (int i = 0; i < g->values; i++)
        if (g->value[i].data)
            bytes += (int64_t)g->value[i].data_bytes;
    return bytes;
}

static bool takes_one_by_one(const arc_model *model) {
    const arc_graph *g = model->graph;
    const bool small = g->outputs == 1 && weight_bytes(g) <= CACHED_WEIGHT_BYTES;
    return model->contract.task == ARC_TASK_EMBED &&
           (small || g->value[g->output[0]].shape.rank == 1); /* [D] is of one picture */
}

static int64_t fixed_batch(const arc_graph *g) {
    const arc_shape *s = &g->value[g->input[0]].shape;
    return s->rank == 4 && s->dim[0] > 0 ? s->dim[0] : 0;
}

int64_t arc_net_piece(const arc_model *model, int64_t images) {
    const int64_t fixed = fixed_batch(model->graph);
    return fixed ? fixed : takes_one_by_one(model) ? 1 : images;
}

/* Infers the shapes, so that a graph which does not fit its picture is refused here and not for each picture. */
static arc_status check_embedder(const arc_execution *x, const arc_model *model, arc_error *err) {
    const arc_shape one = arc_model_report_shape(model), shape[2] = {one, arc_model_points_shape(model, one.dim[0])};
    const arc_plan_request request = {.x = x, .graph = model->graph, .input_shape = shape, .infer_only = true};
    arc_plan *plan = NULL;
    const arc_status st = arc_plan_new(&plan, &request, err);
    arc_plan_free(&plan);
    return st == ARC_OK || !model->path ? st : arc_fail_in(err, st, model->path);
}

arc_status arc_net_new_on(const arc_execution *x, const arc_model *model, arc_net **out, arc_error *err) {
    arc_status st;
    *out = NULL;
    const arc_graph *g = model->graph;
    if (g->inputs != 1 && !model->contract.takes_points)
        return arc_fail(err, ARC_EUNSUPPORTED,
                        "%s has %d inputs: a picture, and beside it the five points of its face at most, are fed",
                        model->path ? model->path : "model", g->inputs);
    arc_net *net = arc_mem_new(x->alloc, 1, sizeof *net);
    if (!net)
        return arc_fail_nomem(err, "the network");
    net->x = *x;
    net->model = model;
    net->out = arc_mem_new(x->alloc, (size_t)g->outputs, sizeof *net->out);
    net->got = arc_mem_new(x->alloc, (size_t)g->outputs, sizeof *net->got);
    if (!net->out || !net->got) {
        st = arc_fail_nomem(err, "the network");
        goto done;
    }
    const arc_session_options options = {.execution = x};
    ARC_TRY(arc_session_new(&net->session, x->ctx, g, &options, err));
    net->one_by_one = takes_one_by_one(model);
    if (model->contract.task == ARC_TASK_EMBED)
        ARC_TRY(check_embedder(x, model, err));
    *out = net;
    net = NULL;
done:
    arc_net_free(&net);
    return st;
}

arc_status arc_net_new(arc_context *ctx, const arc_model *model, arc_net **out, arc_error *err) {
    const arc_execution x = arc_execution_of(ctx);
    return arc_net_new_on(&x, model, out, err);
}

void arc_net_free(arc_net **net) {
    if (!net || !*net)
        return;
    arc_net *n = *net;
    const arc_alloc *a = n->x.alloc;
    arc_session_free(&n->session);
    for (int i = 0; n->got && i < n->model->graph->outputs; i++)
        arc_mem_free(a, n->got[i].data);
    arc_mem_free(a, n->plain);
    arc_mem_free(a, n->filled);
    arc_mem_free(a, n->filled_image);
    arc_mem_free(a, n->points);
    arc_mem_free(a, n->got);
    arc_mem_free(a, n->out);
    arc_mem_free(a, n);
    *net = NULL;
}

/* Compares the input with the shape in the file; *batch: images in one run of the graph. */
static arc_status check_input(const arc_net *net, const int64_t dim[4], int64_t *batch, arc_error *err) {
    const arc_graph *g = net->model->graph;
    const arc_value *v = &g->value[g->input[0]];
    const arc_shape given = {.rank = 4, .dim = {dim[0], dim[1], dim[2], dim[3]}};
    char have[128], want[128];
    bool fits = v->shape.rank == 4 || v->shape.rank < 0;
    for (int i = 0; i < 4 && fits; i++)
        fits = dim[i] > 0 && dim[i] < ARC_MAX_DIM &&
               (i == 0 || v->shape.rank < 0 || v->shape.dim[i] < 0 || v->shape.dim[i] == dim[i]);
    const int64_t fixed = fixed_batch(g);
    *batch = fixed ? fixed : net->one_by_one ? 1 : dim[0];
    if (!fits)
        return arc_fail(err, ARC_ESHAPE, "input %s does not fit '%s' %s of the model", arc_shape_text(&given, have, sizeof have),
                        v->name, arc_shape_text(&v->shape, want, sizeof want));
    return ARC_OK;
}

/* Appends the session's output for piece `index` of `pieces`. */
static arc_status gather(arc_net *net, int output, int64_t index, int64_t pieces, arc_error *err) {
    const arc_tensor *t = &net->out[output];
    gathered *got = &net->got[output];
    got->dtype = t->dtype;
    if (index == 0)
        got->shape = t->shape;
    if (index == 0 && t->shape.rank == 1 && output == 0 && net->model->contract.task == ARC_TASK_EMBED &&
        t->shape.dim[0] == net->model->contract.dim)
        got->shape = (arc_shape){2, {1, t->shape.dim[0]}};
    if (pieces == 1) {
        got->from = t->data;
        return ARC_OK;
    }
    const arc_value *v = &net->model->graph->value[net->model->graph->output[output]];
    if (t->dtype != ARC_F32 || t->shape.rank < 1 || (index > 0 && arc_shape_count(&t->shape) != arc_shape_count(&got->shape)))
        return arc_fail(err, ARC_EUNSUPPORTED, "output '%s' can't be joined over %lld images: run them one at a time", v->name,
                        (long long)pieces);
    const size_t count = (size_t)arc_shape_count(&t->shape);
    size_t all;
    if (!arc_mul_size(count, (size_t)pieces, &all))
        return arc_fail(err, ARC_ELIMIT, "output '%s' is too large for %lld images", v->name, (long long)pieces);
    if (all > got->capacity) {
        arc_mem_free(net->x.alloc, got->data);
        got->capacity = 0;
        got->data = arc_mem_raw(net->x.alloc, all, sizeof *got->data);
        if (!got->data)
            return arc_fail_nomem(err, "the network's outputs");
        got->capacity = all;
    }
    memcpy(got->data + (size_t)index * count, t->data, count * sizeof *got->data);
    got->from = got->data;
    return ARC_OK;
}

/* ---- pieces ---- */

static void *grown(arc_net *net, void *have, size_t *capacity, size_t count, size_t bytes) {
    if (count <= *capacity)
        return have;
    arc_mem_free(net->x.alloc, have);
    void *more = arc_mem_raw(net->x.alloc, count, bytes);
    *capacity = more ? count : 0;
    return more;
}

/* The last `have` images of a batch, filled up with the last one. */
static arc_status fill_floats(arc_net *net, const float *from, int64_t have, int64_t batch, int64_t each, const float **out,
                              arc_error *err) {
    net->filled = grown(net, net->filled, &net->filled_floats, (size_t)(batch * each), sizeof *net->filled);
    if (!net->filled)
        return arc_fail_nomem(err, "a batch");
    for (int64_t i = 0; i < batch; i++)
        memcpy(net->filled + i * each, from + ARC_MIN(i, have - 1) * each, (size_t)each * sizeof *from);
    *out = net->filled;
    return ARC_OK;
}

static arc_status fill_pixels(arc_net *net, const arc_pixel_image *from, int64_t have, int64_t batch, const arc_pixel_image **out,
                              arc_error *err) {
    net->filled_image = grown(net, net->filled_image, &net->filled_images, (size_t)batch, sizeof *net->filled_image);
    if (!net->filled_image)
        return arc_fail_nomem(err, "a batch");
    for (int64_t i = 0; i < batch; i++)
        net->filled_image[i] = from[ARC_MIN(i, have - 1)];
    *out = net->filled_image;
    return ARC_OK;
}

arc_status arc_net_set_points(arc_net *net, const float (*points)[5][2], int faces, arc_error *err) {
    if (!net->model->contract.takes_points)
        return ARC_OK;
    net->points = grown(net, net->points, &net->points_faces, (size_t)faces * 10, sizeof *net->points);
    net->points_given = net->points ? (size_t)faces : 0;
    if (!net->points)
        return arc_fail_nomem(err, "the points of faces");
    memcpy(net->points, points, (size_t)faces * sizeof *points);
    return ARC_OK;
}

/* The second input: points of the images from `first` on, filled up as the images are. */
static void points_of(const arc_net *net, int64_t first, int64_t batch, float *out) {
    for (int64_t i = 0; i < batch; i++)
        memcpy(out + i * 10, net->points + ARC_MIN((size_t)(first + i), net->points_given - 1) * 10, 10 * sizeof *out);
}

/* Piece p as the session's first input. `part` lives as long as the run. */
static arc_status take_piece(arc_net *net, const float *input, const arc_pixels *pixels, int64_t first, int64_t have,
                             arc_tensor *in, arc_pixels *part, arc_error *err) {
    const int64_t batch = in->shape.dim[0], each = arc_shape_count(&in->shape) / batch;
    if (pixels) {
        const arc_pixel_image *image = pixels->image + first;
        if (have < batch) {
            const arc_status st = fill_pixels(net, image, have, batch, &image, err);
            if (st != ARC_OK)
                return st;
        }
        *part = (arc_pixels){image, pixels->value};
        in->layout = ARC_PIXELS;
        in->data = part;
        return ARC_OK;
    }
    const float *from = input + first * each;
    if (have < batch) {
        const arc_status st = fill_floats(net, from, have, batch, each, &from, err);
        if (st != ARC_OK)
            return st;
    }
    in->data =
        (void *)(uintptr_t)from; /* the session only reads its inputs; arc_tensor has one pointer type for both directions */
    return ARC_OK;
}

/* Rows of what filled up the last piece are cut. */
static arc_status cut_outputs(arc_net *net, int64_t pieces, int64_t batch, int64_t images, arc_error *err) {
    for (int i = 0; i < net->model->graph->outputs; i++) {
        int64_t *rows = &net->got[i].shape.dim[0];
        if (pieces * batch == images) {
            *rows *= pieces > 1 ? pieces : 1;
            continue;
        }
        if (net->got[i].shape.rank < 1 || *rows % batch != 0)
            return arc_fail(err, ARC_EUNSUPPORTED, "output '%s' has no row for each of the %lld images that the file takes",
                            net->model->graph->value[net->model->graph->output[i]].name, (long long)batch);
        *rows = *rows / batch * images;
    }
    return ARC_OK;
}

/* Runs all pieces of one input, floats or pixels. */
static arc_status run_pieces(arc_net *net, const float *input, const arc_pixels *pixels, const int64_t dim[4], arc_error *err) {
    arc_status st;
    int64_t batch;
    float *points = NULL;
    net->ran = false;
    ARC_TRY(check_input(net, dim, &batch, err));
    const int64_t pieces = (dim[0] + batch - 1) / batch;
    const int outputs = net->model->graph->outputs;
    arc_tensor in[2] = {{.dtype = ARC_F32, .layout = ARC_PLAIN, .shape = {.rank = 4, .dim = {batch, dim[1], dim[2], dim[3]}}}};
    if (arc_shape_count(&in[0].shape) < 0) {
        st = arc_fail(err, ARC_ELIMIT, "an input of %lld x %lld x %lld x %lld is too large", (long long)dim[0], (long long)dim[1],
                      (long long)dim[2], (long long)dim[3]);
        goto done;
    }
    if (net->model->contract.takes_points) {
        if (!net->points_given) {
            st = arc_fail(err, ARC_EUNSUPPORTED, "input '%s' takes the points of faces: arc_embed_crops feeds them",
                          net->model->graph->value[net->model->graph->input[1]].name);
            goto done;
        }
        points = arc_mem_raw(net->x.alloc, (size_t)batch * 10, sizeof *points);
        if (!points) {
            st = arc_fail_nomem(err, "the points of faces");
            goto done;
        }
        in[1] = (arc_tensor){
            .dtype = ARC_F32, .layout = ARC_PLAIN, .shape = arc_model_points_shape(net->model, batch), .data = points};
    }
    for (int64_t p = 0; p < pieces; p++) {
        arc_pixels part;
        ARC_TRY(take_piece(net, input, pixels, p * batch, ARC_MIN(batch, dim[0] - p * batch), &in[0], &part, err));
        if (points)
            points_of(net, p * batch, batch, points);
        ARC_TRY(arc_session_run(net->session, in, net->out, err));
        for (int i = 0; i < outputs; i++)
            ARC_TRY(gather(net, i, p, pieces, err));
    }
    ARC_TRY(cut_outputs(net, pieces, batch, dim[0], err));
    net->ran = true;
done:
    net->points_given = 0;
    arc_mem_free(net->x.alloc, points);
    return st;
}

arc_status arc_net_run(arc_net *net, const float *input, const int64_t dim[4], arc_error *err) {
    return run_pieces(net, input, NULL, dim, err);
}

arc_status arc_net_run_pixels(arc_net *net, const arc_pixels *pixels, const int64_t dim[4], arc_error *err) {
    arc_status st;
    int64_t batch;
    arc_shape shape = {.rank = 4, .dim = {dim[0], dim[1], dim[2], dim[3]}};
    net->ran = false;
    ARC_TRY(check_input(net, dim, &batch, err));
    const arc_shape piece[2] = {{.rank = 4, .dim = {batch, dim[1], dim[2], dim[3]}}, arc_model_points_shape(net->model, batch)};
    ARC_TRY(arc_session_plan(net->session, piece, err));
    if (arc_session_takes_pixels(net->session, 0))
        return run_pieces(net, NULL, pixels, dim, err);
    const int64_t floats = arc_shape_count(&shape);
    if (dim[1] != 3 || floats < 0)
        return arc_fail(err, ARC_ESHAPE, "pixels have 3 channels; the input is %lld x %lld x %lld x %lld", (long long)dim[0],
                        (long long)dim[1], (long long)dim[2], (long long)dim[3]);
    if ((size_t)floats > net->plain_floats) {
        arc_mem_free(net->x.alloc, net->plain);
        net->plain_floats = 0;
        net->plain = arc_mem_raw(net->x.alloc, (size_t)floats, sizeof *net->plain);
        if (!net->plain)
            return arc_fail_nomem(err, "the network's input");
        net->plain_floats = (size_t)floats;
    }
    arc_pixels_to_planes(net->x.pool, pixels, &shape, net->plain);
    return run_pieces(net, net->plain, NULL, dim, err);
done:
    return st;
}

arc_status arc_net_profile(arc_net *net, const float *input, const int64_t dim[4], int rounds, arc_layer_time *layers,
                           int capacity, int *count, arc_error *err) {
    arc_status st;
    int64_t batch;
    arc_step_time *time = NULL;
    *count = 0;
    net->ran = false;
    ARC_TRY(check_input(net, dim, &batch, err));
    const bool points = net->model->contract.takes_points;
    if (dim[0] < batch || (points && !net->points_given)) {
        st = arc_fail(err, ARC_EUNSUPPORTED, "a profile takes the whole batch of %lld images, and the points of their faces",
                      (long long)batch);
        goto done;
    }
    time = arc_mem_new(net->x.alloc, (size_t)ARC_MAX(capacity, 1), sizeof *time);
    if (!time)
        return arc_fail_nomem(err, "a profile");
    const arc_tensor in[2] = {
        {.dtype = ARC_F32,
         .layout = ARC_PLAIN,
         .shape = {.rank = 4, .dim = {batch, dim[1], dim[2], dim[3]}},
         .data = (void *)(uintptr_t)input}, /* is only read */
        {.dtype = ARC_F32, .layout = ARC_PLAIN, .shape = arc_model_points_shape(net->model, batch), .data = net->points}};
    ARC_TRY(arc_session_profile(net->session, in, rounds, time, capacity, count, err));
    for (int i = 0; i < ARC_MIN(*count, capacity); i++) {
        layers[i] = (arc_layer_time){.op = time[i].op,
                                     .name = time[i].name,
                                     .output = time[i].output,
                                     .algorithm = time[i].algorithm,
                                     .schedule = time[i].schedule,
                                     .rank = time[i].out.rank,
                                     .macs = time[i].macs,
                                     .bytes = time[i].bytes,
                                     .ms = time[i].ms};
        memcpy(layers[i].dim, time[i].out.dim, sizeof layers[i].dim);
    }
done:
    net->points_given = 0;
    arc_mem_free(net->x.alloc, time);
    return st;
}

const char *arc_net_plan_id(const arc_net *net) {
    arc_plan_stats stats;
    return arc_session_stats(net->session, &stats) == ARC_OK ? stats.id : "";
}

int arc_net_outputs(const arc_net *net) {
    return net->model->graph->outputs;
}

arc_status arc_net_output_get(const arc_net *net, int index, arc_net_output *out, arc_error *err) {
    memset(out, 0, sizeof *out);
    const arc_graph *g = net->model->graph;
    if (index < 0 || index >= g->outputs)
        return arc_fail(err, ARC_EINVAL, "output %d: the network has %d", index, g->outputs);
    if (!net->ran)
        return arc_fail(err, ARC_EINVAL, "output %d is asked for before a successful run", index);
    const gathered *got = &net->got[index];
    const arc_value *v = &g->value[g->output[index]];
    if (got->dtype != ARC_F32)
        return arc_fail(err, ARC_EUNSUPPORTED, "output '%s' is %s: float32 is read", v->name, arc_dtype_name(got->dtype));
    out->name = v->name;
    out->data = got->from;
    out->rank = got->shape.rank;
    memcpy(out->dim, got->shape.dim, sizeof out->dim);
    return ARC_OK;
}
