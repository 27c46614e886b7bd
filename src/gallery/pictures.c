/* gallery: the pictures of one person. */
#include "gallery/pictures.h"
#include <arcface/face.h>
#include <string.h>

void arc_pictures_begin(arc_pictures *p, const arc_alloc *alloc, int dim) {
    *p = (arc_pictures){.alloc = alloc, .dim = dim};
}

void arc_pictures_clear(arc_pictures *p) {
    p->count = 0;
}

void arc_pictures_end(arc_pictures *p) {
    arc_mem_free(p->alloc, p->row);
    arc_mem_free(p->alloc, p->template_id);
    *p = (arc_pictures){.alloc = p->alloc, .dim = p->dim};
}

static arc_status reserve_one(arc_pictures *p, arc_error *err) {
    if (p->count < p->capacity)
        return ARC_OK;
    const size_t had = (size_t)p->count, more = 2 * had + 16, dim = (size_t)p->dim;
    float *row = arc_mem_grow(p->alloc, p->row, had, more, dim * sizeof *row);
    p->row = row ? row : p->row;
    int64_t *id = row ? arc_mem_grow(p->alloc, p->template_id, had, more, sizeof *id) : NULL;
    p->template_id = id ? id : p->template_id;
    p->capacity = id ? (int64_t)more : p->capacity;
    return id ? ARC_OK : arc_fail_nomem(err, "a person's pictures");
}

arc_status arc_pictures_add(arc_pictures *p, const float *embedding, int64_t template_id, arc_error *err) {
    const arc_status st = reserve_one(p, err);
    if (st != ARC_OK)
        return st;
    memcpy(p->row + p->count * p->dim, embedding, (size_t)p->dim * sizeof *embedding);
    p->template_id[p->count++] = template_id;
    return ARC_OK;
}

typedef struct adding {
    arc_pictures *pictures;
    arc_status st;
    arc_error *err;
} adding;

static int add_stored(void *arg, const arc_template_record *record) {
    adding *a = arg;
    a->st = arc_pictures_add(a->pictures, record->embedding, record->id, a->err);
    return a->st != ARC_OK;
}

arc_status arc_pictures_add_stored(arc_pictures *p, arc_gallery *gallery, int64_t identity, arc_error *err) {
    adding a = {.pictures = p, .err = err};
    const arc_status st = arc_gallery_templates(gallery, identity, false, add_stored, &a, err);
    return st == ARC_OK ? a.st : st;
}

double arc_pictures_nearest(const arc_pictures *p, int64_t of) {
    double best = -1;
    for (int64_t i = 0; i < p->count; i++)
        if (i != of)
            best = ARC_MAX(best, arc_embedding_cosine(p->row + of * p->dim, p->row + i * p->dim, p->dim));
    return best;
}
