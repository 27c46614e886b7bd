/* vector/search: the templates whose sketches fit a probe best, which alone are compared further in a fast search. */
#ifndef ARC_VECTOR_SEARCH_NOMINATE_H
#define ARC_VECTOR_SEARCH_NOMINATE_H

#include "kernel/kernel.h"
#include "vector/search/slots.h"

/* A sum (bit_dots less bias, at most 4096 * 15 either way) and a place as one number: the greater, the better; of equal sums the
 * lower place is. */
static inline uint64_t arc_nominee_of(int32_t sum, uint32_t slot) {
    return (uint64_t)(uint32_t)(sum + 65536) << 32 | (UINT32_MAX - slot);
}
static inline int32_t arc_nominee_sum(uint64_t nominee) {
    return (int32_t)(nominee >> 32) - 65536;
}
static inline uint32_t arc_nominee_slot(uint64_t nominee) {
    return UINT32_MAX - (uint32_t)nominee;
}

/* The best so far of one thread for one probe: room for twice as many as wanted; when it is full, the worse half is dropped. */
typedef struct arc_nominees {
    uint64_t *list; /* [2 * wanted] in no order */
    size_t wanted, count;
    size_t asked; /* the first so many are known to be there and to take part */
    float limit;  /* a sum must reach it */
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
/* Adds the other's to `best`. */
void arc_nominees_merge(arc_nominees *best, const arc_nominees *other);
/* Keeps the wanted ones. */
void arc_nominees_finish(arc_nominees *best);

#endif
