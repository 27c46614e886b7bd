/* arcface train: a recipe, a data set and a folder to run in. */
#include "ui/cli.h"
#include <stdio.h>

static void say(void *ctx, const char *line) {
    cli_steps_say(ctx, line);
}

static int show(void *ctx, const arc_train_progress *p) {
    const bool last = p->step == p->steps;
    char line[256];
    if (cli_steps_due(ctx, last)) {
        arc_train_progress_line(p, line, sizeof line);
        cli_steps_draw(ctx, line, last);
    }
    return cli_steps_stop_wanted();
}

/* The recipe: defaults, then the file (or what the run was begun with), then the flags. */
static int read_recipe(cli *c, arc_recipe *recipe, const char *run) {
    char path[CLI_PATH_BYTES];
    arc_error err = {0};
    size_t fields;
    const arc_recipe_field *field = arc_recipe_fields(&fields);
    const char *name = cli_value(c, "recipe");
    if (!name && cli_given(c, "resume")) {
        snprintf(path, sizeof path, "%s/recipe.json", run);
        name = path;
    }
    if (name && arc_recipe_load(recipe, name, &err) != ARC_OK)
        return cli_fail(&err);
    for (size_t i = 0; i < fields; i++) {
        const char *value = cli_recipe_value(c, field[i].name);
        if (value && arc_recipe_set(recipe, field[i].name, value, &err) != ARC_OK)
            return cli_usage(c, "%s", err.text);
    }
    if (arc_recipe_check(recipe, &err) != ARC_OK)
        return cli_usage(c, "%s", err.text);
    return CLI_OK;
}

static int print_recipe(const arc_recipe *recipe, cli *c) {
    char *text = NULL;
    arc_error err = {0};
    const int code = cli_show(c, arc_recipe_text(recipe, &text, &err), &text, &err);
    if (code == CLI_OK)
        putchar('\n');
    return code;
}

static int train(cli *c, const arc_recipe *recipe, const char *run) {
    arc_train_options o;
    arc_train_result result;
    arc_error err = {0};
    cli_steps steps;
    arc_train_options_default(&o);
    o.data = cli_value(c, "data");
    o.run = run;
    o.resume = cli_given(c, "resume");
    o.progress = show;
    o.say = say;
    o.ctx = &steps;
    cli_steps_start(&steps, c);
    const double start = cli_seconds();
    const arc_status st = arc_train(c->ctx, recipe, &o, &result, &err);
    cli_steps_clear(&steps);
    if (st != ARC_OK)
        return cli_fail(&err);
    char *text = NULL;
    if (!result.leads)
        return CLI_OK;
    const bool json = cli_given(c, "json");
    return cli_show(c, arc_train_result_describe(c->ctx, &result, cli_seconds() - start, json, &text, &err), &text, &err);
}

static int run(cli *c) {
    const char *folder = cli_value(c, "output");
    const bool show_only = cli_given(c, "show");
    arc_recipe *recipe = NULL;
    arc_error err = {0};
    if (!show_only && (!folder || !cli_given(c, "data")))
        return cli_usage(c, folder ? "train needs --data SET" : "train needs -o FOLDER to run in");
    if (arc_recipe_new(c->ctx, &recipe, &err) != ARC_OK)
        return cli_fail(&err);
    int code = read_recipe(c, recipe, folder ? folder : ".");
    if (code == CLI_OK)
        code = show_only ? print_recipe(recipe, c) : train(c, recipe, folder);
    arc_recipe_free(&recipe);
    return code;
}

static const cli_option options[] = {
    CLI_FILE("recipe", 'r', "NAME", NULL, "a recipe's file, or the name of one: ms1mv3_r50, mbf, tiny-synth ..."),
    CLI_FILE("data", 0, "SET", NULL, "a .rec, a folder that holds train.rec, a folder of pictures for each identity, or a list"),
    CLI_FOLDER("output", 'o', "FOLDER", NULL, "where checkpoints, logs and models go"),
    CLI_FLAG("resume", 0, "go on from the newest checkpoint in the folder, with its recipe"),
    CLI_FLAG("show", 0, "only print the recipe that would be used"),
    CLI_FLAG("json", 'j', "the result as one JSON line"),
    {0},
};

const cli_command cli_train = {
    .group = CLI_GROUP_TRAINING,
    .name = "train",
    .args = "",
    .what = "train a network: ArcFace and its family",
    .about =
        "Batches from a data set, additive angular margin or another loss of the family, checkpoints from which --resume goes "
        "on bit for bit, a log in JSON lines and for TensorBoard. Every field of a recipe is a flag too and wins over the "
        "file. Names of recipes are looked for in $ARCFACE_RECIPES, ./recipes and where arcface is installed. The folder gets "
        "recipe.json, log.jsonl, step-NNNNNNNN.onnx and .state, best.onnx and model.onnx.",
    .example = "arcface train --recipe tiny-synth --data synth/ -o run/",
    .uses = CLI_USES_RECIPE,
    .options = options,
    .run = run,
};
