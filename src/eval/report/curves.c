/* eval: the curves of a report: ROC, DET, histograms of scores and of angles, CMC, and the open-set curve. plot/ draws them. */
#include "eval/report/report_internal.h"
#include <math.h>
#include <stdio.h>

typedef struct curve_points {
    double *x, *y;
    size_t count;
} curve_points;

static bool new_points(arc_report *r, size_t capacity, curve_points *out) {
    *out = (curve_points){arc_arena_new(&r->arena, capacity + 1, sizeof(double)),
                          arc_arena_new(&r->arena, capacity + 1, sizeof(double)), 0};
    return out->x && out->y;
}

static void add_point(curve_points *p, double x, double y) {
    p->x[p->count] = x;
    p->y[p->count++] = y;
}

/* Rates of a ROC or, with `det`, a DET curve (FRR instead of TAR). A rate of zero has no place on a logarithmic axis; half a
 * pair is shown instead, as an upper bound would be. */
static bool rates(arc_report *r, const arc_roc_point *point, int points, int64_t genuine, int64_t impostor, bool det,
                  curve_points *out) {
    if (!new_points(r, (size_t)points, out))
        return false;
    for (int i = 0; i < points; i++) {
        if (!det && i + 1 < points && point[i + 1].impostor == 0)
            continue; /* all of these have no false accept; the last one is the best */
        double far = (double)point[i].impostor / (double)impostor, tar = (double)point[i].genuine / (double)genuine;
        double least_far = 0.5 / (double)impostor, least_frr = 0.5 / (double)genuine;
        if (det)
            add_point(out, ARC_MIN(ARC_MAX(far, least_far), 1 - least_far), ARC_MIN(ARC_MAX(1 - tar, least_frr), 1 - least_frr));
        else
            add_point(out, ARC_MAX(far, least_far), tar);
    }
    return true;
}

static arc_plot_series *new_series(arc_report *r, int count) {
    return arc_arena_new(&r->arena, (size_t)ARC_MAX(count, 1), sizeof(arc_plot_series));
}

static bool has_pairs(const arc_evaluation *e) {
    return e->curve.genuine > 0 && e->curve.impostor > 0 && e->curve.points > 1;
}

static double decade_below(double x) {
    return pow(10, floor(log10(x)));
}

/* The ROC panel, or the DET panel if `det`. */
static bool rate_panel(arc_report *r, bool det, arc_plot *plot) {
    double least_far = 0.1, least_frr = 0.1;
    *plot = (arc_plot){.title = det ? "DET" : "ROC"};
    plot->x = (arc_plot_axis){"false accept rate (FAR)", det ? ARC_PLOT_PROBIT : ARC_PLOT_LOG, 0, 0};
    plot->y = (arc_plot_axis){det ? "false reject rate (FRR)" : "true accept rate (TAR)", det ? ARC_PLOT_PROBIT : ARC_PLOT_LINEAR,
                              0, 0};
    arc_plot_series *series = new_series(r, r->count);
    if (!series)
        return false;
    for (int i = 0; i < r->count; i++) {
        const arc_evaluation *e = r->evaluation[i];
        curve_points p;
        if (!has_pairs(e))
            continue;
        if (!rates(r, e->curve.point, e->curve.points, e->curve.genuine, e->curve.impostor, det, &p))
            return false;
        series[plot->series_count++] =
            (arc_plot_series){r->name[i], det ? ARC_PLOT_STEPS : ARC_PLOT_LINE, p.x, p.y, p.count, ARC_PLOT_COLOUR(i), 0, false};
        least_far = ARC_MIN(least_far, 0.5 / (double)e->curve.impostor);
        least_frr = ARC_MIN(least_frr, 0.5 / (double)e->curve.genuine);
    }
    plot->series = series;
    plot->x.min = ARC_MAX(det ? least_far : decade_below(least_far), 1e-9);
    plot->x.max = det ? 0.5 : 1;
    if (det) {
        plot->x.min = ARC_MAX(plot->x.min, 1e-6);
        plot->y.min = ARC_MAX(least_frr, 1e-6);
        plot->y.max = 0.5;
    }
    return true;
}

/* Edge i of the score bins, as a cosine or as an angle in degrees that rises from 0. */
static double bin_edge(int i, bool angles) {
    if (!angles)
        return -1 + 2.0 * i / ARC_HISTOGRAM_BINS;
    return acos(1 - 2.0 * i / ARC_HISTOGRAM_BINS) * 57.29577951308232;
}

/* The share of pairs per unit of the axis, because bins of equal width in cosine are not equally wide in angle. */
static bool histogram(arc_report *r, const int64_t *bin, int64_t pairs, bool angles, curve_points *out) {
    if (!new_points(r, ARC_HISTOGRAM_BINS, out))
        return false;
    for (int i = 0; i < ARC_HISTOGRAM_BINS; i++) {
        double begin = bin_edge(i, angles), end = bin_edge(i + 1, angles);
        int64_t n = bin[angles ? ARC_HISTOGRAM_BINS - 1 - i : i];
        add_point(out, begin, 100.0 * (double)n / (double)pairs / (end - begin) * (angles ? 1 : 0.01));
    }
    return true;
}

static double threshold_of(const arc_evaluation *e) {
    return e->verification.pairs > 0 ? e->verification.best_threshold_cosine : e->curve.eer_threshold;
}

static bool histogram_panel(arc_report *r, bool angles, arc_plot *plot) {
    *plot = (arc_plot){.title = angles ? "Angles" : "Scores"};
    plot->x = angles ? (arc_plot_axis){"angle between embeddings, degrees", ARC_PLOT_LINEAR, 0, 130}
                     : (arc_plot_axis){"cosine", ARC_PLOT_LINEAR, -0.4, 1};
    plot->y.label = angles ? "% of pairs a degree" : "% of pairs a bin of 0.01";
    arc_plot_series *series = new_series(r, 2 * r->count);
    arc_plot_mark *mark = arc_arena_new(&r->arena, 1, sizeof *mark);
    if (!series || !mark)
        return false;
    plot->series = series;
    for (int i = 0; i < r->count; i++) {
        const arc_curve *c = &r->evaluation[i]->curve;
        if (!has_pairs(r->evaluation[i]))
            continue;
        for (int genuine = 1; genuine >= 0; genuine--) {
            curve_points p;
            if (!histogram(r, genuine ? c->genuine_bin : c->impostor_bin, genuine ? c->genuine : c->impostor, angles, &p))
                return false;
            char *name = r->count == 1 ? arc_arena_strdup(&r->arena, genuine ? "genuine" : "impostor")
                                       : arc_arena_printf(&r->arena, "%s, %s", r->name[i], genuine ? "genuine" : "impostor");
            if (!name)
                return false;
            /* several models: outlines, which stay legible where they overlap, in the colours of the models in the other plots */
            series[plot->series_count] =
                (arc_plot_series){name,    r->count == 1 ? ARC_PLOT_BARS : ARC_PLOT_STEPS,
                                  p.x,     p.y,
                                  p.count, r->count > 1 ? ARC_PLOT_COLOUR(i) : genuine ? 0x009e73u : 0xd55e00u,
                                  0,       !genuine};
            plot->series_count++;
        }
    }
    if (r->count == 1) {
        double cosine = threshold_of(r->evaluation[0]);
        double at = angles ? acos(ARC_MAX(-1.0, ARC_MIN(1.0, cosine))) * 57.29577951308232 : cosine;
        *mark = (arc_plot_mark){arc_arena_printf(&r->arena, angles ? "threshold %.1f" : "threshold %.3f", at), at, false};
        plot->mark = mark;
        plot->mark_count = 1;
    }
    return true;
}

static bool cmc_panel(arc_report *r, arc_plot *plot) {
    *plot =
        (arc_plot){.title = "Identification rate by rank (CMC)", .x = {.label = "rank"}, .y = {.label = "mated searches found"}};
    arc_plot_series *series = new_series(r, r->count);
    if (!series)
        return false;
    plot->series = series;
    for (int i = 0; i < r->count; i++) {
        const arc_identification *id = &r->evaluation[i]->identification;
        curve_points p;
        if (id->mated == 0 || id->cmc_ranks == 0)
            continue;
        if (!new_points(r, (size_t)id->cmc_ranks, &p))
            return false;
        for (int k = 0; k < id->cmc_ranks; k++)
            add_point(&p, k + 1, id->cmc[k].value);
        series[plot->series_count++] =
            (arc_plot_series){r->name[i], ARC_PLOT_STEPS, p.x, p.y, p.count, ARC_PLOT_COLOUR(i), 0, false};
    }
    return true;
}

static bool open_set_panel(arc_report *r, arc_plot *plot) {
    *plot = (arc_plot){.title = "Open set"};
    plot->x = (arc_plot_axis){"false positive identification rate (FPIR)", ARC_PLOT_LOG, 0, 0};
    plot->y.label = "detection and identification rate (DIR)";
    arc_plot_series *series = new_series(r, r->count);
    if (!series)
        return false;
    plot->series = series;
    for (int i = 0; i < r->count; i++) {
        const arc_identification *id = &r->evaluation[i]->identification;
        curve_points p;
        if (id->mated == 0 || id->nonmated == 0 || id->points < 2)
            continue;
        if (!rates(r, id->point, id->points, id->mated, id->nonmated, false, &p))
            return false;
        series[plot->series_count++] =
            (arc_plot_series){r->name[i], ARC_PLOT_LINE, p.x, p.y, p.count, ARC_PLOT_COLOUR(i), 0, false};
    }
    return true;
}

arc_status arc_report_panels(arc_report *r, arc_plot *panel, int *panels, arc_error *err) {
    bool pairs = false, searches = false;
    for (int i = 0; i < r->count; i++) {
        pairs |= has_pairs(r->evaluation[i]);
        searches |= r->evaluation[i]->identification.mated > 0;
    }
    bool ok = true;
    *panels = 0;
    if (pairs) {
        ok = rate_panel(r, false, &panel[0]) && rate_panel(r, true, &panel[1]) && histogram_panel(r, false, &panel[2]) &&
             histogram_panel(r, true, &panel[3]);
        *panels = 4;
    }
    if (ok && searches) {
        ok = cmc_panel(r, &panel[*panels]) && open_set_panel(r, &panel[*panels + 1]);
        *panels += panel[*panels + 1].series_count > 0 ? 2 : 1;
    }
    return ok ? ARC_OK : arc_fail_nomem(err, "curves of the report");
}
