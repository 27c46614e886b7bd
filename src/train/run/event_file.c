/* train: TensorBoard event files, written record by record so that TensorBoard can follow a running training. */
#include "train/run/event_file.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MAX_EVENT_BYTES 4096
#define MAX_TAG_BYTES 200

struct arc_event_file {
    const arc_alloc *alloc;
    arc_append *part;
    arc_crc_table crc;
};

typedef struct message {
    uint8_t at[MAX_EVENT_BYTES];
    size_t bytes;
} message;

static void put_bytes(message *m, const void *data, size_t bytes) {
    if (bytes <= sizeof m->at - m->bytes) {
        memcpy(m->at + m->bytes, data, bytes);
        m->bytes += bytes;
    }
}

static void put_little(message *m, uint64_t value, size_t bytes) {
    uint8_t b[8];
    for (size_t i = 0; i < bytes; i++)
        b[i] = (uint8_t)(value >> 8 * i);
    put_bytes(m, b, bytes);
}

/* Encoding of protocol buffers: varints, and fields by number and wire type. */
static void put_varint(message *m, uint64_t value) {
    for (; value >= 128; value >>= 7)
        put_little(m, (value & 127) | 128, 1);
    put_little(m, value, 1);
}

static void put_double(message *m, unsigned field, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_varint(m, field << 3 | 1);
    put_little(m, bits, 8);
}

static void put_block(message *m, unsigned field, const void *data, size_t bytes) {
    put_varint(m, field << 3 | 2);
    put_varint(m, bytes);
    put_bytes(m, data, bytes);
}

static uint32_t masked(const arc_crc_table *t, const void *data, size_t bytes) {
    const uint32_t crc = arc_crc32c(t, 0, data, bytes);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static arc_status put_record(arc_event_file *f, const message *event, arc_error *err) {
    message framed = {.bytes = 0};
    put_little(&framed, event->bytes, 8);
    put_little(&framed, masked(&f->crc, framed.at, 8), 4);
    arc_status st = arc_append_put(f->part, framed.at, framed.bytes, err);
    if (st == ARC_OK)
        st = arc_append_put(f->part, event->at, event->bytes, err);
    framed.bytes = 0;
    put_little(&framed, masked(&f->crc, event->at, event->bytes), 4);
    return st == ARC_OK ? arc_append_put(f->part, framed.at, framed.bytes, err) : st;
}

static double wall_time(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

arc_status arc_event_file_open(arc_event_file **out, const arc_alloc *a, const char *folder, arc_error *err) {
    static const char version[] = "brain.Event:2";
    char path[4096];
    int64_t have = 1;
    arc_status st = ARC_OK;
    *out = NULL;
    arc_event_file *f = arc_mem_new(a, 1, sizeof *f);
    if (!f)
        return arc_fail_nomem(err, folder);
    f->alloc = a;
    arc_crc_init(&f->crc);
    for (int i = 0; have > 0 && st == ARC_OK; i++) {
        st = arc_append_close(&f->part, err); /* exists: another training began within the same second */
        if (st != ARC_OK)
            break;
        snprintf(path, sizeof path, "%s/events.out.tfevents.%lld.arcface.%d", folder, (long long)wall_time(), i);
        st = arc_append_open(&f->part, a, path, &have, err);
    }
    message event = {.bytes = 0};
    put_double(&event, 1, wall_time());
    put_block(&event, 3, version, sizeof version - 1);
    if (st == ARC_OK)
        st = put_record(f, &event, err);
    if (st != ARC_OK)
        (void)arc_event_file_close(&f, NULL);
    *out = f;
    return st;
}

arc_status arc_event_file_put(arc_event_file *f, int64_t step, const arc_event_scalar *scalar, size_t count, arc_error *err) {
    message summary = {.bytes = 0}, event = {.bytes = 0};
    for (size_t i = 0; i < count; i++) {
        message value = {.bytes = 0};
        float number = (float)scalar[i].value;
        uint32_t bits;
        memcpy(&bits, &number, sizeof bits);
        put_block(&value, 1, scalar[i].tag, strnlen(scalar[i].tag, MAX_TAG_BYTES));
        put_varint(&value, 2 << 3 | 5);
        put_little(&value, bits, 4);
        put_block(&summary, 1, value.at, value.bytes);
    }
    put_double(&event, 1, wall_time());
    put_varint(&event, 2 << 3 | 0);
    put_varint(&event, (uint64_t)step);
    put_block(&event, 5, summary.at, summary.bytes);
    return put_record(f, &event, err);
}

arc_status arc_event_file_close(arc_event_file **file, arc_error *err) {
    arc_event_file *f = *file;
    *file = NULL;
    if (!f)
        return ARC_OK;
    const arc_status st = arc_append_close(&f->part, err);
    arc_mem_free(f->alloc, f);
    return st;
}
