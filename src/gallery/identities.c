/* gallery: people. */
#include "gallery/gallery_internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static arc_seal_place place_of(arc_seal_column column, int64_t id) {
    return (arc_seal_place){.column = column, .row = id};
}

static arc_bytes bytes_of(const char *text) {
    return (arc_bytes){.data = text, .bytes = text ? strlen(text) : 0};
}

static void subject_of(char subject[48], int64_t id) {
    snprintf(subject, 48, "identity %lld", (long long)id);
}

arc_status arc_gallery_open_identity(arc_gallery *g, const arc_identity_row *row, arc_identity *out, arc_error *err) {
    *out = (arc_identity){.id = row->id,
                          .threshold = row->threshold,
                          .templates = row->templates,
                          .created_ms = row->created_ms,
                          .changed_ms = row->changed_ms};
    arc_status st = arc_gallery_text(g, place_of(ARC_SEAL_NAME, row->id), row->name, &g->scratch.name, &out->name, err);
    if (st == ARC_OK)
        st = arc_gallery_text(g, place_of(ARC_SEAL_NOTE, row->id), row->note, &g->scratch.note, &out->note_json, err);
    return st;
}

arc_status arc_gallery_close_identity(arc_gallery *g, const arc_identity *in, arc_seal_lookup *lookup, arc_identity_row *out,
                                      arc_error *err) {
    arc_seal_lookup_of(g->seal, ARC_SEAL_BY_NAME, bytes_of(in->name), lookup);
    *out = (arc_identity_row){.id = in->id,
                              .name_key = lookup->key[0],
                              .threshold = in->threshold,
                              .created_ms = in->created_ms,
                              .changed_ms = in->changed_ms};
    arc_status st = arc_seal_put(g->seal, place_of(ARC_SEAL_NAME, in->id), bytes_of(in->name), &g->scratch.name, &out->name, err);
    if (st == ARC_OK && in->note_json && *in->note_json)
        st = arc_seal_put(g->seal, place_of(ARC_SEAL_NOTE, in->id), bytes_of(in->note_json), &g->scratch.note, &out->note, err);
    return st;
}

arc_status arc_gallery_find_within(arc_gallery *g, const char *name, int64_t *id, bool *found, arc_error *err) {
    arc_seal_lookup lookup;
    arc_status st = ARC_OK;
    *found = false;
    *id = 0;
    arc_seal_lookup_of(g->seal, ARC_SEAL_BY_NAME, bytes_of(name), &lookup);
    for (int i = 0; i < lookup.keys && st == ARC_OK && !*found; i++)
        st = g->store->type->identity_find(g->store, lookup.key[i], id, found, err);
    return st;
}

static arc_status taken(const arc_gallery *g, const char *name, arc_error *err) {
    return arc_gallery_fail(g, err, ARC_EINVAL, "there is a person called \"%.200s\" already", name);
}

arc_status arc_gallery_add_within(arc_gallery *g, const char *name, const char *note_json, int64_t *id, arc_error *err) {
    arc_identity in = {.name = name, .note_json = note_json, .threshold = (double)NAN, .created_ms = arc_clock_today_ms()};
    arc_identity_row row;
    arc_seal_lookup lookup;
    char subject[48];
    bool found;
    arc_status st;
    ARC_TRY(arc_gallery_find_within(g, name, &in.id, &found, err));
    if (found)
        return taken(g, name, err);
    ARC_TRY(g->store->type->reserve(g->store, ARC_IDS_IDENTITY, 1, &in.id, err));
    in.changed_ms = in.created_ms;
    ARC_TRY(arc_gallery_close_identity(g, &in, &lookup, &row, err));
    ARC_TRY(g->store->type->identity_put(g->store, &row, err));
    subject_of(subject, in.id);
    ARC_TRY(arc_gallery_note(g, "add", subject, err, "{}"));
    *id = in.id;
done:
    return st;
}

arc_status arc_gallery_add_identity(arc_gallery *g, const char *name, const char *note_json, int64_t *id, arc_error *err) {
    int64_t made = 0;
    arc_status st;
    *id = 0;
    ARC_TRY(arc_gallery_check_name(g, name, err));
    ARC_TRY(arc_gallery_check_json(g, note_json, "a note", err));
    ARC_TRY(arc_gallery_enter(g, true, err));
    st = arc_gallery_leave(g, arc_gallery_add_within(g, name, note_json, &made, err), err);
    if (st == ARC_OK)
        *id = made;
done:
    return st;
}

arc_status arc_gallery_find(arc_gallery *g, const char *name, int64_t *id, bool *found, arc_error *err) {
    arc_status st;
    *found = false;
    *id = 0;
    ARC_TRY(arc_gallery_check_name(g, name, err));
    ARC_TRY(arc_gallery_enter(g, false, err));
    st = arc_gallery_leave(g, arc_gallery_find_within(g, name, id, found, err), err);
done:
    return st;
}

typedef struct reading {
    arc_gallery *g;
    arc_identity_fn *visit;
    void *arg;
    bool ended;
} reading;

static arc_status read_row(void *arg, const arc_identity_row *row, arc_error *err) {
    reading *r = arg;
    arc_identity identity;
    const arc_status st = arc_gallery_open_identity(r->g, row, &identity, err);
    if (st != ARC_OK)
        return st;
    r->ended = r->visit(r->arg, &identity) != 0;
    return r->ended ? ARC_ECANCEL : ARC_OK;
}

arc_status arc_gallery_identity(arc_gallery *g, int64_t id, arc_identity_fn *visit, void *arg, arc_error *err) {
    reading r = {.g = g, .visit = visit, .arg = arg};
    arc_status st = arc_gallery_enter(g, false, err);
    if (st != ARC_OK)
        return st;
    st = g->store->type->identity_get(g->store, id, read_row, &r, err);
    return arc_gallery_leave(g, r.ended ? ARC_OK : st, err);
}

arc_status arc_gallery_list(arc_gallery *g, int64_t after_id, arc_identity_fn *visit, void *arg, arc_error *err) {
    reading r = {.g = g, .visit = visit, .arg = arg};
    arc_status st = arc_gallery_enter(g, false, err);
    if (st != ARC_OK)
        return st;
    st = g->store->type->identity_each(g->store, after_id, read_row, &r, err);
    return arc_gallery_leave(g, r.ended ? ARC_OK : st, err);
}

/* What a change replaces, and the person with it. */
typedef struct change {
    const char *name, *note_json; /* NULL: as it was */
    const double *threshold;      /* NULL: as it was */
    const char *action;
    arc_gallery *g;
    arc_arena texts; /* of `now`: sealing uses the buffers that they were opened into */
    arc_identity now;
} change;

static arc_status take_changed(void *arg, const arc_identity_row *row, arc_error *err) {
    change *c = arg;
    const arc_status st = arc_gallery_open_identity(c->g, row, &c->now, err);
    if (st != ARC_OK)
        return st;
    c->now.name = arc_arena_strdup(&c->texts, c->name ? c->name : c->now.name);
    c->now.note_json = arc_arena_strdup(&c->texts, c->note_json ? c->note_json : c->now.note_json);
    c->now.changed_ms = arc_clock_today_ms();
    if (c->threshold)
        c->now.threshold = *c->threshold;
    return c->now.name && c->now.note_json ? ARC_OK : arc_fail_nomem(err, "a person");
}

static arc_status change_within(change *c, int64_t id, arc_error *err) {
    arc_gallery *g = c->g;
    arc_identity_row row;
    arc_seal_lookup lookup;
    char subject[48];
    bool found = false;
    int64_t other = 0;
    arc_status st = ARC_OK;
    if (c->name)
        ARC_TRY(arc_gallery_find_within(g, c->name, &other, &found, err));
    if (found && other != id)
        return taken(g, c->name, err);
    ARC_TRY(g->store->type->identity_get(g->store, id, take_changed, c, err));
    ARC_TRY(arc_gallery_close_identity(g, &c->now, &lookup, &row, err));
    ARC_TRY(g->store->type->identity_update(g->store, &row, err));
    subject_of(subject, id);
    ARC_TRY(arc_gallery_note(g, c->action, subject, err, "{}"));
done:
    return st;
}

static arc_status change_identity(arc_gallery *g, int64_t id, change c, arc_error *err) {
    arc_status st = arc_gallery_enter(g, true, err);
    if (st != ARC_OK)
        return st;
    c.g = g;
    arc_arena_init(&c.texts, &g->ctx->alloc, 0);
    st = arc_gallery_leave(g, change_within(&c, id, err), err);
    arc_arena_free(&c.texts);
    return st;
}

arc_status arc_gallery_rename(arc_gallery *g, int64_t id, const char *name, arc_error *err) {
    const arc_status st = arc_gallery_check_name(g, name, err);
    return st == ARC_OK ? change_identity(g, id, (change){.name = name, .action = "rename"}, err) : st;
}

arc_status arc_gallery_annotate(arc_gallery *g, int64_t id, const char *note_json, arc_error *err) {
    const arc_status st = arc_gallery_check_json(g, note_json, "a note", err);
    return st == ARC_OK ? change_identity(g, id, (change){.note_json = note_json ? note_json : "", .action = "annotate"}, err)
                        : st;
}

arc_status arc_gallery_set_threshold(arc_gallery *g, int64_t id, double cosine, arc_error *err) {
    if (cosine < -1 || cosine > 1)
        return arc_gallery_fail(g, err, ARC_EINVAL, "a threshold is a cosine, -1 to 1, not %g", cosine);
    return change_identity(g, id, (change){.threshold = &cosine, .action = "threshold"}, err);
}
