/* The arcface command: finds the command, reads its options, runs it, and makes sure that what it printed has arrived. */
#include "commands.h"
#include "ui/help.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* A command's name is one word, or two: "eval lfw". */
static const cli_command *choose(int count, char **word, int *words) {
    char two[64];
    if (count > 1) {
        snprintf(two, sizeof two, "%s %s", word[0], word[1]);
        const cli_command *command = cli_find(cli_commands, two);
        *words = 2;
        if (command)
            return command;
    }
    *words = 1;
    return cli_find(cli_commands, word[0]);
}

static int run_command(const cli_command *command, int argc, char **argv) {
    cli c = {.all = cli_commands};
    cli_text t = {0};
    bool wants_help = false;
    if (!cli_parse(&c, command, argc, argv, &wants_help))
        return CLI_USAGE;
    if (wants_help) {
        cli_put_help(&t, command);
        return cli_text_print(&t);
    }
    int code = command->uses & CLI_USES_NOTHING ? CLI_OK : cli_open(&c);
    if (code == CLI_OK)
        code = command->run(&c);
    arc_context_close(&c.ctx);
    return code;
}

static int run(int argc, char **argv) {
    cli_text t = {0};
    int words;
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        cli_put_overview(&t, cli_commands);
        cli_text_print(&t);
        return argc < 2 ? CLI_USAGE : CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0)
        argv[1] = "version";
    const cli_command *command = choose(argc - 1, argv + 1, &words);
    if (!command)
        return argv[1][0] == '-' ? cli_usage(NULL, "\"%s\" stands where a command should", argv[1])
                                 : cli_unknown(cli_commands, argc - 1, argv + 1);
    return run_command(command, argc - words, argv + words);
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is a failed write, reported below */
    int code = run(argc, argv);
    errno = 0;
    bool bad = ferror(stdout) != 0;
    if (fflush(stdout) != 0 || bad) {
        fprintf(stderr, "arcface: cannot write to standard output%s%s\n", errno ? ": " : "", errno ? strerror(errno) : "");
        return CLI_FAILURE;
    }
    return code;
}
