/* vector/search: the templates whose sketches fit a probe best, which alone are compared further in a fast search. */
#ifndef ARC_VECTOR_SEARCH_NOMINATE_H
#define ARC_VECTOR_SEARCH_NOMINATE_H

#include "kernel/kernel.h"
#include "vector/search/slots.h"

typedef struct arc_nominee {
    int32_t sum; /* bit_dots less bias */
    uint32_t slot;
} arc_nominee;

/* The best so far of one thread for one probe: room for twice as many as wanted; when it is full, the worse half is dropped. */
typedef struct arc_nominees {
    arc_nominee *list; /* [2 * wanted] */
    size_t wanted, count;
    float limit; /* a sum must reach it */
} arc_nominees;

typedef struct arc_nomination {
    const arc_kernels *kernels;
    arc_slots *slots;
    const uint64_t *planes;  /* [probes][4][words] */
    const uint64_t *allowed; /* a bit for each place; NULL: all take part */
    arc_nominees *best;      /* [threads][probes] */
    int probes;
    _Atomic bool damaged; /* a checksum is wrong */
} arc_nomination;

/* Goes through all sketches on all threads of the context. */
void arc_nominate(const arc_context *ctx, arc_nomination *n);
/* Adds the other's to `best` and keeps the wanted ones, in the order of places. */
void arc_nominees_merge(arc_nominees *best, const arc_nominees *other);
void arc_nominees_finish(arc_nominees *best);

#endif
