/* server/http: a bounded queue of requests and the threads that take them. */
#include "server/http/workers.h"
#include <pthread.h>

struct arc_workers {
    const arc_alloc *alloc;
    void (*work)(void *ctx, arc_exchange *x);
    void *ctx;
    pthread_mutex_t lock;
    pthread_cond_t more;
    arc_exchange *first, *last;
    int waiting, most;
    bool ending;
    int threads;
    pthread_t thread[];
};

static void *run(void *arg) {
    arc_workers *w = arg;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (!w->first && !w->ending)
            pthread_cond_wait(&w->more, &w->lock);
        arc_exchange *x = w->first;
        if (!x)
            break;
        w->first = x->next;
        w->waiting--;
        pthread_mutex_unlock(&w->lock);
        w->work(w->ctx, x);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

arc_status arc_workers_new(const arc_alloc *alloc, int threads, int most, void (*work)(void *ctx, arc_exchange *x), void *ctx,
                           arc_workers **out, arc_error *err) {
    arc_workers *w = arc_mem_new(alloc, 1, sizeof *w + (size_t)threads * sizeof w->thread[0]);
    *out = w;
    if (!w)
        return arc_fail_nomem(err, "workers");
    w->alloc = alloc;
    w->work = work;
    w->ctx = ctx;
    w->most = most;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->more, NULL);
    while (w->threads < threads) {
        if (pthread_create(&w->thread[w->threads], NULL, run, w) != 0) {
            arc_workers_free(out);
            return arc_fail(err, ARC_EIO, "a thread for requests cannot be started: too many threads for this user?");
        }
        w->threads++;
    }
    return ARC_OK;
}

bool arc_workers_put(arc_workers *w, arc_exchange *x) {
    pthread_mutex_lock(&w->lock);
    const bool taken = !w->ending && w->waiting < w->most;
    if (taken) {
        x->next = NULL;
        if (w->first)
            w->last->next = x;
        else
            w->first = x;
        w->last = x;
        w->waiting++;
        pthread_cond_signal(&w->more);
    }
    pthread_mutex_unlock(&w->lock);
    return taken;
}

int arc_workers_waiting(arc_workers *w) {
    pthread_mutex_lock(&w->lock);
    const int waiting = w->waiting;
    pthread_mutex_unlock(&w->lock);
    return waiting;
}

void arc_workers_end(arc_workers *w) {
    pthread_mutex_lock(&w->lock);
    w->ending = true;
    pthread_cond_broadcast(&w->more);
    pthread_mutex_unlock(&w->lock);
    for (int i = 0; i < w->threads; i++)
        pthread_join(w->thread[i], NULL);
    w->threads = 0;
}

void arc_workers_free(arc_workers **workers) {
    arc_workers *w = *workers;
    if (!w)
        return;
    arc_workers_end(w);
    pthread_cond_destroy(&w->more);
    pthread_mutex_destroy(&w->lock);
    arc_mem_free(w->alloc, w);
    *workers = NULL;
}
