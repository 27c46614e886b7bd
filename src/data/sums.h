/* data: checksums of a set's pictures, in the file SET.sums: "arcface sums 1", then a line "checksum bytes key" for each
 * picture. A checksum is the first 16 bytes of BLAKE2b-128 in hexadecimal. */
#ifndef ARC_DATA_SUMS_H
#define ARC_DATA_SUMS_H

#include "data/set.h"

#define ARC_SUM_BYTES 16

void arc_data_sum(const void *bytes, size_t count, uint8_t sum[ARC_SUM_BYTES]);

typedef struct arc_data_sums arc_data_sums;
/* Errors: ENOTFOUND if there is no such file, EFORMAT if it is not a file of checksums. */
arc_status arc_data_sums_open(arc_data_sums **out, const arc_alloc *a, const char *path, arc_error *err);
void arc_data_sums_close(arc_data_sums **sums); /* NULL-safe */
/* 1: equal, 0: different, -1: the key is not listed. */
int arc_data_sums_compare(const arc_data_sums *sums, const char *key, const void *bytes, size_t count);

#endif
