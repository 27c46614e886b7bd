/* vector/search: which places take part in a search: a bit each, a whole number of words a segment. */
#ifndef ARC_VECTOR_SEARCH_FILTER_H
#define ARC_VECTOR_SEARCH_FILTER_H

#include "vector/search/slots.h"

#define ARC_FILTER_WORDS (ARC_SEGMENT_SLOTS / 64)

/* filter NULL: all take part. */
static inline bool arc_filter_has(const uint64_t *filter, uint32_t slot) {
    return !filter || (filter[slot / 64] >> slot % 64 & 1);
}
static inline void arc_filter_add(uint64_t *filter, uint32_t slot) {
    filter[slot / 64] |= (uint64_t)1 << slot % 64;
}
static inline bool arc_filter_any(const uint64_t *filter, size_t segment) {
    uint64_t any = !filter;
    for (size_t i = 0; filter && i < ARC_FILTER_WORDS; i++)
        any |= filter[segment * ARC_FILTER_WORDS + i];
    return any != 0;
}

#endif
