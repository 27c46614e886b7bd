/* pickle: the machine that reads one, in parts: machine.c its stack, marks and bytes, scalars.c numbers and texts, objects.c
 * globals, calls, containers and the memo; pickle.c gives each opcode to one of them. Every function is false after a failure,
 * which m->st and m->err keep. */
#ifndef ARC_FORMAT_PICKLE_MACHINE_H
#define ARC_FORMAT_PICKLE_MACHINE_H

#include "format/pickle/pickle.h"

typedef struct arc_unpickler {
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
} arc_unpickler;

/* ---- machine.c ---- */

bool arc_unpickle_fail(arc_unpickler *m, arc_status code, const char *what);
bool arc_unpickle_corrupt(arc_unpickler *m, const char *what);
/* Room for entry `count` of a growing array of `size`-byte entries. */
bool arc_unpickle_room(arc_unpickler *m, void *array, size_t count, size_t *capacity, size_t size);
arc_pickle_value *arc_unpickle_new_value(arc_unpickler *m, arc_pickle_kind kind);
bool arc_unpickle_push(arc_unpickler *m, arc_pickle_value *v);
/* Where the stack begins for what may be taken now: above the last mark. */
size_t arc_unpickle_floor_of(const arc_unpickler *m);
arc_pickle_value *arc_unpickle_pop(arc_unpickler *m);
bool arc_unpickle_push_mark(arc_unpickler *m);
/* Takes everything above the last mark: *first is its place on the stack. */
bool arc_unpickle_pop_mark(arc_unpickler *m, size_t *first, size_t *count);
/* Items live in the arena; a list that grows leaves its old block there, so growth doubles. */
bool arc_unpickle_add_items(arc_unpickler *m, arc_pickle_value *v, arc_pickle_value *const *item, size_t count);
/* The next bytes, which stay where they lie. */
bool arc_unpickle_take(arc_unpickler *m, size_t bytes, const uint8_t **data);
bool arc_unpickle_take_uint(arc_unpickler *m, size_t bytes, uint64_t *v);
/* A line without its end. A carriage return in front of it belongs to the text. */
bool arc_unpickle_take_line(arc_unpickler *m, const uint8_t **text, size_t *bytes);

/* ---- scalars.c ---- */

bool arc_unpickle_push_int(arc_unpickler *m, arc_pickle_kind kind, int64_t i);
bool arc_unpickle_push_data(arc_unpickler *m, arc_pickle_kind kind, const uint8_t *data, size_t bytes);
/* A string whose length takes `width` bytes. */
bool arc_unpickle_push_sized(arc_unpickler *m, arc_pickle_kind kind, size_t width);
/* LONG1, LONG4: little-endian two's complement. */
bool arc_unpickle_push_long(arc_unpickler *m, size_t width);
bool arc_unpickle_push_float(arc_unpickler *m);
bool arc_unpickle_push_text_number(arc_unpickler *m, bool may_be_bool);
bool arc_unpickle_push_text_float(arc_unpickler *m);
bool arc_unpickle_push_text_string(arc_unpickler *m, bool unicode);

/* ---- objects.c ---- */

bool arc_unpickle_global_line(arc_unpickler *m);
bool arc_unpickle_global_stack(arc_unpickler *m);
/* Calls that only stand for plain data become that data. */
bool arc_unpickle_call(arc_unpickler *m);
bool arc_unpickle_build(arc_unpickler *m);
bool arc_unpickle_collect(arc_unpickler *m, arc_pickle_kind kind);
bool arc_unpickle_collect_last(arc_unpickler *m, size_t count);
bool arc_unpickle_extend(arc_unpickler *m, arc_pickle_kind kind, bool marked);
bool arc_unpickle_put_memo(arc_unpickler *m, uint64_t index);
bool arc_unpickle_memo_operand(arc_unpickler *m, size_t width, bool store);
bool arc_unpickle_memo_line(arc_unpickler *m, bool store);
bool arc_unpickle_persistent(arc_unpickler *m);

#endif
