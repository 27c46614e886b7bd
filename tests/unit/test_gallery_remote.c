/* What another server, or something that is none, may answer to a search: what makes no sense is refused with a sentence, and
 * nothing of it is believed. The replies are given by a server of the test's own. */
#include "gallery/remote/remote.h"
#include "http_server.h"
#include "shared_context.h"
#include <math.h>
#include <string.h>

#define SHA "001c04dd9833da99f3ec56bcea9a45a7ab6705479b5d3dcd501cd49a435b0d13"
#define BINDING                                                                                                                  \
    "{\"fusion\":0,\"sketch\":false,\"dim\":2,\"generation\":1,\"model_sha256\":\"" SHA                                          \
    "\",\"model_name\":\"m.onnx\",\"align\":\"arcface_112\",\"protection\":\"\",\"typical_norm\":0.0,\"threshold\":0.3}"
#define MATCH(cosine, more)                                                                                                      \
    "{\"identity\":7,\"name\":\"Ann\",\"template\":9,\"cosine\":" cosine ",\"best_cosine\":0.5,\"threshold\":0.3,\"accepted\":"  \
    "true,\"ruled_out\":false" more "}"
#define RESULTS(matches) "{\"model_sha256\":\"" SHA "\",\"results\":[{\"known\":true,\"compared\":3,\"matches\":[" matches "]}]}"

static arc_test_server server;
static arc_remote *remote;

static int setup(void **state) {
    char url[64];
    if (open_context(state) != 0 || !server_start(&server))
        return -1;
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", server.port);
    return arc_remote_open(ctx, url, &remote, NULL) == ARC_OK ? 0 : -1;
}

static int teardown(void **state) {
    arc_remote_close(&remote);
    server_stop(&server);
    return close_context(state);
}

static void reply(const char *text) {
    server.data = (const unsigned char *)text;
    server.bytes = strlen(text);
}

static arc_status look(const char *text, arc_binding *b, int64_t *comparisons, arc_error *why) {
    reply(text);
    return arc_remote_look(remote, b, comparisons, why);
}

static arc_status ask(const char *text, int top, arc_answer *out, arc_error *why) {
    static const float probe[2] = {0.6f, 0.8f};
    arc_binding b = {.dim = 2, .model_sha256 = SHA};
    arc_gallery_query q;
    arc_gallery_query_default(&q);
    q.top = top;
    *out = (arc_answer){0};
    reply(text);
    return arc_remote_identify(remote, probe, 1, &b, &q, out, why);
}

static void a_gallery_is_looked_at(void **state) {
    (void)state;
    arc_binding b;
    arc_error why = {0};
    int64_t comparisons;
    assert_int_equal(
        look("{\"galleries\":[{\"dim\":2,\"identities\":3,\"templates\":5,\"binding\":" BINDING "}]}", &b, &comparisons, &why),
        ARC_OK);
    assert_int_equal(b.dim, 2);
    assert_int_equal(comparisons, 5); /* templates, as the highest cosine counts */
    assert_string_equal(b.model_sha256, SHA);
    assert_true(b.rule.threshold == 0.3);
    assert_int_equal(look("{\"galleries\":[{\"dim\":0,\"identities\":0,\"templates\":0}]}", &b, &comparisons, &why), ARC_OK);
    assert_int_equal(b.dim, 0);
}

static void a_strange_gallery_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        arc_status st;
    } bad[] = {
        {"<html>", ARC_ECORRUPT},
        {"[]", ARC_ECORRUPT},
        {"{}", ARC_EUNSUPPORTED},
        {"{\"galleries\":[]}", ARC_EUNSUPPORTED},
        {"{\"galleries\":[3]}", ARC_EUNSUPPORTED},
        {"{\"galleries\":[{\"dim\":-2,\"identities\":3,\"templates\":5}]}", ARC_ECORRUPT},
        {"{\"galleries\":[{\"dim\":1e9,\"identities\":3,\"templates\":5}]}", ARC_ECORRUPT},
        {"{\"galleries\":[{\"dim\":2,\"identities\":3,\"templates\":5}]}", ARC_ECORRUPT},
        {"{\"galleries\":[{\"dim\":3,\"identities\":3,\"templates\":5,\"binding\":" BINDING "}]}", ARC_ECORRUPT},
        {"{\"galleries\":[{\"dim\":2,\"identities\":\"3\",\"templates\":5,\"binding\":" BINDING "}]}", ARC_ECORRUPT},
        {"{\"galleries\":[{\"dim\":2,\"identities\":3,\"templates\":5,\"binding\":{\"dim\":2}}]}", ARC_ECORRUPT},
    };
    for (size_t i = 0; i < ARC_COUNT(bad); i++) {
        arc_binding b;
        arc_error why = {0};
        int64_t comparisons;
        if (look(bad[i].text, &b, &comparisons, &why) != bad[i].st)
            fail_msg("%s: %d, %s", bad[i].text, (int)why.code, why.text);
        assert_true(*why.text);
    }
}

static void answers_come_whole(void **state) {
    (void)state;
    arc_answer a;
    arc_error why = {0};
    const arc_status st = ask(RESULTS(MATCH("0.5123456789012345", ",\"far\":0.001") "," MATCH("0.25", "")), 5, &a, &why);
    if (st != ARC_OK)
        fail_msg("%s", why.text);
    assert_int_equal(a.known, ARC_KNOWN);
    assert_int_equal(a.matches, 2);
    assert_int_equal(a.compared, 3);
    assert_true(a.match[0].cosine == 0.5123456789012345 && a.match[0].far == 0.001 && isnan(a.match[1].far));
    assert_string_equal(a.match[1].name, "Ann");
    arc_answers_free(ctx, &a, 1);
}

static void strange_answers_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "{\"results\":[]}",
        "{\"model_sha256\":\"" SHA "\",\"results\":[]}",
        "{\"model_sha256\":\"other\",\"results\":[{\"known\":false,\"compared\":0,\"matches\":[]}]}",
        "{\"model_sha256\":\"" SHA "\",\"results\":[{\"known\":1,\"compared\":3,\"matches\":[]}]}",
        "{\"model_sha256\":\"" SHA "\",\"results\":[{\"known\":true,\"compared\":-3,\"matches\":[]}]}",
        "{\"model_sha256\":\"" SHA "\",\"results\":[{\"known\":true,\"compared\":3}]}",
        "{\"model_sha256\":\"" SHA "\",\"results\":[7]}",
        RESULTS(MATCH("1.5", "")),
        RESULTS(MATCH("\"0.5\"", "")),
        RESULTS(MATCH("null", "")),
        RESULTS(MATCH("0.2", "") "," MATCH("0.3", "")),                      /* the best come first */
        RESULTS(MATCH("0.4", "") "," MATCH("0.3", "") "," MATCH("0.2", "")), /* more than were asked for */
        RESULTS(MATCH("0.2", ",\"far\":7")),
        RESULTS("{\"identity\":7,\"name\":\"A\\u0000nn\",\"template\":9,\"cosine\":0.1,\"threshold\":0.3,\"accepted\":true,"
                "\"ruled_out\":false}"),
        RESULTS("{\"identity\":7,\"template\":9,\"cosine\":0.1,\"threshold\":0.3,\"accepted\":true,\"ruled_out\":false}"),
        RESULTS("{\"identity\":-7,\"name\":\"Ann\",\"template\":9,\"cosine\":0.1,\"threshold\":0.3,\"accepted\":true,\"ruled_"
                "out\":false}"),
    };
    for (size_t i = 0; i < ARC_COUNT(bad); i++) {
        arc_answer a;
        arc_error why = {0};
        const arc_status st = ask(bad[i], 2, &a, &why);
        if ((st != ARC_ECORRUPT && st != ARC_EIO) || !*why.text || a.match)
            fail_msg("%s: %d, %s", bad[i], (int)st, why.text);
    }
}

static void servers_that_refuse_are_told_apart(void **state) {
    (void)state;
    static const struct {
        int status;
        arc_status st;
    } is[] = {{401, ARC_EINVAL}, {403, ARC_EINVAL}, {404, ARC_EUNSUPPORTED}, {500, ARC_ENETWORK}, {400, ARC_EIO}};
    for (size_t i = 0; i < ARC_COUNT(is); i++) {
        arc_binding b;
        arc_error why = {0};
        int64_t comparisons;
        server.status = is[i].status;
        assert_int_equal(look("{}", &b, &comparisons, &why), is[i].st);
        server.status = 0;
    }
    arc_remote *none = NULL;
    assert_int_equal(arc_remote_open(ctx, "http://user@host/", &none, NULL), ARC_EINVAL);
    assert_null(none);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gallery_is_looked_at),
        cmocka_unit_test(a_strange_gallery_is_refused),
        cmocka_unit_test(answers_come_whole),
        cmocka_unit_test(strange_answers_are_refused),
        cmocka_unit_test(servers_that_refuse_are_told_apart),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
