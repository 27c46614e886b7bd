/* arcface data synth: data sets of drawn faces, for training and trying things out without photographs. */
#include "ui/cli.h"
#include <inttypes.h>
#include <stdio.h>

#define SHEET_COLUMNS 12
#define SHEET_ROWS 8
#define CELL_PX 116

/* A picture of the first people, a row for each. */
static int draw_sheet(cli *c, const arc_drawn_options *o, const char *path) {
    const int rows = o->identities < SHEET_ROWS ? (int)o->identities : SHEET_ROWS,
              columns = o->images < SHEET_COLUMNS ? o->images : SHEET_COLUMNS;
    arc_image sheet = {0};
    arc_error err = {0};
    arc_status st = arc_image_new(c->ctx, columns * CELL_PX, rows * CELL_PX, &sheet, &err);
    for (int i = 0; st == ARC_OK && i < rows * columns; i++) {
        arc_image face;
        st = arc_drawn_face(c->ctx, o->seed, o->first_identity + i / columns, i % columns, o->nuisance, 112, &face, NULL, &err);
        if (st == ARC_OK)
            arc_draw_image(&sheet, i % columns * CELL_PX + 2, i / columns * CELL_PX + 2, 112, 112, &face);
        arc_image_free(c->ctx, &face);
    }
    if (st == ARC_OK)
        st = arc_image_save(c->ctx, &sheet, path, &err);
    arc_image_free(c->ctx, &sheet);
    return st == ARC_OK ? CLI_OK : cli_fail_write(&err);
}

static void read_options(cli *c, arc_drawn_options *o) {
    const int f = cli_word(c, "format");
    double nuisance = (double)o->nuisance;
    int64_t seed = 1;
    o->layout = f < 2 ? (arc_data_layout)f : ARC_DATA_FOLDER;
    cli_long(c, "seed", &seed);
    cli_long(c, "identities", &o->identities);
    cli_int(c, "images", &o->images);
    cli_long(c, "first-identity", &o->first_identity);
    cli_float(c, "nuisance", &nuisance);
    cli_int(c, "size", &o->size_px);
    cli_int(c, "quality", &o->quality);
    cli_long(c, "pairs", &o->pairs);
    o->seed = (uint64_t)seed;
    o->nuisance = (float)nuisance;
    if (f == 3)
        o->quality = 0;
}

static int run(cli *c) {
    arc_drawn_options o;
    arc_error err = {0};
    cli_progress bar;
    const char *path = cli_value(c, "output"), *sheet = cli_value(c, "sheet");
    arc_drawn_options_default(&o);
    if (!path && !sheet)
        return cli_usage(c, "data synth needs -o FOLDER for the data set");
    read_options(c, &o);
    if (path) {
        const double begin = cli_seconds();
        const bool bin = cli_has_suffix(path, ".bin");
        cli_progress_start(&bar, c, "drawing");
        o.progress = cli_progress_tick;
        o.progress_ctx = &bar;
        const arc_status st = arc_data_drawn(c->ctx, path, &o, &err);
        cli_progress_end(&bar);
        if (st != ARC_OK)
            return err.code == ARC_EINVAL ? cli_usage(c, "%s", err.text) : cli_fail_write(&err);
        const int64_t pairs = bin && o.pairs == 0 ? 6000 : o.pairs, pictures = (bin ? 0 : o.identities * o.images) + 2 * pairs;
        const double seconds = cli_seconds() - begin;
        if (cli_given(c, "json"))
            printf("{\"identities\": %" PRId64 ", \"images\": %" PRId64 ", \"pairs\": %" PRId64
                   ", \"seconds\": %.3f, \"images_per_s\": %.0f}\n",
                   o.identities, bin ? 0 : o.identities * o.images, pairs, seconds, (double)pictures / seconds);
        else if (bin)
            printf("%s: %" PRId64 " pairs of %" PRId64 " drawn people\n", path, pairs, o.identities);
        else
            printf("%s: %" PRId64 " drawn people, %" PRId64 " pictures, %.1f s (%.0f pictures/s)\n", path, o.identities,
                   o.identities * o.images, seconds, (double)pictures / seconds);
    }
    return sheet ? draw_sheet(c, &o, sheet) : CLI_OK;
}

static const cli_option options[] = {
    CLI_FILE("output", 'o', "PATH", NULL,
             "a folder (it gets train.rec, train.idx and property), a .rec, or a .bin (pairs alone)"),
    CLI_WHOLE("identities", 0, "N", 1, 1 << 30, "100", "people"),
    CLI_WHOLE("images", 0, "N", 1, 1000000, "20", "pictures of each"),
    CLI_WHOLE("seed", 0, "N", 0, INT64_MAX, "1", "another seed draws other people"),
    CLI_WHOLE("first-identity", 0, "N", 0, INT64_MAX / 2, "0",
              "number of the first: ranges that don't overlap are different people"),
    CLI_WHOLE("pairs", 0, "N", 0, 100000000, "none; 6000 for a .bin", "also verification.bin with N pairs of further people"),
    CLI_WORD("format", 0, "KIND", "rec sequence jpg png", "rec",
             "rec (InsightFace's layout), sequence (im2rec's, no header record), jpg or png (a folder for each)"),
    CLI_REAL("nuisance", 0, "X", 0, 2, "1", "how much pictures of one person differ"),
    CLI_WHOLE("size", 0, "N", 32, 1024, "112", "side in pixels"),
    CLI_WHOLE("quality", 0, "N", 1, 100, "95", "of the JPEGs"),
    CLI_FILE("sheet", 0, "FILE", NULL, "a picture of the first people, .png or .jpg"),
    CLI_JSON_LINE,
    {0},
};

const cli_command cli_data_synth = {
    .group = CLI_GROUP_DATA,
    .name = "data synth",
    .args = "",
    .what = "draw a data set of faces",
    .about = "People differ in the shape of head and features, colours, hair, beard and marks; pictures of one person in "
             "pose, expression, light, background, glasses, covering, sharpness and noise. The same options give the same "
             "bytes everywhere.",
    .example = "arcface data synth -o synth/ --identities 500 --images 20 --pairs 3000",
    .options = options,
    .run = run,
};
