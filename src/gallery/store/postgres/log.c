/* gallery/store/postgres: what somebody ruled out, and the audit log. */
#include "gallery/store/postgres/postgres_internal.h"

arc_status arc_pg_negative_put(arc_gallery_store *store, const arc_negative_row *row, arc_error *err) {
    static const arc_pg_statement put = {
        "negative_put",
        "INSERT INTO arcface.negatives VALUES ($1::int8, $2::int8, $3::int8, $4::int8, $5::bytea, $6::int8)"
        " ON CONFLICT (gallery, id) DO UPDATE SET identity = excluded.identity, generation = excluded.generation,"
        " data = excluded.data, created_ms = excluded.created_ms",
        "store what is not a person"};
    arc_pg *s = arc_pg_of(store);
    arc_pg_values v = {0};
    arc_pg_add_int(&v, s->gallery);
    arc_pg_add_int(&v, row->id);
    arc_pg_add_int(&v, row->identity);
    arc_pg_add_int(&v, row->generation);
    arc_pg_add_bytes(&v, row->embedding);
    arc_pg_add_int(&v, row->created_ms);
    return arc_pg_run(s, &put, &v, NULL, err);
}

/* What is on its way to a visitor: negatives, or lines of the log. */
typedef struct log_list {
    const arc_pg *s;
    int64_t after, identity;
    int generation;
    arc_negative_visit *negative;
    arc_audit_visit *audit;
    void *arg;
} log_list;

static void add_negatives(const void *arg, arc_pg_values *v) {
    const log_list *l = arg;
    arc_pg_add_int(v, l->s->gallery);
    arc_pg_add_int(v, l->after);
    arc_pg_add_int(v, l->identity);
    arc_pg_add_int(v, l->generation);
    arc_pg_add_int(v, ARC_PG_PAGE);
}

static arc_status take_negative(void *arg, const PGresult *r, int at, arc_error *err) {
    log_list *l = arg;
    const arc_negative_row row = {.id = arc_pg_int(r, at, 0),
                                  .identity = arc_pg_int(r, at, 1),
                                  .generation = (int)arc_pg_int(r, at, 2),
                                  .embedding = arc_pg_bytes(r, at, 3),
                                  .created_ms = arc_pg_int(r, at, 4)};
    l->after = row.id;
    return l->negative(l->arg, &row, err);
}

arc_status arc_pg_negative_each(arc_gallery_store *store, int64_t identity, int generation, arc_negative_visit *visit, void *arg,
                                arc_error *err) {
    static const arc_pg_statement list = {
        "negative_each",
        "SELECT id, identity, generation, data, created_ms FROM arcface.negatives WHERE gallery = $1::int8 AND id > $2::int8"
        " AND ($3::int8 = 0 OR identity = $3::int8) AND generation = $4::int8 ORDER BY id LIMIT $5::int8",
        "read what is not a person"};
    arc_pg *s = arc_pg_of(store);
    log_list l = {.s = s, .identity = identity, .generation = generation, .negative = visit, .arg = arg};
    return arc_pg_list(s, &list, ARC_PG_PAGE, add_negatives, take_negative, &l, err);
}

arc_status arc_pg_negative_remove(arc_gallery_store *store, int64_t id, arc_error *err) {
    static const arc_pg_statement remove = {"negative_remove",
                                            "DELETE FROM arcface.negatives WHERE gallery = $1::int8 AND id = $2::int8",
                                            "remove what is not a person"};
    arc_pg *s = arc_pg_of(store);
    arc_pg_values v = {0};
    int64_t rows;
    arc_status st;
    arc_pg_add_int(&v, s->gallery);
    arc_pg_add_int(&v, id);
    st = arc_pg_change(s, &remove, &v, &rows, err);
    return st == ARC_OK && rows == 0 ? arc_fail(err, ARC_ENOTFOUND, "%s: there is no negative %lld", s->label, (long long)id)
                                     : st;
}

arc_status arc_pg_audit_put(arc_gallery_store *store, const arc_audit_row *row, arc_error *err) {
    static const arc_pg_statement put = {"audit_put",
                                         "INSERT INTO arcface.audit(gallery, when_ms, actor, action, subject, detail)"
                                         " VALUES ($1::int8, $2::int8, $3::bytea, $4::bytea, $5::bytea, $6::bytea)",
                                         "write the audit log"};
    arc_pg *s = arc_pg_of(store);
    arc_pg_values v = {0};
    arc_pg_add_int(&v, s->gallery);
    arc_pg_add_int(&v, row->when_ms);
    arc_pg_add_bytes(&v, row->actor);
    arc_pg_add_bytes(&v, row->action);
    arc_pg_add_bytes(&v, row->subject);
    arc_pg_add_bytes(&v, row->detail);
    return arc_pg_run(s, &put, &v, NULL, err);
}

static void add_lines(const void *arg, arc_pg_values *v) {
    const log_list *l = arg;
    arc_pg_add_int(v, l->s->gallery);
    arc_pg_add_int(v, l->after);
    arc_pg_add_int(v, ARC_PG_PAGE);
}

static arc_status take_line(void *arg, const PGresult *r, int at, arc_error *err) {
    log_list *l = arg;
    const arc_audit_row row = {.id = arc_pg_int(r, at, 0),
                               .when_ms = arc_pg_int(r, at, 1),
                               .actor = arc_pg_bytes(r, at, 2),
                               .action = arc_pg_bytes(r, at, 3),
                               .subject = arc_pg_bytes(r, at, 4),
                               .detail = arc_pg_bytes(r, at, 5)};
    l->after = row.id;
    return l->audit(l->arg, &row, err);
}

arc_status arc_pg_audit_each(arc_gallery_store *store, int64_t after_id, arc_audit_visit *visit, void *arg, arc_error *err) {
    static const arc_pg_statement list = {"audit_each",
                                          "SELECT id, when_ms, actor, action, subject, detail FROM arcface.audit"
                                          " WHERE gallery = $1::int8 AND id > $2::int8 ORDER BY id LIMIT $3::int8",
                                          "read the audit log"};
    arc_pg *s = arc_pg_of(store);
    log_list l = {.s = s, .after = after_id, .audit = visit, .arg = arg};
    return arc_pg_list(s, &list, ARC_PG_PAGE, add_lines, take_line, &l, err);
}
