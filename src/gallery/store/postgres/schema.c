/* gallery/store/postgres: the tables, in a schema of their own so that a data base may hold other things, and how those of an
 * older version become today's. Each step of the list leads to the next version; all that are missing are taken in one
 * transaction, under a lock that lets one process at a time look at them. */
#include "gallery/store/postgres/postgres_internal.h"
#include <sodium.h>
#include <stdio.h>

/* Embeddings are apart from templates: one belongs to a template and a generation. They are not compressed, since nothing would
 * be gained, and are kept in the row up to a page, so that reading one is one access. `removals` holds ids of templates that an
 * index has to forget; `revisions` the marks that make a revision recognisable (store.h). Names are looked up by their digest,
 * because an index takes no keys of 10 kB. Ids come from three sequences of each gallery, which add_gallery makes. */
static const char *const first_tables =
    "CREATE SCHEMA arcface;"
    "CREATE TABLE arcface.schema_version(version int8 NOT NULL);"
    "INSERT INTO arcface.schema_version VALUES (1);"
    "CREATE TABLE arcface.galleries("
    " id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE, revision int8 NOT NULL DEFAULT 0,"
    " changes int8 NOT NULL DEFAULT 0, identities int8 NOT NULL DEFAULT 0, templates int8 NOT NULL DEFAULT 0,"
    " crops int8 NOT NULL DEFAULT 0, negatives int8 NOT NULL DEFAULT 0, audits int8 NOT NULL DEFAULT 0);"
    "CREATE TABLE arcface.meta("
    " gallery int8 NOT NULL REFERENCES arcface.galleries, key text NOT NULL, value bytea NOT NULL, PRIMARY KEY(gallery, key));"
    "CREATE TABLE arcface.revisions("
    " gallery int8 NOT NULL REFERENCES arcface.galleries, revision int8 NOT NULL, mark bytea NOT NULL,"
    " PRIMARY KEY(gallery, revision));"
    "CREATE TABLE arcface.removals("
    " gallery int8 NOT NULL REFERENCES arcface.galleries, revision int8 NOT NULL, template int8 NOT NULL,"
    " PRIMARY KEY(gallery, revision, template));"
    "CREATE TABLE arcface.identities("
    " gallery int8 NOT NULL REFERENCES arcface.galleries, id int8 NOT NULL, name_key bytea NOT NULL, name bytea NOT NULL,"
    " note bytea, threshold float8, created_ms int8 NOT NULL, changed_ms int8 NOT NULL, PRIMARY KEY(gallery, id));"
    "CREATE UNIQUE INDEX identities_name ON arcface.identities(gallery, sha256(name_key));"
    "CREATE TABLE arcface.templates("
    " gallery int8 NOT NULL, id int8 NOT NULL, identity int8 NOT NULL, revision int8 NOT NULL, source bytea, detail bytea,"
    " crop bytea, quality float8, created_ms int8 NOT NULL, PRIMARY KEY(gallery, id),"
    " FOREIGN KEY(gallery, identity) REFERENCES arcface.identities(gallery, id) ON DELETE CASCADE);"
    "ALTER TABLE arcface.templates ALTER crop SET STORAGE EXTERNAL;"
    "CREATE INDEX templates_identity ON arcface.templates(gallery, identity, id);"
    "CREATE INDEX templates_revision ON arcface.templates(gallery, revision, id);"
    "CREATE INDEX templates_source ON arcface.templates(gallery, source, id) WHERE source IS NOT NULL;"
    "CREATE TABLE arcface.embeddings("
    " gallery int8 NOT NULL, template int8 NOT NULL, generation int8 NOT NULL, data bytea NOT NULL,"
    " PRIMARY KEY(gallery, template, generation),"
    " FOREIGN KEY(gallery, template) REFERENCES arcface.templates(gallery, id) ON DELETE CASCADE)"
    " WITH (toast_tuple_target = 8160);"
    "ALTER TABLE arcface.embeddings ALTER data SET STORAGE EXTERNAL;"
    "CREATE TABLE arcface.negatives("
    " gallery int8 NOT NULL, id int8 NOT NULL, identity int8 NOT NULL, generation int8 NOT NULL, data bytea NOT NULL,"
    " created_ms int8 NOT NULL, PRIMARY KEY(gallery, id),"
    " FOREIGN KEY(gallery, identity) REFERENCES arcface.identities(gallery, id) ON DELETE CASCADE);"
    "CREATE INDEX negatives_identity ON arcface.negatives(gallery, identity, id);"
    "CREATE TABLE arcface.audit("
    " gallery int8 NOT NULL REFERENCES arcface.galleries, id int8 GENERATED ALWAYS AS IDENTITY, when_ms int8 NOT NULL,"
    " actor bytea, action bytea, subject bytea, detail bytea, PRIMARY KEY(gallery, id));"
    "CREATE FUNCTION arcface.audit_stays() RETURNS trigger LANGUAGE plpgsql AS"
    " $$BEGIN RAISE EXCEPTION 'the audit log is only appended to'; END$$;"
    "CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON arcface.audit"
    " FOR EACH STATEMENT EXECUTE FUNCTION arcface.audit_stays();";

/* Rows are counted along in `galleries` by triggers, once for each statement and also for what a removed identity takes with it:
 * a count of millions of rows takes longer than a search. check in gallery.c compares. */
static const char *const first_counts =
    "CREATE FUNCTION arcface.count_rows() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
    " EXECUTE format('UPDATE arcface.galleries g SET %1$I = g.%1$I %2$s d.n FROM"
    "  (SELECT gallery, count(*) AS n FROM changed GROUP BY gallery) d WHERE g.id = d.gallery',"
    "  TG_ARGV[0], CASE TG_OP WHEN 'INSERT' THEN '+' ELSE '-' END);"
    " RETURN NULL; END$$;"
    "CREATE FUNCTION arcface.count_crops() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
    " IF TG_OP <> 'DELETE' THEN UPDATE arcface.galleries g SET crops = g.crops + d.n FROM"
    "  (SELECT gallery, count(crop) AS n FROM added GROUP BY gallery) d WHERE g.id = d.gallery AND d.n > 0; END IF;"
    " IF TG_OP <> 'INSERT' THEN UPDATE arcface.galleries g SET crops = g.crops - d.n FROM"
    "  (SELECT gallery, count(crop) AS n FROM gone GROUP BY gallery) d WHERE g.id = d.gallery AND d.n > 0; END IF;"
    " RETURN NULL; END$$;"
#define COUNTED(table, column)                                                                                                   \
    "CREATE TRIGGER count_in AFTER INSERT ON arcface." table " REFERENCING NEW TABLE AS changed"                                 \
    " FOR EACH STATEMENT EXECUTE FUNCTION arcface.count_rows('" column "');"                                                     \
    "CREATE TRIGGER count_out AFTER DELETE ON arcface." table " REFERENCING OLD TABLE AS changed"                                \
    " FOR EACH STATEMENT EXECUTE FUNCTION arcface.count_rows('" column "');"
    COUNTED("identities", "identities") COUNTED("templates", "templates") COUNTED("negatives", "negatives")
        COUNTED("audit", "audits")
#undef COUNTED
            "CREATE TRIGGER crops_in AFTER INSERT ON arcface.templates REFERENCING NEW TABLE AS added"
            " FOR EACH STATEMENT EXECUTE FUNCTION arcface.count_crops();"
            "CREATE TRIGGER crops_out AFTER DELETE ON arcface.templates REFERENCING OLD TABLE AS gone"
            " FOR EACH STATEMENT EXECUTE FUNCTION arcface.count_crops();"
            "CREATE TRIGGER crops_other AFTER UPDATE ON arcface.templates REFERENCING OLD TABLE AS gone NEW TABLE AS added"
            " FOR EACH STATEMENT EXECUTE FUNCTION arcface.count_crops();";

static const char *const steps[][2] = {{first_tables, first_counts}};

arc_status arc_pg_schema_version(arc_pg *s, int64_t *version, arc_error *err) {
    /* The catalogue's own table, as names are looked up in a cache that does not see at once what another process has made. */
    static const arc_pg_statement there = {
        "schema_there", "SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = 'arcface' AND tablename = 'schema_version'",
        "read its tables"};
    static const arc_pg_statement ask = {"schema_version", "SELECT max(version) FROM arcface.schema_version", "read its version"};
    PGresult *r = NULL;
    arc_status st = arc_pg_run(s, &there, NULL, &r, err);
    *version = 0;
    if (st == ARC_OK && arc_pg_int(r, 0, 0)) {
        PQclear(r);
        st = arc_pg_run(s, &ask, NULL, &r, err);
        if (st == ARC_OK)
            *version = arc_pg_int(r, 0, 0);
    }
    PQclear(r);
    return st;
}

static bool may_create(const arc_pg *s) {
    return (s->flags & ARC_STORE_CREATE) && !(s->flags & ARC_STORE_READ_ONLY);
}

static arc_status judge(arc_pg *s, int64_t version, arc_error *err) {
    if (version == 0 && !may_create(s))
        return arc_fail(err, ARC_ENOTFOUND, "%s: there is no gallery in this data base; enrolling somebody makes it", s->label);
    if (version > (int64_t)ARC_COUNT(steps))
        return arc_fail(
            err, ARC_EUNSUPPORTED,
            "%s: made by a newer version of arcface (its tables have version %lld, this program knows %d); update the "
            "program",
            s->label, (long long)version, (int)ARC_COUNT(steps));
    if (version < (int64_t)ARC_COUNT(steps) && ((s->flags & ARC_STORE_READ_ONLY) || s->replica))
        return arc_fail(err, ARC_EUNSUPPORTED,
                        "%s: made by an older version of arcface; open it once for writing, which upgrades it (\"arcface gallery "
                        "check\" does)",
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
    for (size_t i = (size_t)version; i < ARC_COUNT(steps); i++)
        for (size_t part = 0; part < ARC_COUNT(steps[i]); part++)
            ARC_TRY(arc_pg_text(s, steps[i][part], "make its tables", err));
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
    PGresult *r = NULL;
    arc_status st;
    arc_pg_add_text(&v, s->gallery_name);
    st = arc_pg_run(s, &find, &v, &r, err);
    s->gallery = st == ARC_OK && PQntuples(r) > 0 ? arc_pg_int(r, 0, 0) : 0;
    PQclear(r);
    return st;
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
    if (version < (int64_t)ARC_COUNT(steps))
        ARC_TRY(upgrade(s, err));
    ARC_TRY(find_gallery(s, err));
    if (s->gallery == 0 && may_create(s))
        ARC_TRY(add_gallery(s, err));
    st = s->gallery == 0 ? no_such_gallery(s, err) : listen(s, err);
done:
    return st;
}
