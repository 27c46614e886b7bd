/* The machine itself: a stack of values, marks, and the bytes to come, all bounded. */
#include "format/pickle/machine.h"
#include <string.h>

bool arc_unpickle_fail(arc_unpickler *m, arc_status code, const char *what) {
    if (m->st == ARC_OK)
        m->st = arc_fail(m->err, code, "%s: pickle byte %zu: %s", m->name, (size_t)(m->at - m->start), what);
    return false;
}

bool arc_unpickle_corrupt(arc_unpickler *m, const char *what) {
    return arc_unpickle_fail(m, ARC_ECORRUPT, what);
}

bool arc_unpickle_room(arc_unpickler *m, void *array, size_t count, size_t *capacity, size_t size) {
    void **block = array;
    if (count < *capacity)
        return true;
    if (count >= ARC_PICKLE_MAX_VALUES)
        return arc_unpickle_fail(m, ARC_ELIMIT, "too many values");
    const size_t wanted = ARC_MAX(2 * count, (size_t)64);
    void *grown = arc_mem_grow(m->arena->alloc, *block, *capacity, wanted, size);
    if (!grown)
        return arc_unpickle_fail(m, ARC_ENOMEM, "out of memory");
    *block = grown;
    *capacity = wanted;
    return true;
}

arc_pickle_value *arc_unpickle_new_value(arc_unpickler *m, arc_pickle_kind kind) {
    if (m->values++ >= ARC_PICKLE_MAX_VALUES) {
        arc_unpickle_fail(m, ARC_ELIMIT, "too many values");
        return NULL;
    }
    arc_pickle_value *v = arc_arena_new(m->arena, 1, sizeof *v);
    if (!v)
        arc_unpickle_fail(m, ARC_ENOMEM, "out of memory");
    else
        v->kind = kind;
    return v;
}

bool arc_unpickle_push(arc_unpickler *m, arc_pickle_value *v) {
    void *stack = m->stack;
    if (!v || !arc_unpickle_room(m, &stack, m->depth, &m->stack_capacity, sizeof *m->stack)) {
        m->stack = stack;
        return false;
    }
    m->stack = stack;
    m->stack[m->depth++] = v;
    return true;
}

size_t arc_unpickle_floor_of(const arc_unpickler *m) {
    return m->marks ? m->mark[m->marks - 1] : 0;
}

arc_pickle_value *arc_unpickle_pop(arc_unpickler *m) {
    if (m->depth <= arc_unpickle_floor_of(m)) {
        arc_unpickle_corrupt(m, "the stack is empty");
        return NULL;
    }
    return m->stack[--m->depth];
}

bool arc_unpickle_push_mark(arc_unpickler *m) {
    void *mark = m->mark;
    const bool ok = arc_unpickle_room(m, &mark, m->marks, &m->mark_capacity, sizeof *m->mark);
    m->mark = mark;
    if (ok)
        m->mark[m->marks++] = m->depth;
    return ok;
}

bool arc_unpickle_pop_mark(arc_unpickler *m, size_t *first, size_t *count) {
    if (!m->marks)
        return arc_unpickle_corrupt(m, "there is no mark");
    *first = m->mark[--m->marks];
    *count = m->depth - *first;
    m->depth = *first;
    return true;
}

bool arc_unpickle_add_items(arc_unpickler *m, arc_pickle_value *v, arc_pickle_value *const *item, size_t count) {
    if (v->items + count > v->capacity) {
        const size_t wanted = ARC_MAX(v->items + count, 2 * v->capacity);
        arc_pickle_value **grown = arc_arena_new(m->arena, wanted, sizeof(arc_pickle_value *));
        if (!grown)
            return arc_unpickle_fail(m, ARC_ENOMEM, "out of memory");
        if (v->items)
            memcpy(grown, v->item, v->items * sizeof *grown);
        v->item = grown;
        v->capacity = wanted;
    }
    if (count)
        memcpy(v->item + v->items, item, count * sizeof *item);
    v->items += count;
    return true;
}

bool arc_unpickle_take(arc_unpickler *m, size_t bytes, const uint8_t **data) {
    if (bytes > (size_t)(m->end - m->at))
        return arc_unpickle_corrupt(m, "ends in the middle of a value");
    *data = m->at;
    m->at += bytes;
    return true;
}

bool arc_unpickle_take_uint(arc_unpickler *m, size_t bytes, uint64_t *v) {
    const uint8_t *p;
    if (!arc_unpickle_take(m, bytes, &p))
        return false;
    *v = 0;
    for (size_t i = 0; i < bytes; i++)
        *v |= (uint64_t)p[i] << (8 * i);
    return true;
}

bool arc_unpickle_take_line(arc_unpickler *m, const uint8_t **text, size_t *bytes) {
    const uint8_t *stop = memchr(m->at, '\n', (size_t)(m->end - m->at));
    if (!stop)
        return arc_unpickle_corrupt(m, "a line has no end");
    *text = m->at;
    *bytes = (size_t)(stop - m->at);
    m->at = stop + 1;
    return true;
}
