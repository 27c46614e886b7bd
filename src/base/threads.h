/* base: the pool of worker threads (pool.c). */
#ifndef ARC_BASE_THREADS_H
#define ARC_BASE_THREADS_H

#include "base/memory.h"

typedef struct arc_pool arc_pool;
/* fn computes the tiles [begin,end) on thread `thread` (0 = the caller). Tiles are parts of the *output*: a reduction is never
 * split, so results do not depend on the number of threads. */
typedef void arc_pool_fn(void *arg, size_t begin, size_t end, int thread);
arc_status arc_pool_new(arc_pool **out, const arc_alloc *a, int threads, arc_error *err);
void arc_pool_free(arc_pool **pool);
int arc_pool_threads(const arc_pool *pool); /* NULL pool = 1 */
/* Runs fn over all tiles and returns when all are done. A NULL pool runs everything on the caller. Must not be called from
 * within a tile. One caller at a time (an internal mutex makes others wait). `grain`: tiles that are taken at once (0 =
 * count/threads, one fixed share for each thread). */
void arc_pool_run(arc_pool *pool, size_t count, size_t grain, arc_pool_fn *fn, void *arg);

#endif
