/* gallery/store/postgres: the templates that are nearest to a probe, found by the server with pgvector: all vectors compared, or
 * by the HNSW index, which goes on behind a filter and behind its first list (iterative scan) until there are enough. */
#include "gallery/store/postgres/postgres_internal.h"
#include <math.h>
#include <stdio.h>

#define SQL_BYTES 2048
#define MOST_EF 1000   /* of pgvector */
#define LEAST_EF 100   /* neighbours that are looked at for one probe */
#define INDEX_SHARE 16 /* a filter that leaves less than this part of a gallery is walked by itself */
#define WHAT "search in the data base"

/* The server compares numbers of 11 bits: the probe's and the template's are rounded to half precision (2^-11 of each number, or
 * 2^-25 of those next to zero), and products are summed in float32 in an order of its own. By Cauchy-Schwarz the first two change
 * a cosine of unit vectors by no more than their rounding. */
double arc_pg_margin(int dim) {
    const double rounding = ldexp(1, -11) + sqrt((double)dim) * ldexp(1, -25);
    return 2 * rounding + rounding * rounding + (dim + 2) * ldexp(1, -23) + 1e-6;
}

typedef enum way { ALL_VECTORS, THOSE_OF_SOME, BY_INDEX, BY_INDEX_AMONG_SOME } way;

/* A small part of a gallery is compared as a whole, exactly, before an index that would have to skip the rest. */
static arc_status choose(arc_pg *s, const arc_store_nearest *q, const arc_pg_array *only, way *out, arc_error *err) {
    static const arc_pg_statement ask = {"nearest_share",
                                         "SELECT ((SELECT count(*) FROM arcface.templates WHERE gallery = $1::int8"
                                         "  AND identity = ANY($2::int8[])) * $3::int8 >= templates)::int4::int8"
                                         " FROM arcface.galleries WHERE id = $1::int8",
                                         WHAT};
    arc_pg_values v = {0};
    int64_t large;
    arc_status st;
    *out = q->only ? THOSE_OF_SOME : q->hnsw ? BY_INDEX : ALL_VECTORS;
    if (!q->only || !q->hnsw)
        return ARC_OK;
    arc_pg_add_int(&v, s->gallery);
    ARC_TRY(arc_pg_add_array(&v, only, err));
    arc_pg_add_int(&v, INDEX_SHARE);
    ARC_TRY(arc_pg_ask(s, &ask, &v, &large, NULL, err));
    *out = large ? BY_INDEX_AMONG_SOME : THOSE_OF_SOME;
done:
    return st;
}

/* A session otherwise walks along indexes only (connection.c). Reading all vectors is what is wanted here; "0 +" is there because
 * without it an HNSW index could answer in their place. */
static arc_status plan(arc_pg *s, const arc_store_nearest *q, way by, arc_error *err) {
    char sql[SQL_BYTES];
    if (by == ALL_VECTORS || by == THOSE_OF_SOME)
        return arc_pg_text(s, "SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; SET LOCAL enable_sort = on", WHAT,
                           err);
    const int64_t ef = ARC_MIN(ARC_MAX(2 * q->most, LEAST_EF), MOST_EF);
    snprintf(sql, sizeof sql, "SET LOCAL hnsw.iterative_scan = strict_order; SET LOCAL hnsw.ef_search = %lld", (long long)ef);
    return arc_pg_text(s, sql, WHAT, err);
}

static arc_status plan_as_before(arc_pg *s, way by, arc_error *err) {
    if (by == BY_INDEX || by == BY_INDEX_AMONG_SOME)
        return ARC_OK;
    return arc_pg_text(s, "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_sort = off", WHAT,
                       err);
}

/* $1 the probe, $2 how many; $3 gallery, $4 identities. */
static void write_sql(const arc_pg *s, const arc_store_nearest *q, way by, char sql[SQL_BYTES]) {
    const bool exact = by == ALL_VECTORS || by == THOSE_OF_SOME, filtered = by == THOSE_OF_SOME || by == BY_INDEX_AMONG_SOME;
    const char *schema = s->vector_schema;
    char table[ARC_PG_VECTOR_TABLE_BYTES];
    arc_pg_vectors_table(s, q->generation, table);
    snprintf(sql, SQL_BYTES,
             "SELECT x.template, x.v OPERATOR(%s.<#>) $1::%s.vector::%s.halfvec FROM %s x%s"
             " ORDER BY %s(x.v OPERATOR(%s.<#>) $1::%s.vector::%s.halfvec) LIMIT $2::int8",
             schema, schema, schema, table,
             filtered ? " JOIN arcface.templates t ON t.gallery = $3::int8 AND t.id = x.template AND t.identity = ANY($4::int8[])"
                      : "",
             exact ? "0 + " : "", schema, schema, schema);
}

arc_status arc_pg_nearest(arc_gallery_store *store, const arc_store_nearest *q, int64_t *id, double *cosine, int64_t *found,
                          arc_error *err) {
    arc_pg *s = arc_pg_of(store);
    uint8_t vector[ARC_PG_VECTOR_BYTES(4096)];
    char sql[SQL_BYTES];
    arc_pg_array only;
    arc_pg_values v = {0};
    PGresult *r = NULL;
    way by;
    arc_status st;
    *found = 0;
    arc_pg_array_ids(&only, &s->ctx->alloc, q->only, q->only ? q->only_count : 0);
    ARC_TRY(arc_pg_pgvector(s, err));
    ARC_TRY(choose(s, q, &only, &by, err));
    ARC_TRY(plan(s, q, by, err));
    write_sql(s, q, by, sql);
    arc_pg_vector(q->probe, q->dim, vector);
    arc_pg_add_bytes(&v, (arc_bytes){vector, ARC_PG_VECTOR_BYTES(q->dim)});
    arc_pg_add_int(&v, q->most);
    if (q->only) {
        arc_pg_add_int(&v, s->gallery);
        ARC_TRY(arc_pg_add_array(&v, &only, err));
    }
    ARC_TRY(arc_pg_query(s, sql, WHAT, &v, &r, err));
    *found = PQntuples(r);
    for (int i = 0; i < *found; i++) {
        id[i] = arc_pg_int(r, i, 0);
        cosine[i] = -arc_pg_real(r, i, 1);
    }
    ARC_TRY(plan_as_before(s, by, err));
done:
    PQclear(r);
    arc_pg_array_free(&only);
    return st;
}
