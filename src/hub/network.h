/* hub: what every user of libcurl needs once. */
#ifndef ARC_HUB_NETWORK_H
#define ARC_HUB_NETWORK_H

#include "base/base.h"

/* Starts the network library at its first call. Errors: ENETWORK. */
arc_status arc_network_start(arc_error *err);

#endif
