/* gallery/store/postgres: statements, their values in PostgreSQL's binary formats, and its codes as statuses. */
#include "gallery/store/postgres/postgres_internal.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- values: big-endian, as the protocol has them ---- */

static void put_be(uint8_t *to, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
}

static uint64_t get_be(const char *from, int bytes) {
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value = value << 8 | (uint8_t)from[i];
    return value;
}

static void add(arc_pg_values *v, const void *value, size_t bytes) {
    v->value[v->count] = value;
    v->bytes[v->count++] = (int)bytes;
}

void arc_pg_add_int(arc_pg_values *v, int64_t value) {
    put_be(v->room[v->count], (uint64_t)value, 8);
    add(v, v->room[v->count], 8);
}

void arc_pg_add_real(arc_pg_values *v, double value) {
    uint64_t bits;
    if (isnan(value)) {
        add(v, NULL, 0);
        return;
    }
    memcpy(&bits, &value, sizeof bits);
    arc_pg_add_int(v, (int64_t)bits);
}

void arc_pg_add_text(arc_pg_values *v, const char *text) {
    add(v, text, strlen(text));
}

void arc_pg_add_bytes(arc_pg_values *v, arc_bytes value) {
    add(v, value.data, value.data ? value.bytes : 0);
}

void arc_pg_add_mark(arc_pg_values *v, const uint8_t mark[ARC_STORE_MARK_BYTES]) {
    add(v, mark, ARC_STORE_MARK_BYTES);
}

bool arc_pg_null(const PGresult *r, int row, int column) {
    return PQgetisnull(r, row, column);
}

int64_t arc_pg_int(const PGresult *r, int row, int column) {
    return arc_pg_null(r, row, column) ? 0 : (int64_t)get_be(PQgetvalue(r, row, column), 8);
}

double arc_pg_real(const PGresult *r, int row, int column) {
    const uint64_t bits = (uint64_t)arc_pg_int(r, row, column);
    double value;
    memcpy(&value, &bits, sizeof value);
    return arc_pg_null(r, row, column) ? NAN : value;
}

arc_bytes arc_pg_bytes(const PGresult *r, int row, int column) {
    if (arc_pg_null(r, row, column))
        return (arc_bytes){NULL, 0};
    return (arc_bytes){PQgetvalue(r, row, column), (size_t)PQgetlength(r, row, column)};
}

/* ---- arrays: number of dimensions, whether there are nulls, type, length, first index, then length and value of each ---- */

static void array_put(arc_pg_array *a, const void *data, size_t bytes) {
    if (a->st == ARC_OK)
        a->st = arc_buffer_put(&a->buffer, data, bytes);
}

static void array_put_int4(arc_pg_array *a, uint32_t value) {
    uint8_t bytes[4];
    put_be(bytes, value, 4);
    array_put(a, bytes, 4);
}

void arc_pg_array_begin(arc_pg_array *a, const arc_alloc *alloc, arc_pg_type type, int64_t count) {
    *a = (arc_pg_array){.count = count};
    arc_buffer_init(&a->buffer, alloc, INT32_MAX);
    array_put_int4(a, 1);
    array_put_int4(a, 1);
    array_put_int4(a, (uint32_t)type);
    array_put_int4(a, (uint32_t)count);
    array_put_int4(a, 1);
}

void arc_pg_array_int(arc_pg_array *a, int64_t value) {
    uint8_t bytes[8];
    put_be(bytes, (uint64_t)value, 8);
    array_put_int4(a, 8);
    array_put(a, bytes, 8);
    a->at++;
}

void arc_pg_array_real(arc_pg_array *a, double value) {
    uint64_t bits;
    if (isnan(value)) {
        arc_pg_array_bytes(a, (arc_bytes){NULL, 0});
        return;
    }
    memcpy(&bits, &value, sizeof bits);
    arc_pg_array_int(a, (int64_t)bits);
}

void arc_pg_array_bytes(arc_pg_array *a, arc_bytes value) {
    const bool null = value.bytes == 0;
    if (value.bytes > INT32_MAX)
        a->st = ARC_ELIMIT;
    array_put_int4(a, null ? UINT32_MAX : (uint32_t)value.bytes);
    if (!null)
        array_put(a, value.data, value.bytes);
    a->at++;
}

void arc_pg_array_ids(arc_pg_array *a, const arc_alloc *alloc, const int64_t *ids, int64_t count) {
    arc_pg_array_begin(a, alloc, ARC_PG_INT8, count);
    for (int64_t i = 0; i < count; i++)
        arc_pg_array_int(a, ids[i]);
}

arc_status arc_pg_add_array(arc_pg_values *v, const arc_pg_array *a, arc_error *err) {
    if (a->st != ARC_OK)
        return arc_fail(err, a->st, a->st == ARC_ENOMEM ? "not enough memory for rows" : "rows of more than 2 GiB");
    add(v, a->buffer.data, a->buffer.bytes);
    return ARC_OK;
}

void arc_pg_array_free(arc_pg_array *a) {
    arc_buffer_free(&a->buffer);
}

/* ---- failures ---- */

/* SQLSTATEs, or the beginning of them, and what they are here; the first that fits. */
static const struct {
    const char *state;
    arc_status st;
    const char *advice; /* replaces the server's sentence; NULL: that one */
} known_states[] = {
    {"08", ARC_ENETWORK, NULL},
    {"57P", ARC_ENETWORK, NULL}, /* the server ends, or is not ready yet */
    {"55P03", ARC_EIO, "another process has been writing too long; try again"},
    {"40", ARC_EIO, "another process changed the same at the same time; try again"},
    {"25006", ARC_EINVAL,
     "it can only be read: it was opened for reading, or the server is a replica; write to the primary server"},
    {"53100", ARC_EIO, "the server's disk is full"},
    {"53200", ARC_ENOMEM, "the server has not enough memory"},
    {"42501", ARC_EINVAL, NULL}, /* a missing privilege, which the server names */
    {"28", ARC_EINVAL, NULL},    /* user, password */
    {"3D000", ARC_ENOTFOUND, NULL},
    {"23505", ARC_EINVAL, NULL},
    {"23503", ARC_ENOTFOUND, NULL},
    {"XX001", ARC_ECORRUPT, NULL},
    {"XX002", ARC_ECORRUPT, NULL},
};

/* The first line, without its end and what severity stands before it. */
static void first_line(char *out, size_t bytes, const char *message) {
    size_t length = strcspn(message, "\n");
    if (length >= bytes)
        length = bytes - 1;
    memcpy(out, message, length);
    out[length] = '\0';
}

arc_status arc_pg_fail(arc_pg *s, const PGresult *result, const char *what, arc_error *err) {
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *primary = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    char line[256];
    first_line(line, sizeof line, primary ? primary : PQerrorMessage(s->conn));
    for (size_t i = 0; state && i < ARC_COUNT(known_states); i++)
        if (strncmp(state, known_states[i].state, strlen(known_states[i].state)) == 0)
            return arc_fail(err, known_states[i].st, "%s: cannot %s: %s", s->label, what,
                            known_states[i].advice ? known_states[i].advice : line);
    if (arc_pg_lost(s))
        return arc_fail(err, ARC_ENETWORK, "%s: cannot %s: the connection was lost: %s", s->label, what, line);
    if (!state && strstr(line, "out of memory"))
        return arc_fail_nomem(err, what);
    return arc_fail(err, ARC_EIO, "%s: cannot %s: %s", s->label, what, line);
}

/* ---- executing ---- */

static bool good(const PGresult *r) {
    const ExecStatusType status = PQresultStatus(r);
    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

static arc_status prepare(arc_pg *s, const arc_pg_statement *statement, arc_error *err) {
    PGresult *r;
    arc_status st = ARC_OK;
    for (int i = 0; i < s->prepared_count; i++)
        if (s->prepared[i] == statement)
            return ARC_OK;
    r = PQprepare(s->conn, statement->name, statement->sql, 0, NULL);
    if (!good(r))
        st = arc_pg_fail(s, r, statement->what, err);
    else if (s->prepared_count < ARC_PG_STATEMENTS)
        s->prepared[s->prepared_count++] = statement;
    PQclear(r);
    return st;
}

static const int binary[ARC_PG_VALUES] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

static arc_status not_connected(const arc_pg *s, const char *what, arc_error *err) {
    return arc_fail(err, ARC_ENETWORK, "%s: cannot %s: the connection was lost", s->label, what);
}

/* What was executed goes to the caller, if it is good and wanted. */
static arc_status give(arc_pg *s, PGresult *r, const char *what, PGresult **result, arc_error *err) {
    const arc_status st = good(r) ? ARC_OK : arc_pg_fail(s, r, what, err);
    if (result && st == ARC_OK)
        *result = r;
    else
        PQclear(r);
    return st;
}

arc_status arc_pg_run(arc_pg *s, const arc_pg_statement *statement, const arc_pg_values *v, PGresult **result, arc_error *err) {
    if (result)
        *result = NULL;
    if (!s->conn)
        return not_connected(s, statement->what, err);
    const arc_status st = prepare(s, statement, err);
    if (st != ARC_OK)
        return st;
    return give(s,
                PQexecPrepared(s->conn, statement->name, v ? v->count : 0, v ? v->value : NULL, v ? v->bytes : NULL, binary, 1),
                statement->what, result, err);
}

arc_status arc_pg_query(arc_pg *s, const char *sql, const char *what, const arc_pg_values *v, PGresult **result, arc_error *err) {
    if (result)
        *result = NULL;
    if (!s->conn)
        return not_connected(s, what, err);
    return give(s, PQexecParams(s->conn, sql, v->count, NULL, v->value, v->bytes, binary, 1), what, result, err);
}

arc_status arc_pg_ask(arc_pg *s, const arc_pg_statement *statement, const arc_pg_values *v, int64_t *value, bool *there,
                      arc_error *err) {
    PGresult *r;
    const arc_status st = arc_pg_run(s, statement, v, &r, err);
    const bool any = st == ARC_OK && PQntuples(r) > 0;
    *value = any ? arc_pg_int(r, 0, 0) : 0;
    if (there)
        *there = any;
    PQclear(r);
    return st;
}

arc_status arc_pg_list(arc_pg *s, const arc_pg_statement *statement, int page_rows, arc_pg_values_fn *values, arc_pg_row_fn *row,
                       void *arg, arc_error *err) {
    arc_status st = ARC_OK;
    for (int rows = page_rows; st == ARC_OK && rows == page_rows;) {
        arc_pg_values v = {0};
        PGresult *r;
        values(arg, &v);
        st = arc_pg_run(s, statement, &v, &r, err);
        rows = st == ARC_OK ? PQntuples(r) : 0;
        for (int i = 0; i < rows && st == ARC_OK; i++)
            st = row(arg, r, i, err);
        PQclear(r);
    }
    return st;
}

arc_status arc_pg_change(arc_pg *s, const arc_pg_statement *statement, const arc_pg_values *v, int64_t *rows, arc_error *err) {
    PGresult *r;
    arc_status st = arc_pg_run(s, statement, v, &r, err);
    *rows = st == ARC_OK ? strtoll(PQcmdTuples(r), NULL, 10) : 0;
    PQclear(r);
    return st;
}

arc_status arc_pg_text(arc_pg *s, const char *sql, const char *what, arc_error *err) {
    return s->conn ? give(s, PQexec(s->conn, sql), what, NULL, err) : not_connected(s, what, err);
}
