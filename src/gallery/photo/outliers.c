/* gallery/photo: outliers among a person's pictures, found before they are stored. */
#include "gallery/photo/outliers.h"
#include "base/base.h"
#include "gallery/pictures.h"
#include <string.h>

static bool is_of(const arc_enroll_entry *e, const char *person) {
    return e->told.as == ARC_ENROLLED && strcmp(e->person, person) == 0;
}

static void judge(arc_enroll_entry *e, bool strict, double cosine, double threshold, int64_t others) {
    if (cosine >= threshold)
        return;
    if (strict)
        arc_enroll_refuse(
            e, ARC_EINVAL,
            "%.150s is unlike the other %lld of %.100s: the highest cosine is %.3f, below the threshold %.3f; is it "
            "the same person? Without --strict it is stored",
            arc_enroll_label(e), (long long)others, e->person, cosine, threshold);
    else
        arc_enroll_doubt(
            e,
            "%.150s is unlike the other %lld of %.100s: the highest cosine is %.3f, below the threshold %.3f; is it the "
            "same person? It is stored (--strict refuses it)",
            arc_enroll_label(e), (long long)others, e->person, cosine, threshold);
}

/* All pictures of the person of entry `first`, which is the first of them in the batch: those in the gallery, then those in the
 * batch. */
static arc_status judge_person(arc_enroll_batch *b, int first, double threshold, arc_pictures *p, arc_error *err) {
    const char *person = b->entry[first].person;
    const int64_t id = b->entry[first].told.identity;
    arc_status st = ARC_OK;
    arc_pictures_clear(p);
    if (id)
        st = arc_pictures_add_stored(p, b->gallery, id, err);
    int64_t at = p->count;
    for (int i = first; st == ARC_OK && i < b->count; i++)
        if (is_of(&b->entry[i], person))
            st = arc_pictures_add(p, b->entry[i].photo.face[b->entry[i].face].embedding, 0, err);
    if (st != ARC_OK || p->count < 2)
        return st;
    for (int i = first; i < b->count; i++) /* each as if the others held */
        if (is_of(&b->entry[i], person)) {
            b->entry[i].nearest_cosine = arc_pictures_nearest(p, at++);
            b->entry[i].others = p->count - 1;
        }
    for (int i = first; i < b->count; i++)
        if (is_of(&b->entry[i], person))
            judge(&b->entry[i], b->strict, b->entry[i].nearest_cosine, threshold, b->entry[i].others);
    return ARC_OK;
}

arc_status arc_enroll_find_outliers(arc_enroll_batch *b, arc_error *err) {
    arc_pictures p;
    arc_gallery_facts facts;
    arc_status st = arc_gallery_facts_of(b->gallery, &facts, err);
    arc_pictures_begin(&p, &b->ctx->alloc, b->dim);
    for (int i = 0; st == ARC_OK && i < b->count; i++) {
        bool seen = b->entry[i].told.as != ARC_ENROLLED || b->entry[i].others > 0;
        if (!seen)
            st = judge_person(b, i, facts.threshold, &p, err);
    }
    arc_pictures_end(&p);
    return st;
}
