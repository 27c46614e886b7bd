/* vector/search: which place the template with an id is in. A hash table of places' numbers, 4 bytes each, which reads the ids
 * where they lie. */
#ifndef ARC_VECTOR_SEARCH_ID_TABLE_H
#define ARC_VECTOR_SEARCH_ID_TABLE_H

#include "vector/search/slots.h"

typedef struct arc_id_table {
    const arc_slots *slots;
    uint32_t *entry; /* [size] a place plus 1; 0: none. Collisions go on at the next entry. */
    size_t size;     /* a power of two, or 0 */
    size_t count;
} arc_id_table;

/* Makes room for `extra` more ids; the first time, all templates that are there are entered. Errors: ENOMEM. */
arc_status arc_id_table_reserve(arc_id_table *t, int64_t extra, arc_error *err);
void arc_id_table_free(arc_id_table *t);
bool arc_id_table_find(const arc_id_table *t, int64_t id, uint32_t *slot);
/* Enters a place whose id is written there and not in the table; there must be room. */
void arc_id_table_put(arc_id_table *t, uint32_t slot);
/* Takes out a place that is in the table, before its id is overwritten. */
void arc_id_table_remove(arc_id_table *t, uint32_t slot);

#endif
