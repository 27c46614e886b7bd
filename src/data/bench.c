/* data: measures how fast the loader is on its own, without training. */
#include "data/loader.h"
#include <arcface/data.h>

void arc_data_bench_options_default(arc_data_bench_options *opt) {
    *opt = (arc_data_bench_options){
        .struct_size = sizeof *opt, .batch = 64, .size_px = 112, .threads = 2, .augment = "flip", .seconds = 3};
}

arc_status arc_data_bench(arc_context *ctx, const char *set, const arc_data_bench_options *opt, double *pictures_per_s,
                          int64_t *replaced, arc_error *err) {
    arc_data_bench_options o;
    arc_loader_options options;
    arc_data_set *open = NULL;
    arc_loader *loader = NULL;
    arc_status st;
    *pictures_per_s = 0;
    arc_data_bench_options_default(&o);
    if (ARC_CHECK_OPTIONS(arc_data_bench_options, opt, err) != ARC_OK)
        return ARC_EINVAL;
    o = opt ? *opt : o;
    arc_loader_options_default(&options);
    options.batch = o.batch;
    options.height_px = options.width_px = o.size_px;
    options.threads = o.threads;
    ARC_TRY(arc_augment_parse(&options.augment, o.augment, err));
    ARC_TRY(arc_data_set_open(&open, ctx, set, err));
    ARC_TRY(arc_loader_new(&loader, open, &options, err));
    arc_batch batch;
    ARC_TRY(arc_loader_next(loader, &batch, err)); /* by then the threads run and the file is in memory */
    const uint64_t from = arc_clock_ns();
    uint64_t spent = 0;
    int64_t pictures = 0;
    while ((double)spent < o.seconds * 1e9 || pictures == 0) {
        ARC_TRY(arc_loader_next(loader, &batch, err));
        pictures += batch.n;
        spent = arc_clock_ns() - from;
    }
    *pictures_per_s = (double)pictures * 1e9 / (double)ARC_MAX(spent, (uint64_t)1);
    if (replaced)
        *replaced = arc_loader_figures_get(loader).replaced;
done:
    arc_loader_free(&loader);
    arc_data_set_close(&open);
    return st;
}
