/* A progress bar on stderr: only on a terminal, at most ten times a second, and gone when the work is done. */
#include "ui/cli.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

double cli_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void cli_progress_start(cli_progress *p, const cli *c, const char *what) {
    *p = (cli_progress){.what = what, .on = !c->quiet && isatty(STDERR_FILENO), .started_ms = now_ms(), .first_done = -1};
}

int cli_progress_tick(void *progress, int64_t done, int64_t total) {
    cli_progress *p = progress;
    int64_t now = now_ms();
    if (p->first_done < 0)
        p->first_done = done;
    if (!p->on || (now - p->drawn_ms < 100 && (done < total || total < 0)))
        return 0;
    p->drawn_ms = now;
    char bar[31];
    int full = total > 0 ? (int)(30 * done / total) : 0;
    for (int i = 0; i < 30; i++)
        bar[i] = i < full ? '#' : '.';
    bar[30] = '\0';
    double seconds = (double)(now - p->started_ms) / 1000.0;
    double rate = seconds > 0.2 ? (double)(done - (p->bytes ? p->first_done : 0)) / seconds : 0;
    double unit = p->bytes ? 1e6 : 1;
    if (total < 0) /* nobody knows */
        fprintf(stderr, "\r%s %.0f%s", p->what, (double)done / unit, p->bytes ? " MB" : "");
    else
        fprintf(stderr, "\r%s [%s] %.0f/%.0f%s", p->what, bar, (double)done / unit, (double)total / unit, p->bytes ? " MB" : "");
    if (rate > 0 && total > 0)
        fprintf(stderr, "  %.1f%s/s  %.0f s left ", rate / unit, p->bytes ? " MB" : "", (double)(total - done) / rate);
    fputs("\x1b[K", stderr);
    fflush(stderr);
    return 0;
}

int cli_progress_tick_int(void *progress, int done, int total) {
    return cli_progress_tick(progress, done, total);
}

int cli_progress_stage(void *progress, const char *stage, int64_t done, int64_t total) {
    cli_progress *p = progress;
    if (strcmp(p->what, stage) != 0) { /* its rate begins anew */
        p->what = stage;
        p->started_ms = now_ms();
        p->first_done = -1;
    }
    return cli_progress_tick(p, done, total);
}

void cli_progress_end(cli_progress *p) {
    if (p->on && p->drawn_ms)
        fputs("\r\x1b[K", stderr);
    p->on = false;
}
