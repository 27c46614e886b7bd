/* train: the exchange of gradients: the training thread fills a block, a thread of its own sends it (ranks.h) while the next one
 * fills. What a block is, and its order, exchange.h says; the sums themselves are the ranks' own. */
#include "train/run/exchange.h"
#include "train/trainer/optimiser.h"
#include <math.h>
#include <pthread.h>

/* Size from which a block is sent: large enough that the fixed cost of a message does not matter, small enough that the
 * gradients of the last layers are on their way while those of the first ones are computed. */
#define BLOCK_FLOATS ((size_t)1 << 18)

typedef struct block {
    float *x;
    size_t n;
} block;

struct arc_exchange {
    const arc_alloc *alloc;
    const arc_ranks *ranks;
    block *block; /* [capacity] blocks of this step, in order */
    size_t capacity;
    block open; /* still growing until it is large enough to send; used by the giving thread only */

    pthread_mutex_t lock;
    pthread_cond_t more;
    size_t blocks, sent; /* under the lock: blocks handed to the sending thread, and blocks sent */
    bool complete;       /* under the lock: no more blocks follow */

    pthread_t thread;
    bool started; /* the sending thread runs */
    bool finite;
    arc_status st;
    arc_error err;
};

arc_status arc_exchange_new(arc_exchange **out, const arc_alloc *a, const arc_ranks *ranks, size_t parameters, arc_error *err) {
    *out = NULL;
    arc_exchange *e = arc_mem_new(a, 1, sizeof *e);
    block *blocks = arc_mem_new(a, parameters + 1, sizeof *blocks);
    if (!e || !blocks) {
        arc_mem_free(a, e);
        arc_mem_free(a, blocks);
        return arc_fail_nomem(err, "the exchange of gradients");
    }
    e->alloc = a;
    e->ranks = ranks;
    e->block = blocks;
    e->capacity = parameters + 1;
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->more, NULL);
    *out = e;
    return ARC_OK;
}

void arc_exchange_free(arc_exchange **exchange) {
    arc_exchange *e = exchange ? *exchange : NULL;
    if (!e)
        return;
    const arc_alloc *a = e->alloc;
    pthread_mutex_destroy(&e->lock);
    pthread_cond_destroy(&e->more);
    arc_mem_free(a, e->block);
    arc_mem_free(a, e);
    *exchange = NULL;
}

/* Waits for the next block to send; false when all are sent. */
static bool next(arc_exchange *e, block *out) {
    pthread_mutex_lock(&e->lock);
    while (e->sent == e->blocks && !e->complete)
        pthread_cond_wait(&e->more, &e->lock);
    const bool some = e->sent < e->blocks;
    if (some)
        *out = e->block[e->sent++];
    pthread_mutex_unlock(&e->lock);
    return some;
}

static void *send_blocks(void *arg) {
    arc_exchange *e = arg;
    block b;
    while (next(e, &b)) {
        if (e->st != ARC_OK) /* after an error the remaining blocks are not sent; the other ranks are told */
            continue;
        e->finite = e->finite && isfinite(arc_square_sum(NULL, b.n, b.x));
        e->st = arc_ranks_sum_floats(e->ranks, b.x, b.n, &e->err);
    }
    return NULL;
}

void arc_exchange_begin(arc_exchange *e) {
    e->open = (block){0};
    e->blocks = e->sent = 0;
    e->complete = false;
    e->finite = true;
    e->st = ARC_OK;
    e->err = (arc_error){0};
    e->started = pthread_create(&e->thread, NULL, send_blocks, e) == 0;
}

static void close_block(arc_exchange *e) {
    if (e->open.n == 0)
        return;
    pthread_mutex_lock(&e->lock);
    e->block[e->blocks++] = e->open;
    pthread_cond_signal(&e->more);
    pthread_mutex_unlock(&e->lock);
    e->open = (block){0};
}

/* Parameters come last first, and a gradient lies directly before that of the previous parameter, so a block grows downwards.
 * Between two gradients there may be zeros, for alignment. */
void arc_exchange_give(void *ctx, const arc_learn_parameter *p) {
    arc_exchange *e = ctx;
    const size_t room = arc_aligned(p->count * sizeof(float)) / sizeof(float);
    if (e->open.n > 0 && p->gradient + room == e->open.x) {
        e->open.x = p->gradient;
        e->open.n += room;
    } else {
        close_block(e);
        e->open = (block){p->gradient, p->count};
    }
    if (e->open.n >= BLOCK_FLOATS)
        close_block(e);
}

arc_status arc_exchange_end(arc_exchange *e, bool *finite, arc_error *err) {
    close_block(e);
    pthread_mutex_lock(&e->lock);
    e->complete = true;
    pthread_cond_signal(&e->more);
    pthread_mutex_unlock(&e->lock);
    if (e->started)
        pthread_join(e->thread, NULL);
    else
        send_blocks(e);
    *finite = e->finite;
    if (e->st != ARC_OK && err)
        *err = e->err;
    return e->st;
}
