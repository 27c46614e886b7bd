/* gallery/exchange: a sealed file, all numbers little-endian:
 *
 *     8    "arcgall1"
 *     16   a random id
 *     16   a hash of the file's key, which says whether the user's key is the right one
 *     24   secretstream's header
 *     then for each item of exchange.h
 *     4        bytes that follow
 *     n        the item, by secretstream (17 longer); the last one, the end, has its final tag
 *
 * An item is
 *
 *     1    its kind
 *     4    bytes of JSON, j
 *     4    numbers of the embedding, d
 *     j    JSON, an object
 *     4 d  the embedding, float32
 *     rest the crop */
#ifndef ARC_GALLERY_SEALED_H
#define ARC_GALLERY_SEALED_H

#include "gallery/exchange/exchange.h"
#include "gallery/seal/derive.h"
#include <sodium.h>

#define ARC_SEALED_MAGIC "arcgall1"
#define ARC_SEALED_MAGIC_BYTES 8
#define ARC_SEALED_CHECK_BYTES 16
#define ARC_SEALED_HEAD_BYTES                                                                                                    \
    (ARC_SEALED_MAGIC_BYTES + ARC_DERIVE_ID_BYTES + ARC_SEALED_CHECK_BYTES + crypto_secretstream_xchacha20poly1305_HEADERBYTES)
#define ARC_SEALED_ITEM_HEAD 9
#define ARC_SEALED_ITEM_BYTES                                                                                                    \
    (ARC_SEALED_ITEM_HEAD + ARC_EXCHANGE_ABOUT_BYTES + ARC_EXCHANGE_MAX_DIM * sizeof(float) + ARC_GALLERY_CROP_BYTES)
#define ARC_SEALED_FRAME_BYTES (ARC_SEALED_ITEM_BYTES + crypto_secretstream_xchacha20poly1305_ABYTES)

static inline void arc_sealed_put32(uint8_t *to, size_t x) {
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(x >> 8 * i);
}

static inline size_t arc_sealed_get32(const uint8_t *from) {
    return (size_t)from[0] | (size_t)from[1] << 8 | (size_t)from[2] << 16 | (size_t)from[3] << 24;
}

/* The key of a file, and the hash of it that the file has. */
static inline void arc_sealed_key(const uint8_t *user, const uint8_t id[ARC_DERIVE_ID_BYTES], uint8_t key[ARC_DERIVED_BYTES],
                                  uint8_t check[ARC_SEALED_CHECK_BYTES]) {
    uint8_t hash[ARC_DERIVED_BYTES];
    arc_key_derive(key, user, "arcface gallery: exported file", id);
    arc_key_derive(hash, key, "arcface gallery: the right key", id);
    for (int i = 0; i < ARC_SEALED_CHECK_BYTES; i++)
        check[i] = hash[i];
}

#endif
