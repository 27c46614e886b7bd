/* gallery/exchange: writes a sealed file. */
#include "gallery/exchange/sealed.h"
#include <string.h>

typedef struct sealed_sink {
    arc_exchange_sink sink;
    arc_context *ctx;
    arc_writer *writer;
    arc_buffer plain, frame;
    crypto_secretstream_xchacha20poly1305_state stream;
} sealed_sink;

/* The item's bytes into `plain`. */
static arc_status lay_out(sealed_sink *s, const arc_exchange_item *item, arc_error *err) {
    uint8_t head[ARC_SEALED_ITEM_HEAD] = {(uint8_t)item->kind};
    arc_status st;
    s->plain.bytes = 0;
    ARC_TRY(arc_buffer_put(&s->plain, head, sizeof head));
    if (item->about)
        ARC_TRY(arc_exchange_put_json(item->about, &s->plain));
    arc_sealed_put32(s->plain.data + 1, s->plain.bytes - sizeof head);
    arc_sealed_put32(s->plain.data + 5, item->embedding ? (size_t)item->dim : 0);
    if (item->embedding)
        ARC_TRY(arc_buffer_put(&s->plain, item->embedding, (size_t)item->dim * sizeof(float)));
    ARC_TRY(arc_buffer_put(&s->plain, item->crop.data, item->crop.bytes));
done:
    if (st == ARC_ELIMIT)
        return arc_fail(err, st, "an entry of a gallery is too large to be exported");
    return st == ARC_OK ? ARC_OK : arc_fail_nomem(err, "a gallery's export");
}

static arc_status put_item(arc_exchange_sink *sink, const arc_exchange_item *item, arc_error *err) {
    sealed_sink *s = (sealed_sink *)sink;
    uint8_t *to;
    arc_status st = lay_out(s, item, err);
    if (st != ARC_OK)
        return st;
    const size_t bytes = s->plain.bytes + crypto_secretstream_xchacha20poly1305_ABYTES;
    s->frame.bytes = 0;
    if (arc_buffer_extend(&s->frame, 4 + bytes, &to) != ARC_OK)
        return arc_fail_nomem(err, "a gallery's export");
    arc_sealed_put32(to, bytes);
    crypto_secretstream_xchacha20poly1305_push(&s->stream, to + 4, NULL, s->plain.data, s->plain.bytes, NULL, 0,
                                               item->kind == ARC_EXCHANGE_END
                                                   ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
                                                   : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);
    return arc_writer_put(s->writer, s->frame.data, s->frame.bytes, err);
}

static arc_status finish(arc_exchange_sink *sink, arc_status st, arc_error *err) {
    sealed_sink *s = (sealed_sink *)sink;
    arc_context *ctx = s->ctx;
    st = arc_writer_finish(&s->writer, st, err);
    if (s->plain.data)
        sodium_memzero(s->plain.data, s->plain.capacity_bytes);
    arc_buffer_free(&s->plain);
    arc_buffer_free(&s->frame);
    sodium_memzero(s, sizeof *s);
    arc_mem_free(&ctx->alloc, s);
    return st;
}

static arc_status put_head(sealed_sink *s, const uint8_t *user, arc_error *err) {
    uint8_t head[ARC_SEALED_HEAD_BYTES], key[ARC_DERIVED_BYTES], *const id = head + ARC_SEALED_MAGIC_BYTES;
    memcpy(head, ARC_SEALED_MAGIC, ARC_SEALED_MAGIC_BYTES);
    randombytes_buf(id, ARC_DERIVE_ID_BYTES);
    arc_sealed_key(user, id, key, id + ARC_DERIVE_ID_BYTES);
    crypto_secretstream_xchacha20poly1305_init_push(&s->stream, id + ARC_DERIVE_ID_BYTES + ARC_SEALED_CHECK_BYTES, key);
    sodium_memzero(key, sizeof key);
    return arc_writer_put(s->writer, head, sizeof head, err);
}

arc_status arc_exchange_sealed_write(arc_context *ctx, const char *path, const uint8_t *key, arc_exchange_sink **out,
                                     arc_error *err) {
    *out = NULL;
    sealed_sink *s = arc_mem_new(&ctx->alloc, 1, sizeof *s);
    if (!s)
        return arc_fail_nomem(err, "a gallery's export");
    s->sink = (arc_exchange_sink){.put = put_item, .finish = finish};
    s->ctx = ctx;
    arc_buffer_init(&s->plain, &ctx->alloc, ARC_SEALED_ITEM_BYTES);
    arc_buffer_init(&s->frame, &ctx->alloc, 4 + ARC_SEALED_FRAME_BYTES);
    arc_status st = arc_writer_open(&s->writer, &ctx->alloc, path, err);
    if (st == ARC_OK)
        st = put_head(s, key, err);
    if (st != ARC_OK)
        return finish(&s->sink, st, err);
    *out = &s->sink;
    return ARC_OK;
}
