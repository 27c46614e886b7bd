/* Reading RecordIO: parts, joined records, and finding the next whole record after damage. */
#include "format/record/recordio.h"
#include <inttypes.h>
#include <string.h>

enum { WHOLE, FIRST, MIDDLE, LAST };

#define HEAD_BYTES 8u
#define IMAGE_HEAD_BYTES 24u

static uint32_t le32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t le64(const uint8_t *p) {
    return le32(p) | (uint64_t)le32(p + 4) << 32;
}

static float le_float(const uint8_t *p) {
    const uint32_t bits = le32(p);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

typedef struct part {
    unsigned kind;
    uint64_t data, next; /* offsets */
    size_t bytes;
} part;

/* False when no part that fits into the file begins here. The zeros behind the last record may be missing. */
static bool part_at(part *out, const uint8_t *file, uint64_t file_bytes, uint64_t offset) {
    if (offset > file_bytes || file_bytes - offset < HEAD_BYTES || le32(file + offset) != ARC_RECORD_MAGIC)
        return false;
    const uint32_t head = le32(file + offset + 4), length = head & (uint32_t)ARC_RECORD_MAX_BYTES;
    out->kind = head >> 29;
    out->data = offset + HEAD_BYTES;
    out->bytes = length;
    if (out->kind > LAST || length > file_bytes - out->data)
        return false;
    out->next = ARC_MIN(out->data + ((uint64_t)length + 3) / 4 * 4, file_bytes);
    return true;
}

static arc_status corrupt(arc_error *err, const char *name, uint64_t offset, const char *what) {
    return arc_fail(err, ARC_ECORRUPT, "%s: %s at offset %" PRIu64, name, what, offset);
}

static arc_status join(arc_buffer *joined, const uint8_t *data, size_t bytes, const char *name, arc_error *err) {
    const arc_status st = arc_buffer_put(joined, data, bytes);
    return st == ARC_OK ? ARC_OK
                        : arc_fail(err, st, "%s: %s", name, st == ARC_ELIMIT ? "a record of more than 512 MB" : "out of memory");
}

/* The parts of a split record into `joined`, with the magic that separated them. */
static arc_status read_parts(arc_record *out, part p, const uint8_t *file, uint64_t file_bytes, arc_buffer *joined,
                             const char *name, arc_error *err) {
    static const uint8_t magic[4] = {0x0a, 0x23, 0xd7, 0xce};
    arc_status st;
    joined->bytes = 0;
    ARC_TRY(join(joined, file + p.data, p.bytes, name, err));
    while (p.kind != LAST) {
        const uint64_t at = p.next;
        if (!part_at(&p, file, file_bytes, at) || p.kind < MIDDLE)
            return corrupt(err, name, at, "a part of a split record is missing");
        ARC_TRY(join(joined, magic, sizeof magic, name, err));
        ARC_TRY(join(joined, file + p.data, p.bytes, name, err));
    }
    out->data = joined->data;
    out->bytes = joined->bytes;
    out->next_offset = p.next;
done:
    return st;
}

arc_status arc_record_read(arc_record *out, const uint8_t *file, uint64_t file_bytes, uint64_t offset, arc_buffer *joined,
                           const char *name, arc_error *err) {
    part p;
    *out = (arc_record){.offset = offset};
    if (!part_at(&p, file, file_bytes, offset))
        return corrupt(err, name, offset, "no record");
    if (p.kind == FIRST)
        return read_parts(out, p, file, file_bytes, joined, name, err);
    if (p.kind != WHOLE)
        return corrupt(err, name, offset, "the later part of a split record, without its beginning,");
    *out = (arc_record){offset, p.next, file + p.data, p.bytes};
    return ARC_OK;
}

uint64_t arc_record_find(const uint8_t *file, uint64_t file_bytes, uint64_t offset) {
    while (offset < file_bytes) {
        const uint8_t *hit = memchr(file + offset, ARC_RECORD_MAGIC & 0xff, (size_t)(file_bytes - offset));
        if (!hit)
            break;
        part p, following;
        offset = (uint64_t)(hit - file);
        if (part_at(&p, file, file_bytes, offset) && p.kind <= FIRST &&
            (p.next == file_bytes || part_at(&following, file, file_bytes, p.next)))
            return offset;
        offset++;
    }
    return file_bytes;
}

arc_status arc_image_record_parse(arc_image_record *out, const uint8_t *payload, size_t bytes, arc_error *err) {
    *out = (arc_image_record){0};
    if (bytes < IMAGE_HEAD_BYTES)
        return arc_fail(err, ARC_ECORRUPT, "a record of %zu bytes; an image record has at least %u", bytes, IMAGE_HEAD_BYTES);
    const uint32_t labels = le32(payload);
    if (labels > (bytes - IMAGE_HEAD_BYTES) / 4)
        return arc_fail(err, ARC_ECORRUPT, "a record of %zu bytes claims %u labels", bytes, (unsigned)labels);
    *out = (arc_image_record){
        .labels = labels,
        .label = le_float(payload + 4),
        .id = le64(payload + 8),
        .id2 = le64(payload + 16),
        .label_data = payload + IMAGE_HEAD_BYTES,
        .image = payload + IMAGE_HEAD_BYTES + (size_t)labels * 4,
        .image_bytes = bytes - IMAGE_HEAD_BYTES - (size_t)labels * 4,
    };
    if (labels)
        out->label = le_float(out->label_data);
    return ARC_OK;
}

float arc_image_record_label(const arc_image_record *record, uint32_t index) {
    return le_float(record->label_data + (size_t)index * 4);
}
