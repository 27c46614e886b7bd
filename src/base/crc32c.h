/* base: CRC-32C (Castagnoli), used for stores (checkpoints) and TensorBoard records. */
#ifndef ARC_BASE_CRC32C_H
#define ARC_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

typedef struct arc_crc_table {
    uint32_t at[8][256];
} arc_crc_table;
void arc_crc_init(arc_crc_table *table);
/* Continues from `crc`; 0 for the first piece. */
uint32_t arc_crc32c(const arc_crc_table *table, uint32_t crc, const void *data, size_t bytes);

#endif
