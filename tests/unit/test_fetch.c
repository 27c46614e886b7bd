/* Photos by their addresses, from a server on this machine that does what servers do: gives, refuses, sends elsewhere, gives
 * pages for pictures, breaks off, takes for ever. What is told never holds more of an address than its server and path. */
#include "base/base.h"
#include "folder.h"
#include "photo_server.h"
#include "shared_context.h"
#include <arcface/arcface.h>
#include <string.h>

enum { PICTURE_BYTES = 50000 };

static photo_server server;
static unsigned char picture[PICTURE_BYTES];

static int start(void **state) {
    open_context(state);
    static const char *const proxies[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < ARC_COUNT(proxies); i++)
        unsetenv(proxies[i]);
    memset(picture, 'x', sizeof picture);
    memcpy(picture, "P5\n1 49000\n255\n", 15);
    server = (photo_server){.picture = picture, .bytes = sizeof picture};
    return photo_server_start(&server) ? 0 : -1;
}

static int stop(void **state) {
    photo_server_stop(&server);
    return close_context(state);
}

/* The only photo of a feed of one name; *err: why there is none. */
static arc_status fetched(const char *name, const arc_feed_options *opt, arc_photo *photo, arc_error *err) {
    static arc_feed *feed; /* the last one, so that what the photo points at stays a while */
    arc_photo_source source;
    arc_feed_close(&feed);
    if (!name)
        return ARC_OK;
    assert_int_equal(arc_feed_open(ctx, &name, 1, opt, &feed, err), ARC_OK);
    arc_feed_source(feed, &source);
    assert_int_equal(source.count, 1);
    assert_int_equal(source.next(source.ctx, 0, photo, err), ARC_OK);
    if (photo->kind == ARC_PHOTO_BYTES)
        return ARC_OK;
    assert_int_equal(photo->kind, ARC_PHOTO_FAILED);
    *err = *photo->failure;
    return err->code;
}

static const char *address_of(const char *path) {
    static char ring[8][512];
    static int at;
    char *text = ring[at++ % 8];
    snprintf(text, sizeof ring[0], "http://127.0.0.1:%d%s", server.port, path);
    return text;
}

static void limited(arc_feed_options *opt) {
    arc_feed_options_default(opt);
    opt->max_bytes = 100000;
    opt->timeout_s = 2;
}

static void photos_come(void **state) {
    (void)state;
    static const char *const path[] = {"/photo", "/photo.jpg?size=large", "/slowly", "/moved/1", "/moved/5"};
    for (size_t i = 0; i < ARC_COUNT(path); i++) {
        arc_photo photo;
        arc_error err = {0};
        if (fetched(address_of(path[i]), NULL, &photo, &err) != ARC_OK)
            fail_msg("%s", err.text);
        assert_int_equal(photo.byte_count, PICTURE_BYTES);
        assert_memory_equal(photo.bytes, picture, PICTURE_BYTES);
        assert_string_equal(photo.name, address_of(path[i]));
    }
    fetched(NULL, NULL, NULL, NULL);
}

/* path, what it ends with, a part of the sentence */
static const struct {
    const char *path;
    arc_status st;
    const char *says;
} failures[] = {
    {"/status/404", ARC_ENOTFOUND, "/status/404: there is no such file on the server (it answers 404)"},
    {"/status/410", ARC_ENOTFOUND, "no such file"},
    {"/status/401", ARC_ENETWORK, "the server refuses it, or asks for a login (it answers 401)"},
    {"/status/429", ARC_ENETWORK, "asked too often"},
    {"/status/503", ARC_ENETWORK, "the server fails (it answers 503)"},
    {"/page", ARC_EFORMAT, "/page: the server gives an HTML page, not a picture"},
    {"/json", ARC_EFORMAT, "what the server gives is no picture"},
    {"/nothing", ARC_EFORMAT, "the server gives nothing"},
    {"/zip", ARC_EUNSUPPORTED, "a zip file; download it and name the file"},
    {"/moved/6", ARC_ELIMIT, "is redirected more than 5 times (--redirects)"},
    {"/round", ARC_ELIMIT, "is redirected more than 5 times"},
    {"/file", ARC_ENETWORK, "is redirected to what is neither http nor https, and not followed"},
    {"/ftp", ARC_ENETWORK, "is redirected to what is neither http nor https"},
    {"/short", ARC_ENETWORK, "the connection broke off after 25000 of 50000 bytes"},
    {"/huge", ARC_ELIMIT, "more than the limit of 100000 bytes (--max-bytes)"},
    {"/endless", ARC_ELIMIT, "more than the limit of 100000 bytes (--max-bytes)"},
    {"/endless-page", ARC_EFORMAT, "an HTML page"},
    {"/trickle", ARC_ENETWORK, "/trickle: not there after 2 s, 500"},
    {"/silent", ARC_ENETWORK, "not there after 2 s, 0 bytes came (--timeout)"},
    {"/garbage", ARC_ENETWORK, ""},
    {"/closed", ARC_ENETWORK, "the server closes the connection without an answer"},
};

static void what_servers_do_instead(void **state) {
    (void)state;
    arc_feed_options opt;
    limited(&opt);
    for (size_t i = 0; i < ARC_COUNT(failures); i++) {
        arc_photo photo;
        arc_error err = {0};
        char address[512];
        snprintf(address, sizeof address, "http://Ann:secret@127.0.0.1:%d%s?key=secret#secret", server.port, failures[i].path);
        assert_int_equal(fetched(address, &opt, &photo, &err), failures[i].st);
        if (!strstr(err.text, failures[i].says) || strstr(err.text, "ecret") || strstr(err.text, "Ann"))
            fail_msg("%s: %s", failures[i].path, err.text);
        char name[512];
        snprintf(name, sizeof name, "http://127.0.0.1:%d%s", server.port, failures[i].path);
        assert_string_equal(photo.label, name);
        snprintf(name, sizeof name, "http://127.0.0.1:%d%s?key=secret#secret", server.port, failures[i].path);
        assert_string_equal(photo.name, name);
    }
    fetched(NULL, NULL, NULL, NULL);
}

static void limits_are_options(void **state) {
    (void)state;
    arc_feed_options opt;
    arc_photo photo;
    arc_error err = {0};
    arc_feed_options_default(&opt);
    opt.max_bytes = PICTURE_BYTES;
    assert_int_equal(fetched(address_of("/photo"), &opt, &photo, &err), ARC_OK);
    opt.max_bytes = PICTURE_BYTES - 1;
    assert_int_equal(fetched(address_of("/photo"), &opt, &photo, &err), ARC_ELIMIT);
    arc_feed_options_default(&opt);
    opt.max_redirects = 0;
    assert_int_equal(fetched(address_of("/moved/1"), &opt, &photo, &err), ARC_ELIMIT);
    opt.max_redirects = 6;
    assert_int_equal(fetched(address_of("/moved/6"), &opt, &photo, &err), ARC_OK);
    fetched(NULL, NULL, NULL, NULL);
}

static void addresses_that_lead_nowhere(void **state) {
    (void)state;
    static const struct {
        const char *address, *says;
        arc_status st;
    } bad[] = {
        {"http://no-such-server.invalid/a.jpg", "http://no-such-server.invalid/a.jpg: no server of this name is known",
         ARC_ENETWORK},
        {"http://127.0.0.1:1/a.jpg?x=secret", "http://127.0.0.1:1/a.jpg: the server does not answer", ARC_ENETWORK},
        {"http://Ann:se/cret@host/", "http://...: no valid address", ARC_EINVAL},
        {"http://host:port/", "http://host...: no valid address", ARC_EINVAL},
        {"http://", "http://...: no valid address", ARC_EINVAL},
        {"HTTP://a b/", "HTTP://a...: no valid address", ARC_EINVAL},
        {"ftp://Ann:secret@host/a.jpg", "ftp://host/a.jpg: only addresses of http and https are read", ARC_EINVAL},
        {"file:///etc/passwd", "only addresses of http and https", ARC_EINVAL},
        {"s3://bucket/a.jpg", "only addresses of http and https", ARC_EINVAL},
    };
    arc_feed_options opt;
    limited(&opt);
    for (size_t i = 0; i < ARC_COUNT(bad); i++) {
        arc_photo photo;
        arc_error err = {0};
        const arc_status st = fetched(bad[i].address, &opt, &photo, &err);
        if (st != bad[i].st || !strstr(err.text, bad[i].says) || strstr(err.text, "cret"))
            fail_msg("%s: %s", bad[i].address, err.text);
    }
    char secure[64];
    arc_photo photo;
    arc_error err = {0};
    snprintf(secure, sizeof secure, "https://127.0.0.1:%d/garbage", server.port);
    assert_int_equal(fetched(secure, &opt, &photo, &err), ARC_ENETWORK);
    assert_non_null(strstr(err.text, "no secure connection"));
    fetched(NULL, NULL, NULL, NULL);
}

/* Addresses in a list, with other names, through a pipeline: at the same time, in order, with their names in results. */
static void decode_all(void *arg, int64_t index, const arc_photo *photo) {
    arc_image image;
    arc_error err = {0};
    int *good = arg;
    if (arc_photo_load(ctx, photo, NULL, &image, NULL, &err) == ARC_OK)
        good[index] = image.height_px;
    else if (strstr(err.text, "ecret"))
        fail_msg("%s", err.text);
    arc_image_free(ctx, &image);
}

typedef struct reader {
    arc_photo_source *source;
    int first, *height;
} reader;

static void *read_some(void *arg) {
    reader *r = arg;
    for (int i = r->first; i < 12; i += 4) {
        arc_photo photo;
        if (r->source->next(r->source->ctx, i, &photo, NULL) != ARC_OK || photo.kind == ARC_PHOTO_END)
            return NULL;
        decode_all(r->height, i, &photo);
        r->source->release(r->source->ctx, i, &photo);
    }
    return NULL;
}

static void addresses_in_lists(void **state) {
    (void)state;
    char text[4096], list[TEST_PATH_BYTES + 1];
    size_t at = 0;
    for (int i = 0; i < 10; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s\r\n", address_of(i == 4 ? "/status/404" : "/slowly"));
    at += (size_t)snprintf(text + at, sizeof text - at, "%s\n", in_folder("a.pgm"));
    at += (size_t)snprintf(text + at, sizeof text - at, "%s?secret\n", address_of("/page"));
    assert_int_equal(arc_file_save(&ctx->alloc, in_folder("list"), text, at, NULL), ARC_OK);
    assert_int_equal(arc_file_save(&ctx->alloc, in_folder("a.pgm"), picture, sizeof picture, NULL), ARC_OK);
    snprintf(list, sizeof list, "@%s", in_folder("list"));
    const char *const name = list;
    arc_feed *feed;
    arc_photo_source source;
    assert_int_equal(arc_feed_open(ctx, &name, 1, NULL, &feed, NULL), ARC_OK);
    arc_feed_source(feed, &source);
    assert_int_equal(source.count, 12); /* known, and nothing fetched yet */
    int height[12] = {0};
    pthread_t thread[4];
    reader r[4];
    server.most_open = 0;
    for (int i = 0; i < 4; i++) {
        r[i] = (reader){&source, i, height};
        assert_int_equal(pthread_create(&thread[i], NULL, read_some, &r[i]), 0);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    for (int i = 0; i < 12; i++)
        assert_int_equal(height[i], i == 4 || i == 11 ? 0 : 49000);
    assert_true(server.most_open >= 2); /* at the same time */
    arc_feed_close(&feed);
}

static void names_only_asks_nobody(void **state) {
    (void)state;
    arc_feed_options opt;
    arc_photo photo;
    arc_error err = {0};
    const int before = server.requests;
    arc_feed_options_default(&opt);
    opt.names_only = true;
    assert_int_equal(fetched(address_of("/photo"), &opt, &photo, &err), ARC_OK);
    assert_int_equal(photo.byte_count, 0);
    assert_int_equal(server.requests, before);
    fetched(NULL, NULL, NULL, NULL);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    arc_context *own = arc_test_context(&heap, 1);
    const char *name = address_of("/photo");
    arc_test_walk walk = {.heap = &heap};
    arc_status st;
    do {
        arc_feed *feed;
        arc_photo_source source;
        arc_photo photo;
        arc_test_walk_begin(&walk);
        st = arc_feed_open(own, &name, 1, NULL, &feed, NULL);
        if (st == ARC_OK) {
            arc_feed_source(feed, &source);
            st = source.next(source.ctx, 0, &photo, NULL);
        }
        if (st == ARC_OK && photo.kind == ARC_PHOTO_FAILED)
            st = photo.failure->code;
        arc_feed_close(&feed);
    } while (arc_test_walk_again(&walk, st));
    assert_true(walk.failures > 5);
    arc_context_close(&own);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(photos_come),
        cmocka_unit_test(what_servers_do_instead),
        cmocka_unit_test(limits_are_options),
        cmocka_unit_test(addresses_that_lead_nowhere),
        cmocka_unit_test(addresses_in_lists),
        cmocka_unit_test(names_only_asks_nobody),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
