/* Sentences on stderr and the exit statuses that belong to them. */
#include "ui/cli.h"
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static void say(const char *kind, const char *fmt, va_list args) {
    fprintf(stderr, "arcface: %s", kind);
    vfprintf(stderr, fmt, args);
}

int cli_usage(const cli *c, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    say("", fmt, args);
    va_end(args);
    if (c && c->command)
        fprintf(stderr, "; see \"arcface %s --help\"\n", c->command->name);
    else
        fputs("; see \"arcface --help\"\n", stderr);
    return CLI_USAGE;
}

int cli_bad_input(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    say("", fmt, args);
    va_end(args);
    fputc('\n', stderr);
    return CLI_BAD_INPUT;
}

void cli_warn(const cli *c, const char *fmt, ...) {
    if (c->quiet)
        return;
    if (isatty(STDERR_FILENO))
        fputs("\r\x1b[K", stderr); /* where a progress bar may stand */
    va_list args;
    va_start(args, fmt);
    say("warning: ", fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

int cli_fail(const arc_error *err) {
    fprintf(stderr, "arcface: %s\n", err->text[0] ? err->text : arc_status_text(err->code));
    switch (err->code) {
    case ARC_ENOMEM:
    case ARC_EMISSING:
    case ARC_ENETWORK:
    case ARC_ECANCEL:
        return CLI_FAILURE;
    default:
        return CLI_BAD_INPUT;
    }
}

int cli_fail_photo(const arc_error *err) {
    if (isatty(STDERR_FILENO))
        fputs("\r\x1b[K", stderr); /* where a progress bar may stand */
    const int code = cli_fail(err);
    return err->code == ARC_ENETWORK ? CLI_BAD_INPUT : code;
}

int cli_fail_write(const arc_error *err) {
    cli_fail(err);
    return err->code == ARC_EINVAL ? CLI_USAGE : CLI_FAILURE;
}
