/* What is made of the tables for people and shells. `all`: the list of all commands, NULL ends it. */
#ifndef ARCFACE_CLI_HELP_H
#define ARCFACE_CLI_HELP_H

#include "ui/cli.h"

/* help.c */
void cli_put_overview(cli_text *t, const cli_command *const *all);
void cli_put_help(cli_text *t, const cli_command *command);
void cli_option_text(const cli_option *o, char *out, size_t bytes); /* its help with range and default */
void cli_exit_text(const cli_command *command, char *out, size_t bytes);

/* man.c: the page of a command, NULL: of arcface. */
void cli_put_man(cli_text *t, const cli_command *const *all, const cli_command *command);
void cli_man_name(const cli_command *command, char *out, size_t bytes); /* "arcface-eval-lfw" */

/* completion.c, completion_bash.c: "bash", "zsh" or "fish". */
void cli_put_completion(cli_text *t, const cli_command *const *all, const char *shell);
void cli_put_bash(cli_text *t, const cli_command *const *all);

#endif
