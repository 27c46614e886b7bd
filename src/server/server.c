/* server: starting, reloading and stopping. Every door of the server is a group of routes, listed here. */
#include "server/server.h"
#include "server/api/table.h"
#include "server/immich/immich.h"
#include "server/ops/log.h"
#include "server/page/page.h"
#include "server/route/dispatch.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define IO_THREADS_MAX 4
#define WORKERS_LEAST 16
#define WORKERS_MOST 128
#define BODIES_LEAST ((int64_t)256 << 20)
#define DRAIN_STEP_NS 5000000

static const arc_route_group *const groups[] = {&arc_api_group, &arc_page_group, &arc_immich_group, NULL};

void arc_server_options_default(arc_server_options *opt) {
    *opt = (arc_server_options){.struct_size = sizeof *opt,
                                .listen = "127.0.0.1:8080",
                                .max_body_bytes = 10 << 20,
                                .max_archive_bytes = (int64_t)256 << 20,
                                .max_pixels = 50000000,
                                .max_faces = 100,
                                .queue = 128,
                                .connections = 1000,
                                .timeout_s = 30,
                                .batch = 32,
                                .batch_wait_s = 0.002};
}

static arc_status check(const arc_server_options *o, arc_error *err) {
    if (!o->listen || !o->model || !o->detector)
        return arc_fail(err, ARC_EINVAL, "a server needs an address, a recognition and a detection model");
    if (o->max_body_bytes < 1 || o->max_archive_bytes < 1 || o->max_pixels < 1 || o->max_faces < 1 || o->queue < 1 ||
        o->workers < 0 || o->connections < 1)
        return arc_fail(err, ARC_EINVAL, "the limits of a server are 1 or more");
    if (!(o->timeout_s > 0 && o->timeout_s <= 86400) || !(o->batch_wait_s >= 0 && o->batch_wait_s <= 1))
        return arc_fail(err, ARC_EINVAL, "a request may take up to 86400 seconds, a photo wait for others up to one");
    if (o->batch < 1 || o->batch > ARC_WORK_BATCH_MAX)
        return arc_fail(err, ARC_EINVAL, "%d photos are no batch: 1 to %d are", o->batch, ARC_WORK_BATCH_MAX);
    return ARC_OK;
}

/* ---- models and gallery ---- */

static void told(void *ctx, int photos, double seconds) {
    struct arc_server *s = ctx;
    (void)seconds;
    arc_metrics_batch(&s->metrics, photos);
}

static arc_status load_engine(const struct arc_server *s, arc_engine **out, arc_error *err) {
    const arc_engine_options opt = {.model = s->opt.model,
                                    .detector = s->opt.detector,
                                    .model_options = s->opt.model_options,
                                    .detector_options = s->opt.detector_options,
                                    .max_pixels = s->opt.max_pixels,
                                    .max_faces = s->opt.max_faces};
    return arc_engine_load(s->ctx, &opt, out, err);
}

static arc_status open_gallery(struct arc_server *s, const arc_engine *engine, arc_error *err) {
    arc_gallery_options made;
    arc_gallery_options_default(&made);
    made.create = true;
    if (!s->opt.gallery)
        return ARC_OK;
    const arc_gallery_options *opt = s->opt.gallery_options ? s->opt.gallery_options : &made;
    const arc_status st = arc_gallery_open(s->ctx, s->opt.gallery, opt, &s->gallery, err);
    return st == ARC_OK ? arc_gallery_bind(s->gallery, arc_engine_model(engine), err) : st;
}

static arc_status open_models(struct arc_server *s, arc_error *err) {
    const arc_work_options opt = {.batch = s->opt.batch, .wait_s = s->opt.batch_wait_s, .told = told, .ctx = s};
    arc_engine *engine = NULL;
    arc_status st = load_engine(s, &engine, err);
    if (st == ARC_OK)
        st = open_gallery(s, engine, err);
    if (st == ARC_OK)
        return arc_work_new(s->ctx, engine, &opt, &s->work, err);
    arc_engine_free(&engine);
    return st;
}

/* ---- listening ---- */

static arc_status check_exposure(const struct arc_server *s, const arc_http_address *at, arc_error *err) {
    if (at->loopback || s->opt.insecure)
        return ARC_OK;
    return arc_fail(err, ARC_EINVAL,
                    "%.100s can be reached from other machines: that needs API keys and TLS, or the word that it is meant "
                    "(insecure); 127.0.0.1 is reached from this machine only",
                    s->opt.listen);
}

/* The url names the host as it was given. */
static void name_url(struct arc_server *s) {
    const char *colon = strrchr(s->opt.listen, ':');
    const int host = (int)(colon - s->opt.listen);
    snprintf(s->url, sizeof s->url, "%s://%.*s:%d", s->opt.certificate ? "https" : "http", host > 0 ? host : 9,
             host > 0 ? s->opt.listen : "localhost", arc_http_port(s->http));
}

static arc_status listen_at(struct arc_server *s, arc_error *err) {
    const int threads = arc_context_threads(s->ctx);
    arc_http_options opt = {.certificate = s->opt.certificate,
                            .key = s->opt.certificate_key,
                            .connections = s->opt.connections,
                            .threads = ARC_MIN(threads, IO_THREADS_MAX),
                            .workers = s->opt.workers,
                            .queue = s->opt.queue,
                            .bodies_bytes = ARC_MAX(BODIES_LEAST, 16 * s->opt.max_body_bytes) + s->opt.max_archive_bytes,
                            .idle_s = s->opt.timeout_s,
                            .request_s = s->opt.timeout_s};
    if (opt.workers == 0)
        opt.workers = ARC_MIN(ARC_MAX(8 * threads, WORKERS_LEAST), WORKERS_MOST);
    const arc_http_hooks hooks = arc_dispatch_hooks(s);
    arc_status st = arc_http_address_read(s->opt.listen, &opt.address, err);
    if (st == ARC_OK)
        st = check_exposure(s, &opt.address, err);
    s->loopback = opt.address.loopback;
    if (st == ARC_OK)
        st = arc_http_start(&s->ctx->alloc, &opt, &hooks, &s->http, err);
    if (st == ARC_OK)
        name_url(s);
    return st;
}

arc_status arc_server_start(arc_context *ctx, const arc_server_options *opt, arc_server **out, arc_error *err) {
    *out = NULL;
    if (!opt)
        return arc_fail(err, ARC_EINVAL, "a server needs an address, a recognition and a detection model");
    if (ARC_CHECK_OPTIONS(arc_server_options, opt, err) != ARC_OK)
        return ARC_EINVAL;
    arc_status st = check(opt, err);
    if (st != ARC_OK)
        return st;
    arc_server *s = arc_mem_new(&ctx->alloc, 1, sizeof *s);
    if (!s)
        return arc_fail_nomem(err, "a server");
    s->ctx = ctx;
    s->opt = *opt;
    s->groups = groups;
    pthread_mutex_init(&s->writing, NULL);
    arc_metrics_begin(&s->metrics);
    ARC_TRY(open_models(s, err));
    ARC_TRY(arc_jobs_new(&ctx->alloc, &s->jobs, err));
    ARC_TRY(listen_at(s, err));
    arc_log_event(s, "info", "started", s->url);
done:
    if (st != ARC_OK)
        arc_server_stop(&s);
    *out = s;
    return st;
}

const char *arc_server_url(const arc_server *server) {
    return server->url;
}

arc_status arc_server_reload(arc_server *server, arc_error *err) {
    arc_engine *engine = NULL;
    arc_status st = load_engine(server, &engine, err);
    if (st == ARC_OK && server->gallery) {
        pthread_mutex_lock(&server->writing);
        st = arc_gallery_bind(server->gallery, arc_engine_model(engine), err);
        pthread_mutex_unlock(&server->writing);
    }
    if (st == ARC_OK)
        arc_work_replace(server->work, engine);
    else
        arc_engine_free(&engine);
    arc_log_event(server, st == ARC_OK ? "info" : "error", "reloaded", st == ARC_OK ? server->url : err ? err->text : "failed");
    return st;
}

arc_status arc_server_drain(arc_server *server, double seconds, arc_error *err) {
    const uint64_t until = arc_clock_ns() + (uint64_t)(fmax(seconds, 0) * 1e9);
    atomic_store(&server->draining, true);
    arc_http_drain(server->http);
    while (arc_http_exchanges(server->http) > 0) {
        if (arc_clock_ns() >= until)
            return arc_fail(err, ARC_ELIMIT, "%d requests are not answered after %g seconds", arc_http_exchanges(server->http),
                            seconds);
        nanosleep(&(struct timespec){.tv_nsec = DRAIN_STEP_NS}, NULL);
    }
    return ARC_OK;
}

void arc_server_stop(arc_server **server) {
    if (!server || !*server)
        return;
    arc_server *s = *server;
    atomic_store(&s->draining, true);
    arc_http_stop(&s->http);
    arc_jobs_free(&s->jobs);
    arc_work_free(&s->work);
    arc_gallery_close(&s->gallery);
    if (*s->url)
        arc_log_event(s, "info", "stopped", s->url);
    arc_metrics_end(&s->metrics);
    pthread_mutex_destroy(&s->writing);
    arc_mem_free(&s->ctx->alloc, s);
    *server = NULL;
}
