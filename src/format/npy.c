/* NumPy's .npy: little-endian C-order arrays of the element types that results and goldens use. */
#include "format/format.h"
#include <arcface/file.h>
#include <stdio.h>
#include <string.h>

#define HEADER_MAX 65536

arc_status arc_npy_header(char header[ARC_NPY_HEADER_BYTES], const char *path, int rank, const int64_t *dim, arc_error *err) {
    arc_shape s = {.rank = rank};
    char shape[96] = "";
    size_t at = 0;
    if (rank < 0 || rank > 4)
        return arc_fail(err, ARC_EINVAL, "%s: an array of %d dimensions can't be written", path, rank);
    for (int i = 0; i < rank; i++) {
        s.dim[i] = dim[i];
        at += (size_t)snprintf(shape + at, sizeof shape - at, "%lld%s", (long long)dim[i],
                               rank == 1      ? ","
                               : i + 1 < rank ? ", "
                                              : "");
    }
    if (arc_shape_count(&s) < 0)
        return arc_fail(err, ARC_EINVAL, "%s: an impossible shape can't be written", path);
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = (char)(ARC_NPY_HEADER_BYTES - 10);
    header[9] = 0;
    const int n =
        snprintf(header + 10, ARC_NPY_HEADER_BYTES - 10, "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", shape);
    memset(header + 10 + n, ' ', ARC_NPY_HEADER_BYTES - 10 - (size_t)n);
    header[ARC_NPY_HEADER_BYTES - 1] = '\n';
    return ARC_OK;
}

arc_status arc_npy_put_header(arc_writer *w, const char *path, int rank, const int64_t *dim, arc_error *err) {
    char header[ARC_NPY_HEADER_BYTES];
    const arc_status st = arc_npy_header(header, path, rank, dim, err);
    return st == ARC_OK ? arc_writer_put(w, header, sizeof header, err) : st;
}

arc_status arc_npy_save_f32(const arc_alloc *a, const char *path, const float *data, int rank, const int64_t *dim,
                            arc_error *err) {
    arc_writer *w = NULL;
    size_t count = 1;
    arc_status st = arc_writer_open(&w, a, path, err);
    if (st == ARC_OK)
        st = arc_npy_put_header(w, path, rank, dim, err);
    for (int i = 0; st == ARC_OK && i < rank; i++)
        count *= (size_t)dim[i];
    if (st == ARC_OK)
        st = arc_writer_put(w, data, count * sizeof(float), err);
    if (st == ARC_OK)
        return arc_writer_commit(&w, err);
    arc_writer_abort(&w);
    return st;
}

arc_status arc_npy_save(arc_context *ctx, const char *path, const float *data, int rank, const int64_t *dim, arc_error *err) {
    return arc_npy_save_f32(&ctx->alloc, path, data, rank, dim, err);
}

/* ---- reading --------------------------------------------------------------------------------------------------------------- */

static bool parse_dtype(const char *header, arc_dtype *t) {
    static const struct {
        const char *text;
        arc_dtype t;
    } known[] = {{"'<f4'", ARC_F32}, {"'|u1'", ARC_U8},   {"'|i1'", ARC_I8},  {"'<i4'", ARC_I32}, {"'<i8'", ARC_I64},
                 {"'<f8'", ARC_F64}, {"'|b1'", ARC_BOOL}, {"'<f2'", ARC_F16}, {"'<i2'", ARC_I16}, {"'<u2'", ARC_U16}};
    const char *descr = strstr(header, "'descr':");
    if (!descr)
        return false;
    descr += 8;
    descr += strspn(descr, " ");
    for (size_t i = 0; i < ARC_COUNT(known); i++)
        if (strncmp(descr, known[i].text, 5) == 0) {
            *t = known[i].t;
            return true;
        }
    return false;
}

static bool parse_shape(const char *header, arc_shape *s) {
    const char *p = strstr(header, "'shape':");
    p = p ? strchr(p, '(') : NULL;
    s->rank = 0;
    if (!p)
        return false;
    for (p++; *p && *p != ')'; p++) {
        if (*p == ' ' || *p == ',')
            continue;
        int64_t v = 0;
        const char *digits = p;
        for (; *p >= '0' && *p <= '9'; p++) {
            v = v * 10 + (*p - '0');
            if (v > ARC_MAX_DIM)
                return false;
        }
        if (p == digits || s->rank == ARC_MAX_RANK)
            return false;
        s->dim[s->rank++] = v;
        p--;
    }
    return *p == ')' && arc_shape_count(s) >= 0;
}

/* Finds dtype, shape and the first data byte. */
static arc_status parse_header(const char *name, const uint8_t *bytes, size_t count, arc_dtype *t, arc_shape *s, size_t *data_at,
                               arc_error *err) {
    char header[1024];
    if (count < 12 || memcmp(bytes, "\x93NUMPY", 6) != 0)
        return arc_fail(err, ARC_EFORMAT, "%s: is no .npy file", name);
    const size_t lead = bytes[6] == 1 ? 10 : 12;
    size_t length = (size_t)bytes[8] | (size_t)bytes[9] << 8;
    if (bytes[6] > 1)
        length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (bytes[6] < 1 || bytes[6] > 3 || length > HEADER_MAX || length > count - lead)
        return arc_fail(err, ARC_ECORRUPT, "%s: the header of %zu bytes does not fit into the file", name, length);
    const size_t kept = ARC_MIN(length, sizeof header - 1);
    memcpy(header, bytes + lead, kept);
    header[kept] = 0;
    if (strlen(header) < kept || !parse_dtype(header, t) || !parse_shape(header, s))
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: only little-endian arrays of plain numbers are supported, header is %.100s",
                        name, header);
    if (strstr(header, "'fortran_order': True"))
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: is in Fortran order; save it with numpy.ascontiguousarray", name);
    *data_at = lead + length;
    return ARC_OK;
}

arc_status arc_npy_parse(const arc_alloc *a, const void *bytes, size_t count, const char *name, arc_dtype *t, arc_shape *s,
                         void **data, arc_error *err) {
    size_t at = 0, size;
    *data = NULL;
    *t = ARC_NO_DTYPE;
    *s = (arc_shape){0};
    const arc_status st = parse_header(name, bytes, count, t, s, &at, err);
    if (st != ARC_OK)
        return st;
    if (!arc_mul_size((size_t)arc_shape_count(s), arc_dtype_bytes(*t), &size) || size > count - at)
        return arc_fail(err, ARC_ECORRUPT, "%s: holds %zu bytes of data, its shape needs %zu", name, count - at, size);
    *data = arc_mem_raw(a, ARC_MAX(size, (size_t)1), 1);
    if (!*data)
        return arc_fail_nomem(err, name);
    memcpy(*data, (const uint8_t *)bytes + at, size);
    return ARC_OK;
}

arc_status arc_npy_load(const arc_alloc *a, const char *path, arc_dtype *t, arc_shape *s, void **data, arc_error *err) {
    arc_map map = {0};
    *data = NULL;
    arc_status st = arc_map_open(&map, path, ARC_MAX_MODEL_BYTES, err);
    if (st == ARC_OK)
        st = arc_npy_parse(a, map.data, map.bytes, path, t, s, data, err);
    arc_map_close(&map);
    return st;
}
