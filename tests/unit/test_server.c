/* The server as its clients see it: every address of /v1 by libcurl, against what the library itself says of the same photos, and
 * what a client can get wrong. */
#include "server_support.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

static arc_server *server;
static const char *url;
static atomic_int lines, broken_lines, personal_lines;

/* Every line is JSON, and no name of a person is in it. */
static void log_line(void *arg, const char *json) {
    (void)arg;
    json_t *line = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
    atomic_fetch_add(&lines, 1);
    if (!json_is_object(line) || strchr(json, '\n'))
        atomic_fetch_add(&broken_lines, 1);
    if (strstr(json, "Ann"))
        atomic_fetch_add(&personal_lines, 1);
    json_decref(line);
}

static int setup(void **state) {
    if (!arc_test_data())
        return 0;
    open_context(state);
    arc_server_options opt = server_options(in_folder("people.gal"));
    opt.log = log_line;
    opt.max_body_bytes = 2 << 20;
    opt.max_pixels = 4000000;
    server = start_server(&opt);
    url = arc_server_url(server);
    return 0;
}

static int teardown(void **state) {
    arc_server_stop(&server);
    return ctx ? close_context(state) : 0;
}

/* ---- faces ---- */

/* The only face of a photo, by the library's own pipeline. */
static void embed_by_library(const char *path, float embedding[512], arc_face *face) {
    arc_model *embedder, *detector;
    arc_pipeline *pipeline;
    arc_result result;
    assert_int_equal(arc_model_load(ctx, data_path(SERVER_MODEL), ARC_TASK_EMBED, NULL, &embedder, NULL), ARC_OK);
    assert_int_equal(arc_model_load(ctx, data_path(SERVER_DETECTOR), ARC_TASK_DETECT, NULL, &detector, NULL), ARC_OK);
    assert_int_equal(arc_pipeline_new(ctx, detector, embedder, NULL, &pipeline, NULL), ARC_OK);
    assert_int_equal(arc_pipeline_run(pipeline, &path, 1, &result, NULL, NULL, NULL), ARC_OK);
    memcpy(embedding, result.face[0].embedding, 512 * sizeof *embedding);
    *face = result.face[0].face;
    arc_result_free(ctx, &result);
    arc_pipeline_free(&pipeline);
    arc_model_free(&embedder);
    arc_model_free(&detector);
}

static void embeddings_are_the_librarys(void **state) {
    (void)state;
    const char *photo = arc_test_file("photos/pairs/img1.jpg");
    float want[512], got[512];
    arc_face face;
    embed_by_library(photo, want, &face);
    answer a = ask_form(url, "/v1/embed", "photo", photo, NULL);
    expect_answer(&a, 200, "");
    const json_t *found = json_array_get(json_object_get(a.json, "faces"), 0), *row = json_object_get(found, "embedding");
    assert_int_equal(json_array_size(row), 512);
    double length = 0;
    for (size_t i = 0; i < 512; i++) {
        got[i] = (float)json_number_value(json_array_get(row, i));
        length += (double)got[i] * (double)got[i];
    }
    assert_true(fabs(length - 1) < 1e-5);
    assert_true(arc_embedding_cosine(got, want, 512) > 0.999999);
    assert_true(fabs(number_of(found, "score") - (double)face.score) < 1e-5);
    free_answer(&a);
}

static size_t read_file(const char *path, uint8_t *bytes, size_t capacity) {
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    const size_t count = fread(bytes, 1, capacity, f);
    fclose(f);
    return count;
}

/* {"photo": "..."}; freed by the caller. */
static char *json_of(const uint8_t *bytes, size_t count) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *json = malloc(2 * count + 64), *to = json;
    to += snprintf(to, 16, "{\"photo\": \"");
    for (size_t i = 0; i < count; i += 3) {
        const uint32_t three = (uint32_t)bytes[i] << 16 | (uint32_t)(i + 1 < count ? bytes[i + 1] : 0) << 8 |
                               (uint32_t)(i + 2 < count ? bytes[i + 2] : 0);
        for (size_t k = 0; k < 4; k++)
            *to++ = k > 1 && i + k > count ? '=' : digits[three >> (18 - 6 * k) & 63];
    }
    memcpy(to, "\"}", 3);
    return json;
}

static void photos_come_in_three_ways(void **state) {
    (void)state;
    static uint8_t bytes[1 << 20];
    const char *photo = arc_test_file("photos/pairs/img1.jpg");
    const size_t count = read_file(photo, bytes, sizeof bytes);
    char *json = json_of(bytes, count);
    answer way[] = {ask_form(url, "/v1/detect", "photo", photo, NULL),
                    ask_with(url, "POST", "/v1/detect", "image/jpeg", NULL, bytes, count),
                    ask_json(url, "POST", "/v1/detect", json)};
    for (int i = 0; i < 3; i++) {
        expect_answer(&way[i], 200, "");
        assert_int_equal(json_array_size(json_object_get(way[i].json, "faces")), 1);
        assert_true(json_equal(way[i].json, way[0].json));
    }
    for (int i = 0; i < 3; i++)
        free_answer(&way[i]);
    free(json);
}

static void two_photos_are_verified(void **state) {
    (void)state;
    const char *a = arc_test_file("photos/pairs/img1.jpg"), *b = arc_test_file("photos/pairs/img2.jpg"),
               *other = arc_test_file("photos/pairs/img3.jpg");
    answer same = ask_form(url, "/v1/verify", "a", a, "b", b, NULL),
           not_same = ask_form(url, "/v1/verify", "a", a, "b", other, NULL);
    expect_answer(&same, 200, "");
    expect_answer(&not_same, 200, "");
    assert_true(json_is_true(json_object_get(same.json, "same")));
    assert_true(json_is_false(json_object_get(not_same.json, "same")));
    float x[512], y[512];
    arc_face face;
    embed_by_library(a, x, &face);
    embed_by_library(b, y, &face);
    assert_true(fabs(number_of(same.json, "cosine") - arc_embedding_cosine(x, y, 512)) < 1e-5);
    free_answer(&same);
    free_answer(&not_same);
}

/* ---- the gallery ---- */

static int64_t add_person(const char *json) {
    answer a = ask_json(url, "POST", "/v1/identities", json);
    expect_answer(&a, 201, "");
    const int64_t id = json_integer_value(json_object_get(a.json, "id"));
    assert_true(id > 0);
    free_answer(&a);
    return id;
}

static const char *path_of(const char *fmt, long long id) {
    static char ring[4][128];
    static int at;
    char *path = ring[at++ % 4];
    snprintf(path, sizeof ring[0], fmt, id);
    return path;
}

static void people_are_enrolled_and_identified(void **state) {
    (void)state;
    const char *photo = arc_test_file("photos/pairs/img1.jpg"), *again = arc_test_file("photos/pairs/img2.jpg"),
               *other = arc_test_file("photos/pairs/img3.jpg");
    const long long ann = add_person("{\"name\": \"Ann <script>\", \"note\": {\"team\": [1, \"x\"]}}");
    answer a = ask_form(url, path_of("/v1/identities/%lld/templates", ann), "photo", photo, NULL);
    expect_answer(&a, 201, "");
    const long long template_id = json_integer_value(json_object_get(a.json, "id"));
    free_answer(&a);
    a = ask_form(url, path_of("/v1/identities/%lld/templates", ann), "photo", photo, NULL); /* the same photo again */
    expect_answer(&a, 200, "");
    assert_true(json_is_false(json_object_get(a.json, "stored")));
    assert_int_equal(json_integer_value(json_object_get(a.json, "id")), template_id);
    free_answer(&a);
    a = ask_form(url, "/v1/identify", "photo", again, NULL);
    expect_answer(&a, 200, "");
    const json_t *face = json_array_get(json_object_get(a.json, "faces"), 0);
    assert_string_equal(json_string_value(json_object_get(face, "name")), "Ann <script>");
    free_answer(&a);
    a = ask_form(url, "/v1/identify", "photo", other, NULL);
    expect_answer(&a, 200, "");
    assert_int_equal(json_integer_value(json_object_get(a.json, "unknown")), 1);
    free_answer(&a);
    const long long ben = add_person("{\"name\": \"Ben\"}");
    a = ask_form(url, path_of("/v1/identities/%lld/templates", ben), "photo", photo, NULL); /* Ann's */
    expect_answer(&a, 409, "conflict");
    free_answer(&a);
    a = ask_form(url, path_of("/v1/identities/%lld/templates?strict=true", ann), "photo", other, NULL);
    expect_answer(&a, 422, "doubtful");
    free_answer(&a);
    char crop[160];
    snprintf(crop, sizeof crop, "/v1/identities/%lld/templates/%lld/crop", ann, template_id);
    a = ask(url, "GET", crop);
    expect_answer(&a, 200, "");
    assert_string_equal(arc_image_kind(a.body, a.bytes), "png");
    free_answer(&a);
    snprintf(crop, sizeof crop, "/v1/identities/%lld/templates/%lld", ben, template_id);
    a = ask(url, "DELETE", crop); /* not Ben's */
    expect_answer(&a, 404, "not_found");
    free_answer(&a);
    a = ask(url, "DELETE", path_of("/v1/identities/%lld", ann));
    expect_answer(&a, 204, "");
    free_answer(&a);
    a = ask_form(url, "/v1/identify", "photo", again, NULL);
    expect_answer(&a, 200, "");
    assert_int_equal(json_integer_value(json_object_get(a.json, "known")), 0);
    free_answer(&a);
}

static void people_are_listed_and_changed(void **state) {
    (void)state;
    (void)arc_test_file(SERVER_MODEL); /* skips without real models */
    answer a = ask(url, "GET", "/v1/identities?limit=1000");
    expect_answer(&a, 200, "");
    const size_t before = json_array_size(json_object_get(a.json, "identities"));
    free_answer(&a);
    long long id[5];
    for (int i = 0; i < 5; i++) {
        char json[64];
        snprintf(json, sizeof json, "{\"name\": \"person %d\"}", i);
        id[i] = add_person(json);
    }
    size_t seen = 0;
    for (long long after = 0, more = 1; more;) { /* page by page */
        a = ask(url, "GET", path_of("/v1/identities?limit=2&after=%lld", after));
        expect_answer(&a, 200, "");
        seen += json_array_size(json_object_get(a.json, "identities"));
        const json_t *next = json_object_get(a.json, "next");
        more = next != NULL;
        after = json_integer_value(next);
        free_answer(&a);
    }
    assert_int_equal(seen, before + 5);
    a = ask_json(url, "PATCH", path_of("/v1/identities/%lld", id[0]), "{\"name\": \"person 1\"}");
    expect_answer(&a, 409, "conflict");
    free_answer(&a);
    a = ask_json(url, "PATCH", path_of("/v1/identities/%lld", id[0]),
                 "{\"name\": \"J\\u00fcrgen\", \"note\": {\"a\": 1}, \"threshold\": 0.5}");
    expect_answer(&a, 200, "");
    assert_string_equal(json_string_value(json_object_get(a.json, "name")), "J\xc3\xbcrgen");
    assert_true(number_of(a.json, "threshold") == 0.5);
    free_answer(&a);
    a = ask_json(url, "PATCH", path_of("/v1/identities/%lld", id[0]), "{\"note\": null, \"threshold\": null}");
    expect_answer(&a, 200, "");
    assert_null(json_object_get(a.json, "note"));
    assert_null(json_object_get(a.json, "threshold"));
    free_answer(&a);
    a = ask(url, "GET", "/v1/identities?name=J%C3%BCrgen");
    assert_int_equal(json_array_size(json_object_get(a.json, "identities")), 1);
    free_answer(&a);
    for (int i = 0; i < 5; i++) {
        a = ask(url, "DELETE", path_of("/v1/identities/%lld", id[i]));
        expect_answer(&a, 204, "");
        free_answer(&a);
    }
}

/* ---- jobs ---- */

/* A member of a tar archive, at `to`; the bytes that it takes. */
static size_t put_member(uint8_t *to, const char *name, const uint8_t *bytes, size_t count) {
    const size_t whole = (count + 511) / 512 * 512;
    unsigned sum = 0;
    memset(to, 0, 512 + whole);
    snprintf((char *)to, 100, "%s", name);
    memcpy(to + 100, "0000644", 8);
    memcpy(to + 108, "0000000", 8);
    memcpy(to + 116, "0000000", 8);
    snprintf((char *)to + 124, 12, "%011o", (unsigned)count);
    memcpy(to + 136, "00000000000", 12);
    memset(to + 148, ' ', 8);
    to[156] = '0';
    memcpy(to + 257, "ustar\00000", 8);
    for (int i = 0; i < 512; i++)
        sum += to[i];
    snprintf((char *)to + 148, 8, "%06o", sum);
    memcpy(to + 512, bytes, count);
    return 512 + whole;
}

static json_t *wait_for_job(const char *path) {
    for (int i = 0; i < 1200; i++) {
        answer a = ask(url, "GET", path);
        expect_answer(&a, 200, "");
        const char *state = json_string_value(json_object_get(a.json, "state"));
        json_t *job = strcmp(state, "waiting") && strcmp(state, "running") ? json_incref(a.json) : NULL;
        free_answer(&a);
        if (job)
            return job;
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
    fail_msg("the job does not end");
    return NULL;
}

static int64_t count_of(const json_t *job, const char *name) {
    return json_integer_value(json_object_get(job, name));
}

static void archives_are_enrolled(void **state) {
    (void)state;
    static const char *const member[] = {"Dot/1.jpg", "Eve/1.jpg", "Eve/2.jpg", "loose.jpg", "Eve/../x.jpg"};
    static const char *const photo[] = {"img3.jpg", "img5.jpg", "img5.jpg", "img6.jpg", "img7.jpg"};
    static uint8_t bytes[1 << 20], tar[8 << 20];
    size_t count = 0;
    for (int i = 0; i < 5; i++) {
        char name[64];
        snprintf(name, sizeof name, "photos/pairs/%s", photo[i]);
        const size_t n = read_file(arc_test_file(name), bytes, sizeof bytes);
        count += put_member(tar + count, member[i], bytes, n);
    }
    memset(tar + count, 0, 1024);
    for (int again = 0; again < 2; again++) {
        answer a = ask_with(url, "POST", "/v1/jobs?largest=true", "application/x-tar", NULL, tar, count + 1024);
        expect_answer(&a, 202, "");
        json_t *job = wait_for_job(path_of("/v1/jobs/%lld", json_integer_value(json_object_get(a.json, "id"))));
        free_answer(&a);
        assert_string_equal(json_string_value(json_object_get(job, "state")), "done");
        assert_int_equal(count_of(job, "photos"), 5);
        assert_int_equal(count_of(job, "stored"), again ? 0 : 2);
        assert_int_equal(count_of(job, "before"), again ? 3 : 1); /* Eve's two photos are one */
        assert_int_equal(count_of(job, "failed"), 2);
        assert_int_equal(json_array_size(json_object_get(job, "problems")), 2);
        json_decref(job);
    }
    answer a = ask(url, "GET", "/v1/identities?name=Eve");
    assert_int_equal(count_of(json_array_get(json_object_get(a.json, "identities"), 0), "templates"), 1);
    free_answer(&a);
    a = ask_with(url, "POST", "/v1/jobs", "application/zip", NULL, "no archive", 10);
    expect_answer(&a, 202, "");
    json_t *job = wait_for_job(path_of("/v1/jobs/%lld", json_integer_value(json_object_get(a.json, "id"))));
    assert_string_equal(json_string_value(json_object_get(job, "state")), "failed");
    json_decref(job);
    free_answer(&a);
    a = ask(url, "GET", "/v1/jobs/999");
    expect_answer(&a, 404, "not_found");
    free_answer(&a);
    a = ask(url, "GET", "/v1/jobs");
    assert_int_equal(json_array_size(json_object_get(a.json, "jobs")), 3);
    free_answer(&a);
}

/* ---- embeddings ---- */

static void embeddings_are_searched(void **state) {
    (void)state;
    const char *photo = arc_test_file("photos/pairs/img1.jpg");
    const long long cy = add_person("{\"name\": \"Cy\"}");
    answer a = ask_form(url, path_of("/v1/identities/%lld/templates", cy), "photo", photo, NULL);
    expect_answer(&a, 201, "");
    free_answer(&a);
    a = ask_form(url, "/v1/embed", "photo", photo, NULL);
    const json_t *row = json_object_get(json_array_get(json_object_get(a.json, "faces"), 0), "embedding");
    json_t *question = json_pack("{s:[O], s:i}", "embeddings", row, "top", 3);
    char *text = json_dumps(question, JSON_REAL_PRECISION(9));
    answer found = ask_json(url, "POST", "/v1/search", text);
    expect_answer(&found, 200, "");
    const json_t *match =
        json_array_get(json_object_get(json_array_get(json_object_get(found.json, "results"), 0), "matches"), 0);
    assert_int_equal(json_integer_value(json_object_get(match, "identity")), cy);
    assert_true(fabs(number_of(match, "cosine") - 1) < 1e-6);
    free(text);
    json_decref(question);
    free_answer(&found);
    free_answer(&a);
    static const char *const wrong[] = {"{}",
                                        "{\"embeddings\": []}",
                                        "{\"embeddings\": [[1, 2]]}",
                                        "{\"embeddings\": [[]], \"top\": 0}",
                                        "{\"embeddings\": 1}",
                                        "{\"embedings\": [[1]]}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        a = ask_json(url, "POST", "/v1/search", wrong[i]);
        expect_answer(&a, 400, "invalid_parameter");
        free_answer(&a);
    }
}

/* ---- what goes wrong ---- */

/* A picture of 3,600 million pixels, by its head. */
static const char giant[] = "P6\n60000 60000\n255\n";

static void wrong_requests_are_told_why(void **state) {
    (void)state;
    (void)arc_test_file("photos/pairs/img1.jpg");
    static const struct {
        const char *method, *path, *type, *body;
        int status;
        const char *code;
    } wrong[] = {
        {"GET", "/nothing", NULL, NULL, 404, "not_found"},
        {"GET", "/v1/identities/%2e%2e/%2e%2e/healthz", NULL, NULL, 404, "not_found"},
        {"GET", "/v1/identities/1%00", NULL, NULL, 400, "bad_request"},
        {"GET", "/v1/identities/x", NULL, NULL, 404, "not_found"},
        {"GET", "/v1/identities/999999", NULL, NULL, 404, "not_found"},
        {"GET", "/v1/identities?limit=0", NULL, NULL, 400, "invalid_parameter"},
        {"GET", "/v1/identities?after=-1", NULL, NULL, 400, "invalid_parameter"},
        {"PUT", "/v1/identities", NULL, NULL, 405, "method_not_allowed"},
        {"DELETE", "/v1/identities/999999", NULL, NULL, 404, "not_found"},
        {"GET", "/v1/identities/999999/templates", NULL, NULL, 404, "not_found"},
        {"POST", "/v1/detect", "text/plain", "x", 415, "unsupported_type"},
        {"POST", "/v1/detect", "image/jpeg", "no picture", 400, "bad_photo"},
        {"POST", "/v1/detect", "image/jpeg", "", 400, "missing_photo"},
        {"POST", "/v1/detect", "application/json", "{\"photo\": ", 400, "bad_request"},
        {"POST", "/v1/detect", "application/json", "[]", 400, "bad_request"},
        {"POST", "/v1/detect", "application/json", "{}", 400, "missing_photo"},
        {"POST", "/v1/detect", "application/json", "{\"photo\": \"*\"}", 400, "invalid_parameter"},
        {"POST", "/v1/detect", "multipart/form-data; boundary=x", "--y", 400, "bad_request"},
        {"POST", "/v1/verify", "image/jpeg", "x", 415, "unsupported_type"},
        {"POST", "/v1/identities", "application/json", "{}", 400, "invalid_parameter"},
        {"POST", "/v1/identities", "application/json", "{\"name\": \"\"}", 400, "invalid_parameter"},
        {"POST", "/v1/identities", "application/json", "{\"name\": 1}", 400, "invalid_parameter"},
        {"POST", "/v1/identities", "application/json", "{\"name\": \"a\", \"x\": 1}", 400, "invalid_parameter"},
        {"POST", "/v1/identities", "application/json", "{\"name\": \"a\\u0000b\"}", 400, "bad_request"},
        {"POST", "/v1/identities", NULL, NULL, 415, "unsupported_type"},
        {"PATCH", "/v1/identities/999999", "application/json", "{\"name\": \"a\"}", 404, "not_found"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        answer a = ask_with(url, wrong[i].method, wrong[i].path, wrong[i].type, NULL, wrong[i].body,
                            wrong[i].body ? strlen(wrong[i].body) : 0);
        if (a.status != wrong[i].status || strcmp(code_of(&a), wrong[i].code) != 0)
            fail_msg("%s %s %s: %ld %s", wrong[i].method, wrong[i].path, wrong[i].body ? wrong[i].body : "", a.status,
                     a.body ? a.body : "");
        free_answer(&a);
    }
    char longest[300];
    memset(longest, 'x', sizeof longest);
    memcpy(longest, "{\"name\": \"", 10);
    memcpy(longest + 10 + 251, "\"}", 3); /* one letter too many */
    answer b = ask_json(url, "POST", "/v1/identities", longest);
    expect_answer(&b, 400, "invalid_parameter");
    free_answer(&b);
    answer a = ask_with(url, "POST", "/v1/detect", "image/x-portable-pixmap", NULL, giant, sizeof giant - 1);
    expect_answer(&a, 413, "photo_too_large");
    free_answer(&a);
}

static void large_bodies_are_refused(void **state) {
    (void)state;
    (void)arc_test_file("photos/pairs/img1.jpg");
    char *body = calloc(1, 3 << 20);
    answer a = ask_with(url, "POST", "/v1/detect", "image/jpeg", NULL, body, 3 << 20);
    expect_answer(&a, 413, "too_large");
    free_answer(&a);
    a = ask_with(url, "POST", "/v1/detect", "image/jpeg", "Transfer-Encoding: chunked", body, 3 << 20); /* tells no length */
    expect_answer(&a, 413, "too_large");
    free_answer(&a);
    free(body);
}

static void pages_of_other_sites_are_refused(void **state) {
    (void)state;
    (void)arc_test_file("photos/pairs/img1.jpg");
    answer a = ask_with(url, "GET", "/v1/identities", NULL, "Origin: https://evil.example", NULL, 0);
    expect_answer(&a, 403, "forbidden");
    free_answer(&a);
    a = ask_with(url, "GET", "/v1/identities", NULL, "Host: evil.example", NULL, 0);
    expect_answer(&a, 403, "forbidden");
    free_answer(&a);
    char own[128];
    snprintf(own, sizeof own, "Origin: %s", url);
    a = ask_with(url, "GET", "/v1/identities", NULL, own, NULL, 0);
    expect_answer(&a, 200, "");
    assert_non_null(strstr(a.head, "X-Content-Type-Options: nosniff"));
    assert_non_null(strstr(a.head, "Content-Security-Policy: default-src 'none'"));
    assert_null(strstr(a.head, "Access-Control-Allow-Origin"));
    free_answer(&a);
}

/* ---- many clients ---- */

enum { CLIENTS = 12 };

typedef struct client {
    pthread_t thread;
    const char *url, *path, *photo;
    answer got;
} client;

static void *ask_once(void *arg) {
    client *c = arg;
    c->got = ask_form(c->url, c->path, "photo", c->photo, NULL);
    return NULL;
}

static void ask_together(client *clients, const char *to, const char *path, const char *photo) {
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = (client){.url = to, .path = path, .photo = photo};
        assert_int_equal(pthread_create(&clients[i].thread, NULL, ask_once, &clients[i]), 0);
    }
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(clients[i].thread, NULL);
}

/* The number behind `name` in the server's metrics. */
static double metric(const char *of, const char *name) {
    answer a = ask(of, "GET", "/metrics");
    const char *at = a.body ? strstr(a.body, name) : NULL;
    const double value = at ? strtod(at + strlen(name), NULL) : -1;
    free_answer(&a);
    return value;
}

static void requests_join_in_batches(void **state) {
    (void)state;
    const char *photo = arc_test_file("photos/pairs/img2.jpg");
    client clients[CLIENTS];
    const double batches = metric(url, "\narcface_batch_photos_count "), photos = metric(url, "\narcface_batch_photos_sum ");
    answer alone = ask_form(url, "/v1/embed", "photo", photo, NULL);
    ask_together(clients, url, "/v1/embed", photo);
    for (int i = 0; i < CLIENTS; i++) {
        expect_answer(&clients[i].got, 200, "");
        assert_true(json_equal(clients[i].got.json, alone.json)); /* company changes no bit */
        free_answer(&clients[i].got);
    }
    free_answer(&alone);
    assert_true(metric(url, "\narcface_batch_photos_sum ") - photos == CLIENTS + 1);
    assert_true(metric(url, "\narcface_batch_photos_count ") - batches < CLIENTS + 1);
}

static void too_many_are_told_to_come_back(void **state) {
    (void)state;
    const char *photo = arc_test_file("photos/pairs/img2.jpg");
    arc_server_options opt = server_options(NULL);
    opt.queue = 1;
    opt.workers = 1;
    arc_server *narrow = start_server(&opt);
    client clients[CLIENTS];
    int answered = 0;
    ask_together(clients, arc_server_url(narrow), "/v1/detect", photo);
    for (int i = 0; i < CLIENTS; i++) {
        if (clients[i].got.status == 200) {
            answered++;
        } else {
            expect_answer(&clients[i].got, 503, "overloaded");
            assert_non_null(strstr(clients[i].got.head, "Retry-After: 1"));
        }
        free_answer(&clients[i].got);
    }
    assert_true(answered >= 1 && answered < CLIENTS);
    arc_server_stop(&narrow);
}

/* Sends a piece, then a byte every 100 ms. Seconds until the server ends it; 20: it does not. */
static double trickle(const char *to, const char *piece) {
    const int socket_ = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtol(strrchr(to, ':') + 1, NULL, 10))};
    inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
    assert_int_equal(connect(socket_, (struct sockaddr *)&at, sizeof at), 0);
    (void)!send(socket_, piece, strlen(piece), MSG_NOSIGNAL);
    int tenths = 0;
    char byte;
    while (tenths < 200 && send(socket_, "x", 1, MSG_NOSIGNAL) == 1 && recv(socket_, &byte, 1, MSG_DONTWAIT) != 0) {
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        tenths++;
    }
    close(socket_);
    return tenths * 0.1;
}

static void slow_clients_are_cut_off(void **state) {
    (void)state;
    (void)arc_test_file("photos/pairs/img2.jpg");
    arc_server_options opt = server_options(NULL);
    opt.timeout_s = 1;
    arc_server *hasty = start_server(&opt);
    const char *to = arc_server_url(hasty);
    assert_true(trickle(to, "GET /") < 10);
    assert_true(trickle(to, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ") < 10);
    assert_true(trickle(to, "POST /v1/detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n") < 10);
    answer a = ask(to, "GET", "/healthz"); /* others are answered */
    expect_answer(&a, 200, "");
    free_answer(&a);
    arc_error err = {0};
    assert_int_equal(arc_server_drain(hasty, 5, &err), ARC_OK); /* nothing is left of them */
    arc_server_stop(&hasty);
}

/* ---- operations ---- */

static void watchers_are_answered(void **state) {
    (void)state;
    (void)arc_test_file("photos/pairs/img1.jpg");
    static const char *const paths[] = {"/healthz", "/readyz", "/openapi.json", "/v1/galleries", "/v1/models"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        answer a = ask(url, "GET", paths[i]);
        expect_answer(&a, 200, "");
        assert_true(json_is_object(a.json));
        free_answer(&a);
    }
    answer a = ask(url, "GET", "/metrics");
    expect_answer(&a, 200, "");
    assert_non_null(strstr(a.body, "arcface_requests_total{method=\"POST\",route=\"/v1/detect\",status=\"200\"}"));
    assert_non_null(strstr(a.body, "arcface_batch_photos_count"));
    free_answer(&a);
    assert_true(atomic_load(&lines) > 0);
    assert_int_equal(atomic_load(&broken_lines), 0);
    assert_int_equal(atomic_load(&personal_lines), 0);
}

static void models_are_loaded_anew(void **state) {
    (void)state;
    const char *photo = arc_test_file("photos/pairs/img1.jpg");
    arc_error err = {0};
    if (arc_server_reload(server, &err) != ARC_OK)
        fail_msg("%s", err.text);
    answer a = ask_form(url, "/v1/embed", "photo", photo, NULL);
    expect_answer(&a, 200, "");
    free_answer(&a);
}

static void the_door_is_not_open_by_mistake(void **state) {
    (void)state;
    (void)arc_test_file("photos/pairs/img1.jpg");
    arc_server *none = NULL;
    arc_error err = {0};
    arc_server_options opt = server_options(NULL);
    opt.listen = ":0";
    assert_int_equal(arc_server_start(ctx, &opt, &none, &err), ARC_EINVAL);
    assert_null(none);
    assert_non_null(strstr(err.text, "other machines"));
    opt = server_options(NULL);
    opt.certificate = in_folder("none.pem");
    assert_int_equal(arc_server_start(ctx, &opt, &none, &err), ARC_EINVAL); /* without its key */
    opt = server_options(NULL);
    opt.model = opt.detector;
    assert_int_equal(arc_server_start(ctx, &opt, &none, &err), ARC_EINVAL);
    opt = server_options(NULL);
    opt.listen = strstr(url, "127");
    assert_int_equal(arc_server_start(ctx, &opt, &none, &err), ARC_EIO); /* taken */
}

static void draining_answers_and_ends(void **state) {
    (void)state;
    const char *photo = arc_test_file("photos/pairs/img1.jpg");
    arc_server_options opt = server_options(NULL);
    arc_server *other = start_server(&opt);
    answer a = ask_form(arc_server_url(other), "/v1/detect", "photo", photo, NULL);
    expect_answer(&a, 200, "");
    free_answer(&a);
    a = ask_form(arc_server_url(other), "/v1/identify", "photo", photo, NULL); /* it has no gallery */
    expect_answer(&a, 404, "not_found");
    free_answer(&a);
    arc_error err = {0};
    assert_int_equal(arc_server_drain(other, 5, &err), ARC_OK);
    a = ask(arc_server_url(other), "GET", "/healthz"); /* nobody listens any more */
    assert_int_equal(a.status, 0);
    free_answer(&a);
    arc_server_stop(&other);
    assert_null(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(embeddings_are_the_librarys),   cmocka_unit_test(photos_come_in_three_ways),
        cmocka_unit_test(two_photos_are_verified),       cmocka_unit_test(people_are_enrolled_and_identified),
        cmocka_unit_test(people_are_listed_and_changed), cmocka_unit_test(archives_are_enrolled),
        cmocka_unit_test(embeddings_are_searched),       cmocka_unit_test(wrong_requests_are_told_why),
        cmocka_unit_test(large_bodies_are_refused),      cmocka_unit_test(pages_of_other_sites_are_refused),
        cmocka_unit_test(requests_join_in_batches),      cmocka_unit_test(too_many_are_told_to_come_back),
        cmocka_unit_test(slow_clients_are_cut_off),      cmocka_unit_test(watchers_are_answered),
        cmocka_unit_test(models_are_loaded_anew),        cmocka_unit_test(the_door_is_not_open_by_mistake),
        cmocka_unit_test(draining_answers_and_ends),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    const int failed = cmocka_run_group_tests(tests, setup, teardown);
    curl_global_cleanup();
    return failed;
}
