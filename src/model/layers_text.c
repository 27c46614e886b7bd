/* layers: a line for each layer, for people: `arcface profile` and `arcface model info --layers`. */
#include "model/layers.h"
#include <stdio.h>
#include <string.h>

/* What stands where a time would. */
static void put_time(arc_text *t, const arc_profile *p, int row) {
    const arc_profile_row *r = &p->row[row];
    const arc_profile_step *s = arc_layer_timed(p, row);
    if (s) {
        arc_text_add(t, " %9.4f %5.1f%% %6.1f%%", s->layer.ms, 100 * s->layer.ms / p->total.ms, 100 * s->roof_ms / s->layer.ms);
        return;
    }
    char text[32] = "-";
    if (r->timed_in >= 0)
        snprintf(text, sizeof text, "in %d", r->timed_in);
    arc_text_add(t, " %9s %6s %7s", text, "", "");
}

static void put_row(arc_text *t, const arc_profile *p, int row) {
    const arc_profile_row *r = &p->row[row];
    char number[24], shape[96], parameters[32], macs[32], flops[32];
    snprintf(number, sizeof number, "%d", row);
    arc_layer_shape(r->rank, r->dim, shape, sizeof shape);
    arc_text_add(t, "%5s  %-22s %-16s %-16s %12s", number, r->op, r->weights, shape, arc_text_grouped(r->parameters, parameters));
    if (r->known)
        arc_text_add(t, " %15s %15s %11.1f", arc_text_grouped(r->macs, macs), arc_text_grouped(r->flops, flops),
                     (double)r->activation_bytes / 1024);
    else
        arc_text_add(t, " %15s %15s %11s", "?", "?", "?");
    arc_text_add(t, " %9.1f %7.1f", (double)r->weight_bytes / 1024, arc_layer_intensity(r));
    if (p->steps > 0)
        put_time(t, p, row);
    arc_text_add(t, "  %s%s\n", r->name, r->constant ? " (known when planned)" : "");
}

void arc_layers_put_text(arc_text *t, const arc_profile *p, const arc_layer_place *order, int count) {
    arc_text_add(t, "%5s  %-22s %-16s %-16s %12s %15s %15s %11s %9s %7s", "layer", "operator", "weights", "output", "parameters",
                 "MACs", "FLOPs", "act. KiB", "wts KiB", "FLOP/B");
    if (p->steps > 0)
        arc_text_add(t, " %9s %6s %7s", "ms", "share", "% roof");
    arc_text_add(t, "  name\n");
    for (int i = 0; i < count; i++)
        put_row(t, p, order[i].row);
}

/* ---- a whole profile ------------------------------------------------------------------------------------------------------- */

static void put_totals(arc_text *t, const arc_profile *p) {
    const arc_profile_total *sum = &p->total;
    const char *least = sum->unknown > 0 ? "at least " : "";
    char a[32], b[32];
    arc_text_add(t, "parameters   %s (%s running statistics of BatchNormalization not counted)\n",
                 arc_text_grouped(sum->parameters, a), arc_text_grouped(sum->running_statistics, b));
    arc_text_add(t, "MACs         %s%s\n", least, arc_text_grouped(sum->macs, a));
    for (int k = 0; k < ARC_FLOPS_CONVENTIONS; k++)
        arc_text_add(t, "%-12s %s%s %s: %s\n", k == 0 ? "FLOPs" : "", least, arc_text_grouped(sum->flops[k], a),
                     arc_flops_convention_name((arc_flops_convention)k), arc_flops_convention_about((arc_flops_convention)k));
    arc_text_add(t, "bytes        activations %s%.2f MiB read and written, weights %.2f MiB\n", least,
                 (double)sum->activation_bytes / 1048576, (double)sum->weight_bytes / 1048576);
    if (sum->unknown > 0)
        arc_text_add(t, "not counted  %d layers whose shapes are not known: %s\n", sum->unknown, p->why_unknown);
}

static void put_times(arc_text *t, const arc_profile *p) {
    const arc_profile_total *sum = &p->total;
    arc_text_add(
        t, "time         %.3f ms in %d steps, the least of each; %.0f %% of the roofline (%.1f GFLOP/s, %.1f GB/s); plan %s\n",
        sum->ms, p->steps, 100 * sum->roof_ms / sum->ms, p->peak_gflops, p->roofline.read_gb_s, p->plan_id);
    arc_text_add(t,
                 "             layers that run as one step have one time, beside the one with the most work: \"in 12\" went into "
                 "the step of layer 12, \"-\" takes none\n"
                 "             %% roof: the time on the roofline, of products done directly and of all bytes at the speed of "
                 "memory; Winograd and caches go above 100 %%\n");
    if (p->pieces > 1)
        arc_text_add(t, "             small networks run image by image: times and counts are of %d of %d\n", p->batch,
                     p->batch * p->pieces);
}

static void put_layers(arc_text *t, const arc_profile *p, const arc_layer_place *order, int count) {
    arc_text_add(t, "%s, %dx3x%dx%d", p->model, p->batch, p->height_px, p->width_px);
    if (p->steps > 0)
        arc_text_add(t, ", %s, %s, %d threads", p->isa, p->precision, p->threads);
    arc_text_add(t, "; FLOPs as %s counts them\n", arc_flops_convention_name(p->convention));
    arc_layers_put_text(t, p, order, count);
    if (count < p->rows)
        arc_text_add(t, "       and %d more\n", p->rows - count);
    put_totals(t, p);
    if (p->steps > 0)
        put_times(t, p);
}

/* ---- steps ----------------------------------------------------------------------------------------------------------------- */

/* The part of the threads' time that a step on one thread would not have needed: waiting for each other, and for memory that all
 * share. */
static double lost_percent(const arc_profile *p, double ms, double one_thread_ms) {
    return 100 * (1 - one_thread_ms / (p->threads * ms));
}

static void put_step(arc_text *t, const arc_profile *p, int index) {
    const arc_profile_step *s = &p->step[index];
    const arc_layer_time *l = &s->layer;
    const double gflops = 2e-6 * (double)l->macs / l->ms, gb_s = 1e-6 * (double)l->bytes / l->ms;
    char shape[96], lost[32] = "";
    arc_layer_shape(l->rank, l->dim, shape, sizeof shape);
    if (p->threads > 1)
        snprintf(lost, sizeof lost, "%5.1f%%", lost_percent(p, l->ms, s->one_thread_ms));
    arc_text_add(t, "%4d  %-18s %-14s %-13s %-20s %9.4f %5.1f%% %9.4f %6.1f%% %9.1f %6.1f%% %9.1f %6s  %s\n", index, l->op,
                 l->algorithm, l->schedule, shape, l->ms, 100 * l->ms / p->total.ms, s->floor_ms, 100 * s->floor_ms / l->ms,
                 gflops, 100 * gflops / p->peak_gflops, gb_s, lost, l->name);
}

void arc_layers_put_steps(arc_text *t, const arc_profile *p) {
    const arc_profile_total *sum = &p->total;
    arc_text_add(t, "%4s  %-18s %-14s %-13s %-20s %9s %6s %9s %7s %9s %7s %9s %6s  %s\n", "step", "operator", "algorithm",
                 "schedule", "output", "ms", "share", "floor ms", "% floor", "GFLOP/s", "% peak", "GB/s",
                 p->threads > 1 ? "lost" : "", "name");
    for (int i = 0; i < p->steps; i++)
        put_step(t, p, i);
    arc_text_add(t, "plan %s; sum of the steps' least times: %.3f ms, of their floors %.3f (%.0f %%)", p->plan_id, sum->ms,
                 sum->floor_ms, 100 * sum->floor_ms / sum->ms);
    if (p->threads > 1)
        arc_text_add(t, ", on one thread %.3f ms: %d threads lose %.1f %% to waiting for each other and for memory",
                     sum->one_thread_ms, p->threads, lost_percent(p, sum->ms, sum->one_thread_ms));
    arc_text_add(t, " (GFLOP/s count the direct convolution: above 100 %% is what Winograd saves)\n");
}

/* ---- views ----------------------------------------------------------------------------------------------------------------- */

arc_status arc_profile_describe(arc_context *ctx, const arc_profile *p, arc_profile_view view, arc_profile_sort sort, int top,
                                char **text, arc_error *err) {
    arc_text t;
    *text = NULL;
    arc_layer_place *order = arc_mem_new(&ctx->alloc, (size_t)p->rows + 1, sizeof *order);
    if (!order)
        return arc_fail_nomem(err, "the layers");
    arc_layers_order(p, sort, order);
    const int count = top > 0 && top < p->rows ? top : p->rows;
    arc_text_begin(&t, &ctx->alloc);
    if (view == ARC_PROFILE_STEPS)
        arc_layers_put_steps(&t, p);
    else if (view == ARC_PROFILE_CSV)
        arc_layers_put_csv(&t, p, order, count);
    else if (view == ARC_PROFILE_JSON)
        arc_layers_put_profile_json(&t, p, order, count);
    else
        put_layers(&t, p, order, count);
    arc_mem_free(&ctx->alloc, order);
    return arc_text_end(&t, text, err);
}
