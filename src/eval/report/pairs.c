/* eval: pictures of a report: the pairs with the worst scores, side by side. */
#include "eval/report/report_internal.h"
#include <stdio.h>
#include <string.h>

#define SIDE_PX 112
#define SHOWN 12 /* pairs shown of each kind */

static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static arc_status load_picture(arc_report *r, const arc_evaluation *e, const arc_pair_score *pair, int which, arc_image *out,
                               arc_error *err) {
    if (pair->path[which])
        return arc_image_load(r->ctx, pair->path[which], NULL, out, NULL, err);
    return arc_bin_image_load(r->ctx, e->provenance.set, pair->index[which], out, err);
}

/* Draws both pictures of a pair into one, each fitted into a square. Failures other than ENOMEM are counted by the caller. */
static arc_status draw_pair(arc_report *r, const arc_evaluation *e, const arc_pair_score *pair, arc_image *out, arc_error *err) {
    arc_image side = {0};
    arc_status st = arc_image_new(r->ctx, 2 * SIDE_PX + 2, SIDE_PX, out, err);
    for (int which = 0; st == ARC_OK && which < 2; which++) {
        st = load_picture(r, e, pair, which, &side, err);
        if (st != ARC_OK)
            break;
        int longer = ARC_MAX(side.width_px, side.height_px);
        int width = (int)((int64_t)side.width_px * SIDE_PX / longer), height = (int)((int64_t)side.height_px * SIDE_PX / longer);
        arc_draw_image(out, which * (SIDE_PX + 2) + (SIDE_PX - width) / 2, (SIDE_PX - height) / 2, ARC_MAX(width, 1),
                       ARC_MAX(height, 1), &side);
        arc_image_free(r->ctx, &side);
    }
    if (st != ARC_OK)
        arc_image_free(r->ctx, out);
    return st;
}

static arc_status show_pairs(arc_report *r, const arc_evaluation *e, const arc_pair_score *pair, int pairs, arc_page *page,
                             int *unread, arc_error *err) {
    arc_image picture[SHOWN] = {{0}};
    const char *caption[SHOWN];
    int shown = 0;
    arc_status st = ARC_OK;
    for (int i = 0; i < pairs && shown < SHOWN; i++) {
        arc_error why = {0};
        st = draw_pair(r, e, &pair[i], &picture[shown], &why);
        if (st == ARC_ENOMEM) {
            arc_fail_nomem(err, "pictures of the report");
            break;
        }
        *unread += st != ARC_OK;
        if (st == ARC_OK) {
            caption[shown] = arc_arena_printf(&r->arena, "%.3f  %s - %s", pair[i].score, last_part(pair[i].name[0]),
                                              last_part(pair[i].name[1]));
            shown++;
        }
        st = ARC_OK;
    }
    if (st == ARC_OK && shown)
        arc_page_images(page, picture, caption, shown, 2 * SIDE_PX);
    for (int i = 0; i < shown; i++)
        arc_image_free(r->ctx, &picture[i]);
    return st;
}

arc_status arc_report_pairs(arc_report *r, arc_page *page, arc_error *err) {
    for (int i = 0; i < r->count; i++) {
        const arc_evaluation *e = r->evaluation[i];
        for (int genuine = 1; genuine >= 0; genuine--) {
            const arc_pair_score *pair = genuine ? e->worst_genuine : e->worst_impostor;
            int pairs = genuine ? e->worst_genuines : e->worst_impostors, unread = 0;
            if (pairs == 0)
                continue;
            char *heading =
                arc_arena_printf(&r->arena, "%s%s%s", genuine ? "Same person, least alike" : "Different people, most alike",
                                 r->count > 1 ? ": " : "", r->count > 1 ? r->name[i] : "");
            if (!heading)
                return arc_fail_nomem(err, "report");
            arc_page_heading(page, heading);
            arc_status st = show_pairs(r, e, pair, pairs, page, &unread, err);
            if (st != ARC_OK)
                return st;
            char *note =
                arc_arena_printf(&r->arena, "Pairs left out because their pictures cannot be read any more: %d.", unread);
            if (unread && note)
                arc_page_text(page, note);
        }
    }
    return ARC_OK;
}
