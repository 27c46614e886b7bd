/* An evaluation as text and as JSON. */
#include "ui/evaluations.h"
#include <stdio.h>

void cli_print_verification(const arc_verification *v) {
    cli_text t = {0};
    cli_put_verification(&t, v);
    cli_text_print(&t);
}

void cli_put_verification(cli_text *t, const arc_verification *v) {
    cli_printf(t, "pairs            %d (%d genuine, %d impostor), %d folds\n", v->pairs, v->genuine, v->impostor, v->folds);
    cli_printf(t, "Accuracy%s %.5f+-%.5f\n", v->flip ? "-Flip   " : "        ", v->accuracy, v->accuracy_std);
    cli_printf(t, "95 %% interval    %.5f to %.5f (Wilson, %d pairs)\n", v->correct.wilson.low, v->correct.wilson.high, v->pairs);
    cli_printf(t, "best threshold   cosine %.4f\n", v->best_threshold_cosine);
    cli_printf(t, "TAR@FAR=%-8g %.5f+-%.5f (FAR %.5f)\n", v->far_target, v->tar, v->tar_std, v->far);
    cli_printf(t, "AUC              %.6f exact, %.6f facenet\nEER              %.5f exact, %.5f facenet\n", v->auc, v->auc_grid,
               v->eer, v->eer_grid);
    cli_printf(t, "XNorm            %.4f\n", v->xnorm);
    cli_printf(t, "mean cosine      genuine %.4f, impostor %.4f\n", v->mean_genuine_cosine, v->mean_impostor_cosine);
    if (*v->plan_id)
        cli_printf(t, "plan             %s\n", v->plan_id);
    cli_printf(t, "fold accuracy   ");
    for (int f = 0; f < v->folds; f++)
        cli_printf(t, " %.5f", v->fold_accuracy[f]);
    cli_printf(t, "\n");
}

static void put_curve(cli_text *t, const arc_curve *c) {
    cli_printf(t, "%-10s %-10s %-9s %-19s %-19s %s\n", "FAR", "threshold", "TAR", "95 % Wilson", "over identities",
               "nearest flavour");
    for (int i = 0; i < c->operatings; i++) {
        const arc_operating_point *o = &c->operating[i];
        cli_printf(t, "%-10g %-10.4f %-9.5f %.5f..%.5f  ", o->far_target, o->threshold, o->tar.value, o->tar.wilson.low,
                   o->tar.wilson.high);
        if (o->tar_bootstrap.low <= o->tar_bootstrap.high)
            cli_printf(t, "%.5f..%.5f  ", o->tar_bootstrap.low, o->tar_bootstrap.high);
        else
            cli_printf(t, "%-19s ", "-");
        cli_printf(t, "%.5f%s\n", o->tar_nearest, o->supported ? "" : "  too few impostor pairs");
    }
}

static void put_identification(cli_text *t, const arc_identification *d) {
    cli_printf(t, "gallery          %lld templates of %lld identities, %lld distractors\n", (long long)d->gallery,
               (long long)d->gallery_identities, (long long)d->distractors);
    cli_printf(t, "searches         %lld with a mate, %lld without\n", (long long)d->mated, (long long)d->nonmated);
    static const int ranks[] = {1, 5, 10, 20, 50, 100};
    for (int i = 0; i < CLI_COUNT(ranks); i++)
        if (ranks[i] <= d->cmc_ranks)
            cli_printf(t, "rank-%-11d %.5f (%.5f to %.5f)\n", ranks[i], d->cmc[ranks[i] - 1].value,
                       d->cmc[ranks[i] - 1].wilson.low, d->cmc[ranks[i] - 1].wilson.high);
    for (int i = 0; i < d->open_sets; i++) {
        const arc_operating_point *o = &d->open_set[i];
        cli_printf(t, "DIR@FPIR=%-7g %.5f (%.5f to %.5f), FNIR %.5f, threshold %.4f%s\n", o->far_target, o->tar.value,
                   o->tar.wilson.low, o->tar.wilson.high, 1 - o->tar.value, o->threshold,
                   o->supported ? "" : "  too few searches without a mate");
    }
    for (int i = 0; i < d->wrong_pairs; i++)
        cli_printf(t, "TPIR@%-11g %.5f, threshold %.4f (InsightFace's flavour)\n", d->wrong_pairs_fpir[i], d->wrong_pairs_tpir[i],
                   d->wrong_pairs_threshold[i]);
}

void cli_put_provenance(cli_text *t, const arc_provenance *p) {
    cli_printf(t, "model            %s, SHA-256 %.12s\ncontract         %s\n", p->model, *p->model_sha256 ? p->model_sha256 : "-",
               p->contract);
    cli_printf(t, "set              %s, SHA-256 %.12s; %s\n", p->set, p->set_sha256,
               *p->lineage ? p->lineage : "not a set known here");
    cli_printf(t, "rule             %s\n", p->rule);
    cli_printf(t, "engine           arcface %s, %s, %s\n", p->engine, p->isa, p->precision);
}

void cli_put_evaluation(cli_text *t, const arc_evaluation *e) {
    if (e->verification.pairs)
        cli_put_verification(t, &e->verification);
    else if (e->curve.genuine + e->curve.impostor)
        cli_printf(t, "pairs            %lld genuine, %lld impostor\n", (long long)e->curve.genuine,
                   (long long)e->curve.impostor);
    if (!e->verification.pairs && e->curve.genuine && e->curve.impostor)
        cli_printf(t, "AUC              %.6f\nEER              %.5f\n", e->curve.auc, e->curve.eer);
    if (e->accuracy_bootstrap.low <= e->accuracy_bootstrap.high)
        cli_printf(t, "over identities  accuracy at the best threshold %.5f to %.5f (bootstrap, %lld identities)\n",
                   e->accuracy_bootstrap.low, e->accuracy_bootstrap.high, (long long)e->identities);
    if (e->curve.genuine && e->curve.impostor)
        put_curve(t, &e->curve);
    if (e->identification.mated + e->identification.nonmated)
        put_identification(t, &e->identification);
    for (int k = 0; k < e->galleries_alone; k++) {
        cli_printf(t, "--- gallery %d alone\n", k + 1);
        put_identification(t, &e->gallery_alone[k]);
    }
    if (e->galleries_alone)
        cli_printf(t, "---\n");
    cli_put_provenance(t, &e->provenance);
}

/* ---- JSON ---- */

static void put_array(cli_text *t, const char *name, const double *x, int n) {
    cli_printf(t, " \"%s\": [", name);
    for (int i = 0; i < n; i++)
        cli_printf(t, "%s%.17g", i ? ", " : "", x[i]);
    cli_printf(t, "],\n");
}

static void json_rate(cli_text *t, const char *name, const arc_rate *r) {
    cli_printf(t, "\"%s\": {\"value\": %.17g, \"hits\": %lld, \"trials\": %lld, \"low\": %.9g, \"high\": %.9g}", name, r->value,
               (long long)r->hits, (long long)r->trials, r->wilson.low, r->wilson.high);
}

static void json_verification(cli_text *t, const arc_verification *v) {
    cli_printf(t,
               " \"pairs\": %d, \"genuine\": %d, \"impostor\": %d, \"folds\": %d, \"flip\": %s, \"dim\": %d, \"plan\": \"%s\",\n",
               v->pairs, v->genuine, v->impostor, v->folds, v->flip ? "true" : "false", v->dim, v->plan_id);
    cli_printf(t, " \"accuracy\": %.17g, \"accuracy_std\": %.17g, \"best_threshold_cosine\": %.17g,\n", v->accuracy,
               v->accuracy_std, v->best_threshold_cosine);
    cli_printf(t, " ");
    json_rate(t, "correct", &v->correct);
    cli_printf(t, ",\n");
    put_array(t, "fold_accuracy", v->fold_accuracy, v->folds);
    put_array(t, "fold_threshold", v->fold_threshold, v->folds);
    put_array(t, "fold_tar", v->fold_tar, v->folds);
    put_array(t, "fold_far", v->fold_far, v->folds);
    cli_printf(t, " \"far_target\": %.17g, \"tar\": %.17g, \"tar_std\": %.17g, \"far\": %.17g,\n", v->far_target, v->tar,
               v->tar_std, v->far);
    cli_printf(t, " \"auc\": %.17g, \"eer\": %.17g, \"auc_facenet\": %.17g, \"eer_facenet\": %.17g, \"xnorm\": %.17g,\n", v->auc,
               v->eer, v->auc_grid, v->eer_grid, v->xnorm);
    cli_printf(t, " \"mean_genuine_cosine\": %.17g, \"mean_impostor_cosine\": %.17g,\n", v->mean_genuine_cosine,
               v->mean_impostor_cosine);
}

static void json_operating(cli_text *t, const arc_operating_point *o, const char *far, const char *tar) {
    cli_printf(t, "{\"target\": %.17g, \"threshold\": %.17g, \"supported\": %s, ", o->far_target, o->threshold,
               o->supported ? "true" : "false");
    json_rate(t, far, &o->far);
    cli_printf(t, ", ");
    json_rate(t, tar, &o->tar);
    if (o->tar_bootstrap.low <= o->tar_bootstrap.high)
        cli_printf(t, ", \"%s_over_identities\": [%.9g, %.9g]", tar, o->tar_bootstrap.low, o->tar_bootstrap.high);
}

static void json_curve(cli_text *t, const arc_curve *c) {
    cli_printf(t,
               " \"curve\": {\"genuine\": %lld, \"impostor\": %lld, \"auc\": %.17g, \"eer\": %.17g, \"eer_threshold\": %.17g,\n"
               "  \"mean_genuine\": %.17g, \"std_genuine\": %.17g, \"mean_impostor\": %.17g, \"std_impostor\": %.17g,\n  "
               "\"operating\": [",
               (long long)c->genuine, (long long)c->impostor, c->auc, c->eer, c->eer_threshold, c->mean_genuine, c->std_genuine,
               c->mean_impostor, c->std_impostor);
    for (int i = 0; i < c->operatings; i++) {
        cli_printf(t, "%s\n   ", i ? "," : "");
        json_operating(t, &c->operating[i], "far", "tar");
        cli_printf(t, ", \"far_nearest\": %.17g, \"tar_nearest\": %.17g}", c->operating[i].far_nearest,
                   c->operating[i].tar_nearest);
    }
    cli_printf(t, "]},\n");
}

static void json_identification(cli_text *t, const arc_identification *d) {
    cli_printf(t,
               "{\"gallery\": %lld, \"gallery_identities\": %lld, \"distractors\": %lld, \"mated\": %lld, "
               "\"nonmated\": %lld,\n  \"cmc\": [",
               (long long)d->gallery, (long long)d->gallery_identities, (long long)d->distractors, (long long)d->mated,
               (long long)d->nonmated);
    for (int i = 0; i < d->cmc_ranks; i++)
        cli_printf(t, "%s%.17g", i ? ", " : "", d->cmc[i].value);
    cli_printf(t, "],\n  ");
    if (d->cmc_ranks)
        json_rate(t, "rank1", &d->cmc[0]);
    cli_printf(t, "%s\"open_set\": [", d->cmc_ranks ? ", " : "");
    for (int i = 0; i < d->open_sets; i++) {
        cli_printf(t, "%s\n   ", i ? "," : "");
        json_operating(t, &d->open_set[i], "fpir", "dir");
        cli_printf(t, "}");
    }
    cli_printf(t, "],\n  \"wrong_pairs\": [");
    for (int i = 0; i < d->wrong_pairs; i++)
        cli_printf(t, "%s{\"fpir\": %.17g, \"tpir\": %.17g, \"threshold\": %.17g}", i ? ", " : "", d->wrong_pairs_fpir[i],
                   d->wrong_pairs_tpir[i], d->wrong_pairs_threshold[i]);
    cli_printf(t, "]}");
}

static void json_pairs(cli_text *t, const char *name, const arc_pair_score *p, int count) {
    cli_printf(t, " \"%s\": [", name);
    for (int i = 0; i < count; i++) {
        cli_printf(t, "%s\n  {\"cosine\": %.9g, \"a\": ", i ? "," : "", p[i].score);
        cli_json_string(t, p[i].name[0]);
        cli_printf(t, ", \"b\": ");
        cli_json_string(t, p[i].name[1]);
        cli_printf(t, "}");
    }
    cli_printf(t, "],\n");
}

static void json_string(cli_text *t, const char *name, const char *value, const char *end) {
    cli_printf(t, "\"%s\": ", name);
    cli_json_string(t, value);
    cli_printf(t, "%s", end);
}

void cli_json_provenance(cli_text *t, const arc_provenance *p) {
    cli_printf(t, "{");
    json_string(t, "model", p->model, ", ");
    json_string(t, "model_sha256", p->model_sha256, ", ");
    json_string(t, "contract", p->contract, ",\n  ");
    json_string(t, "set", p->set, ", ");
    json_string(t, "set_sha256", p->set_sha256, ", ");
    json_string(t, "lineage", p->lineage, ",\n  ");
    json_string(t, "rule", p->rule, ",\n  ");
    json_string(t, "engine", p->engine, ", ");
    json_string(t, "isa", p->isa, ", ");
    json_string(t, "precision", p->precision, ", ");
    cli_printf(t, "\"seed\": %llu}", (unsigned long long)p->seed);
}

void cli_json_evaluation(cli_text *t, const arc_evaluation *e) {
    cli_printf(t, "{");
    json_string(t, "protocol", e->protocol, "");
    cli_printf(t, ", \"images\": %lld, \"identities\": %lld, \"missing\": %lld,\n", (long long)e->images,
               (long long)e->identities, (long long)e->missing);
    if (e->verification.pairs)
        json_verification(t, &e->verification);
    if (e->accuracy_bootstrap.low <= e->accuracy_bootstrap.high)
        cli_printf(t, " \"accuracy_over_identities\": [%.9g, %.9g],\n", e->accuracy_bootstrap.low, e->accuracy_bootstrap.high);
    if (e->curve.genuine + e->curve.impostor)
        json_curve(t, &e->curve);
    if (e->identification.mated + e->identification.nonmated) {
        cli_printf(t, " \"identification\": ");
        json_identification(t, &e->identification);
        cli_printf(t, ",\n");
    }
    for (int k = 0; k < e->galleries_alone; k++) {
        cli_printf(t, k ? ",\n  " : " \"galleries_alone\": [\n  ");
        json_identification(t, &e->gallery_alone[k]);
    }
    if (e->galleries_alone)
        cli_printf(t, "],\n");
    json_pairs(t, "worst_genuine", e->worst_genuine, e->worst_genuines);
    json_pairs(t, "worst_impostor", e->worst_impostor, e->worst_impostors);
    cli_printf(t, " \"missing_images\": [");
    for (int i = 0; i < e->missing_images; i++) {
        cli_printf(t, "%s\n  {", i ? "," : "");
        json_string(t, "name", e->missing_image[i].name, ", ");
        json_string(t, "why", e->missing_image[i].why, "}");
    }
    cli_printf(t, "],\n \"notes\": [");
    for (int i = 0; i < e->notes; i++) {
        cli_printf(t, "%s\n  ", i ? "," : "");
        cli_json_string(t, e->note[i]);
    }
    cli_printf(t, "],\n \"provenance\": ");
    cli_json_provenance(t, &e->provenance);
    cli_printf(t, "}\n");
}
