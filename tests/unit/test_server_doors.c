/* Doors of the server for clients that expect another one: what they send and read, by libcurl. */
#include "server_support.h"

static arc_server *server;
static const char *url;

static int setup(void **state) {
    if (!arc_test_data())
        return 0;
    open_context(state);
    arc_server_options opt = server_options(NULL);
    server = start_server(&opt);
    url = arc_server_url(server);
    return 0;
}

static int teardown(void **state) {
    arc_server_stop(&server);
    return ctx ? close_context(state) : 0;
}

/* A request of Immich's. */
static answer predict(const char *entries, const char *photo) {
    CURL *curl = curl_easy_init();
    curl_mime *form = curl_mime_init(curl);
    curl_mimepart *part = curl_mime_addpart(form);
    curl_mime_name(part, "entries");
    curl_mime_data(part, entries, CURL_ZERO_TERMINATED);
    if (photo) {
        part = curl_mime_addpart(form);
        curl_mime_name(part, "image");
        curl_mime_filedata(part, photo);
    }
    curl_easy_setopt(curl, CURLOPT_MIMEPOST, form);
    answer a = perform(curl, url, "/predict");
    curl_mime_free(form);
    return a;
}

#define ENTRIES(least)                                                                                                           \
    "{\"facial-recognition\": {\"detection\": {\"modelName\": \"buffalo_l\", \"options\": {\"minScore\": " least                 \
    "}}, \"recognition\": {\"modelName\": \"buffalo_l\"}}}"

static void immich_gets_its_faces(void **state) {
    (void)state;
    const char *photo = arc_test_file("photos/insightface/t1.jpg");
    answer a = ask(url, "GET", "/ping");
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, "pong");
    free_answer(&a);

    a = predict(ENTRIES("0.5"), photo);
    expect_answer(&a, 200, "");
    const json_t *faces = json_object_get(a.json, "facial-recognition");
    assert_int_equal(json_array_size(faces), 6);
    assert_true(number_of(a.json, "imageWidth") == 1280 && number_of(a.json, "imageHeight") == 886);
    double least = 1, sum = 0;
    for (size_t i = 0; i < 6; i++) {
        const json_t *face = json_array_get(faces, i), *box = json_object_get(face, "boundingBox");
        assert_true(json_is_integer(json_object_get(box, "x1")) && number_of(box, "x2") > number_of(box, "x1"));
        least = number_of(face, "score") < least ? number_of(face, "score") : least;
        json_t *row = json_loads(json_string_value(json_object_get(face, "embedding")), 0, NULL); /* a text with an array in it */
        assert_int_equal(json_array_size(row), 512);
        sum = 0;
        for (size_t k = 0; k < 512; k++)
            sum += json_number_value(json_array_get(row, k)) * json_number_value(json_array_get(row, k));
        assert_true(sum > 0.99999 && sum < 1.00001);
        json_decref(row);
    }
    free_answer(&a);
    char text[256];
    snprintf(text, sizeof text,
             "{\"facial-recognition\": {\"detection\": {\"options\": {\"minScore\": %.6f}}, \"recognition\": {}}}",
             least + 0.001);
    a = predict(text, photo);
    expect_answer(&a, 200, "");
    assert_true(json_array_size(json_object_get(a.json, "facial-recognition")) < 6);
    free_answer(&a);
}

static void immich_is_told_what_is_wrong(void **state) {
    (void)state;
    const char *photo = arc_test_file("photos/insightface/t1.jpg");
    const char *const entries[] = {"", "[", "[]", "{}", "{\"clip\": {\"visual\": {}}}", "{\"facial-recognition\": 3}"};
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        answer a = predict(entries[i], photo);
        assert_int_equal(a.status, 400);
        assert_true(json_is_string(json_object_get(a.json, "detail")));
        free_answer(&a);
    }
    answer a = predict(ENTRIES("0.5"), NULL);
    assert_int_equal(a.status, 400);
    free_answer(&a);
    a = ask_json(url, "POST", "/predict", "{}");
    assert_int_equal(a.status, 400);
    free_answer(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(immich_gets_its_faces),
        cmocka_unit_test(immich_is_told_what_is_wrong),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    const int failed = cmocka_run_group_tests(tests, setup, teardown);
    curl_global_cleanup();
    return failed;
}
