/* gallery/store/qdrant: rows as a transaction sees them: those of the server with what it has written itself on top, which the
 * server gets when it commits. */
#include "gallery/store/qdrant/qdrant_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct row_key {
    char text[24];
} row_key;

static row_key key_of(int64_t id) {
    row_key key;
    snprintf(key.text, sizeof key.text, "%lld", (long long)id);
    return key;
}

/* ---- what was written and read ---- */

void arc_qd_revise(arc_qd *s) {
    if (s->revised)
        return;
    s->revised = true;
    s->head.number[ARC_QD_H_REVISION]++;
    memcpy(s->head.mark, s->token, sizeof s->head.mark);
}

void arc_qd_forget(arc_qd *s) {
    for (int k = 0; k < ARC_QD_KINDS; k++) {
        json_decref(s->written[k]);
        json_decref(s->read[k]);
        s->written[k] = s->read[k] = NULL;
    }
    json_decref(s->names);
    s->names = NULL;
}

static arc_status keep(json_t **in, int64_t id, json_t *payload, arc_error *err) {
    if (!*in)
        *in = json_object();
    return payload && json_object_set_new(*in, key_of(id).text, payload) == 0 ? ARC_OK : arc_fail_nomem(err, "rows of a gallery");
}

/* The row, or null for one that is known not to be there; NULL: the server knows. */
static json_t *known(const arc_qd *s, arc_qd_kind kind, int64_t id) {
    const row_key key = key_of(id);
    json_t *row = json_object_get(s->written[kind], key.text);
    return row ? row : json_object_get(s->read[kind], key.text);
}

static int present(const json_t *row, const char *field) {
    return arc_qd_live(row) && (!field || json_object_get(row, field)) ? 1 : 0;
}

arc_status arc_qd_put(arc_qd *s, arc_qd_kind kind, int64_t id, json_t *payload, const json_t *old, arc_error *err) {
    static const int counted[ARC_QD_KINDS] = {[ARC_QD_IDENTITY] = ARC_QD_H_IDENTITIES,
                                              [ARC_QD_NEGATIVE] = ARC_QD_H_NEGATIVES,
                                              [ARC_QD_AUDIT] = ARC_QD_H_AUDITS,
                                              [ARC_QD_TEMPLATE] = ARC_QD_H_TEMPLATES};
    json_t *row = payload ? payload : json_object();
    json_object_set_new(row, "kind", json_string(payload ? arc_qd_kind_name(kind) : "removed"));
    if (kind == ARC_QD_TEMPLATE && !payload) {
        arc_qd_revise(s);
        arc_qd_set_int(row, "revision", s->head.number[ARC_QD_H_REVISION]);
    }
    if (counted[kind])
        s->head.number[counted[kind]] += present(row, NULL) - present(old, NULL);
    if (kind == ARC_QD_TEMPLATE)
        s->head.number[ARC_QD_H_CROPS] += present(row, "crop") - present(old, "crop");
    if (kind == ARC_QD_IDENTITY && payload) {
        if (!s->names)
            s->names = json_object();
        json_object_set_new(s->names, json_string_value(json_object_get(row, "name_sha")), json_integer(id));
    }
    return keep(&s->written[kind], id, row, err);
}

/* ---- asking the server ---- */

static arc_status bad_point(const arc_qd *s, const char *collection, arc_error *err) {
    return arc_fail(err, ARC_ECORRUPT, "%s: the server sent points of %s in a form or order that Qdrant does not", s->label,
                    collection);
}

/* A point of this kind, and its row. */
static arc_status read_point(const arc_qd *s, arc_qd_kind kind, const json_t *point, int64_t *id, json_t **payload,
                             arc_error *err) {
    const json_t *number = json_object_get(point, "id");
    *payload = json_object_get(point, "payload");
    *id = json_integer_value(number);
    const bool sound = json_is_integer(number) && *id >= 0 && *id <= 8 * ARC_QD_MOST + 7 && json_is_object(*payload);
    if (!sound || (kind != ARC_QD_TEMPLATE && *id % 8 != (int64_t)kind))
        return bad_point(s, arc_qd_collection(s, kind), err);
    *id = kind == ARC_QD_TEMPLATE ? *id : *id / 8;
    return ARC_OK;
}

static json_t *fields_json(const char *const *fields) {
    if (!fields)
        return json_true();
    json_t *list = json_pack("[s, s]", "kind", "commit");
    for (; *fields; fields++)
        json_array_append_new(list, json_string(*fields));
    return list;
}

static int page_of(const char *const *fields) {
    bool crops = !fields;
    for (; fields && *fields; fields++)
        crops |= strcmp(*fields, "crop") == 0;
    return crops ? ARC_QD_PAGE_WITH_CROPS : ARC_QD_PAGE;
}

/* The first template makes their collection, perhaps another process's: s->dim is 0 until then. */
static arc_status has_collection(arc_qd *s, arc_qd_kind kind, arc_error *err) {
    return kind == ARC_QD_TEMPLATE && s->dim <= 0 ? arc_qd_look_dim(s, err) : ARC_OK;
}

/* Adds to `into`, "id": payload, those of at most a page of ids that are there. */
static arc_status fetch(arc_qd *s, arc_qd_kind kind, json_t *ids, const char *const *fields, json_t *into, arc_error *err) {
    json_t *points = NULL, *payload;
    int64_t id;
    arc_status st = json_array_size(ids) > 0 ? has_collection(s, kind, err) : ARC_OK;
    if (st != ARC_OK || json_array_size(ids) == 0 || (kind == ARC_QD_TEMPLATE && s->dim == 0)) {
        json_decref(ids);
        return st;
    }
    arc_qd_beat(s);
    json_t *body = json_pack("{s:o, s:o, s:b}", "ids", ids, "with_payload", fields_json(fields), "with_vector", 0);
    ARC_TRY(arc_qd_ask(s, arc_qd_collection(s, kind), "/points?consistency=majority", body, JSON_ARRAY, &points, err));
    for (size_t i = 0; i < json_array_size(points); i++) {
        ARC_TRY(read_point(s, kind, json_array_get(points, i), &id, &payload, err));
        if (json_object_set(into, key_of(id).text, payload) != 0) {
            st = arc_fail_nomem(err, "rows of a gallery");
            goto done;
        }
    }
done:
    json_decref(points);
    return st;
}

arc_status arc_qd_prefetch(arc_qd *s, arc_qd_kind kind, const int64_t *ids, int64_t count, arc_error *err) {
    arc_status st = ARC_OK;
    if (!s->read[kind])
        s->read[kind] = json_object();
    for (int64_t at = 0; at < count && st == ARC_OK;) {
        json_t *unknown = json_array();
        for (; at < count && json_array_size(unknown) < ARC_QD_PAGE_WITH_CROPS; at++)
            if (!known(s, kind, ids[at])) {
                json_array_append_new(unknown, json_integer(arc_qd_point_id(kind, ids[at])));
                ARC_TRY(keep(&s->read[kind], ids[at], json_null(), err));
            }
        st = fetch(s, kind, unknown, NULL, s->read[kind], err);
    }
done:
    return st;
}

arc_status arc_qd_get(arc_qd *s, arc_qd_kind kind, int64_t id, json_t **payload, arc_error *err) {
    *payload = NULL;
    const arc_status st = arc_qd_prefetch(s, kind, &id, 1, err);
    json_t *row = st == ARC_OK ? known(s, kind, id) : NULL;
    if (arc_qd_live(row))
        *payload = json_incref(row);
    if (!s->writing) { /* without the lock what was read may change */
        json_decref(s->read[kind]);
        s->read[kind] = NULL;
    }
    return st;
}

/* ---- listings ---- */

static int by_number(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* A listing in progress: ids of rows that the transaction wrote come between those of the server. */
typedef struct listing {
    arc_qd *s;
    const arc_qd_filter *filter;
    arc_qd_visit *visit;
    void *arg;
    int64_t *own; /* [own_count] rising */
    int64_t own_count, own_at, last;
} listing;

static arc_status list_own(listing *l, arc_error *err) {
    json_t *rows = l->s->written[l->filter->kind], *row;
    const char *key;
    l->own = arc_mem_raw(&l->s->ctx->alloc, json_object_size(rows) + 1, sizeof *l->own);
    if (!l->own)
        return arc_fail_nomem(err, "rows of a gallery");
    json_object_foreach(rows, key, row) {
        const int64_t id = strtoll(key, NULL, 10);
        if (arc_qd_filter_match(l->filter, id, row))
            l->own[l->own_count++] = id;
    }
    qsort(l->own, (size_t)l->own_count, sizeof *l->own, by_number);
    return ARC_OK;
}

static arc_status visit_own(listing *l, int64_t before, arc_error *err) {
    arc_status st = ARC_OK;
    for (; st == ARC_OK && l->own_at < l->own_count && l->own[l->own_at] < before; l->own_at++) {
        const int64_t id = l->own[l->own_at];
        st = l->visit(l->arg, id, json_object_get(l->s->written[l->filter->kind], key_of(id).text), err);
    }
    return st;
}

static arc_status visit_page(listing *l, const json_t *points, arc_error *err) {
    const arc_qd_kind kind = l->filter->kind;
    json_t *payload;
    int64_t id;
    arc_status st = ARC_OK;
    for (size_t i = 0; i < json_array_size(points); i++) {
        ARC_TRY(read_point(l->s, kind, json_array_get(points, i), &id, &payload, err));
        if (id <= l->last)
            return bad_point(l->s, arc_qd_collection(l->s, kind), err);
        l->last = id;
        ARC_TRY(visit_own(l, id, err));
        if (!json_object_get(l->s->written[kind], key_of(id).text))
            ARC_TRY(l->visit(l->arg, id, payload, err));
    }
done:
    return st;
}

static arc_status list_server(listing *l, const char *const *fields, arc_error *err) {
    const arc_qd_kind kind = l->filter->kind;
    const int page = page_of(fields);
    arc_status st = ARC_OK;
    for (bool more = true; more && st == ARC_OK;) {
        json_t *result = NULL;
        arc_qd_beat(l->s);
        json_t *body =
            json_pack("{s:I, s:i, s:o, s:o, s:b}", "offset", (json_int_t)arc_qd_point_id(kind, l->last) + 1, "limit", page,
                      "filter", arc_qd_filter_json(l->filter), "with_payload", fields_json(fields), "with_vector", 0);
        st = arc_qd_ask(l->s, arc_qd_collection(l->s, kind), "/points/scroll?consistency=majority", body, JSON_OBJECT, &result,
                        err);
        const json_t *points = json_object_get(result, "points");
        if (st == ARC_OK && (!json_is_array(points) || json_array_size(points) > (size_t)page))
            st = bad_point(l->s, arc_qd_collection(l->s, kind), err);
        if (st == ARC_OK)
            st = visit_page(l, points, err);
        more = json_is_integer(json_object_get(result, "next_page_offset")) && json_array_size(points) > 0;
        json_decref(result);
    }
    return st;
}

arc_status arc_qd_each(arc_qd *s, const arc_qd_filter *f, const char *const *fields, arc_qd_visit *visit, void *arg,
                       arc_error *err) {
    listing l = {.s = s, .filter = f, .visit = visit, .arg = arg, .last = f->after};
    arc_status st;
    ARC_TRY(list_own(&l, err));
    ARC_TRY(has_collection(s, f->kind, err));
    if (f->kind != ARC_QD_TEMPLATE || s->dim > 0)
        ARC_TRY(list_server(&l, fields, err));
    st = visit_own(&l, INT64_MAX, err);
done:
    arc_mem_free(&s->ctx->alloc, l.own);
    return st;
}

arc_status arc_qd_each_of(arc_qd *s, arc_qd_kind kind, const int64_t *ids, int64_t count, const char *const *fields,
                          arc_qd_visit *visit, void *arg, arc_error *err) {
    const int page = page_of(fields);
    arc_status st = ARC_OK;
    for (int64_t at = 0, n; at < count && st == ARC_OK; at += n) {
        json_t *rows = json_object(), *wanted = json_array();
        n = ARC_MIN(count - at, page);
        for (int64_t i = at; i < at + n; i++)
            if (!known(s, kind, ids[i]))
                json_array_append_new(wanted, json_integer(arc_qd_point_id(kind, ids[i])));
        st = fetch(s, kind, wanted, fields, rows, err);
        for (int64_t i = at; i < at + n && st == ARC_OK; i++) {
            const json_t *own = known(s, kind, ids[i]);
            const json_t *row = own ? own : json_object_get(rows, key_of(ids[i]).text);
            if (arc_qd_live(row))
                st = visit(arg, ids[i], row, err);
        }
        json_decref(rows);
    }
    return st;
}
