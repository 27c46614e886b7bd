/* audit: the three lists: doubtful labels, duplicate pictures, and identities that are the same person. */
#include "eval/audit/audit_internal.h"
#include "kernel/kernel.h"
#include "vector/nearest.h"
#include <math.h>
#include <string.h>

#define DEGREES 57.29577951308232

static double angle_of(double cosine) {
    return acos(ARC_MAX(-1.0, ARC_MIN(1.0, cosine))) * DEGREES;
}

/* The first readable picture of an identity other than `but`; -1 if there is none. */
static int64_t example_of(const arc_audit_side *side, int64_t identity, int64_t but) {
    for (int64_t k = identity < 0 ? 0 : side->first[identity]; identity >= 0 && k < side->first[identity + 1]; k++)
        if (side->member[k] != but && side->norm[side->member[k]] > 0)
            return side->member[k];
    return -1;
}

arc_status arc_audit_put(arc_audit_list *list, const void *entry, arc_error *err) {
    if (list->count == list->capacity) {
        size_t more = ARC_MAX(list->capacity * 2, (size_t)64);
        void *grown = arc_mem_grow(list->alloc, list->entry, list->capacity, more, list->entry_bytes);
        if (!grown)
            return arc_fail_nomem(err, "findings of the audit");
        list->entry = grown;
        list->capacity = more;
    }
    memcpy((char *)list->entry + list->count * list->entry_bytes, entry, list->entry_bytes);
    list->count++;
    list->all++;
    return ARC_OK;
}

arc_status arc_audit_find_suspects(const arc_context *ctx, const arc_audit_side *side, const int32_t *nearest,
                                   const float *nearest_cosine, const arc_audit_options *opt, arc_audit_list *out,
                                   arc_audit *audit, arc_error *err) {
    (void)ctx;
    for (int64_t i = 0; i < side->set->samples; i++) {
        double own = arc_audit_own_cosine(side, i);
        if (isnan(own))
            continue;
        double angle = angle_of(own);
        audit->angle_bin[ARC_MIN((int)angle, (int)ARC_COUNT(audit->angle_bin) - 1)]++;
        bool elsewhere = nearest[i] >= 0 && nearest_cosine[i] > own;
        if (angle <= opt->noise_angle_deg)
            continue;
        arc_audit_suspect found = {.sample = i,
                                   .identity = side->set->identity[i],
                                   .angle_deg = angle,
                                   .own_example = example_of(side, side->set->identity[i], i),
                                   .nearest_example = example_of(side, nearest[i], i),
                                   .nearest_identity = nearest[i],
                                   .nearest_angle_deg = nearest[i] < 0 ? 180 : angle_of(nearest_cosine[i]),
                                   .elsewhere = elsewhere};
        arc_status st = arc_audit_put(out, &found, err);
        if (st != ARC_OK)
            return st;
    }
    return ARC_OK;
}

/* ---- duplicates ---- */

typedef struct pair_search {
    const arc_audit_side *side;
    const arc_audit_options *opt;
    arc_audit_list *out;
    arc_error *err;
} pair_search;

static arc_status compare(const pair_search *s, int64_t a, int64_t b) {
    const arc_audit_set *set = s->side->set;
    size_t dim = (size_t)s->side->dim;
    if (s->side->norm[a] == 0 || s->side->norm[b] == 0)
        return ARC_OK;
    bool same_bytes = set->content && set->content[a] == set->content[b];
    const float *x = s->side->unit + (size_t)a * dim, *y = s->side->unit + (size_t)b * dim;
    double cosine = 0;
    for (size_t d = 0; d < dim; d++)
        cosine += (double)x[d] * y[d];
    if (!same_bytes && cosine < s->opt->duplicate_cosine)
        return ARC_OK;
    arc_audit_duplicate found = {.sample = {ARC_MIN(a, b), ARC_MAX(a, b)},
                                 .cosine = cosine,
                                 .same_bytes = same_bytes,
                                 .same_identity = set->identity[a] == set->identity[b]};
    return arc_audit_put(s->out, &found, s->err);
}

/* Compares all pairs within an identity, and each picture with the identity whose centre is nearest to it. A pair that both of
 * its samples find is reported by the lower sample only. */
arc_status arc_audit_find_duplicates(const arc_audit_side *side, const int32_t *nearest, const arc_audit_options *opt,
                                     arc_audit_list *out, arc_error *err) {
    const arc_audit_set *set = side->set;
    pair_search s = {side, opt, out, err};
    for (int64_t i = 0; i < set->samples; i++) {
        int64_t own = set->identity[i], other = nearest[i];
        for (int64_t k = side->first[own]; k < side->first[own + 1]; k++) {
            arc_status st = side->member[k] > i ? compare(&s, i, side->member[k]) : ARC_OK;
            if (st != ARC_OK)
                return st;
        }
        for (int64_t k = other < 0 ? 0 : side->first[other]; other >= 0 && k < side->first[other + 1]; k++) {
            int64_t j = side->member[k];
            bool found_from_there = nearest[j] == own && j < i;
            arc_status st = found_from_there ? ARC_OK : compare(&s, i, j);
            if (st != ARC_OK)
                return st;
        }
    }
    return ARC_OK;
}

/* ---- identities that are the same person ---- */

arc_status arc_audit_find_shared(const arc_context *ctx, const arc_audit_side *side, const arc_audit_side *other,
                                 const arc_audit_options *opt, arc_audit_list *out, arc_error *err) {
    const arc_audit_side *among = other ? other : side;
    size_t identities = (size_t)side->set->identities;
    int32_t *nearest = arc_mem_raw(&ctx->alloc, identities, sizeof *nearest);
    int32_t *itself = arc_mem_raw(&ctx->alloc, identities, sizeof *itself);
    float *cosine = arc_mem_raw(&ctx->alloc, identities, sizeof *cosine);
    arc_status st = nearest && itself && cosine ? ARC_OK : arc_fail_nomem(err, "identities of the audit");
    for (size_t c = 0; st == ARC_OK && c < identities; c++)
        itself[c] = (int32_t)c;
    if (st == ARC_OK)
        st = arc_nearest(ctx, side->centre, (int64_t)identities, among->centre, among->set->identities, side->dim,
                         other ? NULL : itself, nearest, cosine, NULL, err);
    for (size_t c = 0; st == ARC_OK && c < identities; c++) {
        bool there = nearest[c] >= 0 && cosine[c] >= opt->shared_cosine && side->first[c] < side->first[c + 1];
        bool mutual = !other && there && nearest[nearest[c]] == (int32_t)c && (size_t)nearest[c] < c;
        arc_audit_shared found = {.identity = {(int64_t)c, nearest[c]}, .cosine = cosine[c]};
        if (there) {
            found.sample[0] = example_of(side, (int64_t)c, -1);
            found.sample[1] = example_of(among, nearest[c], -1);
        }
        if (there && !mutual)
            st = arc_audit_put(out, &found, err);
    }
    arc_mem_free(&ctx->alloc, nearest);
    arc_mem_free(&ctx->alloc, itself);
    arc_mem_free(&ctx->alloc, cosine);
    return st;
}
