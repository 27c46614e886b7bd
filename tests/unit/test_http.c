/* What a server reads of requests, without a server: targets, queries, forms, base64, addresses, and the table of routes. */
#include "server/api/table.h"
#include "server/http/address.h"
#include "server/http/body.h"
#include "support.h"
#include <string.h>

static arc_http_request r;

static arc_status read_target(const char *target) {
    arc_error err = {0};
    return arc_http_request_begin(&r, &arc_alloc_libc, target, &err);
}

static int end_request(void **state) {
    (void)state;
    arc_http_request_end(&r);
    memset(&r, 0, sizeof r);
    return 0;
}

static void targets_are_decoded_once(void **state) {
    (void)state;
    assert_int_equal(read_target("/v1/identities/a%2Fb%20c/?&name=J%c3%bcrgen+M&x=1%2B1&flag"), ARC_OK);
    assert_int_equal(r.segments, 3);
    assert_string_equal(r.segment[2], "a/b c"); /* no separator */
    assert_int_equal(r.queries, 3);
    assert_string_equal(arc_http_query(&r, "name"), "J\xc3\xbcrgen M");
    assert_string_equal(arc_http_query(&r, "x"), "1+1");
    assert_string_equal(arc_http_query(&r, "flag"), "");
    assert_null(arc_http_query(&r, "nam"));
}

static void hostile_targets_are_refused(void **state) {
    (void)state;
    static const char *const targets[] = {
        "/%", "/%2", "/%zz", "/a%00b", "/%ff", "v1", "", "*", "/?a=%c0%af", "/?%", "/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a"};
    for (size_t i = 0; i < ARC_COUNT(targets); i++) {
        assert_int_not_equal(read_target(targets[i]), ARC_OK);
        end_request(NULL);
    }
    char many[2 + 4 * (ARC_HTTP_FIELDS_MAX + 1) + 1] = "/?";
    for (int i = 0; i <= ARC_HTTP_FIELDS_MAX; i++)
        memcpy(many + 2 + 4 * i, "a=1&", 5);
    assert_int_equal(read_target(many), ARC_ELIMIT);
}

static void numbers_of_a_query_are_bounded(void **state) {
    (void)state;
    int64_t n = 7;
    double x = 0.5;
    bool yes = false;
    assert_int_equal(read_target("/?n=5&bad=5x&big=99999999999999999999&x=0.25&nan=nan&yes=true&no=maybe&e="), ARC_OK);
    assert_int_equal(arc_http_query_int(&r, "absent", 0, 9, &n, NULL), ARC_OK);
    assert_int_equal(n, 7);
    assert_int_equal(arc_http_query_int(&r, "n", 0, 9, &n, NULL), ARC_OK);
    assert_int_equal(n, 5);
    assert_int_equal(arc_http_query_int(&r, "n", 6, 9, &n, NULL), ARC_EINVAL);
    assert_int_equal(arc_http_query_int(&r, "bad", 0, 9, &n, NULL), ARC_EINVAL);
    assert_int_equal(arc_http_query_int(&r, "big", 0, INT64_MAX, &n, NULL), ARC_EINVAL);
    assert_int_equal(arc_http_query_int(&r, "e", 0, 9, &n, NULL), ARC_EINVAL);
    assert_int_equal(arc_http_query_real(&r, "x", 0, 1, &x, NULL), ARC_OK);
    assert_true(x == 0.25);
    assert_int_equal(arc_http_query_real(&r, "nan", 0, 1, &x, NULL), ARC_EINVAL);
    assert_int_equal(arc_http_query_bool(&r, "yes", &yes, NULL), ARC_OK);
    assert_true(yes);
    assert_int_equal(arc_http_query_bool(&r, "no", &yes, NULL), ARC_EINVAL);
}

/* ---- forms ---- */

static arc_status read_form(const char *type, const char *body, size_t bytes) {
    end_request(NULL);
    assert_int_equal(read_target("/"), ARC_OK);
    assert_int_equal(arc_http_request_add_header(&r, "content-type", type, NULL), ARC_OK);
    r.body.max_bytes = 1 << 20;
    assert_int_equal(arc_buffer_put(&r.body, body, bytes), ARC_OK);
    return arc_http_parts(&r, NULL);
}

static void forms_have_parts(void **state) {
    (void)state;
    static const char body[] =
        "--xyz\r\nContent-Disposition: form-data; name=\"a\"; filename=\"x;y\\\".jpg\"\r\nContent-Type: "
        "image/jpeg\r\n\r\n\0\1--xyz\r\n--xy\r\n--xyz\r\nContent-Disposition: form-data; name=b\r\n\r\n\r\n--xyz--\r\n";
    assert_int_equal(read_form("multipart/form-data; charset=utf-8; boundary=\"xyz\"", body, sizeof body - 1), ARC_OK);
    assert_int_equal(r.parts, 2);
    assert_string_equal(r.part[0].name, "a");
    assert_string_equal(r.part[0].file_name, "x;y\".jpg");
    assert_string_equal(r.part[0].type, "image/jpeg");
    assert_int_equal(r.part[0].body.bytes, 13);
    assert_memory_equal(r.part[0].body.data, "\0\1--xyz\r\n--xy", 13);
    assert_string_equal(r.part[1].name, "b");
    assert_int_equal(r.part[1].body.bytes, 0);
    assert_null(arc_http_part_named(&r, "c"));
}

static void malformed_forms_are_refused(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "",
        "--xyz",
        "--xyz\r\n",
        "--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\nbody",
        "--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\nbody\r\n--xyzx",
        "--xyz\r\nContent-Disposition: form-data\r\n\r\nbody\r\n--xyz--",
        "--xyz\r\nContent-Disposition: attachment; name=a\r\n\r\nbody\r\n--xyz--",
        "--xyz\r\nContent-Disposition: form-data; name=\"a\r\n\r\nbody\r\n--xyz--",
        "--xyz\r\nContent-Type: image/jpeg\r\n\r\nbody\r\n--xyz--",
        "--xyz\r\nno colon\r\n\r\nbody\r\n--xyz--",
        "--xyz\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n\r\nbody\r\n--xyz--",
        "before\r\n--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\nbody\r\n--xyz--",
    };
    for (size_t i = 0; i < ARC_COUNT(bodies); i++) {
        assert_int_equal(read_form("multipart/form-data; boundary=xyz", bodies[i], strlen(bodies[i])), ARC_EINVAL);
        assert_int_equal(r.parts, 0);
    }
    assert_int_equal(read_form("multipart/form-data", "--xyz--", 7), ARC_EINVAL);
    assert_int_equal(read_form("multipart/form-data; boundary=", "--xyz--", 7), ARC_EINVAL);
    assert_int_equal(read_form("image/jpeg", "--xyz--", 7), ARC_OK);
    assert_int_equal(r.parts, 0);
}

static void base64_comes_in_every_form(void **state) {
    (void)state;
    static const char *const good[] = {"YXJj", "YXJj\n", "YX Jj", "data:image/png;base64,YXJj"};
    static const char *const bad[] = {"YXJ*", "YXJjY", "data:image/png", "====a"};
    uint8_t *data;
    size_t bytes;
    for (size_t i = 0; i < ARC_COUNT(good); i++) {
        assert_int_equal(arc_http_base64(&arc_alloc_libc, good[i], strlen(good[i]), &data, &bytes, NULL), ARC_OK);
        assert_int_equal(bytes, 3);
        assert_memory_equal(data, "arc", 3);
        arc_mem_free(&arc_alloc_libc, data);
    }
    assert_int_equal(arc_http_base64(&arc_alloc_libc, "YQ==", 4, &data, &bytes, NULL), ARC_OK);
    assert_int_equal(bytes, 1);
    arc_mem_free(&arc_alloc_libc, data);
    for (size_t i = 0; i < ARC_COUNT(bad); i++)
        assert_int_equal(arc_http_base64(&arc_alloc_libc, bad[i], strlen(bad[i]), &data, &bytes, NULL), ARC_EINVAL);
}

/* ---- addresses ---- */

static void addresses_tell_who_reaches_them(void **state) {
    (void)state;
    arc_http_address at;
    assert_int_equal(arc_http_address_read("127.0.0.1:8080", &at, NULL), ARC_OK);
    assert_true(at.loopback && at.port == 8080);
    assert_int_equal(arc_http_address_read("[::1]:0", &at, NULL), ARC_OK);
    assert_true(at.loopback);
    assert_int_equal(arc_http_address_read(":8080", &at, NULL), ARC_OK);
    assert_false(at.loopback);
    assert_int_equal(arc_http_address_read("0.0.0.0:80", &at, NULL), ARC_OK);
    assert_false(at.loopback);
    static const char *const bad[] = {"", "8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "::1:80", "[::1:80", "a b:80"};
    for (size_t i = 0; i < ARC_COUNT(bad); i++)
        assert_int_equal(arc_http_address_read(bad[i], &at, NULL), ARC_EINVAL);
    assert_true(arc_http_host_is_loopback("localhost:8080") && arc_http_host_is_loopback("127.0.0.1") &&
                arc_http_host_is_loopback("[::1]:80") && arc_http_host_is_loopback("LOCALHOST"));
    assert_false(arc_http_host_is_loopback("localhost.evil.example") || arc_http_host_is_loopback("127.0.0.1.evil.example") ||
                 arc_http_host_is_loopback("evil.example:80") || arc_http_host_is_loopback("") ||
                 arc_http_host_is_loopback("[::1].evil.example"));
}

/* ---- routes ---- */

static const arc_route *route_of(const char *method, const char *target, char methods[64]) {
    static const arc_route_group *const groups[] = {&arc_api_group, NULL};
    const arc_route_group *group;
    end_request(NULL);
    assert_int_equal(read_target(target), ARC_OK);
    r.method = method;
    return arc_route_find(groups, &r, &group, methods);
}

static void routes_are_found_by_segments(void **state) {
    (void)state;
    char methods[64];
    const arc_route *route = route_of("GET", "/v1/identities/12/templates/7/crop", methods);
    assert_non_null(route);
    assert_string_equal(route->path, "/v1/identities/{id}/templates/{template}/crop");
    assert_string_equal(r.argument[0], "12");
    assert_string_equal(r.argument[1], "7");
    assert_non_null(route_of("HEAD", "/healthz", methods));
    assert_null(route_of("PUT", "/v1/identities", methods));
    assert_string_equal(methods, "GET, POST");
    static const char *const none[] = {"/",
                                       "/v1",
                                       "/v1/identities/12/13",
                                       "/v1//identities",
                                       "/v1%2Fidentities",
                                       "/V1/identities",
                                       "/v1/identities/../../healthz"};
    for (size_t i = 0; i < ARC_COUNT(none); i++) {
        assert_null(route_of("GET", none[i], methods));
        assert_string_equal(methods, "");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(targets_are_decoded_once, end_request),
        cmocka_unit_test_teardown(hostile_targets_are_refused, end_request),
        cmocka_unit_test_teardown(numbers_of_a_query_are_bounded, end_request),
        cmocka_unit_test_teardown(forms_have_parts, end_request),
        cmocka_unit_test_teardown(malformed_forms_are_refused, end_request),
        cmocka_unit_test(base64_comes_in_every_form),
        cmocka_unit_test(addresses_tell_who_reaches_them),
        cmocka_unit_test_teardown(routes_are_found_by_segments, end_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
