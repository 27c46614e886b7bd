/* server/ops: what the server counts, for /metrics. */
#ifndef ARC_SERVER_OPS_METRICS_H
#define ARC_SERVER_OPS_METRICS_H

#include "base/text.h"
#include <pthread.h>

#define ARC_METRICS_ROUTES_MAX 256
#define ARC_METRICS_BUCKETS 14

/* Seconds in which a stage is passed, or sizes. */
typedef struct arc_histogram {
    int64_t count[ARC_METRICS_BUCKETS + 1]; /* the last: above all bounds */
    double sum;
} arc_histogram;

/* Stages of a request. */
typedef enum arc_stage {
    ARC_STAGE_RECEIVE, /* from its head to the end of its body */
    ARC_STAGE_QUEUE,   /* until a worker takes it */
    ARC_STAGE_BATCH,   /* until its photos are begun */
    ARC_STAGE_FACES,   /* decoded, found and embedded, with the others of the batch */
    ARC_STAGE_GALLERY, /* searched or stored */
    ARC_STAGES
} arc_stage;

typedef struct arc_metrics_row {
    char method[8], route[64];
    int status;
    int64_t requests;
} arc_metrics_row;

typedef struct arc_metrics {
    pthread_mutex_t lock;
    arc_metrics_row row[ARC_METRICS_ROUTES_MAX];
    int rows;
    arc_histogram request, stage[ARC_STAGES], batch;
    int64_t known, unknown; /* decisions */
    int64_t enrolled;       /* templates */
} arc_metrics;

void arc_metrics_begin(arc_metrics *m);
void arc_metrics_end(arc_metrics *m);
/* route: the pattern of its address, "" = there is none. */
void arc_metrics_request(arc_metrics *m, const char *method, const char *route, int status, double seconds);
void arc_metrics_stage(arc_metrics *m, arc_stage stage, double seconds);
void arc_metrics_batch(arc_metrics *m, int photos);
void arc_metrics_decisions(arc_metrics *m, int64_t known, int64_t unknown);
void arc_metrics_enrolled(arc_metrics *m, int64_t templates);
/* In Prometheus' text format. */
void arc_metrics_write(arc_metrics *m, arc_text *t);

#endif
