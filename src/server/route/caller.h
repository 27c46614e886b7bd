/* server/route: who asks, and what they may do. */
#ifndef ARC_SERVER_ROUTE_CALLER_H
#define ARC_SERVER_ROUTE_CALLER_H

#include <stdint.h>

/* What a caller may do; each may do what those before it may. Routes say the least that they need. */
typedef enum arc_server_role {
    ARC_ROLE_ANYBODY, /* health */
    ARC_ROLE_READ,    /* look and ask */
    ARC_ROLE_ENROL,   /* put people and photos into the gallery */
    ARC_ROLE_ADMIN    /* everything */
} arc_server_role;

typedef struct arc_server_caller {
    arc_server_role role;
    int64_t key; /* the id of the key that was shown; 0 = none */
} arc_server_caller;

#endif
