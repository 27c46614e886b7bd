/* pickle: a strict reader of Python pickles, protocols 0 to 5. It builds values and executes nothing: a global is a name that
 * must be on the caller's list, calling one makes an ARC_PICKLE_CALL that says what would be called with what. */
#ifndef ARC_FORMAT_PICKLE_PICKLE_H
#define ARC_FORMAT_PICKLE_PICKLE_H

#include "base/base.h"

#define ARC_PICKLE_MAX_VALUES ((size_t)4 << 20)

typedef enum arc_pickle_kind {
    ARC_PICKLE_NONE,
    ARC_PICKLE_BOOL,
    ARC_PICKLE_INT,
    ARC_PICKLE_FLOAT,
    ARC_PICKLE_BYTES, /* bytes, bytearray, and Python 2's str */
    ARC_PICKLE_TEXT,  /* UTF-8 */
    ARC_PICKLE_TUPLE,
    ARC_PICKLE_LIST,
    ARC_PICKLE_DICT,      /* item: key, value, key, value ...; OrderedDict too */
    ARC_PICKLE_GLOBAL,    /* data: "module.name" */
    ARC_PICKLE_CALL,      /* item[0] the global, item[1] the arguments */
    ARC_PICKLE_PERSISTENT /* item[0] the id */
} arc_pickle_kind;

typedef struct arc_pickle_value {
    arc_pickle_kind kind;
    int64_t i;
    double f;
    const uint8_t *data; /* zero-terminated for GLOBAL only */
    size_t bytes;
    struct arc_pickle_value **item;
    size_t items, capacity;
    const struct arc_pickle_value
        *state; /* CALL: what BUILD gave it; PERSISTENT: the one made before it; TEXT: its latin-1 bytes */
} arc_pickle_value;

typedef struct arc_pickle {
    const arc_pickle_value *root;
    const arc_pickle_value *persistent; /* the last one made; the others follow through `state` */
    size_t persistents;
    size_t bytes; /* that the pickle took */
} arc_pickle;

/* Reads one pickle from the start of `bytes`. Values live in `arena`, byte strings point into `bytes` where they can. allowed:
 * NULL-terminated list of "module.name". Errors: ECORRUPT, ELIMIT, ENOMEM, EUNSUPPORTED for a global that is not allowed; each
 * with the offset. A list may contain itself, and a short file can make a tree of endless paths: nobody walks it whole. */
arc_status arc_pickle_parse(arc_pickle *out, arc_arena *arena, const void *bytes, size_t count, const char *name,
                            const char *const *allowed, arc_error *err);

bool arc_pickle_is_text(const arc_pickle_value *v, const char *text); /* TEXT or BYTES with exactly this content */
bool arc_pickle_is_call(const arc_pickle_value *v, const char *global, size_t arguments); /* at least so many arguments */
const arc_pickle_value *arc_pickle_argument(const arc_pickle_value *call, size_t i);
/* The value under a text key of a dict, NULL when there is none. */
const arc_pickle_value *arc_pickle_get(const arc_pickle_value *dict, const char *key);

/* text.c: the escapes of protocol 0. Each decodes text[0..bytes) into the arena; ECORRUPT when malformed. */
arc_status arc_pickle_unescape(arc_arena *arena, const uint8_t *text, size_t bytes, bool unicode, const uint8_t **out,
                               size_t *out_bytes);
arc_status arc_pickle_latin1(arc_arena *arena, const uint8_t *utf8, size_t bytes, const uint8_t **out, size_t *out_bytes);
bool arc_pickle_number(const uint8_t *text, size_t bytes, int64_t *out);

#endif
