/* server/http: a request and its answer, from the first byte of the one to the last of the other. */
#ifndef ARC_SERVER_HTTP_EXCHANGE_H
#define ARC_SERVER_HTTP_EXCHANGE_H

#include "server/http/request.h"
#include "server/http/response.h"

struct MHD_Connection;

typedef enum arc_exchange_state {
    ARC_EXCHANGE_NEW,       /* its head has just come */
    ARC_EXCHANGE_RECEIVING, /* its body is coming; of one that has failed the body is thrown away */
    ARC_EXCHANGE_WORKING,   /* a worker has it; the connection sleeps */
    ARC_EXCHANGE_ANSWERED   /* the response is to be sent */
} arc_exchange_state;

typedef struct arc_exchange {
    arc_http_request request;
    arc_http_response response;
    arc_exchange_state state;
    struct MHD_Connection *connection;
    const struct arc_route *route;       /* NULL: there is none */
    const struct arc_route_group *group; /* whose clients it answers */
    size_t max_body_bytes;
    size_t received_bytes; /* of the body, thrown away ones included */
    int64_t counted_bytes; /* that it adds to the memory of all bodies */
    uint64_t whole_ns;     /* when the last of them came, by arc_clock_ns */
    bool in_place;         /* answered where it arrives, without a worker: it waits for nothing */
    bool replied;          /* a response was handed to the transport */
    bool refused;          /* the target or the head could not be read: the response says why */
    struct arc_exchange *next;
} arc_exchange;

/* What stands above the transport. */
typedef struct arc_http_hooks {
    /* The head is there: finds the route, sets the limits of the body, may fail the response. */
    void (*begin)(void *ctx, arc_exchange *x);
    /* Fills the response. On a worker's thread, or on the transport's with in_place. */
    void (*answer)(void *ctx, arc_exchange *x);
    /* The response is as it will be sent: writes failures as their clients read them. */
    void (*finish)(void *ctx, arc_exchange *x);
    /* It is over; sent: the client has it all. */
    void (*end)(void *ctx, arc_exchange *x, bool sent);
    void *ctx;
} arc_http_hooks;

#endif
