/* gallery/exchange: an exported gallery is read into another one, in one transaction. */
#include "gallery/exchange/import.h"
#include "model/model.h"
#include <arcface/protect.h>
#include <sodium.h>
#include <string.h>

static arc_status other_model(const arc_importing *m, const arc_binding *theirs, arc_error *err) {
    const arc_binding *ours = &m->g->binding;
    return arc_gallery_fail(
        m->g, err, ARC_EINVAL,
        "bound to the model %s (sha256 %.12s..., %d numbers), and %s is of %s (%.12s..., %d numbers): import it "
        "into a new gallery and move that with \"arcface gallery migrate\"",
        ours->model_name, ours->model_sha256, ours->dim, m->path, theirs->model_name, theirs->model_sha256, theirs->dim);
}

static arc_status check_version(const arc_importing *m, const arc_exchange_item *head, arc_error *err) {
    const json_t *version = json_object_get(head->about, "arcface_gallery");
    if (!json_is_integer(version))
        return arc_import_refuse(m, ARC_EFORMAT, "no exported gallery", err);
    if (json_integer_value(version) != 1)
        return arc_import_refuse(m, ARC_EUNSUPPORTED, "exported by a later version of this program", err);
    return ARC_OK;
}

static bool is_plain_text(const char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
    return true;
}

static bool is_digest(const char *hex) {
    return strlen(hex) == 64 && strspn(hex, "0123456789abcdef") == 64;
}

/* What it is bound to, as far as it can be true. Its own settings, and whatever key rotated its templates, do not come along:
 * exported templates are plain. */
static arc_status read_binding(arc_importing *m, const arc_exchange_item *item, arc_binding *theirs, arc_error *err) {
    const json_t *binding = json_object_get(item->about, "binding");
    const arc_binding *ours = &m->g->binding;
    arc_template align;
    m->binding.bytes = 0;
    arc_status st = json_is_object(binding) ? arc_exchange_put_json(binding, &m->binding) : ARC_ECORRUPT;
    if (st == ARC_OK)
        st = arc_binding_read((arc_bytes){m->binding.data, m->binding.bytes}, theirs, NULL);
    if (st == ARC_ENOMEM)
        return arc_fail_nomem(err, m->path);
    if (st != ARC_OK || theirs->dim < 1 || !(theirs->rule.threshold >= -1 && theirs->rule.threshold <= 1) ||
        !is_plain_text(theirs->model_name) || (*theirs->model_sha256 && !is_digest(theirs->model_sha256)) ||
        (*theirs->align && !arc_template_parse(theirs->align, &align)))
        return arc_import_refuse(m, ARC_ECORRUPT, "its model is not readable", err);
    theirs->fusion = ours->fusion;
    theirs->sketch = ours->sketch;
    theirs->generation = ours->generation;
    memcpy(theirs->protection, ours->protection, sizeof theirs->protection);
    return ARC_OK;
}

static arc_status take_head(arc_importing *m, const arc_exchange_item *item, arc_error *err) {
    const arc_binding *ours = &m->g->binding;
    arc_binding theirs;
    arc_status st;
    ARC_TRY(check_version(m, item, err));
    m->total = ARC_MAX((json_int_t)0, json_integer_value(json_object_get(json_object_get(item->about, "counts"), "templates")));
    ARC_TRY(read_binding(m, item, &theirs, err));
    if (ours->dim > 0) {
        const bool same = ours->dim == theirs.dim && strcmp(ours->model_sha256, theirs.model_sha256) == 0 &&
                          (*ours->model_sha256 || strcmp(ours->model_name, theirs.model_name) == 0);
        return same ? ARC_OK : other_model(m, &theirs, err);
    }
    ARC_TRY(arc_gallery_put_binding(m->g, &theirs, err));
    m->g->binding = theirs; /* a rollback reads it anew */
    st = arc_gallery_protection_follow(m->g, err);
done:
    return st;
}

static arc_status take(arc_importing *m, const arc_exchange_item *item, arc_error *err) {
    switch (item->kind) {
    case ARC_EXCHANGE_HEAD:
        return take_head(m, item, err);
    case ARC_EXCHANGE_PERSON:
        return arc_import_person(m, item, err);
    case ARC_EXCHANGE_TEMPLATE:
        return arc_import_template(m, item, err);
    case ARC_EXCHANGE_NEGATIVE:
        return arc_import_negative(m, item, err);
    case ARC_EXCHANGE_END:
        break;
    }
    return ARC_OK;
}

static arc_status import_within(arc_importing *m, arc_error *err) {
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
static arc_status open_source(arc_importing *m, arc_error *err) {
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
    arc_importing m = {.g = g, .path = path};
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

static arc_status look_through(arc_importing *m, arc_error *err) {
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
    arc_importing m = {.ctx = ctx, .path = path};
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
