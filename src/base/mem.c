/* base: all allocation of memory: blocks with overflow checks, the arena, and the buffer with a maximum. Nothing else in the
 * library calls malloc. */
#include "base/base.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ARENA_CHUNK_BYTES ((size_t)64 << 10)

/* Packed weights are read from end to end in every run. With pages of 4 KB, address translation would take longer than reading
 * them. */
#define LARGE_PAGE_BYTES ((size_t)2 << 20)

static void *libc_get(void *ctx, size_t align, size_t bytes) {
    (void)ctx;
    void *p = NULL;
    const bool large = bytes >= LARGE_PAGE_BYTES;
    if (posix_memalign(&p, large ? LARGE_PAGE_BYTES : align, bytes) != 0)
        return NULL;
    if (large)
        (void)madvise(p, bytes / LARGE_PAGE_BYTES * LARGE_PAGE_BYTES, MADV_HUGEPAGE); /* a wish: kernels without it do without */
    return p;
}

static void libc_put(void *ctx, void *p) {
    (void)ctx;
    free(p);
}

const arc_alloc arc_alloc_libc = {libc_get, libc_put, NULL};

bool arc_mul_size(size_t a, size_t b, size_t *out) {
    return !__builtin_mul_overflow(a, b, out);
}

bool arc_add_size(size_t a, size_t b, size_t *out) {
    return !__builtin_add_overflow(a, b, out);
}

void *arc_mem_raw(const arc_alloc *a, size_t n, size_t size) {
    size_t bytes;
    if (!arc_mul_size(n, size, &bytes) || bytes > PTRDIFF_MAX - ARC_ALIGN)
        return NULL;
    return a->get(a->ctx, ARC_ALIGN, bytes ? bytes : 1);
}

void *arc_mem_new(const arc_alloc *a, size_t n, size_t size) {
    void *p = arc_mem_raw(a, n, size);
    if (p)
        memset(p, 0, ARC_MAX(n * size, (size_t)1));
    return p;
}

void *arc_mem_grow(const arc_alloc *a, void *old, size_t old_n, size_t new_n, size_t size) {
    void *p = arc_mem_raw(a, new_n, size);
    if (!p)
        return NULL;
    size_t kept = ARC_MIN(old_n, new_n) * size;
    if (old && kept)
        memcpy(p, old, kept);
    memset((char *)p + kept, 0, new_n * size - kept);
    arc_mem_free(a, old);
    return p;
}

char *arc_mem_strdup(const arc_alloc *a, const char *text) {
    size_t bytes = strlen(text) + 1;
    char *copy = arc_mem_raw(a, bytes, 1);
    if (copy)
        memcpy(copy, text, bytes);
    return copy;
}

void arc_mem_free(const arc_alloc *a, void *p) {
    if (p)
        a->put(a->ctx, p);
}

/* ---- arena ---- */

struct arc_arena_chunk {
    struct arc_arena_chunk *next;
    size_t used, capacity; /* of the bytes that follow the header, which is one ARC_ALIGN long */
};
_Static_assert(sizeof(struct arc_arena_chunk) <= ARC_ALIGN, "the chunk header fits one alignment unit");

void arc_arena_init(arc_arena *arena, const arc_alloc *a, size_t limit_bytes) {
    *arena = (arc_arena){.alloc = a, .limit_bytes = limit_bytes};
}

static struct arc_arena_chunk *chunk_new(arc_arena *arena, size_t bytes) {
    size_t capacity = ARC_MAX(bytes, ARENA_CHUNK_BYTES);
    struct arc_arena_chunk *chunk = arc_mem_raw(arena->alloc, capacity + ARC_ALIGN, 1);
    if (!chunk)
        return NULL;
    *chunk = (struct arc_arena_chunk){.capacity = capacity};
    if (arena->chunk && bytes > ARENA_CHUNK_BYTES / 2) {
        /* a large block gets its own chunk behind the current one, which is still used for small blocks */
        chunk->next = arena->chunk->next;
        arena->chunk->next = chunk;
    } else {
        chunk->next = arena->chunk;
        arena->chunk = chunk;
    }
    return chunk;
}

void *arc_arena_new(arc_arena *arena, size_t n, size_t size) {
    size_t bytes;
    if (!arc_mul_size(n, size, &bytes) || bytes > PTRDIFF_MAX - 4 * ARC_ALIGN)
        return NULL;
    /* Small blocks (strings) are aligned to 16 bytes; data that kernels read are aligned to a cache line. */
    size_t align = bytes >= ARC_ALIGN ? ARC_ALIGN : 16;
    size_t rounded = (ARC_MAX(bytes, (size_t)1) + 15) & ~(size_t)15;
    if (arena->limit_bytes && rounded > arena->limit_bytes - ARC_MIN(arena->used_bytes, arena->limit_bytes)) {
        arena->at_limit = true;
        return NULL;
    }
    struct arc_arena_chunk *chunk = arena->chunk;
    size_t at = chunk ? (chunk->used + align - 1) & ~(align - 1) : 0;
    if (!chunk || at > chunk->capacity || rounded > chunk->capacity - at) {
        chunk = chunk_new(arena, rounded);
        if (!chunk)
            return NULL;
        at = 0;
    }
    chunk->used = at + rounded;
    arena->used_bytes += rounded;
    void *p = (char *)chunk + ARC_ALIGN + at;
    memset(p, 0, rounded);
    return p;
}

char *arc_arena_strndup(arc_arena *arena, const char *text, size_t bytes) {
    if (bytes == SIZE_MAX)
        return NULL;
    char *copy = arc_arena_new(arena, bytes + 1, 1);
    if (copy && bytes)
        memcpy(copy, text, bytes);
    return copy;
}

char *arc_arena_strdup(arc_arena *arena, const char *text) {
    return arc_arena_strndup(arena, text, strlen(text));
}

char *arc_arena_printf(arc_arena *arena, const char *fmt, ...) {
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    const int bytes = arc_number_print(NULL, 0, fmt, args);
    va_end(args);
    char *text = bytes >= 0 ? arc_arena_new(arena, (size_t)bytes + 1, 1) : NULL;
    if (text)
        arc_number_print(text, (size_t)bytes + 1, fmt, again);
    va_end(again);
    return text;
}

void arc_arena_free(arc_arena *arena) {
    if (!arena)
        return;
    while (arena->chunk) {
        struct arc_arena_chunk *next = arena->chunk->next;
        arc_mem_free(arena->alloc, arena->chunk);
        arena->chunk = next;
    }
    arena->used_bytes = 0;
}

/* ---- buffer ---- */

void arc_buffer_init(arc_buffer *b, const arc_alloc *a, size_t max_bytes) {
    assert(max_bytes > 0);
    *b = (arc_buffer){.alloc = a, .max_bytes = max_bytes};
}

static arc_status buffer_reserve(arc_buffer *b, size_t more) {
    size_t need;
    if (!arc_add_size(b->bytes, more, &need) || need > b->max_bytes)
        return ARC_ELIMIT;
    if (need <= b->capacity_bytes)
        return ARC_OK;
    size_t capacity = ARC_MIN(ARC_MAX(need, ARC_MAX(b->capacity_bytes * 2, (size_t)256)), b->max_bytes);
    uint8_t *data = arc_mem_raw(b->alloc, capacity, 1);
    if (!data)
        return ARC_ENOMEM;
    if (b->bytes)
        memcpy(data, b->data, b->bytes);
    arc_mem_free(b->alloc, b->data);
    b->data = data;
    b->capacity_bytes = capacity;
    return ARC_OK;
}

arc_status arc_buffer_put(arc_buffer *b, const void *data, size_t bytes) {
    arc_status st = buffer_reserve(b, bytes);
    if (st == ARC_OK && bytes) {
        memcpy(b->data + b->bytes, data, bytes);
        b->bytes += bytes;
    }
    return st;
}

arc_status arc_buffer_extend(arc_buffer *b, size_t bytes, uint8_t **at) {
    *at = NULL;
    const arc_status st = buffer_reserve(b, bytes);
    if (st == ARC_OK) {
        *at = b->data + b->bytes;
        b->bytes += bytes;
    }
    return st;
}

arc_status arc_buffer_printf(arc_buffer *b, const char *fmt, ...) {
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    const int bytes = arc_number_print(NULL, 0, fmt, args);
    va_end(args);
    arc_status st = bytes < 0 ? ARC_EINVAL : buffer_reserve(b, (size_t)bytes + 1);
    if (st == ARC_OK) {
        arc_number_print((char *)b->data + b->bytes, (size_t)bytes + 1, fmt, again);
        b->bytes += (size_t)bytes; /* the terminating zero lies behind the end: data is a C string after every printf */
    }
    va_end(again);
    return st;
}

void arc_buffer_free(arc_buffer *b) {
    arc_mem_free(b->alloc, b->data);
    b->data = NULL;
    b->bytes = b->capacity_bytes = 0;
}

void arc_text_free(arc_context *ctx, char **text) {
    if (!text)
        return;
    arc_mem_free(&ctx->alloc, *text);
    *text = NULL;
}
