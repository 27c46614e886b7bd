/* gallery/store/qdrant: what somebody ruled out, and the audit log. */
#include "gallery/store/qdrant/qdrant_internal.h"

arc_status arc_qd_negative_put(arc_gallery_store *store, const arc_negative_row *row, arc_error *err) {
    arc_qd *s = arc_qd_of(store);
    json_t *old = NULL, *payload = json_object();
    arc_status st;
    ARC_TRY(arc_qd_get(s, ARC_QD_NEGATIVE, row->id, &old, err));
    arc_qd_set_int(payload, "identity", row->identity);
    arc_qd_set_int(payload, "generation", row->generation);
    arc_qd_set_int(payload, "created_ms", row->created_ms);
    ARC_TRY(arc_qd_set_bytes(payload, "embedding", row->embedding, err));
    st = arc_qd_put(s, ARC_QD_NEGATIVE, row->id, payload, old, err);
    payload = NULL;
done:
    json_decref(payload);
    json_decref(old);
    return st;
}

typedef struct reading {
    arc_qd_decoder d;
    arc_negative_visit *negative;
    arc_audit_visit *line;
    void *arg;
} reading;

static arc_status visit_negative(void *arg, int64_t id, const json_t *payload, arc_error *err) {
    reading *r = arg;
    arc_negative_row row = {.id = id};
    int64_t generation;
    arc_status st;
    ARC_TRY(arc_qd_decode(&r->d, payload, err));
    ARC_TRY(arc_qd_get_int(r->d.s, payload, "identity", &row.identity, err));
    ARC_TRY(arc_qd_get_int(r->d.s, payload, "generation", &generation, err));
    ARC_TRY(arc_qd_get_int(r->d.s, payload, "created_ms", &row.created_ms, err));
    ARC_TRY(arc_qd_get_bytes(&r->d, "embedding", &row.embedding, err));
    row.generation = (int)generation;
    st = r->negative(r->arg, &row, err);
done:
    return st;
}

arc_status arc_qd_negative_each(arc_gallery_store *store, int64_t identity, int generation, arc_negative_visit *visit, void *arg,
                                arc_error *err) {
    arc_qd *s = arc_qd_of(store);
    const arc_qd_filter f = {.kind = ARC_QD_NEGATIVE, .identity = identity, .generation = generation};
    reading r = {.negative = visit, .arg = arg};
    arc_qd_decoder_init(&r.d, s);
    const arc_status st = arc_qd_each(s, &f, NULL, visit_negative, &r, err);
    arc_qd_decoder_free(&r.d);
    return st;
}

arc_status arc_qd_negative_remove(arc_gallery_store *store, int64_t id, arc_error *err) {
    arc_qd *s = arc_qd_of(store);
    json_t *old = NULL;
    arc_status st = arc_qd_get(s, ARC_QD_NEGATIVE, id, &old, err);
    if (st == ARC_OK)
        st = old ? arc_qd_put(s, ARC_QD_NEGATIVE, id, NULL, old, err)
                 : arc_fail(err, ARC_ENOTFOUND, "%s: there is no negative %lld", s->label, (long long)id);
    json_decref(old);
    return st;
}

arc_status arc_qd_audit_put(arc_gallery_store *store, const arc_audit_row *row, arc_error *err) {
    arc_qd *s = arc_qd_of(store);
    json_t *payload = json_object();
    arc_status st;
    arc_qd_set_int(payload, "when_ms", row->when_ms);
    ARC_TRY(arc_qd_set_bytes(payload, "actor", row->actor, err));
    ARC_TRY(arc_qd_set_bytes(payload, "action", row->action, err));
    ARC_TRY(arc_qd_set_bytes(payload, "subject", row->subject, err));
    ARC_TRY(arc_qd_set_bytes(payload, "detail", row->detail, err));
    return arc_qd_put(s, ARC_QD_AUDIT, s->head.number[ARC_QD_H_NEXT_AUDIT]++, payload, NULL, err);
done:
    json_decref(payload);
    return st;
}

static arc_status visit_line(void *arg, int64_t id, const json_t *payload, arc_error *err) {
    reading *r = arg;
    arc_audit_row row = {.id = id};
    arc_status st;
    ARC_TRY(arc_qd_decode(&r->d, payload, err));
    ARC_TRY(arc_qd_get_int(r->d.s, payload, "when_ms", &row.when_ms, err));
    ARC_TRY(arc_qd_get_bytes(&r->d, "actor", &row.actor, err));
    ARC_TRY(arc_qd_get_bytes(&r->d, "action", &row.action, err));
    ARC_TRY(arc_qd_get_bytes(&r->d, "subject", &row.subject, err));
    ARC_TRY(arc_qd_get_bytes(&r->d, "detail", &row.detail, err));
    st = r->line(r->arg, &row, err);
done:
    return st;
}

arc_status arc_qd_audit_each(arc_gallery_store *store, int64_t after_id, arc_audit_visit *visit, void *arg, arc_error *err) {
    static const char *const fields[] = {"when_ms", "actor", "action", "subject", "detail", NULL};
    arc_qd *s = arc_qd_of(store);
    const arc_qd_filter f = {.kind = ARC_QD_AUDIT, .after = after_id};
    reading r = {.line = visit, .arg = arg};
    arc_qd_decoder_init(&r.d, s);
    const arc_status st = arc_qd_each(s, &f, fields, visit_line, &r, err);
    arc_qd_decoder_free(&r.d);
    return st;
}
