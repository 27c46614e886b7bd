/* gallery: searching in the data base. The server's cosines are of half precision, so it gives a shortlist; that is compared
 * again with the float32 truth, by the same function as in an index. As the server's cosines are wrong by no more than a margin,
 * nobody outside of the shortlist can be an answer once the last answer lies that far above the shortlist's end: it grows until
 * then. */
#include "gallery/gallery_internal.h"
#include "vector/search/ranking.h"

#define FIRST_LIST 32          /* templates beside twice the answers */
#define LONGEST_LIST (1 << 20) /* templates */

/* The shortlist on its way through the truth. */
typedef struct comparing {
    arc_gallery *g;
    const float *probe;
    int dim;
    arc_ranking ranking;
} comparing;

static arc_status take_template(void *arg, const arc_template_row *row, arc_error *err) {
    comparing *c = arg;
    const float *x;
    if (row->embedding.bytes == 0)
        return ARC_OK;
    const arc_status st =
        arc_gallery_embedding(c->g, ARC_SEAL_EMBEDDING, row->id, row->embedding, &c->g->scratch.embedding, &x, err);
    if (st == ARC_OK)
        arc_ranking_put(
            &c->ranking,
            (arc_index_hit){.id = row->id, .owner = row->identity, .cosine = arc_exact_cosine(c->probe, x, (size_t)c->dim)});
    return st;
}

/* One list of `most` templates, compared. *complete: nobody else can be among the answers, or with an index of neighbours: there
 * are as many as were asked for. */
static arc_status compare_list(comparing *c, const arc_store_nearest *near, int64_t *id, double *cosine, bool *complete,
                               arc_error *err) {
    const arc_gallery_store *s = c->g->store;
    arc_template_query truth = {.generation = near->generation, .parts = ARC_READ_EMBEDDING, .ids = id};
    arc_status st;
    c->ranking.count = 0;
    ARC_TRY(s->type->vectors->nearest(c->g->store, near, id, cosine, &truth.id_count, err));
    if (truth.id_count > 0)
        ARC_TRY(s->type->template_each(c->g->store, &truth, take_template, c, err));
    const bool all = truth.id_count < near->most, full = c->ranking.count == c->ranking.top;
    *complete = all || (full && (near->hnsw || (double)arc_ranking_limit(&c->ranking) >
                                                   cosine[truth.id_count - 1] + s->type->vectors->margin(near->dim)));
done:
    return st;
}

arc_status arc_gallery_nearest(arc_gallery *g, const float *probe, const arc_nearest_query *q, arc_index_hit *hit, int *found,
                               arc_error *err) {
    const arc_alloc *alloc = &g->ctx->alloc;
    comparing c = {.g = g, .probe = probe, .dim = q->dim, .ranking = {.hit = hit, .top = q->top, .by_owner = true}};
    arc_store_nearest near = {.generation = q->generation,
                              .probe = probe,
                              .dim = q->dim,
                              .only = q->only,
                              .only_count = q->only_count,
                              .hnsw = q->fast,
                              .most = 2 * (int64_t)q->top + FIRST_LIST};
    arc_store_vectors vectors;
    bool complete = false;
    arc_status st;
    *found = 0;
    ARC_TRY(arc_gallery_need_vectors(g, &vectors, err));
    if (q->fast && !vectors.hnsw)
        return arc_gallery_fail(g, err, ARC_EUNSUPPORTED,
                                "the data base has no index for fast searches; \"arcface gallery set --search database-hnsw\" "
                                "builds it");
    for (; !complete && st == ARC_OK; near.most *= 4) {
        if (near.most > LONGEST_LIST)
            return arc_gallery_fail(
                g, err, ARC_ELIMIT,
                "more than %d templates are as similar to the face as the answers, or are of the same people: "
                "the data base cannot tell them apart; search in memory",
                LONGEST_LIST);
        int64_t *id = arc_mem_raw(alloc, (size_t)near.most, sizeof *id);
        double *cosine = arc_mem_raw(alloc, (size_t)near.most, sizeof *cosine);
        st = id && cosine ? compare_list(&c, &near, id, cosine, &complete, err) : arc_fail_nomem(err, "a shortlist");
        arc_mem_free(alloc, id);
        arc_mem_free(alloc, cosine);
    }
    *found = st == ARC_OK ? c.ranking.count : 0;
done:
    return st;
}
