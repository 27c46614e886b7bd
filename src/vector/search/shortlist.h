/* vector/search: the templates that may be among the answers to one probe, collected while templates go by with an interval each
 * that their cosine lies in.
 *
 * Of the `top` templates (or owners) with the greatest lower ends the smallest one is the limit: so many cosines reach it
 * already, and a template whose upper end is below it is no answer. The limit rises, and everything at or above it is on the
 * list. */
#ifndef ARC_VECTOR_SEARCH_SHORTLIST_H
#define ARC_VECTOR_SEARCH_SHORTLIST_H

#include "base/base.h"

typedef struct arc_candidate {
    float upper;
    uint32_t slot;
} arc_candidate;

typedef struct arc_shortlist_best {
    float lower;
    int64_t owner;
} arc_shortlist_best;

typedef struct arc_shortlist {
    const arc_alloc *alloc;
    bool by_owner;
    bool failed; /* there was no memory for the list */
    float limit; /* -infinity until `top` have been seen */
    size_t top, held;
    arc_shortlist_best *best; /* [top] a heap of `held`, the least lower end first */
    arc_candidate *list;
    size_t count, capacity;
} arc_shortlist;

/* `best` is room for `top` entries. */
void arc_shortlist_begin(arc_shortlist *s, const arc_alloc *alloc, arc_shortlist_best *best, size_t top, bool by_owner);
void arc_shortlist_end(arc_shortlist *s); /* frees the list */
/* The template at `slot`, whose cosine lies in middle - bound .. middle + bound. */
void arc_shortlist_offer(arc_shortlist *s, uint32_t slot, int64_t owner, float middle, float bound);
/* Adds what another list of the same probe has. */
void arc_shortlist_merge(arc_shortlist *s, const arc_shortlist *other);
/* Drops what is below the limit and sorts the rest, greatest upper end first. */
void arc_shortlist_sort(arc_shortlist *s);

#endif
