/* gallery: several galleries searched as one. All decide by one threshold, that of their size together, so that each gives what
 * it would give as a part of one gallery; the best of the best, in the same order, are then what one gallery would give. */
#include "gallery/shards.h"
#include "base/hash.h"
#include "gallery/gallery_internal.h"
#include "gallery/remote/remote.h"
#include <arcface/gallery_shards.h>
#include <math.h>
#include <string.h>

struct arc_shards {
    arc_context *ctx;
    int count;
    arc_gallery *gallery[ARC_SHARDS_MAX]; /* NULL: a remote one */
    arc_remote *remote[ARC_SHARDS_MAX];
};

/* One shard's part of a call. */
typedef struct part {
    arc_gallery *gallery; /* or */
    arc_remote *remote;
    bool empty; /* not bound: nobody is in it */
    arc_binding binding;
    int64_t comparisons;
    const float *probes;
    int count;
    const arc_gallery_query *query;
    arc_answer *answers; /* [count] */
    pthread_t thread;
    bool started;
    arc_status st;
    arc_error err;
} part;

/* ---- opening ---- */

arc_status arc_shards_open(arc_context *ctx, const char *const *locations, int count, const arc_gallery_options *opt,
                           arc_shards **out, arc_error *err) {
    arc_status st = ARC_CHECK_OPTIONS(arc_gallery_options, opt, err);
    *out = NULL;
    if (st != ARC_OK)
        return st;
    if (count < 1 || count > ARC_SHARDS_MAX)
        return arc_fail(err, ARC_EINVAL, "%d shards; there can be 1 to %d", count, ARC_SHARDS_MAX);
    for (int i = 0; i < count; i++)
        for (int k = 0; k < i; k++)
            if (strcmp(locations[i], locations[k]) == 0)
                return arc_fail(err, ARC_EINVAL, "shard %d is shard %d: a gallery is named twice", i + 1, k + 1);
    arc_shards *s = arc_mem_new(&ctx->alloc, 1, sizeof *s);
    if (!s)
        return arc_fail_nomem(err, "shards");
    s->ctx = ctx;
    for (; s->count < count && st == ARC_OK; s->count++)
        st = arc_remote_is(locations[s->count]) ? arc_remote_open(ctx, locations[s->count], &s->remote[s->count], err)
                                                : arc_gallery_open(ctx, locations[s->count], opt, &s->gallery[s->count], err);
    if (st != ARC_OK)
        arc_shards_close(&s);
    *out = s;
    return st;
}

void arc_shards_close(arc_shards **shards) {
    arc_shards *s = *shards;
    if (!s)
        return;
    for (int i = 0; i < s->count; i++) {
        arc_gallery_close(&s->gallery[i]);
        arc_remote_close(&s->remote[i]);
    }
    arc_mem_free(&s->ctx->alloc, s);
    *shards = NULL;
}

int arc_shards_count(const arc_shards *shards) {
    return shards->count;
}

arc_gallery *arc_shards_gallery(arc_shards *shards, int shard) {
    return shard >= 0 && shard < shards->count ? shards->gallery[shard] : NULL;
}

/* Of a remote shard what it is bound to is asked for. */
static arc_status check_remote(arc_remote *remote, const arc_binding *wanted, arc_error *err) {
    arc_binding b;
    int64_t comparisons;
    const arc_status st = arc_remote_look(remote, &b, &comparisons, err);
    if (st != ARC_OK || b.dim == 0 || (b.dim == wanted->dim && strcmp(b.model_sha256, wanted->model_sha256) == 0))
        return st;
    return arc_fail(err, ARC_EINVAL, "%s: its gallery is bound to %s (sha256 %.12s...), and %s (%.12s...) is another model",
                    arc_remote_label(remote), b.model_name, b.model_sha256, wanted->model_name, wanted->model_sha256);
}

arc_status arc_shards_check_model(arc_shards *s, const arc_model *model, arc_error *err) {
    arc_binding wanted = {.dim = 0};
    arc_status st = ARC_OK;
    for (int i = 0; st == ARC_OK && i < s->count; i++) {
        arc_gallery_facts facts;
        if (s->gallery[i]) {
            st = arc_gallery_facts_of(s->gallery[i], &facts, err);
            if (st == ARC_OK && facts.dim > 0)
                st = arc_gallery_bind(s->gallery[i], model, err);
            continue;
        }
        if (wanted.dim == 0)
            st = arc_gallery_binding_of_model(model, &wanted, err);
        if (st == ARC_OK)
            st = check_remote(s->remote[i], &wanted, err);
    }
    return st;
}

int arc_shards_home(const arc_shards *shards, const char *name) {
    return (int)(arc_hash_bytes(ARC_HASH_START, name, strlen(name)) % (uint64_t)shards->count);
}

/* ---- searching ---- */

static const char *location_of(const part *p) {
    return p->remote ? arc_remote_label(p->remote) : p->gallery->location;
}

/* What a shard is now: its model and how many it compares with. */
static arc_status look(part *p, arc_error *err) {
    arc_gallery *g = p->gallery;
    arc_status st = p->remote ? arc_remote_look(p->remote, &p->binding, &p->comparisons, err) : arc_gallery_enter(g, false, err);
    p->empty = p->binding.dim == 0;
    if (p->remote)
        return st;
    if (st != ARC_OK)
        return st;
    p->binding = g->binding;
    st = arc_gallery_leave(g, ARC_OK, err);
    p->empty = p->binding.dim == 0;
    if (st != ARC_OK || p->empty)
        return st;
    bool in_database;
    st = arc_gallery_refresh(g, p->query->place, &in_database, err);
    if (st != ARC_OK)
        return st;
    pthread_mutex_lock(&g->lock);
    p->binding = g->binding;
    p->comparisons = g->binding.fusion == ARC_FUSE_MAX ? g->counts.templates : g->counts.identities;
    pthread_mutex_unlock(&g->lock);
    return ARC_OK;
}

static void *look_and_keep(void *arg) {
    part *p = arg;
    p->st = look(p, &p->err);
    return NULL;
}

static void *identify(void *arg) {
    part *p = arg;
    if (p->empty)
        p->st = ARC_OK;
    else if (p->remote)
        p->st = arc_remote_identify(p->remote, p->probes, p->count, &p->binding, p->query, p->answers, &p->err);
    else
        p->st = arc_gallery_identify(p->gallery, p->probes, p->count, p->query, p->answers, &p->err);
    return NULL;
}

/* Work of all shards at the same time; the first that failed, if one did. */
static arc_status all_at_once(part *parts, int count, void *work(void *), arc_error *err) {
    arc_status st = ARC_OK;
    for (int i = 0; i < count; i++) {
        parts[i].started = i > 0 && pthread_create(&parts[i].thread, NULL, work, &parts[i]) == 0;
        if (!parts[i].started && i > 0) /* no thread to be had: here and now */
            work(&parts[i]);
    }
    work(&parts[0]);
    for (int i = 0; i < count; i++) {
        if (parts[i].started)
            pthread_join(parts[i].thread, NULL);
        if (parts[i].st != ARC_OK && st == ARC_OK) {
            st = parts[i].st;
            if (err)
                *err = parts[i].err;
        }
    }
    return st;
}

static bool same_model(const arc_binding *a, const arc_binding *b) {
    return a->dim == b->dim && a->fusion == b->fusion && strcmp(a->model_sha256, b->model_sha256) == 0 &&
           strcmp(a->model_name, b->model_name) == 0;
}

/* The one binding of all that have one; NULL: none has. */
static arc_status one_binding(const part *parts, int count, const arc_binding **out, arc_error *err) {
    const part *first = NULL;
    *out = NULL;
    for (int i = 0; i < count; i++) {
        if (parts[i].empty)
            continue;
        if (first && !same_model(&first->binding, &parts[i].binding))
            return arc_fail(
                err, ARC_EINVAL,
                "%s is bound to %s and %s to %s, or they fuse scores in different ways: shards of one gallery need the "
                "same model; \"arcface gallery migrate\" moves one",
                location_of(first), first->binding.model_name, location_of(&parts[i]), parts[i].binding.model_name);
        first = first ? first : &parts[i];
    }
    *out = first ? &first->binding : NULL;
    return ARC_OK;
}

/* ---- the best of the best ---- */

/* As one gallery orders them: those that are ruled out last, the others by score. */
static bool comes_before(const arc_match *a, const arc_match *b) {
    return a->negative != b->negative ? b->negative : a->cosine > b->cosine;
}

/* picked: [top] the shards of the best; gives their number. */
static int pick(const part *parts, int count, int probe, int top, int *picked) {
    int at[ARC_SHARDS_MAX] = {0}, found = 0;
    while (found < top) {
        int best = -1;
        for (int i = 0; i < count; i++) {
            const arc_answer *a = &parts[i].answers[probe];
            if (at[i] < a->matches && (best < 0 || comes_before(&a->match[at[i]], &parts[best].answers[probe].match[at[best]])))
                best = i;
        }
        if (best < 0)
            break;
        at[best]++;
        picked[found++] = best;
    }
    return found;
}

/* Matches with their names behind them in one block, as arc_answers_free expects. */
static arc_status collect(arc_context *ctx, const part *parts, int probe, const int *picked, arc_answer *out, arc_error *err) {
    int at[ARC_SHARDS_MAX] = {0};
    size_t bytes = (size_t)out->matches * sizeof *out->match;
    for (int i = 0; i < out->matches; i++)
        bytes += strlen(parts[picked[i]].answers[probe].match[at[picked[i]]++].name) + 1;
    out->match = arc_mem_raw(&ctx->alloc, bytes, 1);
    if (!out->match)
        return arc_fail_nomem(err, "matches");
    char *name = (char *)(out->match + out->matches);
    memset(at, 0, sizeof at);
    for (int i = 0; i < out->matches; i++) {
        const arc_match *m = &parts[picked[i]].answers[probe].match[at[picked[i]]++];
        const size_t letters = strlen(m->name) + 1;
        out->match[i] = *m;
        out->match[i].name = memcpy(name, m->name, letters);
        name += letters;
    }
    return ARC_OK;
}

/* One more than is given was asked for: the second, whose distance tells how sure the first is. */
static arc_status merge(arc_context *ctx, const part *parts, int count, int probe, int asked, const arc_search_rule *rule,
                        int *picked, arc_answer *out, arc_error *err) {
    *out = (arc_answer){.rule = *rule, .margin_to_second = (double)NAN};
    for (int i = 0; i < count; i++)
        out->compared += parts[i].answers[probe].compared;
    out->matches = pick(parts, count, probe, asked, picked);
    const arc_status st = out->matches > 0 ? collect(ctx, parts, probe, picked, out, err) : ARC_OK;
    if (st != ARC_OK)
        out->matches = 0;
    const arc_match *m = out->match;
    out->known = out->compared == 0 ? ARC_EMPTY : out->matches > 0 && m[0].accepted ? ARC_KNOWN : ARC_UNKNOWN;
    if (out->matches > 1 && !m[1].negative)
        out->margin_to_second = m[0].cosine - m[1].cosine;
    return st;
}

/* ---- a call ---- */

typedef struct call {
    arc_shards *shards;
    part *parts;         /* [shards] */
    arc_answer *answers; /* [shards][count] */
    int *picked;         /* [asked] */
    int count, asked;
    arc_gallery_query query;
    arc_search_rule rule;
} call;

static arc_status check_query(const arc_shards *s, const arc_gallery_query *q, int count, arc_error *err) {
    if (q->only || q->log)
        return arc_fail(err, ARC_EINVAL, "shards are searched for everybody and write no log: ids and logs belong to one shard");
    if (q->cohort)
        return arc_fail(err, ARC_EINVAL, "shards are searched without a cohort: its threshold is that of one gallery");
    if (q->top < 1 || count < 0)
        return arc_fail(err, ARC_EINVAL, "%d matches of %d faces in %d shards", q->top, count, s->count);
    return ARC_OK;
}

static arc_status begin_call(call *c, const float *probes, arc_error *err) {
    const arc_alloc *alloc = &c->shards->ctx->alloc;
    const int shards = c->shards->count;
    c->parts = arc_mem_new(alloc, (size_t)shards, sizeof *c->parts);
    c->answers = arc_mem_new(alloc, (size_t)shards * (size_t)c->count, sizeof *c->answers);
    c->picked = arc_mem_new(alloc, (size_t)c->asked, sizeof *c->picked);
    if (!c->parts || !c->answers || !c->picked)
        return arc_fail_nomem(err, "answers of shards");
    for (int i = 0; i < shards; i++)
        c->parts[i] = (part){.gallery = c->shards->gallery[i],
                             .remote = c->shards->remote[i],
                             .probes = probes,
                             .count = c->count,
                             .query = &c->query,
                             .answers = c->answers + (ptrdiff_t)i * c->count};
    return ARC_OK;
}

static void end_call(call *c) {
    const arc_alloc *alloc = &c->shards->ctx->alloc;
    if (c->answers)
        arc_answers_free(c->shards->ctx, c->answers, c->shards->count * c->count);
    arc_mem_free(alloc, c->parts);
    arc_mem_free(alloc, c->answers);
    arc_mem_free(alloc, c->picked);
}

/* The threshold of all together, by which each then decides. */
static arc_status agree(call *c, arc_error *err) {
    const arc_binding *binding;
    int64_t comparisons = 0;
    arc_status st = all_at_once(c->parts, c->shards->count, look_and_keep, err);
    if (st == ARC_OK)
        st = one_binding(c->parts, c->shards->count, &binding, err);
    if (st != ARC_OK)
        return st;
    if (!binding)
        return arc_fail(err, ARC_EINVAL, "%s: not bound to a model yet, and no other shard is; enrolling somebody binds it",
                        location_of(&c->parts[0]));
    for (int i = 0; i < c->shards->count; i++)
        comparisons += c->parts[i].comparisons;
    if (isnan(c->query.threshold))
        arc_search_rule_of(&binding->rule, comparisons, c->query.fpir, &c->rule);
    else
        arc_search_rule_given(&binding->rule, comparisons, c->query.threshold, &c->rule);
    c->query.threshold = c->rule.threshold;
    return ARC_OK;
}

/* Cosines with embeddings of two models mean nothing to each other: none may have moved while it was searched. */
static arc_status still_the_same(call *c, arc_error *err) {
    for (int i = 0; i < c->shards->count; i++) {
        arc_gallery *g = c->shards->gallery[i];
        if (!g) /* the answer of a remote one says of which model it is */
            continue;
        pthread_mutex_lock(&g->lock);
        const bool same = c->parts[i].empty || same_model(&g->binding, &c->parts[i].binding);
        pthread_mutex_unlock(&g->lock);
        if (!same)
            return arc_fail(err, ARC_EIO, "%s: moved to another model while the shards were searched; search again", g->location);
    }
    return ARC_OK;
}

static arc_status give(call *c, int top, arc_answer *answers, int *shard, arc_error *err) {
    arc_status st = ARC_OK;
    for (int k = 0; k < c->count && st == ARC_OK; k++) {
        st = merge(c->shards->ctx, c->parts, c->shards->count, k, c->asked, &c->rule, c->picked, &answers[k], err);
        answers[k].matches = ARC_MIN(answers[k].matches, top);
        for (int i = 0; shard && i < answers[k].matches; i++)
            shard[(ptrdiff_t)k * top + i] = c->picked[i];
    }
    return st;
}

arc_status arc_shards_identify(arc_shards *shards, const float *probes, int count, const arc_gallery_query *query,
                               arc_answer *answers, int *shard, arc_error *err) {
    arc_gallery_query defaults;
    arc_status st = ARC_CHECK_OPTIONS(arc_gallery_query, query, err);
    if (st != ARC_OK)
        return st;
    arc_gallery_query_default(&defaults);
    query = query ? query : &defaults;
    st = check_query(shards, query, count, err);
    if (st != ARC_OK)
        return st;
    memset(answers, 0, (size_t)count * sizeof *answers);
    call c = {.shards = shards, .count = count, .query = *query};
    c.query.top = c.asked = ARC_MIN(query->top + 1, ARC_GALLERY_MAX_TOP);
    ARC_TRY(begin_call(&c, probes, err));
    ARC_TRY(agree(&c, err));
    ARC_TRY(all_at_once(c.parts, shards->count, identify, err));
    ARC_TRY(still_the_same(&c, err));
    ARC_TRY(give(&c, query->top, answers, shard, err));
done:
    end_call(&c);
    if (st != ARC_OK)
        arc_answers_free(shards->ctx, answers, count);
    return st;
}
