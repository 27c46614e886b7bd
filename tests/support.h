/* Shared by the unit tests: where the real data lies, an allocator that fails on demand, and small comparisons. */
#ifndef ARC_TEST_SUPPORT_H
#define ARC_TEST_SUPPORT_H

/* cmocka.h needs these four before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arcface/context.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* The folder of real models and photos: $ARCFACE_DATA, else ../shared/data beside the source; NULL when there is none. */
static inline const char *arc_test_data(void) {
    const char *dir = getenv("ARCFACE_DATA");
    if (!dir || !*dir)
        dir = ARC_SOURCE_DIR "/../shared/data";
    struct stat st;
    return stat(dir, &st) == 0 && S_ISDIR(st.st_mode) ? dir : NULL;
}

/* Path of a data file in a static ring of buffers; skips the running test with one line when it is not there. */
static inline const char *arc_test_file(const char *name) {
    static char ring[8][1024];
    static int at;
    const char *dir = arc_test_data();
    char *path = ring[at++ % 8];
    snprintf(path, sizeof ring[0], "%s/%s", dir ? dir : "(no ARCFACE_DATA)", name);
    struct stat st;
    if (!dir || stat(path, &st) != 0) {
        printf("skipped: %s is not here\n", path);
        skip();
    }
    return path;
}

/* How much of its work a test does: AddressSanitizer and emulators make computing several times slower, so that tests which
 * compute for long take `part` under them; `whole` everywhere else, and there with $ARCFACE_WHOLE set (tools/nightly.sh). */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define ARC_TEST_IS_SLOW 1
#endif
#endif
#if defined ARC_TEST_EMULATED && !defined ARC_TEST_IS_SLOW
#define ARC_TEST_IS_SLOW 1
#endif
static inline int arc_test_part(int part, int whole) {
#ifdef ARC_TEST_IS_SLOW
    return getenv("ARCFACE_WHOLE") ? whole : part;
#else
    (void)part;
    return whole;
#endif
}

/* An allocator whose n-th request (counted from 1) and all later ones fail; n <= 0 never fails. `live` counts blocks not yet
 * given back. */
typedef struct arc_test_heap {
    long fail_at, requests, live;
} arc_test_heap;

static inline void *arc_test_heap_get(void *ctx, size_t align, size_t bytes) {
    arc_test_heap *heap = ctx;
    heap->requests++;
    if (heap->fail_at > 0 && heap->requests >= heap->fail_at)
        return NULL;
    void *p = NULL;
    if (posix_memalign(&p, align < sizeof(void *) ? sizeof(void *) : align, bytes ? bytes : 1) != 0)
        return NULL;
    heap->live++;
    return p;
}
static inline void arc_test_heap_put(void *ctx, void *p) {
    arc_test_heap *heap = ctx;
    if (p)
        heap->live--;
    free(p);
}
static inline arc_alloc arc_test_heap_alloc(arc_test_heap *heap) {
    return (arc_alloc){.get = arc_test_heap_get, .put = arc_test_heap_put, .ctx = heap};
}

/* An allocator that says how many bytes are out, and how many requests there were. */
typedef struct arc_test_counter {
    size_t bytes;
    long requests;
} arc_test_counter;

static inline void *arc_test_counter_get(void *ctx, size_t align, size_t bytes) {
    arc_test_counter *counter = ctx;
    size_t *p = NULL;
    counter->requests++;
    counter->bytes += bytes;
    if (posix_memalign((void **)&p, align < 64 ? 64 : align, bytes + 64) != 0)
        return NULL;
    *p = bytes;
    return (uint8_t *)p + 64;
}
static inline void arc_test_counter_put(void *ctx, void *p) {
    size_t *block = (size_t *)(void *)((uint8_t *)p - 64);
    ((arc_test_counter *)ctx)->bytes -= *block;
    free(block);
}
static inline arc_alloc arc_test_counter_alloc(arc_test_counter *counter) {
    return (arc_alloc){.get = arc_test_counter_get, .put = arc_test_counter_put, .ctx = counter};
}

/* Settings with this heap (NULL: the usual allocator) and so many threads, for tests that change more of them. */
static inline arc_settings arc_test_settings(arc_test_heap *heap, int threads) {
    arc_settings s;
    arc_settings_default(&s);
    s.threads = threads;
    if (heap)
        s.alloc = arc_test_heap_alloc(heap);
    return s;
}

static inline arc_context *arc_test_open(const arc_settings *settings) {
    arc_context *ctx = NULL;
    arc_error err = {0};
    if (arc_context_open(&ctx, settings, &err) != ARC_OK)
        fail_msg("context: %s", err.text);
    return ctx;
}

static inline arc_context *arc_test_context(arc_test_heap *heap, int threads) {
    const arc_settings s = arc_test_settings(heap, threads);
    return arc_test_open(&s);
}

/* isa: the level of the kernels ("generic", "avx2", ...); NULL for what the processor has. */
static inline arc_context *arc_test_context_isa(arc_test_heap *heap, int threads, const char *isa) {
    arc_settings s = arc_test_settings(heap, threads);
    s.isa = isa;
    return arc_test_open(&s);
}

/* A walk over the allocations of a piece of work, which is done again and again: each time another one and all later ones fail,
 * until none fails any more. Work to which memory was refused must end with ARC_ENOMEM, other work with ARC_OK, and either gives
 * back what it took.
 *     arc_test_walk walk = {.heap = &heap};
 *     do {
 *         arc_test_walk_begin(&walk);
 *         status = ...
 *     } while (arc_test_walk_again(&walk, status)); */
typedef struct arc_test_walk {
    arc_test_heap *heap;
    long thin;       /* > 0: the next allocation to fail lies a `thin`-th of the way behind the last one */
    bool may_manage; /* some work does without the memory that it was refused */
    long nth, live;  /* the allocation that fails; blocks that were out before */
    long failures;   /* rounds in which one failed */
} arc_test_walk;

static inline void arc_test_walk_begin(arc_test_walk *walk) {
    walk->nth += walk->nth == 0 ? 1 : walk->thin > 0 ? 1 + walk->nth / walk->thin : 1;
    walk->live = walk->heap->live;
    walk->heap->fail_at = walk->heap->requests + walk->nth;
}
/* Whether memory was refused in this round; before arc_test_walk_again. */
static inline bool arc_test_walk_refused(const arc_test_walk *walk) {
    return walk->heap->requests >= walk->heap->fail_at;
}
static inline bool arc_test_walk_again(arc_test_walk *walk, arc_status st) {
    const bool refused = arc_test_walk_refused(walk);
    walk->heap->fail_at = 0;
    if (st != ARC_OK ? !refused || st != ARC_ENOMEM : refused && !walk->may_manage)
        fail_msg("allocation %ld %s: the work ends with %s", walk->nth, refused ? "fails" : "is not reached",
                 arc_status_name(st));
    if (walk->heap->live != walk->live)
        fail_msg("allocation %ld %s: %ld blocks are left", walk->nth, refused ? "fails" : "is not reached",
                 walk->heap->live - walk->live);
    walk->failures += refused;
    return refused;
}

static inline double arc_test_cosine(const float *a, const float *b, size_t n) {
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : (aa == bb);
}

static inline double arc_test_max_error(const float *a, const float *b, size_t n) {
    double worst = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)a[i] - (double)b[i]);
        if (!(d <= worst))
            worst = d;
    }
    return worst;
}

#endif
