/* op: the store of packed weights: one a session, found by all its plans. */
#include "op/packs.h"
#include <string.h>

typedef struct pack {
    const char *what;
    const void *source;
    int variant;
    size_t bytes;
    void *data;
} pack;

struct arc_packs {
    const arc_alloc *alloc, *memory; /* of the store, and of what is packed */
    pack *pack;
    size_t count, capacity;
    size_t bytes;
};

arc_packs *arc_packs_new(const arc_alloc *a, const arc_alloc *memory) {
    arc_packs *packs = arc_mem_new(a, 1, sizeof *packs);
    if (packs) {
        packs->alloc = a;
        packs->memory = memory;
    }
    return packs;
}

void arc_packs_free(arc_packs **store) {
    arc_packs *packs = store ? *store : NULL;
    if (!packs)
        return;
    for (size_t i = 0; i < packs->count; i++)
        arc_mem_free(packs->memory, packs->pack[i].data);
    arc_mem_free(packs->alloc, packs->pack);
    arc_mem_free(packs->alloc, packs);
    *store = NULL;
}

size_t arc_packs_bytes(const arc_packs *packs) {
    return packs->bytes;
}

void *arc_packs_get(arc_packs *packs, const char *what, const void *source, int variant, size_t bytes, bool *fresh) {
    *fresh = false;
    for (size_t i = 0; i < packs->count; i++) {
        const pack *p = &packs->pack[i];
        if (p->source == source && p->variant == variant && p->bytes == bytes && strcmp(p->what, what) == 0)
            return p->data;
    }
    if (packs->count == packs->capacity) {
        const size_t wanted = packs->capacity ? 2 * packs->capacity : 32;
        pack *grown = arc_mem_grow(packs->alloc, packs->pack, packs->capacity, wanted, sizeof *grown);
        if (!grown)
            return NULL;
        packs->pack = grown;
        packs->capacity = wanted;
    }
    void *data = arc_mem_raw(packs->memory, bytes, 1);
    if (!data)
        return NULL;
    packs->pack[packs->count++] = (pack){what, source, variant, bytes, data};
    packs->bytes += bytes;
    *fresh = true;
    return data;
}
