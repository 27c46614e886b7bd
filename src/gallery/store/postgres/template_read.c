/* gallery/store/postgres: templates are read page by page, in the order of their ids, moved and removed. */
#include "gallery/store/postgres/postgres_internal.h"

#define PAGE_WITH_CROPS 64 /* rows at a time: a crop is some ten kB */

/* $1 gallery, $2 behind this id, $3 generation (0: no embeddings), $4 whether details, $5 whether crops, $6 rows. What is not
 * wanted is not taken out of its storage. */
#define TEMPLATES                                                                                                                \
    "SELECT t.id, t.identity, t.revision, t.quality, t.created_ms, (SELECT e.data FROM arcface.embeddings e"                     \
    " WHERE e.gallery = t.gallery AND e.template = t.id AND e.generation = $3::int8),"                                           \
    " CASE WHEN $4::int8 <> 0 THEN t.source END, CASE WHEN $4::int8 <> 0 THEN t.detail END,"                                     \
    " CASE WHEN $5::int8 <> 0 THEN t.crop END FROM arcface.templates t WHERE t.gallery = $1::int8 AND t.id > $2::int8"
#define IN_ORDER " ORDER BY t.id LIMIT $6::int8"

/* Templates on their way to a visitor. */
typedef struct template_list {
    const arc_pg *s;
    const arc_template_query *q;
    int64_t after;
    arc_template_visit *visit;
    void *arg;
} template_list;

static arc_status take_template(void *arg, const PGresult *r, int at, arc_error *err) {
    template_list *l = arg;
    const arc_template_row row = {.id = arc_pg_int(r, at, 0),
                                  .identity = arc_pg_int(r, at, 1),
                                  .revision = arc_pg_int(r, at, 2),
                                  .quality = (float)arc_pg_real(r, at, 3),
                                  .created_ms = arc_pg_int(r, at, 4),
                                  .generation = l->q->generation,
                                  .embedding = arc_pg_bytes(r, at, 5),
                                  .source_sha256 = arc_pg_bytes(r, at, 6),
                                  .detail = arc_pg_bytes(r, at, 7),
                                  .crop = arc_pg_bytes(r, at, 8)};
    l->after = row.id;
    return l->visit(l->arg, &row, err);
}

static int page_rows(const arc_template_query *q) {
    return q->parts & ARC_READ_CROP ? PAGE_WITH_CROPS : ARC_PG_PAGE;
}

static void add_query(const void *arg, arc_pg_values *v) {
    const template_list *l = arg;
    const arc_template_query *q = l->q;
    arc_pg_add_int(v, l->s->gallery);
    arc_pg_add_int(v, l->after);
    arc_pg_add_int(v, q->parts & ARC_READ_EMBEDDING ? q->generation : 0);
    arc_pg_add_int(v, q->parts & ARC_READ_DETAIL);
    arc_pg_add_int(v, q->parts & ARC_READ_CROP);
    arc_pg_add_int(v, page_rows(q));
    if (q->identity || q->ids)
        arc_pg_add_int(v, q->identity);
}

/* All of them or an identity's: one index for each. */
static arc_status each_in_order(arc_pg *s, const arc_template_query *q, arc_template_visit *visit, void *arg, arc_error *err) {
    static const arc_pg_statement of_all = {"template_each", TEMPLATES IN_ORDER, "read the templates"};
    static const arc_pg_statement of_one = {"template_each_of", TEMPLATES " AND t.identity = $7::int8" IN_ORDER,
                                            "read the templates"};
    template_list l = {.s = s, .q = q, .after = q->after_id, .visit = visit, .arg = arg};
    return arc_pg_list(s, q->identity ? &of_one : &of_all, page_rows(q), add_query, take_template, &l, err);
}

static arc_status page_of_ids(arc_pg *s, const arc_template_query *q, const int64_t *ids, int64_t count,
                              arc_template_visit *visit, void *arg, arc_error *err) {
    static const arc_pg_statement of_ids = {
        "template_each_ids",
        "SELECT p.* FROM unnest($8::int8[]) WITH ORDINALITY AS u(id, place) JOIN LATERAL (" TEMPLATES
        " AND t.id = u.id AND ($7::int8 = 0 OR t.identity = $7::int8)) AS p ON true"
        " ORDER BY u.place LIMIT $6::int8",
        "read the templates"};
    template_list l = {.s = s, .q = q, .visit = visit, .arg = arg};
    arc_pg_values v = {0};
    arc_pg_array array;
    PGresult *r = NULL;
    arc_status st;
    arc_pg_array_ids(&array, &s->ctx->alloc, ids, count);
    add_query(&l, &v);
    ARC_TRY(arc_pg_add_array(&v, &array, err));
    ARC_TRY(arc_pg_run(s, &of_ids, &v, &r, err));
    for (int i = 0; i < PQntuples(r); i++)
        ARC_TRY(take_template(&l, r, i, err));
done:
    PQclear(r);
    arc_pg_array_free(&array);
    return st;
}

arc_status arc_pg_template_each(arc_gallery_store *store, const arc_template_query *q, arc_template_visit *visit, void *arg,
                                arc_error *err) {
    arc_pg *s = arc_pg_of(store);
    arc_status st = ARC_OK;
    if (!q->ids)
        return each_in_order(s, q, visit, arg, err);
    for (int64_t at = 0, n; at < q->id_count && st == ARC_OK; at += n) {
        n = ARC_MIN(q->id_count - at, page_rows(q));
        st = page_of_ids(s, q, q->ids + at, n, visit, arg, err);
    }
    return st;
}

/* ---- removing and moving ---- */

static arc_status remove_page(arc_pg *s, const int64_t *ids, int64_t count, arc_error *err) {
    static const arc_pg_statement remove = {
        "template_remove",
        "WITH gone AS (DELETE FROM arcface.templates WHERE gallery = $1::int8 AND id = ANY($3::int8[]) RETURNING id)"
        "INSERT INTO arcface.removals SELECT $1::int8, $2::int8, id FROM gone",
        "remove templates"};
    arc_pg_values v = {0};
    arc_pg_array array;
    int64_t removed;
    arc_status st;
    arc_pg_array_ids(&array, &s->ctx->alloc, ids, count);
    arc_pg_add_int(&v, s->gallery);
    arc_pg_add_int(&v, s->revision);
    ARC_TRY(arc_pg_add_array(&v, &array, err));
    ARC_TRY(arc_pg_change(s, &remove, &v, &removed, err));
    if (removed != count)
        st = arc_fail(err, ARC_ENOTFOUND, "%s: %s %lld%s is not there", s->label,
                      count == 1 ? "template" : "one of the templates from", (long long)ids[0], count == 1 ? "" : " on");
done:
    arc_pg_array_free(&array);
    return st;
}

arc_status arc_pg_template_remove(arc_gallery_store *store, const int64_t *ids, int64_t count, arc_error *err) {
    arc_pg *s = arc_pg_of(store);
    arc_status st = count > 0 ? arc_pg_revise(s, err) : ARC_OK;
    for (int64_t at = 0; at < count && st == ARC_OK; at += ARC_PG_BATCH)
        st = remove_page(s, ids + at, ARC_MIN(count - at, ARC_PG_BATCH), err);
    return st;
}

arc_status arc_pg_template_move(arc_gallery_store *store, int64_t from_identity, int64_t to_identity, arc_error *err) {
    static const arc_pg_statement move = {"template_move",
                                          "UPDATE arcface.templates SET identity = $3::int8, revision = $4::int8"
                                          " WHERE gallery = $1::int8 AND identity = $2::int8",
                                          "move templates"};
    static const arc_pg_statement negatives = {
        "negative_move", "UPDATE arcface.negatives SET identity = $3::int8 WHERE gallery = $1::int8 AND identity = $2::int8",
        "move templates"};
    arc_pg *s = arc_pg_of(store);
    arc_pg_values moved = {0}, v = {0};
    arc_status st;
    ARC_TRY(arc_pg_identity_there(s, from_identity, err));
    ARC_TRY(arc_pg_identity_there(s, to_identity, err));
    ARC_TRY(arc_pg_revise(s, err));
    arc_pg_add_int(&v, s->gallery);
    arc_pg_add_int(&v, from_identity);
    arc_pg_add_int(&v, to_identity);
    ARC_TRY(arc_pg_run(s, &negatives, &v, NULL, err));
    arc_pg_add_int(&moved, s->gallery);
    arc_pg_add_int(&moved, from_identity);
    arc_pg_add_int(&moved, to_identity);
    arc_pg_add_int(&moved, s->revision);
    ARC_TRY(arc_pg_run(s, &move, &moved, NULL, err));
done:
    return st;
}

arc_status arc_pg_generation_drop(arc_gallery_store *store, int generation, int64_t most, bool *left, arc_error *err) {
    static const arc_pg_statement embeddings = {
        "embedding_drop",
        "DELETE FROM arcface.embeddings WHERE ctid = ANY(ARRAY(SELECT ctid FROM arcface.embeddings"
        " WHERE gallery = $1::int8 AND generation = $2::int8 LIMIT $3::int8))",
        "remove old embeddings"};
    static const arc_pg_statement negatives = {
        "negative_drop",
        "DELETE FROM arcface.negatives WHERE ctid = ANY(ARRAY(SELECT ctid FROM arcface.negatives"
        " WHERE gallery = $1::int8 AND generation = $2::int8 LIMIT $3::int8))",
        "remove old embeddings"};
    arc_pg *s = arc_pg_of(store);
    arc_pg_values v = {0};
    int64_t dropped, ruled_out;
    arc_status st;
    *left = true;
    ARC_TRY(arc_pg_vectors_drop(store, generation, err));
    arc_pg_add_int(&v, s->gallery);
    arc_pg_add_int(&v, generation);
    arc_pg_add_int(&v, most);
    ARC_TRY(arc_pg_change(s, &embeddings, &v, &dropped, err));
    ARC_TRY(arc_pg_change(s, &negatives, &v, &ruled_out, err));
    *left = dropped == most || ruled_out == most;
done:
    return st;
}

arc_status arc_pg_source_find(arc_gallery_store *store, arc_bytes source_sha256, int64_t *id, int64_t *identity, bool *found,
                              arc_error *err) {
    static const arc_pg_statement find = {
        "source_find",
        "SELECT id, identity FROM arcface.templates WHERE gallery = $1::int8 AND source = $2::bytea"
        " ORDER BY id LIMIT 1",
        "look up a photo"};
    arc_pg *s = arc_pg_of(store);
    arc_pg_values v = {0};
    PGresult *r = NULL;
    *id = *identity = 0;
    *found = false;
    arc_pg_add_int(&v, s->gallery);
    arc_pg_add_bytes(&v, source_sha256);
    const arc_status st = arc_pg_run(s, &find, &v, &r, err);
    if (st == ARC_OK && PQntuples(r) > 0) {
        *id = arc_pg_int(r, 0, 0);
        *identity = arc_pg_int(r, 0, 1);
        *found = true;
    }
    PQclear(r);
    return st;
}
