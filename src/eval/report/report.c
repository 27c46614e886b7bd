/* eval: the HTML page of one or several evaluations: numbers first, then curves, tables, pictures, and the provenance. report/
 * writes the HTML. */
#include "eval/report/report_internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Names for the legends if the caller gives none: the model's file name without suffix, after a letter if there are several
 * models. */
static arc_status make_names(arc_report *r, arc_error *err) {
    const char **name = arc_arena_new(&r->arena, (size_t)r->count, sizeof *name);
    for (int i = 0; name && i < r->count; i++) {
        const char *path = r->evaluation[i]->provenance.model, *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
        const char *dot = strrchr(file, '.');
        const int n = dot && dot != file ? (int)(dot - file) : (int)strlen(file);
        name[i] = r->count > 1 ? arc_arena_printf(&r->arena, "%c: %.*s", 'A' + i, n, file)
                               : arc_arena_printf(&r->arena, "%.*s", n ? n : 5, n ? file : "model");
        if (!name[i])
            return arc_fail_nomem(err, "names of the report");
    }
    r->name = name;
    return name ? ARC_OK : arc_fail_nomem(err, "names of the report");
}

arc_status arc_report_begin(arc_report *r, arc_context *ctx, const arc_evaluation *const *evaluations, const char *const *names,
                            int count, arc_error *err) {
    *r = (arc_report){.ctx = ctx, .evaluation = evaluations, .name = names, .count = count};
    arc_arena_init(&r->arena, &ctx->alloc, 0);
    if (count < 1 || count > ARC_REPORT_MAX_EVALUATIONS)
        return arc_fail(err, ARC_EINVAL, "a report shows 1 to %d evaluations, not %d", ARC_REPORT_MAX_EVALUATIONS, count);
    return names ? ARC_OK : make_names(r, err);
}

void arc_report_end(arc_report *r) {
    arc_arena_free(&r->arena);
}

/* ---- cells: texts in the arena; "?" is used if memory is short, and the table then fails ---- */

typedef struct table {
    arc_report *r;
    const char **cell;
    int cells, capacity;
    bool failed;
} table;

static void table_begin(table *t, arc_report *r, int capacity) {
    *t = (table){.r = r, .cell = arc_arena_new(&r->arena, (size_t)capacity, sizeof(char *)), .capacity = capacity};
    t->failed = !t->cell;
}

static void put_cell(table *t, const char *format, ...) ARC_PRINTF(2, 3);
static void put_cell(table *t, const char *format, ...) {
    char text[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char *copy = t->failed || t->cells == t->capacity ? NULL : arc_arena_strdup(&t->r->arena, text);
    if (copy)
        t->cell[t->cells++] = copy;
    else
        t->failed = true;
}

static arc_status table_end(table *t, arc_page *page, const char *caption, const char *const *heads, int columns,
                            arc_error *err) {
    if (t->failed)
        return arc_fail_nomem(err, "table of the report");
    arc_page_table(page, caption, heads, columns, t->cell, t->cells / columns);
    return ARC_OK;
}

/* A rate, or a dash if there is none. */
static void put_percent(table *t, bool there, double rate, int digits) {
    if (there)
        put_cell(t, "%.*f %%", digits, 100 * rate);
    else
        put_cell(t, "-");
}

static void put_interval(table *t, arc_interval i) {
    if (i.low <= i.high)
        put_cell(t, "%.3f - %.3f %%", 100 * i.low, 100 * i.high);
    else
        put_cell(t, "-");
}

/* ---- parts of the page ---- */

static const arc_operating_point *operating_at(const arc_curve *c, double far) {
    for (int i = 0; i < c->operatings; i++)
        if (fabs(c->operating[i].far_target / far - 1) < 1e-9)
            return &c->operating[i];
    return NULL;
}

/* The main numbers of one evaluation. */
static arc_status show_tiles(arc_report *r, arc_page *page, arc_error *err) {
    static const char *const label_of[] = {"accuracy, mean and deviation over folds",
                                           "TAR at FAR 0.1 %",
                                           "equal error rate",
                                           "area under ROC",
                                           "rank-1 identification",
                                           "DIR"};
    const arc_evaluation *e = r->evaluation[0];
    const char *value[6], *label[6];
    int tiles = 0;
    const arc_operating_point *at = operating_at(&e->curve, 1e-3);
    const arc_identification *id = &e->identification;
    const bool pairs = e->curve.genuine > 0 && e->curve.impostor > 0;
    for (int i = 0; i < 6; i++) {
        char text[80] = "";
        const char *name = label_of[i];
        if (i == 0 && e->verification.pairs)
            snprintf(text, sizeof text, "%.2f \u00b1 %.2f %%", 100 * e->verification.accuracy,
                     100 * e->verification.accuracy_std);
        else if (i == 1 && at && pairs)
            snprintf(text, sizeof text, "%.2f %%", 100 * at->tar.value);
        else if (i == 2 && pairs)
            snprintf(text, sizeof text, "%.2f %%", 100 * e->curve.eer);
        else if (i == 3 && pairs)
            snprintf(text, sizeof text, "%.5f", e->curve.auc);
        else if (i == 4 && id->mated && id->cmc_ranks)
            snprintf(text, sizeof text, "%.2f %%", 100 * id->cmc[0].value);
        else if (i == 5 && id->open_sets) {
            snprintf(text, sizeof text, "%.2f %%", 100 * id->open_set[id->open_sets / 2].tar.value);
            name = arc_arena_printf(&r->arena, "DIR at FPIR %g %%", 100 * id->open_set[id->open_sets / 2].far_target);
        }
        if (!text[0])
            continue;
        label[tiles] = name;
        value[tiles] = arc_arena_strdup(&r->arena, text);
        if (!label[tiles] || !value[tiles])
            return arc_fail_nomem(err, "report");
        tiles++;
    }
    arc_page_tiles(page, value, label, tiles);
    return ARC_OK;
}

static arc_status show_comparison(arc_report *r, arc_page *page, arc_error *err) {
    static const char *const heads[] = {"model", "accuracy", "\u00b1", "TAR @ FAR 1e-3", "EER", "AUC", "threshold", "rank 1"};
    table t;
    table_begin(&t, r, r->count * (int)ARC_COUNT(heads));
    for (int i = 0; i < r->count; i++) {
        const arc_evaluation *e = r->evaluation[i];
        const arc_operating_point *at = operating_at(&e->curve, 1e-3);
        bool folds = e->verification.pairs > 0, pairs = e->curve.genuine > 0 && e->curve.impostor > 0;
        put_cell(&t, "%s", r->name[i]);
        put_percent(&t, folds, e->verification.accuracy, 3);
        put_percent(&t, folds, e->verification.accuracy_std, 3);
        put_percent(&t, at != NULL, at ? at->tar.value : 0, 2);
        put_percent(&t, pairs, e->curve.eer, 3);
        if (pairs)
            put_cell(&t, "%.6f", e->curve.auc);
        else
            put_cell(&t, "-");
        if (folds || pairs)
            put_cell(&t, "%.4f", folds ? e->verification.best_threshold_cosine : e->curve.eer_threshold);
        else
            put_cell(&t, "-");
        put_percent(&t, e->identification.mated > 0 && e->identification.cmc_ranks > 0, e->identification.cmc[0].value, 2);
    }
    return table_end(&t, page, NULL, heads, (int)ARC_COUNT(heads), err);
}

static arc_status show_thresholds(arc_report *r, int i, arc_page *page, arc_error *err) {
    static const char *const heads[] = {"FAR wanted",    "threshold",         "angle", "FAR", "TAR",
                                        "95 % (Wilson)", "95 % (identities)", ""};
    const arc_curve *c = &r->evaluation[i]->curve;
    if (c->operatings == 0 || c->genuine == 0 || c->impostor == 0)
        return ARC_OK;
    table t;
    table_begin(&t, r, c->operatings * (int)ARC_COUNT(heads));
    for (int k = 0; k < c->operatings; k++) {
        const arc_operating_point *o = &c->operating[k];
        put_cell(&t, "%g", o->far_target);
        put_cell(&t, "%.4f", o->threshold);
        if (fabs(o->threshold) <= 1)
            put_cell(&t, "%.1f", acos(o->threshold) * 57.29577951308232);
        else
            put_cell(&t, "-");
        put_cell(&t, "%.3g (%lld)", o->far.value, (long long)o->far.hits);
        put_percent(&t, true, o->tar.value, 3);
        put_interval(&t, o->tar.wilson);
        put_interval(&t, o->tar_bootstrap);
        put_cell(&t, "%s", o->supported ? "" : "too few impostor pairs for this FAR");
    }
    char *caption =
        arc_arena_printf(&r->arena, "%s: %lld genuine and %lld impostor pairs; a pair is accepted at or above the threshold",
                         r->name[i], (long long)c->genuine, (long long)c->impostor);
    return table_end(&t, page, caption, heads, (int)ARC_COUNT(heads), err);
}

static arc_status show_search(arc_report *r, const char *name, const arc_identification *id, arc_page *page, arc_error *err) {
    static const char *const heads[] = {"FPIR wanted", "threshold", "FPIR", "DIR", "FNIR", "95 % of DIR (Wilson)", ""};
    if (id->mated == 0)
        return ARC_OK;
    table t;
    table_begin(&t, r, ARC_MAX(id->open_sets, 1) * (int)ARC_COUNT(heads));
    for (int k = 0; k < id->open_sets; k++) {
        const arc_operating_point *o = &id->open_set[k];
        put_cell(&t, "%g", o->far_target);
        put_cell(&t, "%.4f", o->threshold);
        put_cell(&t, "%.3g (%lld)", o->far.value, (long long)o->far.hits);
        put_percent(&t, true, o->tar.value, 3);
        put_percent(&t, true, 1 - o->tar.value, 3);
        put_interval(&t, o->tar.wilson);
        put_cell(&t, "%s", o->supported ? "" : "too few searches without a mate for this FPIR");
    }
    char *caption = arc_arena_printf(&r->arena,
                                     "%s: %lld searches with and %lld without a mate among %lld templates of %lld identities "
                                     "(%lld distractors)",
                                     name, (long long)id->mated, (long long)id->nonmated, (long long)id->gallery,
                                     (long long)id->gallery_identities, (long long)id->distractors);
    return table_end(&t, page, caption, heads, (int)ARC_COUNT(heads), err);
}

static arc_status show_searches(arc_report *r, int i, arc_page *page, arc_error *err) {
    const arc_evaluation *e = r->evaluation[i];
    arc_status st = show_search(r, r->name[i], &e->identification, page, err);
    for (int k = 0; k < e->galleries_alone && st == ARC_OK; k++) {
        char *name = arc_arena_printf(&r->arena, "%s, gallery %d alone", r->name[i], k + 1);
        st = name ? show_search(r, name, &e->gallery_alone[k], page, err) : arc_fail_nomem(err, "report");
    }
    return st;
}

static arc_status show_folds(arc_report *r, int i, arc_page *page, arc_error *err) {
    static const char *const heads[] = {"fold", "pairs", "correct", "accuracy", "threshold (cosine)", "TAR", "FAR"};
    const arc_verification *v = &r->evaluation[i]->verification;
    if (v->pairs == 0)
        return ARC_OK;
    table t;
    table_begin(&t, r, v->folds * (int)ARC_COUNT(heads));
    for (int f = 0; f < v->folds; f++) {
        put_cell(&t, "%d", f + 1);
        put_cell(&t, "%d", v->fold_pairs[f]);
        put_cell(&t, "%d", v->fold_correct[f]);
        put_percent(&t, true, v->fold_accuracy[f], 3);
        put_cell(&t, "%.4f", 1 - v->fold_threshold[f] / 2);
        put_percent(&t, true, v->fold_tar[f], 3);
        put_cell(&t, "%.4g", v->fold_far[f]);
    }
    char *caption = arc_arena_printf(&r->arena, "%s: %d folds, threshold of each from the others; TAR at FAR %g", r->name[i],
                                     v->folds, v->far_target);
    return table_end(&t, page, caption, heads, (int)ARC_COUNT(heads), err);
}

static arc_status show_missing(arc_report *r, int i, arc_page *page, arc_error *err) {
    static const char *const heads[] = {"picture", "why"};
    const arc_evaluation *e = r->evaluation[i];
    if (e->missing == 0)
        return ARC_OK;
    table t;
    table_begin(&t, r, ARC_MAX(e->missing_images, 1) * 2);
    for (int k = 0; k < e->missing_images; k++) {
        put_cell(&t, "%s", e->missing_image[k].name);
        put_cell(&t, "%s", e->missing_image[k].why);
    }
    char *caption = arc_arena_printf(&r->arena, "%s: %lld pictures could not be used", r->name[i], (long long)e->missing);
    return table_end(&t, page, caption, heads, 2, err);
}

static arc_status show_provenance(arc_report *r, int i, arc_page *page, arc_error *err) {
    const arc_provenance *p = &r->evaluation[i]->provenance;
    const char *const row[][2] = {{"model", p->model},
                                  {"its SHA-256", p->model_sha256},
                                  {"fed as", p->contract},
                                  {"evaluated on", p->set},
                                  {"its SHA-256", p->set_sha256},
                                  {"lineage", p->lineage},
                                  {"rule", p->rule},
                                  {"engine", p->engine},
                                  {"instruction set", p->isa},
                                  {"precision", p->precision}};
    table t;
    table_begin(&t, r, 2 * (int)ARC_COUNT(row));
    for (size_t k = 0; k < ARC_COUNT(row); k++) {
        put_cell(&t, "%s", row[k][0]);
        put_cell(&t, "%s", row[k][1] && row[k][1][0] ? row[k][1] : "(none)");
    }
    return table_end(&t, page, r->count > 1 ? r->name[i] : NULL, NULL, 2, err);
}

static arc_status show_each(arc_report *r, arc_page *page,
                            arc_status (*show)(arc_report *r, int i, arc_page *page, arc_error *err), arc_error *err) {
    for (int i = 0; i < r->count; i++) {
        arc_status st = show(r, i, page, err);
        if (st != ARC_OK)
            return st;
    }
    return ARC_OK;
}

static bool has_note(const arc_evaluation *e, const char *note) {
    for (int k = 0; k < e->notes; k++)
        if (strcmp(e->note[k], note) == 0)
            return true;
    return false;
}

/* Notes that hold for all evaluations once; then the notes of each model under its name. */
static arc_status show_notes(arc_report *r, arc_page *page, arc_error *err) {
    for (int i = 0; i < r->count; i++) {
        const arc_evaluation *e = r->evaluation[i];
        for (int k = 0; k < e->notes; k++) {
            int bearers = 0;
            for (int other = 0; other < r->count; other++)
                bearers += has_note(r->evaluation[other], e->note[k]);
            const bool common = bearers == r->count;
            const char *text = common ? e->note[k] : arc_arena_printf(&r->arena, "%s: %s", r->name[i], e->note[k]);
            if (!text)
                return arc_fail_nomem(err, "report");
            if (!common || i == 0)
                arc_page_warning(page, text);
        }
    }
    return ARC_OK;
}

static arc_status build(arc_report *r, arc_page *page, arc_error *err) {
    arc_plot panel[ARC_REPORT_MAX_PANELS];
    int panels;
    bool folds = false;
    arc_status st = r->count == 1 ? show_tiles(r, page, err) : show_comparison(r, page, err);
    if (st != ARC_OK)
        return st;
    for (int i = 0; i < r->count; i++)
        folds |= r->evaluation[i]->verification.pairs > 0;
    ARC_TRY(show_notes(r, page, err));
    ARC_TRY(arc_report_panels(r, panel, &panels, err));
    arc_page_heading(page, "Curves");
    arc_page_plots(page, panel, panels);
    arc_page_heading(page, "Thresholds");
    ARC_TRY(show_each(r, page, show_thresholds, err));
    ARC_TRY(show_each(r, page, show_searches, err));
    if (folds)
        arc_page_heading(page, "Folds");
    ARC_TRY(show_each(r, page, show_folds, err));
    ARC_TRY(arc_report_pairs(r, page, err));
    ARC_TRY(show_each(r, page, show_missing, err));
    arc_page_heading(page, "Where this comes from");
    ARC_TRY(show_each(r, page, show_provenance, err));
done:
    return st;
}

arc_status arc_evaluation_onto_page(arc_context *ctx, const arc_evaluation *const *evaluations, const char *const *names,
                                    int count, arc_page *page, arc_error *err) {
    arc_report r;
    arc_status st = arc_report_begin(&r, ctx, evaluations, names, count, err);
    if (st == ARC_OK)
        st = build(&r, page, err);
    arc_report_end(&r);
    return st;
}

arc_status arc_evaluation_report(arc_context *ctx, const arc_evaluation *const *evaluations, const char *const *names, int count,
                                 const char *path, arc_error *err) {
    arc_page *page = NULL;
    arc_report r;
    char title[512];
    arc_status st = arc_report_begin(&r, ctx, evaluations, names, count, err);
    if (st == ARC_OK) {
        snprintf(title, sizeof title, "%s%s", count == 1 ? r.name[0] : "Comparison", count == 1 ? "" : " of models");
        st = arc_page_new(ctx, title, evaluations[0]->provenance.rule, &page, err);
    }
    if (st == ARC_OK)
        st = build(&r, page, err);
    if (st == ARC_OK)
        st = arc_page_save(page, path, err);
    arc_page_free(&page);
    arc_report_end(&r);
    return st;
}

arc_status arc_evaluation_plot(arc_context *ctx, const arc_evaluation *const *evaluations, const char *const *names, int count,
                               const char *path, arc_error *err) {
    arc_report r;
    arc_plot panel[ARC_REPORT_MAX_PANELS];
    int panels = 0;
    arc_status st = arc_report_begin(&r, ctx, evaluations, names, count, err);
    if (st == ARC_OK)
        st = arc_report_panels(&r, panel, &panels, err);
    if (st == ARC_OK && panels == 0)
        st = arc_fail(err, ARC_EINVAL, "%s: the evaluation has neither pairs nor searches to draw", path);
    const arc_plot_sheet sheet = {panel, panels, 2, 0, 0};
    if (st == ARC_OK)
        st = arc_plot_save(ctx, &sheet, path, err);
    arc_report_end(&r);
    return st;
}
