/* base: the worker threads of a context; the caller works too. Each thread has its own share of the tiles, the same part in
 * every run, so that it finds in its cache what it wrote in the run before; a thread that has finished takes tiles of others.
 * Workers spin for a short time between runs (a network is a few hundred short runs in a row) and then sleep on a condition
 * variable, so an idle process uses no CPU. */
#include "base/base.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define SPIN_NS 50000 /* about the time of one layer of a small network */

typedef struct worker {
    arc_pool *pool;
    pthread_t thread;
    int index;
} worker;

/* The tiles of one thread, in a cache line of its own. */
typedef struct share {
    _Alignas(64) atomic_size_t next;
    size_t end;
} share;

struct arc_pool {
    const arc_alloc *alloc;
    int threads; /* including the caller */
    int started; /* workers whose thread was started */
    worker *workers;

    pthread_mutex_t caller; /* allows one run at a time */
    pthread_mutex_t lock;   /* guards sleeping */
    pthread_cond_t wake;

    /* The current run. `generation` publishes it. */
    arc_pool_fn *fn;
    void *arg;
    size_t grain;
    share *share;      /* [threads] */
    atomic_bool open;  /* whether workers may still enter: a late one may not, and the caller need not wait for it to wake up */
    atomic_int active; /* workers that are in the run */
    atomic_uint generation;
    atomic_bool quit;
};

static void cpu_relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void work(arc_pool *pool, int index) {
    for (int i = 0; i < pool->threads; i++) {
        share *from = &pool->share[(index + i) % pool->threads];
        for (;;) {
            const size_t begin = atomic_fetch_add_explicit(&from->next, pool->grain, memory_order_relaxed);
            if (begin >= from->end)
                break;
            pool->fn(pool->arg, begin, ARC_MIN(from->end, begin + pool->grain), index);
        }
    }
}

/* Waits for the next generation and returns it: spins first, then sleeps. */
static unsigned await_generation(arc_pool *pool, unsigned seen) {
    uint64_t start = arc_clock_ns();
    do {
        for (int i = 0; i < 64; i++) {
            unsigned now = atomic_load_explicit(&pool->generation, memory_order_acquire);
            if (now != seen)
                return now;
            cpu_relax();
        }
    } while (arc_clock_ns() - start < SPIN_NS);
    pthread_mutex_lock(&pool->lock);
    unsigned now;
    while ((now = atomic_load_explicit(&pool->generation, memory_order_acquire)) == seen)
        pthread_cond_wait(&pool->wake, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
    return now;
}

static void *worker_main(void *arg) {
    worker *self = arg;
    arc_pool *pool = self->pool;
    unsigned seen = 0;
    for (;;) {
        seen = await_generation(pool, seen);
        if (atomic_load_explicit(&pool->quit, memory_order_relaxed))
            return NULL;
        /* A worker enters, then reads `open`; the caller closes, then reads `active`. One of the two sees the other
         * (sequential consistency). */
        atomic_fetch_add(&pool->active, 1);
        if (atomic_load(&pool->open))
            work(pool, self->index);
        atomic_fetch_sub_explicit(&pool->active, 1, memory_order_release);
    }
}

static void publish(arc_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add_explicit(&pool->generation, 1, memory_order_release);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

arc_status arc_pool_new(arc_pool **out, const arc_alloc *a, int threads, arc_error *err) {
    *out = NULL;
    arc_pool *pool = arc_mem_new(a, 1, sizeof *pool);
    if (!pool)
        return arc_fail_nomem(err, "the thread pool");
    pool->alloc = a;
    pool->threads = ARC_MAX(threads, 1);
    pthread_mutex_init(&pool->caller, NULL);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->workers = arc_mem_new(a, (size_t)pool->threads, sizeof *pool->workers);
    pool->share = arc_mem_new(a, (size_t)pool->threads, sizeof *pool->share);
    if (!pool->workers || !pool->share) {
        arc_pool_free(&pool);
        return arc_fail_nomem(err, "the thread pool");
    }
    for (int i = 1; i < pool->threads; i++) {
        worker *w = &pool->workers[pool->started];
        *w = (worker){.pool = pool, .index = i};
        if (pthread_create(&w->thread, NULL, worker_main, w) != 0) {
            int asked = pool->threads;
            arc_pool_free(&pool);
            return arc_fail(err, ARC_ELIMIT, "cannot start thread %d of %d; ask for fewer threads", i + 1, asked);
        }
        pool->started++;
    }
    *out = pool;
    return ARC_OK;
}

void arc_pool_free(arc_pool **ptr) {
    if (!ptr || !*ptr)
        return;
    arc_pool *pool = *ptr;
    *ptr = NULL;
    atomic_store(&pool->quit, true);
    publish(pool);
    for (int i = 0; i < pool->started; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    pthread_mutex_destroy(&pool->caller);
    arc_mem_free(pool->alloc, pool->workers);
    arc_mem_free(pool->alloc, pool->share);
    arc_mem_free(pool->alloc, pool);
}

int arc_pool_threads(const arc_pool *pool) {
    return pool ? pool->threads : 1;
}

void arc_pool_run(arc_pool *pool, size_t count, size_t grain, arc_pool_fn *fn, void *arg) {
    if (count == 0)
        return;
    size_t threads = (size_t)arc_pool_threads(pool);
    if (grain == 0)
        grain = (count + threads - 1) / threads;
    if (threads == 1 || grain >= count) {
        fn(arg, 0, count, 0);
        return;
    }
    pthread_mutex_lock(&pool->caller);
    pool->fn = fn;
    pool->arg = arg;
    pool->grain = grain;
    const size_t chunks = (count - 1) / grain + 1;
    for (size_t t = 0; t < threads; t++) {
        atomic_store_explicit(&pool->share[t].next, chunks * t / threads * grain, memory_order_relaxed);
        pool->share[t].end = ARC_MIN(count, chunks * (t + 1) / threads * grain);
    }
    atomic_store(&pool->open, true);
    publish(pool);
    work(pool, 0);
    atomic_store(&pool->open, false);
    /* The last tiles end within the time of one tile; yield in case a worker has lost its core. */
    for (unsigned spins = 0; atomic_load(&pool->active) > 0; spins++) {
        if (spins < 4096)
            cpu_relax();
        else
            sched_yield();
    }
    pthread_mutex_unlock(&pool->caller);
}
