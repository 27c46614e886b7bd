/* Completion for zsh and fish; completion_bash.c has bash. All three offer commands, options with their help, words, files and
 * folders. */
#include "ui/help.h"
#include <string.h>

/* Inside single quotes; the characters of `special` get a backslash. */
static void put_quoted(cli_text *t, const char *text, const char *special, const char *quote) {
    for (; *text; text++)
        if (*text == '\'')
            cli_printf(t, "%s", quote);
        else
            cli_printf(t, strchr(special, *text) ? "\\%c" : "%c", *text);
}

/* ---- zsh ------------------------------------------------------------------------------------------------------------------- */

static void put_zsh_text(cli_text *t, const char *text) {
    put_quoted(t, text, "[]:\\", "'\\''");
}

static void put_zsh_value(cli_text *t, cli_kind kind, const char *words) {
    if (words)
        cli_printf(t, "(%s)", words);
    else
        cli_printf(t, "%s", kind == CLI_IS_FOLDER ? "_files -/" : kind == CLI_IS_FILE ? "_files" : " ");
}

static void put_zsh_option(cli_text *t, const cli_option *o) {
    const char *equals = o->arg ? "=" : "";
    cli_printf(t, " \\\n        ");
    if (o->letter)
        cli_printf(t, "'(-%c --%s)'{-%c,--%s%s}'[", o->letter, o->name, o->letter, o->name, equals);
    else
        cli_printf(t, "'--%s%s[", o->name, equals);
    put_zsh_text(t, o->help);
    cli_printf(t, "]");
    if (o->arg) {
        cli_printf(t, ":");
        put_zsh_text(t, o->arg);
        cli_printf(t, ":");
        put_zsh_value(t, o->kind, o->words);
    }
    cli_printf(t, "'");
}

static void put_zsh_command(cli_text *t, const cli_command *command) {
    cli_printf(t, "    ('%s') _arguments -s -S", command->name);
    for (const cli_option *const *o = cli_options_of(command); *o; o++)
        put_zsh_option(t, *o);
    if (command->max_args) {
        cli_printf(t, " \\\n        '*:");
        put_zsh_text(t, command->args);
        cli_printf(t, ":");
        put_zsh_value(t, command->takes, command->words);
        cli_printf(t, "'");
    }
    cli_printf(t, " ;;\n");
}

/* 'lfw:LFW accuracy' of all commands that go on with a second word after the first n bytes of `first`. */
static void put_zsh_seconds(cli_text *t, const cli_command *const *all, const char *first, size_t n) {
    for (int i = 0; all[i]; i++)
        if (strncmp(all[i]->name, first, n) == 0 && all[i]->name[n] == ' ') {
            cli_printf(t, " '%s:", all[i]->name + n + 1);
            put_zsh_text(t, all[i]->what);
            cli_printf(t, "'");
        }
}

static void put_zsh(cli_text *t, const cli_command *const *all) {
    const char *separator = "";
    cli_printf(t, "#compdef arcface\n# zsh completion of arcface, written by \"arcface help --completion zsh\"\n"
                  "_arcface() {\n    local -a first second\n    local command\n    first=(");
    for (int i = 0; all[i]; i++)
        if (cli_is_first(all, i)) {
            cli_printf(t, " '%.*s:", (int)strcspn(all[i]->name, " "), all[i]->name);
            put_zsh_text(t, cli_two_words(all[i]) ? cli_group_name(all[i]->group) : all[i]->what);
            cli_printf(t, "'");
        }
    cli_printf(t, ")\n    if (( CURRENT == 2 )); then\n        _describe -t commands command first\n        return\n    fi\n"
                  "    case $words[2] in\n");
    for (int i = 0; all[i]; i++) {
        const int n = (int)strcspn(all[i]->name, " ");
        if (!cli_is_first(all, i))
            continue;
        cli_printf(t, "    (%.*s) second=(", n, all[i]->name);
        put_zsh_seconds(t, all, all[i]->name, (size_t)n);
        cli_printf(t, ") ;;\n");
    }
    cli_printf(t, "    esac\n    command=$words[2]\n    case \"$words[2] $words[3]\" in\n    (");
    for (int i = 0; all[i]; i++)
        if (cli_two_words(all[i])) {
            cli_printf(t, "%s'%s'", separator, all[i]->name);
            separator = "|";
        }
    cli_printf(t, ") command=\"$words[2] $words[3]\" ;;\n    esac\n    if (( CURRENT == 3 && $#second )); then\n"
                  "        _describe -t commands command second\n        [[ $command == *' '* ]] && return\n    fi\n"
                  "    shift words; (( CURRENT-- ))\n    if [[ $command == *' '* ]]; then shift words; (( CURRENT-- )); fi\n"
                  "    case $command in\n");
    for (int i = 0; all[i]; i++)
        put_zsh_command(t, all[i]);
    cli_printf(t, "    esac\n}\n[[ $funcstack[1] == _arcface ]] && _arcface \"$@\" || compdef _arcface arcface\n");
}

/* ---- fish ------------------------------------------------------------------------------------------------------------------ */

static void put_fish_text(cli_text *t, const char *text) {
    cli_printf(t, " -d '");
    put_quoted(t, text, "\\", "\\'");
    cli_printf(t, "'\n");
}

static void put_fish_value(cli_text *t, cli_kind kind, const char *words, const char *with) {
    if (words)
        cli_printf(t, " %s -a '%s'", with, words);
    else if (kind == CLI_IS_FOLDER)
        cli_printf(t, " %s -a '(__fish_complete_directories)'", with);
    else
        cli_printf(t, kind == CLI_IS_FILE ? " -F" : " -f");
}

static void put_fish_option(cli_text *t, const cli_command *command, const cli_option *o) {
    cli_printf(t, "complete -c arcface -n '__arcface_is %s'", command->name);
    if (o->letter)
        cli_printf(t, " -s %c", o->letter);
    cli_printf(t, " -l %s", o->name);
    if (o->arg) {
        cli_printf(t, " -r");
        put_fish_value(t, o->kind, o->words, "-f");
    }
    put_fish_text(t, o->help);
}

static void put_fish_name(cli_text *t, const cli_command *const *all, int index) {
    const cli_command *command = all[index];
    const int n = (int)strcspn(command->name, " ");
    if (cli_is_first(all, index)) {
        cli_printf(t, "complete -c arcface -n '__arcface_is' -a '%.*s'", n, command->name);
        put_fish_text(t, cli_two_words(command) ? cli_group_name(command->group) : command->what);
    }
    if (cli_two_words(command)) {
        cli_printf(t, "complete -c arcface -n '__arcface_is %.*s' -a '%s'", n, command->name, command->name + n + 1);
        put_fish_text(t, command->what);
    }
}

/* __arcface_is WORD...: whether the command line's command is these words; a first word alone only while no second one stands
 * there. */
static void put_fish(cli_text *t, const cli_command *const *all) {
    cli_printf(t,
               "# fish completion of arcface, written by \"arcface help --completion fish\"\n"
               "function __arcface_is\n    set -l words (commandline -opc)\n    set -e words[1]\n    set -l command $words[1]\n"
               "    contains -- \"$words[1] $words[2]\"");
    for (int i = 0; all[i]; i++)
        if (cli_two_words(all[i]))
            cli_printf(t, " '%s'", all[i]->name);
    cli_printf(
        t, "\n        and set command \"$words[1] $words[2]\"\n    test \"$command\" = \"$argv\"\nend\ncomplete -c arcface -f\n");
    for (int i = 0; all[i]; i++) {
        put_fish_name(t, all, i);
        for (const cli_option *const *o = cli_options_of(all[i]); *o; o++)
            put_fish_option(t, all[i], *o);
        if (!all[i]->max_args)
            continue;
        cli_printf(t, "complete -c arcface -n '__arcface_is %s'", all[i]->name);
        put_fish_value(t, all[i]->takes, all[i]->words, "-f");
        cli_printf(t, "\n");
    }
}

void cli_put_completion(cli_text *t, const cli_command *const *all, const char *shell) {
    if (strcmp(shell, "bash") == 0)
        cli_put_bash(t, all);
    else if (strcmp(shell, "zsh") == 0)
        put_zsh(t, all);
    else
        put_fish(t, all);
}
