/* gallery/store/qdrant: payloads. Bytes are base64, numbers integers; what another program put into a point is refused. */
#include "gallery/store/qdrant/qdrant_internal.h"
#include <sodium.h>
#include <string.h>

static const char *const names[ARC_QD_KINDS] = {"gallery",  "value", "commit",  "identity",
                                                "negative", "audit", "journal", "template"};

const char *arc_qd_kind_name(arc_qd_kind kind) {
    return names[kind];
}

const char *arc_qd_collection(const arc_qd *s, arc_qd_kind kind) {
    return kind == ARC_QD_TEMPLATE ? s->templates : s->people;
}

int64_t arc_qd_point_id(arc_qd_kind kind, int64_t id) {
    return kind == ARC_QD_TEMPLATE ? id : id * 8 + (int64_t)kind;
}

static bool is_text(const json_t *payload, const char *key, const char *text) {
    const char *value = json_string_value(json_object_get(payload, key));
    return value && strcmp(value, text) == 0;
}

bool arc_qd_live(const json_t *payload) {
    return payload && !json_is_null(payload) && !is_text(payload, "kind", "removed");
}

/* ---- fields ---- */

arc_status arc_qd_set_bytes(json_t *payload, const char *key, arc_bytes value, arc_error *err) {
    if (value.bytes == 0) {
        json_object_del(payload, key);
        return ARC_OK;
    }
    const size_t room = sodium_base64_encoded_len(value.bytes, sodium_base64_VARIANT_ORIGINAL);
    char *text = arc_mem_raw(&arc_alloc_libc, room, 1);
    if (!text)
        return arc_fail_nomem(err, "a request to Qdrant");
    sodium_bin2base64(text, room, value.data, value.bytes, sodium_base64_VARIANT_ORIGINAL);
    const int failed = json_object_set_new(payload, key, json_stringn_nocheck(text, room - 1));
    arc_mem_free(&arc_alloc_libc, text);
    return failed ? arc_fail_nomem(err, "a request to Qdrant") : ARC_OK;
}

void arc_qd_set_int(json_t *payload, const char *key, int64_t value) {
    json_object_set_new(payload, key, json_integer(value));
}

arc_status arc_qd_get_int(const arc_qd *s, const json_t *payload, const char *key, int64_t *out, arc_error *err) {
    const json_t *value = json_object_get(payload, key);
    *out = json_integer_value(value);
    if (json_is_integer(value) && *out >= 0 && *out <= ARC_QD_MOST)
        return ARC_OK;
    *out = 0;
    return arc_fail(err, ARC_ECORRUPT, "%s: a point's \"%s\" is no number that this program wrote", s->label, key);
}

void arc_qd_decoder_init(arc_qd_decoder *d, const arc_qd *s) {
    *d = (arc_qd_decoder){.s = s};
    arc_buffer_init(&d->room, &s->ctx->alloc, ARC_QD_REPLY_BYTES);
}

void arc_qd_decoder_free(arc_qd_decoder *d) {
    arc_buffer_free(&d->room);
}

/* All of it has room before the first field is decoded: the fields lie there together. */
arc_status arc_qd_decode(arc_qd_decoder *d, const json_t *payload, arc_error *err) {
    size_t bytes = 1;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)payload, key, value) {
        bytes += json_string_length(value);
    }
    d->payload = payload;
    d->room.bytes = 0;
    return arc_buffer_extend(&d->room, bytes, &d->at) == ARC_OK ? ARC_OK : arc_fail_nomem(err, "a reply of Qdrant");
}

arc_status arc_qd_get_bytes(arc_qd_decoder *d, const char *key, arc_bytes *out, arc_error *err) {
    const json_t *value = json_object_get(d->payload, key);
    size_t bytes = 0;
    *out = (arc_bytes){0};
    if (!value)
        return ARC_OK;
    const size_t left = d->room.bytes - (size_t)(d->at - d->room.data);
    if (!json_is_string(value) || sodium_base642bin(d->at, left, json_string_value(value), json_string_length(value), NULL,
                                                    &bytes, NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
        return arc_fail(err, ARC_ECORRUPT, "%s: a point's \"%s\" is not what this program wrote", d->s->label, key);
    *out = (arc_bytes){d->at, bytes};
    d->at += bytes;
    return ARC_OK;
}

static int put_text(const char *data, size_t bytes, void *arg) {
    return arc_buffer_put(arg, data, bytes) == ARC_OK ? 0 : -1;
}

arc_status arc_qd_put_json(arc_buffer *out, const json_t *json, arc_error *err) {
    return json && json_dump_callback(json, put_text, out, JSON_COMPACT | JSON_REAL_PRECISION(9)) == 0
               ? ARC_OK
               : arc_fail_nomem(err, "a request to Qdrant");
}

/* ---- filters: asked of the server, and of rows that are not there yet ---- */

json_t *arc_qd_filter_json(const arc_qd_filter *f) {
    json_t *must = json_array();
    if (!f->all)
        json_array_append_new(must, json_pack("{s:s, s:{s:s}}", "key", "kind", "match", "value", names[f->kind]));
    if (f->identity)
        json_array_append_new(must, json_pack("{s:s, s:{s:I}}", "key", "identity", "match", "value", (json_int_t)f->identity));
    if (f->generation)
        json_array_append_new(must,
                              json_pack("{s:s, s:{s:I}}", "key", "generation", "match", "value", (json_int_t)f->generation));
    if (f->all)
        json_array_append_new(must, json_pack("{s:s, s:{s:I}}", "key", "revision", "range", "gt", (json_int_t)f->newer));
    if (f->key)
        json_array_append_new(must, json_pack("{s:s, s:{s:s}}", "key", f->key, "match", "value", f->text));
    if (f->has) {
        json_t *without = json_pack("[{s:{s:s}}]", "is_empty", "key", f->has);
        return json_pack("{s:o, s:o}", "must", must, "must_not", without);
    }
    return json_pack("{s:o}", "must", must);
}

bool arc_qd_filter_match(const arc_qd_filter *f, int64_t id, const json_t *payload) {
    return id > f->after && (f->all || is_text(payload, "kind", names[f->kind])) &&
           (!f->identity || json_integer_value(json_object_get(payload, "identity")) == f->identity) &&
           (!f->generation || json_integer_value(json_object_get(payload, "generation")) == f->generation) &&
           (!f->all || json_integer_value(json_object_get(payload, "revision")) > f->newer) &&
           (!f->key || is_text(payload, f->key, f->text)) && (!f->has || json_object_get(payload, f->has));
}
