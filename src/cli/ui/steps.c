/* The line of a run of many steps, which a user may end: drawn in place on a terminal, else a line now and then. */
#include "ui/cli.h"
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static volatile sig_atomic_t stop_wanted; /* the first Ctrl-C ends after the run's state is saved, the second at once */

static void on_interrupt(int number) {
    stop_wanted = 1;
    signal(number, SIG_DFL);
}

void cli_steps_start(cli_steps *s, const cli *c) {
    *s = (cli_steps){.c = c, .live = isatty(STDERR_FILENO)};
    signal(SIGINT, on_interrupt);
    signal(SIGTERM, on_interrupt);
}

int cli_steps_stop_wanted(void) {
    return stop_wanted;
}

bool cli_steps_due(cli_steps *s, bool last) {
    const double now = cli_seconds();
    if (s->c->quiet || (now < s->next && !last))
        return false;
    s->next = now + (s->live ? 0.2 : 10);
    return true;
}

void cli_steps_clear(cli_steps *s) {
    if (s->drawn)
        fputs("\r\x1b[K", stderr);
    s->drawn = false;
}

void cli_steps_draw(cli_steps *s, const char *line, bool last) {
    const bool stays = last || !s->live;
    cli_steps_clear(s);
    fprintf(stderr, "%s%s", line, stays ? "\n" : "");
    s->drawn = !stays;
    fflush(stderr);
}

void cli_steps_say(cli_steps *s, const char *line) {
    if (s->c->quiet)
        return;
    cli_steps_clear(s);
    fprintf(stderr, "%s\n", line);
}
