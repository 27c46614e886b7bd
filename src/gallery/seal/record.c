/* gallery/seal: the record that a gallery stores of its keys, all numbers little-endian:
 *
 *     8   "arcseal1"
 *     16  the gallery's random id
 *     16  a hash of the key that wraps: it says whether the user's key is the right one before anything else is tried
 *     4   data keys, 1 or 2, newest first; then for each, and for the key that photos are looked up with (generation 0):
 *     4       its generation
 *     24      nonce
 *     48      the key, wrapped (XChaCha20-Poly1305); the associated data is the beginning of the record up to the id, and the
 *             generation
 *
 * The key that wraps is made of the user's key and the gallery's id, so that one user's key may serve many galleries and
 * purposes. */
#include "gallery/seal/derive.h"
#include "gallery/seal/seal_internal.h"
#include <string.h>

#define MAGIC "arcseal" /* and the version's digit */
#define MAGIC_BYTES 8
#define CHECK_BYTES 16
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define WRAPPED_BYTES (ARC_SEAL_KEY_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES)
#define HEAD_BYTES (MAGIC_BYTES + ARC_SEAL_GALLERY_BYTES + CHECK_BYTES + 4)
#define ENTRY_BYTES (4 + NONCE_BYTES + WRAPPED_BYTES)

_Static_assert(HEAD_BYTES + (ARC_SEAL_LIVE + 1) * ENTRY_BYTES <= ARC_SEAL_RECORD_BYTES, "a record fits");

static const char version[] = MAGIC "1";

static void put32(uint8_t *to, uint32_t x) {
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(x >> 8 * i);
}

static uint32_t get32(const uint8_t *from) {
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static void derive_uses(arc_seal_data_key *data, const uint8_t *gallery) {
    arc_key_derive(data->value, data->key, "arcface gallery: values", gallery);
    arc_key_derive(data->lookup, data->key, "arcface gallery: lookups", gallery);
    arc_key_derive(data->index, data->key, "arcface gallery: index", gallery);
}

static void wrapping_key(uint8_t out[ARC_SEAL_KEY_BYTES], uint8_t check[CHECK_BYTES], const uint8_t *user,
                         const uint8_t *gallery) {
    uint8_t hash[ARC_SEAL_KEY_BYTES];
    arc_key_derive(out, user, "arcface gallery: data keys", gallery);
    arc_key_derive(hash, out, "arcface gallery: the right key", gallery);
    memcpy(check, hash, CHECK_BYTES);
}

static void associated(uint8_t out[MAGIC_BYTES + ARC_SEAL_GALLERY_BYTES + 4], const uint8_t *gallery, uint32_t generation) {
    memcpy(out, version, MAGIC_BYTES);
    memcpy(out + MAGIC_BYTES, gallery, ARC_SEAL_GALLERY_BYTES);
    put32(out + MAGIC_BYTES + ARC_SEAL_GALLERY_BYTES, generation);
}

static uint8_t *wrap_entry(uint8_t *at, const uint8_t *gallery, uint32_t generation, const uint8_t *plain, const uint8_t *key) {
    uint8_t about[MAGIC_BYTES + ARC_SEAL_GALLERY_BYTES + 4];
    put32(at, generation);
    randombytes_buf(at + 4, NONCE_BYTES);
    associated(about, gallery, generation);
    crypto_aead_xchacha20poly1305_ietf_encrypt(at + 4 + NONCE_BYTES, NULL, plain, ARC_SEAL_KEY_BYTES, about, sizeof about, NULL,
                                               at + 4, key);
    return at + ENTRY_BYTES;
}

static bool unwrap_entry(const uint8_t *at, const uint8_t *gallery, uint8_t *plain, const uint8_t *key) {
    uint8_t about[MAGIC_BYTES + ARC_SEAL_GALLERY_BYTES + 4];
    associated(about, gallery, get32(at));
    return crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, at + 4 + NONCE_BYTES, WRAPPED_BYTES, about, sizeof about,
                                                      at + 4, key) == 0;
}

static arc_status write_record(const arc_seal *seal, const uint8_t *user, const arc_seal_data_key *data[], int keys,
                               arc_buffer *record, arc_error *err) {
    uint8_t bytes[ARC_SEAL_RECORD_BYTES], key[ARC_SEAL_KEY_BYTES], *at = bytes + HEAD_BYTES;
    memcpy(bytes, version, MAGIC_BYTES);
    memcpy(bytes + MAGIC_BYTES, seal->gallery, ARC_SEAL_GALLERY_BYTES);
    wrapping_key(key, bytes + MAGIC_BYTES + ARC_SEAL_GALLERY_BYTES, user, seal->gallery);
    put32(at - 4, (uint32_t)keys);
    for (int i = 0; i < keys; i++)
        at = wrap_entry(at, seal->gallery, data[i]->generation, data[i]->key, key);
    at = wrap_entry(at, seal->gallery, 0, seal->source, key);
    sodium_memzero(key, sizeof key);
    record->bytes = 0;
    return arc_buffer_put(record, bytes, (size_t)(at - bytes)) == ARC_OK ? ARC_OK : arc_fail_nomem(err, "the keys of a gallery");
}

/* Fills data[] and source of `out`, which has its gallery; `out` may hold anything after a failure. */
static arc_status unwrap(arc_seal *out, const uint8_t *entry, int keys, const uint8_t *key) {
    for (int i = 0; i < keys; i++, entry += ENTRY_BYTES) {
        arc_seal_data_key *data = &out->data[i];
        data->generation = get32(entry);
        if (data->generation == 0 || !unwrap_entry(entry, out->gallery, data->key, key))
            return ARC_ECORRUPT;
        derive_uses(data, out->gallery);
    }
    if (get32(entry) != 0 || !unwrap_entry(entry, out->gallery, out->source, key))
        return ARC_ECORRUPT;
    out->live = keys;
    return ARC_OK;
}

static arc_status read_record(arc_seal *out, const uint8_t *user, arc_bytes record, const char *where, arc_error *err) {
    const uint8_t *bytes = record.data;
    uint8_t key[ARC_SEAL_KEY_BYTES], check[CHECK_BYTES];
    if (record.bytes >= MAGIC_BYTES && memcmp(bytes, MAGIC, MAGIC_BYTES - 1) == 0 &&
        bytes[MAGIC_BYTES - 1] != version[MAGIC_BYTES - 1])
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: its keys are stored as a later version of this program does; use that",
                        where);
    const uint32_t keys = record.bytes >= HEAD_BYTES ? get32(bytes + HEAD_BYTES - 4) : 0;
    if (keys < 1 || keys > ARC_SEAL_LIVE || memcmp(bytes, version, MAGIC_BYTES) != 0 ||
        record.bytes != HEAD_BYTES + (keys + 1) * ENTRY_BYTES)
        return arc_fail(err, ARC_ECORRUPT, "%s: the record of its keys is damaged; restore the gallery from a copy", where);
    memcpy(out->gallery, bytes + MAGIC_BYTES, ARC_SEAL_GALLERY_BYTES);
    memcpy(out->user, user, ARC_SEAL_KEY_BYTES);
    wrapping_key(key, check, user, out->gallery);
    arc_status st = ARC_OK;
    if (sodium_memcmp(check, bytes + MAGIC_BYTES + ARC_SEAL_GALLERY_BYTES, CHECK_BYTES) != 0)
        st = arc_fail(err, ARC_EINVAL, "%s: this is not the key of the gallery; nothing was changed", where);
    else if (unwrap(out, bytes + HEAD_BYTES, (int)keys, key) != ARC_OK)
        st = arc_fail(err, ARC_ECORRUPT,
                      "%s: the key is right, but the record of its keys is damaged; restore the gallery from a copy", where);
    sodium_memzero(key, sizeof key);
    memcpy(out->record, bytes, record.bytes);
    out->record_bytes = record.bytes;
    return st;
}

static arc_status allocate(arc_context *ctx, arc_seal **out, arc_error *err) {
    *out = arc_mem_new(&ctx->alloc, 1, sizeof **out);
    if (!*out)
        return arc_fail_nomem(err, "the keys of a gallery");
    (*out)->ctx = ctx;
    return ARC_OK;
}

arc_status arc_seal_create(arc_context *ctx, const uint8_t *user_key, arc_seal **out, arc_buffer *record, arc_error *err) {
    record->bytes = 0;
    arc_status st = allocate(ctx, out, err);
    if (st != ARC_OK || !user_key)
        return st;
    arc_seal *seal = *out;
    arc_seal_data_key first = {.generation = 1};
    randombytes_buf(seal->gallery, sizeof seal->gallery);
    randombytes_buf(seal->source, sizeof seal->source);
    randombytes_buf(first.key, sizeof first.key);
    st = write_record(seal, user_key, (const arc_seal_data_key *[]){&first}, 1, record, err);
    sodium_memzero(&first, sizeof first);
    if (st == ARC_OK)
        st = read_record(seal, user_key, (arc_bytes){record->data, record->bytes}, "the new gallery", err);
    if (st != ARC_OK)
        arc_seal_free(out);
    return st;
}

arc_status arc_seal_open(arc_context *ctx, const uint8_t *user_key, arc_bytes record, const char *where, arc_seal **out,
                         arc_error *err) {
    *out = NULL;
    if (!user_key && record.bytes > 0)
        return arc_fail(err, ARC_EINVAL, "%s: the gallery is sealed; give its key", where);
    if (user_key && record.bytes == 0)
        return arc_fail(err, ARC_EINVAL,
                        "%s: the gallery was made without a key, but one is given; leave it out, or export the gallery "
                        "and import it into one with a key",
                        where);
    arc_status st = allocate(ctx, out, err);
    if (st != ARC_OK || !user_key)
        return st;
    st = read_record(*out, user_key, record, where, err);
    if (st != ARC_OK)
        arc_seal_free(out);
    return st;
}

void arc_seal_free(arc_seal **seal) {
    if (!seal || !*seal)
        return;
    arc_context *ctx = (*seal)->ctx;
    sodium_memzero(*seal, sizeof **seal);
    arc_mem_free(&ctx->alloc, *seal);
    *seal = NULL;
}

arc_status arc_seal_follow(arc_seal *seal, const uint8_t *user_key, arc_bytes record, arc_error *err) {
    if (!user_key && record.bytes == seal->record_bytes &&
        (record.bytes == 0 || memcmp(record.data, seal->record, record.bytes) == 0))
        return ARC_OK;
    if (seal->live == 0 || record.bytes == 0)
        return arc_fail(err, ARC_ECORRUPT, "the gallery %s while it was open; open it again",
                        record.bytes ? "got a key" : "lost the record of its keys");
    arc_seal now = {.ctx = seal->ctx};
    arc_status st = read_record(&now, user_key ? user_key : seal->user, record, "the gallery", err);
    if (st == ARC_OK && memcmp(now.gallery, seal->gallery, sizeof now.gallery) != 0)
        st = arc_fail(err, ARC_ECORRUPT, "another gallery was put in the place of this one while it was open; open it again");
    else if (st == ARC_EINVAL && !user_key)
        st = arc_fail(err, st, "the key of the gallery was changed while it was open; open it again with the new one");
    if (st == ARC_OK)
        *seal = now;
    sodium_memzero(&now, sizeof now);
    return st;
}

bool arc_seal_renewing(const arc_seal *seal) {
    return seal->live > 1;
}

static arc_status without_key(arc_error *err) {
    return arc_fail(err, ARC_EINVAL, "the gallery was made without a key: there is none to change");
}

arc_status arc_seal_rewrap(const arc_seal *seal, const uint8_t user_key[ARC_SEAL_KEY_BYTES], arc_buffer *record, arc_error *err) {
    if (seal->live == 0)
        return without_key(err);
    return write_record(seal, user_key, (const arc_seal_data_key *[]){&seal->data[0], &seal->data[1]}, seal->live, record, err);
}

arc_status arc_seal_renew(const arc_seal *seal, arc_buffer *record, arc_error *err) {
    if (seal->live == 0)
        return without_key(err);
    if (arc_seal_renewing(seal))
        return arc_fail(err, ARC_EINVAL, "the keys of the gallery are being replaced already; let that end first");
    arc_seal_data_key next = {.generation = seal->data[0].generation + 1};
    randombytes_buf(next.key, sizeof next.key);
    arc_status st = write_record(seal, seal->user, (const arc_seal_data_key *[]){&next, &seal->data[0]}, 2, record, err);
    sodium_memzero(&next, sizeof next);
    return st;
}

arc_status arc_seal_retire(const arc_seal *seal, arc_buffer *record, arc_error *err) {
    if (seal->live == 0)
        return without_key(err);
    if (!arc_seal_renewing(seal))
        return arc_fail(err, ARC_EINVAL, "no keys of the gallery are being replaced");
    return write_record(seal, seal->user, (const arc_seal_data_key *[]){&seal->data[0]}, 1, record, err);
}
