/* vector/search: checksums of templates. */
#include "vector/search/checksum.h"
#include <stdatomic.h>

/* What is not in rows of bytes, as it enters the checksum. */
typedef struct numbers {
    float scale, error, length;
    int32_t bias;
    int64_t id, owner;
} numbers;

static void code_checksums(const arc_kernels *k, const arc_slots *s, const arc_segment *g, size_t first, size_t count,
                           uint32_t *crc) {
    const arc_segment_layout *l = &s->layout;
    numbers n[ARC_SEGMENT_SLOTS];
    for (size_t i = 0; i < count; i++) {
        const size_t at = first + i;
        n[i] = (numbers){g->scale[at], g->error[at], g->length[at], g->bias ? g->bias[at] : 0, g->id[at], g->owner[at]};
        crc[i] = 0;
    }
    k->rows_crc32c(count, l->stride, g->code + first * l->stride, l->stride, crc);
    if (g->sketch)
        k->rows_crc32c(count, l->words * sizeof(uint64_t), g->sketch + first * l->words, l->words * sizeof(uint64_t), crc);
    k->rows_crc32c(count, sizeof *n, n, sizeof *n, crc);
}

void arc_checksum_write(const arc_kernels *k, const arc_slots *s, size_t segment, size_t first, size_t count) {
    const arc_segment g = arc_slots_segment(s, segment);
    const size_t dim = s->layout.dim;
    code_checksums(k, s, &g, first, count, g.code_crc + first);
    for (size_t i = first; i < first + count; i++)
        g.row_crc[i] = 0;
    if (g.row)
        k->rows_crc32c(count, dim * sizeof(float), g.row + first * dim, dim * sizeof(float), g.row_crc + first);
}

void arc_checksum_code(const arc_kernels *k, const arc_slots *s, uint32_t slot) {
    const arc_segment g = arc_slots_segment(s, slot / ARC_SEGMENT_SLOTS);
    code_checksums(k, s, &g, slot % ARC_SEGMENT_SLOTS, 1, g.code_crc + slot % ARC_SEGMENT_SLOTS);
}

/* Read once more where another process may have written in the meantime; it writes the id before all else. */
static bool is_gone(const arc_segment *g, size_t at) {
    return *(volatile const int64_t *)&g->id[at] == 0;
}

bool arc_checksum_segment(const arc_kernels *k, const arc_slots *s, size_t segment) {
    const arc_segment g = arc_slots_segment(s, segment);
    const size_t count = arc_slots_in(s, segment);
    uint32_t crc[ARC_SEGMENT_SLOTS];
    code_checksums(k, s, &g, 0, count, crc);
    for (size_t at = 0; at < count; at++) {
        const bool empty = s->id[segment * ARC_SEGMENT_SLOTS + at] == 0;
        if (empty ? g.code_crc[at] != 0 : crc[at] != g.code_crc[at] && !is_gone(&g, at))
            return false;
    }
    return true;
}

bool arc_checksum_ready(const arc_kernels *k, arc_slots *s, size_t segment) {
    if (!atomic_load_explicit(&s->check[segment], memory_order_relaxed))
        return true;
    if (!arc_checksum_segment(k, s, segment))
        return false;
    atomic_store_explicit(&s->check[segment], false, memory_order_relaxed); /* two threads may both have compared it */
    return true;
}

arc_checked arc_checksum_row(const arc_kernels *k, const arc_slots *s, uint32_t slot) {
    const arc_segment g = arc_slots_segment(s, slot / ARC_SEGMENT_SLOTS);
    const size_t at = slot % ARC_SEGMENT_SLOTS, bytes = s->layout.dim * sizeof(float);
    uint32_t crc = 0;
    k->rows_crc32c(1, bytes, g.row + at * s->layout.dim, bytes, &crc);
    return crc == g.row_crc[at] ? ARC_CHECKED_RIGHT : is_gone(&g, at) ? ARC_CHECKED_GONE : ARC_CHECKED_WRONG;
}
