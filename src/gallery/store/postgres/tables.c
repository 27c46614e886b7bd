/* gallery/store/postgres: the tables, in a schema of their own so that a data base may hold other things, as steps from one
 * version to the next. A step that was given out is never changed: data bases that took it would lack what is new in it. */
#include "gallery/store/postgres/postgres_internal.h"

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

/* Photos are looked up by their digest. Data bases of version 1 have this index or not: it was once added to the first step. */
static const char *const second_index = "CREATE INDEX IF NOT EXISTS templates_source ON arcface.templates(gallery, source, id)"
                                        " WHERE source IS NOT NULL;"
                                        "UPDATE arcface.schema_version SET version = 2;";

/* Which generations of which galleries are searched in the data base (vectors.c). Their vectors lie in a table of their own each,
 * arcface.vectors_GALLERY_GENERATION, because an index of vectors is for one number of dimensions, and because the extension they
 * need is not everywhere. Tables that are made later are for whoever may read or write templates. */
static const char *const third_vectors =
    "CREATE TABLE arcface.vector_tables("
    " gallery int8 NOT NULL REFERENCES arcface.galleries, generation int8 NOT NULL, dim int8 NOT NULL, hnsw int8 NOT NULL,"
    " ready int8 NOT NULL DEFAULT 0, PRIMARY KEY(gallery, generation));"
    "CREATE FUNCTION arcface.share_table(made regclass) RETURNS void LANGUAGE plpgsql AS $$DECLARE g record; BEGIN"
    " FOR g IN SELECT a.privilege_type AS what,"
    "   CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS who"
    "  FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a WHERE c.oid = 'arcface.templates'::regclass"
    "   AND a.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE') AND a.grantee <> c.relowner"
    " LOOP EXECUTE format('GRANT %s ON %s TO %s', g.what, made, g.who); END LOOP; END$$;"
    "SELECT arcface.share_table('arcface.vector_tables'::regclass);"
    "UPDATE arcface.schema_version SET version = 3;";

const char *const arc_pg_steps[][ARC_PG_STEP_PARTS] = {{first_tables, first_counts}, {second_index}, {third_vectors}};
const size_t arc_pg_step_count = ARC_COUNT(arc_pg_steps);
