/* A file of options: what stands in it holds unless the command line says otherwise. */
#ifndef ARCFACE_CLI_SERVER_CONFIG_H
#define ARCFACE_CLI_SERVER_CONFIG_H

#include "ui/cli.h"

typedef struct cli_config {
    char **text; /* [count] what values of options point to */
    int count;
} cli_config;

/* Reads "NAME = VALUE" lines, or "NAME" for a flag; "#" begins a comment. An exit status. */
int cli_config_read(cli *c, const char *path, cli_config *out);
void cli_config_free(cli_config *config); /* after the last use of the options; a zeroed one too */

#endif
