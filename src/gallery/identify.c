/* gallery: who a face is. The index gives candidates, the store their names and what was said of them, decide/ the decision. */
#include "gallery/cohort.h"
#include "gallery/decide/decide.h"
#include "gallery/gallery_internal.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 8 /* while others move the gallery to another model, or remove those who were just found */

void arc_gallery_query_default(arc_gallery_query *query) {
    *query = (arc_gallery_query){.struct_size = sizeof *query, .top = 5, .threshold = (double)NAN};
}

/* One call. What it read of the gallery is a copy, because it searches without the gallery's lock. */
typedef struct asking {
    arc_gallery *g;
    const arc_gallery_query *query;
    int count, dim, generation;
    bool in_database; /* is what searches */
    arc_fusion fusion;
    arc_verify_rule model;
    arc_store_counts counts;
    float *unit;              /* [count][dim] */
    int64_t *only;            /* sorted */
    int asked;                /* owners that the index is asked for */
    arc_index_hit *hit;       /* [count][asked] */
    int *found;               /* [count] */
    arc_buffer names;         /* of the answer at work */
    const float *probe;       /* of the answer at work */
    double *cosine, *quality; /* of the templates of the identity at work */
    size_t templates, capacity;
    double negative; /* of the identity at work */
    bool vanished;   /* somebody was removed or merged since the index was asked: it is asked again */
} asking;

static int compare_ids(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bool is_wanted(void *arg, int64_t id, int64_t owner) {
    const asking *a = arg;
    (void)id;
    return bsearch(&owner, a->only, (size_t)a->query->only_count, sizeof owner, compare_ids) != NULL;
}

static arc_status check_query(const arc_gallery *g, const arc_gallery_query *q, arc_error *err) {
    if (q->top < 1 || q->top > ARC_GALLERY_MAX_TOP)
        return arc_gallery_fail(g, err, ARC_EINVAL, "a search gives 1 to %d matches, not %d", ARC_GALLERY_MAX_TOP, q->top);
    if (q->cohort && (!q->cohort_rule || !q->cohort_rule->normalised))
        return arc_gallery_fail(g, err, ARC_EINVAL,
                                "a search with a cohort is decided by scores and needs a rule for them: arc_cohort_rule_of");
    if (q->threshold < -1 || q->threshold > 1)
        return arc_gallery_fail(g, err, ARC_EINVAL, "a threshold is a cosine, -1 to 1, not %g", q->threshold);
    if (!(q->fpir >= 0 && q->fpir < 1))
        return arc_gallery_fail(g, err, ARC_EINVAL, "a rate of strangers is above 0 and below 1, not %g", q->fpir);
    if ((int)q->place < ARC_SEARCH_AUTO || q->place > ARC_SEARCH_DATABASE)
        return arc_gallery_fail(g, err, ARC_EINVAL, "%d is no place to search in", (int)q->place);
    if (q->place == ARC_SEARCH_DATABASE && !g->store->type->vectors)
        return arc_gallery_fail(g, err, ARC_EUNSUPPORTED,
                                "this gallery is searched by an index; only a PostgreSQL server searches by itself");
    if (q->only_count < 0 || (q->only_count > 0 && !q->only))
        return arc_gallery_fail(g, err, ARC_EINVAL, "%lld identities to search among", (long long)q->only_count);
    return ARC_OK;
}

/* What the gallery is now, and the probes by its measure. */
static arc_status begin(asking *a, const float *probes, arc_error *err) {
    arc_gallery *g = a->g;
    const arc_alloc *alloc = &g->ctx->alloc;
    arc_status st = arc_gallery_refresh(g, a->query->place, &a->in_database, err);
    if (st != ARC_OK)
        return st;
    pthread_mutex_lock(&g->lock);
    arc_mem_free(alloc, a->unit);
    a->dim = g->binding.dim;
    a->generation = g->binding.generation;
    a->fusion = g->binding.fusion;
    a->model = g->binding.rule;
    a->counts = g->counts;
    a->unit = arc_mem_raw(alloc, (size_t)a->count * (size_t)a->dim, sizeof *a->unit);
    st = a->unit ? ARC_OK : arc_fail_nomem(err, "probes");
    for (int i = 0; i < a->count && st == ARC_OK; i++)
        st = arc_gallery_unit(g, probes + (int64_t)i * a->dim, a->unit + (int64_t)i * a->dim, "probe", i, err);
    pthread_mutex_unlock(&g->lock);
    return st;
}

/* As search, by the data base, within a transaction. */
static arc_status search_there(asking *a, const float *unit, int probes, int top, arc_index_hit *hit, int *found,
                               arc_error *err) {
    const arc_nearest_query q = {.dim = a->dim,
                                 .generation = a->generation,
                                 .top = top,
                                 .only = a->only,
                                 .only_count = a->query->only_count,
                                 .fast = a->query->fast};
    arc_status st = ARC_OK;
    for (int i = 0; i < probes && st == ARC_OK; i++)
        st = arc_gallery_nearest(a->g, unit + (int64_t)i * a->dim, &q, hit + (int64_t)i * top, &found[i], err);
    return st;
}

/* hit [probes][top]: the candidates of these probes. *moved: the gallery is another model's by now, or its index must be built
 * anew. */
static arc_status search(asking *a, const float *unit, int probes, int top, arc_index_hit *hit, int *found, bool *moved,
                         arc_error *err) {
    arc_gallery *g = a->g;
    arc_index_query q;
    arc_status st = ARC_OK;
    if (a->in_database) {
        *moved = g->binding.generation != a->generation;
        return *moved ? ARC_OK : search_there(a, unit, probes, top, hit, found, err);
    }
    arc_index_query_default(&q);
    q.top = top;
    q.by_owner = true;
    q.fast = a->query->fast;
    if (a->query->only) {
        q.keep = is_wanted;
        q.keep_ctx = a;
    }
    pthread_rwlock_rdlock(&g->index_lock);
    *moved = !g->index || g->index_generation != a->generation;
    if (!*moved)
        st = arc_index_search(g->index, unit, probes, &q, hit, found, err);
    pthread_rwlock_unlock(&g->index_lock);
    if (st == ARC_ECORRUPT) { /* of the index's file only: what it is made of is in the store */
        arc_gallery_distrust_index(g);
        *moved = true;
        return ARC_OK;
    }
    return st == ARC_OK ? ARC_OK : arc_fail_in(err, st, g->location);
}

static double cosine_of(const asking *a, const float *x) {
    double sum = 0;
    for (int k = 0; k < a->dim; k++)
        sum += (double)a->probe[k] * (double)x[k];
    return sum;
}

static arc_status take_template(void *arg, const arc_template_row *row, arc_error *err) {
    asking *a = arg;
    const arc_alloc *alloc = &a->g->ctx->alloc;
    const float *x;
    if (row->embedding.bytes == 0)
        return ARC_OK;
    const arc_status st =
        arc_gallery_embedding(a->g, ARC_SEAL_EMBEDDING, row->id, row->embedding, &a->g->scratch.embedding, &x, err);
    if (st != ARC_OK)
        return st;
    if (a->templates == a->capacity) {
        const size_t more = a->capacity ? 2 * a->capacity : 16;
        double *cosine = arc_mem_grow(alloc, a->cosine, a->capacity, more, sizeof *cosine);
        if (cosine)
            a->cosine = cosine;
        double *quality = cosine ? arc_mem_grow(alloc, a->quality, a->capacity, more, sizeof *quality) : NULL;
        if (!quality)
            return arc_fail_nomem(err, "scores of a person's templates");
        a->quality = quality;
        a->capacity = more;
    }
    a->cosine[a->templates] = cosine_of(a, x);
    a->quality[a->templates++] = (double)row->quality;
    return ARC_OK;
}

static arc_status take_negative(void *arg, const arc_negative_row *row, arc_error *err) {
    asking *a = arg;
    const float *x;
    const arc_status st =
        arc_gallery_embedding(a->g, ARC_SEAL_NEGATIVE, row->id, row->embedding, &a->g->scratch.embedding, &x, err);
    if (st == ARC_OK)
        a->negative = fmax(a->negative, cosine_of(a, x)); /* of a number and NAN fmax gives the number */
    return st;
}

static arc_status take_person(void *arg, const arc_identity_row *row, arc_error *err) {
    (void)err;
    ((arc_match *)arg)->threshold = row->threshold;
    return ARC_OK;
}

/* A candidate's score, and what was said of it; *there false: it was removed meanwhile. */
static arc_status complete(asking *a, const arc_index_hit *hit, arc_match *m, bool *there, arc_error *err) {
    arc_gallery *g = a->g;
    const arc_template_query q = {.identity = hit->owner, .generation = a->generation, .parts = ARC_READ_EMBEDDING};
    arc_status st;
    *m = (arc_match){.identity = hit->owner,
                     .template_id = hit->id,
                     .cosine = (double)hit->cosine,
                     .best_cosine = (double)hit->cosine,
                     .negative_cosine = (double)NAN};
    st = g->store->type->identity_get(g->store, hit->owner, take_person, m, err);
    *there = st == ARC_OK;
    if (st == ARC_ENOTFOUND) {
        a->vanished = true;
        return ARC_OK;
    }
    ARC_TRY(st);
    if (a->fusion != ARC_FUSE_MAX) {
        a->templates = 0;
        ARC_TRY(g->store->type->template_each(g->store, &q, take_template, a, err));
        if (a->templates > 0)
            m->cosine = arc_fuse(a->fusion, a->cosine, a->quality, (int64_t)a->templates);
    }
    if (a->counts.negatives > 0) {
        a->negative = (double)NAN;
        ARC_TRY(g->store->type->negative_each(g->store, hit->owner, a->generation, take_negative, a, err));
        m->negative_cosine = a->negative;
    }
done:
    return st;
}

static arc_status take_name(void *arg, const arc_identity_row *row, arc_error *err) {
    asking *a = arg;
    const char *name;
    const arc_status st = arc_gallery_text(a->g, (arc_seal_place){.column = ARC_SEAL_NAME, .row = row->id}, row->name,
                                           &a->g->scratch.name, &name, err);
    if (st != ARC_OK)
        return st;
    return arc_buffer_put(&a->names, name, strlen(name) + 1) == ARC_OK ? ARC_OK : arc_fail_nomem(err, "names");
}

/* The matches that are given, with their names behind them in one block. */
static arc_status give(asking *a, arc_answer *out, arc_match *all, arc_error *err) {
    const size_t rows = (size_t)out->matches * sizeof *all;
    arc_status st = ARC_OK;
    a->names.bytes = 0;
    for (int i = 0; i < out->matches && st == ARC_OK; i++)
        st = a->g->store->type->identity_get(a->g->store, all[i].identity, take_name, a, err);
    out->match = NULL;
    if (st != ARC_OK || out->matches == 0)
        return st;
    uint8_t *block = arc_mem_raw(&a->g->ctx->alloc, rows + a->names.bytes, 1);
    if (!block)
        return arc_fail_nomem(err, "matches");
    memcpy(block, all, rows);
    memcpy(block + rows, a->names.data, a->names.bytes);
    out->match = (arc_match *)(void *)block;
    const char *name = (const char *)block + rows;
    for (int i = 0; i < out->matches; i++, name += strlen(name) + 1)
        out->match[i].name = name;
    return ARC_OK;
}

static int64_t compared(const asking *a) {
    int64_t ids = a->only != NULL;
    for (int64_t i = 1; i < a->query->only_count && a->only; i++)
        ids += a->only[i] != a->only[i - 1];
    return a->only ? ids : a->counts.identities;
}

/* Of the templates of those who are asked for it takes as many as people have on average: counting them would read all of them.
 */
static int64_t comparisons_of(const asking *a) {
    const arc_store_counts *all = &a->counts;
    const int64_t people = compared(a);
    if (a->fusion != ARC_FUSE_MAX || all->identities == 0)
        return people;
    return a->only ? (people * all->templates + all->identities - 1) / all->identities : all->templates;
}

static void rule_of(const asking *a, arc_search_rule *rule) {
    const int64_t comparisons = comparisons_of(a);
    if (isnan(a->query->threshold))
        arc_search_rule_of(&a->model, comparisons, a->query->fpir, rule);
    else
        arc_search_rule_given(&a->model, comparisons, a->query->threshold, rule);
}

/* With a mean somebody whose best template is less similar may still come first: nobody's mean is above the best template, so
 * everybody counts until as many scores as are wanted lie above the next one's best template. */
static bool enough(const asking *a, const arc_match *m, int matches, const arc_index_hit *hit, int found, int top) {
    int above = 0;
    if (a->fusion == ARC_FUSE_MAX || found < top)
        return true;
    for (int i = 0; i < matches; i++)
        above += m[i].cosine >= (double)hit[found - 1].cosine + 1e-6; /* which is rounded to float32 */
    return above >= a->query->top + (int)ARC_MIN(a->counts.negatives, ARC_GALLERY_MAX_TOP);
}

/* The answer from these candidates; *done false: they are too few to be sure of it. */
static arc_status answer_from(asking *a, const arc_index_hit *hit, int found, int top, arc_answer *out, bool *done,
                              arc_error *err) {
    arc_match *m = arc_mem_raw(&a->g->ctx->alloc, (size_t)found, sizeof *m);
    arc_search_rule rule;
    int matches = 0;
    bool there;
    arc_status st = m ? ARC_OK : arc_fail_nomem(err, "matches");
    for (int i = 0; i < found && st == ARC_OK; i++) {
        st = complete(a, &hit[i], &m[matches], &there, err);
        matches += there;
    }
    *done = st == ARC_OK && enough(a, m, matches, hit, found, top);
    if (*done) {
        *out = (arc_answer){.matches = matches, .match = m, .compared = matches > 0 ? compared(a) : 0};
        rule_of(a, &rule);
        arc_decide(&a->model, &rule, out);
        out->matches = ARC_MIN(out->matches, a->query->top);
        st = give(a, out, m, err);
    }
    arc_mem_free(&a->g->ctx->alloc, m);
    return st;
}

static arc_status answer_widely(asking *a, arc_answer *out, bool *moved, arc_error *err) {
    const arc_alloc *alloc = &a->g->ctx->alloc;
    arc_status st = ARC_OK;
    bool done = false;
    int found;
    for (int top = 4 * a->asked; st == ARC_OK && !done && !*moved; top *= 4) {
        top = ARC_MIN(top, ARC_INDEX_MAX_TOP);
        arc_index_hit *hit = arc_mem_raw(alloc, (size_t)top, sizeof *hit);
        st = hit ? search(a, a->probe, 1, top, hit, &found, moved, err) : arc_fail_nomem(err, "candidates");
        if (st == ARC_OK && !*moved)
            st = answer_from(a, hit, found, top == ARC_INDEX_MAX_TOP ? found + 1 : top, out, &done, err);
        arc_mem_free(alloc, hit);
    }
    return st;
}

static arc_status answer_all(asking *a, arc_answer *answers, bool *moved, arc_error *err) {
    arc_status st = ARC_OK;
    *moved = a->g->binding.generation != a->generation;
    for (int i = 0; i < a->count && st == ARC_OK && !*moved; i++) {
        bool done;
        a->probe = a->unit + (int64_t)i * a->dim;
        st = answer_from(a, a->hit + (int64_t)i * a->asked, a->found[i], a->asked, &answers[i], &done, err);
        if (st == ARC_OK && !done)
            st = answer_widely(a, &answers[i], moved, err);
        *moved |= a->vanished;
    }
    return st;
}

/* Somebody may be ruled out by a negative, and with a mean others may come before the most similar. */
static int candidates(const asking *a) {
    const int64_t wanted = (int64_t)a->query->top + a->counts.negatives;
    const int64_t more = a->fusion == ARC_FUSE_MAX ? wanted : ARC_MAX(4 * wanted, 32);
    return (int)ARC_MIN(more, ARC_INDEX_MAX_TOP);
}

static arc_status ask(asking *a, const float *probes, arc_answer *answers, bool *moved, arc_error *err) {
    arc_gallery *g = a->g;
    const arc_alloc *alloc = &g->ctx->alloc;
    arc_status st;
    ARC_TRY(begin(a, probes, err));
    a->vanished = false;
    a->asked = candidates(a);
    a->hit = arc_mem_raw(alloc, (size_t)a->count * (size_t)a->asked, sizeof *a->hit);
    a->found = arc_mem_raw(alloc, (size_t)a->count, sizeof *a->found);
    if (!a->hit || !a->found) {
        st = arc_fail_nomem(err, "candidates");
        goto done;
    }
    if (!a->in_database) { /* without the store's lock: others search beside it */
        ARC_TRY(search(a, a->unit, a->count, a->asked, a->hit, a->found, moved, err));
        if (*moved)
            goto done;
    }
    ARC_TRY(arc_gallery_enter(g, false, err));
    if (a->in_database)
        st = search(a, a->unit, a->count, a->asked, a->hit, a->found, moved, err);
    if (st == ARC_OK && !(a->in_database && *moved))
        st = answer_all(a, answers, moved, err);
    st = arc_gallery_leave(g, st, err);
done:
    arc_mem_free(alloc, a->hit);
    arc_mem_free(alloc, a->found);
    a->hit = NULL;
    a->found = NULL;
    return st;
}

static arc_status log_answers(asking *a, const arc_answer *answers, arc_error *err) {
    arc_status st = arc_gallery_enter(a->g, true, err);
    if (st != ARC_OK)
        return st;
    for (int i = 0; i < a->count && st == ARC_OK; i++) {
        const arc_answer *x = &answers[i];
        char subject[48] = "unknown";
        if (x->known == ARC_KNOWN)
            snprintf(subject, sizeof subject, "identity %lld", (long long)x->match[0].identity);
        const arc_match *m = x->match;
        char score[48] = "";
        if (x->matches > 0 && !isnan(m->score))
            snprintf(score, sizeof score, "\"score\":%.6f,", m->score);
        st = x->matches > 0
                 ? arc_gallery_note(a->g, "identify", subject, err, "{\"cosine\":%.6f,%s\"threshold\":%.6f,\"nearest\":%lld}",
                                    m->cosine, score, m->threshold, (long long)m->identity)
                 : arc_gallery_note(a->g, "identify", subject, err, "{}");
    }
    return arc_gallery_leave(a->g, st, err);
}

static arc_status prepare(asking *a, arc_error *err) {
    const arc_gallery_query *q = a->query;
    const arc_alloc *alloc = &a->g->ctx->alloc;
    arc_buffer_init(&a->names, alloc, (size_t)ARC_GALLERY_MAX_TOP * (ARC_GALLERY_NAME_BYTES + 1));
    if (!q->only)
        return ARC_OK;
    a->only = arc_mem_raw(alloc, (size_t)q->only_count, sizeof *a->only);
    if (!a->only)
        return arc_fail_nomem(err, "identities to search among");
    memcpy(a->only, q->only, (size_t)q->only_count * sizeof *a->only);
    qsort(a->only, (size_t)q->only_count, sizeof *a->only, compare_ids);
    return ARC_OK;
}

static arc_status normalise(arc_gallery *g, const float *probes, int count, const arc_gallery_query *query, arc_answer *answers,
                            arc_error *err) {
    arc_normaliser *n;
    arc_status st = arc_normaliser_new(g, query->cohort, &n, err);
    if (st == ARC_OK)
        st = arc_normaliser_apply(n, probes, count, -1, query->cohort_rule, query->top, answers, err);
    arc_normaliser_free(&n);
    return st;
}

arc_status arc_gallery_identify(arc_gallery *g, const float *probes, int count, const arc_gallery_query *query,
                                arc_answer *answers, arc_error *err) {
    arc_gallery_query defaults;
    bool moved = true;
    arc_status st = ARC_CHECK_OPTIONS(arc_gallery_query, query, err);
    if (st != ARC_OK)
        return st;
    const arc_alloc *alloc = &g->ctx->alloc;
    arc_gallery_query_default(&defaults);
    const arc_gallery_query asked = query ? *query : defaults;
    arc_gallery_query by_cosine = asked;
    asking a = {.g = g, .query = &by_cosine, .count = count};
    if (asked.cohort) /* scores may put others first */
        by_cosine.top = ARC_MIN(ARC_MAX(4 * asked.top, ARC_COHORT_CANDIDATES), ARC_GALLERY_MAX_TOP);
    if (count < 0)
        return arc_gallery_fail(g, err, ARC_EINVAL, "%d probes", count);
    memset(answers, 0, (size_t)count * sizeof *answers);
    ARC_TRY(check_query(g, &asked, err));
    if (asked.cohort)
        ARC_TRY(arc_cohort_check(g, asked.cohort, err));
    ARC_TRY(prepare(&a, err));
    for (int i = 0; count > 0 && moved && st == ARC_OK; i++) {
        arc_answers_free(g->ctx, answers, count);
        st = i < TRIES ? ask(&a, probes, answers, &moved, err)
                       : arc_gallery_fail(g, err, ARC_EIO,
                                          "changed again and again while it was searched; if nobody is changing it, \"arcface "
                                          "gallery check\" says what "
                                          "is wrong");
    }
    if (st == ARC_OK && asked.cohort && count > 0)
        st = normalise(g, probes, count, &asked, answers, err);
    if (st == ARC_OK && asked.log && count > 0)
        st = log_answers(&a, answers, err);
    if (st != ARC_OK)
        arc_answers_free(g->ctx, answers, count);
done:
    arc_mem_free(alloc, a.unit);
    arc_mem_free(alloc, a.only);
    arc_mem_free(alloc, a.cosine);
    arc_mem_free(alloc, a.quality);
    arc_buffer_free(&a.names);
    return st;
}

void arc_answers_free(arc_context *ctx, arc_answer *answers, int count) {
    for (int i = 0; answers && i < count; i++) {
        arc_mem_free(&ctx->alloc, answers[i].match); /* the names lie behind them */
        answers[i] = (arc_answer){0};
    }
}
