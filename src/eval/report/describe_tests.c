/* eval: the comparison of two models and the calibration, as text, JSON and a page. */
#include "eval/report/report_internal.h"
#include <arcface/calibrate.h>
#include <arcface/evaluate_compare.h>
#include <arcface/evaluate_report.h>
#include <stdio.h>

static const char *verdict(const arc_comparison *k) {
    return k->mcnemar_p >= 0.05 ? "no difference shown" : k->only_b > k->only_a ? "B is better" : "A is better";
}

static void put_comparison(arc_text *t, const arc_comparison *k, const arc_evaluation *const e[2]) {
    for (int i = 0; i < 2; i++)
        arc_text_add(t, "%c                %s: accuracy %.5f+-%.5f\n", "AB"[i], e[i] -> provenance.model,
                     e[i]->verification.accuracy, e[i]->verification.accuracy_std);
    arc_text_add(t, "decisions        only A right %lld, only B right %lld of %lld pairs; McNemar exact p = %.3g: %s\n",
                 (long long)k->only_a, (long long)k->only_b, (long long)k->pairs, k->mcnemar_p, verdict(k));
    for (int i = 0; i < k->operatings; i++) {
        arc_text_add(t, "TAR@FAR=%-8g B - A = %+.5f", k->far_target[i], k->tar_difference[i]);
        if (k->difference[i].low <= k->difference[i].high)
            arc_text_add(t, "  95 %% over identities %+.5f to %+.5f", k->difference[i].low, k->difference[i].high);
        arc_text_add(t, "%s\n", e[0]->curve.operating[i].supported ? "" : "  too few impostor pairs");
    }
    for (int i = 0; i < 2; i++) {
        arc_text_add(t, "--- %c\n", "AB"[i]);
        arc_describe_provenance(t, &e[i]->provenance);
    }
}

static void put_comparison_json(arc_text *t, const arc_comparison *k, const arc_evaluation *const e[2]) {
    arc_text_add(
        t,
        "{\"accuracy\": [%.17g, %.17g], \"pairs\": %lld, \"only_a\": %lld, \"only_b\": %lld, \"mcnemar_p\": %.9g,\n \"tar\": [",
        e[0]->verification.accuracy, e[1]->verification.accuracy, (long long)k->pairs, (long long)k->only_a, (long long)k->only_b,
        k->mcnemar_p);
    for (int i = 0; i < k->operatings; i++) {
        arc_text_add(t, "%s\n  {\"far\": %.9g, \"difference\": %.9g", i ? "," : "", k->far_target[i], k->tar_difference[i]);
        if (k->difference[i].low <= k->difference[i].high)
            arc_text_add(t, ", \"low\": %.9g, \"high\": %.9g", k->difference[i].low, k->difference[i].high);
        arc_text_add(t, "}");
    }
    arc_text_add(t, "],\n \"provenance\": [");
    for (int i = 0; i < 2; i++) {
        arc_text_add(t, i ? ",\n  " : "");
        arc_describe_provenance_json(t, &e[i]->provenance);
    }
    arc_text_add(t, "]}\n");
}

enum { HEADS = 4 };

static void put_test(arc_page *page, const arc_comparison *k, const arc_evaluation *const e[2]) {
    static const char *const heads[HEADS] = {"FAR wanted", "TAR of B - TAR of A", "95 % (identities)", ""};
    char text[200], cell[ARC_MAX_OPERATING][3][48];
    const char *cells[ARC_MAX_OPERATING * HEADS];
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
    arc_page_table(page, "Is the difference more than chance?", heads, HEADS, cells, k->operatings);
}

arc_status arc_comparison_report(arc_context *ctx, const arc_comparison *k, const arc_evaluation *a, const arc_evaluation *b,
                                 const char *path, arc_error *err) {
    const arc_evaluation *const e[2] = {a, b};
    arc_page *page = NULL;
    arc_status st = arc_page_new(ctx, "Comparison of models", a->provenance.rule, &page, err);
    if (st != ARC_OK)
        return st;
    put_test(page, k, e);
    st = arc_evaluation_onto_page(ctx, e, NULL, 2, page, err);
    if (st == ARC_OK)
        st = arc_page_save(page, path, err);
    arc_page_free(&page);
    return st;
}

arc_status arc_comparison_describe(arc_context *ctx, const arc_comparison *k, const arc_evaluation *a, const arc_evaluation *b,
                                   bool json, char **text, arc_error *err) {
    const arc_evaluation *const e[2] = {a, b};
    arc_text t;
    arc_text_begin(&t, &ctx->alloc);
    (json ? put_comparison_json : put_comparison)(&t, k, e);
    return arc_text_end(&t, text, err);
}

/* ---- calibration ----------------------------------------------------------------------------------------------------------- */

static void put_calibration(arc_text *t, const arc_calibration *k) {
    arc_text_add(t, "pairs            %lld genuine, %lld impostor\n", (long long)k->genuine, (long long)k->impostor);
    arc_text_add(t, "threshold        cosine %.4f for FAR %g, 95 %% interval %.4f to %.4f%s\n", k->threshold, k->far,
                 k->threshold_interval.low, k->threshold_interval.high, k->supported ? "" : "  too few impostor pairs");
    if (k->gallery)
        arc_text_add(t, "1:%-14lld cosine %.4f for FPIR %g (FAR %.3g a comparison)%s\n", (long long)k->gallery,
                     k->search_threshold, k->fpir, k->search_far, k->search_supported ? "" : "  too few impostor pairs");
    arc_text_add(t, "probability      logistic %.4f + %.4f * cosine; isotonic with %d knots\n", k->logistic[0], k->logistic[1],
                 k->knots);
    arc_text_add(t, "FAR of scores   ");
    for (int i = 0; i < k->far_points; i += 3)
        arc_text_add(t, " %.3f:%.2g", k->far_score[i], k->far_rate[i]);
    arc_text_add(t, "\n");
}

static void put_list(arc_text *t, const char *name, const double *score, const double *value, int count) {
    arc_text_add(t, " \"%s\": [", name);
    for (int i = 0; i < count; i++)
        arc_text_add(t, "%s[%.9g, %.9g]", i ? ", " : "", score[i], value[i]);
    arc_text_add(t, "]");
}

static void put_calibration_json(arc_text *t, const arc_calibration *k) {
    arc_text_add(t,
                 "{\"far\": %.9g, \"threshold\": %.9g, \"threshold_low\": %.9g, \"threshold_high\": %.9g, \"supported\": %s, "
                 "\"genuine\": %lld, "
                 "\"impostor\": %lld,\n",
                 k->far, k->threshold, k->threshold_interval.low, k->threshold_interval.high, arc_text_bool(k->supported),
                 (long long)k->genuine, (long long)k->impostor);
    if (k->gallery)
        arc_text_add(
            t,
            " \"gallery\": %lld, \"fpir\": %.9g, \"search_far\": %.9g, \"search_threshold\": %.9g, \"search_supported\": %s,\n",
            (long long)k->gallery, k->fpir, k->search_far, k->search_threshold, arc_text_bool(k->search_supported));
    arc_text_add(t, " \"logistic\": [%.9g, %.9g],\n", k->logistic[0], k->logistic[1]);
    put_list(t, "far_of_score", k->far_score, k->far_rate, k->far_points);
    arc_text_add(t, ",\n");
    put_list(t, "probability_of_score", k->knot_score, k->knot_probability, k->knots);
    arc_text_add(t, ",\n \"set_sha256\": \"%s\"}\n", k->set_sha256);
}

arc_status arc_calibration_describe(arc_context *ctx, const arc_calibration *c, bool json, char **text, arc_error *err) {
    arc_text t;
    arc_text_begin(&t, &ctx->alloc);
    (json ? put_calibration_json : put_calibration)(&t, c);
    return arc_text_end(&t, text, err);
}
