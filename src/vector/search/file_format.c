/* vector/search: records and sealed segments of the file of an index. */
#include "vector/search/file_format.h"
#include "base/crc32c.h"
#include <sodium.h>
#include <string.h>

#define MAGIC "ARCINDEX"
#define FORMAT 1
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES crypto_aead_xchacha20poly1305_ietf_ABYTES

static void check_of(const arc_index_record *r, const arc_index *x, uint8_t check[sizeof r->check]) {
    arc_index_record plain = *r;
    memset(plain.check, 0, sizeof plain.check);
    memset(check, 0, sizeof plain.check);
    if (x->options.seal_key) {
        crypto_generichash(check, sizeof plain.check, (const uint8_t *)&plain, sizeof plain, x->key, sizeof x->key);
    } else {
        arc_crc_table table;
        arc_crc_init(&table);
        const uint32_t crc = arc_crc32c(&table, 0, &plain, sizeof plain);
        memcpy(check, &crc, sizeof crc);
    }
}

void arc_index_record_make(arc_index_record *r, const arc_index *x) {
    const arc_segment_layout *l = &x->slots.layout;
    *r = (arc_index_record){.format = FORMAT,
                            .sealed = x->options.seal_key != NULL,
                            .dim = (uint32_t)l->dim,
                            .sketch = l->words > 0,
                            .rows = l->rows,
                            .segment_bytes = l->bytes,
                            .used = x->slots.used,
                            .live = x->slots.live};
    memcpy(r->magic, MAGIC, sizeof r->magic);
}

void arc_index_record_close(arc_index_record *r, const arc_index *x) {
    uint8_t check[sizeof r->check];
    check_of(r, x, check);
    memcpy(r->check, check, sizeof check);
}

const arc_index_record *arc_index_record_find(const uint8_t *header, const arc_index *x, int *which, arc_index_record *out) {
    bool found = false;
    *out = (arc_index_record){0};
    *which = 0;
    for (int i = 0; i < 2; i++) {
        arc_index_record r;
        uint8_t check[sizeof r.check];
        memcpy(&r, header + i * ARC_INDEX_FILE_RECORD, sizeof r);
        check_of(&r, x, check);
        if (memcmp(r.magic, MAGIC, sizeof r.magic) != 0 || memcmp(r.check, check, sizeof check) != 0 ||
            (found && r.version < out->version))
            continue;
        *out = r;
        *which = i;
        found = true;
    }
    return found ? out : NULL;
}

arc_status arc_index_record_check(const uint8_t *header, const arc_index *x, const char *path, arc_error *err) {
    const arc_segment_layout *l = &x->slots.layout;
    const bool sealed = x->options.seal_key != NULL;
    arc_index_record first, r;
    int which;
    memcpy(&first, header, sizeof first);
    if (!arc_index_record_find(header, x, &which, &r)) {
        if (memcmp(first.magic, MAGIC, sizeof first.magic) != 0)
            return arc_fail(err, ARC_EFORMAT, "%s: not an index of templates", path);
        if (first.format != FORMAT)
            return arc_fail(err, ARC_EUNSUPPORTED, "%s: version %u of the format, this program reads %d: make the index again",
                            path, first.format, FORMAT);
        if ((first.sealed != 0) != sealed)
            return arc_fail(err, ARC_ESHAPE, "%s: the file is %s: make the index again", path, sealed ? "not sealed" : "sealed");
        return arc_fail(err, ARC_ECORRUPT, "%s: damaged%s: make the index again", path,
                        sealed ? ", or sealed with another key" : "");
    }
    if (r.format != FORMAT)
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: version %u of the format, this program reads %d: make the index again", path,
                        r.format, FORMAT);
    if (r.dim != l->dim || (r.sketch != 0) != (l->words > 0) || (r.rows != 0) != l->rows || r.segment_bytes != l->bytes)
        return arc_fail(err, ARC_ESHAPE, "%s: made for templates of %u numbers, or with other options: make the index again",
                        path, r.dim);
    if (r.used < 0 || r.used > UINT32_MAX || r.live < 0 || r.live > r.used)
        return arc_fail(err, ARC_ECORRUPT, "%s: %lld templates in %lld places: make the index again", path, (long long)r.live,
                        (long long)r.used);
    return ARC_OK;
}

size_t arc_index_file_segment_bytes(const arc_index *x) {
    return x->slots.layout.bytes + (x->options.seal_key ? NONCE_BYTES + TAG_BYTES : 0);
}

uint64_t arc_index_file_segment_at(const arc_index *x, size_t segment) {
    return ARC_INDEX_FILE_HEADER + (uint64_t)segment * arc_index_file_segment_bytes(x);
}

/* What a sealed segment belongs to: the file's name, then its number. */
static void about_segment(const uint8_t *name, size_t segment, uint8_t about[ARC_INDEX_FILE_NAME + 8]) {
    memcpy(about, name, ARC_INDEX_FILE_NAME);
    for (size_t i = 0; i < 8; i++)
        about[ARC_INDEX_FILE_NAME + i] = (uint8_t)((uint64_t)segment >> 8 * i);
}

void arc_index_seal(const arc_index *x, const uint8_t *name, size_t segment, uint8_t *sealed) {
    uint8_t about[ARC_INDEX_FILE_NAME + 8];
    about_segment(name, segment, about);
    randombytes_buf(sealed, NONCE_BYTES);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + NONCE_BYTES, NULL, x->slots.segment[segment], x->slots.layout.bytes,
                                               about, sizeof about, NULL, sealed, x->key);
}

bool arc_index_unseal(const arc_index *x, const uint8_t *name, size_t segment, const uint8_t *sealed) {
    uint8_t about[ARC_INDEX_FILE_NAME + 8];
    about_segment(name, segment, about);
    return crypto_aead_xchacha20poly1305_ietf_decrypt(x->slots.segment[segment], NULL, NULL, sealed + NONCE_BYTES,
                                                      x->slots.layout.bytes + TAG_BYTES, about, sizeof about, sealed,
                                                      x->key) == 0;
}
