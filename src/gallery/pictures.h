/* gallery: the pictures of one person as embeddings, and how like one of them is to the others. */
#ifndef ARC_GALLERY_PICTURES_H
#define ARC_GALLERY_PICTURES_H

#include "base/base.h"
#include <arcface/gallery.h>

typedef struct arc_pictures {
    const arc_alloc *alloc;
    int dim;
    float *row;           /* [count][dim] */
    int64_t *template_id; /* [count]; 0: not stored yet */
    int64_t count, capacity;
} arc_pictures;

void arc_pictures_begin(arc_pictures *p, const arc_alloc *alloc, int dim);
void arc_pictures_clear(arc_pictures *p); /* for the next person */
void arc_pictures_end(arc_pictures *p);
/* embedding: [dim], is copied. Errors: ENOMEM. */
arc_status arc_pictures_add(arc_pictures *p, const float *embedding, int64_t template_id, arc_error *err);
/* What the gallery has of an identity. Errors: those of arc_gallery_templates, ENOMEM. */
arc_status arc_pictures_add_stored(arc_pictures *p, arc_gallery *gallery, int64_t identity, arc_error *err);
/* The highest cosine of picture `of` with another one; -1: there is none. */
double arc_pictures_nearest(const arc_pictures *p, int64_t of);

#endif
