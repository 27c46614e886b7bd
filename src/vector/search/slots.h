/* vector/search: the templates of an index, in segments of 256 places. A segment is one block of memory, the same in memory and
 * in a file: arrays, one behind the other, of everything that is known of a template. What is scanned lies together and begins at
 * cache lines. A place is numbered segment * 256 + place in it; one whose id is 0 is empty, and all of it is zero. */
#ifndef ARC_VECTOR_SEARCH_SLOTS_H
#define ARC_VECTOR_SEARCH_SLOTS_H

#include "base/base.h"

#define ARC_SEGMENT_SLOTS 256

/* Where the arrays of a segment begin, in bytes; codes begin at 0. */
typedef struct arc_segment_layout {
    size_t dim, stride; /* numbers of a template; bytes of its codes: dim rounded up to 64 */
    size_t words;       /* 64-bit words of a sketch; 0: none */
    bool rows;          /* float32 templates are held */
    size_t sketch, scale, error, length, id, owner, row;
    size_t bytes; /* of a segment, a multiple of 4096 */
} arc_segment_layout;

void arc_segment_layout_make(arc_segment_layout *out, size_t dim, bool sketch, bool rows);

/* The arrays of one segment. */
typedef struct arc_segment {
    uint8_t *code;                 /* [256][stride]: 8-bit numbers plus 128 (quantise.h); behind dim: 128 */
    uint64_t *sketch;              /* [256][words] or NULL */
    float *scale, *error, *length; /* [256] as in arc_quantised */
    int64_t *id, *owner;           /* [256] */
    float *row;                    /* [256][dim] or NULL */
} arc_segment;

typedef struct arc_slots {
    const arc_alloc *alloc;
    arc_segment_layout layout;
    uint8_t **segment; /* [segments] */
    size_t segments, capacity;
    int64_t used; /* places that were given away, removed ones included: 0..used-1 */
    int64_t live; /* of these, the templates that are there */
} arc_slots;

/* Makes room for `extra` places behind the used ones. Errors: ENOMEM, ELIMIT (places are numbered in 32 bits). */
arc_status arc_slots_reserve(arc_slots *s, int64_t extra, arc_error *err);
void arc_slots_free(arc_slots *s, bool wipe);

arc_segment arc_slots_segment(const arc_slots *s, size_t segment);

/* Places of a segment that were given away. */
static inline size_t arc_slots_in(const arc_slots *s, size_t segment) {
    const int64_t left = s->used - (int64_t)segment * ARC_SEGMENT_SLOTS;
    return (size_t)ARC_MIN(ARC_MAX(left, (int64_t)0), (int64_t)ARC_SEGMENT_SLOTS);
}

int64_t arc_slots_id(const arc_slots *s, uint32_t slot);
int64_t arc_slots_owner(const arc_slots *s, uint32_t slot);
const float *arc_slots_row(const arc_slots *s, uint32_t slot); /* [dim]; only where rows are held */
/* Makes a place empty: zeros. */
void arc_slots_clear(arc_slots *s, uint32_t slot);

#endif
