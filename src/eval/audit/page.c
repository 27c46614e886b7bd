/* audit: the HTML page of an audit: figures, histograms, and each suspect picture beside those of the identity that it was
 * labelled as. Also the contact sheet. */
#include "data/set.h"
#include "image/contact_sheet.h"
#include <arcface/audit.h>
#include <arcface/page.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define SHOWN 40 /* entries shown of each kind */
#define SIDE_PX 112
#define MAX_SIDES 3

typedef struct report {
    arc_context *ctx;
    const arc_audit *audit;
    arc_data_set *set, *other;
    arc_page *page;
    arc_arena arena;
} report;

/* Draws a sample into one square of the row; a picture that cannot be read leaves it black. */
static void draw_sample(report *r, const arc_data_set *set, int64_t sample, arc_image *row, int place) {
    arc_data_item item;
    arc_image picture;
    if (sample < 0 || arc_data_set_read(set, sample, &item, NULL) != ARC_OK)
        return;
    if (arc_image_decode(r->ctx, item.bytes, item.count, "sample", NULL, &picture, NULL, NULL) == ARC_OK) {
        int longer = ARC_MAX(picture.width_px, picture.height_px);
        int width = ARC_MAX((int)((int64_t)picture.width_px * SIDE_PX / longer), 1);
        int height = ARC_MAX((int)((int64_t)picture.height_px * SIDE_PX / longer), 1);
        arc_draw_image(row, place * (SIDE_PX + 2) + (SIDE_PX - width) / 2, (SIDE_PX - height) / 2, width, height, &picture);
        arc_image_free(r->ctx, &picture);
    }
    arc_data_item_release(&item);
}

/* One entry of the page. */
typedef struct finding {
    int64_t sample[MAX_SIDES];
    const arc_data_set *set[MAX_SIDES];
    const char *caption;
} finding;

static arc_status show(report *r, const char *heading, const char *text, const finding *found, int count, int sides,
                       arc_error *err) {
    arc_image row[SHOWN] = {{0}};
    const char *caption[SHOWN];
    arc_status st = ARC_OK;
    if (count == 0)
        return ARC_OK;
    arc_page_heading(r->page, heading);
    arc_page_text(r->page, text);
    for (int i = 0; st == ARC_OK && i < count; i++) {
        caption[i] = found[i].caption;
        st = caption[i] ? arc_image_new(r->ctx, sides * (SIDE_PX + 2) - 2, SIDE_PX, &row[i], err) : arc_fail_nomem(err, "report");
        for (int k = 0; st == ARC_OK && k < sides; k++)
            draw_sample(r, found[i].set[k], found[i].sample[k], &row[i], k);
    }
    if (st == ARC_OK)
        arc_page_images(r->page, row, caption, count, sides * (SIDE_PX + 2) - 2);
    for (int i = 0; i < count; i++)
        arc_image_free(r->ctx, &row[i]);
    return st;
}

static arc_status show_suspects(report *r, arc_error *err) {
    finding found[SHOWN];
    int count = (int)ARC_MIN(r->audit->suspects, (int64_t)SHOWN);
    for (int i = 0; i < count; i++) {
        const arc_audit_suspect *s = &r->audit->suspect[i];
        found[i] = (finding){{s->sample, s->own_example, s->nearest_example},
                             {r->set, r->set, r->set},
                             arc_arena_printf(&r->arena, "%s: %.0f\u00b0 from identity %lld, %.0f\u00b0 from %lld%s", s->key,
                                              s->angle_deg, (long long)s->identity, s->nearest_angle_deg,
                                              (long long)s->nearest_identity, s->elsewhere ? " (nearer)" : "")};
    }
    return show(r, "Doubtful labels",
                "Each row: the picture, another one of its identity, one of the identity whose centre is nearest.", found, count,
                3, err);
}

static arc_status show_duplicates(report *r, arc_error *err) {
    finding found[SHOWN];
    int count = (int)ARC_MIN(r->audit->duplicates, (int64_t)SHOWN);
    for (int i = 0; i < count; i++) {
        const arc_audit_duplicate *d = &r->audit->duplicate[i];
        found[i] =
            (finding){{d->sample[0], d->sample[1], -1},
                      {r->set, r->set, r->set},
                      arc_arena_printf(&r->arena, "%s = %s: %s%s", d->key[0], d->key[1],
                                       d->same_bytes ? "the same bytes" : "alike", d->same_identity ? "" : ", two identities")};
    }
    return show(r, "The same picture twice",
                "Equal files, or embeddings nearly equal. Under two identities they are wrong labels.", found, count, 2, err);
}

static arc_status show_shared(report *r, arc_error *err) {
    finding found[SHOWN];
    int count = (int)ARC_MIN(r->audit->shareds, (int64_t)SHOWN);
    for (int i = 0; i < count; i++) {
        const arc_audit_shared *s = &r->audit->shared[i];
        found[i] = (finding){{s->sample[0], s->sample[1], -1},
                             {r->set, r->other ? r->other : r->set, r->set},
                             arc_arena_printf(&r->arena, "%lld and %lld: cosine of centres %.3f", (long long)s->identity[0],
                                              (long long)s->identity[1], s->cosine)};
    }
    return show(r, r->other ? "Identities of both sets" : "One person under two identities",
                r->other ? "Left: this set, right: the other one." : "One picture of each.", found, count, 2, err);
}

static arc_status show_figures(report *r, arc_error *err) {
    const arc_audit *a = r->audit;
    static const char *const label[] = {"pictures",       "identities",        "doubtful labels",
                                        "pictures twice", "shared identities", "unreadable"};
    const int64_t number[] = {a->samples, a->identities, a->suspects_all, a->duplicates_all, a->shareds_all, a->unreadable};
    const char *value[ARC_COUNT(label)];
    for (size_t i = 0; i < ARC_COUNT(label); i++) {
        value[i] = arc_arena_printf(&r->arena, "%lld", (long long)number[i]);
        if (!value[i])
            return arc_fail_nomem(err, "report");
    }
    arc_page_tiles(r->page, value, label, (int)ARC_COUNT(label));
    char *classes = arc_arena_printf(
        &r->arena, "%.1f pictures an identity (%lld to %lld); %lld identities have one picture, %lld have none.", a->mean_samples,
        (long long)a->least_samples, (long long)a->most_samples, (long long)a->singletons, (long long)a->empty_identities);
    if (!classes)
        return arc_fail_nomem(err, "report");
    arc_page_text(r->page, classes);
    return ARC_OK;
}

static void show_histograms(report *r) {
    const arc_audit *a = r->audit;
    double angle[2][90], size[2][ARC_AUDIT_BINS], norm[2][ARC_AUDIT_BINS], sharp[2][ARC_AUDIT_BINS];
    for (int i = 0; i < 90; i++) {
        angle[0][i] = i;
        angle[1][i] = (double)a->angle_bin[i];
    }
    for (int i = 0; i < ARC_AUDIT_BINS; i++) {
        size[0][i] = sharp[0][i] = pow(2, i / 2.0);
        norm[0][i] = a->norm_low + (a->norm_high - a->norm_low) * i / ARC_AUDIT_BINS;
        size[1][i] = (double)a->size_bin[i];
        norm[1][i] = (double)a->norm_bin[i];
        sharp[1][i] = (double)a->sharpness_bin[i];
    }
    const arc_plot_series series[] = {{NULL, ARC_PLOT_BARS, angle[0], angle[1], 90, ARC_PLOT_AUTO, 0, false},
                                      {NULL, ARC_PLOT_BARS, size[0], size[1], ARC_AUDIT_BINS, ARC_PLOT_AUTO, 0, false},
                                      {NULL, ARC_PLOT_BARS, norm[0], norm[1], ARC_AUDIT_BINS, ARC_PLOT_AUTO, 0, false},
                                      {NULL, ARC_PLOT_BARS, sharp[0], sharp[1], ARC_AUDIT_BINS, ARC_PLOT_AUTO, 0, false}};
    const double most = (double)ARC_MAX(a->most_samples, 2);
    const arc_plot plot[] = {{.title = "Angle to the own centre",
                              .x = {.label = "degrees"},
                              .y = {.label = "pictures"},
                              .series = &series[0],
                              .series_count = 1},
                             {.title = "Sizes of identities",
                              .x = {"pictures", ARC_PLOT_LOG, 1, 2 * most},
                              .y = {.label = "identities"},
                              .series = &series[1],
                              .series_count = 1},
                             {.title = "Quality: length of the embedding",
                              .x = {.label = "length"},
                              .y = {.label = "pictures"},
                              .series = &series[2],
                              .series_count = 1},
                             {.title = "Sharpness",
                              .x = {"variance of the Laplacian", ARC_PLOT_LOG, 1, 65536},
                              .y = {.label = "pictures"},
                              .series = &series[3],
                              .series_count = 1}};
    arc_page_heading(r->page, "Distributions");
    arc_page_plots(r->page, plot, (int)ARC_COUNT(plot));
}

arc_status arc_audit_report(arc_context *ctx, const arc_audit *audit, const char *path, const char *other_path,
                            const char *html_path, arc_error *err) {
    report r = {.ctx = ctx, .audit = audit};
    char title[512];
    arc_arena_init(&r.arena, &ctx->alloc, 0);
    snprintf(title, sizeof title, "Audit of %s%s%s", path, other_path ? " against " : "", other_path ? other_path : "");
    arc_status st = arc_data_set_open(&r.set, ctx, path, err);
    if (st == ARC_OK && other_path)
        st = arc_data_set_open(&r.other, ctx, other_path, err);
    if (st == ARC_OK)
        st = arc_page_new(ctx, title, NULL, &r.page, err);
    if (st != ARC_OK)
        goto done;
    ARC_TRY(show_figures(&r, err));
    show_histograms(&r);
    ARC_TRY(show_suspects(&r, err));
    ARC_TRY(show_duplicates(&r, err));
    ARC_TRY(show_shared(&r, err));
    ARC_TRY(arc_page_save(r.page, html_path, err));
done:
    arc_page_free(&r.page);
    arc_data_set_close(&r.set);
    arc_data_set_close(&r.other);
    arc_arena_free(&r.arena);
    return st;
}

/* ---- the contact sheet ---- */

#define SHEET_SUSPECTS 120
#define SHEET_COLUMNS 9 /* three suspects a row, three pictures each */

/* A cell of the sheet; a picture that cannot be read leaves it empty. */
static arc_status put_sample(arc_context *ctx, arc_contact_sheet *sheet, const arc_data_set *set, int64_t sample,
                             const char *caption, uint32_t rgb, arc_error *err) {
    arc_data_item item;
    arc_image picture = {0};
    if (sample >= 0 && arc_data_set_read(set, sample, &item, NULL) == ARC_OK) {
        if (arc_image_decode(ctx, item.bytes, item.count, "sample", NULL, &picture, NULL, NULL) != ARC_OK)
            picture = (arc_image){0};
        arc_data_item_release(&item);
    }
    const arc_status st = arc_contact_sheet_put(sheet, picture.data ? &picture : NULL, caption, rgb, err);
    arc_image_free(ctx, &picture);
    return st;
}

static arc_status put_suspect(arc_context *ctx, arc_contact_sheet *sheet, const arc_data_set *set, const arc_audit_suspect *s,
                              arc_error *err) {
    char text[3][64];
    snprintf(text[0], sizeof text[0], "%.40s", arc_path_name(s->key));
    snprintf(text[1], sizeof text[1], "%lld: %.0f\u00b0", (long long)s->identity, s->angle_deg);
    snprintf(text[2], sizeof text[2], "%lld: %.0f\u00b0", (long long)s->nearest_identity, s->nearest_angle_deg);
    arc_status st = put_sample(ctx, sheet, set, s->sample, text[0], 0xd55e00, err);
    if (st == ARC_OK)
        st = put_sample(ctx, sheet, set, s->own_example, text[1], 0, err);
    return st == ARC_OK ? put_sample(ctx, sheet, set, s->nearest_example, text[2], 0, err) : st;
}

arc_status arc_audit_sheet(arc_context *ctx, const arc_audit *audit, const char *path, const char *sheet_path, arc_error *err) {
    arc_data_set *set = NULL;
    arc_contact_sheet *sheet = NULL;
    const int count = (int)ARC_MIN(audit->suspects, (int64_t)SHEET_SUSPECTS);
    arc_status st = arc_data_set_open(&set, ctx, path, err);
    if (st == ARC_OK)
        st = arc_contact_sheet_new(&sheet, ctx, ARC_MAX(3 * count, 1), SHEET_COLUMNS, SIDE_PX, true, err);
    for (int i = 0; st == ARC_OK && i < count; i++)
        st = put_suspect(ctx, sheet, set, &audit->suspect[i], err);
    if (st == ARC_OK)
        st = arc_contact_sheet_save(sheet, sheet_path, err);
    arc_contact_sheet_free(&sheet);
    arc_data_set_close(&set);
    return st;
}
