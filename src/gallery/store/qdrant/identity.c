/* gallery/store/qdrant: people. Names are looked up by their digest, as Qdrant indexes no text of 10 kB. */
#include "base/digest.h"
#include "gallery/store/qdrant/qdrant_internal.h"
#include <math.h>
#include <string.h>

static void digest_of(arc_bytes name_key, char hex[ARC_DIGEST_HEX_BYTES]) {
    arc_digest d;
    arc_digest_begin(&d);
    arc_digest_add(&d, name_key.data, name_key.bytes);
    arc_digest_end(&d, hex);
}

static arc_status nobody(const arc_qd *s, int64_t id, arc_error *err) {
    return arc_fail(err, ARC_ENOTFOUND, "%s: there is no identity %lld", s->label, (long long)id);
}

/* Writes what both put and update write. */
static arc_status fill(json_t *payload, const arc_identity_row *row, arc_error *err) {
    char hex[ARC_DIGEST_HEX_BYTES];
    const arc_bytes threshold = {isnan(row->threshold) ? NULL : &row->threshold,
                                 isnan(row->threshold) ? 0 : sizeof row->threshold};
    arc_status st;
    digest_of(row->name_key, hex);
    if (!payload || json_object_set_new(payload, "name_sha", json_string(hex)) != 0)
        return arc_fail_nomem(err, "an identity");
    arc_qd_set_int(payload, "changed_ms", row->changed_ms);
    ARC_TRY(arc_qd_set_bytes(payload, "name_key", row->name_key, err));
    ARC_TRY(arc_qd_set_bytes(payload, "name", row->name, err));
    ARC_TRY(arc_qd_set_bytes(payload, "note", row->note, err));
    st = arc_qd_set_bytes(payload, "threshold", threshold, err);
done:
    return st;
}

static arc_status check_name(arc_gallery_store *store, const arc_identity_row *row, arc_error *err) {
    int64_t id;
    bool found;
    const arc_status st = arc_qd_identity_find(store, row->name_key, &id, &found, err);
    return st == ARC_OK && found && id != row->id
               ? arc_fail(err, ARC_EINVAL, "%s: the name is taken by identity %lld", arc_qd_of(store)->label, (long long)id)
               : st;
}

arc_status arc_qd_identity_put(arc_gallery_store *store, const arc_identity_row *row, arc_error *err) {
    json_t *payload = json_object();
    arc_status st;
    ARC_TRY(check_name(store, row, err));
    ARC_TRY(fill(payload, row, err));
    arc_qd_set_int(payload, "created_ms", row->created_ms);
    arc_qd_set_int(payload, "templates", 0);
    return arc_qd_put(arc_qd_of(store), ARC_QD_IDENTITY, row->id, payload, NULL, err);
done:
    json_decref(payload);
    return st;
}

arc_status arc_qd_identity_update(arc_gallery_store *store, const arc_identity_row *row, arc_error *err) {
    arc_qd *s = arc_qd_of(store);
    json_t *old = NULL, *payload = NULL;
    arc_status st;
    ARC_TRY(arc_qd_get(s, ARC_QD_IDENTITY, row->id, &old, err));
    if (!old)
        return nobody(s, row->id, err);
    ARC_TRY(check_name(store, row, err));
    payload = json_copy(old);
    ARC_TRY(fill(payload, row, err));
    st = arc_qd_put(s, ARC_QD_IDENTITY, row->id, payload, old, err);
    payload = NULL;
done:
    json_decref(payload);
    json_decref(old);
    return st;
}

arc_status arc_qd_count_templates(arc_qd *s, int64_t identity, int64_t more, arc_error *err) {
    json_t *old = NULL, *payload = NULL;
    int64_t count;
    arc_status st;
    ARC_TRY(arc_qd_get(s, ARC_QD_IDENTITY, identity, &old, err));
    if (!old)
        return nobody(s, identity, err);
    ARC_TRY(arc_qd_get_int(s, old, "templates", &count, err));
    if (more) {
        payload = json_copy(old);
        arc_qd_set_int(payload, "templates", ARC_MAX(count + more, 0));
        st = arc_qd_put(s, ARC_QD_IDENTITY, identity, payload, old, err);
    }
done:
    json_decref(old);
    return st;
}

/* ---- reading ---- */

typedef struct reading {
    arc_qd_decoder d;
    arc_identity_visit *visit;
    void *arg;
} reading;

static arc_status visit_row(void *arg, int64_t id, const json_t *payload, arc_error *err) {
    reading *r = arg;
    const arc_qd *s = r->d.s;
    arc_identity_row row = {.id = id, .threshold = NAN};
    arc_bytes threshold;
    arc_status st;
    ARC_TRY(arc_qd_decode(&r->d, payload, err));
    ARC_TRY(arc_qd_get_int(s, payload, "templates", &row.templates, err));
    ARC_TRY(arc_qd_get_int(s, payload, "created_ms", &row.created_ms, err));
    ARC_TRY(arc_qd_get_int(s, payload, "changed_ms", &row.changed_ms, err));
    ARC_TRY(arc_qd_get_bytes(&r->d, "name_key", &row.name_key, err));
    ARC_TRY(arc_qd_get_bytes(&r->d, "name", &row.name, err));
    ARC_TRY(arc_qd_get_bytes(&r->d, "note", &row.note, err));
    ARC_TRY(arc_qd_get_bytes(&r->d, "threshold", &threshold, err));
    if (threshold.bytes == sizeof row.threshold)
        memcpy(&row.threshold, threshold.data, sizeof row.threshold);
    st = r->visit(r->arg, &row, err);
done:
    return st;
}

arc_status arc_qd_identity_get(arc_gallery_store *store, int64_t id, arc_identity_visit *visit, void *arg, arc_error *err) {
    arc_qd *s = arc_qd_of(store);
    reading r = {.visit = visit, .arg = arg};
    json_t *row = NULL;
    arc_status st;
    arc_qd_decoder_init(&r.d, s);
    ARC_TRY(arc_qd_get(s, ARC_QD_IDENTITY, id, &row, err));
    st = row ? visit_row(&r, id, row, err) : nobody(s, id, err);
done:
    json_decref(row);
    arc_qd_decoder_free(&r.d);
    return st;
}

arc_status arc_qd_identity_each(arc_gallery_store *store, int64_t after_id, arc_identity_visit *visit, void *arg,
                                arc_error *err) {
    arc_qd *s = arc_qd_of(store);
    static const char *const fields[] = {"templates", "created_ms", "changed_ms", "name_key", "name", "note", "threshold", NULL};
    const arc_qd_filter f = {.kind = ARC_QD_IDENTITY, .after = after_id};
    reading r = {.visit = visit, .arg = arg};
    arc_qd_decoder_init(&r.d, s);
    const arc_status st = arc_qd_each(s, &f, fields, visit_row, &r, err);
    arc_qd_decoder_free(&r.d);
    return st;
}

static arc_status see_id(void *arg, int64_t id, const json_t *payload, arc_error *err) {
    (void)payload, (void)err;
    if (*(int64_t *)arg == 0)
        *(int64_t *)arg = id;
    return ARC_OK;
}

arc_status arc_qd_identity_find(arc_gallery_store *store, arc_bytes name_key, int64_t *id, bool *found, arc_error *err) {
    static const char *const fields[] = {"name_sha", NULL};
    arc_qd *s = arc_qd_of(store);
    char hex[ARC_DIGEST_HEX_BYTES];
    const arc_qd_filter f = {.kind = ARC_QD_IDENTITY, .key = "name_sha", .text = hex};
    json_t *row = NULL;
    arc_status st = ARC_OK;
    digest_of(name_key, hex);
    *id = json_integer_value(json_object_get(s->names, hex)); /* of this transaction: a batch may bring thousands of new people */
    if (*id) {
        st = arc_qd_get(s, ARC_QD_IDENTITY, *id, &row, err);
        if (!row || !arc_qd_filter_match(&f, *id, row))
            *id = 0; /* renamed or removed since */
        json_decref(row);
    }
    if (st == ARC_OK && *id == 0)
        st = arc_qd_each(s, &f, fields, see_id, id, err);
    *found = st == ARC_OK && *id != 0;
    return st;
}
