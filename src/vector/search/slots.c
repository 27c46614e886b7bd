/* vector/search: segments of places. */
#include "vector/search/slots.h"
#include <stdatomic.h>
#include <string.h>

#define FILE_PAGE 4096
#define MOST_SLOTS ((int64_t)UINT32_MAX - ARC_SEGMENT_SLOTS) /* a table of places stores their numbers plus 1 */

static size_t put_array(size_t *at, size_t element_bytes) {
    const size_t begin = *at;
    *at += arc_aligned(element_bytes * ARC_SEGMENT_SLOTS);
    return begin;
}

void arc_segment_layout_make(arc_segment_layout *out, size_t dim, bool sketch, bool rows) {
    arc_segment_layout l = {.dim = dim, .stride = arc_aligned(dim), .words = sketch ? (dim + 63) / 64 : 0, .rows = rows};
    size_t at = 0;
    (void)put_array(&at, l.stride);
    l.sketch = put_array(&at, l.words * sizeof(uint64_t));
    l.bias = put_array(&at, l.words ? sizeof(int32_t) : 0);
    l.scale = put_array(&at, sizeof(float));
    l.error = put_array(&at, sizeof(float));
    l.length = put_array(&at, sizeof(float));
    l.id = put_array(&at, sizeof(int64_t));
    l.owner = put_array(&at, sizeof(int64_t));
    l.code_crc = put_array(&at, sizeof(uint32_t));
    l.row_crc = put_array(&at, sizeof(uint32_t));
    l.row = put_array(&at, rows ? dim * sizeof(float) : 0);
    l.bytes = (at + FILE_PAGE - 1) / FILE_PAGE * FILE_PAGE;
    *out = l;
}

void arc_segment_arrays(const arc_segment_layout *l, arc_segment_array out[ARC_SEGMENT_ARRAYS]) {
    const arc_segment_array all[ARC_SEGMENT_ARRAYS] = {{l->id, sizeof(int64_t)},
                                                       {l->code_crc, sizeof(uint32_t)},
                                                       {l->row_crc, sizeof(uint32_t)},
                                                       {l->owner, sizeof(int64_t)},
                                                       {l->scale, sizeof(float)},
                                                       {l->error, sizeof(float)},
                                                       {l->length, sizeof(float)},
                                                       {l->bias, l->words ? sizeof(int32_t) : 0},
                                                       {l->sketch, l->words * sizeof(uint64_t)},
                                                       {0, l->stride},
                                                       {l->row, l->rows ? l->dim * sizeof(float) : 0}};
    memcpy(out, all, sizeof all);
}

arc_segment arc_slots_segment(const arc_slots *s, size_t segment) {
    const arc_segment_layout *l = &s->layout;
    uint8_t *base = s->segment[segment];
    return (arc_segment){
        .code = base,
        .sketch = l->words ? (uint64_t *)(void *)(base + l->sketch) : NULL,
        .bias = l->words ? (int32_t *)(void *)(base + l->bias) : NULL,
        .scale = (float *)(void *)(base + l->scale),
        .error = (float *)(void *)(base + l->error),
        .length = (float *)(void *)(base + l->length),
        .id = (int64_t *)(void *)(base + l->id),
        .owner = (int64_t *)(void *)(base + l->owner),
        .code_crc = (uint32_t *)(void *)(base + l->code_crc),
        .row_crc = (uint32_t *)(void *)(base + l->row_crc),
        .row = l->rows ? (float *)(void *)(base + l->row) : NULL,
    };
}

/* One array of the table; *array stays as it was when there is no memory. */
static bool grow_array(const arc_slots *s, void **array, size_t capacity, size_t element_bytes) {
    void *grown = arc_mem_grow(s->alloc, *array, s->capacity, capacity, element_bytes);
    if (grown)
        *array = grown;
    return grown != NULL;
}

static arc_status grow_table(arc_slots *s, size_t wanted, arc_error *err) {
    if (wanted <= s->capacity)
        return ARC_OK;
    const size_t capacity = ARC_MAX(wanted, s->capacity + s->capacity / 2), places = ARC_SEGMENT_SLOTS;
    void *array[] = {s->segment, s->id, s->owner, (void *)(uintptr_t)s->check};
    const size_t bytes[] = {sizeof *s->segment, places * sizeof *s->id, places * sizeof *s->owner, sizeof *s->check};
    bool grown = true;
    for (size_t i = 0; i < ARC_COUNT(array); i++)
        grown = grown && grow_array(s, &array[i], capacity, bytes[i]);
    s->segment = array[0]; /* also those that grew before one did not: they are only larger than `capacity` says */
    s->id = array[1];
    s->owner = array[2];
    s->check = array[3];
    if (!grown)
        return arc_fail_nomem(err, "an index of templates");
    s->capacity = capacity;
    return ARC_OK;
}

static arc_status check_places(const arc_slots *s, int64_t extra, arc_error *err) {
    return extra <= MOST_SLOTS - s->used
               ? ARC_OK
               : arc_fail(err, ARC_ELIMIT, "an index holds at most %lld templates", (long long)MOST_SLOTS);
}

void arc_slots_begin(arc_slots *s, const arc_alloc *alloc, const arc_segment_layout *layout) {
    *s = (arc_slots){.alloc = alloc, .layout = *layout, .blocks = {.alloc = alloc, .piece_bytes = layout->bytes}};
}

static void append_segment(arc_slots *s, uint8_t *segment, bool check) {
    s->segment[s->segments] = segment;
    atomic_init(&s->check[s->segments++], check);
}

arc_status arc_slots_reserve(arc_slots *s, int64_t extra, arc_error *err) {
    arc_status st = check_places(s, extra, err);
    if (st != ARC_OK)
        return st;
    const size_t wanted = (size_t)(s->used + extra + ARC_SEGMENT_SLOTS - 1) / ARC_SEGMENT_SLOTS;
    st = grow_table(s, wanted, err);
    while (st == ARC_OK && s->segments < wanted) { /* segments that are there already stay for the next attempt */
        uint8_t *segment = arc_blocks_take(&s->blocks, wanted - s->segments);
        if (segment)
            append_segment(s, segment, false);
        else
            st = arc_fail_nomem(err, "an index of templates");
    }
    return st;
}

arc_status arc_slots_map(arc_slots *s, const arc_map *map, size_t from, int64_t used, arc_error *err) {
    arc_status st = check_places(s, used, err);
    const size_t wanted = (size_t)(used + ARC_SEGMENT_SLOTS - 1) / ARC_SEGMENT_SLOTS;
    if (st == ARC_OK)
        st = grow_table(s, wanted, err);
    if (st != ARC_OK)
        return st;
    s->map = *map;
    while (s->segments < wanted)
        append_segment(s, (uint8_t *)(uintptr_t)map->data + from + s->segments * s->layout.bytes, true);
    s->mapped = wanted;
    s->from_file = true;
    s->used = used;
    return ARC_OK;
}

void arc_slots_read_ids(arc_slots *s) {
    s->live = 0;
    for (size_t i = 0; i < s->segments; i++) {
        const arc_segment g = arc_slots_segment(s, i);
        memcpy(s->id + i * ARC_SEGMENT_SLOTS, g.id, ARC_SEGMENT_SLOTS * sizeof *g.id);
        memcpy(s->owner + i * ARC_SEGMENT_SLOTS, g.owner, ARC_SEGMENT_SLOTS * sizeof *g.owner);
        for (size_t at = 0; at < arc_slots_in(s, i); at++)
            s->live += s->id[i * ARC_SEGMENT_SLOTS + at] != 0;
    }
}

void arc_slots_free(arc_slots *s, bool wipe) {
    for (size_t i = s->mapped; wipe && i < s->segments; i++)
        memset(s->segment[i], 0, s->layout.bytes);
    arc_blocks_free(&s->blocks);
    arc_mem_free(s->alloc, s->segment);
    arc_mem_free(s->alloc, s->id);
    arc_mem_free(s->alloc, s->owner);
    arc_mem_free(s->alloc, (void *)(uintptr_t)s->check);
    arc_map_close(&s->map);
    arc_slots_begin(s, s->alloc, &s->layout);
}

static arc_segment segment_of(const arc_slots *s, uint32_t slot) {
    return arc_slots_segment(s, slot / ARC_SEGMENT_SLOTS);
}

const float *arc_slots_row(const arc_slots *s, uint32_t slot) {
    return segment_of(s, slot).row + slot % ARC_SEGMENT_SLOTS * s->layout.dim;
}

void arc_slots_enter(arc_slots *s, uint32_t slot, int64_t id, int64_t owner) {
    const arc_segment g = segment_of(s, slot);
    g.id[slot % ARC_SEGMENT_SLOTS] = s->id[slot] = id;
    g.owner[slot % ARC_SEGMENT_SLOTS] = s->owner[slot] = owner;
}

void arc_slots_clear(arc_slots *s, uint32_t slot) {
    arc_segment_array array[ARC_SEGMENT_ARRAYS];
    uint8_t *segment = s->segment[slot / ARC_SEGMENT_SLOTS];
    arc_segment_arrays(&s->layout, array);
    for (size_t i = 0; i < ARC_SEGMENT_ARRAYS; i++)
        memset(segment + array[i].begin + slot % ARC_SEGMENT_SLOTS * array[i].bytes, 0, array[i].bytes);
    s->id[slot] = s->owner[slot] = 0;
}

/* The end of the segment in which the last used place is. */
static int64_t tail_end(const arc_slots *s) {
    return (int64_t)arc_slots_segments(s) * ARC_SEGMENT_SLOTS;
}

bool arc_slots_tail_is_used(const arc_slots *s) {
    bool used = false;
    for (int64_t slot = s->used; slot < tail_end(s); slot++)
        used |= segment_of(s, (uint32_t)slot).id[slot % ARC_SEGMENT_SLOTS] != 0;
    return used;
}

void arc_slots_clear_tail(arc_slots *s) {
    for (int64_t slot = s->used; slot < tail_end(s); slot++)
        arc_slots_clear(s, (uint32_t)slot);
}

arc_status arc_slots_compact(arc_slots *to, const arc_slots *from, arc_error *err) {
    arc_segment_array array[ARC_SEGMENT_ARRAYS];
    arc_segment_arrays(&from->layout, array);
    const arc_status st = arc_slots_reserve(to, from->live, err);
    for (int64_t slot = 0; st == ARC_OK && slot < from->used; slot++) {
        if (from->id[slot] == 0)
            continue;
        const size_t old = (size_t)slot, new = (size_t)to->used++;
        const uint8_t *source = from->segment[old / ARC_SEGMENT_SLOTS];
        uint8_t *target = to->segment[new / ARC_SEGMENT_SLOTS];
        for (size_t i = 0; i < ARC_SEGMENT_ARRAYS; i++)
            memcpy(target + array[i].begin + new % ARC_SEGMENT_SLOTS *array[i].bytes,
                   source + array[i].begin + old % ARC_SEGMENT_SLOTS * array[i].bytes, array[i].bytes);
        to->id[new] = from->id[old];
        to->owner[new] = from->owner[old];
        if (from->check[old / ARC_SEGMENT_SLOTS])
            to->check[new / ARC_SEGMENT_SLOTS] = true;
    }
    to->live = to->used;
    to->from_file = from->from_file;
    return st;
}
