/* What the benchmarks of networks measure alike: the order of times, for their median, and the memory of the process. */
#ifndef ARC_BENCH_MEASURE_H
#define ARC_BENCH_MEASURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* VmHWM, the largest resident size so far, in KiB. */
static inline long peak_kib(void) {
    char line[256];
    long kib = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "VmHWM:", 6) == 0)
            kib = strtol(line + 6, NULL, 10);
    if (f)
        fclose(f);
    return kib;
}

#endif
