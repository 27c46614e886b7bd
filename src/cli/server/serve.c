/* arcface serve: faces and a gallery over HTTP, until a signal ends it: SIGTERM and SIGINT answer what was begun first, SIGHUP
 * loads the models anew. */
#include "gallery/open.h"
#include "server/config.h"
#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static sem_t awake; /* posted by each signal */
static volatile sig_atomic_t stop_wanted, reload_wanted;

static void on_signal(int number) {
    const int before = errno;
    if (number == SIGHUP)
        reload_wanted = 1;
    else
        stop_wanted = 1;
    sem_post(&awake);
    errno = before;
}

static void listen_to_signals(void) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sem_init(&awake, 0, 0);
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

static void log_line(void *ctx, const char *json) {
    (void)ctx;
    fprintf(stderr, "%s\n", json);
}

/* ---- options ---- */

typedef struct serving {
    arc_server_options server;
    arc_gallery_options gallery;
    arc_model_options model, detector;
} serving;

static int fill(const cli *c, serving *s) {
    arc_server_options *o = &s->server;
    arc_server_options_default(o);
    arc_gallery_options_default(&s->gallery);
    gallery_fill(c, GALLERY_MAKE, &s->gallery);
    cli_model_options(c, ARC_TASK_EMBED, &s->model);
    cli_model_options(c, ARC_TASK_DETECT, &s->detector);
    o->model_options = &s->model;
    o->detector_options = &s->detector;
    o->gallery_options = &s->gallery;
    o->gallery = gallery_location(c);
    o->model = cli_model_name(c, ARC_TASK_EMBED);
    o->detector = o->model ? cli_model_name(c, ARC_TASK_DETECT) : NULL;
    if (cli_given(c, "listen"))
        o->listen = cli_value(c, "listen");
    o->certificate = cli_value(c, "tls-cert");
    o->certificate_key = cli_value(c, "tls-key");
    o->insecure = cli_given(c, "insecure");
    cli_long(c, "max-body", &o->max_body_bytes);
    cli_long(c, "max-archive", &o->max_archive_bytes);
    cli_long(c, "max-pixels", &o->max_pixels);
    cli_int(c, "max-faces", &o->max_faces);
    cli_int(c, "queue", &o->queue);
    cli_int(c, "workers", &o->workers);
    cli_int(c, "connections", &o->connections);
    cli_float(c, "timeout", &o->timeout_s);
    cli_int(c, "batch", &o->batch);
    double wait_ms = o->batch_wait_s * 1e3;
    cli_float(c, "batch-wait", &wait_ms);
    o->batch_wait_s = wait_ms * 1e-3;
    o->log = c->quiet ? NULL : log_line;
    return o->detector ? CLI_OK : CLI_BAD_INPUT;
}

/* ---- running ---- */

static void wait_for_signals(arc_server *server, const cli *c) {
    arc_error err;
    while (!stop_wanted) {
        if (sem_wait(&awake) != 0)
            continue;
        if (!reload_wanted)
            continue;
        reload_wanted = 0;
        if (arc_server_reload(server, &err) != ARC_OK)
            cli_warn(c, "the old models stay: %s", err.text);
    }
}

static int serve(cli *c, const serving *s) {
    arc_server *server = NULL;
    arc_error err = {0};
    double drain_s = 30;
    cli_float(c, "drain", &drain_s);
    if (arc_server_start(c->ctx, &s->server, &server, &err) != ARC_OK)
        return err.code == ARC_EINVAL ? cli_usage(c, "%s", err.text) : cli_fail(&err);
    printf("listening at %s\n", arc_server_url(server));
    fflush(stdout);
    wait_for_signals(server, c);
    const arc_status drained = arc_server_drain(server, drain_s, &err);
    if (drained != ARC_OK)
        cli_warn(c, "%s", err.text);
    arc_server_stop(&server);
    return CLI_OK;
}

/* Options of the context may stand in the file, so it is opened again. */
static int configure(cli *c, cli_config *config) {
    if (!cli_given(c, "config"))
        return CLI_OK;
    const int code = cli_config_read(c, cli_value(c, "config"), config);
    if (code != CLI_OK)
        return code;
    c->quiet = cli_given(c, "quiet");
    arc_context_close(&c->ctx);
    return cli_open(c);
}

static int run(cli *c) {
    cli_config config = {.text = NULL};
    serving s;
    listen_to_signals();
    int code = configure(c, &config);
    if (code == CLI_OK)
        code = fill(c, &s);
    if (code == CLI_OK)
        code = serve(c, &s);
    arc_context_close(&c->ctx);
    cli_config_free(&config);
    return code;
}

static const cli_option options[] = {
    GALLERY_OPTIONS,
    CLI_TEXT("listen", 'l', "ADDRESS", "127.0.0.1:8080",
             "[::1]:8080, or :8080 for every address of the machine; port 0: a free one"),
    CLI_FILE("tls-cert", 0, "FILE", NULL, "certificate in PEM, for https"),
    CLI_FILE("tls-key", 0, "FILE", NULL, "its key"),
    CLI_FLAG("insecure", 0, "listen elsewhere than on this machine without keys and TLS"),
    CLI_FILE("config", 0, "FILE", NULL, "options from a file: NAME = VALUE, one a line; those given here count more"),
    CLI_WHOLE("max-body", 0, "N", 1, 1099511627776, "10485760", "bytes of a request"),
    CLI_WHOLE("max-archive", 0, "N", 1, 1099511627776, "268435456", "bytes of an archive of photos for a job, in memory"),
    CLI_WHOLE("max-pixels", 0, "N", 1, 4000000000, "50000000", "of a photo"),
    CLI_WHOLE("max-faces", 0, "N", 1, 10000, "100", "of a photo: the best ones are taken"),
    CLI_WHOLE("queue", 0, "N", 1, 100000, "128", "requests that wait; more are told to come back later"),
    CLI_WHOLE("workers", 0, "N", 1, 1024, "8 for each thread", "requests that are worked on at a time"),
    CLI_WHOLE("connections", 0, "N", 1, 100000, "1000", "clients at a time"),
    CLI_REAL("timeout", 0, "S", 0.001, 86400, "30", "seconds for a request to arrive and to be answered"),
    CLI_WHOLE("batch", 0, "N", 1, 64, "32", "most photos that are worked on together"),
    CLI_REAL("batch-wait", 0, "MS", 0, 1000, "2", "milliseconds that a photo waits at most for others that are about to come"),
    CLI_REAL("drain", 0, "S", 0, 86400, "30", "seconds that requests under way get when the server is told to end"),
    {0},
};

const cli_command cli_serve = {
    .group = CLI_GROUP_SERVICE,
    .name = "serve",
    .args = "",
    .max_args = 0,
    .what = "faces, verification and a gallery over HTTP, for programs in any language",
    .about =
        "Requests and answers are described at /openapi.json; docs/SERVICE.md shows them. Without a gallery faces are found, "
        "embedded and compared; with one people are enrolled and identified. SIGTERM answers what was begun and ends, SIGHUP "
        "loads the models anew without dropping a request. The log goes to standard error, a JSON object a line.",
    .example = "arcface serve --gallery people.gal --listen 127.0.0.1:8080",
    .uses = CLI_USES_MODEL | CLI_USES_DETECTOR,
    .options = options,
    .run = run,
};
