/* eval: thresholds and probabilities from a curve. */
#include "eval/eval_internal.h"
#include <arcface/calibrate.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define SUPPORT 10.0

/* The lowest score at which FAR is at most `far`, linear between the curve's points. */
static double score_at_far(const arc_curve *c, double far) {
    const double want = far * (double)c->impostor;
    for (int i = 1; i < c->points; i++) {
        const double here = (double)c->point[i].impostor, before = (double)c->point[i - 1].impostor;
        if (here > want)
            return c->point[i - 1].threshold +
                   (c->point[i].threshold - c->point[i - 1].threshold) * (want - before) / (here - before);
    }
    return c->point[c->points - 1].threshold;
}

static void fill_far(const arc_curve *c, arc_calibration *out) {
    const double least = 1 / (double)c->impostor;
    for (double rate = 0.5; out->far_points<ARC_CALIBRATION_POINTS - 1; rate /= rate> 0.3 ? 2.5 : 2) {
        const double at = ARC_MAX(rate, least), score = score_at_far(c, at);
        if (out->far_points == 0 || score > out->far_score[out->far_points - 1]) {
            out->far_score[out->far_points] = score;
            out->far_rate[out->far_points++] = at;
        }
        if (rate <= least)
            break;
    }
}

/* Pool adjacent violators over the bins of the histogram; both kinds of pairs have the same total weight. */
static void fill_isotonic(const arc_curve *c, arc_calibration *out) {
    double score[ARC_HISTOGRAM_BINS], weight[ARC_HISTOGRAM_BINS], same[ARC_HISTOGRAM_BINS];
    int n = 0;
    for (int i = 0; i < ARC_HISTOGRAM_BINS; i++) {
        const double g = (double)c->genuine_bin[i] / (double)c->genuine, f = (double)c->impostor_bin[i] / (double)c->impostor;
        if (g + f == 0)
            continue;
        score[n] = ((i + 0.5) / ARC_HISTOGRAM_BINS * 2 - 1) * (g + f);
        weight[n] = g + f;
        same[n++] = g;
        while (n > 1 && same[n - 2] * weight[n - 1] >= same[n - 1] * weight[n - 2]) {
            score[n - 2] += score[n - 1];
            weight[n - 2] += weight[n - 1];
            same[n - 2] += same[n - 1];
            n--;
        }
    }
    double last = -1;
    for (int i = 0; i < n; i++) {
        const double p = same[i] / weight[i];
        const bool end = i == 0 || i == n - 1 || i + 1 == n;
        if (out->knots == ARC_CALIBRATION_POINTS || (!end && p - last < 0.025))
            continue;
        out->knot_score[out->knots] = score[i] / weight[i];
        out->knot_probability[out->knots++] = p;
        last = p;
    }
}

/* Weighted logistic regression over the bins by Newton's method, with a weak penalty so that separable sets give finite
 * results. */
static void fill_logistic(const arc_curve *c, arc_calibration *out) {
    double a = 0, b = 1;
    for (int step = 0; step < 100; step++) {
        double ga = 0, gb = 0, haa = 1e-9, hab = 0, hbb = 1e-9;
        for (int i = 0; i < ARC_HISTOGRAM_BINS; i++) {
            const double g = (double)c->genuine_bin[i] / (double)c->genuine, f = (double)c->impostor_bin[i] / (double)c->impostor;
            const double x = (i + 0.5) / ARC_HISTOGRAM_BINS * 2 - 1, p = 1 / (1 + exp(-(a + b * x))), w = g + f;
            ga += g - w * p;
            gb += (g - w * p) * x;
            haa += w * p * (1 - p);
            hab += w * p * (1 - p) * x;
            hbb += w * p * (1 - p) * x * x;
        }
        ga -= 1e-4 * a;
        gb -= 1e-4 * b;
        haa += 1e-4;
        hbb += 1e-4;
        const double det = haa * hbb - hab * hab, da = (hbb * ga - hab * gb) / det, db = (haa * gb - hab * ga) / det;
        const double shrink = ARC_MIN(1.0, 5 / ARC_MAX(fabs(da), fabs(db)));
        a += shrink * da;
        b += shrink * db;
        if (fabs(da) + fabs(db) < 1e-12)
            break;
    }
    out->logistic[0] = a;
    out->logistic[1] = b;
}

arc_status arc_calibrate(const arc_evaluation *e, double far, int64_t gallery, double fpir, arc_calibration *out,
                         arc_error *err) {
    const arc_curve *c = &e->curve;
    *out = (arc_calibration){.far = far, .genuine = c->genuine, .impostor = c->impostor, .gallery = gallery, .fpir = fpir};
    if (c->genuine < 1 || c->impostor < 1 || c->points < 2)
        return arc_fail(err, ARC_EINVAL, "calibration needs genuine and impostor pairs: %lld and %lld are here",
                        (long long)c->genuine, (long long)c->impostor);
    if (!(far > 0 && far < 1) || gallery < 0 || (gallery > 0 && !(fpir > 0 && fpir < 1)))
        return arc_fail(err, ARC_EINVAL, "FAR %g, FPIR %g: must lie between 0 and 1", far, fpir);
    const double impostors = (double)c->impostor;
    const arc_rate told = arc_rate_of((int64_t)llrint(far * impostors), c->impostor);
    out->threshold = score_at_far(c, far);
    out->threshold_interval = (arc_interval){score_at_far(c, told.wilson.high), score_at_far(c, told.wilson.low)};
    out->supported = far * impostors >= SUPPORT;
    if (gallery > 0) {
        out->search_far = -expm1(log1p(-fpir) / (double)gallery);
        out->search_threshold = score_at_far(c, out->search_far);
        out->search_supported = out->search_far * impostors >= SUPPORT;
    }
    fill_far(c, out);
    fill_isotonic(c, out);
    fill_logistic(c, out);
    snprintf(out->set_sha256, sizeof out->set_sha256, "%s", e->provenance.set_sha256);
    return ARC_OK;
}
