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

/* An allocator whose n-th request (counted from 1) and all later ones fail; n <= 0 never fails. `live` counts blocks not yet given back. */
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

/* heap NULL: the usual allocator. */
static inline arc_context *arc_test_context(arc_test_heap *heap, int threads) {
    arc_context *ctx = NULL;
    arc_settings s;
    arc_settings_default(&s);
    s.threads = threads;
    if (heap)
        s.alloc = arc_test_heap_alloc(heap);
    assert_int_equal(arc_context_open(&ctx, &s, NULL), ARC_OK);
    return ctx;
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
