/* base: the monotonic clock, which is not affected by changes of the time of day. */
#ifndef ARC_BASE_CLOCK_H
#define ARC_BASE_CLOCK_H

#include <stdint.h>

uint64_t arc_clock_ns(void); /* nanoseconds since some moment in the past */

#endif
