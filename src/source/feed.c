/* source: what the walk finds as a source of photos. Photos are found one at a time under a lock, in order, and stand in a window
 * of the last ARC_FEED_NAMES_KEPT until they were released and so many came after them. */
#include "base/base.h"
#include "source/fetch.h"
#include "source/kinds.h"
#include "source/walk.h"
#include <arcface/feed.h>
#include <pthread.h>
#include <string.h>

#define AHEAD 64          /* so many photos are looked for when the feed is opened, so that the number of few is known; */
#define AHEAD_IN_MEMORY 3 /* so many, when their bytes are in memory */
_Static_assert((ARC_FEED_NAMES_KEPT & (ARC_FEED_NAMES_KEPT - 1)) == 0, "places in the window are found with a mask");

/* A photo that was found. Its texts follow it in memory. */
typedef struct entry {
    arc_photo photo;
    arc_error failure;
    uint8_t *bytes;
    const char *address; /* of a photo that is still to be fetched; NULL: none */
    bool out;            /* not released yet */
} entry;

struct arc_feed {
    arc_context *ctx;
    pthread_mutex_t lock; /* of everything below */
    arc_walk *walk;
    arc_fetcher *fetcher; /* NULL: nothing was fetched yet */
    arc_feed_options opt;
    entry **place; /* [places], of photo i: place[i % places] */
    size_t places; /* a power of two */
    int64_t found; /* photos 0..found-1 */
    bool ended;    /* there are no more */
    int64_t parts;
    int64_t held; /* photos whose bytes were read, released or not */
};

void arc_feed_options_default(arc_feed_options *opt) {
    *opt = (arc_feed_options){
        .struct_size = sizeof *opt, .max_bytes = ARC_FEED_MAX_BYTES_DEFAULT, .timeout_s = 60, .max_redirects = 5};
}

static entry **place_of(arc_feed *f, int64_t index) {
    return &f->place[(size_t)index & (f->places - 1)];
}

static void entry_free(arc_feed *f, entry *e) {
    if (e)
        arc_mem_free(&f->ctx->alloc, e->bytes);
    arc_mem_free(&f->ctx->alloc, e);
}

/* Makes the place of the next photo free: what was released leaves the window, what was not makes it larger. */
static arc_status make_place(arc_feed *f, arc_error *err) {
    entry *old = *place_of(f, f->found);
    if (!old || !old->out) {
        entry_free(f, old);
        *place_of(f, f->found) = NULL;
        return ARC_OK;
    }
    entry **place = arc_mem_new(&f->ctx->alloc, 2 * f->places, sizeof(entry *));
    if (!place)
        return arc_fail_nomem(err, "photos");
    for (int64_t i = f->found - (int64_t)f->places; i < f->found; i++)
        place[(size_t)i & (2 * f->places - 1)] = *place_of(f, i);
    arc_mem_free(&f->ctx->alloc, f->place);
    f->place = place;
    f->places *= 2;
    return ARC_OK;
}

static entry *entry_of(arc_feed *f, const arc_found *found) {
    const size_t bytes = strlen(found->name) + 1;
    const bool address = found->kind == ARC_FOUND_ADDRESS;
    entry *e = arc_mem_new(&f->ctx->alloc, 1, sizeof *e + (address ? 3 : 1) * bytes);
    if (!e)
        return NULL;
    char *name = memcpy(e + 1, found->name, bytes);
    e->out = true;
    e->bytes = found->bytes;
    e->failure = found->failure;
    switch (found->kind) {
    case ARC_FOUND_FAILED:
        e->photo = arc_photo_failed(&e->failure, name);
        break;
    case ARC_FOUND_BYTES:
        e->photo = arc_photo_from_bytes(e->bytes, found->byte_count, name);
        break;
    case ARC_FOUND_ADDRESS:
        e->address = name;
        arc_address_name(name, name + bytes, bytes);
        arc_address_label(name, name + 2 * bytes, bytes);
        e->photo = arc_photo_from_bytes(NULL, 0, name + bytes);
        e->photo.label = name + 2 * bytes;
        break;
    default:
        e->photo = arc_photo_from_path(name);
    }
    return e;
}

/* Finds one photo more, or that there is none. The lock must be held. */
static arc_status find_next(arc_feed *f, arc_error *err) {
    arc_found found;
    arc_status st = make_place(f, err);
    if (st == ARC_OK)
        st = arc_walk_next(f->walk, &found, err);
    if (st != ARC_OK)
        return st;
    f->ended = found.kind == ARC_FOUND_END;
    if (f->ended)
        return ARC_OK;
    entry *e = entry_of(f, &found);
    if (!e) {
        arc_mem_free(&f->ctx->alloc, found.bytes);
        return arc_fail_nomem(err, found.name);
    }
    *place_of(f, f->found++) = e;
    f->parts += found.part;
    f->held += found.bytes != NULL;
    return ARC_OK;
}

#ifdef ARC_WITH_URLS
/* Fetches a photo, which nobody else has. The lock must not be held: others go on meanwhile. */
static void fetch(arc_feed *f, entry *e) {
    size_t count = 0;
    const arc_fetch_limits limits = {f->opt.max_bytes, f->opt.timeout_s, f->opt.max_redirects};
    arc_status st = ARC_OK;
    pthread_mutex_lock(&f->lock);
    if (!f->fetcher)
        st = arc_fetcher_new(&f->fetcher, &f->ctx->alloc, &limits, &e->failure);
    pthread_mutex_unlock(&f->lock);
    if (st == ARC_OK)
        st = arc_fetch(f->fetcher, e->address, e->photo.label, &e->bytes, &count, &e->failure);
    const char *label = e->photo.label;
    e->photo = st == ARC_OK ? arc_photo_from_bytes(e->bytes, count, e->photo.name) : arc_photo_failed(&e->failure, e->photo.name);
    e->photo.label = label;
    e->address = NULL;
}
#endif

static arc_status next(void *ctx, int64_t index, arc_photo *photo, arc_error *err) {
    arc_feed *f = ctx;
    arc_status st = ARC_OK;
    entry *e = NULL;
    *photo = (arc_photo){.kind = ARC_PHOTO_END};
    pthread_mutex_lock(&f->lock);
    while (st == ARC_OK && f->found <= index && !f->ended)
        st = find_next(f, err);
    if (st == ARC_OK && index < f->found) {
        e = index >= f->found - (int64_t)f->places ? *place_of(f, index) : NULL;
        if (!e || !e->out)
            st = arc_fail(err, ARC_EINVAL, "photo %lld of a feed was given already", (long long)index);
    }
    pthread_mutex_unlock(&f->lock);
    if (st != ARC_OK || !e)
        return st;
#ifdef ARC_WITH_URLS
    if (e->address && !f->opt.names_only)
        fetch(f, e);
#endif
    *photo = e->photo;
    return ARC_OK;
}

static void release(void *ctx, int64_t index, arc_photo *photo) {
    arc_feed *f = ctx;
    (void)photo;
    pthread_mutex_lock(&f->lock);
    entry *e = *place_of(f, index);
    if (e && e->out) {
        arc_mem_free(&f->ctx->alloc, e->bytes);
        e->bytes = NULL;
        e->out = false;
    }
    pthread_mutex_unlock(&f->lock);
}

void arc_feed_source(arc_feed *feed, arc_photo_source *source) {
    arc_photo_source_default(source);
    source->next = next;
    source->release = release;
    source->ctx = feed;
    source->count = feed->ended ? feed->found : -1;
    source->concurrent = true;
}

void arc_feed_tally_get(arc_feed *feed, arc_feed_tally *tally) {
    *tally = (arc_feed_tally){0};
    pthread_mutex_lock(&feed->lock);
    tally->photos = feed->found;
    tally->parts = feed->parts;
    arc_walk_skipped(feed->walk, tally);
    pthread_mutex_unlock(&feed->lock);
}

arc_status arc_feed_open(arc_context *ctx, const char *const *names, int count, const arc_feed_options *opt, arc_feed **out,
                         arc_error *err) {
    arc_feed_options own;
    *out = NULL;
    if (ARC_CHECK_OPTIONS(arc_feed_options, opt, err) != ARC_OK)
        return ARC_EINVAL;
    arc_feed_options_default(&own);
    if (opt)
        own = *opt;
    if (own.max_bytes <= 0 || own.timeout_s <= 0 || own.max_redirects < 0)
        return arc_fail(err, ARC_EINVAL, "a feed needs limits above 0, not %lld bytes, %d s and %d redirects",
                        (long long)own.max_bytes, own.timeout_s, own.max_redirects);
    arc_feed *f = *out = arc_mem_new(&ctx->alloc, 1, sizeof *f);
    if (!f)
        return arc_fail_nomem(err, "photos");
    f->ctx = ctx;
    f->opt = own;
    pthread_mutex_init(&f->lock, NULL);
    f->places = ARC_FEED_NAMES_KEPT;
    f->place = arc_mem_new(&ctx->alloc, f->places, sizeof(entry *));
    arc_status st = f->place ? arc_walk_open(&f->walk, ctx, names, count, &own, err) : arc_fail_nomem(err, "photos");
    while (st == ARC_OK && !f->ended && f->found < (f->held ? AHEAD_IN_MEMORY : AHEAD))
        st = find_next(f, err);
    if (st != ARC_OK)
        arc_feed_close(out);
    return st;
}

void arc_feed_close(arc_feed **feed) {
    if (!feed || !*feed)
        return;
    arc_feed *f = *feed;
    arc_walk_close(&f->walk);
#ifdef ARC_WITH_URLS
    arc_fetcher_free(&f->fetcher);
#endif
    for (size_t i = 0; f->place && i < f->places; i++)
        entry_free(f, f->place[i]);
    pthread_mutex_destroy(&f->lock);
    arc_mem_free(&f->ctx->alloc, f->place);
    arc_mem_free(&f->ctx->alloc, f);
    *feed = NULL;
}
