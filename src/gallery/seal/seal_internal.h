/* gallery/seal: the keys of a gallery in memory, shared by the record and by the values. */
#ifndef ARC_GALLERY_SEAL_INTERNAL_H
#define ARC_GALLERY_SEAL_INTERNAL_H

#include "gallery/seal/seal.h"
#include <sodium.h>

#define ARC_SEAL_GALLERY_BYTES 16
#define ARC_SEAL_LIVE 2           /* data keys at most */
#define ARC_SEAL_RECORD_BYTES 320 /* of any record, at most */

/* One data key, and the keys that are made of it, one for each use. */
typedef struct arc_seal_data_key {
    uint32_t generation; /* from 1 */
    uint8_t key[ARC_SEAL_KEY_BYTES];
    uint8_t value[ARC_SEAL_KEY_BYTES]; /* seals values */
    uint8_t lookup[ARC_SEAL_KEY_BYTES];
    uint8_t index[ARC_SEAL_KEY_BYTES];
} arc_seal_data_key;

struct arc_seal {
    arc_context *ctx;
    int live; /* data keys, newest first; 0: a gallery without a key */
    arc_seal_data_key data[ARC_SEAL_LIVE];
    uint8_t gallery[ARC_SEAL_GALLERY_BYTES]; /* its random id */
    uint8_t user[ARC_SEAL_KEY_BYTES];
    uint8_t source[ARC_SEAL_KEY_BYTES];    /* photos are looked up with it as long as the gallery lives */
    uint8_t record[ARC_SEAL_RECORD_BYTES]; /* that the keys were read from */
    size_t record_bytes;
};

#endif
