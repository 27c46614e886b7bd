/* eval: rates with Wilson intervals, and rates read off a curve. */
#include "eval/eval_internal.h"
#include <math.h>

#define NORMAL_975 1.959963984540054 /* 97.5 % quantile of the normal distribution */

arc_rate arc_rate_of(int64_t hits, int64_t trials) {
    arc_rate r = {.hits = hits, .trials = trials, .wilson = {0, 1}};
    if (trials <= 0)
        return r;
    const double n = (double)trials, p = (double)hits / n, z2 = NORMAL_975 * NORMAL_975;
    const double centre = (p + z2 / (2 * n)) / (1 + z2 / n);
    const double half = NORMAL_975 / (1 + z2 / n) * sqrt(p * (1 - p) / n + z2 / (4 * n * n));
    r.value = p;
    r.wilson.low = hits == 0 ? 0 : ARC_MAX(centre - half, 0.0); /* exact at 0 and 1, where rounding would give almost 0 or 1 */
    r.wilson.high = hits == trials ? 1 : ARC_MIN(centre + half, 1.0);
    return r;
}

void arc_curve_free(arc_context *ctx, arc_curve *curve) {
    if (!curve)
        return;
    arc_mem_free(&ctx->alloc, curve->point);
    *curve = (arc_curve){0};
}

/* The number of accepted pairs of one kind at a threshold: linear between the neighbouring points. */
static double accepted_at(const arc_curve *c, double threshold, bool genuine) {
    int low = 0, high = c->points - 1; /* thresholds fall along the curve: finds the last point at or above the threshold */
    if (c->points == 0 || threshold > c->point[0].threshold)
        return 0;
    while (low < high) {
        const int middle = (low + high + 1) / 2;
        if (c->point[middle].threshold >= threshold)
            low = middle;
        else
            high = middle - 1;
    }
    const arc_roc_point *a = &c->point[low];
    const double here = (double)(genuine ? a->genuine : a->impostor);
    if (low + 1 == c->points)
        return here;
    const arc_roc_point *b = a + 1;
    const double next = (double)(genuine ? b->genuine : b->impostor), width = a->threshold - b->threshold;
    return width > 0 ? here + (next - here) * (a->threshold - threshold) / width : here;
}

double arc_curve_far(const arc_curve *curve, double threshold) {
    return curve->impostor > 0 ? accepted_at(curve, threshold, false) / (double)curve->impostor : 0;
}

double arc_curve_tar(const arc_curve *curve, double threshold) {
    return curve->genuine > 0 ? accepted_at(curve, threshold, true) / (double)curve->genuine : 0;
}
