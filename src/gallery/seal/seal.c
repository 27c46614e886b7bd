/* gallery/seal: one value. Sealed, it is the generation of its data key (4 bytes, little-endian), a nonce (24), and what
 * XChaCha20-Poly1305 makes of it (16 longer). The associated data is the gallery's id and the place. */
#include "gallery/seal/seal_internal.h"
#include <string.h>

#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES crypto_aead_xchacha20poly1305_ietf_ABYTES
#define PLACE_BYTES (ARC_SEAL_GALLERY_BYTES + 4 + 8 + 4)

_Static_assert(4 + NONCE_BYTES + TAG_BYTES == ARC_SEAL_EXTRA_BYTES, "what sealing adds");

static void put_number(uint8_t *to, int bytes, uint64_t x) {
    for (int i = 0; i < bytes; i++)
        to[i] = (uint8_t)(x >> 8 * i);
}

static void associated(uint8_t out[PLACE_BYTES], const arc_seal *seal, arc_seal_place place) {
    memcpy(out, seal->gallery, ARC_SEAL_GALLERY_BYTES);
    put_number(out + ARC_SEAL_GALLERY_BYTES, 4, (uint64_t)place.column);
    put_number(out + ARC_SEAL_GALLERY_BYTES + 4, 8, (uint64_t)place.row);
    put_number(out + ARC_SEAL_GALLERY_BYTES + 12, 4, (uint64_t)place.generation);
}

static uint32_t generation_of(arc_bytes sealed) {
    const uint8_t *from = sealed.data;
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static const char *column_name(arc_seal_column column) {
    static const char *const name[] = {"value", "name", "note", "embedding", "crop", "detail", "negative's embedding", "map"};
    return (size_t)column < ARC_COUNT(name) ? name[column] : name[0];
}

/* Room for so many bytes, which are all that the buffer has then. */
static arc_status make_room(arc_buffer *scratch, size_t bytes, uint8_t **to, arc_error *err) {
    scratch->bytes = 0;
    const arc_status st = arc_buffer_extend(scratch, bytes, to);
    if (st == ARC_ELIMIT)
        return arc_fail(err, st, "a value of %zu bytes is longer than the %zu that are read", bytes, scratch->max_bytes);
    return st == ARC_OK ? ARC_OK : arc_fail_nomem(err, "a sealed value");
}

arc_status arc_seal_put(const arc_seal *seal, arc_seal_place place, arc_bytes plain, arc_buffer *scratch, arc_bytes *out,
                        arc_error *err) {
    *out = plain;
    if (seal->live == 0 || plain.bytes == 0)
        return ARC_OK;
    *out = (arc_bytes){NULL, 0};
    uint8_t about[PLACE_BYTES], *to;
    const arc_status st = make_room(scratch, plain.bytes + ARC_SEAL_EXTRA_BYTES, &to, err);
    if (st != ARC_OK)
        return st;
    associated(about, seal, place);
    put_number(to, 4, seal->data[0].generation);
    randombytes_buf(to + 4, NONCE_BYTES);
    crypto_aead_xchacha20poly1305_ietf_encrypt(to + 4 + NONCE_BYTES, NULL, plain.data, plain.bytes, about, sizeof about, NULL,
                                               to + 4, seal->data[0].value);
    *out = (arc_bytes){scratch->data, scratch->bytes};
    return ARC_OK;
}

arc_status arc_seal_get(const arc_seal *seal, arc_seal_place place, arc_bytes sealed, arc_buffer *scratch, arc_bytes *out,
                        arc_error *err) {
    *out = sealed;
    if (seal->live == 0 || sealed.bytes == 0)
        return ARC_OK;
    *out = (arc_bytes){NULL, 0};
    const arc_seal_data_key *data = NULL;
    const uint8_t *from = sealed.data;
    if (sealed.bytes <= ARC_SEAL_EXTRA_BYTES)
        return arc_fail(err, ARC_ECORRUPT, "the %s of row %lld is cut short", column_name(place.column), (long long)place.row);
    for (int i = 0; i < seal->live; i++)
        if (seal->data[i].generation == generation_of(sealed))
            data = &seal->data[i];
    if (!data)
        return arc_fail(err, ARC_ENOTFOUND,
                        "the %s of row %lld is sealed under generation %u of the gallery's keys, which is not known",
                        column_name(place.column), (long long)place.row, (unsigned)generation_of(sealed));
    uint8_t about[PLACE_BYTES], *to;
    const arc_status st = make_room(scratch, sealed.bytes - ARC_SEAL_EXTRA_BYTES, &to, err);
    if (st != ARC_OK)
        return st;
    associated(about, seal, place);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(to, NULL, NULL, from + 4 + NONCE_BYTES, sealed.bytes - 4 - NONCE_BYTES, about,
                                                   sizeof about, from + 4, data->value) != 0) {
        scratch->bytes = 0;
        return arc_fail(err, ARC_ECORRUPT, "the %s of row %lld is not what this gallery stored there; restore it from a copy",
                        column_name(place.column), (long long)place.row);
    }
    *out = (arc_bytes){scratch->data, scratch->bytes};
    return ARC_OK;
}

bool arc_seal_newest(const arc_seal *seal, arc_bytes sealed) {
    return seal->live == 0 || sealed.bytes < 4 || generation_of(sealed) == seal->data[0].generation;
}

void arc_seal_lookup_of(const arc_seal *seal, arc_seal_by by, arc_bytes value, arc_seal_lookup *out) {
    *out = (arc_seal_lookup){.keys = 1, .key = {value, {NULL, 0}}};
    const int keys = by == ARC_SEAL_BY_NAME ? seal->live : ARC_MIN(seal->live, 1);
    for (int i = 0; i < keys; i++) {
        const uint8_t what = (uint8_t)by;
        crypto_generichash_state state;
        crypto_generichash_init(&state, by == ARC_SEAL_BY_NAME ? seal->data[i].lookup : seal->source, ARC_SEAL_KEY_BYTES,
                                ARC_SEAL_LOOKUP_BYTES);
        crypto_generichash_update(&state, &what, 1);
        crypto_generichash_update(&state, value.data, value.bytes);
        crypto_generichash_final(&state, out->hash[i], ARC_SEAL_LOOKUP_BYTES);
        sodium_memzero(&state, sizeof state);
        out->key[i] = (arc_bytes){out->hash[i], ARC_SEAL_LOOKUP_BYTES};
        out->keys = i + 1;
    }
}

const uint8_t *arc_seal_index_key(const arc_seal *seal) {
    return seal->live > 0 ? seal->data[0].index : NULL;
}
