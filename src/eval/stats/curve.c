/* eval: curves. A builder takes the distinct scores from the highest to the lowest, each with its numbers of pairs of both
 * kinds, and computes exact statistics and a thinned list of points. It is used for sorted scores and for histograms on a
 * fixed grid. */
#include "eval/stats/curve.h"
#include <math.h>

#define SUPPORT 10.0 /* impostor pairs above a threshold that an estimate of its FAR needs */

static const double decades[] = {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1};

void arc_curve_begin(arc_curve_builder *b, const arc_alloc *a, int64_t genuine, int64_t impostor, const double *far_targets,
                     int targets, arc_curve *out) {
    *b = (arc_curve_builder){.alloc = a, .out = out, .frr = 1};
    *out = (arc_curve){.genuine = genuine, .impostor = impostor};
    if (!far_targets) {
        far_targets = decades;
        targets = ARC_COUNT(decades);
    }
    out->operatings = ARC_MIN(targets, ARC_MAX_OPERATING);
    for (int i = 0; i < out->operatings; i++) {
        arc_operating_point *o = &out->operating[i];
        o->far_target = far_targets[i];
        o->supported = (double)impostor * far_targets[i] >= SUPPORT;
        o->tar_bootstrap = (arc_interval){1, 0};
        b->nearest[i] = fabs(0.0 - far_targets[i]); /* scikit-learn's curve begins at (0, 0) */
    }
}

static double share(int64_t part, int64_t whole) {
    return whole ? (double)part / (double)whole : 0.0;
}

/* Adds a point to the list for drawing. */
static arc_status keep(arc_curve_builder *b, double threshold, int64_t genuine, int64_t impostor, arc_error *err) {
    arc_curve *c = b->out;
    if (c->points == b->capacity) {
        const int more = b->capacity ? 2 * b->capacity : 256;
        arc_roc_point *grown = arc_mem_grow(b->alloc, c->point, (size_t)b->capacity, (size_t)more, sizeof *grown);
        if (!grown)
            return arc_fail_nomem(err, "the points of the curve");
        c->point = grown;
        b->capacity = more;
    }
    c->point[c->points++] = (arc_roc_point){threshold, genuine, impostor};
    return ARC_OK;
}

/* InsightFace's eval_ijbc takes the point of scikit-learn's roc_curve that is nearest to the target; of equally near ones the
 * highest. roc_curve leaves out inner points of straight stretches with equal steps, so they are not considered here either. */
static void offer(arc_curve_builder *b, int64_t genuine, int64_t impostor) {
    arc_curve *c = b->out;
    const double far = share(impostor, c->impostor);
    for (int i = 0; i < c->operatings; i++) {
        const double off = fabs(far - c->operating[i].far_target);
        if (off > b->nearest[i])
            continue;
        b->nearest[i] = off;
        c->operating[i].far_nearest = far;
        c->operating[i].tar_nearest = share(genuine, c->genuine);
    }
}

static void offer_inner(arc_curve_builder *b, int64_t here_genuine, int64_t here_impostor) {
    if (b->put == 1 || here_genuine != b->step[1] || here_impostor != b->step[0])
        offer(b, b->accepted[1], b->accepted[0]);
}

arc_status arc_curve_put(arc_curve_builder *b, double threshold, int64_t genuine, int64_t impostor, arc_error *err) {
    arc_curve *c = b->out;
    arc_status st = ARC_OK;
    if (b->put == 0)
        st = keep(b, nextafter(threshold, INFINITY), 0, 0, err);
    else
        offer_inner(b, genuine, impostor);
    b->area += (double)impostor * ((double)b->accepted[1] + 0.5 * (double)genuine);
    for (int k = 0; k < 2; k++) {
        const double n = (double)(k ? genuine : impostor);
        b->sum[k] += n * threshold;
        b->squares[k] += n * threshold * threshold;
        b->accepted[k] += k ? genuine : impostor;
        b->step[k] = k ? genuine : impostor;
    }
    const int bin = (int)ARC_MAX(0.0, ARC_MIN(ARC_HISTOGRAM_BINS - 1.0, floor((threshold + 1) * ARC_HISTOGRAM_BINS / 2)));
    c->genuine_bin[bin] += genuine;
    c->impostor_bin[bin] += impostor;
    b->put++;

    const double far = share(b->accepted[0], c->impostor), frr = 1.0 - share(b->accepted[1], c->genuine);
    if (!b->crossed && far >= frr && c->genuine && c->impostor) {
        const double before = b->frr - b->far, after = frr - far; /* the sign changes at this score */
        c->eer = b->far + before / (before - after) * (far - b->far);
        c->eer_threshold = threshold;
        b->crossed = true;
    }
    b->far = far;
    b->frr = frr;
    for (int i = 0; i < c->operatings; i++)
        if (far <= c->operating[i].far_target) {
            c->operating[i].threshold = threshold;
            c->operating[i].far.hits = b->accepted[0];
            c->operating[i].tar.hits = b->accepted[1];
            b->found[i] = true;
        } else if (!b->found[i]) { /* the highest score is an impostor's, and one impostor is more than the target allows */
            c->operating[i].threshold = nextafter(threshold, INFINITY);
            b->found[i] = true;
        }
    b->last = threshold;
    const arc_roc_point *kept = st == ARC_OK ? &c->point[c->points - 1] : NULL;
    if (kept && (kept->threshold - threshold >= 0.001 || (double)b->accepted[0] > 1.01 * (double)kept->impostor ||
                 (double)(b->accepted[1] - kept->genuine) >= 0.001 * (double)c->genuine))
        st = keep(b, threshold, b->accepted[1], b->accepted[0], err);
    return st;
}

static void mean_std(double sum, double squares, int64_t n, double *mean, double *std) {
    *mean = n ? sum / (double)n : 0;
    *std = n ? sqrt(ARC_MAX(squares / (double)n - *mean * *mean, 0.0)) : 0;
}

arc_status arc_curve_end(arc_curve_builder *b, arc_error *err) {
    arc_curve *c = b->out;
    arc_status st = ARC_OK;
    if (b->put > 0) {
        offer(b, b->accepted[1], b->accepted[0]); /* the last point is always considered */
        if (c->point[c->points - 1].threshold > b->last)
            st = keep(b, b->last, b->accepted[1], b->accepted[0], err);
    }
    c->auc = c->genuine && c->impostor ? b->area / ((double)c->genuine * (double)c->impostor) : 0;
    mean_std(b->sum[1], b->squares[1], c->genuine, &c->mean_genuine, &c->std_genuine);
    mean_std(b->sum[0], b->squares[0], c->impostor, &c->mean_impostor, &c->std_impostor);
    for (int i = 0; i < c->operatings; i++) {
        c->operating[i].far = arc_rate_of(c->operating[i].far.hits, c->impostor);
        c->operating[i].tar = arc_rate_of(c->operating[i].tar.hits, c->genuine);
    }
    return st;
}

/* ---- from scores ---- */

arc_status arc_curve_put_sorted(arc_curve_builder *b, const double *genuine, int64_t genuines, const double *impostor,
                                int64_t impostors, arc_error *err) {
    arc_status st = ARC_OK;
    for (int64_t g = 0, i = 0; st == ARC_OK && (g < genuines || i < impostors);) {
        const double top = i == impostors || (g < genuines && genuine[g] > impostor[i]) ? genuine[g] : impostor[i];
        int64_t here[2] = {0, 0};
        for (; g < genuines && !(genuine[g] < top); g++)
            here[1]++;
        for (; i < impostors && !(impostor[i] < top); i++)
            here[0]++;
        st = arc_curve_put(b, top, here[1], here[0], err);
    }
    return st == ARC_OK ? arc_curve_end(b, err) : st;
}

arc_status arc_curve_of_sorted(const arc_alloc *a, const double *genuine, int64_t genuines, const double *impostor,
                               int64_t impostors, const double *far_targets, int targets, arc_curve *out, arc_error *err) {
    arc_curve_builder b;
    arc_curve_begin(&b, a, genuines, impostors, far_targets, targets, out);
    arc_status st = arc_curve_put_sorted(&b, genuine, genuines, impostor, impostors, err);
    if (st != ARC_OK) {
        arc_mem_free(a, out->point);
        *out = (arc_curve){0};
    }
    return st;
}

arc_status arc_curve_of_pairs(arc_context *ctx, const arc_scored_pairs *pairs, const double *far_targets, int targets,
                              arc_curve *out, arc_error *err) {
    double *sorted;
    int64_t count[2];
    *out = (arc_curve){0};
    arc_status st = arc_sort_pairs(ctx, pairs, &sorted, count, err);
    if (st == ARC_OK)
        st = arc_curve_of_sorted(&ctx->alloc, sorted + count[0], count[1], sorted, count[0], far_targets, targets, out, err);
    arc_mem_free(&ctx->alloc, sorted);
    return st;
}

arc_status arc_curve_of_scores(arc_context *ctx, const double *score, const uint8_t *same, int64_t pairs,
                               const double *far_targets, int targets, arc_curve *out, arc_error *err) {
    const arc_scored_pairs from = {score, same, ARC_MAX(pairs, (int64_t)0), .offset = 0, .scale = 1};
    return arc_curve_of_pairs(ctx, &from, far_targets, targets, out, err);
}
