/* generate: percentiles, and mean cosines of all pairs. */
#include "generate/metrics/cosines.h"
#include <math.h>
#include <stdlib.h>

static int rising(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(const double *sorted, int64_t count, double share) {
    const double at = share * (double)(count - 1);
    const int64_t below = (int64_t)at;
    const double part = at - (double)below;
    return part > 0 ? sorted[below] + part * (sorted[below + 1] - sorted[below]) : sorted[below];
}

void arc_generate_summarise(double *value, int64_t count, arc_generate_cosines *out) {
    *out = (arc_generate_cosines){.count = count};
    if (count == 0)
        return;
    qsort(value, (size_t)count, sizeof *value, rising);
    for (int64_t i = 0; i < count; i++)
        out->mean += value[i] / (double)count;
    out->least = value[0];
    out->p5 = percentile(value, count, 0.05);
    out->median = percentile(value, count, 0.5);
    out->p95 = percentile(value, count, 0.95);
}

/* The sum of the cosines of all pairs of n unit vectors is (|their sum|^2 - n) / 2. */
static double pair_sum(const double *sum, int dim, double squares) {
    double length = 0;
    for (int i = 0; i < dim; i++)
        length += sum[i] * sum[i];
    return (length - squares) / 2;
}

arc_status arc_generate_diversity(arc_context *ctx, const arc_generated *g, const float *row, int dim, arc_generate_verdict *out,
                                  arc_error *err) {
    const size_t d = (size_t)dim, people = (size_t)g->identities;
    double *sum = arc_mem_new(&ctx->alloc, (people + 1) * d, sizeof(double)); /* of each identity, then of all */
    double *squares = arc_mem_new(&ctx->alloc, people + 1, sizeof(double));
    int64_t *count = arc_mem_new(&ctx->alloc, people, sizeof *count);
    arc_status st = sum && squares && count ? ARC_OK : arc_fail_nomem(err, "the diversity of faces");
    double same = 0, all = 0;
    int64_t same_pairs = 0;
    for (int i = 0; st == ARC_OK && i < g->faces; i++) {
        const size_t place[2] = {(size_t)g->face[i].identity, people};
        for (int k = 0; k < 2; k++)
            for (size_t j = 0; j < d; j++) {
                const double x = row[(size_t)i * d + j];
                sum[place[k] * d + j] += x;
                squares[place[k]] += x * x;
            }
        count[place[0]]++;
    }
    for (size_t p = 0; st == ARC_OK && p < people; p++) {
        same += pair_sum(sum + p * d, dim, squares[p]);
        same_pairs += count[p] * (count[p] - 1) / 2;
    }
    if (st == ARC_OK) {
        all = pair_sum(sum + people * d, dim, squares[people]);
        out->same_pairs = same_pairs;
        out->other_pairs = (int64_t)g->faces * (g->faces - 1) / 2 - same_pairs;
        out->same = same_pairs > 0 ? same / (double)same_pairs : 0;
        out->other = out->other_pairs > 0 ? (all - same) / (double)out->other_pairs : 0;
    }
    arc_mem_free(&ctx->alloc, sum);
    arc_mem_free(&ctx->alloc, squares);
    arc_mem_free(&ctx->alloc, count);
    return st;
}
