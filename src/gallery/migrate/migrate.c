/* gallery/migrate: to another model. */
#include "gallery/migrate/move.h"
#include <math.h>
#include <string.h>

/* Crops that were aligned for another template show another part of the face. */
static arc_status check_crops(const arc_move *m, arc_error *err) {
    const arc_binding *from = &m->g->binding, *to = &m->target;
    if (!*from->align || strcmp(from->align, to->align) == 0)
        return ARC_OK;
    return arc_gallery_fail(
        m->g, err, ARC_EINVAL,
        "its crops are aligned to the template %s, and %s needs %s: it cannot be moved; enrol the photos into a "
        "new gallery",
        from->align, to->model_name, to->align);
}

/* *there: the gallery is bound to this model, there is nothing to move. */
static arc_status look(arc_move *m, bool *there, arc_error *err) {
    arc_gallery *g = m->g;
    arc_status st = arc_gallery_enter(g, false, err);
    if (st != ARC_OK)
        return st;
    st = arc_gallery_need_binding(g, err);
    *there = g->binding.dim == m->target.dim && strcmp(g->binding.model_sha256, m->target.model_sha256) == 0;
    if (st == ARC_OK && !*there)
        st = check_crops(m, err);
    memcpy(m->target.protection, g->binding.protection, sizeof m->target.protection);
    return arc_gallery_leave(g, st, err);
}

arc_status arc_gallery_migrate(arc_gallery *g, const arc_model *to, const arc_gallery_migrate_options *opt,
                               arc_gallery_migrate_report *report, arc_error *err) {
    arc_gallery_migrate_options defaults;
    arc_move m = {.g = g, .report = {.cosine = (double)NAN, .cosine_low = (double)NAN}};
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
    ARC_TRY(arc_gallery_binding_of(g, to, &m.target, err));
    ARC_TRY(look(&m, &there, err));
    ARC_TRY(arc_move_clean(g, err)); /* of a move that was cut off after its cut-over */
    if (there)
        goto done;
    ARC_TRY(arc_embedder_new(g->ctx, to, &m.embedder, err));
    if (g->protecting) /* by the same key; for embeddings of another length it is another rotation */
        ARC_TRY(arc_protection_new(g->ctx, g->protect_key, m.target.dim, &rotation, err));
    m.to = rotation;
    ARC_TRY(arc_move_run(&m, err));
    st = arc_move_clean(g, err);
done:
    if (report)
        *report = m.report;
    arc_embedder_free(&m.embedder);
    arc_protection_free(g->ctx, &rotation);
    arc_mem_free(&g->ctx->alloc, m.matrix);
    return st;
}
