/* gallery: "this face is not that person". */
#include "gallery/gallery_internal.h"
#include <stdio.h>

static arc_status reject(arc_gallery *g, const float *probe, int64_t identity, float *unit, arc_error *err) {
    arc_negative_row row = {.identity = identity, .generation = g->binding.generation, .created_ms = arc_clock_today_ms()};
    char subject[48];
    arc_status st;
    ARC_TRY(arc_gallery_unit(g, probe, unit, "embedding", 0, err));
    ARC_TRY(g->store->type->reserve(g->store, ARC_IDS_NEGATIVE, 1, &row.id, err));
    const arc_seal_place place = {.column = ARC_SEAL_NEGATIVE, .row = row.id, .generation = row.generation};
    const arc_bytes plain = {.data = unit, .bytes = (size_t)g->binding.dim * sizeof *unit};
    ARC_TRY(arc_seal_put(g->seal, place, plain, &g->scratch.embedding, &row.embedding, err));
    ARC_TRY(g->store->type->negative_put(g->store, &row, err));
    snprintf(subject, sizeof subject, "identity %lld", (long long)identity);
    ARC_TRY(arc_gallery_note(g, "reject", subject, err, "{\"negative\":%lld}", (long long)row.id));
done:
    return st;
}

arc_status arc_gallery_reject(arc_gallery *g, const float *probe, int64_t identity, arc_error *err) {
    float *unit = NULL;
    arc_status st = arc_gallery_enter(g, true, err);
    if (st != ARC_OK)
        return st;
    st = arc_gallery_need_binding(g, err);
    if (st == ARC_OK) {
        unit = arc_mem_raw(&g->ctx->alloc, (size_t)g->binding.dim, sizeof *unit);
        st = unit ? reject(g, probe, identity, unit, err) : arc_fail_nomem(err, "an embedding");
    }
    st = arc_gallery_leave(g, st, err);
    arc_mem_free(&g->ctx->alloc, unit);
    return st;
}
