/* generate: the metrics as text and as JSON. */
#include "base/text.h"
#include <arcface/generate_eval.h>
#include <stdio.h>
#include <string.h>

static const char *const pair_name[ARC_GENERATE_PAIR_KINDS] = {"real with real", "generated with real",
                                                               "generated with generated"};
static const char *const pair_key[ARC_GENERATE_PAIR_KINDS] = {"real_real", "generated_real", "generated_generated"};

/* ---- for people ---- */

/* Of the kinds of pairs the one that the paper's column means: both sides generated where there are such pairs. */
static const arc_generate_accuracy *paper_accuracy(const arc_generate_verdict *v) {
    const arc_generate_accuracy *both = &v->accuracy[ARC_GENERATE_GENERATED_GENERATED];
    return both->folds ? both : &v->accuracy[ARC_GENERATE_GENERATED_REAL];
}

/* The rows of the paper's tables: distance, cosine, accuracy. */
static void add_table(arc_text *t, const arc_generate_eval *e) {
    arc_text_add(t, "%-34s %10s %8s %10s\n", "seen by", "distance", "cosine", "accuracy");
    for (int i = 0; i < e->verdicts; i++) {
        const arc_generate_verdict *v = &e->verdict[i];
        const arc_generate_cosines *c = v->generating && v->target.count ? &v->target : &v->real;
        const arc_generate_accuracy *a = paper_accuracy(v);
        char name[64], distance[32] = "-", cosine[32] = "-", accuracy[32] = "-";
        snprintf(name, sizeof name, "%.20s%s", v->model, v->generating ? " (generating)" : " (judge)");
        if (e->has_frechet && i == (e->verdicts > 1)) /* of the first judge's features, where no other network has them */
            snprintf(distance, sizeof distance, "%.4g", e->frechet);
        if (c->count)
            snprintf(cosine, sizeof cosine, "%.4f", c->mean);
        if (a->folds)
            snprintf(accuracy, sizeof accuracy, "%.2f %%", 100 * a->accuracy);
        arc_text_add(t, "%-34s %10s %8s %10s\n", name, distance, cosine, accuracy);
    }
}

static void add_cosines(arc_text *t, const char *with, const arc_generate_cosines *c) {
    if (c->count)
        arc_text_add(t, "  cosine with %s: mean %.4f, 5 %% below %.4f, median %.4f, 95 %% below %.4f, least %.4f (%lld faces)\n",
                     with, c->mean, c->p5, c->median, c->p95, c->least, (long long)c->count);
}

static void add_accuracies(arc_text *t, const arc_generate_verdict *v) {
    if (!v->accuracy[ARC_GENERATE_REAL_REAL].pairs)
        return;
    arc_text_add(t, "  pairs, at the best threshold of the real ones (cosine %.2f):\n", v->threshold);
    for (int kind = 0; kind < ARC_GENERATE_PAIR_KINDS; kind++) {
        const arc_generate_accuracy *a = &v->accuracy[kind];
        if (!a->pairs) {
            arc_text_add(t, "    %-24s  no such pairs\n", pair_name[kind]);
            continue;
        }
        arc_text_add(t, "    %-24s %6.2f %% of %lld (%lld of one person)", pair_name[kind], 100 * a->at_threshold,
                     (long long)a->pairs, (long long)a->genuine);
        if (a->folds)
            arc_text_add(t, "; %d folds: %.3f +- %.3f %%", a->folds, 100 * a->accuracy, 100 * a->accuracy_std);
        arc_text_add(t, "\n");
    }
}

static void add_verdict(arc_text *t, const arc_generate_verdict *v) {
    arc_text_add(t, "\n%s%s\n", v->model, v->generating ? ", which the faces were generated with" : ", judge");
    add_cosines(t, "the target", &v->target);
    add_cosines(t, "real pictures of the person", &v->real);
    if (v->same_pairs)
        arc_text_add(t, "  diversity: mean cosine %.4f of two faces of one identity (%lld pairs)\n", v->same,
                     (long long)v->same_pairs);
    if (v->other_pairs)
        arc_text_add(t, "  mean cosine of two identities: %.4f (%lld pairs)\n", v->other, (long long)v->other_pairs);
    add_accuracies(t, v);
}

static void add_distance(arc_text *t, const arc_generate_eval *e) {
    arc_text_add(t, "\nFrechet distance of %lld generated and %lld real faces: %.6g (means %.6g)\n", (long long)e->faces,
                 (long long)e->real, e->frechet, e->frechet_means);
    arc_text_add(t, "  features: %d numbers of %s%s\n", e->features_dim, e->features,
                 e->own_features ? ", embeddings of unit length: no FID, and not to be compared with one" : "");
    if (e->frechet_rank[0] < e->features_dim || e->frechet_rank[1] < e->features_dim)
        arc_text_add(
            t,
            "  covariances have ranks %d and %d of %d: with so few pictures the distance is too large, and only those of "
            "equally many compare\n",
            e->frechet_rank[0], e->frechet_rank[1], e->features_dim);
}

/* ---- for programs ---- */

static void json_cosines(arc_text *t, const char *name, const arc_generate_cosines *c) {
    arc_text_add(t, ", \"%s\": ", name);
    if (c->count)
        arc_text_add(t, "{\"count\": %lld, \"mean\": %.9g, \"least\": %.9g, \"p5\": %.9g, \"median\": %.9g, \"p95\": %.9g}",
                     (long long)c->count, c->mean, c->least, c->p5, c->median, c->p95);
    else
        arc_text_add(t, "null");
}

static void json_accuracies(arc_text *t, const arc_generate_verdict *v) {
    if (!v->accuracy[ARC_GENERATE_REAL_REAL].pairs) {
        arc_text_add(t, ", \"pairs\": null");
        return;
    }
    arc_text_add(t, ", \"pairs\": {\"threshold\": %.9g", v->threshold);
    for (int kind = 0; kind < ARC_GENERATE_PAIR_KINDS; kind++) {
        const arc_generate_accuracy *a = &v->accuracy[kind];
        arc_text_add(t, ", \"%s\": {\"pairs\": %lld, \"genuine\": %lld, \"at_threshold\": %.9g", pair_key[kind],
                     (long long)a->pairs, (long long)a->genuine, a->at_threshold);
        if (a->folds)
            arc_text_add(t, ", \"folds\": %d, \"accuracy\": %.9g, \"accuracy_std\": %.9g", a->folds, a->accuracy,
                         a->accuracy_std);
        arc_text_add(t, "}");
    }
    arc_text_add(t, "}");
}

static void json_verdict(arc_text *t, const arc_generate_verdict *v) {
    arc_text_add(t, "{\"model\": ");
    arc_text_quote(t, v->model);
    arc_text_add(t, ", \"generating\": %s", arc_text_bool(v->generating));
    json_cosines(t, "target", &v->target);
    json_cosines(t, "real", &v->real);
    arc_text_add(t, ", \"same\": {\"pairs\": %lld, \"cosine\": %.9g}, \"other\": {\"pairs\": %lld, \"cosine\": %.9g}",
                 (long long)v->same_pairs, v->same, (long long)v->other_pairs, v->other);
    json_accuracies(t, v);
    arc_text_add(t, "}");
}

static void json_all(arc_text *t, const arc_generate_eval *e) {
    arc_text_add(t, "{\"faces\": %lld, \"identities\": %lld, \"models\": [", (long long)e->faces, (long long)e->identities);
    for (int i = 0; i < e->verdicts; i++) {
        arc_text_add(t, i ? ", " : "");
        json_verdict(t, &e->verdict[i]);
    }
    arc_text_add(t, "], \"frechet\": ");
    if (e->has_frechet) {
        arc_text_add(t,
                     "{\"distance\": %.12g, \"means\": %.12g, \"real\": %lld, \"dim\": %d, \"ranks\": [%d, %d], \"embeddings\": "
                     "%s, \"features\": ",
                     e->frechet, e->frechet_means, (long long)e->real, e->features_dim, e->frechet_rank[0], e->frechet_rank[1],
                     arc_text_bool(e->own_features));
        arc_text_quote(t, e->features);
        arc_text_add(t, "}");
    } else {
        arc_text_add(t, "null");
    }
    arc_text_add(t, "}\n");
}

arc_status arc_generate_eval_describe(arc_context *ctx, const arc_generate_eval *eval, bool json, char **text, arc_error *err) {
    arc_text t;
    arc_text_begin(&t, &ctx->alloc);
    if (json) {
        json_all(&t, eval);
    } else {
        arc_text_add(&t, "%lld generated faces of %lld identities\n\n", (long long)eval->faces, (long long)eval->identities);
        add_table(&t, eval);
        for (int i = 0; i < eval->verdicts; i++)
            add_verdict(&t, &eval->verdict[i]);
        if (eval->has_frechet)
            add_distance(&t, eval);
    }
    return arc_text_end(&t, text, err);
}
