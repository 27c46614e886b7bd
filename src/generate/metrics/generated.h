/* generate: what `arcface generate` wrote, read again: pictures, whom they show, and the embeddings that were their targets. */
#ifndef ARC_GENERATE_METRICS_GENERATED_H
#define ARC_GENERATE_METRICS_GENERATED_H

#include "base/base.h"

#define ARC_GENERATED_LIST "generated.json"

typedef struct arc_generated_face {
    char *path;         /* dir/file */
    const char *person; /* its identity; faces with equal ones are of one */
    const char *photo;  /* the picture that its target is of, without folder and suffix; NULL: of none, or of several */
    int identity;       /* number of `person` */
} arc_generated_face;

typedef struct arc_generated {
    arc_arena arena;
    arc_generated_face *face; /* [faces] */
    int faces, identities, dim;
    float *target; /* [faces][dim]; NULL where the list has none */
} arc_generated;

/* Errors: ENOTFOUND, EIO, EFORMAT (names the face and the field), ELIMIT, ENOMEM. */
arc_status arc_generated_open(arc_generated *out, const arc_alloc *a, const char *dir, arc_error *err);
/* The same of a text in memory; dir: where it would be. Errors: EFORMAT, ELIMIT, ENOMEM. */
arc_status arc_generated_parse(arc_generated *out, const arc_alloc *a, const char *dir, const void *text, size_t bytes,
                               arc_error *err);
void arc_generated_close(arc_generated *list);
/* Whether two names are of one person: LFW's number behind the name ("Aaron_Eckhart_0001") is set aside, in paths also folder and
 * suffix. */
bool arc_is_person(const char *person, const char *path);
/* The name of a picture without folder and suffix; cut to fit. */
void arc_picture_stem(const char *path, char *out, size_t bytes);

#endif
