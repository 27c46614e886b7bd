/* gallery/exchange: JSON as text. */
#include "gallery/exchange/exchange.h"

typedef struct putting {
    arc_buffer *out;
    arc_status st;
} putting;

static int put_text(const char *text, size_t bytes, void *arg) {
    putting *p = arg;
    p->st = arc_buffer_put(p->out, text, bytes);
    return p->st == ARC_OK ? 0 : -1;
}

arc_status arc_exchange_put_json(const json_t *json, arc_buffer *out) {
    putting p = {out, ARC_OK};
    if (json_dump_callback(json, put_text, &p, JSON_COMPACT) == 0)
        return ARC_OK;
    return p.st == ARC_OK ? ARC_ENOMEM : p.st;
}
