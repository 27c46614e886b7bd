/* audit: statistics of the classes and pictures of a set, then the three lists of what looks wrong, sorted and cut to length.
 * The lists are made in lists.c, the page in page.c, embeddings from files in run.c. */
#include "eval/audit/audit_internal.h"
#include "vector/nearest.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

void arc_audit_options_default(arc_audit_options *opt) {
    *opt = (arc_audit_options){
        .struct_size = sizeof *opt, .noise_angle_deg = 70, .duplicate_cosine = 0.98, .shared_cosine = 0.6, .limit = 10000};
}

static int half_octave(double x) {
    return x < 1 ? 0 : ARC_MIN((int)(2 * log2(x) + 1e-9), ARC_AUDIT_BINS - 1);
}

static void count_classes(const arc_audit_side *side, arc_audit *audit) {
    int64_t used = 0;
    audit->samples = side->set->samples;
    audit->identities = side->set->identities;
    for (int64_t c = 0; c < side->set->identities; c++) {
        int64_t size = side->first[c + 1] - side->first[c];
        audit->empty_identities += size == 0;
        audit->singletons += size == 1;
        if (size == 0)
            continue;
        audit->least_samples = used == 0 ? size : ARC_MIN(audit->least_samples, size);
        audit->most_samples = ARC_MAX(audit->most_samples, size);
        audit->size_bin[half_octave((double)size)]++;
        used++;
    }
    audit->mean_samples = used ? (double)side->set->samples / (double)used : 0;
}

static void count_quality(const arc_audit_side *side, arc_audit *audit) {
    float low = INFINITY, high = 0;
    for (int64_t i = 0; i < side->set->samples; i++) {
        audit->unreadable += side->norm[i] == 0;
        if (side->norm[i] > 0) {
            low = ARC_MIN(low, side->norm[i]);
            high = ARC_MAX(high, side->norm[i]);
        }
    }
    audit->norm_low = low <= high ? low : 0;
    audit->norm_high = low < high ? high : audit->norm_low + 1;
    for (int64_t i = 0; i < side->set->samples; i++) {
        if (side->norm[i] == 0)
            continue;
        int bin = (int)((side->norm[i] - audit->norm_low) / (audit->norm_high - audit->norm_low) * ARC_AUDIT_BINS);
        audit->norm_bin[ARC_MAX(0, ARC_MIN(bin, ARC_AUDIT_BINS - 1))]++;
        if (side->set->sharpness)
            audit->sharpness_bin[half_octave(side->set->sharpness[i])]++;
    }
}

/* ---- the lists, sorted, cut and given to the caller ---- */

static int by_angle(const void *a, const void *b) {
    const arc_audit_suspect *x = a, *y = b;
    return x->angle_deg != y->angle_deg ? (x->angle_deg < y->angle_deg ? 1 : -1)
                                        : (x->sample > y->sample) - (x->sample < y->sample);
}

static int by_sample(const void *a, const void *b) {
    const arc_audit_duplicate *x = a, *y = b;
    return x->sample[0] != y->sample[0] ? (x->sample[0] > y->sample[0] ? 1 : -1)
                                        : (x->sample[1] > y->sample[1]) - (x->sample[1] < y->sample[1]);
}

static int by_cosine(const void *a, const void *b) {
    const arc_audit_shared *x = a, *y = b;
    return x->cosine != y->cosine ? (x->cosine < y->cosine ? 1 : -1)
                                  : (x->identity[0] > y->identity[0]) - (x->identity[0] < y->identity[0]);
}

/* The three lists that become the caller's. */
typedef struct findings {
    arc_audit_list suspect, duplicate, shared;
} findings;

static void finish(arc_audit_list *list, int (*order)(const void *, const void *), int64_t limit) {
    if (list->count > 1)
        qsort(list->entry, list->count, list->entry_bytes, order);
    list->count = (size_t)ARC_MIN((int64_t)list->count, limit);
}

static arc_status search(arc_context *ctx, const arc_audit_side *side, const arc_audit_side *other, const arc_audit_options *opt,
                         findings *f, arc_audit *audit, arc_error *err) {
    size_t samples = (size_t)side->set->samples;
    int32_t *nearest = arc_mem_raw(&ctx->alloc, samples, sizeof *nearest), *own = arc_mem_raw(&ctx->alloc, samples, sizeof *own);
    float *cosine = arc_mem_raw(&ctx->alloc, samples, sizeof *cosine);
    arc_status st = nearest && own && cosine ? ARC_OK : arc_fail_nomem(err, "audit");
    for (size_t i = 0; st == ARC_OK && i < samples; i++)
        own[i] = (int32_t)side->set->identity[i];
    if (st != ARC_OK)
        goto done;
    ARC_TRY(arc_nearest(ctx, side->unit, (int64_t)samples, side->centre, side->set->identities, side->dim, own, nearest, cosine,
                        NULL, err));
    for (size_t i = 0; i < samples; i++)
        nearest[i] = side->norm[i] > 0 ? nearest[i] : -1;
    ARC_TRY(arc_audit_find_suspects(ctx, side, nearest, cosine, opt, &f->suspect, audit, err));
    ARC_TRY(arc_audit_find_duplicates(side, nearest, opt, &f->duplicate, err));
    ARC_TRY(arc_audit_find_shared(ctx, side, other, opt, &f->shared, err));
done:
    arc_mem_free(&ctx->alloc, nearest);
    arc_mem_free(&ctx->alloc, own);
    arc_mem_free(&ctx->alloc, cosine);
    return st;
}

static void hand_over(findings *f, const arc_audit_options *opt, arc_audit *audit) {
    finish(&f->suspect, by_angle, opt->limit);
    finish(&f->duplicate, by_sample, opt->limit);
    finish(&f->shared, by_cosine, opt->limit);
    audit->suspect = f->suspect.entry;
    audit->suspects = (int64_t)f->suspect.count;
    audit->suspects_all = f->suspect.all;
    audit->duplicate = f->duplicate.entry;
    audit->duplicates = (int64_t)f->duplicate.count;
    audit->duplicates_all = f->duplicate.all;
    audit->shared = f->shared.entry;
    audit->shareds = (int64_t)f->shared.count;
    audit->shareds_all = f->shared.all;
}

arc_status arc_audit_embeddings(arc_context *ctx, const arc_audit_set *set, const arc_audit_set *other, int dim,
                                const arc_audit_options *opt, arc_audit **out, arc_error *err) {
    arc_audit_options defaults;
    arc_audit_options_default(&defaults);
    *out = NULL;
    if (ARC_CHECK_OPTIONS(arc_audit_options, opt, err) != ARC_OK)
        return ARC_EINVAL;
    opt = opt ? opt : &defaults;
    if (dim < 1 || set->samples < 1 || set->identities < 1 || set->identities > INT32_MAX ||
        (other && (other->identities < 1 || other->identities > INT32_MAX)))
        return arc_fail(err, ARC_EINVAL, "an audit needs pictures and identities: there are %lld of %lld",
                        (long long)set->samples, (long long)set->identities);
    findings f = {{&ctx->alloc, NULL, sizeof(arc_audit_suspect), 0, 0, 0},
                  {&ctx->alloc, NULL, sizeof(arc_audit_duplicate), 0, 0, 0},
                  {&ctx->alloc, NULL, sizeof(arc_audit_shared), 0, 0, 0}};
    arc_audit_side side = {0}, second = {0};
    arc_audit *audit = arc_mem_new(&ctx->alloc, 1, sizeof *audit);
    arc_status st = audit ? ARC_OK : arc_fail_nomem(err, "audit");
    if (st != ARC_OK)
        return st;
    ARC_TRY(arc_audit_side_make(&side, &ctx->alloc, set, dim, err));
    if (other) {
        ARC_TRY(arc_audit_side_make(&second, &ctx->alloc, other, dim, err));
        audit->other_samples = other->samples;
        audit->other_identities = other->identities;
    }
    count_classes(&side, audit);
    count_quality(&side, audit);
    ARC_TRY(search(ctx, &side, other ? &second : NULL, opt, &f, audit, err));
done:
    hand_over(&f, opt, audit); /* also after a failure: arc_audit_free releases the lists */
    arc_audit_side_free(&side);
    arc_audit_side_free(&second);
    if (st != ARC_OK)
        arc_audit_free(ctx, &audit);
    *out = audit;
    return st;
}

void arc_audit_free(arc_context *ctx, arc_audit **audit) {
    if (!audit || !*audit)
        return;
    arc_arena *keys = (*audit)->memory;
    if (keys)
        arc_arena_free(keys);
    arc_mem_free(&ctx->alloc, keys);
    arc_mem_free(&ctx->alloc, (*audit)->suspect);
    arc_mem_free(&ctx->alloc, (*audit)->duplicate);
    arc_mem_free(&ctx->alloc, (*audit)->shared);
    arc_mem_free(&ctx->alloc, *audit);
    *audit = NULL;
}
