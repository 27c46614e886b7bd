/* gallery/photo: a batch of photos on its way into the gallery. All that speaks against one of them is found before anything is
 * stored: a name that cannot be one, a photo that is there already, a face that is unlike the person's others. */
#include "gallery/photo/batch.h"
#include "base/base.h"
#include "base/text.h"
#include "face/text.h"
#include "gallery/decide/quality.h"
#include "gallery/photo/norm.h"
#include "gallery/photo/outliers.h"
#include <stdio.h>
#include <string.h>

arc_status arc_enroll_batch_begin(arc_enroll_batch *b, int capacity, arc_error *err) {
    b->entry = arc_mem_new(&b->ctx->alloc, (size_t)capacity, sizeof *b->entry);
    b->capacity = b->entry ? capacity : 0;
    return b->entry ? ARC_OK : arc_fail_nomem(err, "a batch of photos");
}

void arc_enroll_batch_clear(arc_enroll_batch *b) {
    for (int i = 0; i < b->count; i++) {
        arc_result_free(b->ctx, &b->entry[i].photo);
        arc_mem_free(&b->ctx->alloc, b->entry[i].person);
    }
    b->count = 0;
}

void arc_enroll_batch_end(arc_enroll_batch *b) {
    if (!b->ctx)
        return;
    arc_enroll_batch_clear(b);
    arc_mem_free(&b->ctx->alloc, b->entry);
    b->entry = NULL;
}

static bool holds(const arc_enroll_entry *e) {
    return e->told.as == ARC_ENROLLED;
}

/* ---- who, and whether the photo is there ---- */

/* An earlier entry of the same person that is or may be stored. */
static const arc_enroll_entry *earlier_of(const arc_enroll_batch *b, int index) {
    for (int i = index - 1; i >= 0; i--)
        if (holds(&b->entry[i]) && strcmp(b->entry[i].person, b->entry[index].person) == 0)
            return &b->entry[i];
    return NULL;
}

static arc_status find_person(const arc_enroll_batch *b, int index, arc_error *err) {
    arc_enroll_entry *e = &b->entry[index];
    const arc_enroll_entry *before = earlier_of(b, index);
    arc_error why = {0};
    bool found = false;
    if (before) {
        e->told.identity = before->told.identity;
        return ARC_OK;
    }
    const arc_status st = arc_gallery_find(b->gallery, e->person, &e->told.identity, &found, &why);
    if (st == ARC_EINVAL) { /* no possible name */
        arc_enroll_refuse(e, st, "%.100s: %.400s", arc_enroll_label(e), why.text);
        return ARC_OK;
    }
    return st == ARC_OK ? ARC_OK : arc_fail(err, st, "%s", why.text);
}

static int copy_name(void *arg, const arc_identity *identity) {
    snprintf(arg, 200, "%s", identity->name);
    return 0;
}

static void refuse_as_others(arc_enroll_entry *e, const char *other) {
    arc_enroll_refuse(
        e, ARC_EINVAL,
        "%.150s is enrolled as %.100s already and cannot be %.100s's too: remove it there, or rename or merge the two",
        arc_enroll_label(e), other, e->person);
}

/* The same photo in the gallery. */
static arc_status find_in_gallery(const arc_enroll_batch *b, arc_enroll_entry *e, arc_error *err) {
    int64_t template_id = 0, identity = 0;
    bool found = false;
    char other[200] = "";
    arc_status st = arc_gallery_find_source(b->gallery, e->told.sha256, &template_id, &identity, &found, err);
    if (st != ARC_OK || !found)
        return st;
    e->told.template_id = template_id;
    if (identity == e->told.identity)
        e->told.as = ARC_ENROLLED_BEFORE;
    else if ((st = arc_gallery_identity(b->gallery, identity, copy_name, other, err)) == ARC_OK)
        refuse_as_others(e, other);
    return st;
}

/* The same photo earlier in the batch: a copy of it, or a name given twice. */
static void find_in_batch(const arc_enroll_batch *b, int index) {
    arc_enroll_entry *e = &b->entry[index];
    for (int i = 0; i < index; i++) {
        const arc_enroll_entry *other = &b->entry[i];
        if (!holds(other) || !other->has_digest || memcmp(other->told.sha256, e->told.sha256, sizeof e->told.sha256) != 0)
            continue;
        if (strcmp(other->person, e->person) == 0)
            e->told.as = ARC_ENROLLED_BEFORE;
        else
            refuse_as_others(e, other->person);
        return;
    }
}

/* ---- storing ---- */

/* What is kept of a photo beside its embedding. */
static char *detail_of(const arc_context *ctx, const arc_enroll_entry *e, arc_error *err) {
    const arc_result_face *face = &e->photo.face[e->face];
    char *text = NULL;
    arc_text t;
    arc_text_begin(&t, &ctx->alloc);
    arc_text_add(&t, "{\"photo\": ");
    arc_text_quote(&t, arc_face_label(&e->photo));
    arc_text_add(&t, ", ");
    arc_face_json(&t, &face->face);
    arc_text_add(&t, ", \"residual_px\": %.6g, \"norm\": %.6g, \"quality\": ", face->align_residual_px, (double)face->norm);
    arc_quality_json(&t, &e->told.quality);
    arc_text_add(&t, "}");
    return arc_text_end(&t, &text, err) == ARC_OK ? text : NULL;
}

static arc_status fill(const arc_enroll_batch *b, arc_template_in *in, int *of, int *count, arc_error *err) {
    *count = 0;
    for (int i = 0; i < b->count; i++) {
        const arc_enroll_entry *e = &b->entry[i];
        if (!holds(e))
            continue;
        const arc_result_face *face = &e->photo.face[e->face];
        of[*count] = i;
        arc_template_in *t = &in[(*count)++];
        *t = (arc_template_in){.identity = e->told.identity,
                               .name = e->told.identity ? NULL : e->person,
                               .embedding = face->embedding,
                               .crop = face->crop.data ? &face->crop : NULL,
                               .quality = (float)e->told.quality.combined,
                               .detail_json = detail_of(b->ctx, e, err),
                               .source_sha256 = e->has_digest ? e->told.sha256 : NULL};
        if (!t->detail_json)
            return ARC_ENOMEM;
    }
    return ARC_OK;
}

/* A photo that was given twice in the batch is the same template, or has failed as the first one has. */
static void follow_copy(const arc_enroll_batch *b, int index) {
    arc_enroll_entry *e = &b->entry[index];
    for (int i = 0; i < index; i++) {
        const arc_enroll_entry *first = &b->entry[i];
        if (!first->has_digest || memcmp(first->told.sha256, e->told.sha256, ARC_PHOTO_DIGEST_BYTES) != 0)
            continue;
        e->told.template_id = first->told.template_id;
        if (first->told.as == ARC_ENROLL_FAILED)
            arc_enroll_refuse(e, first->told.error.code, "%s", first->told.error.text);
        return;
    }
}

/* Those who came with the batch have ids now. They are on the disk: a failure to look them up is none of the batch. */
static void learn_ids(const arc_enroll_batch *b) {
    for (int i = 0; i < b->count; i++) {
        arc_enroll_entry *e = &b->entry[i];
        bool found;
        if (e->told.as == ARC_ENROLL_FAILED || e->told.identity)
            continue;
        const arc_enroll_entry *before = earlier_of(b, i);
        e->told.first = holds(e) && !before;
        if (before)
            e->told.identity = before->told.identity;
        else if (arc_gallery_find(b->gallery, e->person, &e->told.identity, &found, NULL) != ARC_OK)
            e->told.identity = 0;
    }
    for (int i = 0; i < b->count; i++)
        if (b->entry[i].told.as == ARC_ENROLLED_BEFORE && !b->entry[i].told.template_id)
            follow_copy(b, i);
}

static arc_status store(const arc_enroll_batch *b, arc_error *err) {
    const arc_alloc *a = &b->ctx->alloc;
    int count = 0;
    arc_template_in *in = arc_mem_new(a, (size_t)b->count, sizeof *in);
    int *of = arc_mem_new(a, (size_t)b->count, sizeof *of);
    int64_t *ids = arc_mem_new(a, (size_t)b->count, sizeof *ids);
    arc_status st = in && of && ids ? fill(b, in, of, &count, err) : arc_fail_nomem(err, "templates");
    if (st == ARC_OK && count > 0)
        st = arc_gallery_add(b->gallery, in, count, ids, err);
    for (int k = 0; k < count; k++) {
        char *detail = (char *)(uintptr_t)in[k].detail_json;
        arc_text_free(b->ctx, &detail);
        if (st == ARC_OK)
            b->entry[of[k]].told.template_id = ids[k];
    }
    arc_mem_free(a, in);
    arc_mem_free(a, of);
    arc_mem_free(a, ids);
    if (st == ARC_OK)
        learn_ids(b);
    return st;
}

static arc_status decide(const arc_enroll_batch *b, arc_error *err) {
    arc_status st = ARC_OK;
    for (int i = 0; st == ARC_OK && i < b->count; i++) {
        arc_enroll_entry *e = &b->entry[i];
        if (holds(e))
            st = find_person(b, i, err);
        if (st == ARC_OK && holds(e) && e->has_digest)
            find_in_batch(b, i);
        if (st == ARC_OK && holds(e) && e->has_digest)
            st = find_in_gallery(b, e, err);
    }
    return st;
}

static arc_status measure(const arc_enroll_batch *b, arc_error *err) {
    double typical_norm;
    const arc_status st = arc_photo_known_norm(b->gallery, &typical_norm, err);
    for (int i = 0; st == ARC_OK && i < b->count; i++) {
        arc_enroll_entry *e = &b->entry[i];
        if (holds(e) && !e->measured)
            arc_face_quality(&e->photo.face[e->face], e->photo.from, typical_norm, &e->told.quality);
    }
    return st;
}

arc_status arc_enroll_batch_store(arc_enroll_batch *b, arc_error *err) {
    arc_error why = {0};
    arc_status st = measure(b, &why);
    if (st == ARC_OK)
        st = decide(b, &why);
    if (st == ARC_OK)
        st = arc_enroll_find_outliers(b, &why);
    if (st == ARC_OK)
        st = store(b, &why);
    for (int i = 0; i < b->count; i++) {
        arc_enroll_entry *e = &b->entry[i];
        if (st != ARC_OK && e->told.as != ARC_ENROLL_FAILED) {
            arc_enroll_refuse(e, st, "%.150s is not stored: %.340s", arc_enroll_label(e), why.text);
            e->told.template_id = 0;
        }
        e->told.person = e->person;
        e->told.photo = &e->photo;
    }
    return st == ARC_OK ? ARC_OK : arc_fail(err, st, "%s", why.text);
}
