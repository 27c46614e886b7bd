/* data: the difference hash of a picture, on a grid of mean brightness. */
#include "data/picture_hash.h"

enum { COLUMNS = 17, ROWS = 16 };

/* Mean brightness of a cell, in integers: the same on every machine. */
static uint32_t mean(const arc_image *image, int column, int row) {
    const int x0 = (int)((int64_t)column * image->width_px / COLUMNS), y0 = (int)((int64_t)row * image->height_px / ROWS);
    const int x1 = ARC_MAX((int)((int64_t)(column + 1) * image->width_px / COLUMNS), x0 + 1);
    const int y1 = ARC_MAX((int)((int64_t)(row + 1) * image->height_px / ROWS), y0 + 1);
    uint64_t sum = 0;
    for (int y = y0; y < y1; y++) {
        const uint8_t *p = image->data + y * image->stride_bytes + (ptrdiff_t)x0 * 3;
        for (int x = x0; x < x1; x++, p += 3)
            sum += 77u * p[0] + 151u * p[1] + 28u * p[2];
    }
    return (uint32_t)(sum / (uint64_t)((x1 - x0) * (int64_t)(y1 - y0)));
}

void arc_picture_hash(const arc_image *image, uint64_t out[ARC_PICTURE_HASH_WORDS]) {
    for (int i = 0; i < ARC_PICTURE_HASH_WORDS; i++)
        out[i] = 0;
    for (int row = 0; row < ROWS; row++) {
        uint32_t left = mean(image, 0, row);
        for (int column = 1; column < COLUMNS; column++) {
            const uint32_t here = mean(image, column, row);
            const int bit = row * (COLUMNS - 1) + column - 1;
            out[bit / 64] |= (uint64_t)(here > left) << (bit % 64);
            left = here;
        }
    }
}

int arc_picture_hash_distance(const uint64_t *a, const uint64_t *b) {
    int bits = 0;
    for (int i = 0; i < ARC_PICTURE_HASH_WORDS; i++)
        bits += __builtin_popcountll(a[i] ^ b[i]);
    return bits;
}

uint64_t arc_picture_hash_bits(const uint64_t *hash, int from, int count) {
    const int word = from / 64, shift = from % 64;
    uint64_t bits = hash[word] >> shift;
    if (shift && word + 1 < ARC_PICTURE_HASH_WORDS)
        bits |= hash[word + 1] << (64 - shift);
    return count < 64 ? bits & (((uint64_t)1 << count) - 1) : bits;
}
