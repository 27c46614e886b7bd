/* hub: a request that is made again where that may help. */
#include "hub/ask.h"
#include <poll.h>

#define CONNECT_MS 5000L
#define REQUEST_MS 60000L
#define TRIES 5
#define FIRST_PAUSE_MS 50 /* doubled after each try */
#define LONGEST_PAUSE_MS 2000

/* What is too large ends the transfer. */
static size_t take_body(char *data, size_t size, size_t count, void *arg) {
    return arc_buffer_put(arg, data, size * count) == ARC_OK ? size * count : 0;
}

static void set_options(CURL *c, const arc_ask *ask, char *reason) {
    curl_easy_reset(c); /* keeps the connection */
    curl_easy_setopt(c, CURLOPT_URL, ask->address);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "arcface");
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, ask->method);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, ask->headers);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, REQUEST_MS);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, ask->reply);
    if (ask->body) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)ask->body->bytes);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, ask->body->data);
    }
}

static bool may_pass(CURLcode done, long code) {
    return done == CURLE_OK ? code == 429 || code == 502 || code == 503 || code == 504
                            : done == CURLE_COULDNT_CONNECT || done == CURLE_GOT_NOTHING || done == CURLE_SEND_ERROR ||
                                  done == CURLE_RECV_ERROR || done == CURLE_PARTIAL_FILE;
}

/* As long as the server asks for, but no longer than a moment. */
static void pause_after(CURL *c, int tried) {
    curl_off_t wanted_s = 0;
    curl_easy_getinfo(c, CURLINFO_RETRY_AFTER, &wanted_s);
    const int own_ms = ARC_MIN(FIRST_PAUSE_MS << tried, LONGEST_PAUSE_MS);
    poll(NULL, 0, wanted_s > 0 ? (int)ARC_MIN(wanted_s, LONGEST_PAUSE_MS / 1000) * 1000 : own_ms);
}

arc_status arc_ask_server(CURL *curl, const arc_ask *ask, long *code, arc_error *err) {
    char reason[CURL_ERROR_SIZE] = "";
    CURLcode done = CURLE_OK;
    *code = 0;
    for (int tried = 0; tried < TRIES; tried++) {
        if (tried > 0)
            pause_after(curl, tried - 1);
        ask->reply->bytes = 0;
        set_options(curl, ask, reason);
        done = curl_easy_perform(curl);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, code);
        if (!may_pass(done, *code))
            break;
    }
    if (done == CURLE_WRITE_ERROR)
        return arc_fail(err, ARC_ELIMIT, "%s: the server sends more than %zu bytes for one request", ask->label,
                        ask->reply->max_bytes);
    if (done != CURLE_OK)
        return arc_fail(err, ARC_ENETWORK, "%s: %s", ask->label, *reason ? reason : curl_easy_strerror(done));
    return ARC_OK;
}

void arc_ask_reason(const char *said, char *text, size_t bytes) {
    size_t n = 0;
    for (; said && said[n] && n + 1 < bytes; n++)
        text[n] = said[n] >= ' ' && said[n] < 127 ? said[n] : '?';
    text[n] = '\0';
}
