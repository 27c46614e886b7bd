/* The pickle machine: a stack of values, marks and a memo, all bounded. See pickle.h for what it does not do. */
#include "format/pickle/pickle.h"
#include <stdlib.h>
#include <string.h>

typedef struct machine {
    arc_arena *arena;
    const uint8_t *start, *at, *end;
    const char *name;
    const char *const *allowed;
    arc_pickle_value **stack;
    size_t depth, stack_capacity;
    size_t *mark;
    size_t marks, mark_capacity;
    arc_pickle_value **memo;
    size_t memos, memo_capacity;
    size_t values;
    const arc_pickle_value *persistent; /* the last one made */
    size_t persistents;
    arc_status st; /* the first failure */
    arc_error *err;
} machine;

static bool fail(machine *m, arc_status code, const char *what) {
    if (m->st == ARC_OK)
        m->st = arc_fail(m->err, code, "%s: pickle byte %zu: %s", m->name, (size_t)(m->at - m->start), what);
    return false;
}

static bool corrupt(machine *m, const char *what) {
    return fail(m, ARC_ECORRUPT, what);
}

/* ---- memory ---------------------------------------------------------------------------------------------------------------- */

/* Room for entry `count` of a growing array of `size`-byte entries. */
static bool room(machine *m, void *array, size_t count, size_t *capacity, size_t size) {
    void **block = array;
    if (count < *capacity)
        return true;
    if (count >= ARC_PICKLE_MAX_VALUES)
        return fail(m, ARC_ELIMIT, "too many values");
    const size_t wanted = ARC_MAX(2 * count, (size_t)64);
    void *grown = arc_mem_grow(m->arena->alloc, *block, *capacity, wanted, size);
    if (!grown)
        return fail(m, ARC_ENOMEM, "out of memory");
    *block = grown;
    *capacity = wanted;
    return true;
}

static arc_pickle_value *new_value(machine *m, arc_pickle_kind kind) {
    if (m->values++ >= ARC_PICKLE_MAX_VALUES) {
        fail(m, ARC_ELIMIT, "too many values");
        return NULL;
    }
    arc_pickle_value *v = arc_arena_new(m->arena, 1, sizeof *v);
    if (!v)
        fail(m, ARC_ENOMEM, "out of memory");
    else
        v->kind = kind;
    return v;
}

static bool push(machine *m, arc_pickle_value *v) {
    void *stack = m->stack;
    if (!v || !room(m, &stack, m->depth, &m->stack_capacity, sizeof *m->stack)) {
        m->stack = stack;
        return false;
    }
    m->stack = stack;
    m->stack[m->depth++] = v;
    return true;
}

static size_t floor_of(const machine *m) {
    return m->marks ? m->mark[m->marks - 1] : 0;
}

static arc_pickle_value *pop(machine *m) {
    if (m->depth <= floor_of(m)) {
        corrupt(m, "the stack is empty");
        return NULL;
    }
    return m->stack[--m->depth];
}

static bool push_mark(machine *m) {
    void *mark = m->mark;
    const bool ok = room(m, &mark, m->marks, &m->mark_capacity, sizeof *m->mark);
    m->mark = mark;
    if (ok)
        m->mark[m->marks++] = m->depth;
    return ok;
}

/* Takes everything above the last mark: *first is its place on the stack. */
static bool pop_mark(machine *m, size_t *first, size_t *count) {
    if (!m->marks)
        return corrupt(m, "there is no mark");
    *first = m->mark[--m->marks];
    *count = m->depth - *first;
    m->depth = *first;
    return true;
}

/* Items live in the arena; a list that grows leaves its old block there, so growth doubles. */
static bool add_items(machine *m, arc_pickle_value *v, arc_pickle_value *const *item, size_t count) {
    if (v->items + count > v->capacity) {
        const size_t wanted = ARC_MAX(v->items + count, 2 * v->capacity);
        arc_pickle_value **grown = arc_arena_new(m->arena, wanted, sizeof(arc_pickle_value *));
        if (!grown)
            return fail(m, ARC_ENOMEM, "out of memory");
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

/* ---- reading operands ------------------------------------------------------------------------------------------------------ */

static bool take(machine *m, size_t bytes, const uint8_t **data) {
    if (bytes > (size_t)(m->end - m->at))
        return corrupt(m, "ends in the middle of a value");
    *data = m->at;
    m->at += bytes;
    return true;
}

static bool take_uint(machine *m, size_t bytes, uint64_t *v) {
    const uint8_t *p;
    if (!take(m, bytes, &p))
        return false;
    *v = 0;
    for (size_t i = 0; i < bytes; i++)
        *v |= (uint64_t)p[i] << (8 * i);
    return true;
}

/* A line without its end. A carriage return in front of it belongs to the text. */
static bool take_line(machine *m, const uint8_t **text, size_t *bytes) {
    const uint8_t *stop = memchr(m->at, '\n', (size_t)(m->end - m->at));
    if (!stop)
        return corrupt(m, "a line has no end");
    *text = m->at;
    *bytes = (size_t)(stop - m->at);
    m->at = stop + 1;
    return true;
}

static bool push_int(machine *m, arc_pickle_kind kind, int64_t i) {
    arc_pickle_value *v = new_value(m, kind);
    if (v)
        v->i = i;
    return push(m, v);
}

static bool push_data(machine *m, arc_pickle_kind kind, const uint8_t *data, size_t bytes) {
    arc_pickle_value *v = new_value(m, kind);
    if (v) {
        v->data = data;
        v->bytes = bytes;
    }
    return push(m, v);
}

/* A string whose length takes `width` bytes. */
static bool push_sized(machine *m, arc_pickle_kind kind, size_t width) {
    uint64_t bytes;
    const uint8_t *data;
    return take_uint(m, width, &bytes) &&
           (bytes <= SIZE_MAX ? take(m, (size_t)bytes, &data) : corrupt(m, "a string is too long")) &&
           push_data(m, kind, data, (size_t)bytes);
}

/* LONG1, LONG4: little-endian two's complement. */
static bool push_long(machine *m, size_t width) {
    uint64_t bytes, v;
    const uint8_t *raw;
    if (!take_uint(m, width, &bytes))
        return false;
    if (bytes > 8) /* beyond any size or index: only torch's magic number is like that, kept as its bytes */
        return take(m, (size_t)bytes, &raw) && push_data(m, ARC_PICKLE_BYTES, raw, (size_t)bytes);
    if (!take_uint(m, (size_t)bytes, &v))
        return false;
    if (bytes && bytes < 8 && v >> (8 * bytes - 1) & 1)
        v |= UINT64_MAX << (8 * bytes);
    return push_int(m, ARC_PICKLE_INT, (int64_t)v);
}

static bool push_float(machine *m) {
    const uint8_t *p;
    if (!take(m, 8, &p))
        return false;
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | p[i];
    arc_pickle_value *v = new_value(m, ARC_PICKLE_FLOAT);
    if (v)
        memcpy(&v->f, &bits, sizeof bits);
    return push(m, v);
}

/* ---- text opcodes of protocol 0 -------------------------------------------------------------------------------------------- */

static bool push_text_number(machine *m, bool may_be_bool) {
    const uint8_t *text;
    size_t bytes;
    int64_t i;
    if (!take_line(m, &text, &bytes))
        return false;
    if (may_be_bool && bytes == 2 && text[0] == '0' && (text[1] == '0' || text[1] == '1'))
        return push_int(m, ARC_PICKLE_BOOL, text[1] == '1');
    return arc_pickle_number(text, bytes, &i) ? push_int(m, ARC_PICKLE_INT, i) : corrupt(m, "a number is malformed");
}

static bool push_text_float(machine *m) {
    const uint8_t *text;
    size_t bytes;
    char copy[64];
    const char *end = copy;
    if (!take_line(m, &text, &bytes))
        return false;
    if (bytes == 0 || bytes >= sizeof copy)
        return corrupt(m, "a number is malformed");
    memcpy(copy, text, bytes);
    copy[bytes] = 0;
    arc_pickle_value *v = new_value(m, ARC_PICKLE_FLOAT);
    if (v)
        v->f = arc_number_read(copy, &end);
    return v && *end ? corrupt(m, "a number is malformed") : push(m, v);
}

static bool push_text_string(machine *m, bool unicode) {
    const uint8_t *text, *out;
    size_t bytes, out_bytes;
    if (!take_line(m, &text, &bytes))
        return false;
    if (!unicode) {
        if (bytes < 2 || (text[0] != '\'' && text[0] != '"') || text[bytes - 1] != text[0])
            return corrupt(m, "a string has no quotes");
        text++;
        bytes -= 2;
    }
    const arc_status st = arc_pickle_unescape(m->arena, text, bytes, unicode, &out, &out_bytes);
    if (st != ARC_OK)
        return fail(m, st, st == ARC_ENOMEM ? "out of memory" : "a string has a malformed escape");
    return push_data(m, unicode ? ARC_PICKLE_TEXT : ARC_PICKLE_BYTES, out, out_bytes);
}

/* ---- globals, calls -------------------------------------------------------------------------------------------------------- */

static bool is_allowed(const machine *m, const char *name) {
    for (const char *const *a = m->allowed; *a; a++)
        if (strcmp(name, *a) == 0)
            return true;
    return false;
}

static bool push_global(machine *m, const uint8_t *module, size_t module_bytes, const uint8_t *name, size_t name_bytes) {
    if (module_bytes > 200 || name_bytes > 200)
        return corrupt(m, "a global's name is too long");
    char *text =
        arc_arena_printf(m->arena, "%.*s.%.*s", (int)module_bytes, (const char *)module, (int)name_bytes, (const char *)name);
    if (!text)
        return fail(m, ARC_ENOMEM, "out of memory");
    if (!is_allowed(m, text)) {
        if (m->st == ARC_OK)
            m->st = arc_fail(m->err, ARC_EUNSUPPORTED, "%s: pickle byte %zu: global '%s' is not allowed in this kind of file",
                             m->name, (size_t)(m->at - m->start), text);
        return false;
    }
    return push_data(m, ARC_PICKLE_GLOBAL, (const uint8_t *)text, strlen(text));
}

static bool global_line(machine *m) {
    const uint8_t *module, *name;
    size_t module_bytes, name_bytes;
    return take_line(m, &module, &module_bytes) && take_line(m, &name, &name_bytes) &&
           push_global(m, module, module_bytes, name, name_bytes);
}

static bool global_stack(machine *m) {
    const arc_pickle_value *name = pop(m), *module = name ? pop(m) : NULL;
    if (!module || name->kind != ARC_PICKLE_TEXT || module->kind != ARC_PICKLE_TEXT)
        return corrupt(m, "a global is no text");
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
static bool push_latin1(machine *m, arc_pickle_value *text) {
    if (!text->state) {
        arc_pickle_value *v = new_value(m, ARC_PICKLE_BYTES);
        if (!v)
            return false;
        const arc_status st = arc_pickle_latin1(m->arena, text->data, text->bytes, &v->data, &v->bytes);
        if (st != ARC_OK)
            return fail(m, st, st == ARC_ENOMEM ? "out of memory" : "bytes are not sent as latin1 text");
        text->state = v;
    }
    return push_data(m, ARC_PICKLE_BYTES, text->state->data, text->state->bytes);
}

/* _codecs.encode(text, "latin1"); bytearray(bytes), and as Python 2's protocols send it bytearray(text, "latin-1"). *known: one
 * of them. */
static bool call_for_bytes(machine *m, const char *name, arc_pickle_value *arguments, bool *known) {
    arc_pickle_value *const first = arguments->items ? arguments->item[0] : NULL;
    const bool encode = strcmp(name, "_codecs.encode") == 0,
               array = strcmp(name, "builtins.bytearray") == 0 || strcmp(name, "__builtin__.bytearray") == 0;
    const bool latin1 = first && first->kind == ARC_PICKLE_TEXT && arguments->items == 2 &&
                        (arc_pickle_is_text(arguments->item[1], "latin1") || arc_pickle_is_text(arguments->item[1], "latin-1"));
    *known = encode || array;
    if (*known && latin1)
        return push_latin1(m, first);
    if (array && first && first->kind == ARC_PICKLE_BYTES)
        return push_data(m, ARC_PICKLE_BYTES, first->data, first->bytes);
    return *known && corrupt(m, "bytes are not sent as latin1 text");
}

/* Calls that only stand for plain data become that data. */
static bool call(machine *m) {
    arc_pickle_value *arguments = pop(m), *function = arguments ? pop(m) : NULL, *v;
    if (!function || function->kind != ARC_PICKLE_GLOBAL || arguments->kind != ARC_PICKLE_TUPLE)
        return corrupt(m, "a call of something that is no global");
    const char *name = (const char *)function->data;
    if (is_dict(name, arguments->items))
        return push(m, new_value(m, ARC_PICKLE_DICT));
    bool known;
    const bool pushed = call_for_bytes(m, name, arguments, &known);
    if (known)
        return pushed;
    arc_pickle_value *items[2] = {function, arguments};
    return (v = new_value(m, ARC_PICKLE_CALL)) != NULL && add_items(m, v, items, 2) && push(m, v);
}

static bool build(machine *m) {
    arc_pickle_value *state = pop(m), *object = state ? pop(m) : NULL;
    if (!object || (object->kind != ARC_PICKLE_CALL && object->kind != ARC_PICKLE_DICT))
        return corrupt(m, "state for something that is no object");
    if (object->kind == ARC_PICKLE_CALL)
        object->state = state;
    return push(m, object); /* a dict's attributes (torch's _metadata) are not needed */
}

/* ---- containers and memo --------------------------------------------------------------------------------------------------- */

static bool collect(machine *m, arc_pickle_kind kind) {
    size_t first, count;
    if (!pop_mark(m, &first, &count))
        return false;
    if (kind == ARC_PICKLE_DICT && count % 2)
        return corrupt(m, "a dict has a key without a value");
    arc_pickle_value *v = new_value(m, kind);
    return v && add_items(m, v, count ? m->stack + first : NULL, count) && push(m, v);
}

static bool collect_last(machine *m, size_t count) {
    arc_pickle_value *item[3], *v;
    for (size_t i = count; i-- > 0;)
        if (!(item[i] = pop(m)))
            return false;
    return (v = new_value(m, ARC_PICKLE_TUPLE)) != NULL && add_items(m, v, item, count) && push(m, v);
}

static bool extend(machine *m, arc_pickle_kind kind, bool marked) {
    size_t first, count = kind == ARC_PICKLE_DICT ? 2 : 1;
    if (marked) {
        if (!pop_mark(m, &first, &count))
            return false;
    } else {
        if (m->depth < floor_of(m) + count)
            return corrupt(m, "the stack is empty");
        m->depth -= count;
        first = m->depth;
    }
    if (m->depth <= floor_of(m) || m->stack[m->depth - 1]->kind != kind)
        return corrupt(m,
                       kind == ARC_PICKLE_DICT ? "items for something that is no dict" : "items for something that is no list");
    if (kind == ARC_PICKLE_DICT && count % 2)
        return corrupt(m, "a dict has a key without a value");
    return add_items(m, m->stack[m->depth - 1], count ? m->stack + first : NULL, count);
}

static bool put_memo(machine *m, uint64_t index) {
    if (m->depth <= floor_of(m))
        return corrupt(m, "the stack is empty");
    if (index > 2 * m->values) /* picklers number what they have written, from 0 or 1 */
        return corrupt(m, "a memo index is out of order");
    void *memo = m->memo;
    const bool ok = room(m, &memo, (size_t)index, &m->memo_capacity, sizeof *m->memo);
    m->memo = memo;
    if (!ok)
        return false;
    for (; m->memos <= index; m->memos++)
        m->memo[m->memos] = NULL;
    m->memo[index] = m->stack[m->depth - 1];
    return true;
}

static bool get_memo(machine *m, uint64_t index) {
    if (index >= m->memos || !m->memo[index])
        return corrupt(m, "a memo entry is missing");
    return push(m, m->memo[index]);
}

static bool memo_operand(machine *m, size_t width, bool store) {
    uint64_t index;
    if (!take_uint(m, width, &index))
        return false;
    return store ? put_memo(m, index) : get_memo(m, index);
}

static bool memo_line(machine *m, bool store) {
    const uint8_t *text;
    size_t bytes;
    int64_t index;
    if (!take_line(m, &text, &bytes) || !arc_pickle_number(text, bytes, &index) || index < 0)
        return corrupt(m, "a memo index is malformed");
    return store ? put_memo(m, (uint64_t)index) : get_memo(m, (uint64_t)index);
}

static bool persistent(machine *m) {
    arc_pickle_value *id = pop(m), *v = id ? new_value(m, ARC_PICKLE_PERSISTENT) : NULL;
    if (!v || !add_items(m, v, &id, 1))
        return false;
    v->state = m->persistent;
    m->persistent = v;
    m->persistents++;
    return push(m, v);
}

/* ---- the machine ----------------------------------------------------------------------------------------------------------- */

static bool step_binary(machine *m, uint8_t op) {
    uint64_t v;
    const uint8_t *skipped;
    switch (op) {
    case 0x80: /* PROTO */
        return take_uint(m, 1, &v) && (v <= 5 || fail(m, ARC_EUNSUPPORTED, "is of a protocol above 5"));
    case 0x81: /* NEWOBJ */
        return call(m);
    case 0x85:
    case 0x86:
    case 0x87:
        return collect_last(m, (size_t)op - 0x84);
    case 0x88:
    case 0x89:
        return push_int(m, ARC_PICKLE_BOOL, op == 0x88);
    case 0x8a:
        return push_long(m, 1);
    case 0x8b:
        return push_long(m, 4);
    case 0x8c:
        return push_sized(m, ARC_PICKLE_TEXT, 1);
    case 0x8d:
        return push_sized(m, ARC_PICKLE_TEXT, 8);
    case 0x8e:
    case 0x96:
        return push_sized(m, ARC_PICKLE_BYTES, 8);
    case 0x93:
        return global_stack(m);
    case 0x94:
        return put_memo(m, m->memos);
    case 0x95: /* FRAME: lengths are checked where they matter */
        return take(m, 8, &skipped);
    default:
        return fail(m, ARC_EUNSUPPORTED, "an opcode that is not supported");
    }
}

static bool step_containers(machine *m, uint8_t op) {
    size_t first, count;
    switch (op) {
    case '(':
        return push_mark(m);
    case '0':
        return pop(m) != NULL;
    case '1':
        return pop_mark(m, &first, &count);
    case '2':
        return m->depth > floor_of(m) ? push(m, m->stack[m->depth - 1]) : corrupt(m, "the stack is empty");
    case 't':
        return collect(m, ARC_PICKLE_TUPLE);
    case 'l':
        return collect(m, ARC_PICKLE_LIST);
    case 'd':
        return collect(m, ARC_PICKLE_DICT);
    case ')':
        return push(m, new_value(m, ARC_PICKLE_TUPLE));
    case ']':
        return push(m, new_value(m, ARC_PICKLE_LIST));
    case '}':
        return push(m, new_value(m, ARC_PICKLE_DICT));
    case 'a':
    case 'e':
        return extend(m, ARC_PICKLE_LIST, op == 'e');
    case 's':
    case 'u':
        return extend(m, ARC_PICKLE_DICT, op == 'u');
    case 'c':
        return global_line(m);
    case 'R':
        return call(m);
    case 'b':
        return build(m);
    case 'Q':
        return persistent(m);
    case 'h':
    case 'j':
        return memo_operand(m, op == 'h' ? 1 : 4, false);
    case 'q':
    case 'r':
        return memo_operand(m, op == 'q' ? 1 : 4, true);
    case 'g':
    case 'p':
        return memo_line(m, op == 'p');
    default:
        return step_binary(m, op);
    }
}

static bool step(machine *m, uint8_t op) {
    uint64_t v;
    switch (op) {
    case 'N':
        return push(m, new_value(m, ARC_PICKLE_NONE));
    case 'I':
    case 'L':
        return push_text_number(m, op == 'I');
    case 'F':
        return push_text_float(m);
    case 'G':
        return push_float(m);
    case 'J':
        return take_uint(m, 4, &v) && push_int(m, ARC_PICKLE_INT, (int64_t)(v ^ 0x80000000u) - (int64_t)0x80000000);
    case 'K':
        return take_uint(m, 1, &v) && push_int(m, ARC_PICKLE_INT, (int64_t)v);
    case 'M':
        return take_uint(m, 2, &v) && push_int(m, ARC_PICKLE_INT, (int64_t)v);
    case 'S':
    case 'V':
        return push_text_string(m, op == 'V');
    case 'U':
    case 'C':
        return push_sized(m, ARC_PICKLE_BYTES, 1);
    case 'T':
    case 'B':
        return push_sized(m, ARC_PICKLE_BYTES, 4);
    case 'X':
        return push_sized(m, ARC_PICKLE_TEXT, 4);
    default:
        return step_containers(m, op);
    }
}

arc_status arc_pickle_parse(arc_pickle *out, arc_arena *arena, const void *bytes, size_t count, const char *name,
                            const char *const *allowed, arc_error *err) {
    machine m = {.arena = arena, .start = bytes, .at = bytes, .name = name, .allowed = allowed, .err = err};
    const uint8_t *op;
    bool running = true;
    m.end = m.at + count;
    *out = (arc_pickle){0};
    while (running && take(&m, 1, &op)) {
        if (*op == '.') {
            out->root = m.marks ? NULL : pop(&m);
            break;
        }
        running = step(&m, *op);
    }
    if (!out->root)
        corrupt(&m, "it ends without a value");
    out->persistent = m.persistent;
    out->persistents = m.persistents;
    out->bytes = (size_t)(m.at - m.start);
    arc_mem_free(arena->alloc, m.stack);
    arc_mem_free(arena->alloc, m.mark);
    arc_mem_free(arena->alloc, m.memo);
    return m.st;
}

/* ---- looking at values ----------------------------------------------------------------------------------------------------- */

bool arc_pickle_is_text(const arc_pickle_value *v, const char *text) {
    const size_t n = strlen(text);
    return (v->kind == ARC_PICKLE_TEXT || v->kind == ARC_PICKLE_BYTES) && v->bytes == n && memcmp(v->data, text, n) == 0;
}

bool arc_pickle_is_call(const arc_pickle_value *v, const char *global, size_t arguments) {
    return v->kind == ARC_PICKLE_CALL && strcmp((const char *)v->item[0]->data, global) == 0 && v->item[1]->items >= arguments;
}

const arc_pickle_value *arc_pickle_argument(const arc_pickle_value *c, size_t i) {
    return c->item[1]->item[i];
}

const arc_pickle_value *arc_pickle_get(const arc_pickle_value *dict, const char *key) {
    for (size_t i = 0; dict->kind == ARC_PICKLE_DICT && i + 1 < dict->items; i += 2)
        if (arc_pickle_is_text(dict->item[i], key))
            return dict->item[i + 1];
    return NULL;
}
