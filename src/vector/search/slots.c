/* vector/search: segments of places. */
#include "vector/search/slots.h"
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
    l.scale = put_array(&at, sizeof(float));
    l.error = put_array(&at, sizeof(float));
    l.length = put_array(&at, sizeof(float));
    l.id = put_array(&at, sizeof(int64_t));
    l.owner = put_array(&at, sizeof(int64_t));
    l.row = put_array(&at, rows ? dim * sizeof(float) : 0);
    l.bytes = (at + FILE_PAGE - 1) / FILE_PAGE * FILE_PAGE;
    *out = l;
}

arc_segment arc_slots_segment(const arc_slots *s, size_t segment) {
    const arc_segment_layout *l = &s->layout;
    uint8_t *base = s->segment[segment];
    return (arc_segment){
        .code = base,
        .sketch = l->words ? (uint64_t *)(void *)(base + l->sketch) : NULL,
        .scale = (float *)(void *)(base + l->scale),
        .error = (float *)(void *)(base + l->error),
        .length = (float *)(void *)(base + l->length),
        .id = (int64_t *)(void *)(base + l->id),
        .owner = (int64_t *)(void *)(base + l->owner),
        .row = l->rows ? (float *)(void *)(base + l->row) : NULL,
    };
}

static arc_status grow_table(arc_slots *s, size_t wanted, arc_error *err) {
    if (wanted <= s->capacity)
        return ARC_OK;
    const size_t capacity = ARC_MAX(wanted, s->capacity * 2);
    uint8_t **table = arc_mem_grow(s->alloc, s->segment, s->capacity, capacity, sizeof *table);
    if (!table)
        return arc_fail_nomem(err, "an index of templates");
    s->segment = table;
    s->capacity = capacity;
    return ARC_OK;
}

arc_status arc_slots_reserve(arc_slots *s, int64_t extra, arc_error *err) {
    if (extra > MOST_SLOTS - s->used)
        return arc_fail(err, ARC_ELIMIT, "an index holds at most %lld templates", (long long)MOST_SLOTS);
    const size_t wanted = (size_t)(s->used + extra + ARC_SEGMENT_SLOTS - 1) / ARC_SEGMENT_SLOTS;
    arc_status st = grow_table(s, wanted, err);
    while (st == ARC_OK && s->segments < wanted) { /* segments that are there already stay for the next attempt */
        uint8_t *segment = arc_mem_new(s->alloc, 1, s->layout.bytes);
        if (segment)
            s->segment[s->segments++] = segment;
        else
            st = arc_fail_nomem(err, "an index of templates");
    }
    return st;
}

void arc_slots_free(arc_slots *s, bool wipe) {
    for (size_t i = 0; i < s->segments; i++) {
        if (wipe)
            memset(s->segment[i], 0, s->layout.bytes);
        arc_mem_free(s->alloc, s->segment[i]);
    }
    arc_mem_free(s->alloc, s->segment);
    s->segment = NULL;
    s->segments = s->capacity = 0;
    s->used = s->live = 0;
}

static arc_segment segment_of(const arc_slots *s, uint32_t slot) {
    return arc_slots_segment(s, slot / ARC_SEGMENT_SLOTS);
}

int64_t arc_slots_id(const arc_slots *s, uint32_t slot) {
    return segment_of(s, slot).id[slot % ARC_SEGMENT_SLOTS];
}

int64_t arc_slots_owner(const arc_slots *s, uint32_t slot) {
    return segment_of(s, slot).owner[slot % ARC_SEGMENT_SLOTS];
}

const float *arc_slots_row(const arc_slots *s, uint32_t slot) {
    return segment_of(s, slot).row + slot % ARC_SEGMENT_SLOTS * s->layout.dim;
}

void arc_slots_clear(arc_slots *s, uint32_t slot) {
    const arc_segment g = segment_of(s, slot);
    const size_t at = slot % ARC_SEGMENT_SLOTS;
    g.id[at] = g.owner[at] = 0;
    g.scale[at] = g.error[at] = g.length[at] = 0;
    memset(g.code + at * s->layout.stride, 0, s->layout.stride);
    if (g.sketch)
        memset(g.sketch + at * s->layout.words, 0, s->layout.words * sizeof(uint64_t));
    if (g.row)
        memset(g.row + at * s->layout.dim, 0, s->layout.dim * sizeof(float));
}
