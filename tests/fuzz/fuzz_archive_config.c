/* Any bytes as config.json of an NN Archive beside no network, with all that is said of it: the tar around it is sound, so that
 * every byte reaches the text. */
#include "deploy/archive/archive.h"
#include "fuzz_memory.h"
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BLOCK = 512, MOST = 1 << 16, CHECKSUM_AT = 148 };

/* The ustar header of a regular file. */
static void put_header(uint8_t block[BLOCK], const char *name, size_t size) {
    unsigned sum = 0;
    memset(block, 0, BLOCK);
    snprintf((char *)block, 100, "%s", name);
    memcpy(block + 100, "0000644", 7);
    snprintf((char *)block + 124, 12, "%011o", (unsigned)size);
    memcpy(block + 136, "00000000000", 11);
    memset(block + CHECKSUM_AT, ' ', 8);
    block[156] = '0';
    memcpy(block + 257, "ustar\00000", 8);
    for (int i = 0; i < BLOCK; i++)
        sum += block[i];
    snprintf((char *)block + CHECKSUM_AT, 8, "%06o", sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t tar[MOST + 4 * BLOCK];
    arc_archive archive;
    arc_error err;
    if (size > MOST)
        return 0;
    const size_t blocks = (size + BLOCK - 1) / BLOCK;
    memset(tar, 0, (blocks + 3) * BLOCK);
    put_header(tar, ARC_ARCHIVE_CONFIG, size);
    memcpy(tar + BLOCK, data, size);
    if (arc_archive_parse(&archive, &fuzz_alloc, tar, (blocks + 3) * BLOCK, "fuzz.tar.xz", &err) != ARC_OK)
        return 0;
    arc_archive_check(&archive);
    arc_archive_close(&archive);
    return 0;
}
