/* gallery/store/qdrant: the gallery's values, revisions, counts and ids. */
#include "base/digest.h"
#include "gallery/store/qdrant/qdrant_internal.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- values ---- */

/* A value's point follows from its name. */
static int64_t value_id(const char *key) {
    char hex[ARC_DIGEST_HEX_BYTES];
    arc_digest d;
    arc_digest_begin(&d);
    arc_digest_add(&d, key, strlen(key));
    arc_digest_end(&d, hex);
    hex[12] = '\0'; /* 48 bits */
    return strtoll(hex, NULL, 16);
}

arc_status arc_qd_meta_get(arc_gallery_store *store, const char *key, arc_buffer *out, bool *found, arc_error *err) {
    arc_qd *s = arc_qd_of(store);
    arc_qd_decoder d;
    arc_bytes value;
    json_t *row = NULL;
    arc_status st;
    *found = false;
    arc_qd_decoder_init(&d, s);
    ARC_TRY(arc_qd_get(s, ARC_QD_META, value_id(key), &row, err));
    if (row) {
        ARC_TRY(arc_qd_decode(&d, row, err));
        ARC_TRY(arc_qd_get_bytes(&d, "value", &value, err));
        st = arc_buffer_put(out, value.data, value.bytes);
        if (st != ARC_OK)
            arc_fail(err, st, "%s: the value \"%s\" has %zu bytes", s->label, key, value.bytes);
        *found = st == ARC_OK;
    }
done:
    json_decref(row);
    arc_qd_decoder_free(&d);
    return st;
}

arc_status arc_qd_meta_put(arc_gallery_store *store, const char *key, arc_bytes value, arc_error *err) {
    arc_qd *s = arc_qd_of(store);
    json_t *row = NULL;
    if (value.data) {
        row = json_pack("{s:s}", "name", key);
        const arc_status st = arc_qd_set_bytes(row, "value", value, err);
        if (st != ARC_OK) {
            json_decref(row);
            return st;
        }
    }
    return arc_qd_put(s, ARC_QD_META, value_id(key), row, NULL, err);
}

typedef struct meta_visit {
    arc_qd_decoder d;
    arc_meta_visit *visit;
    void *arg;
} meta_visit;

static arc_status visit_value(void *arg, int64_t id, const json_t *payload, arc_error *err) {
    meta_visit *m = arg;
    const char *name = json_string_value(json_object_get(payload, "name"));
    arc_bytes value;
    arc_status st;
    (void)id;
    ARC_TRY(arc_qd_decode(&m->d, payload, err));
    ARC_TRY(arc_qd_get_bytes(&m->d, "value", &value, err));
    st = m->visit(m->arg, name ? name : "", value, err);
done:
    return st;
}

arc_status arc_qd_meta_each(arc_gallery_store *store, arc_meta_visit *visit, void *arg, arc_error *err) {
    arc_qd *s = arc_qd_of(store);
    const arc_qd_filter f = {.kind = ARC_QD_META};
    meta_visit m = {.visit = visit, .arg = arg};
    arc_qd_decoder_init(&m.d, s);
    const arc_status st = arc_qd_each(s, &f, NULL, visit_value, &m, err);
    arc_qd_decoder_free(&m.d);
    return st;
}

/* ---- revisions ---- */

arc_status arc_qd_revision(arc_gallery_store *store, int64_t *revision, uint8_t mark[ARC_STORE_MARK_BYTES], arc_error *err) {
    const arc_qd *s = arc_qd_of(store);
    size_t bytes = 0;
    *revision = s->head.number[ARC_QD_H_REVISION];
    if (sodium_hex2bin(mark, ARC_STORE_MARK_BYTES, s->head.mark, strlen(s->head.mark), NULL, &bytes, NULL) != 0 ||
        bytes != ARC_STORE_MARK_BYTES)
        return arc_fail(err, ARC_ECORRUPT, "%s: the gallery's \"mark\" is none that this program wrote", s->label);
    return ARC_OK;
}

static arc_status see_mark(void *arg, int64_t id, const json_t *payload, arc_error *err) {
    const char *token = json_string_value(json_object_get(payload, "token"));
    (void)id, (void)err;
    if (token && strlen(token) < ARC_QD_TOKEN_BYTES)
        snprintf(arg, ARC_QD_TOKEN_BYTES, "%s", token);
    return ARC_OK;
}

/* That of the commit that made the revision; empty: there was no such revision. */
static arc_status mark_of(arc_qd *s, int64_t revision, char mark[ARC_QD_TOKEN_BYTES], arc_error *err) {
    char made[24];
    const arc_qd_filter f = {.kind = ARC_QD_COMMIT, .key = "made", .text = made};
    snprintf(made, sizeof made, "%lld", (long long)revision);
    *mark = '\0';
    if (revision != s->head.number[ARC_QD_H_REVISION])
        return arc_qd_each(s, &f, NULL, see_mark, mark, err);
    memcpy(mark, s->head.mark, ARC_QD_TOKEN_BYTES);
    return ARC_OK;
}

typedef struct change_list {
    arc_qd *s;
    arc_change_row *row;
    int64_t count, room;
} change_list;

static arc_status see_change(void *arg, int64_t id, const json_t *payload, arc_error *err) {
    change_list *l = arg;
    arc_change_row row = {.template_id = id, .removed = !arc_qd_live(payload)};
    arc_status st;
    ARC_TRY(arc_qd_get_int(l->s, payload, "revision", &row.revision, err));
    if (!row.removed)
        ARC_TRY(arc_qd_get_int(l->s, payload, "identity", &row.identity, err));
    if (l->count == l->room) {
        const int64_t room = ARC_MAX(2 * l->room, 256);
        arc_change_row *grown = arc_mem_grow(&l->s->ctx->alloc, l->row, (size_t)l->room, (size_t)room, sizeof *grown);
        if (!grown)
            return arc_fail_nomem(err, "changes of a gallery");
        l->row = grown;
        l->room = room;
    }
    l->row[l->count++] = row;
done:
    return st;
}

static int by_revision(const void *a, const void *b) {
    const arc_change_row *x = a, *y = b;
    const int rises = (x->revision > y->revision) - (x->revision < y->revision);
    return rises ? rises : (x->template_id > y->template_id) - (x->template_id < y->template_id);
}

arc_status arc_qd_changes(arc_gallery_store *store, int64_t after, const uint8_t mark[ARC_STORE_MARK_BYTES], bool *known,
                          arc_change_visit *visit, void *arg, arc_error *err) {
    static const char *const fields[] = {"revision", "identity", NULL};
    arc_qd *s = arc_qd_of(store);
    const arc_qd_filter f = {.kind = ARC_QD_TEMPLATE, .all = true, .newer = after};
    char wanted[ARC_QD_TOKEN_BYTES], there[ARC_QD_TOKEN_BYTES];
    change_list l = {.s = s};
    arc_status st;
    *known = false;
    sodium_bin2hex(wanted, sizeof wanted, mark, ARC_STORE_MARK_BYTES);
    ARC_TRY(mark_of(s, after, there, err));
    *known = strcmp(wanted, there) == 0;
    if (*known)
        ARC_TRY(arc_qd_each(s, &f, fields, see_change, &l, err));
    if (l.count)
        qsort(l.row, (size_t)l.count, sizeof *l.row, by_revision);
    for (int64_t i = 0; i < l.count && st == ARC_OK; i++)
        st = visit(arg, &l.row[i], err);
done:
    arc_mem_free(&s->ctx->alloc, l.row);
    return st;
}

/* ---- counts, ids ---- */

arc_status arc_qd_counts(arc_gallery_store *store, arc_store_counts *out, arc_error *err) {
    const int64_t *number = arc_qd_of(store)->head.number;
    (void)err;
    *out = (arc_store_counts){.identities = number[ARC_QD_H_IDENTITIES],
                              .templates = number[ARC_QD_H_TEMPLATES],
                              .negatives = number[ARC_QD_H_NEGATIVES],
                              .crops = number[ARC_QD_H_CROPS],
                              .audits = number[ARC_QD_H_AUDITS],
                              .schema = number[ARC_QD_H_SCHEMA]};
    return ARC_OK;
}

arc_status arc_qd_reserve(arc_gallery_store *store, arc_store_ids of, int64_t count, int64_t *first, arc_error *err) {
    arc_qd *s = arc_qd_of(store);
    int64_t *next = &s->head.number[of == ARC_IDS_IDENTITY   ? ARC_QD_H_NEXT_IDENTITY
                                    : of == ARC_IDS_TEMPLATE ? ARC_QD_H_NEXT_TEMPLATE
                                                             : ARC_QD_H_NEXT_NEGATIVE];
    *first = 0;
    if (count < 0 || count > ARC_QD_MOST - *next)
        return arc_fail(err, ARC_ELIMIT, "%s: no ids are left for %lld more", s->label, (long long)count);
    *first = *next;
    *next += count;
    return ARC_OK;
}

/* ---- check ---- */

/* What is wrong, kept until it is known that nobody wrote meanwhile. */
typedef struct checking {
    arc_qd *s;
    char sentence[8][200];
    int problems;
} checking;

static arc_status check_count(checking *c, arc_qd_kind kind, const char *has, int number, const char *what, arc_error *err) {
    const arc_qd_filter f = {.kind = kind, .has = has};
    int64_t count = 0;
    arc_status st = ARC_OK;
    if (kind != ARC_QD_TEMPLATE || c->s->dim > 0)
        st = arc_qd_count(c->s, arc_qd_collection(c->s, kind), arc_qd_filter_json(&f), &count, err);
    if (st == ARC_OK && count != c->s->head.number[number])
        snprintf(c->sentence[c->problems++], sizeof *c->sentence, "%lld %s are there, counted were %lld", (long long)count, what,
                 (long long)c->s->head.number[number]);
    return st;
}

/* Snapshots of Qdrant are of one collection each: two of different times do not belong together. The journal of a writer that
 * ended, which stays until the next comes, is no such case. */
static arc_status check_times(checking *c, arc_qd_kind kind, arc_error *err) {
    int64_t count = 0;
    if (kind == ARC_QD_TEMPLATE && c->s->dim == 0)
        return ARC_OK;
    json_t *filter = json_pack("{s:[{s:s, s:{s:I}}], s:[{s:s, s:{s:s}}]}", "must", "key", "commit", "range", "gt",
                               (json_int_t)c->s->head.number[ARC_QD_H_COMMIT], "must_not", "key", "kind", "match", "value",
                               arc_qd_kind_name(ARC_QD_JOURNAL));
    const arc_status st = arc_qd_count(c->s, arc_qd_collection(c->s, kind), filter, &count, err);
    if (st == ARC_OK && count > 0)
        snprintf(c->sentence[c->problems++], sizeof *c->sentence,
                 "%lld points of %.*s are newer than the gallery: collections of different times were put together",
                 (long long)count, 90, arc_qd_collection(c->s, kind));
    return st;
}

static arc_status check_all(checking *c, arc_error *err) {
    arc_status st;
    c->problems = 0;
    ARC_TRY(arc_qd_look_dim(c->s, err));
    ARC_TRY(check_count(c, ARC_QD_IDENTITY, NULL, ARC_QD_H_IDENTITIES, "identities", err));
    ARC_TRY(check_count(c, ARC_QD_TEMPLATE, NULL, ARC_QD_H_TEMPLATES, "templates", err));
    ARC_TRY(check_count(c, ARC_QD_TEMPLATE, "crop", ARC_QD_H_CROPS, "crops", err));
    ARC_TRY(check_count(c, ARC_QD_NEGATIVE, NULL, ARC_QD_H_NEGATIVES, "negatives", err));
    ARC_TRY(check_count(c, ARC_QD_AUDIT, NULL, ARC_QD_H_AUDITS, "lines of the audit log", err));
    ARC_TRY(check_times(c, ARC_QD_TEMPLATE, err));
    st = check_times(c, ARC_QD_IDENTITY, err);
done:
    return st;
}

arc_status arc_qd_check(arc_gallery_store *store, arc_problem_visit *problem, void *arg, arc_error *err) {
    checking c = {.s = arc_qd_of(store)};
    int64_t before, *commit = &c.s->head.number[ARC_QD_H_COMMIT];
    arc_status st;
    do {
        ARC_TRY(arc_qd_begin(store, false, err));
        before = *commit;
        ARC_TRY(check_all(&c, err));
        ARC_TRY(arc_qd_need_head(c.s, err));
    } while (c.problems > 0 && *commit != before);
    for (int i = 0; i < c.problems && st == ARC_OK; i++)
        st = problem(arg, c.sentence[i], err);
done:
    arc_qd_rollback(store);
    return st;
}
