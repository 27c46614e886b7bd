/* gallery/photo: outliers among a person's pictures, found before they are stored. */
#include "gallery/photo/outliers.h"
#include "base/base.h"
#include <string.h>

/* The pictures of one person: those in the gallery, then those in the batch. */
typedef struct pictures {
    const arc_alloc *alloc;
    float *row; /* [count][dim] */
    int64_t count, capacity;
    int dim;
    bool refused; /* memory was */
} pictures;

static void add(pictures *p, const float *embedding) {
    if (p->count == p->capacity && !p->refused) {
        const int64_t more = 2 * p->capacity + 16;
        float *row = arc_mem_grow(p->alloc, p->row, (size_t)(p->capacity * p->dim), (size_t)(more * p->dim), sizeof *row);
        p->refused = !row;
        p->row = row ? row : p->row;
        p->capacity = row ? more : p->capacity;
    }
    if (!p->refused)
        memcpy(p->row + p->count++ * p->dim, embedding, (size_t)p->dim * sizeof *embedding);
}

static int add_stored(void *arg, const arc_template_record *record) {
    pictures *p = arg;
    add(p, record->embedding);
    return p->refused;
}

static double nearest(const pictures *p, int64_t of) {
    double best = -1;
    for (int64_t i = 0; i < p->count; i++)
        if (i != of)
            best = ARC_MAX(best, arc_embedding_cosine(p->row + of * p->dim, p->row + i * p->dim, p->dim));
    return best;
}

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

/* All pictures of the person of entry `first`, which is the first of them in the batch. */
static arc_status judge_person(arc_enroll_batch *b, int first, double threshold, pictures *p, arc_error *err) {
    const char *person = b->entry[first].person;
    const int64_t id = b->entry[first].told.identity;
    arc_status st = ARC_OK;
    p->count = 0;
    if (id)
        st = arc_gallery_templates(b->gallery, id, false, add_stored, p, err);
    const int64_t stored = p->count;
    for (int i = first; i < b->count; i++)
        if (is_of(&b->entry[i], person))
            add(p, b->entry[i].photo.face[b->entry[i].face].embedding);
    if (st == ARC_OK && p->refused)
        st = arc_fail_nomem(err, "a person's pictures");
    if (st != ARC_OK || p->count < 2)
        return st;
    int64_t at = stored;
    for (int i = first; i < b->count; i++) /* each as if the others held */
        if (is_of(&b->entry[i], person)) {
            b->entry[i].nearest_cosine = nearest(p, at++);
            b->entry[i].others = p->count - 1;
        }
    for (int i = first; i < b->count; i++)
        if (is_of(&b->entry[i], person))
            judge(&b->entry[i], b->strict, b->entry[i].nearest_cosine, threshold, b->entry[i].others);
    return ARC_OK;
}

arc_status arc_enroll_find_outliers(arc_enroll_batch *b, arc_error *err) {
    pictures p = {.alloc = &b->ctx->alloc, .dim = b->dim};
    arc_gallery_facts facts;
    arc_status st = arc_gallery_facts_of(b->gallery, &facts, err);
    for (int i = 0; st == ARC_OK && i < b->count; i++) {
        bool seen = b->entry[i].told.as != ARC_ENROLLED || b->entry[i].others > 0;
        if (!seen)
            st = judge_person(b, i, facts.threshold, &p, err);
    }
    arc_mem_free(p.alloc, p.row);
    return st;
}
