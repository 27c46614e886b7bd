/* What a server that is not Qdrant, or a broken one, may answer to a gallery: each reply is refused with a sentence, and nothing
 * of it is believed. No server is needed: the replies are given by one of the test's own. */
#include "gallery/store/qdrant/qdrant_internal.h"
#include "http_server.h"
#include "hub/network.h"
#include "shared_context.h"
#include <string.h>

static arc_test_server server;

/* A store without a gallery behind it, whose next request gets `reply`. */
static void begin(arc_qd *s, const char *reply, size_t bytes) {
    *s = (arc_qd){.ctx = ctx, .dim = 4, .patience_ms = 50, .seen = -1};
    server.data = (const unsigned char *)reply;
    server.bytes = bytes;
    snprintf(s->server, sizeof s->server, "http://127.0.0.1:%d", server.port);
    snprintf(s->label, sizeof s->label, "qdrant test");
    snprintf(s->people, sizeof s->people, "faces_people");
    snprintf(s->templates, sizeof s->templates, "faces");
    snprintf(s->collection, sizeof s->collection, "faces");
    arc_buffer_init(&s->reply, &ctx->alloc, 1 << 16);
    arc_buffer_init(&s->body, &ctx->alloc, 1 << 16);
    assert_int_equal(arc_network_start(NULL), ARC_OK);
    s->curl = curl_easy_init();
    assert_non_null(s->curl);
}

static void end(arc_qd *s) {
    arc_qd_forget(s);
    curl_easy_cleanup(s->curl);
    arc_buffer_free(&s->reply);
    arc_buffer_free(&s->body);
}

static int visited;

static arc_status see_template(void *arg, const arc_template_row *row, arc_error *err) {
    (void)arg, (void)row, (void)err;
    visited++;
    return ARC_OK;
}

static arc_status see_identity(void *arg, const arc_identity_row *row, arc_error *err) {
    (void)arg, (void)row, (void)err;
    visited++;
    return ARC_OK;
}

static arc_status see_name(void *arg, const char *name, arc_error *err) {
    (void)arg, (void)name, (void)err;
    visited++;
    return ARC_OK;
}

typedef arc_status call(arc_qd *s, arc_error *err);

static arc_status read_templates(arc_qd *s, arc_error *err) {
    const arc_template_query q = {.generation = 1, .parts = ARC_READ_EMBEDDING | ARC_READ_CROP | ARC_READ_DETAIL};
    return arc_qd_template_each(&s->base, &q, see_template, NULL, err);
}

static arc_status read_one(arc_qd *s, arc_error *err) {
    const int64_t id = 1;
    const arc_template_query q = {.generation = 1, .ids = &id, .id_count = 1};
    return arc_qd_template_each(&s->base, &q, see_template, NULL, err);
}

static arc_status read_people(arc_qd *s, arc_error *err) {
    return arc_qd_identity_each(&s->base, 0, see_identity, NULL, err);
}

static arc_status read_head(arc_qd *s, arc_error *err) {
    return arc_qd_begin(&s->base, false, err);
}

static arc_status read_dim(arc_qd *s, arc_error *err) {
    return arc_qd_look_dim(s, err);
}

static arc_status read_galleries(arc_qd *s, arc_error *err) {
    return arc_qd_galleries(&s->base, see_name, NULL, err);
}

static arc_status count(arc_qd *s, arc_error *err) {
    int64_t n;
    return arc_qd_count(s, "faces", json_object(), &n, err);
}

static arc_status write_head(arc_qd *s, arc_error *err) {
    return arc_qd_head_swap(s, &s->head, json_object(), err);
}

#define POINTS(text) "{\"result\": {\"points\": [" text "], \"next_page_offset\": null}}"
#define TEMPLATE(id, more)                                                                                                       \
    "{\"id\": " id ", \"payload\": {\"kind\": \"template\", \"identity\": 1, \"revision\": 1, \"created_ms\": 1" more "}}"
#define HEAD(more)                                                                                                               \
    "{\"result\": [{\"id\": 0, \"payload\": {\"schema\": 1, \"commit\": 1, \"revision\": 0, \"beat\": 0, \"journal\": 0, "       \
    "\"pieces\": 0, \"next_identity\": 1, \"next_template\": 1, \"next_negative\": 1, \"next_audit\": 1, \"identities\": 0, "    \
    "\"templates\": 0, \"negatives\": 0, \"crops\": 0, \"audits\": 0, " more "}}]}"
#define MARKS "\"mark\": \"00112233445566778899aabbccddeeff\", \"lock\": \"-\", \"pending\": \"-\""

static const struct {
    call *call;
    arc_status status;
    int visits;
    const char *reply;
} cases[] = {
    /* what is right */
    {read_templates, ARC_OK, 1, POINTS(TEMPLATE("1", ", \"embedding_1\": \"AAAAAA==\", \"quality\": 0.5"))},
    {read_head, ARC_OK, 0, HEAD(MARKS)},
    {read_people, ARC_OK, 0, POINTS("")},
    {count, ARC_OK, 0, "{\"result\": {\"count\": 3}}"},
    {write_head, ARC_OK, 0, "{\"result\": {\"operation_id\": 3, \"status\": \"completed\"}}"},
    {read_dim, ARC_OK, 0, "{\"result\": {\"config\": {\"params\": {\"vectors\": {\"face\": {\"size\": 512}}}}}}"},
    {read_galleries, ARC_OK, 2,
     "{\"result\": {\"collections\": [{\"name\": \"faces_people\"}, {\"name\": \"faces\"}, {\"name\": 5}, {}, 7,"
     "{\"name\": \"faces.guests_people\"}, {\"name\": \"faces._people\"}, {\"name\": \"other_people\"}]}}"},
    /* no JSON, or another */
    {count, ARC_ECORRUPT, 0, ""},
    {count, ARC_ECORRUPT, 0, "<html>It works!</html>"},
    {count, ARC_ECORRUPT, 0, "[]"},
    {count, ARC_ECORRUPT, 0, "{\"result\": {\"count\": NaN}}"},
    {count, ARC_ECORRUPT, 0, "{\"result\": {\"count\": 1, \"count\": 2}}"},
    {count, ARC_ECORRUPT, 0, "{\"result\": {\"count\": 1e400}}"},
    {count, ARC_ECORRUPT, 0, "{\"result\": {\"count\": \"3\"}}"},
    {count, ARC_ECORRUPT, 0, "{\"result\": {\"count\": -3}}"},
    {count, ARC_ECORRUPT, 0, "{\"result\": {\"count\": 9223372036854775807}}"},
    {count, ARC_ECORRUPT, 0, "{\"result\": [3]}"},
    {count, ARC_ECORRUPT, 0, "{\"result\": {\"count\": 3}"},
    {write_head, ARC_ENETWORK, 0, "{\"result\": {\"operation_id\": 3, \"status\": \"acknowledged\"}}"},
    {write_head, ARC_ENETWORK, 0, "{\"result\": true}"},
    {read_dim, ARC_EFORMAT, 0, "{\"result\": {\"config\": {\"params\": {\"vectors\": {\"size\": 4}}}}}"},
    {read_dim, ARC_EFORMAT, 0, "{\"result\": {\"config\": {\"params\": {\"vectors\": {\"face\": {\"size\": 4294967296}}}}}}"},
    /* points */
    {read_templates, ARC_ECORRUPT, 0, "{\"result\": {\"points\": {}}}"},
    {read_templates, ARC_ECORRUPT, 0, POINTS("5")},
    {read_templates, ARC_ECORRUPT, 0, POINTS("{\"id\": \"1\", \"payload\": {}}")},
    {read_templates, ARC_ECORRUPT, 0, POINTS("{\"id\": -1, \"payload\": {}}")},
    {read_templates, ARC_ECORRUPT, 0, POINTS("{\"id\": 0, \"payload\": {}}")},
    {read_templates, ARC_ECORRUPT, 0, POINTS("{\"id\": 9223372036854775807, \"payload\": {}}")},
    {read_templates, ARC_ECORRUPT, 0, POINTS("{\"id\": 1, \"payload\": null}")},
    {read_templates, ARC_ECORRUPT, 1, POINTS(TEMPLATE("3", "") ", " TEMPLATE("2", ""))},
    {read_templates, ARC_ECORRUPT, 1, POINTS(TEMPLATE("3", "") ", " TEMPLATE("3", ""))},
    {read_templates, ARC_ECORRUPT, 0, POINTS("{\"id\": 1, \"payload\": {\"kind\": \"template\", \"identity\": 1.5}}")},
    {read_templates, ARC_ECORRUPT, 0, POINTS(TEMPLATE("1", ", \"embedding_1\": \"AAA=A\""))},
    {read_templates, ARC_ECORRUPT, 0, POINTS(TEMPLATE("1", ", \"embedding_1\": [0.5, 0.5]"))},
    {read_templates, ARC_ECORRUPT, 0, POINTS(TEMPLATE("1", ", \"crop\": \"\\u0000\\u0000\""))},
    {read_one, ARC_ECORRUPT, 0, "{\"result\": [5]}"},
    {read_one, ARC_ECORRUPT, 0, "{\"result\": {}}"},
    {read_people, ARC_ECORRUPT, 0, POINTS("{\"id\": 8, \"payload\": {}}")}, /* of another kind */
    {read_people, ARC_ECORRUPT, 0, POINTS("{\"id\": 11, \"payload\": {\"kind\": \"identity\", \"templates\": []}}")},
    /* heads */
    {read_head, ARC_ENOTFOUND, 0, "{\"result\": []}"},
    {read_head, ARC_ECORRUPT, 0, "{\"result\": [{}]}"},
    {read_head, ARC_ECORRUPT, 0, HEAD("\"mark\": \"0\", \"lock\": \"-\", \"pending\": \"-\"")},
    {read_head, ARC_ECORRUPT, 0, HEAD("\"mark\": \"00112233445566778899aabbccddeefg\", \"lock\": \"-\", \"pending\": \"-\"")},
    {read_head, ARC_ECORRUPT, 0, HEAD("\"mark\": \"00112233445566778899aabbccddeeff\", \"lock\": \"\", \"pending\": \"-\"")},
    {read_head, ARC_ECORRUPT, 0, HEAD("\"mark\": \"00112233445566778899aabbccddeeff\", \"lock\": \"-\"")},
    {read_head, ARC_EUNSUPPORTED, 0, "{\"result\": [{\"id\": 0, \"payload\": {\"schema\": 2}}]}"},
};

static void hostile_replies_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arc_qd s;
        arc_error err = {0};
        begin(&s, cases[i].reply, strlen(cases[i].reply));
        visited = 0;
        const arc_status st = cases[i].call(&s, &err);
        if (st != cases[i].status || visited != cases[i].visits || (st != ARC_OK && !strstr(err.text, "qdrant test")))
            fail_msg("%s: status %d, %d visits: %s", cases[i].reply, (int)st, visited, err.text);
        end(&s);
    }
}

static void endless_cut_and_refusing_replies_end(void **state) {
    (void)state;
    static char large[1 << 17];
    arc_qd s;
    arc_error err = {0};
    memset(large, ' ', sizeof large);
    begin(&s, large, sizeof large);
    assert_int_equal(count(&s, &err), ARC_ELIMIT);
    end(&s);

    begin(&s, cases[0].reply, strlen(cases[0].reply));
    server.cut_after = 20;
    server.requests = 0;
    assert_int_equal(count(&s, &err), ARC_ENETWORK);
    assert_int_equal(server.requests, 5); /* asked again */
    server.cut_after = 0;
    end(&s);

    static const struct {
        int code;
        arc_status status;
        int requests;
    } codes[] = {{500, ARC_ENETWORK, 1}, {503, ARC_ENETWORK, 5}, {429, ARC_ENETWORK, 5},  {401, ARC_EINVAL, 1},
                 {403, ARC_EINVAL, 1},   {400, ARC_EIO, 1},      {404, ARC_ENOTFOUND, 1}, {302, ARC_EIO, 1}};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        begin(&s, "", 0);
        server.status = codes[i].code;
        server.requests = 0;
        assert_int_equal(count(&s, &err), codes[i].status);
        assert_int_equal(server.requests, codes[i].requests);
        end(&s);
    }
    server.status = 0;
    server.redirects_to_file = true;
    begin(&s, "", 0);
    assert_int_equal(count(&s, &err), ARC_EIO); /* not followed */
    end(&s);
    server.redirects_to_file = false;
}

/* A journal whose rows would go to other points than rows. */
static void a_hostile_journal_is_not_written(void **state) {
    (void)state;
    static const char *const rows[] = {"[[0, 0, {}]]", "[[8, 1, {}]]", "[[-1, 1, {}]]", "[[3, -1, {}]]",
                                       "[[3, 1, []]]", "[[3, 1]]",     "[5]",           "[[3, 9223372036854775807, {}]]"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        arc_qd s;
        json_error_t why;
        begin(&s, "", 0);
        server.requests = 0;
        json_t *all = json_loads(rows[i], 0, &why);
        assert_non_null(all);
        assert_int_equal(arc_qd_write(&s, all, 2, NULL), ARC_ECORRUPT);
        assert_int_equal(server.requests, 0);
        json_decref(all);
        end(&s);
    }
}

static int start(void **state) {
    return open_context(state) || !server_start(&server);
}

static int stop(void **state) {
    server_stop(&server);
    return close_context(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_replies_are_refused),
        cmocka_unit_test(endless_cut_and_refusing_replies_end),
        cmocka_unit_test(a_hostile_journal_is_not_written),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
