/* Options of the command line: read by getopt_long against a command's table, and checked against it before anything is done.
 * Values are kept as text under their option's name. */
#include "ui/cli.h"
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPERAND 1       /* getopt's value of what is no option */
#define FIRST_CODE 1000 /* getopt value of option 0, above every letter */

const char *cli_value(const cli *c, const char *name) {
    for (int i = 0; i < c->options; i++)
        if (strcmp(c->option[i]->name, name) == 0)
            return c->value[i];
    return NULL;
}

bool cli_given(const cli *c, const char *name) {
    return cli_value(c, name) != NULL;
}

int cli_values(const cli *c, const char *name, const char **values, int most) {
    int count = 0;
    for (int i = 0; i < c->givens; i++)
        if (strcmp(c->option[c->given[i].option]->name, name) == 0) {
            if (count < most)
                values[count] = c->given[i].value;
            count++;
        }
    return count;
}

int cli_operands_before(const cli *c, const char *name, int index) {
    int i = 0;
    while (strcmp(c->option[c->given[i].option]->name, name) != 0 || index-- > 0)
        i++;
    return c->given[i].operands;
}

const char *cli_recipe_value(const cli *c, const char *field) {
    char name[32];
    cli_recipe_flag(field, name, sizeof name);
    return cli_value(c, name);
}

void cli_float(const cli *c, const char *name, double *value) {
    const char *text = cli_value(c, name);
    if (text)
        *value = strtod(text, NULL);
}

void cli_long(const cli *c, const char *name, int64_t *value) {
    const char *text = cli_value(c, name);
    if (text)
        *value = strtoll(text, NULL, 10);
}

void cli_int(const cli *c, const char *name, int *value) {
    int64_t whole = *value;
    cli_long(c, name, &whole);
    *value = (int)whole;
}

/* Position of a word in "fast low", -1 when it is not there. */
static int word_index(const char *words, const char *word) {
    const size_t n = strlen(word);
    for (int i = 0; *words; i++) {
        const size_t m = strcspn(words, " ");
        if (m == n && memcmp(words, word, n) == 0)
            return i;
        words += m + strspn(words + m, " ");
    }
    return -1;
}

int cli_word(const cli *c, const char *name) {
    for (int i = 0; i < c->options; i++)
        if (strcmp(c->option[i]->name, name) == 0) {
            const char *word = c->value[i] ? c->value[i] : c->option[i]->fallback;
            return word ? word_index(c->option[i]->words, word) : -1;
        }
    return -1;
}

/* ---- checking -------------------------------------------------------------------------------------------------------------- */

static bool check_word(const cli *c, const cli_option *o, const char *text) {
    char list[128] = "";
    if (word_index(o->words, text) >= 0)
        return true;
    for (const char *at = o->words; *at;) {
        const int n = (int)strcspn(at, " ");
        const char *next = at + n + strspn(at + n, " ");
        const size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%.*s", !used ? "" : *next ? ", " : " or ", n, at);
        at = next;
    }
    cli_usage(c, "--%s %s: must be %s", o->name, text, list);
    return false;
}

static bool check_whole(const cli *c, const cli_option *o, const char *text) {
    char *end;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (end != text && !*end && !errno && value >= o->least && value <= o->most)
        return true;
    cli_usage(c, "--%s %s: must be a whole number from %lld to %lld", o->name, text, (long long)o->least, (long long)o->most);
    return false;
}

static bool check_real(const cli *c, const cli_option *o, const char *text) {
    char *end;
    const double value = strtod(text, &end);
    if (end != text && !*end && value >= o->low && value <= o->high)
        return true;
    cli_usage(c, "--%s %s: must be a number from %g to %g", o->name, text, o->low, o->high);
    return false;
}

static bool check_value(const cli *c, const cli_option *o, const char *value) {
    return o->kind == CLI_IS_WORD    ? check_word(c, o, value)
           : o->kind == CLI_IS_WHOLE ? check_whole(c, o, value)
           : o->kind == CLI_IS_REAL  ? check_real(c, o, value)
                                     : true;
}

static bool check_values(const cli *c) {
    for (int i = 0; i < c->options; i++)
        if (c->value[i] && !check_value(c, c->option[i], c->value[i]))
            return false;
    return true;
}

static bool unknown_option(const cli *c, const char *word) {
    char name[64];
    snprintf(name, sizeof name, "%s", word + strspn(word, "-"));
    name[strcspn(name, "=")] = '\0';
    const char *nearest = NULL;
    for (int i = 0; i < c->options; i++)
        nearest = arc_nearer_word(name, c->option[i]->name, CLI_NEAR_LETTERS, nearest);
    if (nearest)
        cli_usage(c, "unknown option %s, did you mean --%s?", word, nearest);
    else
        cli_usage(c, "unknown option %s", word);
    return false;
}

bool cli_set(cli *c, const char *name, const char *value) {
    int i = 0;
    while (i < c->options && strcmp(c->option[i]->name, name) != 0)
        i++;
    if (i == c->options)
        return unknown_option(c, name);
    const bool flag = !c->option[i]->arg;
    if (flag != !value) {
        cli_usage(c, flag ? "option --%s takes no value" : "option --%s needs a value", name);
        return false;
    }
    if (c->value[i])
        return true;
    c->value[i] = flag ? "" : value;
    return flag || check_value(c, c->option[i], value);
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
    char shorts[2 * CLI_MAX_OPTIONS + 3] = "-:", *s = shorts + 2; /* -: operands come in their turn */
    c->command = command;
    for (const cli_option *const *o = cli_options_of(command); *o; o++)
        c->option[c->options++] = *o;
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
        if (code == OPERAND) { /* moved to the front, where everything has been read */
            argv[1 + c->arg_count++] = optarg;
            continue;
        }
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
        if (c->givens == CLI_MAX_GIVEN) {
            cli_usage(c, "more than %d options", CLI_MAX_GIVEN);
            return false;
        }
        c->given[c->givens].option = i;
        c->given[c->givens].operands = c->arg_count;
        c->given[c->givens++].value = c->value[i];
    }
    for (int i = optind; i < argc; i++) /* behind "--" */
        argv[1 + c->arg_count++] = argv[i];
    c->args = argv + 1;
    c->quiet = cli_given(c, "quiet");
    *help = cli_given(c, "help");
    return *help || (check_counts(c) && check_values(c));
}
