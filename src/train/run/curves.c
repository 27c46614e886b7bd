/* train: plots of run folders, made from their logs: loss, accuracy, learning rate, gradient norm. plot/ draws them. */
#include "train/trainer/trainer_internal.h"
#include <arcface/plot.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_RUNS 16
#define MAX_LOG_BYTES ((size_t)1 << 32)

typedef enum curve_kind { CURVE_LOSS, CURVE_ACCURACY, CURVE_RATE, CURVE_NORM, CURVES } curve_kind;
static const char *const curve_key[CURVES] = {"loss", "accuracy", "rate", "gradient_norm"};
static const char *const curve_title[CURVES] = {"Loss", "Accuracy", "Learning rate", "Gradient norm"};

typedef struct curve {
    double *x, *y;
    size_t count, capacity;
} curve;
typedef struct run_curves {
    curve of[CURVES];
} run_curves;

static arc_status add_point(const arc_alloc *a, curve *c, double x, double y, arc_error *err) {
    if (c->count == c->capacity) {
        const size_t more = ARC_MAX(c->capacity * 2, (size_t)1024);
        double *nx = arc_mem_grow(a, c->x, c->count, more, sizeof *nx);
        c->x = nx ? nx : c->x;
        double *ny = nx ? arc_mem_grow(a, c->y, c->count, more, sizeof *ny) : NULL;
        if (!ny)
            return arc_fail_nomem(err, "the curves");
        c->y = ny;
        c->capacity = more;
    }
    c->x[c->count] = x;
    c->y[c->count++] = y;
    return ARC_OK;
}

static arc_status read_line(const arc_alloc *a, run_curves *r, const char *line, size_t bytes, arc_error *err) {
    arc_status st = ARC_OK;
    json_t *root = json_loadb(line, bytes, 0, NULL);
    const json_t *step = json_object_get(root, "step");
    for (int k = 0; k < CURVES && json_is_integer(step) && st == ARC_OK; k++) {
        const json_t *value = json_object_get(root, curve_key[k]);
        if (value)
            st = add_point(a, &r->of[k], (double)json_integer_value(step), json_is_number(value) ? json_number_value(value) : NAN,
                           err);
    }
    json_decref(root);
    return st;
}

static arc_status read_run(const arc_alloc *a, const char *run, run_curves *out, arc_error *err) {
    char path[ARC_TRAIN_PATH];
    arc_map map;
    snprintf(path, sizeof path, "%s/log.jsonl", run);
    arc_status st = arc_map_open(&map, path, MAX_LOG_BYTES, err);
    if (st != ARC_OK)
        return st;
    for (size_t at = 0; at < map.bytes && st == ARC_OK;) {
        const char *line = (const char *)map.data + at, *end = memchr(line, '\n', map.bytes - at);
        const size_t bytes = end ? (size_t)(end - line) + 1 : map.bytes - at;
        st = read_line(a, out, line, bytes, err);
        at += bytes;
    }
    arc_map_close(&map);
    if (st == ARC_OK && out->of[CURVE_LOSS].count == 0)
        st = arc_fail(err, ARC_EFORMAT, "%s: holds no step of a training", path);
    return st;
}

static arc_status draw(arc_context *ctx, const run_curves *r, const char *const *runs, int count, const char *path,
                       arc_error *err) {
    arc_plot plot[CURVES] = {0};
    arc_plot_series series[CURVES][MAX_RUNS] = {0};
    int panels = 0;
    for (int k = 0; k < CURVES; k++) {
        int n = 0;
        for (int i = 0; i < count; i++) {
            const curve *c = &r[i].of[k];
            if (c->count)
                series[k][n++] = (arc_plot_series){.name = count > 1 ? runs[i] : NULL,
                                                   .kind = c->count == 1 ? ARC_PLOT_DOTS : ARC_PLOT_LINE,
                                                   .x = c->x,
                                                   .y = c->y,
                                                   .count = c->count,
                                                   .rgb = ARC_PLOT_AUTO};
        }
        if (n)
            plot[panels++] = (arc_plot){.title = curve_title[k],
                                        .x = {.label = "step"},
                                        .y = {.scale = k == CURVE_NORM ? ARC_PLOT_LOG : ARC_PLOT_LINEAR},
                                        .series = series[k],
                                        .series_count = n};
    }
    const arc_plot_sheet sheet = {.panel = plot, .panels = panels, .columns = 2};
    return arc_plot_save(ctx, &sheet, path, err);
}

arc_status arc_train_plot(arc_context *ctx, const char *const *runs, int count, const char *path, arc_error *err) {
    arc_status st = ARC_OK;
    if (count < 1 || count > MAX_RUNS)
        return arc_fail(err, ARC_EINVAL, "%d runs: 1 to %d can be drawn together", count, MAX_RUNS);
    run_curves *r = arc_mem_new(&ctx->alloc, (size_t)count, sizeof *r);
    if (!r)
        return arc_fail_nomem(err, "the curves");
    for (int i = 0; i < count && st == ARC_OK; i++)
        st = read_run(&ctx->alloc, runs[i], &r[i], err);
    if (st == ARC_OK)
        st = draw(ctx, r, runs, count, path, err);
    for (int i = 0; i < count; i++)
        for (int k = 0; k < CURVES; k++) {
            arc_mem_free(&ctx->alloc, r[i].of[k].x);
            arc_mem_free(&ctx->alloc, r[i].of[k].y);
        }
    arc_mem_free(&ctx->alloc, r);
    return st;
}
