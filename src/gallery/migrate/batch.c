/* gallery/migrate: one batch of templates gets its new embeddings. */
#include "gallery/migrate/move.h"
#include <math.h>
#include <string.h>

arc_status arc_move_batch_begin(arc_move_batch *b, const arc_move *m, arc_error *err) {
    const arc_alloc *alloc = &m->g->ctx->alloc;
    const size_t room = (size_t)m->opt->batch;
    *b = (arc_move_batch){.room = m->opt->batch};
    arc_arena_init(&b->values, alloc, 0);
    b->id = arc_mem_new(alloc, room, sizeof *b->id);
    b->old = arc_mem_new(alloc, room * (size_t)m->g->binding.dim, sizeof *b->old);
    b->made = arc_mem_new(alloc, room * (size_t)m->target.dim, sizeof *b->made);
    b->crop = arc_mem_new(alloc, room, sizeof *b->crop);
    b->row = arc_mem_new(alloc, room, sizeof *b->row);
    return b->id && b->old && b->made && b->crop && b->row ? ARC_OK : arc_fail_nomem(err, "templates to be moved");
}

static void let_go(arc_move_batch *b, const arc_move *m) {
    for (int i = 0; i < b->room && b->crop; i++)
        arc_image_free(m->g->ctx, &b->crop[i]);
    arc_arena_free(&b->values);
    b->rows = 0;
}

void arc_move_batch_end(arc_move_batch *b, const arc_move *m) {
    const arc_alloc *alloc = &m->g->ctx->alloc;
    let_go(b, m);
    arc_mem_free(alloc, b->id);
    arc_mem_free(alloc, b->old);
    arc_mem_free(alloc, b->made);
    arc_mem_free(alloc, b->crop);
    arc_mem_free(alloc, b->row);
    *b = (arc_move_batch){0};
}

typedef struct listing {
    arc_move_batch *b;
    arc_move *m;
    int olds; /* whose old embedding was read */
} listing;

/* With its crop, if it has one. */
static arc_status take_crop(void *arg, const arc_template_row *row, arc_error *err) {
    const listing *l = arg;
    arc_move_batch *b = l->b;
    arc_gallery *g = l->m->g;
    arc_bytes crop;
    if (b->rows == b->room)
        return ARC_ECANCEL;
    b->last = row->id;
    if (row->crop.bytes == 0)
        return ARC_OK;
    arc_status st =
        arc_seal_get(g->seal, (arc_seal_place){.column = ARC_SEAL_CROP, .row = row->id}, row->crop, &g->scratch.crop, &crop, err);
    if (st == ARC_OK)
        st = arc_gallery_decode_crop(g, crop, &b->crop[b->rows], err);
    if (st != ARC_OK)
        return arc_gallery_fail(g, err, st, "the crop of template %lld cannot be read; remove the template or enrol it anew",
                                (long long)row->id);
    b->id[b->rows++] = row->id;
    return ARC_OK;
}

/* Without a new embedding. */
static arc_status take_rest(void *arg, const arc_template_row *row, arc_error *err) {
    const listing *l = arg;
    arc_move_batch *b = l->b;
    (void)err;
    if (b->rows == b->room)
        return ARC_ECANCEL;
    b->last = row->id;
    if (row->embedding.bytes == 0)
        b->id[b->rows++] = row->id;
    return ARC_OK;
}

static arc_status take_old(void *arg, const arc_template_row *row, arc_error *err) {
    listing *l = arg;
    const size_t dim = (size_t)l->m->g->binding.dim;
    const float *old;
    if (l->m->embedder && row->crop.bytes > 0)
        return ARC_OK; /* enrolled meanwhile: embedded from its crop at the cut-over */
    const arc_status st = arc_move_open(l->m, l->m->g->binding.generation, (int)dim, row, &l->m->g->scratch.embedding, &old, err);
    if (st == ARC_OK && l->olds < l->b->rows) {
        l->b->id[l->olds] = row->id;
        memcpy(l->b->old + (size_t)l->olds++ * dim, old, dim * sizeof *old);
    }
    return st;
}

arc_status arc_move_batch_list(arc_move_batch *b, arc_move *m, arc_move_stage stage, arc_error *err) {
    const arc_gallery_store_type *type = m->g->store->type;
    const bool crops = stage == ARC_MOVE_CROPS;
    const arc_template_query q = {.after_id = b->after,
                                  .generation = crops ? m->g->binding.generation : m->target.generation,
                                  .parts = crops ? ARC_READ_CROP : ARC_READ_EMBEDDING};
    listing l = {.b = b, .m = m};
    let_go(b, m);
    b->last = b->after;
    arc_status st = type->template_each(m->g->store, &q, crops ? take_crop : take_rest, &l, err);
    b->ended = st == ARC_OK;
    if (st != ARC_OK && st != ARC_ECANCEL)
        return st;
    if (crops || b->rows == 0)
        return ARC_OK;
    const arc_template_query olds = {.generation = m->g->binding.generation,
                                     .parts = ARC_READ_EMBEDDING | (m->embedder ? ARC_READ_CROP : 0),
                                     .ids = b->id,
                                     .id_count = b->rows};
    st = type->template_each(m->g->store, &olds, take_old, &l, err);
    b->rows = l.olds;
    return st;
}

static bool is_zero(const float *x, int dim) {
    for (int k = 0; k < dim; k++)
        if (fabsf(x[k]) > 1e-12F)
            return false;
    return true;
}

static arc_status embed_crops(arc_move_batch *b, const arc_move *m, arc_error *err) {
    const int dim = m->target.dim;
    const arc_status st = arc_embed_crops(m->embedder, b->crop, b->rows, m->opt->flip, b->made, err);
    if (st != ARC_OK)
        return arc_gallery_fail(m->g, err, st, "the crop of template %lld, or of one up to %lld, cannot be embedded",
                                (long long)b->id[0], (long long)b->id[b->rows - 1]);
    for (int i = 0; i < b->rows; i++)
        if (is_zero(b->made + (size_t)i * (size_t)dim, dim))
            return arc_gallery_fail(m->g, err, ARC_EINVAL,
                                    "the model gives the crop of template %lld an embedding of zeros, which has no direction",
                                    (long long)b->id[i]);
    arc_embedding_normalise(b->made, b->rows, dim);
    if (m->to)
        arc_protect(m->to, b->made, b->rows, b->made);
    return ARC_OK;
}

arc_status arc_move_batch_embed(arc_move_batch *b, arc_move *m, arc_move_stage stage, arc_error *err) {
    if (b->rows == 0)
        return ARC_OK;
    if (stage == ARC_MOVE_CROPS)
        return embed_crops(b, m, err);
    for (int i = 0; i < b->rows; i++)
        arc_move_map(m, b->old + (size_t)i * (size_t)m->g->binding.dim, b->made + (size_t)i * (size_t)m->target.dim);
    return ARC_OK;
}

/* Ids come in their order, those that were removed meanwhile are left out. */
static arc_status take_there(void *arg, const arc_template_row *row, arc_error *err) {
    const listing *l = arg;
    (void)err;
    l->b->row[l->b->rows++] = (arc_template_row){.id = row->id, .generation = l->m->target.generation};
    return ARC_OK;
}

static arc_status seal_row(arc_move_batch *b, const arc_move *m, arc_template_row *row, const float *made, arc_error *err) {
    const arc_seal_place place = {.column = ARC_SEAL_EMBEDDING, .row = row->id, .generation = row->generation};
    const arc_bytes plain = {made, (size_t)m->target.dim * sizeof *made};
    arc_bytes sealed;
    const arc_status st = arc_seal_put(m->g->seal, place, plain, &m->g->scratch.embedding, &sealed, err);
    if (st != ARC_OK)
        return st;
    void *copy = arc_arena_new(&b->values, sealed.bytes, 1);
    if (!copy)
        return arc_fail_nomem(err, "templates to be moved");
    memcpy(copy, sealed.data, sealed.bytes);
    row->embedding = (arc_bytes){copy, sealed.bytes};
    return ARC_OK;
}

arc_status arc_move_batch_store(arc_move_batch *b, arc_move *m, arc_error *err) {
    const arc_gallery_store_type *type = m->g->store->type;
    const int rows = b->rows;
    const arc_template_query q = {.generation = m->g->binding.generation, .ids = b->id, .id_count = rows};
    listing l = {.b = b, .m = m};
    arc_status st = ARC_OK;
    if (rows == 0)
        return ARC_OK;
    b->rows = 0;
    ARC_TRY(type->template_each(m->g->store, &q, take_there, &l, err));
    for (int i = 0, from = 0; i < b->rows; i++) {
        while (from < rows && b->id[from] != b->row[i].id)
            from++;
        ARC_TRY(seal_row(b, m, &b->row[i], b->made + (size_t)ARC_MIN(from, rows - 1) * (size_t)m->target.dim, err));
    }
    if (b->rows > 0)
        st = type->embedding_put(m->g->store, b->row, b->rows, false, err);
done:
    return st;
}
