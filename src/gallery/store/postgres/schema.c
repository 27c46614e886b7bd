/* gallery/store/postgres: the tables are found, made, or brought from an older version to today's. Each step of the list
 * (tables.c) leads to the next version; all that are missing are taken in one transaction, under a lock that lets one process at
 * a time look at them. */
#include "gallery/store/postgres/postgres_internal.h"
#include <sodium.h>
#include <stdio.h>

arc_status arc_pg_schema_version(arc_pg *s, int64_t *version, arc_error *err) {
    /* The catalogue's own table, as names are looked up in a cache that does not see at once what another process has made. */
    static const arc_pg_statement there = {
        "schema_there", "SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = 'arcface' AND tablename = 'schema_version'",
        "read its tables"};
    static const arc_pg_statement ask = {"schema_version", "SELECT max(version) FROM arcface.schema_version", "read its version"};
    const arc_status st = arc_pg_ask(s, &there, NULL, version, NULL, err);
    return st == ARC_OK && *version ? arc_pg_ask(s, &ask, NULL, version, NULL, err) : st;
}

static bool may_create(const arc_pg *s) {
    return (s->flags & ARC_STORE_CREATE) && !(s->flags & ARC_STORE_READ_ONLY);
}

static arc_status judge(arc_pg *s, int64_t version, arc_error *err) {
    if (version == 0 && !may_create(s))
        return arc_fail(err, ARC_ENOTFOUND, "%s: there is no gallery in this data base; enrolling somebody makes it", s->label);
    if (version > (int64_t)arc_pg_step_count)
        return arc_fail(
            err, ARC_EUNSUPPORTED,
            "%s: made by a newer version of arcface (its tables have version %lld, this program knows %d); update the "
            "program",
            s->label, (long long)version, (int)arc_pg_step_count);
    if (version < (int64_t)arc_pg_step_count && ((s->flags & ARC_STORE_READ_ONLY) || s->replica))
        return arc_fail(err, ARC_EUNSUPPORTED,
                        "%s: made by an older version of arcface; open it once for writing, which upgrades it (\"arcface gallery "
                        "set --search memory\" does)",
                        s->label);
    return ARC_OK;
}

/* Looked at again under the lock: two processes may open a new data base at the same time. */
static arc_status upgrade(arc_pg *s, arc_error *err) {
    int64_t version;
    arc_status st;
    ARC_TRY(arc_pg_text(s, "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('arcface schema', 0))", "begin to write", err));
    ARC_TRY(arc_pg_schema_version(s, &version, err));
    ARC_TRY(judge(s, version, err));
    for (size_t i = (size_t)version; i < arc_pg_step_count; i++)
        for (size_t part = 0; part < ARC_PG_STEP_PARTS && arc_pg_steps[i][part]; part++)
            ARC_TRY(arc_pg_text(s, arc_pg_steps[i][part], "make its tables", err));
    ARC_TRY(arc_pg_text(s, "COMMIT", "make its tables", err));
done:
    if (st != ARC_OK && !arc_pg_lost(s))
        (void)arc_pg_text(s, "ROLLBACK", "roll back", NULL);
    return st;
}

static arc_status find_gallery(arc_pg *s, arc_error *err) {
    static const arc_pg_statement find = {"find_gallery", "SELECT id FROM arcface.galleries WHERE name = $1::text",
                                          "read its galleries"};
    arc_pg_values v = {0};
    arc_pg_add_text(&v, s->gallery_name);
    return arc_pg_ask(s, &find, &v, &s->gallery, NULL, err);
}

/* Another process may add it at the same time: one of both waits for the other, and finds it. */
static arc_status add_gallery(arc_pg *s, arc_error *err) {
    static const arc_pg_statement insert = {
        "add_gallery",
        "WITH made AS (INSERT INTO arcface.galleries(name) VALUES ($1::text) ON CONFLICT DO NOTHING RETURNING id)"
        "INSERT INTO arcface.revisions SELECT id, 0, $2::bytea FROM made",
        "add a gallery"};
    arc_pg_values v = {0};
    uint8_t mark[ARC_STORE_MARK_BYTES];
    char sql[256];
    int64_t added;
    arc_status st;
    randombytes_buf(mark, sizeof mark);
    arc_pg_add_text(&v, s->gallery_name);
    arc_pg_add_mark(&v, mark);
    ARC_TRY(arc_pg_text(s, "BEGIN", "add a gallery", err));
    ARC_TRY(arc_pg_change(s, &insert, &v, &added, err));
    ARC_TRY(find_gallery(s, err));
    if (added > 0) {
        const long long id = (long long)s->gallery;
        snprintf(sql, sizeof sql,
                 "CREATE SEQUENCE arcface.identity_ids_%lld; CREATE SEQUENCE arcface.template_ids_%lld;"
                 "CREATE SEQUENCE arcface.negative_ids_%lld",
                 id, id, id);
        ARC_TRY(arc_pg_text(s, sql, "add a gallery", err));
    }
    ARC_TRY(arc_pg_text(s, "COMMIT", "add a gallery", err));
done:
    if (st != ARC_OK && !arc_pg_lost(s))
        (void)arc_pg_text(s, "ROLLBACK", "roll back", NULL);
    return st;
}

static arc_status no_such_gallery(arc_pg *s, arc_error *err) {
    static const arc_pg_statement list = {"list_names", "SELECT string_agg(name, ', ' ORDER BY id) FROM arcface.galleries",
                                          "read its galleries"};
    PGresult *r = NULL;
    arc_status st = arc_pg_run(s, &list, NULL, &r, err);
    if (st == ARC_OK) {
        const arc_bytes names = arc_pg_bytes(r, 0, 0);
        st = arc_fail(err, ARC_ENOTFOUND, "%s: no gallery \"%s\" in this data base; it has: %.*s", s->label, s->gallery_name,
                      names.data ? (int)ARC_MIN(names.bytes, 200) : 4, names.data ? (const char *)names.data : "none");
    }
    PQclear(r);
    return st;
}

/* Notifications tell at once what others changed. A replica sends none: wait asks it again and again. */
static arc_status listen(arc_pg *s, arc_error *err) {
    char sql[64];
    if (s->replica)
        return ARC_OK;
    snprintf(sql, sizeof sql, "LISTEN arcface_gallery_%lld", (long long)s->gallery);
    return arc_pg_text(s, sql, "wait for changes", err);
}

arc_status arc_pg_schema(arc_pg *s, arc_error *err) {
    int64_t version;
    arc_status st;
    ARC_TRY(arc_pg_schema_version(s, &version, err));
    ARC_TRY(judge(s, version, err));
    if (version < (int64_t)arc_pg_step_count)
        ARC_TRY(upgrade(s, err));
    ARC_TRY(find_gallery(s, err));
    if (s->gallery == 0 && may_create(s))
        ARC_TRY(add_gallery(s, err));
    st = s->gallery == 0 ? no_such_gallery(s, err) : listen(s, err);
done:
    return st;
}
