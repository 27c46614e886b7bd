/* data: data sets in RecordIO: which records are pictures, and how many identities there are. The file is mapped; a record is
 * read when it is requested. format/record/ parses the records. */
#include "data/set_internal.h"
#include "format/format.h"
#include "format/record/recordio.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_REC_BYTES ((size_t)1 << 46)
#define MAX_PROPERTY_BYTES 65536
#define PROBES 64        /* records that are read to recognise an index of another file */
#define ROUNDING_KEYS 64 /* by how much float32 can shift a boundary between 2^24 and 2^31 */

static arc_status read_image_record(const arc_data_set *set, uint64_t offset, arc_buffer *joined, arc_image_record *out,
                                    arc_error *err) {
    arc_record record;
    arc_status st = arc_record_read(&record, set->map.data, set->map.bytes, offset, joined, set->path, err);
    if (st == ARC_OK)
        st = arc_image_record_parse(out, record.data, record.bytes, err);
    return st;
}

static arc_status in_record(const arc_data_set *set, int64_t sample, arc_status st, arc_error *err) {
    char where[ARC_ERROR_TEXT_BYTES];
    snprintf(where, sizeof where, "%.400s: record %" PRIu64, set->path, set->place[sample].key);
    return arc_fail_in(err, st, where);
}

static arc_status rec_read(const arc_data_set *set, int64_t sample, arc_data_item *out, arc_error *err) {
    arc_image_record record;
    arc_status st = read_image_record(set, set->place[sample].offset, &out->joined, &record, err);
    if (st == ARC_OK)
        st = arc_data_label_check((double)record.label, set->identities, &out->label, err);
    if (st == ARC_OK && record.image_bytes == 0)
        st = arc_fail(err, ARC_ECORRUPT, "holds no picture");
    if (st != ARC_OK)
        return in_record(set, sample, st, err);
    out->bytes = record.image;
    out->count = record.image_bytes;
    return ARC_OK;
}

static arc_status rec_label(const arc_data_set *set, int64_t sample, int64_t *label, arc_error *err) {
    arc_image_record record;
    arc_buffer joined;
    arc_buffer_init(&joined, set->alloc, ARC_RECORD_MAX_BYTES);
    *label = -1;
    arc_status st = read_image_record(set, set->place[sample].offset, &joined, &record, err);
    if (st == ARC_OK)
        st = arc_data_label_check((double)record.label, set->identities, label, err);
    arc_buffer_free(&joined);
    return st == ARC_OK ? ARC_OK : in_record(set, sample, st, err);
}

static void rec_key(const arc_data_set *set, int64_t sample, char *text, size_t bytes) {
    snprintf(text, bytes, "%" PRIu64, set->place[sample].key);
}

static const arc_data_kind rec_kind = {rec_read, rec_label, rec_key};

/* ---- opening ---- */

static int by_key(const void *a, const void *b) {
    const arc_data_place *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

/* The positions of records in the order of their keys. Of equal keys the last one is used, as in MXNet's dictionary. */
static arc_status take_places(arc_data_set *set, const arc_record_index *index, arc_error *err) {
    bool sorted = true;
    set->place = arc_mem_raw(set->alloc, index->count, sizeof *set->place);
    if (!set->place)
        return arc_fail_nomem(err, set->path);
    for (size_t i = 0; i < index->count; i++) {
        set->place[i] = (arc_data_place){index->key[i], index->offset[i]};
        sorted = sorted && (i == 0 || index->key[i] > index->key[i - 1]);
    }
    if (!sorted)
        qsort(set->place, index->count, sizeof *set->place, by_key);
    size_t kept = 0;
    for (size_t i = 0; i < index->count; i++) {
        if (kept && set->place[kept - 1].key == set->place[i].key) {
            set->notes.duplicates++;
            kept--;
        }
        set->place[kept++] = set->place[i];
    }
    set->samples = (int64_t)kept;
    return ARC_OK;
}

static arc_status load_index(arc_data_set *set, arc_error *err) {
    arc_record_index index;
    arc_status st;
    const char *path = arc_arena_printf(&set->arena, "%.*s.idx", (int)(strlen(set->path) - 4), set->path);
    if (!path)
        return arc_fail_nomem(err, set->path);
    if (arc_path_kind_of(path) == ARC_PATH_NONE) {
        arc_record_scan scan = {0};
        st = arc_record_index_scan(&index, set->alloc, set->map.data, set->map.bytes, set->path, &scan, err);
        set->notes.scanned = true;
        set->notes.damaged = scan.damaged;
    } else {
        st = arc_record_index_open(&index, set->alloc, path, err);
    }
    if (st == ARC_OK)
        st = take_places(set, &index, err);
    arc_record_index_free(&index);
    return st;
}

/* Checks the index: of a sample of its offsets most must be those of records. */
static arc_status check_index(const arc_data_set *set, arc_buffer *joined, arc_error *err) {
    const int64_t probes = ARC_MIN(set->samples, (int64_t)PROBES);
    int64_t good = 0;
    for (int64_t i = 0; i < probes; i++) {
        arc_image_record record;
        arc_error ignored;
        const int64_t at = i * set->samples / probes;
        const arc_status st = read_image_record(set, set->place[at].offset, joined, &record, &ignored);
        if (st == ARC_ENOMEM)
            return arc_fail_nomem(err, set->path);
        good += st == ARC_OK;
    }
    if (good * 2 >= probes)
        return ARC_OK;
    return arc_fail(
        err, ARC_ECORRUPT,
        "%s: the .idx beside it is not its index: %lld of %lld places looked at hold no record; \"arcface data repair\" "
        "makes a new one",
        set->path, (long long)(probes - good), (long long)probes);
}

/* Index of the first key that is at least `key`. */
static int64_t lower_bound(const arc_data_set *set, uint64_t key) {
    int64_t low = 0, high = set->samples;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (set->place[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Above 2^24 the boundary in the header is rounded: the first identity record near it is the true boundary. */
static int64_t exact_end(const arc_data_set *set, int64_t end, arc_buffer *joined) {
    int64_t from = ARC_MAX(end - ROUNDING_KEYS, (int64_t)1), to = ARC_MIN(end + ROUNDING_KEYS, set->samples);
    for (int64_t i = from; i < to; i++) {
        arc_image_record record;
        arc_error ignored;
        if (read_image_record(set, set->place[i].offset, joined, &record, &ignored) == ARC_OK && record.labels == 2 &&
            record.image_bytes == 0)
            return i;
    }
    return end;
}

/* InsightFace's header (key 0): limits the places to pictures and returns the number of identity records; 0 without a header. */
static int64_t apply_header(arc_data_set *set, arc_buffer *joined) {
    arc_image_record head;
    arc_error ignored;
    set->notes.layout = "sequence";
    if (set->place[0].key != 0 || read_image_record(set, set->place[0].offset, joined, &head, &ignored) != ARC_OK ||
        head.labels < 1 || head.image_bytes > 0)
        return 0;
    const float first = head.label, last = head.labels > 1 ? arc_image_record_label(&head, 1) : head.label;
    if (!(first >= 1 && last >= first && last < (float)ARC_RECORD_MAX_COUNT))
        return 0;
    set->notes.layout = "identities";
    int64_t end = lower_bound(set, (uint64_t)first);
    if (first >= (float)ARC_RECORD_FLOAT_EXACT)
        end = exact_end(set, end, joined);
    const int64_t identities = ARC_MAX(set->samples - end, (int64_t)(last - first));
    set->samples = end - 1;
    memmove(set->place, set->place + 1, (size_t)set->samples * sizeof *set->place);
    return identities;
}

/* The first number in the file `property` beside the .rec; -1 without one. */
static int64_t property_identities(arc_data_set *set) {
    const char *slash = strrchr(set->path, '/');
    const char *path = arc_arena_printf(&set->arena, "%.*sproperty", slash ? (int)(slash - set->path + 1) : 0, set->path);
    arc_map map;
    arc_error ignored;
    int64_t count = -1;
    if (!path || arc_map_open(&map, path, MAX_PROPERTY_BYTES, &ignored) != ARC_OK)
        return -1;
    for (size_t i = 0; i < map.bytes && map.data[i] >= '0' && map.data[i] <= '9'; i++) {
        count = (count < 0 ? 0 : count) * 10 + (map.data[i] - '0');
        if (count > ARC_DATA_MAX_IDENTITIES)
            break;
    }
    arc_map_close(&map);
    return count >= 1 && count <= ARC_DATA_MAX_IDENTITIES ? count : -1;
}

/* Without `property` and identity records all labels are read once. Invalid labels are ignored here; loading such a sample
 * fails. */
static int64_t count_labels(const arc_data_set *set, arc_buffer *joined) {
    float most = -1;
    for (int64_t i = 0; i < set->samples; i++) {
        arc_image_record record;
        arc_error ignored;
        if (read_image_record(set, set->place[i].offset, joined, &record, &ignored) == ARC_OK &&
            record.label < (float)ARC_DATA_MAX_IDENTITIES && record.label == floorf(record.label))
            most = ARC_MAX(most, record.label);
    }
    return (int64_t)most + 1;
}

arc_status arc_data_set_open_rec(arc_data_set *set, arc_error *err) {
    arc_status st;
    arc_buffer joined;
    arc_buffer_init(&joined, set->alloc, ARC_RECORD_MAX_BYTES);
    set->kind = &rec_kind;
    set->notes.kind = "recordio";
    ARC_TRY(arc_map_open_real(&set->map, set->path, MAX_REC_BYTES, err));
    if (set->map.bytes == 0)
        ARC_TRY(arc_fail(err, ARC_EFORMAT, "%s: the file is empty", set->path));
    ARC_TRY(load_index(set, err));
    ARC_TRY(check_index(set, &joined, err));
    const int64_t records = apply_header(set, &joined);
    set->notes.property_identities = property_identities(set);
    set->identities = ARC_MAX(records, set->notes.property_identities);
    if (set->identities <= 0)
        set->identities = count_labels(set, &joined);
    if (records > 0 && set->notes.property_identities > 0 && records != set->notes.property_identities)
        arc_log(set->ctx, ARC_LOG_WARN,
                "%s: has %" PRId64 " identity records, its property file says %" PRId64 "; the larger is taken", set->path,
                records, set->notes.property_identities);
    if (set->notes.damaged)
        arc_log(set->ctx, ARC_LOG_WARN, "%s: damaged in %" PRIu64 " places, which are passed over", set->path,
                set->notes.damaged);
done:
    arc_buffer_free(&joined);
    return st;
}
