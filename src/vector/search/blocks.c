/* vector/search: blocks of segments. What is not given away yet is not touched, so that the system need not provide it. */
#include "vector/search/blocks.h"
#include <string.h>

#define BLOCK_BYTES ((size_t)32 << 20) /* a block is not larger, unless a single piece is */
#define FIRST_CAPACITY 16

static bool note_block(arc_blocks *b, uint8_t *block) {
    if (b->blocks == b->capacity) {
        const size_t capacity = b->capacity ? b->capacity * 2 : FIRST_CAPACITY;
        uint8_t **grown = arc_mem_grow(b->alloc, b->block, b->capacity, capacity, sizeof *grown);
        if (!grown)
            return false;
        b->block = grown;
        b->capacity = capacity;
    }
    b->block[b->blocks++] = block;
    return true;
}

static bool add_block(arc_blocks *b, size_t expected) {
    const size_t most = ARC_MAX(BLOCK_BYTES / b->piece_bytes, (size_t)1);
    const size_t pieces = ARC_MAX(ARC_MIN(expected, most), ARC_MIN(b->pieces / 8, most));
    uint8_t *block = arc_mem_raw(b->alloc, pieces, b->piece_bytes);
    if (!block || !note_block(b, block)) {
        arc_mem_free(b->alloc, block);
        return false;
    }
    b->spare = block;
    b->spares = pieces;
    b->pieces += pieces;
    return true;
}

uint8_t *arc_blocks_take(arc_blocks *b, size_t expected) {
    if (b->spares == 0 && !add_block(b, ARC_MAX(expected, (size_t)1)))
        return NULL;
    uint8_t *piece = b->spare;
    b->spare += b->piece_bytes;
    b->spares--;
    memset(piece, 0, b->piece_bytes);
    return piece;
}

size_t arc_blocks_bytes(const arc_blocks *b) {
    return b->pieces * b->piece_bytes + b->capacity * sizeof *b->block;
}

void arc_blocks_free(arc_blocks *b) {
    for (size_t i = 0; i < b->blocks; i++)
        arc_mem_free(b->alloc, b->block[i]);
    arc_mem_free(b->alloc, b->block);
    *b = (arc_blocks){.alloc = b->alloc, .piece_bytes = b->piece_bytes};
}
