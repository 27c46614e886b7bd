/* Any bytes as the RecordIO file of a data set, with an index where the bytes hold one behind a line "#idx", and as a list:
 * opened, every label and picture read, some decoded. Files are needed: tools/fuzz.sh has them in memory. */
#include "data/loader.h"
#include "data/set.h"
#include "data/sums.h"
#include "folder.h"
#include "fuzz_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_file(const char *name, const uint8_t *data, size_t size) {
    arc_writer *w;
    if (arc_writer_open(&w, &arc_alloc_libc, in_folder(name), NULL) != ARC_OK)
        return;
    arc_writer_unsynced(w);
    if (arc_writer_put(w, data, size, NULL) != ARC_OK || arc_writer_commit(&w, NULL) != ARC_OK)
        arc_writer_abort(&w);
}

static void use(const arc_context *ctx, const char *name) {
    char key[64];
    arc_data_set *set;
    arc_error err;
    if (arc_data_set_open(&set, ctx, in_folder(name), &err) != ARC_OK)
        return;
    const int64_t samples = arc_data_set_samples(set), some = samples < 64 ? samples : 64;
    for (int64_t i = 0; i < some; i++) {
        arc_data_item item;
        int64_t label;
        arc_data_set_key(set, i, key, sizeof key);
        if (arc_data_set_label(set, i, &label, &err) == ARC_OK && (label < 0 || label >= arc_data_set_identities(set)))
            __builtin_trap();
        if (arc_data_set_read(set, i, &item, &err) == ARC_OK)
            arc_data_item_release(&item);
    }
    arc_loader_options opt;
    arc_loader *loader;
    arc_batch batch;
    arc_loader_options_default(&opt);
    opt.batch = 2;
    opt.height_px = opt.width_px = 16;
    opt.threads = 0;
    if (arc_loader_new(&loader, set, &opt, &err) == ARC_OK) {
        if (arc_loader_next(loader, &batch, &err) == ARC_OK && batch.n != 2)
            __builtin_trap();
        arc_loader_free(&loader);
    }
    arc_data_set_close(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static arc_context ctx;
    static const char mark[] = "\n#idx\n";
    arc_data_sums *sums;
    ctx.alloc = fuzz_alloc;
    const uint8_t *idx = size > sizeof mark ? memmem(data, size, mark, sizeof mark - 1) : NULL;
    write_file("x.rec", data, idx ? (size_t)(idx - data) : size);
    if (idx)
        write_file("x.idx", idx + sizeof mark - 1, size - (size_t)(idx - data) - (sizeof mark - 1));
    use(&ctx, "x.rec");
    write_file("x.lst", data, size);
    use(&ctx, "x.lst");
    if (arc_data_sums_open(&sums, &fuzz_alloc, in_folder("x.lst"), NULL) == ARC_OK) {
        if (arc_data_sums_compare(sums, "1", data, size) > 1)
            __builtin_trap();
        arc_data_sums_close(&sums);
    }
    static const char *const names[] = {"x.rec", "x.idx", "x.lst"};
    for (size_t i = 0; i < ARC_COUNT(names); i++)
        unlink(in_folder(names[i]));
    return 0;
}
