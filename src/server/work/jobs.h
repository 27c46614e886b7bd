/* server/work: what takes longer than a request: jobs, one after the other in a thread of their own. */
#ifndef ARC_SERVER_WORK_JOBS_H
#define ARC_SERVER_WORK_JOBS_H

#include "base/base.h"
#include <stdatomic.h>

#define ARC_JOBS_UNFINISHED_MAX 4 /* each holds its body in memory */
#define ARC_JOBS_KEPT 100         /* finished ones that are still told of */

typedef enum arc_job_state { ARC_JOB_WAITING, ARC_JOB_RUNNING, ARC_JOB_DONE, ARC_JOB_FAILED, ARC_JOB_CANCELLED } arc_job_state;

/* What a job is, to whoever puts it. */
typedef struct arc_job_work {
    arc_status (*run)(void *ctx, void *job, const atomic_bool *cancelled, arc_error *err);
    void (*free)(void *ctx, void *job); /* whether it has run or not */
    void *ctx, *job;
} arc_job_work;

typedef struct arc_job_facts {
    int64_t id;
    arc_job_state state;
    int64_t created_ms, ended_ms; /* since 1970; 0: not ended */
    char error[ARC_ERROR_TEXT_BYTES];
} arc_job_facts;

typedef struct arc_jobs arc_jobs;
arc_status arc_jobs_new(const arc_alloc *alloc, arc_jobs **out, arc_error *err);
void arc_jobs_free(arc_jobs **jobs); /* cancels them and waits for the one that runs; NULL-safe */
/* Takes the work over, after a failure too. Errors: ELIMIT: ARC_JOBS_UNFINISHED_MAX are not finished. */
arc_status arc_jobs_put(arc_jobs *j, const arc_job_work *work, int64_t *id, arc_error *err);
/* Visits one job, or with id 0 all of them, the newest first, under a lock: visit must not call back. Whether there was one. */
bool arc_jobs_visit(arc_jobs *j, int64_t id, void (*visit)(void *ctx, const arc_job_facts *facts, void *job), void *ctx);
/* Whether there is one; one that runs ends soon, one that waits at once. */
bool arc_jobs_cancel(arc_jobs *j, int64_t id);

#endif
