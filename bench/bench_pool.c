/* What one parallel region costs: the time of an empty arc_pool_run, back to back as layers run and after a pause as requests
 * arrive. */
#include "base/base.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void nothing(void *arg, size_t begin, size_t end, int thread) {
    (void)arg, (void)begin, (void)end, (void)thread;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_us(arc_pool *pool, int tiles, long pause_ns) {
    enum { RUNS = 2001 };
    static double us[RUNS];
    for (int i = 0; i < RUNS; i++) {
        if (pause_ns)
            nanosleep(&(struct timespec){0, pause_ns}, NULL);
        uint64_t start = arc_clock_ns();
        arc_pool_run(pool, (size_t)tiles, 1, nothing, NULL);
        us[i] = (double)(arc_clock_ns() - start) * 1e-3;
    }
    qsort(us, RUNS, sizeof us[0], compare);
    return us[RUNS / 2];
}

int main(int argc, char **argv) {
    int threads = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 2;
    arc_pool *pool;
    if (arc_pool_new(&pool, &arc_alloc_libc, threads, NULL) != ARC_OK)
        return 1;
    printf("{\"bench\":\"pool\",\"threads\":%d,\"back_to_back_us\":%.2f,\"after_1ms_pause_us\":%.2f}\n", threads,
           median_us(pool, threads * 2, 0), median_us(pool, threads * 2, 1000000));
    arc_pool_free(&pool);
    return 0;
}
