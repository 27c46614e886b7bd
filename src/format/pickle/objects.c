/* Globals, which are names and nothing else, calls of them, containers and the memo. */
#include "format/pickle/machine.h"
#include <string.h>

static bool is_allowed(const arc_unpickler *m, const char *name) {
    for (const char *const *a = m->allowed; *a; a++)
        if (strcmp(name, *a) == 0)
            return true;
    return false;
}

static bool push_global(arc_unpickler *m, const uint8_t *module, size_t module_bytes, const uint8_t *name, size_t name_bytes) {
    if (module_bytes > 200 || name_bytes > 200)
        return arc_unpickle_corrupt(m, "a global's name is too long");
    char *text =
        arc_arena_printf(m->arena, "%.*s.%.*s", (int)module_bytes, (const char *)module, (int)name_bytes, (const char *)name);
    if (!text)
        return arc_unpickle_fail(m, ARC_ENOMEM, "out of memory");
    if (!is_allowed(m, text)) {
        if (m->st == ARC_OK)
            m->st = arc_fail(m->err, ARC_EUNSUPPORTED, "%s: pickle byte %zu: global '%s' is not allowed in this kind of file",
                             m->name, (size_t)(m->at - m->start), text);
        return false;
    }
    return arc_unpickle_push_data(m, ARC_PICKLE_GLOBAL, (const uint8_t *)text, strlen(text));
}

bool arc_unpickle_global_line(arc_unpickler *m) {
    const uint8_t *module, *name;
    size_t module_bytes, name_bytes;
    return arc_unpickle_take_line(m, &module, &module_bytes) && arc_unpickle_take_line(m, &name, &name_bytes) &&
           push_global(m, module, module_bytes, name, name_bytes);
}

bool arc_unpickle_global_stack(arc_unpickler *m) {
    const arc_pickle_value *name = arc_unpickle_pop(m), *module = name ? arc_unpickle_pop(m) : NULL;
    if (!module || name->kind != ARC_PICKLE_TEXT || module->kind != ARC_PICKLE_TEXT)
        return arc_unpickle_corrupt(m, "a global is no text");
    return push_global(m, module->data, module->bytes, name->data, name->bytes);
}

/* Classes whose objects are dicts with another name. */
static bool is_dict(const char *name, size_t arguments) {
    static const char *const last[] = {".defaultdict", ".Counter", ".AttributeDict", ".EasyDict", "builtins.dict"};
    if (strcmp(name, "collections.OrderedDict") == 0)
        return arguments == 0;
    for (size_t i = 0; i < ARC_COUNT(last); i++) {
        const size_t bytes = strlen(name), n = strlen(last[i]);
        if (bytes >= n && strcmp(name + bytes - n, last[i]) == 0)
            return true;
    }
    return false;
}

/* The bytes that a text stands for in latin-1: decoded once, however often a short file sends it. */
static bool push_latin1(arc_unpickler *m, arc_pickle_value *text) {
    if (!text->state) {
        arc_pickle_value *v = arc_unpickle_new_value(m, ARC_PICKLE_BYTES);
        if (!v)
            return false;
        const arc_status st = arc_pickle_latin1(m->arena, text->data, text->bytes, &v->data, &v->bytes);
        if (st != ARC_OK)
            return arc_unpickle_fail(m, st, st == ARC_ENOMEM ? "out of memory" : "bytes are not sent as latin1 text");
        text->state = v;
    }
    return arc_unpickle_push_data(m, ARC_PICKLE_BYTES, text->state->data, text->state->bytes);
}

/* _codecs.encode(text, "latin1"); bytearray(bytes), and as Python 2's protocols send it bytearray(text, "latin-1"). *known: one
 * of them. */
static bool call_for_bytes(arc_unpickler *m, const char *name, arc_pickle_value *arguments, bool *known) {
    arc_pickle_value *const first = arguments->items ? arguments->item[0] : NULL;
    const bool encode = strcmp(name, "_codecs.encode") == 0,
               array = strcmp(name, "builtins.bytearray") == 0 || strcmp(name, "__builtin__.bytearray") == 0;
    const bool latin1 = first && first->kind == ARC_PICKLE_TEXT && arguments->items == 2 &&
                        (arc_pickle_is_text(arguments->item[1], "latin1") || arc_pickle_is_text(arguments->item[1], "latin-1"));
    *known = encode || array;
    if (*known && latin1)
        return push_latin1(m, first);
    if (array && first && first->kind == ARC_PICKLE_BYTES)
        return arc_unpickle_push_data(m, ARC_PICKLE_BYTES, first->data, first->bytes);
    return *known && arc_unpickle_corrupt(m, "bytes are not sent as latin1 text");
}

bool arc_unpickle_call(arc_unpickler *m) {
    arc_pickle_value *arguments = arc_unpickle_pop(m), *function = arguments ? arc_unpickle_pop(m) : NULL, *v;
    if (!function || function->kind != ARC_PICKLE_GLOBAL || arguments->kind != ARC_PICKLE_TUPLE)
        return arc_unpickle_corrupt(m, "a call of something that is no global");
    const char *name = (const char *)function->data;
    if (is_dict(name, arguments->items))
        return arc_unpickle_push(m, arc_unpickle_new_value(m, ARC_PICKLE_DICT));
    bool known;
    const bool pushed = call_for_bytes(m, name, arguments, &known);
    if (known)
        return pushed;
    arc_pickle_value *items[2] = {function, arguments};
    return (v = arc_unpickle_new_value(m, ARC_PICKLE_CALL)) != NULL && arc_unpickle_add_items(m, v, items, 2) &&
           arc_unpickle_push(m, v);
}

bool arc_unpickle_build(arc_unpickler *m) {
    arc_pickle_value *state = arc_unpickle_pop(m), *object = state ? arc_unpickle_pop(m) : NULL;
    if (!object || (object->kind != ARC_PICKLE_CALL && object->kind != ARC_PICKLE_DICT))
        return arc_unpickle_corrupt(m, "state for something that is no object");
    if (object->kind == ARC_PICKLE_CALL)
        object->state = state;
    return arc_unpickle_push(m, object); /* a dict's attributes (torch's _metadata) are not needed */
}

bool arc_unpickle_collect(arc_unpickler *m, arc_pickle_kind kind) {
    size_t first, count;
    if (!arc_unpickle_pop_mark(m, &first, &count))
        return false;
    if (kind == ARC_PICKLE_DICT && count % 2)
        return arc_unpickle_corrupt(m, "a dict has a key without a value");
    arc_pickle_value *v = arc_unpickle_new_value(m, kind);
    return v && arc_unpickle_add_items(m, v, count ? m->stack + first : NULL, count) && arc_unpickle_push(m, v);
}

bool arc_unpickle_collect_last(arc_unpickler *m, size_t count) {
    arc_pickle_value *item[3], *v;
    for (size_t i = count; i-- > 0;)
        if (!(item[i] = arc_unpickle_pop(m)))
            return false;
    return (v = arc_unpickle_new_value(m, ARC_PICKLE_TUPLE)) != NULL && arc_unpickle_add_items(m, v, item, count) &&
           arc_unpickle_push(m, v);
}

bool arc_unpickle_extend(arc_unpickler *m, arc_pickle_kind kind, bool marked) {
    size_t first, count = kind == ARC_PICKLE_DICT ? 2 : 1;
    if (marked) {
        if (!arc_unpickle_pop_mark(m, &first, &count))
            return false;
    } else {
        if (m->depth < arc_unpickle_floor_of(m) + count)
            return arc_unpickle_corrupt(m, "the stack is empty");
        m->depth -= count;
        first = m->depth;
    }
    if (m->depth <= arc_unpickle_floor_of(m) || m->stack[m->depth - 1]->kind != kind)
        return arc_unpickle_corrupt(m, kind == ARC_PICKLE_DICT ? "items for something that is no dict"
                                                               : "items for something that is no list");
    if (kind == ARC_PICKLE_DICT && count % 2)
        return arc_unpickle_corrupt(m, "a dict has a key without a value");
    return arc_unpickle_add_items(m, m->stack[m->depth - 1], count ? m->stack + first : NULL, count);
}

bool arc_unpickle_put_memo(arc_unpickler *m, uint64_t index) {
    if (m->depth <= arc_unpickle_floor_of(m))
        return arc_unpickle_corrupt(m, "the stack is empty");
    if (index > 2 * m->values) /* picklers number what they have written, from 0 or 1 */
        return arc_unpickle_corrupt(m, "a memo index is out of order");
    void *memo = m->memo;
    const bool ok = arc_unpickle_room(m, &memo, (size_t)index, &m->memo_capacity, sizeof *m->memo);
    m->memo = memo;
    if (!ok)
        return false;
    for (; m->memos <= index; m->memos++)
        m->memo[m->memos] = NULL;
    m->memo[index] = m->stack[m->depth - 1];
    return true;
}

static bool get_memo(arc_unpickler *m, uint64_t index) {
    if (index >= m->memos || !m->memo[index])
        return arc_unpickle_corrupt(m, "a memo entry is missing");
    return arc_unpickle_push(m, m->memo[index]);
}

bool arc_unpickle_memo_operand(arc_unpickler *m, size_t width, bool store) {
    uint64_t index;
    if (!arc_unpickle_take_uint(m, width, &index))
        return false;
    return store ? arc_unpickle_put_memo(m, index) : get_memo(m, index);
}

bool arc_unpickle_memo_line(arc_unpickler *m, bool store) {
    const uint8_t *text;
    size_t bytes;
    int64_t index;
    if (!arc_unpickle_take_line(m, &text, &bytes) || !arc_pickle_number(text, bytes, &index) || index < 0)
        return arc_unpickle_corrupt(m, "a memo index is malformed");
    return store ? arc_unpickle_put_memo(m, (uint64_t)index) : get_memo(m, (uint64_t)index);
}

bool arc_unpickle_persistent(arc_unpickler *m) {
    arc_pickle_value *id = arc_unpickle_pop(m), *v = id ? arc_unpickle_new_value(m, ARC_PICKLE_PERSISTENT) : NULL;
    if (!v || !arc_unpickle_add_items(m, v, &id, 1))
        return false;
    v->state = m->persistent;
    m->persistent = v;
    m->persistents++;
    return arc_unpickle_push(m, v);
}
