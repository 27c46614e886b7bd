/* vector/search: the templates of an index, in segments of 256 places. A segment is one block of memory, the same in memory and
 * in a file: arrays, one behind the other, of everything that is known of a template. What is scanned lies together and begins at
 * cache lines. A place is numbered segment * 256 + place in it; one whose id is 0 is empty, and all of it is zero. */
#ifndef ARC_VECTOR_SEARCH_SLOTS_H
#define ARC_VECTOR_SEARCH_SLOTS_H

#include "vector/search/blocks.h"

#define ARC_SEGMENT_SLOTS 256

/* Where the arrays of a segment begin, in bytes; codes begin at 0. */
typedef struct arc_segment_layout {
    size_t dim, stride; /* numbers of a template; bytes of its codes: dim rounded up to 64 */
    size_t words;       /* 64-bit words of a sketch; 0: none */
    bool rows;          /* float32 templates are held */
    size_t sketch, bias, scale, error, length, id, owner, code_crc, row_crc, row;
    size_t bytes; /* of a segment, a multiple of 4096 */
} arc_segment_layout;

void arc_segment_layout_make(arc_segment_layout *out, size_t dim, bool sketch, bool rows);

/* Every array of a segment, the ids first: where it begins and how much of it belongs to one place. */
#define ARC_SEGMENT_ARRAYS 11
typedef struct arc_segment_array {
    size_t begin, bytes; /* bytes 0: there is no such array */
} arc_segment_array;
void arc_segment_arrays(const arc_segment_layout *l, arc_segment_array out[ARC_SEGMENT_ARRAYS]);

/* The arrays of one segment. */
typedef struct arc_segment {
    uint8_t *code;                 /* [256][stride]: 8-bit numbers plus 128 (quantise.h); behind dim: 128 */
    uint64_t *sketch;              /* [256][words] or NULL (sketch.h) */
    int32_t *bias;                 /* [256] of the sketches, or NULL */
    float *scale, *error, *length; /* [256] as in arc_quantised */
    int64_t *id, *owner;           /* [256] */
    uint32_t *code_crc, *row_crc;  /* [256] (checksum.h) */
    float *row;                    /* [256][dim] or NULL */
} arc_segment;

/* Ids and owners are kept a second time, outside of the segments: those of a mapped file become zero when another process removes
 * templates, and what this process has in its tables must not change by itself. */
typedef struct arc_slots {
    const arc_alloc *alloc;
    arc_segment_layout layout;
    uint8_t **segment;   /* [segments] */
    int64_t *id, *owner; /* [segments * 256] */
    _Atomic bool *check; /* [segments] its checksums have not been compared yet */
    size_t segments, capacity;
    arc_map map;   /* of a file, changed privately */
    size_t mapped; /* so many segments are in it, from the first one on; the others are pieces of `blocks` */
    arc_blocks blocks;
    bool from_file; /* some of it was read from a file: rows are checked before use */
    int64_t used;   /* places that were given away, removed ones included: 0..used-1 */
    int64_t live;   /* of these, the templates that are there */
} arc_slots;

/* No segments yet. */
void arc_slots_begin(arc_slots *s, const arc_alloc *alloc, const arc_segment_layout *layout);
/* Makes room for `extra` places behind the used ones. Errors: ENOMEM, ELIMIT (places are numbered in 32 bits). */
arc_status arc_slots_reserve(arc_slots *s, int64_t extra, arc_error *err);
/* Makes `used` places of a mapping, whose segments begin at `from`; none may be there. The mapping becomes the slots' after
 * success. Errors: as above. */
arc_status arc_slots_map(arc_slots *s, const arc_map *map, size_t from, int64_t used, arc_error *err);
/* Takes over the ids and owners that are in the segments, and counts the templates. */
void arc_slots_read_ids(arc_slots *s);
void arc_slots_free(arc_slots *s, bool wipe);

arc_segment arc_slots_segment(const arc_slots *s, size_t segment);

/* Segments with a used place, and the places of one that were given away. */
static inline size_t arc_slots_segments(const arc_slots *s) {
    return (size_t)(s->used + ARC_SEGMENT_SLOTS - 1) / ARC_SEGMENT_SLOTS;
}
static inline size_t arc_slots_in(const arc_slots *s, size_t segment) {
    const int64_t left = s->used - (int64_t)segment * ARC_SEGMENT_SLOTS;
    return (size_t)ARC_MIN(ARC_MAX(left, (int64_t)0), (int64_t)ARC_SEGMENT_SLOTS);
}

const float *arc_slots_row(const arc_slots *s, uint32_t slot); /* [dim]; only where rows are held */
/* Writes who is at a place. */
void arc_slots_enter(arc_slots *s, uint32_t slot, int64_t id, int64_t owner);
/* Makes a place empty: zeros. */
void arc_slots_clear(arc_slots *s, uint32_t slot);
/* The places of the last segment that were not given away: whether one of them seems to hold a template, which an interrupted or
 * another process's change of the file left there; and making them empty. */
bool arc_slots_tail_is_used(const arc_slots *s);
void arc_slots_clear_tail(arc_slots *s);
/* Moves the templates of `from` that are there to the first places of `to`, which is empty and has the same layout. Errors:
 * ENOMEM. */
arc_status arc_slots_compact(arc_slots *to, const arc_slots *from, arc_error *err);

#endif
