/* gallery/store/qdrant: templates are stored, changed, moved and removed. Every change writes the whole row anew. */
#include "gallery/store/qdrant/qdrant_internal.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "embedding_" /* of the generation behind it */

static arc_status absent(const arc_qd *s, int64_t id, arc_error *err) {
    return arc_fail(err, ARC_ENOTFOUND, "%s: template %lld is not there", s->label, (long long)id);
}

/* The vector of its point is the embedding of the newest generation. */
static void note_newest(json_t *payload) {
    int64_t newest = 0;
    const char *key;
    json_t *value;
    json_object_foreach(payload, key, value) {
        if (strncmp(key, PREFIX, sizeof PREFIX - 1) == 0)
            newest = ARC_MAX(newest, (int64_t)strtoll(key + sizeof PREFIX - 1, NULL, 10));
    }
    arc_qd_set_int(payload, "newest", newest);
}

static arc_status set_embedding(json_t *payload, int generation, arc_bytes embedding, arc_error *err) {
    char key[32];
    snprintf(key, sizeof key, PREFIX "%d", generation);
    const arc_status st = arc_qd_set_bytes(payload, key, embedding, err);
    note_newest(payload);
    return st;
}

static arc_status set_rest(json_t *payload, const arc_template_row *row, arc_error *err) {
    arc_status st;
    ARC_TRY(arc_qd_set_bytes(payload, "crop", row->crop, err));
    ARC_TRY(arc_qd_set_bytes(payload, "source", row->source_sha256, err));
    st = arc_qd_set_bytes(payload, "detail", row->detail, err);
done:
    return st;
}

/* The first template says what size vectors have. A gallery whose embeddings are sealed, which its value "seal" shows, has none
 * that could be compared. */
static arc_status make_collection(arc_qd *s, const arc_template_row *first, arc_error *err) {
    arc_buffer ignored;
    bool sealed = false;
    arc_status st = ARC_OK;
    arc_buffer_init(&ignored, &s->ctx->alloc, ARC_QD_REPLY_BYTES);
    if (s->dim <= 0)
        ARC_TRY(arc_qd_look_dim(s, err));
    if (s->dim == 0) {
        const size_t dim = first->embedding.bytes / sizeof(float);
        ARC_TRY(arc_qd_meta_get(&s->base, "seal", &ignored, &sealed, err));
        ARC_TRY(arc_qd_collection_make(s, s->templates, sealed || dim > 65536 ? 0 : (int)dim, err));
        st = arc_qd_look_dim(s, err);
    }
done:
    arc_buffer_free(&ignored);
    return st;
}

static arc_status put_one(arc_qd *s, const arc_template_row *row, arc_error *err) {
    json_t *payload = json_object();
    arc_status st;
    arc_qd_set_int(payload, "identity", row->identity);
    arc_qd_set_int(payload, "revision", s->head.number[ARC_QD_H_REVISION]);
    arc_qd_set_int(payload, "created_ms", row->created_ms);
    if (isfinite(row->quality))
        json_object_set_new(payload, "quality", json_real((double)row->quality));
    ARC_TRY(set_embedding(payload, row->generation, row->embedding, err));
    ARC_TRY(set_rest(payload, row, err));
    return arc_qd_put(s, ARC_QD_TEMPLATE, row->id, payload, NULL, err);
done:
    json_decref(payload);
    return st;
}

arc_status arc_qd_template_put(arc_gallery_store *store, const arc_template_row *rows, int64_t count, arc_error *err) {
    arc_qd *s = arc_qd_of(store);
    int64_t *owners = arc_mem_raw(&s->ctx->alloc, (size_t)count + 1, sizeof *owners);
    arc_status st = owners ? ARC_OK : arc_fail_nomem(err, "templates");
    for (int64_t i = 0; i < count && owners; i++)
        owners[i] = rows[i].identity;
    if (st == ARC_OK && count > 0) {
        ARC_TRY(make_collection(s, rows, err));
        ARC_TRY(arc_qd_prefetch(s, ARC_QD_IDENTITY, owners, count, err));
        arc_qd_revise(s);
    }
    for (int64_t at = 0, n; at < count && st == ARC_OK; at += n) {
        for (n = 1; at + n < count && owners[at + n] == owners[at];)
            n++;
        ARC_TRY(arc_qd_count_templates(s, owners[at], n, err));
        for (int64_t i = at; i < at + n; i++)
            ARC_TRY(put_one(s, &rows[i], err));
    }
done:
    arc_mem_free(&s->ctx->alloc, owners);
    return st;
}

/* ---- changing ---- */

/* A copy of the row to be changed; both are to be released. */
static arc_status open_row(arc_qd *s, int64_t id, json_t **old, json_t **payload, arc_error *err) {
    *payload = NULL;
    arc_status st = arc_qd_get(s, ARC_QD_TEMPLATE, id, old, err);
    if (st == ARC_OK && !*old)
        st = absent(s, id, err);
    if (st == ARC_OK)
        *payload = json_copy(*old);
    return st;
}

static arc_status prefetch_rows(arc_qd *s, const arc_template_row *rows, int64_t count, arc_error *err) {
    int64_t *ids = arc_mem_raw(&s->ctx->alloc, (size_t)count + 1, sizeof *ids);
    if (!ids)
        return arc_fail_nomem(err, "templates");
    for (int64_t i = 0; i < count; i++)
        ids[i] = rows[i].id;
    const arc_status st = arc_qd_prefetch(s, ARC_QD_TEMPLATE, ids, count, err);
    arc_mem_free(&s->ctx->alloc, ids);
    return st;
}

arc_status arc_qd_embedding_put(arc_gallery_store *store, const arc_template_row *rows, int64_t count, bool current,
                                arc_error *err) {
    arc_qd *s = arc_qd_of(store);
    arc_status st = prefetch_rows(s, rows, count, err);
    if (current && count > 0)
        arc_qd_revise(s);
    for (int64_t i = 0; i < count && st == ARC_OK; i++) {
        json_t *old, *payload;
        st = open_row(s, rows[i].id, &old, &payload, err);
        if (st == ARC_OK && current)
            arc_qd_set_int(payload, "revision", s->head.number[ARC_QD_H_REVISION]);
        if (st == ARC_OK)
            st = set_embedding(payload, rows[i].generation, rows[i].embedding, err);
        if (st == ARC_OK)
            st = arc_qd_put(s, ARC_QD_TEMPLATE, rows[i].id, json_incref(payload), old, err);
        json_decref(payload);
        json_decref(old);
    }
    return st;
}

arc_status arc_qd_template_rewrite(arc_gallery_store *store, const arc_template_row *rows, int64_t count, arc_error *err) {
    arc_qd *s = arc_qd_of(store);
    arc_status st = prefetch_rows(s, rows, count, err);
    for (int64_t i = 0; i < count && st == ARC_OK; i++) {
        json_t *old, *payload;
        st = open_row(s, rows[i].id, &old, &payload, err);
        if (st == ARC_OK)
            st = set_rest(payload, &rows[i], err);
        if (st == ARC_OK)
            st = arc_qd_put(s, ARC_QD_TEMPLATE, rows[i].id, json_incref(payload), old, err);
        json_decref(payload);
        json_decref(old);
    }
    return st;
}

static arc_status drop_one(arc_qd *s, int64_t id, const char *key, arc_error *err) {
    json_t *old, *payload;
    arc_status st = open_row(s, id, &old, &payload, err);
    if (st == ARC_OK) {
        json_object_del(payload, key);
        note_newest(payload);
        st = arc_qd_put(s, ARC_QD_TEMPLATE, id, json_incref(payload), old, err);
    }
    json_decref(payload);
    json_decref(old);
    return st;
}

arc_status arc_qd_generation_drop(arc_gallery_store *store, int generation, int64_t most, bool *left, arc_error *err) {
    arc_qd *s = arc_qd_of(store);
    char key[32];
    const arc_qd_filter templates = {.kind = ARC_QD_TEMPLATE, .has = key};
    const arc_qd_filter negatives = {.kind = ARC_QD_NEGATIVE, .generation = generation};
    int64_t *ids = NULL, dropped, ruled_out;
    arc_status st;
    *left = true;
    snprintf(key, sizeof key, PREFIX "%d", generation);
    ARC_TRY(arc_qd_ids_of(s, &templates, most, &ids, &dropped, err));
    ARC_TRY(arc_qd_prefetch(s, ARC_QD_TEMPLATE, ids, dropped, err));
    for (int64_t i = 0; i < dropped; i++)
        ARC_TRY(drop_one(s, ids[i], key, err));
    arc_mem_free(&s->ctx->alloc, ids);
    ids = NULL;
    ARC_TRY(arc_qd_ids_of(s, &negatives, most, &ids, &ruled_out, err));
    for (int64_t i = 0; i < ruled_out; i++)
        ARC_TRY(arc_qd_negative_remove(store, ids[i], err));
    *left = dropped == most || ruled_out == most;
done:
    arc_mem_free(&s->ctx->alloc, ids);
    return st;
}

/* ---- removing and moving ---- */

arc_status arc_qd_template_remove(arc_gallery_store *store, const int64_t *ids, int64_t count, arc_error *err) {
    arc_qd *s = arc_qd_of(store);
    arc_status st = arc_qd_prefetch(s, ARC_QD_TEMPLATE, ids, count, err);
    for (int64_t i = 0; i < count && st == ARC_OK; i++) {
        json_t *old = NULL;
        st = arc_qd_get(s, ARC_QD_TEMPLATE, ids[i], &old, err);
        if (st == ARC_OK && !old)
            st = absent(s, ids[i], err);
        if (st == ARC_OK)
            st = arc_qd_count_templates(s, json_integer_value(json_object_get(old, "identity")), -1, err);
        if (st == ARC_OK)
            st = arc_qd_put(s, ARC_QD_TEMPLATE, ids[i], NULL, old, err);
        json_decref(old);
    }
    return st;
}

/* Rows of a kind get another owner. */
static arc_status move_rows(arc_qd *s, arc_qd_kind kind, int64_t from, int64_t to, int64_t *count, arc_error *err) {
    const arc_qd_filter f = {.kind = kind, .identity = from};
    int64_t *ids = NULL;
    arc_status st;
    ARC_TRY(arc_qd_ids_of(s, &f, INT64_MAX, &ids, count, err));
    ARC_TRY(arc_qd_prefetch(s, kind, ids, *count, err));
    for (int64_t i = 0; i < *count; i++) {
        json_t *old;
        ARC_TRY(arc_qd_get(s, kind, ids[i], &old, err));
        json_t *payload = json_copy(old);
        arc_qd_set_int(payload, "identity", to);
        if (kind == ARC_QD_TEMPLATE)
            arc_qd_set_int(payload, "revision", s->head.number[ARC_QD_H_REVISION]);
        st = arc_qd_put(s, kind, ids[i], payload, old, err);
        json_decref(old);
        if (st != ARC_OK)
            goto done;
    }
done:
    arc_mem_free(&s->ctx->alloc, ids);
    return st;
}

arc_status arc_qd_template_move(arc_gallery_store *store, int64_t from_identity, int64_t to_identity, arc_error *err) {
    arc_qd *s = arc_qd_of(store);
    int64_t count = 0, negatives;
    arc_status st;
    ARC_TRY(arc_qd_count_templates(s, from_identity, 0, err)); /* both are there */
    ARC_TRY(arc_qd_count_templates(s, to_identity, 0, err));
    arc_qd_revise(s);
    ARC_TRY(move_rows(s, ARC_QD_TEMPLATE, from_identity, to_identity, &count, err));
    ARC_TRY(move_rows(s, ARC_QD_NEGATIVE, from_identity, to_identity, &negatives, err));
    ARC_TRY(arc_qd_count_templates(s, from_identity, -count, err));
    st = arc_qd_count_templates(s, to_identity, count, err);
done:
    return st;
}

arc_status arc_qd_identity_remove(arc_gallery_store *store, int64_t id, arc_error *err) {
    arc_qd *s = arc_qd_of(store);
    const arc_qd_filter templates = {.kind = ARC_QD_TEMPLATE, .identity = id};
    const arc_qd_filter negatives = {.kind = ARC_QD_NEGATIVE, .identity = id};
    int64_t *ids = NULL, count;
    json_t *old = NULL;
    arc_status st;
    ARC_TRY(arc_qd_count_templates(s, id, 0, err)); /* it is there */
    ARC_TRY(arc_qd_ids_of(s, &templates, INT64_MAX, &ids, &count, err));
    ARC_TRY(arc_qd_template_remove(store, ids, count, err));
    arc_mem_free(&s->ctx->alloc, ids);
    ids = NULL;
    ARC_TRY(arc_qd_ids_of(s, &negatives, INT64_MAX, &ids, &count, err));
    for (int64_t i = 0; i < count; i++)
        ARC_TRY(arc_qd_negative_remove(store, ids[i], err));
    ARC_TRY(arc_qd_get(s, ARC_QD_IDENTITY, id, &old, err));
    st = arc_qd_put(s, ARC_QD_IDENTITY, id, NULL, old, err);
done:
    json_decref(old);
    arc_mem_free(&s->ctx->alloc, ids);
    return st;
}
