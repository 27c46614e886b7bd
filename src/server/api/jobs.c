/* server/api: bulk enrolment as a job: an archive is taken, worked on behind the answer, and asked about. */
#include "server/work/jobs.h"
#include "server/api/api.h"
#include "server/api/bulk.h"
#include <string.h>
#include <strings.h>

static const char *const states[] = {[ARC_JOB_WAITING] = "waiting",
                                     [ARC_JOB_RUNNING] = "running",
                                     [ARC_JOB_DONE] = "done",
                                     [ARC_JOB_FAILED] = "failed",
                                     [ARC_JOB_CANCELLED] = "cancelled"};

typedef struct enrolment {
    arc_buffer archive;
    bool largest;
    pthread_mutex_t lock; /* of bulk */
    arc_bulk bulk;
} enrolment;

static arc_status run(void *ctx, void *job, const atomic_bool *cancelled, arc_error *err) {
    enrolment *e = job;
    e->bulk.cancelled = cancelled;
    const arc_status st = arc_bulk_enrol(ctx, (arc_bytes){e->archive.data, e->archive.bytes}, e->largest, &e->bulk, err);
    arc_buffer_free(&e->archive); /* long before the job is forgotten */
    return st;
}

static void forget(void *ctx, void *job) {
    const struct arc_server *server = ctx;
    enrolment *e = job;
    arc_bulk_free(server, &e->bulk);
    arc_buffer_free(&e->archive);
    pthread_mutex_destroy(&e->lock);
    arc_mem_free(&server->ctx->alloc, e);
}

/* ---- what is told ---- */

typedef struct telling {
    arc_text *text;
    bool all; /* the problems too */
    bool first;
} telling;

static void put_problems(arc_text *t, const arc_bulk *b) {
    arc_text_add(t, ", \"problems\": [");
    for (int i = 0; i < b->problems; i++) {
        const arc_bulk_problem *p = &b->problem[i];
        arc_text_add(t, "%s\n  {\"photo\": ", i ? "," : "");
        arc_text_quote(t, p->photo ? p->photo : "");
        arc_text_add(t, ", \"code\": \"%s\", \"message\": ", arc_problem_code(p->problem));
        arc_text_quote(t, p->sentence ? p->sentence : "");
        arc_text_add(t, "}");
    }
    arc_text_add(t, "]");
}

static void put_job(void *ctx, const arc_job_facts *facts, void *job) {
    telling *w = ctx;
    enrolment *e = job;
    arc_text *t = w->text;
    const arc_bulk *b = &e->bulk;
    arc_text_add(t, "%s{\"id\": %lld, \"state\": \"%s\"", w->first ? "" : ",\n  ", (long long)facts->id, states[facts->state]);
    w->first = false;
    pthread_mutex_lock(&e->lock);
    arc_text_add(
        t, ", \"photos\": %lld, \"stored\": %lld, \"before\": %lld, \"failed\": %lld, \"doubtful\": %lld, \"new_people\": %lld",
        (long long)b->photos, (long long)b->stored, (long long)b->before, (long long)b->failed, (long long)b->doubtful,
        (long long)b->people);
    if (w->all)
        put_problems(t, b);
    pthread_mutex_unlock(&e->lock);
    arc_api_put_time(t, "created", facts->created_ms);
    if (facts->ended_ms)
        arc_api_put_time(t, "ended", facts->ended_ms);
    if (facts->state == ARC_JOB_FAILED)
        arc_text_add(t, ", \"error\": \"the archive could not be read to its end, or the gallery not be written\"");
    arc_text_add(t, "}");
}

/* ---- addresses ---- */

static bool is_archive(const arc_http_request *r) {
    static const char *const types[] = {"application/zip", "application/x-tar", "application/gzip",
                                        "application/x-zip-compressed", "application/octet-stream"};
    for (size_t i = 0; i < ARC_COUNT(types); i++)
        if (arc_http_is_type(r, types[i]))
            return true;
    return false;
}

/* Takes the request's body over. */
static enrolment *make(const struct arc_server *server, arc_http_request *request, bool largest) {
    enrolment *e = arc_mem_new(&server->ctx->alloc, 1, sizeof *e);
    if (!e)
        return NULL;
    pthread_mutex_init(&e->lock, NULL);
    e->bulk.lock = &e->lock;
    e->largest = largest;
    e->archive = request->body;
    arc_buffer_init(&request->body, &server->ctx->alloc, 1); /* nothing more comes */
    return e;
}

void arc_api_jobs_add(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    telling w = {.text = &response->text, .all = true, .first = true};
    arc_error err = {0};
    bool largest = false;
    int64_t id = 0;
    if (!arc_api_has_gallery(server, response))
        return;
    if (arc_http_query_bool(request, "largest", &largest, &err) != ARC_OK) {
        arc_http_fail(response, ARC_PROBLEM_INVALID_PARAMETER, "%s", err.text);
        return;
    }
    if (!is_archive(request)) {
        arc_http_fail(response, ARC_PROBLEM_UNSUPPORTED_TYPE,
                      "photos of many people come as application/x-tar or application/zip");
        return;
    }
    enrolment *e = make(server, request, largest);
    const arc_job_work work = {run, forget, server, e};
    const arc_status st = e ? arc_jobs_put(server->jobs, &work, &id, &err) : arc_fail_nomem(&err, "a job");
    if (st != ARC_OK) {
        arc_http_fail(response, st == ARC_ELIMIT ? ARC_PROBLEM_OVERLOADED : ARC_PROBLEM_INTERNAL, "%s", err.text);
        return;
    }
    response->status = 202;
    arc_http_response_header(response, "Location", "/v1/jobs/%lld", (long long)id);
    (void)arc_jobs_visit(server->jobs, id, put_job, &w);
    arc_text_add(w.text, "\n");
}

void arc_api_jobs_list(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    telling w = {.text = &response->text, .first = true};
    (void)request;
    arc_text_add(w.text, "{\"jobs\": [");
    (void)arc_jobs_visit(server->jobs, 0, put_job, &w);
    arc_text_add(w.text, "]}\n");
}

void arc_api_job_get(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    telling w = {.text = &response->text, .all = true, .first = true};
    int64_t id;
    if (!arc_api_id(request, response, 0, &id))
        return;
    if (!arc_jobs_visit(server->jobs, id, put_job, &w))
        arc_http_fail(response, ARC_PROBLEM_NOT_FOUND, "there is no such job, or it ended long ago");
    arc_text_add(w.text, "\n");
}

void arc_api_job_cancel(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    telling w = {.text = &response->text, .all = true, .first = true};
    int64_t id;
    if (!arc_api_id(request, response, 0, &id))
        return;
    if (arc_jobs_cancel(server->jobs, id) && arc_jobs_visit(server->jobs, id, put_job, &w))
        arc_text_add(w.text, "\n");
    else
        arc_http_fail(response, ARC_PROBLEM_NOT_FOUND, "there is no such job, or it ended long ago");
}
