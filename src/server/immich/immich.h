/* server/immich: the door for Immich, in the place of its machine learning service: faces of a photo with their embeddings. */
#ifndef ARC_SERVER_IMMICH_IMMICH_H
#define ARC_SERVER_IMMICH_IMMICH_H

#include "server/route/route.h"

extern const arc_route_group arc_immich_group; /* "/ping" and "/predict" */

#endif
