/* generate: people whose faces are to be generated, read from photos. */
#ifndef ARC_GENERATE_PEOPLE_H
#define ARC_GENERATE_PEOPLE_H

#include "base/base.h"
#include <arcface/generate.h>

struct arc_generate_people {
    arc_alloc alloc;
    arc_arena arena;
    int people, models; /* models: the generating one, then the judges */
    const char **name;  /* [people] */
    const char **photo; /* [people] the one that shows the person, without folder and suffix; NULL: there are several */
    int *dim;           /* [models] */
    float **embedding;  /* [models][people][dim] */
};

#endif
