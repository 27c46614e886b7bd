/* train: runs the recipe's evaluation sets on the current weights. The protocols are in eval/. */
#include "train/trainer/trainer_internal.h"
#include <arcface/evaluate.h>
#include <stdio.h>
#include <string.h>

static arc_status run_set(arc_trainer *t, const arc_model *model, char *spec, arc_verification *out, arc_error *err) {
    arc_evaluate_options o;
    arc_evaluation *e = NULL;
    arc_status st;
    arc_evaluate_options_default(&o);
    o.strict = true;
    o.checks = false;
    o.bootstrap = 0;
    char *colon = strchr(spec, ':');
    if (!colon) {
        st = arc_evaluate_bin(t->ctx, model, spec, &o, &e, err);
    } else {
        *colon = '\0';
        st = arc_evaluate_pairs(t->ctx, model, spec, colon + 1, &o, &e, err);
        *colon = ':';
    }
    if (st == ARC_OK)
        *out = e->verification;
    arc_evaluation_free(t->ctx, &e);
    return st;
}

arc_status arc_train_evaluate(arc_trainer *t, double *mean, arc_error *err) {
    char list[ARC_RECIPE_TEXT], path[ARC_TRAIN_PATH];
    arc_model model;
    arc_verification v;
    int sets = 0;
    double sum = 0;
    *mean = -1;
    if (!t->recipe.evaluate[0])
        return ARC_OK;
    memcpy(list, t->recipe.evaluate, sizeof list);
    arc_status st = arc_train_graph(t, &model, err);
    if (st != ARC_OK)
        return st;
    for (char *spec = list, *next; spec && *spec; spec = next) {
        next = strchr(spec, ',');
        if (next)
            *next++ = '\0';
        ARC_TRY(run_set(t, &model, spec, &v, err));
        ARC_TRY(arc_journal_accuracy(t, arc_path_name(spec), v.accuracy, v.accuracy_std, err));
        arc_train_say(t, "step %lld: %s %.5f+-%.5f", (long long)t->at.step, arc_path_name(spec), v.accuracy, v.accuracy_std);
        sum += v.accuracy;
        sets++;
    }
    *mean = sets ? sum / sets : -1;
    if (*mean > t->at.best) {
        t->at.best = *mean;
        t->at.best_step = t->at.step;
        snprintf(path, sizeof path, "%s/best.onnx", t->options->run);
        st = arc_model_save(t->ctx, &model, path, err);
    }
done:
    arc_graph_free(&model.graph);
    return st;
}
