/* server/ops: counters and histograms, and their text. */
#include "server/ops/metrics.h"
#include <stdio.h>
#include <string.h>

static const double second_bounds[ARC_METRICS_BUCKETS] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                          0.25,  0.5,    1,     2.5,  5,     10,   30};
static const double photo_bounds[ARC_METRICS_BUCKETS] = {1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 32, 40, 48, 64};
static const char *const stage_names[ARC_STAGES] = {"receive", "queue", "batch", "faces", "gallery"};

void arc_metrics_begin(arc_metrics *m) {
    memset(m, 0, sizeof *m);
    pthread_mutex_init(&m->lock, NULL);
}

void arc_metrics_end(arc_metrics *m) {
    pthread_mutex_destroy(&m->lock);
}

static void observe(arc_histogram *h, const double *bounds, double value) {
    int k = 0;
    while (k < ARC_METRICS_BUCKETS && value > bounds[k])
        k++;
    h->count[k]++;
    h->sum += value;
}

/* NULL: the table is full, which the fixed number of routes and statuses forbids. */
static arc_metrics_row *row_of(arc_metrics *m, const char *method, const char *route, int status) {
    for (int i = 0; i < m->rows; i++)
        if (m->row[i].status == status && strcmp(m->row[i].route, route) == 0 && strcmp(m->row[i].method, method) == 0)
            return &m->row[i];
    if (m->rows == ARC_METRICS_ROUTES_MAX)
        return NULL;
    arc_metrics_row *row = &m->row[m->rows++];
    snprintf(row->method, sizeof row->method, "%s", method);
    snprintf(row->route, sizeof row->route, "%s", route);
    row->status = status;
    return row;
}

void arc_metrics_request(arc_metrics *m, const char *method, const char *route, int status, double seconds) {
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
    const char *known = "other"; /* what a client may make up is no label */
    for (size_t i = 0; i < ARC_COUNT(methods); i++)
        if (strcmp(methods[i], method) == 0)
            known = methods[i];
    pthread_mutex_lock(&m->lock);
    arc_metrics_row *row = row_of(m, known, route, status);
    if (row)
        row->requests++;
    observe(&m->request, second_bounds, seconds);
    pthread_mutex_unlock(&m->lock);
}

void arc_metrics_stage(arc_metrics *m, arc_stage stage, double seconds) {
    pthread_mutex_lock(&m->lock);
    observe(&m->stage[stage], second_bounds, seconds);
    pthread_mutex_unlock(&m->lock);
}

void arc_metrics_batch(arc_metrics *m, int photos) {
    pthread_mutex_lock(&m->lock);
    observe(&m->batch, photo_bounds, photos);
    pthread_mutex_unlock(&m->lock);
}

void arc_metrics_decisions(arc_metrics *m, int64_t known, int64_t unknown) {
    pthread_mutex_lock(&m->lock);
    m->known += known;
    m->unknown += unknown;
    pthread_mutex_unlock(&m->lock);
}

void arc_metrics_enrolled(arc_metrics *m, int64_t templates) {
    pthread_mutex_lock(&m->lock);
    m->enrolled += templates;
    pthread_mutex_unlock(&m->lock);
}

/* ---- text ---- */

static void head(arc_text *t, const char *name, const char *type, const char *help) {
    arc_text_add(t, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* label: `stage="faces"`, or "". */
static void put_histogram(arc_text *t, const arc_histogram *h, const double *bounds, const char *name, const char *label) {
    int64_t sum = 0;
    const char *comma = *label ? "," : "";
    for (int k = 0; k < ARC_METRICS_BUCKETS; k++) {
        sum += h->count[k];
        arc_text_add(t, "%s_bucket{%s%sle=\"%g\"} %lld\n", name, label, comma, bounds[k], (long long)sum);
    }
    sum += h->count[ARC_METRICS_BUCKETS];
    arc_text_add(t, "%s_bucket{%s%sle=\"+Inf\"} %lld\n", name, label, comma, (long long)sum);
    arc_text_add(t, *label ? "%s_sum{%s} %.9g\n" : "%s_sum%s %.9g\n", name, label, h->sum);
    arc_text_add(t, *label ? "%s_count{%s} %lld\n" : "%s_count%s %lld\n", name, label, (long long)sum);
}

void arc_metrics_write(arc_metrics *m, arc_text *t) {
    char label[32];
    pthread_mutex_lock(&m->lock);
    head(t, "arcface_requests_total", "counter", "Requests that were answered.");
    for (int i = 0; i < m->rows; i++)
        arc_text_add(t, "arcface_requests_total{method=\"%s\",route=\"%s\",status=\"%d\"} %lld\n", m->row[i].method,
                     m->row[i].route, m->row[i].status, (long long)m->row[i].requests);
    head(t, "arcface_request_seconds", "histogram", "From the head of a request to the end of its answer.");
    put_histogram(t, &m->request, second_bounds, "arcface_request_seconds", "");
    head(t, "arcface_stage_seconds", "histogram", "Time in the stages of a request.");
    for (int i = 0; i < ARC_STAGES; i++) {
        snprintf(label, sizeof label, "stage=\"%s\"", stage_names[i]);
        put_histogram(t, &m->stage[i], second_bounds, "arcface_stage_seconds", label);
    }
    head(t, "arcface_batch_photos", "histogram", "Photos that were worked on together.");
    put_histogram(t, &m->batch, photo_bounds, "arcface_batch_photos", "");
    head(t, "arcface_decisions_total", "counter", "Faces that were looked for in the gallery.");
    arc_text_add(t, "arcface_decisions_total{known=\"true\"} %lld\narcface_decisions_total{known=\"false\"} %lld\n",
                 (long long)m->known, (long long)m->unknown);
    head(t, "arcface_enrolled_total", "counter", "Templates that were stored.");
    arc_text_add(t, "arcface_enrolled_total %lld\n", (long long)m->enrolled);
    pthread_mutex_unlock(&m->lock);
}
