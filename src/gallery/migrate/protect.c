/* gallery/migrate: to templates that another key rotates. */
#include "gallery/migrate/move.h"
#include <math.h>
#include <sodium.h>
#include <string.h>

/* *there: they are as they are to be. */
static arc_status look(arc_move *m, const uint8_t *key, bool *there, arc_error *err) {
    arc_gallery *g = m->g;
    arc_status st = arc_gallery_enter(g, false, err);
    if (st != ARC_OK)
        return st;
    st = arc_gallery_need_binding(g, err);
    m->target = g->binding;
    arc_gallery_protection_check(key, m->target.protection);
    *there = strcmp(g->binding.protection, m->target.protection) == 0;
    m->from = g->protection;
    return arc_gallery_leave(g, st, err);
}

arc_status arc_gallery_protect(arc_gallery *g, const char *key_name, const arc_gallery_migrate_options *opt,
                               arc_gallery_migrate_report *report, arc_error *err) {
    arc_gallery_migrate_options defaults;
    arc_move m = {.g = g, .report = {.cosine = (double)NAN, .cosine_low = (double)NAN}};
    uint8_t key[ARC_PROTECT_KEY_BYTES];
    arc_protection *rotation = NULL;
    bool there = false;
    arc_status st = ARC_CHECK_OPTIONS(arc_gallery_migrate_options, opt, err);
    if (report)
        *report = m.report;
    if (st != ARC_OK)
        return st;
    arc_gallery_migrate_options_default(&defaults);
    m.opt = opt ? opt : &defaults;
    ARC_TRY(arc_move_check_options(m.opt, err));
    if (key_name)
        ARC_TRY(arc_protect_key(key_name, key, NULL, err));
    ARC_TRY(look(&m, key_name ? key : NULL, &there, err));
    ARC_TRY(arc_move_clean(g, err)); /* of a move that was cut off after its cut-over */
    if (there)
        goto done;
    if (key_name)
        ARC_TRY(arc_protection_new(g->ctx, key, m.target.dim, &rotation, err));
    m.to = rotation;
    ARC_TRY(arc_move_run(&m, err));
    arc_gallery_protection_change(g, key_name ? key : NULL, &rotation);
    st = arc_move_clean(g, err);
done:
    if (report)
        *report = m.report;
    sodium_memzero(key, sizeof key);
    arc_protection_free(g->ctx, &rotation);
    return st;
}
