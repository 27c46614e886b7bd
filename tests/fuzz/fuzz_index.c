/* Any bytes as the file of an index: loaded, searched, changed and saved again. The check of the first record is made right when
 * the byte behind the records says so, so that what it claims is believed. Files are needed: tools/fuzz.sh has them in memory. */
#include "folder.h"
#include "fuzz_memory.h"
#include "vector/search/file_format.h"
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DIM = 4, RIGHT_AT = 4000 };

/* In the place of no other file: what replaces one is written to the disk at once by some file systems, which takes 2 ms. */
static void put_file(const char *path, const uint8_t *data, size_t size) {
    arc_writer *w;
    (void)remove(path);
    if (arc_writer_open(&w, &arc_alloc_libc, path, NULL) != ARC_OK)
        return;
    arc_writer_unsynced(w);
    if (arc_writer_put(w, data, size, NULL) != ARC_OK || arc_writer_commit(&w, NULL) != ARC_OK)
        arc_writer_abort(&w);
}

static void make_right(const arc_index *like, uint8_t *data) {
    arc_index_record r;
    memcpy(&r, data, sizeof r);
    arc_index_record_close(&r, like);
    memcpy(data, &r, sizeof r);
}

static void use(arc_index *x, const char *path) {
    static const float rows[2 * DIM] = {1, 0, 0, 0, 0.6f, 0, 0.8f, 0};
    static const int64_t ids[] = {3, INT64_MAX}, owners[] = {1, -1};
    const uint8_t stamp[ARC_INDEX_STAMP_BYTES] = "fuzz";
    arc_index_hit hit[2 * 3];
    int found[2];
    arc_index_query q;
    arc_index_query_default(&q);
    q.top = 3;
    for (int fast = 0; fast < 2; fast++) {
        q.fast = fast;
        q.candidates = fast;
        if (arc_index_search(x, rows, 2, &q, hit, found, NULL) != ARC_OK)
            return;
        for (int p = 0; p < 2; p++)
            if (found[p] < 0 || found[p] > 3 || found[p] > arc_index_count(x))
                __builtin_trap();
    }
    arc_index_move(x, 1, 2);
    (void)!arc_index_remove(x, ids, 2, NULL, NULL);
    (void)!arc_index_add(x, rows, ids, owners, 2, NULL);
    (void)!arc_index_save(x, path, stamp, NULL);
    (void)!arc_index_search(x, rows, 2, &q, hit, found, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t key[ARC_INDEX_KEY_BYTES] = "fuzz";
    arc_settings settings;
    arc_context *ctx;
    arc_index_options o;
    uint8_t stamp[ARC_INDEX_STAMP_BYTES];
    const char *path = in_folder("index");
    arc_settings_default(&settings);
    settings.threads = 1;
    settings.alloc = fuzz_alloc;
    arc_index_options_default(&o);
    o.dim = DIM;
    o.sketch = true;
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy || arc_context_open(&ctx, &settings, NULL) != ARC_OK) {
        free(copy);
        return 0;
    }
    if (size)
        memcpy(copy, data, size);
    for (int sealed = 0; sealed < 2; sealed++) {
        arc_index *x;
        o.seal_key = sealed ? key : NULL;
        if (size > RIGHT_AT && data[RIGHT_AT] && arc_index_new(ctx, &o, &x, NULL) == ARC_OK) {
            make_right(x, copy);
            arc_index_free(&x);
        }
        put_file(path, copy, size);
        if (arc_index_load(ctx, &o, path, &x, stamp, NULL) == ARC_OK)
            use(x, path);
        arc_index_free(&x);
    }
    arc_context_close(&ctx);
    free(copy);
    return 0;
}
