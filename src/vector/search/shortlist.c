/* vector/search: the list of candidates and the heap of lower ends that gives its limit. */
#include "vector/search/shortlist.h"
#include <math.h>
#include <stdlib.h>

#define FIRST_CAPACITY 512

void arc_shortlist_begin(arc_shortlist *s, const arc_alloc *alloc, arc_shortlist_best *best, size_t top, bool by_owner) {
    *s = (arc_shortlist){.alloc = alloc, .by_owner = by_owner, .limit = -INFINITY, .top = top, .best = best};
}

void arc_shortlist_end(arc_shortlist *s) {
    arc_mem_free(s->alloc, s->list);
    s->list = NULL;
    s->count = s->capacity = 0;
}

static void swap(arc_shortlist_best *a, arc_shortlist_best *b) {
    const arc_shortlist_best old = *a;
    *a = *b;
    *b = old;
}

static void sift_down(arc_shortlist *s, size_t at) {
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++)
            if (child < s->held && s->best[child].lower < s->best[least].lower)
                least = child;
        if (least == at)
            return;
        swap(&s->best[at], &s->best[least]);
        at = least;
    }
}

static void sift_up(arc_shortlist *s, size_t at) {
    for (; at > 0 && s->best[at].lower < s->best[(at - 1) / 2].lower; at = (at - 1) / 2)
        swap(&s->best[at], &s->best[(at - 1) / 2]);
}

/* One more lower end; of an owner only the greatest counts. */
static void raise_limit(arc_shortlist *s, int64_t owner, float lower) {
    if (s->held == s->top && lower <= s->limit)
        return;
    size_t at = s->held;
    if (s->by_owner)
        for (at = 0; at < s->held && s->best[at].owner != owner; at++)
            continue;
    if (at < s->held) { /* the owner is there */
        if (lower <= s->best[at].lower)
            return;
        s->best[at].lower = lower;
        sift_down(s, at);
    } else if (s->held < s->top) {
        s->best[s->held] = (arc_shortlist_best){lower, owner};
        sift_up(s, s->held++);
    } else {
        s->best[0] = (arc_shortlist_best){lower, owner};
        sift_down(s, 0);
    }
    if (s->held == s->top)
        s->limit = s->best[0].lower;
}

static void drop_hopeless(arc_shortlist *s) {
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i].upper >= s->limit)
            s->list[kept++] = s->list[i];
    s->count = kept;
}

static bool make_room(arc_shortlist *s) {
    if (s->count < s->capacity)
        return true;
    drop_hopeless(s);
    if (s->count < s->capacity / 2)
        return true;
    const size_t capacity = s->capacity ? s->capacity * 2 : FIRST_CAPACITY;
    arc_candidate *list = arc_mem_grow(s->alloc, s->list, s->capacity, capacity, sizeof *list);
    if (list) {
        s->list = list;
        s->capacity = capacity;
    } else if (s->count == s->capacity)
        s->failed = true;
    return s->count < s->capacity;
}

void arc_shortlist_offer(arc_shortlist *s, uint32_t slot, int64_t owner, float middle, float bound) {
    const float upper = middle + bound;
    if (upper < s->limit || !make_room(s))
        return;
    s->list[s->count++] = (arc_candidate){upper, slot};
    raise_limit(s, owner, middle - bound);
}

void arc_shortlist_merge(arc_shortlist *s, const arc_shortlist *other) {
    s->failed |= other->failed;
    for (size_t i = 0; i < other->held; i++)
        raise_limit(s, other->best[i].owner, other->best[i].lower);
    for (size_t i = 0; i < other->count; i++)
        if (other->list[i].upper >= s->limit && make_room(s))
            s->list[s->count++] = other->list[i];
}

static int by_upper(const void *a, const void *b) {
    const arc_candidate *x = a, *y = b;
    if (x->upper != y->upper)
        return x->upper > y->upper ? -1 : 1;
    return x->slot < y->slot ? -1 : x->slot > y->slot;
}

void arc_shortlist_sort(arc_shortlist *s) {
    drop_hopeless(s);
    if (s->count > 1)
        qsort(s->list, s->count, sizeof *s->list, by_upper);
}
