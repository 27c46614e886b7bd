/* Looking at the values that a pickle made. */
#include "format/pickle/pickle.h"
#include <string.h>

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
