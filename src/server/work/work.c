/* server/work: the queue of photos, and the thread that takes them in batches. */
#include "server/work/work.h"
#include <errno.h>
#include <pthread.h>
#include <time.h>

#define ENGINES_MAX 4 /* the one of the moment, and older ones that somebody still holds */

/* A call that waits for its items. */
typedef struct arc_work_ticket {
    pthread_cond_t done;
    int left;
} arc_work_ticket;

typedef struct held {
    arc_engine *engine;
    int holders;
} held;

struct arc_work {
    arc_context *ctx;
    arc_work_options opt;
    pthread_t thread;
    bool started, ready, ending;
    pthread_mutex_t lock;
    pthread_cond_t more, gone; /* photos to be worked on; an engine that nobody holds any more */
    arc_work_item *first, *last;
    int waiting, expected;
    held engine[ENGINES_MAX]; /* [0]: of the moment */
};

/* ---- engines; the lock is held ---- */

static arc_engine *hold(arc_work *w) {
    w->engine[0].holders++;
    return w->engine[0].engine;
}

/* Frees an older one that nobody holds. */
static void release(arc_work *w, const arc_engine *engine) {
    for (int i = 0; i < ENGINES_MAX; i++) {
        if (!engine || w->engine[i].engine != engine)
            continue;
        w->engine[i].holders--;
        if (i > 0 && w->engine[i].holders == 0) {
            arc_engine_free(&w->engine[i].engine);
            pthread_cond_broadcast(&w->gone);
        }
        return;
    }
}

arc_engine *arc_work_hold(arc_work *w) {
    pthread_mutex_lock(&w->lock);
    arc_engine *engine = hold(w);
    pthread_mutex_unlock(&w->lock);
    return engine;
}

void arc_work_release(arc_work *w, arc_engine *engine) {
    pthread_mutex_lock(&w->lock);
    release(w, engine);
    pthread_mutex_unlock(&w->lock);
}

static int free_place(const arc_work *w) {
    for (int i = 1; i < ENGINES_MAX; i++)
        if (!w->engine[i].engine)
            return i;
    return 0;
}

void arc_work_replace(arc_work *w, arc_engine *engine) {
    for (int step = 0; arc_engine_warm(engine, step); step++)
        ;
    pthread_mutex_lock(&w->lock);
    while (w->engine[0].holders > 0 && free_place(w) == 0)
        pthread_cond_wait(&w->gone, &w->lock);
    if (w->engine[0].holders > 0)
        w->engine[free_place(w)] = w->engine[0];
    else
        arc_engine_free(&w->engine[0].engine);
    w->engine[0] = (held){engine, 0};
    pthread_mutex_unlock(&w->lock);
}

/* ---- the thread ---- */

static struct timespec time_of(uint64_t ns) {
    return (struct timespec){.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
}

/* Others that are about to come are waited for, a little. The lock is held. */
static void gather(arc_work *w) {
    const struct timespec until = time_of(arc_clock_ns() + (uint64_t)(w->opt.wait_s * 1e9));
    while (!w->ending && w->expected > 0 && w->waiting < w->opt.batch)
        if (pthread_cond_timedwait(&w->more, &w->lock, &until) == ETIMEDOUT)
            return;
}

static int take(arc_work *w, arc_work_item **items) {
    int count = 0;
    while (w->first && count < w->opt.batch) {
        items[count++] = w->first;
        w->first = w->first->next;
    }
    w->waiting -= count;
    return count;
}

/* The lock is held, but not while the engine works. */
static void run_batch(arc_work *w) {
    arc_work_item *items[ARC_WORK_BATCH_MAX];
    const int count = take(w, items);
    arc_engine *engine = hold(w);
    pthread_mutex_unlock(&w->lock);
    const uint64_t began = arc_clock_ns();
    arc_engine_run(engine, items, count);
    const double seconds = (double)(arc_clock_ns() - began) * 1e-9;
    if (w->opt.told)
        w->opt.told(w->opt.ctx, count, seconds);
    pthread_mutex_lock(&w->lock);
    for (int i = 0; i < count; i++) {
        arc_work_ticket *ticket = items[i]->ticket;
        items[i]->waited_s = (double)(began - items[i]->queued_ns) * 1e-9;
        items[i]->worked_s = seconds;
        if (--ticket->left == 0)
            pthread_cond_signal(&ticket->done);
    }
    release(w, engine);
}

/* One step, without the lock. Whether more are to be done. */
static bool warm(arc_work *w, int step) {
    arc_engine *engine = hold(w);
    pthread_mutex_unlock(&w->lock);
    const bool more = arc_engine_warm(engine, step);
    pthread_mutex_lock(&w->lock);
    release(w, engine);
    return more;
}

static void *run(void *arg) {
    arc_work *w = arg;
    int step = 0;
    pthread_mutex_lock(&w->lock);
    bool cold = warm(w, step);
    w->ready = true;
    while (!w->ending || w->first) {
        if (w->first) {
            gather(w);
            if (w->first) /* its caller may have given up */
                run_batch(w);
        } else if (cold) { /* while nobody asks */
            cold = warm(w, ++step);
        } else {
            pthread_cond_wait(&w->more, &w->lock);
        }
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* Waits are measured by the monotonic clock, as deadlines are. */
static void make_condition(pthread_cond_t *condition) {
    pthread_condattr_t how;
    pthread_condattr_init(&how);
    pthread_condattr_setclock(&how, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &how);
    pthread_condattr_destroy(&how);
}

arc_status arc_work_new(arc_context *ctx, arc_engine *engine, const arc_work_options *opt, arc_work **out, arc_error *err) {
    arc_work *w = arc_mem_new(&ctx->alloc, 1, sizeof *w);
    *out = w;
    if (!w) {
        arc_engine_free(&engine);
        return arc_fail_nomem(err, "a queue of photos");
    }
    w->ctx = ctx;
    w->opt = *opt;
    w->engine[0].engine = engine;
    pthread_mutex_init(&w->lock, NULL);
    make_condition(&w->more);
    make_condition(&w->gone);
    w->started = pthread_create(&w->thread, NULL, run, w) == 0;
    if (w->started)
        return ARC_OK;
    arc_work_free(out);
    return arc_fail(err, ARC_EIO, "a thread for photos cannot be started: too many threads for this user?");
}

void arc_work_free(arc_work **work) {
    arc_work *w = *work;
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->ending = true;
    pthread_cond_broadcast(&w->more);
    pthread_mutex_unlock(&w->lock);
    if (w->started)
        pthread_join(w->thread, NULL);
    for (int i = 0; i < ENGINES_MAX; i++)
        arc_engine_free(&w->engine[i].engine);
    pthread_cond_destroy(&w->more);
    pthread_cond_destroy(&w->gone);
    pthread_mutex_destroy(&w->lock);
    arc_mem_free(&w->ctx->alloc, w);
    *work = NULL;
}

/* ---- callers ---- */

bool arc_work_is_ready(arc_work *w) {
    pthread_mutex_lock(&w->lock);
    const bool ready = w->ready;
    pthread_mutex_unlock(&w->lock);
    return ready;
}

int arc_work_waiting(arc_work *w) {
    pthread_mutex_lock(&w->lock);
    const int waiting = w->waiting;
    pthread_mutex_unlock(&w->lock);
    return waiting;
}

static void change_expected(arc_work *w, int by) {
    pthread_mutex_lock(&w->lock);
    w->expected += by;
    if (by < 0)
        pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->lock);
}

void arc_work_expect(arc_work *w) {
    change_expected(w, 1);
}

void arc_work_expect_no_more(arc_work *w) {
    change_expected(w, -1);
}

static void put(arc_work *w, arc_work_item *item) {
    item->next = NULL;
    if (w->first)
        w->last->next = item;
    else
        w->first = item;
    w->last = item;
    w->waiting++;
}

/* Takes back those of a ticket that wait. Their number. */
static int take_back(arc_work *w, const arc_work_ticket *ticket) {
    arc_work_item **at = &w->first;
    int count = 0;
    w->last = NULL;
    while (*at) {
        arc_work_item *item = *at;
        if (item->ticket == ticket) {
            *at = item->next;
            count++;
        } else {
            w->last = item;
            at = &item->next;
        }
    }
    w->waiting -= count;
    return count;
}

arc_status arc_work_run(arc_work *w, arc_work_item *items, int count, uint64_t deadline_ns, arc_error *err) {
    const struct timespec deadline = time_of(deadline_ns);
    arc_work_ticket ticket = {.left = count};
    int taken_back = 0;
    make_condition(&ticket.done);
    pthread_mutex_lock(&w->lock);
    for (int i = 0; i < count; i++) {
        items[i].result = (arc_result){.status = ARC_ECANCEL};
        items[i].ticket = &ticket;
        items[i].queued_ns = arc_clock_ns();
        put(w, &items[i]);
    }
    pthread_cond_signal(&w->more);
    while (ticket.left > 0 && pthread_cond_timedwait(&ticket.done, &w->lock, &deadline) != ETIMEDOUT)
        ;
    if (ticket.left > 0)
        ticket.left -= taken_back = take_back(w, &ticket);
    while (ticket.left > 0) /* a batch that has begun is finished: it works on the caller's memory */
        pthread_cond_wait(&ticket.done, &w->lock);
    pthread_mutex_unlock(&w->lock);
    pthread_cond_destroy(&ticket.done);
    if (taken_back == 0)
        return ARC_OK;
    for (int i = 0; i < count; i++)
        arc_result_free(w->ctx, &items[i].result);
    return arc_fail(err, ARC_ECANCEL, "the request's time was over before its photo was looked at");
}
