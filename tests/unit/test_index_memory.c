/* What an index says that it takes is what it has allocated, to the byte, and no more than its header announces. */
#include "search_support.h"
#include <arcface/arcface.h>
#include <stdatomic.h>

enum { DIM = 96, TEMPLATES = 20000, AT_ONCE = 250 };

static _Atomic int64_t allocated;

/* The size stands one alignment unit in front of the block. */
static void *counted_get(void *none, size_t align, size_t bytes) {
    void *block = NULL;
    (void)none;
    assert_true(align <= 64);
    if (posix_memalign(&block, 64, bytes + 64) != 0)
        return NULL;
    *(size_t *)block = bytes;
    atomic_fetch_add(&allocated, (int64_t)bytes);
    return (uint8_t *)block + 64;
}

static void counted_put(void *none, void *p) {
    (void)none;
    if (!p)
        return;
    void *block = (uint8_t *)p - 64;
    atomic_fetch_sub(&allocated, (int64_t) * (size_t *)block);
    free(block);
}

static int64_t said(arc_index *x) {
    arc_index_facts f;
    arc_index_facts_of(x, &f);
    return f.memory_bytes;
}

static void add(arc_index *x, const search_set *s, int64_t from, int64_t count) {
    arc_error err;
    for (int64_t at = from; at < from + count; at += AT_ONCE) {
        const int64_t n = at + AT_ONCE < from + count ? AT_ONCE : from + count - at;
        if (arc_index_add(x, s->row + at * s->dim, s->id + at, s->owner + at, n, &err) != ARC_OK)
            fail_msg("%s", err.text);
    }
}

/* What the header of the index announces for so many templates. */
static int64_t announced(int64_t count, bool sketch, bool rows) {
    const int64_t each = 128 + (rows ? 4 * DIM : 0) + (sketch ? 16 : 0) + 80, all = count * each;
    return all + (all / 8 < 32 << 20 ? all / 8 : 32 << 20) + 256 * each; /* places come by 256 */
}

static void one(arc_context *counted, const search_set *s, bool sketch, bool rows) {
    const int64_t before = atomic_load(&allocated);
    arc_index_options o;
    arc_index_hit hit[10];
    arc_index *x;
    int found;
    arc_index_options_default(&o);
    o.dim = DIM;
    o.sketch = sketch;
    if (!rows) {
        o.exact = set_exact;
        o.exact_ctx = (void *)(uintptr_t)s;
    }
    assert_int_equal(arc_index_new(counted, &o, &x, NULL), ARC_OK);
    assert_int_equal(said(x), atomic_load(&allocated) - before);
    for (int64_t count = 0; count < TEMPLATES; count += TEMPLATES / 8) {
        add(x, s, count, TEMPLATES / 8);
        assert_int_equal(said(x), atomic_load(&allocated) - before);
        if (said(x) > announced(count + TEMPLATES / 8, sketch, rows))
            fail_msg("%lld templates take %lld bytes, announced %lld", (long long)(count + TEMPLATES / 8), (long long)said(x),
                     (long long)announced(count + TEMPLATES / 8, sketch, rows));
    }
    assert_int_equal(arc_index_search(x, s->row, 1, NULL, hit, &found, NULL), ARC_OK);
    assert_int_equal(said(x), atomic_load(&allocated) - before);
    const int64_t full = said(x);
    assert_int_equal(arc_index_remove(x, s->id, TEMPLATES / 2, NULL, NULL), ARC_OK);
    add(x, s, 0, AT_ONCE); /* moves the others together */
    assert_int_equal(said(x), atomic_load(&allocated) - before);
    assert_true(said(x) < full * 3 / 4);
    arc_index_free(&x);
    assert_int_equal(atomic_load(&allocated), before);
}

static void memory(void **state) {
    (void)state;
    arc_settings settings;
    arc_context *counted;
    arc_settings_default(&settings);
    settings.threads = 2;
    settings.alloc = (arc_alloc){counted_get, counted_put, NULL};
    assert_int_equal(arc_context_open(&counted, &settings, NULL), ARC_OK);
    search_set s = make_set(NOISE, TEMPLATES, DIM);
    for (int kind = 0; kind < 4; kind++)
        one(counted, &s, kind & 1, kind & 2);
    free_set(&s);
    arc_context_close(&counted);
    assert_int_equal(atomic_load(&allocated), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(memory)};
    return cmocka_run_group_tests_name("index_memory", tests, NULL, NULL);
}
