/* base: all allocation of memory, with overflow checks (mem.c): blocks, arenas of many small blocks with one lifetime, buffers
 * that grow to a limit, and an allocator that reuses large blocks (recycler.c). */
#ifndef ARC_BASE_MEMORY_H
#define ARC_BASE_MEMORY_H

#include "base/status.h"
#include <arcface/context.h>

#define ARC_ALIGN 64 /* cache line and AVX-512 register; every block is aligned to it */
/* Rounded up, so that what lies behind so many bytes of a block is aligned as well. */
static inline size_t arc_aligned(size_t bytes) {
    return (bytes + ARC_ALIGN - 1) / ARC_ALIGN * ARC_ALIGN;
}

extern const arc_alloc arc_alloc_libc;
/* n*size zeroed bytes; NULL on overflow or if memory is exhausted. n*size == 0 gives a valid block of 1 byte. */
void *arc_mem_new(const arc_alloc *a, size_t n, size_t size);
/* As arc_mem_new, but not zeroed. */
void *arc_mem_raw(const arc_alloc *a, size_t n, size_t size);
/* A new block with the first min(old_n,new_n)*size bytes of the old one, which is freed. After NULL the old block is
 * unchanged. */
void *arc_mem_grow(const arc_alloc *a, void *old, size_t old_n, size_t new_n, size_t size);
char *arc_mem_strdup(const arc_alloc *a, const char *text);
void arc_mem_free(const arc_alloc *a, void *p);     /* NULL-safe */
bool arc_mul_size(size_t a, size_t b, size_t *out); /* false on overflow */
bool arc_add_size(size_t a, size_t b, size_t *out);

/* Arena: many small blocks with one lifetime (a graph, a parsed file). Blocks are zeroed and freed together. */
typedef struct arc_arena {
    const arc_alloc *alloc;
    struct arc_arena_chunk *chunk;
    size_t used_bytes;  /* total size of its blocks */
    size_t limit_bytes; /* 0 = none; larger allocations fail, so that hostile files can't exhaust memory */
    bool at_limit;      /* one has failed for that */
} arc_arena;
void arc_arena_init(arc_arena *arena, const arc_alloc *a, size_t limit_bytes);
void *arc_arena_new(arc_arena *arena, size_t n, size_t size); /* NULL on failure */
char *arc_arena_strdup(arc_arena *arena, const char *text);
char *arc_arena_strndup(arc_arena *arena, const char *text, size_t bytes);
char *arc_arena_printf(arc_arena *arena, const char *fmt, ...) ARC_PRINTF(2, 3); /* a decimal point in every locale */
void arc_arena_free(arc_arena *arena);                                           /* NULL-safe, idempotent */

/* Bytes that belong to somebody else; data may be NULL if there are none. */
typedef struct arc_bytes {
    const void *data;
    size_t bytes;
} arc_bytes;

/* A growing byte buffer with a mandatory maximum. */
typedef struct arc_buffer {
    const arc_alloc *alloc;
    uint8_t *data;
    size_t bytes, capacity_bytes, max_bytes;
} arc_buffer;
void arc_buffer_init(arc_buffer *b, const arc_alloc *a, size_t max_bytes);
arc_status arc_buffer_put(arc_buffer *b, const void *data, size_t bytes); /* ENOMEM or ELIMIT */
arc_status arc_buffer_extend(arc_buffer *b, size_t bytes, uint8_t **at);  /* so many more, to be written by the caller; as put */
arc_status arc_buffer_printf(arc_buffer *b, const char *fmt, ...) ARC_PRINTF(2, 3); /* a decimal point in every locale */
void arc_buffer_free(arc_buffer *b);

/* ---- recycler.c ---- */

/* An allocator in front of another that keeps two large blocks for the next requests. One thread at a time. */
typedef struct arc_recycled {
    void *data;
    size_t bytes, align;
    bool used;
} arc_recycled;
typedef struct arc_recycler {
    const arc_alloc *inner;
    arc_alloc alloc; /* the allocator to give to users */
    arc_recycled block[2];
} arc_recycler;
void arc_recycler_init(arc_recycler *r, const arc_alloc *inner); /* r must not be moved afterwards */
void arc_recycler_free(arc_recycler *r);                         /* all its blocks must be freed before; idempotent */

#endif
