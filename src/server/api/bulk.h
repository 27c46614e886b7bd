/* server/api: an archive of people's photos into the gallery, one photo after the other. */
#ifndef ARC_SERVER_API_BULK_H
#define ARC_SERVER_API_BULK_H

#include "server/server.h"

#define ARC_BULK_PROBLEMS_MAX 100

/* A photo of which nothing was stored. */
typedef struct arc_bulk_problem {
    char *photo; /* its name in the archive */
    arc_problem problem;
    char *sentence;
} arc_bulk_problem;

/* What became of an archive so far; guarded by `lock`. */
typedef struct arc_bulk {
    pthread_mutex_t *lock;
    const atomic_bool *cancelled; /* no more of it */
    int64_t photos, stored, before, failed, doubtful, people;
    arc_bulk_problem problem[ARC_BULK_PROBLEMS_MAX]; /* the first of those that failed */
    int problems;
} arc_bulk;

/* Photos lie in a folder of their person's name: NAME/photo.jpg. largest: of several faces the largest. What it counts as stored
 * is on the disk. Errors: the archive cannot be read, the disk is full, ENOMEM; ECANCEL. */
arc_status arc_bulk_enrol(struct arc_server *server, arc_bytes archive, bool largest, arc_bulk *out, arc_error *err);
void arc_bulk_free(const struct arc_server *server, arc_bulk *bulk);

#endif
