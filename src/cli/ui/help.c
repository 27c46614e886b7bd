/* Help: the overview by groups, and a command's page on the terminal. */
#include "ui/help.h"
#include <stdio.h>
#include <string.h>

#define WIDTH 110

/* Words from column `at` on, broken before column WIDTH and continued at column `indent`. */
static void put_wrapped(cli_text *t, const char *text, int at, int indent) {
    int column = at;
    for (const char *word = text; *word;) {
        const int n = (int)strcspn(word, " ");
        if (column > at && column + 1 + n > WIDTH) {
            cli_printf(t, "\n%*s", indent, "");
            column = at = indent;
        } else if (column > at) {
            cli_printf(t, " ");
            column++;
        }
        cli_put(t, word, (size_t)n);
        column += n;
        word += n + strspn(word + n, " ");
    }
    cli_printf(t, "\n");
}

static void append(char *out, size_t bytes, const char *text) {
    const size_t at = strlen(out);
    snprintf(out + at, bytes - at, "%s", text);
}

/* "0 to 1", "from 1", "" */
static void range_text(const cli_option *o, char *out, size_t bytes) {
    *out = '\0';
    if (o->kind == CLI_IS_REAL)
        snprintf(out, bytes, "%g to %g", o->low, o->high);
    else if (o->kind == CLI_IS_WHOLE && o->most < 1000000)
        snprintf(out, bytes, "%lld to %lld", (long long)o->least, (long long)o->most);
    else if (o->kind == CLI_IS_WHOLE)
        snprintf(out, bytes, "from %lld", (long long)o->least);
}

void cli_option_text(const cli_option *o, char *out, size_t bytes) {
    char range[64];
    range_text(o, range, sizeof range);
    snprintf(out, bytes, "%s", o->help);
    if (!*range && !o->fallback)
        return;
    const size_t end = strlen(out);
    if (end > 0 && end < bytes && out[end - 1] == ')') { /* one pair of brackets is enough */
        out[end - 1] = '\0';
        append(out, bytes, "; ");
    } else {
        append(out, bytes, " (");
    }
    append(out, bytes, range);
    if (o->fallback) {
        append(out, bytes, *range ? ", default" : "default");
        append(out, bytes, strchr(o->fallback, ' ') ? ": " : " ");
        append(out, bytes, o->fallback);
    }
    append(out, bytes, ")");
}

void cli_exit_text(const cli_command *command, char *out, size_t bytes) {
    const char *no = command ? command->no : "no match", *rest = "2 usage, 3 bad input, 4 failure";
    if (no)
        snprintf(out, bytes, "0 yes or done, 1 %s, %s", no, rest);
    else
        snprintf(out, bytes, "0 done, %s", rest);
}

static void put_option(cli_text *t, const cli_option *o) {
    char left[64], letter[6] = "    ", help[1024];
    if (o->letter)
        snprintf(letter, sizeof letter, "-%c, ", o->letter);
    snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name, o->arg ? " " : "", o->arg ? o->arg : "");
    cli_option_text(o, help, sizeof help);
    cli_printf(t, "  %-26s ", left);
    put_wrapped(t, help, 3 + (strlen(left) > 26 ? (int)strlen(left) : 26), 29);
}

void cli_put_help(cli_text *t, const cli_command *command) {
    char exits[256];
    cli_printf(t, "arcface %s%s%s [options]\n\n%s\n", command->name, *command->args ? " " : "", command->args, command->what);
    if (command->about) {
        cli_printf(t, "\n");
        put_wrapped(t, command->about, 0, 0);
    }
    cli_printf(t, "\nOptions:\n");
    for (const cli_option *const *o = cli_options_of(command); *o; o++)
        put_option(t, *o);
    cli_exit_text(command, exits, sizeof exits);
    cli_printf(t, "\nExit status: %s.\n\nExample:\n  %s\n", exits, command->example);
}

void cli_put_overview(cli_text *t, const cli_command *const *all) {
    char exits[256];
    cli_printf(t, "arcface: face recognition, from photographs to verified identities\n");
    for (int i = 0; all[i]; i++) {
        if (i == 0 || all[i]->group != all[i - 1]->group)
            cli_printf(t, "\n%s:\n", cli_group_name(all[i]->group));
        cli_printf(t, "  %-16s %s\n", all[i]->name, all[i]->what);
    }
    cli_exit_text(NULL, exits, sizeof exits);
    cli_printf(t, "\n\"arcface COMMAND --help\" shows a command's options and an example.\nExit status: %s.\n", exits);
}
