/* gallery/seal: keys made of keys. */
#include "gallery/seal/derive.h"
#include <sodium.h>
#include <string.h>

void arc_key_derive(uint8_t out[ARC_DERIVED_BYTES], const uint8_t key[ARC_DERIVED_BYTES], const char *purpose,
                    const uint8_t id[ARC_DERIVE_ID_BYTES]) {
    crypto_generichash_state state;
    crypto_generichash_init(&state, key, ARC_DERIVED_BYTES, ARC_DERIVED_BYTES);
    crypto_generichash_update(&state, (const uint8_t *)purpose, strlen(purpose) + 1);
    crypto_generichash_update(&state, id, ARC_DERIVE_ID_BYTES);
    crypto_generichash_final(&state, out, ARC_DERIVED_BYTES);
    sodium_memzero(&state, sizeof state);
}
