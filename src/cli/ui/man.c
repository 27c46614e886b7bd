/* Manual pages in man(7)'s language: one for arcface as a whole, one for each command. */
#include "ui/help.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Text as roff takes it: hyphens that can be copied, no line that begins like a request. */
static void put_roff(cli_text *t, const char *text) {
    if (*text == '.' || *text == '\'')
        cli_printf(t, "\\&");
    for (; *text; text++)
        if (*text == '-')
            cli_printf(t, "\\-");
        else if (*text == '\\')
            cli_printf(t, "\\e");
        else
            cli_put(t, text, 1);
}

/* A paragraph: a line ends with its sentence, or before column 100. */
static void put_paragraph(cli_text *t, const char *text) {
    char line[1024];
    while (*text) {
        size_t end = 0;
        for (size_t i = 1;; i++) {
            if (text[i] && text[i] != ' ')
                continue;
            if (end && i > 100)
                break;
            end = i;
            if (!text[i] || text[i - 1] == '.')
                break;
        }
        snprintf(line, sizeof line, "%.*s", (int)end, text);
        put_roff(t, line);
        cli_printf(t, "\n");
        text += end + strspn(text + end, " ");
    }
}

void cli_man_name(const cli_command *command, char *out, size_t bytes) {
    snprintf(out, bytes, command ? "arcface-%s" : "arcface", command ? command->name : "");
    for (char *at = out; *at; at++)
        if (*at == ' ')
            *at = '-';
}

static void put_title(cli_text *t, const cli_command *command, const char *what) {
    char name[64], upper[64];
    size_t i = 0;
    cli_man_name(command, name, sizeof name);
    for (; name[i]; i++)
        upper[i] = (char)toupper((unsigned char)name[i]);
    upper[i] = '\0';
    cli_printf(t, ".TH ");
    put_roff(t, upper);
    cli_printf(t, " 1 \"\" \"arcface %s\" \"User Commands\"\n.SH NAME\n", arc_version());
    put_roff(t, name);
    cli_printf(t, " \\- ");
    put_roff(t, what);
    cli_printf(t, "\n.SH SYNOPSIS\n");
}

static void put_option(cli_text *t, const cli_option *o) {
    char help[1024];
    cli_printf(t, ".TP\n");
    if (o->letter)
        cli_printf(t, "\\fB\\-%c\\fR, ", o->letter);
    cli_printf(t, "\\fB\\-\\-");
    put_roff(t, o->name);
    cli_printf(t, "\\fR");
    if (o->arg) {
        cli_printf(t, " \\fI");
        put_roff(t, o->arg);
        cli_printf(t, "\\fR");
    }
    cli_printf(t, "\n");
    cli_option_text(o, help, sizeof help);
    put_paragraph(t, help);
}

static void put_options(cli_text *t, const cli_option *const *o) {
    for (; *o; o++)
        put_option(t, *o);
}

static void put_exits(cli_text *t, const char *no) {
    cli_printf(t, ".SH EXIT STATUS\n.TP\n.B 0\n%s\n", no ? "Yes, or done." : "Done.");
    if (no) {
        cli_printf(t, ".TP\n.B 1\n");
        put_roff(t, no);
        cli_printf(t, ".\n");
    }
    cli_printf(t, ".TP\n.B 2\nUsage: an unknown command or option, a value out of range.\n"
                  ".TP\n.B 3\nBad input: a file that is missing, damaged or of another kind, a photo without a face.\n"
                  ".TP\n.B 4\nFailure: no memory, no network, results that could not be written.\n");
}

static void put_command(cli_text *t, const cli_command *command) {
    put_title(t, command, command->what);
    cli_printf(t, ".B arcface %s\n", command->name);
    if (*command->args) {
        cli_printf(t, ".I ");
        put_roff(t, command->args);
        cli_printf(t, "\n");
    }
    cli_printf(t, "[\\fIOPTION\\fR...]\n.SH DESCRIPTION\n");
    put_paragraph(t, command->about ? command->about : command->what);
    cli_printf(t, ".SH OPTIONS\n");
    put_options(t, cli_options_of(command));
    put_exits(t, command->no);
    cli_printf(t, ".SH EXAMPLES\n.EX\n");
    put_roff(t, command->example);
    cli_printf(t, "\n.EE\n.SH SEE ALSO\n.BR arcface (1)\n");
}

static void put_commands(cli_text *t, const cli_command *const *all) {
    for (int i = 0; all[i]; i++) {
        const cli_command *command = all[i];
        if (i == 0 || command->group != all[i - 1]->group)
            cli_printf(t, ".SS %s\n", cli_group_name(command->group));
        cli_printf(t, ".TP\n\\fB");
        put_roff(t, command->name);
        cli_printf(t, "\\fR \\fI");
        put_roff(t, command->args);
        cli_printf(t, "\\fR\n");
        put_paragraph(t, command->what);
    }
}

/* What holds for all commands and fits no table. */
static const char notes[] =
    ".SH PRECISION AND PLANS\n"
    "Results have the same bits for any number of threads.\n"
    "With \\fB\\-\\-precision bf16\\fR convolutions multiply in bfloat16 where the processor is fast at it (AVX\\-512 BF16).\n"
    "With \\fBfp16\\fR weights are kept in half precision and multiplied in fp32, which is faster image by image in large\n"
    "networks and takes less memory.\n"
    ".PP\n"
    "\\fB\\-\\-tune\\fR measures the algorithms of each network and input shape that has no measured plan yet (a second or two)\n"
    "and keeps the fastest in the cache folder, where all later runs on this machine find them, with or without the option,\n"
    "for any number of threads.\n"
    "Remove the folder \\fIplans\\fR there to measure anew.\n"
    "A plan's id (shown by \\fBbench\\fR, \\fBembed\\fR and \\fBeval\\fR) names its algorithms: the same id, the same bits.\n";
static const char environment[] = ".SH ENVIRONMENT\n"
                                  ".TP\n.BR ARCFACE_MODEL \", \" ARCFACE_DETECTOR\nDefault models.\n"
                                  ".TP\n.B ARCFACE_CACHE\nWhere pulled packs and measured plans lie (default: "
                                  "$XDG_CACHE_HOME/arcface, else ~/.cache/arcface).\n"
                                  ".TP\n.B ARCFACE_ISA\nHighest instruction set, where \\-\\-isa is not given.\n"
                                  ".TP\n.B ARCFACE_RECIPES\nFolder of recipes that are looked for first by name.\n"
                                  ".TP\n.B ARCFACE_DATA\nModels and photos of the demo and the tests.\n";

static void put_overview(cli_text *t, const cli_command *const *all) {
    static const char *const examples[] = {"pull", "detect", "verify", "embed", "eval lfw", "model new", "train"};
    put_title(t, NULL, "face recognition, from photographs to verified identities");
    cli_printf(t,
               ".B arcface\n.I COMMAND\n[\\fIARGUMENT\\fR...] [\\fIOPTION\\fR...]\n.br\n.B arcface\n.I COMMAND\n.B \\-\\-help\n"
               ".SH DESCRIPTION\n.B arcface\nfinds faces in photographs, turns each to a standard template, computes its "
               "embedding with an ArcFace network,\nand compares embeddings.\nIt trains and evaluates such networks, and "
               "runs them in its own engine on the CPU.\n.PP\nEach command has a page of its own:\n"
               ".BR arcface\\-detect (1),\n.BR arcface\\-eval\\-lfw (1)\nand so on.\n.SH COMMANDS\n");
    put_commands(t, all);
    cli_printf(t, ".SH OPTIONS OF SEVERAL COMMANDS\n");
    put_options(t, cli_common_options());
    cli_printf(t, "%s", notes);
    put_exits(t, "No match; or something was declined or refused");
    cli_printf(t, "%s.SH EXAMPLES\n.EX\n", environment);
    for (int i = 0; i < CLI_COUNT(examples); i++) {
        put_roff(t, cli_find(all, examples[i])->example);
        cli_printf(t, "\n");
    }
    cli_printf(t, ".EE\n");
}

void cli_put_man(cli_text *t, const cli_command *const *all, const cli_command *command) {
    if (command)
        put_command(t, command);
    else
        put_overview(t, all);
}
