/* What a command is, as a table: the one source of parsing (options.c), help (help.c), manual pages (man.c) and shell completion
 * (completion.c). Each command's file holds its table; src/cli/commands.c lists them all. */
#ifndef ARCFACE_CLI_TABLE_H
#define ARCFACE_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLI_COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* What a value is: the parser checks it, completion offers it. */
typedef enum cli_kind { CLI_IS_FLAG, CLI_IS_TEXT, CLI_IS_FILE, CLI_IS_FOLDER, CLI_IS_WORD, CLI_IS_WHOLE, CLI_IS_REAL } cli_kind;

typedef struct cli_option {
    const char *name; /* without --; NULL ends a table */
    int letter;       /* short form or 0 */
    cli_kind kind;
    const char *arg;      /* name of its value; NULL for a flag */
    const char *words;    /* CLI_IS_WORD: its values; CLI_IS_TEXT: likely ones; separated by spaces */
    int64_t least, most;  /* CLI_IS_WHOLE */
    double low, high;     /* CLI_IS_REAL */
    const char *fallback; /* what holds without the option, NULL: nothing to tell */
    const char *help;     /* half a sentence */
} cli_option;

#define CLI_FLAG(n, l, h)                                                                                                        \
    { .name = n, .letter = l, .help = h }
#define CLI_TEXT(n, l, a, f, h)                                                                                                  \
    { .name = n, .letter = l, .kind = CLI_IS_TEXT, .arg = a, .fallback = f, .help = h }
#define CLI_LIKELY(n, l, a, w, f, h)                                                                                             \
    { .name = n, .letter = l, .kind = CLI_IS_TEXT, .arg = a, .words = w, .fallback = f, .help = h }
#define CLI_FILE(n, l, a, f, h)                                                                                                  \
    { .name = n, .letter = l, .kind = CLI_IS_FILE, .arg = a, .fallback = f, .help = h }
#define CLI_FOLDER(n, l, a, f, h)                                                                                                \
    { .name = n, .letter = l, .kind = CLI_IS_FOLDER, .arg = a, .fallback = f, .help = h }
#define CLI_WORD(n, l, a, w, f, h)                                                                                               \
    { .name = n, .letter = l, .kind = CLI_IS_WORD, .arg = a, .words = w, .fallback = f, .help = h }
#define CLI_WHOLE(n, l, a, from, to, f, h)                                                                                       \
    { .name = n, .letter = l, .kind = CLI_IS_WHOLE, .arg = a, .least = from, .most = to, .fallback = f, .help = h }
#define CLI_REAL(n, l, a, from, to, f, h)                                                                                        \
    { .name = n, .letter = l, .kind = CLI_IS_REAL, .arg = a, .low = from, .high = to, .fallback = f, .help = h }
#define CLI_JSON_LINE CLI_FLAG("json", 'j', "one JSON line")

/* The option groups that several commands share; and what a command does with contexts. */
enum {
    CLI_USES_MODEL = 1,
    CLI_USES_DETECTOR = 2,
    CLI_USES_PRECISIONS = 4, /* it opens contexts of its own for each of several */
    CLI_USES_RECIPE = 8,
    CLI_USES_NOTHING = 16 /* no context, and so none of the options that every other command has */
};

/* The order of help and manual. */
typedef enum cli_group {
    CLI_GROUP_FACES,
    CLI_GROUP_GALLERIES,
    CLI_GROUP_SERVICE,
    CLI_GROUP_MODELS,
    CLI_GROUP_TRAINING,
    CLI_GROUP_DATA,
    CLI_GROUP_EVALUATION,
    CLI_GROUP_SPEED,
    CLI_GROUP_GENERAL,
    CLI_GROUPS
} cli_group;

typedef struct cli cli;
typedef struct cli_command {
    cli_group group;
    const char *name;       /* "detect", "eval lfw" */
    const char *args;       /* "PHOTO..." */
    cli_kind takes;         /* what an operand is, for completion */
    const char *words;      /* CLI_IS_WORD: the operands that completion offers */
    int min_args, max_args; /* max_args -1 = any */
    const char *what;       /* one line */
    const char *about;      /* the sentences of help and manual; NULL: `what` says it all */
    const char *no;         /* what exit status 1 means; NULL: it does not come */
    const char *example;
    unsigned uses;
    const cli_option *options;
    int (*run)(cli *c);
} cli_command;

/* ---- commands.c: in the list of all commands, which NULL ends ---- */

const cli_command *cli_find(const cli_command *const *all, const char *name);
const char *cli_group_name(cli_group group);
bool cli_two_words(const cli_command *command);              /* "eval lfw" */
bool cli_is_first(const cli_command *const *all, int index); /* the first command whose name begins with its first word */
/* An exit status after a sentence that names the nearest command. */
int cli_unknown(const cli_command *const *all, int count, char **word);

/* ---- table.c ---- */

/* Every option of a command: its own, those of its groups, those that all have. Lives until the next call; NULL ends it. */
#define CLI_MAX_OPTIONS 112
const cli_option *const *cli_options_of(const cli_command *command);
const cli_option *const *cli_common_options(void);                 /* of models, detectors and all commands, each once */
void cli_recipe_flag(const char *field, char *name, size_t bytes); /* "weight_decay": "weight-decay" */

#endif
