/* Options: one table a command plus the shared groups, read by getopt_long. Values are kept as text under their option's name. */
#include "ui/cli.h"
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CODE 1000 /* getopt value of option 0, above every letter */

static const cli_option shared_options[] = {
    {"threads", 0, "N", "worker threads (default: one per core)"},
    {"precision", 0, "NAME", "fp32 (default), bf16 where the processor is fast at it, fp16 for weights (bench: a list)"},
    {"tune", 0, NULL, "measure the algorithms of new plans and keep the fastest (in the cache folder, for later runs too)"},
    {"memory", 0, "HOW", "fast (default) or low: weights are kept once"},
    {"isa", 0, "NAME", "highest instruction set: generic avx2 avx512 neon"},
    {"quiet", 'q', NULL, "no progress and no warnings"},
    {"help", 'h', NULL, "this text"},
    {0},
};
static const cli_option model_options[] = {
    {"model", 'm', "NAME", "recognition model: a file or a pulled pack (default: $ARCFACE_MODEL, else a pulled pack)"},
    {"color", 0, "ORDER", "rgb or bgr, instead of the model's contract"},
    {"norm", 0, "MEAN/DIV", "input normalisation instead of the contract: 127.5/127.5, 127.5/128, 0/1"},
    {0},
};
static const cli_option detector_options[] = {
    {"detector", 'd', "NAME", "detection model: a file or a pulled pack (default: $ARCFACE_DETECTOR, else a pulled pack)"},
    {"detector-kind", 0, "KIND", "scrfd retinaface retinaface-mxnet yunet, instead of the contract"},
    {0},
};

static void add_options(cli *c, const cli_option *table) {
    for (; table && table->name && c->options < CLI_MAX_OPTIONS; table++)
        c->option[c->options++] = table;
}

/* A flag for each field of a recipe, with dashes; "precision" is there already. */
#define RECIPE_NAME_BYTES 32
static void recipe_flag(const char *field, char name[RECIPE_NAME_BYTES]) {
    snprintf(name, RECIPE_NAME_BYTES, "%s", field);
    for (char *at = name; *at; at++)
        if (*at == '_')
            *at = '-';
}

static void add_recipe_options(cli *c) {
    static char name[CLI_MAX_OPTIONS][RECIPE_NAME_BYTES];
    static cli_option table[CLI_MAX_OPTIONS];
    size_t fields, n = 0;
    const arc_recipe_field *field = arc_recipe_fields(&fields);
    for (size_t i = 0; i < fields && n < CLI_MAX_OPTIONS - 1; i++) {
        if (strcmp(field[i].name, "precision") == 0)
            continue;
        recipe_flag(field[i].name, name[n]);
        table[n] = (cli_option){name[n], 0, field[i].arg, field[i].help};
        n++;
    }
    table[n] = (cli_option){0};
    add_options(c, table);
}

const char *cli_recipe_value(const cli *c, const char *field) {
    char name[RECIPE_NAME_BYTES];
    recipe_flag(field, name);
    return cli_value(c, name);
}

static void gather(cli *c, const cli_command *command) {
    c->command = command;
    c->options = 0;
    add_options(c, command->options);
    if (command->uses & CLI_USES_MODEL)
        add_options(c, model_options);
    if (command->uses & CLI_USES_DETECTOR)
        add_options(c, detector_options);
    if (command->uses & CLI_USES_RECIPE)
        add_recipe_options(c);
    add_options(c, shared_options);
}

int cli_edit_distance(const char *a, const char *b) {
    enum { MAX = 40 };
    int row[MAX + 1], n = (int)strlen(a), m = (int)strlen(b);
    if (n > MAX || m > MAX)
        return MAX;
    for (int j = 0; j <= m; j++)
        row[j] = j;
    for (int i = 1; i <= n; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= m; j++) {
            int best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[m];
}

static bool unknown_option(const cli *c, const char *word) {
    char name[64];
    snprintf(name, sizeof name, "%s", word + strspn(word, "-"));
    name[strcspn(name, "=")] = '\0';
    const char *nearest = NULL;
    int distance = 3;
    for (int i = 0; i < c->options; i++) {
        int d = cli_edit_distance(name, c->option[i]->name);
        if (d < distance) {
            distance = d;
            nearest = c->option[i]->name;
        }
    }
    if (nearest)
        cli_usage(c, "unknown option %s, did you mean --%s?", word, nearest);
    else
        cli_usage(c, "unknown option %s", word);
    return false;
}

/* Index of the option that getopt returned, -1 for none. */
static int option_index(const cli *c, int code) {
    if (code >= FIRST_CODE)
        return code - FIRST_CODE;
    for (int i = 0; i < c->options; i++)
        if (c->option[i]->letter && c->option[i]->letter == code)
            return i;
    return -1;
}

static bool check_counts(const cli *c) {
    if (c->arg_count < c->command->min_args) {
        cli_usage(c, "%s needs %s", c->command->name, c->command->args);
        return false;
    }
    if (c->command->max_args >= 0 && c->arg_count > c->command->max_args) {
        cli_usage(c, "unexpected argument \"%s\"", c->args[c->command->max_args]);
        return false;
    }
    return true;
}

bool cli_parse(cli *c, const cli_command *command, int argc, char **argv, bool *help) {
    struct option longs[CLI_MAX_OPTIONS + 1] = {0};
    char shorts[2 * CLI_MAX_OPTIONS + 2] = ":", *s = shorts + 1;
    gather(c, command);
    for (int i = 0; i < c->options; i++) {
        const cli_option *o = c->option[i];
        longs[i] = (struct option){o->name, o->arg ? required_argument : no_argument, NULL, FIRST_CODE + i};
        if (o->letter) {
            *s++ = (char)o->letter;
            if (o->arg)
                *s++ = ':';
        }
    }
    *s = '\0';
    optind = 1;
    opterr = 0;
    for (int code; (code = getopt_long(argc, argv, shorts, longs, NULL)) != -1;) {
        if (code == '?' || code == ':') {
            int i = optopt ? option_index(c, optopt) : -1;
            if (code == '?' && i >= 0)
                cli_usage(c, "option --%s takes no value", c->option[i]->name);
            else if (code == ':' && i >= 0)
                cli_usage(c, "option --%s needs a value (%s)", c->option[i]->name, c->option[i]->arg);
            else if (optopt)
                cli_usage(c, "unknown option -%c", optopt);
            else
                unknown_option(c, argv[optind - 1]);
            return false;
        }
        int i = option_index(c, code);
        c->value[i] = optarg ? optarg : "";
    }
    c->args = argv + optind;
    c->arg_count = argc - optind;
    c->quiet = cli_given(c, "quiet");
    *help = cli_given(c, "help");
    return *help || check_counts(c);
}

const char *cli_value(const cli *c, const char *name) {
    for (int i = 0; i < c->options; i++)
        if (strcmp(c->option[i]->name, name) == 0)
            return c->value[i];
    return NULL;
}

bool cli_given(const cli *c, const char *name) {
    return cli_value(c, name) != NULL;
}

bool cli_float(const cli *c, const char *name, double min, double max, double *value) {
    const char *text = cli_value(c, name);
    if (!text)
        return true;
    char *end = NULL;
    double v = strtod(text, &end);
    if (end == text || *end || !(v >= min && v <= max)) {
        cli_usage(c, "--%s %s: must be a number from %g to %g", name, text, min, max);
        return false;
    }
    *value = v;
    return true;
}

bool cli_int(const cli *c, const char *name, int min, int max, int *value) {
    double v = *value;
    const char *text = cli_value(c, name);
    if (text && (strspn(text, "-0123456789") != strlen(text) || strlen(text) > 11)) {
        cli_usage(c, "--%s %s: must be a whole number from %d to %d", name, text, min, max);
        return false;
    }
    if (!cli_float(c, name, min, max, &v))
        return false;
    *value = (int)v;
    return true;
}

bool cli_long(const cli *c, const char *name, int64_t min, int64_t max, int64_t *value) {
    const char *text = cli_value(c, name);
    if (!text)
        return true;
    char *end;
    errno = 0;
    const long long v = strtoll(text, &end, 10);
    if (end == text || *end || errno || v < min || v > max) {
        cli_usage(c, "--%s %s: must be a whole number from %lld to %lld", name, text, (long long)min, (long long)max);
        return false;
    }
    *value = v;
    return true;
}

static void print_option(const cli_option *o) {
    char left[64];
    char letter[6] = "    ";
    if (o->letter)
        snprintf(letter, sizeof letter, "-%c, ", o->letter);
    snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name, o->arg ? " " : "", o->arg ? o->arg : "");
    printf("  %-26s %s\n", left, o->help);
}

void cli_print_help(const cli_command *command) {
    cli c = {0};
    gather(&c, command);
    printf("arcface %s%s%s [options]\n\n%s\n\nOptions:\n", command->name, *command->args ? " " : "", command->args,
           command->what);
    for (int i = 0; i < c.options; i++)
        print_option(c.option[i]);
    printf("\nExample:\n  %s\n", command->example);
}
