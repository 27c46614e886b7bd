/* data: writes data sets: RecordIO or folders. */
#include "data/sink.h"
#include "format/record/recordio.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

typedef struct span {
    uint64_t first, end; /* keys */
} span;

struct arc_data_sink {
    const arc_context *ctx;
    const arc_alloc *alloc;
    arc_data_layout layout;
    char *folder;
    arc_record_writer *records;
    int width_px, height_px;
    uint64_t key; /* key of the next picture */
    span *identity;
    size_t identities, capacity;
    int64_t last_label, most_label, pictures, bytes;
};

static arc_status open_records(arc_data_sink *s, const char *path, arc_error *err) {
    char rec[4096], idx[4096];
    const size_t n = strlen(path);
    const bool file = n > 4 && strcasecmp(path + n - 4, ".rec") == 0;
    const int stem = (int)(file ? n - 4 : n);
    const int a = snprintf(rec, sizeof rec, file ? "%.*s.rec" : "%.*s/train.rec", stem, path);
    const int b = snprintf(idx, sizeof idx, file ? "%.*s.idx" : "%.*s/train.idx", stem, path);
    if (a < 0 || b < 0 || (size_t)a >= sizeof rec || (size_t)b >= sizeof idx)
        return arc_fail(err, ARC_ELIMIT, "%s: the path is too long", path);
    if (file) { /* and `property` lies beside it */
        char *slash = strrchr(s->folder, '/');
        if (slash)
            *(slash == s->folder ? slash + 1 : slash) = '\0';
        else
            memcpy(s->folder, ".", 2);
    }
    const arc_status st = arc_dir_make(s->folder, err);
    return st == ARC_OK ? arc_record_writer_open(&s->records, s->alloc, rec, idx, err) : st;
}

arc_status arc_data_sink_open(arc_data_sink **out, const arc_context *ctx, const char *path, arc_data_layout layout, int width_px,
                              int height_px, arc_error *err) {
    arc_status st;
    *out = NULL;
    arc_data_sink *s = arc_mem_new(&ctx->alloc, 1, sizeof *s);
    if (!s)
        return arc_fail_nomem(err, path);
    *s = (arc_data_sink){.ctx = ctx, .alloc = &ctx->alloc, .layout = layout, .width_px = width_px, .height_px = height_px};
    s->last_label = s->most_label = -1;
    s->key = layout == ARC_DATA_IDENTITIES;
    s->folder = arc_mem_strdup(s->alloc, path);
    if (!s->folder)
        ARC_TRY(arc_fail_nomem(err, path));
    ARC_TRY(layout == ARC_DATA_FOLDER ? arc_dir_make(path, err) : open_records(s, path, err));
    *out = s;
done:
    if (st != ARC_OK)
        arc_data_sink_abort(&s);
    return st;
}

static const char *suffix_of(const uint8_t *bytes, size_t count) {
    if (count >= 8 && memcmp(bytes, "\x89PNG", 4) == 0)
        return "png";
    if (count >= 12 && memcmp(bytes + 8, "WEBP", 4) == 0)
        return "webp";
    return count >= 2 && memcmp(bytes, "BM", 2) == 0 ? "bmp" : "jpg";
}

static arc_status put_file(arc_data_sink *s, int64_t label, const char *name, const void *bytes, size_t count, arc_error *err) {
    char path[4096], number[32];
    if (!name) {
        snprintf(number, sizeof number, "%09" PRIu64 ".%s", s->key, suffix_of(bytes, count));
        name = number;
    }
    int n = snprintf(path, sizeof path, "%s/%07" PRId64, s->folder, label);
    arc_status st = ARC_OK;
    if (n > 0 && (size_t)n < sizeof path && label != s->last_label)
        st = arc_dir_make(path, err);
    n = snprintf(path, sizeof path, "%s/%07" PRId64 "/%s", s->folder, label, name);
    if (n < 0 || (size_t)n >= sizeof path)
        return arc_fail(err, ARC_ELIMIT, "%s/%s: the path is too long", s->folder, name);
    arc_writer *w = NULL;
    if (st == ARC_OK)
        st = arc_writer_open(&w, s->alloc, path, err);
    if (st != ARC_OK)
        return st;
    arc_writer_unsynced(w);
    st = arc_writer_put(w, bytes, count, err);
    return arc_writer_finish(&w, st, err);
}

/* Starts or extends the identity's range of keys. */
static arc_status count_identity(arc_data_sink *s, int64_t label, arc_error *err) {
    if (label == s->last_label) {
        s->identity[s->identities - 1].end = s->key + 1;
        return ARC_OK;
    }
    if (s->layout == ARC_DATA_IDENTITIES && label < s->last_label)
        return arc_fail(err, ARC_EINVAL, "label %" PRId64 " comes after label %" PRId64 "; this layout takes labels in order",
                        label, s->last_label);
    if (s->identities == s->capacity) {
        const size_t more = ARC_MAX(s->capacity * 2, (size_t)256);
        span *grown = arc_mem_grow(s->alloc, s->identity, s->identities, more, sizeof *grown);
        if (!grown)
            return arc_fail_nomem(err, "the list of identities");
        s->identity = grown;
        s->capacity = more;
    }
    s->identity[s->identities++] = (span){s->key, s->key + 1};
    return ARC_OK;
}

arc_status arc_data_sink_put(arc_data_sink *s, int64_t label, const char *name, const void *bytes, size_t count, arc_error *err) {
    arc_status st;
    ARC_TRY(count_identity(s, label, err));
    if (s->layout == ARC_DATA_FOLDER) {
        ARC_TRY(put_file(s, label, name, bytes, count, err));
    } else {
        const arc_image_record head = {.label = (float)label, .id = s->key};
        ARC_TRY(arc_record_writer_put(s->records, s->key, &head, NULL, bytes, count, err));
    }
    s->last_label = label;
    s->most_label = ARC_MAX(s->most_label, label);
    s->key++;
    s->pictures++;
    s->bytes += (int64_t)count;
done:
    return st;
}

int64_t arc_data_sink_pictures(const arc_data_sink *s) {
    return s->pictures;
}

int64_t arc_data_sink_identities(const arc_data_sink *s) {
    return (int64_t)s->identities;
}

int64_t arc_data_sink_bytes(const arc_data_sink *s) {
    return s->bytes;
}

/* Writes InsightFace's identity records, and the header that completes the file. */
static arc_status put_identities(arc_data_sink *s, arc_error *err) {
    const float first = (float)s->key;
    arc_status st;
    for (size_t i = 0; i < s->identities; i++, s->key++) {
        const float keys[2] = {(float)s->identity[i].first, (float)s->identity[i].end};
        const arc_image_record head = {.labels = 2, .id = s->key};
        ARC_TRY(arc_record_writer_put(s->records, s->key, &head, keys, NULL, 0, err));
    }
    const float keys[2] = {first, (float)s->key};
    const arc_image_record head = {.labels = 2, .id = 0, .id2 = 1};
    ARC_TRY(arc_record_writer_put(s->records, 0, &head, keys, NULL, 0, err));
done:
    return st;
}

static arc_status put_property(const arc_data_sink *s, arc_error *err) {
    char path[4096];
    arc_writer *w = NULL;
    const int n = snprintf(path, sizeof path, "%s/property", s->folder);
    if (n < 0 || (size_t)n >= sizeof path)
        return arc_fail(err, ARC_ELIMIT, "%s: the path is too long", s->folder);
    arc_status st = arc_writer_open(&w, s->alloc, path, err);
    if (st == ARC_OK)
        st = arc_writer_printf(w, err, "%" PRId64 ",%d,%d\n", s->most_label + 1, s->width_px, s->height_px);
    return arc_writer_finish(&w, st, err);
}

arc_status arc_data_sink_commit(arc_data_sink **sink, arc_error *err) {
    arc_data_sink *s = *sink;
    arc_status st = ARC_OK;
    if (s->layout == ARC_DATA_IDENTITIES)
        st = put_identities(s, err);
    if (st == ARC_OK && s->records)
        st = arc_record_writer_commit(&s->records, err);
    if (st == ARC_OK && s->layout != ARC_DATA_FOLDER)
        st = put_property(s, err);
    arc_data_sink_abort(sink);
    return st;
}

void arc_data_sink_abort(arc_data_sink **sink) {
    if (!sink || !*sink)
        return;
    arc_data_sink *s = *sink;
    *sink = NULL;
    arc_record_writer_abort(&s->records);
    arc_mem_free(s->alloc, s->identity);
    arc_mem_free(s->alloc, s->folder);
    arc_mem_free(s->alloc, s);
}
