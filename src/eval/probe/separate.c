/* eval: how well embeddings separate people: d', the distance of the two distributions of cosines in units of their deviation.
 * Unlike an error rate it still tells contracts apart where every pair of a small set is decided rightly. Pairs are summed by the
 * people in them, so that a bootstrap over people costs nothing. */
#include "eval/probe/probe_internal.h"
#include <math.h>

bool arc_probe_dprime(const arc_probe_sums *s, const int64_t *pairs, int people, const int *times, double *out) {
    double n[2] = {0, 0}, sum[2] = {0, 0}, squares[2] = {0, 0};
    for (int a = 0; a < people; a++)
        for (int b = a; b < people; b++) {
            const int at = a * people + b;
            const double w = !times ? 1 : a == b ? times[a] : (double)times[a] * times[b];
            n[a == b] += w * (double)pairs[at];
            sum[a == b] += w * s->sum[at];
            squares[a == b] += w * s->squares[at];
        }
    *out = 0;
    if (n[0] == 0 || n[1] == 0)
        return false;
    const double impostor = sum[0] / n[0], genuine = sum[1] / n[1];
    const double variance =
        0.5 * (ARC_MAX(squares[0] / n[0] - impostor * impostor, 0) + ARC_MAX(squares[1] / n[1] - genuine * genuine, 0));
    if (variance > 1e-14) /* embeddings that are all the same separate nobody */
        *out = (genuine - impostor) / sqrt(variance);
    return true;
}

/* Share of pairs of one genuine and one impostor score in which the genuine one is larger; equal ones count half. Both are sorted
 * in falling order. */
static double area(const double *impostor, int64_t impostors, const double *genuine, int64_t genuines) {
    double larger = 0;
    int64_t above = 0, equal = 0;
    for (int64_t g = 0; g < genuines; g++) {
        while (above < impostors && impostor[above] > genuine[g])
            above++;
        for (equal = above; equal < impostors && impostor[equal] == genuine[g]; equal++) {
        }
        larger += (double)(impostors - equal) + 0.5 * (double)(equal - above);
    }
    return larger / ((double)impostors * (double)genuines);
}

arc_status arc_probe_measure(arc_context *ctx, const arc_probe_faces *f, const float *row, int dim, arc_probe_trial *t,
                             const arc_probe_sums *sums, int64_t *pairs, arc_error *err) {
    const int64_t all = (int64_t)f->count * (f->count - 1) / 2;
    double *value = arc_mem_raw(&ctx->alloc, (size_t)all, sizeof *value), *sorted = NULL;
    uint8_t *same = arc_mem_raw(&ctx->alloc, (size_t)all, 1);
    arc_status st = value && same ? ARC_OK : arc_fail_nomem(err, "the probe's scores");
    int64_t at = 0, count[2];
    double total[2] = {0, 0};
    for (int i = 0; i < f->people * f->people; i++) {
        sums->sum[i] = sums->squares[i] = 0;
        pairs[i] = 0;
    }
    for (int i = 0; st == ARC_OK && i < f->count; i++)
        for (int j = i + 1; j < f->count; j++, at++) {
            const double x = arc_embedding_cosine(row + (size_t)i * (size_t)dim, row + (size_t)j * (size_t)dim, dim);
            const int cell = f->person[i] * f->people + f->person[j];
            value[at] = x;
            same[at] = f->person[i] == f->person[j];
            total[same[at]] += x;
            sums->sum[cell] += x;
            sums->squares[cell] += x * x;
            pairs[cell]++;
        }
    const arc_scored_pairs scored = {.value = value, .same = same, .pairs = all, .scale = 1};
    if (st == ARC_OK)
        st = arc_sort_pairs(ctx, &scored, &sorted, count, err);
    if (st == ARC_OK) {
        t->impostor = total[0] / (double)count[0];
        t->genuine = total[1] / (double)count[1];
        t->auc = area(sorted, count[0], sorted + count[0], count[1]);
        (void)arc_probe_dprime(sums, pairs, f->people, NULL, &t->dprime);
    }
    arc_mem_free(&ctx->alloc, sorted);
    arc_mem_free(&ctx->alloc, same);
    arc_mem_free(&ctx->alloc, value);
    return st;
}
