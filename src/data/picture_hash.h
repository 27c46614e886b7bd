/* picture_hash: 256 bits that stay nearly the same when a picture is compressed, scaled or slightly changed in light: whether brightness rises from
 * each cell of a 17 x 16 grid to its right neighbour. */
#ifndef ARC_DATA_PICTURE_HASH_H
#define ARC_DATA_PICTURE_HASH_H

#include "base/base.h"
#include <arcface/image.h>

#define ARC_PICTURE_HASH_WORDS 4

void arc_picture_hash(const arc_image *image, uint64_t out[ARC_PICTURE_HASH_WORDS]);
int arc_picture_hash_distance(const uint64_t *a, const uint64_t *b); /* bits that differ */
/* Bits [from, from + count) as a number; count at most 64. */
uint64_t arc_picture_hash_bits(const uint64_t *hash, int from, int count);

#endif
