/* arcface data synth: data sets of drawn faces, for training and trying things out without photographs. */
#include "ui/cli.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

static bool read_options(cli *c, arc_drawn_options *o) {
    static const char *const formats[] = {"rec", "sequence", "jpg", "png"};
    const char *format = cli_value(c, "format");
    int f = 0;
    double nuisance = (double)o->nuisance;
    int64_t seed = 1;
    while (format && f < CLI_COUNT(formats) && strcmp(format, formats[f]) != 0)
        f++;
    if (f == CLI_COUNT(formats)) {
        cli_usage(c, "--format %s: must be rec, sequence, jpg or png", format);
        return false;
    }
    o->layout = f < 2 ? (arc_data_layout)f : ARC_DATA_FOLDER;
    if (!cli_long(c, "seed", 0, INT64_MAX, &seed) || !cli_long(c, "identities", 1, 1 << 30, &o->identities) ||
        !cli_int(c, "images", 1, 1000000, &o->images) || !cli_long(c, "first-identity", 0, INT64_MAX / 2, &o->first_identity) ||
        !cli_float(c, "nuisance", 0, 2, &nuisance) || !cli_int(c, "size", 32, 1024, &o->size_px) ||
        !cli_int(c, "quality", 1, 100, &o->quality) || !cli_long(c, "pairs", 0, 100000000, &o->pairs))
        return false;
    o->seed = (uint64_t)seed;
    o->nuisance = (float)nuisance;
    if (f == 3)
        o->quality = 0;
    return true;
}

static int run(cli *c) {
    arc_drawn_options o;
    arc_error err = {0};
    cli_progress bar;
    const char *path = cli_value(c, "output"), *sheet = cli_value(c, "sheet");
    arc_drawn_options_default(&o);
    if (!path && !sheet)
        return cli_usage(c, "data synth needs -o FOLDER for the data set");
    if (!read_options(c, &o))
        return CLI_USAGE;
    if (path) {
        const double begin = cli_seconds();
        const bool bin = cli_has_suffix(path, ".bin");
        cli_progress_start(&bar, c, "drawing");
        o.progress = cli_progress_step;
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
    {"output", 'o', "PATH", "a folder, a .rec, or a .bin (verification pairs alone)"},
    {"identities", 0, "N", "people (default 100)"},
    {"images", 0, "N", "pictures of each (default 20)"},
    {"seed", 0, "N", "another seed draws other people (default 1)"},
    {"first-identity", 0, "N", "number of the first: ranges that don't overlap are different people (default 0)"},
    {"pairs", 0, "N", "also verification.bin with N pairs of further people (default none; 6000 for a .bin)"},
    {"format", 0, "KIND", "rec (default), sequence (no header record), jpg or png (a folder for each)"},
    {"nuisance", 0, "X", "how much pictures of one person differ, 0 to 2 (default 1)"},
    {"size", 0, "N", "side in pixels (default 112)"},
    {"quality", 0, "N", "of the JPEGs (default 95)"},
    {"sheet", 0, "FILE", "a picture of the first people, .png or .jpg"},
    {"json", 'j', NULL, "one JSON line"},
    {0},
};

const cli_command cli_data_synth = {
    "data synth",
    "",
    "draw a data set of faces",
    "arcface data synth -o synth/ --identities 500 --images 20 --pairs 3000",
    0,
    0,
    0,
    options,
    run,
};
