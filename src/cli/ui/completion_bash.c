/* Completion for bash: one function that needs no other package. */
#include "ui/help.h"
#include <string.h>

static const char head[] = "# bash completion of arcface, written by \"arcface help --completion bash\"\n"
                           "_arcface() {\n"
                           "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]-}\n"
                           "    local command=${COMP_WORDS[1]-} second= options= words= kind=\n"
                           "    COMPREPLY=()\n"
                           "    case \"${COMP_WORDS[1]-} ${COMP_WORDS[2]-}\" in\n";

static const char tail[] = "    esac\n"
                           "    if [ \"$COMP_CWORD\" -le 1 ]; then\n"
                           "        words=$first kind=words\n"
                           "    elif [ -z \"$value\" ] && [[ $cur == -* ]]; then\n"
                           "        words=$options kind=words\n"
                           "    elif [ -z \"$value\" ] && [ \"$COMP_CWORD\" -eq 2 ] && [ -n \"$second\" ]; then\n"
                           "        mapfile -t COMPREPLY < <(compgen -W \"$second\" -- \"$cur\")\n"
                           "        [[ $command != *' '* ]] || kind=\n"
                           "    fi\n"
                           "    case $kind in\n"
                           "    words) mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -W \"$words\" -- \"$cur\") ;;\n"
                           "    folder | file)\n"
                           "        compopt -o filenames 2>/dev/null\n"
                           "        [ \"$kind\" = folder ] && words=-d || words=-f\n"
                           "        mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen $words -- \"$cur\")\n"
                           "        ;;\n"
                           "    esac\n"
                           "}\n"
                           "complete -F _arcface arcface\n";

/* The kinds of value that the function's end knows. */
static void put_kind(cli_text *t, cli_kind kind, const char *words) {
    if (words)
        cli_printf(t, "words=\"%s\" kind=words", words);
    else
        cli_printf(t, "kind=%s", kind == CLI_IS_FOLDER ? "folder" : kind == CLI_IS_FILE ? "file" : "none");
}

static void put_command(cli_text *t, const cli_command *command) {
    cli_printf(t, "    \"%s\")\n        options=\"", command->name);
    for (const cli_option *const *o = cli_options_of(command); *o; o++) {
        if ((*o)->letter)
            cli_printf(t, "-%c ", (*o)->letter);
        cli_printf(t, "--%s%s", (*o)->name, o[1] ? " " : "\"\n        ");
    }
    put_kind(t, command->max_args ? command->takes : CLI_IS_TEXT, command->words);
    cli_printf(t, "\n        case $prev in\n");
    for (const cli_option *const *o = cli_options_of(command); *o; o++) {
        if (!(*o)->arg)
            continue;
        cli_printf(t, "        ");
        if ((*o)->letter)
            cli_printf(t, "-%c | ", (*o)->letter);
        cli_printf(t, "--%s) value=1 words= ", (*o)->name);
        put_kind(t, (*o)->kind, (*o)->words);
        cli_printf(t, " ;;\n");
    }
    cli_printf(t, "        esac\n        ;;\n");
}

/* $first: the first words; $second: those that go on behind the first that stands there. */
void cli_put_bash(cli_text *t, const cli_command *const *all) {
    cli_printf(t, "%s", head);
    for (int i = 0, n = 0; all[i]; i++)
        if (cli_two_words(all[i]))
            cli_printf(t, "%s\"%s\"", n++ ? " | " : "    ", all[i]->name);
    cli_printf(t, ") command=\"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" ;;\n    esac\n    local value= first=\"");
    for (int i = 0; all[i]; i++)
        if (cli_is_first(all, i))
            cli_printf(t, "%.*s ", (int)strcspn(all[i]->name, " "), all[i]->name);
    cli_printf(t, "--help --version\"\n    case ${COMP_WORDS[1]-} in\n");
    for (int i = 0; all[i]; i++) {
        const size_t n = strcspn(all[i]->name, " ");
        const char *separator = "";
        if (!cli_is_first(all, i))
            continue;
        cli_printf(t, "    %.*s) second=\"", (int)n, all[i]->name);
        for (int k = 0; all[k]; k++)
            if (strncmp(all[k]->name, all[i]->name, n) == 0 && all[k]->name[n] == ' ') {
                cli_printf(t, "%s%s", separator, all[k]->name + n + 1);
                separator = " ";
            }
        cli_printf(t, "\" ;;\n");
    }
    cli_printf(t, "    esac\n    case $command in\n");
    for (int i = 0; all[i]; i++)
        put_command(t, all[i]);
    cli_printf(t, "%s", tail);
}
