/* gallery/exchange: people who are imported, and what belongs to them. It is checked as if the application had said it: names,
 * notes, numbers, embeddings, crops. */
#include "gallery/exchange/import.h"
#include <math.h>
#include <string.h>

#define SAME_COSINE 0.999999 /* between embeddings of the same picture, rounded more than once */

/* ---- people ---- */

static arc_status add_vector(arc_importing *m, const float *unit, arc_error *err) {
    const size_t dim = (size_t)m->g->binding.dim;
    if (m->haves == m->have_room) {
        const size_t more = m->have_room ? 2 * m->have_room : 16;
        float *grown = arc_mem_grow(&m->g->ctx->alloc, m->have, m->have_room, more, dim * sizeof *grown);
        if (!grown)
            return arc_fail_nomem(err, m->path);
        m->have = grown;
        m->have_room = more;
    }
    memcpy(m->have + m->haves++ * dim, unit, dim * sizeof *unit);
    return ARC_OK;
}

/* By cosine: the bits may differ if it was under another key in between. */
static bool has(const arc_importing *m, const float *unit) {
    const size_t dim = (size_t)m->g->binding.dim;
    for (size_t i = 0; i < m->haves; i++) {
        double cosine = 0;
        for (size_t k = 0; k < dim; k++)
            cosine += (double)unit[k] * (double)m->have[i * dim + k];
        if (cosine > SAME_COSINE)
            return true;
    }
    return false;
}

static arc_status see_template(void *arg, const arc_template_row *row, arc_error *err) {
    arc_importing *m = arg;
    arc_template_record t;
    const arc_status st = arc_gallery_open_template(m->g, row, &t, err);
    return st == ARC_OK ? add_vector(m, t.embedding, err) : st;
}

static arc_status see_negative(void *arg, const arc_negative_row *row, arc_error *err) {
    arc_importing *m = arg;
    const float *unit;
    const arc_status st =
        arc_gallery_embedding(m->g, ARC_SEAL_NEGATIVE, row->id, row->embedding, &m->g->scratch.embedding, &unit, err);
    if (st != ARC_OK)
        return st;
    arc_gallery_plain(m->g, (float *)(void *)m->g->scratch.embedding.data);
    return add_vector(m, unit, err);
}

/* The person was there, or stands twice in the file. */
static arc_status merge_person(arc_importing *m, const char *name, arc_error *err) {
    arc_gallery *g = m->g;
    const arc_template_query q = {.identity = m->person, .generation = g->binding.generation, .parts = ARC_READ_EMBEDDING};
    arc_status st;
    if (!m->opt->merge)
        return arc_gallery_fail(
            g, err, ARC_EINVAL,
            "there is a person called \"%.200s\" already; --merge gives people who are there the templates that "
            "they lack. Nothing was taken over",
            name);
    m->merging = true;
    m->report.merged++;
    ARC_TRY(g->store->type->template_each(g->store, &q, see_template, m, err));
    st = g->store->type->negative_each(g->store, m->person, g->binding.generation, see_negative, m, err);
done:
    return st;
}

arc_status arc_import_person(arc_importing *m, const arc_exchange_item *item, arc_error *err) {
    arc_gallery *g = m->g;
    arc_identity in = {.name = json_string_value(json_object_get(item->about, "name"))};
    arc_identity_row row;
    arc_seal_lookup lookup;
    bool found;
    arc_status st;
    m->merging = false;
    m->haves = 0;
    if (!in.name)
        return arc_import_refuse(m, ARC_ECORRUPT, "one of the people has no name", err);
    ARC_TRY(arc_gallery_check_name(g, in.name, err));
    ARC_TRY(arc_import_number(m, item->about, "threshold", -1, 1, &in.threshold, err));
    ARC_TRY(arc_import_time(m, item->about, "created_ms", &in.created_ms, err));
    ARC_TRY(arc_import_time(m, item->about, "changed_ms", &in.changed_ms, err));
    ARC_TRY(arc_import_text(m, item->about, "note", &m->note, &in.note_json, err));
    ARC_TRY(arc_gallery_check_json(g, in.note_json, "a note", err));
    ARC_TRY(arc_gallery_find_within(g, in.name, &m->person, &found, err));
    if (found)
        return merge_person(m, in.name, err);
    ARC_TRY(g->store->type->reserve(g->store, ARC_IDS_IDENTITY, 1, &in.id, err));
    ARC_TRY(arc_gallery_close_identity(g, &in, &lookup, &row, err));
    ARC_TRY(g->store->type->identity_put(g->store, &row, err));
    m->person = in.id;
    m->report.people++;
done:
    return st;
}

/* ---- what belongs to them ---- */

/* An embedding that comes is the gallery's own kind, and of length 1 to the last bit or made so. *skip: the person has it. */
static arc_status check_vector(arc_importing *m, const arc_exchange_item *item, float unit[ARC_EXCHANGE_MAX_DIM], bool *skip,
                               arc_error *err) {
    *skip = false;
    if (m->person == 0)
        return arc_import_refuse(m, ARC_ECORRUPT, "a template is nobody's", err);
    if (item->dim != m->g->binding.dim)
        return arc_import_refuse(m, ARC_ECORRUPT, "an embedding is not as long as its model's", err);
    double sum = 0;
    for (int k = 0; k < item->dim; k++)
        sum += (double)item->embedding[k] * (double)item->embedding[k];
    if (!(fabs(sum - 1) < 1e-3))
        return arc_import_refuse(m, ARC_ECORRUPT, "an embedding's length is not 1", err);
    memcpy(unit, item->embedding, (size_t)item->dim * sizeof *unit);
    *skip = m->merging && has(m, unit);
    m->report.skipped += *skip;
    return ARC_OK;
}

arc_status arc_import_template(arc_importing *m, const arc_exchange_item *item, arc_error *err) {
    float unit[ARC_EXCHANGE_MAX_DIM];
    uint8_t sha[32];
    arc_template_in in = {.identity = m->person, .embedding = unit};
    double quality;
    int64_t id;
    bool skip, there;
    arc_status st;
    ARC_TRY(check_vector(m, item, unit, &skip, err));
    if (skip)
        return ARC_OK;
    ARC_TRY(arc_import_number(m, item->about, "quality", 0, 1, &quality, err));
    ARC_TRY(arc_import_time(m, item->about, "created_ms", &in.created_ms, err));
    ARC_TRY(arc_import_digest(m, item->about, sha, &there, err));
    in.quality = (float)quality;
    in.source_sha256 = there ? sha : NULL;
    if (m->opt->crops && item->crop.bytes > 0) {
        in.crop_file = item->crop.data;
        in.crop_file_bytes = item->crop.bytes;
    }
    ARC_TRY(arc_import_text(m, item->about, "detail", &m->detail, &in.detail_json, err));
    ARC_TRY(arc_gallery_put_templates(m->g, &in, 1, &id, err));
    m->report.templates++;
    m->report.crops += in.crop_file != NULL;
done:
    return st;
}

arc_status arc_import_negative(arc_importing *m, const arc_exchange_item *item, arc_error *err) {
    arc_gallery *g = m->g;
    float unit[ARC_EXCHANGE_MAX_DIM];
    arc_negative_row row = {.identity = m->person, .generation = g->binding.generation};
    bool skip;
    arc_status st;
    ARC_TRY(check_vector(m, item, unit, &skip, err));
    if (skip)
        return ARC_OK;
    ARC_TRY(arc_import_time(m, item->about, "created_ms", &row.created_ms, err));
    ARC_TRY(arc_gallery_unit(g, item->embedding, unit, "negative", m->report.negatives, err));
    ARC_TRY(g->store->type->reserve(g->store, ARC_IDS_NEGATIVE, 1, &row.id, err));
    const arc_seal_place place = {.column = ARC_SEAL_NEGATIVE, .row = row.id, .generation = row.generation};
    ARC_TRY(arc_seal_put(g->seal, place, (arc_bytes){unit, (size_t)item->dim * sizeof *unit}, &g->scratch.embedding,
                         &row.embedding, err));
    ARC_TRY(g->store->type->negative_put(g->store, &row, err));
    m->report.negatives++;
done:
    return st;
}
