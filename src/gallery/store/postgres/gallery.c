/* gallery/store/postgres: a gallery's values, revisions, ids and counts, whether everything in it belongs together, and its
 * space given back. */
#include "gallery/store/postgres/postgres_internal.h"
#include <stdio.h>
#include <string.h>

arc_status arc_pg_meta_get(arc_gallery_store *store, const char *key, arc_buffer *out, bool *found, arc_error *err) {
    static const arc_pg_statement get = {"meta_get", "SELECT value FROM arcface.meta WHERE gallery = $1::int8 AND key = $2::text",
                                         "read the gallery's settings"};
    arc_pg *s = arc_pg_of(store);
    arc_pg_values v = {0};
    PGresult *r = NULL;
    arc_status st;
    *found = false;
    arc_pg_add_int(&v, s->gallery);
    arc_pg_add_text(&v, key);
    st = arc_pg_run(s, &get, &v, &r, err);
    if (st == ARC_OK && PQntuples(r) > 0) {
        const arc_bytes value = arc_pg_bytes(r, 0, 0);
        *found = true;
        st = arc_buffer_put(out, value.data, value.bytes);
        if (st != ARC_OK)
            st = arc_fail(err, st, "%s: the setting \"%s\" has %zu bytes, which is too much", s->label, key, value.bytes);
    }
    PQclear(r);
    return st;
}

arc_status arc_pg_meta_put(arc_gallery_store *store, const char *key, arc_bytes value, arc_error *err) {
    static const arc_pg_statement put = {"meta_put",
                                         "INSERT INTO arcface.meta VALUES ($1::int8, $2::text, $3::bytea)"
                                         " ON CONFLICT (gallery, key) DO UPDATE SET value = excluded.value",
                                         "store the gallery's settings"};
    static const arc_pg_statement remove = {"meta_remove", "DELETE FROM arcface.meta WHERE gallery = $1::int8 AND key = $2::text",
                                            "store the gallery's settings"};
    arc_pg *s = arc_pg_of(store);
    arc_pg_values v = {0};
    arc_pg_add_int(&v, s->gallery);
    arc_pg_add_text(&v, key);
    if (!value.data)
        return arc_pg_run(s, &remove, &v, NULL, err);
    arc_pg_add_bytes(&v, value);
    return arc_pg_run(s, &put, &v, NULL, err);
}

arc_status arc_pg_meta_each(arc_gallery_store *store, arc_meta_visit *visit, void *arg, arc_error *err) {
    static const arc_pg_statement list = {
        "meta_each", "SELECT key, value FROM arcface.meta WHERE gallery = $1::int8 ORDER BY key COLLATE \"C\"",
        "read the gallery's settings"};
    arc_pg *s = arc_pg_of(store);
    arc_pg_values v = {0};
    PGresult *r = NULL;
    arc_status st;
    arc_pg_add_int(&v, s->gallery);
    st = arc_pg_run(s, &list, &v, &r, err);
    for (int row = 0; st == ARC_OK && row < PQntuples(r); row++)
        st = visit(arg, PQgetvalue(r, row, 0), arc_pg_bytes(r, row, 1), err); /* libpq ends every value with a zero */
    PQclear(r);
    return st;
}

arc_status arc_pg_revision(arc_gallery_store *store, int64_t *revision, uint8_t mark[ARC_STORE_MARK_BYTES], arc_error *err) {
    static const arc_pg_statement ask = {"revision",
                                         "SELECT g.revision, r.mark FROM arcface.galleries g JOIN arcface.revisions r"
                                         " ON r.gallery = g.id AND r.revision = g.revision WHERE g.id = $1::int8",
                                         "read the revision"};
    arc_pg *s = arc_pg_of(store);
    arc_pg_values v = {0};
    PGresult *r = NULL;
    arc_status st;
    arc_pg_add_int(&v, s->gallery);
    st = arc_pg_run(s, &ask, &v, &r, err);
    if (st == ARC_OK && (PQntuples(r) == 0 || PQgetlength(r, 0, 1) != ARC_STORE_MARK_BYTES))
        st = arc_fail(err, ARC_ECORRUPT, "%s: the gallery's revision has no mark; \"arcface gallery check\" says more", s->label);
    if (st == ARC_OK) {
        *revision = arc_pg_int(r, 0, 0);
        memcpy(mark, PQgetvalue(r, 0, 1), ARC_STORE_MARK_BYTES);
    }
    PQclear(r);
    return st;
}

static arc_status mark_known(arc_pg *s, int64_t revision, const uint8_t mark[ARC_STORE_MARK_BYTES], bool *known, arc_error *err) {
    static const arc_pg_statement ask = {
        "mark_known",
        "SELECT count(*) FROM arcface.revisions WHERE gallery = $1::int8 AND revision = $2::int8 AND mark = $3::bytea",
        "read the revision"};
    arc_pg_values v = {0};
    int64_t count;
    arc_pg_add_int(&v, s->gallery);
    arc_pg_add_int(&v, revision);
    arc_pg_add_mark(&v, mark);
    const arc_status st = arc_pg_ask(s, &ask, &v, &count, NULL, err);
    *known = count == 1;
    return st;
}

/* The changes on their way to a visitor. */
typedef struct change_list {
    const arc_pg *s;
    arc_change_row row; /* the last one */
    arc_change_visit *visit;
    void *arg;
} change_list;

static void add_changes(const void *arg, arc_pg_values *v) {
    const change_list *c = arg;
    arc_pg_add_int(v, c->s->gallery);
    arc_pg_add_int(v, c->row.revision);
    arc_pg_add_int(v, c->row.template_id);
    arc_pg_add_int(v, ARC_PG_PAGE);
}

static arc_status take_change(void *arg, const PGresult *r, int at, arc_error *err) {
    change_list *c = arg;
    c->row = (arc_change_row){.revision = arc_pg_int(r, at, 0),
                              .template_id = arc_pg_int(r, at, 1),
                              .identity = arc_pg_int(r, at, 2),
                              .removed = arc_pg_null(r, at, 2)};
    return c->visit(c->arg, &c->row, err);
}

arc_status arc_pg_changes(arc_gallery_store *store, int64_t after, const uint8_t mark[ARC_STORE_MARK_BYTES], bool *known,
                          arc_change_visit *visit, void *arg, arc_error *err) {
    /* Pages by (revision, template): both halves walk an index. */
    static const arc_pg_statement list = {
        "changes",
        "(SELECT revision, id, identity FROM arcface.templates"
        "  WHERE gallery = $1::int8 AND (revision, id) > ($2::int8, $3::int8) ORDER BY revision, id LIMIT $4::int8)"
        " UNION ALL "
        "(SELECT revision, template, NULL::int8 FROM arcface.removals"
        "  WHERE gallery = $1::int8 AND (revision, template) > ($2::int8, $3::int8) ORDER BY revision, template LIMIT $4::int8)"
        " ORDER BY 1, 2 LIMIT $4::int8",
        "read what changed"};
    arc_pg *s = arc_pg_of(store);
    change_list c = {.s = s, .row = {.revision = after, .template_id = INT64_MAX}, .visit = visit, .arg = arg};
    const arc_status st = mark_known(s, after, mark, known, err);
    return st == ARC_OK && *known ? arc_pg_list(s, &list, ARC_PG_PAGE, add_changes, take_change, &c, err) : st;
}

arc_status arc_pg_counts(arc_gallery_store *store, arc_store_counts *out, arc_error *err) {
    static const arc_pg_statement ask = {
        "counts",
        "SELECT identities, templates, negatives, crops, audits,"
        " (SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::int8 FROM pg_class c JOIN pg_namespace n"
        "   ON n.oid = c.relnamespace WHERE n.nspname = 'arcface' AND c.relkind = 'r')"
        " FROM arcface.galleries WHERE id = $1::int8",
        "count the gallery's rows"};
    arc_pg *s = arc_pg_of(store);
    arc_pg_values v = {0};
    PGresult *r = NULL;
    arc_status st;
    memset(out, 0, sizeof *out);
    arc_pg_add_int(&v, s->gallery);
    st = arc_pg_run(s, &ask, &v, &r, err);
    if (st == ARC_OK && PQntuples(r) == 0)
        st = arc_fail(err, ARC_ENOTFOUND, "%s: the gallery is not there any more", s->label);
    if (st == ARC_OK)
        *out = (arc_store_counts){.identities = arc_pg_int(r, 0, 0),
                                  .templates = arc_pg_int(r, 0, 1),
                                  .negatives = arc_pg_int(r, 0, 2),
                                  .crops = arc_pg_int(r, 0, 3),
                                  .audits = arc_pg_int(r, 0, 4),
                                  .bytes = arc_pg_int(r, 0, 5)};
    PQclear(r);
    return st == ARC_OK ? arc_pg_schema_version(s, &out->schema, err) : st;
}

/* A sequence is not turned back by a rollback. Each gallery has its own three, which its one writer moves. */
arc_status arc_pg_reserve(arc_gallery_store *store, arc_store_ids of, int64_t count, int64_t *first, arc_error *err) {
#define RESERVE(kind)                                                                                                            \
    {                                                                                                                            \
        "reserve_" kind,                                                                                                         \
            "SELECT setval(s, nextval(s) + $2::int8 - 1) FROM (VALUES (('arcface." kind                                          \
            "_ids_' || $1::int8)::regclass)) AS t(s)",                                                                           \
            "reserve ids"                                                                                                        \
    }
    static const arc_pg_statement reserve[] = {[ARC_IDS_IDENTITY] = RESERVE("identity"),
                                               [ARC_IDS_TEMPLATE] = RESERVE("template"),
                                               [ARC_IDS_NEGATIVE] = RESERVE("negative")};
#undef RESERVE
    arc_pg *s = arc_pg_of(store);
    arc_pg_values v = {0};
    int64_t last;
    arc_pg_add_int(&v, s->gallery);
    arc_pg_add_int(&v, count);
    const arc_status st = arc_pg_ask(s, &reserve[of], &v, &last, NULL, err);
    *first = st == ARC_OK ? last - count + 1 : 0;
    return st;
}

arc_status arc_pg_galleries(arc_gallery_store *store, arc_gallery_name_visit *visit, void *arg, arc_error *err) {
    static const arc_pg_statement list = {"galleries", "SELECT name FROM arcface.galleries ORDER BY id", "read its galleries"};
    PGresult *r = NULL;
    arc_status st = arc_pg_run(arc_pg_of(store), &list, NULL, &r, err);
    for (int row = 0; st == ARC_OK && row < PQntuples(r); row++)
        st = visit(arg, PQgetvalue(r, row, 0), err);
    PQclear(r);
    return st;
}

/* ---- check: what the tables' own constraints do not promise. Each question counts the rows that are wrong ---- */

static const struct {
    arc_pg_statement ask;
    const char *sentence; /* with the number before it */
} questions[] = {
    {{"check_mark",
      "SELECT 1 - count(*) FROM arcface.galleries g JOIN arcface.revisions r ON r.gallery = g.id AND r.revision = g.revision"
      " WHERE g.id = $1::int8 AND octet_length(r.mark) = 16",
      "check its revision"},
     "revision without its mark"},
    {{"check_ahead",
      "SELECT count(*) FROM arcface.templates t JOIN arcface.galleries g ON g.id = t.gallery"
      " WHERE g.id = $1::int8 AND t.revision NOT BETWEEN 1 AND g.revision",
      "check its templates"},
     "templates of a revision that the gallery has not reached"},
    {{"check_bare",
      "SELECT count(*) FROM arcface.templates t WHERE t.gallery = $1::int8 AND NOT EXISTS"
      " (SELECT 1 FROM arcface.embeddings e WHERE e.gallery = t.gallery AND e.template = t.id)",
      "check its templates"},
     "templates without any embedding"},
    {{"check_empty", "SELECT count(*) FROM arcface.embeddings WHERE gallery = $1::int8 AND octet_length(data) = 0",
      "check its embeddings"},
     "embeddings of no bytes"},
    {{"check_removed",
      "SELECT count(*) FROM arcface.removals r JOIN arcface.templates t ON t.gallery = r.gallery AND t.id = r.template"
      " WHERE r.gallery = $1::int8",
      "check its removals"},
     "templates that were removed and are there"},
    {{"check_names",
      "SELECT count(*) FROM arcface.identities WHERE gallery = $1::int8 AND (octet_length(name_key) = 0 OR octet_length(name) = "
      "0)",
      "check its identities"},
     "identities without a name"},
    {{"check_counts",
      "SELECT (identities <> (SELECT count(*) FROM arcface.identities WHERE gallery = $1::int8))::int4::int8"
      " + (templates <> (SELECT count(*) FROM arcface.templates WHERE gallery = $1::int8))::int4::int8"
      " + (crops <> (SELECT count(crop) FROM arcface.templates WHERE gallery = $1::int8))::int4::int8"
      " + (negatives <> (SELECT count(*) FROM arcface.negatives WHERE gallery = $1::int8))::int4::int8"
      " + (audits <> (SELECT count(*) FROM arcface.audit WHERE gallery = $1::int8))::int4::int8"
      " FROM arcface.galleries WHERE id = $1::int8",
      "check its counts"},
     "counts that are not those of the rows"},
    {{"check_ids",
      "SELECT count(*) FROM pg_sequences q JOIN (VALUES"
      " ('template', (SELECT max(id) FROM arcface.templates WHERE gallery = $1::int8)),"
      " ('identity', (SELECT max(id) FROM arcface.identities WHERE gallery = $1::int8)),"
      " ('negative', (SELECT max(id) FROM arcface.negatives WHERE gallery = $1::int8))) AS m(kind, most)"
      " ON q.sequencename = m.kind || '_ids_' || $1::int8 WHERE q.schemaname = 'arcface' AND m.most > coalesce(q.last_value, 0)",
      "check its ids"},
     "counters of ids behind the ids that are there: the data base was put together from parts; ids would be given twice"},
};

arc_status arc_pg_check(arc_gallery_store *store, arc_problem_visit *problem, void *arg, arc_error *err) {
    arc_pg *s = arc_pg_of(store);
    char sentence[256];
    arc_status st = arc_pg_begin(store, false, err);
    for (size_t i = 0; i < ARC_COUNT(questions) && st == ARC_OK; i++) {
        arc_pg_values v = {0};
        int64_t wrong;
        arc_pg_add_int(&v, s->gallery);
        st = arc_pg_ask(s, &questions[i].ask, &v, &wrong, NULL, err);
        if (st == ARC_OK && wrong != 0) {
            snprintf(sentence, sizeof sentence, "%lld %s", (long long)wrong, questions[i].sentence);
            st = problem(arg, sentence, err);
        }
    }
    if (st == ARC_OK)
        st = arc_pg_vectors_check(s, problem, arg, err);
    if (st == ARC_OK)
        st = arc_pg_commit(store, err);
    else
        arc_pg_rollback(store);
    return st;
}

/* The space of removed rows is given back for new ones. Their bytes stay in the server's pages until then, and in its log until
 * that is recycled: what has to be unreadable at once is sealed. */
arc_status arc_pg_compact(arc_gallery_store *store, bool *complete, arc_error *err) {
    static const char *const tables[] = {"identities", "templates", "embeddings", "negatives", "removals"};
    arc_pg *s = arc_pg_of(store);
    arc_status st = arc_pg_ready(s, err);
    char sql[64];
    *complete = false;
    for (size_t i = 0; i < ARC_COUNT(tables) && st == ARC_OK; i++) {
        snprintf(sql, sizeof sql, "VACUUM arcface.%s", tables[i]);
        st = arc_pg_text(s, sql, "give back the space of what was removed", err);
    }
    if (st == ARC_OK)
        st = arc_pg_vectors_vacuum(s, err);
    *complete = st == ARC_OK;
    return st;
}
