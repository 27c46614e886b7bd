/* gallery/store/postgres: copies of the embeddings of a generation as half-precision vectors of pgvector, in a table of their own
 * that refers to the embeddings: a copy goes with what it is a copy of. Names of tables are made of two numbers, all else are
 * values. */
#include "gallery/store/postgres/postgres_internal.h"
#include <stdio.h>

#define SQL_BYTES 1536
#define WHAT "keep vectors for searching in the data base"

static void add_place(const arc_pg *s, int generation, arc_pg_values *v) {
    arc_pg_add_int(v, s->gallery);
    arc_pg_add_int(v, generation);
}

static arc_status vectors_possible(arc_gallery_store *store, arc_error *err) {
    return arc_pg_pgvector(arc_pg_of(store), err);
}

static arc_status vectors_get(arc_gallery_store *store, int generation, arc_store_vectors *out, arc_error *err) {
    static const arc_pg_statement ask = {"vectors_get",
                                         "SELECT ready, hnsw, dim, coalesce(pg_total_relation_size(to_regclass("
                                         "  'arcface.vectors_' || gallery::text || '_' || generation::text)), 0)::int8"
                                         " FROM arcface.vector_tables WHERE gallery = $1::int8 AND generation = $2::int8",
                                         WHAT};
    arc_pg *s = arc_pg_of(store);
    arc_pg_values v = {0};
    PGresult *r;
    *out = (arc_store_vectors){.there = false};
    add_place(s, generation, &v);
    const arc_status st = arc_pg_run(s, &ask, &v, &r, err);
    if (st == ARC_OK && PQntuples(r) > 0)
        *out = (arc_store_vectors){.there = true,
                                   .ready = arc_pg_int(r, 0, 0) != 0,
                                   .hnsw = arc_pg_int(r, 0, 1) != 0,
                                   .dim = (int)arc_pg_int(r, 0, 2),
                                   .bytes = arc_pg_int(r, 0, 3)};
    PQclear(r);
    return st;
}

/* ---- made and dropped ---- */

static arc_status make_table(arc_pg *s, int generation, int dim, arc_error *err) {
    char table[ARC_PG_VECTOR_TABLE_BYTES], sql[SQL_BYTES];
    arc_pg_vectors_table(s, generation, table);
    /* In the row, not beside it, up to a page: they are read one after the other. */
    snprintf(sql, sizeof sql,
             "CREATE TABLE %s(gallery int8 NOT NULL, template int8 PRIMARY KEY, generation int8 NOT NULL,"
             " v %s.halfvec(%d) NOT NULL, FOREIGN KEY(gallery, template, generation)"
             "  REFERENCES arcface.embeddings(gallery, template, generation) ON DELETE CASCADE) WITH (toast_tuple_target = 8160);"
             "ALTER TABLE %s ALTER v SET STORAGE EXTERNAL; SELECT arcface.share_table('%s'::regclass)",
             table, s->vector_schema, dim, table, table);
    return arc_pg_text(s, sql, WHAT, err);
}

static arc_status vectors_make(arc_gallery_store *store, int generation, int dim, bool hnsw, arc_error *err) {
    static const arc_pg_statement note = {"vectors_make",
                                          "INSERT INTO arcface.vector_tables VALUES ($1::int8, $2::int8, $3::int8, $4::int8)"
                                          " ON CONFLICT (gallery, generation) DO UPDATE SET hnsw = excluded.hnsw, ready = 0",
                                          WHAT};
    arc_pg *s = arc_pg_of(store);
    arc_store_vectors now;
    arc_pg_values v = {0};
    arc_status st;
    if (hnsw && dim > ARC_STORE_HNSW_MAX_DIM)
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: an HNSW index takes vectors of %d numbers at most, not %d", s->label,
                        ARC_STORE_HNSW_MAX_DIM, dim);
    ARC_TRY(arc_pg_pgvector_install(s, err));
    ARC_TRY(vectors_get(store, generation, &now, err));
    if (!now.there)
        ARC_TRY(make_table(s, generation, dim, err));
    add_place(s, generation, &v);
    arc_pg_add_int(&v, dim);
    arc_pg_add_int(&v, hnsw);
    ARC_TRY(arc_pg_run(s, &note, &v, NULL, err));
done:
    return st;
}

arc_status arc_pg_vectors_drop(arc_gallery_store *store, int generation, arc_error *err) {
    static const arc_pg_statement forget = {
        "vectors_drop", "DELETE FROM arcface.vector_tables WHERE gallery = $1::int8 AND generation = $2::int8",
        "drop the vectors"};
    arc_pg *s = arc_pg_of(store);
    char table[ARC_PG_VECTOR_TABLE_BYTES], sql[SQL_BYTES];
    arc_pg_values v = {0};
    int64_t rows;
    add_place(s, generation, &v);
    const arc_status st = arc_pg_change(s, &forget, &v, &rows, err);
    if (st != ARC_OK || rows == 0)
        return st;
    arc_pg_vectors_table(s, generation, table);
    snprintf(sql, sizeof sql, "DROP TABLE %s", table);
    return arc_pg_text(s, sql, "drop the vectors", err);
}

/* ---- in step with the embeddings ---- */

/* 0: no copies are kept of the generation. */
static arc_status dim_kept(arc_pg *s, int generation, int *dim, arc_error *err) {
    static const arc_pg_statement ask = {
        "vectors_kept", "SELECT dim FROM arcface.vector_tables WHERE gallery = $1::int8 AND generation = $2::int8", WHAT};
    arc_pg_values v = {0};
    int64_t kept;
    add_place(s, generation, &v);
    const arc_status st = arc_pg_ask(s, &ask, &v, &kept, NULL, err);
    *dim = (int)kept;
    return st;
}

/* Rows of one generation. */
static arc_status put_copies(arc_pg *s, const arc_template_row *rows, int64_t count, int dim, arc_error *err) {
    char table[ARC_PG_VECTOR_TABLE_BYTES], sql[SQL_BYTES];
    uint8_t vector[ARC_PG_VECTOR_BYTES(4096)];
    arc_pg_values v = {0};
    arc_pg_array ids, vectors;
    arc_status st = arc_pg_pgvector(s, err);
    if (st != ARC_OK)
        return st;
    arc_pg_array_begin(&ids, &s->ctx->alloc, ARC_PG_INT8, count);
    arc_pg_array_begin(&vectors, &s->ctx->alloc, (arc_pg_type)s->vector_type, count);
    for (int64_t i = 0; i < count; i++) {
        if (rows[i].embedding.bytes != (size_t)dim * 4) {
            st = arc_fail(err, ARC_ECORRUPT, "%s: the embedding of template %lld has %zu bytes; its vector is to have %d numbers",
                          s->label, (long long)rows[i].id, rows[i].embedding.bytes, dim);
            goto done;
        }
        arc_pg_vector(rows[i].embedding.data, dim, vector);
        arc_pg_array_int(&ids, rows[i].id);
        arc_pg_array_bytes(&vectors, (arc_bytes){vector, ARC_PG_VECTOR_BYTES(dim)});
    }
    arc_pg_vectors_table(s, rows[0].generation, table);
    snprintf(
        sql, sizeof sql,
        "INSERT INTO %s SELECT $1::int8, u.id, $2::int8, u.v::%s.halfvec FROM unnest($3::int8[], $4::%s.vector[]) AS u(id, v)"
        " ON CONFLICT (template) DO UPDATE SET v = excluded.v",
        table, s->vector_schema, s->vector_schema);
    add_place(s, rows[0].generation, &v);
    ARC_TRY(arc_pg_add_array(&v, &ids, err));
    ARC_TRY(arc_pg_add_array(&v, &vectors, err));
    ARC_TRY(arc_pg_query(s, sql, WHAT, &v, NULL, err));
done:
    arc_pg_array_free(&ids);
    arc_pg_array_free(&vectors);
    return st;
}

arc_status arc_pg_vectors_put(arc_pg *s, const arc_template_row *rows, int64_t count, arc_error *err) {
    arc_status st = ARC_OK;
    for (int64_t at = 0, n; at < count && st == ARC_OK; at += n) {
        int dim;
        for (n = 1; at + n < count && rows[at + n].generation == rows[at].generation;)
            n++;
        st = dim_kept(s, rows[at].generation, &dim, err);
        if (st == ARC_OK && dim > 0)
            st = put_copies(s, rows + at, n, dim, err);
    }
    return st;
}

static arc_status vectors_fill(arc_gallery_store *store, int generation, int64_t *after, bool *ended, arc_error *err) {
    arc_pg *s = arc_pg_of(store);
    char table[ARC_PG_VECTOR_TABLE_BYTES], sql[SQL_BYTES];
    arc_template_row *rows = arc_mem_new(&s->ctx->alloc, ARC_PG_BATCH, sizeof *rows);
    arc_pg_values v = {0};
    PGresult *r = NULL;
    arc_status st = rows ? ARC_OK : arc_fail_nomem(err, "vectors");
    *ended = true;
    ARC_TRY(st);
    arc_pg_vectors_table(s, generation, table);
    snprintf(sql, sizeof sql,
             "SELECT e.template, e.data FROM arcface.embeddings e WHERE e.gallery = $1::int8 AND e.generation = $2::int8"
             " AND e.template > $3::int8 AND NOT EXISTS (SELECT 1 FROM %s x WHERE x.template = e.template)"
             " ORDER BY e.template LIMIT $4::int8",
             table);
    add_place(s, generation, &v);
    arc_pg_add_int(&v, *after);
    arc_pg_add_int(&v, ARC_PG_BATCH);
    ARC_TRY(arc_pg_query(s, sql, "read the embeddings", &v, &r, err));
    const int count = PQntuples(r);
    for (int i = 0; i < count; i++)
        rows[i] = (arc_template_row){.id = arc_pg_int(r, i, 0), .generation = generation, .embedding = arc_pg_bytes(r, i, 1)};
    if (count > 0) {
        *after = rows[count - 1].id;
        ARC_TRY(arc_pg_vectors_put(s, rows, count, err));
    }
    *ended = count < ARC_PG_BATCH;
done:
    PQclear(r);
    arc_mem_free(&s->ctx->alloc, rows);
    return st;
}

/* ---- the index ---- */

/* One that was left half-made is not valid, and in the way of another. */
static arc_status index_valid(arc_pg *s, int generation, bool *valid, arc_error *err) {
    static const arc_pg_statement ask = {"vectors_index",
                                         "SELECT count(*) FROM pg_index WHERE indisvalid AND indexrelid = to_regclass("
                                         " 'arcface.vectors_' || $1::int8::text || '_' || $2::int8::text || '_hnsw')",
                                         WHAT};
    arc_pg_values v = {0};
    int64_t count;
    add_place(s, generation, &v);
    const arc_status st = arc_pg_ask(s, &ask, &v, &count, NULL, err);
    *valid = count > 0;
    return st;
}

/* Concurrently: others enrol meanwhile. Such commands are in no transaction. */
static arc_status build_index(arc_pg *s, int generation, bool wanted, arc_error *err) {
    char table[ARC_PG_VECTOR_TABLE_BYTES], sql[SQL_BYTES];
    bool valid;
    arc_status st;
    arc_pg_vectors_table(s, generation, table);
    ARC_TRY(index_valid(s, generation, &valid, err));
    if (wanted && valid)
        return ARC_OK;
    snprintf(sql, sizeof sql, "DROP INDEX CONCURRENTLY IF EXISTS %s_hnsw", table);
    ARC_TRY(arc_pg_text(s, sql, "drop the HNSW index", err));
    if (!wanted)
        return ARC_OK;
    ARC_TRY(arc_pg_pgvector(s, err));
    snprintf(sql, sizeof sql, "CREATE INDEX CONCURRENTLY %s_hnsw ON %s USING hnsw (v %s.halfvec_ip_ops)",
             table + sizeof "arcface." - 1, table, s->vector_schema);
    ARC_TRY(arc_pg_text(s, sql, "build the HNSW index", err));
done:
    return st;
}

static arc_status vectors_finish(arc_gallery_store *store, int generation, arc_error *err) {
    static const arc_pg_statement done_with = {
        "vectors_ready", "UPDATE arcface.vector_tables SET ready = 1 WHERE gallery = $1::int8 AND generation = $2::int8", WHAT};
    arc_pg *s = arc_pg_of(store);
    char table[ARC_PG_VECTOR_TABLE_BYTES], sql[SQL_BYTES];
    arc_store_vectors now;
    arc_pg_values v = {0};
    arc_status st;
    ARC_TRY(arc_pg_begin(store, false, err)); /* connects, if it must */
    ARC_TRY(vectors_get(store, generation, &now, err));
    ARC_TRY(arc_pg_commit(store, err));
    ARC_TRY(build_index(s, generation, now.hnsw, err));
    arc_pg_vectors_table(s, generation, table);
    snprintf(sql, sizeof sql, "ANALYZE %s", table);
    ARC_TRY(arc_pg_text(s, sql, WHAT, err));
    ARC_TRY(arc_pg_begin(store, true, err));
    add_place(s, generation, &v);
    ARC_TRY(arc_pg_run(s, &done_with, &v, NULL, err));
    ARC_TRY(arc_pg_commit(store, err));
done:
    if (st != ARC_OK)
        arc_pg_rollback(store);
    return st;
}

/* ---- for all generations of the gallery ---- */

static arc_status generations(arc_pg *s, PGresult **r, arc_error *err) {
    static const arc_pg_statement list = {
        "vectors_each", "SELECT generation, ready FROM arcface.vector_tables WHERE gallery = $1::int8 ORDER BY generation",
        "read which vectors are kept"};
    arc_pg_values v = {0};
    arc_pg_add_int(&v, s->gallery);
    return arc_pg_run(s, &list, &v, r, err);
}

arc_status arc_pg_vectors_check(arc_pg *s, arc_problem_visit *problem, void *arg, arc_error *err) {
    PGresult *r, *lacking = NULL;
    char table[ARC_PG_VECTOR_TABLE_BYTES], sql[SQL_BYTES];
    arc_status st = generations(s, &r, err);
    for (int i = 0; st == ARC_OK && i < PQntuples(r); i++) {
        const int generation = (int)arc_pg_int(r, i, 0);
        arc_pg_values v = {0};
        if (arc_pg_int(r, i, 1) == 0)
            continue; /* they are being made */
        arc_pg_vectors_table(s, generation, table);
        snprintf(sql, sizeof sql,
                 "SELECT count(*) FROM arcface.embeddings e WHERE e.gallery = $1::int8 AND e.generation = $2::int8"
                 " AND NOT EXISTS (SELECT 1 FROM %s x WHERE x.template = e.template)",
                 table);
        add_place(s, generation, &v);
        st = arc_pg_query(s, sql, "check its vectors", &v, &lacking, err);
        if (st == ARC_OK && arc_pg_int(lacking, 0, 0) != 0) {
            snprintf(sql, sizeof sql,
                     "%lld embeddings without their vector: searching in the data base does not find them; \"arcface gallery set "
                     "--search\" makes them",
                     (long long)arc_pg_int(lacking, 0, 0));
            st = problem(arg, sql, err);
        }
        PQclear(lacking);
        lacking = NULL;
    }
    PQclear(r);
    return st;
}

arc_status arc_pg_vectors_vacuum(arc_pg *s, arc_error *err) {
    PGresult *r;
    char table[ARC_PG_VECTOR_TABLE_BYTES], sql[SQL_BYTES];
    arc_status st = generations(s, &r, err);
    for (int i = 0; st == ARC_OK && i < PQntuples(r); i++) {
        arc_pg_vectors_table(s, (int)arc_pg_int(r, i, 0), table);
        snprintf(sql, sizeof sql, "VACUUM %s", table);
        st = arc_pg_text(s, sql, "give back the space of what was removed", err);
    }
    PQclear(r);
    return st;
}

const arc_store_vectors_type arc_pg_vectors_type = {
    .possible = vectors_possible,
    .get = vectors_get,
    .make = vectors_make,
    .fill = vectors_fill,
    .finish = vectors_finish,
    .drop = arc_pg_vectors_drop,
    .nearest = arc_pg_nearest,
    .margin = arc_pg_margin,
};
