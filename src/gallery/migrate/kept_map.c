/* gallery/migrate: the map that was learned is kept with the gallery until the cut-over, in its small value "migrate-map", sealed
 * as embeddings are: what goes on after a crash maps by the same one, and no pair that it would be learned from anew was made by
 * it. Behind a head come the numbers, float32 [dim][target.dim]; all little-endian, as embeddings are. */
#include "gallery/migrate/move.h"
#include <string.h>

#define KEY "migrate-map"
#define OTHER_BYTES 256 /* head and seal, with room */

typedef struct head {
    int64_t pairs, held_out;
    double cosine, cosine_low;
    int32_t dim, target_dim;
} head;

static size_t numbers_of(const arc_move *m) {
    return (size_t)m->g->binding.dim * (size_t)m->target.dim;
}

static arc_seal_place place_of(const arc_move *m) {
    return (arc_seal_place){.column = ARC_SEAL_MAP, .generation = m->target.generation};
}

/* Room for a map, sealed or not. */
static void buffer_init(const arc_move *m, arc_buffer *b) {
    arc_buffer_init(b, &m->g->ctx->alloc, numbers_of(m) * sizeof(float) + OTHER_BYTES);
}

static arc_status take_over(arc_move *m, arc_bytes plain, arc_error *err) {
    const size_t numbers = numbers_of(m);
    head h = {0};
    if (plain.bytes == sizeof h + numbers * sizeof(float))
        memcpy(&h, plain.data, sizeof h);
    if (h.dim != m->g->binding.dim || h.target_dim != m->target.dim)
        return arc_gallery_fail(m->g, err, ARC_ECORRUPT,
                                "the map of a move that was cut off is damaged; give the move up (arcface gallery migrate "
                                "--cancel) and begin it again");
    m->matrix = arc_mem_raw(&m->g->ctx->alloc, numbers, sizeof *m->matrix);
    if (!m->matrix)
        return arc_fail_nomem(err, "a map of embeddings");
    memcpy(m->matrix, (const uint8_t *)plain.data + sizeof h, numbers * sizeof(float));
    m->matrix_kept = true;
    m->report.pairs = h.pairs;
    m->report.held_out = h.held_out;
    m->report.cosine = h.cosine;
    m->report.cosine_low = h.cosine_low;
    return ARC_OK;
}

arc_status arc_move_recall_map(arc_move *m, arc_error *err) {
    arc_buffer stored, opened;
    arc_bytes plain;
    bool found;
    arc_status st;
    buffer_init(m, &stored);
    buffer_init(m, &opened);
    ARC_TRY(m->g->store->type->meta_get(m->g->store, KEY, &stored, &found, err));
    if (!found)
        goto done;
    ARC_TRY(arc_seal_get(m->g->seal, place_of(m), (arc_bytes){stored.data, stored.bytes}, &opened, &plain, err));
    st = take_over(m, plain, err);
done:
    arc_buffer_free(&stored);
    arc_buffer_free(&opened);
    return st;
}

arc_status arc_move_keep_map(arc_move *m, arc_error *err) {
    const head h = {.pairs = m->report.pairs,
                    .held_out = m->report.held_out,
                    .cosine = m->report.cosine,
                    .cosine_low = m->report.cosine_low,
                    .dim = m->g->binding.dim,
                    .target_dim = m->target.dim};
    arc_buffer plain, sealed;
    arc_bytes out;
    arc_status st;
    if (!m->matrix || m->matrix_kept)
        return ARC_OK;
    buffer_init(m, &plain);
    buffer_init(m, &sealed);
    st = arc_buffer_put(&plain, &h, sizeof h);
    if (st == ARC_OK)
        st = arc_buffer_put(&plain, m->matrix, numbers_of(m) * sizeof(float));
    if (st != ARC_OK)
        ARC_TRY(arc_fail_nomem(err, "a map of embeddings"));
    ARC_TRY(arc_seal_put(m->g->seal, place_of(m), (arc_bytes){plain.data, plain.bytes}, &sealed, &out, err));
    ARC_TRY(m->g->store->type->meta_put(m->g->store, KEY, out, err));
    m->matrix_kept = true;
done:
    arc_buffer_free(&plain);
    arc_buffer_free(&sealed);
    return st;
}

arc_status arc_move_forget_map(arc_gallery *g, arc_error *err) {
    return g->store->type->meta_put(g->store, KEY, (arc_bytes){0}, err);
}
