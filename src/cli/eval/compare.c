/* arcface eval compare: two models on one set of pairs. */
#include "ui/evaluations.h"
#include <arcface/evaluate_compare.h>
#include <stdio.h>

static const char *verdict(const arc_comparison *k) {
    return k->mcnemar_p >= 0.05 ? "no difference shown" : k->only_b > k->only_a ? "B is better" : "A is better";
}

static void print_plain(cli_text *t, const arc_comparison *k, const arc_evaluation *const e[2]) {
    for (int i = 0; i < 2; i++)
        cli_printf(t, "%c                %s: accuracy %.5f+-%.5f\n", "AB"[i], e[i] -> provenance.model,
                   e[i]->verification.accuracy, e[i]->verification.accuracy_std);
    cli_printf(t, "decisions        only A right %lld, only B right %lld of %lld pairs; McNemar exact p = %.3g: %s\n",
               (long long)k->only_a, (long long)k->only_b, (long long)k->pairs, k->mcnemar_p, verdict(k));
    for (int i = 0; i < k->operatings; i++) {
        cli_printf(t, "TAR@FAR=%-8g B - A = %+.5f", k->far_target[i], k->tar_difference[i]);
        if (k->difference[i].low <= k->difference[i].high)
            cli_printf(t, "  95 %% over identities %+.5f to %+.5f", k->difference[i].low, k->difference[i].high);
        cli_printf(t, "%s\n", e[0]->curve.operating[i].supported ? "" : "  too few impostor pairs");
    }
    for (int i = 0; i < 2; i++) {
        cli_printf(t, "--- %c\n", "AB"[i]);
        cli_put_provenance(t, &e[i]->provenance);
    }
}

static void print_json(cli_text *t, const arc_comparison *k, const arc_evaluation *const e[2]) {
    cli_printf(
        t,
        "{\"accuracy\": [%.17g, %.17g], \"pairs\": %lld, \"only_a\": %lld, \"only_b\": %lld, \"mcnemar_p\": %.9g,\n \"tar\": [",
        e[0]->verification.accuracy, e[1]->verification.accuracy, (long long)k->pairs, (long long)k->only_a, (long long)k->only_b,
        k->mcnemar_p);
    for (int i = 0; i < k->operatings; i++) {
        cli_printf(t, "%s\n  {\"far\": %.9g, \"difference\": %.9g", i ? "," : "", k->far_target[i], k->tar_difference[i]);
        if (k->difference[i].low <= k->difference[i].high)
            cli_printf(t, ", \"low\": %.9g, \"high\": %.9g", k->difference[i].low, k->difference[i].high);
        cli_printf(t, "}");
    }
    cli_printf(t, "],\n \"provenance\": [");
    for (int i = 0; i < 2; i++) {
        cli_printf(t, i ? ",\n  " : "");
        cli_json_provenance(t, &e[i]->provenance);
    }
    cli_printf(t, "]}\n");
}

static void put_test(arc_page *page, const arc_comparison *k, const arc_evaluation *const e[2]) {
    static const char *const heads[] = {"FAR wanted", "TAR of B - TAR of A", "95 % (identities)", ""};
    char text[200], cell[ARC_MAX_OPERATING][3][48];
    const char *cells[ARC_MAX_OPERATING * CLI_COUNT(heads)];
    snprintf(text, sizeof text, "Of %lld decisions only A has %lld right, only B %lld: %s (McNemar exact p = %.3g).",
             (long long)k->pairs, (long long)k->only_a, (long long)k->only_b, verdict(k), k->mcnemar_p);
    arc_page_text(page, text);
    for (int i = 0; i < k->operatings; i++) {
        const arc_interval *d = &k->difference[i];
        snprintf(cell[i][0], sizeof cell[i][0], "%g", k->far_target[i]);
        snprintf(cell[i][1], sizeof cell[i][1], "%+.3f %%", 100 * k->tar_difference[i]);
        snprintf(cell[i][2], sizeof cell[i][2], d->low <= d->high ? "%+.3f to %+.3f %%" : "-", 100 * d->low, 100 * d->high);
        for (int column = 0; column < 3; column++)
            cells[4 * i + column] = cell[i][column];
        cells[4 * i + 3] = e[0]->curve.operating[i].supported ? "" : "too few impostor pairs for this FAR";
    }
    arc_page_table(page, "Is the difference more than chance?", heads, CLI_COUNT(heads), cells, k->operatings);
}

static arc_status put_page(cli *c, const arc_comparison *k, const arc_evaluation *const e[2], const char *const names[2],
                           const char *path, arc_error *err) {
    arc_page *page;
    arc_status st = arc_page_new(c->ctx, "Comparison of models", e[0]->provenance.rule, &page, err);
    if (st != ARC_OK)
        return st;
    put_test(page, k, e);
    st = arc_evaluation_onto_page(c->ctx, e, names, 2, page, err);
    if (st == ARC_OK)
        st = arc_page_save(page, path, err);
    arc_page_free(&page);
    return st;
}

/* Both models may bear one name: the letters tell them apart. */
static int draw(cli *c, const arc_comparison *k, const arc_evaluation *const e[2]) {
    const char *report = cli_value(c, "report"), *plot = cli_value(c, "plot");
    char name[2][256], base[250];
    arc_error err = {0};
    for (int i = 0; i < 2; i++) {
        cli_base_name(e[i]->provenance.model, base, sizeof base);
        snprintf(name[i], sizeof name[i], "%c: %s", "AB"[i], base);
    }
    const char *const names[] = {name[0], name[1]};
    if (report && put_page(c, k, e, names, report, &err) != ARC_OK)
        return cli_fail_write(&err);
    if (plot && arc_evaluation_plot(c->ctx, e, names, 2, plot, &err) != ARC_OK)
        return cli_fail_write(&err);
    return CLI_OK;
}

static int compare(cli *c, const arc_evaluate_options *opt, arc_model *const model[2], arc_evaluation *e[2]) {
    const char *images = cli_value(c, "images"), *pairs = cli_value(c, "pairs"), *bin = cli_value(c, "bin");
    arc_comparison k;
    arc_error err = {0};
    for (int i = 0; i < 2; i++) {
        arc_status st = bin ? arc_evaluate_bin(c->ctx, model[i], bin, opt, &e[i], &err)
                            : arc_evaluate_pairs(c->ctx, model[i], images, pairs, opt, &e[i], &err);
        if (st != ARC_OK)
            return cli_fail(&err);
    }
    int replicates = 1000;
    cli_int(c, "bootstrap", &replicates);
    if (arc_evaluation_compare(c->ctx, e[0], e[1], replicates, opt->seed, &k, &err) != ARC_OK)
        return cli_fail(&err);
    cli_text t = {0};
    (cli_given(c, "json") ? print_json : print_plain)(&t, &k, (const arc_evaluation *const *)e);
    cli_text_print(&t);
    eval_warn(c, e[0], NULL);
    eval_warn(c, e[1], e[0]);
    return draw(c, &k, (const arc_evaluation *const *)e);
}

static int run(cli *c) {
    eval_command v;
    arc_model *other = NULL;
    arc_evaluation *e[2] = {NULL, NULL};
    if (!cli_value(c, "bin") && !(cli_value(c, "images") && cli_value(c, "pairs")))
        return cli_usage(c, "eval compare needs --images FOLDER and --pairs FILE, or --bin FILE");
    for (int i = 0; i < c->options; i++) /* A is the model of the shared options */
        if (c->option[i]->letter == 'm')
            c->value[i] = c->args[0];
    int code = eval_open(c, &v);
    if (code != CLI_OK)
        return code;
    v.opt.bootstrap = 0;
    v.opt.checks = false;
    code = cli_load_any(c, c->args[1], ARC_TASK_EMBED, &other);
    if (code == CLI_OK)
        code = compare(c, &v.opt, (arc_model *[]){v.model, other}, e);
    cli_progress_end(&v.bar);
    for (int i = 0; i < 2; i++)
        arc_evaluation_free(c->ctx, &e[i]);
    arc_model_free(&other);
    arc_model_free(&v.model);
    arc_model_free(&v.detector);
    return code;
}

static const cli_option options[] = {
    CLI_FOLDER("images", 0, "FOLDER", NULL, "the folder that the paths of the list start in"),
    CLI_FILE("pairs", 0, "FILE", NULL, "a list of pairs (as eval pairs)"),
    CLI_FILE("bin", 0, "FILE", NULL, "or an InsightFace .bin set (it names no identities: no bootstrap)"),
    EVAL_FOLD_OPTIONS,
    EVAL_FACE_OPTIONS,
    CLI_WHOLE("bootstrap", 0, "N", 0, 100000, "1000", "replicates over identities, 0 = none"),
    CLI_WHOLE("seed", 0, "N", 0, INT32_MAX, "1", "of the bootstrap"),
    EVAL_PAGE_OPTIONS,
    {0},
};

const cli_command cli_eval_compare = {
    .group = CLI_GROUP_EVALUATION,
    .name = "eval compare",
    .args = "A B",
    .takes = CLI_IS_FILE,
    .min_args = 2,
    .max_args = 2,
    .what = "is model B really better than A? paired tests",
    .about = "Both models see the same pairs: McNemar's exact test of their held-out decisions, and a paired bootstrap over "
             "identities of the difference in TAR. The set is --images FOLDER --pairs FILE or --bin FILE. The page shows the "
             "curves of both models over each other, and the tests.",
    .example = "arcface eval compare old.onnx new.onnx --images lfw-112/ --pairs pairs.txt",
    .uses = CLI_USES_MODEL,
    .options = options,
    .run = run,
};
