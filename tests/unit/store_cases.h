/* What every store of galleries must do, whatever data base it is: run by the test of each kind over `store_open_new`, which the
 * test defines. */
#ifndef ARC_STORE_CASES_H
#define ARC_STORE_CASES_H

#include "gallery/store/store.h"
#include "shared_context.h"
#include <string.h>

/* Opens gallery `name` of a store that is empty at the beginning of each case; the second call of a case gives another
 * connection to it. */
static arc_gallery_store *store_open_new(const char *name);

#define ok(call)                                                                                                                 \
    do {                                                                                                                         \
        arc_error ok_err = {0}, *const err = &ok_err;                                                                            \
        if ((call) != ARC_OK)                                                                                                    \
            fail_msg("%s: %s", #call, ok_err.text);                                                                              \
    } while (0)

static inline arc_bytes bytes_of(const char *text) {
    return (arc_bytes){.data = text, .bytes = strlen(text)};
}

static inline bool bytes_are(arc_bytes bytes, const char *text) {
    return bytes.bytes == strlen(text) && (bytes.bytes == 0 || memcmp(bytes.data, text, bytes.bytes) == 0);
}

static inline int64_t put_person(arc_gallery_store *s, const char *name) {
    arc_identity_row row = {
        .name_key = bytes_of(name), .name = bytes_of(name), .threshold = NAN, .created_ms = 5, .changed_ms = 6};
    ok(s->type->reserve(s, ARC_IDS_IDENTITY, 1, &row.id, err));
    ok(s->type->identity_put(s, &row, err));
    return row.id;
}

/* Embeddings are 8 bytes of text here: a store does not look into them. */
static inline int64_t put_templates(arc_gallery_store *s, int64_t identity, int count) {
    arc_template_row row[16];
    int64_t first;
    assert_true(count <= 16);
    ok(s->type->reserve(s, ARC_IDS_TEMPLATE, count, &first, err));
    for (int i = 0; i < count; i++)
        row[i] = (arc_template_row){.id = first + i,
                                    .identity = identity,
                                    .generation = 1,
                                    .embedding = bytes_of("embedded"),
                                    .crop = i % 2 == 0 ? bytes_of("picture") : (arc_bytes){0},
                                    .source_sha256 = bytes_of("sha"),
                                    .detail = i % 2 == 0 ? (arc_bytes){0} : bytes_of("{}"),
                                    .quality = i == 1 ? NAN : 0.5F,
                                    .created_ms = 7};
    ok(s->type->template_put(s, row, count, err));
    return first;
}

typedef struct seen {
    int count;
    int64_t id[32], owner[32], revision[32], templates;
    bool removed[32], embedded, pictured;
    char name[1024];
} seen;

static inline arc_status see_identity(void *arg, const arc_identity_row *row, arc_error *err) {
    seen *a = arg;
    (void)err;
    a->id[a->count++] = row->id;
    a->templates = row->templates;
    memcpy(a->name, row->name.data, row->name.bytes);
    a->name[row->name.bytes] = '\0';
    assert_true(isnan(row->threshold) || row->threshold == 0.5);
    return ARC_OK;
}

static inline arc_status see_template(void *arg, const arc_template_row *row, arc_error *err) {
    seen *a = arg;
    (void)err;
    a->revision[a->count] = row->revision;
    a->owner[a->count] = row->identity;
    a->id[a->count++] = row->id;
    a->embedded = row->embedding.bytes > 0;
    a->pictured |= bytes_are(row->crop, "picture");
    return ARC_OK;
}

static inline arc_status see_change(void *arg, const arc_change_row *row, arc_error *err) {
    seen *a = arg;
    (void)err;
    assert_true(row->removed == (row->identity == 0));
    a->revision[a->count] = row->revision;
    a->removed[a->count] = row->removed;
    a->owner[a->count] = row->identity;
    a->id[a->count++] = row->template_id;
    return ARC_OK;
}

static inline arc_status see_negative(void *arg, const arc_negative_row *row, arc_error *err) {
    seen *a = arg;
    (void)err;
    a->owner[a->count] = row->identity;
    a->id[a->count++] = row->id;
    return ARC_OK;
}

static inline arc_status see_audit(void *arg, const arc_audit_row *row, arc_error *err) {
    seen *a = arg;
    (void)err;
    a->id[a->count++] = row->id;
    assert_true(bytes_are(row->action, "add") && bytes_are(row->actor, "") && bytes_are(row->subject, "identity 1"));
    return ARC_OK;
}

static inline arc_status see_problem(void *arg, const char *sentence, arc_error *err) {
    seen *a = arg;
    (void)err;
    a->count++;
    snprintf(a->name, sizeof a->name, "%s", sentence);
    return ARC_OK;
}

static inline void assert_whole(arc_gallery_store *s) {
    seen wrong = {0};
    ok(s->type->check(s, see_problem, &wrong, err));
    if (wrong.count)
        fail_msg("check says: %s", wrong.name);
}

static inline arc_store_counts counts_of(arc_gallery_store *s) {
    arc_store_counts c;
    ok(s->type->begin(s, false, err));
    ok(s->type->counts(s, &c, err));
    ok(s->type->commit(s, err));
    return c;
}

static void people_come_and_go(void **state) {
    (void)state;
    arc_gallery_store *s = store_open_new("main");
    const char *hostile = "Robert'); DROP TABLE identities;--%s\n\"";
    seen a = {0};
    int64_t id;
    bool found;
    ok(s->type->begin(s, true, err));
    const int64_t ann = put_person(s, "Ann"), bob = put_person(s, hostile);
    assert_true(ann > 0 && bob > ann);
    put_templates(s, bob, 3);
    arc_identity_row twice = {.name_key = bytes_of("Ann"), .name = bytes_of("Ann"), .threshold = NAN};
    ok(s->type->commit(s, err));

    ok(s->type->begin(s, true, err));
    ok(s->type->reserve(s, ARC_IDS_IDENTITY, 1, &twice.id, err));
    assert_int_equal(s->type->identity_put(s, &twice, NULL), ARC_EINVAL);
    s->type->rollback(s);

    ok(s->type->begin(s, true, err));
    ok(s->type->identity_find(s, bytes_of(hostile), &id, &found, err));
    assert_true(found && id == bob);
    ok(s->type->identity_find(s, bytes_of("ann"), &id, &found, err));
    assert_true(!found && id == 0);
    ok(s->type->identity_get(s, bob, see_identity, &a, err));
    assert_string_equal(a.name, hostile);
    assert_int_equal(a.templates, 3);
    assert_int_equal(s->type->identity_get(s, 99, see_identity, &a, NULL), ARC_ENOTFOUND);
    s->type->rollback(s);

    arc_identity_row changed = {.id = ann, .name_key = bytes_of("Anne"), .name = bytes_of("Anne"), .threshold = 0.5};
    ok(s->type->begin(s, true, err));
    ok(s->type->identity_update(s, &changed, err));
    ok(s->type->identity_remove(s, bob, err));
    ok(s->type->commit(s, err));
    assert_int_equal(counts_of(s).identities, 1);
    assert_int_equal(counts_of(s).templates, 0);
    ok(s->type->begin(s, true, err));
    assert_true(put_person(s, "Cy") > bob); /* ids are not used again */
    a = (seen){0};
    ok(s->type->identity_each(s, ann - 1, see_identity, &a, err));
    assert_true(a.count == 2 && a.id[0] == ann);
    changed.id = bob;
    assert_int_equal(s->type->identity_update(s, &changed, NULL), ARC_ENOTFOUND);
    s->type->rollback(s);
    assert_whole(s);
    s->type->close(&s);
}

static void templates_are_read_as_they_were_put(void **state) {
    (void)state;
    arc_gallery_store *s = store_open_new("main");
    seen a = {0};
    ok(s->type->begin(s, true, err));
    const int64_t ann = put_person(s, "Ann"), bob = put_person(s, "Bob");
    const int64_t first = put_templates(s, ann, 3);
    put_templates(s, bob, 2);
    arc_template_row orphan = {.id = 77, .identity = 99, .generation = 1, .embedding = bytes_of("x")};
    ok(s->type->commit(s, err));
    ok(s->type->begin(s, true, err));
    assert_int_equal(s->type->template_put(s, &orphan, 1, NULL), ARC_ENOTFOUND);
    s->type->rollback(s);

    ok(s->type->begin(s, false, err));
    const int64_t picked[] = {first + 2, 1234567, first};
    arc_template_query q = {.generation = 1, .parts = ARC_READ_EMBEDDING};
    ok(s->type->template_each(s, &q, see_template, &a, err));
    assert_true(a.count == 5 && a.embedded && !a.pictured && a.id[0] == first && a.owner[4] == bob);
    q.identity = ann, q.after_id = first, q.parts |= ARC_READ_CROP, a = (seen){0};
    ok(s->type->template_each(s, &q, see_template, &a, err));
    assert_true(a.count == 2 && a.pictured);
    q = (arc_template_query){.generation = 2, .parts = ARC_READ_EMBEDDING, .ids = picked, .id_count = 3}, a = (seen){0};
    ok(s->type->template_each(s, &q, see_template, &a, err));
    assert_true(a.count == 2 && !a.embedded && a.id[0] == first + 2);
    int64_t id, owner;
    bool found;
    ok(s->type->source_find(s, bytes_of("sha"), &id, &owner, &found, err));
    assert_true(found && id == first && owner == ann);
    ok(s->type->source_find(s, bytes_of("shb"), &id, &owner, &found, err));
    assert_true(!found && id == 0);
    ok(s->type->commit(s, err));
    assert_int_equal(counts_of(s).crops, 3);

    /* Another generation, another crop, and away with it. */
    bool left;
    arc_template_row row = {.id = first, .generation = 2, .embedding = bytes_of("newer")};
    ok(s->type->begin(s, true, err));
    ok(s->type->embedding_put(s, &row, 1, false, err));
    ok(s->type->template_rewrite(s, &row, 1, err)); /* without a crop */
    ok(s->type->generation_drop(s, 1, 3, &left, err));
    assert_true(left);
    ok(s->type->generation_drop(s, 1, 3, &left, err));
    assert_false(left);
    q = (arc_template_query){.generation = 2, .parts = ARC_READ_EMBEDDING, .ids = &first, .id_count = 1}, a = (seen){0};
    ok(s->type->template_each(s, &q, see_template, &a, err));
    assert_true(a.count == 1 && a.embedded);
    ok(s->type->commit(s, err));
    assert_int_equal(counts_of(s).crops, 2);
    s->type->close(&s);
}

static void changes_tell_what_an_index_missed(void **state) {
    (void)state;
    arc_gallery_store *s = store_open_new("main");
    uint8_t mark[2][ARC_STORE_MARK_BYTES];
    int64_t revision[2];
    bool known;
    seen a = {0};
    ok(s->type->begin(s, true, err));
    ok(s->type->revision(s, &revision[0], mark[0], err));
    assert_int_equal(revision[0], 0);
    const int64_t ann = put_person(s, "Ann"), bob = put_person(s, "Bob");
    const int64_t first = put_templates(s, ann, 3);
    put_templates(s, bob, 2);
    ok(s->type->revision(s, &revision[1], mark[1], err));
    assert_int_equal(revision[1], 1); /* one for a transaction */
    ok(s->type->commit(s, err));

    ok(s->type->begin(s, true, err));
    ok(s->type->template_move(s, bob, ann, err));
    ok(s->type->template_remove(s, &first, 1, err));
    assert_int_equal(s->type->template_remove(s, &first, 1, NULL), ARC_ENOTFOUND);
    s->type->rollback(s);
    ok(s->type->begin(s, true, err));
    ok(s->type->template_move(s, bob, ann, err));
    ok(s->type->commit(s, err));
    ok(s->type->begin(s, true, err));
    ok(s->type->template_remove(s, &first, 1, err));
    ok(s->type->commit(s, err));

    ok(s->type->begin(s, false, err));
    ok(s->type->changes(s, 0, mark[0], &known, see_change, &a, err));
    assert_true(known && a.count == 5 && a.id[0] == first + 1 && a.owner[2] == ann && a.removed[4] && a.id[4] == first);
    a = (seen){0};
    ok(s->type->changes(s, 1, mark[1], &known, see_change, &a, err));
    assert_true(known && a.count == 3 && a.revision[0] == 2 && a.revision[2] == 3);
    ok(s->type->changes(s, 1, mark[0], &known, see_change, &a, err)); /* another gallery's */
    assert_false(known);
    ok(s->type->changes(s, 9, mark[1], &known, see_change, &a, err));
    assert_false(known);
    ok(s->type->commit(s, err));
    assert_whole(s);
    s->type->close(&s);
}

static void negatives_values_and_the_log_are_kept(void **state) {
    (void)state;
    arc_gallery_store *s = store_open_new("main"), *other = store_open_new("other");
    arc_buffer value;
    bool found;
    seen a = {0};
    arc_buffer_init(&value, &arc_alloc_libc, 100);
    ok(s->type->begin(s, true, err));
    const int64_t ann = put_person(s, "Ann");
    arc_negative_row no = {.identity = ann, .generation = 1, .embedding = bytes_of("embedded")};
    ok(s->type->reserve(s, ARC_IDS_NEGATIVE, 2, &no.id, err));
    ok(s->type->negative_put(s, &no, err));
    ok(s->type->negative_put(s, &no, err)); /* again: overwritten */
    no.id++;
    ok(s->type->negative_put(s, &no, err));
    ok(s->type->negative_each(s, ann, 1, see_negative, &a, err));
    assert_int_equal(a.count, 2);
    ok(s->type->negative_remove(s, no.id, err));
    assert_int_equal(s->type->negative_remove(s, 55, NULL), ARC_ENOTFOUND);
    s->type->rollback(s);
    ok(s->type->begin(s, true, err));
    assert_int_equal(put_person(s, "Ann") > 0, true);
    const arc_audit_row line = {.when_ms = 3, .action = bytes_of("add"), .subject = bytes_of("identity 1")};
    ok(s->type->audit_put(s, &line, err));
    ok(s->type->audit_put(s, &line, err));
    a = (seen){0};
    ok(s->type->audit_each(s, 0, see_audit, &a, err));
    assert_true(a.count == 2 && a.id[1] > a.id[0]);
    ok(s->type->meta_put(s, "model", bytes_of("one"), err));
    ok(s->type->meta_put(s, "model", bytes_of("two"), err));
    ok(s->type->meta_get(s, "model", &value, &found, err));
    assert_true(found && value.bytes == 3 && memcmp(value.data, "two", 3) == 0);
    ok(s->type->meta_put(s, "model", (arc_bytes){0}, err));
    ok(s->type->meta_get(s, "model", &value, &found, err));
    assert_false(found);
    ok(s->type->commit(s, err));
    assert_int_equal(counts_of(s).audits, 2);
    assert_int_equal(counts_of(other).identities, 0); /* galleries of a store do not see each other */
    arc_buffer_free(&value);
    s->type->close(&s);
    other->type->close(&other);
}

static void others_see_what_was_committed(void **state) {
    (void)state;
    arc_gallery_store *s = store_open_new("main"), *reader = store_open_new("main");
    bool changed;
    ok(reader->type->wait(reader, 0, &changed, err));
    ok(reader->type->wait(reader, 0, &changed, err));
    ok(s->type->begin(s, true, err));
    put_person(s, "Ann");
    assert_int_equal(counts_of(reader).identities, 0);
    ok(s->type->commit(s, err));
    ok(reader->type->wait(reader, 5000, &changed, err));
    assert_true(changed);
    assert_int_equal(counts_of(reader).identities, 1);
    ok(s->type->compact(s, &changed, err));
    assert_true(changed);
    s->type->close(&s);
    reader->type->close(&reader);
}

#define STORE_CASES                                                                                                              \
    cmocka_unit_test(people_come_and_go), cmocka_unit_test(templates_are_read_as_they_were_put),                                 \
        cmocka_unit_test(changes_tell_what_an_index_missed), cmocka_unit_test(negatives_values_and_the_log_are_kept),            \
        cmocka_unit_test(others_see_what_was_committed)

#endif
