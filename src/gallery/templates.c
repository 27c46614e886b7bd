/* gallery: templates are stored and read. */
#include "gallery/gallery_internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define BATCH 512 /* rows that are put at a time: their sealed values are in memory together */

/* Rows on their way into the store. The values of a batch lie in one buffer, which may move while it grows: rows have offsets
 * into it until it is complete. */
typedef struct storing {
    arc_gallery *g;
    const arc_template_in *in;
    int64_t *identity; /* [count] whose they are */
    int64_t first_id, now_ms;
    arc_template_row *row; /* [BATCH] */
    size_t (*at)[4];       /* [BATCH] offsets of embedding, crop, detail, source */
    float *unit;           /* [dim] */
    arc_buffer values;
} storing;

static arc_status put_value(storing *s, arc_bytes value, size_t *at) {
    static const uint8_t gap[sizeof(float)];
    const size_t odd = s->values.bytes % sizeof gap;
    arc_status st = odd ? arc_buffer_put(&s->values, gap, sizeof gap - odd) : ARC_OK;
    *at = s->values.bytes;
    return st == ARC_OK && value.bytes ? arc_buffer_put(&s->values, value.data, value.bytes) : st;
}

static arc_status seal_value(storing *s, arc_seal_place place, arc_bytes plain, arc_buffer *scratch, arc_bytes *out, size_t *at,
                             arc_error *err) {
    arc_bytes sealed = plain;
    arc_status st = ARC_OK;
    if (plain.bytes)
        st = arc_seal_put(s->g->seal, place, plain, scratch, &sealed, err);
    if (st != ARC_OK)
        return st;
    *out = sealed;
    st = put_value(s, sealed, at);
    return st == ARC_OK ? ARC_OK : arc_fail_nomem(err, "templates to be stored");
}

/* A crop's file can be embedded again some day. */
static arc_status check_crop(const storing *s, arc_bytes file, arc_error *err) {
    arc_image image = {0};
    arc_error why = {0};
    const arc_status st = arc_gallery_decode_crop(s->g, file, &image, &why);
    arc_image_free(s->g->ctx, &image);
    return st == ARC_OK ? ARC_OK : arc_gallery_fail(s->g, err, st, "what is given as a crop cannot be read: %s", why.text);
}

static arc_status crop_of(storing *s, const arc_template_in *in, uint8_t **made, arc_bytes *out, arc_error *err) {
    *out = (arc_bytes){.data = in->crop_file, .bytes = in->crop_file ? in->crop_file_bytes : 0};
    if (!s->g->keep_crops)
        *out = (arc_bytes){0};
    else if (in->crop) {
        const arc_status st = arc_image_encode(s->g->ctx, in->crop, ".png", made, &out->bytes, err);
        if (st != ARC_OK)
            return st;
        out->data = *made;
    }
    if (out->bytes > ARC_GALLERY_CROP_BYTES)
        return arc_gallery_fail(s->g, err, ARC_ELIMIT, "a crop of %lld bytes: too large", (long long)out->bytes);
    return out->bytes > 0 && !*made ? check_crop(s, *out, err) : ARC_OK;
}

static arc_status close_row(storing *s, int64_t index, int slot, arc_error *err) {
    const arc_gallery *g = s->g;
    const arc_template_in *in = &s->in[index];
    arc_template_row *row = &s->row[slot];
    arc_gallery_scratch *scratch = &s->g->scratch;
    arc_seal_lookup lookup;
    uint8_t *made = NULL;
    arc_bytes crop;
    const arc_bytes detail = {.data = in->detail_json, .bytes = in->detail_json ? strlen(in->detail_json) : 0};
    arc_status st;
    *row = (arc_template_row){.id = s->first_id + index,
                              .identity = s->identity[index],
                              .generation = g->binding.generation,
                              .quality = in->quality,
                              .created_ms = in->created_ms ? in->created_ms : s->now_ms};
    arc_seal_place place = {.column = ARC_SEAL_EMBEDDING, .row = row->id, .generation = row->generation};
    ARC_TRY(arc_gallery_unit(g, in->embedding, s->unit, "embedding", index, err));
    const arc_bytes unit = {.data = s->unit, .bytes = (size_t)g->binding.dim * sizeof *s->unit};
    ARC_TRY(seal_value(s, place, unit, &scratch->embedding, &row->embedding, &s->at[slot][0], err));
    place = (arc_seal_place){.column = ARC_SEAL_CROP, .row = row->id};
    ARC_TRY(crop_of(s, in, &made, &crop, err));
    ARC_TRY(seal_value(s, place, crop, &scratch->crop, &row->crop, &s->at[slot][1], err));
    place.column = ARC_SEAL_DETAIL;
    ARC_TRY(arc_gallery_check_json(g, in->detail_json, "a template's detail", err));
    ARC_TRY(seal_value(s, place, detail, &scratch->detail, &row->detail, &s->at[slot][2], err));
    if (in->source_sha256) {
        arc_seal_lookup_of(g->seal, ARC_SEAL_BY_SOURCE, (arc_bytes){.data = in->source_sha256, .bytes = 32}, &lookup);
        row->source_sha256 = lookup.key[0];
        if (put_value(s, lookup.key[0], &s->at[slot][3]) != ARC_OK)
            st = arc_fail_nomem(err, "templates to be stored");
    }
done:
    arc_image_bytes_free(g->ctx, &made);
    return st;
}

static void place_values(storing *s, int rows) {
    for (int i = 0; i < rows; i++) {
        arc_bytes *const value[] = {&s->row[i].embedding, &s->row[i].crop, &s->row[i].detail, &s->row[i].source_sha256};
        for (int k = 0; k < 4; k++)
            value[k]->data = value[k]->bytes ? s->values.data + s->at[i][k] : NULL;
    }
}

static arc_status store_all(storing *s, int64_t count, arc_error *err) {
    for (int64_t at = 0; at < count;) {
        int rows = 0;
        s->values.bytes = 0;
        /* A batch of large crops is stored in pieces. */
        while (rows < BATCH && at + rows < count && s->values.bytes < (size_t)32 << 20) {
            const arc_status st = close_row(s, at + rows, rows, err);
            if (st != ARC_OK)
                return st;
            rows++;
        }
        place_values(s, rows);
        const arc_status st = s->g->store->type->template_put(s->g->store, s->row, rows, err);
        if (st != ARC_OK)
            return st;
        at += rows;
    }
    return ARC_OK;
}

/* Whose template it is, who may be new. */
static arc_status resolve(storing *s, int64_t index, arc_error *err) {
    const arc_template_in *in = &s->in[index];
    bool found;
    arc_status st = ARC_OK;
    s->identity[index] = in->identity;
    if (in->identity != 0)
        return ARC_OK;
    if (!in->name)
        return arc_gallery_fail(s->g, err, ARC_EINVAL, "template %lld says neither identity nor name", (long long)index);
    ARC_TRY(arc_gallery_check_name(s->g, in->name, err));
    ARC_TRY(arc_gallery_find_within(s->g, in->name, &s->identity[index], &found, err));
    if (!found)
        st = arc_gallery_add_within(s->g, in->name, NULL, &s->identity[index], err);
done:
    return st;
}

static arc_status put_all(storing *s, int64_t count, arc_error *err) {
    arc_status st = ARC_OK;
    for (int64_t i = 0; i < count && st == ARC_OK; i++)
        st = resolve(s, i, err);
    if (st == ARC_OK)
        st = s->g->store->type->reserve(s->g->store, ARC_IDS_TEMPLATE, count, &s->first_id, err);
    return st == ARC_OK ? store_all(s, count, err) : st;
}

arc_status arc_gallery_put_templates(arc_gallery *g, const arc_template_in *in, int64_t count, int64_t *first, arc_error *err) {
    const arc_alloc *alloc = &g->ctx->alloc;
    storing s = {.g = g, .in = in, .now_ms = arc_clock_today_ms()};
    s.row = arc_mem_raw(alloc, BATCH, sizeof *s.row);
    s.at = arc_mem_raw(alloc, BATCH, sizeof *s.at);
    s.identity = arc_mem_raw(alloc, (size_t)count, sizeof *s.identity);
    s.unit = arc_mem_raw(alloc, (size_t)g->binding.dim, sizeof *s.unit);
    arc_buffer_init(&s.values, alloc, (size_t)64 << 20);
    const bool there = s.row && s.at && s.identity && s.unit;
    const arc_status st = there ? put_all(&s, count, err) : arc_fail_nomem(err, "templates to be stored");
    *first = st == ARC_OK ? s.first_id : 0;
    arc_mem_free(alloc, s.row);
    arc_mem_free(alloc, s.at);
    arc_mem_free(alloc, s.identity);
    arc_mem_free(alloc, s.unit);
    arc_buffer_free(&s.values);
    return st;
}

static arc_status note_templates(arc_gallery *g, const arc_template_in *in, int64_t count, int64_t first, arc_error *err) {
    char subject[48];
    bool one = true;
    int64_t identity = in[0].identity, id;
    bool found;
    arc_status st = ARC_OK;
    for (int64_t i = 1; i < count; i++)
        one &= in[i].identity == in[0].identity && (in[0].identity != 0 || strcmp(in[i].name, in[0].name) == 0);
    if (one && identity == 0) {
        st = arc_gallery_find_within(g, in[0].name, &id, &found, err);
        identity = id;
    }
    snprintf(subject, sizeof subject, one ? "identity %lld" : "several identities", (long long)identity);
    return st == ARC_OK ? arc_gallery_note(g, "enroll", subject, err, "{\"templates\":%lld,\"first\":%lld}", (long long)count,
                                           (long long)first)
                        : st;
}

arc_status arc_gallery_add(arc_gallery *g, const arc_template_in *templates, int64_t count, int64_t *ids, arc_error *err) {
    int64_t first = 0;
    if (count <= 0)
        return count == 0 ? ARC_OK : arc_gallery_fail(g, err, ARC_EINVAL, "%lld templates", (long long)count);
    arc_status st = arc_gallery_enter(g, true, err);
    if (st == ARC_OK) {
        st = arc_gallery_need_binding(g, err);
        if (st == ARC_OK)
            st = arc_gallery_put_templates(g, templates, count, &first, err);
        if (st == ARC_OK)
            st = note_templates(g, templates, count, first, err);
        st = arc_gallery_leave(g, st, err);
    }
    for (int64_t i = 0; i < count && ids; i++)
        ids[i] = st == ARC_OK ? first + i : 0;
    return st;
}

arc_status arc_gallery_find_source(arc_gallery *g, const uint8_t *source_sha256, int64_t *template_id, int64_t *identity,
                                   bool *found, arc_error *err) {
    arc_seal_lookup lookup;
    *template_id = *identity = 0;
    *found = false;
    arc_status st = arc_gallery_enter(g, false, err);
    if (st != ARC_OK)
        return st;
    arc_seal_lookup_of(g->seal, ARC_SEAL_BY_SOURCE, (arc_bytes){.data = source_sha256, .bytes = 32}, &lookup);
    for (int i = 0; i < lookup.keys && st == ARC_OK && !*found; i++)
        st = g->store->type->source_find(g->store, lookup.key[i], template_id, identity, found, err);
    return arc_gallery_leave(g, st, err);
}

typedef struct reading {
    arc_gallery *g;
    arc_template_fn *visit;
    void *arg;
    bool ended;
} reading;

arc_status arc_gallery_open_template(arc_gallery *g, const arc_template_row *row, arc_template_record *out, arc_error *err) {
    arc_bytes crop = {0};
    arc_status st;
    *out =
        (arc_template_record){.id = row->id, .identity = row->identity, .quality = row->quality, .created_ms = row->created_ms};
    if (row->embedding.bytes == 0)
        return arc_gallery_fail(g, err, ARC_ECORRUPT, "template %lld has no embedding of the bound model", (long long)row->id);
    ARC_TRY(arc_gallery_embedding(g, ARC_SEAL_EMBEDDING, row->id, row->embedding, &g->scratch.embedding, &out->embedding, err));
    arc_gallery_plain(g, (float *)(void *)g->scratch.embedding.data);
    ARC_TRY(arc_gallery_text(g, (arc_seal_place){.column = ARC_SEAL_DETAIL, .row = row->id}, row->detail, &g->scratch.detail,
                             &out->detail_json, err));
    if (row->crop.bytes)
        ARC_TRY(arc_seal_get(g->seal, (arc_seal_place){.column = ARC_SEAL_CROP, .row = row->id}, row->crop, &g->scratch.crop,
                             &crop, err));
    out->crop_file = crop.bytes ? crop.data : NULL;
    out->crop_file_bytes = crop.bytes;
    out->source_sha256 = row->source_sha256.bytes == 32 ? row->source_sha256.data : NULL;
done:
    return st;
}

static arc_status read_row(void *arg, const arc_template_row *row, arc_error *err) {
    reading *r = arg;
    arc_template_record record;
    const arc_status st = arc_gallery_open_template(r->g, row, &record, err);
    if (st != ARC_OK)
        return st;
    r->ended = r->visit(r->arg, &record) != 0;
    return r->ended ? ARC_ECANCEL : ARC_OK;
}

arc_status arc_gallery_templates(arc_gallery *g, int64_t identity, bool crops, arc_template_fn *visit, void *arg,
                                 arc_error *err) {
    reading r = {.g = g, .visit = visit, .arg = arg};
    arc_status st = arc_gallery_enter(g, false, err);
    if (st != ARC_OK)
        return st;
    const arc_template_query q = {.identity = identity,
                                  .generation = g->binding.generation,
                                  .parts = ARC_READ_EMBEDDING | ARC_READ_DETAIL | (crops ? ARC_READ_CROP : 0)};
    st = g->store->type->template_each(g->store, &q, read_row, &r, err);
    return arc_gallery_leave(g, r.ended ? ARC_OK : st, err);
}
