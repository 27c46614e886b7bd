/* The options of a command: its own and those that it shares with others. */
#include "ui/table.h"
#include <arcface/train.h>
#include <stdio.h>
#include <string.h>

static const cli_option shared_options[] = {
    CLI_WHOLE("threads", 0, "N", 1, 256, "one per core", "worker threads"),
    CLI_LIKELY("precision", 0, "NAME", "fp32 bf16 fp16", "fp32",
               "fp32, bf16 where the processor is fast at it, fp16 for weights (bench: a list)"),
    CLI_FLAG("tune", 0, "measure the algorithms of new plans and keep the fastest (in the cache folder, for later runs too)"),
    CLI_WORD("memory", 0, "HOW", "fast low", "fast", "fast or low: weights are kept once"),
    CLI_LIKELY("isa", 0, "NAME", "generic avx2 avx512 neon", NULL, "highest instruction set: generic avx2 avx512 neon"),
    CLI_FLAG("quiet", 'q', "no progress and no warnings"),
    {0},
};
static const cli_option help_option[] = {CLI_FLAG("help", 'h', "this text"), {0}};
static const cli_option model_options[] = {
    CLI_FILE("model", 'm', "NAME", "$ARCFACE_MODEL, else a pulled pack", "recognition model: a file or a pulled pack"),
    CLI_LIKELY("color", 0, "ORDER", "rgb bgr", NULL, "rgb or bgr, instead of the model's contract"),
    CLI_LIKELY("norm", 0, "MEAN/DIV", "127.5/127.5 127.5/128 0/1", NULL,
               "input normalisation instead of the contract: 127.5/127.5, 127.5/128, 0/1, imagenet"),
    CLI_TEXT("model-input", 0, "NAME", NULL, "the model's input that takes the picture"),
    CLI_TEXT("model-output", 0, "NAME", NULL, "the model's output that is the embedding"),
    {0},
};
static const cli_option detector_options[] = {
    CLI_FILE("detector", 'd', "NAME", "$ARCFACE_DETECTOR, else a pulled pack", "detection model: a file or a pulled pack"),
    CLI_LIKELY("detector-kind", 0, "KIND", "scrfd retinaface retinaface-mxnet yunet", NULL,
               "scrfd retinaface retinaface-mxnet yunet, instead of the contract"),
    {0},
};

void cli_recipe_flag(const char *field, char *name, size_t bytes) {
    snprintf(name, bytes, "%s", field);
    for (char *at = name; *at; at++)
        if (*at == '_')
            *at = '-';
}

/* A flag for each field of a recipe; "precision" is there already. A value that is one of several words ("sgd|adamw") is offered
 * as such. */
static const cli_option *recipe_options(void) {
    static char name[CLI_MAX_OPTIONS][32], words[CLI_MAX_OPTIONS][64];
    static cli_option table[CLI_MAX_OPTIONS];
    size_t fields, n = 0;
    const arc_recipe_field *field = arc_recipe_fields(&fields);
    for (size_t i = 0; i < fields && n < CLI_MAX_OPTIONS - 1; i++) {
        if (strcmp(field[i].name, "precision") == 0)
            continue;
        cli_recipe_flag(field[i].name, name[n], sizeof name[n]);
        snprintf(words[n], sizeof words[n], "%s", strchr(field[i].arg, '|') ? field[i].arg : "");
        for (char *at = words[n]; *at; at++)
            if (*at == '|')
                *at = ' ';
        table[n] = (cli_option)CLI_LIKELY(name[n], 0, field[i].arg, *words[n] ? words[n] : NULL, NULL, field[i].help);
        n++;
    }
    return table;
}

typedef struct option_list {
    const cli_option *option[CLI_MAX_OPTIONS + 1];
    int count;
} option_list;

static void add(option_list *list, const cli_option *table) {
    for (; table && table->name && list->count < CLI_MAX_OPTIONS; table++)
        list->option[list->count++] = table;
    list->option[list->count] = NULL;
}

const cli_option *const *cli_options_of(const cli_command *command) {
    static option_list list;
    list.count = 0;
    add(&list, command->options);
    if (command->uses & CLI_USES_MODEL)
        add(&list, model_options);
    if (command->uses & CLI_USES_DETECTOR)
        add(&list, detector_options);
    if (command->uses & CLI_USES_RECIPE)
        add(&list, recipe_options());
    if (!(command->uses & CLI_USES_NOTHING))
        add(&list, shared_options);
    add(&list, help_option);
    return list.option;
}

const cli_option *const *cli_common_options(void) {
    static option_list list;
    list.count = 0;
    add(&list, model_options);
    add(&list, detector_options);
    add(&list, shared_options);
    add(&list, help_option);
    return list.option;
}
