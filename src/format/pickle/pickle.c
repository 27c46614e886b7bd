/* From opcodes to what they do. See pickle.h for what is not done. */
#include "format/pickle/machine.h"

static bool step_binary(arc_unpickler *m, uint8_t op) {
    uint64_t v;
    const uint8_t *skipped;
    switch (op) {
    case 0x80: /* PROTO */
        return arc_unpickle_take_uint(m, 1, &v) && (v <= 5 || arc_unpickle_fail(m, ARC_EUNSUPPORTED, "is of a protocol above 5"));
    case 0x81: /* NEWOBJ */
        return arc_unpickle_call(m);
    case 0x85:
    case 0x86:
    case 0x87:
        return arc_unpickle_collect_last(m, (size_t)op - 0x84);
    case 0x88:
    case 0x89:
        return arc_unpickle_push_int(m, ARC_PICKLE_BOOL, op == 0x88);
    case 0x8a:
        return arc_unpickle_push_long(m, 1);
    case 0x8b:
        return arc_unpickle_push_long(m, 4);
    case 0x8c:
        return arc_unpickle_push_sized(m, ARC_PICKLE_TEXT, 1);
    case 0x8d:
        return arc_unpickle_push_sized(m, ARC_PICKLE_TEXT, 8);
    case 0x8e:
    case 0x96:
        return arc_unpickle_push_sized(m, ARC_PICKLE_BYTES, 8);
    case 0x93:
        return arc_unpickle_global_stack(m);
    case 0x94:
        return arc_unpickle_put_memo(m, m->memos);
    case 0x95: /* FRAME: lengths are checked where they matter */
        return arc_unpickle_take(m, 8, &skipped);
    default:
        return arc_unpickle_fail(m, ARC_EUNSUPPORTED, "an opcode that is not supported");
    }
}

static bool step_containers(arc_unpickler *m, uint8_t op) {
    size_t first, count;
    switch (op) {
    case '(':
        return arc_unpickle_push_mark(m);
    case '0':
        return arc_unpickle_pop(m) != NULL;
    case '1':
        return arc_unpickle_pop_mark(m, &first, &count);
    case '2':
        return m->depth > arc_unpickle_floor_of(m) ? arc_unpickle_push(m, m->stack[m->depth - 1])
                                                   : arc_unpickle_corrupt(m, "the stack is empty");
    case 't':
        return arc_unpickle_collect(m, ARC_PICKLE_TUPLE);
    case 'l':
        return arc_unpickle_collect(m, ARC_PICKLE_LIST);
    case 'd':
        return arc_unpickle_collect(m, ARC_PICKLE_DICT);
    case ')':
        return arc_unpickle_push(m, arc_unpickle_new_value(m, ARC_PICKLE_TUPLE));
    case ']':
        return arc_unpickle_push(m, arc_unpickle_new_value(m, ARC_PICKLE_LIST));
    case '}':
        return arc_unpickle_push(m, arc_unpickle_new_value(m, ARC_PICKLE_DICT));
    case 'a':
    case 'e':
        return arc_unpickle_extend(m, ARC_PICKLE_LIST, op == 'e');
    case 's':
    case 'u':
        return arc_unpickle_extend(m, ARC_PICKLE_DICT, op == 'u');
    case 'c':
        return arc_unpickle_global_line(m);
    case 'R':
        return arc_unpickle_call(m);
    case 'b':
        return arc_unpickle_build(m);
    case 'Q':
        return arc_unpickle_persistent(m);
    case 'h':
    case 'j':
        return arc_unpickle_memo_operand(m, op == 'h' ? 1 : 4, false);
    case 'q':
    case 'r':
        return arc_unpickle_memo_operand(m, op == 'q' ? 1 : 4, true);
    case 'g':
    case 'p':
        return arc_unpickle_memo_line(m, op == 'p');
    default:
        return step_binary(m, op);
    }
}

static bool step(arc_unpickler *m, uint8_t op) {
    uint64_t v;
    switch (op) {
    case 'N':
        return arc_unpickle_push(m, arc_unpickle_new_value(m, ARC_PICKLE_NONE));
    case 'I':
    case 'L':
        return arc_unpickle_push_text_number(m, op == 'I');
    case 'F':
        return arc_unpickle_push_text_float(m);
    case 'G':
        return arc_unpickle_push_float(m);
    case 'J':
        return arc_unpickle_take_uint(m, 4, &v) &&
               arc_unpickle_push_int(m, ARC_PICKLE_INT, (int64_t)(v ^ 0x80000000u) - (int64_t)0x80000000);
    case 'K':
        return arc_unpickle_take_uint(m, 1, &v) && arc_unpickle_push_int(m, ARC_PICKLE_INT, (int64_t)v);
    case 'M':
        return arc_unpickle_take_uint(m, 2, &v) && arc_unpickle_push_int(m, ARC_PICKLE_INT, (int64_t)v);
    case 'S':
    case 'V':
        return arc_unpickle_push_text_string(m, op == 'V');
    case 'U':
    case 'C':
        return arc_unpickle_push_sized(m, ARC_PICKLE_BYTES, 1);
    case 'T':
    case 'B':
        return arc_unpickle_push_sized(m, ARC_PICKLE_BYTES, 4);
    case 'X':
        return arc_unpickle_push_sized(m, ARC_PICKLE_TEXT, 4);
    default:
        return step_containers(m, op);
    }
}

arc_status arc_pickle_parse(arc_pickle *out, arc_arena *arena, const void *bytes, size_t count, const char *name,
                            const char *const *allowed, arc_error *err) {
    arc_unpickler m = {.arena = arena, .start = bytes, .at = bytes, .name = name, .allowed = allowed, .err = err};
    const uint8_t *op;
    bool running = true;
    m.end = m.at + count;
    *out = (arc_pickle){0};
    while (running && arc_unpickle_take(&m, 1, &op)) {
        if (*op == '.') {
            out->root = m.marks ? NULL : arc_unpickle_pop(&m);
            break;
        }
        running = step(&m, *op);
    }
    if (!out->root)
        arc_unpickle_corrupt(&m, "it ends without a value");
    out->persistent = m.persistent;
    out->persistents = m.persistents;
    out->bytes = (size_t)(m.at - m.start);
    arc_mem_free(arena->alloc, m.stack);
    arc_mem_free(arena->alloc, m.mark);
    arc_mem_free(arena->alloc, m.memo);
    return m.st;
}
