/* The hub: a folder, a file URL and a loopback server as sources; broken connections and their resumption, wrong hashes, hostile
 * and incomplete archives, cancelling, trust on first use, failing memory, and the words that --model takes. */
#include "../support.h"
#include "folder.h"
#include "http_server.h"
#include "hub/hub_internal.h"
#include <archive.h>
#include <archive_entry.h>

#define DATA_BYTES 300000

static unsigned char data[DATA_BYTES];
static char data_hex[ARC_DIGEST_HEX_BYTES];
static char url[128];

static int begin(void **state) {
    (void)state;
    for (size_t i = 0; i < DATA_BYTES; i++)
        data[i] = (unsigned char)arc_rng_hash(7, i);
    arc_digest d;
    arc_digest_begin(&d);
    arc_digest_add(&d, data, DATA_BYTES);
    arc_digest_end(&d, data_hex);
    unsetenv("http_proxy");
    return setenv("no_proxy", "*", 1);
}

static void write_file(const char *path, const void *bytes, size_t count) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, count, f), count);
    assert_int_equal(fclose(f), 0);
}

static long size_of(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 ? (long)st.st_size : -1;
}

static void same_as_data(const char *path) {
    arc_map map;
    assert_int_equal(arc_map_open(&map, path, 1 << 20, NULL), ARC_OK);
    assert_int_equal(map.bytes, DATA_BYTES);
    assert_memory_equal(map.data, data, DATA_BYTES);
    arc_map_close(&map);
}

/* ---- packs of the test ---- */

static arc_hub_entry single = {"one", url, "one.onnx", DATA_BYTES, data_hex, "test", "test"};
static arc_hub_entry unlisted = {"free", url, "free.onnx", 0, NULL, "test", "test"};
static arc_hub_entry zipped = {"pack", url, "pack.zip", 0, NULL, "test", "test"};
static const arc_hub_member pack_members[] = {
    {"pack", "det.onnx", NULL, ARC_TASK_DETECT},
    {"pack", "rec.onnx", NULL, ARC_TASK_EMBED},
    {"another", "other.onnx", NULL, ARC_TASK_EMBED},
};

static arc_status pull_from(const arc_hub_entry *entry, const char *from, arc_error *err) {
    arc_pull_options opt;
    char path[512];
    arc_pull_options_default(&opt);
    opt.from = from;
    opt.cache_dir = in_folder("cache");
    arc_hub_pack pack = {entry, pack_members, ARC_COUNT(pack_members)};
    *err = (arc_error){0};
    arc_status st = arc_hub_pull_pack(&arc_alloc_libc, &pack, &opt, path, sizeof path, err);
    if (st == ARC_OK) {
        assert_string_equal(path, strcmp(entry->name, "one") == 0    ? in_folder("cache/one")
                                  : strcmp(entry->name, "free") == 0 ? in_folder("cache/free")
                                                                     : in_folder("cache/pack"));
        assert_int_equal(err->text[0], 0);
    } else {
        assert_string_equal(path, "");
        assert_int_equal(err->code, st);
        assert_true(strlen(err->text) > 10);
    }
    return st;
}

static void says(const arc_error *err, const char *part) {
    if (!strstr(err->text, part))
        fail_msg("'%s' does not say '%s'", err->text, part);
}

/* name NULL ends the list; contents are name repeated. */
static void write_zip(const char *path, const char *const *name) {
    struct archive *zip = archive_write_new();
    assert_int_equal(archive_write_set_format_zip(zip), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(zip, path), ARCHIVE_OK);
    for (; *name; name++) {
        struct archive_entry *entry = archive_entry_new();
        archive_entry_set_pathname(entry, *name);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        archive_entry_set_size(entry, (la_int64_t)strlen(*name) * 1000);
        assert_int_equal(archive_write_header(zip, entry), ARCHIVE_OK);
        for (int i = 0; i < 1000; i++)
            assert_int_equal(archive_write_data(zip, *name, strlen(*name)), (la_ssize_t)strlen(*name));
        archive_entry_free(entry);
    }
    assert_int_equal(archive_write_close(zip), ARCHIVE_OK);
    archive_write_free(zip);
}

/* ---- sources on this machine ---- */

static void test_folder_source(void **state) {
    (void)state;
    arc_error err;
    assert_int_equal(pull_from(&single, in_folder(""), &err), ARC_ENOTFOUND);
    says(&err, "one.onnx");
    assert_int_equal(pull_from(&single, in_folder("absent"), &err), ARC_ENOTFOUND);
    write_file(in_folder("one.onnx"), data, DATA_BYTES);
    assert_int_equal(pull_from(&single, test_folder(), &err), ARC_OK);
    same_as_data(in_folder("cache/one/one.onnx"));
    assert_int_equal(size_of(in_folder("cache/one/one.onnx.part")), -1);
    assert_int_equal(pull_from(&single, in_folder("absent"), &err), ARC_OK); /* intact: nothing is fetched */
    write_file(in_folder("cache/one/one.onnx"), data, DATA_BYTES - 1);
    assert_int_equal(pull_from(&single, in_folder("absent"), &err), ARC_ENOTFOUND); /* damaged: fetched again */
    assert_int_equal(pull_from(&single, in_folder("one.onnx"), &err), ARC_OK);
    same_as_data(in_folder("cache/one/one.onnx"));
}

static void test_file_url(void **state) {
    (void)state;
    arc_error err;
    char from[TEST_PATH_BYTES];
    assert_int_equal(arc_dir_make(in_folder("a b"), NULL), ARC_OK);
    write_file(in_folder("a b/one.onnx"), data, DATA_BYTES);
    snprintf(from, sizeof from, "file://%s/a%%20b", test_folder());
    assert_int_equal(pull_from(&single, from, &err), ARC_OK);
    same_as_data(in_folder("cache/one/one.onnx"));
    assert_int_equal(pull_from(&unlisted, "ftp://host/free.onnx", &err), ARC_EINVAL);
    says(&err, "https://");
    assert_int_equal(pull_from(&unlisted, "file://host/free.onnx", &err), ARC_EINVAL);
}

static void test_wrong_hash(void **state) {
    (void)state;
    arc_error err;
    unsigned char *wrong = malloc(DATA_BYTES);
    memcpy(wrong, data, DATA_BYTES);
    wrong[1000] ^= 1;
    write_file(in_folder("one.onnx"), wrong, DATA_BYTES);
    free(wrong);
    assert_int_equal(pull_from(&single, test_folder(), &err), ARC_ECORRUPT);
    says(&err, data_hex);
    says(&err, "nothing was installed");
    assert_int_equal(size_of(in_folder("cache/one/one.onnx")), -1);
    assert_int_equal(size_of(in_folder("cache/one/one.onnx.part")), -1);
    assert_int_equal(size_of(in_folder("cache/one/SHA256SUMS")), -1);
    write_file(in_folder("one.onnx"), data, 10);
    assert_int_equal(pull_from(&single, test_folder(), &err), ARC_ECORRUPT);
    says(&err, "10 bytes");
}

static void test_trust_on_first_use(void **state) {
    (void)state;
    arc_error err;
    write_file(in_folder("free.onnx"), data, DATA_BYTES);
    assert_int_equal(pull_from(&unlisted, test_folder(), &err), ARC_OK);
    assert_int_equal(unlink(in_folder("cache/free/free.onnx")), 0);
    assert_int_equal(pull_from(&unlisted, test_folder(), &err), ARC_OK);
    assert_int_equal(unlink(in_folder("cache/free/free.onnx")), 0);
    write_file(in_folder("free.onnx"), data, DATA_BYTES - 5);
    assert_int_equal(pull_from(&unlisted, test_folder(), &err), ARC_ECORRUPT);
    says(&err, "at the first pull");
    says(&err, data_hex);
    assert_int_equal(size_of(in_folder("cache/free/free.onnx")), -1);
    write_file(in_folder("cache/free/SHA256SUMS"), "nonsense\n", 9);
    assert_int_equal(pull_from(&unlisted, test_folder(), &err), ARC_ECORRUPT);
    says(&err, "line 1");
}

static void test_verify_only(void **state) {
    (void)state;
    arc_error err = {0};
    char path[512];
    arc_pull_options opt;
    arc_pull_options_default(&opt);
    opt.cache_dir = in_folder("cache");
    opt.verify_only = true;
    arc_hub_pack pack = {&unlisted, pack_members, ARC_COUNT(pack_members)};
    assert_int_equal(arc_hub_pull_pack(&arc_alloc_libc, &pack, &opt, path, sizeof path, &err), ARC_ENOTFOUND);
    says(&err, "arcface pull free");
    write_file(in_folder("free.onnx"), data, DATA_BYTES);
    assert_int_equal(pull_from(&unlisted, test_folder(), &err), ARC_OK);
    assert_int_equal(arc_hub_pull_pack(&arc_alloc_libc, &pack, &opt, path, sizeof path, &err), ARC_OK);
    assert_int_equal(arc_hub_pull_pack(&arc_alloc_libc, &pack, &opt, path, 5, &err), ARC_ELIMIT);
    assert_int_equal(arc_hub_pull_pack(&arc_alloc_libc, &pack, &opt, NULL, 0, &err), ARC_OK);
    write_file(in_folder("cache/free/free.onnx"), data, 100);
    assert_int_equal(arc_hub_pull_pack(&arc_alloc_libc, &pack, &opt, path, sizeof path, &err), ARC_ECORRUPT);
    says(&err, "recorded");
}

/* ---- archives ---- */

static void test_zip(void **state) {
    (void)state;
    arc_error err;
    const char *const good[] = {"pack/det.onnx",   "pack/rec.onnx",       "pack/extra.onnx",
                                "pack/README.txt", "__MACOSX/._det.onnx", NULL};
    write_zip(in_folder("pack.zip"), good);
    assert_int_equal(pull_from(&zipped, test_folder(), &err), ARC_OK);
    assert_int_equal(size_of(in_folder("cache/pack/det.onnx")), 13000);
    assert_int_equal(size_of(in_folder("cache/pack/rec.onnx")), 13000);
    assert_int_equal(size_of(in_folder("cache/pack/extra.onnx")), 15000);
    assert_int_equal(size_of(in_folder("cache/pack/README.txt")), -1);
    assert_int_equal(size_of(in_folder("cache/pack/._det.onnx")), -1);
    assert_int_equal(size_of(in_folder("cache/pack/pack.zip.part")), -1);
    assert_int_equal(unlink(in_folder("pack.zip")), 0);
    assert_int_equal(pull_from(&zipped, test_folder(), &err), ARC_OK); /* intact */
    assert_int_equal(unlink(in_folder("cache/pack/det.onnx")), 0);
    assert_int_equal(pull_from(&zipped, test_folder(), &err), ARC_ENOTFOUND);
}

static void refuse_zip(const char *const *names, const char *why) {
    arc_error err;
    write_zip(in_folder("pack.zip"), names);
    arc_status st = pull_from(&zipped, test_folder(), &err);
    assert_true(st == ARC_ECORRUPT || st == ARC_ELIMIT);
    says(&err, why);
    arc_names list;
    assert_int_equal(arc_dir_list(&list, &arc_alloc_libc, in_folder("cache/pack"), 100, NULL), ARC_OK);
    for (size_t i = 0; i < list.count; i++)
        if (strcmp(list.name[i], "pack.zip.part") != 0)
            fail_msg("%s was left behind", list.name[i]);
    arc_names_free(&list);
}

static void test_hostile_zips(void **state) {
    (void)state;
    arc_error err;
    const char *const up[] = {"det.onnx", "rec.onnx", "../evil.onnx", NULL};
    const char *const deep[] = {"det.onnx", "rec.onnx", "a/../../evil.onnx", NULL};
    const char *const absolute[] = {"/tmp/evil.onnx", "det.onnx", "rec.onnx", NULL};
    const char *const windows[] = {"det.onnx", "rec.onnx", "..\\evil.onnx", NULL};
    const char *const twice[] = {"det.onnx", "rec.onnx", "sub/det.onnx", NULL};
    const char *const missing[] = {"det.onnx", "other.onnx", NULL};
    const char *const empty[] = {NULL};
    refuse_zip(up, "points outside");
    refuse_zip(deep, "points outside");
    refuse_zip(absolute, "points outside");
    refuse_zip(windows, "points outside");
    refuse_zip(twice, "two members");
    refuse_zip(missing, "lacks rec.onnx");
    refuse_zip(empty, "pack");
    assert_int_equal(size_of(in_folder("evil.onnx")), -1);
    assert_int_equal(size_of(in_folder("cache/evil.onnx")), -1);

    const char *const good[] = {"det.onnx", "rec.onnx", NULL};
    write_zip(in_folder("pack.zip"), good);
    long bytes = size_of(in_folder("pack.zip"));
    assert_int_equal(truncate(in_folder("pack.zip"), bytes / 2), 0);
    assert_int_equal(pull_from(&zipped, test_folder(), &err), ARC_ECORRUPT);
    write_file(in_folder("pack.zip"), data, 5000);
    assert_int_equal(pull_from(&zipped, test_folder(), &err), ARC_ECORRUPT);
    assert_int_equal(size_of(in_folder("cache/pack/SHA256SUMS")), -1);
}

/* ---- the loopback server ---- */

static void serve(arc_test_server *s, const char *file) {
    s->data = data;
    s->bytes = DATA_BYTES;
    assert_true(server_start(s));
    snprintf(url, sizeof url, "http://127.0.0.1:%d/models/%s", s->port, file);
}

static void test_http(void **state) {
    (void)state;
    arc_error err;
    arc_test_server s = {0};
    serve(&s, "one.onnx");
    assert_int_equal(pull_from(&single, NULL, &err), ARC_OK);
    assert_string_equal(s.last_path, "/models/one.onnx");
    same_as_data(in_folder("cache/one/one.onnx"));
    char base[128];
    snprintf(base, sizeof base, "http://127.0.0.1:%d/mirror", s.port);
    assert_int_equal(pull_from(&unlisted, base, &err), ARC_OK);
    assert_string_equal(s.last_path, "/mirror/free.onnx");
    s.status = 404;
    assert_int_equal(unlink(in_folder("cache/one/one.onnx")), 0);
    assert_int_equal(pull_from(&single, NULL, &err), ARC_ENOTFOUND);
    says(&err, "404");
    s.status = 503;
    assert_int_equal(pull_from(&single, NULL, &err), ARC_ENETWORK);
    says(&err, "503");
    s.status = 0;
    s.redirects_to_file = true;
    assert_int_equal(pull_from(&single, NULL, &err), ARC_ENETWORK);
    server_stop(&s);
    assert_int_equal(pull_from(&single, NULL, &err), ARC_ENETWORK);
}

static void test_http_resume(void **state) {
    (void)state;
    arc_error err;
    arc_test_server s = {.cut_after = 123456};
    serve(&s, "one.onnx");
    assert_int_equal(pull_from(&single, NULL, &err), ARC_ENETWORK);
    says(&err, "pull again");
    assert_int_equal(size_of(in_folder("cache/one/one.onnx.part")), 123456);
    assert_int_equal(size_of(in_folder("cache/one/one.onnx")), -1);
    s.cut_after = 100;
    assert_int_equal(pull_from(&single, NULL, &err), ARC_ENETWORK);
    assert_int_equal(s.last_range, 123456);
    assert_int_equal(size_of(in_folder("cache/one/one.onnx.part")), 123556);
    s.cut_after = 0;
    assert_int_equal(pull_from(&single, NULL, &err), ARC_OK);
    assert_int_equal(s.last_range, 123556);
    same_as_data(in_folder("cache/one/one.onnx"));
    server_stop(&s);
}

static void test_http_odd_servers(void **state) {
    (void)state;
    arc_error err;
    arc_test_server s = {.cut_after = 5000, .ignores_range = true};
    serve(&s, "free.onnx");
    assert_int_equal(pull_from(&unlisted, NULL, &err), ARC_ENETWORK);
    s.cut_after = 0;
    assert_int_equal(pull_from(&unlisted, NULL, &err), ARC_OK); /* 200 instead of 206: from the beginning */
    same_as_data(in_folder("cache/free/free.onnx"));
    assert_int_equal(unlink(in_folder("cache/free/free.onnx")), 0);

    s.ignores_range = false;
    write_file(in_folder("cache/free/free.onnx.part"), data, DATA_BYTES); /* complete already: 416 */
    assert_int_equal(pull_from(&unlisted, NULL, &err), ARC_OK);
    same_as_data(in_folder("cache/free/free.onnx"));
    assert_int_equal(unlink(in_folder("cache/free/free.onnx")), 0);

    unsigned char *longer = calloc(1, DATA_BYTES + 10);
    write_file(in_folder("cache/free/free.onnx.part"), longer, DATA_BYTES + 10); /* of another file: starts anew */
    free(longer);
    assert_int_equal(pull_from(&unlisted, NULL, &err), ARC_OK);
    assert_int_equal(unlink(in_folder("cache/free/free.onnx")), 0);

    s.wrong_range = true;
    write_file(in_folder("cache/free/free.onnx.part"), data, 100);
    assert_int_equal(pull_from(&unlisted, NULL, &err), ARC_ENETWORK);
    says(&err, "sent bytes from 0");
    server_stop(&s);
}

static void test_http_too_long(void **state) {
    (void)state;
    arc_error err;
    arc_test_server s = {0};
    arc_hub_entry shorter = single;
    serve(&s, "one.onnx");
    shorter.bytes = 1000;
    assert_int_equal(pull_from(&shorter, NULL, &err), ARC_ECORRUPT);
    says(&err, "1000 bytes");
    shorter.bytes = DATA_BYTES + 1;
    assert_int_equal(unlink(in_folder("cache/one/one.onnx.part")), 0);
    assert_int_equal(pull_from(&shorter, NULL, &err), ARC_ECORRUPT);
    server_stop(&s);
}

static int cancel_at_third(void *ctx, int64_t done, int64_t total) {
    (void)done;
    (void)total;
    int *calls = ctx;
    return ++*calls == 3;
}

static int cancel_at_once(void *ctx, int64_t done, int64_t total) {
    (void)ctx;
    return done >= 0 && total == DATA_BYTES;
}

static void test_cancel(void **state) {
    (void)state;
    arc_error err = {0};
    arc_test_server s = {0};
    char path[512];
    int calls = 0;
    serve(&s, "one.onnx");
    arc_pull_options opt;
    arc_pull_options_default(&opt);
    opt.cache_dir = in_folder("cache");
    opt.progress = cancel_at_third;
    opt.progress_ctx = &calls;
    arc_hub_pack pack = {&single, pack_members, ARC_COUNT(pack_members)};
    assert_int_equal(arc_hub_pull_pack(&arc_alloc_libc, &pack, &opt, path, sizeof path, &err), ARC_ECANCEL);
    assert_true(size_of(in_folder("cache/one/one.onnx.part")) >= 0);
    write_file(in_folder("one.onnx"), data, DATA_BYTES);
    opt.from = test_folder();
    opt.progress = cancel_at_once;
    assert_int_equal(arc_hub_pull_pack(&arc_alloc_libc, &pack, &opt, path, sizeof path, &err), ARC_ECANCEL);
    assert_int_equal(size_of(in_folder("cache/one/one.onnx")), -1);
    assert_int_equal(pull_from(&single, NULL, &err), ARC_OK);
    server_stop(&s);
}

static void test_part_lock(void **state) {
    (void)state;
    arc_error err;
    arc_append *part;
    int64_t have;
    write_file(in_folder("one.onnx"), data, DATA_BYTES);
    assert_int_equal(arc_dir_make(in_folder("cache/one"), NULL), ARC_OK);
    assert_int_equal(arc_append_open(&part, &arc_alloc_libc, in_folder("cache/one/one.onnx.part"), &have, NULL), ARC_OK);
    assert_int_equal(pull_from(&single, test_folder(), &err), ARC_EIO);
    says(&err, "another program");
    assert_int_equal(arc_append_close(&part, NULL), ARC_OK);
    assert_int_equal(pull_from(&single, test_folder(), &err), ARC_OK);
}

static void test_failing_memory(void **state) {
    (void)state;
    const char *const good[] = {"det.onnx", "rec.onnx", NULL};
    write_zip(in_folder("pack.zip"), good);
    arc_hub_pack pack = {&zipped, pack_members, ARC_COUNT(pack_members)};
    arc_pull_options opt;
    arc_pull_options_default(&opt);
    opt.from = test_folder();
    opt.cache_dir = in_folder("cache");
    arc_test_heap heap = {0};
    const arc_alloc a = arc_test_heap_alloc(&heap);
    arc_test_walk walk = {.heap = &heap};
    do
        arc_test_walk_begin(&walk);
    while (arc_test_walk_again(&walk, arc_hub_pull_pack(&a, &pack, &opt, NULL, 0, NULL)));
    assert_true(walk.failures < 100);
    assert_int_equal(size_of(in_folder("cache/pack/det.onnx")), 8000);
}

/* ---- names ---- */

static void test_table(void **state) {
    (void)state;
    size_t count, members;
    const arc_hub_entry *e = arc_hub_list(&count);
    const arc_hub_member *m = arc_hub_members(&members);
    assert_true(count >= 8);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(arc_hub_find(e[i].name), &e[i]);
        assert_int_equal(strncmp(e[i].url, "https://", 8), 0);
        assert_string_equal(strrchr(e[i].url, '/') + 1, e[i].file);
        assert_true(!e[i].sha256 || (strlen(e[i].sha256) == 64 && strspn(e[i].sha256, "0123456789abcdef") == 64));
        arc_hub_pack pack = {&e[i], m, members};
        int tasks = (arc_hub_member_find(&pack, NULL, ARC_TASK_EMBED) != NULL) +
                    (arc_hub_member_find(&pack, NULL, ARC_TASK_DETECT) != NULL);
        assert_int_equal(tasks, arc_hub_is_archive(&e[i]) ? 2 : 1);
    }
    for (size_t i = 0; i < members; i++) {
        assert_non_null(arc_hub_find(m[i].pack));
        assert_true(!m[i].sha256 || strspn(m[i].sha256, "0123456789abcdef") == 64);
    }
    assert_null(arc_hub_find("nothing"));
    arc_context ctx = {.alloc = arc_alloc_libc};
    arc_error err;
    char path[64];
    assert_int_equal(arc_pull(&ctx, "nothing", NULL, path, sizeof path, &err), ARC_ENOTFOUND);
    says(&err, "pull --list");
}

static void test_resolve(void **state) {
    (void)state;
    arc_error err = {0};
    char path[512];
    char cache[256];
    snprintf(cache, sizeof cache, "%s", in_folder("cache"));
    write_file(in_folder("mine.onnx"), "x", 1);
    assert_int_equal(arc_hub_resolve(in_folder("mine.onnx"), ARC_TASK_EMBED, cache, path, sizeof path, &err), ARC_OK);
    assert_string_equal(path, in_folder("mine.onnx"));
    assert_int_equal(arc_hub_resolve("absent.onnx", ARC_TASK_EMBED, cache, path, sizeof path, &err), ARC_ENOTFOUND);
    says(&err, "no such file");
    assert_int_equal(arc_hub_resolve("buffalo_s", ARC_TASK_EMBED, cache, path, sizeof path, &err), ARC_ENOTFOUND);
    says(&err, "arcface pull buffalo_s");
    assert_string_equal(path, "");
    assert_null(arc_hub_pulled(ARC_TASK_EMBED, cache));

    assert_int_equal(arc_dir_make(in_folder("cache/buffalo_s"), NULL), ARC_OK);
    write_file(in_folder("cache/buffalo_s/det_500m.onnx"), "x", 1);
    write_file(in_folder("cache/buffalo_s/w600k_mbf.onnx"), "x", 1);
    assert_int_equal(arc_hub_resolve("buffalo_s", ARC_TASK_EMBED, cache, path, sizeof path, &err), ARC_OK);
    assert_string_equal(path, in_folder("cache/buffalo_s/w600k_mbf.onnx"));
    assert_int_equal(arc_hub_resolve("buffalo_s", ARC_TASK_DETECT, cache, path, sizeof path, &err), ARC_OK);
    assert_string_equal(path, in_folder("cache/buffalo_s/det_500m.onnx"));
    assert_int_equal(arc_hub_resolve("buffalo_s", ARC_TASK_UNKNOWN, cache, path, sizeof path, &err), ARC_OK);
    assert_string_equal(path, in_folder("cache/buffalo_s/w600k_mbf.onnx"));
    assert_int_equal(arc_hub_resolve("buffalo_s:det_500m", ARC_TASK_EMBED, cache, path, sizeof path, &err), ARC_OK);
    assert_string_equal(path, in_folder("cache/buffalo_s/det_500m.onnx"));
    assert_int_equal(arc_hub_resolve("buffalo_s:det_500m.onnx", ARC_TASK_EMBED, cache, path, sizeof path, &err), ARC_OK);
    assert_int_equal(arc_hub_resolve("buffalo_s:det_10g", ARC_TASK_DETECT, cache, path, sizeof path, &err), ARC_ENOTFOUND);
    says(&err, "det_500m, w600k_mbf");
    assert_int_equal(arc_hub_resolve("buffalo_s:../x", ARC_TASK_DETECT, cache, path, sizeof path, &err), ARC_EINVAL);
    assert_int_equal(arc_hub_resolve("buffalo_s:", ARC_TASK_DETECT, cache, path, sizeof path, &err), ARC_EINVAL);
    assert_int_equal(arc_hub_resolve("buffalo_s", ARC_TASK_DETECT, cache, path, 8, &err), ARC_ELIMIT);
    assert_int_equal(arc_hub_resolve("yunet", ARC_TASK_DETECT, cache, path, sizeof path, &err), ARC_ENOTFOUND);
    says(&err, "arcface pull yunet");
    assert_string_equal(arc_hub_pulled(ARC_TASK_EMBED, cache), "buffalo_s");
    assert_string_equal(arc_hub_pulled(ARC_TASK_DETECT, cache), "buffalo_s");
    assert_int_equal(arc_dir_make(in_folder("cache/yunet"), NULL), ARC_OK);
    write_file(in_folder("cache/yunet/face_detection_yunet_2023mar.onnx"), "x", 1);
    assert_int_equal(arc_hub_resolve("yunet", ARC_TASK_DETECT, cache, path, sizeof path, &err), ARC_OK);
    assert_int_equal(arc_hub_resolve("yunet", ARC_TASK_UNKNOWN, cache, path, sizeof path, &err), ARC_OK);
    assert_int_equal(arc_path_remove(in_folder("cache/buffalo_s/det_500m.onnx"), NULL), ARC_OK);
    assert_string_equal(arc_hub_pulled(ARC_TASK_DETECT, cache), "yunet"); /* a pack without that model does not count */
    assert_string_equal(arc_hub_pulled(ARC_TASK_EMBED, cache), "buffalo_s");
    assert_int_equal(arc_hub_resolve("yunet", ARC_TASK_EMBED, cache, path, sizeof path, &err), ARC_ENOTFOUND);
    says(&err, "yunet has no recogniser");

    setenv("ARCFACE_CACHE", cache, 1);
    assert_int_equal(arc_hub_resolve("buffalo_s", ARC_TASK_EMBED, NULL, path, sizeof path, &err), ARC_OK);
    unsetenv("ARCFACE_CACHE");
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, NULL, test_empty_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_folder_source), WITH_FOLDER(test_file_url),
        WITH_FOLDER(test_wrong_hash),    WITH_FOLDER(test_trust_on_first_use),
        WITH_FOLDER(test_verify_only),   WITH_FOLDER(test_zip),
        WITH_FOLDER(test_hostile_zips),  WITH_FOLDER(test_http),
        WITH_FOLDER(test_http_resume),   WITH_FOLDER(test_http_odd_servers),
        WITH_FOLDER(test_http_too_long), WITH_FOLDER(test_cancel),
        WITH_FOLDER(test_part_lock),     WITH_FOLDER(test_failing_memory),
        cmocka_unit_test(test_table),    WITH_FOLDER(test_resolve),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
