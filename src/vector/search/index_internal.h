/* vector/search: the index itself, which the files of this folder share. */
#ifndef ARC_VECTOR_SEARCH_INDEX_INTERNAL_H
#define ARC_VECTOR_SEARCH_INDEX_INTERNAL_H

#include "vector/search/id_table.h"
#include "vector/search/slots.h"
#include <arcface/index.h>
#include <pthread.h>
#include <stdatomic.h>

struct arc_index {
    arc_context *ctx;
    arc_index_options options; /* seal_key points to `key` or is NULL */
    uint8_t key[ARC_INDEX_KEY_BYTES];
    pthread_rwlock_t lock; /* searches and saving read, changes write */
    pthread_mutex_t exact; /* held while options.exact is called */
    arc_slots slots;
    arc_id_table ids;
    _Atomic int64_t searches, reranked;
};

#endif
