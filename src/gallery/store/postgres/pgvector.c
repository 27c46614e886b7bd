/* gallery/store/postgres: pgvector, the extension of PostgreSQL that compares vectors: whether the server has it, in which schema
 * of the data base it is, in which table the vectors of a generation are, and how a vector travels. */
#include "gallery/store/postgres/postgres_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 0.7 has half precision, 0.8 searches on behind a filter, and for more neighbours than it looked for at first. */
#define OLDEST_MAJOR 0
#define OLDEST_MINOR 8

static bool old(const char *version) {
    char *end;
    const long major = strtol(version, &end, 10), minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
    return major < OLDEST_MAJOR || (major == OLDEST_MAJOR && minor < OLDEST_MINOR);
}

/* Whether the server could install it into a data base. */
static arc_status available(arc_pg *s, bool *out, arc_error *err) {
    static const arc_pg_statement ask = {
        "pgvector_available", "SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'", "look for pgvector"};
    int64_t count;
    const arc_status st = arc_pg_ask(s, &ask, NULL, &count, NULL, err);
    *out = count > 0;
    return st;
}

static arc_status absent(arc_pg *s, arc_error *err) {
    bool there;
    const int version = PQserverVersion(s->conn) / 10000;
    const arc_status st = available(s, &there, err);
    if (st != ARC_OK)
        return st;
    if (there)
        return arc_fail(
            err, ARC_EUNSUPPORTED,
            "%s: the extension pgvector is not installed in this data base, so that it cannot search by itself a "
            "gallery that is too large for the memory here; \"arcface gallery set --search database\" installs it, or "
            "the server's owner does: CREATE EXTENSION vector",
            s->label);
    return arc_fail(
        err, ARC_EUNSUPPORTED,
        "%s: the server has no extension pgvector, so that it cannot search by itself a gallery that is too large for "
        "the memory here; install pgvector 0.%d or newer there (package postgresql-%d-pgvector of apt.postgresql.org)",
        s->label, OLDEST_MINOR, version);
}

/* *found false: this data base has it not. */
static arc_status find(arc_pg *s, bool *found, arc_error *err) {
    static const arc_pg_statement ask = {
        "pgvector",
        "SELECT t.oid::int8, e.extversion, quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n"
        " ON n.oid = e.extnamespace JOIN pg_type t ON t.typnamespace = n.oid AND t.typname = 'vector' WHERE e.extname = 'vector'",
        "look for pgvector"};
    PGresult *r = NULL;
    arc_status st = ARC_OK;
    *found = true;
    if (s->vector_type)
        return ARC_OK;
    st = arc_pg_run(s, &ask, NULL, &r, err);
    *found = st == ARC_OK && PQntuples(r) > 0;
    if (*found && old(PQgetvalue(r, 0, 1)))
        st = arc_fail(
            err, ARC_EUNSUPPORTED,
            "%s: pgvector %s is installed; searching in the data base needs %d.%d or newer (ALTER EXTENSION vector UPDATE)",
            s->label, PQgetvalue(r, 0, 1), OLDEST_MAJOR, OLDEST_MINOR);
    else if (*found && (size_t)PQgetlength(r, 0, 2) >= sizeof s->vector_schema)
        st = arc_fail(err, ARC_EUNSUPPORTED, "%s: pgvector is in a schema with too long a name", s->label);
    else if (*found) {
        snprintf(s->vector_schema, sizeof s->vector_schema, "%s", PQgetvalue(r, 0, 2));
        s->vector_type = (uint32_t)arc_pg_int(r, 0, 0);
    }
    PQclear(r);
    return st;
}

arc_status arc_pg_pgvector(arc_pg *s, arc_error *err) {
    bool found;
    const arc_status st = find(s, &found, err);
    return st == ARC_OK && !found ? absent(s, err) : st;
}

arc_status arc_pg_pgvector_install(arc_pg *s, arc_error *err) {
    bool found, there = false;
    arc_status st;
    ARC_TRY(find(s, &found, err));
    if (found)
        return ARC_OK;
    ARC_TRY(available(s, &there, err));
    if (there)
        ARC_TRY(arc_pg_text(s, "CREATE EXTENSION IF NOT EXISTS vector",
                            "install the extension pgvector, which the server has (its owner can: CREATE EXTENSION vector)",
                            err));
    st = arc_pg_pgvector(s, err);
done:
    return st;
}

void arc_pg_vectors_table(const arc_pg *s, int generation, char name[ARC_PG_VECTOR_TABLE_BYTES]) {
    snprintf(name, ARC_PG_VECTOR_TABLE_BYTES, "arcface.vectors_%lld_%d", (long long)s->gallery, generation);
}

/* How many numbers, nothing, and the numbers, all big-endian. */
void arc_pg_vector(const void *embedding, int dim, uint8_t *out) {
    const uint8_t *from = embedding;
    out[0] = (uint8_t)(dim >> 8);
    out[1] = (uint8_t)dim;
    out[2] = out[3] = 0;
    for (int i = 0; i < dim; i++)
        for (int k = 0; k < 4; k++)
            out[4 + 4 * i + k] = from[4 * i + 3 - k];
}
