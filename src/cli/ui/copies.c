/* Copies of data sets as several commands make them. */
#include "ui/copies.h"
#include <inttypes.h>

void copies_read(cli *c, arc_data_copy_options *o, cli_progress *bar, const char *what) {
    int64_t seed = 1;
    arc_data_copy_options_default(o);
    o->layout = cli_word(c, "layout") == 1 ? ARC_DATA_SEQUENCE : ARC_DATA_IDENTITIES;
    o->shuffle = cli_given(c, "shuffle");
    o->same_labels = cli_given(c, "same-labels");
    if (o->shuffle && !cli_given(c, "layout"))
        o->layout = ARC_DATA_SEQUENCE;
    cli_int(c, "size", &o->size_px);
    cli_int(c, "quality", &o->quality);
    cli_int(c, "min-images", &o->min_images);
    cli_long(c, "seed", &seed);
    if (cli_given(c, "png"))
        o->quality = 0;
    o->seed = (uint64_t)seed;
    cli_progress_start(bar, c, what);
    o->progress = cli_progress_tick;
    o->progress_ctx = bar;
}

int copies_fail(const cli *c, arc_status st, const arc_error *err) {
    return st == ARC_EINVAL ? cli_usage(c, "%s", err->text) : cli_fail(err);
}

int copies_show(cli *c, const char *path, const arc_data_counts *n) {
    arc_error err = {0};
    char *text = NULL;
    if (n->skipped)
        cli_warn(c, "%" PRId64 " pictures could not be read and were left out; the first: %s", n->skipped, n->first_problem);
    return cli_show(c, arc_data_counts_describe(c->ctx, path, n, cli_given(c, "json"), &text, &err), &text, &err);
}
