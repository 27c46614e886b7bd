/* server/work: the list of jobs and the thread that works through it. */
#include "server/work/jobs.h"
#include <pthread.h>
#include <string.h>

#define PLACES (ARC_JOBS_KEPT + ARC_JOBS_UNFINISHED_MAX)

typedef struct job {
    arc_job_facts facts; /* id 0: the place is free */
    arc_job_work work;
    atomic_bool cancelled;
} job;

struct arc_jobs {
    const arc_alloc *alloc;
    pthread_t thread;
    bool started, ending;
    pthread_mutex_t lock;
    pthread_cond_t more;
    int64_t last_id;
    job place[PLACES];
};

/* ---- the lock is held ---- */

static job *job_of(arc_jobs *j, int64_t id) {
    for (int i = 0; i < PLACES; i++)
        if (id > 0 && j->place[i].facts.id == id)
            return &j->place[i];
    return NULL;
}

static bool is_finished(const job *x) {
    return x->facts.state >= ARC_JOB_DONE;
}

static int unfinished(const arc_jobs *j) {
    int count = 0;
    for (int i = 0; i < PLACES; i++)
        count += j->place[i].facts.id > 0 && !is_finished(&j->place[i]);
    return count;
}

static void forget(job *x) {
    if (x->facts.id > 0)
        x->work.free(x->work.ctx, x->work.job);
    x->facts = (arc_job_facts){.id = 0};
}

/* A free place, or that of the oldest finished job. */
static job *place_of(arc_jobs *j) {
    job *oldest = NULL;
    for (int i = 0; i < PLACES; i++) {
        job *x = &j->place[i];
        if (x->facts.id == 0)
            return x;
        if (is_finished(x) && (!oldest || x->facts.id < oldest->facts.id))
            oldest = x;
    }
    forget(oldest);
    return oldest;
}

static job *next_waiting(arc_jobs *j) {
    job *first = NULL;
    for (int i = 0; i < PLACES; i++) {
        job *x = &j->place[i];
        if (x->facts.id > 0 && x->facts.state == ARC_JOB_WAITING && (!first || x->facts.id < first->facts.id))
            first = x;
    }
    return first;
}

static void end_job(job *x, arc_job_state state, const char *error) {
    x->facts.state = state;
    x->facts.ended_ms = arc_clock_today_ms();
    memcpy(x->facts.error, error, ARC_MIN(strlen(error) + 1, sizeof x->facts.error - 1));
}

/* ---- the thread ---- */

static void *run(void *arg) {
    arc_jobs *j = arg;
    pthread_mutex_lock(&j->lock);
    while (!j->ending) {
        job *x = next_waiting(j);
        if (!x) {
            pthread_cond_wait(&j->more, &j->lock);
            continue;
        }
        arc_error err = {.text = ""};
        x->facts.state = ARC_JOB_RUNNING;
        pthread_mutex_unlock(&j->lock);
        const arc_status st = x->work.run(x->work.ctx, x->work.job, &x->cancelled, &err);
        pthread_mutex_lock(&j->lock);
        end_job(x, st == ARC_OK ? ARC_JOB_DONE : st == ARC_ECANCEL ? ARC_JOB_CANCELLED : ARC_JOB_FAILED, err.text);
    }
    pthread_mutex_unlock(&j->lock);
    return NULL;
}

arc_status arc_jobs_new(const arc_alloc *alloc, arc_jobs **out, arc_error *err) {
    arc_jobs *j = arc_mem_new(alloc, 1, sizeof *j);
    *out = j;
    if (!j)
        return arc_fail_nomem(err, "a list of jobs");
    j->alloc = alloc;
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->more, NULL);
    j->started = pthread_create(&j->thread, NULL, run, j) == 0;
    if (j->started)
        return ARC_OK;
    arc_jobs_free(out);
    return arc_fail(err, ARC_EIO, "a thread for jobs cannot be started: too many threads for this user?");
}

void arc_jobs_free(arc_jobs **jobs) {
    arc_jobs *j = *jobs;
    if (!j)
        return;
    pthread_mutex_lock(&j->lock);
    j->ending = true;
    for (int i = 0; i < PLACES; i++)
        atomic_store(&j->place[i].cancelled, true);
    pthread_cond_broadcast(&j->more);
    pthread_mutex_unlock(&j->lock);
    if (j->started)
        pthread_join(j->thread, NULL);
    for (int i = 0; i < PLACES; i++)
        forget(&j->place[i]);
    pthread_cond_destroy(&j->more);
    pthread_mutex_destroy(&j->lock);
    arc_mem_free(j->alloc, j);
    *jobs = NULL;
}

/* ---- callers ---- */

arc_status arc_jobs_put(arc_jobs *j, const arc_job_work *work, int64_t *id, arc_error *err) {
    pthread_mutex_lock(&j->lock);
    const bool full = unfinished(j) >= ARC_JOBS_UNFINISHED_MAX;
    *id = 0;
    if (!full) {
        job *x = place_of(j);
        *id = ++j->last_id;
        x->facts = (arc_job_facts){.id = *id, .created_ms = arc_clock_today_ms()};
        x->work = *work;
        atomic_store(&x->cancelled, false);
        pthread_cond_signal(&j->more);
    }
    pthread_mutex_unlock(&j->lock);
    if (!full)
        return ARC_OK;
    work->free(work->ctx, work->job);
    return arc_fail(err, ARC_ELIMIT, "%d jobs are not finished: wait for one of them", ARC_JOBS_UNFINISHED_MAX);
}

bool arc_jobs_visit(arc_jobs *j, int64_t id, void (*visit)(void *ctx, const arc_job_facts *facts, void *job), void *ctx) {
    bool found = false;
    pthread_mutex_lock(&j->lock);
    for (int64_t k = id ? id : j->last_id; k > 0 && k >= (id ? id : j->last_id - PLACES); k--) {
        const job *x = job_of(j, k);
        if (!x)
            continue;
        found = true;
        visit(ctx, &x->facts, x->work.job);
    }
    pthread_mutex_unlock(&j->lock);
    return found;
}

bool arc_jobs_cancel(arc_jobs *j, int64_t id) {
    pthread_mutex_lock(&j->lock);
    job *x = job_of(j, id);
    if (x) {
        atomic_store(&x->cancelled, true);
        if (x->facts.state == ARC_JOB_WAITING)
            end_job(x, ARC_JOB_CANCELLED, "it was cancelled");
    }
    pthread_mutex_unlock(&j->lock);
    return x != NULL;
}
