/* layers: an object for each layer and step, and lines of comma-separated values, for programs. */
#include "model/layers.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void put_dims(arc_text *t, int rank, const int64_t *dim) {
    if (rank < 0) {
        arc_text_add(t, "null");
        return;
    }
    arc_text_add(t, "[");
    for (int d = 0; d < rank; d++)
        arc_text_add(t, "%s%" PRId64, d ? ", " : "", dim[d]);
    arc_text_add(t, "]");
}

static void put_row(arc_text *t, const arc_profile *p, int row) {
    const arc_profile_row *r = &p->row[row];
    const arc_profile_step *s = arc_layer_timed(p, row);
    arc_text_add(t, "{\"layer\": %d, \"operator\": ", row);
    arc_text_quote(t, r->op);
    arc_text_add(t, ", \"name\": ");
    arc_text_quote(t, r->name);
    arc_text_add(t, ", \"weights\": \"%s\", \"output_shape\": ", r->weights);
    put_dims(t, r->rank, r->dim);
    arc_text_add(t,
                 ", \"known\": %s, \"constant\": %s, \"parameters\": %" PRId64 ", \"running_statistics\": %" PRId64
                 ", \"macs\": %" PRId64 ", \"flops\": %" PRId64 ", \"activation_bytes\": %" PRId64 ", \"weight_bytes\": %" PRId64
                 ", \"flops_per_byte\": %.4f",
                 arc_text_bool(r->known), arc_text_bool(r->constant), r->parameters, r->running_statistics, r->macs, r->flops,
                 r->activation_bytes, r->weight_bytes, arc_layer_intensity(r));
    if (r->step >= 0)
        arc_text_add(t, ", \"step\": %d, \"timed_in\": %d", r->step, r->timed_in);
    if (s)
        arc_text_add(t, ", \"ms\": %.5f, \"percent_of_roofline\": %.1f", s->layer.ms, 100 * s->roof_ms / s->layer.ms);
    arc_text_add(t, "}");
}

void arc_layers_put_json(arc_text *t, const arc_profile *p, const arc_layer_place *order, int count) {
    arc_text_add(t, "[");
    for (int i = 0; i < count; i++) {
        arc_text_add(t, i ? ",\n  " : "\n  ");
        put_row(t, p, order[i].row);
    }
    arc_text_add(t, "]");
}

void arc_layers_put_step_json(arc_text *t, const arc_profile *p, int index) {
    const arc_profile_step *s = &p->step[index];
    const arc_layer_time *l = &s->layer;
    const double gflops = 2e-6 * (double)l->macs / l->ms;
    char shape[96];
    arc_layer_shape(l->rank, l->dim, shape, sizeof shape);
    arc_text_add(t, "{\"step\": %d, \"plan\": \"%s\", \"operator\": \"%s\", \"name\": ", index, p->plan_id, l->op);
    arc_text_quote(t, l->name);
    arc_text_add(t,
                 ", \"algorithm\": \"%s\", \"schedule\": \"%s\", \"output\": \"%s\", \"ms\": %.5f, \"gflops\": %.1f, "
                 "\"percent_of_peak\": %.1f, \"floor_ms\": %.5f, \"percent_of_floor\": %.1f, \"bytes\": %" PRId64,
                 l->algorithm, l->schedule, shape, l->ms, gflops, 100 * gflops / p->peak_gflops, s->floor_ms,
                 100 * s->floor_ms / l->ms, l->bytes);
    if (p->threads > 1 && s->one_thread_ms > 0)
        arc_text_add(t, ", \"one_thread_ms\": %.5f, \"lost_percent\": %.1f", s->one_thread_ms,
                     100 * (1 - s->one_thread_ms / (p->threads * l->ms)));
    arc_text_add(t, "}");
}

static void put_total(arc_text *t, const arc_profile *p) {
    const arc_profile_total *sum = &p->total;
    arc_text_add(t,
                 "\"total\": {\"parameters\": %" PRId64 ", \"running_statistics\": %" PRId64 ", \"macs\": %" PRId64
                 ", \"activation_bytes\": %" PRId64 ", \"weight_bytes\": %" PRId64 ", \"unknown\": %d, \"flops\": {",
                 sum->parameters, sum->running_statistics, sum->macs, sum->activation_bytes, sum->weight_bytes, sum->unknown);
    for (int k = 0; k < ARC_FLOPS_CONVENTIONS; k++)
        arc_text_add(t, "%s\"%s\": %" PRId64, k ? ", " : "", arc_flops_convention_name((arc_flops_convention)k), sum->flops[k]);
    arc_text_add(t, "}");
    if (p->steps > 0)
        arc_text_add(t, ", \"ms\": %.5f, \"roofline_ms\": %.5f", sum->ms, sum->roof_ms);
    arc_text_add(t, "}");
}

void arc_layers_put_profile_json(arc_text *t, const arc_profile *p, const arc_layer_place *order, int count) {
    arc_text_add(t, "{\"model\": ");
    arc_text_quote(t, p->model);
    arc_text_add(t, ", \"convention\": \"%s\", \"batch\": %d, \"pieces\": %d, \"height\": %d, \"width\": %d, ",
                 arc_flops_convention_name(p->convention), p->batch, p->pieces, p->height_px, p->width_px);
    if (p->steps > 0)
        arc_text_add(t,
                     "\"isa\": \"%s\", \"precision\": \"%s\", \"threads\": %d, \"plan\": \"%s\", \"peak_gflops\": %.1f, "
                     "\"read_gb_s\": %.1f, ",
                     p->isa, p->precision, p->threads, p->plan_id, p->peak_gflops, p->roofline.read_gb_s);
    put_total(t, p);
    if (*p->why_unknown) {
        arc_text_add(t, ",\n \"why_unknown\": ");
        arc_text_quote(t, p->why_unknown);
    }
    arc_text_add(t, ",\n \"layers\": ");
    arc_layers_put_json(t, p, order, count);
    arc_text_add(t, ",\n \"steps\": [");
    for (int i = 0; i < p->steps; i++) {
        arc_text_add(t, i ? ",\n  " : "\n  ");
        arc_layers_put_step_json(t, p, i);
    }
    arc_text_add(t, "]}\n");
}

/* ---- comma-separated values ------------------------------------------------------------------------------------------------ */

/* In quotes, which are doubled inside (RFC 4180). A name that a spreadsheet would take for a formula gets a blank in front. */
static void put_field(arc_text *t, const char *s) {
    arc_text_add(t, "\"%s", *s && strchr("=+-@", *s) ? " " : "");
    for (; *s; s++)
        arc_text_add(t, *s == '"' ? "\"\"" : (unsigned char)*s < 0x20 ? " " : "%c", *s);
    arc_text_add(t, "\"");
}

static void put_csv_row(arc_text *t, const arc_profile *p, int row) {
    const arc_profile_row *r = &p->row[row];
    const arc_profile_step *s = arc_layer_timed(p, row);
    char shape[96];
    arc_layer_shape(r->rank, r->dim, shape, sizeof shape);
    arc_text_add(t, "%d,", row);
    put_field(t, r->name);
    arc_text_add(t, ",");
    put_field(t, r->op);
    arc_text_add(t, ",\"%s\",%s,%" PRId64 ",%" PRId64, r->weights, shape, r->parameters, r->running_statistics);
    if (r->known)
        arc_text_add(t, ",%" PRId64 ",%" PRId64 ",%" PRId64, r->macs, r->flops, r->activation_bytes);
    else
        arc_text_add(t, ",,,");
    arc_text_add(t, ",%" PRId64 ",%.4f", r->weight_bytes, arc_layer_intensity(r));
    if (p->steps > 0 && r->step >= 0)
        arc_text_add(t, ",%d,%d", r->step, r->timed_in);
    else if (p->steps > 0)
        arc_text_add(t, ",,");
    if (s)
        arc_text_add(t, ",%.5f,%.1f", s->layer.ms, 100 * s->roof_ms / s->layer.ms);
    else if (p->steps > 0)
        arc_text_add(t, ",,");
    arc_text_add(t, "\n");
}

void arc_layers_put_csv(arc_text *t, const arc_profile *p, const arc_layer_place *order, int count) {
    arc_text_add(t,
                 "layer,name,operator,weights,output,parameters,running_statistics,macs,flops,activation_bytes,weight_bytes,"
                 "flops_per_byte%s\n",
                 p->steps > 0 ? ",step,timed_in,ms,percent_of_roofline" : "");
    for (int i = 0; i < count; i++)
        put_csv_row(t, p, order[i].row);
}
