/* threads: the pool of worker threads. */
#ifndef ARC_BASE_THREADS_H
#define ARC_BASE_THREADS_H

#include "base/memory.h"

typedef struct arc_pool arc_pool;
/* fn handles tiles [begin,end) on thread index `thread` (0 = caller). Tiles are *outputs*: a reduction is never split,
 * so that results do not depend on the number of threads. */
typedef void arc_pool_fn(void *arg, size_t begin, size_t end, int thread);
arc_status arc_pool_new(arc_pool **out, const arc_alloc *a, int threads, arc_error *err);
void arc_pool_free(arc_pool **pool);
int arc_pool_threads(const arc_pool *pool); /* NULL pool = 1 */
/* Runs fn over all tiles and returns when all are done. A NULL pool runs on the caller. Not re-entrant from a tile. One caller
 * at a time (an internal mutex serialises callers). `grain` = tiles taken at once (0 = count/threads, one static share each). */
void arc_pool_run(arc_pool *pool, size_t count, size_t grain, arc_pool_fn *fn, void *arg);

#endif
