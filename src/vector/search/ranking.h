/* vector/search: the best answers by exact cosines, ties by the lower id. */
#ifndef ARC_VECTOR_SEARCH_RANKING_H
#define ARC_VECTOR_SEARCH_RANKING_H

#include "base/base.h"
#include <arcface/index.h>

typedef struct arc_ranking {
    arc_index_hit *hit; /* [top] best first */
    int top, count;
    bool by_owner; /* of each owner only the best */
} arc_ranking;

/* What a cosine must reach to change anything: -infinity while there is room. */
float arc_ranking_limit(const arc_ranking *r);
void arc_ranking_put(arc_ranking *r, arc_index_hit hit);

/* The sum of products of two vectors, in double and in a fixed order, rounded to float once. */
float arc_exact_cosine(const float *a, const float *b, size_t dim);

#endif
