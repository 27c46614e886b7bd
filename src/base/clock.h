/* clock: time that only goes on. */
#ifndef ARC_BASE_CLOCK_H
#define ARC_BASE_CLOCK_H

#include <stdint.h>

uint64_t arc_clock_ns(void); /* monotonic */

#endif
