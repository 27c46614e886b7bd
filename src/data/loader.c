/* data: the loader: a ring of batches, filled picture by picture by several threads and given out in order. loader.h describes
 * which samples a batch has. */
#include "data/loader.h"
#include "base/base.h"
#include "data/sampler.h"
#include "image/image.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define AHEAD_DEFAULT 3
#define MAX_THREADS 256
#define MAX_AHEAD 64
#define MAX_REPLACEMENTS 64 /* consecutive unreadable samples after which loading fails */
#define MAX_WARNINGS 8      /* unreadable samples that are named in the log */
#define AUGMENT_STREAM 0x6175676d656e7473u
#define REPLACE_STREAM 0x7265706c61636573u

typedef struct slot {
    uint8_t *rgb;
    int64_t *label, *record;
    arc_sampler sampler; /* of the slot's epoch */
    int64_t epoch, step;
    int done; /* pictures that are finished, successfully or not */
    arc_status st;
    arc_error err;
} slot;

typedef struct worker {
    arc_loader *loader;
    pthread_t thread;
    uint8_t *scratch;
} worker;

struct arc_loader {
    const arc_data_set *set;
    const arc_context *ctx;
    const arc_alloc *alloc;
    arc_loader_options opt;
    int64_t samples, steps;
    size_t picture_bytes;
    slot *ring; /* [ahead] */
    worker *workers;
    int started;

    pthread_mutex_t lock;
    pthread_cond_t work, ready;
    /* Guarded by `lock`. Batches are numbered from the last call of arc_loader_seek. */
    int64_t start_epoch, start_step; /* of batch 0 */
    int64_t head;                    /* the next batch to give out */
    int64_t oldest;                  /* the first batch whose slot is in use: head, or head - 1 while the caller uses that one */
    int64_t issue;                   /* the next picture to decode is number issue_at of this batch */
    int issue_at;
    int busy; /* threads that are decoding */
    bool quit;
    arc_loader_figures figures;
    int warned;
};

void arc_loader_options_default(arc_loader_options *opt) {
    *opt =
        (arc_loader_options){.batch = 64, .height_px = 112, .width_px = 112, .ranks = 1, .augment = {.flip = 0.5f}, .threads = 2};
}

/* ---- one picture ---- */

static void note_bad(arc_loader *l, int64_t sample, const arc_error *why) {
    char key[512];
    pthread_mutex_lock(&l->lock);
    l->figures.replaced++;
    const bool warn = l->warned < MAX_WARNINGS;
    l->warned += warn;
    pthread_mutex_unlock(&l->lock);
    if (!warn)
        return;
    arc_data_set_key(l->set, sample, key, sizeof key);
    arc_log(l->ctx, ARC_LOG_WARN, "%s: sample %s is left out: %s", arc_data_set_path(l->set), key, why->text);
}

/* Loads a sample. ARC_ENOMEM means that memory ran out, not that the sample is unreadable. */
static arc_status load_sample(arc_loader *l, int64_t sample, uint8_t *rgb, int64_t *label, arc_error *err) {
    arc_data_item item;
    char key[512];
    arc_status st = arc_data_set_read(l->set, sample, &item, err);
    if (st != ARC_OK)
        return st;
    arc_data_set_key(l->set, sample, key, sizeof key);
    st = arc_image_decode_into(l->ctx, item.bytes, item.count, key, rgb, l->opt.width_px, l->opt.height_px, err);
    *label = item.label;
    arc_data_item_release(&item);
    return st;
}

/* Loads picture `at` of a slot. */
static arc_status load_place(arc_loader *l, slot *s, int at, uint8_t *scratch, arc_error *err) {
    const uint64_t place =
        ((uint64_t)s->step * (uint64_t)l->opt.ranks + (uint64_t)l->opt.rank) * (uint64_t)l->opt.batch + (uint64_t)at;
    uint8_t *rgb = s->rgb + (size_t)at * l->picture_bytes;
    int64_t sample = (int64_t)arc_sampler_at(&s->sampler, place);
    arc_rng rng;
    arc_status st = load_sample(l, sample, rgb, &s->label[at], err);
    arc_rng_seed(&rng, arc_rng_hash(arc_rng_hash(l->opt.seed, REPLACE_STREAM), (uint64_t)s->epoch), place);
    for (int i = 0; st != ARC_OK && st != ARC_ENOMEM; i++) {
        if (i == MAX_REPLACEMENTS)
            return arc_fail(err, ARC_ECORRUPT, "%s: %d samples in a row cannot be read; \"arcface data verify\" names them",
                            arc_data_set_path(l->set), MAX_REPLACEMENTS);
        note_bad(l, sample, err);
        sample = (int64_t)(arc_rng_hash(rng.key, rng.counter++) % (uint64_t)l->samples);
        st = load_sample(l, sample, rgb, &s->label[at], err);
    }
    if (st != ARC_OK)
        return st;
    s->record[at] = sample;
    arc_rng_seed(&rng, arc_rng_hash(arc_rng_hash(l->opt.seed, AUGMENT_STREAM), (uint64_t)s->epoch), place);
    return arc_augment_apply(&l->opt.augment, l->ctx, rgb, l->opt.height_px, l->opt.width_px, &rng, scratch, err);
}

/* ---- the ring ---- */

static slot *slot_of(const arc_loader *l, int64_t batch) {
    return &l->ring[batch % l->opt.ahead];
}

static void begin_slot(arc_loader *l, int64_t batch) {
    slot *s = slot_of(l, batch);
    const int64_t step = l->start_step + batch;
    s->epoch = l->start_epoch + step / l->steps;
    s->step = step % l->steps;
    s->done = 0;
    s->st = ARC_OK;
    arc_sampler_init(&s->sampler, (uint64_t)l->samples, l->opt.seed, (uint64_t)s->epoch, !l->opt.in_order);
}

/* Takes the next picture to decode. The lock must be held. */
static slot *take(arc_loader *l, int *at) {
    slot *s = slot_of(l, l->issue);
    if (l->issue_at == 0)
        begin_slot(l, l->issue);
    *at = l->issue_at++;
    if (l->issue_at == l->opt.batch) {
        l->issue_at = 0;
        l->issue++;
    }
    return s;
}

static void finish(arc_loader *l, slot *s, arc_status st, const arc_error *err) {
    if (st != ARC_OK && s->st == ARC_OK) {
        s->st = st;
        s->err = *err;
    }
    l->figures.pictures++;
    s->done++;
}

static void *worker_main(void *arg) {
    worker *self = arg;
    arc_loader *l = self->loader;
    pthread_mutex_lock(&l->lock);
    for (;;) {
        while (!l->quit && l->issue >= l->oldest + l->opt.ahead)
            pthread_cond_wait(&l->work, &l->lock);
        if (l->quit)
            break;
        int at;
        arc_error err = {0};
        slot *s = take(l, &at);
        l->busy++;
        pthread_mutex_unlock(&l->lock);
        const arc_status st = load_place(l, s, at, self->scratch, &err);
        pthread_mutex_lock(&l->lock);
        finish(l, s, st, &err);
        l->busy--;
        if (s->done == l->opt.batch || l->busy == 0)
            pthread_cond_broadcast(&l->ready);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* Without threads: the caller decodes the remaining pictures of the batch. */
static void fill_here(arc_loader *l) {
    while (l->issue <= l->head) {
        int at;
        arc_error err = {0};
        slot *s = take(l, &at);
        pthread_mutex_unlock(&l->lock);
        const arc_status st = load_place(l, s, at, l->workers[0].scratch, &err);
        pthread_mutex_lock(&l->lock);
        finish(l, s, st, &err);
    }
}

arc_status arc_loader_next(arc_loader *l, arc_batch *batch, arc_error *err) {
    pthread_mutex_lock(&l->lock);
    l->oldest = l->head;
    pthread_cond_broadcast(&l->work);
    slot *s = slot_of(l, l->head);
    if (l->opt.threads == 0)
        fill_here(l);
    else if (l->issue <= l->head || s->done < l->opt.batch) {
        const uint64_t from = arc_clock_ns();
        while (l->issue <= l->head || s->done < l->opt.batch)
            pthread_cond_wait(&l->ready, &l->lock);
        l->figures.waited_ns += arc_clock_ns() - from;
    }
    l->head++;
    const arc_status st = s->st;
    *batch = (arc_batch){s->rgb, s->label, s->record, l->opt.batch, s->epoch, s->step};
    pthread_mutex_unlock(&l->lock);
    if (st == ARC_OK)
        return ARC_OK;
    if (err)
        *err = s->err;
    *batch = (arc_batch){0};
    return st;
}

void arc_loader_seek(arc_loader *l, int64_t epoch, int64_t step) {
    pthread_mutex_lock(&l->lock);
    l->issue = INT64_MAX / 2; /* no more pictures are taken */
    while (l->busy)
        pthread_cond_wait(&l->ready, &l->lock);
    l->start_epoch = epoch;
    l->start_step = step;
    l->head = l->oldest = l->issue = 0;
    l->issue_at = 0;
    for (int i = 0; i < l->opt.ahead; i++)
        l->ring[i].done = 0;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
}

int64_t arc_loader_steps(const arc_loader *l) {
    return l->steps;
}

arc_loader_figures arc_loader_figures_get(arc_loader *l) {
    pthread_mutex_lock(&l->lock);
    const arc_loader_figures figures = l->figures;
    pthread_mutex_unlock(&l->lock);
    return figures;
}

/* ---- creation ---- */

static arc_status check_options(const arc_data_set *set, const arc_loader_options *o, arc_error *err) {
    if (o->batch < 1 || o->batch > 1 << 20 || o->height_px < 1 || o->width_px < 1 || o->height_px > 4096 || o->width_px > 4096)
        return arc_fail(err, ARC_EINVAL, "a batch of %d pictures of %d x %d pixels cannot be made", o->batch, o->width_px,
                        o->height_px);
    if (o->ranks < 1 || o->rank < 0 || o->rank >= o->ranks)
        return arc_fail(err, ARC_EINVAL, "rank %d of %d does not exist", o->rank, o->ranks);
    if (o->threads < 0 || o->threads > MAX_THREADS || o->ahead < 0 || o->ahead > MAX_AHEAD)
        return arc_fail(err, ARC_EINVAL, "%d threads and %d batches ahead: at most %d and %d", o->threads, o->ahead, MAX_THREADS,
                        MAX_AHEAD);
    if (arc_data_set_identities(set) < 2)
        return arc_fail(err, ARC_EINVAL, "%s: has one identity; two are needed to tell apart", arc_data_set_path(set));
    if (arc_data_set_samples(set) < (int64_t)o->batch * o->ranks)
        return arc_fail(err, ARC_EINVAL, "%s: has %" PRId64 " pictures, fewer than one step takes (%d ranks of batch %d)",
                        arc_data_set_path(set), arc_data_set_samples(set), o->ranks, o->batch);
    return ARC_OK;
}

static arc_status make_ring(arc_loader *l, arc_error *err) {
    const size_t n = (size_t)l->opt.batch;
    l->ring = arc_mem_new(l->alloc, (size_t)l->opt.ahead, sizeof *l->ring);
    l->workers = arc_mem_new(l->alloc, (size_t)ARC_MAX(l->opt.threads, 1), sizeof *l->workers);
    bool good = l->ring && l->workers;
    for (int i = 0; good && i < l->opt.ahead; i++) {
        l->ring[i].rgb = arc_mem_raw(l->alloc, n, l->picture_bytes);
        l->ring[i].label = arc_mem_new(l->alloc, n, sizeof(int64_t));
        l->ring[i].record = arc_mem_new(l->alloc, n, sizeof(int64_t));
        good = l->ring[i].rgb && l->ring[i].label && l->ring[i].record;
    }
    for (int i = 0; good && i < ARC_MAX(l->opt.threads, 1); i++) {
        l->workers[i].loader = l;
        l->workers[i].scratch = arc_mem_raw(l->alloc, 1, arc_augment_scratch_bytes(l->opt.height_px, l->opt.width_px));
        good = l->workers[i].scratch;
    }
    return good ? ARC_OK : arc_fail_nomem(err, "the loader's batches");
}

arc_status arc_loader_new(arc_loader **out, const arc_data_set *set, const arc_loader_options *opt, arc_error *err) {
    *out = NULL;
    arc_status st = check_options(set, opt, err);
    if (st != ARC_OK)
        return st;
    const arc_context *ctx = arc_data_set_context(set);
    arc_loader *l = arc_mem_new(&ctx->alloc, 1, sizeof *l);
    if (!l)
        return arc_fail_nomem(err, "the loader");
    l->set = set;
    l->ctx = ctx;
    l->alloc = &ctx->alloc;
    l->opt = *opt;
    l->opt.ahead = opt->threads == 0 ? 1 : opt->ahead ? ARC_MAX(opt->ahead, 2) : AHEAD_DEFAULT;
    l->samples = arc_data_set_samples(set);
    l->steps = l->samples / ((int64_t)opt->batch * opt->ranks);
    l->picture_bytes = (size_t)opt->height_px * (size_t)opt->width_px * 3;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->work, NULL);
    pthread_cond_init(&l->ready, NULL);
    ARC_TRY(make_ring(l, err));
    for (; l->started < opt->threads; l->started++)
        if (pthread_create(&l->workers[l->started].thread, NULL, worker_main, &l->workers[l->started]) != 0)
            ARC_TRY(arc_fail(err, ARC_ELIMIT, "cannot start thread %d of %d for loading; ask for fewer", l->started + 1,
                             opt->threads));
    *out = l;
done:
    if (st != ARC_OK)
        arc_loader_free(&l);
    return st;
}

void arc_loader_free(arc_loader **ptr) {
    if (!ptr || !*ptr)
        return;
    arc_loader *l = *ptr;
    *ptr = NULL;
    pthread_mutex_lock(&l->lock);
    l->quit = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
    for (int i = 0; i < l->started; i++)
        pthread_join(l->workers[i].thread, NULL);
    for (int i = 0; l->ring && i < l->opt.ahead; i++) {
        arc_mem_free(l->alloc, l->ring[i].rgb);
        arc_mem_free(l->alloc, l->ring[i].label);
        arc_mem_free(l->alloc, l->ring[i].record);
    }
    for (int i = 0; l->workers && i < ARC_MAX(l->opt.threads, 1); i++)
        arc_mem_free(l->alloc, l->workers[i].scratch);
    arc_mem_free(l->alloc, l->ring);
    arc_mem_free(l->alloc, l->workers);
    pthread_cond_destroy(&l->ready);
    pthread_cond_destroy(&l->work);
    pthread_mutex_destroy(&l->lock);
    arc_mem_free(l->alloc, l);
}
