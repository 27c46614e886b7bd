/* hub: HTTP and HTTPS transfers into a part file, with libcurl. An existing part is continued with a Range request; if the
 * server ignores the range, the file starts again. Redirects never leave HTTPS if the source is HTTPS. */
#include "hub/hub_internal.h"
#include "hub/network.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CONNECT_TIMEOUT_S 20L
#define STALL_BYTES_PER_S 256L
#define STALL_S 30L
#define MAX_REDIRECTS 8L

typedef struct transfer {
    const arc_hub_transfer *t;
    const char *url;
    CURL *curl;
    arc_append *part;
    int64_t have_bytes;  /* now in the part file */
    int64_t range_start; /* from Content-Range of the last response, -1: none */
    int64_t full_bytes;  /* size of the whole file as the server gives it, 0: unknown */
    bool body_begun, cancelled;
    arc_status st;
    arc_error *err;
} transfer;

/* "Content-Range: bytes 100-199/200", or "bytes * / 200" (without spaces) if the range lies past the end. */
static size_t on_header(char *line, size_t size, size_t count, void *user) {
    transfer *x = user;
    size_t bytes = size * count;
    char text[128];
    if (bytes >= 5 && strncasecmp(line, "HTTP/", 5) == 0) { /* a new response (redirect): its headers replace the old */
        x->range_start = -1;
        x->full_bytes = 0;
    }
    if (bytes >= sizeof text || bytes < 14 || strncasecmp(line, "Content-Range:", 14) != 0)
        return bytes;
    memcpy(text, line + 14, bytes - 14);
    text[bytes - 14] = 0;
    const char *from = strstr(text, "bytes"), *slash = strchr(text, '/');
    if (from && slash) {
        from += 5 + strspn(from + 5, " ");
        if (*from >= '0' && *from <= '9')
            x->range_start = strtoll(from, NULL, 10);
        if (slash[1] >= '0' && slash[1] <= '9')
            x->full_bytes = strtoll(slash + 1, NULL, 10);
    }
    return bytes;
}

/* Called before the first byte of the body: decides whether it continues the part or starts again. */
static arc_status begin_body(transfer *x) {
    long code = 0;
    curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &code);
    x->body_begun = true;
    if (x->have_bytes == 0 || (code == 206 && x->range_start == x->have_bytes))
        return ARC_OK;
    if (code == 206)
        return arc_fail(x->err, ARC_ENETWORK, "%s: the server sent bytes from %lld on, asked were those from %lld on", x->url,
                        (long long)x->range_start, (long long)x->have_bytes);
    x->have_bytes = 0;
    return arc_append_restart(x->part, x->err);
}

static size_t on_body(char *data, size_t size, size_t count, void *user) {
    transfer *x = user;
    size_t bytes = size * count;
    int64_t limit = x->t->bytes ? x->t->bytes : ARC_HUB_MAX_DOWNLOAD_BYTES;
    if (!x->body_begun)
        x->st = begin_body(x);
    if (x->st == ARC_OK && x->have_bytes + (int64_t)bytes > limit)
        x->st = arc_fail(x->err, x->t->bytes ? ARC_ECORRUPT : ARC_ELIMIT, "%s: the server sends more than %s %lld bytes", x->url,
                         x->t->bytes ? "the listed" : "the limit of", (long long)limit);
    if (x->st == ARC_OK)
        x->st = arc_append_put(x->part, data, bytes, x->err);
    if (x->st != ARC_OK)
        return bytes ? 0 : 1;
    x->have_bytes += (int64_t)bytes;
    return bytes;
}

static int on_progress(void *user, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now) {
    transfer *x = user;
    (void)now;
    (void)up_total;
    (void)up_now;
    int64_t whole = x->t->bytes ? x->t->bytes : x->full_bytes ? x->full_bytes : (int64_t)total;
    if (x->t->progress && x->t->progress(x->t->progress_ctx, x->have_bytes, whole) != 0)
        x->cancelled = true;
    return x->cancelled;
}

static void set_options(transfer *x, char *reason) {
    CURL *c = x->curl;
    bool secure = strncasecmp(x->url, "https:", 6) == 0;
    curl_easy_setopt(c, CURLOPT_URL, x->url);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "arcface");
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(c, CURLOPT_MAXREDIRS, MAX_REDIRECTS);
    curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES_PER_S);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, STALL_S);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, x);
}

/* One request for the bytes that the part file lacks. *past_end: the server says that the part is at least as long as the
 * file. */
static arc_status request(transfer *x, bool *past_end) {
    char reason[CURL_ERROR_SIZE] = "", range[32];
    *past_end = false;
    x->curl = curl_easy_init();
    if (!x->curl)
        return arc_fail_nomem(x->err, x->url);
    x->body_begun = x->cancelled = false;
    x->range_start = -1;
    x->full_bytes = 0;
    x->st = ARC_OK;
    set_options(x, reason);
    if (x->have_bytes) {
        snprintf(range, sizeof range, "%lld-", (long long)x->have_bytes);
        curl_easy_setopt(x->curl, CURLOPT_RANGE, range);
    }
    CURLcode code = curl_easy_perform(x->curl);
    long http = 0;
    curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &http);
    curl_easy_cleanup(x->curl);
    x->curl = NULL;
    if (x->st != ARC_OK)
        return x->st;
    if (x->cancelled)
        return arc_fail(x->err, ARC_ECANCEL, "%s: cancelled after %lld bytes; pull again to go on from there", x->t->what,
                        (long long)x->have_bytes);
    if (code == CURLE_HTTP_RETURNED_ERROR && http == 416 && x->have_bytes) {
        *past_end = true;
        return ARC_OK;
    }
    if (code == CURLE_HTTP_RETURNED_ERROR)
        return arc_fail(x->err, http == 404 || http == 410 ? ARC_ENOTFOUND : ARC_ENETWORK, "%s: the server answers %ld", x->url,
                        http);
    if (code != CURLE_OK)
        return arc_fail(x->err, ARC_ENETWORK, "%s: %s; %lld bytes are kept, pull again to go on from there", x->url,
                        *reason ? reason : curl_easy_strerror(code), (long long)x->have_bytes);
    return ARC_OK;
}

static arc_status run(transfer *x) {
    if (x->t->bytes && x->have_bytes == x->t->bytes)
        return ARC_OK;
    if (x->t->bytes && x->have_bytes > x->t->bytes) {
        x->have_bytes = 0;
        arc_status st = arc_append_restart(x->part, x->err);
        if (st != ARC_OK)
            return st;
    }
    bool past_end;
    arc_status st = request(x, &past_end);
    if (st != ARC_OK || !past_end || x->full_bytes == x->have_bytes)
        return st;
    x->have_bytes = 0; /* the part is from a longer, older file */
    st = arc_append_restart(x->part, x->err);
    return st == ARC_OK ? request(x, &past_end) : st;
}

arc_status arc_hub_download(const arc_hub_transfer *t, const char *url, const char *part_path, arc_error *err) {
    transfer x = {.t = t, .url = url, .err = err};
    arc_status st = arc_network_start(err);
    if (st != ARC_OK)
        return arc_fail_in(err, st, url);
    st = arc_append_open(&x.part, t->alloc, part_path, &x.have_bytes, err);
    if (st != ARC_OK)
        return st;
    st = run(&x);
    arc_status closed = arc_append_close(&x.part, st == ARC_OK ? err : NULL);
    if (st == ARC_OK)
        st = closed;
    if (st == ARC_OK && t->bytes && x.have_bytes != t->bytes)
        return arc_fail(err, ARC_ECORRUPT, "%s: %lld bytes, listed are %lld", url, (long long)x.have_bytes, (long long)t->bytes);
    return st;
}
