/* The page of the server and what it needs beyond the other clients: corrections, and the audit log. */
#include "server_support.h"

static arc_server *server;
static const char *url;

static int setup(void **state) {
    if (!arc_test_data())
        return 0;
    open_context(state);
    arc_server_options opt = server_options(in_folder("people.gal"));
    server = start_server(&opt);
    url = arc_server_url(server);
    return 0;
}

static int teardown(void **state) {
    arc_server_stop(&server);
    return ctx ? close_context(state) : 0;
}

static void needs_server(void) {
    (void)arc_test_file(SERVER_MODEL); /* skips without real models */
}

/* What the page does with people: two entries become one, a face is ruled out, and the log tells of it. */
static void people_are_corrected(void **state) {
    (void)state;
    needs_server();
    char path[128], body[32768];
    answer a = ask_json(url, "POST", "/v1/identities", "{\"name\": \"Wrong\"}");
    const long long wrong = (long long)number_of(a.json, "id");
    expect_answer(&a, 201, "");
    free_answer(&a);
    a = ask_json(url, "POST", "/v1/identities", "{\"name\": \"Right\"}");
    const long long right = (long long)number_of(a.json, "id");
    free_answer(&a);
    snprintf(path, sizeof path, "/v1/identities/%lld/templates", wrong);
    a = ask_form(url, path, "photo", arc_test_file("photos/pairs/img20.jpg"), NULL);
    expect_answer(&a, 201, "");
    free_answer(&a);

    snprintf(path, sizeof path, "/v1/identities/%lld/merge", right);
    snprintf(body, sizeof body, "{\"from\": %lld}", right);
    a = ask_json(url, "POST", path, body);
    expect_answer(&a, 400, "invalid_parameter");
    free_answer(&a);
    a = ask_json(url, "POST", path, "{\"from\": 4000000}");
    expect_answer(&a, 404, "not_found");
    free_answer(&a);
    snprintf(body, sizeof body, "{\"from\": %lld}", wrong);
    a = ask_json(url, "POST", path, body);
    expect_answer(&a, 200, "");
    assert_true(number_of(a.json, "templates") == 1);
    free_answer(&a);

    a = ask_form(url, "/v1/identify?embeddings=true", "photo", arc_test_file("photos/pairs/img21.jpg"), NULL);
    expect_answer(&a, 200, "");
    const json_t *face = json_array_get(json_object_get(a.json, "faces"), 0);
    assert_true(number_of(face, "identity") == (double)right);
    char *row = json_dumps(json_object_get(face, "embedding"), JSON_COMPACT);
    snprintf(body, sizeof body, "{\"embedding\": %s}", row);
    free(row);
    free_answer(&a);
    snprintf(path, sizeof path, "/v1/identities/%lld/rejections", right);
    a = ask_json(url, "POST", path, "{\"embedding\": [1, 2]}");
    expect_answer(&a, 400, "invalid_parameter");
    free_answer(&a);
    a = ask_json(url, "POST", path, body);
    expect_answer(&a, 204, "");
    free_answer(&a);
    a = ask_form(url, "/v1/identify", "photo", arc_test_file("photos/pairs/img21.jpg"), NULL);
    face = json_array_get(json_object_get(a.json, "faces"), 0);
    assert_true(number_of(face, "identity") != (double)right);
    free_answer(&a);

    a = ask(url, "GET", "/v1/audit?limit=2");
    expect_answer(&a, 200, "");
    const json_t *lines_of = json_object_get(a.json, "entries");
    assert_int_equal(json_array_size(lines_of), 2);
    snprintf(body, sizeof body, "identity %lld", right);
    bool told = false;
    for (size_t i = 0; i < 2; i++)
        told |= strcmp(json_string_value(json_object_get(json_array_get(lines_of, i), "subject")), body) == 0;
    assert_true(told);
    const long long before = (long long)number_of(a.json, "previous");
    assert_true(before > 1);
    free_answer(&a);
    snprintf(path, sizeof path, "/v1/audit?before=%lld&limit=1", before);
    a = ask(url, "GET", path);
    expect_answer(&a, 200, "");
    assert_true(number_of(json_array_get(json_object_get(a.json, "entries"), 0), "id") < (double)before);
    free_answer(&a);
}

/* The page and each file that it names are there, and nothing else is. */
static void the_page_is_there(void **state) {
    (void)state;
    needs_server();
    answer a = ask(url, "GET", "/");
    expect_answer(&a, 200, "");
    assert_non_null(strstr(a.head, "text/html"));
    assert_non_null(strstr(a.head, "script-src 'self'"));
    assert_non_null(strstr(a.body, "page/app.js"));
    free_answer(&a);
    a = ask(url, "GET", "/page/app.js");
    expect_answer(&a, 200, "");
    assert_non_null(strstr(a.head, "text/javascript"));
    free_answer(&a);
    a = ask(url, "GET", "/page/..%2fapp.js");
    expect_answer(&a, 404, "not_found");
    free_answer(&a);
    a = ask(url, "POST", "/page/app.js");
    expect_answer(&a, 405, "method_not_allowed");
    free_answer(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_are_corrected),
        cmocka_unit_test(the_page_is_there),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    const int failed = cmocka_run_group_tests(tests, setup, teardown);
    curl_global_cleanup();
    return failed;
}
