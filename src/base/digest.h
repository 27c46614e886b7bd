/* base: SHA-256 of streams and files. hash.h has a fast hash for other purposes. */
#ifndef ARC_BASE_DIGEST_H
#define ARC_BASE_DIGEST_H

#include "base/base.h"

#define ARC_DIGEST_HEX_BYTES 65

typedef struct arc_digest {
    uint64_t state[32]; /* room for the library's own state, aligned */
} arc_digest;
void arc_digest_begin(arc_digest *d);
void arc_digest_add(arc_digest *d, const void *data, size_t bytes);
void arc_digest_end(arc_digest *d, char hex[ARC_DIGEST_HEX_BYTES]);
/* The digest of a file of up to 4 GiB, with a few MiB of it in memory at a time. */
arc_status arc_digest_file(const char *path, char hex[ARC_DIGEST_HEX_BYTES], arc_error *err);

#endif
