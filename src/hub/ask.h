/* hub: one request to a server of JSON, with bounds on time and reply, made again where the server is busy or cannot be reached.
 */
#ifndef ARC_HUB_ASK_H
#define ARC_HUB_ASK_H

#include "base/base.h"
#include <curl/curl.h>

typedef struct arc_ask {
    const char *method, *address;
    const char *label; /* what sentences call the server */
    const struct curl_slist *headers;
    const arc_buffer *body; /* NULL: none */
    arc_buffer *reply;      /* emptied first; its own limit bounds the reply */
} arc_ask;

/* *code: the status of HTTP, whatever it is. The request may arrive twice. The connection stays open in `curl`. Errors: ENETWORK
 * (out of reach, too slow), ELIMIT (a larger reply). */
arc_status arc_ask_server(CURL *curl, const arc_ask *ask, long *code, arc_error *err);

/* What a server says for people, as far as it can be shown: printable letters up to the size of `text`, "" for NULL. */
void arc_ask_reason(const char *said, char *text, size_t bytes);

#endif
