/* gallery/exchange: reads a sealed file. An item is looked at only after its authenticity was checked. */
#include "gallery/exchange/sealed.h"
#include "gallery/json.h"
#include <string.h>

typedef struct sealed_source {
    arc_exchange_source source;
    arc_context *ctx;
    arc_map map;
    char *name;
    const uint8_t *at, *end;
    arc_buffer plain;
    float embedding[ARC_EXCHANGE_MAX_DIM];
    json_t *about; /* of the last item */
    bool started;
    crypto_secretstream_xchacha20poly1305_state stream;
} sealed_source;

static arc_status damaged(const sealed_source *s, const char *how, arc_error *err) {
    return arc_fail(err, ARC_ECORRUPT, "%s: %s; nothing of it was taken over", s->name, how);
}

/* The next frame's plain bytes. */
static arc_status open_frame(sealed_source *s, bool *last, arc_error *err) {
    uint8_t tag, *to;
    if (s->end - s->at < 4)
        return damaged(s, "the file is cut short", err);
    const size_t bytes = arc_sealed_get32(s->at);
    if (bytes < crypto_secretstream_xchacha20poly1305_ABYTES + ARC_SEALED_ITEM_HEAD || bytes > ARC_SEALED_FRAME_BYTES)
        return damaged(s, "the length of a part is none", err);
    if (bytes > (size_t)(s->end - s->at) - 4)
        return damaged(s, "the file is cut short", err);
    s->plain.bytes = 0;
    if (arc_buffer_extend(&s->plain, bytes - crypto_secretstream_xchacha20poly1305_ABYTES, &to) != ARC_OK)
        return arc_fail_nomem(err, s->name);
    if (crypto_secretstream_xchacha20poly1305_pull(&s->stream, to, NULL, &tag, s->at + 4, bytes, NULL, 0) != 0)
        return damaged(s, "a part of the file is damaged, missing or not where it was", err);
    s->at += 4 + bytes;
    *last = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
    return ARC_OK;
}

/* What is in it; the lengths add up to what there is. */
static arc_status take_apart(sealed_source *s, arc_exchange_item *item, arc_error *err) {
    const uint8_t *from = s->plain.data;
    const size_t text = arc_sealed_get32(from + 1), numbers = arc_sealed_get32(from + 5);
    const size_t left = s->plain.bytes - ARC_SEALED_ITEM_HEAD;
    if (text > left || numbers > ARC_EXCHANGE_MAX_DIM || numbers * sizeof(float) > left - text)
        return damaged(s, "an entry is longer than its part of the file", err);
    item->kind = (arc_exchange_kind)from[0];
    from += ARC_SEALED_ITEM_HEAD;
    if (text > 0) {
        json_error_t why = {.line = 0};
        s->about = json_loadb((const char *)from, text, JSON_REJECT_DUPLICATES, &why);
        if (!s->about && arc_json_starved(&why))
            return arc_fail_nomem(err, s->name);
        if (!json_is_object(s->about))
            return damaged(s, "an entry is no JSON object", err);
    }
    item->about = s->about;
    memcpy(s->embedding, from + text, numbers * sizeof(float));
    item->embedding = numbers ? s->embedding : NULL;
    item->dim = (int)numbers;
    item->crop = (arc_bytes){from + text + numbers * sizeof(float), left - text - numbers * sizeof(float)};
    return ARC_OK;
}

static bool in_order(const sealed_source *s, const arc_exchange_item *item, bool last) {
    const bool vector = item->kind == ARC_EXCHANGE_TEMPLATE || item->kind == ARC_EXCHANGE_NEGATIVE;
    if (item->kind < ARC_EXCHANGE_HEAD || item->kind > ARC_EXCHANGE_END || (item->kind == ARC_EXCHANGE_HEAD) == s->started)
        return false;
    return last == (item->kind == ARC_EXCHANGE_END) && vector == (item->embedding != NULL) &&
           (item->about != NULL) == (item->kind != ARC_EXCHANGE_END);
}

static arc_status next(arc_exchange_source *source, arc_exchange_item *item, arc_error *err) {
    sealed_source *s = (sealed_source *)source;
    bool last = false;
    *item = (arc_exchange_item){0};
    json_decref(s->about);
    s->about = NULL;
    arc_status st = open_frame(s, &last, err);
    if (st == ARC_OK)
        st = take_apart(s, item, err);
    if (st == ARC_OK && !in_order(s, item, last))
        st = damaged(s, "its entries are not in the order of an exported gallery", err);
    if (st == ARC_OK && last && s->at != s->end)
        st = damaged(s, "something stands behind its end", err);
    s->started = true;
    return st;
}

static void close_source(arc_exchange_source *source) {
    sealed_source *s = (sealed_source *)source;
    arc_context *ctx = s->ctx;
    json_decref(s->about);
    if (s->plain.data)
        sodium_memzero(s->plain.data, s->plain.capacity_bytes);
    arc_buffer_free(&s->plain);
    arc_map_close(&s->map);
    arc_mem_free(&ctx->alloc, s->name);
    sodium_memzero(s, sizeof *s);
    arc_mem_free(&ctx->alloc, s);
}

static arc_status open_head(sealed_source *s, const uint8_t *user, arc_error *err) {
    uint8_t key[ARC_DERIVED_BYTES], check[ARC_SEALED_CHECK_BYTES];
    const uint8_t *const id = s->at + ARC_SEALED_MAGIC_BYTES;
    const size_t bytes = (size_t)(s->end - s->at);
    if (bytes < ARC_SEALED_MAGIC_BYTES || memcmp(s->at, ARC_SEALED_MAGIC, ARC_SEALED_MAGIC_BYTES - 1) != 0)
        return arc_fail(err, ARC_EFORMAT, "%s: no exported gallery", s->name);
    if (s->at[ARC_SEALED_MAGIC_BYTES - 1] != ARC_SEALED_MAGIC[ARC_SEALED_MAGIC_BYTES - 1])
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: exported by a later version of this program; use that", s->name);
    if (bytes < ARC_SEALED_HEAD_BYTES)
        return damaged(s, "the file is cut short", err);
    arc_sealed_key(user, id, key, check);
    arc_status st = ARC_OK;
    if (sodium_memcmp(check, id + ARC_DERIVE_ID_BYTES, sizeof check) != 0)
        st = arc_fail(err, ARC_EINVAL, "%s: this is not the key of the exported file", s->name);
    else if (crypto_secretstream_xchacha20poly1305_init_pull(&s->stream, id + ARC_DERIVE_ID_BYTES + ARC_SEALED_CHECK_BYTES,
                                                             key) != 0)
        st = damaged(s, "its head is damaged", err);
    s->at += ARC_SEALED_HEAD_BYTES;
    sodium_memzero(key, sizeof key);
    return st;
}

/* Takes over the map. */
static arc_status open_source(arc_context *ctx, arc_map *map, arc_bytes bytes, const char *name, const uint8_t *key,
                              arc_exchange_source **out, arc_error *err) {
    sealed_source *s = arc_mem_new(&ctx->alloc, 1, sizeof *s);
    if (!s) {
        arc_map_close(map);
        return arc_fail_nomem(err, name);
    }
    s->source = (arc_exchange_source){.next = next, .close = close_source};
    s->ctx = ctx;
    s->map = *map;
    s->at = bytes.data;
    s->end = s->at + bytes.bytes;
    s->name = arc_mem_strdup(&ctx->alloc, name);
    arc_buffer_init(&s->plain, &ctx->alloc, ARC_SEALED_ITEM_BYTES);
    const arc_status st = s->name ? open_head(s, key, err) : arc_fail_nomem(err, name);
    if (st == ARC_OK)
        *out = &s->source;
    else
        close_source(&s->source);
    return st;
}

arc_status arc_exchange_sealed_read(arc_context *ctx, const char *path, const uint8_t *key, arc_exchange_source **out,
                                    arc_error *err) {
    arc_map map;
    *out = NULL;
    const arc_status st = arc_map_open(&map, path, (size_t)1 << 44, err);
    return st == ARC_OK ? open_source(ctx, &map, (arc_bytes){map.data, map.bytes}, path, key, out, err) : st;
}

arc_status arc_exchange_sealed_parse(arc_context *ctx, arc_bytes bytes, const char *name, const uint8_t *key,
                                     arc_exchange_source **out, arc_error *err) {
    arc_map none = {0};
    *out = NULL;
    return open_source(ctx, &none, bytes, name, key, out, err);
}
