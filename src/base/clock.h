/* base: the monotonic clock, which is not affected by changes of the time of day, and the time of day, for people to read. */
#ifndef ARC_BASE_CLOCK_H
#define ARC_BASE_CLOCK_H

#include <stdint.h>

uint64_t arc_clock_ns(void);      /* nanoseconds since some moment in the past */
int64_t arc_clock_today_ms(void); /* since 1970; it may go back */

#endif
