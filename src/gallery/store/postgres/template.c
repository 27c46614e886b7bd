/* gallery/store/postgres: templates are put and changed. Many rows go to the server as a few arrays, one for each column, in one
 * statement: about as fast as COPY, and the connection is never left in the middle of a copy. */
#include "gallery/store/postgres/postgres_internal.h"

enum { IDS, IDENTITIES, GENERATIONS, EMBEDDINGS, CROPS, SOURCES, DETAILS, QUALITIES, CREATED, COLUMNS };

typedef struct batch {
    arc_pg_array column[COLUMNS];
} batch;

static const arc_pg_type column_type[COLUMNS] = {
    [IDS] = ARC_PG_INT8,         [IDENTITIES] = ARC_PG_INT8,  [GENERATIONS] = ARC_PG_INT8,
    [EMBEDDINGS] = ARC_PG_BYTEA, [CROPS] = ARC_PG_BYTEA,      [SOURCES] = ARC_PG_BYTEA,
    [DETAILS] = ARC_PG_BYTEA,    [QUALITIES] = ARC_PG_FLOAT8, [CREATED] = ARC_PG_INT8};

/* How many of the rows go together. */
static int64_t batch_rows(const arc_template_row *rows, int64_t count) {
    size_t bytes = 0;
    int64_t n = 0;
    while (n < count && n < ARC_PG_BATCH && (n == 0 || bytes < ARC_PG_BATCH_BYTES)) {
        bytes += rows[n].embedding.bytes + rows[n].crop.bytes + rows[n].detail.bytes;
        n++;
    }
    return n;
}

/* The columns in `wanted`, a mask, are added to the values in their order. */
static arc_status batch_begin(arc_pg *s, batch *b, const arc_template_row *rows, int64_t count, unsigned wanted, arc_pg_values *v,
                              arc_error *err) {
    arc_status st = ARC_OK;
    for (int c = 0; c < COLUMNS; c++)
        arc_pg_array_begin(&b->column[c], &s->ctx->alloc, column_type[c], count);
    for (int64_t i = 0; i < count; i++) {
        const arc_template_row *row = &rows[i];
        arc_pg_array_int(&b->column[IDS], row->id);
        if (wanted & 1u << IDENTITIES)
            arc_pg_array_int(&b->column[IDENTITIES], row->identity);
        if (wanted & 1u << GENERATIONS)
            arc_pg_array_int(&b->column[GENERATIONS], row->generation);
        if (wanted & 1u << EMBEDDINGS)
            arc_pg_array_bytes(&b->column[EMBEDDINGS], row->embedding);
        if (wanted & 1u << CROPS)
            arc_pg_array_bytes(&b->column[CROPS], row->crop);
        if (wanted & 1u << SOURCES)
            arc_pg_array_bytes(&b->column[SOURCES], row->source_sha256);
        if (wanted & 1u << DETAILS)
            arc_pg_array_bytes(&b->column[DETAILS], row->detail);
        if (wanted & 1u << QUALITIES)
            arc_pg_array_real(&b->column[QUALITIES], (double)row->quality);
        if (wanted & 1u << CREATED)
            arc_pg_array_int(&b->column[CREATED], row->created_ms);
    }
    for (int c = 0; c < COLUMNS && st == ARC_OK; c++)
        if (wanted & 1u << c)
            st = arc_pg_add_array(v, &b->column[c], err);
    return st;
}

static void batch_end(batch *b) {
    for (int c = 0; c < COLUMNS; c++)
        arc_pg_array_free(&b->column[c]);
}

#define COLUMN(c) (1u << (c))

/* Templates and their embeddings in one statement; the second half reads what the first wrote from the arrays. */
static arc_status put_batch(arc_pg *s, const arc_template_row *rows, int64_t count, arc_error *err) {
    static const arc_pg_statement put = {
        "template_put",
        "WITH u AS (SELECT * FROM unnest($3::int8[], $4::int8[], $5::int8[], $6::bytea[], $7::bytea[], $8::bytea[], $9::bytea[],"
        "  $10::float8[], $11::int8[]) AS u(id, identity, generation, embedding, crop, source, detail, quality, created)),"
        " t AS (INSERT INTO arcface.templates(gallery, id, identity, revision, source, detail, crop, quality, created_ms)"
        "  SELECT $1::int8, id, identity, $2::int8, source, detail, crop, quality, created FROM u)"
        "INSERT INTO arcface.embeddings SELECT $1::int8, id, generation, embedding FROM u",
        "store templates"};
    arc_pg_values v = {0};
    batch b;
    arc_status st;
    arc_pg_add_int(&v, s->gallery);
    arc_pg_add_int(&v, s->revision);
    st = batch_begin(s, &b, rows, count, (1u << COLUMNS) - 1, &v, err);
    if (st == ARC_OK)
        st = arc_pg_run(s, &put, &v, NULL, err);
    if (st == ARC_OK)
        st = arc_pg_vectors_put(s, rows, count, err);
    batch_end(&b);
    return st;
}

arc_status arc_pg_template_put(arc_gallery_store *store, const arc_template_row *rows, int64_t count, arc_error *err) {
    arc_pg *s = arc_pg_of(store);
    arc_status st = count > 0 ? arc_pg_revise(s, err) : ARC_OK;
    for (int64_t i = 0; i < count && st == ARC_OK; i++) /* the tables would refuse it too, but name nobody */
        if (i == 0 || rows[i].identity != rows[i - 1].identity)
            st = arc_pg_identity_there(s, rows[i].identity, err);
    for (int64_t at = 0, n; at < count && st == ARC_OK; at += n) {
        n = batch_rows(rows + at, count - at);
        st = put_batch(s, rows + at, n, err);
    }
    return st;
}

static arc_status all_there(arc_pg *s, int64_t wanted, int64_t changed, arc_error *err) {
    if (changed == wanted)
        return ARC_OK;
    return arc_fail(err, ARC_ENOTFOUND, "%s: %lld of %lld templates are not there", s->label, (long long)(wanted - changed),
                    (long long)wanted);
}

static arc_status embedding_batch(arc_pg *s, const arc_template_row *rows, int64_t count, bool current, arc_error *err) {
    static const arc_pg_statement put = {"embedding_put",
                                         "INSERT INTO arcface.embeddings SELECT $1::int8, u.id, u.generation, u.data"
                                         " FROM unnest($2::int8[], $3::int8[], $4::bytea[]) AS u(id, generation, data)"
                                         " JOIN arcface.templates t ON t.gallery = $1::int8 AND t.id = u.id"
                                         " ON CONFLICT (gallery, template, generation) DO UPDATE SET data = excluded.data",
                                         "store embeddings"};
    static const arc_pg_statement touch = {
        "template_touch", "UPDATE arcface.templates SET revision = $2::int8 WHERE gallery = $1::int8 AND id = ANY($3::int8[])",
        "store embeddings"};
    arc_pg_values v = {0}, touched = {0};
    batch b;
    int64_t changed;
    arc_status st;
    arc_pg_add_int(&v, s->gallery);
    ARC_TRY(batch_begin(s, &b, rows, count, COLUMN(IDS) | COLUMN(GENERATIONS) | COLUMN(EMBEDDINGS), &v, err));
    ARC_TRY(arc_pg_change(s, &put, &v, &changed, err));
    ARC_TRY(all_there(s, count, changed, err));
    ARC_TRY(arc_pg_vectors_put(s, rows, count, err));
    if (current) {
        arc_pg_add_int(&touched, s->gallery);
        arc_pg_add_int(&touched, s->revision);
        ARC_TRY(arc_pg_add_array(&touched, &b.column[IDS], err));
        ARC_TRY(arc_pg_run(s, &touch, &touched, NULL, err));
    }
done:
    batch_end(&b);
    return st;
}

arc_status arc_pg_embedding_put(arc_gallery_store *store, const arc_template_row *rows, int64_t count, bool current,
                                arc_error *err) {
    arc_pg *s = arc_pg_of(store);
    arc_status st = current && count > 0 ? arc_pg_revise(s, err) : ARC_OK;
    for (int64_t at = 0, n; at < count && st == ARC_OK; at += n) {
        n = batch_rows(rows + at, count - at);
        st = embedding_batch(s, rows + at, n, current, err);
    }
    return st;
}

arc_status arc_pg_template_rewrite(arc_gallery_store *store, const arc_template_row *rows, int64_t count, arc_error *err) {
    static const arc_pg_statement rewrite = {
        "template_rewrite",
        "UPDATE arcface.templates t SET crop = u.crop, source = u.source, detail = u.detail"
        " FROM unnest($2::int8[], $3::bytea[], $4::bytea[], $5::bytea[]) AS u(id, crop, source, detail)"
        " WHERE t.gallery = $1::int8 AND t.id = u.id",
        "store templates"};
    arc_pg *s = arc_pg_of(store);
    arc_status st = ARC_OK;
    for (int64_t at = 0, n; at < count && st == ARC_OK; at += n) {
        arc_pg_values v = {0};
        batch b;
        int64_t changed = 0;
        n = batch_rows(rows + at, count - at);
        arc_pg_add_int(&v, s->gallery);
        st = batch_begin(s, &b, rows + at, n, COLUMN(IDS) | COLUMN(CROPS) | COLUMN(SOURCES) | COLUMN(DETAILS), &v, err);
        if (st == ARC_OK)
            st = arc_pg_change(s, &rewrite, &v, &changed, err);
        if (st == ARC_OK)
            st = all_there(s, n, changed, err);
        batch_end(&b);
    }
    return st;
}
