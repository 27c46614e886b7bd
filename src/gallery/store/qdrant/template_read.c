/* gallery/store/qdrant: templates are read. */
#include "gallery/store/qdrant/qdrant_internal.h"
#include <math.h>
#include <stdio.h>

/* ---- ids ---- */

typedef struct id_list {
    const arc_alloc *alloc;
    int64_t *id, count, room, most;
} id_list;

/* ECANCEL: there are as many as are wanted. */
static arc_status see_id(void *arg, int64_t id, const json_t *payload, arc_error *err) {
    id_list *l = arg;
    (void)payload;
    if (l->count == l->most)
        return ARC_ECANCEL;
    if (l->count == l->room) {
        const int64_t room = ARC_MAX(2 * l->room, 64);
        int64_t *grown = arc_mem_grow(l->alloc, l->id, (size_t)l->room, (size_t)room, sizeof *grown);
        if (!grown)
            return arc_fail_nomem(err, "ids of templates");
        l->id = grown;
        l->room = room;
    }
    l->id[l->count++] = id;
    return ARC_OK;
}

arc_status arc_qd_ids_of(arc_qd *s, const arc_qd_filter *f, int64_t most, int64_t **ids, int64_t *count, arc_error *err) {
    static const char *const none[] = {NULL};
    id_list l = {.alloc = &s->ctx->alloc, .most = most};
    arc_status st = arc_qd_each(s, f, none, see_id, &l, err);
    if (st == ARC_ECANCEL && l.count == most)
        st = ARC_OK;
    if (st != ARC_OK) {
        arc_mem_free(l.alloc, l.id);
        l.id = NULL;
        l.count = 0;
    }
    *ids = l.id;
    *count = l.count;
    return st;
}

/* ---- templates ---- */

typedef struct reading {
    arc_qd_decoder d;
    const arc_template_query *q;
    char embedding[32]; /* name of the field */
    arc_template_visit *visit;
    void *arg;
} reading;

static arc_status visit_row(void *arg, int64_t id, const json_t *payload, arc_error *err) {
    reading *r = arg;
    const arc_qd *s = r->d.s;
    const int parts = r->q->parts;
    const json_t *quality = json_object_get(payload, "quality");
    const double q = json_is_number(quality) ? json_number_value(quality) : (double)NAN;
    arc_template_row row = {.id = id, .generation = r->q->generation, .quality = q >= 0 && q <= 1 ? (float)q : NAN};
    arc_status st;
    ARC_TRY(arc_qd_get_int(s, payload, "identity", &row.identity, err));
    if (r->q->identity && row.identity != r->q->identity)
        return ARC_OK;
    ARC_TRY(arc_qd_get_int(s, payload, "revision", &row.revision, err));
    ARC_TRY(arc_qd_get_int(s, payload, "created_ms", &row.created_ms, err));
    ARC_TRY(arc_qd_decode(&r->d, payload, err));
    if (parts & ARC_READ_EMBEDDING)
        ARC_TRY(arc_qd_get_bytes(&r->d, r->embedding, &row.embedding, err));
    if (parts & ARC_READ_CROP)
        ARC_TRY(arc_qd_get_bytes(&r->d, "crop", &row.crop, err));
    if (parts & ARC_READ_DETAIL) {
        ARC_TRY(arc_qd_get_bytes(&r->d, "source", &row.source_sha256, err));
        ARC_TRY(arc_qd_get_bytes(&r->d, "detail", &row.detail, err));
    }
    st = r->visit(r->arg, &row, err);
done:
    return st;
}

arc_status arc_qd_template_each(arc_gallery_store *store, const arc_template_query *q, arc_template_visit *visit, void *arg,
                                arc_error *err) {
    arc_qd *s = arc_qd_of(store);
    const arc_qd_filter f = {.kind = ARC_QD_TEMPLATE, .after = q->after_id, .identity = q->identity};
    reading r = {.q = q, .visit = visit, .arg = arg};
    const char *fields[9] = {"identity", "revision", "created_ms", "quality"};
    int count = 4;
    snprintf(r.embedding, sizeof r.embedding, "embedding_%d", q->generation);
    if (q->parts & ARC_READ_EMBEDDING)
        fields[count++] = r.embedding;
    if (q->parts & ARC_READ_CROP)
        fields[count++] = "crop";
    if (q->parts & ARC_READ_DETAIL) {
        fields[count++] = "source";
        fields[count++] = "detail";
    }
    arc_qd_decoder_init(&r.d, s);
    const arc_status st = q->ids ? arc_qd_each_of(s, ARC_QD_TEMPLATE, q->ids, q->id_count, fields, visit_row, &r, err)
                                 : arc_qd_each(s, &f, fields, visit_row, &r, err);
    arc_qd_decoder_free(&r.d);
    return st;
}

arc_status arc_qd_source_find(arc_gallery_store *store, arc_bytes source_sha256, int64_t *id, int64_t *identity, bool *found,
                              arc_error *err) {
    arc_qd *s = arc_qd_of(store);
    json_t *as_put = json_object(), *row = NULL;
    int64_t *ids = NULL, count = 0;
    arc_status st;
    *id = *identity = 0;
    *found = false;
    ARC_TRY(arc_qd_set_bytes(as_put, "source", source_sha256, err));
    const arc_qd_filter f = {
        .kind = ARC_QD_TEMPLATE, .key = "source", .text = json_string_value(json_object_get(as_put, "source"))};
    if (!f.text)
        goto done;
    ARC_TRY(arc_qd_ids_of(s, &f, 1, &ids, &count, err));
    if (count == 0)
        goto done;
    ARC_TRY(arc_qd_get(s, ARC_QD_TEMPLATE, ids[0], &row, err));
    if (row)
        ARC_TRY(arc_qd_get_int(s, row, "identity", identity, err));
    *id = row ? ids[0] : 0;
    *found = row != NULL;
done:
    json_decref(row);
    json_decref(as_put);
    arc_mem_free(&s->ctx->alloc, ids);
    return st;
}
