/* Galleries behind two servers, searched as one: the answers are those of the same galleries in this process, to the last bit. */
#include "server_support.h"

enum { PHOTOS = 4, ASKED = 4 };

static const char *const photo[PHOTOS] = {"photos/pairs/img1.jpg", "photos/pairs/img3.jpg", "photos/pairs/img20.jpg",
                                          "photos/pairs/img34.jpg"};
static const char *const asked[ASKED] = {"photos/pairs/img2.jpg", "photos/pairs/img53.jpg", "photos/pairs/img21.jpg",
                                         "photos/pairs/img18.jpg"};

static void enrol(const char *url, int person, const char *path) {
    char text[64];
    snprintf(text, sizeof text, "{\"name\": \"person %d\"}", person);
    answer a = ask_json(url, "POST", "/v1/identities", text);
    expect_answer(&a, 201, "");
    snprintf(text, sizeof text, "/v1/identities/%lld/templates?largest=true", (long long)number_of(a.json, "id"));
    free_answer(&a);
    a = ask_form(url, text, "photo", path, NULL);
    expect_answer(&a, 201, "");
    free_answer(&a);
}

static void embed(const char *url, const char *path, float out[512]) {
    answer a = ask_form(url, "/v1/embed?largest=true", "photo", path, NULL);
    expect_answer(&a, 200, "");
    const json_t *row = json_object_get(json_array_get(json_object_get(a.json, "faces"), 0), "embedding");
    for (size_t k = 0; k < 512; k++)
        out[k] = (float)json_number_value(json_array_get(row, k));
    free_answer(&a);
}

static void assert_same(const arc_answer *a, const arc_answer *b) {
    assert_int_equal(a->known, b->known);
    assert_int_equal(a->matches, b->matches);
    assert_int_equal(a->compared, b->compared);
    assert_true(a->rule.threshold == b->rule.threshold && a->rule.comparisons == b->rule.comparisons);
    assert_true(a->margin_to_second == b->margin_to_second);
    for (int i = 0; i < a->matches; i++) {
        assert_string_equal(a->match[i].name, b->match[i].name);
        assert_true(a->match[i].cosine == b->match[i].cosine && a->match[i].threshold == b->match[i].threshold);
        assert_true(a->match[i].accepted == b->match[i].accepted && a->match[i].identity == b->match[i].identity);
    }
}

static void two_servers_are_one_gallery(void **state) {
    (void)state;
    static float probe[ASKED][512];
    static arc_answer here[ASKED], there[ASKED], mixed[ASKED];
    char place[2][512];
    const char *path[PHOTOS];
    arc_server *server[2];
    for (size_t i = 0; i < PHOTOS; i++)
        path[i] = arc_test_file(photo[i]); /* skips without real photos */
    for (int i = 0; i < 2; i++) {
        snprintf(place[i], sizeof place[i], "%s", in_folder(i ? "b.gal" : "a.gal"));
        const arc_server_options opt = server_options(place[i]);
        server[i] = start_server(&opt);
    }
    for (size_t i = 0; i < PHOTOS; i++)
        enrol(arc_server_url(server[i % 2]), (int)i, path[i]);
    for (size_t i = 0; i < ASKED; i++)
        embed(arc_server_url(server[0]), arc_test_file(asked[i]), probe[i]);
    const char *const files[] = {place[0], place[1]}, *const urls[] = {arc_server_url(server[0]), arc_server_url(server[1])},
                      *const both[] = {arc_server_url(server[0]), place[1]};
    const char *const *const set[] = {files, urls, both};
    arc_answer *const out[] = {here, there, mixed};
    for (int i = 0; i < 3; i++) {
        arc_shards *s = NULL;
        arc_error why = {0};
        assert_int_equal(arc_shards_open(ctx, set[i], 2, NULL, &s, &why), ARC_OK);
        if (arc_shards_identify(s, probe[0], ASKED, NULL, out[i], NULL, &why) != ARC_OK)
            fail_msg("%s", why.text);
        assert_true(i != 1 || arc_shards_gallery(s, 0) == NULL);
        arc_shards_close(&s);
    }
    for (size_t i = 0; i < ASKED; i++) {
        assert_int_equal(here[i].known, i < 3 ? ARC_KNOWN : ARC_UNKNOWN);
        assert_same(&here[i], &there[i]);
        assert_same(&here[i], &mixed[i]);
    }
    for (int i = 0; i < 3; i++)
        arc_answers_free(ctx, out[i], ASKED);

    arc_shards *s = NULL; /* one of them is gone: an answer without it could be wrong */
    arc_error why = {0};
    assert_int_equal(arc_shards_open(ctx, urls, 2, NULL, &s, NULL), ARC_OK);
    arc_server_stop(&server[1]);
    assert_int_equal(arc_shards_identify(s, probe[0], 1, NULL, here, NULL, &why), ARC_ENETWORK);
    arc_shards_close(&s);
    arc_server_stop(&server[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(two_servers_are_one_gallery)};
    curl_global_init(CURL_GLOBAL_DEFAULT);
    const int failed = cmocka_run_group_tests(tests, open_context, close_context);
    curl_global_cleanup();
    return failed;
}
