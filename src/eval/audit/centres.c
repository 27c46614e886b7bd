/* audit: centres of identities. The sums of unit embeddings are in double, so that a single picture can be subtracted again
 * accurately. */
#include "eval/audit/audit_internal.h"
#include <math.h>
#include <string.h>

static arc_status normalise_rows(arc_audit_side *side, arc_error *err) {
    const arc_audit_set *set = side->set;
    size_t dim = (size_t)side->dim;
    for (int64_t i = 0; i < set->samples; i++) {
        const float *row = set->embeddings + (size_t)i * dim;
        double square = 0;
        for (size_t d = 0; d < dim; d++)
            square += (double)row[d] * row[d];
        if (!isfinite(square))
            return arc_fail(err, ARC_EINVAL, "sample %lld: its embedding is not finite", (long long)i);
        if (set->identity[i] < 0 || set->identity[i] >= set->identities)
            return arc_fail(err, ARC_EINVAL, "sample %lld: identity %lld is outside 0..%lld", (long long)i,
                            (long long)set->identity[i], (long long)set->identities - 1);
        double scale = square > 0 ? 1 / sqrt(square) : 0;
        side->norm[i] = (float)sqrt(square);
        for (size_t d = 0; d < dim; d++)
            side->unit[(size_t)i * dim + d] = (float)(row[d] * scale);
    }
    return ARC_OK;
}

static void sort_members(arc_audit_side *side) {
    const arc_audit_set *set = side->set;
    for (int64_t i = 0; i < set->samples; i++)
        side->first[set->identity[i] + 1]++;
    for (int64_t c = 0; c < set->identities; c++)
        side->first[c + 1] += side->first[c];
    for (int64_t i = set->samples - 1; i >= 0; i--) /* first[c + 1] counts down to the first place of c */
        side->member[--side->first[set->identity[i] + 1]] = i;
    memmove(side->first, side->first + 1, (size_t)set->identities * sizeof *side->first);
    side->first[set->identities] = set->samples;
}

static void make_centres(arc_audit_side *side) {
    size_t dim = (size_t)side->dim;
    for (int64_t c = 0; c < side->set->identities; c++) {
        double *sum = side->sum + (size_t)c * dim, square = 0;
        for (int64_t k = side->first[c]; k < side->first[c + 1]; k++)
            for (size_t d = 0; d < dim; d++)
                sum[d] += side->unit[(size_t)side->member[k] * dim + d];
        for (size_t d = 0; d < dim; d++)
            square += sum[d] * sum[d];
        for (size_t d = 0; square > 0 && d < dim; d++)
            side->centre[(size_t)c * dim + d] = (float)(sum[d] / sqrt(square));
    }
}

arc_status arc_audit_side_make(arc_audit_side *side, const arc_alloc *a, const arc_audit_set *set, int dim, arc_error *err) {
    size_t samples = (size_t)set->samples, identities = (size_t)set->identities, width = (size_t)dim;
    *side = (arc_audit_side){.set = set, .alloc = a, .dim = dim};
    side->unit = arc_mem_raw(a, samples, width * sizeof(float));
    side->norm = arc_mem_raw(a, samples, sizeof(float));
    side->sum = arc_mem_new(a, identities, width * sizeof(double));
    side->centre = arc_mem_new(a, identities, width * sizeof(float));
    side->first = arc_mem_new(a, identities + 1, sizeof(int64_t));
    side->member = arc_mem_raw(a, samples, sizeof(int64_t));
    bool ok = side->unit && side->norm && side->sum && side->centre && side->first && side->member;
    arc_status st = ok ? normalise_rows(side, err) : arc_fail_nomem(err, "centres of identities");
    if (st == ARC_OK) {
        sort_members(side);
        make_centres(side);
    } else {
        arc_audit_side_free(side);
    }
    return st;
}

void arc_audit_side_free(arc_audit_side *side) {
    if (!side->alloc)
        return;
    arc_mem_free(side->alloc, side->unit);
    arc_mem_free(side->alloc, side->norm);
    arc_mem_free(side->alloc, side->sum);
    arc_mem_free(side->alloc, side->centre);
    arc_mem_free(side->alloc, side->first);
    arc_mem_free(side->alloc, side->member);
    *side = (arc_audit_side){0};
}

double arc_audit_own_cosine(const arc_audit_side *side, int64_t sample) {
    size_t dim = (size_t)side->dim;
    const double *sum = side->sum + (size_t)side->set->identity[sample] * dim;
    const float *own = side->unit + (size_t)sample * dim;
    double product = 0, square = 0;
    for (size_t d = 0; d < dim; d++) {
        double others = sum[d] - own[d];
        product += others * own[d];
        square += others * others;
    }
    /* otherwise it is alone in its identity and only rounding errors remain */
    return side->norm[sample] > 0 && square > 1e-9 ? product / sqrt(square) : NAN;
}
