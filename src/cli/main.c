/* The arcface command: finds the command, reads its options, runs it, and makes sure that what it printed has arrived. */
#include "ui/cli.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const cli_command *const commands[] = {
    &cli_detect,         &cli_align,          &cli_embed,         &cli_verify,        &cli_eval_lfw,    &cli_eval_pairs,
    &cli_eval_bin,       &cli_eval_folder,    &cli_eval_identify, &cli_eval_megaface, &cli_eval_ytf,    &cli_eval_ijb,
    &cli_calibrate,      &cli_eval_compare,   &cli_model_info,    &cli_model_new,     &cli_convert,     &cli_bench,
    &cli_bench_pipeline, &cli_bench_roofline, &cli_pull,          &cli_version,       &cli_demo,        &cli_train,
    &cli_plot,           &cli_data_clean,     &cli_data_audit,    &cli_data_synth,    &cli_data_pack,   &cli_data_unpack,
    &cli_data_merge,     &cli_data_split,     &cli_data_dedup,    &cli_data_info,     &cli_data_verify, &cli_data_repair,
    &cli_data_make_bin,  &cli_bench_data,     &cli_quantize,
};

const cli_command *cli_find(const char *name) {
    for (int i = 0; i < CLI_COUNT(commands); i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

const char *cli_nearest_command(const char *word) {
    const char *nearest = NULL;
    int distance = 3;
    for (int i = 0; i < CLI_COUNT(commands); i++) {
        int d = cli_edit_distance(word, commands[i]->name);
        if (d < distance) {
            distance = d;
            nearest = commands[i]->name;
        }
    }
    return nearest;
}

void cli_print_overview(void) {
    printf("arcface: face recognition, from photographs to verified identities\n\nCommands:\n");
    for (int i = 0; i < CLI_COUNT(commands); i++)
        printf("  %-16s %s\n", commands[i]->name, commands[i]->what);
    printf("\n\"arcface COMMAND --help\" shows a command's options and an example.\n"
           "Exit status: 0 yes or done, 1 no match, 2 usage, 3 bad input, 4 failure.\n");
}

/* A command's name is one word, or two: "eval lfw". */
static const cli_command *choose(int argc, char **argv, int *words) {
    char two[64];
    if (argc > 2) {
        snprintf(two, sizeof two, "%s %s", argv[1], argv[2]);
        const cli_command *command = cli_find(two);
        *words = 2;
        if (command)
            return command;
    }
    *words = 1;
    return cli_find(argv[1]);
}

/* "eval lfw" or "eval bin" for "eval"; false when no command starts with the word. */
static bool second_words(const char *word, char *out, size_t bytes) {
    size_t n = strlen(word);
    *out = '\0';
    for (int i = 0; i < CLI_COUNT(commands); i++)
        if (strncmp(commands[i]->name, word, n) == 0 && commands[i]->name[n] == ' ') {
            size_t at = strlen(out);
            snprintf(out + at, bytes - at, "%s\"%s\"", at ? " or " : "", commands[i]->name);
        }
    return *out != '\0';
}

static int unknown(int argc, char **argv) {
    char words[256];
    const char *nearest = NULL;
    if (argc > 2 && argv[2][0] != '-') {
        snprintf(words, sizeof words, "%.60s %.60s", argv[1], argv[2]);
        nearest = cli_nearest_command(words);
    }
    if (!nearest && second_words(argv[1], words, sizeof words))
        return cli_usage(NULL, "%s needs a second word: %s", argv[1], words);
    if (!nearest)
        nearest = cli_nearest_command(argv[1]);
    if (nearest)
        return cli_usage(NULL, "unknown command \"%s\", did you mean \"%s\"?", argv[1], nearest);
    return cli_usage(NULL, "unknown command \"%s\"", argv[1]);
}

static int help(int argc, char **argv) {
    int words;
    if (argc < 2) {
        cli_print_overview();
        return CLI_OK;
    }
    const cli_command *command = choose(argc, argv, &words);
    if (!command)
        return unknown(argc, argv);
    cli_print_help(command);
    return CLI_OK;
}

static int run(int argc, char **argv) {
    cli c = {0};
    int words;
    if (argc < 2) {
        cli_print_overview();
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "help") == 0)
        return help(argc - 1, argv + 1);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return help(1, argv);
    if (strcmp(argv[1], "--version") == 0)
        argv[1] = "version";
    const cli_command *command = choose(argc, argv, &words);
    if (!command)
        return argv[1][0] == '-' ? cli_usage(NULL, "\"%s\" stands where a command should", argv[1]) : unknown(argc, argv);
    bool wants_help = false;
    if (!cli_parse(&c, command, argc - words, argv + words, &wants_help))
        return CLI_USAGE;
    if (wants_help) {
        cli_print_help(command);
        return CLI_OK;
    }
    int code = cli_open(&c);
    if (code == CLI_OK)
        code = command->run(&c);
    arc_context_close(&c.ctx);
    return code;
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
