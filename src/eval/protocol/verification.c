/* eval: the 10-fold verification protocol, computed as in InsightFace's verification.py: thresholds i*0.01 on the squared
 * distance of unit embeddings; the best one on the training folds (the first of equals) is applied to the held-out fold; TAR
 * at a FAR target with thresholds i*0.001, linearly interpolated on the FAR of the training folds. Counts for each threshold
 * come from histograms, so the pairs are passed over once only. */
#include "eval/stats/curve.h"
#include <math.h>

#define COARSE 400 /* arange(0, 4, 0.01) */
#define FINE 4000  /* arange(0, 4, 0.001) */

/* Counts of the pairs of one fold: kind (0 impostor, 1 genuine) by the first threshold that accepts them; [COARSE], [FINE] if
 * none does. */
typedef struct fold_counts {
    int coarse[2][COARSE + 1], fine[2][FINE + 1];
} fold_counts;

typedef struct judge {
    const double *dist;
    const uint8_t *same;
    arc_verification *out;
    fold_counts *fold; /* [folds] */
    fold_counts all;   /* the sum over folds */
    double at_far[ARC_EVALUATE_MAX_FOLDS];
} judge;

/* The first k in 0..n with dist < k*step, where k*step is rounded as NumPy's arange rounds it; n if there is none. */
static int first_accepting(double dist, double step, int n) {
    int k = dist < n * step ? (int)(dist / step) : n;
    while (k > 0 && dist < (k - 1) * step)
        k--;
    while (k < n && !(dist < k * step))
        k++;
    return k;
}

/* As scikit-learn's KFold without shuffling: the first pairs % folds folds have one pair more. */
static int fold_begin(int pairs, int folds, int f) {
    return f * (pairs / folds) + ARC_MIN(f, pairs % folds);
}

static void count_folds(void *arg, size_t begin, size_t end, int thread) {
    judge *j = arg;
    (void)thread;
    for (size_t f = begin; f < end; f++) {
        const int first = fold_begin(j->out->pairs, j->out->folds, (int)f),
                  last = fold_begin(j->out->pairs, j->out->folds, (int)f + 1);
        fold_counts *c = &j->fold[f];
        *c = (fold_counts){0};
        for (int i = first; i < last; i++) {
            const int kind = j->same[i] != 0;
            c->coarse[kind][first_accepting(j->dist[i], 0.01, COARSE)]++;
            c->fine[kind][first_accepting(j->dist[i], 0.001, FINE)]++;
        }
    }
}

static void add_counts(fold_counts *sum, const fold_counts *c) {
    for (int kind = 0; kind < 2; kind++) {
        for (int k = 0; k <= COARSE; k++)
            sum->coarse[kind][k] += c->coarse[kind][k];
        for (int k = 0; k <= FINE; k++)
            sum->fine[kind][k] += c->fine[kind][k];
    }
}

/* The first of the best thresholds when `held` (NULL: nothing) is left out. */
static int best_coarse(const fold_counts *all, const fold_counts *held) {
    int best = 0, correct = 0, most = 0;
    for (int k = 0; k < COARSE; k++) {
        correct += all->coarse[1][k] - all->coarse[0][k];
        if (held)
            correct -= held->coarse[1][k] - held->coarse[0][k];
        if (k == 0 || correct > most) {
            most = correct;
            best = k;
        }
    }
    return best;
}

/* The threshold at which the FAR of the training folds reaches the target. If several thresholds have the same FAR, the last
 * of them is the left end of the interpolated interval; 0 (nothing is accepted) if the target is never reached. */
static double threshold_at_far(const fold_counts *all, const fold_counts *held, double target) {
    static const double none = 0.0;
    int total = 0, accepted = 0;
    for (int k = 0; k <= FINE; k++)
        total += all->fine[0][k] - held->fine[0][k];
    const int most = total - (all->fine[0][FINE] - held->fine[0][FINE]);
    if (total == 0 || (double)most / total < target)
        return none;
    int left = -1, left_accepted = 0, next_accepted = 0;
    for (int k = 0; k < FINE; k++) {
        accepted += all->fine[0][k] - held->fine[0][k];
        next_accepted = accepted;
        if ((double)accepted / total > target)
            break;
        left = k;
        left_accepted = accepted;
    }
    if (left < 0)
        return none;
    if (left == FINE - 1)
        return left * 0.001;
    const double a = (double)left_accepted / total, b = (double)next_accepted / total;
    return left * 0.001 + (target - a) / (b - a) * ((left + 1) * 0.001 - left * 0.001);
}

static void mean_std(const double *x, int n, double *mean, double *std) {
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++)
        sum += x[i];
    *mean = sum / n;
    for (int i = 0; i < n; i++)
        squares += (x[i] - *mean) * (x[i] - *mean);
    *std = sqrt(squares / n); /* population deviation, as np.std computes */
}

bool arc_pair_distance(const float *a, const float *b, int dim, double *dist, double *cosine) {
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

static arc_status score_pairs(double *dist, const float *embeddings, int dim, const uint8_t *same, int pairs, double mean[2],
                              arc_error *err) {
    double sum[2] = {0, 0};
    int n[2] = {0, 0};
    for (int i = 0; i < pairs; i++) {
        const float *a = embeddings + (size_t)(2 * i) * (size_t)dim, *b = a + dim;
        double cosine;
        if (!arc_pair_distance(a, b, dim, &dist[i], &cosine))
            return arc_fail(err, ARC_EINVAL,
                            "embedding row %d (pair %d) is not finite; the model's weights or its input scaling are wrong",
                            row_is_finite(a, dim) ? 2 * i + 1 : 2 * i, i);
        sum[same[i] != 0] += cosine;
        n[same[i] != 0]++;
    }
    for (int kind = 0; kind < 2; kind++)
        mean[kind] = n[kind] ? sum[kind] / n[kind] : 0;
    return ARC_OK;
}

static double share(int part, int whole) {
    return whole ? (double)part / whole : 0.0;
}

static void judge_folds(void *arg, size_t begin, size_t end, int thread) {
    judge *j = arg;
    (void)thread;
    for (size_t f = begin; f < end; f++) {
        arc_verification *v = j->out;
        const int first = fold_begin(v->pairs, v->folds, (int)f), last = fold_begin(v->pairs, v->folds, (int)f + 1);
        const double threshold = best_coarse(&j->all, &j->fold[f]) * 0.01;
        const double at_far = threshold_at_far(&j->all, &j->fold[f], v->far_target);
        int right = 0, accepted[2] = {0, 0}, total[2] = {0, 0};
        for (int i = first; i < last; i++) {
            const int kind = j->same[i] != 0;
            right += (j->dist[i] < threshold) == (kind == 1);
            accepted[kind] += j->dist[i] < at_far;
            total[kind]++;
        }
        v->fold_threshold[f] = threshold;
        v->fold_pairs[f] = last - first;
        v->fold_correct[f] = right;
        v->fold_accuracy[f] = share(right, last - first);
        v->fold_tar[f] = share(accepted[1], total[1]);
        v->fold_far[f] = share(accepted[0], total[0]);
    }
}

/* AUC and EER as facenet computes them: the rates of every fold at the 400 thresholds, averaged over folds; trapezoids, and
 * the point where the line through the points crosses 1 - FAR. */
static void grid_curve(const judge *j) {
    arc_verification *v = j->out;
    double far[COARSE] = {0}, tar[COARSE] = {0};
    for (int f = 0; f < v->folds; f++) {
        const fold_counts *c = &j->fold[f];
        int total[2] = {0, 0}, sum[2] = {0, 0};
        for (int k = 0; k <= COARSE; k++)
            for (int kind = 0; kind < 2; kind++)
                total[kind] += c->coarse[kind][k];
        for (int k = 0; k < COARSE; k++) {
            for (int kind = 0; kind < 2; kind++)
                sum[kind] += c->coarse[kind][k];
            far[k] += share(sum[0], total[0]) / v->folds;
            tar[k] += share(sum[1], total[1]) / v->folds;
        }
    }
    bool crossed = false;
    for (int k = 1; k < COARSE; k++) {
        v->auc_grid += (far[k] - far[k - 1]) * (tar[k] + tar[k - 1]) / 2;
        const double before = 1 - far[k - 1] - tar[k - 1], after = 1 - far[k] - tar[k];
        if (!crossed && after <= 0 && before > after) {
            v->eer_grid = far[k - 1] + before / (before - after) * (far[k] - far[k - 1]);
            crossed = true;
        }
    }
}

static arc_status judge_all(arc_context *ctx, judge *j, arc_curve *curve, arc_error *err) {
    arc_verification *v = j->out;
    int correct = 0;
    arc_pool_run(ctx->pool, (size_t)v->folds, 1, count_folds, j);
    for (int f = 0; f < v->folds; f++)
        add_counts(&j->all, &j->fold[f]);
    arc_pool_run(ctx->pool, (size_t)v->folds, 1, judge_folds, j);
    for (int k = 0; k <= COARSE; k++) {
        v->impostor += j->all.coarse[0][k];
        v->genuine += j->all.coarse[1][k];
    }
    for (int f = 0; f < v->folds; f++)
        correct += v->fold_correct[f];
    double far_std;
    v->correct = arc_rate_of(correct, v->pairs);
    mean_std(v->fold_accuracy, v->folds, &v->accuracy, &v->accuracy_std);
    mean_std(v->fold_tar, v->folds, &v->tar, &v->tar_std);
    mean_std(v->fold_far, v->folds, &v->far, &far_std);
    v->best_threshold_cosine = 1.0 - best_coarse(&j->all, NULL) * 0.01 / 2.0; /* |a-b|^2 = 2 - 2 cos */
    grid_curve(j);
    arc_curve own = {0}, *c = curve ? curve : &own;
    const arc_scored_pairs cosines = {j->dist, j->same, v->pairs, .offset = 1, .scale = -0.5}; /* 1 - distance/2 */
    arc_status st = arc_curve_of_pairs(ctx, &cosines, NULL, 0, c, err);
    v->auc = c->auc;
    v->eer = c->eer;
    arc_curve_free(ctx, &own);
    return st;
}

static arc_status check_request(const arc_context *ctx, const void *data, const uint8_t *same, int pairs, int folds,
                                double far_target, arc_error *err) {
    if (!ctx || !data || !same)
        return arc_fail(err, ARC_EINVAL, "verification needs a context, embeddings of at least one value, and labels");
    if (folds < 2 || folds > ARC_EVALUATE_MAX_FOLDS)
        return arc_fail(err, ARC_EINVAL, "%d folds: must be 2 to %d", folds, ARC_EVALUATE_MAX_FOLDS);
    if (pairs < folds)
        return arc_fail(err, ARC_EINVAL, "%d pairs are too few for %d folds", pairs, folds);
    if (!(far_target >= 0 && far_target <= 1))
        return arc_fail(err, ARC_EINVAL, "FAR target %g: must be 0 to 1", far_target);
    return ARC_OK;
}

arc_status arc_verification_of_distances(arc_context *ctx, const double *distance, const uint8_t *same, int pairs, int folds,
                                         double far_target, arc_verification *out, arc_curve *curve, arc_error *err) {
    if (curve)
        *curve = (arc_curve){0};
    if (!out)
        return arc_fail(err, ARC_EINVAL, "the verification result must not be NULL");
    *out = (arc_verification){0};
    arc_status st = check_request(ctx, distance, same, pairs, folds, far_target, err);
    if (st != ARC_OK)
        return st;
    for (int i = 0; i < pairs; i++)
        if (!(distance[i] >= 0 && distance[i] <= 4.001))
            return arc_fail(err, ARC_EINVAL, "distance %d is %g: squared distances of unit vectors are 0 to 4", i, distance[i]);
    judge *j = arc_mem_new(&ctx->alloc, 1, sizeof *j);
    fold_counts *fold = arc_mem_raw(&ctx->alloc, (size_t)folds, sizeof *fold);
    if (j && fold) {
        out->pairs = pairs;
        out->folds = folds;
        out->far_target = far_target;
        j->dist = distance;
        j->same = same;
        j->out = out;
        j->fold = fold;
        st = judge_all(ctx, j, curve, err);
    } else {
        st = arc_fail_nomem(err, "the verification protocol");
    }
    if (st != ARC_OK)
        *out = (arc_verification){0};
    arc_mem_free(&ctx->alloc, fold);
    arc_mem_free(&ctx->alloc, j);
    return st;
}

arc_status arc_verification_of_embeddings(arc_context *ctx, const float *embeddings, int dim, const uint8_t *same, int pairs,
                                          int folds, double far_target, arc_verification *out, arc_error *err) {
    if (!out)
        return arc_fail(err, ARC_EINVAL, "the verification result must not be NULL");
    *out = (arc_verification){0};
    arc_status st = check_request(ctx, dim >= 1 ? embeddings : NULL, same, pairs, folds, far_target, err);
    if (st != ARC_OK)
        return st;
    double mean[2] = {0, 0};
    double *dist = arc_mem_raw(&ctx->alloc, (size_t)pairs, sizeof *dist);
    if (!dist)
        return arc_fail_nomem(err, "the distances of the pairs");
    st = score_pairs(dist, embeddings, dim, same, pairs, mean, err);
    if (st == ARC_OK)
        st = arc_verification_of_distances(ctx, dist, same, pairs, folds, far_target, out, NULL, err);
    if (st == ARC_OK) {
        out->dim = dim;
        out->mean_impostor_cosine = mean[0];
        out->mean_genuine_cosine = mean[1];
    }
    arc_mem_free(&ctx->alloc, dist);
    return st;
}
