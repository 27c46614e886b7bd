/* Writing RecordIO and its index: byte for byte what dmlc's writer and MXNet's indexed writer give. */
#include "format/record/recordio.h"
#include <inttypes.h>
#include <string.h>

struct arc_record_writer {
    const arc_alloc *alloc;
    arc_writer *rec, *idx; /* idx may be NULL */
    arc_buffer payload;
    uint64_t bytes;
};

static void put_le32(uint8_t *p, uint32_t v) {
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static void put_le64(uint8_t *p, uint64_t v) {
    put_le32(p, (uint32_t)v);
    put_le32(p + 4, (uint32_t)(v >> 32));
}

static void put_float(uint8_t *p, float v) {
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    put_le32(p, bits);
}

arc_status arc_record_writer_open(arc_record_writer **out, const arc_alloc *a, const char *rec_path, const char *idx_path,
                                  arc_error *err) {
    *out = NULL;
    arc_record_writer *w = arc_mem_new(a, 1, sizeof *w);
    if (!w)
        return arc_fail_nomem(err, rec_path);
    w->alloc = a;
    arc_buffer_init(&w->payload, a, ARC_RECORD_MAX_BYTES);
    arc_status st = arc_writer_open(&w->rec, a, rec_path, err);
    if (st == ARC_OK && idx_path)
        st = arc_writer_open(&w->idx, a, idx_path, err);
    if (st != ARC_OK)
        arc_record_writer_abort(&w);
    *out = w;
    return st;
}

static arc_status put_part(arc_record_writer *w, unsigned kind, const uint8_t *data, size_t bytes, arc_error *err) {
    static const uint8_t zeros[4] = {0};
    uint8_t head[8];
    arc_status st;
    put_le32(head, ARC_RECORD_MAGIC);
    put_le32(head + 4, kind << 29 | (uint32_t)bytes);
    const size_t padding = (4 - bytes % 4) % 4;
    ARC_TRY(arc_writer_put(w->rec, head, sizeof head, err));
    ARC_TRY(arc_writer_put(w->rec, data, bytes, err));
    ARC_TRY(arc_writer_put(w->rec, zeros, padding, err));
    w->bytes += sizeof head + bytes + padding;
done:
    return st;
}

/* Splits where the payload has the magic at a multiple of 4, and leaves those four bytes out. */
static arc_status put_payload(arc_record_writer *w, const uint8_t *data, size_t bytes, arc_error *err) {
    size_t from = 0;
    for (size_t i = 0; i + 4 <= bytes; i += 4) {
        if (memcmp(data + i, "\x0a\x23\xd7\xce", 4) != 0)
            continue;
        const arc_status st = put_part(w, from ? 2 : 1, data + from, i - from, err);
        if (st != ARC_OK)
            return st;
        from = i + 4;
    }
    return put_part(w, from ? 3 : 0, data + from, bytes - from, err);
}

static arc_status gather(arc_buffer *payload, const arc_image_record *head, const float *label_array, const void *image,
                         size_t image_bytes) {
    uint8_t fixed[24], label[4];
    payload->bytes = 0;
    put_le32(fixed, head->labels);
    put_float(fixed + 4, head->labels ? 0 : head->label);
    put_le64(fixed + 8, head->id);
    put_le64(fixed + 16, head->id2);
    arc_status st = arc_buffer_put(payload, fixed, sizeof fixed);
    for (uint32_t i = 0; st == ARC_OK && i < head->labels; i++) {
        put_float(label, label_array[i]);
        st = arc_buffer_put(payload, label, sizeof label);
    }
    return st == ARC_OK ? arc_buffer_put(payload, image, image_bytes) : st;
}

arc_status arc_record_writer_put(arc_record_writer *w, uint64_t key, const arc_image_record *head, const float *label_array,
                                 const void *image, size_t image_bytes, arc_error *err) {
    const uint64_t offset = w->bytes;
    arc_status st = gather(&w->payload, head, label_array, image, image_bytes);
    if (st != ARC_OK)
        return arc_fail(err, st, "record %" PRIu64 ": %s", key, st == ARC_ELIMIT ? "more than 512 MB" : "out of memory");
    ARC_TRY(put_payload(w, w->payload.data, w->payload.bytes, err));
    if (w->idx)
        ARC_TRY(arc_writer_printf(w->idx, err, "%" PRIu64 "\t%" PRIu64 "\n", key, offset));
done:
    return st;
}

uint64_t arc_record_writer_bytes(const arc_record_writer *w) {
    return w->bytes;
}

/* The .rec first: an old .idx beside a new .rec is noticed and repaired, an .idx without its .rec is of no use. */
arc_status arc_record_writer_commit(arc_record_writer **writer, arc_error *err) {
    arc_record_writer *w = *writer;
    arc_status st = arc_writer_commit(&w->rec, err);
    if (st == ARC_OK && w->idx)
        st = arc_writer_commit(&w->idx, err);
    arc_record_writer_abort(writer);
    return st;
}

void arc_record_writer_abort(arc_record_writer **writer) {
    if (!writer || !*writer)
        return;
    arc_record_writer *w = *writer;
    *writer = NULL;
    arc_writer_abort(&w->rec);
    arc_writer_abort(&w->idx);
    arc_buffer_free(&w->payload);
    arc_mem_free(w->alloc, w);
}
