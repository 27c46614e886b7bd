/* server/http: threads that answer requests, behind a bounded queue. */
#ifndef ARC_SERVER_HTTP_WORKERS_H
#define ARC_SERVER_HTTP_WORKERS_H

#include "server/http/exchange.h"

typedef struct arc_workers arc_workers;
/* work is called on a worker's thread; most: requests that wait for a worker. */
arc_status arc_workers_new(const arc_alloc *alloc, int threads, int most, void (*work)(void *ctx, arc_exchange *x), void *ctx,
                           arc_workers **out, arc_error *err);
/* false: the queue is full, or the workers are about to end. */
bool arc_workers_put(arc_workers *w, arc_exchange *x);
int arc_workers_waiting(arc_workers *w);
void arc_workers_end(arc_workers *w);         /* works on what waits, then ends the threads: nothing more is taken */
void arc_workers_free(arc_workers **workers); /* ends them if that was not done; NULL-safe */

#endif
