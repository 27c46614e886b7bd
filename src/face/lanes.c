/* face: searches many photos in lanes. A lane takes one photo at a time from its source to crops, with its share of the
 * threads, so decoding overlaps with the network; a few photos are searched one by one with all threads. A photo that fails
 * has its own error and does not stop the others. Order and bits don't depend on the number of lanes. searcher.c does the work
 * for one photo. */
#include "face/lanes.h"
#include "base/base.h"
#include "face/searcher.h"

#define LANES_MAX 32          /* for ready crops, which are small */
#define LANES_OF_PHOTOS_MAX 8 /* decoded photos in memory at a time */
#define ROUND_PHOTOS 16       /* photos of a lane between two embeddings: limits the crops in memory */
#define LANE_PHOTOS_MIN 2     /* for each lane; with fewer photos all threads work on one photo */
_Static_assert(ROUND_PHOTOS *LANES_MAX == ARC_ROUND_MAX, "a round of all lanes");

struct arc_lanes {
    arc_context *ctx;
    const arc_model *detector;
    const arc_pipeline_options *opt;
    arc_template align;
    int dim;
    arc_searcher *whole; /* works with all threads */
    arc_searcher *lane[LANES_MAX];
    int lanes; /* the most that may be made; each is made when first needed */
};

static arc_status new_searcher(arc_lanes *l, int own_threads, arc_searcher **out, arc_error *err) {
    return arc_searcher_new(l->ctx, l->detector, l->opt, l->align, l->dim, own_threads, out, err);
}

arc_status arc_lanes_new(arc_context *ctx, const arc_model *detector, const arc_pipeline_options *opt, arc_template align,
                         int dim, arc_lanes **out, arc_error *err) {
    *out = NULL;
    arc_lanes *l = arc_mem_new(&ctx->alloc, 1, sizeof *l);
    if (!l)
        return arc_fail_nomem(err, "a search for faces");
    const int most = opt->aligned ? LANES_MAX : LANES_OF_PHOTOS_MAX;
    *l = (arc_lanes){.ctx = ctx, .detector = detector, .opt = opt, .align = align, .dim = dim};
    /* each lane has the memory of its own network */
    l->lanes = ctx->low_memory ? 1 : ARC_MIN(most, arc_pool_threads(ctx->pool));
    const arc_status st = new_searcher(l, 0, &l->whole, err);
    if (st != ARC_OK)
        arc_lanes_free(&l);
    *out = l;
    return st;
}

void arc_lanes_free(arc_lanes **lanes) {
    if (!lanes || !*lanes)
        return;
    arc_lanes *l = *lanes;
    for (int i = 0; i < LANES_MAX; i++)
        arc_searcher_free(&l->lane[i]);
    arc_searcher_free(&l->whole);
    arc_mem_free(&l->ctx->alloc, l);
    *lanes = NULL;
}

/* ---- iteration over a source ---- */

arc_status arc_search_begin(arc_search *s, arc_lanes *lanes, const arc_photo_source *source, arc_error *err) {
    if (!source || !source->next)
        return arc_fail(err, ARC_EINVAL, "the source of photos has no function that gives the next one");
    *s = (arc_search){.lanes = lanes, .source = source};
    pthread_mutex_init(&s->lock, NULL);
    return ARC_OK;
}

void arc_search_end(arc_search *s) {
    if (s->lanes)
        pthread_mutex_destroy(&s->lock);
    *s = (arc_search){0};
}

/* The round ends before photo `index`. The lock must be held. */
static void stop_before(arc_search *s, int64_t index, arc_status st, const arc_error *error) {
    if (index >= s->stop)
        return;
    s->stop = index;
    s->ended = true;
    s->broken = st;
    s->error = *error;
}

/* Asks the source for a photo; false: it has no such photo. `locked`: the caller holds the lock. */
static bool ask_source(arc_search *s, int64_t index, arc_photo *photo, bool locked) {
    arc_error error = {0};
    *photo = (arc_photo){.kind = ARC_PHOTO_END};
    const arc_status st = s->source->next(s->source->ctx, index, photo, &error);
    if (st == ARC_OK && photo->kind != ARC_PHOTO_END)
        return true;
    if (st != ARC_OK && !error.text[0])
        (void)arc_fail(&error, st, "the source of photos broke at photo %lld", (long long)index);
    if (!locked)
        pthread_mutex_lock(&s->lock);
    stop_before(s, index, st, &error);
    if (!locked)
        pthread_mutex_unlock(&s->lock);
    return false;
}

/* The next photo of the round, for one lane; false: there is none, or the search was cancelled. */
static bool take_photo(arc_search *s, int64_t *index, arc_photo *photo) {
    const bool concurrent = s->source->concurrent;
    pthread_mutex_lock(&s->lock);
    bool taken = !s->cancelled && s->next < s->stop;
    if (taken) {
        *index = s->next++;
        taken = concurrent || ask_source(s, *index, photo, true);
    }
    pthread_mutex_unlock(&s->lock);
    return taken && (!concurrent || ask_source(s, *index, photo, false));
}

static void put_back(arc_search *s, int64_t index, arc_photo *photo) {
    const arc_photo_source *source = s->source;
    if (!source->release)
        return;
    if (!source->concurrent)
        pthread_mutex_lock(&s->lock);
    source->release(source->ctx, index, photo);
    if (!source->concurrent)
        pthread_mutex_unlock(&s->lock);
}

/* Reports progress; on the caller's thread only. */
static void report(arc_search *s, int64_t done) {
    if (!s->progress || done <= s->reported)
        return;
    s->reported = done;
    if (s->progress(s->progress_ctx, (int)done, (int)s->source->count) != 0) {
        pthread_mutex_lock(&s->lock);
        s->cancelled = true;
        pthread_mutex_unlock(&s->lock);
    }
}

/* Searches photos until there are no more. `reports`: this is the caller's thread. */
static void search_photos(arc_search *s, arc_searcher *searcher, bool reports) {
    int64_t index;
    arc_photo photo;
    while (take_photo(s, &index, &photo)) {
        arc_result *r = &s->result[index - s->first];
        *r = (arc_result){.path = photo.name, .label = photo.label};
        arc_searcher_run(searcher, &photo, r);
        put_back(s, index, &photo);
        pthread_mutex_lock(&s->lock);
        const int64_t done = ++s->done;
        pthread_mutex_unlock(&s->lock);
        if (reports)
            report(s, done);
    }
}

static void search_lanes(void *arg, size_t begin, size_t end, int thread) {
    arc_search *s = arg;
    for (size_t i = begin; i < end; i++)
        search_photos(s, s->lanes->lane[i], thread == 0);
}

static arc_status make_lanes(arc_lanes *l, arc_error *err) {
    for (int i = 0; i < l->lanes; i++)
        if (!l->lane[i]) {
            const arc_status st = new_searcher(l, arc_pool_threads(l->ctx->pool) / l->lanes, &l->lane[i], err);
            if (st != ARC_OK)
                return st;
        }
    return ARC_OK;
}

/* Discards photos that lanes had begun before the source ended or failed at an earlier one. */
static void forget_beyond(arc_search *s) {
    for (int64_t i = s->stop; i < s->next; i++)
        arc_result_free(s->lanes->ctx, &s->result[i - s->first]);
    s->next = ARC_MIN(s->next, s->stop);
}

arc_status arc_search_round(arc_search *s, arc_result *result, int room, int *count, arc_error *err) {
    arc_lanes *l = s->lanes;
    const int64_t known = s->source->count >= 0 ? ARC_MAX(s->source->count - s->next, (int64_t)0) : INT64_MAX;
    const int64_t left = ARC_MIN(known, (int64_t)room);
    *count = 0;
    if (left == 0 || s->ended) {
        s->ended |= known == 0;
        return ARC_OK;
    }
    /* the planner measures with all threads first, and the lanes then use its results */
    const bool first_of_all = l->ctx->tune && s->next == 0;
    const bool lanes = l->lanes > 1 && left >= LANE_PHOTOS_MIN * l->lanes && !first_of_all;
    arc_status st = lanes ? make_lanes(l, err) : ARC_OK;
    if (st != ARC_OK)
        return st;
    s->result = result;
    s->first = s->next;
    s->stop = s->first + (first_of_all ? 1 : ARC_MIN(left, (int64_t)ROUND_PHOTOS * l->lanes));
    for (int64_t i = s->first; i < s->stop; i++)
        result[i - s->first] = (arc_result){0};
    if (lanes)
        arc_pool_run(l->ctx->pool, (size_t)l->lanes, 1, search_lanes, s);
    else
        search_photos(s, l->whole, true);
    forget_beyond(s);
    if (!s->cancelled) /* the other lanes may have finished last */
        report(s, s->next);
    *count = (int)(s->next - s->first);
    s->ended |= s->source->count >= 0 && s->next >= s->source->count;
    if (s->broken != ARC_OK)
        return arc_fail(err, s->broken, "%s", s->error.text);
    if (s->cancelled)
        return arc_fail(err, ARC_ECANCEL, "cancelled after %lld of %lld photos", (long long)s->next, (long long)s->source->count);
    return ARC_OK;
}
