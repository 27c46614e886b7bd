/* generate: the page of an audit of templates. */
#include "generate/templates/say.h"
#include <arcface/page.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define SHOWN 48 /* faces of each kind */
#define SIDE_PX 112

typedef struct report {
    arc_context *ctx;
    const arc_template_audit *audit;
    const char *const *photos;
    arc_page *page;
    arc_arena arena;
    arc_status st;
} report;

/* A sentence from an arena, which may have ended. */
static const char *said(report *r, const char *sentence) {
    if (!sentence)
        r->st = ARC_ENOMEM;
    return sentence ? sentence : "";
}

static void show_tiles(report *r) {
    const arc_template_audit *a = r->audit;
    const char *value[3], *label[3];
    int count = 0;
    value[count] = said(r, arc_arena_printf(&r->arena, "%.0f %%", 100 * a->plain.accepted.value));
    label[count++] = "of the faces rebuilt from stored templates would be accepted by the same model";
    if (a->reference == ARC_TEMPLATE_PHOTOS) {
        value[count] = said(r, arc_arena_printf(&r->arena, "%.0f %%", 100 * a->elsewhere.accepted.value));
        label[count++] = "would be accepted by an independent model, beside the owner's photo";
    } else if (a->reference == ARC_TEMPLATE_SECOND_FACES) {
        value[count] = said(r, arc_arena_printf(&r->arena, "%.0f %%", 100 * a->elsewhere.accepted.value));
        label[count++] = "show the same person twice to an independent model (second faces, no photos)";
    }
    if (a->has_protected) {
        value[count] = said(r, arc_arena_printf(&r->arena, "%.0f %%", 100 * a->unkeyed.accepted.value));
        label[count++] = "would be accepted when templates are protected and the key is not stolen";
    }
    arc_page_tiles(r->page, value, label, count);
}

enum { COLUMNS = 6 };

static void put_row(report *r, const char **cell, const char *what, const char *by, const arc_template_trial *t) {
    cell[0] = what;
    cell[1] = by;
    cell[2] = said(r, arc_arena_printf(&r->arena, "%.1f", 100 * t->accepted.value));
    cell[3] = said(r, arc_arena_printf(&r->arena, "%.1f to %.1f", 100 * t->accepted.wilson.low, 100 * t->accepted.wilson.high));
    cell[4] = said(r, arc_arena_printf(&r->arena, "%.2g", 100 * t->strangers.value));
    cell[5] = said(r, arc_arena_printf(&r->arena, "%.3f", t->cosine.mean));
}

static void show_table(report *r) {
    static const char *const head[COLUMNS] = {"templates",     "who decides",     "accepted, %",
                                              "95 % interval", "with others', %", "mean cosine"};
    const arc_template_audit *a = r->audit;
    const char *cell[4 * COLUMNS];
    int rows = 0;
    put_row(r, cell + COLUMNS * rows++, "plain", a->model, &a->plain);
    if (a->reference != ARC_TEMPLATE_NO_REFERENCE)
        put_row(r, cell + COLUMNS * rows++,
                a->reference == ARC_TEMPLATE_PHOTOS ? "plain; compared with photos" : "plain; compared with second faces",
                a->independent, &a->elsewhere);
    if (a->has_protected) {
        put_row(r, cell + COLUMNS * rows++, "protected, key stolen too", a->model, &a->plain);
        put_row(r, cell + COLUMNS * rows++, "protected, key kept", a->model, &a->unkeyed);
    }
    arc_page_heading(r->page, "How often a rebuilt face is accepted");
    arc_page_table(r->page, NULL, head, COLUMNS, cell, rows);
    arc_page_text(r->page,
                  said(r, arc_arena_printf(&r->arena, "%s accepts from %s.", a->model,
                                           said(r, arc_template_say_threshold(&r->arena, a->threshold, a->source, a->far)))));
    if (a->reference != ARC_TEMPLATE_NO_REFERENCE)
        arc_page_text(r->page, said(r, arc_arena_printf(&r->arena, "%s accepts from %s.", a->independent,
                                                        said(r, arc_template_say_threshold(&r->arena, a->independent_threshold,
                                                                                           a->independent_source, 0)))));
    if (a->source == ARC_THRESHOLD_CONTRACT)
        arc_page_warning(
            r->page,
            "The model is not calibrated: the threshold is a guess, and so are the rates. arcface calibrate measures one "
            "on your own pictures.");
}

/* ---- pictures ---- */

/* The owner's photo on the left and the rebuilt face on the right; a photo that cannot be read leaves its side black. */
static arc_status beside_photo(report *r, int i, arc_image *out, arc_error *err) {
    const arc_template_audit *a = r->audit;
    arc_image photo = {0};
    arc_status st = arc_image_new(r->ctx, 2 * SIDE_PX + 2, SIDE_PX, out, err);
    if (st != ARC_OK)
        return st;
    if (arc_image_load(r->ctx, r->photos[a->row[i]], NULL, &photo, NULL, NULL) == ARC_OK)
        arc_draw_image(out, 0, 0, SIDE_PX, SIDE_PX, &photo);
    arc_draw_image(out, SIDE_PX + 2, 0, SIDE_PX, SIDE_PX, &a->face[i]);
    arc_image_free(r->ctx, &photo);
    return ARC_OK;
}

static arc_status show_faces(report *r, arc_error *err) {
    const arc_template_audit *a = r->audit;
    const int count = ARC_MIN(a->rebuilt, SHOWN);
    arc_image pair[SHOWN] = {{0}};
    const char *caption[SHOWN];
    arc_status st = ARC_OK;
    for (int i = 0; i < count; i++)
        caption[i] = said(r, arc_arena_printf(&r->arena, "template %lld: cosine %.3f, %s", (long long)a->row[i], a->cosine[i],
                                              a->cosine[i] >= a->threshold ? "accepted" : "refused"));
    arc_page_heading(r->page,
                     r->photos ? "Owners (left) and faces rebuilt from their templates" : "Faces rebuilt from templates");
    for (int i = 0; r->photos && st == ARC_OK && i < count; i++)
        st = beside_photo(r, i, &pair[i], err);
    if (st == ARC_OK)
        arc_page_images(r->page, r->photos ? pair : a->face, caption, count, r->photos ? 2 * SIDE_PX + 2 : SIDE_PX);
    for (int i = 0; i < count; i++)
        arc_image_free(r->ctx, &pair[i]);
    return st;
}

static void show_protected(report *r) {
    const arc_template_audit *a = r->audit;
    arc_page_heading(r->page, "Under a secret rotation");
    arc_page_text(r->page, said(r, arc_template_say_unkeyed(&r->arena, a)));
    arc_page_text(r->page, said(r, arc_template_say_keyed(&r->arena, a)));
    arc_page_text(
        r->page, "A rotation keeps every cosine between protected templates, so a thief still sees which of them belong to one "
                 "person. It is no encryption: keep the key elsewhere than the templates, and make new templates under a new key "
                 "when either is stolen.");
    arc_page_subheading(r->page, "What a thief without the key rebuilds");
    arc_page_images(r->page, a->protected_face, NULL, ARC_MIN(a->rebuilt, SHOWN), SIDE_PX);
}

static void show_meaning(report *r) {
    arc_page_heading(r->page, "What this means");
    arc_page_text(r->page, said(r, arc_template_say_plain(&r->arena, r->audit)));
    if (r->audit->reference != ARC_TEMPLATE_NO_REFERENCE)
        arc_page_text(r->page, said(r, arc_template_say_elsewhere(&r->arena, r->audit)));
    arc_page_text(
        r->page, r->audit->plain.accepted.hits > 0
                     ? "A stored template is therefore personal data like a photo: it deserves the same protection, and a stolen "
                       "one can be turned into a picture that opens what its owner's face opens."
                     : "No rebuilt face was accepted here. That does not show that none can be: treat stored templates as "
                       "personal data like photos.");
    arc_page_text(r->page, said(r, arc_template_say_limits(&r->arena, r->audit)));
}

arc_status arc_template_audit_report(arc_context *ctx, const arc_template_audit *audit, const char *path,
                                     const char *const *photos, const char *html_path, arc_error *err) {
    report r = {.ctx = ctx, .audit = audit, .photos = photos};
    char subtitle[1024];
    snprintf(subtitle, sizeof subtitle, "%.500s: %lld templates of %d numbers, made by %.250s", path, (long long)audit->templates,
             audit->dim, audit->model);
    arc_status st = arc_page_new(ctx, "What stored templates give away", subtitle, &r.page, err);
    if (st != ARC_OK)
        return st;
    arc_arena_init(&r.arena, &ctx->alloc, 0);
    show_tiles(&r);
    show_table(&r);
    st = show_faces(&r, err);
    if (audit->has_protected)
        show_protected(&r);
    show_meaning(&r);
    if (st == ARC_OK)
        st = r.st == ARC_OK ? arc_page_save(r.page, html_path, err) : arc_fail_nomem(err, "the page");
    arc_arena_free(&r.arena);
    arc_page_free(&r.page);
    return st;
}
