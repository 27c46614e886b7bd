/* base: CRC-32C, eight bytes at a time (slicing by 8). */
#include "base/crc32c.h"
#include <string.h>

#define POLYNOMIAL 0x82f63b78u /* reflected */

void arc_crc_init(arc_crc_table *table) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
        table->at[0][i] = crc;
    }
    for (int k = 1; k < 8; k++)
        for (int i = 0; i < 256; i++)
            table->at[k][i] = table->at[k - 1][i] >> 8 ^ table->at[0][table->at[k - 1][i] & 255];
}

static uint32_t little(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t arc_crc32c(const arc_crc_table *t, uint32_t crc, const void *data, size_t bytes) {
    const uint8_t *p = data;
    crc = ~crc;
    for (; bytes >= 8; bytes -= 8, p += 8) {
        const uint32_t lo = crc ^ little(p), hi = little(p + 4);
        crc = t->at[7][lo & 255] ^ t->at[6][lo >> 8 & 255] ^ t->at[5][lo >> 16 & 255] ^ t->at[4][lo >> 24] ^ t->at[3][hi & 255] ^
              t->at[2][hi >> 8 & 255] ^ t->at[1][hi >> 16 & 255] ^ t->at[0][hi >> 24];
    }
    for (; bytes; bytes--, p++)
        crc = crc >> 8 ^ t->at[0][(crc ^ *p) & 255];
    return ~crc;
}
