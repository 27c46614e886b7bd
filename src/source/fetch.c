/* source: photos from the web, by libcurl. Only HTTP and HTTPS are spoken, also after redirects, which do not leave HTTPS;
 * nothing is sent but the request. Sentences are our own, because libcurl's may hold parts of addresses. */
#include "source/fetch.h"
#include "base/stand_in.h"
#include "hub/network.h"
#include "source/kinds.h"
#include <arcface/image.h>
#include <curl/curl.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

#define CONNECT_S 20L       /* at most, of the time for all */
#define STALL_S 30L         /* without a byte a second */
#define JUDGED_BYTES 1024UL /* after so many it must be a picture */
#define IDLE_MAX 32         /* connections that are kept */

struct arc_fetcher {
    const arc_alloc *alloc;
    arc_fetch_limits limits;
    pthread_mutex_t lock;
    CURL *idle[IDLE_MAX];
    int idle_count;
};

/* One photo on its way. */
typedef struct transfer {
    const arc_fetcher *f;
    CURL *curl;
    const char *address, *label;
    arc_buffer body;
    bool judged;
    arc_status st; /* why our side stopped */
    char reason[CURL_ERROR_SIZE];
    arc_error *err;
} transfer;

arc_status arc_fetcher_new(arc_fetcher **out, const arc_alloc *a, const arc_fetch_limits *limits, arc_error *err) {
    *out = NULL;
    const arc_status st = arc_network_start(err);
    if (st != ARC_OK)
        return st;
    arc_fetcher *f = *out = arc_mem_new(a, 1, sizeof *f);
    if (!f)
        return arc_fail_nomem(err, "downloads");
    f->alloc = a;
    f->limits = *limits;
    pthread_mutex_init(&f->lock, NULL);
    return ARC_OK;
}

void arc_fetcher_free(arc_fetcher **fetcher) {
    if (!fetcher || !*fetcher)
        return;
    arc_fetcher *f = *fetcher;
    while (f->idle_count > 0)
        curl_easy_cleanup(f->idle[--f->idle_count]);
    pthread_mutex_destroy(&f->lock);
    arc_mem_free(f->alloc, f);
    *fetcher = NULL;
}

static CURL *take_handle(arc_fetcher *f) {
    pthread_mutex_lock(&f->lock);
    CURL *curl = f->idle_count > 0 ? f->idle[--f->idle_count] : NULL;
    pthread_mutex_unlock(&f->lock);
    if (curl)
        curl_easy_reset(curl); /* its connections stay */
    return curl ? curl : curl_easy_init();
}

static void give_handle(arc_fetcher *f, CURL *curl) {
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL); /* is the transfer's */
    pthread_mutex_lock(&f->lock);
    const bool kept = f->idle_count < IDLE_MAX;
    if (kept)
        f->idle[f->idle_count++] = curl;
    pthread_mutex_unlock(&f->lock);
    if (!kept)
        curl_easy_cleanup(curl);
}

/* ---- the body ---- */

static arc_status refuse_size(transfer *x) {
    return arc_fail(x->err, ARC_ELIMIT, "%s: more than the limit of %lld bytes (--max-bytes)", x->label,
                    (long long)x->f->limits.max_bytes);
}

/* What came in the place of a picture. */
static arc_status refuse_other(transfer *x) {
    const uint8_t *bytes = x->body.data;
    const size_t count = x->body.bytes;
    const char *archive = arc_photo_archive_kind(bytes, count);
    if (count == 0)
        return arc_fail(x->err, ARC_EFORMAT, "%s: the server gives nothing: 0 bytes", x->label);
    if (archive)
        return arc_fail(x->err, ARC_EUNSUPPORTED, "%s: a %s file; download it and name the file", x->label, archive);
    switch (arc_stand_in_of(bytes, count)) {
    case ARC_STAND_IN_PAGE:
        return arc_fail(x->err, ARC_EFORMAT, "%s: the server gives an HTML page, not a picture: a message, or a login", x->label);
    case ARC_STAND_IN_XML:
        return arc_fail(x->err, ARC_EFORMAT, "%s: the server gives an XML text, not a picture", x->label);
    case ARC_STAND_IN_LFS:
        return arc_fail(x->err, ARC_EFORMAT, "%s: the server gives a Git LFS pointer, not the picture", x->label);
    case ARC_STAND_IN_NONE:
        break;
    }
    return arc_fail(x->err, ARC_EFORMAT, "%s: what the server gives is no picture (read are %s)", x->label, arc_image_formats());
}

static arc_status judge(transfer *x) {
    x->judged = true;
    return arc_image_kind(x->body.data, x->body.bytes) ? ARC_OK : refuse_other(x);
}

static size_t on_body(char *data, size_t size, size_t count, void *user) {
    transfer *x = user;
    const size_t bytes = size * count;
    x->st = arc_buffer_put(&x->body, data, bytes);
    if (x->st == ARC_ELIMIT)
        (void)refuse_size(x);
    else if (x->st != ARC_OK)
        (void)arc_fail_nomem(x->err, x->label);
    else if (!x->judged && x->body.bytes >= JUDGED_BYTES)
        x->st = judge(x);
    return x->st == ARC_OK ? bytes : bytes ? 0 : 1;
}

/* ---- the request ---- */

static void set_options(transfer *x) {
    CURL *c = x->curl;
    const arc_fetch_limits *l = &x->f->limits;
    const bool secure = strncasecmp(x->address, "https:", 6) == 0;
    curl_easy_setopt(c, CURLOPT_URL, x->address);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "arcface");
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)l->redirects);
    curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, ARC_MIN(CONNECT_S, (long)l->timeout_s));
    curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)l->timeout_s);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, STALL_S);
    curl_easy_setopt(c, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)l->max_bytes);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, x->reason);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
}

/* ---- why it failed ---- */

static arc_status refuse_status(transfer *x) {
    long http = 0;
    curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &http);
    const char *what = http == 404 || http == 410                  ? "there is no such file on the server"
                       : http == 401 || http == 403 || http == 407 ? "the server refuses it, or asks for a login"
                       : http == 429                               ? "the server was asked too often; wait, then try again"
                       : http >= 500                               ? "the server fails"
                                                                   : "the server refuses it";
    return arc_fail(x->err, http == 404 || http == 410 ? ARC_ENOTFOUND : ARC_ENETWORK, "%s: %s (it answers %ld)", x->label, what,
                    http);
}

static arc_status refuse_redirect(transfer *x) {
    const bool secure = strncasecmp(x->address, "https:", 6) == 0;
    return arc_fail(x->err, ARC_ENETWORK, "%s: is redirected to what is neither http nor https%s, and not followed", x->label,
                    secure ? ", or from https to http" : "");
}

static arc_status tell_broken(transfer *x) {
    curl_off_t all = -1;
    curl_easy_getinfo(x->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &all);
    if (all > 0)
        return arc_fail(x->err, ARC_ENETWORK, "%s: the connection broke off after %zu of %lld bytes", x->label, x->body.bytes,
                        (long long)all);
    return arc_fail(x->err, ARC_ENETWORK, "%s: the connection broke off after %zu bytes", x->label, x->body.bytes);
}

static arc_status tell_late(transfer *x) {
    double seconds = 0;
    curl_easy_getinfo(x->curl, CURLINFO_TOTAL_TIME, &seconds);
    return arc_fail(x->err, ARC_ENETWORK, "%s: not there after %.0f s, %zu bytes came (--timeout)", x->label, seconds,
                    x->body.bytes);
}

/* Of what is no address nobody knows which part is a password: the server's name is shown, unless there may be one. */
static arc_status refuse_address(transfer *x) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
    const char *server = strstr(x->address, "://") + 3;
    const size_t shown = strchr(server, '@') ? 0 : strspn(server, letters);
    return arc_fail(x->err, ARC_EINVAL, "%.*s...: no valid address (blanks and other signs are written as %%20 and the like)",
                    (int)(server - x->address) + (int)shown, x->address);
}

static arc_status tell_failure(transfer *x, CURLcode code) {
    const char *what = curl_easy_strerror(code);
    switch (code) {
    case CURLE_OUT_OF_MEMORY:
        return arc_fail_nomem(x->err, x->label);
    case CURLE_URL_MALFORMAT:
        return refuse_address(x);
    case CURLE_UNSUPPORTED_PROTOCOL:
        return refuse_redirect(x);
    case CURLE_TOO_MANY_REDIRECTS:
        return arc_fail(x->err, ARC_ELIMIT, "%s: is redirected more than %d times (--redirects)", x->label,
                        x->f->limits.redirects);
    case CURLE_FILESIZE_EXCEEDED:
        return refuse_size(x);
    case CURLE_HTTP_RETURNED_ERROR:
        return refuse_status(x);
    case CURLE_OPERATION_TIMEDOUT:
        return tell_late(x);
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2_STREAM:
        return tell_broken(x);
    case CURLE_COULDNT_RESOLVE_HOST:
        what = "no server of this name is known: check the name and the network";
        break;
    case CURLE_COULDNT_RESOLVE_PROXY:
        what = "no server of the proxy's name is known: check http_proxy and https_proxy";
        break;
    case CURLE_COULDNT_CONNECT:
        what = "the server does not answer: no connection";
        break;
    case CURLE_GOT_NOTHING:
        what = "the server closes the connection without an answer";
        break;
    case CURLE_WEIRD_SERVER_REPLY:
        what = "the server does not speak HTTP";
        break;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
        return arc_fail(x->err, ARC_ENETWORK, "%s: no secure connection: %s", x->label, *x->reason ? x->reason : what);
    default:
        break;
    }
    return arc_fail(x->err, ARC_ENETWORK, "%s: %s", x->label, what);
}

arc_status arc_fetch(arc_fetcher *f, const char *address, const char *label, uint8_t **bytes, size_t *count, arc_error *err) {
    transfer x = {.f = f, .address = address, .label = label, .err = err};
    *bytes = NULL;
    *count = 0;
    x.curl = take_handle(f);
    if (!x.curl)
        return arc_fail_nomem(err, label);
    arc_buffer_init(&x.body, f->alloc, (size_t)f->limits.max_bytes);
    set_options(&x);
    const CURLcode code = curl_easy_perform(x.curl);
    arc_status st = x.st != ARC_OK ? x.st : code != CURLE_OK ? tell_failure(&x, code) : x.judged ? ARC_OK : judge(&x);
    give_handle(f, x.curl);
    if (st != ARC_OK) {
        arc_buffer_free(&x.body);
        return st;
    }
    *bytes = x.body.data;
    *count = x.body.bytes;
    return ARC_OK;
}
