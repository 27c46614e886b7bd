/* vector/search: memory for segments. They are cut from blocks of several megabytes, which the processor can address by large
 * pages (base/mem.c asks for those): with pages of 4 KB the scan of an index would spend a good part of its time on addresses. */
#ifndef ARC_VECTOR_SEARCH_BLOCKS_H
#define ARC_VECTOR_SEARCH_BLOCKS_H

#include "base/base.h"

typedef struct arc_blocks {
    const arc_alloc *alloc;
    size_t piece_bytes; /* of one segment */
    uint8_t **block;    /* [blocks] */
    size_t blocks, capacity;
    uint8_t *spare;        /* the rest of the last block, */
    size_t spares, pieces; /* so many pieces of all */
} arc_blocks;

/* A piece of zeros; NULL: no memory. expected: so many are wanted soon, this one included; at most an eighth more than are in use
 * is allocated beyond them. */
uint8_t *arc_blocks_take(arc_blocks *b, size_t expected);
/* All that is allocated. */
size_t arc_blocks_bytes(const arc_blocks *b);
/* Frees all pieces. */
void arc_blocks_free(arc_blocks *b);

#endif
