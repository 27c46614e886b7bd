/* gallery/store/postgres: identities. */
#include "gallery/store/postgres/postgres_internal.h"

#define COLUMNS                                                                                                                  \
    "SELECT i.id, i.name_key, i.name, i.note, i.threshold, i.created_ms, i.changed_ms,"                                          \
    " (SELECT count(*) FROM arcface.templates t WHERE t.gallery = i.gallery AND t.identity = i.id) FROM arcface.identities i"

static arc_status taken(const arc_pg *s, arc_error *err) {
    return arc_fail(err, ARC_EINVAL, "%s: there is already an identity of this name", s->label);
}

static arc_status absent(const arc_pg *s, int64_t id, arc_error *err) {
    return arc_fail(err, ARC_ENOTFOUND, "%s: there is no identity %lld", s->label, (long long)id);
}

arc_status arc_pg_identity_there(arc_pg *s, int64_t id, arc_error *err) {
    static const arc_pg_statement ask = {"identity_there",
                                         "SELECT count(*) FROM arcface.identities WHERE gallery = $1::int8 AND id = $2::int8",
                                         "read an identity"};
    arc_pg_values v = {0};
    int64_t count;
    arc_pg_add_int(&v, s->gallery);
    arc_pg_add_int(&v, id);
    const arc_status st = arc_pg_ask(s, &ask, &v, &count, NULL, err);
    return st == ARC_OK && count == 0 ? absent(s, id, err) : st;
}

/* The values that both writing statements have in common, $1 to $7. */
static void add_row(const arc_pg *s, const arc_identity_row *row, arc_pg_values *v) {
    arc_pg_add_int(v, s->gallery);
    arc_pg_add_int(v, row->id);
    arc_pg_add_bytes(v, row->name_key);
    arc_pg_add_bytes(v, row->name);
    arc_pg_add_bytes(v, row->note.bytes > 0 ? row->note : (arc_bytes){NULL, 0});
    arc_pg_add_real(v, row->threshold);
    arc_pg_add_int(v, row->changed_ms);
}

/* A taken name is found before the row is written, so that the transaction goes on: writers take turns. */
static arc_status name_free(arc_pg *s, const arc_identity_row *row, arc_error *err) {
    int64_t id;
    bool found;
    const arc_status st = arc_pg_identity_find(&s->base, row->name_key, &id, &found, err);
    return st == ARC_OK && found && id != row->id ? taken(s, err) : st;
}

arc_status arc_pg_identity_put(arc_gallery_store *store, const arc_identity_row *row, arc_error *err) {
    static const arc_pg_statement put = {
        "identity_put",
        "INSERT INTO arcface.identities(gallery, id, name_key, name, note, threshold, changed_ms, created_ms)"
        " VALUES ($1::int8, $2::int8, $3::bytea, $4::bytea, $5::bytea, $6::float8, $7::int8, $8::int8)",
        "store an identity"};
    arc_pg *s = arc_pg_of(store);
    arc_pg_values v = {0};
    arc_status st = name_free(s, row, err);
    if (st != ARC_OK)
        return st;
    add_row(s, row, &v);
    arc_pg_add_int(&v, row->created_ms);
    return arc_pg_run(s, &put, &v, NULL, err);
}

arc_status arc_pg_identity_update(arc_gallery_store *store, const arc_identity_row *row, arc_error *err) {
    static const arc_pg_statement update = {
        "identity_update",
        "UPDATE arcface.identities SET name_key = $3::bytea, name = $4::bytea, note = $5::bytea, threshold = $6::float8,"
        " changed_ms = $7::int8 WHERE gallery = $1::int8 AND id = $2::int8",
        "store an identity"};
    arc_pg *s = arc_pg_of(store);
    arc_pg_values v = {0};
    arc_status st;
    ARC_TRY(arc_pg_identity_there(s, row->id, err));
    ARC_TRY(name_free(s, row, err));
    add_row(s, row, &v);
    ARC_TRY(arc_pg_run(s, &update, &v, NULL, err));
done:
    return st;
}

static arc_status visit_row(const PGresult *r, int at, arc_identity_visit *visit, void *arg, arc_error *err) {
    const arc_identity_row row = {.id = arc_pg_int(r, at, 0),
                                  .name_key = arc_pg_bytes(r, at, 1),
                                  .name = arc_pg_bytes(r, at, 2),
                                  .note = arc_pg_bytes(r, at, 3),
                                  .threshold = arc_pg_real(r, at, 4),
                                  .created_ms = arc_pg_int(r, at, 5),
                                  .changed_ms = arc_pg_int(r, at, 6),
                                  .templates = arc_pg_int(r, at, 7)};
    return visit(arg, &row, err);
}

arc_status arc_pg_identity_get(arc_gallery_store *store, int64_t id, arc_identity_visit *visit, void *arg, arc_error *err) {
    static const arc_pg_statement get = {"identity_get", COLUMNS " WHERE i.gallery = $1::int8 AND i.id = $2::int8",
                                         "read an identity"};
    arc_pg *s = arc_pg_of(store);
    arc_pg_values v = {0};
    PGresult *r = NULL;
    arc_status st;
    arc_pg_add_int(&v, s->gallery);
    arc_pg_add_int(&v, id);
    st = arc_pg_run(s, &get, &v, &r, err);
    if (st == ARC_OK)
        st = PQntuples(r) == 0 ? absent(s, id, err) : visit_row(r, 0, visit, arg, err);
    PQclear(r);
    return st;
}

arc_status arc_pg_identity_find(arc_gallery_store *store, arc_bytes name_key, int64_t *id, bool *found, arc_error *err) {
    static const arc_pg_statement find = {"identity_find",
                                          "SELECT id FROM arcface.identities WHERE gallery = $1::int8"
                                          " AND sha256(name_key) = sha256($2::bytea) AND name_key = $2::bytea",
                                          "look up a name"};
    arc_pg *s = arc_pg_of(store);
    arc_pg_values v = {0};
    arc_pg_add_int(&v, s->gallery);
    arc_pg_add_bytes(&v, name_key);
    return arc_pg_ask(s, &find, &v, id, found, err);
}

/* The tables remove templates, embeddings and negatives along with it; indexes have to be told of the templates. */
arc_status arc_pg_identity_remove(arc_gallery_store *store, int64_t id, arc_error *err) {
    static const arc_pg_statement any = {
        "identity_templates", "SELECT count(*) FROM arcface.templates WHERE gallery = $1::int8 AND identity = $2::int8",
        "remove an identity"};
    static const arc_pg_statement note = {"identity_gone",
                                          "INSERT INTO arcface.removals SELECT $1::int8, $3::int8, id FROM arcface.templates"
                                          " WHERE gallery = $1::int8 AND identity = $2::int8",
                                          "remove an identity"};
    static const arc_pg_statement remove = {
        "identity_remove", "DELETE FROM arcface.identities WHERE gallery = $1::int8 AND id = $2::int8", "remove an identity"};
    arc_pg *s = arc_pg_of(store);
    arc_pg_values v = {0}, noted = {0};
    int64_t templates, rows;
    arc_status st;
    arc_pg_add_int(&v, s->gallery);
    arc_pg_add_int(&v, id);
    ARC_TRY(arc_pg_ask(s, &any, &v, &templates, NULL, err));
    if (templates > 0) {
        ARC_TRY(arc_pg_revise(s, err));
        arc_pg_add_int(&noted, s->gallery);
        arc_pg_add_int(&noted, id);
        arc_pg_add_int(&noted, s->revision);
        ARC_TRY(arc_pg_run(s, &note, &noted, NULL, err));
    }
    ARC_TRY(arc_pg_change(s, &remove, &v, &rows, err));
    st = rows == 0 ? absent(s, id, err) : ARC_OK;
done:
    return st;
}

/* Identities on their way to a visitor. */
typedef struct identity_list {
    const arc_pg *s;
    int64_t after;
    arc_identity_visit *visit;
    void *arg;
} identity_list;

static void add_identities(const void *arg, arc_pg_values *v) {
    const identity_list *l = arg;
    arc_pg_add_int(v, l->s->gallery);
    arc_pg_add_int(v, l->after);
    arc_pg_add_int(v, ARC_PG_PAGE);
}

static arc_status take_identity(void *arg, const PGresult *r, int at, arc_error *err) {
    identity_list *l = arg;
    l->after = arc_pg_int(r, at, 0);
    return visit_row(r, at, l->visit, l->arg, err);
}

arc_status arc_pg_identity_each(arc_gallery_store *store, int64_t after_id, arc_identity_visit *visit, void *arg,
                                arc_error *err) {
    static const arc_pg_statement list = {"identity_each",
                                          COLUMNS " WHERE i.gallery = $1::int8 AND i.id > $2::int8 ORDER BY i.id LIMIT $3::int8",
                                          "read the identities"};
    identity_list l = {.s = arc_pg_of(store), .after = after_id, .visit = visit, .arg = arg};
    return arc_pg_list(arc_pg_of(store), &list, ARC_PG_PAGE, add_identities, take_identity, &l, err);
}
