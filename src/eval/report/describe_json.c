/* eval: an evaluation as one JSON object: everything except the scores of single pairs. */
#include "eval/report/report_internal.h"

static void put_array(arc_text *t, const char *name, const double *x, int count) {
    arc_text_add(t, " ");
    arc_text_numbers(t, name, x, count);
    arc_text_add(t, ",\n");
}

static void json_rate(arc_text *t, const char *name, const arc_rate *r) {
    arc_text_add(t, "\"%s\": {\"value\": %.17g, \"hits\": %lld, \"trials\": %lld, \"low\": %.9g, \"high\": %.9g}", name, r->value,
                 (long long)r->hits, (long long)r->trials, r->wilson.low, r->wilson.high);
}

static void json_verification(arc_text *t, const arc_verification *v) {
    arc_text_add(
        t, " \"pairs\": %d, \"genuine\": %d, \"impostor\": %d, \"folds\": %d, \"flip\": %s, \"dim\": %d, \"plan\": \"%s\",\n",
        v->pairs, v->genuine, v->impostor, v->folds, arc_text_bool(v->flip), v->dim, v->plan_id);
    arc_text_add(t, " \"accuracy\": %.17g, \"accuracy_std\": %.17g, \"best_threshold_cosine\": %.17g,\n", v->accuracy,
                 v->accuracy_std, v->best_threshold_cosine);
    arc_text_add(t, " ");
    json_rate(t, "correct", &v->correct);
    arc_text_add(t, ",\n");
    put_array(t, "fold_accuracy", v->fold_accuracy, v->folds);
    put_array(t, "fold_threshold", v->fold_threshold, v->folds);
    put_array(t, "fold_tar", v->fold_tar, v->folds);
    put_array(t, "fold_far", v->fold_far, v->folds);
    arc_text_add(t, " \"far_target\": %.17g, \"tar\": %.17g, \"tar_std\": %.17g, \"far\": %.17g,\n", v->far_target, v->tar,
                 v->tar_std, v->far);
    arc_text_add(t, " \"auc\": %.17g, \"eer\": %.17g, \"auc_facenet\": %.17g, \"eer_facenet\": %.17g, \"xnorm\": %.17g,\n",
                 v->auc, v->eer, v->auc_grid, v->eer_grid, v->xnorm);
    arc_text_add(t, " \"mean_genuine_cosine\": %.17g, \"mean_impostor_cosine\": %.17g,\n", v->mean_genuine_cosine,
                 v->mean_impostor_cosine);
}

static void json_operating(arc_text *t, const arc_operating_point *o, const char *far, const char *tar) {
    arc_text_add(t, "{\"target\": %.17g, \"threshold\": %.17g, \"supported\": %s, ", o->far_target, o->threshold,
                 arc_text_bool(o->supported));
    json_rate(t, far, &o->far);
    arc_text_add(t, ", ");
    json_rate(t, tar, &o->tar);
    if (o->tar_bootstrap.low <= o->tar_bootstrap.high)
        arc_text_add(t, ", \"%s_over_identities\": [%.9g, %.9g]", tar, o->tar_bootstrap.low, o->tar_bootstrap.high);
}

static void json_curve(arc_text *t, const arc_curve *c) {
    arc_text_add(t,
                 " \"curve\": {\"genuine\": %lld, \"impostor\": %lld, \"auc\": %.17g, \"eer\": %.17g, \"eer_threshold\": %.17g,\n"
                 "  \"mean_genuine\": %.17g, \"std_genuine\": %.17g, \"mean_impostor\": %.17g, \"std_impostor\": %.17g,\n  "
                 "\"operating\": [",
                 (long long)c->genuine, (long long)c->impostor, c->auc, c->eer, c->eer_threshold, c->mean_genuine, c->std_genuine,
                 c->mean_impostor, c->std_impostor);
    for (int i = 0; i < c->operatings; i++) {
        arc_text_add(t, "%s\n   ", i ? "," : "");
        json_operating(t, &c->operating[i], "far", "tar");
        arc_text_add(t, ", \"far_nearest\": %.17g, \"tar_nearest\": %.17g}", c->operating[i].far_nearest,
                     c->operating[i].tar_nearest);
    }
    arc_text_add(t, "]},\n");
}

static void json_identification(arc_text *t, const arc_identification *d) {
    arc_text_add(t,
                 "{\"gallery\": %lld, \"gallery_identities\": %lld, \"distractors\": %lld, \"mated\": %lld, "
                 "\"nonmated\": %lld,\n  \"cmc\": [",
                 (long long)d->gallery, (long long)d->gallery_identities, (long long)d->distractors, (long long)d->mated,
                 (long long)d->nonmated);
    for (int i = 0; i < d->cmc_ranks; i++)
        arc_text_add(t, "%s%.17g", i ? ", " : "", d->cmc[i].value);
    arc_text_add(t, "],\n  ");
    if (d->cmc_ranks)
        json_rate(t, "rank1", &d->cmc[0]);
    arc_text_add(t, "%s\"open_set\": [", d->cmc_ranks ? ", " : "");
    for (int i = 0; i < d->open_sets; i++) {
        arc_text_add(t, "%s\n   ", i ? "," : "");
        json_operating(t, &d->open_set[i], "fpir", "dir");
        arc_text_add(t, "}");
    }
    arc_text_add(t, "],\n  \"wrong_pairs\": [");
    for (int i = 0; i < d->wrong_pairs; i++)
        arc_text_add(t, "%s{\"fpir\": %.17g, \"tpir\": %.17g, \"threshold\": %.17g}", i ? ", " : "", d->wrong_pairs_fpir[i],
                     d->wrong_pairs_tpir[i], d->wrong_pairs_threshold[i]);
    arc_text_add(t, "]}");
}

static void json_pairs(arc_text *t, const char *name, const arc_pair_score *p, int count) {
    arc_text_add(t, " \"%s\": [", name);
    for (int i = 0; i < count; i++) {
        arc_text_add(t, "%s\n  {\"cosine\": %.9g, \"a\": ", i ? "," : "", p[i].score);
        arc_text_quote(t, p[i].name[0]);
        arc_text_add(t, ", \"b\": ");
        arc_text_quote(t, p[i].name[1]);
        arc_text_add(t, "}");
    }
    arc_text_add(t, "],\n");
}

static void json_string(arc_text *t, const char *name, const char *value, const char *end) {
    arc_text_add(t, "\"%s\": ", name);
    arc_text_quote(t, value);
    arc_text_add(t, "%s", end);
}

void arc_describe_provenance_json(arc_text *t, const arc_provenance *p) {
    arc_text_add(t, "{");
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
    arc_text_add(t, "\"seed\": %llu}", (unsigned long long)p->seed);
}

void arc_describe_evaluation_json(arc_text *t, const arc_evaluation *e) {
    arc_text_add(t, "{");
    json_string(t, "protocol", e->protocol, "");
    arc_text_add(t, ", \"images\": %lld, \"identities\": %lld, \"missing\": %lld,\n", (long long)e->images,
                 (long long)e->identities, (long long)e->missing);
    if (e->verification.pairs)
        json_verification(t, &e->verification);
    if (e->accuracy_bootstrap.low <= e->accuracy_bootstrap.high)
        arc_text_add(t, " \"accuracy_over_identities\": [%.9g, %.9g],\n", e->accuracy_bootstrap.low, e->accuracy_bootstrap.high);
    if (e->curve.genuine + e->curve.impostor)
        json_curve(t, &e->curve);
    if (e->identification.mated + e->identification.nonmated) {
        arc_text_add(t, " \"identification\": ");
        json_identification(t, &e->identification);
        arc_text_add(t, ",\n");
    }
    for (int k = 0; k < e->galleries_alone; k++) {
        arc_text_add(t, k ? ",\n  " : " \"galleries_alone\": [\n  ");
        json_identification(t, &e->gallery_alone[k]);
    }
    if (e->galleries_alone)
        arc_text_add(t, "],\n");
    json_pairs(t, "worst_genuine", e->worst_genuine, e->worst_genuines);
    json_pairs(t, "worst_impostor", e->worst_impostor, e->worst_impostors);
    arc_text_add(t, " \"missing_images\": [");
    for (int i = 0; i < e->missing_images; i++) {
        arc_text_add(t, "%s\n  {", i ? "," : "");
        json_string(t, "name", e->missing_image[i].name, ", ");
        json_string(t, "why", e->missing_image[i].why, "}");
    }
    arc_text_add(t, "],\n \"notes\": [");
    for (int i = 0; i < e->notes; i++) {
        arc_text_add(t, "%s\n  ", i ? "," : "");
        arc_text_quote(t, e->note[i]);
    }
    arc_text_add(t, "],\n \"provenance\": ");
    arc_describe_provenance_json(t, &e->provenance);
    arc_text_add(t, "}\n");
}
