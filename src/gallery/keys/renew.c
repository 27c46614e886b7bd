/* gallery/keys: every value is sealed under a new data key, batch by batch: people, then templates, then negatives. How far it
 * is, "renew" in the gallery's small values says, which is written with each batch; what others store meanwhile is under the new
 * key already. */
#include "gallery/migrate/move.h"
#include <arcface/gallery_keys.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_BYTES ((size_t)64 << 20) /* of a batch's sealed values; a batch that would have more is shorter */
#define MAX_BATCH 100000

typedef enum stage { PEOPLE, TEMPLATES, NEGATIVES, STAGES } stage;

typedef struct renewing {
    arc_gallery *g;
    const arc_gallery_renew_options *opt;
    stage at;
    int64_t after; /* in this stage, rows up to this id are done */
    int64_t done, total;
    /* One batch: rows with values in `values`, and their ids. */
    int64_t rows;
    arc_identity_row *person;
    arc_template_row *row;
    arc_negative_row *negative;
    arc_arena values;
    arc_buffer opened, sealed;
} renewing;

void arc_gallery_renew_options_default(arc_gallery_renew_options *opt) {
    *opt = (arc_gallery_renew_options){.struct_size = sizeof *opt, .batch = 256};
}

static arc_status keep(renewing *r, arc_bytes value, arc_bytes *out, arc_error *err) {
    *out = (arc_bytes){0};
    if (value.bytes == 0)
        return ARC_OK;
    void *copy = arc_arena_new(&r->values, value.bytes, 1);
    if (!copy)
        return arc_fail_nomem(err, "values to be sealed anew");
    memcpy(copy, value.data, value.bytes);
    *out = (arc_bytes){copy, value.bytes};
    return ARC_OK;
}

/* A value of one key as it is under the newest. */
static arc_status seal_anew(renewing *r, arc_seal_place place, arc_bytes value, arc_bytes *out, arc_error *err) {
    arc_bytes plain, sealed;
    arc_status st;
    ARC_TRY(arc_seal_get(r->g->seal, place, value, &r->opened, &plain, err));
    ARC_TRY(arc_seal_put(r->g->seal, place, plain, &r->sealed, &sealed, err));
    st = keep(r, sealed, out, err);
done:
    return st;
}

/* Whether the batch takes one more; else the listing is ended. */
static bool has_room(const renewing *r) {
    return r->rows < r->opt->batch && r->values.used_bytes < BATCH_BYTES;
}

static arc_status take_person(void *arg, const arc_identity_row *in, arc_error *err) {
    renewing *r = arg;
    arc_identity person;
    arc_seal_lookup lookup;
    arc_identity_row sealed, *out = &r->person[r->rows];
    arc_status st;
    if (!has_room(r))
        return ARC_ECANCEL;
    ARC_TRY(arc_gallery_open_identity(r->g, in, &person, err));
    *out = *in;
    arc_seal_lookup_of(r->g->seal, ARC_SEAL_BY_NAME, (arc_bytes){person.name, strlen(person.name)}, &lookup);
    ARC_TRY(keep(r, lookup.key[0], &out->name_key, err));
    ARC_TRY(seal_anew(r, (arc_seal_place){.column = ARC_SEAL_NAME, .row = in->id}, in->name, &sealed.name, err));
    ARC_TRY(seal_anew(r, (arc_seal_place){.column = ARC_SEAL_NOTE, .row = in->id}, in->note, &sealed.note, err));
    out->name = sealed.name;
    out->note = sealed.note;
    r->rows++;
done:
    return st;
}

static arc_status take_template(void *arg, const arc_template_row *in, arc_error *err) {
    renewing *r = arg;
    arc_template_row *out = &r->row[r->rows];
    const int generation = r->g->binding.generation;
    arc_status st;
    if (!has_room(r))
        return ARC_ECANCEL;
    *out = *in;
    const arc_seal_place embedding = {.column = ARC_SEAL_EMBEDDING, .row = in->id, .generation = generation};
    ARC_TRY(seal_anew(r, embedding, in->embedding, &out->embedding, err));
    ARC_TRY(seal_anew(r, (arc_seal_place){.column = ARC_SEAL_CROP, .row = in->id}, in->crop, &out->crop, err));
    ARC_TRY(seal_anew(r, (arc_seal_place){.column = ARC_SEAL_DETAIL, .row = in->id}, in->detail, &out->detail, err));
    ARC_TRY(keep(r, in->source_sha256, &out->source_sha256, err));
    out->generation = generation;
    r->rows++;
done:
    return st;
}

/* All of them are one batch: there is no listing of them from an id on, and few are ever stored. */
static arc_status take_negative(void *arg, const arc_negative_row *in, arc_error *err) {
    renewing *r = arg;
    const arc_seal_place place = {.column = ARC_SEAL_NEGATIVE, .row = in->id, .generation = r->g->binding.generation};
    arc_negative_row *grown = arc_mem_grow(&r->g->ctx->alloc, r->negative, (size_t)r->rows, (size_t)r->rows + 1, sizeof *grown);
    if (!grown)
        return arc_fail_nomem(err, "values to be sealed anew");
    r->negative = grown;
    grown[r->rows] = *in;
    grown[r->rows].generation = r->g->binding.generation;
    return seal_anew(r, place, in->embedding, &grown[r->rows++].embedding, err);
}

static arc_status list_batch(renewing *r, arc_error *err) {
    arc_gallery *g = r->g;
    const arc_gallery_store_type *type = g->store->type;
    const arc_template_query q = {
        .after_id = r->after, .generation = g->binding.generation, .parts = ARC_READ_EMBEDDING | ARC_READ_CROP | ARC_READ_DETAIL};
    arc_status st = ARC_OK;
    r->rows = 0;
    if (r->at == PEOPLE)
        st = type->identity_each(g->store, r->after, take_person, r, err);
    else if (r->at == TEMPLATES)
        st = type->template_each(g->store, &q, take_template, r, err);
    else
        st = type->negative_each(g->store, 0, g->binding.generation, take_negative, r, err);
    return st == ARC_ECANCEL ? ARC_OK : st;
}

static arc_status write_batch(renewing *r, arc_error *err) {
    arc_gallery_store *s = r->g->store;
    arc_status st = ARC_OK;
    if (r->at == TEMPLATES && r->rows > 0) {
        ARC_TRY(s->type->embedding_put(s, r->row, r->rows, false, err));
        ARC_TRY(s->type->template_rewrite(s, r->row, r->rows, err));
        r->after = r->row[r->rows - 1].id;
    }
    for (int64_t i = 0; i < r->rows && r->at == PEOPLE; i++) {
        ARC_TRY(s->type->identity_update(s, &r->person[i], err));
        r->after = r->person[i].id;
    }
    for (int64_t i = 0; i < r->rows && r->at == NEGATIVES; i++)
        ARC_TRY(s->type->negative_put(s, &r->negative[i], err));
done:
    return st;
}

/* ---- how far it is ---- */

static arc_status read_place(renewing *r, arc_error *err) {
    arc_buffer text;
    bool found;
    char *end;
    arc_buffer_init(&text, &r->g->ctx->alloc, 64);
    arc_status st = r->g->store->type->meta_get(r->g->store, "renew", &text, &found, err);
    if (st == ARC_OK && arc_buffer_put(&text, "", 1) != ARC_OK)
        st = arc_fail_nomem(err, "values to be sealed anew");
    if (st == ARC_OK && found) {
        r->at = (stage)strtoll((char *)text.data, &end, 10);
        r->after = strtoll(end, NULL, 10);
    }
    arc_buffer_free(&text);
    return st;
}

static arc_status write_place(renewing *r, arc_error *err) {
    char text[48];
    const int bytes = snprintf(text, sizeof text, "%d %lld", (int)r->at, (long long)r->after);
    return r->g->store->type->meta_put(r->g->store, "renew", (arc_bytes){text, (size_t)bytes}, err);
}

static arc_status put_record(arc_gallery *g, const arc_buffer *record, arc_error *err) {
    return g->store->type->meta_put(g->store, "seal", (arc_bytes){record->data, record->bytes}, err);
}

/* The second data key, unless there is one already. */
static arc_status begin_within(renewing *r, arc_error *err) {
    arc_gallery *g = r->g;
    arc_store_counts counts;
    arc_buffer record;
    bool migrating;
    arc_status st;
    arc_buffer_init(&record, &g->ctx->alloc, ARC_BINDING_MAX_BYTES);
    ARC_TRY(g->store->type->meta_get(g->store, "migrate", &record, &migrating, err));
    if (migrating)
        ARC_TRY(arc_gallery_fail(g, err, ARC_EINVAL, "moving to another model; let that end first (arcface gallery migrate)"));
    ARC_TRY(g->store->type->counts(g->store, &counts, err));
    r->total = counts.identities + counts.templates + counts.negatives;
    if (!arc_seal_renewing(g->seal)) {
        ARC_TRY(arc_seal_renew(g->seal, &record, err));
        ARC_TRY(put_record(g, &record, err));
        ARC_TRY(write_place(r, err));
        ARC_TRY(arc_gallery_note(g, "renew", "gallery", err, "{\"templates\":%lld}", (long long)counts.templates));
    }
done:
    arc_buffer_free(&record);
    return st;
}

/* *more: it was not the last one. */
static arc_status batch_within(renewing *r, bool *more, arc_error *err) {
    arc_gallery *g = r->g;
    arc_buffer record;
    arc_status st;
    *more = arc_seal_renewing(g->seal); /* else another process has finished it */
    arc_buffer_init(&record, &g->ctx->alloc, ARC_BINDING_MAX_BYTES);
    if (!*more)
        goto ended;
    ARC_TRY(read_place(r, err));
    if (r->at < STAGES)
        ARC_TRY(list_batch(r, err));
    ARC_TRY(write_batch(r, err));
    if (r->at == NEGATIVES || r->rows == 0) {
        r->at++;
        r->after = 0;
    }
    ARC_TRY(write_place(r, err));
    *more = r->at < STAGES;
    if (!*more) {
        ARC_TRY(arc_seal_retire(g->seal, &record, err));
        ARC_TRY(put_record(g, &record, err));
        ARC_TRY(g->store->type->meta_put(g->store, "renew", (arc_bytes){0}, err));
    }
ended:
    st = ARC_OK;
done:
    arc_buffer_free(&record);
    return st;
}

/* Embeddings that a move has left behind are removed, not sealed anew. */
static arc_status clean_up(arc_gallery *g, arc_error *err) {
    arc_buffer text;
    bool left = false;
    arc_status st = arc_gallery_enter(g, false, err);
    if (st != ARC_OK)
        return st;
    arc_buffer_init(&text, &g->ctx->alloc, ARC_BINDING_MAX_BYTES);
    st = arc_gallery_leave(g, g->store->type->meta_get(g->store, "migrate-old", &text, &left, err), err);
    arc_buffer_free(&text);
    return st == ARC_OK && left ? arc_move_clean(g, err) : st;
}

static arc_status renew_all(renewing *r, arc_error *err) {
    arc_gallery *g = r->g;
    arc_status st;
    ARC_TRY(clean_up(g, err));
    ARC_TRY(arc_gallery_enter(g, true, err));
    ARC_TRY(arc_gallery_leave(g, begin_within(r, err), err));
    for (bool more = true; more;) {
        ARC_TRY(arc_gallery_enter(g, true, err));
        st = arc_gallery_leave(g, batch_within(r, &more, err), err);
        arc_arena_free(&r->values);
        if (st != ARC_OK)
            goto done;
        r->done += r->rows;
        if (more && r->opt->progress && r->opt->progress(r->opt->progress_ctx, "renew", r->done, r->total) != 0)
            ARC_TRY(arc_fail(err, ARC_ECANCEL, "cancelled; the gallery works on, and the next call goes on from here"));
    }
    st = arc_gallery_erase(g, err);
done:
    return st;
}

arc_status arc_gallery_renew(arc_gallery *g, const arc_gallery_renew_options *opt, int64_t *rows, arc_error *err) {
    arc_gallery_renew_options defaults;
    renewing r = {.g = g};
    arc_status st = ARC_CHECK_OPTIONS(arc_gallery_renew_options, opt, err);
    if (rows)
        *rows = 0;
    if (st != ARC_OK)
        return st;
    const arc_alloc *const alloc = &g->ctx->alloc;
    arc_gallery_renew_options_default(&defaults);
    r.opt = opt ? opt : &defaults;
    if (r.opt->batch < 1 || r.opt->batch > MAX_BATCH)
        return arc_fail(err, ARC_EINVAL, "batches of %lld rows; they have 1 to %d", (long long)r.opt->batch, MAX_BATCH);
    r.person = arc_mem_new(alloc, (size_t)r.opt->batch, sizeof *r.person);
    r.row = arc_mem_new(alloc, (size_t)r.opt->batch, sizeof *r.row);
    arc_arena_init(&r.values, alloc, 0);
    arc_buffer_init(&r.opened, alloc, ARC_GALLERY_CROP_BYTES + 64);
    arc_buffer_init(&r.sealed, alloc, ARC_GALLERY_CROP_BYTES + 64);
    st = r.person && r.row ? renew_all(&r, err) : arc_fail_nomem(err, "values to be sealed anew");
    if (rows)
        *rows = r.done;
    arc_mem_free(alloc, r.person);
    arc_mem_free(alloc, r.row);
    arc_mem_free(alloc, r.negative);
    arc_arena_free(&r.values);
    arc_buffer_free(&r.opened);
    arc_buffer_free(&r.sealed);
    return st;
}
