/* server/route: a route is a row of a table, the one place that knows what an address is: dispatch finds it there, the document
 * at /openapi.json is written from it. A group of routes is a door for one kind of clients. */
#ifndef ARC_SERVER_ROUTE_ROUTE_H
#define ARC_SERVER_ROUTE_ROUTE_H

#include "server/http/exchange.h"

struct arc_server;

typedef void arc_route_fn(struct arc_server *server, arc_http_request *request, arc_http_response *response);

/* What a request has in its body. */
typedef enum arc_route_body {
    ARC_BODY_NONE,
    ARC_BODY_PHOTO,  /* one photo */
    ARC_BODY_PHOTOS, /* two: "a" and "b" */
    ARC_BODY_JSON,   /* an object of the schema `takes` */
    ARC_BODY_ARCHIVE /* a tar or zip file */
} arc_route_body;

/* A field of the query. */
typedef struct arc_route_field {
    const char *name;   /* NULL ends a list */
    const char *schema; /* JSON Schema, as text */
    const char *what;
} arc_route_field;

#define ARC_PROBLEM_BIT(name) (1u << ARC_PROBLEM_##name)

typedef struct arc_route {
    const char *method;
    const char *path; /* "/v1/identities/{id}" */
    arc_server_role role;
    bool in_place; /* answered at once, without a worker: waits for nothing and computes nothing */
    bool photos;   /* its photos go through the micro-batcher */
    arc_route_fn *answer;
    const char *tag;               /* under which the document lists it */
    const char *id;                /* operationId */
    const char *what;              /* one line */
    const arc_route_field *fields; /* NULL: none */
    arc_route_body body;
    const char *takes; /* schema of a JSON body */
    int status;        /* of success */
    const char *gives; /* schema of its answer, or a type such as "image/png"; NULL: it has no body */
    unsigned problems; /* ARC_PROBLEM_BITs of its own; those that every request may meet are not among them */
} arc_route;

/* What answers and bodies look like. */
typedef struct arc_route_schema {
    const char *name;   /* NULL ends a list */
    const char *schema; /* JSON Schema, as text */
} arc_route_schema;

typedef struct arc_route_group {
    const char *prefix; /* "/v1": whatever is below it, known or not, is answered as this group's clients read it */
    const arc_route *route;
    int routes;
    const arc_route_schema *schemas; /* NULL: none */
    const char *failure;             /* the schema of failures */
    void (*write_failure)(const arc_http_request *request, arc_http_response *response);
} arc_route_group;

/* The route for a request in NULL-terminated groups; request->argument is filled. NULL: there is none; then *methods has those
 * that the address knows, as "GET, POST"; "" if there is no such address. *group: whose address it is; the first group if it is
 * nobody's. */
const arc_route *arc_route_find(const arc_route_group *const *groups, arc_http_request *request, const arc_route_group **group,
                                char methods[64]);

#endif
