/* gallery/exchange: items become people of a gallery, in one transaction. What is in the items is checked as if the application
 * had said it: names, notes, numbers. */
#include "gallery/exchange/exchange.h"
#include "gallery/gallery_internal.h"
#include <arcface/protect.h>
#include <math.h>
#include <sodium.h>
#include <string.h>

#define SAME_COSINE 0.999999 /* between embeddings of the same picture, rounded more than once */

typedef struct importing {
    arc_context *ctx;
    arc_gallery *g; /* NULL: what comes is only looked at */
    const char *path;
    const arc_gallery_exchange_options *opt;
    arc_exchange_source *source;
    arc_gallery_exchange_report report;
    int64_t person; /* whose templates come; 0: nobody's yet */
    bool merging;   /* the person was there: `have` are the person's embeddings */
    float *have;    /* [haves][dim] */
    size_t haves, have_room;
    int64_t total;
    arc_buffer note, detail, binding;
} importing;

static arc_status refuse(const importing *m, arc_status code, const char *what, arc_error *err) {
    return arc_fail(err, code, "%s: %s; nothing of it was taken over", m->path, what);
}

static int put_text(const char *text, size_t bytes, void *buffer) {
    return arc_buffer_put(buffer, text, bytes) == ARC_OK ? 0 : -1;
}

/* The object that stands under a key, as text in `buffer`; "" if there is none. */
static arc_status text_of(const importing *m, const json_t *about, const char *key, arc_buffer *buffer, const char **text,
                          arc_error *err) {
    const json_t *value = json_object_get(about, key);
    *text = "";
    buffer->bytes = 0;
    if (!value)
        return ARC_OK;
    if (!json_is_object(value))
        return refuse(m, ARC_EINVAL, "a note or detail is no JSON object", err);
    if (json_dump_callback(value, put_text, buffer, JSON_COMPACT) != 0 || arc_buffer_put(buffer, "", 1) != ARC_OK)
        return refuse(m, ARC_ELIMIT, "a note or detail is too long", err);
    *text = (const char *)buffer->data;
    return ARC_OK;
}

/* Of a number, or `none`. */
static double number_of(const json_t *about, const char *key, double none) {
    const json_t *value = json_object_get(about, key);
    return json_is_number(value) ? json_number_value(value) : none;
}

static int64_t time_of(const json_t *about, const char *key) {
    const json_int_t ms = json_integer_value(json_object_get(about, key));
    return ms > 0 ? (int64_t)ms : arc_clock_today_ms();
}

/* ---- the head ---- */

static arc_status other_model(const importing *m, const arc_binding *theirs, arc_error *err) {
    const arc_binding *ours = &m->g->binding;
    return arc_gallery_fail(
        m->g, err, ARC_EINVAL,
        "bound to the model %s (sha256 %.12s..., %d numbers), and %s is of %s (%.12s..., %d numbers): import it "
        "into a new gallery and move that with \"arcface gallery migrate\"",
        ours->model_name, ours->model_sha256, ours->dim, m->path, theirs->model_name, theirs->model_sha256, theirs->dim);
}

static arc_status check_version(const importing *m, const arc_exchange_item *head, arc_error *err) {
    const json_t *version = json_object_get(head->about, "arcface_gallery");
    if (!json_is_integer(version))
        return refuse(m, ARC_EFORMAT, "no exported gallery", err);
    if (json_integer_value(version) != 1)
        return refuse(m, ARC_EUNSUPPORTED, "exported by a later version of this program", err);
    return ARC_OK;
}

static arc_status take_head(importing *m, const arc_exchange_item *item, arc_error *err) {
    const json_t *binding = json_object_get(item->about, "binding");
    const arc_binding *ours = &m->g->binding;
    arc_binding theirs;
    const arc_status known = check_version(m, item, err);
    if (known != ARC_OK)
        return known;
    m->total = (int64_t)number_of(json_object_get(item->about, "counts"), "templates", 0);
    m->binding.bytes = 0;
    if (!json_is_object(binding) || json_dump_callback(binding, put_text, &m->binding, JSON_COMPACT) != 0 ||
        arc_binding_read((arc_bytes){m->binding.data, m->binding.bytes}, &theirs, NULL) != ARC_OK || theirs.dim < 1)
        return refuse(m, ARC_ECORRUPT, "its model is not readable", err);
    if (ours->dim > 0) {
        const bool same = ours->dim == theirs.dim && strcmp(ours->model_sha256, theirs.model_sha256) == 0 &&
                          (*ours->model_sha256 || strcmp(ours->model_name, theirs.model_name) == 0);
        return same ? ARC_OK : other_model(m, &theirs, err);
    }
    theirs.fusion = ours->fusion;
    theirs.sketch = ours->sketch;
    theirs.generation = ours->generation;
    const arc_status st = arc_gallery_put_binding(m->g, &theirs, err);
    if (st == ARC_OK)
        m->g->binding = theirs; /* a rollback reads it anew */
    return st;
}

/* ---- people ---- */

static arc_status add_vector(importing *m, const float *unit, arc_error *err) {
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
static bool has(const importing *m, const float *unit) {
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
    importing *m = arg;
    arc_template_record t;
    const arc_status st = arc_gallery_open_template(m->g, row, &t, err);
    return st == ARC_OK ? add_vector(m, t.embedding, err) : st;
}

static arc_status see_negative(void *arg, const arc_negative_row *row, arc_error *err) {
    importing *m = arg;
    const float *unit;
    const arc_status st =
        arc_gallery_embedding(m->g, ARC_SEAL_NEGATIVE, row->id, row->embedding, &m->g->scratch.embedding, &unit, err);
    if (st != ARC_OK)
        return st;
    arc_gallery_plain(m->g, (float *)(void *)m->g->scratch.embedding.data);
    return add_vector(m, unit, err);
}

/* The person was there, or stands twice in the file. */
static arc_status merge_person(importing *m, const char *name, arc_error *err) {
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

static arc_status take_person(importing *m, const arc_exchange_item *item, arc_error *err) {
    arc_gallery *g = m->g;
    arc_identity in = {.name = json_string_value(json_object_get(item->about, "name")),
                       .threshold = number_of(item->about, "threshold", (double)NAN),
                       .created_ms = time_of(item->about, "created_ms"),
                       .changed_ms = time_of(item->about, "changed_ms")};
    arc_identity_row row;
    arc_seal_lookup lookup;
    bool found;
    arc_status st;
    m->merging = false;
    m->haves = 0;
    if (!in.name)
        return refuse(m, ARC_ECORRUPT, "one of the people has no name", err);
    if (in.threshold < -1 || in.threshold > 1)
        return refuse(m, ARC_ECORRUPT, "a threshold is no cosine", err);
    ARC_TRY(arc_gallery_check_name(g, in.name, err));
    ARC_TRY(text_of(m, item->about, "note", &m->note, &in.note_json, err));
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
static arc_status check_vector(importing *m, const arc_exchange_item *item, float unit[ARC_EXCHANGE_MAX_DIM], bool *skip,
                               arc_error *err) {
    *skip = false;
    if (m->person == 0)
        return refuse(m, ARC_ECORRUPT, "a template is nobody's", err);
    if (item->dim != m->g->binding.dim)
        return refuse(m, ARC_ECORRUPT, "an embedding is not as long as its model's", err);
    double sum = 0;
    for (int k = 0; k < item->dim; k++)
        sum += (double)item->embedding[k] * (double)item->embedding[k];
    if (!(fabs(sum - 1) < 1e-3))
        return refuse(m, ARC_ECORRUPT, "an embedding's length is not 1", err);
    memcpy(unit, item->embedding, (size_t)item->dim * sizeof *unit);
    *skip = m->merging && has(m, unit);
    m->report.skipped += *skip;
    return ARC_OK;
}

static arc_status take_template(importing *m, const arc_exchange_item *item, arc_error *err) {
    float unit[ARC_EXCHANGE_MAX_DIM];
    uint8_t sha[32];
    const char *hex = json_string_value(json_object_get(item->about, "source_sha256"));
    arc_template_in in = {.identity = m->person,
                          .embedding = unit,
                          .quality = (float)number_of(item->about, "quality", (double)NAN),
                          .created_ms = time_of(item->about, "created_ms")};
    int64_t id;
    bool skip;
    arc_status st;
    ARC_TRY(check_vector(m, item, unit, &skip, err));
    if (skip)
        return ARC_OK;
    if (in.quality < 0 || in.quality > 1)
        return refuse(m, ARC_ECORRUPT, "a quality is not between 0 and 1", err);
    if (hex && strlen(hex) == 64 && sodium_hex2bin(sha, sizeof sha, hex, 64, NULL, NULL, NULL) == 0)
        in.source_sha256 = sha;
    if (m->opt->crops && item->crop.bytes > 0) {
        in.crop_file = item->crop.data;
        in.crop_file_bytes = item->crop.bytes;
    }
    ARC_TRY(text_of(m, item->about, "detail", &m->detail, &in.detail_json, err));
    ARC_TRY(arc_gallery_put_templates(m->g, &in, 1, &id, err));
    m->report.templates++;
    m->report.crops += in.crop_file != NULL;
done:
    return st;
}

static arc_status take_negative(importing *m, const arc_exchange_item *item, arc_error *err) {
    arc_gallery *g = m->g;
    float unit[ARC_EXCHANGE_MAX_DIM];
    arc_negative_row row = {
        .identity = m->person, .generation = g->binding.generation, .created_ms = time_of(item->about, "created_ms")};
    bool skip;
    arc_status st;
    ARC_TRY(check_vector(m, item, unit, &skip, err));
    if (skip)
        return ARC_OK;
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

static arc_status take(importing *m, const arc_exchange_item *item, arc_error *err) {
    switch (item->kind) {
    case ARC_EXCHANGE_HEAD:
        return take_head(m, item, err);
    case ARC_EXCHANGE_PERSON:
        return take_person(m, item, err);
    case ARC_EXCHANGE_TEMPLATE:
        return take_template(m, item, err);
    case ARC_EXCHANGE_NEGATIVE:
        return take_negative(m, item, err);
    case ARC_EXCHANGE_END:
        break;
    }
    return ARC_OK;
}

static arc_status import_within(importing *m, arc_error *err) {
    arc_exchange_item item;
    arc_status st;
    for (int64_t items = 0;; items++) {
        ARC_TRY(m->source->next(m->source, &item, err));
        if (item.kind == ARC_EXCHANGE_END)
            break;
        ARC_TRY(take(m, &item, err));
        if (m->opt->progress && items % 256 == 0 &&
            m->opt->progress(m->opt->progress_ctx, "import", m->report.templates + m->report.skipped, m->total) != 0)
            ARC_TRY(arc_fail(err, ARC_ECANCEL, "cancelled; nothing was taken over"));
    }
    st = arc_gallery_note(m->g, "import", "gallery", err,
                          "{\"people\":%lld,\"merged\":%lld,\"templates\":%lld,\"negatives\":%lld}", (long long)m->report.people,
                          (long long)m->report.merged, (long long)m->report.templates, (long long)m->report.negatives);
done:
    return st;
}

/* By what lies there: a folder is plain, a file sealed. */
static arc_status open_source(importing *m, arc_error *err) {
    uint8_t key[ARC_PROTECT_KEY_BYTES];
    arc_path_kind kind;
    arc_path_id id;
    arc_status st;
    ARC_TRY(arc_path_look(m->path, &kind, &id, err));
    if (kind == ARC_PATH_DIR)
        return arc_exchange_folder_read(m->ctx, m->path, &m->source, err);
    if (!m->opt->key)
        return arc_fail(err, ARC_EINVAL, "%s: a file is sealed; give the key that it was exported with", m->path);
    st = arc_protect_key(m->opt->key, key, NULL, err);
    if (st == ARC_OK)
        st = arc_exchange_sealed_read(m->ctx, m->path, key, &m->source, err);
    sodium_memzero(key, sizeof key);
done:
    return st;
}

arc_status arc_gallery_import(arc_gallery *g, const char *path, const arc_gallery_exchange_options *opt,
                              arc_gallery_exchange_report *report, arc_error *err) {
    arc_gallery_exchange_options defaults;
    importing m = {.g = g, .path = path};
    arc_status st = ARC_CHECK_OPTIONS(arc_gallery_exchange_options, opt, err);
    if (report)
        *report = m.report;
    if (st != ARC_OK)
        return st;
    m.ctx = g->ctx;
    const arc_alloc *const alloc = &g->ctx->alloc;
    arc_gallery_exchange_options_default(&defaults);
    m.opt = opt ? opt : &defaults;
    arc_buffer_init(&m.note, alloc, ARC_GALLERY_NOTE_BYTES + 1);
    arc_buffer_init(&m.detail, alloc, ARC_GALLERY_NOTE_BYTES + 1);
    arc_buffer_init(&m.binding, alloc, ARC_BINDING_MAX_BYTES);
    ARC_TRY(open_source(&m, err));
    ARC_TRY(arc_gallery_enter(g, true, err));
    st = arc_gallery_leave(g, import_within(&m, err), err);
    if (st == ARC_OK && report)
        *report = m.report;
done:
    if (m.source)
        m.source->close(m.source);
    arc_mem_free(alloc, m.have);
    arc_buffer_free(&m.note);
    arc_buffer_free(&m.detail);
    arc_buffer_free(&m.binding);
    return st;
}

static arc_status look_through(importing *m, arc_error *err) {
    arc_exchange_item item;
    arc_status st;
    for (int64_t templates = 0;; templates += item.kind == ARC_EXCHANGE_TEMPLATE) {
        ARC_TRY(m->source->next(m->source, &item, err));
        if (item.kind == ARC_EXCHANGE_END)
            break;
        if (item.kind == ARC_EXCHANGE_HEAD)
            ARC_TRY(check_version(m, &item, err));
        if (m->opt->progress && templates % 256 == 0 && m->opt->progress(m->opt->progress_ctx, "check", templates, -1) != 0)
            ARC_TRY(arc_fail(err, ARC_ECANCEL, "cancelled; nothing was taken over"));
    }
done:
    return st;
}

arc_status arc_gallery_import_check(arc_context *ctx, const char *path, const arc_gallery_exchange_options *opt, arc_error *err) {
    arc_gallery_exchange_options defaults;
    importing m = {.ctx = ctx, .path = path};
    arc_status st = ARC_CHECK_OPTIONS(arc_gallery_exchange_options, opt, err);
    if (st != ARC_OK)
        return st;
    arc_gallery_exchange_options_default(&defaults);
    m.opt = opt ? opt : &defaults;
    st = open_source(&m, err);
    if (st == ARC_OK)
        st = look_through(&m, err);
    if (m.source)
        m.source->close(m.source);
    return st;
}
