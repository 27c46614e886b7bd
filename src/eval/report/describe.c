/* eval: an evaluation as text. describe_json.c writes it as JSON; describe_tests.c describes comparisons and calibrations. */
#include "eval/report/report_internal.h"
#include <arcface/evaluate_report.h>

static void put_verification(arc_text *t, const arc_verification *v) {
    arc_text_add(t, "pairs            %d (%d genuine, %d impostor), %d folds\n", v->pairs, v->genuine, v->impostor, v->folds);
    arc_text_add(t, "Accuracy%s %.5f+-%.5f\n", v->flip ? "-Flip   " : "        ", v->accuracy, v->accuracy_std);
    arc_text_add(t, "95 %% interval    %.5f to %.5f (Wilson, %d pairs)\n", v->correct.wilson.low, v->correct.wilson.high,
                 v->pairs);
    arc_text_add(t, "best threshold   cosine %.4f\n", v->best_threshold_cosine);
    arc_text_add(t, "TAR@FAR=%-8g %.5f+-%.5f (FAR %.5f)\n", v->far_target, v->tar, v->tar_std, v->far);
    arc_text_add(t, "AUC              %.6f exact, %.6f facenet\nEER              %.5f exact, %.5f facenet\n", v->auc, v->auc_grid,
                 v->eer, v->eer_grid);
    arc_text_add(t, "XNorm            %.4f\n", v->xnorm);
    arc_text_add(t, "mean cosine      genuine %.4f, impostor %.4f\n", v->mean_genuine_cosine, v->mean_impostor_cosine);
    if (*v->plan_id)
        arc_text_add(t, "plan             %s\n", v->plan_id);
    arc_text_add(t, "fold accuracy   ");
    for (int f = 0; f < v->folds; f++)
        arc_text_add(t, " %.5f", v->fold_accuracy[f]);
    arc_text_add(t, "\n");
}

static void put_curve(arc_text *t, const arc_curve *c) {
    arc_text_add(t, "%-10s %-10s %-9s %-19s %-19s %s\n", "FAR", "threshold", "TAR", "95 % Wilson", "over identities",
                 "nearest flavour");
    for (int i = 0; i < c->operatings; i++) {
        const arc_operating_point *o = &c->operating[i];
        arc_text_add(t, "%-10g %-10.4f %-9.5f %.5f..%.5f  ", o->far_target, o->threshold, o->tar.value, o->tar.wilson.low,
                     o->tar.wilson.high);
        if (o->tar_bootstrap.low <= o->tar_bootstrap.high)
            arc_text_add(t, "%.5f..%.5f  ", o->tar_bootstrap.low, o->tar_bootstrap.high);
        else
            arc_text_add(t, "%-19s ", "-");
        arc_text_add(t, "%.5f%s\n", o->tar_nearest, o->supported ? "" : "  too few impostor pairs");
    }
}

static void put_identification(arc_text *t, const arc_identification *d) {
    arc_text_add(t, "gallery          %lld templates of %lld identities, %lld distractors\n", (long long)d->gallery,
                 (long long)d->gallery_identities, (long long)d->distractors);
    arc_text_add(t, "searches         %lld with a mate, %lld without\n", (long long)d->mated, (long long)d->nonmated);
    static const int ranks[] = {1, 5, 10, 20, 50, 100};
    for (int i = 0; i < (int)(sizeof ranks / sizeof ranks[0]); i++)
        if (ranks[i] <= d->cmc_ranks)
            arc_text_add(t, "rank-%-11d %.5f (%.5f to %.5f)\n", ranks[i], d->cmc[ranks[i] - 1].value,
                         d->cmc[ranks[i] - 1].wilson.low, d->cmc[ranks[i] - 1].wilson.high);
    for (int i = 0; i < d->open_sets; i++) {
        const arc_operating_point *o = &d->open_set[i];
        arc_text_add(t, "DIR@FPIR=%-7g %.5f (%.5f to %.5f), FNIR %.5f, threshold %.4f%s\n", o->far_target, o->tar.value,
                     o->tar.wilson.low, o->tar.wilson.high, 1 - o->tar.value, o->threshold,
                     o->supported ? "" : "  too few searches without a mate");
    }
    for (int i = 0; i < d->wrong_pairs; i++)
        arc_text_add(t, "TPIR@%-11g %.5f, threshold %.4f (InsightFace's flavour)\n", d->wrong_pairs_fpir[i],
                     d->wrong_pairs_tpir[i], d->wrong_pairs_threshold[i]);
}

void arc_describe_provenance(arc_text *t, const arc_provenance *p) {
    arc_text_add(t, "model            %s, SHA-256 %.12s\ncontract         %s\n", p->model,
                 *p->model_sha256 ? p->model_sha256 : "-", p->contract);
    arc_text_add(t, "set              %s, SHA-256 %.12s; %s\n", p->set, p->set_sha256,
                 *p->lineage ? p->lineage : "not a set known here");
    arc_text_add(t, "rule             %s\n", p->rule);
    arc_text_add(t, "engine           arcface %s, %s, %s\n", p->engine, p->isa, p->precision);
}

void arc_describe_evaluation(arc_text *t, const arc_evaluation *e) {
    if (e->verification.pairs)
        put_verification(t, &e->verification);
    else if (e->curve.genuine + e->curve.impostor)
        arc_text_add(t, "pairs            %lld genuine, %lld impostor\n", (long long)e->curve.genuine,
                     (long long)e->curve.impostor);
    if (!e->verification.pairs && e->curve.genuine && e->curve.impostor)
        arc_text_add(t, "AUC              %.6f\nEER              %.5f\n", e->curve.auc, e->curve.eer);
    if (e->accuracy_bootstrap.low <= e->accuracy_bootstrap.high)
        arc_text_add(t, "over identities  accuracy at the best threshold %.5f to %.5f (bootstrap, %lld identities)\n",
                     e->accuracy_bootstrap.low, e->accuracy_bootstrap.high, (long long)e->identities);
    if (e->curve.genuine && e->curve.impostor)
        put_curve(t, &e->curve);
    if (e->identification.mated + e->identification.nonmated)
        put_identification(t, &e->identification);
    for (int k = 0; k < e->galleries_alone; k++) {
        arc_text_add(t, "--- gallery %d alone\n", k + 1);
        put_identification(t, &e->gallery_alone[k]);
    }
    if (e->galleries_alone)
        arc_text_add(t, "---\n");
    arc_describe_provenance(t, &e->provenance);
}

arc_status arc_evaluation_describe(arc_context *ctx, const arc_evaluation *e, bool json, char **text, arc_error *err) {
    arc_text t;
    arc_text_begin(&t, &ctx->alloc);
    (json ? arc_describe_evaluation_json : arc_describe_evaluation)(&t, e);
    return arc_text_end(&t, text, err);
}
