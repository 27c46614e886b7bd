/* arcface gallery migrate, protect, rekey, renew: a gallery to another model or under other keys, while it is used. */
#include "gallery/open.h"
#include <arcface/gallery_keys.h>
#include <arcface/gallery_migrate.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static int finish(arc_gallery **g, int code, arc_status st, cli_progress *bar, const arc_error *err) {
    cli_progress_end(bar);
    arc_gallery_close(g);
    return code != CLI_OK || st == ARC_OK ? code : st == ARC_EIO ? cli_fail_write(err) : cli_fail(err);
}

/* ---- models ---- */

static void put_migration(const cli *c, const arc_gallery_migrate_report *r) {
    if (cli_given(c, "json")) {
        printf("{\"embedded\": %lld, \"mapped\": %lld, \"negatives_mapped\": %lld, \"negatives_dropped\": %lld",
               (long long)r->embedded, (long long)r->mapped, (long long)r->negatives_mapped, (long long)r->negatives_dropped);
        if (r->pairs > 0)
            printf(", \"pairs\": %lld, \"held_out\": %lld, \"cosine\": %.6g, \"cosine_low\": %.6g", (long long)r->pairs,
                   (long long)r->held_out, r->cosine, r->cosine_low);
        puts("}");
        return;
    }
    printf("%lld template%s embedded again from %s", (long long)r->embedded, r->embedded == 1 ? "" : "s",
           r->embedded == 1 ? "its crop" : "their crops");
    if (r->mapped + r->negatives_mapped > 0)
        printf("; %lld without one and %lld negatives mapped, less exactly: cosine to the truth %.3f on average, above %.3f for "
               "95 %%, on "
               "%lld that the map had not seen",
               (long long)r->mapped, (long long)r->negatives_mapped, r->cosine, r->cosine_low, (long long)r->held_out);
    if (r->negatives_dropped > 0)
        printf("; %lld negatives are gone", (long long)r->negatives_dropped);
    puts("");
}

static int migrate(cli *c) {
    arc_gallery *g = NULL;
    arc_model *to = NULL;
    arc_gallery_migrate_options opt;
    arc_gallery_migrate_report report;
    arc_error err = {0};
    cli_progress bar;
    arc_status st = ARC_OK;
    const char *model = cli_value(c, "to-model");
    if (!model == !cli_given(c, "cancel"))
        return cli_usage(c, "where to? Give --to-model NAME, or --cancel to give up a move that was cut off");
    arc_gallery_migrate_options_default(&opt);
    opt.allow_map = cli_given(c, "allow-map");
    opt.drop_negatives = cli_given(c, "drop-negatives");
    cli_float(c, "least-cosine", &opt.least_cosine);
    opt.progress = cli_progress_stage;
    opt.progress_ctx = &bar;
    int code = model ? cli_load_any(c, model, ARC_TASK_EMBED, &to) : CLI_OK;
    if (code == CLI_OK)
        code = gallery_open(c, GALLERY_CHANGE, NULL, &g);
    cli_progress_start(&bar, c, "moving");
    if (code == CLI_OK)
        st = model ? arc_gallery_migrate(g, to, &opt, &report, &err) : arc_gallery_migrate_cancel(g, &err);
    code = finish(&g, code, st, &bar, &err);
    if (code == CLI_OK && model)
        put_migration(c, &report);
    arc_model_free(&to);
    return code;
}

/* ---- keys ---- */

static int protect(cli *c) {
    arc_gallery *g;
    arc_gallery_migrate_options opt;
    arc_error err = {0};
    cli_progress bar;
    arc_status st = ARC_OK;
    const char *key = cli_value(c, "new-protect-key");
    if (!key == !cli_given(c, "plain"))
        return cli_usage(c, "under which key? Give --new-protect-key NAME, or --plain to undo a protection");
    arc_gallery_migrate_options_default(&opt);
    opt.progress = cli_progress_stage;
    opt.progress_ctx = &bar;
    const int code = gallery_open(c, GALLERY_CHANGE, NULL, &g);
    cli_progress_start(&bar, c, "protecting");
    if (code == CLI_OK)
        st = arc_gallery_protect(g, key, &opt, NULL, &err);
    return finish(&g, code, st, &bar, &err);
}

static int rekey(cli *c) {
    arc_gallery *g;
    arc_error err = {0};
    cli_progress bar = {0};
    arc_status st = ARC_OK;
    const char *key = cli_value(c, "new-key");
    if (!key)
        return cli_usage(c, "rekey needs --new-key NAME");
    const int code = gallery_open(c, GALLERY_CHANGE, NULL, &g);
    if (code == CLI_OK)
        st = arc_gallery_rekey(g, key, &err);
    return finish(&g, code, st, &bar, &err);
}

static int renew(cli *c) {
    arc_gallery *g;
    arc_gallery_renew_options opt;
    arc_error err = {0};
    cli_progress bar;
    int64_t rows = 0;
    arc_status st = ARC_OK;
    arc_gallery_renew_options_default(&opt);
    opt.progress = cli_progress_stage;
    opt.progress_ctx = &bar;
    int code = gallery_open(c, GALLERY_CHANGE, NULL, &g);
    cli_progress_start(&bar, c, "sealing anew");
    if (code == CLI_OK)
        st = arc_gallery_renew(g, &opt, &rows, &err);
    code = finish(&g, code, st, &bar, &err);
    if (code == CLI_OK && !c->quiet)
        printf("%lld rows are sealed anew\n", (long long)rows);
    return code;
}

static const cli_option migrate_options[] = {
    GALLERY_OPTIONS,
    CLI_FILE("to-model", 0, "NAME", NULL, "the recognition model to move to: a file or a pulled pack"),
    CLI_FLAG("allow-map", 0, "templates without a crop get what a linear map makes of them, less exactly; else they are refused"),
    CLI_REAL("least-cosine", 0, "X", -1, 1, "0.5", "refuse a map that is worse on people whom it has not seen"),
    CLI_FLAG("drop-negatives", 0, "forget who is not whom, instead of mapping it"),
    CLI_FLAG("cancel", 0, "give up a move that was cut off"),
    CLI_JSON_LINE,
    {0},
};
static const cli_option protect_options[] = {
    GALLERY_OPTIONS,
    CLI_TEXT("new-protect-key", 0, "NAME", NULL, "key of the rotation: a file, env:VARIABLE or \"command:WORDS\""),
    CLI_FLAG("plain", 0, "back to templates that are not rotated"),
    {0},
};
static const cli_option rekey_options[] = {
    GALLERY_OPTIONS,
    CLI_TEXT("new-key", 0, "NAME", NULL, "key from now on: a file, env:VARIABLE or \"command:WORDS\""),
    {0},
};
static const cli_option renew_options[] = {GALLERY_OPTIONS, {0}};

const cli_command cli_gallery_migrate = {
    .group = CLI_GROUP_GALLERIES,
    .name = "gallery migrate",
    .args = "",
    .what = "move a gallery to another recognition model",
    .about =
        "Every template is embedded again from its crop, batch by batch, while the gallery is used with the old embeddings; then "
        "one transaction makes the new ones those of the gallery. A move that was cut off goes on when the command is given "
        "again.",
    .example = "arcface gallery migrate --to-model w600k_r50.onnx --gallery people.gal",
    .options = migrate_options,
    .run = migrate,
};
const cli_command cli_gallery_protect = {
    .group = CLI_GROUP_GALLERIES,
    .name = "gallery protect",
    .args = "",
    .what = "rotate a gallery's templates by a key, or by another one: what was stolen matches nobody any more",
    .about = "Cosines stay what they were. The gallery is opened with --protect-key from then on.",
    .example = "arcface gallery protect --new-protect-key env:ROTATION --gallery people.gal",
    .options = protect_options,
    .run = protect,
};
const cli_command cli_gallery_rekey = {
    .group = CLI_GROUP_GALLERIES,
    .name = "gallery rekey",
    .args = "",
    .what = "change the key that a sealed gallery opens with",
    .about = "Takes no time: the key that values are sealed under stays. After a theft, gallery renew replaces that one too.",
    .example = "arcface gallery rekey --key old.key --new-key new.key --gallery people.gal",
    .options = rekey_options,
    .run = rekey,
};
const cli_command cli_gallery_renew = {
    .group = CLI_GROUP_GALLERIES,
    .name = "gallery renew",
    .args = "",
    .what = "seal every value of a gallery anew, under a key that nobody has seen",
    .about = "In batches, while the gallery is used; one that was cut off goes on when the command is given again.",
    .example = "arcface gallery renew --key people.key --gallery people.gal",
    .options = renew_options,
    .run = renew,
};
