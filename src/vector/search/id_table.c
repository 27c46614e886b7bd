/* vector/search: the table of ids, open addressing with linear probing. An entry is removed by moving later ones of its run back,
 * so there are no marks of removed ones and the table never slows down. */
#include "vector/search/id_table.h"

#define FIRST_SIZE 64

static size_t home_of(const arc_id_table *t, int64_t id) {
    return (size_t)arc_rng_hash(0, (uint64_t)id) & (t->size - 1);
}

static int64_t id_at(const arc_id_table *t, size_t at) {
    return t->slots->id[t->entry[at] - 1];
}

void arc_id_table_put(arc_id_table *t, uint32_t slot) {
    size_t at = home_of(t, t->slots->id[slot]);
    while (t->entry[at])
        at = (at + 1) & (t->size - 1);
    t->entry[at] = slot + 1;
    t->count++;
}

arc_status arc_id_table_reserve(arc_id_table *t, int64_t extra, arc_error *err) {
    const size_t wanted = (size_t)(t->slots->live + extra);
    size_t size = t->size ? t->size : FIRST_SIZE;
    while (size < wanted + wanted / 2)
        size *= 2;
    if (size == t->size)
        return ARC_OK;
    uint32_t *entry = arc_mem_new(t->slots->alloc, size, sizeof *entry);
    if (!entry)
        return arc_fail_nomem(err, "the ids of an index of templates");
    arc_mem_free(t->slots->alloc, t->entry);
    t->entry = entry;
    t->size = size;
    t->count = 0;
    for (int64_t slot = 0; slot < t->slots->used; slot++)
        if (t->slots->id[slot] != 0)
            arc_id_table_put(t, (uint32_t)slot);
    return ARC_OK;
}

void arc_id_table_free(arc_id_table *t) {
    arc_mem_free(t->slots->alloc, t->entry);
    t->entry = NULL;
    t->size = t->count = 0;
}

bool arc_id_table_find(const arc_id_table *t, int64_t id, uint32_t *slot) {
    *slot = 0;
    if (t->size == 0 || id == 0)
        return false;
    for (size_t at = home_of(t, id); t->entry[at]; at = (at + 1) & (t->size - 1))
        if (id_at(t, at) == id) {
            *slot = t->entry[at] - 1;
            return true;
        }
    return false;
}

void arc_id_table_remove(arc_id_table *t, uint32_t slot) {
    const size_t mask = t->size - 1;
    size_t hole = home_of(t, t->slots->id[slot]);
    while (t->entry[hole] != slot + 1)
        hole = (hole + 1) & mask;
    for (size_t at = (hole + 1) & mask; t->entry[at]; at = (at + 1) & mask) {
        const size_t home = home_of(t, id_at(t, at));
        if (((at - home) & mask) >= ((at - hole) & mask)) { /* it may stand at the hole without being before its home */
            t->entry[hole] = t->entry[at];
            hole = at;
        }
    }
    t->entry[hole] = 0;
    t->count--;
}
