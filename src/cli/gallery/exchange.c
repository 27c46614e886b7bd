/* arcface gallery export, import: everything that a gallery holds, in one encrypted file or in a plain folder. */
#include "gallery/open.h"
#include <arcface/gallery_exchange.h>
#include <stdio.h>
#include <string.h>

static void read_options(const cli *c, cli_progress *bar, arc_gallery_exchange_options *opt) {
    arc_gallery_exchange_options_default(opt);
    opt->key = cli_value(c, "file-key");
    opt->crops = !cli_given(c, "no-crops");
    opt->merge = cli_given(c, "merge");
    opt->progress = cli_progress_stage;
    opt->progress_ctx = bar;
}

static void put_report(const cli *c, const arc_gallery_exchange_report *r, bool reading) {
    if (cli_given(c, "json")) {
        printf("{\"people\": %lld, \"templates\": %lld, \"crops\": %lld, \"negatives\": %lld", (long long)r->people,
               (long long)r->templates, (long long)r->crops, (long long)r->negatives);
        if (reading)
            printf(", \"merged\": %lld, \"skipped\": %lld", (long long)r->merged, (long long)r->skipped);
        puts("}");
        return;
    }
    printf("%s %lld %s with %lld template%s (%lld with a crop) and %lld negative%s", reading ? "read" : "wrote",
           (long long)r->people, r->people == 1 ? "person" : "people", (long long)r->templates, r->templates == 1 ? "" : "s",
           (long long)r->crops, (long long)r->negatives, r->negatives == 1 ? "" : "s");
    if (r->merged > 0)
        printf("; %lld %s there before, %lld of their templates too", (long long)r->merged,
               r->merged == 1 ? "person was" : "people were", (long long)r->skipped);
    puts("");
}

static int export_to(cli *c) {
    arc_gallery *g;
    arc_gallery_exchange_options opt;
    arc_gallery_exchange_report report;
    arc_error err = {0};
    cli_progress bar;
    if (!cli_given(c, "file-key") == !cli_given(c, "plain"))
        return cli_usage(
            c, "sealed or plain? Give --file-key KEY for an encrypted file, or --plain for a folder that anybody reads");
    read_options(c, &bar, &opt);
    int code = gallery_open(c, GALLERY_READ, NULL, &g);
    cli_progress_start(&bar, c, "exporting");
    if (code == CLI_OK) {
        const arc_status st = arc_gallery_export(g, c->args[0], &opt, &report, &err);
        cli_progress_end(&bar);
        code = st == ARC_OK ? CLI_OK : st == ARC_EIO ? cli_fail_write(&err) : cli_fail(&err);
    }
    if (code == CLI_OK && cli_given(c, "plain"))
        cli_warn(c, "%s is not encrypted: who can read it has everybody's templates%s and names", c->args[0],
                 opt.crops ? ", crops" : "");
    if (code == CLI_OK)
        put_report(c, &report, false);
    arc_gallery_close(&g);
    return code;
}

/* The gallery is made only for what can be read: with a wrong key none is left behind. */
static int import_from(cli *c) {
    arc_gallery *g = NULL;
    arc_gallery_exchange_options opt;
    arc_gallery_exchange_report report;
    arc_error err = {0};
    cli_progress bar;
    read_options(c, &bar, &opt);
    cli_progress_start(&bar, c, "checking");
    const arc_status readable = arc_gallery_import_check(c->ctx, c->args[0], &opt, &err);
    cli_progress_end(&bar);
    if (readable != ARC_OK)
        return cli_fail(&err);
    int code = gallery_open(c, GALLERY_MAKE, NULL, &g);
    if (code == CLI_OK)
        code = gallery_warn_unsealed(c, g);
    cli_progress_start(&bar, c, "importing");
    const arc_status st = code == CLI_OK ? arc_gallery_import(g, c->args[0], &opt, &report, &err) : ARC_OK;
    cli_progress_end(&bar);
    if (st != ARC_OK)
        code = st == ARC_EIO ? cli_fail_write(&err) : cli_fail(&err);
    if (code == CLI_OK)
        put_report(c, &report, true);
    arc_gallery_close(&g);
    return code;
}

static const cli_option export_options[] = {
    GALLERY_OPTIONS,
    CLI_TEXT("file-key", 0, "NAME", NULL, "write one file, encrypted with this key: a file, env:VARIABLE or \"command:WORDS\""),
    CLI_FLAG("plain", 0, "write a folder that any program reads: people.json, embeddings.npy, crops/"),
    CLI_FLAG("no-crops", 0, "without the aligned crops"),
    CLI_JSON_LINE,
    {0},
};
static const cli_option import_options[] = {
    GALLERY_OPTIONS,
    CLI_TEXT("file-key", 0, "NAME", NULL, "key of an encrypted file: a file, env:VARIABLE or \"command:WORDS\""),
    CLI_FLAG("merge", 0, "people who are there already get the templates that they lack; else they are refused"),
    CLI_FLAG("no-crops", 0, "without the aligned crops"),
    CLI_JSON_LINE,
    {0},
};

const cli_command cli_gallery_export = {
    .group = CLI_GROUP_GALLERIES,
    .name = "gallery export",
    .args = "PATH",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = 1,
    .what = "write a gallery to an encrypted file or a plain folder",
    .about =
        "With people, names, notes, thresholds, templates, crops and negatives, as they are at one moment. The file's key need "
        "not be the gallery's. The audit log stays where it is.",
    .example = "arcface gallery export people.arcx --file-key env:EXPORT_KEY --gallery people.gal",
    .options = export_options,
    .run = export_to,
};
const cli_command cli_gallery_import = {
    .group = CLI_GROUP_GALLERIES,
    .name = "gallery import",
    .args = "PATH",
    .takes = CLI_IS_FILE,
    .min_args = 1,
    .max_args = 1,
    .what = "read what gallery export wrote, all of it or nothing",
    .about = "Into a new gallery, which gets the exported binding, or into one of the same model.",
    .example = "arcface gallery import people.arcx --file-key env:EXPORT_KEY --gallery other.gal",
    .options = import_options,
    .run = import_from,
};
