/* A profile as a page: treemaps of time and work, the roofline, operators, conventions, all layers. */
#include "base/text.h"
#include "bench/bench_internal.h"
#include "model/layers.h"
#include "op/op.h"
#include <arcface/page.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_GROUPS 8 /* colours; the last takes all other operators */

/* Layers of one kind: an operator, of convolutions those with one size of kernel. */
typedef struct op_group {
    char op[64];
    int layers;
    int64_t parameters, macs, flops;
    double ms;
} op_group;

typedef struct maker {
    arc_context *ctx;
    const arc_profile *p;
    arc_page *page;
    arc_arena arena; /* texts of the page until it is saved */
    op_group *op;    /* [ops], those with the most time first, without times with the most work */
    int ops;
    bool failed; /* no memory for a text */
} maker;

static const char *text_of(maker *m, const char *fmt, ...) ARC_PRINTF(2, 3);
static const char *text_of(maker *m, const char *fmt, ...) {
    char text[1024];
    va_list args;
    va_start(args, fmt);
    arc_number_print(text, sizeof text, fmt, args);
    va_end(args);
    const char *kept = arc_arena_strdup(&m->arena, text);
    m->failed |= !kept;
    return kept ? kept : "";
}

static const char *whole(maker *m, int64_t n) {
    char text[32];
    return text_of(m, "%s", arc_text_grouped(n, text));
}

/* 24179212288 -> "24.18 G" */
static const char *rough(maker *m, int64_t n) {
    return n >= 1000000000 ? text_of(m, "%.2f G", (double)n * 1e-9)
           : n >= 1000000  ? text_of(m, "%.2f M", (double)n * 1e-6)
                           : whole(m, n);
}

static const char *shape_of(maker *m, const arc_profile_row *r) {
    char shape[96];
    arc_layer_shape(r->rank, r->dim, shape, sizeof shape);
    return text_of(m, "%s", shape);
}

static bool timed(const maker *m) {
    return m->p->steps > 0;
}

/* ---- operators ------------------------------------------------------------------------------------------------------------- */

static int by_weight(const void *a, const void *b) {
    const op_group *x = a, *y = b;
    if (x->ms != y->ms)
        return (x->ms < y->ms) - (x->ms > y->ms);
    return x->flops != y->flops ? (x->flops < y->flops) - (x->flops > y->flops) : strcmp(x->op, y->op);
}

/* "Conv 3x3", "Conv 3x3 depthwise", "Gemm" */
static void kind_of(const arc_profile_row *r, char kind[64]) {
    long long out = 0, in = 0, height = 0, width = 0;
    const bool kernel = sscanf(r->weights, "[%lld,%lld,%lld,%lld]", &out, &in, &height, &width) == 4;
    if (kernel && strstr(r->op, "Conv"))
        snprintf(kind, 64, "%.30s %lldx%lld%s", r->op, height, width, in == 1 && out > 1 ? " depthwise" : "");
    else
        snprintf(kind, 64, "%.63s", r->op);
}

static int find_op(const maker *m, const char *kind) {
    int k = 0;
    while (k < m->ops && strcmp(m->op[k].op, kind) != 0)
        k++;
    return k;
}

static bool collect_ops(maker *m) {
    m->op = arc_arena_new(&m->arena, (size_t)m->p->rows + 1, sizeof *m->op);
    for (int i = 0; m->op && i < m->p->rows; i++) {
        const arc_profile_row *r = &m->p->row[i];
        const arc_profile_step *s = arc_layer_timed(m->p, i);
        char kind[64];
        kind_of(r, kind);
        const int k = find_op(m, kind);
        if (k == m->ops)
            snprintf(m->op[m->ops++].op, sizeof m->op->op, "%s", kind);
        m->op[k].layers++;
        m->op[k].parameters += r->parameters;
        m->op[k].macs += r->macs;
        m->op[k].flops += r->flops;
        m->op[k].ms += s ? s->layer.ms : 0;
    }
    if (m->op)
        qsort(m->op, (size_t)m->ops, sizeof *m->op, by_weight);
    return m->op;
}

static int group_of(const maker *m, const arc_profile_row *r) {
    char kind[64];
    kind_of(r, kind);
    return ARC_MIN(find_op(m, kind), MAX_GROUPS - 1);
}

/* ---- treemaps -------------------------------------------------------------------------------------------------------------- */

static void put_treemap(maker *m, const arc_treemap_item *items, int count) {
    const char *name[MAX_GROUPS];
    bool there[MAX_GROUPS] = {false};
    int groups = 0;
    for (int i = 0; i < count; i++)
        there[items[i].group] |= items[i].value > 0;
    for (int k = 0; k < MAX_GROUPS; k++) /* the key names all colours up to the last that is there */
        groups = there[k] ? k + 1 : groups;
    for (int k = 0; k < groups; k++)
        name[k] = k == MAX_GROUPS - 1 && m->ops > MAX_GROUPS ? "others" : m->op[k].op;
    arc_page_treemap(m->page, items, count, name, groups);
}

/* "fused: bn1, prelu" */
static const char *fused_into(maker *m, int row) {
    char list[512] = "";
    for (int i = 0; i < m->p->rows; i++) {
        const size_t at = strlen(list);
        if (i != row && m->p->row[i].timed_in == row && at + 64 < sizeof list)
            snprintf(list + at, sizeof list - at, "%s%.40s", at ? ", " : "\nfused: ", m->p->row[i].op);
    }
    return text_of(m, "%s", list);
}

static void put_times(maker *m) {
    const arc_profile *p = m->p;
    int count = 0;
    arc_treemap_item *items = arc_arena_new(&m->arena, (size_t)p->rows + 1, sizeof *items);
    m->failed |= !items;
    for (int i = 0; items && i < p->rows; i++) {
        const arc_profile_row *r = &p->row[i];
        const arc_profile_step *s = arc_layer_timed(p, i);
        if (!s)
            continue;
        items[count++] = (arc_treemap_item){
            .name = text_of(m, "%d %.400s", i, r->name),
            .label = text_of(m, "%.3f ms", s->layer.ms),
            .detail = text_of(m, "%s %s, %s%s\n%.4f ms, %.1f %%; %.1f GFLOP/s, %.1f GB/s, %.0f %% of the roofline%s", r->op,
                              shape_of(m, r), s->layer.algorithm, *s->layer.schedule ? text_of(m, ", %s", s->layer.schedule) : "",
                              s->layer.ms, 100 * s->layer.ms / p->total.ms, 2e-6 * (double)s->layer.macs / s->layer.ms,
                              1e-6 * (double)s->layer.bytes / s->layer.ms, 100 * s->roof_ms / s->layer.ms, fused_into(m, i)),
            .value = s->layer.ms,
            .group = group_of(m, r)};
    }
    arc_page_heading(m->page, "Where the time goes");
    arc_page_text(m->page,
                  "Each rectangle is a step that runs as one, with number and name of its layer with the most work; its area "
                  "is its time. What was fused into it stands under the pointer.");
    if (items)
        put_treemap(m, items, count);
}

static void put_work(maker *m) {
    const arc_profile *p = m->p;
    const char *name = arc_flops_convention_name(p->convention);
    arc_treemap_item *items = arc_arena_new(&m->arena, (size_t)p->rows + 1, sizeof *items);
    m->failed |= !items;
    for (int i = 0; items && i < p->rows; i++) {
        const arc_profile_row *r = &p->row[i];
        items[i] = (arc_treemap_item){
            .name = text_of(m, "%d %.400s", i, r->name),
            .label = rough(m, r->flops),
            .detail = text_of(m, "%s %s\n%s FLOPs, %.1f %%; %s parameters; %.1f FLOPs a byte", r->op, shape_of(m, r),
                              whole(m, r->flops), 100 * (double)r->flops / (double)ARC_MAX(p->total.flops[p->convention], 1),
                              whole(m, r->parameters), arc_layer_intensity(r)),
            .value = (double)r->flops,
            .group = group_of(m, r)};
    }
    arc_page_heading(m->page, "Where the work is");
    arc_page_text(m->page, text_of(m, "Each rectangle is a layer of the file; its area is its FLOPs as %s counts them: %s.", name,
                                   arc_flops_convention_about(p->convention)));
    if (items)
        put_treemap(m, items, p->rows);
}

/* ---- plots ----------------------------------------------------------------------------------------------------------------- */

/* Operations of a step: products, of others one for each number that they compute; 0 of steps that only move numbers. */
static double operations(const arc_layer_time *l) {
    const arc_op *op = arc_op_find(l->op);
    double elements = 1;
    for (int d = 0; d < l->rank; d++)
        elements *= (double)l->dim[d];
    return l->macs > 0 ? 2 * (double)l->macs : !op || op->moves || op->view ? 0 : elements;
}

typedef struct points {
    double *x, *y;
    size_t count;
} points;

static bool collect_points(maker *m, points group[MAX_GROUPS], double range[2]) {
    const arc_profile *p = m->p;
    double *all = arc_arena_new(&m->arena, (size_t)(2 * MAX_GROUPS) * (size_t)p->steps, sizeof *all);
    for (int k = 0; all && k < MAX_GROUPS; k++) {
        group[k] = (points){all, all + p->steps, 0};
        all += 2 * p->steps;
    }
    for (int i = 0; all && i < p->rows; i++) {
        const arc_profile_step *s = arc_layer_timed(p, i);
        const double work = s ? operations(&s->layer) : 0;
        if (!(work > 0) || s->layer.bytes <= 0)
            continue;
        points *g = &group[group_of(m, &p->row[i])];
        g->x[g->count] = work / (double)s->layer.bytes;
        g->y[g->count] = 1e-6 * work / s->layer.ms;
        range[0] = ARC_MIN(range[0], g->x[g->count] / 2);
        range[1] = ARC_MAX(range[1], g->x[g->count] * 2);
        g->count++;
    }
    return all;
}

/* Memory up to the ridge, arithmetic behind it. */
static arc_plot_series roof_line(const maker *m, double peak, const double range[2], double x[3], double y[3]) {
    const double bandwidth = m->p->roofline.read_gb_s;
    x[0] = range[0];
    x[1] = ARC_MIN(ARC_MAX(peak / bandwidth, range[0]), range[1]);
    x[2] = range[1];
    for (int i = 0; i < 3; i++)
        y[i] = ARC_MIN(peak, x[i] * bandwidth);
    return (arc_plot_series){.kind = ARC_PLOT_LINE, .x = x, .y = y, .count = 3, .width_px = 2, .rgb = 0x333a45};
}

static void put_plots(maker *m) {
    const arc_profile *p = m->p;
    points group[MAX_GROUPS];
    double range[2] = {0.5, 50}, x[2][3], y[2][3];
    arc_plot_series roof[MAX_GROUPS + 2];
    int count = 0;
    double *at = arc_arena_new(&m->arena, (size_t)p->steps + 1, sizeof *at),
           *ms = arc_arena_new(&m->arena, (size_t)p->steps + 1, sizeof *ms);
    if (!at || !ms || !collect_points(m, group, range)) {
        m->failed = true;
        return;
    }
    roof[count] = roof_line(m, p->peak_gflops, range, x[0], y[0]);
    roof[count++].name = text_of(m, "roof: %.0f GFLOP/s, %.1f GB/s", p->peak_gflops, p->roofline.read_gb_s);
    if (p->peak_gflops != p->roofline.fp32_gflops) {
        roof[count] = roof_line(m, p->roofline.fp32_gflops, range, x[1], y[1]);
        roof[count].dashed = true;
        roof[count++].name = text_of(m, "roof of fp32: %.0f GFLOP/s", p->roofline.fp32_gflops);
    }
    for (int k = 0; k < MAX_GROUPS; k++)
        if (group[k].count > 0) {
            roof[count] = (arc_plot_series){.name = k == MAX_GROUPS - 1 && m->ops > MAX_GROUPS ? "others" : m->op[k].op,
                                            .kind = ARC_PLOT_DOTS,
                                            .x = group[k].x,
                                            .y = group[k].y,
                                            .count = group[k].count,
                                            .width_px = 6,
                                            .rgb = ARC_PLOT_COLOUR((uint32_t)k)};
            count++;
        }
    for (int s = 0; s < p->steps; s++) {
        at[s] = s;
        ms[s] = p->step[s].layer.ms;
    }
    const arc_plot_series bars = {.kind = ARC_PLOT_BARS, .x = at, .y = ms, .count = (size_t)p->steps, .rgb = ARC_PLOT_COLOUR(0)};
    const arc_plot plots[2] = {{.title = "Roofline",
                                .x = {.label = "operations a byte", .scale = ARC_PLOT_LOG, .min = range[0], .max = range[1]},
                                .y = {.label = "10^9 operations a second", .scale = ARC_PLOT_LOG},
                                .series = roof,
                                .series_count = count},
                               {.title = "Time of each step",
                                .x = {.label = "step of the plan"},
                                .y = {.label = "ms"},
                                .series = &bars,
                                .series_count = 1}};
    arc_page_heading(m->page, "Against what the machine could");
    arc_page_text(
        m->page,
        "Each point is a step: to the left memory limits it, to the right arithmetic. The roof was measured on this machine "
        "with the same threads. Products count as if done directly, so Winograd can stand above the roof, and so can "
        "steps whose numbers are still in a cache. Of steps without products each number computed is an operation; "
        "steps that only move numbers are no points.");
    arc_page_plots(m->page, plots, 2);
}

/* ---- tables ---------------------------------------------------------------------------------------------------------------- */

static void put_tiles(maker *m) {
    const arc_profile *p = m->p;
    const arc_profile_total *t = &p->total;
    const char *least = t->unknown > 0 ? "at least " : "";
    const char *value[8], *label[8];
    int n = 0;
    value[n] = rough(m, t->parameters), label[n++] = "parameters";
    value[n] = text_of(m, "%s%s", least, rough(m, t->macs)), label[n++] = "multiply-adds";
    value[n] = text_of(m, "%s%s", least, rough(m, t->flops[p->convention]));
    label[n++] = text_of(m, "FLOPs (%s)", arc_flops_convention_name(p->convention));
    value[n] = text_of(m, "%.1f MiB", (double)t->weight_bytes / 1048576), label[n++] = "weights";
    value[n] = text_of(m, "%s%.1f MiB", least, (double)t->activation_bytes / 1048576);
    label[n++] = "activations read and written";
    if (timed(m)) {
        value[n] = text_of(m, "%.3f ms", t->ms), label[n++] = text_of(m, "in %d steps", p->steps);
        value[n] = text_of(m, "%.0f %%", 100 * t->roof_ms / t->ms), label[n++] = "of the roofline";
    }
    arc_page_tiles(m->page, value, label, n);
    if (t->unknown > 0)
        arc_page_warning(
            m->page, text_of(m, "%d layers are not counted, because their shapes are not known: %s", t->unknown, p->why_unknown));
    if (p->pieces > 1)
        arc_page_text(m->page, text_of(m, "Small networks run image by image: times and counts are of %d of %d images.", p->batch,
                                       p->batch * p->pieces));
}

static void put_operators(maker *m) {
    const char *heads[] = {"operator", "layers", "parameters", "MACs", "FLOPs", "ms", "share"};
    const int columns = timed(m) ? 7 : 5;
    const char **cell = arc_arena_new(&m->arena, (size_t)m->ops * (size_t)columns + 1, sizeof *cell);
    m->failed |= !cell;
    for (int k = 0; cell && k < m->ops; k++) {
        const op_group *g = &m->op[k];
        const char **c = cell + k * columns;
        c[0] = g->op;
        c[1] = text_of(m, "%d", g->layers);
        c[2] = whole(m, g->parameters);
        c[3] = whole(m, g->macs);
        c[4] = whole(m, g->flops);
        if (timed(m)) {
            c[5] = text_of(m, "%.3f", g->ms);
            c[6] = text_of(m, "%.1f %%", 100 * g->ms / m->p->total.ms);
        }
    }
    arc_page_heading(m->page, "Operators");
    if (timed(m))
        arc_page_text(m->page, "Time stands with the layer of each step that has the most work.");
    if (cell)
        arc_page_table(m->page, NULL, heads, columns, cell, m->ops);
}

static void put_conventions(maker *m) {
    const char *name[ARC_FLOPS_CONVENTIONS], *value[ARC_FLOPS_CONVENTIONS];
    for (int k = 0; k < ARC_FLOPS_CONVENTIONS; k++) {
        name[k] = arc_flops_convention_name((arc_flops_convention)k);
        value[k] = text_of(m, "%s: %s", whole(m, m->p->total.flops[k]), arc_flops_convention_about((arc_flops_convention)k));
    }
    arc_page_heading(m->page, "What is called a FLOP");
    arc_page_text(m->page, "The same network, counted on the file's own graph before anything is fused.");
    arc_page_fields(m->page, name, value, ARC_FLOPS_CONVENTIONS);
}

static const char *time_text(maker *m, int row) {
    const arc_profile_step *s = arc_layer_timed(m->p, row);
    const int in = m->p->row[row].timed_in;
    return s ? text_of(m, "%.4f", s->layer.ms) : in >= 0 ? text_of(m, "in %d", in) : "-";
}

static void put_layers(maker *m) {
    const arc_profile *p = m->p;
    const char *heads[] = {"layer",      "name", "operator", "output",    "ms",       "% roof",
                           "parameters", "MACs", "FLOPs",    "act., KiB", "wts, KiB", "FLOP/B"};
    const int times = timed(m) ? 2 : 0, columns = 10 + times;
    if (!times)
        memmove(heads + 4, heads + 6, 6 * sizeof *heads);
    const char **cell = arc_arena_new(&m->arena, (size_t)p->rows * (size_t)columns + 1, sizeof *cell);
    m->failed |= !cell;
    for (int i = 0; cell && i < p->rows; i++) {
        const arc_profile_row *r = &p->row[i];
        const arc_profile_step *s = arc_layer_timed(p, i);
        const char **c = cell + i * columns, **counts = c + 4 + times;
        c[0] = text_of(m, "%d", i);
        c[1] = r->name;
        c[2] = r->op;
        c[3] = shape_of(m, r);
        if (times) {
            c[4] = time_text(m, i);
            c[5] = s ? text_of(m, "%.0f", 100 * s->roof_ms / s->layer.ms) : "";
        }
        counts[0] = whole(m, r->parameters);
        counts[1] = r->known ? whole(m, r->macs) : "-";
        counts[2] = r->known ? whole(m, r->flops) : "-";
        counts[3] = r->known ? text_of(m, "%.1f", (double)r->activation_bytes / 1024) : "-";
        counts[4] = text_of(m, "%.1f", (double)r->weight_bytes / 1024);
        counts[5] = text_of(m, "%.1f", arc_layer_intensity(r));
    }
    arc_page_heading(m->page, "Layers");
    arc_page_text(m->page,
                  times ? "A row for each layer of the file. \"in 12\": it runs in the step whose time stands with layer 12."
                        : "A row for each layer of the file.");
    if (cell)
        arc_page_table(m->page, NULL, heads, columns, cell, p->rows);
}

/* ---- the page -------------------------------------------------------------------------------------------------------------- */

static arc_status fill(maker *m, const char *path, arc_error *err) {
    if (!collect_ops(m))
        return arc_fail_nomem(err, "the page");
    put_tiles(m);
    if (timed(m))
        put_times(m);
    put_work(m);
    if (timed(m))
        put_plots(m);
    put_operators(m);
    put_conventions(m);
    put_layers(m);
    return m->failed ? arc_fail_nomem(err, "the page") : arc_page_save(m->page, path, err);
}

arc_status arc_profile_page(arc_context *ctx, const arc_profile *profile, const char *path, arc_error *err) {
    maker m = {.ctx = ctx, .p = profile};
    const char *file = strrchr(profile->model, '/');
    arc_arena_init(&m.arena, &ctx->alloc, 0);
    const char *title = text_of(&m, "%s, layer by layer", file ? file + 1 : profile->model);
    const char *about =
        profile->steps > 0
            ? text_of(&m, "%d x 3 x %d x %d, %s, %s, %d threads, plan %s", profile->batch, profile->height_px, profile->width_px,
                      profile->isa, profile->precision, profile->threads, profile->plan_id)
            : text_of(&m, "%d x 3 x %d x %d, counted, not timed", profile->batch, profile->height_px, profile->width_px);
    arc_status st = arc_page_new(ctx, title, about, &m.page, err);
    if (st == ARC_OK)
        st = fill(&m, path, err);
    arc_page_free(&m.page);
    arc_arena_free(&m.arena);
    return st;
}
