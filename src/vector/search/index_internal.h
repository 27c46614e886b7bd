/* vector/search: the index itself, which the files of this folder share. */
#ifndef ARC_VECTOR_SEARCH_INDEX_INTERNAL_H
#define ARC_VECTOR_SEARCH_INDEX_INTERNAL_H

#include "vector/search/id_table.h"
#include "vector/search/slots.h"
#include <arcface/index.h>
#include <pthread.h>
#include <stdatomic.h>

#define ARC_INDEX_FILE_NAME 16

/* The file that an index was loaded from or saved to last. */
typedef struct arc_index_file {
    bool known; /* false: the next one is written anew */
    uint8_t name[ARC_INDEX_FILE_NAME];
    uint64_t version;  /* of that file */
    int64_t used;      /* places in it */
    uint32_t *touched; /* [touches] */
    size_t touches, capacity;
} arc_index_file;

struct arc_index {
    arc_context *ctx;
    arc_index_options options; /* seal_key points to `key` or is NULL */
    uint8_t key[ARC_INDEX_KEY_BYTES];
    pthread_rwlock_t lock; /* searches and saving read, changes write */
    pthread_mutex_t turn;  /* held while a change waits for the lock, so that searches that never pause do not keep it waiting */
    pthread_mutex_t exact; /* held while options.exact is called */
    pthread_mutex_t save;  /* held while `file` changes and others read */
    arc_slots slots;
    arc_id_table ids;
    _Atomic int64_t searches, reranked;
    arc_index_file file;
};

void arc_index_lock_read(arc_index *x);
void arc_index_lock_write(arc_index *x);
void arc_index_unlock(arc_index *x);

/* A place below file.used has changed since the file was written. Without memory to remember that, the next file is written anew.
 */
void arc_index_touch(arc_index *x, uint32_t slot);

#endif
