/* For the tests of the server: one at work over real models, on a free port of the loopback, and requests to it by libcurl. */
#ifndef ARC_TEST_SERVER_SUPPORT_H
#define ARC_TEST_SERVER_SUPPORT_H

#include "folder.h"
#include "shared_context.h"
#include <arcface/arcface.h>
#include <curl/curl.h>
#include <jansson.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#define SERVER_MODEL "models/recognition/w600k_mbf_dequantised_fp32.onnx"
#define SERVER_DETECTOR "models/detection/scrfd_2.5g_bnkps.onnx"

static inline const char *data_path(const char *name) {
    static char ring[8][512];
    static int at;
    char *path = ring[at++ % 8];
    snprintf(path, 512, "%s/%s", arc_test_data(), name);
    return path;
}

/* What came back. Freed by free_answer. */
typedef struct answer {
    long status;
    char *body;
    size_t bytes;
    char head[8192];
    json_t *json; /* NULL: it is none */
} answer;

static inline size_t take_body(char *data, size_t size, size_t count, void *arg) {
    answer *a = arg;
    char *more = realloc(a->body, a->bytes + size * count + 1);
    assert_non_null(more);
    memcpy(more + a->bytes, data, size * count);
    a->body = more;
    a->bytes += size * count;
    a->body[a->bytes] = '\0';
    return size * count;
}

static inline size_t take_head(char *data, size_t size, size_t count, void *arg) {
    answer *a = arg;
    const size_t used = strlen(a->head), n = size * count;
    if (used + n < sizeof a->head) {
        memcpy(a->head + used, data, n);
        a->head[used + n] = '\0';
    }
    return n;
}

static inline void free_answer(answer *a) {
    free(a->body);
    json_decref(a->json);
    *a = (answer){.status = 0};
}

/* A request as it stands in the options of `curl`, which is freed. */
static inline answer perform(CURL *curl, const char *url, const char *path) {
    answer a = {.status = 0};
    char whole[2048];
    snprintf(whole, sizeof whole, "%s%s", url, path);
    curl_easy_setopt(curl, CURLOPT_URL, whole);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &a);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_head);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &a);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 120L);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (curl_easy_perform(curl) == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &a.status);
    curl_easy_cleanup(curl);
    a.json = a.body ? json_loads(a.body, JSON_REJECT_DUPLICATES, NULL) : NULL;
    return a;
}

/* body NULL: none. header: one more, NULL: none. */
static inline answer ask_with(const char *url, const char *method, const char *path, const char *type, const char *header,
                              const void *body, size_t bytes) {
    CURL *curl = curl_easy_init();
    char line[256];
    struct curl_slist *list = NULL;
    if (type) {
        snprintf(line, sizeof line, "Content-Type: %s", type);
        list = curl_slist_append(list, line);
    }
    if (header)
        list = curl_slist_append(list, header);
    if (body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)bytes);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    answer a = perform(curl, url, path);
    curl_slist_free_all(list);
    return a;
}

static inline answer ask(const char *url, const char *method, const char *path) {
    return ask_with(url, method, path, NULL, NULL, NULL, 0);
}

static inline answer ask_json(const char *url, const char *method, const char *path, const char *json) {
    return ask_with(url, method, path, "application/json", NULL, json, strlen(json));
}

/* A form with files: "photo", "a", "b" and the like; file NULL ends the list of name and file. */
static inline answer ask_form(const char *url, const char *path, ...) {
    CURL *curl = curl_easy_init();
    curl_mime *form = curl_mime_init(curl);
    va_list args;
    va_start(args, path);
    for (const char *name; (name = va_arg(args, const char *));) {
        curl_mimepart *part = curl_mime_addpart(form);
        curl_mime_name(part, name);
        assert_int_equal(curl_mime_filedata(part, va_arg(args, const char *)), CURLE_OK);
    }
    va_end(args);
    curl_easy_setopt(curl, CURLOPT_MIMEPOST, form);
    answer a = perform(curl, url, path);
    curl_mime_free(form);
    return a;
}

static inline const char *code_of(const answer *a) {
    const char *code = json_string_value(json_object_get(json_object_get(a->json, "error"), "code"));
    return code ? code : "";
}

static inline double number_of(const json_t *object, const char *name) {
    return json_number_value(json_object_get(object, name));
}

/* A status and, of failures, a code. */
#define expect_answer(a, wanted, code)                                                                                           \
    do {                                                                                                                         \
        if ((a)->status != (wanted) || strcmp(code_of(a), code) != 0)                                                            \
            fail_msg("%ld instead of %d %s: %.300s", (a)->status, (int)(wanted), code, (a)->body ? (a)->body : "");              \
    } while (0)

static inline arc_server_options server_options(const char *gallery) {
    arc_server_options opt;
    arc_server_options_default(&opt);
    opt.listen = "127.0.0.1:0";
    opt.model = data_path(SERVER_MODEL);
    opt.detector = data_path(SERVER_DETECTOR);
    opt.gallery = gallery;
    return opt;
}

static inline arc_server *start_server(const arc_server_options *opt) {
    arc_server *server = NULL;
    arc_error err = {0};
    if (arc_server_start(ctx, opt, &server, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return server;
}

#endif
