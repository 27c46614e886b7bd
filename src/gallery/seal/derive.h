/* gallery/seal: keys made of keys. */
#ifndef ARC_GALLERY_DERIVE_H
#define ARC_GALLERY_DERIVE_H

#include <stdint.h>

#define ARC_DERIVED_BYTES 32
#define ARC_DERIVE_ID_BYTES 16

/* A key for one purpose and for one thing with a random id (a gallery, a file), made of another key by BLAKE2b. Neither tells
 * anything of the other, nor of those for other purposes. */
void arc_key_derive(uint8_t out[ARC_DERIVED_BYTES], const uint8_t key[ARC_DERIVED_BYTES], const char *purpose,
                    const uint8_t id[ARC_DERIVE_ID_BYTES]);

#endif
