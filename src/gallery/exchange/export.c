/* gallery/exchange: a gallery becomes items. The JSON of an item is
 *
 *     head      "arcface_gallery": 1, "binding": as the store keeps it, "counts"
 *     person    "name", "note", "threshold" (if it is the person's own), "created_ms", "changed_ms"
 *     template  "quality", "detail", "source_sha256" (hexadecimal), "created_ms"; each if it is known
 *     negative  "created_ms" */
#include "base/text.h"
#include "gallery/exchange/exchange.h"
#include "gallery/gallery_internal.h"
#include "gallery/json.h"
#include <arcface/protect.h>
#include <math.h>
#include <sodium.h>
#include <string.h>

void arc_gallery_exchange_options_default(arc_gallery_exchange_options *opt) {
    *opt = (arc_gallery_exchange_options){.struct_size = sizeof *opt, .crops = true};
}

typedef struct exporting {
    arc_gallery *g;
    const arc_gallery_exchange_options *opt;
    arc_exchange_sink *sink;
    arc_gallery_exchange_report report;
    int64_t total;
} exporting;

static arc_status tell(const exporting *e, arc_error *err) {
    const int64_t done = e->report.templates;
    if (!e->opt->progress || done % 256 != 0 || e->opt->progress(e->opt->progress_ctx, "export", done, e->total) == 0)
        return ARC_OK;
    return arc_fail(err, ARC_ECANCEL, "cancelled; nothing was written");
}

/* Puts and lets go of `about`. */
static arc_status put(exporting *e, arc_exchange_item item, bool whole, arc_error *err) {
    const arc_status st = whole ? e->sink->put(e->sink, &item, err) : arc_fail_nomem(err, "a gallery's export");
    json_decref(item.about);
    return st;
}

/* A text of JSON as a value of an object; "" is none. *whole becomes false where memory is missing. */
static arc_status set_json(const exporting *e, json_t *about, const char *key, const char *text, bool *whole, arc_error *err) {
    json_error_t why = {.line = 0};
    if (!*text)
        return ARC_OK;
    json_t *value = json_loads(text, 0, &why);
    if (!value && !arc_json_starved(&why))
        return arc_gallery_fail(e->g, err, ARC_ECORRUPT, "a %s in it is no JSON: %s; set it anew", key, why.text);
    *whole &= json_object_set_new(about, key, value) == 0;
    return ARC_OK;
}

static bool set_time(json_t *about, const char *key, int64_t ms) {
    return json_object_set_new(about, key, json_integer(ms)) == 0;
}

/* Embeddings are exported plain, so the binding says nothing of a key that rotates them. */
static arc_status put_head(exporting *e, const arc_store_counts *counts, arc_error *err) {
    arc_binding binding = e->g->binding;
    arc_buffer text;
    *binding.protection = 0;
    arc_buffer_init(&text, &e->g->ctx->alloc, ARC_BINDING_MAX_BYTES);
    arc_status st = arc_binding_write(&binding, &text, err);
    if (st == ARC_OK) {
        json_t *about =
            json_pack("{s:i, s:{s:I, s:I, s:I}}", "arcface_gallery", 1, "counts", "people", (json_int_t)counts->identities,
                      "templates", (json_int_t)counts->templates, "negatives", (json_int_t)counts->negatives);
        const bool whole =
            about && json_object_set_new(about, "binding", json_loadb((char *)text.data, text.bytes, 0, NULL)) == 0;
        st = put(e, (arc_exchange_item){.kind = ARC_EXCHANGE_HEAD, .about = about}, whole, err);
    }
    arc_buffer_free(&text);
    return st;
}

static arc_status take_template(void *arg, const arc_template_row *row, arc_error *err) {
    exporting *e = arg;
    arc_template_record t;
    char hex[65];
    arc_status st = arc_gallery_open_template(e->g, row, &t, err);
    if (st != ARC_OK)
        return st;
    json_t *about = json_object();
    bool whole = set_time(about, "created_ms", t.created_ms);
    st = set_json(e, about, "detail", t.detail_json, &whole, err);
    if (st != ARC_OK) {
        json_decref(about);
        return st;
    }
    if (!isnan(t.quality))
        whole = whole && json_object_set_new(about, "quality", json_real((double)t.quality)) == 0;
    if (t.source_sha256 && !arc_seal_index_key(e->g->seal)) /* else a keyed hash, which nobody else can use */
        whole = whole && json_object_set_new(about, "source_sha256",
                                             json_string(sodium_bin2hex(hex, sizeof hex, t.source_sha256, 32))) == 0;
    const arc_exchange_item item = {.kind = ARC_EXCHANGE_TEMPLATE,
                                    .about = about,
                                    .embedding = t.embedding,
                                    .dim = e->g->binding.dim,
                                    .crop = {t.crop_file, t.crop_file_bytes}};
    st = put(e, item, whole, err);
    e->report.templates++;
    e->report.crops += t.crop_file != NULL;
    return st == ARC_OK ? tell(e, err) : st;
}

static arc_status take_negative(void *arg, const arc_negative_row *row, arc_error *err) {
    exporting *e = arg;
    arc_exchange_item item = {.kind = ARC_EXCHANGE_NEGATIVE, .dim = e->g->binding.dim};
    const arc_status st =
        arc_gallery_embedding(e->g, ARC_SEAL_NEGATIVE, row->id, row->embedding, &e->g->scratch.embedding, &item.embedding, err);
    if (st != ARC_OK)
        return st;
    arc_gallery_plain(e->g, (float *)(void *)e->g->scratch.embedding.data);
    item.about = json_object();
    e->report.negatives++;
    return put(e, item, set_time(item.about, "created_ms", row->created_ms), err);
}

static arc_status take_person(void *arg, const arc_identity_row *row, arc_error *err) {
    exporting *e = arg;
    arc_gallery *g = e->g;
    const arc_template_query q = {.identity = row->id,
                                  .generation = g->binding.generation,
                                  .parts = ARC_READ_EMBEDDING | ARC_READ_DETAIL | (e->opt->crops ? ARC_READ_CROP : 0)};
    arc_identity person;
    arc_status st;
    ARC_TRY(arc_gallery_open_identity(g, row, &person, err));
    json_t *about = json_pack("{s:s}", "name", person.name);
    bool whole = about && set_time(about, "created_ms", person.created_ms) && set_time(about, "changed_ms", person.changed_ms);
    st = set_json(e, about, "note", person.note_json, &whole, err);
    if (st != ARC_OK) {
        json_decref(about);
        return st;
    }
    if (!isnan(person.threshold))
        whole = whole && json_object_set_new(about, "threshold", json_real(person.threshold)) == 0;
    ARC_TRY(put(e, (arc_exchange_item){.kind = ARC_EXCHANGE_PERSON, .about = about}, whole, err));
    e->report.people++;
    ARC_TRY(g->store->type->template_each(g->store, &q, take_template, e, err));
    st = g->store->type->negative_each(g->store, row->id, g->binding.generation, take_negative, e, err);
done:
    return st;
}

static arc_status export_within(exporting *e, arc_error *err) {
    arc_gallery *g = e->g;
    arc_store_counts counts;
    arc_status st;
    ARC_TRY(arc_gallery_need_binding(g, err));
    ARC_TRY(g->store->type->counts(g->store, &counts, err));
    e->total = counts.templates;
    ARC_TRY(put_head(e, &counts, err));
    ARC_TRY(g->store->type->identity_each(g->store, 0, take_person, e, err));
    st = put(e, (arc_exchange_item){.kind = ARC_EXCHANGE_END}, true, err);
done:
    return st;
}

/* In the log, where that may be written, before anybody can read what was exported. */
static arc_status note_export(exporting *e, arc_error *err) {
    if (e->g->read_only)
        return ARC_OK;
    arc_status st = arc_gallery_enter(e->g, true, err);
    if (st != ARC_OK)
        return st;
    st = arc_gallery_note(e->g, "export", "gallery", err, "{\"sealed\":%s,\"people\":%lld,\"templates\":%lld}",
                          arc_text_bool(e->opt->key != NULL), (long long)e->report.people, (long long)e->report.templates);
    return arc_gallery_leave(e->g, st, err);
}

arc_status arc_gallery_export(arc_gallery *g, const char *path, const arc_gallery_exchange_options *opt,
                              arc_gallery_exchange_report *report, arc_error *err) {
    arc_gallery_exchange_options defaults;
    uint8_t key[ARC_PROTECT_KEY_BYTES];
    exporting e = {.g = g};
    arc_status st = ARC_CHECK_OPTIONS(arc_gallery_exchange_options, opt, err);
    if (report)
        *report = e.report;
    if (st != ARC_OK)
        return st;
    arc_gallery_exchange_options_default(&defaults);
    e.opt = opt ? opt : &defaults;
    if (e.opt->key) {
        ARC_TRY(arc_protect_key(e.opt->key, key, NULL, err));
        st = arc_exchange_sealed_write(g->ctx, path, key, &e.sink, err);
    } else
        st = arc_exchange_folder_write(g->ctx, path, &e.sink, err);
    sodium_memzero(key, sizeof key);
    if (st == ARC_OK)
        st = arc_gallery_enter(g, false, err);
    if (st == ARC_OK)
        st = arc_gallery_leave(g, export_within(&e, err), err);
    if (st == ARC_OK)
        st = note_export(&e, err);
    if (e.sink)
        st = e.sink->finish(e.sink, st, err);
    if (st == ARC_OK && report)
        *report = e.report;
done:
    return st;
}
