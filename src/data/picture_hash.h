/* data: a hash of 256 bits that hardly changes when a picture is compressed, scaled or slightly changed in brightness. A bit
 * says whether brightness rises from a cell of a 17 x 16 grid to its right neighbour. dedup.c uses it. */
#ifndef ARC_DATA_PICTURE_HASH_H
#define ARC_DATA_PICTURE_HASH_H

#include "base/base.h"
#include <arcface/image.h>

#define ARC_PICTURE_HASH_WORDS 4

void arc_picture_hash(const arc_image *image, uint64_t out[ARC_PICTURE_HASH_WORDS]);
int arc_picture_hash_distance(const uint64_t *a, const uint64_t *b); /* number of bits that differ */
/* Bits [from, from + count) as an integer; count is at most 64. */
uint64_t arc_picture_hash_bits(const uint64_t *hash, int from, int count);

#endif
