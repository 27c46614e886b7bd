/* Compiled networks of RVC2: a blob is an ELF-like header of 52 bytes, a header of twenty numbers and sections of inputs and
 * outputs (depthai-core's BlobFormat.hpp and BlobReader.cpp); a superblob is a blob of 8 shaves and BSDIFF patches that make of
 * it those of other numbers of shaves. */
#include "deploy/archive/archive.h"
#include <string.h>

#define ELF_BYTES 52
#define HEADER_NUMBERS 20
#define BLOB_MAGIC 9709u
#define SUPERBLOB_HEADER_BYTES ((size_t)(1 + ARC_SUPERBLOB_SHAVES) * 8)
#define MAX_NAME_BYTES 1024

enum { /* of the twenty numbers */
       MAGIC,
       FILE_BYTES,
       MAJOR,
       MINOR,
       INPUTS,
       OUTPUTS,
       STAGES,
       SLICES = 11,
       SHAVES = 12,
       INPUT_SECTION = 16,
       OUTPUT_SECTION = 17,
       CONST_SECTION = 19
};

typedef struct reader {
    const uint8_t *data;
    uint64_t bytes, at;
    bool beyond; /* something was read behind the end */
} reader;

static uint32_t u32(reader *r) {
    if (r->at > r->bytes || r->bytes - r->at < 4) {
        r->beyond = true;
        return 0;
    }
    const uint8_t *p = r->data + r->at;
    r->at += 4;
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t u64_big(const uint8_t *p) {
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

bool arc_blob_is(const void *bytes, size_t count) {
    reader r = {bytes, count, ELF_BYTES, false};
    return u32(&r) == BLOB_MAGIC || (count >= 8 && memcmp((const uint8_t *)bytes + 4, "BLOB", 4) == 0);
}

bool arc_superblob_is(const void *bytes, size_t count) {
    const uint8_t *p = bytes;
    if (count < SUPERBLOB_HEADER_BYTES)
        return false;
    const uint64_t base = u64_big(p);
    return base <= count - SUPERBLOB_HEADER_BYTES && arc_blob_is(p + SUPERBLOB_HEADER_BYTES, (size_t)base);
}

static const char *dtype_name(uint32_t code) {
    static const char *const names[] = {"float16", "uint8", "int32", "float32", "int8", "float64"}; /* TensorInfo.DataType */
    return code < ARC_COUNT(names) ? names[code] : "?";
}

/* The tensor at r; *shape_only: of OpenVINO's own bookkeeping, which no reader shows. */
static arc_status tensor(reader *r, uint32_t index, uint64_t const_section, arc_blob_tensor *t, bool *shape_only,
                         arc_arena *arena, const char *name, arc_error *err) {
    const uint64_t start = r->at;
    const uint32_t own = u32(r);
    u32(r); /* offset in the device's buffer */
    const uint32_t length = u32(r);
    if (r->beyond || own != index)
        return arc_fail(err, ARC_ECORRUPT, "%s: offset %llu: tensor %u expected", name, (unsigned long long)start, index);
    if (length > MAX_NAME_BYTES || length > r->bytes - r->at)
        return arc_fail(err, ARC_ECORRUPT, "%s: offset %llu: a name of %u bytes", name, (unsigned long long)start + 8, length);
    if (!(t->name = arc_arena_strndup(arena, (const char *)r->data + r->at, strnlen((const char *)r->data + r->at, length))))
        return arc_fail_nomem(err, name);
    *shape_only = strstr(t->name, "@shape") != NULL;
    r->at += length;
    t->dtype = dtype_name(u32(r));
    t->order = u32(r);
    const uint32_t rank = u32(r);
    u32(r); /* unused */
    reader dims = {r->data, r->bytes, const_section + u32(r), false};
    r->at += 8; /* strides */
    if (r->beyond || rank == 0 || rank > ARC_MAX_RANK)
        return arc_fail(err, ARC_ECORRUPT, "%s: offset %llu: tensor %.100s has %u dimensions", name, (unsigned long long)start,
                        t->name, rank);
    t->rank = (int)rank;
    for (int i = 0; i < t->rank; i++)
        t->dim[i] = u32(&dims);
    if (dims.beyond)
        return arc_fail(err, ARC_ECORRUPT, "%s: the dimensions of tensor %.100s lie behind its end", name, t->name);
    return ARC_OK;
}

static arc_status tensors(const reader *whole, uint64_t section, uint32_t count, uint64_t const_section, arc_blob_tensor **out,
                          int *kept, arc_arena *arena, const char *name, arc_error *err) {
    reader r = {whole->data, whole->bytes, section, false};
    if (count > ARC_BLOB_MAX_TENSORS)
        return arc_fail(err, ARC_ELIMIT, "%s: %u inputs or outputs; at most %d are read", name, count, ARC_BLOB_MAX_TENSORS);
    *kept = 0;
    if (!(*out = arc_arena_new(arena, (size_t)count + 1, sizeof **out)))
        return arc_fail_nomem(err, name);
    for (uint32_t i = 0; i < count; i++) {
        bool shape_only = false;
        const arc_status st = tensor(&r, i, const_section, *out + *kept, &shape_only, arena, name, err);
        if (st != ARC_OK)
            return st;
        *kept += !shape_only;
    }
    return ARC_OK;
}

arc_status arc_blob_parse(arc_blob *out, arc_arena *arena, const void *bytes, size_t count, const char *name, arc_error *err) {
    reader r = {bytes, count, ELF_BYTES, false};
    uint32_t h[HEADER_NUMBERS];
    *out = (arc_blob){0};
    if (count >= 8 && memcmp((const uint8_t *)bytes + 4, "BLOB", 4) == 0)
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: a blob of RVC3, whose format nobody has published", name);
    for (int i = 0; i < HEADER_NUMBERS; i++)
        h[i] = u32(&r);
    if (r.beyond || h[MAGIC] != BLOB_MAGIC)
        return arc_fail(err, ARC_EFORMAT, "%s: not a blob of RVC2: no %u at offset %d", name, BLOB_MAGIC, ELF_BYTES);
    if (h[FILE_BYTES] > count)
        return arc_fail(err, ARC_ECORRUPT, "%s: ends early: its header says %u bytes, there are %llu", name, h[FILE_BYTES],
                        (unsigned long long)count);
    out->version[0] = h[MAJOR];
    out->version[1] = h[MINOR];
    out->shaves = h[SHAVES];
    out->slices = h[SLICES];
    out->stages = h[STAGES];
    const arc_status st = tensors(&r, h[INPUT_SECTION], h[INPUTS], h[CONST_SECTION], &out->input, &out->inputs, arena, name, err);
    return st != ARC_OK
               ? st
               : tensors(&r, h[OUTPUT_SECTION], h[OUTPUTS], h[CONST_SECTION], &out->output, &out->outputs, arena, name, err);
}

arc_status arc_superblob_parse(arc_superblob *out, arc_arena *arena, const void *bytes, size_t count, const char *name,
                               arc_error *err) {
    const uint8_t *p = bytes;
    *out = (arc_superblob){0};
    if (count < SUPERBLOB_HEADER_BYTES)
        return arc_fail(err, ARC_EFORMAT, "%s: not a superblob: it ends within the header of %zu bytes", name,
                        SUPERBLOB_HEADER_BYTES);
    out->base_bytes = u64_big(p);
    if (out->base_bytes > count - SUPERBLOB_HEADER_BYTES)
        return arc_fail(err, ARC_ECORRUPT, "%s: its header says a blob of %llu bytes, %llu are there", name,
                        (unsigned long long)out->base_bytes, (unsigned long long)(count - SUPERBLOB_HEADER_BYTES));
    if (!arc_superblob_is(bytes, count))
        return arc_fail(err, ARC_EFORMAT, "%s: not a superblob: no blob of RVC2 begins at offset %zu", name,
                        SUPERBLOB_HEADER_BYTES);
    uint64_t at = SUPERBLOB_HEADER_BYTES + out->base_bytes;
    for (int i = 0; i < ARC_SUPERBLOB_SHAVES; i++) {
        const uint64_t size = out->patch_bytes[i] = u64_big(p + 8 * (i + 1));
        if (size > count - at)
            return arc_fail(err, ARC_ECORRUPT, "%s: the patch for %d shaves has %llu bytes, %llu are left", name, i + 1,
                            (unsigned long long)size, (unsigned long long)(count - at));
        if (size != 0 && (size < 6 || memcmp(p + at, "BSDIFF", 6) != 0))
            return arc_fail(err, ARC_ECORRUPT, "%s: offset %llu: the patch for %d shaves does not begin with BSDIFF", name,
                            (unsigned long long)at, i + 1);
        at += size;
    }
    if (at != count)
        return arc_fail(err, ARC_ECORRUPT, "%s: offset %llu: the last patch ends here, the file does not", name,
                        (unsigned long long)at);
    return arc_blob_parse(&out->base, arena, p + SUPERBLOB_HEADER_BYTES, (size_t)out->base_bytes, name, err);
}
