/* server: a running server, as its handlers see it. */
#ifndef ARC_SERVER_SERVER_H
#define ARC_SERVER_SERVER_H

#include "server/http/transport.h"
#include "server/ops/metrics.h"
#include "server/route/route.h"
#include "server/work/jobs.h"
#include "server/work/work.h"
#include <arcface/serve.h>
#include <pthread.h>
#include <stdatomic.h>

struct arc_server {
    arc_context *ctx;
    arc_server_options opt;
    const arc_route_group *const *groups; /* NULL ends them */
    arc_http *http;
    arc_work *work;
    arc_jobs *jobs;
    arc_gallery *gallery;    /* NULL: none */
    pthread_mutex_t writing; /* held by whoever changes the gallery */
    arc_metrics metrics;
    atomic_bool draining;
    bool loopback; /* reached from this machine only */
    char url[320];
};

#endif
