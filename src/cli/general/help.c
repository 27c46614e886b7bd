/* arcface help: the overview, a command's help, and what an installation makes of the same tables: manual pages and
 * completion. */
#include "ui/help.h"
#include <stdio.h>
#include <string.h>

static int write_page(cli *c, const char *folder, const cli_command *command) {
    char path[CLI_PATH_BYTES], name[64];
    cli_text t = {0};
    cli_man_name(command, name, sizeof name);
    snprintf(path, sizeof path, "%s/%s.1", folder, name);
    cli_put_man(&t, c->all, command);
    return cli_text_write(c, &t, path);
}

static int write_pages(cli *c, const char *folder) {
    int code = cli_make_folder(folder);
    if (code == CLI_OK)
        code = cli_open(c);
    if (code == CLI_OK)
        code = write_page(c, folder, NULL);
    for (int i = 0; code == CLI_OK && c->all[i]; i++)
        code = write_page(c, folder, c->all[i]);
    return code;
}

static int run(cli *c) {
    const char *shell = cli_value(c, "completion"), *folder = cli_value(c, "man");
    char name[128] = "";
    cli_text t = {0};
    if (folder)
        return write_pages(c, folder);
    if (c->arg_count)
        snprintf(name, sizeof name, "%.60s%s%.60s", c->args[0], c->arg_count > 1 ? " " : "", c->arg_count > 1 ? c->args[1] : "");
    const cli_command *command = cli_find(c->all, name);
    if (!command && *name)
        return cli_unknown(c->all, c->arg_count, c->args);
    if (shell)
        cli_put_completion(&t, c->all, shell);
    else if (command)
        cli_put_help(&t, command);
    else
        cli_put_overview(&t, c->all);
    return cli_text_print(&t);
}

static const cli_option options[] = {
    CLI_WORD("completion", 0, "SHELL", "bash zsh fish", NULL, "print the completion of bash, zsh or fish"),
    CLI_FOLDER("man", 0, "FOLDER", NULL, "write the manual pages into a folder"),
    {0},
};

const cli_command cli_help = {
    .group = CLI_GROUP_GENERAL,
    .name = "help",
    .args = "[COMMAND]",
    .max_args = 2,
    .what = "what commands there are, or what one of them does",
    .about = "Without a COMMAND all of them, with one its options. Manual pages and shell completion come from the same tables.",
    .example = "arcface help eval lfw",
    .uses = CLI_USES_NOTHING,
    .options = options,
    .run = run,
};
