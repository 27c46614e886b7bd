/* base: SHA-256 of streams and files, with libsodium. */
#include "base/digest.h"
#include <sodium.h>

#define STEP_BYTES ((size_t)4 << 20)
#define MAX_FILE_BYTES ((size_t)4 << 30)

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(arc_digest), "the digest has room for libsodium's state");

void arc_digest_begin(arc_digest *d) {
    crypto_hash_sha256_init((crypto_hash_sha256_state *)(void *)d);
}

void arc_digest_add(arc_digest *d, const void *data, size_t bytes) {
    crypto_hash_sha256_update((crypto_hash_sha256_state *)(void *)d, data, bytes);
}

void arc_digest_end(arc_digest *d, char hex[ARC_DIGEST_HEX_BYTES]) {
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_final((crypto_hash_sha256_state *)(void *)d, hash);
    sodium_bin2hex(hex, ARC_DIGEST_HEX_BYTES, hash, sizeof hash);
}

arc_status arc_digest_file(const char *path, char hex[ARC_DIGEST_HEX_BYTES], arc_error *err) {
    hex[0] = 0;
    arc_map map;
    arc_status st = arc_map_open(&map, path, (size_t)MAX_FILE_BYTES, err);
    if (st != ARC_OK)
        return st;
    arc_digest d;
    arc_digest_begin(&d);
    for (size_t at = 0; at < map.bytes; at += STEP_BYTES) {
        size_t bytes = ARC_MIN(STEP_BYTES, map.bytes - at);
        arc_digest_add(&d, map.data + at, bytes);
        arc_map_drop(&map, map.data + at, bytes);
    }
    arc_digest_end(&d, hex);
    arc_map_close(&map);
    return ARC_OK;
}
