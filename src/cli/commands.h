/* The list of all commands. Commands do not see it but as their cli's `all`, because it stands above them. */
#ifndef ARCFACE_CLI_COMMANDS_H
#define ARCFACE_CLI_COMMANDS_H

#include "ui/table.h"

extern const cli_command *const cli_commands[]; /* by group; NULL ends it */

#endif
