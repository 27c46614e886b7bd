/* The arithmetic of the field's 10-fold verification protocol, as InsightFace's verification.py computes it: thresholds i*0.01 on the squared
 * distance of unit embeddings, the best one of the training folds (the first on ties) judged on the held-out fold; TAR at a FAR target with
 * thresholds i*0.001, linearly interpolated on the training folds' FAR. Counts per threshold come from histograms, so no pass over the pairs is
 * repeated for each threshold. */
#include "eval/eval_internal.h"
#include <math.h>
#include <stdlib.h>

#define COARSE 400 /* arange(0, 4, 0.01) */
#define FINE 4000  /* arange(0, 4, 0.001) */

/* accept[kind][k]: pairs of one kind (0 impostor, 1 genuine) with distance < threshold k. */
typedef struct counts {
    int accept[2][FINE];
    int total[2];
} counts;

typedef struct scored {
    double dist;
    uint8_t same;
} scored;

/* First k in 0..n with dist < k*step, where k*step is rounded as NumPy's arange rounds it; n when there is none. */
static int first_accepting(double dist, double step, int n) {
    int k = dist < n * step ? (int)(dist / step) : n;
    while (k > 0 && dist < (k - 1) * step)
        k--;
    while (k < n && !(dist < k * step))
        k++;
    return k;
}

/* Cumulative accept counts of pairs [begin, end), or of all others when `outside`. */
static void count_pairs(counts *c, const scored *pair, int pairs, int begin, int end, bool outside, double step, int n) {
    *c = (counts){0};
    for (int i = 0; i < pairs; i++) {
        if ((i >= begin && i < end) == outside)
            continue;
        int kind = pair[i].same != 0, k = first_accepting(pair[i].dist, step, n);
        c->total[kind]++;
        if (k < n)
            c->accept[kind][k]++;
    }
    for (int kind = 0; kind < 2; kind++)
        for (int k = 1; k < n; k++)
            c->accept[kind][k] += c->accept[kind][k - 1];
}

static int correct_at(const counts *c, int k) {
    return c->accept[1][k] + c->total[0] - c->accept[0][k];
}

static int best_coarse(const counts *c) {
    int best = 0;
    for (int k = 1; k < COARSE; k++)
        if (correct_at(c, k) > correct_at(c, best))
            best = k;
    return best;
}

/* Threshold at which the training FAR reaches the target. Where several thresholds share one FAR, the last of them is the left end of the
 * interval; 0 (accept nothing) when the target is never reached. */
static double threshold_at_far(const counts *c, double target) {
    if (c->total[0] == 0 || (double)c->accept[0][FINE - 1] / c->total[0] < target)
        return 0.0;
    int left = -1;
    for (int k = 0; k < FINE && (double)c->accept[0][k] / c->total[0] <= target; k++)
        left = k;
    if (left < 0)
        return 0.0;
    if (left == FINE - 1)
        return left * 0.001;
    double a = (double)c->accept[0][left] / c->total[0], b = (double)c->accept[0][left + 1] / c->total[0];
    return left * 0.001 + (target - a) / (b - a) * ((left + 1) * 0.001 - left * 0.001);
}

static void mean_std(const double *x, int n, double *mean, double *std) {
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++)
        sum += x[i];
    *mean = sum / n;
    for (int i = 0; i < n; i++)
        squares += (x[i] - *mean) * (x[i] - *mean);
    *std = sqrt(squares / n); /* population deviation, as np.std */
}

static int by_distance(const void *a, const void *b) {
    double x = ((const scored *)a)->dist, y = ((const scored *)b)->dist;
    return (x > y) - (x < y);
}

/* Exact area under the ROC curve (ties count half) and equal error rate (linear between the operating points around FAR = FRR).
 * Sorts the pairs by distance. */
static void roc(scored *pair, int pairs, int genuine, int impostor, double *auc, double *eer) {
    *auc = *eer = 0;
    if (genuine == 0 || impostor == 0)
        return;
    qsort(pair, (size_t)pairs, sizeof pair[0], by_distance);
    double area = 0, far0 = 0, frr0 = 1;
    int64_t accepted[2] = {0, 0};
    bool crossed = false;
    for (int i = 0; i < pairs;) {
        int64_t here[2] = {0, 0};
        double dist = pair[i].dist;
        for (; i < pairs && !(pair[i].dist > dist); i++)
            here[pair[i].same != 0]++;
        area += (double)here[0] * ((double)accepted[1] + 0.5 * (double)here[1]);
        accepted[0] += here[0];
        accepted[1] += here[1];
        double far1 = (double)accepted[0] / impostor, frr1 = 1.0 - (double)accepted[1] / genuine;
        if (!crossed && far1 >= frr1) {
            double before = frr0 - far0, after = frr1 - far1; /* changes sign here */
            double t = before / (before - after);
            *eer = far0 + t * (far1 - far0);
            crossed = true;
        }
        far0 = far1;
        frr0 = frr1;
    }
    *auc = area / ((double)genuine * impostor);
}

/* Squared distance of the unit vectors of two rows and their cosine; false when a row is not finite. */
static bool pair_distance(const float *a, const float *b, int dim, double *dist, double *cosine) {
    double aa = 0, bb = 0, sum = 0, dot = 0;
    for (int i = 0; i < dim; i++) {
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    if (!isfinite(aa) || !isfinite(bb))
        return false;
    double na = aa > 0 ? 1.0 / sqrt(aa) : 0, nb = bb > 0 ? 1.0 / sqrt(bb) : 0;
    for (int i = 0; i < dim; i++) {
        double x = a[i] * na, y = b[i] * nb;
        sum += (x - y) * (x - y);
        dot += x * y;
    }
    *dist = sum;
    *cosine = dot;
    return true;
}

static bool row_is_finite(const float *row, int dim) {
    for (int i = 0; i < dim; i++)
        if (!isfinite(row[i]))
            return false;
    return true;
}

static arc_status score_pairs(scored *pair, const float *embeddings, int dim, const uint8_t *same, int pairs,
                              arc_verification *out, arc_error *err) {
    double sum[2] = {0, 0};
    int n[2] = {0, 0};
    for (int i = 0; i < pairs; i++) {
        const float *a = embeddings + (size_t)(2 * i) * (size_t)dim, *b = a + dim;
        double cosine;
        if (!pair_distance(a, b, dim, &pair[i].dist, &cosine))
            return arc_fail(err, ARC_EINVAL,
                            "embedding row %d (pair %d) is not finite; the model's weights or its input scaling are wrong",
                            row_is_finite(a, dim) ? 2 * i + 1 : 2 * i, i);
        pair[i].same = same[i] != 0;
        sum[pair[i].same] += cosine;
        n[pair[i].same]++;
    }
    out->genuine = n[1];
    out->impostor = n[0];
    out->mean_genuine_cosine = n[1] ? sum[1] / n[1] : 0;
    out->mean_impostor_cosine = n[0] ? sum[0] / n[0] : 0;
    return ARC_OK;
}

/* scikit-learn's KFold without shuffling: the first pairs % folds folds hold one more. */
static int fold_begin(int pairs, int folds, int f) {
    return f * (pairs / folds) + ARC_MIN(f, pairs % folds);
}

static double share(int part, int whole) {
    return whole ? (double)part / whole : 0.0;
}

static void run_folds(counts *c, const scored *pair, arc_verification *out) {
    double tar[ARC_EVAL_MAX_FOLDS], far[ARC_EVAL_MAX_FOLDS], far_std;
    for (int f = 0; f < out->folds; f++) {
        int begin = fold_begin(out->pairs, out->folds, f), end = fold_begin(out->pairs, out->folds, f + 1);
        count_pairs(c, pair, out->pairs, begin, end, true, 0.01, COARSE);
        double threshold = best_coarse(c) * 0.01;
        count_pairs(c, pair, out->pairs, begin, end, true, 0.001, FINE);
        double at_far = threshold_at_far(c, out->far_target);
        int right = 0, accepted[2] = {0, 0}, total[2] = {0, 0};
        for (int i = begin; i < end; i++) {
            right += (pair[i].dist < threshold) == (pair[i].same != 0);
            accepted[pair[i].same] += pair[i].dist < at_far;
            total[pair[i].same]++;
        }
        out->fold_threshold[f] = threshold;
        out->fold_accuracy[f] = share(right, end - begin);
        tar[f] = share(accepted[1], total[1]);
        far[f] = share(accepted[0], total[0]);
    }
    mean_std(out->fold_accuracy, out->folds, &out->accuracy, &out->accuracy_std);
    mean_std(tar, out->folds, &out->tar, &out->tar_std);
    mean_std(far, out->folds, &out->far, &far_std);
}

arc_status arc_eval_verification(arc_context *ctx, const float *embeddings, int dim, const uint8_t *same, int pairs, int folds,
                                 double far_target, arc_verification *out, arc_error *err) {
    if (!out)
        return arc_fail(err, ARC_EINVAL, "the verification result must not be NULL");
    *out = (arc_verification){0};
    if (!ctx || !embeddings || !same || dim < 1)
        return arc_fail(err, ARC_EINVAL, "verification needs a context, embeddings of at least one value, and labels");
    if (folds < 2 || folds > ARC_EVAL_MAX_FOLDS)
        return arc_fail(err, ARC_EINVAL, "%d folds: must be 2 to %d", folds, ARC_EVAL_MAX_FOLDS);
    if (pairs < folds)
        return arc_fail(err, ARC_EINVAL, "%d pairs are too few for %d folds", pairs, folds);
    if (!(far_target >= 0 && far_target <= 1))
        return arc_fail(err, ARC_EINVAL, "FAR target %g: must be 0 to 1", far_target);

    arc_status st;
    counts *c = NULL;
    scored *pair = arc_mem_raw(&ctx->alloc, (size_t)pairs, sizeof pair[0]);
    if (!pair || !(c = arc_mem_raw(&ctx->alloc, 1, sizeof *c))) {
        st = arc_fail_nomem(err, "the verification protocol");
        goto done;
    }
    out->pairs = pairs;
    out->folds = folds;
    out->dim = dim;
    out->far_target = far_target;
    ARC_TRY(score_pairs(pair, embeddings, dim, same, pairs, out, err));
    run_folds(c, pair, out);
    count_pairs(c, pair, pairs, 0, pairs, false, 0.01, COARSE);
    out->best_threshold_cosine = 1.0 - best_coarse(c) * 0.01 / 2.0; /* |a-b|^2 = 2 - 2 cos */
    roc(pair, pairs, out->genuine, out->impostor, &out->auc, &out->eer);
done:
    if (st != ARC_OK)
        *out = (arc_verification){0};
    arc_mem_free(&ctx->alloc, c);
    arc_mem_free(&ctx->alloc, pair);
    return st;
}

void arc_eval_options_default(arc_eval_options *opt) {
    *opt = (arc_eval_options){.struct_size = sizeof *opt, .flip = true, .far_target = 1e-3, .folds = 10};
}
