/* Finding a command in the list of all, and the sentence for one that is not there. */
#include "ui/help.h"
#include <stdio.h>
#include <string.h>

const char *cli_group_name(cli_group group) {
    static const char *const names[CLI_GROUPS] = {"Faces",     "Galleries",  "Service", "Models", "Training",
                                                  "Data sets", "Evaluation", "Speed",   "General"};
    return names[group];
}

const cli_command *cli_find(const cli_command *const *all, const char *name) {
    for (int i = 0; all[i]; i++)
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    return NULL;
}

static const char *nearest_command(const cli_command *const *all, const char *word) {
    const char *nearest = NULL;
    for (int i = 0; all[i]; i++)
        nearest = arc_nearer_word(word, all[i]->name, CLI_NEAR_LETTERS, nearest);
    return nearest;
}

bool cli_two_words(const cli_command *command) {
    return strchr(command->name, ' ') != NULL;
}

bool cli_is_first(const cli_command *const *all, int index) {
    const char *name = all[index]->name;
    const size_t n = strcspn(name, " ");
    for (int i = 0; i < index; i++)
        if (strncmp(all[i]->name, name, n) == 0 && strcspn(all[i]->name, " ") == n)
            return false;
    return true;
}

/* "eval lfw" or "eval bin" for "eval"; false when no command starts with the word. */
static bool second_words(const cli_command *const *all, const char *word, char *out, size_t bytes) {
    size_t n = strlen(word);
    *out = '\0';
    for (int i = 0; all[i]; i++)
        if (strncmp(all[i]->name, word, n) == 0 && all[i]->name[n] == ' ') {
            size_t at = strlen(out);
            snprintf(out + at, bytes - at, "%s\"%s\"", at ? " or " : "", all[i]->name);
        }
    return *out != '\0';
}

int cli_unknown(const cli_command *const *all, int count, char **word) {
    char words[256];
    const char *nearest = NULL;
    if (count > 1 && word[1][0] != '-') {
        snprintf(words, sizeof words, "%.60s %.60s", word[0], word[1]);
        nearest = nearest_command(all, words);
    }
    if (!nearest && second_words(all, word[0], words, sizeof words))
        return cli_usage(NULL, "%s needs a second word: %s", word[0], words);
    if (!nearest)
        nearest = nearest_command(all, word[0]);
    if (nearest)
        return cli_usage(NULL, "unknown command \"%s\", did you mean \"%s\"?", word[0], nearest);
    return cli_usage(NULL, "unknown command \"%s\"", word[0]);
}
