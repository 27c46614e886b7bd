/* eval: listed pairs: distances of the embedded pictures, the fold protocol, the curve, intervals, and the worst pairs. A pair
 * with a missing picture stays in its fold and counts as rejected: distance 4, cosine -1. */
#include "eval/audit/checks.h"
#include "eval/eval_internal.h"
#include "eval/protocol/known.h"
#include "eval/stats/bootstrap.h"
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define REJECTED 4.0 /* squared distance of opposite unit vectors */

static arc_status keep_pairs(arc_evaluation *e, const arc_pair_set *p, arc_error *err) {
    arc_arena *a = arc_evaluation_arena(e);
    e->pairs = p->pairs;
    e->pair_score = arc_arena_new(a, (size_t)p->pairs, sizeof *e->pair_score);
    e->pair_same = arc_arena_new(a, (size_t)p->pairs, 1);
    if (p->identity)
        e->pair_identity = arc_arena_new(a, (size_t)p->pairs, 2 * sizeof *e->pair_identity);
    if (!e->pair_score || !e->pair_same || (p->identity && !e->pair_identity))
        return arc_fail_nomem(err, "the scores of the pairs");
    memcpy(e->pair_same, p->same, (size_t)p->pairs);
    if (p->identity)
        memcpy(e->pair_identity, p->identity, (size_t)p->pairs * sizeof *p->identity);
    return ARC_OK;
}

/* Computes the distances into `dist`, and the means that are reported beside them. */
static arc_status measure(const arc_pair_set *p, const arc_rows *rows, double *dist, double mean[2], double *xnorm,
                          arc_error *err) {
    double sum[2] = {0, 0}, norms = 0;
    int64_t n[2] = {0, 0}, views = 0;
    for (int i = 0; i < p->pairs; i++) {
        const int *image = p->image[i];
        double cosine = -1;
        dist[i] = REJECTED;
        for (int k = 0; k < 2; k++)
            if (rows->present[image[k]]) {
                norms += rows->norm[image[k]];
                views++;
            }
        if (rows->present[image[0]] && rows->present[image[1]]) {
            const float *a = rows->row + (size_t)image[0] * (size_t)rows->dim,
                        *b = rows->row + (size_t)image[1] * (size_t)rows->dim;
            if (!arc_pair_distance(a, b, rows->dim, &dist[i], &cosine))
                return arc_fail(err, ARC_EINVAL, "the embeddings of pair %d are not finite", i);
            sum[p->same[i] != 0] += cosine;
            n[p->same[i] != 0]++;
        }
    }
    for (int kind = 0; kind < 2; kind++)
        mean[kind] = n[kind] ? sum[kind] / (double)n[kind] : 0;
    *xnorm = views ? norms / (double)views : 0;
    return ARC_OK;
}

static arc_status judge(arc_context *ctx, const arc_pair_set *p, const arc_rows *rows, const arc_evaluate_options *opt,
                        arc_evaluation *e, arc_error *err) {
    double mean[2] = {0, 0}, xnorm = 0;
    arc_verification *v = &e->verification;
    const int folds = opt->folds ? opt->folds : p->folds ? p->folds : 10;
    double *dist = e->pair_score; /* overwritten by the cosines below */
    arc_status st = measure(p, rows, dist, mean, &xnorm, err);
    if (st == ARC_OK)
        st = arc_verification_of_distances(ctx, dist, p->same, p->pairs, folds, opt->far_target, v, NULL, err);
    if (st != ARC_OK)
        return st;
    for (int i = 0; i < p->pairs; i++)
        e->pair_score[i] = 1 - dist[i] / 2;
    st = arc_curve_of_scores(ctx, e->pair_score, e->pair_same, p->pairs, opt->far_targets, opt->far_target_count, &e->curve, err);
    v->dim = rows->dim;
    v->flip = opt->flip;
    v->xnorm = xnorm;
    v->mean_impostor_cosine = mean[0];
    v->mean_genuine_cosine = mean[1];
    return st;
}

static arc_status tell_rule(const arc_pair_set *p, const arc_evaluate_options *opt, arc_evaluation *e, arc_error *err) {
    char part[80] = "";
    if (p->pairs != p->list_pairs)
        snprintf(part, sizeof part, "the first %d of %d pairs; ", p->pairs, p->list_pairs);
    e->provenance.rule =
        arc_arena_printf(arc_evaluation_arena(e),
                         "%s%d-fold: best of thresholds 0..3.99 by 0.01 on the other folds, first on ties; %s; "
                         "%s; missing pictures count as rejected",
                         part, e->verification.folds, opt->flip ? "raw sum of plain and mirrored view" : "plain view",
                         opt->detector ? "photos, detected and aligned" : "aligned crops");
    return e->provenance.rule ? ARC_OK : arc_fail_nomem(err, "the provenance");
}

/* Notes a fold that has pairs of one kind only: the rest, on which its threshold is chosen, is then unbalanced, and the fold
 * has no TAR or no FAR. */
static arc_status fold_notes(const arc_pair_set *p, arc_evaluation *e, arc_error *err) {
    const arc_verification *v = &e->verification;
    for (int f = 0, i = 0; f < v->folds; f++) {
        const int first = i;
        int genuine = 0;
        for (; i < first + v->fold_pairs[f]; i++)
            genuine += p->same[i] != 0;
        if (genuine == 0 || genuine == v->fold_pairs[f])
            return arc_evaluation_note(e, err, "fold %d of %d holds %s pairs only: choose folds so that each holds both kinds",
                                       f + 1, v->folds, genuine ? "genuine" : "impostor");
    }
    return ARC_OK;
}

static arc_status notes(const arc_pair_set *p, const arc_evaluate_options *opt, arc_evaluation *e, arc_error *err) {
    const arc_verification *v = &e->verification;
    arc_status st;
    ARC_TRY(arc_evaluation_support_notes(e, opt->far_target, err));
    if (e->missing)
        ARC_TRY(
            arc_evaluation_note(e, err,
                                "%lld pictures are missing or show no face; their pairs keep their place and count as rejected "
                                "(cosine -1)",
                                (long long)e->missing));
    if (p->folds && p->folds != v->folds)
        ARC_TRY(arc_evaluation_note(e, err, "the list has %d folds, the result is over %d", p->folds, v->folds));
    if (v->genuine == 0 || v->impostor == 0)
        ARC_TRY(arc_evaluation_note(e, err, "all pairs are of one kind: accuracy says nothing"));
    else
        ARC_TRY(fold_notes(p, e, err));
done:
    return st;
}

arc_status arc_pair_set_run(arc_context *ctx, const arc_model *model, const arc_pair_set *p, const arc_evaluate_options *opt,
                            arc_evaluation *e, arc_error *err) {
    arc_status st;
    arc_rows rows = {0};
    arc_embed_run run = {.set = p->set, .opt = opt};
    crypto_hash_sha256_state hash;
    uint8_t digest[32];
    ARC_TRY(keep_pairs(e, p, err));
    e->images = p->set->images;
    e->identities = p->identities;
    ARC_TRY(arc_eval_embed_rows(ctx, model, &run, e, &rows, err));
    ARC_TRY(judge(ctx, p, &rows, opt, e, err));
    memcpy(e->verification.plan_id, run.plan_id, sizeof run.plan_id);
    ARC_TRY(arc_evaluation_worst(e, p->set, p->image, opt->worst, err));
    crypto_hash_sha256_init(&hash);
    crypto_hash_sha256_update(&hash, p->list_digest, sizeof p->list_digest);
    crypto_hash_sha256_update(&hash, run.digest, sizeof run.digest);
    crypto_hash_sha256_final(&hash, digest);
    ARC_TRY(arc_evaluation_provenance(ctx, e, model, p->name, digest, opt, err));
    ARC_TRY(tell_rule(p, opt, e, err));
    ARC_TRY(notes(p, opt, e, err));
    ARC_TRY(arc_known_notes(e, p, err));
    if (opt->checks)
        ARC_TRY(arc_input_checks(ctx, model, p, opt, e, err));
    if (opt->bootstrap > 0 && e->pair_identity)
        ARC_TRY(arc_evaluation_bootstrap(ctx, e, opt->bootstrap, opt->seed, err));
done:
    arc_rows_free(ctx, &rows);
    return st;
}

arc_status arc_evaluate_options_check(const arc_evaluate_options *opt, arc_error *err) {
    const arc_status st = ARC_CHECK_OPTIONS(arc_evaluate_options, opt, err);
    return st == ARC_OK && opt ? ARC_CHECK_OPTIONS(arc_detect_options, &opt->detect, err) : st;
}

void arc_evaluate_options_default(arc_evaluate_options *opt) {
    *opt = (arc_evaluate_options){
        .struct_size = sizeof *opt, .flip = true, .far_target = 1e-3, .checks = true, .bootstrap = 1000, .seed = 1, .worst = 20};
    arc_detect_options_default(&opt->detect);
}
